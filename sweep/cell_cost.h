#ifndef LS_SWEEP_CELL_COST_H
#define LS_SWEEP_CELL_COST_H

#include <stdint.h>

#include "sweep/study.h"

/* What simulating a cell will cost, in about microseconds of one core: for handing out the dear ones first and for
 * foretelling the time left, never for results. At least 1: a cell without a simulation. */
double ls_cell_cost(const struct ls_study *study, uint64_t cell);

#endif
