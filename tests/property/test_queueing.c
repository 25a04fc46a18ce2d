/* Queueing theory, where it has exact answers: reduced to one server, to c servers and to a shared processor, the
 * engine gives the mean waits of M/D/1, M/M/1, M/M/c and M/G/1-PS. Each is a mean over independent replicas, and the
 * formula must lie in its 99.9 % confidence interval, which must be narrow. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/property/run_serving.h"
#include "tests/scenario.h"
#include "tests/suite.h"

enum { N_REPLICAS = 30 };
static const double t_999 = 3.66; /* Student's t, 29 degrees of freedom, 99.9 % two-sided */

static struct run run;
static struct ls_scenario scenario;

static void resolve(void)
{
    enum ls_reason reason;
    struct ls_err err = {""};
    ck_assert_msg(ls_scenario_resolve(&scenario, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_int_eq(reason, LS_REASON_NONE);
}

/* A small model on a GPU that does nothing but move bytes, `bandwidth` a second; infinitely fast arithmetic, kernels
 * that start at once, and no work on the CPU. */
static void make_byte_mover(double bandwidth)
{
    struct ls_hardware *hardware = &scenario.cluster.hardware;
    struct ls_kernels *kernels = &hardware->kernels[0];
    scenario_make(&scenario, scenario_llama_70b);
    scenario_set_all(&scenario, scenario_no_front_end);
    scenario.model.num_hidden_layers = 2;
    scenario.model.hidden_size = scenario.model.intermediate_size = scenario.model.vocab_size = 16;
    scenario.model.num_attention_heads = scenario.model.num_key_value_heads = 1;
    hardware->memory_bandwidth_bytes_per_s = bandwidth;
    hardware->peak.by_dtype[LS_BF16] = 1e30;
    for (int i = 0; i < LS_N_GEMM_FORMATS; i++) {
        struct ls_gemm_kernels *gemm = &kernels->gemm[i];
        gemm->launch_s = gemm->start_s = gemm->wave_s = gemm->split_s = 0;
        gemm->sm_bandwidth_bytes_per_s = 1e30;
    }
    kernels->prefill.launch_s = kernels->prefill.block_s = 0;
    kernels->decode.launch_s = kernels->decode.split_s = kernels->decode.merge_s = 0;
    kernels->decode.kv_head_s = 0;
    kernels->decode.query_frac = (double)INFINITY;
    kernels->memory.launch_s = 0;
    scenario.engine.step_overhead_s = scenario.engine.step_overhead_per_seq_s = 0;
    scenario.engine.max_num_seqs = 1;
    scenario.engine.max_num_batched_tokens = 16384;
}

/* Mean over replicas of one metric, with the half width of its confidence interval. */
struct estimate {
    double mean, half_width;
};

static struct estimate estimate(enum ls_scalar_metric metric)
{
    double sum = 0, square = 0;
    for (scenario.replica = 0; scenario.replica < N_REPLICAS; scenario.replica++) {
        const double value = run_serving(&run, &scenario, INT32_MAX)[metric];
        sum += value;
        square += value * value;
    }
    const double mean = sum / N_REPLICAS, variance = (square - sum * mean) / (N_REPLICAS - 1);
    return (struct estimate){mean, t_999 * sqrt(variance / N_REPLICAS)};
}

/* `slack`: what the limit leaves out, in seconds. */
static void expect(struct estimate estimate, double formula, double slack)
{
    ck_assert_msg(estimate.half_width < 0.06 * formula, "%g ± %g says little about %g", estimate.mean,
                  estimate.half_width, formula);
    ck_assert_msg(fabs(estimate.mean - formula) <= estimate.half_width + slack, "%g ± %g, the formula says %g",
                  estimate.mean, estimate.half_width, formula);
}

/* Seconds from arrival to completion of a request that has the deployment for itself. */
static double alone_s(int prompt_tok)
{
    struct ls_scenario one = scenario;
    one.workload.n_profiles = 0;
    (void)scenario_add_profile(&one, 1, prompt_tok, 1);
    one.workload.max_requests = 1;
    one.workload.warmup_s = 0;
    return run_serving(&run, &one, INT32_MAX)[LS_METRIC_E2E_MEAN_S];
}

/* Requests of `profile`, Poisson at `rate`, the first tenth of them unmeasured. */
static struct ls_profile *load(double rate, int64_t n_requests, int prompt_tok, int output_tok)
{
    struct ls_profile *profile = scenario_add_profile(&scenario, rate, prompt_tok, output_tok);
    scenario.workload.max_requests = n_requests;
    scenario.workload.warmup_s = 0.1 * (double)n_requests / rate;
    return profile;
}

/* One request at a time, one token each: a server whose service time is that of the prompt. Mean wait ρ / (2 μ (1 −
 * ρ)).
 */
START_TEST(constant_prompts_one_at_a_time_are_m_d_1)
{
    static const double loads[] = {0.4, 0.7};
    make_byte_mover(1e9);
    (void)load(1, 1, 1000, 1);
    resolve();
    const double service_s = alone_s(1000), rho = loads[_i];
    scenario.workload.n_profiles = 0;
    (void)load(rho / service_s, 10000, 1000, 1);
    expect(estimate(LS_METRIC_QUEUE_WAIT_MEAN_S), rho * service_s / (2 * (1 - rho)), 0);
}
END_TEST

/* The same with exponential prompts and a service time in proportion to them, up to the weights that each pass reads
 * and the rounding of lengths: less than 1 %. Mean wait ρ / (μ (1 − ρ)). */
START_TEST(exponential_prompts_one_at_a_time_are_m_m_1)
{
    const double rho = 0.6, mean_tok = 1000;
    make_byte_mover(1e9);
    (void)load(1, 1, 1000, 1);
    resolve();
    const double s1 = alone_s(1000), s2 = alone_s(2000), s3 = alone_s(3000);
    ck_assert_msg(fabs(s3 - s2 - (s2 - s1)) < 1e-6 * s1, "service is not linear in the prompt");
    ck_assert_msg(fabs(2 * s1 - s2) < 0.01 * s1, "service has a fixed part of %g of %g s", 2 * s1 - s2, s1);
    scenario.workload.n_profiles = 0;
    load(rho / s1, 10000, 1000, 1)->prompt_tokens.dist = scenario_exponential(mean_tok);
    const double wait_s = rho * s1 / (1 - rho);
    expect(estimate(LS_METRIC_QUEUE_WAIT_MEAN_S), wait_s, 0.01 * wait_s);
}
END_TEST

/* Erlang's C: the chance that all c servers are busy, when `load` of them are on average. */
static double erlang_c(int c, double load)
{
    double term = 1, sum = 0;
    for (int k = 0; k < c; k++) {
        sum += term;
        term *= load / (k + 1);
    }
    const double all = term / (1 - load / c);
    return all / (sum + all);
}

/* Steps of one length whatever is in them, c requests at most, exponential outputs: c servers behind one queue. Mean
 * wait C(c, λ/μ) / (c μ − λ), in the limit of steps that are short against a request: who finds a server free still
 * waits for the end of the step. */
START_TEST(steps_of_one_length_with_c_slots_are_m_m_c)
{
    const double step_s = 1e-3, mean_tok = 100, rho = 0.7;
    const int c = 4;
    make_byte_mover(1e30);
    scenario.engine.step_overhead_s = step_s;
    scenario.engine.max_num_seqs = c;
    const double service_s = mean_tok * step_s;
    load(rho * c / service_s, 20000, 1, 1)->output_tokens.dist = scenario_exponential(mean_tok);
    resolve();
    const double wait_s = erlang_c(c, rho * c) * service_s / (c * (1 - rho));
    expect(estimate(LS_METRIC_QUEUE_WAIT_MEAN_S), wait_s, step_s);
}
END_TEST

/* Steps as long as there are requests in them: each gets an equal share of the processor. Mean residence is E[S] / (1 −
 * ρ) whatever the distribution of service, in the limit of steps that are short against a request: an arrival waits for
 * the end of a step, of ρ / (1 − ρ) requests in the mean. */
START_TEST(steps_in_proportion_to_their_requests_share_the_processor)
{
    const double share_s = 1e-3, mean_tok = 60, rho = 0.7;
    make_byte_mover(1e30);
    scenario.engine.step_overhead_per_seq_s = share_s;
    scenario.engine.max_num_seqs = 1000;
    const double service_s = mean_tok * share_s;
    struct ls_profile *profile = load(rho / service_s, 6000, 1, (int)mean_tok);
    if (_i == 1)
        profile->output_tokens.dist = scenario_exponential(mean_tok);
    resolve();
    expect(estimate(LS_METRIC_E2E_MEAN_S), service_s / (1 - rho), share_s / (1 - rho));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("queueing");
    TCase *tcase = tcase_create("queueing");
    if (!run_init(&run))
        return EXIT_FAILURE;
    tcase_add_loop_test(tcase, constant_prompts_one_at_a_time_are_m_d_1, 0, 2);
    tcase_add_test(tcase, exponential_prompts_one_at_a_time_are_m_m_1);
    tcase_add_test(tcase, steps_of_one_length_with_c_slots_are_m_m_c);
    tcase_add_loop_test(tcase, steps_in_proportion_to_their_requests_share_the_processor, 0, 2);
    suite_add_tcase(suite, tcase);
    const int status = suite_run(suite);
    run_release(&run);
    return status;
}
