#ifndef LS_SWEEP_WHERE_H
#define LS_SWEEP_WHERE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/scenario.h"
#include "sweep/study.h"

/* The study's where clause: which names it knows, and whether it holds for a cell. */

#define LS_MAX_TARGETS 64 /* of all axes of a study */

/* Compile `source` into study->where; the axes must be there. Names: the axes', every swept key by its full path or its
 * last part where no other ends so, gpus, cluster_gpus, gpus_per_node. LS_INPUT with the column and what was expected.
 */
LS_NODISCARD enum ls_status ls_where_compile(struct ls_study *study, const char *source, struct ls_err *err);

/* Whether the cell at `index`, whose settings are stored in `scenario`, is wanted. */
bool ls_where_holds(const struct ls_study *study, const size_t *index, const struct ls_scenario *scenario);

#endif
