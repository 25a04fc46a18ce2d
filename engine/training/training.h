#ifndef LS_ENGINE_TRAINING_TRAINING_H
#define LS_ENGINE_TRAINING_TRAINING_H

#include "engine/scenario.h"
#include "engine/sim/arena.h"

/* One optimizer step of a dense model over tp, pp and dp: memory (training_memory.h), passes (stage_time.h), pipeline
 * (schedule.h), gradients and optimizer. The pipeline is a closed form at low and medium and played pass by pass at
 * high; both agree where all stages take the same time. A stage's send keeps it busy. */

/* What a training run cannot be yet, and keys that contradict each other. LS_INPUT. */
LS_NODISCARD enum ls_status ls_training_check(const struct ls_scenario *scenario, struct ls_err *err);

/* Micro-batches that are no whole number, schedules that cannot run, formats that the hardware lacks. */
LS_NODISCARD enum ls_reason ls_training_shape(const struct ls_scenario *scenario);

/* Fill the metrics of a resolved scenario whose shape is feasible. *reason is LS_REASON_MEMORY_TRAINING, with memory
 * alone but with evaluate_oversized, when it does not fit. LS_NOMEM. */
LS_NODISCARD enum ls_status ls_training_run(const struct ls_scenario *scenario, struct ls_arena *arena,
                                            enum ls_reason *reason, struct ls_metrics *metrics, struct ls_err *err);

#endif
