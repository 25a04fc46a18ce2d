/* Promises of the search for the highest good rate, on a deployment whose answers are known: it is good up to one rate
 * and its queue grows from another one on. */
#include <check.h>
#include <stdlib.h>

#include "engine/serving/max_goodput.h"
#include "engine/serving/workload/load.h"
#include "tests/scenario.h"
#include "tests/suite.h"

static struct ls_scenario scenario;

/* A deployment, and what was asked of it. */
struct fake {
    double good_until, saturated_from; /* requests a second */
    double low_until;                  /* as `low` sees it */
    enum ls_status status;
    int n_runs, n_low_runs;
    double highest;
};

static enum ls_status run(void *context, const struct ls_scenario *tried, struct ls_metrics *metrics,
                          struct ls_err *err)
{
    struct fake *fake = context;
    struct ls_load load;
    double *m = metrics->scalar;
    (void)err;
    ls_load_measure(&load, tried);
    if (tried->strategy.lod == LS_LOD_LOW) {
        fake->n_low_runs++;
        m[LS_METRIC_SATURATED] = load.rate >= fake->saturated_from;
        m[LS_METRIC_TTFT_MEAN_S] = load.rate <= fake->low_until ? 0.5 : 2;
        return LS_OK;
    }
    fake->n_runs++;
    ck_assert_int_eq(tried->workload.drain, 1);
    m[LS_METRIC_N_ARRIVED] = 1000;
    m[LS_METRIC_ATTAINMENT] = load.rate <= fake->good_until ? 0.99 : 0.98;
    m[LS_METRIC_SATURATED] = load.rate >= fake->saturated_from;
    if (load.rate > fake->highest)
        fake->highest = load.rate;
    return fake->status;
}

static const double *search(struct fake *fake)
{
    static struct ls_metrics metrics;
    struct ls_err err = {""};
    const struct ls_goodput_runner runner = {run, fake};
    ls_metrics_clear(&metrics);
    ck_assert_int_eq(ls_max_goodput(&scenario, &runner, &metrics, &err), fake->status);
    return metrics.scalar;
}

static void make(double rate)
{
    scenario_make(&scenario, scenario_llama_70b);
    (void)scenario_add_profile(&scenario, rate, 100, 100);
    scenario.workload.duration_s = 100;
    scenario.workload.drain = 0;
    scenario.slo = (struct ls_slo){.ttft_s = 1, .tpot_s = NAN, .e2e_s = NAN, .attainment = 0.99, .tolerance = 0.01};
}

START_TEST(the_highest_good_rate_is_found_to_within_the_tolerance)
{
    static const double guesses[] = {1.0 / 50, 0.5, 0.9, 1, 1.2, 3, 60};
    for (size_t i = 0; i < sizeof guesses / sizeof guesses[0]; i++) {
        struct fake fake = {.good_until = 7.3, .saturated_from = 9, .low_until = 7.3 * guesses[i]};
        make(2);
        const double *m = search(&fake);
        ck_assert_double_le(m[LS_METRIC_MAX_GOODPUT], 7.3);
        ck_assert_double_ge(m[LS_METRIC_MAX_GOODPUT], 7.3 / 1.01);
        ck_assert_int_eq((int)m[LS_METRIC_MAX_GOODPUT_SATURATED], 0);
        ck_assert_double_nan(m[LS_METRIC_GOODPUT]);
    }
}
END_TEST

START_TEST(a_good_first_guess_saves_runs)
{
    struct fake near = {.good_until = 7.3, .saturated_from = 9, .low_until = 7},
                far = {.good_until = 7.3, .saturated_from = 9, .low_until = 0.01};
    make(2);
    (void)search(&near);
    (void)search(&far);
    ck_assert_int_gt(near.n_low_runs, 0);
    ck_assert_int_le(near.n_runs, 8); /* 2 to bracket to within 1.25, 5 to halve 22 % to 1 %, and a spare one */
    ck_assert_int_lt(near.n_runs, far.n_runs);
}
END_TEST

START_TEST(saturation_is_flagged_where_it_ends_the_search)
{
    struct fake fake = {.good_until = 7.3, .saturated_from = 7.3000001, .low_until = 7};
    make(2);
    const double *m = search(&fake);
    ck_assert_int_eq((int)m[LS_METRIC_MAX_GOODPUT_SATURATED], 1);
    ck_assert_double_ge(m[LS_METRIC_MAX_GOODPUT], 7.3 / 1.01);
}
END_TEST

/* Bounds that a queue does not break: the saturation point, and no run far beyond it. */
START_TEST(attainment_that_outlasts_saturation_gives_the_saturation_point)
{
    struct fake fake = {.good_until = INFINITY, .saturated_from = 5, .low_until = INFINITY};
    make(2);
    const double *m = search(&fake);
    ck_assert_double_lt(m[LS_METRIC_MAX_GOODPUT], 5);
    ck_assert_double_ge(m[LS_METRIC_MAX_GOODPUT], 5 / 1.01);
    ck_assert_int_eq((int)m[LS_METRIC_MAX_GOODPUT_SATURATED], 1);
    ck_assert_double_le(fake.highest, 5 * 4 * 4);
}
END_TEST

START_TEST(no_rate_is_good_enough)
{
    struct fake fake = {.good_until = 0, .saturated_from = 5, .low_until = 1};
    make(2);
    ck_assert_double_eq(search(&fake)[LS_METRIC_MAX_GOODPUT], 0);
    fake = (struct fake){.good_until = INFINITY, .saturated_from = INFINITY, .low_until = 1};
    ck_assert_double_nan(search(&fake)[LS_METRIC_MAX_GOODPUT]); /* no end to be found */
}
END_TEST

START_TEST(at_low_the_means_stand_for_the_attainment)
{
    struct fake fake = {.good_until = 100, .saturated_from = 9, .low_until = 7.3};
    make(2);
    scenario.strategy.lod = LS_LOD_LOW;
    const double *m = search(&fake);
    ck_assert_double_le(m[LS_METRIC_MAX_GOODPUT], 7.3);
    ck_assert_double_ge(m[LS_METRIC_MAX_GOODPUT], 7.3 / 1.01);
    ck_assert_int_eq(fake.n_runs, 0);
}
END_TEST

START_TEST(errors_of_a_run_are_passed_on)
{
    struct fake fake = {.good_until = 7, .saturated_from = 9, .low_until = 7, .status = LS_STOPPED};
    make(2);
    ck_assert_double_nan(search(&fake)[LS_METRIC_MAX_GOODPUT]);
    ck_assert_int_eq(fake.n_runs, 1);
}
END_TEST

/* All profiles together, or a trace's time; the requests that the warm-up covers stay the same where they are counted.
 */
START_TEST(scaling_the_load_keeps_the_requests)
{
    static const struct ls_trace_request requests[] = {
        {.arrival_ps = 0, .prompt_tok = 10, .output_tok = 10},
        {.arrival_ps = 2000000000000, .prompt_tok = 10, .output_tok = 10}};
    static const struct ls_trace trace = {.n = 2, .requests = requests, .digest = 1};
    make(2);
    (void)scenario_add_profile(&scenario, 6, 100, 100);
    scenario.workload.warmup_s = 10;
    ls_load_scale(&scenario.workload, 4);
    ck_assert_double_eq(scenario.workload.profiles[0].arrivals.rate, 8);
    ck_assert_double_eq(scenario.workload.profiles[1].arrivals.rate, 24);
    ck_assert_double_eq(scenario.workload.warmup_s, 10); /* duration_s ends the arrivals */
    scenario.workload.max_requests = 100;
    ls_load_scale(&scenario.workload, 4);
    ck_assert_double_eq(scenario.workload.warmup_s, 2.5);
    ls_load_scale(&scenario.workload, 0.5);
    ck_assert_double_eq(scenario.workload.warmup_s, 2.5);

    make(2);
    scenario.workload.n_profiles = 0;
    scenario.workload.trace = &trace;
    scenario.workload.trace_options.time_scale = 1;
    scenario.workload.warmup_s = 1;
    struct ls_load before, after;
    ls_load_measure(&before, &scenario);
    ls_load_scale(&scenario.workload, 4);
    ls_load_measure(&after, &scenario);
    ck_assert_double_eq(after.rate, 4 * before.rate);
    ck_assert_double_eq(scenario.workload.warmup_s, 0.25);
}
END_TEST

static void refuse(const char *words)
{
    struct ls_scenario resolved = scenario;
    enum ls_reason reason;
    struct ls_err err = {""};
    ck_assert_int_eq(ls_scenario_resolve(&resolved, &reason, &err), LS_INPUT);
    ck_assert_msg(strstr(err.text, words) != NULL, "%s", err.text);
}

START_TEST(what_cannot_be_searched_is_refused)
{
    make(2);
    scenario.slo.max_goodput = 1;
    scenario.slo.ttft_s = NAN;
    refuse("slo.max_goodput: every request is good");
    scenario.slo.ttft_s = 1;
    scenario.workload.max_requests = 10;
    scenario.workload.profiles[0].arrivals.process = LS_ARRIVALS_ALL_AT_ONCE;
    refuse("slo.max_goodput: closed and all_at_once");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("max_goodput");
    TCase *tcase = tcase_create("max_goodput");
    tcase_add_test(tcase, the_highest_good_rate_is_found_to_within_the_tolerance);
    tcase_add_test(tcase, a_good_first_guess_saves_runs);
    tcase_add_test(tcase, saturation_is_flagged_where_it_ends_the_search);
    tcase_add_test(tcase, attainment_that_outlasts_saturation_gives_the_saturation_point);
    tcase_add_test(tcase, no_rate_is_good_enough);
    tcase_add_test(tcase, at_low_the_means_stand_for_the_attainment);
    tcase_add_test(tcase, errors_of_a_run_are_passed_on);
    tcase_add_test(tcase, scaling_the_load_keeps_the_requests);
    tcase_add_test(tcase, what_cannot_be_searched_is_refused);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
