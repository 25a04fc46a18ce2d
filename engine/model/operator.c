#include "engine/model/operator.h"

#include <assert.h>
#include <math.h>

static double row_bytes(enum ls_dtype dtype)
{
    return fmax(2.0, ls_dtype_bytes(dtype));
}

static double gemm_bytes(const struct ls_op *op, double n_matrices)
{
    return n_matrices * op->k * op->n * ls_dtype_bytes(op->dtype) + op->m * (op->k + op->n) * row_bytes(op->dtype);
}

/* MLA's latent holds the values inside the keys, so they are not read again. */
static bool is_latent(const struct ls_op *op)
{
    return op->kind == LS_OP_ATTENTION_DECODE && op->n_kv_heads == 1 && op->v_head_dim < op->head_dim;
}

static double attention_bytes(const struct ls_op *op)
{
    const double kv_width = is_latent(op) ? op->head_dim : op->head_dim + op->v_head_dim;
    return op->n_context * op->n_kv_heads * kv_width * ls_dtype_bytes(op->dtype) +
           op->n_query * op->n_heads * (op->head_dim + op->v_head_dim) * row_bytes(op->dtype);
}

/* Of each chunk of C tokens and value head: its triangular system (the products of its keys, and the inverse), what
 * its keys and values are in terms of it, the products with the state that comes and for the one that goes, and the
 * causal products of its queries. */
static double delta_flop(const struct ls_op *op)
{
    const double c = LS_DELTA_CHUNK, dk = op->head_dim, dv = op->v_head_dim;
    const double of_tok = 6 * dk * dv + 2 * c * (3 * dk + 2 * dv) + c * c / 3;
    return op->n_query * op->n_heads * of_tok;
}

/* Of each token and value head pass between its kernels, in 16 bits: keys and queries, read and written to be normed,
 * then keys for the system, for what it makes of them (read again), for the state (with that) and for the results (with
 * queries); values, what the system makes of them, what the state leaves of that, and results; the states that chunks
 * begin with, written and read. The system is written and read in 32 bits, its inverse in 16. */
static double delta_bytes(const struct ls_op *op)
{
    const double c = LS_DELTA_CHUNK, dk = op->head_dim, dv = op->v_head_dim;
    const double of_tok = 2 * (11 * dk + 6 * dv + 2 * dk * dv / c) + c * (2 * 4 + 2 * 2);
    return op->n_query * op->n_heads * of_tok + op->bytes;
}

double ls_op_flop(const struct ls_op *op)
{
    switch (op->kind) {
    case LS_OP_GEMM:
    case LS_OP_GROUPED_GEMM:
    case LS_OP_BATCHED_GEMM:
        return 2 * op->m * op->n * op->k;
    case LS_OP_ATTENTION_PREFILL:
    case LS_OP_ATTENTION_DECODE:
        return 2 * op->n_pairs * op->n_heads * (op->head_dim + op->v_head_dim);
    case LS_OP_MEMORY:
        return 0;
    case LS_OP_DELTA_RULE:
        return delta_flop(op);
    case LS_OP_STATED:
        return op->flop;
    }
    assert(!"an operator has one of the kinds above");
    return 0;
}

double ls_op_bytes(const struct ls_op *op)
{
    switch (op->kind) {
    case LS_OP_GEMM:
        return gemm_bytes(op, 1);
    case LS_OP_GROUPED_GEMM:
    case LS_OP_BATCHED_GEMM:
        return gemm_bytes(op, op->groups);
    case LS_OP_ATTENTION_PREFILL:
    case LS_OP_ATTENTION_DECODE:
        return attention_bytes(op);
    case LS_OP_DELTA_RULE:
        return delta_bytes(op);
    case LS_OP_MEMORY:
    case LS_OP_STATED:
        return op->bytes;
    }
    assert(!"an operator has one of the kinds above");
    return 0;
}

int64_t ls_shard_expert_shards(const struct ls_shard *shard)
{
    return shard->tp * shard->ep / shard->expert_tp;
}

struct ls_formats ls_model_formats(const struct ls_model *model, enum ls_dtype weight, enum ls_dtype kv)
{
    const bool own = (int32_t)weight == model->dtype;
    const enum ls_dtype activation = (enum ls_dtype)model->activation_dtype;
    const bool stated = own && model->attention_dtype != LS_NULL_CHOICE;
    const enum ls_dtype latent = weight == LS_NVFP4 && ls_model_is_mla(model) ? activation : weight;
    return (struct ls_formats){
        .weight = weight,
        .attention = stated ? (enum ls_dtype)model->attention_dtype : latent,
        .attention_out = stated ? (enum ls_dtype)model->attention_dtype : weight,
        .expert = own ? (enum ls_dtype)model->expert_dtype : weight,
        .kv = kv,
        .activation = activation,
    };
}

/* vllm/distributed/utils.py, get_pp_indices: n / pp layers each; the n mod pp that remain go one each to the stages
 * before the last, from the last but one towards the first, because the last has the head. */
int64_t ls_stage_first_layer(int64_t n_layers, int64_t pp, int64_t stage)
{
    assert(pp >= 1 && stage >= 0 && stage <= pp);
    const int64_t base = n_layers / pp;
    const int64_t rest = n_layers % pp;
    const int64_t first_larger = pp - 1 - rest;
    if (stage == pp)
        return n_layers;
    return stage * base + (rest > 0 && stage > first_larger ? stage - first_larger : 0);
}

enum ls_layer_kind ls_model_layer_kind(const struct ls_model *model, int64_t i)
{
    const bool moe = ls_model_is_moe_layer(model, i);
    if (ls_model_is_full_layer(model, i))
        return moe ? LS_LAYER_FULL_MOE : LS_LAYER_FULL_DENSE;
    return moe ? LS_LAYER_SLIDING_MOE : LS_LAYER_SLIDING_DENSE;
}

void ls_model_count_layers(const struct ls_model *model, int64_t first, int64_t end, int64_t count[LS_N_LAYER_KINDS])
{
    for (int kind = 0; kind < LS_N_LAYER_KINDS; kind++)
        count[kind] = 0;
    for (int64_t i = first; i < end; i++)
        count[ls_model_layer_kind(model, i)]++;
}

double ls_expected_distinct_experts(double n_experts, double top_k, double n_tok)
{
    return n_experts * (1 - pow(1 - top_k / n_experts, n_tok));
}

struct ls_expert_load ls_uniform_load(const struct ls_model *model, int64_t n_group_tok, double imbalance)
{
    const double n = (double)model->n_routed_experts;
    const double hit = ls_expected_distinct_experts(n, (double)model->num_experts_per_tok, (double)n_group_tok) / n;
    return (struct ls_expert_load){.imbalance = imbalance, .hit = hit, .loads = {1, 1, 1, 1}};
}

/* E[max] = Σ over j of P(max > j) = Σ over j of 1 − F(j)^shards; the binomial's terms follow from one another, in
 * logarithms because the first may be tiny. */
double ls_expected_slowest_experts(double experts, double shards, double p)
{
    if (!(p > 0))
        return 0;
    if (p >= 1)
        return experts;
    double log_term = experts * log1p(-p);
    double below = 0;
    double mean = 0;
    for (double j = 0; j < experts; j++) {
        below = fmin(1, below + exp(log_term));
        mean += 1 - pow(below, shards);
        log_term += log((experts - j) / (j + 1)) + log(p) - log1p(-p);
    }
    return fmax(1, mean);
}
