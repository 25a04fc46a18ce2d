#ifndef LS_IO_STUDY_SAMPLES_H
#define LS_IO_STUDY_SAMPLES_H

#include "io/bind.h"
#include "sweep/study.h"

/* The observed values that empirical distributions of a study draw from; owned by the study. */

/* Those of the base: read every file that a distribution names. Faults go to bind's diags, at their keys below `root`.
 * LS_NOMEM. */
LS_NODISCARD enum ls_status ls_study_read_samples(const struct ls_bind *bind, const struct ls_yaml *root,
                                                  struct ls_study *study);

/* Those of one file, named at `place`; null after a fault, with *status LS_NOMEM when memory is short. */
const struct ls_samples *ls_study_samples(const struct ls_bind *bind, const struct ls_yaml *place, const char *path,
                                          const char *name, const char *column, struct ls_study *study,
                                          enum ls_status *status);

#endif
