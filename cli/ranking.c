#include "cli/ranking.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "engine/simulate.h"

const char *const ls_ranked_by[LS_N_KINDS] = {[LS_SERVING] = "output_token_throughput_per_gpu",
                                              [LS_TRAINING] = "tflop_per_s_per_gpu",
                                              [LS_MATMUL] = "tflop_per_s"};

enum ls_better ls_better_of(const char *name)
{
    size_t column = 0;
    return ls_metric_column(name, &column) ? ls_metric_of_column(column)->better : LS_BETTER_NONE;
}

/* ---- where ---- */

/* What a name in `where` stands for. */
struct slot {
    enum { SLOT_AXIS, SLOT_COLUMN, SLOT_STATUS, SLOT_REASON } kind;
    size_t index;
};

enum { MAX_SLOTS = 64 };

struct names {
    struct ls_points *points;
    size_t n;
    struct slot slots[MAX_SLOTS];
};

static bool find_axis(const struct ls_points *points, const char *name, size_t *axis)
{
    for (*axis = 0; *axis < points->n_axes; ++*axis)
        if (strcmp(name, ls_cube_axis(points->cube, *axis)->name) == 0 ||
            strcmp(name, ls_points_axis_name(points, *axis)) == 0)
            return true;
    return false;
}

static int resolve(const char *name, void *context)
{
    struct names *names = context;
    struct slot slot = {.kind = SLOT_AXIS};
    struct ls_err ignored;
    if (names->n == MAX_SLOTS)
        return -1;
    if (strcmp(name, "status") == 0)
        slot.kind = SLOT_STATUS;
    else if (strcmp(name, "reason") == 0)
        slot.kind = SLOT_REASON;
    else if (!find_axis(names->points, name, &slot.index)) {
        if (ls_points_column(names->points, name, &slot.index, &ignored) != LS_OK)
            return -1;
        slot.kind = SLOT_COLUMN;
    }
    names->slots[names->n] = slot;
    return (int)names->n++;
}

static bool uses_status(const struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        if (names->slots[i].kind == SLOT_STATUS || names->slots[i].kind == SLOT_REASON)
            return true;
    return false;
}

static struct ls_expr_value value_of(const struct ls_points *points, const struct slot *slot, size_t point)
{
    switch (slot->kind) {
    case SLOT_STATUS:
        return (struct ls_expr_value){.number = points->status[point], .text = ls_status_name(points->status[point])};
    case SLOT_REASON:
        return (struct ls_expr_value){.number = points->reason[point], .text = ls_reason_label(points->reason[point])};
    case SLOT_COLUMN:
        return (struct ls_expr_value){.number = points->columns[slot->index].values[point].mean};
    case SLOT_AXIS:
        break;
    }
    const struct ls_cube_axis *axis = ls_cube_axis(points->cube, slot->index);
    const size_t i = ls_points_coordinate(points, point, slot->index);
    if (axis->numeric)
        return (struct ls_expr_value){.number = axis->coordinates[i]};
    return (struct ls_expr_value){.number = NAN, .text = axis->labels[i]};
}

static bool holds(const struct ls_expr *expr, const struct names *names, size_t point)
{
    struct ls_expr_value values[MAX_SLOTS];
    if (!expr)
        return true;
    for (size_t i = 0; i < names->n; i++)
        values[i] = value_of(names->points, &names->slots[i], point);
    const double truth = ls_expr_evaluate(expr, values);
    return !isnan(truth) && truth != 0;
}

/* ---- ranking ---- */

static int compare(const void *a, const void *b)
{
    const struct ls_ranked *x = a, *y = b;
    if (x->saturated != y->saturated)
        return x->saturated ? 1 : -1;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    if (x->gpus != y->gpus)
        return x->gpus < y->gpus ? -1 : 1;
    return (x->point > y->point) - (x->point < y->point);
}

enum ls_status ls_ranking_find(struct ls_points *points, const struct ls_ranking *ranking, const char *where,
                               size_t *item, struct ls_err *err)
{
    struct names names = {.points = points};
    struct ls_expr *expr = NULL;
    const enum ls_status status = ls_expr_compile(where, resolve, &names, &expr, err);
    if (status != LS_OK)
        return status;
    size_t i = 0;
    while (i < ranking->n && !holds(expr, &names, ranking->items[i].point))
        i++;
    ls_expr_free(expr);
    if (i == ranking->n)
        return ls_fail(err, LS_INPUT, "%.300s holds for none of the %zu ranked points", where, ranking->n);
    *item = i;
    return LS_OK;
}

/* The column, or NULL in a cube without it (a training cube has no `saturated`). */
static const struct ls_interval *optional_column(struct ls_points *points, const char *name)
{
    struct ls_err ignored;
    size_t column = 0;
    if (ls_points_column(points, name, &column, &ignored) != LS_OK)
        return NULL;
    return points->columns[column].values;
}

enum ls_status ls_ranking_make(struct ls_points *points, size_t column, const char *where, struct ls_ranking *ranking,
                               struct ls_err *err)
{
    *ranking = (struct ls_ranking){0};
    struct names names = {.points = points};
    struct ls_expr *expr = NULL;
    if (where && where[0]) {
        const enum ls_status status = ls_expr_compile(where, resolve, &names, &expr, err);
        if (status != LS_OK)
            return status;
    }
    const bool done_only = !uses_status(&names);
    const struct ls_interval *saturated = optional_column(points, "saturated");
    const struct ls_interval *gpus = optional_column(points, "gpus");
    const struct ls_interval *values = points->columns[column].values;
    const double sign = ls_better_of(points->columns[column].name) == LS_BETTER_LOW ? -1 : 1;
    ranking->items = ls_alloc(points->n, sizeof *ranking->items);
    for (size_t i = 0; i < points->n; i++) {
        if (isnan(values[i].mean) || (done_only && points->status[i] != LS_CELL_DONE) || !holds(expr, &names, i))
            continue;
        struct ls_ranked *item = &ranking->items[ranking->n++];
        *item = (struct ls_ranked){.point = i, .value = sign * values[i].mean, .gpus = gpus ? gpus[i].mean : 0};
        item->saturated = saturated && saturated[i].mean > 0;
        ranking->n_saturated += item->saturated;
    }
    ls_expr_free(expr);
    qsort(ranking->items, ranking->n, sizeof *ranking->items, compare);
    return LS_OK;
}

void ls_ranking_release(struct ls_ranking *ranking)
{
    free(ranking->items);
    *ranking = (struct ls_ranking){0};
}

/* ---- Pareto ---- */

/* A point with both values turned so that more is better. */
struct pair {
    double x, y;
    struct ls_ranked *item;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *p = a, *q = b;
    if (p->x != q->x)
        return p->x > q->x ? -1 : 1;
    if (p->y != q->y)
        return p->y > q->y ? -1 : 1;
    return compare(p->item, q->item);
}

void ls_ranking_mark_front(const struct ls_points *points, size_t x, size_t y, struct ls_ranking *ranking)
{
    const struct ls_point_column *columns = points->columns;
    const double x_sign = ls_better_of(columns[x].name) == LS_BETTER_LOW ? -1 : 1;
    const double y_sign = ls_better_of(columns[y].name) == LS_BETTER_LOW ? -1 : 1;
    size_t n_kept = 0;
    for (size_t i = 0; i < ranking->n; i++) {
        const size_t point = ranking->items[i].point;
        if (!isnan(columns[x].values[point].mean) && !isnan(columns[y].values[point].mean))
            ranking->items[n_kept++] = ranking->items[i];
    }
    ranking->n = n_kept;

    struct pair *pairs = ls_alloc(n_kept, sizeof *pairs);
    size_t n = 0;
    for (size_t i = 0; i < n_kept; i++) {
        struct ls_ranked *item = &ranking->items[i];
        if (!item->saturated)
            pairs[n++] = (struct pair){x_sign * columns[x].values[item->point].mean,
                                       y_sign * columns[y].values[item->point].mean, item};
    }
    qsort(pairs, n, sizeof *pairs, compare_pairs);
    double best_y = -INFINITY; /* among all with a better or equal x */
    for (size_t i = 0; i < n; i++) {
        if (pairs[i].y > best_y) {
            pairs[i].item->front = true;
            best_y = pairs[i].y;
        }
    }
    free(pairs);
}
