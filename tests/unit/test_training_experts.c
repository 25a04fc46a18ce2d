/* Promises of training mixtures of experts, over context-parallel GPUs, and of what is spread over data-parallel ones.
 */
#include <math.h>

#include "engine/simulate.h"
#include "engine/training/eager_traffic.h"
#include "engine/training/stage_time.h"
#include "engine/training/training.h"
#include "engine/training/training_memory.h"
#include "study_text.h"

/* 4 layers of 8 experts of width 64 (two matrices of 32 x 64), top 2. */
#define SMALL_MOE                                                                                                      \
    "model: {num_hidden_layers: 4, hidden_size: 32, num_attention_heads: 4, vocab_size: 512, gated_mlp: false,\n"      \
    "  tie_word_embeddings: true, n_routed_experts: 8, num_experts_per_tok: 2, moe_intermediate_size: 64, dtype: "     \
    "bf16}\n"
#define DENSE "model: llama-3.1-8b\n"

static struct ls_scenario training(const char *model, const char *strategy, const char *keys, enum ls_reason expected)
{
    char text[1400];
    struct ls_scenario scenario;
    enum ls_reason reason;
    struct ls_err err = {""};
    snprintf(text, sizeof text,
             "kind: training\n%scluster: {hardware: a100-80g-sxm, nodes: 8}\nstrategy: {%s}\ntraining: {%s}\n", model,
             strategy, keys);
    struct ls_study study = load_study(text, NULL, 0, 1);
    ck_assert_msg(ls_study_cell(&study, 0, &scenario, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_int_eq(reason, expected);
    ls_study_release(&study);
    return scenario;
}

static struct ls_metrics run(const struct ls_scenario *scenario)
{
    struct ls_sim *sim = ls_sim_new();
    struct ls_result result;
    struct ls_err err = {""};
    ck_assert_ptr_nonnull(sim);
    ck_assert_int_eq(ls_simulate(sim, scenario, &result, &err), LS_OK);
    ls_sim_free(sim);
    return result.metrics;
}

static double metric(const char *model, const char *strategy, const char *keys, enum ls_scalar_metric which)
{
    struct ls_scenario scenario = training(model, strategy, keys, LS_REASON_NONE);
    scenario.evaluate_oversized = 1;
    return run(&scenario).scalar[which];
}

static struct ls_training_memory memory_of(const struct ls_scenario *scenario)
{
    struct ls_training_memory memory;
    (void)!ls_training_memory(scenario, &memory);
    return memory;
}

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

/* --- Collectives --- */

static struct ls_training_groups groups_of(const struct ls_scenario *scenario)
{
    struct ls_placement placement;
    struct ls_err err;
    ck_assert_int_eq(ls_placement_init(&placement, &scenario->cluster, &scenario->strategy, &err), LS_OK);
    return ls_training_groups(scenario, &placement, 0);
}

static void is_group(const struct ls_group *group, int64_t size, int64_t nodes, int64_t per_node)
{
    ck_assert_int_eq(group->size, size);
    ck_assert_int_eq(group->nodes, nodes);
    ck_assert_int_eq(group->ranks_per_node, per_node);
}

START_TEST(groups_lie_where_their_ranks_do)
{
    struct ls_scenario scenario = training(SMALL_MOE, "tp: 2, ep: 8, dp: 4", "context_parallel: 2", LS_REASON_NONE);
    struct ls_training_groups groups = groups_of(&scenario);
    is_group(&groups.tensor, 2, 1, 2);
    is_group(&groups.experts, 8, 2, 4);
    is_group(&groups.expert_tp, 2, 1, 2);
    is_group(&groups.context, 2, 2, 1);
    is_group(&groups.data, 32, 8, 4);
    is_group(&groups.expert_data, 4, 4, 1);
    scenario = training(SMALL_MOE, "tp: 2, ep: 4, expert_tp: 1", "", LS_REASON_NONE);
    groups = groups_of(&scenario);
    is_group(&groups.experts, 8, 1, 8);
    is_group(&groups.expert_tp, 1, 1, 1);
}
END_TEST

/* Gradients over many full nodes are reduced inside each, then across, then gathered: faster than over as many nodes of
 * one GPU each. */
START_TEST(gradients_are_reduced_within_nodes_first)
{
    struct ls_scenario scenario = training(DENSE, "dp: 16", "", LS_REASON_NONE);
    const struct ls_training_groups groups = groups_of(&scenario);
    scenario.cluster.nics_per_node = 1; /* with as many NICs as GPUs a ring of them all is as good */
    const struct ls_group full_nodes = {64, 8, 8}, spread_out = {64, 64, 1};
    const struct ls_collective_cost near = ls_collective_cost(&scenario.cluster, LS_ALL_REDUCE, &full_nodes, 1e8);
    const struct ls_collective_cost far = ls_collective_cost(&scenario.cluster, LS_ALL_REDUCE, &spread_out, 1e8);
    is_group(&groups.data, 16, 2, 8);
    ck_assert_int_eq(near.n_phases, 3);
    ck_assert(ls_collective_seconds(&near) < ls_collective_seconds(&far));
}
END_TEST

/* Without overlap a step's data-parallel collectives are these, on the parameters of one GPU: an all-reduce of
 * gradients; or a scatter of them and a gather of weights; or for every micro-batch two gathers and a scatter. */
START_TEST(zero_moves_what_it_must)
{
#define SERIAL "overlap_grad_reduce: false, overlap_param_gather: false, global_batch_size: 64, "
    struct ls_scenario scenario = training(DENSE, "dp: 16", "", LS_REASON_NONE);
    const struct ls_group group = {16, 2, 8};
    const double n = ls_stage_parameters(&scenario, 0).shared;
    const struct ls_collective_cost reduce = ls_collective_cost(&scenario.cluster, LS_ALL_REDUCE, &group, 4 * n);
    const struct ls_collective_cost scatter = ls_collective_cost(&scenario.cluster, LS_REDUCE_SCATTER, &group, 4 * n);
    const struct ls_collective_cost gather = ls_collective_cost(&scenario.cluster, LS_ALL_GATHER, &group, 2 * n);
    const double scatter_s = ls_collective_seconds(&scatter), gather_s = ls_collective_seconds(&gather);
    const double expected[] = {ls_collective_seconds(&reduce), scatter_s + gather_s, 4 * scatter_s + gather_s,
                               4 * (scatter_s + 2 * gather_s)};
    for (int stage = 0; stage <= 3; stage++) {
        char keys[160];
        snprintf(keys, sizeof keys, SERIAL "zero_stage: %d", stage);
        ck_assert_double_eq_tol(metric(DENSE, "dp: 16", keys, LS_METRIC_EXPOSED_COMM_S), expected[stage], 1e-9);
        snprintf(keys, sizeof keys, "global_batch_size: 64, zero_stage: %d", stage);
        ck_assert(metric(DENSE, "dp: 16", keys, LS_METRIC_EXPOSED_COMM_S) < expected[stage]);
    }
}
END_TEST

/* With sequence parallelism a GPU sends its share of the rows; without, its share, gathered behind, or all of them. */
START_TEST(stages_send_shares_of_rows)
{
    const struct ls_scenario scenario = training(DENSE, "tp: 8, pp: 2", "", LS_REASON_NONE);
    const double row_bytes = 2048.0 * 4096 * 2;
    const struct ls_group nodes = {2, 2, 1}, tensor = {8, 1, 8};
    const struct ls_collective_cost all = ls_collective_cost(&scenario.cluster, LS_SEND_RECV, &nodes, row_bytes);
    const struct ls_collective_cost share = ls_collective_cost(&scenario.cluster, LS_SEND_RECV, &nodes, row_bytes / 8);
    const struct ls_collective_cost gather = ls_collective_cost(&scenario.cluster, LS_ALL_GATHER, &tensor, row_bytes);
    const double share_s = ls_collective_seconds(&share);
    const struct {
        const char *keys;
        double seconds;
    } cases[] = {{"", share_s},
                 {"sequence_parallel: false", share_s + ls_collective_seconds(&gather)},
                 {"sequence_parallel: false, scatter_send: false", ls_collective_seconds(&all)}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ls_scenario one = training(DENSE, "tp: 8, pp: 2", cases[i].keys, LS_REASON_NONE);
        const struct ls_micro_batch batch = ls_micro_batch_of(&one);
        struct ls_placement placement;
        struct ls_err err;
        ck_assert_int_eq(ls_placement_init(&placement, &one.cluster, &one.strategy, &err), LS_OK);
        const struct ls_training_groups groups = ls_training_groups(&one, &placement, 0);
        ck_assert_double_eq(ls_send_seconds(&batch, &groups, &placement, 0, 0), cases[i].seconds);
    }
}
END_TEST

/* --- Context parallelism --- */

START_TEST(context_parallelism_shares_tokens_and_keeps_the_work)
{
    const char *const alone = "sequence_length: 32768, global_batch_size: 8, recompute: full";
    const char *const shared = "sequence_length: 32768, global_batch_size: 8, recompute: full, context_parallel: 4";
    const struct ls_scenario one = training(DENSE, "tp: 4, dp: 4", alone, LS_REASON_NONE);
    const struct ls_scenario four = training(DENSE, "tp: 4, dp: 4", shared, LS_REASON_NONE);
    ck_assert_int_eq(ls_training_micro_batches(&one), 2);
    ck_assert_int_eq(ls_training_micro_batches(&four), 8);
    ck_assert_double_eq(memory_of(&four).activation_bytes * 4, memory_of(&one).activation_bytes);
    const double flop_one = metric(DENSE, "tp: 4, dp: 4", alone, LS_METRIC_HFU) *
                            metric(DENSE, "tp: 4, dp: 4", alone, LS_METRIC_STEP_TIME_S);
    const double flop_four = metric(DENSE, "tp: 4, dp: 4", shared, LS_METRIC_HFU) *
                             metric(DENSE, "tp: 4, dp: 4", shared, LS_METRIC_STEP_TIME_S);
    ck_assert_double_eq_tol(flop_four / flop_one, 1, 1e-9);
    ck_assert(metric(DENSE, "tp: 4, dp: 4", shared, LS_METRIC_STEP_TIME_S) >
              metric(DENSE, "tp: 4, dp: 4", alone, LS_METRIC_STEP_TIME_S));
    (void)training(DENSE, "dp: 4", "context_parallel: 3", LS_REASON_CONTEXT_PARALLEL);
}
END_TEST

/* Long sequences hide the ring behind attention, and nothing hides a gather. */
START_TEST(a_ring_hides_behind_attention)
{
    const char *const ring = "sequence_length: 131072, global_batch_size: 4, recompute: full, context_parallel: 4";
    char gather[200];
    snprintf(gather, sizeof gather, "%s, context_exchange: all_gather", ring);
    ck_assert(metric(DENSE, "tp: 8, dp: 4", ring, LS_METRIC_EXPOSED_COMM_S) <
              metric(DENSE, "tp: 8, dp: 4", gather, LS_METRIC_EXPOSED_COMM_S));
}
END_TEST

/* --- Flash attention, vocabulary, recompute --- */

START_TEST(newer_flash_attention_is_faster_and_its_backward_pass_slower_than_its_forward_pass)
{
    double before = INFINITY;
    for (int version = 1; version <= 3; version++) {
        char keys[100];
        snprintf(keys, sizeof keys, "sequence_length: 16384, attention: flash, flash_version: %d", version);
        const double seconds = metric(DENSE, "tp: 4", keys, LS_METRIC_STEP_TIME_S);
        ck_assert(seconds <= before);
        before = seconds;
    }
}
END_TEST

/* Counted by hand, over the fused kernel's forward bytes. */
START_TEST(eager_operators_move_what_pytorch_moves)
{
    const struct ls_model llama = {.norm = LS_NORM_RMS, .gated_mlp = true}, gpt = {.norm = LS_NORM_LAYER};
    const struct {
        const char *name;
        double llama[2], gpt[2];
    } cases[] = {{"mlp_norm", {42.0 / 8, 82.0 / 8}, {10.0 / 8, 16.0 / 8}},
                 {"rotary", {5, 5}, {5, 5}},
                 {"activation", {10.0 / 6, 3}, {1, 1.5}},
                 {"embedding", {1, 1.5}, {1, 1.5}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ls_op op = {.kind = LS_OP_MEMORY, .name = cases[i].name};
        const struct ls_traffic of_llama = ls_eager_traffic(&llama, &op), of_gpt = ls_eager_traffic(&gpt, &op);
        ck_assert_double_eq(of_llama.forward, cases[i].llama[0]);
        ck_assert_double_eq(of_llama.backward, cases[i].llama[1]);
        ck_assert_double_eq(of_gpt.forward, cases[i].gpt[0]);
        ck_assert_double_eq(of_gpt.backward, cases[i].gpt[1]);
    }
    ck_assert(metric(DENSE, "dp: 8", "zero_stage: 3, elementwise: eager", LS_METRIC_COMPUTE_S) >
              metric(DENSE, "dp: 8", "zero_stage: 3", LS_METRIC_COMPUTE_S));
}
END_TEST

START_TEST(the_vocabulary_is_padded_for_tp)
{
    const char *const odd = "model: {base: llama-3.1-8b, vocab_size: 50257}\n";
    ck_assert_int_eq(training(odd, "tp: 1", "", LS_REASON_NONE).model.vocab_size, 50304);
    ck_assert_int_eq(training(odd, "tp: 8", "", LS_REASON_NONE).model.vocab_size, 51200);
    ck_assert_int_eq(training(odd, "tp: 8", "vocab_multiple: 1", LS_REASON_NONE).model.vocab_size, 50264);
}
END_TEST

START_TEST(every_k_layers_keep_one_input)
{
    const struct ls_scenario two = training(DENSE, "", "recompute: {every: 2}", LS_REASON_NONE);
    ck_assert_int_eq(two.training.recompute, 2);
    const struct ls_scenario full = training(DENSE, "", "recompute: full", LS_REASON_NONE);
    const double ends = 2048.0 * (2 * 4096 * 2 + 4 * 128256), input = 2048.0 * 4096 * 2;
    ck_assert_double_eq(memory_of(&two).activation_bytes, 16 * input + ends);
    ck_assert_double_eq(memory_of(&full).activation_bytes, 32 * input + ends);
    ck_assert_double_eq(memory_of(&two).workspace_bytes, 2 * memory_of(&full).workspace_bytes);
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
    tcase_add_test(tcase, imbalance_and_slow_networks_cost_time_and_overlap_saves_it);
    tcase_add_test(tcase, groups_lie_where_their_ranks_do);
    tcase_add_test(tcase, gradients_are_reduced_within_nodes_first);
    tcase_add_test(tcase, zero_moves_what_it_must);
    tcase_add_test(tcase, stages_send_shares_of_rows);
    tcase_add_test(tcase, context_parallelism_shares_tokens_and_keeps_the_work);
    tcase_add_test(tcase, a_ring_hides_behind_attention);
    tcase_add_test(tcase, newer_flash_attention_is_faster_and_its_backward_pass_slower_than_its_forward_pass);
    tcase_add_test(tcase, eager_operators_move_what_pytorch_moves);
    tcase_add_test(tcase, the_vocabulary_is_padded_for_tp);
    tcase_add_test(tcase, every_k_layers_keep_one_input);
    tcase_add_test(tcase, stages_and_shards_hold_every_parameter);
    tcase_add_test(tcase, sliding_windows_save_time_on_long_sequences);
    tcase_add_test(tcase, old_gpus_train_in_fp16);
    tcase_add_test(tcase, a_published_strategy_takes_its_memory_and_time);
    tcase_add_test(tcase, its_baseline_does_not_fit_and_is_costed_all_the_same);
    tcase_add_test(tcase, checkpoints_that_stop_early_leave_out_the_last_products);
    tcase_add_checked_fixture(tcase, NULL, remove_folder);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
