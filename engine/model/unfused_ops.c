#include "engine/model/unfused_ops.h"

#include <assert.h>

void ls_ops_scores(const struct ls_scores *scores, struct ls_op ops[LS_N_SCORE_OPS])
{
    const double queries = scores->groups * scores->rows;
    ops[0] = (struct ls_op){.kind = LS_OP_BATCHED_GEMM,
                            .name = "scores",
                            .dtype = scores->dtype,
                            .m = queries,
                            .k = scores->head_dim,
                            .n = scores->keys,
                            .groups = scores->groups};
    ops[1] = (struct ls_op){.kind = LS_OP_MEMORY,
                            .name = "softmax",
                            .dtype = scores->dtype,
                            .bytes = queries * scores->keys * scores->softmax_bytes};
    ops[2] = (struct ls_op){.kind = LS_OP_BATCHED_GEMM,
                            .name = "values",
                            .dtype = scores->dtype,
                            .m = queries,
                            .k = scores->keys,
                            .n = scores->v_head_dim,
                            .groups = scores->groups};
}

size_t ls_ops_unfuse(struct ls_op ops[LS_MAX_OPS], size_t n)
{
    if (n == 0 || ops[n - 1].kind != LS_OP_ATTENTION_PREFILL)
        return n;
    const struct ls_op fused = ops[n - 1];
    const enum ls_dtype dtype = ls_dtype_bytes(fused.dtype) < 2.0 ? LS_BF16 : fused.dtype;
    const double value = ls_dtype_bytes(dtype), width = fused.head_dim + fused.v_head_dim;
    const double kv_values = fused.n_query * fused.n_kv_heads * width;
    const double q_values = fused.n_query * fused.n_heads * fused.head_dim;
    const double results = fused.n_query * fused.n_heads * fused.v_head_dim;
    const struct ls_scores scores = {
        .dtype = dtype,
        .groups = fused.n_seqs * fused.n_heads,
        .rows = fused.n_query / fused.n_seqs,
        .keys = (2.0 * fused.n_pairs - fused.n_query) / fused.n_query,
        .head_dim = fused.head_dim,
        .v_head_dim = fused.v_head_dim,
        .softmax_bytes = 2.0 + 4.0 + 2.0, /* fp32 scores are 2 wider to write, then 4 to read, and 2 to write */
    };
    size_t count = n - 1;
    assert(count + 3 + LS_N_SCORE_OPS <= LS_MAX_OPS);
    struct ls_op moved = {.kind = LS_OP_MEMORY, .dtype = dtype};
    moved.name = "split_heads";
    moved.bytes = 3.0 * (q_values + kv_values) * value;
    ops[count++] = moved;
    moved.name = "cache_write";
    moved.bytes = kv_values * (value + ls_dtype_bytes(fused.dtype));
    ops[count++] = moved;
    ls_ops_scores(&scores, &ops[count]);
    count += LS_N_SCORE_OPS;
    moved.name = "merge_heads";
    moved.bytes = 2.0 * results * value;
    ops[count++] = moved;
    return count;
}
