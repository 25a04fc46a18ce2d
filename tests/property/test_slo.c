/* The measured window, the SLO and what follows from them, counted by hand on a deployment that serves one request at a
 * time: who is counted, over which time, at which price. And the highest good rate, beside a scan of rates. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "engine/sim/clock.h"
#include "tests/scenario.h"
#include "tests/suite.h"

enum { OUTPUT_TOK = 5, GPUS = 4 };

static struct ls_sim *sim;
static struct ls_scenario scenario;
static double first_s, gap_s, whole_s; /* of a request that is alone */
static const double nearly = 1e-9;

static const double *simulate(void)
{
    static struct ls_result result;
    result = scenario_run(sim, &scenario);
    ck_assert_int_eq(result.status, LS_CELL_DONE);
    return result.metrics.scalar;
}

/* A request a second, the first at 1 s; each is done before the next one comes. */
static void make(void)
{
    scenario_make(&scenario, scenario_llama_70b);
    scenario_set_all(&scenario, scenario_no_front_end);
    scenario_set(&scenario, "strategy.tp", "4");
    scenario_set(&scenario, "prices.gpu_usd_per_h", "3.6");
    scenario_set(&scenario, "cluster.hardware.power", "700 W");
    scenario_set(&scenario, "cluster.hardware.idle_power", "100 W");
    scenario_add_profile(&scenario, 1, 1000, OUTPUT_TOK)->arrivals.process = LS_ARRIVALS_CONSTANT;
    scenario.workload.max_requests = 1;
    const double *m = simulate();
    first_s = m[LS_METRIC_TTFT_MEAN_S];
    gap_s = m[LS_METRIC_TPOT_MEAN_S];
    whole_s = m[LS_METRIC_E2E_MEAN_S];
    ck_assert_double_lt(whole_s, 0.4);
    scenario.workload.max_requests = LS_NULL_INT;
    scenario.workload.duration_s = 30;
}

/* Request 10 arrives before the warm-up ends and completes after it: throughput counts what it does after that,
 * latency does not count it. */
START_TEST(the_window_begins_with_the_warm_up)
{
    make();
    scenario.workload.warmup_s = 10 + first_s + 1.5 * gap_s; /* its first two tokens are out */
    const double *m = simulate();
    const double window_s = 29 + whole_s - scenario.workload.warmup_s; /* drained: to the last completion */
    const double n_tok = 19 * OUTPUT_TOK + OUTPUT_TOK - 2;
    ck_assert_double_eq(m[LS_METRIC_N_ARRIVED], 19);
    ck_assert_double_eq(m[LS_METRIC_N_COMPLETED], 19);
    ck_assert_double_eq_tol(m[LS_METRIC_MAKESPAN_S], 28 + whole_s, nearly);
    ck_assert_double_eq_tol(m[LS_METRIC_REQUEST_THROUGHPUT], 20 / window_s, nearly);
    ck_assert_double_eq_tol(m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT], n_tok / window_s, nearly);
    ck_assert_double_eq_tol(m[LS_METRIC_TOTAL_TOKEN_THROUGHPUT], (n_tok + 19 * 1000) / window_s, 1e-6);
    ck_assert_double_eq_tol(m[LS_METRIC_RUNNING_MEAN], (19 * whole_s + 2.5 * gap_s) / window_s, 1e-6);
}
END_TEST

START_TEST(the_window_ends_with_duration_s_unless_drained)
{
    make();
    scenario.workload.drain = 0;
    scenario.workload.warmup_s = 10.5;
    const double *m = simulate();
    ck_assert_double_eq(m[LS_METRIC_N_UNFINISHED], 0);
    ck_assert_double_eq_tol(m[LS_METRIC_REQUEST_THROUGHPUT], 19 / 19.5, nearly);

    scenario.workload.duration_s = 29 + whole_s - 0.5 * gap_s; /* the last token comes too late */
    m = simulate();
    const double window_s = scenario.workload.duration_s - 10.5;
    ck_assert_double_eq(m[LS_METRIC_N_ARRIVED], 19);
    ck_assert_double_eq(m[LS_METRIC_N_COMPLETED], 18);
    ck_assert_double_eq(m[LS_METRIC_N_UNFINISHED], 1);
    ck_assert_double_eq(m[LS_METRIC_SUCCESS_RATE], 18.0 / 19);
    ck_assert_double_eq(m[LS_METRIC_SUCCESS_RATE_FINISHED], 1);
    ck_assert_double_eq_tol(m[LS_METRIC_REQUEST_THROUGHPUT], 18 / window_s, nearly);
    ck_assert_double_eq_tol(m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT], (19 * OUTPUT_TOK - 1) / window_s, nearly);

    scenario.workload.drain = 1; /* arrivals end there all the same */
    m = simulate();
    ck_assert_double_eq(m[LS_METRIC_N_COMPLETED], 19);
    ck_assert_double_eq_tol(m[LS_METRIC_REQUEST_THROUGHPUT], 19 / (29 + whole_s - 10.5), nearly);
}
END_TEST

/* Every bound holds exactly where it is met; unfinished and rejected requests are not good. */
START_TEST(a_request_is_good_when_it_meets_every_bound)
{
    make();
    scenario.workload.drain = 0;
    scenario.workload.duration_s = 29 + 0.5 * whole_s;
    scenario.workload.warmup_s = 10.5;
    scenario.slo = (struct ls_slo){first_s, gap_s + 1e-12, whole_s, 0.9, 0, 0.01};
    const double *m = simulate();
    ck_assert_double_eq(m[LS_METRIC_ATTAINMENT], 18.0 / 19);
    ck_assert_double_eq_tol(m[LS_METRIC_GOODPUT], 18 / (18.5 + 0.5 * whole_s), nearly);
    double *const bounds[] = {&scenario.slo.ttft_s, &scenario.slo.tpot_s, &scenario.slo.e2e_s};
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        const double bound = *bounds[i];
        *bounds[i] = bound - 1e-9;
        ck_assert_double_eq(simulate()[LS_METRIC_ATTAINMENT], 0);
        *bounds[i] = NAN;
        ck_assert_double_eq(simulate()[LS_METRIC_ATTAINMENT], 18.0 / 19);
        *bounds[i] = bound;
    }
    scenario.engine.max_model_len = 500;
    m = simulate();
    ck_assert_double_eq(m[LS_METRIC_N_REJECTED], 19);
    ck_assert_double_eq(m[LS_METRIC_ATTAINMENT], 0);
    ck_assert_double_eq(m[LS_METRIC_GOODPUT], 0);
}
END_TEST

/* GPU hours and energy of the window over its tokens: idle GPUs cost as much and draw less. */
START_TEST(tokens_cost_what_the_window_costs)
{
    for (int lod = LS_LOD_LOW; lod <= LS_LOD_HIGH; lod++) {
        make();
        scenario.strategy.lod = lod;
        scenario.workload.drain = 0;
        const double *m = simulate();
        const double n_tok = 30 * m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT], busy = m[LS_METRIC_GPU_UTILIZATION];
        ck_assert_double_gt(busy, 0.01);
        ck_assert_double_lt(busy, 0.5);
        ck_assert_double_eq_tol(m[LS_METRIC_USD_PER_MTOK], GPUS * 3.6 / 3600 * 30 / n_tok * 1e6, 1e-6);
        ck_assert_double_eq_tol(m[LS_METRIC_JOULE_PER_TOK], GPUS * 30 * (700 * busy + 100 * (1 - busy)) / n_tok, 1e-6);
        if (lod != LS_LOD_LOW)
            ck_assert_double_eq_tol(n_tok, 29 * OUTPUT_TOK, 1e-6);
    }
}
END_TEST

static double attainment_at(double rate)
{
    scenario.workload.profiles[0].arrivals.rate = rate;
    return simulate()[LS_METRIC_ATTAINMENT];
}

/* The search and a scan in steps of 2 % end within a step of each other. */
START_TEST(the_search_agrees_with_a_scan)
{
    for (int lod = LS_LOD_MEDIUM; lod <= (_i == 0 ? LS_LOD_HIGH : LS_LOD_MEDIUM); lod++) {
        make();
        scenario.workload.duration_s = NAN;
        scenario.workload.max_requests = 300;
        scenario.workload.profiles[0].arrivals.process = LS_ARRIVALS_POISSON;
        scenario.strategy.lod = lod;
        scenario.slo = (struct ls_slo){_i == 1 ? NAN : 0.3, _i == 0 ? NAN : 0.03, NAN, 0.9, 1, 0.001};
        scenario.workload.profiles[0].arrivals.rate = 3;
        const double found = simulate()[LS_METRIC_MAX_GOODPUT];
        scenario.slo.max_goodput = 0;
        double rate = found / 1.1;
        ck_assert_double_ge(attainment_at(rate), 0.9 - 1e-3);
        while (attainment_at(rate) >= 0.9 && rate < 2 * found)
            rate *= 1.02;
        ck_assert_msg(fabs(rate / found - 1) < 0.04, "lod %d: search %g, scan %g", lod, found, rate);
        scenario.workload.profiles[0].arrivals.rate = 3;
    }
}
END_TEST

/* The rate that a scenario gives itself changes neither the requests nor the answer. */
START_TEST(the_answer_does_not_depend_on_the_rate_it_starts_from)
{
    double found[2];
    for (int i = 0; i < 2; i++) {
        make();
        scenario.workload.duration_s = NAN;
        scenario.workload.max_requests = 300;
        scenario.workload.profiles[0].arrivals.process = LS_ARRIVALS_POISSON;
        scenario.workload.profiles[0].arrivals.rate = i ? 0.01 : 100;
        scenario.slo = (struct ls_slo){0.3, NAN, NAN, 0.9, 1, 0.001};
        const double *m = simulate();
        found[i] = m[LS_METRIC_MAX_GOODPUT];
        if (i == 0)
            ck_assert_double_lt(m[LS_METRIC_ATTAINMENT], 0.9);
        else
            ck_assert_double_eq(m[LS_METRIC_ATTAINMENT], 1);
    }
    ck_assert_double_eq_tol(found[0] / found[1], 1, 0.002);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slo");
    TCase *tcase = tcase_create("slo");
    sim = ls_sim_new();
    if (!sim)
        return EXIT_FAILURE;
    tcase_add_test(tcase, the_window_begins_with_the_warm_up);
    tcase_add_test(tcase, the_window_ends_with_duration_s_unless_drained);
    tcase_add_test(tcase, a_request_is_good_when_it_meets_every_bound);
    tcase_add_test(tcase, tokens_cost_what_the_window_costs);
    tcase_add_loop_test(tcase, the_search_agrees_with_a_scan, 0, 2);
    tcase_add_test(tcase, the_answer_does_not_depend_on_the_rate_it_starts_from);
    suite_add_tcase(suite, tcase);
    const int status = suite_run(suite);
    ls_sim_free(sim);
    return status;
}
