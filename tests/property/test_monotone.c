/* More of what a deployment is made of never makes it slower. Requests arrive all at once, so that the composition of
 * steps does not depend on how long they take, and each comparison is exact. */
#include <check.h>
#include <math.h>

#include "tests/scenario.h"
#include "tests/suite.h"

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

static void make(struct ls_scenario *scenario, bool moe, const char *lod)
{
    scenario_make(scenario, moe ? scenario_mixtral : scenario_llama_70b);
    scenario_set(scenario, "strategy.tp", moe ? "4" : "16");
    scenario_set(scenario, "strategy.ep", moe ? "4" : "1");
    scenario_set(scenario, "strategy.lod", lod);
    scenario_set(scenario, "workload.max_requests", "60");
    (void)scenario_add_profile(scenario, 1, 600, 60);
    scenario_set(scenario, "workload.profiles.p1.arrivals.process", "all_at_once");
}

static const char *const resources[][4] = {
    {"cluster.hardware.memory_bandwidth", "1 TB/s", "2 TB/s", "8 TB/s"},
    {"cluster.hardware.peak.bf16", "200 TFLOP/s", "990 TFLOP/s", "2000 TFLOP/s"},
    {"cluster.hardware.intra_node.bandwidth", "50 GB/s", "450 GB/s", "900 GB/s"},
    {"cluster.hardware.inter_node.bandwidth", "10 GB/s", "50 GB/s", "100 GB/s"},
    {"cluster.nics_per_node", "1", "4", "8"},
};
#define N_RESOURCES ((int)(sizeof resources / sizeof resources[0]))

/* Loop index: resource, then model, then level of detail. */
START_TEST(more_of_a_resource_is_never_slower)
{
    const char *const *resource = resources[_i % N_RESOURCES];
    struct ls_scenario scenario;
    double before_s = INFINITY, ttft_before_s = INFINITY;
    make(&scenario, _i / N_RESOURCES % 2, _i / N_RESOURCES / 2 ? "high" : "medium");
    for (int level = 1; level < 4; level++) {
        scenario_set(&scenario, resource[0], resource[level]);
        const struct ls_result result = scenario_run(sim, &scenario);
        const double makespan_s = result.metrics.scalar[LS_METRIC_MAKESPAN_S];
        const double ttft_s = result.metrics.scalar[LS_METRIC_TTFT_MEAN_S];
        ck_assert_msg(makespan_s <= before_s, "%s %s: %.12g s, with less %.12g s", resource[0], resource[level],
                      makespan_s, before_s);
        ck_assert_msg(ttft_s <= ttft_before_s, "%s %s: TTFT %.12g s, with less %.12g s", resource[0], resource[level],
                      ttft_s, ttft_before_s);
        before_s = makespan_s;
        ttft_before_s = ttft_s;
    }
}
END_TEST

START_TEST(each_resource_matters_somewhere)
{
    const char *const *resource = resources[_i];
    struct ls_scenario scenario;
    make(&scenario, true, "high");
    scenario_set(&scenario, resource[0], resource[1]);
    const double least_s = scenario_run(sim, &scenario).metrics.scalar[LS_METRIC_MAKESPAN_S];
    scenario_set(&scenario, resource[0], resource[3]);
    const double most_s = scenario_run(sim, &scenario).metrics.scalar[LS_METRIC_MAKESPAN_S];
    ck_assert_double_lt(most_s, 0.999 * least_s);
}
END_TEST

START_TEST(longer_requests_take_longer)
{
    double before_s = 0;
    for (int output = 1; output <= 64; output *= 4) {
        struct ls_scenario scenario;
        make(&scenario, false, "medium");
        scenario.workload.profiles[0].output_tokens.dist.value = output;
        const double makespan_s = scenario_run(sim, &scenario).metrics.scalar[LS_METRIC_MAKESPAN_S];
        ck_assert_double_gt(makespan_s, before_s);
        before_s = makespan_s;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("monotone");
    TCase *tcase = tcase_create("resources");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, more_of_a_resource_is_never_slower, 0, 4 * N_RESOURCES);
    tcase_add_loop_test(tcase, each_resource_matters_somewhere, 0, N_RESOURCES);
    tcase_add_test(tcase, longer_requests_take_longer);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
