#include <math.h>
#include <stdlib.h>

#include "sweep/search_ops.h"

static uint64_t rung_replicas(const struct ls_search *search, uint64_t rung)
{
    const uint64_t n = rung < 63 ? UINT64_C(1) << rung : search->n_replicas;
    return n < search->n_replicas ? n : search->n_replicas;
}

static enum ls_status check(struct ls_search *search, struct ls_err *err)
{
    if (search->n_replicas < 2)
        return ls_fail(err, LS_INPUT, "method: halving needs replicas, such as sweep.replicas: 8");
    return LS_OK;
}

static void begin(struct ls_search *search)
{
    for (uint64_t cell = 0; cell < search->study->n_cells; cell += search->n_replicas)
        ls_search_want_cell(search, cell);
}

struct ranked {
    double mean;
    uint64_t cell;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->mean != y->mean)
        return x->mean < y->mean ? -1 : 1;
    return x->cell < y->cell ? -1 : x->cell > y->cell;
}

static void advance(struct ls_search *search)
{
    const uint64_t n = rung_replicas(search, search->round);
    if (n == search->n_replicas)
        return;
    const uint64_t n_points = search->study->n_cells / search->n_replicas;
    struct ranked *points = malloc((size_t)n_points * sizeof *points);
    size_t n_in = 0;
    if (!points)
        return; /* fewer replicas than asked for; the cube shows how many */
    for (uint64_t cell = 0; cell < search->study->n_cells; cell += search->n_replicas) {
        double mean[LS_MAX_OBJECTIVES];
        if (search->in[cell] && ls_search_mean(search, cell, n, mean))
            points[n_in++] = (struct ranked){mean[0], cell};
        search->in[cell] = 0;
    }
    qsort(points, n_in, sizeof *points, compare_ranked);
    const size_t n_kept = (size_t)ceil((double)n_in * search->study->search.keep);
    const uint64_t up_to = rung_replicas(search, ++search->round);
    for (size_t i = 0; i < n_kept; i++) {
        search->in[points[i].cell] = 1;
        for (uint64_t replica = n; replica < up_to; replica++)
            ls_search_want_cell(search, points[i].cell + replica);
    }
    free(points);
}

const struct ls_search_ops ls_search_halving = {
    .reason = LS_REASON_SCREENED,
    .check = check,
    .begin = begin,
    .advance = advance,
};
