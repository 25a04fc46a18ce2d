/* Promises of training: schedules whose closed form is what is played, memory by the published formulas, exact bytes of
 * each recipe, and seconds that add up. */
#include <math.h>

#include "engine/simulate.h"
#include "engine/training/schedule.h"
#include "engine/training/training.h"
#include "engine/training/training_memory.h"
#include "study_text.h"
#include "tests/suite.h"

/* --- Schedules --- */

static double play(const struct ls_schedule_work *work, int64_t *n_events)
{
    struct ls_arena arena = {0};
    struct ls_err err = {""};
    double seconds = 0;
    ck_assert_int_eq(ls_schedule_play(work, &arena, &seconds, n_events, &err), LS_OK);
    ls_arena_release(&arena);
    return seconds;
}

START_TEST(equal_stages_take_the_closed_form_pass_by_pass)
{
    static const struct {
        int32_t schedule;
        int64_t stages, chunks, micro_batches;
        double expected; /* forward passes of 2 s, backward ones of 4 s */
    } cases[] = {
        {LS_SCHEDULE_1F1B, 1, 1, 5, 30},
        {LS_SCHEDULE_1F1B, 4, 1, 8, 6 * (8 + 3)},
        {LS_SCHEDULE_1F1B, 8, 1, 3, 6 * 10},
        {LS_SCHEDULE_GPIPE, 4, 1, 8, 6 * 11},
        {LS_SCHEDULE_GPIPE, 1, 1, 5, 30},
        {LS_SCHEDULE_INTERLEAVED, 4, 2, 8, 6 * (8 + 1.5)},
        {LS_SCHEDULE_INTERLEAVED, 4, 4, 16, 6 * (16 + 0.75)},
        {LS_SCHEDULE_INTERLEAVED, 8, 1, 16, 6 * (16 + 7)},
        {LS_SCHEDULE_INTERLEAVED, 2, 2, 2, 6 * (2 + 0.5)},
    };
    static const double forward[8] = {2, 2, 2, 2, 2, 2, 2, 2}, backward[8] = {4, 4, 4, 4, 4, 4, 4, 4};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ls_schedule_work work = {cases[i].schedule,      cases[i].stages, cases[i].chunks,
                                              cases[i].micro_batches, forward,         backward};
        int64_t n_events;
        ck_assert_double_eq(ls_schedule_seconds(&work), cases[i].expected);
        ck_assert_double_eq(play(&work, &n_events), cases[i].expected);
        ck_assert_int_eq(n_events, 2 * cases[i].stages * cases[i].chunks * cases[i].micro_batches);
    }
}
END_TEST

/* Whatever the stages take, no schedule beats its slowest stage, and none is slower than one pass after the other. */
START_TEST(unequal_stages_stay_between_their_bounds)
{
    static const double forward[4] = {2, 3, 1, 5}, backward[4] = {4, 5, 2, 9};
    for (int32_t schedule = LS_SCHEDULE_GPIPE; schedule <= LS_SCHEDULE_INTERLEAVED; schedule++) {
        const struct ls_schedule_work work = {schedule, 4,       schedule == LS_SCHEDULE_INTERLEAVED ? 2 : 1,
                                              12,       forward, backward};
        int64_t n_events;
        const double seconds = play(&work, &n_events);
        ck_assert(seconds > 12 * 14);
        ck_assert(seconds < 12 * 31);
    }
}
END_TEST

START_TEST(schedules_hold_what_they_must)
{
    for (int64_t stage = 0; stage < 4; stage++) {
        ck_assert_double_eq(ls_schedule_in_flight(LS_SCHEDULE_GPIPE, 4, 1, 16, stage), 16);
        ck_assert_double_eq(ls_schedule_in_flight(LS_SCHEDULE_1F1B, 4, 1, 16, stage), 4 - (double)stage);
    }
    /* Korthikanti et al. 2022, Section 4.2.3: p · (1 + (p − 1) / (p · m)) on the first stage */
    ck_assert_double_eq(ls_schedule_in_flight(LS_SCHEDULE_INTERLEAVED, 8, 3, 64, 0), 8 + 7.0 / 3);
    ck_assert_double_eq(ls_schedule_in_flight(LS_SCHEDULE_1F1B, 4, 1, 2, 0), 2);
    ck_assert(!ls_schedule_possible(LS_SCHEDULE_INTERLEAVED, 4, 2, 6));
    ck_assert(!ls_schedule_possible(LS_SCHEDULE_1F1B, 4, 2, 8));
}
END_TEST

/* --- Scenarios --- */

#define GPT3                                                                                                           \
    "kind: training\n"                                                                                                 \
    "model: megatron-gpt-175b\n"                                                                                       \
    "cluster: {hardware: a100-80g-sxm, nodes: 8}\n"

static struct ls_scenario training(const char *strategy, const char *keys, enum ls_reason expected)
{
    char text[1024];
    struct ls_scenario scenario;
    enum ls_reason reason;
    struct ls_err err = {""};
    snprintf(text, sizeof text, GPT3 "strategy: {%s}\ntraining: {%s}\n", strategy, keys);
    struct ls_study study = load_study(text, NULL, 0, 1);
    ck_assert_msg(ls_study_cell(&study, 0, &scenario, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_int_eq(reason, expected);
    ls_study_release(&study);
    return scenario;
}

static struct ls_metrics run(const struct ls_scenario *scenario, enum ls_reason expected)
{
    struct ls_sim *sim = ls_sim_new();
    struct ls_result result;
    struct ls_err err = {""};
    ck_assert_ptr_nonnull(sim);
    ck_assert_int_eq(ls_simulate(sim, scenario, &result, &err), LS_OK);
    ck_assert_int_eq(result.reason, expected);
    ls_sim_free(sim);
    return result.metrics;
}

/* arXiv 2205.05198, Equations 1 to 5, for s = 2048, b = 1, h = 12288, a = 96, t = 8. */
START_TEST(a_layer_keeps_what_korthikanti_et_al_count)
{
    const double sbh = 2048.0 * 12288, scores = 5.0 * 96 * 2048 / 12288;
    struct ls_scenario scenario = training("tp: 8, pp: 8", "sequence_parallel: false", LS_REASON_NONE);
    ck_assert_double_eq(ls_layer_activation_bytes(&scenario, false, true), sbh * (10 + 24.0 / 8 + scores / 8));
    ck_assert_double_eq(ls_layer_activation_bytes(&scenario, false, false), sbh * (10 + 24.0 / 8));
    scenario.training.sequence_parallel = 1;
    ck_assert_double_eq(ls_layer_activation_bytes(&scenario, false, true), sbh / 8 * (34 + scores));
    ck_assert_double_eq(ls_layer_activation_bytes(&scenario, false, false), sbh / 8 * 34);
    scenario.strategy.tp = 1;
    ck_assert_double_eq(ls_layer_activation_bytes(&scenario, false, true), sbh * (34 + scores));
}
END_TEST

START_TEST(recipes_take_their_bytes_and_zero_shares_them)
{
    static const struct {
        const char *keys;
        double weights, gradients, optimizer;
    } cases[] = {
        {"precision: bf16", 2, 4, 12},
        {"precision: bf16, gradient_dtype: bf16", 2, 2, 12},
        {"precision: pure_bf16, gradient_dtype: bf16", 2, 2, 4},
        {"precision: fp32", 4, 4, 8},
        {"moment_dtype: bf16", 2, 4, 8},
        {"precision: pure_bf16, moment_dtype: fp32", 2, 4, 8},
        {"zero_stage: 1", 2, 4, 6},
        {"zero_stage: 2", 2, 2, 6},
        {"zero_stage: 3", 1, 2, 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ls_scenario scenario = training("tp: 8, pp: 4, dp: 2", cases[i].keys, LS_REASON_NONE);
        struct ls_training_memory memory;
        (void)!ls_training_memory(&scenario, &memory);
        const double parameters = ls_stage_parameters(&scenario, 0).shared;
        ck_assert_double_eq(memory.weights_bytes, cases[i].weights * parameters);
        ck_assert_double_eq(memory.gradients_bytes, cases[i].gradients * parameters);
        ck_assert_double_eq(memory.optimizer_bytes, cases[i].optimizer * parameters);
    }
}
END_TEST

START_TEST(stages_hold_every_parameter_and_both_ends_the_tied_table)
{
    const struct ls_scenario scenario = training("tp: 1, pp: 8", "", LS_REASON_NONE);
    double sum = 0;
    for (int64_t stage = 0; stage < 8; stage++)
        sum += ls_stage_parameters(&scenario, stage).shared;
    ck_assert_double_eq(sum, (double)ls_model_parameters(&scenario.model) + 51200.0 * 12288);
}
END_TEST

START_TEST(less_is_kept_the_more_is_computed_again)
{
    static const char *const forms[] = {"recompute: none, attention: unfused",
                                        "recompute: selective, attention: unfused",
                                        "recompute: full, attention: unfused"};
    double bytes = INFINITY, hfu = 0, mfu_time = 0;
    for (size_t i = 0; i < 3; i++) {
        struct ls_scenario scenario = training("tp: 8, pp: 8", forms[i], LS_REASON_NONE);
        scenario.evaluate_oversized = 1;
        scenario.cluster.hardware.memory_bytes = 1e12;
        const struct ls_metrics m = run(&scenario, LS_REASON_NONE);
        const double flop = m.scalar[LS_METRIC_HFU] * m.scalar[LS_METRIC_STEP_TIME_S];
        ck_assert(m.scalar[LS_METRIC_MEM_ACTIVATION_BYTES] < bytes);
        ck_assert(flop > hfu);
        ck_assert(m.scalar[LS_METRIC_STEP_TIME_S] > mfu_time);
        bytes = m.scalar[LS_METRIC_MEM_ACTIVATION_BYTES];
        hfu = flop;
        mfu_time = m.scalar[LS_METRIC_STEP_TIME_S];
    }
}
END_TEST

START_TEST(one_stage_has_no_bubble_and_its_seconds_add_up)
{
    struct ls_scenario scenario = training("tp: 8, pp: 1, dp: 2, lod: high", "", LS_REASON_NONE);
    scenario.evaluate_oversized = 1;
    const struct ls_metrics high = run(&scenario, LS_REASON_MEMORY_TRAINING);
    scenario.strategy.lod = LS_LOD_MEDIUM;
    const struct ls_metrics medium = run(&scenario, LS_REASON_MEMORY_TRAINING);
    const double *m = medium.scalar;
    ck_assert_double_eq_tol(high.scalar[LS_METRIC_STEP_TIME_S], m[LS_METRIC_STEP_TIME_S], 1e-9);
    ck_assert_double_eq_tol(m[LS_METRIC_BUBBLE_S], 0, 1e-9);
    ck_assert_double_eq_tol(m[LS_METRIC_COMPUTE_S] + m[LS_METRIC_RECOMPUTE_S] + m[LS_METRIC_EXPOSED_COMM_S] +
                                m[LS_METRIC_OPTIMIZER_S],
                            m[LS_METRIC_STEP_TIME_S], 1e-9);
    ck_assert_double_eq_tol(m[LS_METRIC_TOKENS_PER_S] * m[LS_METRIC_STEP_TIME_S], 64.0 * 2048, 1e-6);
}
END_TEST

START_TEST(what_does_not_fit_has_memory_alone)
{
    const struct ls_scenario scenario = training("tp: 8, pp: 1", "", LS_REASON_NONE);
    const struct ls_metrics m = run(&scenario, LS_REASON_MEMORY_TRAINING);
    ck_assert(m.scalar[LS_METRIC_MEM_TOTAL_BYTES] > 80e9);
    ck_assert(isnan(m.scalar[LS_METRIC_STEP_TIME_S]));
}
END_TEST

START_TEST(shapes_that_cannot_run_have_their_reasons)
{
    (void)training("tp: 8, pp: 8", "global_batch_size: 65, micro_batch_size: 2", LS_REASON_MICRO_BATCHES);
    (void)training("tp: 8, pp: 8", "schedule: interleaved, virtual_stages: 5", LS_REASON_SCHEDULE);
    (void)training("tp: 8, pp: 8", "schedule: interleaved, virtual_stages: 3, global_batch_size: 60",
                   LS_REASON_SCHEDULE);
    (void)training("tp: 8, pp: 4, ep: 2", "", LS_REASON_EP_DENSE);
    (void)training("tp: 8, pp: 16", "", LS_REASON_GPUS);
    (void)training("tp: 8, pp: 8", "precision: fp8", LS_REASON_DTYPE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training");
    TCase *tcase = tcase_create("core");
    tcase_add_test(tcase, equal_stages_take_the_closed_form_pass_by_pass);
    tcase_add_test(tcase, unequal_stages_stay_between_their_bounds);
    tcase_add_test(tcase, schedules_hold_what_they_must);
    tcase_add_test(tcase, a_layer_keeps_what_korthikanti_et_al_count);
    tcase_add_test(tcase, recipes_take_their_bytes_and_zero_shares_them);
    tcase_add_test(tcase, stages_hold_every_parameter_and_both_ends_the_tied_table);
    tcase_add_test(tcase, less_is_kept_the_more_is_computed_again);
    tcase_add_test(tcase, one_stage_has_no_bubble_and_its_seconds_add_up);
    tcase_add_test(tcase, what_does_not_fit_has_memory_alone);
    tcase_add_test(tcase, shapes_that_cannot_run_have_their_reasons);
    tcase_add_checked_fixture(tcase, NULL, remove_folder);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
