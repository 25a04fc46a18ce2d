#ifndef LS_IO_STUDY_TEXT_H
#define LS_IO_STUDY_TEXT_H

#include "engine/status.h"
#include "sweep/study.h"

/* The resolved study: YAML of the base scenario with every default written out (nulls that are
 * defaults aside), the axes and where. It is a study file
 * itself, and reads back to the same text. `where` is its source, null for none. *text is the study's. LS_NOMEM. */
LS_NODISCARD enum ls_status ls_study_write(struct ls_study *study, const char *where, char **text);

/* YAML of every scalar below a table; the caller frees *text. LS_NOMEM. */
LS_NODISCARD enum ls_status ls_params_write(const struct ls_param_table *table, const void *base, char **text);

#endif
