/* An engine that runs one request at a time is a single server, and its waits are those of queueing theory: M/D/1 where
 * every service takes as long, M/M/1 where its length is exponential and made of small steps. (Kleinrock, Queueing
 * Systems I, 1975, section 5.6: W = λ E[S²] / (2 (1 − ρ)).) */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "tests/scenario.h"

#define N_REPLICAS 12
#define N_REQUESTS "4000"
#define T_99_9 4.437 /* two-sided 99.9 % point of Student's t, 11 degrees of freedom */

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

static void make(struct ls_scenario *scenario, double rate, int output)
{
    scenario_make(scenario, scenario_llama_70b);
    scenario_set(scenario, "strategy.tp", "8");
    scenario_set(scenario, "engine.max_num_seqs", "1");
    scenario_set(scenario, "workload.max_requests", N_REQUESTS);
    (void)scenario_add_profile(scenario, rate, 1, output);
}

/* Mean and standard error of the mean wait over independent replicas. */
static void run_replicas(struct ls_scenario *scenario, double *mean_s, double *error_s)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < N_REPLICAS; i++) {
        scenario->replica = i;
        const struct ls_result result = scenario_run(sim, scenario);
        const double wait_s = result.metrics.scalar[LS_METRIC_QUEUE_WAIT_MEAN_S];
        sum += wait_s;
        squares += wait_s * wait_s;
    }
    *mean_s = sum / N_REPLICAS;
    *error_s = sqrt((squares / N_REPLICAS - *mean_s * *mean_s) / (N_REPLICAS - 1));
}

/* Time in service, of an engine that nobody waits for. */
static double service_s(int output)
{
    struct ls_scenario scenario;
    make(&scenario, 1, output);
    scenario_set(&scenario, "workload.max_requests", "1");
    return scenario_run(sim, &scenario).metrics.scalar[LS_METRIC_E2E_MEAN_S];
}

static const double loads[] = {0.3, 0.6, 0.8};

START_TEST(constant_service_waits_as_in_m_d_1)
{
    const double load = loads[_i], service = service_s(1);
    struct ls_scenario scenario;
    double wait_s, error_s;
    make(&scenario, load / service, 1);
    run_replicas(&scenario, &wait_s, &error_s);
    const double expected_s = load * service / (2 * (1 - load));
    ck_assert_double_eq_tol(wait_s, expected_s, T_99_9 * error_s);
    ck_assert_double_lt(error_s, 0.05 * expected_s); /* or the test says nothing */
}
END_TEST

/* Output lengths are exponential, of mean 300 steps: E[S²] = 2 E[S]² but for a part in 300² from whole tokens, and but
 * for steps that lengthen with the context, by less than 0.1 % here. */
START_TEST(exponential_service_waits_as_in_m_m_1)
{
    const double mean_tokens = 300, load = loads[_i];
    const double step_s = service_s(600) / 600;
    struct ls_scenario scenario;
    double wait_s, error_s;
    make(&scenario, load / (mean_tokens * step_s), 1);
    scenario_set(&scenario, "workload.profiles.p1.output_tokens.dist", "exponential");
    scenario_set(&scenario, "workload.profiles.p1.output_tokens.value", "null");
    scenario_set(&scenario, "workload.profiles.p1.output_tokens.mean", "300");
    run_replicas(&scenario, &wait_s, &error_s);
    const double expected_s = load * mean_tokens * step_s / (1 - load);
    ck_assert_double_eq_tol(wait_s, expected_s, T_99_9 * error_s);
    ck_assert_double_lt(error_s, 0.08 * expected_s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("queueing");
    TCase *tcase = tcase_create("one server");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, constant_service_waits_as_in_m_d_1, 0, 3);
    tcase_add_loop_test(tcase, exponential_service_waits_as_in_m_m_1, 0, 3);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
