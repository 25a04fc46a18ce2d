#ifndef LS_IO_STUDY_SETS_H
#define LS_IO_STUDY_SETS_H

#include <stddef.h>

#include "io/diag.h"
#include "io/yaml_doc.h"

/* --set KEY=VALUE, laid over the tree of a study file before it is bound, so that VALUE may be anything that a file
 * could hold: `80 GB`, `{base: h100-sxm, memory: 40 GB}`, `[1, 2]`. A key that an axis sweeps fixes the axis to that
 * one value, unless `single`: then the sweep is left alone. Faults go to diags. */
LS_NODISCARD enum ls_status ls_sets_apply(struct ls_yaml_arena *arena, struct ls_yaml *root, const char *const *sets,
                                          size_t n_sets, int single, struct ls_diags *diags);

/* `tp` is short for `strategy.tp`, and so on; any other key is itself. */
const char *ls_full_key(const char *key);

#endif
