/* Promises of serving memory: weights and KV bytes to the byte, vLLM's stages, and less of each with more GPUs. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/memory/serving_memory.h"
#include "tests/library_model.h"
#include "tests/suite.h"

#define GIB (1024.0 * 1024 * 1024)

static struct ls_scenario scenario_of(const char *model, int64_t tp, int64_t pp)
{
    struct ls_scenario scenario;
    memset(&scenario, 0, sizeof scenario);
    scenario.model = load_model(model);
    scenario.cluster.hardware.memory_bytes = 80 * GIB;
    scenario.strategy = (struct ls_strategy){.tp = tp, .pp = pp, .dp = 1, .ep = 1, .expert_tp = tp};
    scenario.engine = (struct ls_engine){.weight_dtype = scenario.model.dtype,
                                         .kv_dtype = scenario.model.activation_dtype,
                                         .gpu_memory_utilization = 0.9,
                                         .block_size = 16,
                                         .sliding_window_kv = 1,
                                         .max_model_len = LS_NULL_INT,
                                         .max_num_seqs = 256,
                                         .max_num_batched_tokens = 8192,
                                         .logit_bytes = 38.3, /* vLLM 0.11's logs: see engine/serving/preset.c */
                                         .memory_overhead_bytes = GIB,
                                         .speculative = {.method = LS_NULL_CHOICE}};
    return scenario;
}

static double weights_of(const struct ls_model *model, struct ls_shard shard)
{
    const struct ls_formats formats =
        ls_model_formats(model, (enum ls_dtype)model->dtype, (enum ls_dtype)model->activation_dtype);
    return ls_weight_bytes(model, &shard, &formats, 0, model->num_hidden_layers, LS_STAGE_FIRST | LS_STAGE_LAST);
}

START_TEST(one_gpu_holds_every_parameter_once)
{
    static const char *const names[] = {"llama-3.1-70b", "gemma-2-9b",    "mixtral-8x7b",
                                        "gpt-3-175b",    "qwen3-30b-a3b", "qwen3-next-80b-a3b"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct ls_model model = load_model(names[i]);
        ck_assert_double_eq(weights_of(&model, (struct ls_shard){1, 1, 1, 0}), 2 * (double)ls_model_parameters(&model));
    }
}
END_TEST

/* 4.25 bits a weight of the experts and two bytes of the rest: total_size in the model.safetensors.index.json of
 * huggingface.co/openai/gpt-oss-20b and -120b. */
START_TEST(block_formats_carry_their_scales)
{
    const struct ls_model small = load_model("gpt-oss-20b"), large = load_model("gpt-oss-120b");
    ck_assert_double_eq_tol(weights_of(&small, (struct ls_shard){1, 1, 1, 0}), 13761264768.0, 0.5);
    ck_assert_double_eq_tol(weights_of(&large, (struct ls_shard){1, 1, 1, 0}), 65248815744.0, 0.5);
}
END_TEST

/* Llama 3.1 8B: 6,979,321,856 parameters in projections, 1,050,939,392 in embedding, head and norms, which stay in two
 * bytes. */
START_TEST(formats_take_their_bits_and_leave_the_rest)
{
    static const struct {
        enum ls_dtype dtype;
        double bits;
    } formats[] = {{LS_BF16, 16},   {LS_FP8, 8},     {LS_FP8_BLOCK, 8 + 32.0 / 16384}, {LS_INT8, 8}, {LS_INT4, 4.125},
                   {LS_NVFP4, 4.5}, {LS_MXFP4, 4.25}};
    const struct ls_model model = load_model("llama-3.1-8b");
    const struct ls_shard shard = {1, 1, 1, 0};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const struct ls_formats served = ls_model_formats(&model, formats[i].dtype, formats[i].dtype);
        const double bytes = ls_weight_bytes(&model, &shard, &served, 0, 32, LS_STAGE_FIRST | LS_STAGE_LAST);
        ck_assert_double_eq_tol(bytes, 6979321856.0 * formats[i].bits / 8 + 2 * 1050939392.0, 0.5);
        ck_assert_double_eq_tol(ls_kv_bytes_per_token_layer(&model, 1, formats[i].dtype), 2048 * formats[i].bits / 8,
                                1e-9);
    }
}
END_TEST

/* Meta's Llama 3.1 405B in fp8: 126 layers of 570,425,344 parameters in attention's projections. */
START_TEST(attention_may_stay_wide)
{
    struct ls_model model = load_model("llama-3.1-405b");
    const struct ls_shard shard = {8, 1, 8, 0};
    model.dtype = LS_FP8;
    const double narrow = weights_of(&model, shard);
    model.attention_dtype = LS_BF16;
    ck_assert_double_eq_tol(weights_of(&model, shard) - narrow, 126 * 570425344.0 / 8, 0.5);
}
END_TEST

START_TEST(kv_bytes_a_token_are_exact)
{
    const struct ls_model llama = load_model("llama-3.1-70b"), deepseek = load_model("deepseek-v3");
    for (int64_t tp = 1; tp <= 8; tp *= 2)
        ck_assert_double_eq(80 * ls_kv_bytes_per_token_layer(&llama, tp, LS_BF16), 327680.0 / (double)tp);
    ck_assert_double_eq(80 * ls_kv_bytes_per_token_layer(&llama, 16, LS_BF16), 327680.0 / 8);
    ck_assert_double_eq(80 * ls_kv_bytes_per_token_layer(&llama, 1, LS_FP8), 163840);
    for (int64_t tp = 1; tp <= 8; tp *= 8)
        ck_assert_double_eq(ls_kv_bytes_per_token_layer(&deepseek, tp, LS_BF16), 2 * (512 + 64));
}
END_TEST

START_TEST(layers_are_spread_as_vllm_spreads_them)
{
    static const struct {
        int64_t layers, stages, size[8];
    } splits[] = {{32, 1, {32}},     {80, 4, {20, 20, 20, 20}},         {10, 4, {2, 3, 3, 2}},     {7, 4, {2, 2, 2, 1}},
                  {61, 2, {31, 30}}, {61, 8, {7, 7, 8, 8, 8, 8, 8, 7}}, {94, 4, {23, 24, 24, 23}}, {3, 3, {1, 1, 1}}};
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++)
        for (int64_t stage = 0; stage < splits[i].stages; stage++)
            ck_assert_int_eq(ls_stage_first_layer(splits[i].layers, splits[i].stages, stage + 1) -
                                 ls_stage_first_layer(splits[i].layers, splits[i].stages, stage),
                             splits[i].size[stage]);
}
END_TEST

START_TEST(stages_of_an_untied_model_hold_it_once_in_all)
{
    static const char *const names[] = {"llama-3.1-70b", "llama-4-maverick",
                                        "qwen3.5-397b-a17b"}; /* stages may differ */
    const struct ls_shard shard = {1, 1, 1, 0};
    for (int which = 0; which < 3; which++) {
        const struct ls_model model = load_model(names[which]);
        const struct ls_formats formats = ls_model_formats(&model, LS_BF16, LS_BF16);
        const int64_t n = model.num_hidden_layers;
        for (int64_t pp = 2; pp <= 16; pp++) {
            double bytes = 0;
            for (int64_t i = 0; i < pp; i++)
                bytes += ls_weight_bytes(&model, &shard, &formats, ls_stage_first_layer(n, pp, i),
                                         ls_stage_first_layer(n, pp, i + 1),
                                         (i == 0 ? LS_STAGE_FIRST : 0) | (i == pp - 1 ? LS_STAGE_LAST : 0));
            ck_assert_double_eq(bytes, 2 * (double)ls_model_parameters(&model));
        }
    }
}
END_TEST

START_TEST(expert_sharding_divides_the_experts)
{
    const struct ls_model model = load_model("mixtral-8x7b");
    const double experts = 2.0 * 32 * 8 * 3 * 4096 * 14336;
    const double rest = 2 * (double)ls_model_parameters(&model) - experts;
    for (int64_t ep = 1; ep <= 8; ep *= 2)
        ck_assert_double_eq(weights_of(&model, (struct ls_shard){1, ep, 1, 0}), rest + experts / (double)ep);
    /* halves of experts on twice the GPUs weigh the same as whole ones */
    ck_assert_double_eq(weights_of(&model, (struct ls_shard){2, 4, 2, 0}),
                        weights_of(&model, (struct ls_shard){2, 4, 1, 0}));
    ck_assert_double_eq(weights_of(&model, (struct ls_shard){1, 8, 1, 8}), rest + 2 * experts / 8);
}
END_TEST

/* vLLM's log for llama-3.1-8b on an RTX 3090 with 23.58 GiB (github.com/vllm-project/vllm/issues/10517, version 0.6):
 * weights 14.9888 GB (of 2^30), non-torch 0.35, 1,952 blocks for a pass of 20,000 tokens and 1,478 for 29,000. */
START_TEST(the_pool_is_the_one_vllm_logs)
{
    struct ls_scenario scenario = scenario_of("llama-3.1-8b", 1, 1);
    struct ls_serving_memory memory;
    scenario.cluster.hardware.memory_bytes = 23.58 * GIB;
    scenario.engine.memory_overhead_bytes = 0.35 * GIB;
    scenario.engine.max_num_batched_tokens = 20000;
    ck_assert_int_eq(ls_serving_memory(&scenario, &memory), LS_REASON_NONE);
    ck_assert_double_eq_tol(memory.weights_bytes / GIB, 14.9888, 0.0001);
    ck_assert_double_eq_tol(memory.activation_bytes / GIB, 17.06 - 14.99, 0.02);
    ck_assert_double_eq_tol((double)memory.kv_blocks, 1952, 0.01 * 1952);
    scenario.engine.max_num_batched_tokens = 29000;
    ck_assert_int_eq(ls_serving_memory(&scenario, &memory), LS_REASON_NONE);
    ck_assert_double_eq_tol((double)memory.kv_blocks, 1478, 0.01 * 1478);
}
END_TEST

/* vLLM 0.11.0 on an H100 with 79.18 GiB: GiB of weights, peak activation, non-torch memory (our overhead) and KV cache
 * (github.com/llm-d/llm-d-benchmark, config_explorer/empirical-vllm-memory-results.md). */
static const struct {
    const char *model;
    int32_t weight_dtype;
    int64_t tp;
    double weights, activation, overhead, kv;
} logged[] = {{"llama-3.1-8b", LS_BF16, 1, 14.99, 4.76, 0.13, 51.38},
              {"llama-3.3-70b", LS_FP8, 2, 33.88, 4.84, 0.55, 32.00},
              {"gpt-oss-20b", LS_BF16, 1, 13.47, 7.38, 0.13, 50.28},
              {"qwen3-32b", LS_BF16, 1, 61.03, 5.64, 0.14, 4.45},
              {"qwen3-32b", LS_BF16, 2, 30.59, 5.64, 0.54, 34.49}};

START_TEST(an_h100_holds_what_vllm_logs_for_it)
{
    for (size_t i = 0; i < sizeof logged / sizeof *logged; i++) {
        struct ls_scenario scenario = scenario_of(logged[i].model, logged[i].tp, 1);
        struct ls_serving_memory memory;
        scenario.cluster.hardware.memory_bytes = 79.18 * GIB;
        scenario.engine.memory_overhead_bytes = logged[i].overhead * GIB;
        scenario.engine.max_num_seqs = 1024;
        scenario.engine.weight_dtype = logged[i].weight_dtype;
        ck_assert_int_eq(ls_serving_memory(&scenario, &memory), LS_REASON_NONE);
        ck_assert_double_eq_tol(memory.weights_bytes / GIB, logged[i].weights, 0.1);
        ck_assert_double_eq_tol(memory.activation_bytes / GIB, logged[i].activation, 0.01 * logged[i].activation);
        ck_assert_double_eq_tol(memory.kv_bytes / GIB, logged[i].kv, 0.1);
    }
}
END_TEST

/* Half of gpt-oss's layers keep 128 tokens: two groups of 12 layers share the pool, and 1,024 sequences hold at most
 * 9 blocks each in the second one. */
START_TEST(sliding_layers_leave_more_tokens_to_the_others)
{
    struct ls_scenario scenario = scenario_of("gpt-oss-20b", 1, 1);
    struct ls_serving_memory hybrid, full;
    scenario.engine.max_num_seqs = 1024;
    ck_assert_int_eq(ls_serving_memory(&scenario, &hybrid), LS_REASON_NONE);
    const double block_bytes = 12.0 * 16 * 2 * 8 * 64 * 2;
    ck_assert_int_eq(hybrid.kv_blocks, (int64_t)(hybrid.kv_bytes / block_bytes) - 1024 * 9);
    ck_assert_double_eq(hybrid.kv_bytes_per_token * 16, block_bytes);
    scenario.model.sliding_window = LS_NULL_INT;
    ck_assert_int_eq(ls_serving_memory(&scenario, &full), LS_REASON_NONE);
    ck_assert_int_eq(full.kv_blocks, (int64_t)(full.kv_bytes / (2 * block_bytes)));
    scenario.model.sliding_window = 100000; /* a window that long saves nothing */
    ck_assert_int_eq(ls_serving_memory(&scenario, &hybrid), LS_REASON_NONE);
    ck_assert_int_eq(hybrid.kv_blocks, full.kv_blocks);
    scenario.model.sliding_window = 128; /* nor does one whose keys are kept all the same */
    scenario.engine.sliding_window_kv = 0;
    ck_assert_int_eq(ls_serving_memory(&scenario, &hybrid), LS_REASON_NONE);
    ck_assert_int_eq(hybrid.kv_blocks, full.kv_blocks);
}
END_TEST

/* 8 of qwen3-235b-a22b's experts for a token, each 1,536 wide behind 4,096. */
START_TEST(experts_have_room_for_every_token_that_a_group_gathers)
{
    struct ls_scenario scenario = scenario_of("qwen3-235b-a22b", 1, 1);
    const double bytes = 8192 * 2, hidden = 4096, width = 1536;
    struct ls_shard shard = {.tp = 1, .ep = 8, .expert_tp = 1};
    scenario.engine.all2all_backend = LS_ALL2ALL_NCCL;
    ck_assert_double_eq(ls_activation_bytes(&scenario, &shard, false), bytes * (3 * hidden + 8 * (hidden + width)));
    scenario.engine.expert_output_buffer = 1;
    ck_assert_double_eq(ls_activation_bytes(&scenario, &shard, false), bytes * (3 * hidden + 8 * 2 * hidden));
    scenario.engine.all2all_backend = LS_ALL2ALL_ALL_GATHER;
    ck_assert_double_eq(ls_activation_bytes(&scenario, &shard, false),
                        bytes * (3 * hidden + 8 * (2 * hidden + 8 * 2 * hidden)));
    scenario.engine.expert_output_buffer = 0;
    scenario.engine.expert_chunk_tokens = 16384; /* a quarter of them */
    ck_assert_double_eq(ls_activation_bytes(&scenario, &shard, false),
                        bytes * (3 * hidden + 8 * (2 * hidden + 8 * (hidden + width) / 4)));
    scenario.engine.expert_chunk_tokens = 1 << 20; /* more than there are */
    ck_assert_double_eq(ls_activation_bytes(&scenario, &shard, false),
                        bytes * (3 * hidden + 8 * (2 * hidden + 8 * (hidden + width))));
}
END_TEST

START_TEST(the_parts_add_up_and_stay_within_the_budget)
{
    static const char *const names[] = {"llama-3.1-8b", "llama-3.1-70b", "mixtral-8x7b", "gemma-2-27b", "deepseek-v3"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (int64_t tp = 1; tp <= 8; tp *= 2) {
            for (int64_t pp = 1; pp <= 8; pp++) {
                const struct ls_scenario scenario = scenario_of(names[i], tp, pp);
                struct ls_serving_memory memory;
                const enum ls_reason reason = ls_serving_memory(&scenario, &memory);
                ck_assert_double_eq_tol(memory.weights_bytes + memory.activation_bytes + memory.overhead_bytes +
                                            memory.kv_bytes,
                                        memory.total_bytes, 1);
                ck_assert(reason != LS_REASON_NONE || memory.total_bytes <= 0.9 * 80 * GIB);
                ck_assert((memory.kv_blocks > 0) == (reason == LS_REASON_NONE));
            }
        }
    }
}
END_TEST

START_TEST(more_gpus_hold_less_each_and_cache_more)
{
    static const char *const names[] = {"llama-3.1-8b", "mixtral-8x7b", "gemma-2-27b", "gpt-oss-120b", "deepseek-v3"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (int64_t tp = 1; tp <= 4; tp *= 2) {
            for (int64_t pp = 1; pp <= 4; pp *= 2) {
                const struct ls_scenario base = scenario_of(names[i], tp, pp);
                const struct ls_scenario more[] = {scenario_of(names[i], 2 * tp, pp),
                                                   scenario_of(names[i], tp, 2 * pp)};
                struct ls_serving_memory before, after;
                (void)ls_serving_memory(&base, &before);
                for (int j = 0; j < 2; j++) {
                    (void)ls_serving_memory(&more[j], &after);
                    ck_assert_double_lt(after.weights_bytes, before.weights_bytes);
                    ck_assert_double_le(after.kv_bytes_per_token, before.kv_bytes_per_token);
                    ck_assert_int_ge(after.kv_blocks, before.kv_blocks);
                }
            }
        }
    }
}
END_TEST

/* Four groups of 12 layers; a state of 2 MiB and a convolution of 8,192 channels on one GPU. */
START_TEST(delta_nets_take_blocks_whatever_the_length)
{
    struct ls_scenario scenario = scenario_of("qwen3-next-80b-a3b", 4, 1);
    struct ls_serving_memory memory;
    const double state = 32 * 128 * 128 * 4 + 8192 * 3 * 2;
    ck_assert_double_eq(ls_state_bytes_per_layer(&scenario.model, 1), state);
    ck_assert_double_eq(ls_state_bytes_per_layer(&scenario.model, 4), state / 4);
    const double block = 16 * 2 * 256 * 2; /* one KV head */
    ck_assert_int_eq(ls_state_blocks(&scenario), 3 * (int64_t)ceil(state / 4 / block));
    ck_assert_int_eq(ls_serving_memory(&scenario, &memory), LS_REASON_NONE);
    ck_assert_double_eq(memory.kv_bytes_per_token, 12 * block / 16); /* of the full layers alone */
    ck_assert_int_eq(memory.kv_blocks, (int64_t)(memory.kv_bytes / (12 * block)));
    scenario.engine.max_model_len = (memory.kv_blocks - ls_state_blocks(&scenario)) * 16;
    ck_assert_int_eq(ls_serving_memory(&scenario, &memory), LS_REASON_NONE);
    scenario.engine.max_model_len++;
    ck_assert_int_eq(ls_serving_memory(&scenario, &memory), LS_REASON_MEMORY_KV);
    scenario = scenario_of("qwen3-30b-a3b", 4, 1);
    ck_assert_int_eq(ls_state_blocks(&scenario), 0);
}
END_TEST

START_TEST(what_does_not_fit_says_why)
{
    struct ls_scenario scenario = scenario_of("llama-3.1-70b", 1, 1);
    struct ls_serving_memory memory;
    ck_assert_int_eq(ls_serving_memory(&scenario, &memory), LS_REASON_MEMORY_WEIGHTS);
    ck_assert_int_eq(memory.kv_blocks, 0);
    ck_assert_double_eq(memory.weights_bytes, 2 * 70553706496.0 + 2 * 131072 * 128); /* with the rotary table */
    scenario = scenario_of("llama-3.1-70b", 2, 1);
    scenario.engine.max_model_len = 131072;
    ck_assert_int_eq(ls_serving_memory(&scenario, &memory), LS_REASON_MEMORY_KV);
    scenario.engine.max_model_len = 512;
    ck_assert_int_eq(ls_serving_memory(&scenario, &memory), LS_REASON_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("serving memory");
    TCase *tcase = tcase_create("bytes");
    tcase_add_test(tcase, one_gpu_holds_every_parameter_once);
    tcase_add_test(tcase, block_formats_carry_their_scales);
    tcase_add_test(tcase, formats_take_their_bits_and_leave_the_rest);
    tcase_add_test(tcase, attention_may_stay_wide);
    tcase_add_test(tcase, kv_bytes_a_token_are_exact);
    tcase_add_test(tcase, layers_are_spread_as_vllm_spreads_them);
    tcase_add_test(tcase, stages_of_an_untied_model_hold_it_once_in_all);
    tcase_add_test(tcase, expert_sharding_divides_the_experts);
    suite_add_tcase(suite, tcase);
    TCase *pool = tcase_create("pool");
    tcase_add_test(pool, the_pool_is_the_one_vllm_logs);
    tcase_add_test(pool, an_h100_holds_what_vllm_logs_for_it);
    tcase_add_test(pool, delta_nets_take_blocks_whatever_the_length);
    tcase_add_test(pool, sliding_layers_leave_more_tokens_to_the_others);
    tcase_add_test(pool, experts_have_room_for_every_token_that_a_group_gathers);
    tcase_add_test(pool, the_parts_add_up_and_stay_within_the_budget);
    tcase_add_test(pool, more_gpus_hold_less_each_and_cache_more);
    tcase_add_test(pool, what_does_not_fit_says_why);
    suite_add_tcase(suite, pool);
    return suite_run(suite);
}
