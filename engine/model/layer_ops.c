/* The operators of a transformer layer, of the embedding before it and the head after it. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "engine/model/operator.h"
#include "engine/model/stated.h"

/* The list that is filled, and what every operator needs to know. */
struct list {
    struct ls_op *ops;
    size_t n;
    const struct ls_model *model;
    const struct ls_shard *shard;
    const struct ls_formats *formats;
    double row_bytes; /* of one activation value */
};

static struct list list_init(const struct ls_model *model, const struct ls_shard *shard,
                             const struct ls_formats *formats, struct ls_op *ops)
{
    return (struct list){ops, 0, model, shard, formats, ls_dtype_bytes(formats->activation)};
}

static void add(struct list *list, const struct ls_op *op)
{
    assert(list->n < LS_MAX_OPS);
    list->ops[list->n++] = *op;
}

static void add_gemm(struct list *list, const char *name, enum ls_dtype dtype, double m, double k, double n)
{
    add(list, &(struct ls_op){.kind = LS_OP_GEMM, .name = name, .dtype = dtype, .m = m, .k = k, .n = n});
}

static void add_memory(struct list *list, const char *name, double bytes)
{
    add(list, &(struct ls_op){.kind = LS_OP_MEMORY, .name = name, .dtype = list->formats->activation, .bytes = bytes});
}

/* `values` activations read or written. */
static void add_traffic(struct list *list, const char *name, double values)
{
    add_memory(list, name, values * list->row_bytes);
}

/* The first norm of a block takes the residual stream along (reads two rows, writes two); a further one, behind the
 * block, reads and writes one. */
static void add_norms(struct list *list, const char *name, int64_t n_norms, double n_tok)
{
    const double row = (double)list->model->hidden_size;
    if (n_norms > 0)
        add_traffic(list, name, (4 * n_tok + 2.0 * (double)(n_norms - 1) * n_tok + (double)n_norms) * row);
}

static double heads_per_gpu(const struct list *list)
{
    return (double)list->model->num_attention_heads / (double)list->shard->tp;
}

static double kv_heads_per_gpu(const struct list *list)
{
    return fmax(1, (double)list->model->num_key_value_heads / (double)list->shard->tp);
}

static void add_qkv(struct list *list, double n_tok)
{
    const struct ls_model *model = list->model;
    const double head_dim = (double)model->head_dim;
    const double q_width = heads_per_gpu(list) * head_dim;
    const double k_width = kv_heads_per_gpu(list) * head_dim;
    const double gate_width = model->attn_output_gate ? q_width : 0;
    add_gemm(list, "qkv", list->formats->attention, n_tok, (double)model->hidden_size,
             q_width + gate_width + 2 * k_width);
    if (model->qk_norm)
        add_traffic(list, "qk_norm", 2 * n_tok * (q_width + k_width));
    if (model->position_embedding == LS_POSITION_ROTARY)
        add_traffic(list, "rotary", 2 * n_tok * (q_width + k_width));
    if (gate_width > 0)
        add_traffic(list, "o_gate", 3 * n_tok * gate_width);
    add_gemm(list, "o", list->formats->attention_out, n_tok, q_width, (double)model->hidden_size);
}

static void add_latent_qkv(struct list *list, double n_tok)
{
    const struct ls_model *model = list->model;
    const enum ls_dtype weight = list->formats->attention;
    const double hidden = (double)model->hidden_size;
    const double rope = (double)model->qk_rope_head_dim;
    const double q_width = heads_per_gpu(list) * ((double)model->qk_nope_head_dim + rope);
    const double latent = (double)model->kv_lora_rank + rope;
    if (model->q_lora_rank != LS_NULL_INT) {
        const double q_rank = (double)model->q_lora_rank;
        add_gemm(list, "qkv_a", weight, n_tok, hidden, q_rank + latent);
        add_traffic(list, "qkv_a_norm", 2 * n_tok * (q_rank + (double)model->kv_lora_rank));
        add_gemm(list, "q_b", weight, n_tok, q_rank, q_width);
    } else {
        add_gemm(list, "q", weight, n_tok, hidden, q_width);
        add_gemm(list, "kv_a", weight, n_tok, hidden, latent);
        add_traffic(list, "kv_a_norm", 2 * n_tok * (double)model->kv_lora_rank);
    }
    add_traffic(list, "rotary", 2 * n_tok * (heads_per_gpu(list) + 1) * rope);
    add_gemm(list, "o", list->formats->attention_out, n_tok, heads_per_gpu(list) * (double)model->v_head_dim, hidden);
}

/* -- gated delta-nets -- */

static double delta_heads_per_gpu(const struct list *list)
{
    return (double)list->model->linear_num_value_heads / (double)list->shard->tp;
}

static double conv_channels_per_gpu(const struct list *list)
{
    return (double)ls_model_conv_channels(list->model) / (double)list->shard->tp;
}

/* The convolution's last tokens and the heads' states of one sequence, read and written. */
static double conv_traffic(const struct list *list)
{
    return 2 * conv_channels_per_gpu(list) * (double)(list->model->linear_conv_kernel_dim - 1) * list->row_bytes;
}

static double state_traffic(const struct list *list)
{
    const struct ls_model *model = list->model;
    return 2 * delta_heads_per_gpu(list) * (double)(model->linear_key_head_dim * model->linear_value_head_dim) *
           ls_dtype_bytes((enum ls_dtype)model->mamba_ssm_dtype);
}

static void add_delta_linear(struct list *list, double n_tok)
{
    const struct ls_model *model = list->model;
    const double hidden = (double)model->hidden_size;
    const double v_width = delta_heads_per_gpu(list) * (double)model->linear_value_head_dim;
    add_gemm(list, "qkvz", list->formats->attention, n_tok, hidden, conv_channels_per_gpu(list) + v_width);
    add_gemm(list, "ba", list->formats->activation, n_tok, hidden, 2 * delta_heads_per_gpu(list));
    add_traffic(list, "gated_norm", 3 * n_tok * v_width);
    add_gemm(list, "o", list->formats->attention_out, n_tok, v_width, hidden);
}

static void add_delta_prefill(struct list *list, const struct ls_batch *batch)
{
    const struct ls_model *model = list->model;
    const double n_seqs = (double)batch->n_prefill, n_tok = (double)batch->prefill_tok;
    add_memory(list, "conv", 2 * n_tok * conv_channels_per_gpu(list) * list->row_bytes + n_seqs * conv_traffic(list));
    add(list, &(struct ls_op){.kind = LS_OP_DELTA_RULE,
                              .name = "delta_rule",
                              .dtype = list->formats->activation,
                              .n_seqs = n_seqs,
                              .n_query = n_tok,
                              .n_heads = delta_heads_per_gpu(list),
                              .head_dim = (double)model->linear_key_head_dim,
                              .v_head_dim = (double)model->linear_value_head_dim,
                              .bytes = n_seqs * state_traffic(list)});
}

/* Drafts that are verified leave a state each, for the one that holds is not known yet. */
static void add_delta_decode(struct list *list, const struct ls_batch *batch)
{
    const struct ls_model *model = list->model;
    const double n_seqs = (double)batch->n_decode, n_tok = n_seqs + (double)batch->draft_tok;
    const double rows = conv_channels_per_gpu(list) + delta_heads_per_gpu(list) * (double)model->linear_value_head_dim;
    add_memory(list, "conv_update",
               2 * n_tok * conv_channels_per_gpu(list) * list->row_bytes + n_seqs * conv_traffic(list));
    add_memory(list, "delta_update", n_tok * rows * list->row_bytes + (n_seqs + n_tok) / 2 * state_traffic(list));
}

size_t ls_ops_attention_linear(const struct ls_model *model, const struct ls_shard *shard,
                               const struct ls_formats *formats, bool sliding, int64_t n_tok,
                               struct ls_op ops[LS_MAX_OPS])
{
    struct list list = list_init(model, shard, formats, ops);
    if (n_tok == 0 || ls_model_is_stated(model))
        return 0;
    add_norms(&list, "attention_norm", (model->norms_per_layer + 1) / 2, (double)n_tok);
    if (sliding && ls_model_is_linear(model))
        add_delta_linear(&list, (double)n_tok);
    else if (ls_model_is_mla(model))
        add_latent_qkv(&list, (double)n_tok);
    else
        add_qkv(&list, (double)n_tok);
    return list.n;
}

/* The latent of tokens of earlier steps is gathered from the cache; all of it is expanded, and the shared rotary part
 * set behind each head's keys. */
static void add_latent_expansion(struct list *list, const struct ls_batch *batch)
{
    const struct ls_model *model = list->model;
    const double rope = (double)model->qk_rope_head_dim;
    const double nope = (double)model->qk_nope_head_dim;
    const double heads = heads_per_gpu(list);
    const double context = (double)batch->prefill_context;
    const double cached = (double)(batch->prefill_context - batch->prefill_tok);
    if (cached > 0)
        add_memory(list, "latent_gather",
                   cached * ((double)model->kv_lora_rank + rope) *
                       (list->row_bytes + ls_dtype_bytes(list->formats->kv)));
    add_gemm(list, "kv_b", list->formats->attention, context, (double)model->kv_lora_rank,
             heads * (nope + (double)model->v_head_dim));
    add_traffic(list, "k_concat", context * (heads * (2 * nope + rope) + rope));
}

size_t ls_ops_attention_prefill(const struct ls_model *model, const struct ls_shard *shard,
                                const struct ls_formats *formats, const struct ls_batch *batch, bool sliding,
                                struct ls_op ops[LS_MAX_OPS])
{
    struct list list = list_init(model, shard, formats, ops);
    const bool latent = ls_model_is_mla(model);
    if (ls_model_is_stated(model))
        return ls_ops_stated(model, shard, formats, LS_BLOCK_ATTENTION, LS_TOK_PROMPT, batch->prefill_tok, ops);
    if (batch->prefill_tok == 0)
        return 0;
    if (sliding && ls_model_is_linear(model)) {
        add_delta_prefill(&list, batch);
        return list.n;
    }
    if (latent)
        add_latent_expansion(&list, batch);
    add(&list, &(struct ls_op){
                   .kind = LS_OP_ATTENTION_PREFILL,
                   .name = "attention_prefill",
                   .dtype = latent ? formats->activation : formats->kv,
                   .n_seqs = (double)batch->n_prefill,
                   .n_query = (double)batch->prefill_tok,
                   .n_context = (double)(sliding ? batch->prefill_window_context : batch->prefill_context),
                   .n_pairs = (double)(sliding ? batch->prefill_window_pairs : batch->prefill_pairs),
                   .n_heads = heads_per_gpu(&list),
                   .n_kv_heads = latent ? heads_per_gpu(&list) : kv_heads_per_gpu(&list),
                   .head_dim = (double)(latent ? model->qk_nope_head_dim + model->qk_rope_head_dim : model->head_dim),
                   .v_head_dim = (double)ls_model_v_head_dim(model),
               });
    return list.n;
}

/* One matrix for each head: [n_decode, k] @ [k, n]. The engines keep these in the activation dtype. */
static void add_per_head_gemm(struct list *list, const char *name, double n_decode, double k, double n)
{
    add(list, &(struct ls_op){.kind = LS_OP_BATCHED_GEMM,
                              .name = name,
                              .dtype = list->formats->activation,
                              .m = n_decode * heads_per_gpu(list),
                              .k = k,
                              .n = n,
                              .groups = heads_per_gpu(list)});
}

size_t ls_ops_attention_decode(const struct ls_model *model, const struct ls_shard *shard,
                               const struct ls_formats *formats, const struct ls_batch *batch, bool sliding,
                               struct ls_op ops[LS_MAX_OPS])
{
    struct list list = list_init(model, shard, formats, ops);
    const bool latent = ls_model_is_mla(model);
    const double n_decode = (double)batch->n_decode, n_query = n_decode + (double)batch->draft_tok;
    const double context = (double)(sliding ? batch->decode_window : batch->decode_context);
    if (ls_model_is_stated(model))
        return ls_ops_stated(model, shard, formats, LS_BLOCK_ATTENTION, LS_TOK_DECODED,
                             batch->n_decode + batch->draft_tok, ops);
    if (batch->n_decode == 0)
        return 0;
    if (sliding && ls_model_is_linear(model)) {
        add_delta_decode(&list, batch);
        return list.n;
    }
    if (latent)
        add_per_head_gemm(&list, "absorb_q", n_query, (double)model->qk_nope_head_dim, (double)model->kv_lora_rank);
    add(&list, &(struct ls_op){
                   .kind = LS_OP_ATTENTION_DECODE,
                   .name = "attention_decode",
                   .dtype = formats->kv,
                   .n_seqs = n_decode,
                   .n_query = n_query,
                   .with_prompts = batch->n_prefill > 0,
                   .n_context = context,
                   .n_pairs = context * (n_query / n_decode),
                   .n_heads = heads_per_gpu(&list),
                   .n_kv_heads = latent ? 1 : kv_heads_per_gpu(&list),
                   .head_dim = (double)(latent ? model->kv_lora_rank + model->qk_rope_head_dim : model->head_dim),
                   .v_head_dim = (double)(latent ? model->kv_lora_rank : model->head_dim),
               });
    if (latent)
        add_per_head_gemm(&list, "absorb_v", n_query, (double)model->kv_lora_rank, (double)model->v_head_dim);
    return list.n;
}

/* Values read and written by the activation between two projections. */
static double activation_traffic(const struct ls_model *model, double n_rows, double width)
{
    return n_rows * width * (model->gated_mlp ? 3 : 2);
}

static double up_matrices(const struct ls_model *model)
{
    return model->gated_mlp ? 2 : 1;
}

static void add_dense_mlp(struct list *list, const char *const names[3], double n_tok, double width)
{
    const double hidden = (double)list->model->hidden_size;
    add_gemm(list, names[0], list->formats->weight, n_tok, hidden, width * up_matrices(list->model));
    add_traffic(list, names[1], activation_traffic(list->model, n_tok, width));
    add_gemm(list, names[2], list->formats->weight, n_tok, width, hidden);
}

size_t ls_ops_mlp(const struct ls_model *model, const struct ls_shard *shard, const struct ls_formats *formats,
                  int64_t n_tok, struct ls_op ops[LS_MAX_OPS])
{
    static const char *const names[] = {"up", "activation", "down"};
    struct list list = list_init(model, shard, formats, ops);
    if (n_tok == 0 || ls_model_is_stated(model))
        return 0;
    add_norms(&list, "mlp_norm", model->norms_per_layer / 2, (double)n_tok);
    add_dense_mlp(&list, names, (double)n_tok, (double)model->intermediate_size / (double)shard->tp);
    return list.n;
}

/* Rows of one GPU and the matrices that they fall on. */
struct expert_rows {
    double rows, distinct, held;
    const double *loads;
};

static void add_grouped_gemm(struct list *list, const char *name, const struct expert_rows *experts, double k, double n)
{
    struct ls_op op = {.kind = LS_OP_GROUPED_GEMM,
                       .name = name,
                       .dtype = list->formats->expert,
                       .m = experts->rows,
                       .k = k,
                       .n = n,
                       .groups = experts->distinct,
                       .matrices = experts->held};
    memcpy(op.loads, experts->loads, sizeof op.loads);
    add(list, &op);
}

/* The routed experts on the slowest GPU, its rows gathered before and scattered behind. */
static void add_experts(struct list *list, double n_group_tok, const struct ls_expert_load *load)
{
    const struct ls_model *model = list->model;
    const double shards = (double)ls_shard_expert_shards(list->shard);
    const double n_experts = (double)model->n_routed_experts;
    const double top_k = (double)model->num_experts_per_tok;
    const double held = (n_experts + (double)list->shard->redundant_experts) / shards;
    const double distinct = ls_expected_slowest_experts(held, shards, load->hit);
    const double rows = fmax(distinct, load->imbalance * n_group_tok * top_k / shards);
    const struct expert_rows experts = {rows, distinct, held, load->loads};
    const double hidden = (double)model->hidden_size;
    const double width = (double)model->moe_intermediate_size / (double)list->shard->expert_tp;
    add_traffic(list, "permute", 2 * rows * hidden);
    add_grouped_gemm(list, "experts_up", &experts, hidden, width * up_matrices(model));
    add_traffic(list, "experts_activation", activation_traffic(model, rows, width));
    add_grouped_gemm(list, "experts_down", &experts, width, hidden);
    add_traffic(list, "combine", 2 * rows * hidden);
}

size_t ls_ops_moe(const struct ls_model *model, const struct ls_shard *shard, const struct ls_formats *formats,
                  int64_t n_tok, int64_t n_group_tok, const struct ls_expert_load *load, struct ls_op ops[LS_MAX_OPS])
{
    static const char *const shared_names[] = {"shared_up", "shared_activation", "shared_down"};
    struct list list = list_init(model, shard, formats, ops);
    const double n_experts = (double)model->n_routed_experts;
    const double rows = (double)n_tok;
    if (n_tok > 0) {
        add_norms(&list, "moe_norm", model->norms_per_layer / 2, rows);
        add_gemm(&list, "router", formats->activation, rows, (double)model->hidden_size, n_experts);
        /* scores in fp32, a weight and an index for each choice */
        add_memory(&list, "top_k", rows * (n_experts * 4 + (double)model->num_experts_per_tok * 8));
    }
    if (n_group_tok > 0)
        add_experts(&list, (double)n_group_tok, load);
    if (n_tok > 0 && model->n_shared_experts > 0)
        add_dense_mlp(&list, shared_names, rows,
                      (double)(model->n_shared_experts * model->moe_intermediate_size) / (double)shard->tp);
    return list.n;
}

size_t ls_ops_embedding(const struct ls_model *model, const struct ls_shard *shard, const struct ls_formats *formats,
                        int64_t n_tok, struct ls_op ops[LS_MAX_OPS])
{
    struct list list = list_init(model, shard, formats, ops);
    const double values = (double)(n_tok * model->hidden_size);
    if (n_tok == 0 || ls_model_is_stated(model))
        return 0;
    add_traffic(&list, "embedding", values * (1 + 1 / (double)shard->tp));
    if (model->position_embedding == LS_POSITION_LEARNED)
        add_traffic(&list, "positions", 3 * values);
    if (model->embedding_norm)
        add_traffic(&list, "embedding_norm", 2 * values);
    return list.n;
}

size_t ls_ops_head(const struct ls_model *model, const struct ls_shard *shard, const struct ls_formats *formats,
                   int64_t n_sampled, struct ls_op ops[LS_MAX_OPS])
{
    struct list list = list_init(model, shard, formats, ops);
    const double rows = (double)n_sampled;
    const double vocab = (double)model->vocab_size;
    if (n_sampled == 0 || ls_model_is_stated(model))
        return 0;
    add_norms(&list, "final_norm", 1, rows);
    add_gemm(&list, "head", formats->activation, rows, (double)model->hidden_size, ceil(vocab / (double)shard->tp));
    /* every rank samples from the gathered logits: widened to fp32, then read once more */
    add_memory(&list, "sample", rows * vocab * (list.row_bytes + 8));
    return list.n;
}
