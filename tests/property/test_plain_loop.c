/* The promise that makes the engine's short cuts safe: a loop that looks at every running request in every step gives
 * the same numbers. Times and counts are compared as integers; time averages, sums of doubles, to rounding. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/property/plain_loop.h"
#include "tests/property/run_serving.h"
#include "tests/suite.h"

enum { N_SCENARIOS = 600 };

static struct random_scenario drawn;
static struct plain plain;
static struct run run;
static int n_wrong;

static void expect_int(const char *what, int64_t engine, int64_t expected)
{
    if (engine == expected)
        return;
    printf("%s: %lld, the plain loop has %lld\n", what, (long long)engine, (long long)expected);
    n_wrong++;
}

static void expect_near(const char *what, double engine, double expected, double tolerance)
{
    if (isnan(engine) && isnan(expected))
        return;
    if (fabs(engine - expected) <= tolerance * fabs(expected))
        return;
    printf("%s: %.17g, the plain loop has %.17g\n", what, engine, expected);
    n_wrong++;
}

static int compare_times(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void expect_times(const char *what, enum ls_quantile_metric metric, enum ls_scalar_metric mean,
                         struct plain_times *times)
{
    const struct ls_sketch *sketch = &run.collector.sketch[metric];
    char text[64];
    int64_t sum = 0;
    for (int64_t i = 0; i < times->n; i++)
        sum += times->ps[i];
    (void)snprintf(text, sizeof text, "%s: count", what);
    expect_int(text, sketch->count, times->n);
    (void)snprintf(text, sizeof text, "%s: sum, ps", what);
    expect_int(text, sketch->sum_high * (INT64_C(1) << 32) + sketch->sum_low, sum);
    const double n = (double)times->n;
    expect_near(what, run.metrics.scalar[mean], n > 0 ? (double)sum / n / 1e12 : NAN, 1e-12);
    if (times->n == 0)
        return;
    qsort(times->ps, (size_t)times->n, sizeof *times->ps, compare_times);
    for (int i = 0; i < LS_N_QUANTILES; i++) {
        const double position = ls_quantile_values[i] * (n - 1), share = position - floor(position);
        const double low = (double)times->ps[(int64_t)position];
        const double high = share > 0 ? (double)times->ps[(int64_t)position + 1] : low;
        (void)snprintf(text, sizeof text, "%s: quantile %g", what, ls_quantile_values[i]);
        expect_near(text, run.metrics.quantile[metric][i], (low + share * (high - low)) / 1e12, 1e-3);
    }
}

static void expect_counts(void)
{
    expect_int("n_arrived", (int64_t)run.metrics.scalar[LS_METRIC_N_ARRIVED], plain.n_arrived);
    expect_int("n_completed", (int64_t)run.metrics.scalar[LS_METRIC_N_COMPLETED], plain.n_completed);
    expect_int("n_rejected", (int64_t)run.metrics.scalar[LS_METRIC_N_REJECTED], plain.n_rejected);
    expect_int("n_unfinished", (int64_t)run.metrics.scalar[LS_METRIC_N_UNFINISHED],
               plain.n_arrived - plain.n_completed - plain.n_rejected);
    expect_int("n_preemptions", (int64_t)run.metrics.scalar[LS_METRIC_N_PREEMPTIONS], plain.n_preemptions);
    expect_int("n_steps", (int64_t)run.metrics.scalar[LS_METRIC_N_STEPS], plain.n_steps);
    expect_int("n_good", run.collector.n_good, plain.n_good);
    expect_int("n_finished", run.collector.n_finished, plain.n_finished);
    expect_int("n_output_tok", run.collector.n_output_tok, plain.n_output_tok);
    expect_int("n_prompt_tok", run.collector.n_prompt_tok, plain.n_prompt_tok);
    expect_int("n_hit_tok", run.collector.n_hit_tok, plain.n_hit_tok);
    expect_int("n_looked_up_tok", run.collector.n_looked_up_tok, plain.n_looked_up_tok);
    expect_int("all that arrived", run.collector.n_all_arrived, plain.n_all_arrived);
    expect_int("all that completed", run.collector.n_all_completed, plain.n_all_completed);
    expect_int("all rejected", run.collector.n_all_rejected, plain.n_all_rejected);
}

static double over(double numerator, double denominator)
{
    return denominator > 0 ? numerator / denominator : NAN;
}

static void expect_averages(void)
{
    const struct ls_scenario *scenario = &drawn.scenario;
    const double *m = run.metrics.scalar;
    const int64_t end_ps = scenario->workload.drain ? plain.last_completion_ps : plain.horizon_ps;
    const double window_ps = (double)plain_max(0, end_ps - plain.warmup_ps), window_s = window_ps / 1e12;
    double schedulers = 0;
    for (int i = 0; i < plain.n_pools; i++)
        schedulers += (double)plain_pool_size(&plain.pools[i]);
    if (plain.n_all_completed > 0)
        expect_near("makespan_s", m[LS_METRIC_MAKESPAN_S],
                    (double)(plain.last_completion_ps - plain.first_arrival_ps) / 1e12, 0);
    expect_near("request_throughput", m[LS_METRIC_REQUEST_THROUGHPUT], over((double)plain.n_finished, window_s), 1e-12);
    expect_near("output_token_throughput", m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT],
                over((double)plain.n_output_tok, window_s), 1e-12);
    expect_near("total_token_throughput", m[LS_METRIC_TOTAL_TOKEN_THROUGHPUT],
                over((double)(plain.n_output_tok + plain.n_prompt_tok), window_s), 1e-12);
    expect_near("goodput", m[LS_METRIC_GOODPUT], over((double)plain.n_good, window_s), 1e-12);
    expect_near("step_tokens_mean", m[LS_METRIC_STEP_TOKENS_MEAN], over((double)plain.n_tok, (double)plain.n_passes),
                1e-12);
    expect_near("queue_depth_mean", m[LS_METRIC_QUEUE_DEPTH_MEAN], over(plain.waiting_integral, window_ps), 1e-9);
    expect_near("running_mean", m[LS_METRIC_RUNNING_MEAN], over(plain.running_integral, window_ps), 1e-9);
    expect_near("kv_utilization_mean", m[LS_METRIC_KV_UTILIZATION_MEAN],
                over(plain.used_integral, window_ps * schedulers), 1e-9);
    expect_near("gpu_utilization", m[LS_METRIC_GPU_UTILIZATION],
                over(plain.busy_gpu_ps, window_ps * (double)ls_scenario_gpus(scenario)), 1e-9);
    if (scenario->engine.preemption == LS_PREEMPT_SWAP) {
        expect_near("n_swaps", m[LS_METRIC_N_SWAPS], (double)plain.n_swaps, 0);
        expect_near("swapped_bytes", m[LS_METRIC_SWAPPED_BYTES], plain.swapped_bytes, 1e-12);
    }
    expect_near("queue_depth_max", m[LS_METRIC_QUEUE_DEPTH_MAX], (double)plain.waiting_max, 0);
    expect_near("kv_utilization_max", m[LS_METRIC_KV_UTILIZATION_MAX], plain.used_max_frac, 1e-12);
}

/* What the scenarios have put to the test, so that nobody mistakes quiet ones for proof. */
static struct {
    int completed, preempted, ranked, rejected, cut_off, warmed_up, pipelined, in_lockstep, windowed, waited;
} seen;

static void note_seen(void)
{
    const struct ls_scenario *scenario = &drawn.scenario;
    seen.completed += plain.n_all_completed > 20;
    seen.preempted += plain.n_preemptions > 0;
    seen.ranked += scenario->engine.scheduling_policy != LS_POLICY_FCFS && plain.n_preemptions > 0;
    seen.rejected += plain.n_rejected > 0 && plain.n_completed > 0;
    seen.cut_off += plain.n_all_arrived > plain.n_all_completed + plain.n_all_rejected;
    seen.warmed_up += plain.n_completed > 0 && plain.n_all_completed > plain.n_completed;
    seen.pipelined += scenario->strategy.pp > 1 && plain.n_preemptions > 0;
    seen.in_lockstep += scenario->strategy.ep > 1 && plain.n_all_completed > 20;
    seen.windowed += scenario->model.sliding_window != LS_NULL_INT && plain.n_all_completed > 20;
    seen.waited += plain.waiting_max > 2;
}

static void compare(uint64_t number, const struct random_limits *limits)
{
    random_scenario_draw_with(&drawn, number, limits);
    plain_run(&plain, &drawn);
    if (limits->pools)
        (void)run_serving_pools(&run, &drawn.scenario, (const int64_t[]){drawn.kv_blocks, drawn.decode_blocks});
    else
        (void)run_serving(&run, &drawn.scenario, drawn.kv_blocks);
    n_wrong = 0;
    expect_counts();
    expect_times("ttft", LS_QMETRIC_TTFT, LS_METRIC_TTFT_MEAN_S, &plain.ttft);
    expect_times("tpot", LS_QMETRIC_TPOT, LS_METRIC_TPOT_MEAN_S, &plain.tpot);
    expect_times("itl", LS_QMETRIC_ITL, LS_METRIC_ITL_MEAN_S, &plain.itl);
    expect_times("e2e", LS_QMETRIC_E2E, LS_METRIC_E2E_MEAN_S, &plain.e2e);
    expect_times("queue wait", LS_QMETRIC_QUEUE_WAIT, LS_METRIC_QUEUE_WAIT_MEAN_S, &plain.wait);
    expect_averages();
    note_seen();
    if (n_wrong > 0)
        random_scenario_print(&drawn);
    ck_assert_msg(n_wrong == 0, "scenario %d: %d numbers differ", (int)number, n_wrong);
    plain_release(&plain);
}

static uint64_t first_scenario;
static int n_scenarios = N_SCENARIOS;

START_TEST(the_plain_loop_gives_the_same_numbers)
{
    for (int i = 0; i < n_scenarios; i++)
        compare(first_scenario + (uint64_t)i, &(struct random_limits){0});
    if (n_scenarios < N_SCENARIOS)
        return;
    const int *const counts = (const int *)&seen;
    for (size_t i = 0; i < sizeof seen / sizeof *counts; i++)
        ck_assert_msg(counts[i] >= 30, "situation %d comes up in %d scenarios", (int)i, counts[i]);
}
END_TEST

/* Prompts first, one batch at a time, blocks kept for outputs, scheduling ahead, a front end; several closed loops. */
START_TEST(the_plain_loop_agrees_about_other_engines)
{
    for (int i = 0; i < (n_scenarios + 1) / 2; i++)
        compare(first_scenario + (uint64_t)i,
                &(struct random_limits){.other_engine = true, .one_stage = i % 2 == 0, .company = i % 3 > 0});
}
END_TEST

/* Sessions, system prompts and traces that say which prompts are alike: each KV block looked at on its own. */
START_TEST(the_plain_loop_agrees_about_what_requests_share)
{
    int n_hit = 0, n_preempted = 0;
    for (int i = 0; i < n_scenarios; i++) {
        compare(first_scenario + (uint64_t)i,
                &(struct random_limits){.sharing = true, .other_engine = (first_scenario + (uint64_t)i) % 3 == 0});
        n_hit += run.collector.n_hit_tok > 100;
        n_preempted += run.collector.n_hit_tok > 0 && run.collector.n_preemptions > 0;
    }
    if (n_scenarios < N_SCENARIOS)
        return;
    ck_assert_int_ge(n_hit, 100);
    ck_assert_int_ge(n_preempted, 30);
}
END_TEST

START_TEST(the_plain_loop_agrees_about_drafts)
{
    for (int i = 0; i < (n_scenarios + 1) / 2; i++)
        compare(first_scenario + (uint64_t)i,
                &(struct random_limits){.drafts = true, .other_engine = i % 2 == 0, .sharing = i % 3 == 0});
}
END_TEST

/* Requests that go to the host's memory and back. */
START_TEST(the_plain_loop_agrees_about_swapping)
{
    int n_swapped = 0, n_both = 0;
    for (int i = 0; i < n_scenarios; i++) {
        const uint64_t number = first_scenario + (uint64_t)i;
        compare(number, &(struct random_limits){.swapping = true,
                                                .sharing = number % 2 == 0,
                                                .drafts = number % 3 == 0,
                                                .other_engine = number % 4 == 0});
        n_swapped += plain.n_swaps > 0;
        n_both += plain.n_swaps > 0 && plain.n_preemptions > plain.n_swaps;
    }
    if (n_scenarios < N_SCENARIOS)
        return;
    ck_assert_int_ge(n_swapped, 60);
    ck_assert_int_ge(n_both, 30);
}
END_TEST

/* Prompts in one pool, decodes in another. */
START_TEST(the_plain_loop_agrees_about_pools)
{
    int n_preempted = 0;
    for (int i = 0; i < n_scenarios; i++) {
        const uint64_t number = first_scenario + (uint64_t)i;
        compare(number, &(struct random_limits){.pools = true,
                                                .sharing = number % 2 == 0,
                                                .other_engine = number % 3 == 0,
                                                .drafts = number % 4 == 0,
                                                .swapping = number % 5 == 0});
        n_preempted += plain.n_preemptions > 0;
    }
    if (n_scenarios == N_SCENARIOS)
        ck_assert_int_ge(n_preempted, 30);
}
END_TEST

/* Arguments: the first scenario and how many, for whoever looks for trouble. */
int main(int argc, char **argv)
{
    Suite *suite = suite_create("plain loop");
    TCase *tcase = tcase_create("plain loop");
    first_scenario = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    n_scenarios = argc > 2 ? atoi(argv[2]) : argc > 1 ? 1 : N_SCENARIOS;
    if (!run_init(&run))
        return EXIT_FAILURE;
    tcase_add_test(tcase, the_plain_loop_gives_the_same_numbers);
    tcase_add_test(tcase, the_plain_loop_agrees_about_other_engines);
    tcase_add_test(tcase, the_plain_loop_agrees_about_what_requests_share);
    tcase_add_test(tcase, the_plain_loop_agrees_about_drafts);
    tcase_add_test(tcase, the_plain_loop_agrees_about_swapping);
    tcase_add_test(tcase, the_plain_loop_agrees_about_pools);
    suite_add_tcase(suite, tcase);
    const int status = suite_run(suite);
    run_release(&run);
    return status;
}
