/* Promises of Hugging Face configs: each family's published file, read key by key, gives its number of parameters. */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/hf_config.h"
#include "tests/library_model.h"
#include "tests/suite.h"

/* The scalars of config.json as published, those without bearing included in part. */
static const struct {
    const char *name, *model_type, *scalars;
    int64_t parameters;
} configs[] = {
    {"meta-llama/Llama-3.1-8B", "llama",
     "attention_bias=false attention_dropout=0.0 bos_token_id=128000 hidden_act=silu hidden_size=4096 "
     "initializer_range=0.02 intermediate_size=14336 max_position_embeddings=131072 mlp_bias=false model_type=llama "
     "num_attention_heads=32 num_hidden_layers=32 num_key_value_heads=8 pretraining_tp=1 rms_norm_eps=1e-05 "
     "rope_scaling.factor=8.0 rope_scaling.original_max_position_embeddings=8192 rope_scaling.rope_type=llama3 "
     "rope_theta=500000.0 tie_word_embeddings=false torch_dtype=bfloat16 transformers_version=4.43.0 use_cache=true "
     "vocab_size=128256",
     8030261248},
    {"mistralai/Mistral-7B-v0.1", "mistral",
     "bos_token_id=1 eos_token_id=2 hidden_act=silu hidden_size=4096 intermediate_size=14336 "
     "max_position_embeddings=32768 num_attention_heads=32 num_hidden_layers=32 num_key_value_heads=8 "
     "rms_norm_eps=1e-05 rope_theta=10000.0 sliding_window=4096 torch_dtype=bfloat16 vocab_size=32000",
     7241732096},
    {"mistralai/Mixtral-8x7B-v0.1", "mixtral",
     "hidden_size=4096 intermediate_size=14336 max_position_embeddings=32768 num_attention_heads=32 "
     "num_experts_per_tok=2 num_hidden_layers=32 num_key_value_heads=8 num_local_experts=8 output_router_logits=false "
     "router_aux_loss_coef=0.02 sliding_window=null torch_dtype=bfloat16 vocab_size=32000",
     46702792704},
    {"Qwen/Qwen2.5-7B-Instruct", "qwen2",
     "hidden_size=3584 intermediate_size=18944 max_position_embeddings=32768 max_window_layers=28 "
     "num_attention_heads=28 num_hidden_layers=28 num_key_value_heads=4 sliding_window=131072 torch_dtype=bfloat16 "
     "use_sliding_window=false vocab_size=152064",
     7615616512},
    {"Qwen/Qwen3-8B", "qwen3",
     "attention_bias=false head_dim=128 hidden_size=4096 intermediate_size=12288 max_position_embeddings=40960 "
     "max_window_layers=36 num_attention_heads=32 num_hidden_layers=36 num_key_value_heads=8 rope_scaling=null "
     "sliding_window=null tie_word_embeddings=false torch_dtype=bfloat16 use_sliding_window=false vocab_size=151936",
     8190735360},
    {"Qwen/Qwen3-30B-A3B", "qwen3_moe",
     "attention_bias=false decoder_sparse_step=1 head_dim=128 hidden_size=2048 intermediate_size=6144 "
     "max_position_embeddings=40960 moe_intermediate_size=768 norm_topk_prob=true num_attention_heads=32 "
     "num_experts=128 num_experts_per_tok=8 num_hidden_layers=48 num_key_value_heads=4 torch_dtype=bfloat16 "
     "vocab_size=151936",
     30532122624},
    {"google/gemma-2-9b-it", "gemma2",
     "attn_logit_softcapping=50.0 cache_implementation=hybrid final_logit_softcapping=30.0 head_dim=256 "
     "hidden_activation=gelu_pytorch_tanh hidden_size=3584 intermediate_size=14336 max_position_embeddings=8192 "
     "num_attention_heads=16 num_hidden_layers=42 num_key_value_heads=8 query_pre_attn_scalar=256 sliding_window=4096 "
     "sliding_window_size=4096 torch_dtype=bfloat16 vocab_size=256000",
     9241705984},
    {"openai-community/gpt2", "gpt2",
     "activation_function=gelu_new attn_pdrop=0.1 embd_pdrop=0.1 layer_norm_epsilon=1e-05 n_ctx=1024 n_embd=768 "
     "n_head=12 n_layer=12 n_positions=1024 resid_pdrop=0.1 summary_type=cls_index "
     "task_specific_params.text-generation.max_length=50 vocab_size=50257",
     124439808},
    {"openai/gpt-oss-20b", "gpt_oss",
     "attention_bias=true attention_dropout=0.0 experts_per_token=4 head_dim=64 hidden_size=2880 "
     "initial_context_length=4096 intermediate_size=2880 max_position_embeddings=131072 num_attention_heads=64 "
     "num_experts_per_tok=4 num_hidden_layers=24 num_key_value_heads=8 num_local_experts=32 "
     "quantization_config.quant_method=mxfp4 rope_scaling.beta_fast=32.0 sliding_window=128 swiglu_limit=7.0 "
     "tie_word_embeddings=false vocab_size=201088",
     20914757184},
    {"deepseek-ai/DeepSeek-V3", "deepseek_v3",
     "attention_bias=false aux_loss_alpha=0.001 ep_size=1 first_k_dense_replace=3 hidden_size=7168 "
     "intermediate_size=18432 kv_lora_rank=512 max_position_embeddings=163840 moe_intermediate_size=2048 "
     "moe_layer_freq=1 n_group=8 n_routed_experts=256 n_shared_experts=1 norm_topk_prob=true num_attention_heads=128 "
     "num_experts_per_tok=8 num_hidden_layers=61 num_key_value_heads=128 num_nextn_predict_layers=1 q_lora_rank=1536 "
     "qk_nope_head_dim=128 qk_rope_head_dim=64 quantization_config.activation_scheme=dynamic "
     "quantization_config.fmt=e4m3 quantization_config.quant_method=fp8 routed_scaling_factor=2.5 scoring_func=sigmoid "
     "seq_aux=true tie_word_embeddings=false topk_group=4 topk_method=noaux_tc torch_dtype=bfloat16 v_head_dim=128 "
     "vocab_size=129280",
     671026419200},
    {"zai-org/GLM-4.5-Air", "glm4_moe",
     "attention_bias=true first_k_dense_replace=1 head_dim=128 hidden_size=4096 intermediate_size=10944 "
     "max_position_embeddings=131072 moe_intermediate_size=1408 n_group=1 n_routed_experts=128 n_shared_experts=1 "
     "num_attention_heads=96 num_experts_per_tok=8 num_hidden_layers=46 num_key_value_heads=8 "
     "num_nextn_predict_layers=1 partial_rotary_factor=0.5 tie_word_embeddings=false torch_dtype=bfloat16 "
     "use_qk_norm=false vocab_size=151552",
     106852251264},
    {"meta-llama/Llama-4-Maverick-17B-128E", "llama4",
     "boi_token_index=200080 text_config.attention_bias=false text_config.attention_chunk_size=8192 "
     "text_config.for_llm_compressor=false text_config.head_dim=128 text_config.hidden_size=5120 "
     "text_config.interleave_moe_layer_step=2 text_config.intermediate_size=8192 "
     "text_config.intermediate_size_mlp=16384 text_config.max_position_embeddings=1048576 "
     "text_config.model_type=llama4_text text_config.num_attention_heads=40 text_config.num_experts_per_tok=1 "
     "text_config.num_hidden_layers=48 text_config.num_key_value_heads=8 text_config.num_local_experts=128 "
     "text_config.use_qk_norm=false text_config.vocab_size=202048 torch_dtype=bfloat16 "
     "vision_config.num_hidden_layers=34",
     400711848960},
    {"Qwen/Qwen3-Next-80B-A3B-Instruct", "qwen3_next",
     "decoder_sparse_step=1 full_attention_interval=4 head_dim=256 hidden_size=2048 intermediate_size=5120 "
     "linear_conv_kernel_dim=4 linear_key_head_dim=128 linear_num_key_heads=16 linear_num_value_heads=32 "
     "linear_value_head_dim=128 max_position_embeddings=262144 moe_intermediate_size=512 norm_topk_prob=true "
     "num_attention_heads=16 num_experts=512 num_experts_per_tok=10 num_hidden_layers=48 num_key_value_heads=2 "
     "partial_rotary_factor=0.25 rope_theta=10000000 shared_expert_intermediate_size=512 tie_word_embeddings=false "
     "torch_dtype=bfloat16 vocab_size=151936",
     79674391296},
    {"Qwen/Qwen3.5-397B-A17B", "qwen3_5_moe",
     "image_token_id=248056 text_config.attention_bias=false text_config.attn_output_gate=true "
     "text_config.dtype=bfloat16 text_config.full_attention_interval=4 text_config.head_dim=256 "
     "text_config.hidden_size=4096 text_config.linear_conv_kernel_dim=4 text_config.linear_key_head_dim=128 "
     "text_config.linear_num_key_heads=16 text_config.linear_num_value_heads=64 "
     "text_config.linear_value_head_dim=128 text_config.mamba_ssm_dtype=float32 "
     "text_config.max_position_embeddings=262144 text_config.model_type=qwen3_5_moe_text "
     "text_config.moe_intermediate_size=1024 text_config.mtp_num_hidden_layers=1 text_config.num_attention_heads=32 "
     "text_config.num_experts=512 text_config.num_experts_per_tok=10 text_config.num_hidden_layers=60 "
     "text_config.num_key_value_heads=2 text_config.shared_expert_intermediate_size=1024 "
     "text_config.vocab_size=248320 tie_word_embeddings=false vision_config.depth=27",
     396346350336},
    {"mosaicml/mpt-7b", "mpt",
     "attn_config.alibi=true attn_config.attn_type=multihead_attention attn_config.clip_qkv=null d_model=4096 "
     "emb_pdrop=0 embedding_fraction=1.0 expansion_ratio=4 init_config.name=kaiming_normal_ init_device=cpu "
     "learned_pos_emb=true logit_scale=null max_seq_len=2048 n_heads=32 n_layers=32 no_bias=true "
     "norm_type=low_precision_layernorm resid_pdrop=0 torch_dtype=bfloat16 verbose=0 vocab_size=50432",
     6649286656},
    {"bigscience/bloom", "bloom",
     "apply_residual_connection_post_layernorm=false attention_softmax_in_fp32=true hidden_dropout=0.0 "
     "masked_softmax_fusion=true n_embed=14336 n_layer=70 num_attention_heads=112 pretraining_tp=4 seq_length=2048 "
     "skip_bias_add=true unk_token_id=0 vocab_size=250880",
     176247271424},
};

static void set_model(struct ls_model *model, const char *key, const char *text)
{
    struct ls_param_ref ref;
    struct ls_err err = {""};
    union ls_value value;
    ck_assert_msg(ls_param_find(&ls_model_params, model, key, &ref, &err) == LS_OK, "%s", err.text);
    ck_assert_msg(ls_param_parse(ref.param, text, &value, &err) == LS_OK, "%s: %s", key, err.text);
    ls_param_store(ref.param, (char *)model + ref.offset, &value);
}

static void read_scalar(struct ls_model *model, const char *model_type, const char *key, const char *text)
{
    struct ls_err err = {""};
    const char *ours = ls_hf_canonical_key(model_type, key);
    const char *value = NULL;
    ck_assert_msg(ours != NULL, "%s: unknown key %s", model_type, key);
    ck_assert_msg(ls_hf_canonical_text(model_type, key, text, &value, &err) == LS_OK, "%s: %s", key, err.text);
    if (ours[0] != '\0' && value)
        set_model(model, ours, value);
}

static struct ls_model read_config(const char *model_type, const char *scalars)
{
    char copy[2048], *rest = NULL;
    struct ls_model model;
    memset(&model, 0, sizeof model);
    ls_param_set_defaults(&ls_model_params, &model);
    ls_hf_apply_family(&model, model_type);
    ck_assert_uint_lt(strlen(scalars), sizeof copy);
    strcpy(copy, scalars);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(word, '=');
        *equals = '\0';
        read_scalar(&model, model_type, word, equals + 1);
    }
    struct ls_err err = {""};
    ck_assert_msg(ls_model_complete(&model, &err) == LS_OK, "%s", err.text);
    return model;
}

START_TEST(published_configs_give_published_sizes)
{
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        const struct ls_model model = read_config(configs[i].model_type, configs[i].scalars);
        ck_assert_msg(ls_model_parameters(&model) == configs[i].parameters, "%s: %" PRId64 " parameters, not %" PRId64,
                      configs[i].name, ls_model_parameters(&model), configs[i].parameters);
    }
}
END_TEST

static struct ls_model published(const char *name)
{
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++)
        if (strcmp(configs[i].name, name) == 0)
            return read_config(configs[i].model_type, configs[i].scalars);
    ck_abort_msg("no config %s", name);
    return (struct ls_model){0};
}

START_TEST(the_library_says_the_same_as_the_published_configs)
{
    static const char *const pairs[][2] = {{"llama-3.1-8b", "meta-llama/Llama-3.1-8B"},
                                           {"mistral-7b", "mistralai/Mistral-7B-v0.1"},
                                           {"mixtral-8x7b", "mistralai/Mixtral-8x7B-v0.1"},
                                           {"qwen2.5-7b", "Qwen/Qwen2.5-7B-Instruct"},
                                           {"qwen3-8b", "Qwen/Qwen3-8B"},
                                           {"qwen3-30b-a3b", "Qwen/Qwen3-30B-A3B"},
                                           {"gemma-2-9b", "google/gemma-2-9b-it"},
                                           {"gpt-oss-20b", "openai/gpt-oss-20b"},
                                           {"llama-4-maverick", "meta-llama/Llama-4-Maverick-17B-128E"},
                                           {"qwen3-next-80b-a3b", "Qwen/Qwen3-Next-80B-A3B-Instruct"},
                                           {"glm-4.5-air", "zai-org/GLM-4.5-Air"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct ls_model ours = load_model(pairs[i][0]), theirs = published(pairs[i][1]);
        ours.use_sliding_window = theirs.use_sliding_window = 0;   /* spent once sliding_window is settled */
        ours.chat_template_chars = theirs.chat_template_chars = 0; /* the template has a file of its own */
        for (size_t row = 0; row < ls_model_params.n; row++) {
            const struct ls_param *param = &ls_model_params.rows[row];
            if (!ls_param_is_scalar(param))
                continue;
            const union ls_value a = ls_param_load(param, (char *)&ours + param->offset);
            const union ls_value b = ls_param_load(param, (char *)&theirs + param->offset);
            ck_assert_msg(param->type == LS_PARAM_TEXT || a.i == b.i, "%s: %s", pairs[i][0], param->key);
        }
    }
}
END_TEST

/* gpt-oss-20b's file with what has no scalar form: sequences, nested mappings. */
START_TEST(a_config_json_loads_as_it_is)
{
    static const char json[] =
        "{\"architectures\": [\"GptOssForCausalLM\"], \"attention_bias\": true, \"eos_token_id\": [200002, 199999],\n"
        " \"head_dim\": 64, \"hidden_act\": \"silu\", \"hidden_size\": 2880, \"intermediate_size\": 2880,\n"
        " \"layer_types\": [\"sliding_attention\", \"full_attention\"], \"max_position_embeddings\": 131072,\n"
        " \"model_type\": \"gpt_oss\", \"num_attention_heads\": 64, \"num_experts_per_tok\": 4,\n"
        " \"num_hidden_layers\": 24, \"num_key_value_heads\": 8, \"num_local_experts\": 32, \"pad_token_id\": 199999,\n"
        " \"quantization_config\": {\"modules_to_not_convert\": [\"lm_head\"], \"quant_method\": \"mxfp4\"},\n"
        " \"rope_scaling\": {\"beta_fast\": 32.0, \"truncate\": false}, \"sliding_window\": 128,\n"
        " \"tie_word_embeddings\": false, \"vocab_size\": 201088}\n";
    char path[] = "/tmp/llmsweep_hf_XXXXXX";
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, json, sizeof json - 1), sizeof json - 1);
    close(fd);
    const struct ls_model model = load_model(path);
    unlink(path);
    ck_assert_int_eq(ls_model_parameters(&model), 20914757184);
    ck_assert_int_eq(model.expert_dtype, LS_MXFP4);
    ck_assert_int_eq(model.dtype, LS_BF16);
}
END_TEST

START_TEST(quantised_checkpoints_say_their_format)
{
    static const struct {
        const char *scalars;
        int32_t dtype;
    } cases[] = {
        {"quantization_config.bits=4 quantization_config.quant_method=gptq", LS_INT4},
        {"quantization_config.quant_method=awq quantization_config.bits=4", LS_INT4},
        {"quantization_config.quant_method=fp8", LS_FP8},
        {"quantization_config.quant_method=fp8 quantization_config.weight_block_size=128,128", LS_FP8_BLOCK},
        {"quantization_config.quant_method=compressed-tensors quantization_config.format=float-quantized", LS_FP8},
        {"quantization_config.quant_method=modelopt quantization_config.quant_algo=NVFP4", LS_NVFP4},
        {"torch_dtype=float16", LS_FP16},
        {"torch_dtype=bfloat16", LS_BF16}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char scalars[512];
        snprintf(scalars, sizeof scalars, "num_hidden_layers=2 hidden_size=64 num_attention_heads=4 vocab_size=100 %s",
                 cases[i].scalars);
        ck_assert_int_eq(read_config("llama", scalars).dtype, cases[i].dtype);
    }
}
END_TEST

START_TEST(what_is_not_modelled_is_refused)
{
    static const char *const cases[][4] = {
        {"llama", "quantization_config.quant_method", "bitnet",
         "`bitnet` is not modelled; what is: fp8, fbgemm_fp8, mxfp4, gptq, awq, compressed-tensors, modelopt, "
         "modelopt_fp4"},
        {"deepseek_v3", "moe_layer_freq", "2", "`2` is not modelled; what is: 1"},
        {"mpt", "attn_config.attn_type", "multiquery_attention",
         "`multiquery_attention` is not modelled; what is: multihead_attention"},
        {"llama", "torch_dtype", "float8_e4m3fn",
         "`float8_e4m3fn` is not modelled; what is: float32, bfloat16, float16, null"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ls_err err = {""};
        const char *value = "untouched";
        ck_assert_int_eq(ls_hf_canonical_text(cases[i][0], cases[i][1], cases[i][2], &value, &err), LS_INPUT);
        ck_assert_str_eq(err.text, cases[i][3]);
        ck_assert_str_eq(value, "untouched");
    }
    ck_assert_ptr_null(ls_hf_canonical_key("llama", "num_hiden_layers"));
    ck_assert_ptr_null(ls_hf_canonical_key("llama", "n_embd"));
    ck_assert(!ls_hf_is_family("mamba"));
    ck_assert(ls_hf_is_family("llama"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("Hugging Face configs");
    TCase *tcase = tcase_create("translation");
    tcase_add_test(tcase, published_configs_give_published_sizes);
    tcase_add_test(tcase, the_library_says_the_same_as_the_published_configs);
    tcase_add_test(tcase, a_config_json_loads_as_it_is);
    tcase_add_test(tcase, quantised_checkpoints_say_their_format);
    tcase_add_test(tcase, what_is_not_modelled_is_refused);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
