/* Promises of the routers in a whole deployment: medium and high agree whatever the router knows and how old that is,
 * sessions find their KV cache where they left it, and old reports cost time. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/property/run_serving.h"
#include "tests/random_scenario.h"
#include "tests/suite.h"

enum { N_SCENARIOS = 200 };

static struct random_scenario drawn;
static struct run run;
static struct ls_sim *sim;
static struct ls_scenario scenario;

static struct ls_metrics simulate(enum ls_lod lod)
{
    drawn.scenario.strategy.lod = (int32_t)lod;
    (void)run_serving(&run, &drawn.scenario, drawn.kv_blocks);
    return run.metrics;
}

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

START_TEST(medium_equals_high_whatever_the_router_knows)
{
    for (int i = 0; i < N_SCENARIOS; i++) {
        random_scenario_draw_with(&drawn, (uint64_t)i,
                                  &(struct random_limits){.other_engine = i % 2 > 0, .sharing = i % 3 > 0});
        drawn.scenario.cluster.contention = 0;
        drawn.scenario.engine.router = (int32_t)random_int(&drawn, 2, LS_N_ROUTERS - 1);
        if (random_chance(&drawn, 0.7))
            drawn.scenario.engine.router_staleness_s = random_scale(&drawn, 1e-5, 1);
        const struct ls_metrics medium = simulate(LS_LOD_MEDIUM), high = simulate(LS_LOD_HIGH);
        const double *a = (const double *)&medium, *b = (const double *)&high;
        for (size_t j = 0; j < LS_N_COLUMNS; j++) {
            char name[64];
            ck_assert_msg(j == LS_METRIC_N_EVENTS || same(a[j], b[j]), "scenario %d, router %s: %s is %.17g, %.17g", i,
                          ls_router_names[drawn.scenario.engine.router], ls_metric_column_name(j, name, sizeof name),
                          a[j], b[j]);
        }
    }
}
END_TEST

/* Conversations over four replicas. */
static void make(const char *router)
{
    scenario_make(&scenario, scenario_llama_70b);
    (void)scenario_add_profile(&scenario, 1.5, 1000, 100);
    scenario.workload.max_requests = 600;
    scenario_set(&scenario, "strategy.tp", "4");
    scenario_set(&scenario, "strategy.dp", "4");
    scenario_set(&scenario, "engine.router", router);
    scenario_set(&scenario, "workload.profiles.p1.sessions.start", "1");
    scenario_set(&scenario, "workload.profiles.p1.sessions.continue", "0.8");
    scenario_set(&scenario, "workload.profiles.p1.sessions.max_turns", "10");
}

static const double *metrics_of(void)
{
    static struct ls_result result;
    result = scenario_run(sim, &scenario);
    ck_assert_int_eq(result.status, LS_CELL_DONE);
    return result.metrics.scalar;
}

START_TEST(sessions_find_their_cache_where_they_left_it)
{
    make("round_robin");
    const double scattered = metrics_of()[LS_METRIC_PREFIX_HIT_RATE];
    static const char *const routers[] = {"session", "prefix_affinity", "kv_aware"};
    for (size_t i = 0; i < sizeof routers / sizeof routers[0]; i++) {
        make(routers[i]);
        const double found = metrics_of()[LS_METRIC_PREFIX_HIT_RATE];
        ck_assert_msg(found > 1.3 * scattered && found > 0.5, "%s: %g, round_robin: %g", routers[i], found, scattered);
    }
}
END_TEST

/* A router that has heard of nothing but an empty deployment lets requests take turns. */
START_TEST(who_has_not_heard_of_caches_does_not_find_them)
{
    make("round_robin");
    const double in_turn = metrics_of()[LS_METRIC_PREFIX_HIT_RATE];
    make("kv_aware");
    const double known = metrics_of()[LS_METRIC_PREFIX_HIT_RATE];
    scenario_set(&scenario, "engine.router_staleness_s", "3600");
    ck_assert_double_eq(metrics_of()[LS_METRIC_PREFIX_HIT_RATE], in_turn);
    ck_assert_double_gt(known, 1.3 * in_turn);
}
END_TEST

/* A router that hears of loads once in ten seconds sends all of them to one scheduler until it hears again. */
START_TEST(old_reports_make_herds)
{
    double wait_s[3];
    static const char *const staleness[] = {"0", "0.001", "10"};
    for (int i = 0; i < 3; i++) {
        make("least_loaded");
        scenario.workload.profiles[0].sessions.start = 0;
        scenario.workload.profiles[0].arrivals.rate = 20;
        scenario.workload.max_requests = 6000; /* a millisecond is a matter of luck for few */
        scenario_set_all(&scenario, scenario_no_front_end);
        scenario_set(&scenario, "engine.router_staleness_s", staleness[i]);
        wait_s[i] = metrics_of()[LS_METRIC_TTFT_MEAN_S];
    }
    ck_assert_double_eq_tol(wait_s[1] / wait_s[0], 1, 0.05);
    ck_assert_double_gt(wait_s[2], 2 * wait_s[0]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("routers");
    TCase *tcase = tcase_create("routers");
    sim = ls_sim_new();
    if (!sim || !run_init(&run))
        return EXIT_FAILURE;
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, medium_equals_high_whatever_the_router_knows);
    tcase_add_test(tcase, sessions_find_their_cache_where_they_left_it);
    tcase_add_test(tcase, who_has_not_heard_of_caches_does_not_find_them);
    tcase_add_test(tcase, old_reports_make_herds);
    suite_add_tcase(suite, tcase);
    const int status = suite_run(suite);
    run_release(&run);
    ls_sim_free(sim);
    return status;
}
