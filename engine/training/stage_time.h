#ifndef LS_ENGINE_TRAINING_STAGE_TIME_H
#define LS_ENGINE_TRAINING_STAGE_TIME_H

#include "engine/scenario.h"

/* Seconds and FLOPs of one micro-batch on one GPU of a stage. */
struct ls_stage_time {
    double forward_s, backward_s; /* computation */
    double recompute_s;           /* forward work done again before the backward pass */
    double forward_comm_s;        /* tensor-parallel collectives and the send to the next stage */
    double backward_comm_s; /* those of the backward pass, what is computed again, the send back, ZeRO's gathers */
    double flop;            /* that ran */
};

/* Forward passes run the operators of engine/model. Backward, a product [m, k] @ [k, n] is two, of its input [m, n] @
 * [n, k] and of its weights [k, m] @ [m, n]; flash attention takes five products for two; what only moves bytes reads
 * the gradient beside them: 1.5 times as many. Unfused attention is two batched products over all pairs, not the causal
 * half, with softmax and dropout reading and writing the scores between them. */
void ls_stage_time(const struct ls_scenario *scenario, const struct ls_placement *placement, int64_t stage,
                   struct ls_stage_time *time);

/* Gradients over the data-parallel GPUs once a step, the tied table's over the pipeline's ends; with overlap only what
 * the last micro-batch's backward pass, of backward_s, does not hide. */
double ls_gradient_seconds(const struct ls_scenario *scenario, const struct ls_placement *placement, int64_t stage,
                           double backward_s);

/* Adam reads gradients, master weights and moments and writes the latter two and the weights; clipping reads the
 * gradients once more. */
double ls_optimizer_seconds(const struct ls_scenario *scenario, int64_t stage);

#endif
