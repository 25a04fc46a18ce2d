#ifndef LS_ENGINE_REASON_H
#define LS_ENGINE_REASON_H

/* Why a cell has no result. A reason is data in the cube, not an error; codes are stable: append, never renumber. */

/* X(name, text): the lower-case name is the flag meaning in the cube. */
#define LS_REASONS(X)                                                                                                  \
    X(NONE, none, "feasible")                                                                                          \
    X(EXCLUDED, excluded, "the study's where clause leaves it out")                                                    \
    X(TP_HEADS, tp_heads, "tp does not divide the attention heads")                                                    \
    X(TP_FFN, tp_ffn, "tp does not divide the feed-forward width")                                                     \
    X(PP_LAYERS, pp_layers, "more pipeline stages than layers")                                                        \
    X(EP_DENSE, ep_dense, "expert parallelism on a model without experts")                                             \
    X(EP_EXPERTS, ep_experts, "the expert shards do not divide the experts")                                           \
    X(EXPERT_TP, expert_tp, "expert_tp does not divide tp times ep")                                                   \
    X(GPUS, gpus, "more GPUs than the cluster has")                                                                    \
    X(MEMORY_WEIGHTS, memory_weights, "the weights do not fit in memory")                                              \
    X(MEMORY_KV, memory_kv, "no room for a minimal KV cache")                                                          \
    X(DTYPE, dtype, "the hardware cannot compute in this data type")                                                   \
    X(BATCH, batch, "max_num_batched_tokens is smaller than max_num_seqs")                                             \
    X(MEMORY_TRAINING, memory_training, "the training state does not fit in memory")                                   \
    X(MICRO_BATCHES, micro_batches, "the global batch is not a whole number of micro-batches")                         \
    X(CONTEXT_PARALLEL, context_parallel, "context_parallel does not divide dp")                                       \
    X(SCHEDULE, schedule, "the pipeline schedule cannot run this split")                                               \
    X(MEMORY_MATMUL, memory_matmul, "the matrices do not fit in memory")                                               \
    X(SCREENED, screened, "the search skipped it")                                                                     \
    X(CONVERGED, converged, "the replicas before it were enough")                                                      \
    X(LOW, low, "low has no model of what is asked (docs/level-of-detail.md); medium has")                             \
    X(SHARD_GROUP, shard_group, "shard_group does not divide the GPUs that have the same parameters")                  \
    X(NVLINK, nvlink, "the exchange of tokens over NVLink would leave the node")

enum ls_reason {
#define X(name, meaning, text) LS_REASON_##name,
    LS_REASONS(X)
#undef X
        LS_N_REASONS
};

/* Flag meaning in the cube, such as `tp_heads`. */
const char *ls_reason_name(enum ls_reason reason);

/* One line for a person. */
const char *ls_reason_text(enum ls_reason reason);

#endif
