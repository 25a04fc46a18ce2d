/* Promises of sharded products: exact seconds on a GPU without overheads, what is split and what is not, bad shapes. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/matmul/matmul.h"
#include "engine/simulate.h"
#include "study_text.h"
#include "tests/suite.h"

/* 1 PFLOP/s, 1 TB/s, links of 100 GB/s and 1 µs, kernels that reach all of it and start at once. */
static void make_ideal(struct ls_scenario *scenario)
{
    struct ls_hardware *hardware = &scenario->cluster.hardware;
    hardware->sm_count = 4;
    hardware->memory_bytes = 1e9;
    hardware->memory_bandwidth_bytes_per_s = 1e12;
    hardware->peak.by_dtype[LS_BF16] = 1e15;
    hardware->gpus_per_node = 8;
    hardware->nics_per_node = 8;
    hardware->topology = LS_TOPOLOGY_SWITCH;
    hardware->intra_node = (struct ls_link){100e9, 1e-6};
    hardware->inter_node = (struct ls_link){100e9, 1e-6};
    hardware->kernel_library = LS_KERNELS_VLLM;
    struct ls_kernels *kernels = &hardware->kernels[LS_KERNELS_VLLM];
    memset(kernels, 0, sizeof *kernels);
    struct ls_gemm_kernels *gemm = &kernels->gemm[LS_GEMM_BF16];
    gemm->memory_frac = 1e9; /* compute alone counts */
    gemm->sm_bandwidth_bytes_per_s = 1e18;
    gemm->split_frac = 1e18;
    gemm->mma_rows = 1;
    gemm->tile_frac[LS_TILE_128X256] = 1;
    kernels->memory.memory_frac = 1;
    kernels->collectives.gather_frac = 1;
    kernels->collectives.network_frac = 1;
}

static struct ls_scenario product(int64_t m, int64_t k, int64_t n, int64_t dp)
{
    struct ls_scenario scenario;
    enum ls_reason reason;
    struct ls_err err = {""};
    ls_scenario_init(&scenario);
    make_ideal(&scenario);
    scenario.kind = LS_MATMUL;
    scenario.cluster.nodes = 1;
    scenario.strategy.dp = dp;
    scenario.matmul.m = m;
    scenario.matmul.k = k;
    scenario.matmul.n = n;
    ck_assert_msg(ls_scenario_resolve(&scenario, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_int_eq(reason, LS_REASON_NONE);
    make_ideal(&scenario); /* undo what completing filled in */
    return scenario;
}

static struct ls_metrics run(const struct ls_scenario *scenario, enum ls_reason expected)
{
    struct ls_metrics metrics;
    ls_metrics_clear(&metrics);
    ck_assert_int_eq(ls_matmul_run(scenario, &metrics), expected);
    return metrics;
}

#define CLOSE(metric, expected) ck_assert_double_eq_tol(m.scalar[LS_METRIC_##metric], expected, 1e-12 * (expected))

START_TEST(one_gpu_takes_flops_over_peak_and_bytes_over_bandwidth)
{
    struct ls_scenario scenario = product(8192, 4096, 2048, 1);
    scenario.matmul.repetitions = 10;
    const struct ls_metrics m = run(&scenario, LS_REASON_NONE);
    const double create = 2.0 * (8192.0 * 4096 + 4096.0 * 2048) / 1e12, compute = 10 * 2.0 * 8192 * 4096 * 2048 / 1e15;
    CLOSE(CREATE_S, create);
    CLOSE(COMPUTE_S, compute);
    ck_assert_double_eq(m.scalar[LS_METRIC_GATHER_S], 0);
    CLOSE(TIME_S, create + compute);
    CLOSE(TFLOP_PER_S, 10 * 2.0 * 8192 * 4096 * 2048 / (create + compute) * 1e-12);
    ck_assert_double_eq(m.scalar[LS_METRIC_SPEEDUP], 1);
    ck_assert_double_eq(m.scalar[LS_METRIC_SHARDED], 0);
}
END_TEST

START_TEST(rows_are_split_and_the_result_is_gathered)
{
    struct ls_scenario scenario = product(8192, 4096, 2048, 4);
    const struct ls_metrics m = run(&scenario, LS_REASON_NONE);
    const double result = 2.0 * 8192 * 2048;
    CLOSE(CREATE_S, 2.0 * (2048.0 * 4096 + 4096.0 * 2048) / 1e12);
    CLOSE(COMPUTE_S, 2.0 * 2048 * 4096 * 2048 / 1e15);
    CLOSE(GATHER_S, 3 * 1e-6 + 0.75 * result / 100e9 + 0.25 * 2 * result / 1e12); /* its own share is copied */
    ck_assert_double_eq(m.scalar[LS_METRIC_SHARDED], 1);
}
END_TEST

START_TEST(rows_that_do_not_divide_are_replicated)
{
    const struct ls_scenario alone = product(8191, 4096, 2048, 1), all = product(8191, 4096, 2048, 8);
    const struct ls_metrics one = run(&alone, LS_REASON_NONE), m = run(&all, LS_REASON_NONE);
    ck_assert_double_eq(m.scalar[LS_METRIC_TIME_S], one.scalar[LS_METRIC_TIME_S]);
    ck_assert_double_eq(m.scalar[LS_METRIC_GATHER_S], 0);
    ck_assert_double_eq(m.scalar[LS_METRIC_SPEEDUP], 1);
    ck_assert_double_eq(m.scalar[LS_METRIC_SHARDED], 0);
}
END_TEST

START_TEST(without_creation_and_gather_eight_gpus_are_eight_times_as_fast)
{
    struct ls_scenario scenario = product(8192, 4096, 2048, 8);
    scenario.matmul.repetitions = INT64_C(1) << 40;
    const struct ls_metrics m = run(&scenario, LS_REASON_NONE);
    ck_assert_double_eq_tol(m.scalar[LS_METRIC_SPEEDUP], 8, 1e-6);
}
END_TEST

START_TEST(layers_are_the_sum_of_their_products)
{
    struct ls_scenario scenario = product(8192, 4096, 2048, 1);
    strcpy(scenario.matmul.layers, "4096x2048 2048x1024");
    scenario.matmul.dispatch_s = 1e-3;
    struct ls_err err = {""};
    ck_assert_int_eq(ls_matmul_check(&scenario, &err), LS_OK);
    const struct ls_metrics m = run(&scenario, LS_REASON_NONE);
    CLOSE(COMPUTE_S, 1e-3 + 2.0 * 8192 * (4096.0 * 2048 + 2048.0 * 1024) / 1e15);
    CLOSE(CREATE_S, 2.0 * (8192.0 * 4096 + 4096.0 * 2048 + 2048.0 * 1024) / 1e12);
    /* the rows, both weights, and the second product's operand and result */
    ck_assert_double_eq(ls_matmul_bytes(&scenario, 1),
                        2.0 * (8192.0 * 4096 + 4096.0 * 2048 + 2048.0 * 1024 + 8192.0 * (2048 + 1024)));
}
END_TEST

START_TEST(sums_move_three_matrices)
{
    struct ls_scenario scenario = product(8192, 4096, 1, 2);
    scenario.matmul.operation = LS_MATMUL_ELEMENTWISE;
    const struct ls_metrics m = run(&scenario, LS_REASON_NONE);
    CLOSE(COMPUTE_S, 3 * 2.0 * 4096 * 4096 / 1e12);
    CLOSE(CREATE_S, 2 * 2.0 * 4096 * 4096 / 1e12);
    CLOSE(GATHER_S, 1e-6 + 0.5 * 2.0 * 8192 * 4096 / 100e9 + 0.5 * 2 * 2.0 * 8192 * 4096 / 1e12);
    ck_assert_double_eq(ls_matmul_bytes(&scenario, 2), 2.0 * (3 * 4096.0 * 4096 + 8192.0 * 4096));
}
END_TEST

START_TEST(what_does_not_fit_is_infeasible)
{
    /* 2 · (16384² · 3) bytes are 1.6 GB; of eight GPUs, each holds the weights, its rows and the gathered result */
    struct ls_scenario scenario = product(16384, 16384, 16384, 1);
    struct ls_metrics m = run(&scenario, LS_REASON_MEMORY_MATMUL);
    ck_assert(isnan(m.scalar[LS_METRIC_TIME_S]));
    scenario.evaluate_oversized = 1;
    m = run(&scenario, LS_REASON_MEMORY_MATMUL);
    ck_assert(m.scalar[LS_METRIC_TIME_S] > 0);
    scenario = product(16384, 16384, 8192, 8);
    scenario.cluster.hardware.memory_bytes = 0.7e9;
    m = run(&scenario, LS_REASON_NONE);
    ck_assert(isnan(m.scalar[LS_METRIC_SPEEDUP])); /* one GPU cannot hold it */
}
END_TEST

static void check_fault(const char *text, const char *expected)
{
    struct ls_study study;
    struct ls_diags diags = {0};
    ck_assert_int_eq(ls_study_load(write_file("study.yaml", text, strlen(text)), NULL, 0, 0, &study, &diags), LS_INPUT);
    bool found = false;
    for (size_t i = 0; i < diags.n; i++)
        found |= strstr(diags.items[i].text, expected) != NULL;
    ck_assert_msg(found, "no fault says: %s", expected);
    ls_diags_release(&diags);
}

#define HEAD "kind: matmul\ncluster: {hardware: a100-80g-sxm}\n"

START_TEST(impossible_shapes_are_refused)
{
    static const char *const layers[] = {"4096",       "4096x", "4096x4096 2048x1024", "4096x0", "4096x40.5",
                                         "4096x4096,", "x4096"};
    struct ls_err err = {""};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        struct ls_scenario scenario = product(8, 8, 8, 1);
        strcpy(scenario.matmul.layers, layers[i]);
        ck_assert_int_eq(ls_matmul_check(&scenario, &err), LS_INPUT);
    }
    check_fault(HEAD "matmul: {k: 8, n: 8}\n", "rows is needed");
    check_fault(HEAD "matmul: {m: 8, n: 8}\n", "columns is needed");
    check_fault(HEAD "matmul: {m: 8, k: 8, n: 8}\nstrategy: {tp: 2}\n", "dp alone");
    check_fault(HEAD "matmul: {m: 8, k: 8, n: 8}\nmodel: llama-3.1-8b\n", "does not read it");
    check_fault(HEAD "matmul: {m: 8, k: 8, n: 8}\nsweep: {axes: {engine.block_size: [16, 32]}}\n", "does not read it");
}
END_TEST

START_TEST(a_study_needs_no_model_and_reads_back_from_what_it_resolves_to)
{
    struct ls_study study = load_study(HEAD "matmul: {m: 8192, layers: [[4096, 2048], [2048, 1024]]}\n"
                                            "sweep: {axes: {dp: [1, 2, 4, 8, 16]}}\n",
                                       NULL, 0, 0);
    ck_assert_str_eq(study.base.matmul.layers, "4096x2048 2048x1024");
    ck_assert_ptr_null(strstr(study.resolved, "\nmodel:"));
    struct ls_scenario scenario;
    enum ls_reason reason;
    struct ls_err err = {""};
    ck_assert_int_eq(ls_study_cell(&study, 4, &scenario, &reason, &err), LS_OK);
    ck_assert_int_eq(reason, LS_REASON_GPUS);
    char *text = strdup(study.resolved);
    struct ls_study again = load_study(text, NULL, 0, 0);
    ck_assert_str_eq(again.sha256, study.sha256);
    ls_study_release(&again);
    ls_study_release(&study);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("matmul");
    TCase *core = tcase_create("core");
    tcase_add_test(core, one_gpu_takes_flops_over_peak_and_bytes_over_bandwidth);
    tcase_add_test(core, rows_are_split_and_the_result_is_gathered);
    tcase_add_test(core, rows_that_do_not_divide_are_replicated);
    tcase_add_test(core, without_creation_and_gather_eight_gpus_are_eight_times_as_fast);
    tcase_add_test(core, layers_are_the_sum_of_their_products);
    tcase_add_test(core, sums_move_three_matrices);
    tcase_add_test(core, what_does_not_fit_is_infeasible);
    tcase_add_test(core, impossible_shapes_are_refused);
    tcase_add_test(core, a_study_needs_no_model_and_reads_back_from_what_it_resolves_to);
    tcase_add_checked_fixture(core, NULL, remove_folder);
    suite_add_tcase(suite, core);
    return suite_run(suite);
}
