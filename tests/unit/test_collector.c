/* Promises of the collector: what counts in the window and what does not, averages and peaks of levels, and whether the
 * queue grows. */
#include <check.h>
#include <math.h>

#include "engine/serving/collector.h"
#include "engine/sim/clock.h"
#include "engine/sim/random.h"
#include "tests/scenario.h"
#include "tests/suite.h"

static struct ls_scenario scenario;
static struct ls_collector collector;
static const int64_t s = 1000000000000;

static void set_up(void)
{
    struct ls_err err;
    ls_scenario_init(&scenario);
    scenario.workload.warmup_s = 10;
    scenario.slo = (struct ls_slo){.ttft_s = 1, .tpot_s = 0.1, .e2e_s = 3, .attainment = 0.99};
    ck_assert_int_eq(ls_collector_init(&collector, &err), LS_OK);
    ls_collector_clear(&collector, &scenario);
}

static void tear_down(void)
{
    ls_collector_release(&collector);
}

/* A request that arrives at `arrival_s` and has its tokens at equal gaps. */
static void serve(double arrival_s, double ttft_s, double gap_s, int32_t output_tok)
{
    const bool measured = arrival_s >= 10;
    struct ls_request request = {.arrival_ps = ls_ps_from_s(arrival_s),
                                 .scheduled_ps = ls_ps_from_s(arrival_s),
                                 .first_token_ps = ls_ps_from_s(arrival_s + ttft_s),
                                 .prompt_tok = 7,
                                 .output_tok = output_tok,
                                 .streams = true,
                                 .measured = measured};
    ls_collector_arrival(&collector, request.arrival_ps, measured);
    ls_collector_wait(&collector, &request, request.arrival_ps);
    ls_collector_first_token(&collector, &request, request.first_token_ps);
    for (int32_t i = 1; i < output_tok; i++)
        ls_collector_tokens(&collector, 1, ls_ps_from_s(arrival_s + ttft_s + i * gap_s));
    ls_collector_complete(&collector, &request, ls_ps_from_s(arrival_s + ttft_s + (output_tok - 1) * gap_s));
}

START_TEST(the_window_sorts_requests_by_arrival_and_tokens_by_emission)
{
    serve(5, 1, 1, 3);  /* unmeasured, over before the window */
    serve(8, 1, 1, 4);  /* unmeasured; its last three tokens, at 10, 11 and 12, count */
    serve(12, 1, 1, 2); /* measured */
    ck_assert_int_eq(collector.n_all_arrived, 3);
    ck_assert_int_eq(collector.n_arrived, 1);
    ck_assert_int_eq(collector.n_completed, 1);
    ck_assert_int_eq(collector.n_finished, 2);
    ck_assert_int_eq(collector.n_output_tok, 3 + 2);
    ck_assert_int_eq(collector.n_prompt_tok, 7);
    ck_assert_int_eq(collector.first_arrival_ps, 5 * s);
    ck_assert_int_eq(collector.last_completion_ps, 14 * s);
    ck_assert_int_eq(collector.sketch[LS_QMETRIC_TTFT].count, 1);
    ck_assert_double_eq(ls_sketch_mean_s(&collector.sketch[LS_QMETRIC_E2E]), 2);
    ls_collector_reject(&collector, &(struct ls_request){.measured = 0}, 0);
    ls_collector_reject(&collector, &(struct ls_request){.measured = 1}, 0);
    ck_assert_int_eq(collector.n_rejected, 1);
    ck_assert_int_eq(collector.n_all_rejected, 2);
}
END_TEST

START_TEST(a_request_of_one_token_has_no_tpot_and_can_be_good)
{
    serve(20, 0.5, 0, 1);
    ck_assert_int_eq(collector.sketch[LS_QMETRIC_TPOT].count, 0);
    ck_assert_int_eq(collector.n_good, 1);
}
END_TEST

START_TEST(good_requests_meet_every_bound)
{
    serve(20, 1.0, 0.1, 11); /* at all bounds but e2e, which is 2 */
    ck_assert_int_eq(collector.n_good, 1);
    serve(20, 1.001, 0.1, 11);
    serve(20, 1.0, 0.1001, 11);
    serve(20, 1.0, 0.1, 22);
    ck_assert_int_eq(collector.n_good, 1);
    collector.slo = (struct ls_slo){.ttft_s = NAN, .tpot_s = NAN, .e2e_s = NAN}; /* no bounds */
    serve(20, 100, 10, 22);
    ck_assert_int_eq(collector.n_good, 2);
}
END_TEST

START_TEST(clearing_forgets_everything)
{
    serve(20, 1, 1, 5);
    ls_collector_reject(&collector, &(struct ls_request){.measured = 1}, 0);
    ls_collector_clear(&collector, &scenario);
    ck_assert_int_eq(collector.n_all_arrived + collector.n_arrived + collector.n_completed + collector.n_rejected, 0);
    ck_assert_int_eq(collector.n_output_tok + collector.n_prompt_tok + collector.n_finished + collector.n_good, 0);
    for (int i = 0; i < LS_N_QUANTILE_METRICS; i++)
        ck_assert_int_eq(collector.sketch[i].count, 0);
    serve(30, 1, 1, 2);
    ck_assert_int_eq(collector.first_arrival_ps, 30 * s);
}
END_TEST

START_TEST(levels_average_and_peak_over_the_window)
{
    struct ls_level level = {.since_ps = 10 * s};
    ls_level_set(&level, 9, 2 * s); /* before the window, and gone when it starts */
    ls_level_set(&level, 4, 5 * s);
    ls_level_set(&level, 1, 15 * s);
    ls_level_set(&level, 70, 20 * s); /* for no time at all */
    ls_level_set(&level, 3, 20 * s);
    ls_level_set(&level, 8, 28 * s);
    ck_assert_double_eq(ls_level_mean(&level, 10 * s, 30 * s), (4 * 5 + 1 * 5 + 3 * 8 + 8 * 2) / 20.0);
    ck_assert_int_eq(ls_level_peak(&level, 30 * s), 8);
    ck_assert_int_eq(ls_level_peak(&level, 28 * s), 4);
    ck_assert(isnan(ls_level_mean(&level, 10 * s, 10 * s)));
}
END_TEST

/* Lindley's recursion: waits of a single server at `load`, arrivals Poisson, service constant or exponential. */
static bool saturated(double load, bool constant, int n, uint64_t seed)
{
    struct ls_stream stream = ls_stream_make(seed, 0, 0, 0, LS_RNG_GAP);
    double now_s = 0, wait_s = 0;
    scenario.workload.warmup_s = 0;
    ls_collector_clear(&collector, &scenario);
    for (int i = 0; i < n; i++) {
        const struct ls_request request = {.arrival_ps = ls_ps_from_s(now_s), .scheduled_ps = 0, .measured = 1};
        ls_collector_arrival(&collector, request.arrival_ps, true);
        ls_collector_wait(&collector, &request, ls_ps_from_s(now_s + wait_s));
        const double gap_s = ls_stream_exponential(&stream) / load;
        wait_s = fmax(0, wait_s + (constant ? 1 : ls_stream_exponential(&stream)) - gap_s);
        now_s += gap_s;
    }
    return ls_collector_saturated(&collector);
}

START_TEST(a_queue_that_grows_is_saturated_and_one_that_does_not_is_not)
{
    int n_wrong = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        n_wrong += saturated(0.5, true, 4000, seed) + saturated(0.5, false, 4000, seed);
        n_wrong += saturated(0.8, true, 4000, seed) + saturated(0.8, false, 20000, seed);
        n_wrong += !saturated(1.2, true, 4000, seed) + !saturated(1.2, false, 4000, seed);
        n_wrong += !saturated(2, true, 100, seed) + !saturated(10, false, 100, seed);
    }
    ck_assert_msg(n_wrong == 0, "%d of 160 verdicts are wrong", n_wrong);
}
END_TEST

/* The verdict is about the second half: a backlog that is worked off is none. */
START_TEST(a_backlog_that_is_worked_off_is_not_saturation)
{
    scenario.workload.warmup_s = 0;
    ls_collector_clear(&collector, &scenario);
    for (int i = 0; i < 1000; i++) {
        const struct ls_request request = {.arrival_ps = i * s, .measured = 1};
        const int64_t wait_ps = (i < 300 ? i : i < 600 ? 600 - i : 0) * s;
        ls_collector_arrival(&collector, request.arrival_ps, true);
        ls_collector_wait(&collector, &request, request.arrival_ps + wait_ps);
    }
    ck_assert(!ls_collector_saturated(&collector));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("collector");
    TCase *tcase = tcase_create("collector");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_window_sorts_requests_by_arrival_and_tokens_by_emission);
    tcase_add_test(tcase, a_request_of_one_token_has_no_tpot_and_can_be_good);
    tcase_add_test(tcase, good_requests_meet_every_bound);
    tcase_add_test(tcase, clearing_forgets_everything);
    tcase_add_test(tcase, levels_average_and_peak_over_the_window);
    tcase_add_test(tcase, a_queue_that_grows_is_saturated_and_one_that_does_not_is_not);
    tcase_add_test(tcase, a_backlog_that_is_worked_off_is_not_saturation);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
