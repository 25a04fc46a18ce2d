/* Promises of engine presets: what a name gives to what a study leaves null, by the engine's own rules. */
#include <check.h>
#include <stdlib.h>

#include "engine/cost/exchange.h"
#include "engine/serving/preset.h"
#include "tests/scenario.h"
#include "tests/suite.h"

static struct ls_scenario resolve(const char *preset, const char *const (*more)[2])
{
    struct ls_scenario scenario;
    enum ls_reason reason;
    struct ls_err err = {""};
    scenario_make(&scenario, scenario_llama_70b);
    scenario_set(&scenario, "strategy.tp", "4");
    scenario_set(&scenario, "workload.max_requests", "1");
    scenario_set(&scenario, "engine.preset", preset);
    scenario_set_all(&scenario, more);
    (void)scenario_add_profile(&scenario, 1, 1, 1);
    ck_assert_msg(ls_scenario_resolve(&scenario, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_int_eq(reason, LS_REASON_NONE);
    return scenario;
}

static const char *const nothing[][2] = {{NULL, NULL}};

START_TEST(a_study_overrides_every_preset)
{
    static const char *const given[][2] = {{"engine.max_num_seqs", "77"},
                                           {"engine.max_num_batched_tokens", "555"},
                                           {"engine.step_overhead_s", "0.5"},
                                           {NULL, NULL}};
    const struct ls_scenario scenario = resolve(ls_preset_names[_i], given);
    ck_assert_int_eq(scenario.engine.max_num_seqs, 77);
    ck_assert_int_eq(scenario.engine.max_num_batched_tokens, 555);
    ck_assert_double_eq(scenario.engine.step_overhead_s, 0.5);
}
END_TEST

START_TEST(kernels_are_those_of_the_engine)
{
    for (int i = 0; i < LS_N_PRESETS; i++) {
        const struct ls_scenario scenario = resolve(ls_preset_names[i], nothing);
        const bool trtllm = strncmp(ls_preset_names[i], "trtllm", 6) == 0;
        ck_assert_int_eq(scenario.cluster.hardware.kernel_library, trtllm ? LS_KERNELS_TRTLLM : LS_KERNELS_VLLM);
    }
}
END_TEST

START_TEST(sglang_admits_with_caution_that_wanes)
{
    static const char *const given[][2] = {{"engine.output_reserve", "0.25"}, {NULL, NULL}};
    const struct ls_engine own = resolve("sglang-0.5", nothing).engine, ours = resolve("sglang-0.5", given).engine;
    ck_assert_double_eq(own.output_reserve_start, 0.7);
    ck_assert_double_eq_tol(own.output_reserve, 0.098, 1e-12);
    ck_assert_int_eq(own.output_reserve_passes, 600);
    ck_assert_double_eq(ours.output_reserve_start, 0.25);
}
END_TEST

/* Eight attention ranks of a mixture of experts: server_args.py by hand, for a GPU between 60 GiB and 160 GiB. */
START_TEST(sglang_keeps_more_for_attention_data_parallel)
{
    static const char *const ranks[][2] = {{"strategy.tp", "1"},
                                           {"strategy.ep", "8"},
                                           {"model.num_hidden_layers", "4"},
                                           {"model.n_routed_experts", "8"},
                                           {"model.num_experts_per_tok", "2"},
                                           {NULL, NULL}};
    const struct ls_scenario scenario = resolve("sglang-0.5", ranks);
    const double mib = 1024 * 1024, reserved = (512 + 1.5 * 8192 + 2 * 512 + 1024 + 4.5 * 512 * 8) * mib;
    ck_assert_double_eq_tol(scenario.engine.gpu_memory_utilization,
                            1 - reserved / scenario.cluster.hardware.memory_bytes, 1e-12);
    ck_assert_int_eq(scenario.engine.max_num_batched_tokens, 2048);
    ck_assert_double_eq_tol(scenario.engine.output_reserve_start, 0.21, 1e-12);
    ck_assert_double_eq_tol(scenario.engine.memory_overhead_bytes, 2560 * mib, 1);
}
END_TEST

START_TEST(sglang_alone_finds_top_p_without_sorting)
{
    const double sorted = resolve("vllm-0.11", nothing).engine.top_p_bytes;
    for (int i = 0; i < LS_N_PRESETS; i++) {
        const struct ls_scenario scenario = resolve(ls_preset_names[i], nothing);
        ck_assert_int_eq(scenario.engine.sampling, LS_SAMPLING_GREEDY);
        if (strncmp(ls_preset_names[i], "sglang", 6) == 0)
            ck_assert_double_lt(scenario.engine.top_p_bytes, sorted / 5);
        else
            ck_assert_double_eq(scenario.engine.top_p_bytes, sorted);
    }
}
END_TEST

START_TEST(every_preset_runs_over_two_stages)
{
    static const char *const two[][2] = {{"strategy.pp", "2"}, {"cluster.nodes", "2"}, {NULL, NULL}};
    const struct ls_scenario scenario = resolve(ls_preset_names[_i], two);
    ck_assert_int_eq(scenario.strategy.pp, 2);
}
END_TEST

/* NVIDIA's quantised checkpoints name the format of the cache; an A100 cannot compute with it. */
START_TEST(tensorrt_llm_keeps_the_cache_of_narrow_weights_in_fp8)
{
    static const char *const narrow[][2] = {{"engine.weight_dtype", "fp8"}, {NULL, NULL}};
    static const char *const block[][2] = {{"engine.weight_dtype", "fp8_block"}, {NULL, NULL}};
    static const char *const told[][2] = {{"engine.weight_dtype", "fp8"}, {"engine.kv_dtype", "bf16"}, {NULL, NULL}};
    static const char *const old[][2] = {
        {"engine.weight_dtype", "fp8"}, {"cluster.hardware.peak.fp8", "null"}, {NULL, NULL}};
    for (int i = 0; i < LS_N_PRESETS; i++) {
        const bool trtllm = strncmp(ls_preset_names[i], "trtllm", 6) == 0;
        ck_assert_int_eq(resolve(ls_preset_names[i], narrow).engine.kv_dtype, trtllm ? LS_FP8 : LS_BF16);
        ck_assert_int_eq(resolve(ls_preset_names[i], nothing).engine.kv_dtype, LS_BF16);
        ck_assert_int_eq(resolve(ls_preset_names[i], block).engine.kv_dtype, LS_BF16);
        ck_assert_int_eq(resolve(ls_preset_names[i], told).engine.kv_dtype, LS_BF16);
        ck_assert_int_eq(resolve(ls_preset_names[i], old).engine.kv_dtype, LS_BF16);
    }
}
END_TEST

START_TEST(only_fastertransformers_prompts_have_unfused_attention)
{
    static const char *const trtllm[][2] = {{"cluster.hardware.kernel_library", "trtllm"}, {NULL, NULL}};
    for (int i = 0; i < LS_N_PRESETS; i++) {
        ck_assert_int_eq(resolve(ls_preset_names[i], nothing).engine.prompt_attention == LS_PROMPT_ATTENTION_UNFUSED,
                         i == LS_PRESET_STATIC);
        ck_assert_int_eq(resolve(ls_preset_names[i], trtllm).engine.prompt_attention, LS_PROMPT_ATTENTION_FUSED);
    }
}
END_TEST

/* vLLM 0.14 schedules ahead on one node, where it needs no Ray. */
START_TEST(vllm_pays_for_ray_on_several_nodes)
{
    static const char *const two[][2] = {{"strategy.pp", "4"}, {"cluster.nodes", "2"}, {NULL, NULL}};
    const struct ls_scenario one = resolve("vllm-0.14", nothing), ray = resolve("vllm-0.14", two);
    ck_assert_int_eq(one.engine.overlap_scheduling, 1);
    ck_assert_int_eq(ray.engine.overlap_scheduling, 0);
    ck_assert_double_eq_tol(ray.engine.step_overhead_s - one.engine.step_overhead_s, 3.8e-3, 1e-12);
}
END_TEST

START_TEST(nobody_schedules_pipelines_ahead)
{
    static const char *const two[][2] = {{"strategy.pp", "2"}, {NULL, NULL}};
    static const char *const engines[] = {"trtllm-1.0", "sglang-0.5"};
    ck_assert_int_eq(resolve(engines[_i], nothing).engine.overlap_scheduling, 1);
    ck_assert_int_eq(resolve(engines[_i], two).engine.overlap_scheduling, 0);
}
END_TEST

START_TEST(the_older_vllm_takes_prompts_whole_until_they_may_be_long)
{
    static const char *const llama_2[][2] = {{"model.max_position_embeddings", "4096"}, {NULL, NULL}};
    static const char *const llama_3_1[][2] = {{"model.max_position_embeddings", "131072"}, {NULL, NULL}};
    static const char *const bounded[][2] = {
        {"model.max_position_embeddings", "131072"}, {"engine.max_model_len", "1000"}, {NULL, NULL}};
    const struct ls_scenario whole = resolve("vllm-0.6", llama_2);
    ck_assert_int_eq(whole.engine.max_num_batched_tokens, 4096);
    ck_assert_int_eq(whole.engine.enable_chunked_prefill, 0);
    ck_assert_int_eq(whole.engine.batching, LS_BATCHING_PREFILL_FIRST);
    const struct ls_scenario chunks = resolve("vllm-0.6", llama_3_1);
    ck_assert_int_eq(chunks.engine.max_num_batched_tokens, 512);
    ck_assert_int_eq(chunks.engine.enable_chunked_prefill, 1);
    ck_assert_int_eq(chunks.engine.batching, LS_BATCHING_MIXED);
    ck_assert_int_eq(resolve("vllm-0.6", bounded).engine.max_num_batched_tokens, 2048);
}
END_TEST

/* TensorRT-LLM 0.11 has tensor cores for 8 query heads of 128 for a KV head, or one; a study decides before it. */
START_TEST(the_older_tensorrt_llm_keeps_contexts_whole)
{
    static const struct {
        const char *preset, *heads, *kv_heads, *head_dim, *given;
        enum ls_decode_attention attention;
    } cases[] = {
        {"trtllm-0.11", "64", "8", "128", "null", LS_DECODE_WHOLE},
        {"trtllm-0.11", "32", "32", "128", "null", LS_DECODE_WHOLE},
        {"trtllm-0.11", "32", "8", "128", "null", LS_DECODE_MASKED},
        {"trtllm-0.11", "64", "8", "64", "null", LS_DECODE_MASKED},
        {"trtllm-0.11", "32", "8", "128", "measured", LS_DECODE_MEASURED},
        {"trtllm-0.17", "32", "8", "128", "null", LS_DECODE_MEASURED},
        {"vllm-0.11", "32", "8", "128", "null", LS_DECODE_MEASURED},
    };
    const char *const given[][2] = {{"model.num_attention_heads", cases[_i].heads},
                                    {"model.num_key_value_heads", cases[_i].kv_heads},
                                    {"model.head_dim", cases[_i].head_dim},
                                    {"cluster.hardware.decode_attention", cases[_i].given},
                                    {NULL, NULL}};
    ck_assert_int_eq(resolve(cases[_i].preset, given).cluster.hardware.decode_attention, cases[_i].attention);
}
END_TEST

/* Lists as long as the context: of tokens up to 0.6, of blocks up to 0.5. */
START_TEST(the_older_vllm_copies_lists_of_the_context)
{
    const double v5_s = resolve("vllm-0.5", nothing).engine.context_token_overhead_s;
    const double v6_s = resolve("vllm-0.6", nothing).engine.context_token_overhead_s;
    ck_assert_double_gt(v5_s, v6_s);
    ck_assert_double_gt(v6_s, 0);
    ck_assert_double_eq(resolve("vllm-0.11", nothing).engine.context_token_overhead_s, 0);
}
END_TEST

START_TEST(the_newer_vllm_differs_in_scheduling_ahead)
{
    const struct ls_engine older = resolve("vllm-0.11", nothing).engine, newer = resolve("vllm-0.14", nothing).engine;
    ck_assert_int_eq(older.overlap_scheduling, 0);
    ck_assert_int_eq(newer.overlap_scheduling, 1);
    ck_assert_int_eq(newer.max_num_batched_tokens, older.max_num_batched_tokens);
    ck_assert_double_eq(newer.step_overhead_s, older.step_overhead_s);
}
END_TEST

START_TEST(tensorrt_llm_limits_each_batch_in_flight)
{
    static const char *const two[][2] = {{"strategy.pp", "2"}, {NULL, NULL}};
    ck_assert_int_eq(resolve("trtllm-1.0", nothing).engine.max_num_seqs, 2048);
    ck_assert_int_eq(resolve("trtllm-1.0", two).engine.max_num_seqs, 4096);
    ck_assert_int_eq(resolve("vllm-0.11", two).engine.max_num_seqs, resolve("vllm-0.11", nothing).engine.max_num_seqs);
}
END_TEST

/* A mixture of experts on eight attention replicas in lockstep. */
static struct ls_engine experts(const char *preset, const char *hardware, const char *key, const char *value)
{
    const char *const given[][2] = {{"strategy.tp", "1"},
                                    {"strategy.ep", "8"},
                                    {"model.n_routed_experts", "16"},
                                    {"model.num_experts_per_tok", "2"},
                                    {"cluster.hardware.name", hardware},
                                    {"engine.gpu_memory_utilization", "0.9"},
                                    {key, value},
                                    {NULL, NULL}};
    return resolve(preset, given).engine;
}

START_TEST(engines_exchange_tokens_as_they_do_by_default)
{
    const char *const fp8[] = {"engine.weight_dtype", "fp8"}, *const deepep[] = {"engine.all2all_backend",
                                                                                 "deepep_auto"};
    const struct ls_engine vllm = experts("vllm-0.11", "h100-sxm", fp8[0], fp8[1]);
    ck_assert_int_eq(vllm.all2all_backend, LS_ALL2ALL_ALL_GATHER);
    ck_assert_int_eq(vllm.dispatch_dtype, LS_BF16);
    ck_assert_int_eq(vllm.pad_lockstep, LS_PAD_ALWAYS);
    ck_assert_int_eq(experts("sglang-0.5", "h100-sxm", fp8[0], fp8[1]).all2all_backend, LS_ALL2ALL_ALL_GATHER);
    const struct ls_engine trtllm = experts("trtllm-1.0", "h100-sxm", fp8[0], fp8[1]);
    ck_assert_int_eq(trtllm.all2all_backend, LS_ALL2ALL_ALL_GATHER);
    ck_assert_double_eq(trtllm.expert_gather_frac, 0.7);
    ck_assert_double_eq(experts("trtllm-1.0", "rtx-pro-6000", fp8[0], fp8[1]).expert_gather_frac, 1);
    ck_assert_double_eq(vllm.expert_gather_frac, 1);
    ck_assert_int_eq(trtllm.expert_chunk_tokens, 0);
    ck_assert_int_eq(trtllm.expert_output_buffer, 1);
    ck_assert_int_eq(vllm.expert_output_buffer, 0);
    static const char *const chunked[] = {"vllm-0.11", "vllm-0.12", "vllm-0.14"};
    for (size_t i = 0; i < sizeof chunked / sizeof *chunked; i++)
        ck_assert_int_eq(experts(chunked[i], "h100-sxm", fp8[0], fp8[1]).expert_chunk_tokens, 16384);
    ck_assert_int_eq(experts("vllm-0.6", "h100-sxm", fp8[0], fp8[1]).expert_chunk_tokens, 32768);
    ck_assert_int_eq(trtllm.dispatch_dtype, LS_FP8);
    ck_assert_int_eq(trtllm.pad_lockstep, LS_PAD_GRAPHS);
    /* more ranks than experts a token, on GB200 */
    ck_assert_int_eq(experts("trtllm-1.0", "gb200", "model.num_experts_per_tok", "8").all2all_backend,
                     LS_ALL2ALL_ALL_GATHER);
    ck_assert_int_eq(experts("trtllm-1.0", "gb200", "strategy.expert_tp", "1").all2all_backend,
                     LS_ALL2ALL_NVLINK_TWO_SIDED);
    ck_assert_int_eq(experts("static", "h100-sxm", fp8[0], fp8[1]).all2all_backend, LS_ALL2ALL_NCCL);
    ck_assert_int_eq(experts("vllm-0.11", "h100-sxm", deepep[0], deepep[1]).dispatch_dtype, LS_BF16);
}
END_TEST

START_TEST(nvlink_reaches_no_other_node)
{
    static const char *const two_nodes[][2] = {{"strategy.tp", "1"},
                                               {"strategy.ep", "16"},
                                               {"cluster.nodes", "2"},
                                               {"model.n_routed_experts", "16"},
                                               {"model.num_experts_per_tok", "2"},
                                               {"engine.all2all_backend", "nvlink_one_sided"},
                                               {NULL, NULL}};
    struct ls_scenario scenario;
    enum ls_reason reason;
    struct ls_err err = {""};
    scenario_make(&scenario, scenario_llama_70b);
    scenario_set_all(&scenario, two_nodes);
    scenario_set(&scenario, "workload.max_requests", "1");
    (void)scenario_add_profile(&scenario, 1, 1, 1);
    ck_assert_msg(ls_scenario_resolve(&scenario, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_int_eq(reason, LS_REASON_NVLINK);
    ck_assert_int_eq(experts("vllm-0.11", "h100-sxm", "engine.all2all_backend", "nvlink_one_sided").all2all_backend,
                     LS_ALL2ALL_NVLINK_ONE_SIDED);
}
END_TEST

/* The engines meet uneven loads, of models with many experts; what is said decides. */
START_TEST(engines_meet_uneven_experts_unless_told_otherwise)
{
    const struct ls_engine few = experts("vllm-0.11", "h100-sxm", "model.n_routed_experts", "16");
    ck_assert(ls_expert_imbalance_is_balanced(&few.expert_imbalance));
    for (int i = 0; i < LS_N_PRESETS; i++) {
        const bool counts = i != LS_PRESET_STATIC && i != LS_PRESET_REFERENCE;
        const struct ls_engine many = experts(ls_preset_names[i], "h100-sxm", "model.n_routed_experts", "128");
        ck_assert_int_eq(ls_expert_imbalance_is_balanced(&many.expert_imbalance), !counts);
        const char *const given[][2] = {{"strategy.tp", "1"},
                                        {"model.n_routed_experts", "128"},
                                        {"model.num_experts_per_tok", "2"},
                                        {"engine.expert_imbalance.balanced", "true"},
                                        {NULL, NULL}};
        const struct ls_engine told = resolve(ls_preset_names[i], given).engine;
        ck_assert(ls_expert_imbalance_is_balanced(&told.expert_imbalance));
        ck_assert_double_eq(experts(ls_preset_names[i], "h100-sxm", "engine.expert_imbalance.power_law", "1.7")
                                .expert_imbalance.power_law,
                            1.7);
    }
}
END_TEST

static void refuse_of_delta_nets(const char *key, const char *text, const char *message)
{
    enum ls_reason reason;
    struct ls_err err = {""};
    struct ls_scenario scenario;
    scenario_make(&scenario, scenario_linear);
    scenario_set(&scenario, "workload.max_requests", "1");
    scenario_set(&scenario, key, text);
    (void)scenario_add_profile(&scenario, 1, 1, 1);
    ck_assert_int_eq(ls_scenario_resolve(&scenario, &reason, &err), LS_INPUT);
    ck_assert_str_eq(err.text, message);
}

START_TEST(states_are_neither_cached_nor_swapped)
{
    refuse_of_delta_nets("engine.enable_prefix_caching", "true",
                         "engine.enable_prefix_caching: states of linear attention are not cached; leave it null");
    refuse_of_delta_nets("engine.preemption", "swap",
                         "engine.preemption: states of linear attention are not swapped; recompute");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("preset");
    TCase *tcase = tcase_create("preset");
    tcase_add_loop_test(tcase, a_study_overrides_every_preset, 0, LS_N_PRESETS);
    tcase_add_loop_test(tcase, every_preset_runs_over_two_stages, 0, LS_N_PRESETS);
    tcase_add_test(tcase, tensorrt_llm_keeps_the_cache_of_narrow_weights_in_fp8);
    tcase_add_test(tcase, only_fastertransformers_prompts_have_unfused_attention);
    tcase_add_test(tcase, kernels_are_those_of_the_engine);
    tcase_add_test(tcase, sglang_admits_with_caution_that_wanes);
    tcase_add_test(tcase, sglang_keeps_more_for_attention_data_parallel);
    tcase_add_test(tcase, sglang_alone_finds_top_p_without_sorting);
    tcase_add_test(tcase, vllm_pays_for_ray_on_several_nodes);
    tcase_add_loop_test(tcase, nobody_schedules_pipelines_ahead, 0, 2);
    tcase_add_test(tcase, the_older_vllm_takes_prompts_whole_until_they_may_be_long);
    tcase_add_loop_test(tcase, the_older_tensorrt_llm_keeps_contexts_whole, 0, 7);
    tcase_add_test(tcase, the_older_vllm_copies_lists_of_the_context);
    tcase_add_test(tcase, the_newer_vllm_differs_in_scheduling_ahead);
    tcase_add_test(tcase, tensorrt_llm_limits_each_batch_in_flight);
    tcase_add_test(tcase, engines_exchange_tokens_as_they_do_by_default);
    tcase_add_test(tcase, nvlink_reaches_no_other_node);
    tcase_add_test(tcase, states_are_neither_cached_nor_swapped);
    tcase_add_test(tcase, engines_meet_uneven_experts_unless_told_otherwise);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
