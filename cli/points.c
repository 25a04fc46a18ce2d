#include "cli/points.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "engine/reason.h"
#include "engine/simulate.h"
#include "engine/suggest.h"

static double *read_cells(struct ls_points *points, const char *name, enum ls_status *status, struct ls_err *err)
{
    double *cells = ls_alloc((size_t)ls_cube_n_cells(points->cube), sizeof *cells);
    *status = ls_cube_read(points->cube, name, cells, err);
    return cells;
}

/* The replica that is furthest from done speaks for its point; those that a search left out after enough others do not.
 */
static void fold(struct ls_points *points, const double *status, const double *reason)
{
    for (size_t i = 0; i < points->n * points->n_replicas; i++) {
        const size_t point = i / points->n_replicas;
        const uint8_t code = (uint8_t)status[i];
        const bool left_out = code == LS_CELL_NOT_RUN && reason[i] > LS_REASON_NONE && i % points->n_replicas > 0;
        if (left_out || code < points->status[point])
            continue;
        points->status[point] = code;
        points->reason[point] = (uint8_t)reason[i];
    }
}

static enum ls_status read_codes(struct ls_points *points, struct ls_err *err)
{
    enum ls_status status, reason_status = LS_OK;
    double *const codes = read_cells(points, "status", &status, err);
    double *const reasons = status == LS_OK ? read_cells(points, "reason", &reason_status, err) : NULL;
    status = status == LS_OK ? reason_status : status;
    if (status == LS_OK)
        fold(points, codes, reasons);
    free(reasons);
    free(codes);
    return status;
}

enum ls_status ls_points_open(const char *path, struct ls_points *points, struct ls_err *err)
{
    *points = (struct ls_points){.path = path};
    const enum ls_status status = ls_cube_open(path, &points->cube, err);
    if (status != LS_OK)
        return status;
    const size_t n_axes = ls_cube_n_axes(points->cube);
    points->n_axes = n_axes - 1;
    points->n_replicas = ls_cube_axis(points->cube, n_axes - 1)->n;
    points->n = (size_t)ls_cube_n_cells(points->cube) / points->n_replicas;
    points->status = ls_alloc(points->n, sizeof *points->status);
    points->reason = ls_alloc(points->n, sizeof *points->reason);
    return read_codes(points, err);
}

void ls_points_release(struct ls_points *points)
{
    for (size_t i = 0; i < points->n_columns; i++)
        free(points->columns[i].values);
    free(points->columns);
    free(points->status);
    free(points->reason);
    ls_cube_close(points->cube);
    *points = (struct ls_points){0};
}

static enum ls_status no_such_column(struct ls_points *points, const char *name, struct ls_err *err)
{
    char names[LS_N_COLUMNS][64];
    const char *known[LS_N_COLUMNS];
    size_t n = 0;
    for (size_t i = 0; i < LS_N_COLUMNS; i++)
        if (ls_cube_has(points->cube, ls_metric_column_name(i, names[n], sizeof names[n]))) {
            known[n] = names[n];
            n++;
        }
    const char *near = ls_suggest(name, known, n);
    if (near)
        return ls_fail(err, LS_INPUT, "%s has no metric %.64s (did you mean %s?)", points->path, name, near);
    return ls_fail(err, LS_INPUT, "%s has no metric %.64s; llmsweep show lists its metrics", points->path, name);
}

enum ls_status ls_points_column(struct ls_points *points, const char *name, size_t *column, struct ls_err *err)
{
    for (*column = 0; *column < points->n_columns; ++*column)
        if (strcmp(points->columns[*column].name, name) == 0)
            return LS_OK;
    if (!ls_cube_has(points->cube, name))
        return no_such_column(points, name, err);
    enum ls_status status = LS_OK;
    double *cells = read_cells(points, name, &status, err);
    if (status == LS_OK) {
        struct ls_point_column new = {.values = ls_alloc(points->n, sizeof *new.values)};
        (void)snprintf(new.name, sizeof new.name, "%s", name);
        for (size_t i = 0; i < points->n; i++)
            new.values[i] = ls_interval_of(cells + i * points->n_replicas, points->n_replicas);
        points->columns = ls_realloc(points->columns, points->n_columns + 1, sizeof new);
        points->columns[points->n_columns++] = new;
    }
    free(cells);
    return status;
}

enum ls_status ls_points_cells(struct ls_points *points, const char *name, double **cells, struct ls_err *err)
{
    enum ls_status status;
    double *const read = read_cells(points, name, &status, err);
    if (status == LS_OK)
        *cells = read;
    else
        free(read);
    return status;
}

struct ls_interval ls_points_difference(const struct ls_points *points, const double *cells, size_t point,
                                        size_t reference)
{
    const size_t n = points->n_replicas;
    double *const differences = ls_alloc(n, sizeof *differences);
    for (size_t i = 0; i < n; i++)
        differences[i] = cells[point * n + i] - cells[reference * n + i];
    const struct ls_interval interval = ls_interval_of(differences, n);
    free(differences);
    return interval;
}

size_t ls_points_coordinate(const struct ls_points *points, size_t point, size_t axis)
{
    for (size_t i = points->n_axes - 1; i > axis; i--)
        point /= ls_cube_axis(points->cube, i)->n;
    return point % ls_cube_axis(points->cube, axis)->n;
}

const char *ls_points_axis_name(const struct ls_points *points, size_t axis)
{
    const char *name = ls_cube_axis(points->cube, axis)->name;
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

const char *ls_status_name(unsigned status)
{
    static const char *const names[] = {"done", "infeasible", "failed", "not_run"};
    return status <= LS_CELL_NOT_RUN ? names[status] : "unknown";
}

const char *ls_reason_label(unsigned reason)
{
    return reason < LS_N_REASONS ? ls_reason_name((enum ls_reason)reason) : "unknown";
}

const char *ls_reason_line(unsigned reason)
{
    return reason < LS_N_REASONS ? ls_reason_text((enum ls_reason)reason) : "a reason that this version does not know";
}
