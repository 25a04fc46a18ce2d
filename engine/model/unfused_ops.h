#ifndef LS_ENGINE_MODEL_UNFUSED_OPS_H
#define LS_ENGINE_MODEL_UNFUSED_OPS_H

#include "engine/model/operator.h"

/* Attention whose scores pass the memory: a batched product of queries and keys, a softmax, a batched product with the
 * values, over all pairs, causal or not. */
struct ls_scores {
    enum ls_dtype dtype;
    double groups;     /* sequences times heads */
    double rows, keys; /* of one group */
    double head_dim, v_head_dim;
    double softmax_bytes; /* moved for each score, beside what the products move: their operands and 16 bit results */
};

enum { LS_N_SCORE_OPS = 3 };
void ls_ops_scores(const struct ls_scores *scores, struct ls_op ops[LS_N_SCORE_OPS]);

/* Puts the kernels of an engine without fused attention for prompts in place of the last operator, which is
 * LS_OP_ATTENTION_PREFILL, and returns the new number. As FasterTransformer runs them (src/fastertransformer/layers/
 * attention_layers/GptContextAttentionLayer.cc): clear and fill queries, keys and values by head, copy keys and values
 * to the cache, scores in fp32, softmax, values, and the results back by token. Chunks are taken for whole prompts of
 * one length, whose scores are 2 · pairs − queries a head; windows save nothing. */
size_t ls_ops_unfuse(struct ls_op ops[LS_MAX_OPS], size_t n);

#endif
