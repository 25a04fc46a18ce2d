#ifndef LS_CLI_RANKING_H
#define LS_CLI_RANKING_H

#include "cli/points.h"
#include "engine/metrics.h"
#include "sweep/expr.h"

/* Which points of a cube come first: those that keep up with their load before saturated ones (whose latencies and
 * rates depend on how long the run was), then the better value, then fewer GPUs. */
struct ls_ranking {
    size_t n;
    struct ls_ranked {
        size_t point;
        double value; /* negated where lower is better */
        double gpus;
        bool saturated;
        bool front; /* of the Pareto front */
    } * items;
    size_t n_saturated;
};

/* What a study of each kind is ranked by when nobody says. */
extern const char *const ls_ranked_by[LS_N_KINDS];

/* Direction of a column. */
enum ls_better ls_better_of(const char *name);

/* Rank the points that have a value of `column` and for which `where` (may be empty) holds; it may use the names of
 * axes, metrics, `status` and `reason`. Cells that are not done take part only when `where` asks for a status. LS_INPUT
 * with what is wrong with `where`. The caller releases the ranking. */
LS_NODISCARD enum ls_status ls_ranking_make(struct ls_points *points, size_t column, const char *where,
                                            struct ls_ranking *ranking, struct ls_err *err);

/* The first item of the ranking for which `where` holds. LS_INPUT with what is wrong with it, or when it holds for
 * none.
 */
LS_NODISCARD enum ls_status ls_ranking_find(struct ls_points *points, const struct ls_ranking *ranking,
                                            const char *where, size_t *item, struct ls_err *err);

/* Mark the points that no other one beats in both columns; saturated points stand aside. Points without a value of
 * either leave the ranking. */
void ls_ranking_mark_front(const struct ls_points *points, size_t x, size_t y, struct ls_ranking *ranking);

void ls_ranking_release(struct ls_ranking *ranking);

#endif
