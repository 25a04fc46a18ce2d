#ifndef LS_IO_STUDY_AXES_H
#define LS_IO_STUDY_AXES_H

#include "io/bind.h"
#include "io/yaml_doc.h"
#include "sweep/study.h"

/* The axes of a study, from the sweep section to points that can be stored into a scenario. */

#define LS_MAX_POINTS 100000              /* of all axes of a study together */
#define LS_MAX_CELLS UINT64_C(1000000000) /* of a grid */

/* An axis as written: what it sweeps and where its values stand. */
struct ls_axis_source {
    const char *name;
    const struct ls_yaml *place;
    size_t n_keys;
    struct ls_axis_key {
        const char *key; /* full */
        const struct ls_yaml *values;
    } * keys; /* [n_keys] */
};

struct ls_axis_sources {
    size_t n;
    struct ls_axis_source items[LS_MAX_AXES];
};

/* List the axes of `sweep` (null: none). The sources point into the tree and the study's memory. LS_NOMEM; faults go to
 * diags. */
LS_NODISCARD enum ls_status ls_axes_list(const struct ls_yaml *sweep, struct ls_study *study,
                                         struct ls_axis_sources *sources, struct ls_diags *diags);

/* Read the points of every axis into study->axes: tp, pp, dp, ep, lod first, then the others in their order, `replica`
 * (n_replicas) last; count the cells. study->base must be bound. LS_NOMEM; faults go to bind's diags. places[i] is
 * where axis i was written, null for those that are not swept. */
LS_NODISCARD enum ls_status ls_axes_read(const struct ls_bind *bind, const struct ls_axis_sources *sources,
                                         int64_t n_replicas, struct ls_study *study,
                                         const struct ls_yaml *places[LS_MAX_AXES]);

#endif
