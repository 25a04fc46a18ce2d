#ifndef LS_ENGINE_TRAINING_MICRO_BATCH_H
#define LS_ENGINE_TRAINING_MICRO_BATCH_H

#include "engine/model/operator.h"
#include "engine/scenario.h"

/* One micro-batch on one GPU: what its operators and collectives need to know. */
struct ls_micro_batch {
    const struct ls_scenario *scenario;
    struct ls_shard shard;
    struct ls_formats formats;
    int64_t tokens;    /* of a tensor-parallel group: a context-parallel share of each sequence */
    double norm_share; /* of them, that one GPU's norms, dropout and router see */
    double slowness;   /* of the slowest GPU, for which all others wait: straggler.h */
};

/* Format that products run in; fp16 for bf16 where the hardware knows no bf16. */
enum ls_dtype ls_training_dtype(const struct ls_scenario *scenario);

struct ls_micro_batch ls_micro_batch_of(const struct ls_scenario *scenario);

/* Keys and values of the GPU's tokens in one layer. */
double ls_own_kv_bytes(const struct ls_micro_batch *batch);

/* Seconds of an operator on the slowest GPU. */
double ls_training_op_seconds(const struct ls_micro_batch *batch, const struct ls_op *op);

/* Seconds and FLOPs of a group of operators. */
struct ls_pass_cost {
    double forward_s, backward_s;
    double product_s; /* of forward_s: products split over tp, which collectives can run beside piece by piece */
    double input_s, weight_s; /* of backward_s: gradients of the inputs and of the weights of products whose columns are
                                 split over tp; collectives can run beside them */
    double last_s, last_flop; /* of forward_s: the products behind which nothing is kept for the backward pass */
    double forward_flop, flop;
};

/* Forward passes run the operators of engine/model. Backward, a product [m, k] @ [k, n] is two, of its input [m, n] @
 * [n, k] and of its weights [k, m] @ [m, n], which below ZeRO 2 adds to the gradients in their format, else is made
 * ready to be scattered; flash attention takes five products for two; what only moves bytes reads the gradient beside
 * them: 1.5 times as many. Unfused attention is two batched products over all pairs, not the causal half, with softmax
 * and dropout reading and writing the scores between them. */

/* Attention itself, of a layer with or without a sliding window. */
struct ls_pass_cost ls_pass_attention(const struct ls_micro_batch *batch, bool sliding);

/* The rest of a layer: projections, norms, dropout, and the dense block or the experts. */
struct ls_pass_cost ls_pass_linear(const struct ls_micro_batch *batch, bool moe);

/* Embedding; last norm, head and cross-entropy, whose kernels are Megatron-LM's: logits are widened to fp32 (4 bytes
 * written), their largest found (4), subtracted (8), raised (8), summed (4), and divided by that (8); backward scaled
 * (8) and narrowed (4). PyTorch's own come to 48 bytes a logit for these 52; a fused one reads them in 16 bits, and
 * backward writes over them. */
struct ls_pass_cost ls_pass_embedding(const struct ls_micro_batch *batch);
struct ls_pass_cost ls_pass_head(const struct ls_micro_batch *batch);

#endif
