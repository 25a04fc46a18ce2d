#ifndef LS_IO_AXIS_POINTS_H
#define LS_IO_AXIS_POINTS_H

#include "io/bind.h"
#include "io/yaml_doc.h"
#include "sweep/study.h"

#define LS_AXIS_PATH_LEN 256

/* The values that one key takes along an axis. */
struct ls_points {
    size_t n;
    struct ls_setting *settings; /* [n] */
    char (*labels)[LS_NAME_LEN]; /* [n], as the user wrote them */
};

/* Read a list, {values: […]}, {pow2: [first, last]}, {range: [first, last, step]}, {linspace: [first, last, n]} or
 * {logspace: [first, last, n]} for a target, into the study's memory. Ends are inclusive. After a fault, which goes to
 * bind's diags, points->n stays as it is. LS_NOMEM. */
LS_NODISCARD enum ls_status ls_points_read(const struct ls_bind *bind, const struct ls_yaml *node,
                                           const struct ls_target *target, const char *path, struct ls_study *study,
                                           struct ls_points *points);

/* The recorded requests of a file, read once and owned by the study; null after a fault, with *status LS_NOMEM when
 * memory is short. `format` is the study's. */
const struct ls_trace *ls_points_trace(const struct ls_bind *bind, const struct ls_yaml *place, const char *name,
                                       struct ls_study *study, enum ls_status *status);

/* Read the table of measured kernels that `hardware` names, if any, and let it point there; the study owns it. Faults
 * go to bind's diags. LS_NOMEM. */
LS_NODISCARD enum ls_status ls_points_table(const struct ls_bind *bind, const struct ls_yaml *place,
                                            struct ls_hardware *hardware, struct ls_study *study);

#endif
