/* Promises of training mixtures of experts and of other architectures. */
#include <math.h>

#include "engine/cost/exchange.h"
#include "engine/training/stage_time.h"
#include "engine/training/training.h"
#include "tests/suite.h"
#include "training_case.h"

/* --- Experts --- */

START_TEST(experts_are_spread_over_ep_and_expert_tp)
{
    static const struct {
        const char *strategy;
        double share; /* of a layer's experts on one GPU */
    } cases[] = {
        {"ep: 1", 1},
        {"ep: 4", 4},
        {"ep: 8", 8},
        {"tp: 2, ep: 4", 8},
        {"tp: 2, ep: 4, expert_tp: 1", 8},
        {"tp: 2, ep: 2, expert_tp: 1", 4},
        {"tp: 2, dp: 2", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ls_scenario scenario = training(SMALL_MOE, cases[i].strategy, "", LS_REASON_NONE);
        const double experts = 4.0 * 8 * 2 * 32 * 64;
        ck_assert_double_eq(ls_stage_parameters(&scenario, 0).experts, experts / cases[i].share);
    }
    (void)training(SMALL_MOE, "ep: 16", "", LS_REASON_EP_EXPERTS);
    (void)training(SMALL_MOE, "tp: 2, ep: 8, expert_tp: 1", "", LS_REASON_EP_EXPERTS);
    (void)training(DENSE, "ep: 2", "", LS_REASON_EP_DENSE);
}
END_TEST

/* Each GPU of dp · ep keeps its part of what is no expert, each of dp its part of the experts it has (Rajbhandari et
 * al. 2020, arXiv 1910.02054, Figure 1). */
START_TEST(zero_spreads_experts_over_dp_and_the_rest_over_dp_and_ep)
{
    for (int stage = 0; stage <= 3; stage++) {
        char keys[64];
        snprintf(keys, sizeof keys, "zero_stage: %d", stage);
        const struct ls_scenario scenario = training(SMALL_MOE, "ep: 4, dp: 2", keys, LS_REASON_NONE);
        const struct ls_stage_parameters p = ls_stage_parameters(&scenario, 0);
        const struct ls_training_memory m = memory_of(&scenario);
        const double whole = p.shared + p.experts, spread = p.shared / 8 + p.experts / 2;
        ck_assert_double_eq(m.weights_bytes, 2 * (stage >= 3 ? spread : whole));
        ck_assert_double_eq(m.gradients_bytes, 4 * (stage >= 2 ? spread : whole));
        ck_assert_double_eq(m.optimizer_bytes, 12 * (stage >= 1 ? spread : whole));
    }
}
END_TEST

START_TEST(micro_batches_are_spread_over_dp_and_ep)
{
    const struct ls_scenario scenario = training(SMALL_MOE, "ep: 4, dp: 2", "micro_batch_size: 4", LS_REASON_NONE);
    ck_assert_int_eq(ls_training_micro_batches(&scenario), 64 / (4 * 8));
    (void)training(SMALL_MOE, "ep: 4, dp: 4", "micro_batch_size: 8", LS_REASON_MICRO_BATCHES);
}
END_TEST

/* For each of a token's two copies its row and its result, and the intermediates twice; the router's scores. */
START_TEST(an_expert_layer_keeps_its_rows_and_intermediates)
{
    const struct ls_scenario scenario =
        training(SMALL_MOE, "ep: 4", "sequence_length: 128, attention: flash", LS_REASON_NONE);
    const double rows = 128 * 2;
    const double dense = ls_layer_activation_bytes(&scenario, false, false) - 128 * 2.0 * 128 * 2;
    ck_assert_double_eq(ls_layer_activation_bytes(&scenario, true, false) - dense,
                        rows * 2 * (2 * 32 + 2 * 64) + 128.0 * 4 * 8);
}
END_TEST

START_TEST(experts_per_gpu_are_reported_as_shards_and_as_whole_ones)
{
    ck_assert_double_eq(metric(SMALL_MOE, "ep: 4, tp: 2", "", LS_METRIC_EXPERTS_PER_GPU), 8);
    ck_assert_double_eq(metric(SMALL_MOE, "ep: 4, tp: 2", "", LS_METRIC_EXPERT_EQUIVALENTS_PER_GPU), 4);
    ck_assert_double_eq(metric(SMALL_MOE, "ep: 4, tp: 2", "expert_imbalance: 1.5", LS_METRIC_EXPERT_IMBALANCE), 1.5);
}
END_TEST

/* To the experts and back, forward and backward: DeepEP's kernels on a token's rows, once a GPU and node. */
START_TEST(experts_can_be_reached_with_deepep)
{
#define FOUR_NODES "model: qwen3-30b-a3b\n"
    const struct ls_scenario scenario = training(FOUR_NODES, "ep: 32", "all_to_all: deepep", LS_REASON_NONE);
    const struct ls_micro_batch batch = ls_micro_batch_of(&scenario);
    const struct ls_training_groups groups = groups_of(&scenario);
    const struct ls_pass_cost nothing = {0};
    const struct ls_token_exchange exchange = {2048, 2048 * 2, 32};
    double expected = 0;
    for (enum ls_exchange_way way = LS_DISPATCH; way <= LS_COMBINE; way++) {
        const struct ls_collective_cost cost = ls_exchange_cost(&scenario.cluster, &scenario.model,
                                                                LS_EXCHANGE_DEEPEP_HT, way, &groups.experts, &exchange);
        expected += ls_collective_seconds(&cost);
    }
    const struct ls_layer_comm comm = ls_layer_comm(&batch, &groups, true, &nothing, &nothing);
    ck_assert_double_eq(comm.forward_s, expected);
    ck_assert_double_eq(comm.backward_s, expected);
    /* eight copies of a token that mostly leave the node are sent three times */
    const enum ls_scalar_metric exposed = LS_METRIC_EXPOSED_COMM_S;
    ck_assert(metric(FOUR_NODES, "ep: 32", "all_to_all: deepep", exposed) < metric(FOUR_NODES, "ep: 32", "", exposed));
}
END_TEST

START_TEST(imbalance_and_slow_networks_cost_time_and_overlap_saves_it)
{
#define MIXTRAL "model: mixtral-8x7b\n"
    const enum ls_scalar_metric step = LS_METRIC_STEP_TIME_S;
    const double plain = metric(MIXTRAL, "tp: 4, ep: 8", "", step);
    ck_assert(metric(MIXTRAL, "tp: 4, ep: 8", "expert_imbalance: 1.3", step) > plain);
    ck_assert(metric(MIXTRAL, "tp: 4, ep: 8", "overlap_all_to_all: true", step) < plain);
    ck_assert(metric(MIXTRAL, "tp: 4, ep: 8", "overlap_tensor: none", step) > plain);
    ck_assert(metric(MIXTRAL, "tp: 4, ep: 8", "overlap_tensor: all", step) < plain);
    ck_assert(metric(MIXTRAL, "tp: 4, ep: 8, pp: 2", "overlap_send: true", step) <
              metric(MIXTRAL, "tp: 4, ep: 8, pp: 2", "", step));
    /* within a node, the same experts cost less to reach */
    ck_assert(
        metric(MIXTRAL, "tp: 1, ep: 8, dp: 2", "", LS_METRIC_EXPOSED_COMM_S) <
        metric(MIXTRAL, "tp: 1, ep: 8, dp: 2", "zero_stage: 3, overlap_param_gather: false", LS_METRIC_EXPOSED_COMM_S));
}
END_TEST

/* --- Other architectures --- */

/* Latent attention, shared experts and leading dense layers: stages and shards hold every parameter once. */
START_TEST(stages_and_shards_hold_every_parameter)
{
    const struct ls_scenario scenario = training("model: deepseek-v3\n", "ep: 16, pp: 4", "", LS_REASON_NONE);
    double sum = 0;
    for (int64_t stage = 0; stage < 4; stage++) {
        const struct ls_stage_parameters p = ls_stage_parameters(&scenario, stage);
        sum += p.shared + 16 * p.experts;
    }
    ck_assert_double_eq(sum, (double)ls_model_parameters(&scenario.model));
}
END_TEST

START_TEST(sliding_windows_save_time_on_long_sequences)
{
    const char *const keys = "sequence_length: 32768, attention: flash, global_batch_size: 8";
    ck_assert(metric("model: gemma-2-9b\n", "tp: 8", keys, LS_METRIC_STEP_TIME_S) <
              metric("model: {base: gemma-2-9b, use_sliding_window: false}\n", "tp: 8", keys, LS_METRIC_STEP_TIME_S));
}
END_TEST

START_TEST(old_gpus_train_in_fp16)
{
    struct ls_scenario scenario = training(DENSE, "tp: 8", "", LS_REASON_NONE);
    const struct ls_metrics modern = run(&scenario);
    scenario.cluster.hardware.peak.by_dtype[LS_BF16] = (double)NAN;
    const struct ls_metrics old = run(&scenario);
    ck_assert_double_eq(old.scalar[LS_METRIC_STEP_TIME_S], modern.scalar[LS_METRIC_STEP_TIME_S]);
}
END_TEST

/* --- The shipped study of 1,024 experts --- */

static struct ls_scenario shipped(const char *const *sets, size_t n_sets)
{
    struct ls_study study;
    struct ls_scenario scenario;
    struct ls_diags diags = {0};
    enum ls_reason reason;
    struct ls_err err = {""};
    ck_assert_int_eq(
        ls_study_load(LS_SOURCE_DIR "/configs/studies/moe-optimal-strategy.yaml", sets, n_sets, 1, &study, &diags),
        LS_OK);
    ck_assert_int_eq(ls_study_cell(&study, 0, &scenario, &reason, &err), LS_OK);
    ck_assert_int_eq(reason, LS_REASON_NONE);
    ls_study_release(&study);
    ls_diags_release(&diags);
    return scenario;
}

static void is_near(double value, double expected, double tolerance)
{
    ck_assert_msg(fabs(value / expected - 1) <= tolerance, "%g is not within %g of %g", value, tolerance, expected);
}

/* docs/moe-optimal-strategy.md: GiB a GPU within 5 %, seconds and tokens a second within 15 %. */
START_TEST(a_published_strategy_takes_its_memory_and_time)
{
    const double gib = 1024.0 * 1024 * 1024;
    const struct ls_scenario scenario = shipped(NULL, 0);
    const struct ls_metrics metrics = run(&scenario);
    const double *m = metrics.scalar;
    is_near(m[LS_METRIC_MEM_WEIGHTS_BYTES], 2.01 * gib, 0.05);
    is_near(m[LS_METRIC_MEM_GRADIENTS_BYTES], 2.01 * gib, 0.05);
    is_near(m[LS_METRIC_MEM_OPTIMIZER_BYTES], 4.02 * gib, 0.05);
    is_near(m[LS_METRIC_MEM_ACTIVATION_BYTES], 0.18 * gib, 0.05);
    is_near(m[LS_METRIC_MEM_OVERHEAD_BYTES], 1.5 * gib, 0);
    is_near(m[LS_METRIC_MEM_TOTAL_BYTES], 9.72 * gib, 0.05);
    is_near(m[LS_METRIC_MEM_UTILIZATION], 0.1215, 0.05);
    is_near(m[LS_METRIC_STEP_TIME_S], 4.0, 0.15);
    is_near(m[LS_METRIC_COMPUTE_S], 3.2, 0.15);
    is_near(m[LS_METRIC_RECOMPUTE_S] / m[LS_METRIC_COMPUTE_S], 0.25, 0.05);
    is_near(m[LS_METRIC_TOKENS_PER_S], 32768, 0.15);
    ck_assert_double_eq(m[LS_METRIC_EXPERTS_PER_GPU], 128);
    ck_assert_double_eq(m[LS_METRIC_EXPERT_EQUIVALENTS_PER_GPU], 64);
}
END_TEST

START_TEST(its_baseline_does_not_fit_and_is_costed_all_the_same)
{
    const char *const sets[] = {"ep=16",
                                "tp=1",
                                "training.micro_batch_size=8",
                                "training.precision=fp32",
                                "training.gradient_dtype=fp32",
                                "training.recompute=none",
                                "training.dropout=true",
                                "training.expert_imbalance=1.25"};
    const struct ls_scenario scenario = shipped(sets, sizeof sets / sizeof *sets);
    struct ls_sim *sim = ls_sim_new();
    struct ls_result result;
    struct ls_err err = {""};
    ck_assert_int_eq(ls_simulate(sim, &scenario, &result, &err), LS_OK);
    ls_sim_free(sim);
    ck_assert_int_eq(result.status, LS_CELL_INFEASIBLE);
    ck_assert_int_eq(result.reason, LS_REASON_MEMORY_TRAINING);
    ck_assert(result.metrics.scalar[LS_METRIC_MEM_UTILIZATION] > 1);
    ck_assert(result.metrics.scalar[LS_METRIC_STEP_TIME_S] > 0);
}
END_TEST

START_TEST(checkpoints_that_stop_early_leave_out_the_last_products)
{
    const enum ls_scalar_metric again = LS_METRIC_RECOMPUTE_S;
    const double whole = metric(DENSE, "", "recompute: full", again);
    const double full = metric(DENSE, "", "recompute: full, recompute_early_stop: true", again);
    const double pairs = metric(DENSE, "", "recompute: {every: 2}, recompute_early_stop: true", again);
    ck_assert(full < whole);
    ck_assert_double_eq_tol(whole - pairs, (whole - full) / 2, 1e-9);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training_experts");
    TCase *tcase = tcase_create("core");
    tcase_add_test(tcase, experts_are_spread_over_ep_and_expert_tp);
    tcase_add_test(tcase, zero_spreads_experts_over_dp_and_the_rest_over_dp_and_ep);
    tcase_add_test(tcase, micro_batches_are_spread_over_dp_and_ep);
    tcase_add_test(tcase, an_expert_layer_keeps_its_rows_and_intermediates);
    tcase_add_test(tcase, experts_per_gpu_are_reported_as_shards_and_as_whole_ones);
    tcase_add_test(tcase, experts_can_be_reached_with_deepep);
    tcase_add_test(tcase, imbalance_and_slow_networks_cost_time_and_overlap_saves_it);
    tcase_add_test(tcase, stages_and_shards_hold_every_parameter);
    tcase_add_test(tcase, sliding_windows_save_time_on_long_sequences);
    tcase_add_test(tcase, old_gpus_train_in_fp16);
    tcase_add_test(tcase, a_published_strategy_takes_its_memory_and_time);
    tcase_add_test(tcase, its_baseline_does_not_fit_and_is_costed_all_the_same);
    tcase_add_test(tcase, checkpoints_that_stop_early_leave_out_the_last_products);
    tcase_add_checked_fixture(tcase, NULL, remove_folder);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
