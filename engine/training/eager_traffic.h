#ifndef LS_ENGINE_TRAINING_EAGER_TRAFFIC_H
#define LS_ENGINE_TRAINING_EAGER_TRAFFIC_H

#include "engine/model/model.h"
#include "engine/model/operator.h"

/* What an operator that only moves bytes moves forward and backward, over what the fused kernel moves forward. */
struct ls_traffic {
    double forward, backward;
};

/* Fused, as Megatron-LM, Transformer Engine and torch.compile do: backward the gradient is read beside the rest. */
struct ls_traffic ls_fused_traffic(void);

/* PyTorch's operators one by one, as the reference code of Llama calls them, in bytes of a 16-bit value:
 *
 *   RMS norm, forward: widened to fp32 (6), squared (8), mean (4), scaled (8), narrowed (6), times its weight (4), and
 *     the residual sum (6): 42 for the fused 8
 *   backward: the weight's two gradients (12), widened (6), the scale's two (24), the square's (16), their sum (12),
 *     narrowed (6), the residual's sum (6): 82
 *   layer norm, whose kernels PyTorch has: 4 and the residual's 6; backward 10 and 6
 *   rotary embedding, forward: widened (6), a complex product (8), narrowed (6): 20 for 4; backward the same
 *   gated activation, forward: activation (4), product (6): 10 for 6; backward 12 and 6
 *
 * All else is one kernel in both. */
struct ls_traffic ls_eager_traffic(const struct ls_model *model, const struct ls_op *op);

#endif
