#ifndef LS_SWEEP_RUNNER_H
#define LS_SWEEP_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/status.h"
#include "sweep/queue.h"
#include "sweep/record.h"
#include "sweep/transport.h"

/* Runs the cells of a queue on all ranks of a transport. Rank 0 hands out, gathers, and simulates cells itself between
 * two looks at its messages; the others simulate what they are sent. */

struct ls_runner;

struct ls_runner_ops {
    /* Simulate one cell into *record (rank and wall_s are the runner's). Long simulations call ls_runner_poll now and
     * then and return LS_STOPPED, record unset, once it says false; every other trouble is in the record's status. */
    enum ls_status (*simulate)(void *context, struct ls_runner *runner, uint64_t cell, struct ls_record *record);
    /* Rank 0: take a finished cell. Each comes once. It may add cells to the queue. An error stops the sweep. */
    enum ls_status (*deliver)(void *context, const struct ls_record *record, struct ls_err *err);
    /* Rank 0: take a piece of the details of a cell that `rank` simulates; the cell's record follows, unless the rank
     * drops it. An error stops the sweep. Null: nobody sends any. */
    enum ls_status (*take_piece)(void *context, size_t rank, const struct ls_piece *piece, struct ls_err *err);
    /* Rank 0: called often, also amid a simulation that polls: commit, show progress. An error stops the sweep. */
    enum ls_status (*tick)(void *context, const struct ls_queue *queue, struct ls_err *err);
    /* Rank 0: a worker died, and `n_cells` that it had are to do again. Null: nobody wants to know. */
    void (*lost)(void *context, size_t rank, size_t n_cells);
    /* Whether this rank was told to stop (a signal, a time limit). */
    bool (*stop)(void *context);
    /* Seconds on a clock that only goes forward. */
    double (*now_s)(void *context);
};

/* Run until every cell of the queue is done. `queue` is rank 0's, null on the others. All ranks must call it, and all
 * return the same status: LS_OK; LS_STOPPED when a rank was told to stop, what was finished till then delivered;
 * LS_NOMEM; or what deliver or tick returned, their message in rank 0's err. */
LS_NODISCARD enum ls_status ls_runner_run(const struct ls_runner_ops *ops, void *context,
                                          struct ls_transport *transport, struct ls_queue *queue, struct ls_err *err);

/* Amid a simulation, or at its end: hand over details of its cell. The piece may be reused at once. */
void ls_runner_hand_over(struct ls_runner *runner, const struct ls_piece *piece);

/* Serve messages amid a simulation; false when the simulation is to be dropped. Cheap: it looks at the clock first. */
bool ls_runner_poll(struct ls_runner *runner);

#endif
