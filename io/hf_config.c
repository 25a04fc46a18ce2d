#include "io/hf_config.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define IGNORED ""

/* A value and what it is in our words; null: nothing to store. A list of them names every value that is understood and
 * ends with a null `from`. */
struct value {
    const char *from, *to;
};

/* A key, our name of it, and the values it may have; null: any, as it stands. A list ends with a null `from`. */
struct key {
    const char *from, *to;
    const struct value *values;
};

struct family {
    const char *model_type;
    void (*apply)(struct ls_model *model);
    const struct key *keys; /* these come before the common ones; null: none */
};

static void apply_llama(struct ls_model *model)
{
    (void)model; /* our defaults are a llama's */
}

static void apply_qwen2(struct ls_model *model)
{
    model->attention_bias = 1;
    model->attention_out_bias = 0;
    model->use_sliding_window = 0;
}

static void apply_qwen3(struct ls_model *model)
{
    model->qk_norm = 1;
    model->use_sliding_window = 0;
}

static void apply_gemma2(struct ls_model *model)
{
    model->tie_word_embeddings = 1;
    model->norms_per_layer = 4;
    model->sliding_window_pattern = 2;
}

static void apply_gpt_oss(struct ls_model *model)
{
    model->chat_template_chars = 0;
    model->attention_sinks = 1;
    model->router_bias = 1;
    model->expert_bias = 1;
    model->sliding_window_pattern = 2;
}

static void apply_deepseek_v3(struct ls_model *model)
{
    model->router_bias = 1;
}

static void apply_glm4_moe(struct ls_model *model)
{
    model->attention_out_bias = 0;
    model->router_bias = 1;
}

/* Gated delta-nets in three of four layers, experts in all, one of them shared. */
static void apply_qwen3_next(struct ls_model *model)
{
    model->qk_norm = 1;
    model->attn_output_gate = 1;
    model->full_attention_interval = 4;
    model->n_shared_experts = 1;
    model->shared_expert_gate = 1;
    model->use_sliding_window = 0;
}

static void apply_llama4(struct ls_model *model)
{
    model->n_shared_experts = 1;
    model->sliding_window_pattern = 4;
}

/* What GPT-2 and its descendants share: LayerNorm, one ungated projection, the head tied to the embedding, no chats. */
static void apply_gpt(struct ls_model *model)
{
    model->chat_template_chars = 0;
    model->gated_mlp = 0;
    model->tie_word_embeddings = 1;
    model->norm = LS_NORM_LAYER;
}

static void apply_gpt2(struct ls_model *model)
{
    apply_gpt(model);
    model->position_embedding = LS_POSITION_LEARNED;
    model->attention_bias = 1;
    model->mlp_bias = 1;
}

static void apply_bloom(struct ls_model *model)
{
    apply_gpt(model);
    model->embedding_norm = 1;
    model->position_embedding = LS_POSITION_ALIBI;
    model->attention_bias = 1;
    model->mlp_bias = 1;
}

static void apply_mpt(struct ls_model *model)
{
    apply_gpt(model);
    model->norm_bias = 0;
    model->position_embedding = LS_POSITION_LEARNED; /* unless attn_config.alibi */
}

static const struct value dtypes[] = {
    {"float32", "fp32"}, {"bfloat16", "bf16"}, {"float16", "fp16"}, {"null", NULL}, {NULL, NULL}};

/* What quantises the linear layers. Where `bits`, `format` or `quant_algo` says it, the method itself adds nothing. */
static const struct value quant_methods[] = {
    {"fp8", "fp8"}, {"fbgemm_fp8", "fp8"},        {"mxfp4", "mxfp4"}, {"gptq", NULL},
    {"awq", NULL},  {"compressed-tensors", NULL}, {"modelopt", NULL}, {"modelopt_fp4", "nvfp4"},
    {NULL, NULL}};
static const struct value block_sizes[] = {{"128,128", "fp8_block"}, {NULL, NULL}}; /* comes after the method */
static const struct value quant_bits[] = {{"4", "int4"}, {"8", "int8"}, {NULL, NULL}};
static const struct value quant_formats[] = {{"float-quantized", "fp8"},
                                             {"int-quantized", "int8"},
                                             {"pack-quantized", "int4"},
                                             {"nvfp4-pack-quantized", "nvfp4"},
                                             {NULL, NULL}};
static const struct value quant_algos[] = {{"FP8", "fp8"}, {"NVFP4", "nvfp4"}, {"W4A16_AWQ", "int4"}, {NULL, NULL}};

static const struct value only_one[] = {{"1", NULL}, {NULL, NULL}};
static const struct value only_false[] = {{"false", NULL}, {NULL, NULL}};
static const struct value only_true[] = {{"true", NULL}, {NULL, NULL}};
static const struct value only_four[] = {{"4", NULL}, {NULL, NULL}};
static const struct value only_multihead[] = {{"multihead_attention", NULL}, {NULL, NULL}};
static const struct value alibi[] = {{"true", "alibi"}, {"false", "learned"}, {NULL, NULL}};

static const struct key gpt_oss_keys[] = {{"quantization_config.quant_method", "expert_dtype", quant_methods},
                                          {NULL, NULL, NULL}};

/* Chunks of attention are taken for windows; norms of queries and keys have no weights. */
static const struct key llama4_keys[] = {{"intermediate_size", "moe_intermediate_size", NULL},
                                         {"intermediate_size_mlp", "intermediate_size", NULL},
                                         {"attention_chunk_size", "sliding_window", NULL},
                                         {"no_rope_layer_interval", "sliding_window_pattern", NULL},
                                         {"no_rope_layers", IGNORED, NULL},
                                         {"moe_layers", IGNORED, NULL},
                                         {"attn_temperature_tuning", IGNORED, NULL},
                                         {"floor_scale", IGNORED, NULL},
                                         {"attn_scale", IGNORED, NULL},
                                         {"for_llm_compressor", IGNORED, NULL},
                                         {NULL, NULL, NULL}};

static const struct key qwen3_next_keys[] = {{"shared_expert_intermediate_size", IGNORED, NULL},
                                             {"mamba_ssm_dtype", "mamba_ssm_dtype", dtypes},
                                             {"mtp_num_hidden_layers", IGNORED, NULL},
                                             {"mtp_use_dedicated_embeddings", IGNORED, NULL},
                                             {NULL, NULL, NULL}};

static const struct key gpt2_keys[] = {{"n_embd", "hidden_size", NULL},
                                       {"n_layer", "num_hidden_layers", NULL},
                                       {"n_head", "num_attention_heads", NULL},
                                       {"n_inner", "intermediate_size", NULL},
                                       {"n_positions", "max_position_embeddings", NULL},
                                       {"add_cross_attention", IGNORED, only_false},
                                       {NULL, NULL, NULL}};

static const struct key bloom_keys[] = {{"n_embed", "hidden_size", NULL},
                                        {"n_layer", "num_hidden_layers", NULL},
                                        {"n_head", "num_attention_heads", NULL},
                                        {"n_inner", "intermediate_size", NULL},
                                        {NULL, NULL, NULL}};

static const struct key mpt_keys[] = {{"d_model", "hidden_size", NULL},
                                      {"n_layers", "num_hidden_layers", NULL},
                                      {"n_heads", "num_attention_heads", NULL},
                                      {"max_seq_len", "max_position_embeddings", NULL},
                                      {"attn_config.alibi", "position_embedding", alibi},
                                      {"attn_config.attn_type", IGNORED, only_multihead},
                                      {"expansion_ratio", IGNORED, only_four},
                                      {"no_bias", IGNORED, only_true},
                                      {NULL, NULL, NULL}};

/* Databases of costs by token. What is a fraction of the rest says nothing new: bytes of the parameters, statistics of
 * the whole model beside aggregated_ops, experts. */
static const struct value only_all_reduce[] = {{"AllReduce", NULL}, {NULL, NULL}};
static const struct key stated_keys[] = {{"num_layers", "num_hidden_layers", NULL},
                                         {"num_kv_heads", "num_key_value_heads", NULL},
                                         {"num_experts", IGNORED, NULL},
                                         {"num_experts_per_tok", IGNORED, NULL},
                                         {"parameter_bytes_fp16", IGNORED, NULL},
                                         {"prefill_op_stats.flops_per_token", IGNORED, NULL},
                                         {"prefill_op_stats.memory_bytes_per_token", IGNORED, NULL},
                                         {"decode_op_stats.flops_per_token", IGNORED, NULL},
                                         {"decode_op_stats.memory_bytes_per_token", IGNORED, NULL},
                                         {"layer_types.attention.tp_collective_type", IGNORED, only_all_reduce},
                                         {"layer_types.attention.is_tp_shardable_qkv", IGNORED, only_true},
                                         {"layer_types.attention.is_tp_shardable_output_proj", IGNORED, only_true},
                                         {"layer_types.mlp.tp_collective_type", IGNORED, only_all_reduce},
                                         {"layer_types.mlp.is_tp_shardable_gate_up", IGNORED, only_true},
                                         {"layer_types.mlp.is_tp_shardable_down_proj", IGNORED, only_true},
                                         {NULL, NULL, NULL}};

/* Keys of any family. Those that carry our own names need no row. */
static const struct key common_keys[] = {{"torch_dtype", "activation_dtype", dtypes},
                                         {"dtype", "activation_dtype", dtypes},
                                         {"num_experts", "n_routed_experts", NULL},
                                         {"num_local_experts", "n_routed_experts", NULL},
                                         {"experts_per_token", "num_experts_per_tok", NULL},
                                         {"use_qk_norm", "qk_norm", NULL},
                                         {"moe_layer_freq", IGNORED, only_one},
                                         {"interleave_moe_layer_step", "decoder_sparse_step", NULL},
                                         {"is_encoder_decoder", IGNORED, only_false},
                                         {"quantization_config.quant_method", "dtype", quant_methods},
                                         {"quantization_config.weight_block_size", "dtype", block_sizes},
                                         {"quantization_config.bits", "dtype", quant_bits},
                                         {"quantization_config.format", "dtype", quant_formats},
                                         {"quantization_config.quant_algo", "dtype", quant_algos},
                                         {NULL, NULL, NULL}};

/* Keys without bearing on sizes or speed; one that ends in `*` stands for all that begin so, one that begins with `*`
 * for all that end so. */
static const char *const ignored[] = {
    /* bookkeeping, tokens, training, generation */
    "_*", "architectures", "auto_map*", "model_type", "transformers_version", "*_token_id", "*_token", "use_cache",
    "initializer_range", "initializer_factor", "*dropout", "*dropout_prob", "*_pdrop", "pretraining_tp", "output_*",
    "return_dict*", "use_return_dict", "router_aux_loss_coef", "aux_loss_alpha", "seq_aux", "router_jitter_noise",
    "task_specific_params*", "id2label*", "label2id*", "summary_*", "gradient_checkpointing", "cache_implementation",
    "unsloth_*", "use_bfloat16", "num_logits_to_keep", "tokenizer_name", "tokenizer_class", "verbose", "init_config*",
    "init_device", "generation_config*", "chunk_size_feed_forward", "problem_type", "finetuning_task", "prefix",
    /* numerics without cost */
    "hidden_act*", "activation_function", "swiglu_limit", "swiglu_alpha", "*_norm_eps", "*_norm_epsilon",
    "layer_norm_epsilon", "rope_*", "initial_context_length", "original_max_position_embeddings",
    "partial_rotary_factor", "query_pre_attn_scalar", "*_logit_softcapping", "logit_scale", "scale_attn_*",
    "reorder_and_upcast_attn", "attention_multiplier", "apply_residual_connection_post_layernorm",
    "attention_softmax_in_fp32", "bias_dropout_fusion", "masked_softmax_fusion", "offset_alibi", "skip_bias_add*",
    "slow_but_exact", "seq_length", "n_ctx", "norm_type", "norm_topk_prob", "routed_scaling_factor", "scoring_func",
    "topk_method", "ep_size", "learned_pos_emb", "embedding_fraction", "attn_config*", "ffn_config*", "qk_head_dim",
    /* said by the family, or by another key */
    "layer_types*", "max_window_layers", "sliding_window_size", "mlp_only_layers", "num_nextn_predict_layers",
    "quantization_config*", "compression_config*",
    /* what sees */
    "vision_config*", "*_token_index"};

static const struct family families[] = {{"llama", apply_llama, NULL},
                                         {"mistral", apply_llama, NULL},
                                         {"mixtral", apply_llama, NULL},
                                         {"qwen2", apply_qwen2, NULL},
                                         {"qwen3", apply_qwen3, NULL},
                                         {"qwen3_moe", apply_qwen3, NULL},
                                         {"qwen3_next", apply_qwen3_next, qwen3_next_keys},
                                         {"qwen3_5_moe", apply_qwen3_next, qwen3_next_keys},
                                         {"qwen3_5_moe_text", apply_qwen3_next, qwen3_next_keys},
                                         {"gemma2", apply_gemma2, NULL},
                                         {"gpt2", apply_gpt2, gpt2_keys},
                                         {"gpt_oss", apply_gpt_oss, gpt_oss_keys},
                                         {"deepseek_v3", apply_deepseek_v3, NULL},
                                         {"glm4_moe", apply_glm4_moe, NULL},
                                         {"llama4", apply_llama4, llama4_keys},
                                         {"llama4_text", apply_llama4, llama4_keys},
                                         {"mpt", apply_mpt, mpt_keys},
                                         {"bloom", apply_bloom, bloom_keys},
                                         {LS_HF_STATED, apply_llama, stated_keys}};

static const struct family *find_family(const char *model_type)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (strcmp(families[i].model_type, model_type) == 0)
            return &families[i];
    return NULL;
}

static const struct key *find_in(const struct key *keys, const char *key)
{
    for (; keys && keys->from; keys++)
        if (strcmp(keys->from, key) == 0)
            return keys;
    return NULL;
}

/* Models that see have their language model's keys in a mapping of their own. */
static const char *language_key(const char *key)
{
    static const char prefix[] = "text_config.";
    return strncmp(key, prefix, sizeof prefix - 1) == 0 ? key + sizeof prefix - 1 : key;
}

static const struct key *find_key(const char *model_type, const char *key)
{
    const struct family *family = find_family(model_type);
    assert(family);
    const struct key *found = find_in(family->keys, key);
    return found ? found : find_in(common_keys, key);
}

static bool matches(const char *pattern, const char *key)
{
    const size_t n = strlen(pattern);
    const size_t n_key = strlen(key);
    if (pattern[0] == '*')
        return n_key >= n - 1 && strcmp(key + n_key - (n - 1), pattern + 1) == 0;
    if (pattern[n - 1] == '*')
        return strncmp(key, pattern, n - 1) == 0;
    return strcmp(key, pattern) == 0;
}

static bool is_ignored(const char *key)
{
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        if (matches(ignored[i], key))
            return true;
    return false;
}

static bool is_ours(const char *key)
{
    struct ls_param_ref ref;
    struct ls_err err;
    return ls_param_find(&ls_model_params, NULL, key, &ref, &err) == LS_OK && ls_param_is_scalar(ref.param);
}

bool ls_hf_is_family(const char *model_type)
{
    return find_family(model_type) != NULL;
}

const char *ls_hf_family_name(size_t i)
{
    const size_t n = sizeof families / sizeof families[0] - 1; /* the last is no model_type that anybody writes */
    return i < n ? families[i].model_type : NULL;
}

void ls_hf_apply_family(struct ls_model *model, const char *model_type)
{
    const struct family *family = find_family(model_type);
    assert(family);
    family->apply(model);
}

const char *ls_hf_canonical_key(const char *model_type, const char *key)
{
    key = language_key(key);
    const struct key *found = find_key(model_type, key);
    if (found)
        return found->to;
    if (is_ours(key))
        return key;
    return is_ignored(key) ? IGNORED : NULL;
}

enum ls_status ls_hf_canonical_text(const char *model_type, const char *key, const char *text, const char **canonical,
                                    struct ls_err *err)
{
    const struct key *found = find_key(model_type, language_key(key));
    if (!found || !found->values) {
        *canonical = text;
        return LS_OK;
    }
    for (const struct value *value = found->values; value->from; value++) {
        if (strcmp(value->from, text) == 0) {
            *canonical = value->to;
            return LS_OK;
        }
    }
    char known[256] = "";
    size_t length = 0;
    for (const struct value *value = found->values; value->from; value++) {
        const int n = snprintf(known + length, sizeof known - length, "%s%s", length ? ", " : "", value->from);
        length += (size_t)n;
        assert(length < sizeof known);
    }
    return ls_fail(err, LS_INPUT, "`%.64s` is not modelled; what is: %s", text, known);
}
