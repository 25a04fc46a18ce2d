#ifndef LS_ENGINE_TRAINING_SCHEDULE_H
#define LS_ENGINE_TRAINING_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/sim/arena.h"
#include "engine/status.h"

/* How micro-batches pass through the stages of a pipeline.
 * gpipe: all forward passes, then all backward ones (Huang et al. 2019).
 * 1f1b: as few forward passes as fill the pipeline, then one of each in turn (Narayanan et al. 2019).
 * interleaved: 1f1b over `chunks` groups of layers a stage (Narayanan et al. 2021). */
enum ls_schedule { LS_SCHEDULE_GPIPE, LS_SCHEDULE_1F1B, LS_SCHEDULE_INTERLEAVED };

struct ls_schedule_work {
    int32_t schedule;
    int64_t stages, chunks, micro_batches; /* chunks: 1 unless interleaved */
    const double *forward_s, *backward_s;  /* [stages] of one micro-batch, all chunks, sends included */
};

/* Whether the schedule can run: interleaving needs at least two stages, and micro-batches in groups of `stages`. */
bool ls_schedule_possible(int32_t schedule, int64_t stages, int64_t chunks, int64_t micro_batches);

/* Micro-batches, in whole stages' worth of activations, that `stage` holds at once. */
double ls_schedule_in_flight(int32_t schedule, int64_t stages, int64_t chunks, int64_t micro_batches, int64_t stage);

/* Seconds from the first forward pass to the last backward one: m · max(t) + (Σ t − max(t)) / chunks, where t is a
 * stage's forward and backward pass, exact when all stages take the same; for gpipe the same of forward and backward
 * passes apart, which is exact for any stages. */
double ls_schedule_seconds(const struct ls_schedule_work *work);

/* The same pass by pass. *n_events counts passes. LS_NOMEM. */
LS_NODISCARD enum ls_status ls_schedule_play(const struct ls_schedule_work *work, struct ls_arena *arena,
                                             double *seconds, int64_t *n_events, struct ls_err *err);

#endif
