#ifndef LS_CLI_POINTS_H
#define LS_CLI_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/cube.h"
#include "sweep/interval.h"

/* A cube for comparing deployments: its points, which are its cells with the replicas folded into a mean and an
 * interval. Columns are read when they are first asked for. */
struct ls_points {
    struct ls_cube *cube;
    const char *path;
    size_t n_axes;            /* the replica axis left out */
    size_t n;                 /* points: cells over replicas */
    size_t n_replicas;        /* cells of a point */
    uint8_t *status, *reason; /* [n] that of the replicas that is furthest from done */
    size_t n_columns;
    struct ls_point_column {
        char name[64];
        struct ls_interval *values; /* [n], over the replicas */
    } * columns;
};

/* Open a cube. The caller releases the points, which may be done in any case. */
LS_NODISCARD enum ls_status ls_points_open(const char *path, struct ls_points *points, struct ls_err *err);
void ls_points_release(struct ls_points *points);

/* Find or read a column; its index is *column. LS_INPUT with the nearest name when the cube has none such. */
LS_NODISCARD enum ls_status ls_points_column(struct ls_points *points, const char *name, size_t *column,
                                             struct ls_err *err);

/* What the point's value of a column is more than the reference's, replica by replica: replicas have the same requests
 * in every point, so what chance does to both falls out. Over the replicas that both have. `cells` are the column's
 * values of all cells, which ls_points_cells reads; the caller frees them. */
LS_NODISCARD enum ls_status ls_points_cells(struct ls_points *points, const char *name, double **cells,
                                            struct ls_err *err);
struct ls_interval ls_points_difference(const struct ls_points *points, const double *cells, size_t point,
                                        size_t reference);

/* Index of the point's coordinate along an axis. */
size_t ls_points_coordinate(const struct ls_points *points, size_t point, size_t axis);

/* Last part of an axis' name: what tables and expressions call it. */
const char *ls_points_axis_name(const struct ls_points *points, size_t axis);

/* "done", "infeasible", "failed", "not_run". */
const char *ls_status_name(unsigned status);

/* Flag meaning of a reason and its line for a person; of a code that this version does not know, "unknown". */
const char *ls_reason_label(unsigned reason);
const char *ls_reason_line(unsigned reason);

#endif
