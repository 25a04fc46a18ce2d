/* Models whose costs are stated by token, and the engine of the documents that have them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/cost/operator_cost.h"
#include "engine/cost/step_cost.h"
#include "engine/memory/serving_memory.h"
#include "io/library.h"
#include "tests/scenario.h"
#include "tests/suite.h"

#define PREFILL "model.aggregated_ops.prefill."
#define DECODE "model.aggregated_ops.decode."

static const char *const small_model[][2] = {{"model.num_hidden_layers", "4"},   {"model.hidden_size", "1024"},
                                             {"model.num_attention_heads", "8"}, {"model.intermediate_size", "4096"},
                                             {"model.vocab_size", "1000"},       {NULL, NULL}};

/* A layer: 1 GFLOP and 1 MB of a prompt token, 1 MFLOP and 100 MB of a decoded one. */
static const char *const aggregated[][2] = {{PREFILL "total_flops_per_prompt_token", "4e9"},
                                            {PREFILL "total_memory_bytes_per_prompt_token", "4e6"},
                                            {DECODE "total_flops_per_token_in_batch", "4e6"},
                                            {DECODE "total_memory_bytes_per_token_in_batch", "4e8"},
                                            {NULL, NULL}};

static const char *const layer_types[][2] = {{"model.layer_types.attention.flops_per_token_prefill", "0.25e9"},
                                             {"model.layer_types.attention.flops_per_token_decode", "0.5e6"},
                                             {"model.layer_types.attention.memory_bytes_per_token_prefill", "0.25e6"},
                                             {"model.layer_types.attention.memory_bytes_per_token_decode", "20e6"},
                                             {"model.layer_types.mlp.flops_per_token_prefill", "0.75e9"},
                                             {"model.layer_types.mlp.flops_per_token_decode", "0.5e6"},
                                             {"model.layer_types.mlp.memory_bytes_per_token_prefill", "0.75e6"},
                                             {"model.layer_types.mlp.memory_bytes_per_token_decode", "80e6"},
                                             {NULL, NULL}};

/* 1 PFLOP/s and 1 TB/s, of which half and 0.8 are reached. */
static void make_stated(struct ls_scenario *scenario)
{
    scenario_make(scenario, small_model);
    scenario_set(scenario, "cluster.hardware.peak.bf16", "1000 TFLOP/s");
    scenario_set(scenario, "cluster.hardware.memory_bandwidth", "1 TB/s");
    scenario_set(scenario, "engine.preset", "reference");
    scenario_set(scenario, "workload.duration_s", "20");
    (void)scenario_add_profile(scenario, 4, 200, 30);
}

static void resolve(struct ls_scenario *scenario)
{
    enum ls_reason reason;
    struct ls_err err = {""};
    ck_assert_msg(ls_scenario_resolve(scenario, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_int_eq(reason, LS_REASON_NONE);
}

static const struct ls_batch mixed = {.n_tok = 108,
                                      .n_sampled = 9,
                                      .n_decode = 8,
                                      .decode_context = 8000,
                                      .n_prefill = 1,
                                      .prefill_tok = 100,
                                      .prefill_context = 100,
                                      .prefill_pairs = 5050};

/* Sum of the stages' picoseconds for `mixed`; *step is its step. */
static int64_t pass_ps(const struct ls_scenario *scenario, struct ls_step *step)
{
    struct ls_arena arena = {0};
    struct ls_step_cost cost;
    struct ls_err err = {""};
    int64_t sum = 0;
    ck_assert_msg(ls_step_cost_init(&cost, scenario, &arena, &err) == LS_OK, "%s", err.text);
    ls_step_cost(&cost, &mixed, step);
    for (int64_t i = 0; i < cost.n_stages; i++)
        sum += ls_stage_ps(&cost.stages[i], step);
    ls_arena_release(&arena);
    return sum;
}

/* Of a layer, 100 prompt tokens need 200 us of arithmetic (and 1.5 · 100 MB in 187.5 us), 8 decoded ones 1.5 · 800 MB
 * in 1,500 us. */
START_TEST(a_pass_costs_what_is_stated)
{
    struct ls_scenario scenario;
    struct ls_step step;
    make_stated(&scenario);
    scenario_set_all(&scenario, aggregated);
    resolve(&scenario);
    ck_assert_int_eq(pass_ps(&scenario, &step), INT64_C(4) * 1700000000);
    ck_assert_int_eq(step.attention_ps[0], step.mlp_ps[0]); /* halves, where nothing says how a layer divides */
    ck_assert_int_eq(step.head_ps, 0);

    scenario.model.stated.pass[LS_TOK_DECODED].critical_path_factor = 2;
    ck_assert_int_eq(pass_ps(&scenario, &step), INT64_C(4) * 3200000000);
}
END_TEST

START_TEST(layers_divide_into_their_blocks)
{
    struct ls_scenario scenario;
    struct ls_step step;
    make_stated(&scenario);
    scenario_set_all(&scenario, layer_types);
    resolve(&scenario);
    ck_assert_int_eq(pass_ps(&scenario, &step), INT64_C(4) * 1700000000);
    ck_assert_int_eq(step.attention_ps[0], 50000000 + 300000000);
    ck_assert_int_eq(step.mlp_ps[0], 150000000 + 1200000000);

    /* aggregated_ops, when there too, decides on the sum */
    scenario_set_all(&scenario, aggregated);
    scenario_set(&scenario, DECODE "total_memory_bytes_per_token_in_batch", "8e8");
    ck_assert_int_eq(pass_ps(&scenario, &step), INT64_C(4) * 3200000000);
    ck_assert_int_eq(step.attention_ps[0], 50000000 + 600000000);
}
END_TEST

START_TEST(stages_add_up_to_the_whole)
{
    struct ls_scenario scenario;
    struct ls_step step;
    make_stated(&scenario);
    scenario_set_all(&scenario, layer_types);
    scenario_set(&scenario, "strategy.pp", "3");
    resolve(&scenario);
    ck_assert_int_eq(pass_ps(&scenario, &step), INT64_C(4) * 1700000000);
}
END_TEST

START_TEST(tensor_ranks_share_the_work)
{
    struct ls_scenario scenario;
    struct ls_step step;
    make_stated(&scenario);
    scenario_set_all(&scenario, aggregated);
    scenario_set(&scenario, "strategy.tp", "4");
    resolve(&scenario);
    ck_assert_int_gt(pass_ps(&scenario, &step), INT64_C(4) * 1700000000 / 4); /* collectives come on top */
    ck_assert_int_eq(step.attention_ps[0] + step.mlp_ps[0], 1700000000 / 4);
}
END_TEST

START_TEST(levels_agree_on_stated_models)
{
    static const char *const levels[] = {"medium", "high"};
    struct ls_sim *sim = ls_sim_new();
    struct ls_result results[2];
    for (int i = 0; i < 2; i++) {
        struct ls_scenario scenario;
        make_stated(&scenario);
        scenario_set_all(&scenario, aggregated);
        scenario_set_all(&scenario, layer_types);
        scenario_set(&scenario, "strategy.tp", "2");
        scenario_set(&scenario, "strategy.pp", "2");
        scenario_set(&scenario, "cluster.contention", "false");
        scenario_set(&scenario, "strategy.lod", levels[i]);
        results[i] = scenario_run(sim, &scenario);
    }
    ck_assert(results[0].metrics.scalar[LS_METRIC_N_EVENTS] < results[1].metrics.scalar[LS_METRIC_N_EVENTS]);
    results[0].metrics.scalar[LS_METRIC_N_EVENTS] = results[1].metrics.scalar[LS_METRIC_N_EVENTS];
    ck_assert(memcmp(&results[0].metrics, &results[1].metrics, sizeof results[0].metrics) == 0);
    ck_assert(results[0].metrics.scalar[LS_METRIC_MBU] > 0 && results[0].metrics.scalar[LS_METRIC_MBU] <= 1);
    ls_sim_free(sim);
}
END_TEST

START_TEST(memory_is_what_is_stated)
{
    struct ls_scenario scenario;
    make_stated(&scenario);
    scenario_set_all(&scenario, aggregated);
    scenario_set(&scenario, "model.parameters", "1000000000");
    scenario_set(&scenario, "model.kv_cache_bytes_per_token_per_layer", "4096");
    scenario_set(&scenario, "strategy.tp", "2");
    resolve(&scenario);
    struct ls_serving_memory memory;
    ck_assert_int_eq(ls_serving_memory(&scenario, &memory), LS_REASON_NONE);
    ck_assert_int_eq(ls_model_parameters(&scenario.model), 1000000000);
    ck_assert_double_eq_tol(memory.kv_bytes_per_token, 8192.0, 1e-9);
    ck_assert(memory.weights_bytes >= 1e9 && memory.weights_bytes < 1.001e9); /* rotary tables are little */
}
END_TEST

START_TEST(half_a_statement_is_refused)
{
    static const char *const cases[][3] = {
        {PREFILL "total_flops_per_prompt_token", "1e9",
         "aggregated_ops.prefill: FLOPs and bytes are both needed, of prefill and of decode"},
        {"model.layer_types.mlp.flops_per_token_decode", "1e9",
         "layer_types.attention: FLOPs and bytes are both needed, of prefill and of decode, and of attention and mlp"},
        {"model.parameters", "1000",
         "parameters: means something with aggregated_ops or layer_types only, which are missing"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ls_scenario scenario;
        struct ls_err err = {""};
        make_stated(&scenario);
        scenario_set(&scenario, cases[i][0], cases[i][1]);
        ck_assert_int_eq(ls_model_complete(&scenario.model, &err), LS_INPUT);
        ck_assert_str_eq(err.text, cases[i][2]);
    }
}
END_TEST

/* requirement documents: 80 layers, hidden 8192, 8 GPUs of 576 GB at TP 8 */
START_TEST(the_token_budget_is_the_documents)
{
    struct ls_scenario scenario;
    scenario_make(&scenario, scenario_llama_70b);
    scenario_set(&scenario, "cluster.hardware.memory", "576 GB");
    scenario_set(&scenario, "cluster.hardware.memory_bandwidth", "4800 GB/s");
    scenario_set(&scenario, "cluster.hardware.peak.bf16", "1979 TFLOP/s");
    scenario_set(&scenario, "engine.preset", "reference");
    scenario_set(&scenario, "strategy.tp", "8");
    scenario_set(&scenario, "workload.duration_s", "20");
    (void)scenario_add_profile(&scenario, 4, 200, 30);
    resolve(&scenario);
    ck_assert_int_eq(scenario.engine.max_num_batched_tokens, 3691);
    ck_assert_int_eq(scenario.engine.max_num_seqs, 512);
    ck_assert_int_eq(scenario.engine.long_prefill_token_threshold, 4096);
    ck_assert_double_eq(scenario.cluster.hardware.mfu, 0.5);
    ck_assert_double_eq(scenario.cluster.hardware.mbu, 0.8);
}
END_TEST

/* 1 PFLOP/s at half, 1 TB/s at 0.8 */
START_TEST(flat_shares_make_a_roofline)
{
    struct ls_scenario scenario;
    make_stated(&scenario);
    scenario_set_all(&scenario, aggregated);
    resolve(&scenario);
    const struct ls_hardware *hardware = &scenario.cluster.hardware;
    const struct ls_op gemm = {.kind = LS_OP_GEMM, .dtype = LS_BF16, .m = 4096, .n = 4096, .k = 4096};
    ck_assert_double_eq_tol(ls_op_seconds(hardware, &gemm), 2 * 4096.0 * 4096 * 4096 / 5e14, 1e-15);
    const struct ls_op norm = {.kind = LS_OP_MEMORY, .dtype = LS_BF16, .bytes = 8e8};
    ck_assert_double_eq_tol(ls_op_seconds(hardware, &norm), 1e-3, 1e-15);
    /* so many query heads share a KV head that arithmetic decides from some context on */
    struct ls_op decode = {.kind = LS_OP_ATTENTION_DECODE,
                           .dtype = LS_BF16,
                           .n_seqs = 1,
                           .n_query = 1,
                           .n_heads = 4096,
                           .n_kv_heads = 1,
                           .head_dim = 128,
                           .v_head_dim = 128};
    for (double context = 1; context < 1e5; context *= 3) {
        decode.n_context = decode.n_pairs = context;
        const double compute_s = ls_op_flop(&decode) / 5e14;
        const double memory_s = ls_op_bytes(&decode) / 8e11;
        ck_assert_double_eq_tol(ls_op_seconds(hardware, &decode), fmax(compute_s, memory_s), 1e-15);
        ck_assert_double_gt(ls_op_decode_segment(hardware, &decode).until, context);
    }
}
END_TEST

/* --- databases --- */

#define ENTRY                                                                                                          \
    "{\"parameters\": 8000000000, \"parameter_bytes_fp16\": 16000000000, \"hidden_size\": 4096, \"num_layers\": 32,"   \
    " \"num_attention_heads\": 32, \"num_kv_heads\": 8, \"intermediate_size\": 14336, \"vocab_size\": 128256,"         \
    " \"kv_cache_bytes_per_token_per_layer\": 4096,"                                                                   \
    " \"prefill_op_stats\": {\"flops_per_token\": 16e9, \"memory_bytes_per_token\": 32e6},"                            \
    " \"layer_types\": {\"attention\": {\"flops_per_token_prefill\": 1e8, \"flops_per_token_decode\": 1e8,"            \
    "   \"memory_bytes_per_token_prefill\": 1e6, \"memory_bytes_per_token_decode\": 2e6,"                              \
    "   \"activation_output_bytes_per_token\": 8192, \"is_tp_shardable_qkv\": true,"                                   \
    "   \"tp_collective_type\": \"%s\"},"                                                                              \
    "  \"mlp\": {\"flops_per_token_prefill\": 4e8, \"flops_per_token_decode\": 4e8,"                                   \
    "   \"memory_bytes_per_token_prefill\": 1e6, \"memory_bytes_per_token_decode\": 2e6}},"                            \
    " \"aggregated_ops\": {\"prefill\": {\"total_flops_per_prompt_token\": 16e9,"                                      \
    "   \"total_memory_bytes_per_prompt_token\": 32e6, \"critical_path_factor\": 1.0},"                                \
    "  \"decode\": {\"total_flops_per_token_in_batch\": 15e9,"                                                         \
    "   \"total_memory_bytes_per_token_in_batch\": 64e6, \"critical_path_factor\": 1.5}}}"

static const char *write_database(const char *format, const char *collective)
{
    static char path[64];
    (void)snprintf(path, sizeof path, "/tmp/llmsweep_stated_%ld.json", (long)getpid());
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    (void)fprintf(file, format, collective, collective);
    (void)fclose(file);
    return path;
}

static struct ls_model load(const char *name, const char *fault)
{
    struct ls_model model = {.name = ""};
    struct ls_diags diags = {0};
    const enum ls_status status = ls_library_model(NULL, name, &model, &diags);
    if (fault)
        ck_assert_msg(diags.n == 1 && strstr(diags.items[0].text, fault), "%s", diags.n ? diags.items[0].text : "none");
    else
        ck_assert_msg(status == LS_OK, "%s", diags.n ? diags.items[0].text : "?");
    ls_diags_release(&diags);
    return model;
}

START_TEST(a_database_loads_as_it_is)
{
    char name[128];
    const char *path = write_database("{\"Llama3-8B\": " ENTRY ", \"Other\": " ENTRY "}", "AllReduce");
    (void)snprintf(name, sizeof name, "%s#Llama3-8B", path);
    const struct ls_model model = load(name, NULL);
    ck_assert_str_eq(model.name, "Llama3-8B");
    ck_assert_int_eq(model.num_hidden_layers, 32);
    ck_assert_int_eq(model.num_key_value_heads, 8);
    ck_assert_int_eq(ls_model_parameters(&model), 8000000000);
    ck_assert_double_eq(model.stated.pass[LS_TOK_DECODED].flop, 15e9);
    ck_assert_double_eq(model.stated.pass[LS_TOK_DECODED].critical_path_factor, 1.5);
    ck_assert_double_eq(model.stated.block[LS_BLOCK_MLP].flop[LS_TOK_PROMPT], 4e8);
    ck_assert_double_eq(model.stated.block[LS_BLOCK_ATTENTION].output_bytes, 8192);

    (void)load(path, "holds several models; write its name, # and one of Llama3-8B, Other");
    (void)snprintf(name, sizeof name, "%s#Llama3-9B", path);
    (void)load(name, "(did you mean Llama3-8B?)");
    (void)unlink(path);
}
END_TEST

START_TEST(the_only_model_needs_no_name)
{
    const char *path = write_database("{\"Llama3-8B\": " ENTRY "}", "AllReduce");
    const struct ls_model model = load(path, NULL);
    ck_assert_str_eq(model.name, "Llama3-8B");
    (void)unlink(path);
    (void)load("llama-3-8b#x", "holds one model; leave #x out");
}
END_TEST

START_TEST(another_collective_is_refused)
{
    const char *path = write_database("{\"Llama3-8B\": " ENTRY "}", "AllGather");
    (void)load(path, "`AllGather` is not modelled; what is: AllReduce");
    (void)unlink(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stated");
    TCase *tcase = tcase_create("costs");
    tcase_add_test(tcase, a_pass_costs_what_is_stated);
    tcase_add_test(tcase, layers_divide_into_their_blocks);
    tcase_add_test(tcase, stages_add_up_to_the_whole);
    tcase_add_test(tcase, tensor_ranks_share_the_work);
    tcase_add_test(tcase, levels_agree_on_stated_models);
    tcase_add_test(tcase, memory_is_what_is_stated);
    tcase_add_test(tcase, half_a_statement_is_refused);
    tcase_add_test(tcase, the_token_budget_is_the_documents);
    tcase_add_test(tcase, flat_shares_make_a_roofline);
    suite_add_tcase(suite, tcase);
    TCase *databases = tcase_create("databases");
    tcase_add_test(databases, a_database_loads_as_it_is);
    tcase_add_test(databases, the_only_model_needs_no_name);
    tcase_add_test(databases, another_collective_is_refused);
    suite_add_tcase(suite, databases);
    return suite_run(suite);
}
