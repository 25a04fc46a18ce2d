/* Promises of the model: parameters come out as in the published checkpoints, nulls are filled, nonsense is refused. */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/model.h"
#include "tests/library_model.h"
#include "tests/suite.h"

static void set_model(struct ls_model *model, const char *key, const char *text)
{
    struct ls_param_ref ref;
    struct ls_err err = {""};
    union ls_value value;
    ck_assert_msg(ls_param_find(&ls_model_params, model, key, &ref, &err) == LS_OK, "%s", err.text);
    ck_assert_msg(ls_param_parse(ref.param, text, &value, &err) == LS_OK, "%s: %s", key, err.text);
    ls_param_store(ref.param, (char *)model + ref.offset, &value);
}

static struct ls_model defaults(void)
{
    struct ls_model model;
    memset(&model, 0, sizeof model);
    ls_param_set_defaults(&ls_model_params, &model);
    return model;
}

/* Totals of the published checkpoints (the sum over their safetensors' tensors, multi-token prediction left out). */
static const struct {
    const char *name;
    int64_t parameters;
} published[] = {{"bloom-176b", 176247271424},
                 {"bloom-7b1", 7069016064},
                 {"codellama-34b", 33743970304},
                 {"deepseek-r1", 671026419200},
                 {"deepseek-v2", 235741434880},
                 {"deepseek-v2-lite", 15706484224},
                 {"deepseek-v3", 671026419200},
                 {"kimi-k2", 1026408232448},
                 {"qwen3-coder-480b-a35b", 480154875392},
                 {"gemma-2-27b", 27227128320},
                 {"gemma-2-9b", 9241705984},
                 {"gpt-oss-120b", 116829156672},
                 {"gpt-oss-20b", 20914757184},
                 {"llama-13b", 13015864320},
                 {"llama-2-13b", 13015864320},
                 {"llama-2-70b", 68976648192},
                 {"llama-2-7b", 6738415616},
                 {"llama-3-70b", 70553706496},
                 {"llama-3-8b", 8030261248},
                 {"llama-3.1-405b", 405853388800},
                 {"llama-3.1-70b", 70553706496},
                 {"llama-3.1-8b", 8030261248},
                 {"llama-3.2-1b", 1235814400},
                 {"llama-3.2-3b", 3212749824},
                 {"llama-3.3-70b", 70553706496},
                 {"llama-33b", 32528943616},
                 {"llama-4-maverick", 400711848960}, /* of 401583781376, less what sees, as in Scout */
                 {"llama-65b", 65285660672},
                 {"llama-7b", 6738415616},
                 {"mistral-7b", 7241732096},
                 {"mistral-large-2", 122610069504},
                 {"mistral-nemo-12b", 12247782400},
                 {"mistral-small-24b", 23572403200},
                 {"mixtral-8x22b", 140620634112},
                 {"mixtral-8x7b", 46702792704},
                 {"opt-13b", 12853473280},
                 {"opt-30b", 29974540288},
                 {"opt-6.7b", 6658473984},
                 {"phi-4", 14659507200},
                 {"qwen2.5-0.5b", 494032768},
                 {"qwen2.5-1.5b", 1543714304},
                 {"qwen2.5-14b", 14770033664},
                 {"qwen2.5-32b", 32763876352},
                 {"qwen2.5-3b", 3085938688},
                 {"qwen2.5-72b", 72706203648},
                 {"qwen2.5-7b", 7615616512},
                 {"qwen3-0.6b", 596049920},
                 {"qwen3-1.7b", 1720574976},
                 {"qwen3-14b", 14768307200},
                 {"qwen3-235b-a22b", 235093634560},
                 {"qwen3-30b-a3b", 30532122624},
                 {"qwen3-32b", 32762123264},
                 {"qwen3-4b", 4022468096},
                 {"qwen3-8b", 8190735360},
                 {"qwen3-next-80b-a3b", 79674391296}, /* of 81324862720, less 1650471424 of multi-token prediction */
                 {"yi-34b", 34388917248}};

START_TEST(library_models_have_their_published_number_of_parameters)
{
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        const struct ls_model model = load_model(published[i].name);
        ck_assert_msg(ls_model_parameters(&model) == published[i].parameters,
                      "%s: %" PRId64 " parameters, not %" PRId64, published[i].name, ls_model_parameters(&model),
                      published[i].parameters);
    }
}
END_TEST

/* Active parameters by their own sums: gpt-oss's model card (3.61 and 5.13 billion, arXiv:2508.10925, table 1) counts
 * the head and not the embedding, as we do. */
START_TEST(active_parameters_count_chosen_experts_and_the_head)
{
    const struct ls_model mixtral = load_model("mixtral-8x7b");
    const int64_t idle_experts = 32 * INT64_C(6) * 3 * 4096 * 14336;
    const int64_t idle_rows = INT64_C(31999) * 4096;
    ck_assert_int_eq(ls_model_active_parameters(&mixtral), ls_model_parameters(&mixtral) - idle_experts - idle_rows);
    const struct ls_model oss = load_model("gpt-oss-120b");
    ck_assert_int_eq((ls_model_active_parameters(&oss) + 5000000) / 10000000, 513);
    const struct ls_model maverick = load_model("llama-4-maverick"); /* every other layer has experts */
    const int64_t idle = 24 * INT64_C(127) * 3 * 5120 * 8192 + INT64_C(202047) * 5120;
    ck_assert_int_eq(ls_model_active_parameters(&maverick), ls_model_parameters(&maverick) - idle);
    const struct ls_model gemma = load_model("gemma-2-9b"); /* tied: the head reads the whole table */
    ck_assert_int_eq(ls_model_active_parameters(&gemma), ls_model_parameters(&gemma));
}
END_TEST

START_TEST(nulls_are_filled)
{
    const struct ls_model gpt = load_model("gpt-3-175b");
    ck_assert_int_eq(gpt.num_key_value_heads, 96);
    ck_assert_int_eq(gpt.head_dim, 128);
    ck_assert_int_eq(gpt.intermediate_size, 4 * 12288);
    ck_assert_int_eq(gpt.norm_bias, 1);
    ck_assert_int_eq(gpt.activation_dtype, LS_FP16);
    const struct ls_model deepseek = load_model("deepseek-v3");
    ck_assert_int_eq(deepseek.dtype, LS_FP8_BLOCK);
    ck_assert_int_eq(deepseek.expert_dtype, LS_FP8_BLOCK);
    ck_assert_int_eq(deepseek.activation_dtype, LS_BF16);
    ck_assert_int_eq(ls_model_v_head_dim(&deepseek), 128);
}
END_TEST

/* A small dense model with one key changed, or none. */
static void refuse(const char *key, const char *text, const char *message)
{
    struct ls_model model = defaults();
    set_model(&model, "num_hidden_layers", "2");
    set_model(&model, "hidden_size", "64");
    set_model(&model, "num_attention_heads", "4");
    set_model(&model, "vocab_size", "100");
    set_model(&model, key, text);
    struct ls_err err = {""};
    ck_assert_int_eq(ls_model_complete(&model, &err), LS_INPUT);
    ck_assert_str_eq(err.text, message);
}

START_TEST(what_makes_no_transformer_is_refused_by_key)
{
    refuse("hidden_size", "66", "head_dim: missing, and 4 attention heads do not divide hidden_size 66");
    refuse("num_key_value_heads", "3", "num_key_value_heads: 3 does not divide 4 attention heads");
    refuse("kv_lora_rank", "16", "qk_nope_head_dim: missing; latent attention (kv_lora_rank) needs it");
    refuse("v_head_dim", "16", "v_head_dim: means something with kv_lora_rank only, which is missing");
    refuse("q_lora_rank", "16", "q_lora_rank: means something with kv_lora_rank only, which is missing");
    refuse("n_routed_experts", "8", "num_experts_per_tok: missing; a mixture of experts (n_routed_experts) needs it");
    refuse("num_experts_per_tok", "8",
           "num_experts_per_tok: means something with n_routed_experts only, which is missing");
    refuse("decoder_sparse_step", "3",
           "decoder_sparse_step: means something with n_routed_experts only, which is missing");
    refuse("linear_key_head_dim", "16",
           "linear_key_head_dim: means something with full_attention_interval only, which is missing");
    refuse("full_attention_interval", "4",
           "linear_num_key_heads: missing; linear attention (full_attention_interval) needs it");
    refuse("position_embedding", "learned", "max_position_embeddings: missing; learned positions need it");
}
END_TEST

static void refuse_groups(const char *groups, const char *chosen, const char *message)
{
    struct ls_model model = load_model("deepseek-v3");
    struct ls_err err = {""};
    set_model(&model, "n_group", groups);
    set_model(&model, "topk_group", chosen);
    ck_assert_int_eq(ls_model_complete(&model, &err), LS_INPUT);
    ck_assert_str_eq(err.text, message);
}

START_TEST(groups_that_hold_no_choices_are_refused)
{
    refuse_groups("7", "4", "n_group: 7 does not divide 256 routed experts");
    refuse_groups("8", "9", "topk_group: 9 is more than the 8 groups");
    refuse_groups("64", "1", "topk_group: 1 groups of 4 experts hold no 8");
    const struct ls_model deepseek = load_model("deepseek-v3"), mixtral = load_model("mixtral-8x7b");
    ck_assert_int_eq(deepseek.n_group, 8);
    ck_assert_int_eq(deepseek.topk_group, 4);
    ck_assert_int_eq(mixtral.n_group, 1);
    ck_assert_int_eq(mixtral.topk_group, 1);
}
END_TEST

START_TEST(a_step_that_reaches_no_layer_is_refused)
{
    struct ls_model model = load_model("mixtral-8x7b");
    struct ls_err err = {""};
    set_model(&model, "decoder_sparse_step", "33");
    ck_assert_int_eq(ls_model_complete(&model, &err), LS_INPUT);
    ck_assert_str_eq(err.text, "decoder_sparse_step: 33 is more than the 32 layers, so none has experts");
    set_model(&model, "decoder_sparse_step", "32");
    ck_assert_int_eq(ls_model_complete(&model, &err), LS_OK);
    ck_assert_int_eq(ls_model_n_moe_layers(&model), 1);
}
END_TEST

static void refuse_linear(const char *key, const char *text, const char *message)
{
    struct ls_model model = load_model("qwen3-next-80b-a3b");
    struct ls_err err = {""};
    set_model(&model, key, text);
    ck_assert_int_eq(ls_model_complete(&model, &err), LS_INPUT);
    ck_assert_str_eq(err.text, message);
}

START_TEST(delta_nets_that_do_not_fit_are_refused)
{
    refuse_linear("linear_num_key_heads", "12", "linear_num_key_heads: 12 does not divide linear_num_value_heads 32");
    refuse_linear("sliding_window", "512",
                  "full_attention_interval: stands beside ordinary attention only, not beside sliding_window");
}
END_TEST

START_TEST(layers_with_experts_are_counted_as_they_are_told)
{
    for (int64_t first = 0; first < 8; first++) {
        for (int64_t step = 1; step < 5; step++) {
            struct ls_model model = load_model("mixtral-8x7b");
            int64_t n = 0;
            model.first_k_dense_replace = first;
            model.decoder_sparse_step = step;
            for (int64_t i = 0; i < model.num_hidden_layers; i++)
                n += ls_model_is_moe_layer(&model, i);
            ck_assert_int_eq(ls_model_n_moe_layers(&model), n);
        }
    }
}
END_TEST

START_TEST(a_required_key_is_missed)
{
    struct ls_model model = defaults();
    struct ls_err err = {""};
    ck_assert_int_eq(ls_model_complete(&model, &err), LS_INPUT);
    ck_assert_str_eq(err.text, "num_hidden_layers: missing; every model needs it");
}
END_TEST

START_TEST(an_impossible_size_is_refused_and_leaves_the_model_as_it_was)
{
    struct ls_model model = defaults();
    set_model(&model, "num_hidden_layers", "65536");
    set_model(&model, "hidden_size", "16777216");
    set_model(&model, "num_attention_heads", "4");
    set_model(&model, "vocab_size", "100");
    const struct ls_model before = model;
    struct ls_err err = {""};
    ck_assert_int_eq(ls_model_complete(&model, &err), LS_INPUT);
    ck_assert_str_eq(err.text, "hidden_size: the model has more than 9e15 parameters");
    ck_assert_mem_eq(&model, &before, sizeof model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *tcase = tcase_create("parameters");
    tcase_add_test(tcase, library_models_have_their_published_number_of_parameters);
    tcase_add_test(tcase, active_parameters_count_chosen_experts_and_the_head);
    tcase_add_test(tcase, nulls_are_filled);
    tcase_add_test(tcase, what_makes_no_transformer_is_refused_by_key);
    tcase_add_test(tcase, groups_that_hold_no_choices_are_refused);
    tcase_add_test(tcase, a_step_that_reaches_no_layer_is_refused);
    tcase_add_test(tcase, delta_nets_that_do_not_fit_are_refused);
    tcase_add_test(tcase, layers_with_experts_are_counted_as_they_are_told);
    tcase_add_test(tcase, a_required_key_is_missed);
    tcase_add_test(tcase, an_impossible_size_is_refused_and_leaves_the_model_as_it_was);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
