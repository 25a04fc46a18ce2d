#ifndef LS_ENGINE_TRAINING_STAGE_TIME_H
#define LS_ENGINE_TRAINING_STAGE_TIME_H

#include "engine/training/training_comm.h"

/* Seconds and FLOPs of one micro-batch on one GPU of a stage, and of what happens once a step. */
struct ls_stage_time {
    double forward_s, backward_s; /* computation */
    double recompute_s;           /* forward work done again before the backward pass */
    double forward_comm_s;        /* collectives that computation does not hide, and the send to the next stage */
    double backward_comm_s;       /* those of the backward pass and of what is computed again, and the send back */
    double flop;                  /* that ran */
    double gradients_s;           /* once a step, not hidden: ls_gradient_seconds */
    double optimizer_s;           /* once a step: ls_optimizer_seconds */
};

void ls_stage_time(const struct ls_scenario *scenario, const struct ls_placement *placement, int64_t stage,
                   struct ls_stage_time *time);

/* The kernels of Megatron-LM, one behind the other: gradients are zeroed, read for their norm, scaled; Adam reads them,
 * master weights and moments and writes the latter two; the master weights are copied to 16 bits. */
double ls_optimizer_seconds(const struct ls_scenario *scenario, int64_t stage);

#endif
