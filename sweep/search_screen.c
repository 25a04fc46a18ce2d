#include <math.h>

#include "sweep/pareto.h"
#include "sweep/search_ops.h"

/* Levels may lie this much further apart, as a power of the ratio, where only one has run than where both have. */
#define LEVEL_SAFETY 2

/* Place of a cell on the lod axis. */
static size_t level_of(const struct ls_search *search, uint64_t cell)
{
    return (size_t)(cell / search->lod_stride % search->study->axes[LS_AXIS_LOD].n);
}

/* The cell of the same point at another place of the lod axis. */
static uint64_t at_level(const struct ls_search *search, uint64_t cell, size_t level)
{
    return cell - level_of(search, cell) * search->lod_stride + level * search->lod_stride;
}

static enum ls_status check(struct ls_search *search, struct ls_err *err)
{
    const struct ls_axis *axis = &search->study->axes[LS_AXIS_LOD];
    search->lod_stride = 1;
    search->n_levels = 0;
    for (size_t i = search->study->n_axes - 1; i > LS_AXIS_LOD; i--)
        search->lod_stride *= search->study->axes[i].n;
    for (int64_t lod = LS_LOD_LOW; lod <= LS_LOD_HIGH; lod++)
        for (size_t i = 0; i < axis->n; i++)
            if (axis->settings[i * axis->n_targets].value.i == lod)
                search->levels[search->n_levels++] = i;
    if (search->n_levels < 2)
        return ls_fail(err, LS_INPUT,
                       "method: screen needs several levels on the lod axis, such as lod: [low, medium]");
    for (size_t k = 0; k < search->n_by; k++)
        if (axis->settings[search->levels[0] * axis->n_targets].value.i == LS_LOD_LOW &&
            search->columns[k] >= LS_N_SCALAR_METRICS)
            return ls_fail(err, LS_INPUT, "by: the low level of detail gives means, no quantiles, to screen by");
    return LS_OK;
}

static void begin(struct ls_search *search)
{
    for (uint64_t cell = 0; cell < search->study->n_cells; cell++)
        if (level_of(search, cell) == search->levels[0])
            ls_search_want_cell(search, cell);
}

/* A point that cannot serve its load is judged, but no measure for others. */
static bool is_saturated(const struct ls_search *search, uint64_t cell)
{
    for (uint64_t i = 0; i < search->n_replicas; i++)
        if (search->state[cell + i] == LS_SEARCH_SATURATED)
            return true;
    return false;
}

/* Whether the point is among those of the round's level: coarser levels chose it. */
static bool is_member(const struct ls_search *search, uint64_t cell)
{
    return cell % search->n_replicas == 0 && level_of(search, cell) == search->levels[search->level] &&
           search->in[at_level(search, cell, 0)] > search->level;
}

static bool is_chosen(const struct ls_search *search, uint64_t cell)
{
    return search->in[at_level(search, cell, 0)] > search->level + 1;
}

/* Run the point at the next level. */
static void choose(struct ls_search *search, uint64_t cell)
{
    const uint64_t next = at_level(search, cell, search->levels[search->level + 1]);
    search->in[at_level(search, cell, 0)] = (unsigned char)(search->level + 2);
    for (uint64_t i = 0; i < search->n_replicas; i++)
        ls_search_want_cell(search, next + i);
}

/* The first points of the next level: the front of this one, and those without a value here, for the finer levels say
 * why. */
static void choose_front(struct ls_search *search)
{
    struct ls_pareto front;
    double mean[LS_MAX_OBJECTIVES];
    ls_pareto_init(&front, search->n_by);
    for (uint64_t cell = 0; cell < search->study->n_cells; cell += search->n_replicas)
        if (is_member(search, cell) && !is_saturated(search, cell) &&
            ls_search_mean(search, cell, search->n_replicas, mean))
            ls_pareto_add(&front, mean);
    for (uint64_t cell = 0; cell < search->study->n_cells; cell += search->n_replicas)
        if (is_member(search, cell) &&
            (!ls_search_mean(search, cell, search->n_replicas, mean) || !ls_pareto_beats(&front, mean)))
            choose(search, cell);
    ls_pareto_release(&front);
}

/* What ran at both levels: how far they lie apart in each objective, as |ln| of the ratio, and the front of the next.
 */
static void learn(const struct ls_search *search, double *apart, struct ls_pareto *front)
{
    double here[LS_MAX_OBJECTIVES], there[LS_MAX_OBJECTIVES];
    for (uint64_t cell = 0; cell < search->study->n_cells; cell += search->n_replicas) {
        if (!is_member(search, cell) || !is_chosen(search, cell))
            continue;
        const uint64_t next = at_level(search, cell, search->levels[search->level + 1]);
        if (!ls_search_mean(search, next, search->n_replicas, there))
            continue;
        if (!is_saturated(search, next))
            ls_pareto_add(front, there);
        if (!ls_search_mean(search, cell, search->n_replicas, here))
            continue;
        for (size_t k = 0; k < search->n_by; k++)
            if (here[k] != there[k])
                apart[k] = fmax(apart[k], here[k] * there[k] > 0 ? fabs(log(here[k] / there[k])) : (double)INFINITY);
    }
}

/* Choose those whose best case the next level's front does not beat; false when there is none. */
static bool choose_promising(struct ls_search *search)
{
    struct ls_pareto front;
    double apart[LS_MAX_OBJECTIVES] = {0}, best[LS_MAX_OBJECTIVES];
    bool any = false;
    ls_pareto_init(&front, search->n_by);
    learn(search, apart, &front);
    for (size_t k = 0; k < search->n_by; k++)
        apart[k] = fmax(LEVEL_SAFETY * apart[k], log1p(search->study->search.margin));
    for (uint64_t cell = 0; cell < search->study->n_cells; cell += search->n_replicas) {
        if (!is_member(search, cell) || is_chosen(search, cell))
            continue;
        (void)ls_search_mean(search, cell, search->n_replicas, best); /* all of those without a value are chosen */
        for (size_t k = 0; k < search->n_by; k++)
            best[k] *= exp(best[k] > 0 ? -apart[k] : apart[k]);
        if (ls_pareto_beats(&front, best))
            continue;
        choose(search, cell);
        any = true;
    }
    ls_pareto_release(&front);
    return any;
}

static void advance(struct ls_search *search)
{
    if (search->level + 1 == search->n_levels)
        return;
    if (!search->has_front) {
        choose_front(search);
        search->has_front = true;
    } else if (!choose_promising(search)) {
        search->level++;
        search->has_front = false;
    }
    search->round++;
}

const struct ls_search_ops ls_search_screen = {
    .reason = LS_REASON_SCREENED,
    .check = check,
    .begin = begin,
    .advance = advance,
};
