/* Promises of the low level of detail on what clients and engines do beyond single requests: at 20, 50 and 80 % of what
 * it says can be served, its means are within 15 % of medium's, of which up to 14 % at 80 % are there for single
 * requests with prompts as short as these, too. Runs are long, so that it is not chance that is compared. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "engine/serving/workload/session.h"
#include "tests/scenario.h"
#include "tests/suite.h"

static struct ls_sim *sim;
static struct ls_scenario scenario;

/* llama-3.1-8b on H100s with the default engine. */
static const char *const llama_8b[][2] = {{"model.num_hidden_layers", "32"},
                                          {"model.hidden_size", "4096"},
                                          {"model.num_attention_heads", "32"},
                                          {"model.num_key_value_heads", "8"},
                                          {"model.intermediate_size", "14336"},
                                          {"model.vocab_size", "128256"},
                                          {NULL, NULL}};

static struct ls_dist lognormal(double mean, double std)
{
    struct ls_dist dist = scenario_dist(LS_DIST_LOGNORMAL);
    dist.mean = mean;
    dist.std = std;
    return dist;
}

static struct ls_profile *make(int prompt_tok, int output_tok)
{
    scenario_make(&scenario, llama_8b);
    struct ls_profile *profile = scenario_add_profile(&scenario, 1, prompt_tok, output_tok);
    profile->prompt_tokens.dist = lognormal(prompt_tok, 0.7 * prompt_tok);
    profile->output_tokens.dist = lognormal(output_tok, 0.7 * output_tok);
    return profile;
}

static void converse(struct ls_profile *profile, double think_s)
{
    profile->sessions.start = 0.8;
    profile->sessions.go_on = 0.7;
    profile->sessions.max_turns = 10;
    profile->sessions.think_s = scenario_exponential(think_s);
}

/* -- both levels -- */

enum { N_REQUESTS = 30000 };

static struct ls_metrics simulate_at(enum ls_lod lod, double rate)
{
    scenario.strategy.lod = (int32_t)lod;
    scenario.workload.profiles[0].arrivals.rate = rate;
    scenario.workload.max_requests = N_REQUESTS;
    scenario.workload.warmup_s = 0.2 * N_REQUESTS / (rate * ls_profile_mean_turns(&scenario.workload.profiles[0]));
    const struct ls_result result = scenario_run(sim, &scenario);
    ck_assert_int_eq(result.status, LS_CELL_DONE);
    return result.metrics;
}

/* First turns a second from which low calls the deployment saturated. */
static double capacity(void)
{
    double below = 1e-2, above = 1e4;
    while (above / below > 1.002) {
        const double rate = sqrt(below * above);
        if (simulate_at(LS_LOD_LOW, rate).scalar[LS_METRIC_SATURATED] > 0)
            above = rate;
        else
            below = rate;
    }
    return below;
}

static void expect_close(const double *low, const double *medium, double load)
{
    static const enum ls_scalar_metric metrics[] = {LS_METRIC_TTFT_MEAN_S, LS_METRIC_TPOT_MEAN_S, LS_METRIC_E2E_MEAN_S,
                                                    LS_METRIC_REQUEST_THROUGHPUT};
    char name[64];
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        ck_assert_msg(fabs(low[metrics[i]] / medium[metrics[i]] - 1) <= 0.15,
                      "%.0f %% load: %s is %g at low, %g at medium", 100 * load,
                      ls_metric_column_name((size_t)metrics[i], name, sizeof name), low[metrics[i]],
                      medium[metrics[i]]);
    ck_assert_msg(fabs(low[LS_METRIC_PREFIX_HIT_RATE] - medium[LS_METRIC_PREFIX_HIT_RATE]) <= 0.02,
                  "%.0f %% load: %g found at low, %g at medium", 100 * load, low[LS_METRIC_PREFIX_HIT_RATE],
                  medium[LS_METRIC_PREFIX_HIT_RATE]);
}

/* Times between the pools, and what their GPUs are busy. */
static void expect_close_pools(const double *low, const double *medium)
{
    static const enum ls_scalar_metric utilization[] = {LS_METRIC_PREFILL_UTILIZATION, LS_METRIC_DECODE_UTILIZATION};
    for (int i = 0; i < 2; i++)
        ck_assert_msg(fabs(low[utilization[i]] - medium[utilization[i]]) <= 0.1,
                      "pool %d is busy for %g at low, %g at medium", i, low[utilization[i]], medium[utilization[i]]);
    ck_assert_double_le(fabs(low[LS_METRIC_HANDOVER_WAIT_MEAN_S] / medium[LS_METRIC_HANDOVER_WAIT_MEAN_S] - 1), 0.15);
    ck_assert_double_le(fabs(low[LS_METRIC_TRANSFER_MEAN_S] / medium[LS_METRIC_TRANSFER_MEAN_S] - 1), 0.05);
}

static void expect_close_loads(void)
{
    static const double loads[] = {0.2, 0.5, 0.8};
    const double most = capacity();
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        const struct ls_metrics low = simulate_at(LS_LOD_LOW, loads[i] * most);
        const struct ls_metrics medium = simulate_at(LS_LOD_MEDIUM, loads[i] * most);
        expect_close(low.scalar, medium.scalar, loads[i]);
        if (ls_scenario_is_disaggregated(&scenario))
            expect_close_pools(low.scalar, medium.scalar);
    }
}

/* -- sessions and system prompts -- */

START_TEST(sessions_whose_prompts_are_computed_anew)
{
    converse(make(400, 200), 5);
    scenario_set(&scenario, "engine.enable_prefix_caching", "false");
    expect_close_loads();
}
END_TEST

START_TEST(sessions_that_find_what_was_said)
{
    static const char *const routers[] = {"round_robin", "random", "session"};
    converse(make(400, 200), 5);
    scenario_set(&scenario, "strategy.dp", "3");
    scenario_set(&scenario, "engine.router", routers[_i]);
    expect_close_loads();
}
END_TEST

START_TEST(sessions_of_a_given_number_of_turns)
{
    struct ls_profile *profile = make(400, 200);
    profile->sessions.turns = scenario_dist(LS_DIST_UNIFORM);
    profile->sessions.turns.low = 1;
    profile->sessions.turns.high = 30;
    profile->sessions.max_turns = 25;
    profile->sessions.think_s = scenario_exponential(1);
    expect_close_loads();
}
END_TEST

START_TEST(system_prompts_that_requests_share)
{
    struct ls_profile *profile = make(400, 200);
    profile->shared_prefix.lengths = lognormal(1500, 800);
    profile->shared_prefix.groups = _i ? 2000 : 8;
    profile->shared_prefix.skew = 1;
    expect_close_loads();
}
END_TEST

START_TEST(sessions_behind_system_prompts)
{
    struct ls_profile *profile = make(300, 150);
    converse(profile, 2);
    profile->shared_prefix.tokens = 1200;
    profile->shared_prefix.groups = 50;
    scenario_set(&scenario, "strategy.dp", "2");
    expect_close_loads();
}
END_TEST

/* A cache that holds from a small part of what clients come back for to almost all of it. */
START_TEST(what_a_cache_forgets)
{
    static const char *const shares[] = {"0.34", "0.4", "0.5", "0.7"};
    double before = 0;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        struct ls_profile *profile = make(800, 200);
        converse(profile, 20);
        if (_i) {
            profile->sessions.start = 0;
            profile->shared_prefix.tokens = 2000;
            profile->shared_prefix.groups = 300;
            profile->shared_prefix.skew = 0.8;
        }
        scenario_set(&scenario, "engine.gpu_memory_utilization", shares[i]);
        const double rate = _i ? 3 : 0.9;
        const struct ls_metrics low = simulate_at(LS_LOD_LOW, rate), medium = simulate_at(LS_LOD_MEDIUM, rate);
        const double found = low.scalar[LS_METRIC_PREFIX_HIT_RATE];
        ck_assert_msg(fabs(found - medium.scalar[LS_METRIC_PREFIX_HIT_RATE]) <= 0.04,
                      "%s: %g found at low, %g at medium", shares[i], found, medium.scalar[LS_METRIC_PREFIX_HIT_RATE]);
        ck_assert_double_le(fabs(low.scalar[LS_METRIC_TTFT_MEAN_S] / medium.scalar[LS_METRIC_TTFT_MEAN_S] - 1), 0.1);
        ck_assert_double_gt(found, before + 0.02);
        before = found;
    }
}
END_TEST

/* Users who think between turns load the deployment as far as it lets them. */
START_TEST(users_who_think)
{
    struct ls_profile *profile = make(400, 200);
    converse(profile, 5);
    profile->arrivals.process = LS_ARRIVALS_CLOSED;
    for (int users = 8; users <= 128; users *= 4) {
        profile->arrivals.concurrency = users;
        const struct ls_metrics low = simulate_at(LS_LOD_LOW, 10), medium = simulate_at(LS_LOD_MEDIUM, 10);
        expect_close(low.scalar, medium.scalar, users);
    }
}
END_TEST

enum { N_SEEDS = 12 };

/* A run that ends before later turns are as many as they will be: strategies as medium ranks them. */
START_TEST(sessions_from_the_beginning_on)
{
    static const enum ls_scalar_metric metrics[] = {LS_METRIC_TPOT_MEAN_S, LS_METRIC_E2E_MEAN_S,
                                                    LS_METRIC_REQUEST_THROUGHPUT, LS_METRIC_OUTPUT_TOKEN_THROUGHPUT};
    struct ls_profile *profile = make(600, 800);
    converse(profile, 3);
    profile->arrivals.rate = 1 + _i;
    scenario.workload.duration_s = 240;
    scenario.workload.warmup_s = 40;
    scenario.workload.drain = 0;
    scenario_set(&scenario, "cluster.hardware.memory_bandwidth", "1.2 TB/s"); /* answers that take long */
    double before[2] = {0, 0};
    for (int tp = 1; tp <= 8; tp *= 2) {
        scenario.strategy.tp = tp;
        double mean[2][LS_N_SCALAR_METRICS] = {0};
        for (int level = 0; level < 2; level++) {
            scenario.strategy.lod = level ? LS_LOD_MEDIUM : LS_LOD_LOW;
            for (int64_t seed = 0; seed < N_SEEDS; seed++) {
                scenario.seed = seed;
                const struct ls_result result = scenario_run(sim, &scenario);
                for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
                    mean[level][metrics[i]] += result.metrics.scalar[metrics[i]] / N_SEEDS;
            }
        }
        for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
            ck_assert_msg(fabs(mean[0][metrics[i]] / mean[1][metrics[i]] - 1) <= 0.15,
                          "tp %d: metric %d is %g at low, %g at medium", tp, (int)metrics[i], mean[0][metrics[i]],
                          mean[1][metrics[i]]);
        for (int level = 0; level < 2; level++) {
            ck_assert_double_gt(mean[level][LS_METRIC_OUTPUT_TOKEN_THROUGHPUT], before[level]);
            before[level] = mean[level][LS_METRIC_OUTPUT_TOKEN_THROUGHPUT];
        }
    }
}
END_TEST

/* -- drafts -- */

START_TEST(drafts_that_are_verified)
{
    static const char *const methods[] = {"ngram", "mtp", "mtp"};
    make(1000, 200);
    scenario_set(&scenario, "engine.speculative.method", methods[_i]);
    scenario_set(&scenario, "engine.speculative.draft_tokens", _i > 1 ? "2" : "4");
    scenario.engine.speculative.acceptance = scenario_dist(LS_DIST_UNIFORM);
    scenario.engine.speculative.acceptance.low = 0.3;
    scenario.engine.speculative.acceptance.high = 0.9;
    if (_i > 1)
        scenario_set(&scenario, "strategy.tp", "2");
    expect_close_loads();
}
END_TEST

START_TEST(drafts_in_sessions)
{
    converse(make(400, 200), 5);
    scenario_set(&scenario, "engine.speculative.method", "ngram");
    scenario_set(&scenario, "engine.speculative.draft_tokens", "3");
    scenario.engine.speculative.acceptance = scenario_dist(LS_DIST_CONSTANT);
    scenario.engine.speculative.acceptance.value = 0.7;
    expect_close_loads();
}
END_TEST

/* Tokens that come out of a verification, those of last passes that nobody needs left out. */
START_TEST(answers_take_as_many_passes_as_the_formula_says)
{
    make(1000, 40 * (_i + 1));
    scenario_set(&scenario, "engine.speculative.method", "ngram");
    scenario_set(&scenario, "engine.speculative.draft_tokens", "5");
    scenario.engine.speculative.acceptance = scenario_dist(LS_DIST_UNIFORM);
    scenario.engine.speculative.acceptance.low = 0.2 * _i;
    scenario.engine.speculative.acceptance.high = 1;
    const struct ls_metrics low = simulate_at(LS_LOD_LOW, 2), medium = simulate_at(LS_LOD_MEDIUM, 2);
    const double gained = low.scalar[LS_METRIC_TOKENS_PER_VERIFICATION];
    ck_assert_double_le(fabs(gained / medium.scalar[LS_METRIC_TOKENS_PER_VERIFICATION] - 1), 0.03);
}
END_TEST

/* -- separate pools -- */

START_TEST(pools_for_prompts_and_decodes)
{
    static const char *const replicas[][2] = {{"1", "1"}, {"3", "1"}, {"1", "2"}};
    make(1500, 200);
    scenario_set(&scenario, "engine.disaggregation.prefill.replicas", replicas[_i][0]);
    scenario_set(&scenario, "engine.disaggregation.decode.replicas", replicas[_i][1]);
    scenario_set(&scenario, "engine.disaggregation.decode.tp", "2");
    expect_close_loads();
}
END_TEST

START_TEST(pools_with_slow_links_and_drafts)
{
    make(1500, 100);
    scenario_set(&scenario, "engine.disaggregation.prefill.replicas", "1");
    scenario_set(&scenario, "engine.disaggregation.decode.replicas", "1");
    scenario_set(&scenario, "engine.disaggregation.transfer.bandwidth", "1 GB/s");
    scenario_set(&scenario, "engine.speculative.method", "ngram");
    scenario_set(&scenario, "engine.speculative.draft_tokens", "3");
    scenario.engine.speculative.acceptance = scenario_dist(LS_DIST_CONSTANT);
    scenario.engine.speculative.acceptance.value = 0.6;
    expect_close_loads();
}
END_TEST

START_TEST(users_of_two_pools)
{
    struct ls_profile *profile = make(1500, 200);
    scenario_set(&scenario, "engine.disaggregation.prefill.replicas", "1");
    scenario_set(&scenario, "engine.disaggregation.decode.replicas", "1");
    profile->arrivals.process = LS_ARRIVALS_CLOSED;
    profile->arrivals.concurrency = 16;
    const struct ls_metrics low = simulate_at(LS_LOD_LOW, 10), medium = simulate_at(LS_LOD_MEDIUM, 10);
    expect_close(low.scalar, medium.scalar, 16);
}
END_TEST

/* -- what it does not know -- */

static enum ls_reason reason_of(void)
{
    struct ls_scenario resolved = scenario;
    enum ls_reason reason;
    resolved.workload.max_requests = N_REQUESTS;
    struct ls_err err = {""};
    resolved.strategy.lod = LS_LOD_LOW;
    ck_assert_msg(ls_scenario_resolve(&resolved, &reason, &err) == LS_OK, "%s", err.text);
    return reason;
}

START_TEST(what_low_does_not_know_is_infeasible)
{
    converse(make(400, 200), 5);
    ck_assert_int_eq(reason_of(), LS_REASON_NONE);
    scenario_set(&scenario, "engine.router", "kv_aware");
    ck_assert_int_eq(reason_of(), LS_REASON_NONE); /* of one scheduler */
    scenario_set(&scenario, "strategy.dp", "2");
    ck_assert_int_eq(reason_of(), LS_REASON_LOW);
    scenario_set(&scenario, "engine.router", "prefix_affinity");
    ck_assert_int_eq(reason_of(), LS_REASON_LOW);
    scenario_set(&scenario, "engine.router", "session");
    ck_assert_int_eq(reason_of(), LS_REASON_NONE);
    scenario.engine.disaggregation.pools[LS_POOL_PREFILL].replicas = 1;
    scenario.engine.disaggregation.pools[LS_POOL_DECODE].replicas = 1;
    ck_assert_int_eq(reason_of(), LS_REASON_LOW);
    scenario.engine.disaggregation.pools[LS_POOL_PREFILL].replicas = LS_NULL_INT;
    scenario.engine.disaggregation.pools[LS_POOL_DECODE].replicas = LS_NULL_INT;
    scenario_set(&scenario, "engine.scheduling_policy", "sjf");
    ck_assert_int_eq(reason_of(), LS_REASON_LOW);
    scenario_set(&scenario, "engine.scheduling_policy", "priority");
    ck_assert_int_eq(reason_of(), LS_REASON_NONE); /* of equals */
    scenario_add_profile(&scenario, 1, 100, 100)->priority = 1;
    ck_assert_int_eq(reason_of(), LS_REASON_LOW);
    scenario.workload.n_profiles = 1;
    scenario_set(&scenario, "engine.scheduling_policy", "fcfs");
    scenario_set(&scenario, "engine.enable_chunked_prefill", "false");
    ck_assert_int_eq(reason_of(), LS_REASON_NONE);
    scenario_set(&scenario, "engine.max_num_seqs", "512");
    scenario_set(&scenario, "engine.max_num_batched_tokens", "2048"); /* later turns are longer */
    ck_assert_int_eq(reason_of(), LS_REASON_LOW);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("low_features");
    TCase *tcase = tcase_create("low_features");
    sim = ls_sim_new();
    if (!sim)
        return EXIT_FAILURE;
    tcase_add_test(tcase, sessions_whose_prompts_are_computed_anew);
    tcase_add_loop_test(tcase, sessions_that_find_what_was_said, 0, 3);
    tcase_add_test(tcase, sessions_of_a_given_number_of_turns);
    tcase_add_loop_test(tcase, system_prompts_that_requests_share, 0, 2);
    tcase_add_test(tcase, sessions_behind_system_prompts);
    tcase_add_loop_test(tcase, what_a_cache_forgets, 0, 2);
    tcase_add_test(tcase, users_who_think);
    tcase_add_loop_test(tcase, sessions_from_the_beginning_on, 0, 2);
    tcase_add_loop_test(tcase, drafts_that_are_verified, 0, 3);
    tcase_add_test(tcase, drafts_in_sessions);
    tcase_add_loop_test(tcase, answers_take_as_many_passes_as_the_formula_says, 0, 4);
    tcase_add_loop_test(tcase, pools_for_prompts_and_decodes, 0, 3);
    tcase_add_test(tcase, pools_with_slow_links_and_drafts);
    tcase_add_test(tcase, users_of_two_pools);
    tcase_add_test(tcase, what_low_does_not_know_is_infeasible);
    tcase_set_timeout(tcase, 240);
    suite_add_tcase(suite, tcase);
    const int status = suite_run(suite);
    ls_sim_free(sim);
    return status;
}
