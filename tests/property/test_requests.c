/* Of whole deployments: the times of a request add up, and what is preempted is not lost. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "engine/sim/random.h"
#include "tests/scenario.h"
#include "tests/suite.h"

#define N_RANDOM 24

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

static int draw(struct ls_stream *stream, int n)
{
    return (int)(n * ls_stream_uniform(stream));
}

static void set_number(struct ls_scenario *scenario, const char *key, double number)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%.17g", number);
    scenario_set(scenario, key, text);
}

/* A deployment and a workload drawn from what the program can do, with outputs of one length, which is returned. */
static int make_random(struct ls_scenario *scenario, uint64_t index)
{
    struct ls_stream stream = ls_stream_make(7, 0, 0, index, LS_RNG_JITTER);
    static const char *const processes[] = {"poisson", "constant", "all_at_once", "closed"};
    static const char *const batchings[] = {"mixed", "prefill_first", "static"};
    const bool moe = draw(&stream, 2) == 1;
    scenario_make(scenario, moe ? scenario_mixtral : scenario_llama_70b);
    scenario_set(scenario, "strategy.tp", draw(&stream, 2) ? "4" : "2");
    set_number(scenario, "strategy.pp", 1 << draw(&stream, 3));
    set_number(scenario, "strategy.dp", 1 + draw(&stream, 2));
    if (moe && scenario->strategy.pp * scenario->strategy.dp < 4)
        scenario_set(scenario, "strategy.ep", "2");
    if (!moe && scenario->strategy.tp * scenario->strategy.pp < 4)
        scenario_set(scenario, "strategy.tp", "4");
    if (ls_scenario_gpus(scenario) > 16)
        scenario_set(scenario, "strategy.dp", "1");
    scenario_set(scenario, "strategy.lod", draw(&stream, 4) ? "medium" : "high");
    set_number(scenario, "engine.max_num_seqs", 1 + draw(&stream, 40));
    set_number(scenario, "engine.max_num_batched_tokens", 64 + draw(&stream, 1000));
    set_number(scenario, "workload.max_requests", 40 + draw(&stream, 60));
    const int prompt = 1 + draw(&stream, 1500);
    const int output = 1 + draw(&stream, 120);
    (void)scenario_add_profile(scenario, 1 + 20 * ls_stream_uniform(&stream), prompt, output);
    scenario_set(scenario, "workload.profiles.p1.arrivals.process", processes[draw(&stream, 4)]);
    scenario_set(scenario, "workload.profiles.p1.arrivals.concurrency", "7");
    scenario_set(scenario, "engine.batching", batchings[draw(&stream, 3)]);
    scenario_set(scenario, "engine.output_reserve", draw(&stream, 2) ? "1" : "0");
    scenario_set(scenario, "engine.overlap_scheduling", draw(&stream, 2) ? "true" : "false");
    scenario_set_all(scenario, scenario_no_front_end);
    return output;
}

START_TEST(times_of_a_request_add_up)
{
    struct ls_scenario scenario;
    const int output = make_random(&scenario, (uint64_t)_i);
    const struct ls_result result = scenario_run(sim, &scenario);
    const double *m = result.metrics.scalar;
    ck_assert_double_ge(m[LS_METRIC_TTFT_MEAN_S], m[LS_METRIC_QUEUE_WAIT_MEAN_S]);
    if (output == 1) {
        ck_assert(isnan(m[LS_METRIC_TPOT_MEAN_S]));
        ck_assert_double_eq(m[LS_METRIC_E2E_MEAN_S], m[LS_METRIC_TTFT_MEAN_S]);
        return;
    }
    const double decode_s = (output - 1) * m[LS_METRIC_TPOT_MEAN_S];
    ck_assert_double_eq_tol(m[LS_METRIC_E2E_MEAN_S], m[LS_METRIC_TTFT_MEAN_S] + decode_s,
                            1e-9 * m[LS_METRIC_E2E_MEAN_S]);
    /* All requests have as many gaps, so the mean over gaps is the mean over requests. TPOT is rounded once a request.
     */
    ck_assert_double_eq_tol(m[LS_METRIC_ITL_MEAN_S], m[LS_METRIC_TPOT_MEAN_S], 1e-12);
}
END_TEST

START_TEST(what_is_preempted_is_computed_again_and_nothing_is_lost)
{
    struct ls_scenario scenario;
    scenario_make(&scenario, scenario_llama_70b);
    scenario_set(&scenario, "strategy.tp", "2");
    scenario_set(&scenario, "engine.gpu_memory_utilization", "0.98");
    scenario_set(&scenario, "workload.max_requests", "80");
    (void)scenario_add_profile(&scenario, 1, 800, 900);
    scenario_set(&scenario, "workload.profiles.p1.arrivals.process", "all_at_once");
    const struct ls_result result = scenario_run(sim, &scenario);
    const double *m = result.metrics.scalar;
    ck_assert_double_gt(m[LS_METRIC_N_PREEMPTIONS], 0);
    ck_assert_double_eq(m[LS_METRIC_N_COMPLETED], 80);
    ck_assert_double_eq_tol(m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT] * m[LS_METRIC_MAKESPAN_S], 80 * 900, 1e-6);
    ck_assert_double_gt(m[LS_METRIC_KV_UTILIZATION_MAX], 0.99);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("requests");
    TCase *tcase = tcase_create("random deployments");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, times_of_a_request_add_up, 0, N_RANDOM);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("chosen ones");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, what_is_preempted_is_computed_again_and_nothing_is_lost);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
