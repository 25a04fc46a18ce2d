/* Speculative decoding beside its closed forms (Leviathan, Kalman and Matias, ICML 2023): of k drafts, each accepted
 * with chance α as long as those before it were, a step yields E = (1 − α^(k+1)) / (1 − α) tokens (equation 1), and
 * where verifying costs as much as a step for one token and a draft c times that, decoding is E / (1 + k c) times as
 * fast (theorem 3.8). */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "tests/property/run_serving.h"
#include "tests/scenario.h"
#include "tests/suite.h"

enum { OUTPUT_TOK = 2000, N_REQUESTS = 40 };

static struct run run;
static struct ls_scenario scenario;

static void resolve(void)
{
    enum ls_reason reason;
    struct ls_err err = {""};
    ck_assert_msg(ls_scenario_resolve(&scenario, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_int_eq(reason, LS_REASON_NONE);
}

/* One request at a time, next to nothing but decodes. */
static void make(void)
{
    scenario_make(&scenario, scenario_llama_70b);
    scenario_set_all(&scenario, scenario_no_front_end);
    scenario_set(&scenario, "strategy.tp", "8");
    scenario_set(&scenario, "engine.step_overhead_s", "0");
    scenario_set(&scenario, "engine.step_overhead_per_seq_s", "0");
    scenario_set(&scenario, "engine.max_num_seqs", "1");
    (void)scenario_add_profile(&scenario, 1e-3, 1, OUTPUT_TOK);
    scenario.workload.max_requests = N_REQUESTS;
}

static void speculate(const char *method, int64_t k, double chance)
{
    scenario_set(&scenario, "engine.speculative.method", method);
    scenario.engine.speculative.draft_tokens = k;
    scenario.engine.speculative.acceptance.kind = LS_DIST_CONSTANT;
    scenario.engine.speculative.acceptance.value = chance;
}

static const double *simulate(void)
{
    resolve();
    return run_serving(&run, &scenario, INT32_MAX);
}

static double expected_tokens(double chance, int64_t k)
{
    return chance < 1 ? (1 - pow(chance, (double)k + 1)) / (1 - chance) : (double)k + 1;
}

/* Four standard errors of as many steps, no more than k² / 4 the variance, and what the end of an output cuts off. */
static double tolerance(double expected, int64_t k)
{
    const double n_steps = N_REQUESTS * OUTPUT_TOK / expected;
    return 4 * (double)k / 2 / sqrt(n_steps) + expected * (double)k / OUTPUT_TOK;
}

START_TEST(a_step_yields_as_many_tokens_as_the_formula)
{
    static const struct {
        double chance;
        int64_t k;
    } cases[] = {{0, 4}, {0.3, 1}, {0.6, 2}, {0.7, 4}, {0.9, 8}, {0.95, 3}, {1, 5}};
    const double expected = expected_tokens(cases[_i].chance, cases[_i].k);
    make();
    speculate("ngram", cases[_i].k, cases[_i].chance);
    const double gained = simulate()[LS_METRIC_TOKENS_PER_VERIFICATION];
    ck_assert_msg(fabs(gained - expected) <= tolerance(expected, cases[_i].k), "%g, the formula says %g", gained,
                  expected);
}
END_TEST

/* Chances of the requests evenly spread over 0 … 1: each request takes OUTPUT / E(α) steps. */
START_TEST(a_distribution_spreads_over_requests)
{
    const int64_t k = 4;
    double steps = 0;
    for (int i = 0; i < 1000; i++)
        steps += 1 / expected_tokens((i + 0.5) / 1000, k) / 1000;
    make();
    speculate("ngram", k, 0);
    scenario.engine.speculative.acceptance.kind = LS_DIST_UNIFORM;
    scenario.engine.speculative.acceptance.value = NAN;
    scenario.engine.speculative.acceptance.low = 0;
    scenario.engine.speculative.acceptance.high = 1;
    scenario.workload.max_requests = 1000;
    scenario.workload.profiles[0].output_tokens.dist.value = 200;
    const double gained = simulate()[LS_METRIC_TOKENS_PER_VERIFICATION];
    ck_assert_msg(fabs(gained * steps - 1) < 0.06, "%g, the formula says %g", gained, 1 / steps);
}
END_TEST

static double tpot_s(void)
{
    return simulate()[LS_METRIC_TPOT_MEAN_S];
}

/* A 70B model and a sixteenth of its layers as the drafter. Weights decide at one request: five tokens take as long as
 * one to 5 %, and so is the speed-up. */
START_TEST(decoding_speeds_up_as_the_formula_says)
{
    const double chance = 0.8;
    const int64_t k = 4;
    make();
    const double alone_s = tpot_s();
    scenario.model.num_hidden_layers = 5;
    const double draft_s = tpot_s();
    scenario.model.num_hidden_layers = 80;
    scenario.engine.speculative.draft_model = scenario.model;
    scenario.engine.speculative.draft_model.num_hidden_layers = 5;
    speculate("draft", k, chance);
    const double speed_up = alone_s / tpot_s();
    const double formula = expected_tokens(chance, k) / (1 + (double)k * draft_s / alone_s);
    ck_assert_double_gt(formula, 2);
    ck_assert_msg(fabs(speed_up / formula - 1) < 0.05, "%g times as fast, the formula says %g", speed_up, formula);
}
END_TEST

/* Nothing accepted: a draft that costs is a loss; ngram costs what verification does. */
START_TEST(drafts_that_fail_only_cost)
{
    make();
    const double alone_s = tpot_s();
    speculate("ngram", 4, 0);
    const double ngram_s = tpot_s();
    speculate("mtp", 4, 0);
    const double mtp_s = tpot_s();
    ck_assert_double_gt(ngram_s, alone_s);
    ck_assert_double_lt(ngram_s, 1.1 * alone_s);
    ck_assert_double_gt(mtp_s, ngram_s);
}
END_TEST

/* 16 prompt tokens, 1 of output: the last pass could hold 4 drafts, mtp's drafter 4 more: 16 + 1 − 1 + 8 = 24 tokens.
 */
START_TEST(blocks_are_kept_for_drafts)
{
    static const struct {
        const char *method;
        int64_t blocks;
    } cases[] = {{"ngram", 5}, {"mtp", 6}};
    make();
    speculate(cases[_i].method, 4, 0.5);
    scenario.engine.block_size = 4;
    scenario.workload.max_requests = 1;
    scenario.workload.profiles[0].prompt_tokens.dist.value = 15;
    scenario.workload.profiles[0].output_tokens.dist.value = 2;
    resolve();
    const double *m = run_serving(&run, &scenario, cases[_i].blocks);
    ck_assert_double_eq(m[LS_METRIC_N_COMPLETED], 1);
    ck_assert_double_eq(m[LS_METRIC_KV_UTILIZATION_MAX], 1);
    m = run_serving(&run, &scenario, cases[_i].blocks - 1);
    ck_assert_double_eq(m[LS_METRIC_N_REJECTED], 1);
}
END_TEST

START_TEST(a_drafter_takes_memory)
{
    struct ls_sim *sim = ls_sim_new();
    make();
    const struct ls_result without = scenario_run(sim, &scenario);
    speculate("mtp", 1, 0.5);
    const struct ls_result with = scenario_run(sim, &scenario);
    const double layer_bytes = 2 * 855654400.0 / 8, projection_bytes = 2 * 2.0 * 8192 * 8192;
    ck_assert_double_eq_tol(with.metrics.scalar[LS_METRIC_MEM_WEIGHTS_BYTES] -
                                without.metrics.scalar[LS_METRIC_MEM_WEIGHTS_BYTES],
                            layer_bytes + projection_bytes, 1e-3 * layer_bytes);
    const double kv =
        with.metrics.scalar[LS_METRIC_KV_CAPACITY_TOK] / without.metrics.scalar[LS_METRIC_KV_CAPACITY_TOK];
    ck_assert_double_lt(kv, 80.0 / 81);
    ls_sim_free(sim);
}
END_TEST

static void refuse(const char *message)
{
    enum ls_reason reason;
    struct ls_err err = {""};
    struct ls_scenario copy = scenario;
    ck_assert_int_eq(ls_scenario_resolve(&copy, &reason, &err), LS_INPUT);
    ck_assert_str_eq(err.text, message);
}

START_TEST(what_cannot_be_is_refused)
{
    make();
    speculate("ngram", 4, 1.5);
    refuse("engine.speculative.acceptance: 1.5 is its mean; chances lie between 0 and 1");
    speculate("draft", 4, 0.5);
    refuse("engine.speculative.draft_model: method draft needs one, and no other method has one");
    speculate("ngram", 4, 0.5);
    scenario.engine.speculative.draft_model = scenario.model;
    refuse("engine.speculative.draft_model: method draft needs one, and no other method has one");
    make();
    scenario_set(&scenario, "engine.speculative.method", "mtp");
    refuse("engine.speculative.acceptance: give the chance that a draft is accepted, such as 0.7");
}
END_TEST

START_TEST(shapes_that_cannot_be_are_infeasible)
{
    enum ls_reason reason;
    struct ls_err err = {""};
    make();
    struct ls_scenario copy;
    speculate("draft", 4, 0.5);
    scenario.engine.speculative.draft_model = scenario.model;
    scenario.engine.speculative.draft_model.num_attention_heads = 12;
    scenario.engine.speculative.draft_model.num_key_value_heads = 4;
    scenario.engine.speculative.draft_model.head_dim = 64;
    copy = scenario;
    ck_assert_int_eq(ls_scenario_resolve(&copy, &reason, &err), LS_OK);
    ck_assert_int_eq(reason, LS_REASON_TP_HEADS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("speculation");
    TCase *tcase = tcase_create("speculation");
    if (!run_init(&run))
        return EXIT_FAILURE;
    tcase_add_loop_test(tcase, a_step_yields_as_many_tokens_as_the_formula, 0, 7);
    tcase_add_test(tcase, a_distribution_spreads_over_requests);
    tcase_add_test(tcase, decoding_speeds_up_as_the_formula_says);
    tcase_add_test(tcase, drafts_that_fail_only_cost);
    tcase_add_loop_test(tcase, blocks_are_kept_for_drafts, 0, 2);
    tcase_add_test(tcase, a_drafter_takes_memory);
    tcase_add_test(tcase, what_cannot_be_is_refused);
    tcase_add_test(tcase, shapes_that_cannot_be_are_infeasible);
    suite_add_tcase(suite, tcase);
    const int status = suite_run(suite);
    run_release(&run);
    return status;
}
