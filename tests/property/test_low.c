/* Promises of the low level of detail on studies that ship with the program: up to 80 % of what it says can be served,
 * its means are within 10 % of medium's, and medium has a queue that grows just above that and none just below. Runs
 * are longer than the studies', so that it is not chance that is compared. Of pipelines with several stages it promises
 * less: docs/level-of-detail.md. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "engine/simulate.h"
#include "io/study_file.h"

static struct ls_sim *sim;
static struct ls_study study;

static void load(const char *path)
{
    struct ls_diags diags = {0};
    ck_assert_msg(ls_study_load(path, NULL, 0, 0, &study, &diags) == LS_OK, "%s", path);
}

/* Scalars of a cell at another level and rate; `metrics` outlives the next call. */
static const double *simulate_at(struct ls_scenario *scenario, enum ls_lod lod, double rate, struct ls_metrics *metrics)
{
    const double n = 8000;
    struct ls_workload *workload = &scenario->workload;
    struct ls_result result;
    struct ls_err err = {""};
    scenario->strategy.lod = (int32_t)lod;
    workload->profiles[0].arrivals.rate = rate;
    workload->max_requests = (int64_t)n;
    workload->duration_s = NAN;
    workload->warmup_s = 0.2 * n / rate;
    ck_assert_msg(ls_simulate(sim, scenario, &result, &err) == LS_OK && result.status == LS_CELL_DONE, "%s", err.text);
    *metrics = result.metrics;
    return metrics->scalar;
}

/* Requests a second above which low calls a cell saturated. */
static double capacity_of(struct ls_scenario *scenario)
{
    struct ls_metrics metrics;
    double below = 1e-3, above = 1e5;
    while (above / below > 1.001) {
        const double rate = sqrt(below * above);
        if (simulate_at(scenario, LS_LOD_LOW, rate, &metrics)[LS_METRIC_SATURATED] > 0)
            above = rate;
        else
            below = rate;
    }
    return below;
}

static void expect_close(struct ls_scenario *scenario, double rate, double load)
{
    static const enum ls_scalar_metric metrics[] = {LS_METRIC_TTFT_MEAN_S, LS_METRIC_TPOT_MEAN_S, LS_METRIC_E2E_MEAN_S,
                                                    LS_METRIC_REQUEST_THROUGHPUT};
    struct ls_metrics low_metrics, medium_metrics;
    const double *low = simulate_at(scenario, LS_LOD_LOW, rate, &low_metrics);
    const double *medium = simulate_at(scenario, LS_LOD_MEDIUM, rate, &medium_metrics);
    char name[64];
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        ck_assert_msg(fabs(low[metrics[i]] / medium[metrics[i]] - 1) <= 0.1,
                      "tp %d pp %d dp %d, %.0f %% load: %s is %g at low, %g at medium", (int)scenario->strategy.tp,
                      (int)scenario->strategy.pp, (int)scenario->strategy.dp, 100 * load,
                      ls_metric_column_name((size_t)metrics[i], name, sizeof name), low[metrics[i]],
                      medium[metrics[i]]);
}

static bool is_saturated(struct ls_scenario *scenario, double rate)
{
    struct ls_metrics metrics;
    return simulate_at(scenario, LS_LOD_MEDIUM, rate, &metrics)[LS_METRIC_SATURATED] > 0;
}

/* Every feasible cell at medium, at its own rate when it is no more than 80 % of the capacity; and, if `all_loads`, at
 * 80 % of it. Returns how many comparisons there were. */
static int expect_close_cells(const char *path, bool all_loads)
{
    int n = 0;
    load(path);
    for (uint64_t cell = 0; cell < study.n_cells; cell++) {
        struct ls_scenario scenario;
        struct ls_err err = {""};
        enum ls_reason reason;
        ck_assert_msg(ls_study_cell(&study, cell, &scenario, &reason, &err) == LS_OK, "%s", err.text);
        if (reason != LS_REASON_NONE || scenario.strategy.lod != LS_LOD_MEDIUM)
            continue;
        const double rate = scenario.workload.profiles[0].arrivals.rate, capacity = capacity_of(&scenario);
        if (rate <= 0.8 * capacity) {
            expect_close(&scenario, rate, rate / capacity);
            n++;
        }
        if (all_loads)
            expect_close(&scenario, 0.8 * capacity, 0.8);
        ck_assert(!is_saturated(&scenario, 0.9 * capacity));
        ck_assert(scenario.strategy.pp > 1 || is_saturated(&scenario, 1.1 * capacity));
    }
    ls_study_release(&study);
    return n;
}

START_TEST(low_is_close_to_medium_in_the_quickstart)
{
    ck_assert_int_ge(expect_close_cells(LS_SOURCE_DIR "/configs/studies/quickstart.yaml", true), 6);
}
END_TEST

START_TEST(low_is_close_to_medium_in_the_level_of_detail_scenarios)
{
    ck_assert_int_eq(expect_close_cells(LS_SOURCE_DIR "/configs/studies/level-of-detail-a.yaml", false), 2);
    ck_assert_int_eq(expect_close_cells(LS_SOURCE_DIR "/configs/studies/level-of-detail-b.yaml", false), 2);
    ck_assert_int_eq(expect_close_cells(LS_SOURCE_DIR "/configs/studies/level-of-detail-c.yaml", false), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("low");
    TCase *tcase = tcase_create("low");
    sim = ls_sim_new();
    if (!sim)
        return EXIT_FAILURE;
    tcase_add_test(tcase, low_is_close_to_medium_in_the_quickstart);
    tcase_add_test(tcase, low_is_close_to_medium_in_the_level_of_detail_scenarios);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    ls_sim_free(sim);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
