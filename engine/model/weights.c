#include "engine/model/weights.h"

#include <assert.h>

struct list {
    struct ls_weight *weights;
    size_t n;
};

/* Empty groups are left out, so that callers need no conditions. */
static void add_partly_active(struct list *list, const char *name, double n_params, double active_frac,
                              enum ls_weight_role role, enum ls_weight_split split)
{
    if (!(n_params > 0))
        return;
    assert(list->n < LS_MAX_WEIGHTS);
    list->weights[list->n++] = (struct ls_weight){name, n_params, n_params * active_frac, role, split};
}

static void add(struct list *list, const char *name, double n_params, enum ls_weight_role role,
                enum ls_weight_split split)
{
    add_partly_active(list, name, n_params, 1, role, split);
}

static double norm_params(const struct ls_model *model)
{
    return (double)model->hidden_size * (model->norm_bias ? 2 : 1);
}

/* DeepSeek-V2, arXiv 2405.04434, section 2.1; names as in its checkpoint. */
static void add_latent_attention(struct list *list, const struct ls_model *model)
{
    const double h = (double)model->hidden_size;
    const double heads = (double)model->num_attention_heads;
    const double kv_rank = (double)model->kv_lora_rank;
    const double rope = (double)model->qk_rope_head_dim;
    const double qk = (double)model->qk_nope_head_dim + rope;
    if (model->q_lora_rank != LS_NULL_INT) {
        const double q_rank = (double)model->q_lora_rank;
        add(list, "q_a", h * q_rank, LS_WEIGHT_ATTENTION, LS_SPLIT_NONE);
        add(list, "q_a_norm", q_rank, LS_WEIGHT_ACTIVATION, LS_SPLIT_NONE);
        add(list, "q_b", q_rank * heads * qk, LS_WEIGHT_ATTENTION, LS_SPLIT_TP);
    } else {
        add(list, "q", h * heads * qk, LS_WEIGHT_ATTENTION, LS_SPLIT_TP);
    }
    add(list, "kv_a", h * (kv_rank + rope), LS_WEIGHT_ATTENTION, LS_SPLIT_NONE);
    add(list, "kv_a_norm", kv_rank, LS_WEIGHT_ACTIVATION, LS_SPLIT_NONE);
    add(list, "kv_b", kv_rank * heads * (double)(model->qk_nope_head_dim + model->v_head_dim), LS_WEIGHT_ATTENTION,
        LS_SPLIT_TP);
    add(list, "o", heads * (double)model->v_head_dim * h, LS_WEIGHT_ATTENTION_OUT, LS_SPLIT_TP);
}

static void add_attention(struct list *list, const struct ls_model *model)
{
    const double h = (double)model->hidden_size;
    const double q_width = (double)(model->num_attention_heads * model->head_dim);
    const double kv_width = 2 * (double)(model->num_key_value_heads * model->head_dim);
    add(list, "q", h * q_width * (model->attn_output_gate ? 2 : 1), LS_WEIGHT_ATTENTION, LS_SPLIT_TP);
    add(list, "kv", h * kv_width, LS_WEIGHT_ATTENTION, LS_SPLIT_KV);
    add(list, "o", q_width * h, LS_WEIGHT_ATTENTION_OUT, LS_SPLIT_TP);
    if (model->attention_bias) {
        add(list, "q_bias", q_width, LS_WEIGHT_ACTIVATION, LS_SPLIT_TP);
        add(list, "kv_bias", kv_width, LS_WEIGHT_ACTIVATION, LS_SPLIT_KV);
    }
    if (model->attention_out_bias)
        add(list, "o_bias", h, LS_WEIGHT_ACTIVATION, LS_SPLIT_NONE);
    if (model->attention_sinks)
        add(list, "sinks", (double)model->num_attention_heads, LS_WEIGHT_ACTIVATION, LS_SPLIT_TP);
    if (model->qk_norm)
        add(list, "qk_norm", 2 * (double)model->head_dim, LS_WEIGHT_ACTIVATION, LS_SPLIT_NONE);
}

/* As in Qwen3-Next's checkpoint: queries, keys, values and the output's gate; how much is written and how much decays,
 * of each value head; the convolution; bias and scale of the decay; the norm of the heads' results. */
static void add_delta_net(struct list *list, const struct ls_model *model)
{
    const double h = (double)model->hidden_size;
    const double channels = (double)ls_model_conv_channels(model);
    const double heads = (double)model->linear_num_value_heads;
    const double v_width = heads * (double)model->linear_value_head_dim;
    add(list, "qkvz", h * (channels + v_width), LS_WEIGHT_ATTENTION, LS_SPLIT_TP);
    add(list, "ba", h * 2 * heads, LS_WEIGHT_ACTIVATION, LS_SPLIT_TP);
    add(list, "conv", channels * (double)model->linear_conv_kernel_dim, LS_WEIGHT_ACTIVATION, LS_SPLIT_TP);
    add(list, "decay", 2 * heads, LS_WEIGHT_ACTIVATION, LS_SPLIT_TP);
    add(list, "o_norm", (double)model->linear_value_head_dim, LS_WEIGHT_ACTIVATION, LS_SPLIT_NONE);
    add(list, "o", v_width * h, LS_WEIGHT_ATTENTION_OUT, LS_SPLIT_TP);
}

static void add_mlp(struct list *list, const struct ls_model *model)
{
    const double h = (double)model->hidden_size;
    const double up_width = (double)model->intermediate_size * (model->gated_mlp ? 2 : 1);
    add(list, "up", h * up_width, LS_WEIGHT_LINEAR, LS_SPLIT_TP);
    add(list, "down", (double)model->intermediate_size * h, LS_WEIGHT_LINEAR, LS_SPLIT_TP);
    if (model->mlp_bias) {
        add(list, "up_bias", up_width, LS_WEIGHT_ACTIVATION, LS_SPLIT_TP);
        add(list, "down_bias", h, LS_WEIGHT_ACTIVATION, LS_SPLIT_NONE);
    }
}

static void add_experts(struct list *list, const struct ls_model *model)
{
    const double h = (double)model->hidden_size;
    const double width = (double)model->moe_intermediate_size;
    const double up_width = width * (model->gated_mlp ? 2 : 1);
    const double n = (double)model->n_routed_experts;
    const double active = (double)model->num_experts_per_tok / n;
    add(list, "router", h * n, LS_WEIGHT_ACTIVATION, LS_SPLIT_NONE);
    if (model->router_bias)
        add(list, "router_bias", n, LS_WEIGHT_ACTIVATION, LS_SPLIT_NONE);
    add_partly_active(list, "experts_up", n * h * up_width, active, LS_WEIGHT_EXPERT, LS_SPLIT_EXPERTS);
    add_partly_active(list, "experts_down", n * width * h, active, LS_WEIGHT_EXPERT, LS_SPLIT_EXPERTS);
    if (model->expert_bias) {
        add_partly_active(list, "experts_up_bias", n * up_width, active, LS_WEIGHT_ACTIVATION, LS_SPLIT_EXPERTS);
        add_partly_active(list, "experts_down_bias", n * h, active, LS_WEIGHT_ACTIVATION, LS_SPLIT_EXPERT_OUT);
    }
    const double shared = (double)model->n_shared_experts;
    add(list, "shared_up", shared * h * up_width, LS_WEIGHT_LINEAR, LS_SPLIT_TP);
    add(list, "shared_down", shared * width * h, LS_WEIGHT_LINEAR, LS_SPLIT_TP);
    add(list, "shared_gate", model->shared_expert_gate ? h : 0, LS_WEIGHT_ACTIVATION, LS_SPLIT_NONE);
}

void ls_weights_count_layers(const struct ls_model *model, int64_t first, int64_t end, int64_t count[LS_N_LAYER_KINDS])
{
    ls_model_count_layers(model, first, end, count);
    if (ls_model_is_linear(model))
        return;
    count[LS_LAYER_FULL_DENSE] += count[LS_LAYER_SLIDING_DENSE];
    count[LS_LAYER_FULL_MOE] += count[LS_LAYER_SLIDING_MOE];
    count[LS_LAYER_SLIDING_DENSE] = count[LS_LAYER_SLIDING_MOE] = 0;
}

size_t ls_weights_of_layer(const struct ls_model *model, enum ls_layer_kind kind,
                           struct ls_weight weights[LS_MAX_WEIGHTS])
{
    const bool sliding = kind == LS_LAYER_SLIDING_DENSE || kind == LS_LAYER_SLIDING_MOE;
    const bool moe = kind == LS_LAYER_FULL_MOE || kind == LS_LAYER_SLIDING_MOE;
    struct list list = {weights, 0};
    add(&list, "norms", (double)model->norms_per_layer * norm_params(model), LS_WEIGHT_ACTIVATION, LS_SPLIT_NONE);
    if (sliding && ls_model_is_linear(model))
        add_delta_net(&list, model);
    else if (ls_model_is_mla(model))
        add_latent_attention(&list, model);
    else
        add_attention(&list, model);
    if (moe)
        add_experts(&list, model);
    else
        add_mlp(&list, model);
    return list.n;
}

size_t ls_weights_of_embedding(const struct ls_model *model, struct ls_weight weights[LS_MAX_WEIGHTS])
{
    struct list list = {weights, 0};
    const double h = (double)model->hidden_size;
    const double vocab = (double)model->vocab_size;
    add_partly_active(&list, "embedding", vocab * h, 1 / vocab, LS_WEIGHT_ACTIVATION, LS_SPLIT_TP);
    if (model->position_embedding == LS_POSITION_LEARNED) {
        const double positions = (double)model->max_position_embeddings;
        add_partly_active(&list, "positions", positions * h, 1 / positions, LS_WEIGHT_ACTIVATION, LS_SPLIT_NONE);
    }
    if (model->embedding_norm)
        add(&list, "embedding_norm", norm_params(model), LS_WEIGHT_ACTIVATION, LS_SPLIT_NONE);
    return list.n;
}

size_t ls_weights_of_head(const struct ls_model *model, struct ls_weight weights[LS_MAX_WEIGHTS])
{
    struct list list = {weights, 0};
    add(&list, "final_norm", norm_params(model), LS_WEIGHT_ACTIVATION, LS_SPLIT_NONE);
    add(&list, "head", (double)(model->vocab_size * model->hidden_size), LS_WEIGHT_ACTIVATION, LS_SPLIT_TP);
    return list.n;
}

enum ls_dtype ls_weight_dtype(const struct ls_weight *weight, const struct ls_formats *formats)
{
    switch (weight->role) {
    case LS_WEIGHT_LINEAR:
        return formats->weight;
    case LS_WEIGHT_ATTENTION:
        return formats->attention;
    case LS_WEIGHT_ATTENTION_OUT:
        return formats->attention_out;
    case LS_WEIGHT_EXPERT:
        return formats->expert;
    case LS_WEIGHT_ACTIVATION:
        return formats->activation;
    }
    assert(!"a weight has one of the roles above");
    return formats->activation;
}
