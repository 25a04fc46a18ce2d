#include <math.h>

#include "sweep/interval.h"
#include "sweep/search_ops.h"

/* Replicas that an interval needs at least. */
enum { MIN_REPLICAS = 3, MAX_REPLICAS = 10000 };

static uint64_t first_rung(const struct ls_search *search)
{
    return search->n_replicas < MIN_REPLICAS ? search->n_replicas : MIN_REPLICAS;
}

/* Half of the 95 % confidence interval of the mean over the mean. */
static double relative_half_width(const struct ls_search *search, uint64_t cell, uint64_t n)
{
    double values[MAX_REPLICAS];
    for (uint64_t i = 0; i < n; i++)
        values[i] = ls_search_values(search, cell + i)[0];
    const struct ls_interval interval = ls_interval_of(values, (size_t)n);
    /* infeasible, or all the same: more replicas would be as well */
    return interval.half_width > 0 ? interval.half_width / fabs(interval.mean) : 0;
}

/* Rungs of half as many replicas again, from the fewest: want what the first rung lacks whose interval is not known to
 * be too wide. Decided anew from the results each time, so an earlier run's results lead to the same end. */
static void extend_point(struct ls_search *search, uint64_t cell)
{
    for (uint64_t n = first_rung(search);;
         n = n + (n + 1) / 2 < search->n_replicas ? n + (n + 1) / 2 : search->n_replicas) {
        bool whole = true;
        for (uint64_t i = 0; i < n; i++) {
            ls_search_want_cell(search, cell + i);
            whole = whole && search->state[cell + i] != LS_SEARCH_WANTED;
        }
        if (!whole || n == search->n_replicas ||
            relative_half_width(search, cell, n) <= search->study->search.half_width)
            return;
    }
}

static void noted(struct ls_search *search, uint64_t cell)
{
    extend_point(search, cell - cell % search->n_replicas);
}

static void begin(struct ls_search *search)
{
    for (uint64_t cell = 0; cell < search->study->n_cells; cell += search->n_replicas)
        extend_point(search, cell);
}

const struct ls_search_ops ls_search_until = {
    .reason = LS_REASON_CONVERGED,
    .begin = begin,
    .noted = noted,
};
