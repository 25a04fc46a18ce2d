#ifndef LS_ENGINE_TRAINING_TRAINING_COMM_H
#define LS_ENGINE_TRAINING_TRAINING_COMM_H

#include "engine/cost/collective.h"
#include "engine/training/micro_batch.h"

/* The collectives of a training step, on a GPU of one pipeline stage. Buffers are counted as ls_collective_cost wants
 * them. */

/* GPUs that have the same parameters; those of them that ZeRO spreads these over; those that have the same shard. */
struct ls_same {
    struct ls_group all, shards, copies;
};

/* GPUs that communicate. */
struct ls_training_groups {
    struct ls_group tensor;     /* tp */
    struct ls_group experts;    /* one GPU of each expert shard */
    struct ls_group expert_tp;  /* the GPUs that share an expert */
    struct ls_group context;    /* those of dp that share a sequence */
    struct ls_same data;        /* dp · ep: what is not an expert */
    struct ls_same expert_data; /* dp: experts */
};

struct ls_training_groups ls_training_groups(const struct ls_scenario *scenario, const struct ls_placement *placement,
                                             int64_t stage);

/* Seconds of one layer's collectives for one micro-batch, as far as computation does not hide them. */
struct ls_layer_comm {
    double forward_s, backward_s;
    double again_s; /* those of the forward pass, when it is computed again */
    double last_s;  /* of them, those behind the last products */
};

/* Tensor parallelism has an all-reduce behind each block, or with sequence parallelism a gather before it and a scatter
 * behind it. Backward, as in Megatron-LM (Korthikanti et al. 2022, Section 4.2.2), the reduction runs beside the
 * products of the weights' gradients, and the input, kept scattered, is gathered once more beside those of the inputs'.
 * What is gathered is in the format of the products, as in Transformer Engine; sums are in that of activations.
 * With `overlap_tensor: all` every gather and scatter runs beside the product that needs or makes its pieces.
 *
 * Experts: each chosen copy of a token goes to its shard and back (an all-to-all, or DeepEP's kernels, which send a
 * token once to each node and GPU: engine/cost/exchange.h), and where expert_tp shares an expert its GPUs gather the
 * rows and add up the results. Backward the same again.
 *
 * Context parallelism: keys and values pass around a ring while the block at hand is attended to (Liu et al. 2023,
 * arXiv 2310.01889), their gradients beside them backward; or they are gathered before (Dubey et al. 2024, arXiv
 * 2407.21783, Section 3.3.2), and backward gathered again and their gradients scattered. */
struct ls_layer_comm ls_layer_comm(const struct ls_micro_batch *batch, const struct ls_training_groups *groups,
                                   bool moe, const struct ls_pass_cost *linear, const struct ls_pass_cost *attention);

/* Half of a tensor-parallel exchange, at the ends of the model: the scatter behind the embedding, the gather before the
 * head; with whole rows half an all-reduce. */
double ls_end_comm(const struct ls_micro_batch *batch, const struct ls_training_groups *groups);

/* A micro-batch's way from stage `from` to the next, all virtual stages, as far as `behind_s` of computation does not
 * hide it. A GPU sends its share of the rows; without sequence parallelism these are gathered again behind it
 * (Narayanan et al. 2021, arXiv 2104.04473, Section 4.1), or, without scatter_send, it sends all of them. */
double ls_send_seconds(const struct ls_micro_batch *batch, const struct ls_training_groups *groups,
                       const struct ls_placement *placement, int64_t from, double behind_s);

/* ZeRO's collectives of a micro-batch on a stage of `layers` layers beside `behind_s` of computation: weights gathered
 * in each direction (stage 3), gradients scattered (2 and 3). What overlaps still leaves one layer's share at an end.
 */
double ls_zero_seconds(const struct ls_micro_batch *batch, const struct ls_training_groups *groups, int64_t stage,
                       bool backward, double behind_s);

/* Once a step: gradients reduced beside the last backward pass, updated weights gathered (ZeRO 1 and 2) beside the next
 * forward pass, the tied table's gradient added up over the pipeline's ends. */
double ls_gradient_seconds(const struct ls_micro_batch *batch, const struct ls_training_groups *groups,
                           const struct ls_placement *placement, int64_t stage, double forward_s, double backward_s);

#endif
