/* Classes of requests: what the profiles' distributions say of turns and their prompts, by arithmetic. */
#include "engine/serving/workload/classes.h"

#include <check.h>
#include <math.h>

#include "engine/serving/workload/load.h"
#include "engine/serving/workload/session.h"
#include "tests/scenario.h"
#include "tests/suite.h"

static struct ls_scenario scenario;
static struct ls_classes classes;

static struct ls_profile *make(int prompt_tok, int output_tok)
{
    scenario_make(&scenario, scenario_llama_70b);
    return scenario_add_profile(&scenario, 2, prompt_tok, output_tok);
}

static double sum_of_shares(void)
{
    double sum = 0;
    for (int i = 0; i < classes.n; i++)
        sum += classes.rows[i].share;
    return sum;
}

START_TEST(a_profile_of_single_requests_is_one_class)
{
    make(100, 50)->prompt_tokens.dist = scenario_exponential(100);
    ls_classes_list(&classes, &scenario);
    ck_assert_int_eq(classes.n, 1);
    ck_assert_double_eq(classes.rows[0].share, 1);
    ck_assert_double_eq(classes.rows[0].next, 0);
    ck_assert_double_eq(classes.rows[0].computed, 100);
    ck_assert_double_eq_tol(classes.rows[0].computed_sq, 2e4, 1e-9);
}
END_TEST

START_TEST(turns_follow_each_other)
{
    struct ls_profile *profile = make(100, 50);
    profile->sessions.start = 0.8;
    profile->sessions.go_on = 0.5;
    profile->sessions.max_turns = 3;
    ls_classes_list(&classes, &scenario);
    ck_assert_int_eq(classes.n, 3);
    ck_assert_double_eq_tol(classes.firsts, 1 / 1.6, 1e-12); /* of 1 + 0.4 + 0.2 */
    ck_assert_double_eq_tol(classes.rows[0].next, 0.4, 1e-12);
    ck_assert_double_eq_tol(classes.rows[1].share, 0.4 / 1.6, 1e-12);
    ck_assert_double_eq_tol(classes.rows[1].next, 0.5, 1e-12);
    ck_assert_double_eq(classes.rows[2].next, 0);
    ck_assert_double_eq(classes.rows[2].said.mean, 300);
    ck_assert_double_eq(ls_class_prompt(&classes.rows[2]).mean, 400);
    struct ls_load load;
    scenario.workload.max_requests = 100;
    ls_load_measure(&load, &scenario);
    ck_assert_double_eq_tol(load.rate, 3.2, 1e-12);
    ck_assert_double_eq_tol(load.prompt, (100 + 0.4 * 250 + 0.2 * 400) / 1.6, 1e-9);
}
END_TEST

/* Late turns share classes, and neither their number nor what was said is lost. */
START_TEST(long_sessions_have_few_classes)
{
    struct ls_profile *profile = make(100, 50);
    profile->sessions.start = 1;
    profile->sessions.go_on = 0.99;
    profile->sessions.max_turns = 500;
    ls_classes_list(&classes, &scenario);
    double turn = 0, square = 0, exact = 0, exact_square = 0, share = 1;
    ck_assert_int_le(classes.n, LS_TURN_CLASSES);
    ck_assert_double_eq_tol(sum_of_shares(), 1, 1e-9);
    ck_assert_double_eq_tol(classes.firsts, 1 / ls_profile_mean_turns(profile), 1e-9);
    for (int i = 0; i < classes.n; i++) {
        turn += classes.rows[i].share * classes.rows[i].turn;
        square += classes.rows[i].share * (pow(classes.rows[i].said.mean, 2) + classes.rows[i].said.variance);
    }
    for (int i = 0; i < 500; i++, share *= 0.99) {
        exact += share * classes.firsts * i;
        exact_square += share * classes.firsts * pow(150.0 * i, 2);
    }
    ck_assert_double_eq_tol(turn, exact, 1e-6 * exact);
    ck_assert_double_eq_tol(square, exact_square, 1e-6 * exact_square);
}
END_TEST

/* Ranges of groups stand for them all: shares add up to 1, and are Zipf's. */
START_TEST(groups_share_requests_as_their_weights_say)
{
    static const double skews[] = {0, 0.5, 1, 2};
    struct ls_profile *profile = make(100, 50);
    profile->shared_prefix.tokens = 640;
    profile->shared_prefix.groups = 100000;
    profile->shared_prefix.skew = skews[_i];
    struct ls_prefix_group groups[LS_MAX_PREFIX_GROUPS];
    const int n = ls_prefix_groups(&scenario, 0, groups);
    double weights = 0, shares = 0, number = 0;
    for (int64_t i = 0; i < 100000; i++)
        weights += ls_shared_prefix_weight(&profile->shared_prefix, i);
    for (int i = 0; i < n; i++) {
        shares += groups[i].n * groups[i].share;
        number += groups[i].n;
    }
    ck_assert_double_eq_tol(shares, 1, 1e-9);
    ck_assert_double_eq(number, 100000);
    ck_assert_double_eq_tol(groups[0].share, 1 / weights, 1e-4 / weights);
    ck_assert_double_eq_tol(groups[40].share, ls_shared_prefix_weight(&profile->shared_prefix, 40) / weights,
                            1e-4 / weights);
}
END_TEST

START_TEST(a_trace_has_no_classes)
{
    struct ls_trace_request request = {.prompt_tok = 10, .output_tok = 5};
    const struct ls_trace trace = {.n = 1, .requests = &request};
    make(100, 50);
    scenario.workload.trace = &trace;
    ls_classes_list(&classes, &scenario);
    scenario.workload.trace = NULL;
    ck_assert_int_eq(classes.n, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("classes");
    TCase *tcase = tcase_create("classes");
    tcase_add_test(tcase, a_profile_of_single_requests_is_one_class);
    tcase_add_test(tcase, turns_follow_each_other);
    tcase_add_test(tcase, long_sessions_have_few_classes);
    tcase_add_loop_test(tcase, groups_share_requests_as_their_weights_say, 0, 4);
    tcase_add_test(tcase, a_trace_has_no_classes);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
