#include "engine/model/model.h"

#include <inttypes.h>
#include <math.h>

#include "engine/model/stated.h"
#include "engine/model/weights.h"

/* Above this many parameters, sums in double would no longer be exact. */
#define MAX_PARAMETERS 9007199254740992.0

static void set_if_null(int64_t *field, int64_t value)
{
    if (*field == LS_NULL_INT)
        *field = value;
}

static void choose_if_null(int32_t *field, int32_t value)
{
    if (*field == LS_NULL_CHOICE)
        *field = value;
}

bool ls_model_is_moe(const struct ls_model *model)
{
    return model->n_routed_experts != LS_NULL_INT;
}

bool ls_model_is_moe_layer(const struct ls_model *model, int64_t i)
{
    return ls_model_is_moe(model) && i >= model->first_k_dense_replace && (i + 1) % model->decoder_sparse_step == 0;
}

int64_t ls_model_n_moe_layers(const struct ls_model *model)
{
    const int64_t step = model->decoder_sparse_step;
    return ls_model_is_moe(model) ? model->num_hidden_layers / step - model->first_k_dense_replace / step : 0;
}

bool ls_model_is_mla(const struct ls_model *model)
{
    return model->kv_lora_rank != LS_NULL_INT;
}

bool ls_model_is_linear(const struct ls_model *model)
{
    return model->full_attention_interval != LS_NULL_INT;
}

bool ls_model_is_full_layer(const struct ls_model *model, int64_t i)
{
    if (ls_model_is_linear(model))
        return (i + 1) % model->full_attention_interval == 0;
    return model->sliding_window == LS_NULL_INT ||
           (model->sliding_window_pattern != LS_NULL_INT && (i + 1) % model->sliding_window_pattern == 0);
}

int64_t ls_model_conv_channels(const struct ls_model *model)
{
    return 2 * model->linear_num_key_heads * model->linear_key_head_dim +
           model->linear_num_value_heads * model->linear_value_head_dim;
}

bool ls_model_is_stated(const struct ls_model *model)
{
    return !isnan(model->stated.pass[LS_TOK_PROMPT].flop) || !isnan(model->stated.block[LS_BLOCK_ATTENTION].flop[0]);
}

int64_t ls_model_v_head_dim(const struct ls_model *model)
{
    return ls_model_is_mla(model) ? model->v_head_dim : model->head_dim;
}

static enum ls_status check_required(const struct ls_model *model, struct ls_err *err)
{
    for (size_t i = 0; i < ls_model_params.n; i++) {
        const struct ls_param *row = &ls_model_params.rows[i];
        if (!(row->flags & LS_PARAM_REQUIRED))
            continue;
        const int64_t *field = (const void *)((const char *)model + row->offset);
        if (*field == LS_NULL_INT)
            return ls_fail(err, LS_INPUT, "%s: missing; every model needs it", row->key);
    }
    return LS_OK;
}

static void fill_formats(struct ls_model *model)
{
    const bool plain = model->dtype == LS_FP32 || model->dtype == LS_BF16 || model->dtype == LS_FP16;
    choose_if_null(&model->activation_dtype, plain ? model->dtype : (int32_t)LS_BF16);
    choose_if_null(&model->dtype, model->activation_dtype);
    choose_if_null(&model->expert_dtype, model->dtype);
}

static enum ls_status complete_attention(struct ls_model *model, struct ls_err *err)
{
    const int64_t heads = model->num_attention_heads;
    set_if_null(&model->num_key_value_heads, heads);
    if (heads % model->num_key_value_heads != 0)
        return ls_fail(err, LS_INPUT, "num_key_value_heads: %" PRId64 " does not divide %" PRId64 " attention heads",
                       model->num_key_value_heads, heads);
    if (model->head_dim == LS_NULL_INT && !ls_model_is_mla(model) && model->hidden_size % heads != 0)
        return ls_fail(err, LS_INPUT,
                       "head_dim: missing, and %" PRId64 " attention heads do not divide hidden_size %" PRId64, heads,
                       model->hidden_size);
    set_if_null(&model->head_dim, model->hidden_size >= heads ? model->hidden_size / heads : 1);
    choose_if_null(&model->attention_out_bias, model->attention_bias);
    if (!model->use_sliding_window)
        model->sliding_window = LS_NULL_INT;
    return LS_OK;
}

static enum ls_status check_latent_attention(const struct ls_model *model, struct ls_err *err)
{
    const struct {
        const char *key;
        int64_t value;
    } parts[] = {{"qk_nope_head_dim", model->qk_nope_head_dim},
                 {"qk_rope_head_dim", model->qk_rope_head_dim},
                 {"v_head_dim", model->v_head_dim}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (ls_model_is_mla(model) && parts[i].value == LS_NULL_INT)
            return ls_fail(err, LS_INPUT, "%s: missing; latent attention (kv_lora_rank) needs it", parts[i].key);
        if (!ls_model_is_mla(model) && parts[i].value != LS_NULL_INT)
            return ls_fail(err, LS_INPUT, "%s: means something with kv_lora_rank only, which is missing", parts[i].key);
    }
    if (!ls_model_is_mla(model) && model->q_lora_rank != LS_NULL_INT)
        return ls_fail(err, LS_INPUT, "q_lora_rank: means something with kv_lora_rank only, which is missing");
    return LS_OK;
}

static enum ls_status complete_linear(struct ls_model *model, struct ls_err *err)
{
    const struct {
        const char *key;
        int64_t value;
    } parts[] = {{"linear_num_key_heads", model->linear_num_key_heads},
                 {"linear_num_value_heads", model->linear_num_value_heads},
                 {"linear_key_head_dim", model->linear_key_head_dim},
                 {"linear_value_head_dim", model->linear_value_head_dim}};
    const bool linear = ls_model_is_linear(model);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (linear && parts[i].value == LS_NULL_INT)
            return ls_fail(err, LS_INPUT, "%s: missing; linear attention (full_attention_interval) needs it",
                           parts[i].key);
        if (!linear && parts[i].value != LS_NULL_INT)
            return ls_fail(err, LS_INPUT, "%s: means something with full_attention_interval only, which is missing",
                           parts[i].key);
    }
    if (!linear)
        return LS_OK;
    set_if_null(&model->linear_conv_kernel_dim, 4);
    if (model->linear_num_value_heads % model->linear_num_key_heads != 0)
        return ls_fail(err, LS_INPUT,
                       "linear_num_key_heads: %" PRId64 " does not divide linear_num_value_heads %" PRId64,
                       model->linear_num_key_heads, model->linear_num_value_heads);
    if (ls_model_is_mla(model) || model->sliding_window != LS_NULL_INT)
        return ls_fail(err, LS_INPUT, "full_attention_interval: stands beside ordinary attention only, not beside %s",
                       ls_model_is_mla(model) ? "kv_lora_rank" : "sliding_window");
    return LS_OK;
}

/* Groups of experts hold as many each, and those of a token enough for its choices. */
static enum ls_status complete_groups(struct ls_model *model, struct ls_err *err)
{
    const int64_t experts = model->n_routed_experts;
    set_if_null(&model->n_group, 1);
    set_if_null(&model->topk_group, model->n_group);
    if (experts % model->n_group != 0)
        return ls_fail(err, LS_INPUT, "n_group: %" PRId64 " does not divide %" PRId64 " routed experts", model->n_group,
                       experts);
    if (model->topk_group > model->n_group)
        return ls_fail(err, LS_INPUT, "topk_group: %" PRId64 " is more than the %" PRId64 " groups", model->topk_group,
                       model->n_group);
    if (model->topk_group * (experts / model->n_group) < model->num_experts_per_tok)
        return ls_fail(err, LS_INPUT, "topk_group: %" PRId64 " groups of %" PRId64 " experts hold no %" PRId64,
                       model->topk_group, experts / model->n_group, model->num_experts_per_tok);
    return LS_OK;
}

static enum ls_status complete_experts(struct ls_model *model, struct ls_err *err)
{
    set_if_null(&model->n_shared_experts, 0);
    set_if_null(&model->first_k_dense_replace, 0);
    set_if_null(&model->decoder_sparse_step, 1);
    if (!ls_model_is_moe(model)) {
        if (model->decoder_sparse_step > 1)
            return ls_fail(err, LS_INPUT,
                           "decoder_sparse_step: means something with n_routed_experts only, which is missing");
        if (model->num_experts_per_tok != LS_NULL_INT)
            return ls_fail(err, LS_INPUT,
                           "num_experts_per_tok: means something with n_routed_experts only, which is "
                           "missing");
        return LS_OK;
    }
    set_if_null(&model->moe_intermediate_size, model->intermediate_size);
    if (model->num_experts_per_tok == LS_NULL_INT)
        return ls_fail(err, LS_INPUT, "num_experts_per_tok: missing; a mixture of experts (n_routed_experts) needs it");
    if (model->num_experts_per_tok > model->n_routed_experts)
        return ls_fail(err, LS_INPUT, "num_experts_per_tok: %" PRId64 " is more than the %" PRId64 " routed experts",
                       model->num_experts_per_tok, model->n_routed_experts);
    if (model->first_k_dense_replace > model->num_hidden_layers)
        return ls_fail(err, LS_INPUT, "first_k_dense_replace: %" PRId64 " is more than the %" PRId64 " layers",
                       model->first_k_dense_replace, model->num_hidden_layers);
    if (model->decoder_sparse_step > model->num_hidden_layers)
        return ls_fail(err, LS_INPUT,
                       "decoder_sparse_step: %" PRId64 " is more than the %" PRId64 " layers, so none has experts",
                       model->decoder_sparse_step, model->num_hidden_layers);
    return complete_groups(model, err);
}

static double sum_params(const struct ls_weight *weights, size_t n, bool active)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += active ? weights[i].n_active_params : weights[i].n_params;
    return sum;
}

static double count_parameters(const struct ls_model *model, bool active)
{
    struct ls_weight weights[LS_MAX_WEIGHTS];
    int64_t count[LS_N_LAYER_KINDS];
    double sum = sum_params(weights, ls_weights_of_embedding(model, weights), active);
    if (model->tie_word_embeddings && active)
        sum = 0; /* the head reads the whole table */
    sum += sum_params(weights, ls_weights_of_head(model, weights), active);
    if (model->tie_word_embeddings && !active)
        sum -= (double)(model->vocab_size * model->hidden_size);
    ls_weights_count_layers(model, 0, model->num_hidden_layers, count);
    for (int kind = 0; kind < LS_N_LAYER_KINDS; kind++)
        if (count[kind] > 0)
            sum += (double)count[kind] *
                   sum_params(weights, ls_weights_of_layer(model, (enum ls_layer_kind)kind, weights), active);
    return sum;
}

enum ls_status ls_model_complete(struct ls_model *model, struct ls_err *err)
{
    struct ls_model full = *model;
    enum ls_status status = check_required(&full, err);
    if (status)
        return status;
    set_if_null(&full.intermediate_size, 4 * full.hidden_size);
    choose_if_null(&full.norm_bias, full.norm == LS_NORM_LAYER);
    fill_formats(&full);
    status = complete_attention(&full, err);
    if (!status)
        status = check_latent_attention(&full, err);
    if (!status)
        status = complete_linear(&full, err);
    if (!status)
        status = ls_stated_check(&full, err);
    if (!status)
        status = complete_experts(&full, err);
    if (status)
        return status;
    if (full.position_embedding == LS_POSITION_LEARNED && full.max_position_embeddings == LS_NULL_INT)
        return ls_fail(err, LS_INPUT, "max_position_embeddings: missing; learned positions need it");
    if (count_parameters(&full, false) > MAX_PARAMETERS)
        return ls_fail(err, LS_INPUT, "hidden_size: the model has more than 9e15 parameters");
    *model = full;
    return LS_OK;
}

int64_t ls_model_parameters(const struct ls_model *model)
{
    if (model->stated.parameters != LS_NULL_INT)
        return model->stated.parameters;
    return (int64_t)count_parameters(model, false);
}

int64_t ls_model_active_parameters(const struct ls_model *model)
{
    if (model->stated.parameters != LS_NULL_INT)
        return model->stated.parameters;
    return (int64_t)(count_parameters(model, true) + 0.5);
}
