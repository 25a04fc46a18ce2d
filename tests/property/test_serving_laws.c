/* Laws that every serving simulation obeys, over strategies, levels of detail and workloads: requests and tokens are
 * conserved, Little's law holds, the levels of detail agree, and what a strategy sees does not depend on it. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sim/random.h"
#include "tests/scenario.h"

#define N_RANDOM 24

static struct ls_sim *sim;

static void setup(void)
{
    sim = ls_sim_new();
    ck_assert_ptr_nonnull(sim);
}

static void teardown(void)
{
    ls_sim_free(sim);
}

static int draw(struct ls_stream *stream, int n)
{
    return (int)(n * ls_stream_uniform(stream));
}

static void set_number(struct ls_scenario *scenario, const char *key, double number)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%.17g", number);
    scenario_set(scenario, key, text);
}

/* A deployment and a workload drawn from what the program can do; constant lengths, so that tokens can be counted. */
static void make_random(struct ls_scenario *scenario, uint64_t index, int *prompt, int *output)
{
    struct ls_stream stream = ls_stream_make(7, 0, 0, index, LS_RNG_JITTER);
    static const char *const processes[] = {"poisson", "constant", "all_at_once", "closed"};
    static const char *const batchings[] = {"mixed", "prefill_first", "static"};
    const bool moe = draw(&stream, 2) == 1;
    scenario_make(scenario, moe ? scenario_mixtral : scenario_llama_70b);
    scenario_set(scenario, "strategy.tp", draw(&stream, 2) ? "4" : "2");
    set_number(scenario, "strategy.pp", 1 << draw(&stream, 3));
    set_number(scenario, "strategy.dp", 1 + draw(&stream, 2));
    if (moe && scenario->strategy.pp * scenario->strategy.dp < 4)
        scenario_set(scenario, "strategy.ep", "2");
    if (!moe && scenario->strategy.tp * scenario->strategy.pp < 4)
        scenario_set(scenario, "strategy.tp", "4");
    if (ls_scenario_gpus(scenario) > 16)
        scenario_set(scenario, "strategy.dp", "1");
    scenario_set(scenario, "strategy.lod", draw(&stream, 4) ? "medium" : "high");
    set_number(scenario, "engine.max_num_seqs", 1 + draw(&stream, 40));
    set_number(scenario, "engine.max_num_batched_tokens", 64 + draw(&stream, 1000));
    set_number(scenario, "workload.max_requests", 40 + draw(&stream, 60));
    *prompt = 1 + draw(&stream, 1500);
    *output = 1 + draw(&stream, 120);
    (void)scenario_add_profile(scenario, 1 + 20 * ls_stream_uniform(&stream), *prompt, *output);
    scenario_set(scenario, "workload.profiles.p1.arrivals.process", processes[draw(&stream, 4)]);
    scenario_set(scenario, "workload.profiles.p1.arrivals.concurrency", "7");
    scenario_set(scenario, "engine.batching", batchings[draw(&stream, 3)]);
    scenario_set(scenario, "engine.output_reserve", draw(&stream, 2) ? "1" : "0");
    scenario_set(scenario, "engine.overlap_scheduling", draw(&stream, 2) ? "true" : "false");
    scenario_set_all(scenario, scenario_no_front_end);
}

START_TEST(every_request_and_every_token_leaves_once)
{
    struct ls_scenario scenario;
    int prompt, output;
    make_random(&scenario, (uint64_t)_i, &prompt, &output);
    const struct ls_result result = scenario_run(sim, &scenario);
    const double *m = result.metrics.scalar;
    const double n = (double)scenario.workload.max_requests;
    ck_assert_double_eq(m[LS_METRIC_N_ARRIVED], n);
    ck_assert_double_eq(m[LS_METRIC_N_COMPLETED], n);
    ck_assert_double_eq(m[LS_METRIC_N_UNFINISHED] + m[LS_METRIC_N_REJECTED], 0);
    ck_assert_double_eq(m[LS_METRIC_SUCCESS_RATE], 1);
    const double window_s = n / m[LS_METRIC_REQUEST_THROUGHPUT];
    ck_assert_double_eq_tol(m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT] * window_s, n * output, 1e-9 * n * output);
    ck_assert_double_eq_tol(m[LS_METRIC_TOTAL_TOKEN_THROUGHPUT] * window_s, n * (prompt + output),
                            1e-9 * n * (prompt + output));
}
END_TEST

START_TEST(the_mean_number_in_the_system_is_rate_times_time_in_it)
{
    struct ls_scenario scenario;
    int prompt, output;
    make_random(&scenario, (uint64_t)_i, &prompt, &output);
    const struct ls_result result = scenario_run(sim, &scenario);
    const double *m = result.metrics.scalar;
    const double in_system = m[LS_METRIC_QUEUE_DEPTH_MEAN] + m[LS_METRIC_RUNNING_MEAN];
    ck_assert_double_eq_tol(in_system, m[LS_METRIC_REQUEST_THROUGHPUT] * m[LS_METRIC_E2E_MEAN_S], 1e-9 * in_system);
    if (m[LS_METRIC_N_PREEMPTIONS] == 0) {
        const double waiting = m[LS_METRIC_REQUEST_THROUGHPUT] * m[LS_METRIC_QUEUE_WAIT_MEAN_S];
        ck_assert_double_eq_tol(m[LS_METRIC_QUEUE_DEPTH_MEAN], waiting, 1e-9 * in_system);
    }
}
END_TEST

START_TEST(times_of_a_request_add_up)
{
    struct ls_scenario scenario;
    int prompt, output;
    make_random(&scenario, (uint64_t)_i, &prompt, &output);
    const struct ls_result result = scenario_run(sim, &scenario);
    const double *m = result.metrics.scalar;
    ck_assert_double_ge(m[LS_METRIC_TTFT_MEAN_S], m[LS_METRIC_QUEUE_WAIT_MEAN_S]);
    if (output == 1) {
        ck_assert(isnan(m[LS_METRIC_TPOT_MEAN_S]));
        ck_assert_double_eq(m[LS_METRIC_E2E_MEAN_S], m[LS_METRIC_TTFT_MEAN_S]);
        return;
    }
    const double decode_s = (output - 1) * m[LS_METRIC_TPOT_MEAN_S];
    ck_assert_double_eq_tol(m[LS_METRIC_E2E_MEAN_S], m[LS_METRIC_TTFT_MEAN_S] + decode_s,
                            1e-9 * m[LS_METRIC_E2E_MEAN_S]);
    /* All requests have as many gaps, so the mean over gaps is the mean over requests. TPOT is rounded once a request.
     */
    ck_assert_double_eq_tol(m[LS_METRIC_ITL_MEAN_S], m[LS_METRIC_TPOT_MEAN_S], 1e-12);
}
END_TEST

START_TEST(shares_lie_between_nothing_and_all)
{
    static const enum ls_scalar_metric shares[] = {LS_METRIC_GPU_UTILIZATION,
                                                   LS_METRIC_MFU,
                                                   LS_METRIC_MBU,
                                                   LS_METRIC_COMM_FRAC,
                                                   LS_METRIC_BUBBLE_FRAC,
                                                   LS_METRIC_KV_UTILIZATION_MEAN,
                                                   LS_METRIC_KV_UTILIZATION_MAX,
                                                   LS_METRIC_LINK_UTILIZATION_MEAN,
                                                   LS_METRIC_LINK_UTILIZATION_MAX};
    struct ls_scenario scenario;
    int prompt, output;
    make_random(&scenario, (uint64_t)_i, &prompt, &output);
    const struct ls_result result = scenario_run(sim, &scenario);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        const double share = result.metrics.scalar[shares[i]];
        ck_assert_msg(isnan(share) || (share >= 0 && share <= 1 + 1e-12), "%s is %.17g",
                      ls_metric_of_column(shares[i])->name, share);
    }
}
END_TEST

/* Metrics in which two runs differ by their bits; n_events, which counts another thing at high, aside. */
static void expect_same(const struct ls_result *a, const struct ls_result *b)
{
    double left[LS_N_COLUMNS], right[LS_N_COLUMNS];
    char name[64];
    memcpy(left, &a->metrics, sizeof a->metrics);
    memcpy(right, &b->metrics, sizeof b->metrics);
    for (size_t i = 0; i < LS_N_COLUMNS; i++)
        if (i != LS_METRIC_N_EVENTS)
            ck_assert_msg(left[i] == right[i] || (isnan(left[i]) && isnan(right[i])), "%s: %.17g and %.17g",
                          ls_metric_column_name(i, name, sizeof name), left[i], right[i]);
}

START_TEST(medium_equals_high_bit_for_bit_where_nothing_waits_for_a_link)
{
    struct ls_scenario scenario;
    int prompt, output;
    make_random(&scenario, (uint64_t)_i, &prompt, &output);
    scenario_set(&scenario, "cluster.contention", "false");
    scenario_set(&scenario, "strategy.lod", "medium");
    const struct ls_result medium = scenario_run(sim, &scenario);
    scenario_set(&scenario, "strategy.lod", "high");
    const struct ls_result high = scenario_run(sim, &scenario);
    expect_same(&medium, &high);
    ck_assert_double_gt(high.metrics.scalar[LS_METRIC_N_EVENTS], medium.metrics.scalar[LS_METRIC_N_EVENTS]);
}
END_TEST

START_TEST(a_result_does_not_depend_on_what_ran_before)
{
    struct ls_scenario scenario, other;
    int prompt, output;
    make_random(&scenario, (uint64_t)_i, &prompt, &output);
    const struct ls_result first = scenario_run(sim, &scenario);
    make_random(&other, (uint64_t)_i + 1, &prompt, &output);
    (void)scenario_run(sim, &other);
    const struct ls_result again = scenario_run(sim, &scenario);
    expect_same(&first, &again);
    ck_assert_double_eq(first.metrics.scalar[LS_METRIC_N_EVENTS], again.metrics.scalar[LS_METRIC_N_EVENTS]);
}
END_TEST

START_TEST(every_strategy_sees_the_same_requests)
{
    static const char *const strategies[][4] = {
        {"8", "1", "1", "medium"}, {"4", "2", "1", "high"}, {"8", "1", "2", "medium"}};
    double tokens[3], first[3];
    for (int i = 0; i < 3; i++) {
        struct ls_scenario scenario;
        scenario_make(&scenario, scenario_llama_70b);
        scenario_set(&scenario, "workload.duration_s", "20");
        (void)scenario_add_profile(&scenario, 6, 1, 1);
        scenario_set(&scenario, "workload.profiles.p1.prompt_tokens.dist", "lognormal");
        scenario_set(&scenario, "workload.profiles.p1.prompt_tokens.value", "null");
        scenario_set(&scenario, "workload.profiles.p1.prompt_tokens.mean", "700");
        scenario_set(&scenario, "workload.profiles.p1.prompt_tokens.std", "500");
        scenario_set(&scenario, "strategy.tp", strategies[i][0]);
        scenario_set(&scenario, "strategy.pp", strategies[i][1]);
        scenario_set(&scenario, "strategy.dp", strategies[i][2]);
        scenario_set(&scenario, "strategy.lod", strategies[i][3]);
        const struct ls_result result = scenario_run(sim, &scenario);
        const double *m = result.metrics.scalar;
        first[i] = m[LS_METRIC_N_ARRIVED];
        tokens[i] = m[LS_METRIC_TOTAL_TOKEN_THROUGHPUT] * m[LS_METRIC_N_COMPLETED] / m[LS_METRIC_REQUEST_THROUGHPUT];
        ck_assert_double_eq(first[i], first[0]);
        ck_assert_double_eq_tol(tokens[i], tokens[0], 1e-9 * tokens[0]);
    }
    ck_assert_double_gt(first[0], 90); /* 120 expected */
}
END_TEST

START_TEST(what_is_preempted_is_computed_again_and_nothing_is_lost)
{
    struct ls_scenario scenario;
    scenario_make(&scenario, scenario_llama_70b);
    scenario_set(&scenario, "strategy.tp", "2");
    scenario_set(&scenario, "engine.gpu_memory_utilization", "0.98");
    scenario_set(&scenario, "workload.max_requests", "80");
    (void)scenario_add_profile(&scenario, 1, 800, 900);
    scenario_set(&scenario, "workload.profiles.p1.arrivals.process", "all_at_once");
    const struct ls_result result = scenario_run(sim, &scenario);
    const double *m = result.metrics.scalar;
    ck_assert_double_gt(m[LS_METRIC_N_PREEMPTIONS], 0);
    ck_assert_double_eq(m[LS_METRIC_N_COMPLETED], 80);
    ck_assert_double_eq_tol(m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT] * m[LS_METRIC_MAKESPAN_S], 80 * 900, 1e-6);
    ck_assert_double_gt(m[LS_METRIC_KV_UTILIZATION_MAX], 0.99);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("serving_laws");
    TCase *tcase = tcase_create("random deployments");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, every_request_and_every_token_leaves_once, 0, N_RANDOM);
    tcase_add_loop_test(tcase, the_mean_number_in_the_system_is_rate_times_time_in_it, 0, N_RANDOM);
    tcase_add_loop_test(tcase, times_of_a_request_add_up, 0, N_RANDOM);
    tcase_add_loop_test(tcase, shares_lie_between_nothing_and_all, 0, N_RANDOM);
    tcase_add_loop_test(tcase, medium_equals_high_bit_for_bit_where_nothing_waits_for_a_link, 0, N_RANDOM);
    tcase_add_loop_test(tcase, a_result_does_not_depend_on_what_ran_before, 0, N_RANDOM);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("chosen ones");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, every_strategy_sees_the_same_requests);
    tcase_add_test(tcase, what_is_preempted_is_computed_again_and_nothing_is_lost);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
