#ifndef LS_SWEEP_PLAN_H
#define LS_SWEEP_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "engine/reason.h"
#include "sweep/study.h"

/* What a study would do, without simulating it. */

#define LS_PLAN_LOOKS UINT64_C(1000000) /* cells that are looked at; of a larger grid, so many spread evenly */

enum { LS_PLAN_SAMPLE = 64 };

struct ls_plan {
    uint64_t n_looked;                /* cells that the counts below are of */
    uint64_t by_reason[LS_N_REASONS]; /* LS_REASON_NONE: feasible */
    uint64_t n_faulty;                /* cells whose values contradict each other */
    struct ls_err fault;              /* the first of them, with its number */
    uint64_t faulty_cell;
    double cost; /* of all that would be simulated, in the units of ls_cell_cost; scaled up to the whole grid */
    size_t n_sample;
    uint64_t sample[LS_PLAN_SAMPLE]; /* cells that would be simulated, drawn at random, the same ones each time */
    double sample_cost[LS_PLAN_SAMPLE];
};

void ls_plan_make(const struct ls_study *study, struct ls_plan *plan);

#endif
