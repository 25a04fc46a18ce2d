/* Promises of the low level of detail on studies that ship with the program. Where loads are steady, up to 80 % of what
 * it says can be served its means are within 10 % of medium's, and medium has a queue that grows just above that and
 * none just below; runs are longer than the studies', so that it is not chance that is compared. As the studies are,
 * with traces, lockstep groups and bursts: in most cells that it says are no more loaded. docs/level-of-detail.md says
 * in how many. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "engine/serving/workload/load.h"
#include "engine/simulate.h"
#include "io/study_file.h"
#include "tests/suite.h"

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

/* A cell is saturated where waits grow by more than 0.05 s a second: from that much more on than can be served. */
static const double served = 1 / 1.05;

/* Requests a second above which low calls a cell saturated. */
static double saturation_of(struct ls_scenario *scenario)
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

/* Every feasible cell at medium, at shares of the capacity. Returns how many there were. */
static int expect_close_cells(const char *path)
{
    static const double loads[] = {0.2, 0.5, 0.8};
    int n = 0;
    load(path);
    for (uint64_t cell = 0; cell < study.n_cells; cell++) {
        struct ls_scenario scenario;
        struct ls_err err = {""};
        enum ls_reason reason;
        ck_assert_msg(ls_study_cell(&study, cell, &scenario, &reason, &err) == LS_OK, "%s", err.text);
        if (reason != LS_REASON_NONE || scenario.strategy.lod != LS_LOD_MEDIUM)
            continue;
        const double saturation = saturation_of(&scenario), capacity = served * saturation;
        for (size_t i = 0; i < sizeof loads / sizeof *loads; i++)
            expect_close(&scenario, loads[i] * capacity, loads[i]);
        ck_assert(!is_saturated(&scenario, 0.9 * saturation));
        ck_assert(is_saturated(&scenario, 1.1 * saturation));
        n++;
    }
    ls_study_release(&study);
    return n;
}

START_TEST(low_is_close_to_medium_in_the_quickstart)
{
    ck_assert_int_ge(expect_close_cells(LS_SOURCE_DIR "/configs/studies/quickstart.yaml"), 10);
}
END_TEST

START_TEST(low_is_close_to_medium_in_the_level_of_detail_scenarios)
{
    ck_assert_int_eq(expect_close_cells(LS_SOURCE_DIR "/configs/studies/level-of-detail-a.yaml"), 2);
    ck_assert_int_eq(expect_close_cells(LS_SOURCE_DIR "/configs/studies/level-of-detail-b.yaml"), 2);
    ck_assert_int_eq(expect_close_cells(LS_SOURCE_DIR "/configs/studies/level-of-detail-c.yaml"), 2);
}
END_TEST

/* They are followed one by one, up to eight times those that run together. */
START_TEST(low_is_close_to_medium_when_all_arrive_at_once)
{
    static const int64_t numbers[] = {1, 8, 100, 500};
    struct ls_scenario scenario;
    struct ls_err err;
    enum ls_reason reason;
    load(LS_SOURCE_DIR "/configs/studies/quickstart.yaml");
    ck_assert(ls_study_cell(&study, 0, &scenario, &reason, &err) == LS_OK && reason == LS_REASON_NONE);
    scenario.workload.profiles[0].arrivals.process = LS_ARRIVALS_ALL_AT_ONCE;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct ls_result results[2];
        scenario.workload.max_requests = numbers[i];
        scenario.workload.duration_s = NAN;
        scenario.workload.warmup_s = 0;
        for (int k = 0; k < 2; k++) {
            scenario.strategy.lod = k == 0 ? LS_LOD_LOW : LS_LOD_MEDIUM;
            ck_assert(ls_simulate(sim, &scenario, &results[k], &err) == LS_OK && results[k].status == LS_CELL_DONE);
        }
        const double *low = results[0].metrics.scalar, *medium = results[1].metrics.scalar;
        ck_assert_double_eq_tol(low[LS_METRIC_TTFT_MEAN_S] / medium[LS_METRIC_TTFT_MEAN_S], 1, 0.03);
        ck_assert_double_eq_tol(low[LS_METRIC_TPOT_MEAN_S] / medium[LS_METRIC_TPOT_MEAN_S], 1, 0.03);
        ck_assert_double_eq_tol(low[LS_METRIC_MAKESPAN_S] / medium[LS_METRIC_MAKESPAN_S], 1, 0.03);
    }
    ls_study_release(&study);
}
END_TEST

/* --- as the studies are --- */

enum { N_METRICS = 4 };

struct tally {
    int n, n_saturated;   /* cells compared; that medium has saturated though low has not with a quarter more load */
    int close[N_METRICS]; /* within 10 % */
};

static bool run_as_is(struct ls_scenario scenario, enum ls_lod lod, double factor, struct ls_metrics *metrics)
{
    struct ls_result result;
    struct ls_err err = {""};
    scenario.strategy.lod = (int32_t)lod;
    ls_load_scale(&scenario.workload, factor);
    ck_assert_msg(ls_simulate(sim, &scenario, &result, &err) == LS_OK, "%s", err.text);
    *metrics = result.metrics;
    return result.status == LS_CELL_DONE;
}

/* Every nth feasible cell at medium of which low says that a quarter more load would not saturate it. */
static struct tally compare_cells(const char *path, uint64_t every)
{
    static const enum ls_scalar_metric metrics[N_METRICS] = {LS_METRIC_TTFT_MEAN_S, LS_METRIC_TPOT_MEAN_S,
                                                             LS_METRIC_E2E_MEAN_S, LS_METRIC_REQUEST_THROUGHPUT};
    struct tally tally = {0};
    uint64_t n = 0;
    load(path);
    for (uint64_t cell = 0; cell < study.n_cells; cell++) {
        struct ls_scenario scenario;
        struct ls_err err = {""};
        struct ls_metrics more, low, medium;
        enum ls_reason reason;
        ck_assert_msg(ls_study_cell(&study, cell, &scenario, &reason, &err) == LS_OK, "%s", err.text);
        if (reason != LS_REASON_NONE || scenario.strategy.lod != LS_LOD_MEDIUM || n++ % every != 0 ||
            !run_as_is(scenario, LS_LOD_LOW, 1.25, &more) || more.scalar[LS_METRIC_SATURATED] > 0)
            continue;
        ck_assert(run_as_is(scenario, LS_LOD_LOW, 1, &low) && run_as_is(scenario, LS_LOD_MEDIUM, 1, &medium));
        tally.n++;
        tally.n_saturated += medium.scalar[LS_METRIC_SATURATED] > 0;
        for (int i = 0; i < N_METRICS; i++)
            tally.close[i] += fabs(low.scalar[metrics[i]] / medium.scalar[metrics[i]] - 1) <= 0.1;
    }
    ls_study_release(&study);
    return tally;
}

static void expect_shares(const struct tally *tally, int least, const double shares[N_METRICS])
{
    static const char *const names[N_METRICS] = {"TTFT", "TPOT", "E2E", "throughput"};
    ck_assert_int_ge(tally->n, least);
    ck_assert_int_eq(tally->n_saturated, 0);
    for (int i = 0; i < N_METRICS; i++)
        ck_assert_msg(tally->close[i] >= shares[i] * tally->n, "%s is within 10 %% in %d of %d cells", names[i],
                      tally->close[i], tally->n);
}

/* A trace with bursts, lockstep groups of experts, pipelines. */
START_TEST(low_is_close_to_medium_in_most_cells_of_a_trace)
{
    const struct tally moe = compare_cells(LS_SOURCE_DIR "/configs/studies/moe-serving.yaml", 2);
    const struct tally first = compare_cells(LS_SOURCE_DIR "/configs/studies/first.yaml", 3);
    expect_shares(&moe, 20, (const double[]){1, 1, 1, 1});
    expect_shares(&first, 40, (const double[]){0.95, 0.95, 0.95, 0.95});
}
END_TEST

START_TEST(low_is_close_to_medium_in_most_cells_of_the_guide)
{
    const struct tally guide = compare_cells(LS_SOURCE_DIR "/configs/studies/parallelism-guide.yaml", 1);
    expect_shares(&guide, 40, (const double[]){0.8, 0.8, 0.8, 0.7});
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
    tcase_add_test(tcase, low_is_close_to_medium_when_all_arrive_at_once);
    tcase_add_test(tcase, low_is_close_to_medium_in_most_cells_of_a_trace);
    tcase_add_test(tcase, low_is_close_to_medium_in_most_cells_of_the_guide);
    tcase_set_timeout(tcase, 240);
    suite_add_tcase(suite, tcase);
    const int status = suite_run(suite);
    ls_sim_free(sim);
    return status;
}
