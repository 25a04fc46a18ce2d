/* Promises of the levels of detail: medium and high are the same simulation where nothing queues for a link, to the
 * last bit of every metric but the number of events. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/property/run_serving.h"
#include "tests/random_scenario.h"
#include "tests/suite.h"

enum { N_SCENARIOS = 300 };

static struct random_scenario drawn;
static struct run run;

static struct ls_metrics simulate(enum ls_lod lod)
{
    drawn.scenario.strategy.lod = (int32_t)lod;
    (void)run_serving(&run, &drawn.scenario, drawn.kv_blocks);
    return run.metrics;
}

/* Bit by bit; any NaN is like any other. */
static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static void expect_equal(const struct ls_metrics *medium, const struct ls_metrics *high)
{
    const double *a = (const double *)medium, *b = (const double *)high;
    char name[64];
    for (size_t i = 0; i < LS_N_COLUMNS; i++) {
        if (i == LS_METRIC_N_EVENTS || same(a[i], b[i]))
            continue;
        random_scenario_print(&drawn);
        ck_abort_msg("scenario %d: %s is %.17g at medium, %.17g at high", (int)drawn.number,
                     ls_metric_column_name(i, name, sizeof name), a[i], b[i]);
    }
}

static uint64_t first_scenario;
static int n_scenarios = N_SCENARIOS;

START_TEST(medium_equals_high_where_links_do_not_queue)
{
    for (int i = 0; i < n_scenarios; i++) {
        random_scenario_draw(&drawn, first_scenario + (uint64_t)i);
        drawn.scenario.cluster.contention = 0;
        const struct ls_metrics medium = simulate(LS_LOD_MEDIUM), high = simulate(LS_LOD_HIGH);
        expect_equal(&medium, &high);
    }
}
END_TEST

START_TEST(medium_equals_high_whatever_the_engine)
{
    for (int i = 0; i < n_scenarios; i++) {
        random_scenario_draw_with(&drawn, first_scenario + (uint64_t)i,
                                  &(struct random_limits){.other_engine = true, .company = i % 2 > 0});
        drawn.scenario.cluster.contention = 0;
        const struct ls_metrics medium = simulate(LS_LOD_MEDIUM), high = simulate(LS_LOD_HIGH);
        expect_equal(&medium, &high);
    }
}
END_TEST

/* Sessions, system prompts and traces that say which prompts are alike. */
START_TEST(medium_equals_high_whatever_requests_share)
{
    for (int i = 0; i < n_scenarios; i++) {
        random_scenario_draw_with(&drawn, first_scenario + (uint64_t)i, &(struct random_limits){.sharing = true});
        drawn.scenario.cluster.contention = 0;
        const struct ls_metrics medium = simulate(LS_LOD_MEDIUM), high = simulate(LS_LOD_HIGH);
        expect_equal(&medium, &high);
    }
}
END_TEST

START_TEST(medium_equals_high_with_drafts)
{
    int n_gained = 0;
    for (int i = 0; i < n_scenarios / 2; i++) {
        random_scenario_draw_with(&drawn, first_scenario + (uint64_t)i, &(struct random_limits){.drafts = true});
        drawn.scenario.cluster.contention = 0;
        const struct ls_metrics medium = simulate(LS_LOD_MEDIUM), high = simulate(LS_LOD_HIGH);
        expect_equal(&medium, &high);
        n_gained += medium.scalar[LS_METRIC_TOKENS_PER_VERIFICATION] > 1.5;
    }
    ck_assert_msg(n_scenarios < N_SCENARIOS || n_gained >= 30, "only %d scenarios gained much", n_gained);
}
END_TEST

START_TEST(medium_equals_high_with_swapping)
{
    int n_swapped = 0;
    for (int i = 0; i < n_scenarios; i++) {
        random_scenario_draw_with(&drawn, first_scenario + (uint64_t)i, &(struct random_limits){.swapping = true});
        drawn.scenario.cluster.contention = 0;
        const struct ls_metrics medium = simulate(LS_LOD_MEDIUM), high = simulate(LS_LOD_HIGH);
        expect_equal(&medium, &high);
        n_swapped += medium.scalar[LS_METRIC_N_SWAPS] > 0;
    }
    ck_assert_msg(n_scenarios < N_SCENARIOS || n_swapped >= 20, "only %d scenarios swapped", n_swapped);
}
END_TEST

START_TEST(collectives_as_one_event_change_nothing_else)
{
    int n_fewer = 0;
    for (int i = 0; i < n_scenarios / 3; i++) {
        random_scenario_draw(&drawn, first_scenario + (uint64_t)i);
        drawn.scenario.cluster.contention = 0;
        const struct ls_metrics steps = simulate(LS_LOD_HIGH);
        drawn.scenario.cluster.collective_steps = 0;
        const struct ls_metrics whole = simulate(LS_LOD_HIGH);
        expect_equal(&whole, &steps);
        n_fewer += whole.scalar[LS_METRIC_N_EVENTS] < steps.scalar[LS_METRIC_N_EVENTS];
    }
    ck_assert_msg(n_scenarios < N_SCENARIOS || n_fewer >= 10, "only %d scenarios had fewer events", n_fewer);
}
END_TEST

/* One pipeline of one stage has its links for itself. */
START_TEST(medium_equals_high_where_nothing_is_shared)
{
    for (int i = 0; i < n_scenarios / 3; i++) {
        random_scenario_draw_with(&drawn, first_scenario + (uint64_t)i, &(struct random_limits){.one_stage = true});
        drawn.scenario.cluster.contention = 1;
        const struct ls_metrics medium = simulate(LS_LOD_MEDIUM), high = simulate(LS_LOD_HIGH);
        expect_equal(&medium, &high);
    }
}
END_TEST

/* Where links do queue, the run still ends, and every request with it. */
START_TEST(contention_delays_but_loses_nothing)
{
    int n_later = 0;
    for (int i = 0; i < n_scenarios / 3; i++) {
        random_scenario_draw_with(&drawn, first_scenario + (uint64_t)i, &(struct random_limits){.drain = true});
        drawn.scenario.cluster.contention = 1;
        const struct ls_metrics medium = simulate(LS_LOD_MEDIUM), high = simulate(LS_LOD_HIGH);
        const double *m = high.scalar;
        ck_assert_msg(m[LS_METRIC_N_COMPLETED] + m[LS_METRIC_N_REJECTED] == m[LS_METRIC_N_ARRIVED], "scenario %d",
                      (int)drawn.number);
        n_later += high.scalar[LS_METRIC_E2E_MEAN_S] > medium.scalar[LS_METRIC_E2E_MEAN_S];
    }
    ck_assert_msg(n_scenarios < N_SCENARIOS || n_later >= 10, "only %d scenarios saw a queue", n_later);
}
END_TEST

/* Arguments: the first scenario and how many, for whoever looks for trouble. */
int main(int argc, char **argv)
{
    Suite *suite = suite_create("levels of detail");
    TCase *tcase = tcase_create("levels of detail");
    first_scenario = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    n_scenarios = argc > 2 ? atoi(argv[2]) : argc > 1 ? 1 : N_SCENARIOS;
    if (!run_init(&run))
        return EXIT_FAILURE;
    tcase_add_test(tcase, medium_equals_high_where_links_do_not_queue);
    tcase_add_test(tcase, medium_equals_high_whatever_the_engine);
    tcase_add_test(tcase, medium_equals_high_whatever_requests_share);
    tcase_add_test(tcase, medium_equals_high_with_drafts);
    tcase_add_test(tcase, medium_equals_high_with_swapping);
    tcase_add_test(tcase, collectives_as_one_event_change_nothing_else);
    tcase_add_test(tcase, medium_equals_high_where_nothing_is_shared);
    tcase_add_test(tcase, contention_delays_but_loses_nothing);
    suite_add_tcase(suite, tcase);
    const int status = suite_run(suite);
    run_release(&run);
    return status;
}
