#ifndef LS_SWEEP_SEARCH_OPS_H
#define LS_SWEEP_SEARCH_OPS_H

/* What the methods of a search share; sweep/search.h is for everybody else. A method is a row of operations. Points are
 * named by the cell of their first replica. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sweep/search.h"
#include "sweep/study.h"

enum ls_search_state {
    LS_SEARCH_ABSENT,
    LS_SEARCH_WANTED,
    LS_SEARCH_DONE,
    LS_SEARCH_SATURATED /* done, and beats nobody */
};

struct ls_search_ops {
    enum ls_reason reason;                                                 /* of the cells left out */
    enum ls_status (*check)(struct ls_search *search, struct ls_err *err); /* null: nothing to refuse */
    void (*begin)(struct ls_search *search);
    /* Every wanted cell is done: want more, or nothing when the search is over. Null: `noted` does all. */
    void (*advance)(struct ls_search *search);
    /* A wanted cell is done while others are not; null: nothing to do then. */
    void (*noted)(struct ls_search *search, uint64_t cell);
};

/* Every point at a coarse level, the promising ones at finer levels. */
extern const struct ls_search_ops ls_search_screen;

/* Every point once, the better half with twice as many replicas, and so on. */
extern const struct ls_search_ops ls_search_halving;

/* Each point until the interval of its mean is narrow enough. */
extern const struct ls_search_ops ls_search_until;

struct ls_search {
    const struct ls_study *study;
    const struct ls_search_ops *ops;
    ls_search_want *want;
    void *context;
    size_t n_by;
    size_t columns[LS_MAX_OBJECTIVES];
    unsigned char *state; /* [n_cells] enum ls_search_state */
    double *values;       /* [n_cells · n_by], lower is better; NaN: infeasible, failed or absent */
    uint64_t n_outstanding;
    uint64_t n_replicas;
    uint64_t round;                 /* screen: a count; halving: rung */
    size_t level;                   /* screen: whose results choose the points of the next */
    bool has_front;                 /* screen: and its front has been chosen */
    size_t n_levels;                /* of the lod axis, coarsest first */
    size_t levels[LS_LOD_HIGH + 1]; /* their places on the axis */
    uint64_t lod_stride;            /* of the lod axis, in cells */
    unsigned char *in;              /* [n_cells] of a point's first cell: still in the race; screen: its levels */
};

/* Ask for a cell unless it was asked for already. */
void ls_search_want_cell(struct ls_search *search, uint64_t cell);

/* The objectives of a cell, [n_by]. */
double *ls_search_values(const struct ls_search *search, uint64_t cell);

/* Mean of each objective over the first n replicas of the point that starts at `cell`; false when one has no value. */
bool ls_search_mean(const struct ls_search *search, uint64_t cell, uint64_t n, double *mean);

#endif
