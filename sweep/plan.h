#ifndef LS_SWEEP_PLAN_H
#define LS_SWEEP_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "engine/reason.h"
#include "sweep/study.h"

/* What a study would do, without simulating it. */

enum { LS_PLAN_SAMPLE = 64, LS_PLAN_LODS = LS_LOD_HIGH + 1 };

/* The cells of one level of detail that would be simulated: what a unit of cost takes differs between the levels. The
 * sample is drawn with probabilities as the roots of the cells' costs, which tells most about their sum in a given time
 * of trying them (as a sum of Neyman's 1934 allocation: dear cells say more, and take longer). */
struct ls_plan_level {
    uint64_t n;  /* of the cells looked at */
    double cost; /* in the units of ls_cell_cost, scaled up to the whole grid */
    size_t n_sample;
    struct ls_plan_cell {
        uint64_t cell;
        double cost, key;
    } sample[LS_PLAN_SAMPLE]; /* without replacement, in the order drawn; the same ones each time */
};

struct ls_plan {
    uint64_t n_looked;                /* cells that the counts below are of */
    uint64_t by_reason[LS_N_REASONS]; /* LS_REASON_NONE: feasible */
    uint64_t n_faulty;                /* cells whose values contradict each other */
    struct ls_err fault;              /* the first of them, with its number */
    uint64_t faulty_cell;
    struct ls_plan_level levels[LS_PLAN_LODS];
};

/* Look at every cell, or at `max_looks` spread evenly over a larger grid. */
void ls_plan_make(const struct ls_study *study, uint64_t max_looks, struct ls_plan *plan);

/* Seconds that all cells of a level take, judging by the first n ≥ 1 of its sample, which took times_s. */
double ls_plan_level_seconds(const struct ls_plan_level *level, size_t n, const double *times_s);

#endif
