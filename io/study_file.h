#ifndef LS_IO_STUDY_FILE_H
#define LS_IO_STUDY_FILE_H

#include <stddef.h>

#include "io/diag.h"
#include "sweep/study.h"

/* Read a study file (docs: the study reference) with the --set assignments (`key=value`) laid over it. Every fault of
 * the file is added to diags; LS_INPUT when there is any, else LS_OK and the caller owns *study (ls_study_release).
 * `single` leaves the sweep section out (the simulate command). */
LS_NODISCARD enum ls_status ls_study_load(const char *path, const char *const *sets, size_t n_sets, int single,
                                          struct ls_study *study, struct ls_diags *diags);

#endif
