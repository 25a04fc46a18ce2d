#ifndef LS_SWEEP_QUEUE_H
#define LS_SWEEP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/status.h"

/* Which cells are still to do, and who has the others: a pure state machine that knows no clock and no messages.
 *
 * A cell is absent (never added), to do, out with one rank, done, or skipped. Cells are handed out longest first, in
 * chunks whose cost is a fixed share of what is left over the number of ranks (guided self-scheduling: Polychronopoulos
 * and Kuck, 1987), so that the last chunks are single cheap cells and no rank waits long for another. Cheap cells fill
 * what dear ones leave of a chunk's cost, up to its share of the cells, so that results come at an even rate.
 *
 * Costs are kept as classes half an octave wide. Memory: a byte a cell, and LS_CHUNK_CELLS cells a rank. */

struct ls_queue;

#define LS_CHUNK_CELLS 256 /* at most in one chunk */

/* An empty queue for cells 0 … n_cells − 1 and ranks 0 … n_ranks − 1. LS_NOMEM. The caller frees it with
 * ls_queue_free. */
LS_NODISCARD enum ls_status ls_queue_new(uint64_t n_cells, size_t n_ranks, struct ls_queue **queue, struct ls_err *err);
void ls_queue_free(struct ls_queue *queue);

/* Put an absent cell to do. `cost` is in any unit, the same for all cells; below 1 it counts as 1. */
void ls_queue_add(struct ls_queue *queue, uint64_t cell, double cost);

/* Mark an absent cell as no concern of this queue: an earlier run did it. False when it was marked before. */
bool ls_queue_skip(struct ls_queue *queue, uint64_t cell);

/* Whether the cell was neither added nor skipped. */
bool ls_queue_is_absent(const struct ls_queue *queue, uint64_t cell);

/* Hand cells to a rank that has none out: at most `max` and at most LS_CHUNK_CELLS, dearest first. Returns how many
 * were written to `cells`; 0 only when nothing is to do. */
size_t ls_queue_take(struct ls_queue *queue, size_t rank, size_t max, uint64_t *cells);

/* A cell's result came from `rank`, which spent `wall_s` on it. False, and nothing changes, when the cell is not out
 * with that rank: a late word from one that was given up. */
bool ls_queue_accept(struct ls_queue *queue, size_t rank, uint64_t cell, double wall_s);

/* The rank died or stopped: what it has out is to do again. Returns how many cells that were. */
size_t ls_queue_give_back(struct ls_queue *queue, size_t rank);

/* Nothing is to do and nothing is out. */
bool ls_queue_finished(const struct ls_queue *queue);

struct ls_queue_load {
    uint64_t n_todo, n_out, n_done;
    double cost_todo, cost_out, cost_done; /* as classes know it: within a factor 2^±1/4 of what was added */
    double s_per_cost;                     /* of the cells done; NaN before the first */
};

struct ls_queue_load ls_queue_load(const struct ls_queue *queue);

#endif
