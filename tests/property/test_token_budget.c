/* The budget that auto_slo picks: overloaded with prompts, steps keep the objective, and larger ones would not. */
#include <check.h>

#include "tests/scenario.h"
#include "tests/suite.h"

static struct ls_sim *sim;
static struct ls_scenario scenario;

static void make(const char *tp, const char *pp, double tpot_s)
{
    scenario_make(&scenario, scenario_llama_70b);
    scenario_set_all(&scenario, scenario_no_front_end);
    scenario_set(&scenario, "strategy.tp", tp);
    scenario_set(&scenario, "strategy.pp", pp);
    scenario_set(&scenario, "engine.max_num_seqs", "48");
    scenario_set(&scenario, "engine.max_num_batched_tokens", "auto_slo");
    scenario.slo.tpot_s = tpot_s;
    (void)scenario_add_profile(&scenario, 100, 4000, 40);
    scenario.workload.max_requests = 300;
}

static int64_t resolved_budget(void)
{
    struct ls_scenario resolved = scenario;
    enum ls_reason reason;
    struct ls_err err = {""};
    ck_assert_msg(ls_scenario_resolve(&resolved, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_int_eq(reason, LS_REASON_NONE);
    ck_assert_int_eq(resolved.engine.long_prefill_token_threshold, resolved.engine.max_num_batched_tokens);
    return resolved.engine.max_num_batched_tokens;
}

/* The 99th percentile of the gaps between tokens. */
static double worst_gap_s(void)
{
    const struct ls_result result = scenario_run(sim, &scenario);
    ck_assert_int_eq(result.status, LS_CELL_DONE);
    for (int i = 0; i < LS_N_QUANTILES; i++)
        if (ls_quantile_values[i] >= 0.989)
            return result.metrics.quantile[LS_QMETRIC_ITL][i];
    ck_abort_msg("there is no 99th percentile");
    return 0;
}

START_TEST(full_steps_keep_the_objective_and_larger_ones_do_not)
{
    const double tpot_s = 0.15;
    make(_i ? "4" : "8", _i ? "2" : "1", tpot_s);
    const int64_t budget = resolved_budget();
    ck_assert_int_gt(budget, 48);
    ck_assert_int_lt(budget, 32768);
    const double gap_s = worst_gap_s();
    ck_assert_msg(gap_s <= tpot_s, "%g s with %d tokens", gap_s, (int)budget);
    scenario.engine.max_num_batched_tokens = 2 * budget;
    ck_assert_double_gt(worst_gap_s(), tpot_s);
}
END_TEST

START_TEST(a_looser_objective_allows_more)
{
    int64_t last = 0;
    for (double tpot_s = 0.02; tpot_s < 10; tpot_s *= 2) {
        make("8", "1", tpot_s);
        const int64_t budget = resolved_budget();
        ck_assert_int_ge(budget, last);
        last = budget;
    }
    ck_assert_int_eq(last, 32768);
    make("8", "1", 1e-6);
    ck_assert_int_eq(resolved_budget(), 48); /* nothing keeps it: the least */
}
END_TEST

START_TEST(without_an_objective_it_is_refused)
{
    enum ls_reason reason;
    struct ls_err err = {""};
    make("8", "1", NAN);
    ck_assert_int_eq(ls_scenario_resolve(&scenario, &reason, &err), LS_INPUT);
    ck_assert_str_eq(err.text, "engine.max_num_batched_tokens: auto_slo needs slo.tpot_s, which it keeps");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("token budget");
    TCase *tcase = tcase_create("token budget");
    sim = ls_sim_new();
    tcase_add_loop_test(tcase, full_steps_keep_the_objective_and_larger_ones_do_not, 0, 2);
    tcase_add_test(tcase, a_looser_objective_allows_more);
    tcase_add_test(tcase, without_an_objective_it_is_refused);
    suite_add_tcase(suite, tcase);
    const int status = suite_run(suite);
    ls_sim_free(sim);
    return status;
}
