#ifndef LS_SWEEP_CELL_H
#define LS_SWEEP_CELL_H

#include "engine/simulate.h"
#include "sweep/record.h"
#include "sweep/study.h"

/* One cell of a study, from its number to its record. */

/* Simulate a cell into *record, whose rank and wall_s stay 0. A cell whose values contradict each other, and one whose
 * simulation fails, is LS_CELL_FAILED with the message in err; one that cannot start is LS_CELL_INFEASIBLE with its
 * reason, and is simulated only as far as its memory. LS_OK, or LS_STOPPED when `sim` was told to stop and the record
 * is unset. */
LS_NODISCARD enum ls_status ls_cell_simulate(const struct ls_study *study, uint64_t cell, struct ls_sim *sim,
                                             struct ls_record *record, struct ls_err *err);

#endif
