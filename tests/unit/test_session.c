/* Promises of sessions and system prompts: what clients say depends on who they are alone, conversations grow, and
 * chances are what a study says. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "engine/serving/workload/session.h"
#include "tests/scenario.h"
#include "tests/suite.h"

static struct ls_scenario scenario;
static struct ls_profile *profile;

static void set_up(void)
{
    ls_scenario_init(&scenario);
    profile = scenario_add_profile(&scenario, 1, 10, 5);
    profile->prompt_tokens.dist = scenario_dist(LS_DIST_EXPONENTIAL);
    profile->prompt_tokens.dist.mean = 50;
}

START_TEST(requests_alone_have_nothing_in_common)
{
    struct ls_turn next;
    double think_s;
    const struct ls_turn one = {.session = 1}, two = {.session = 2};
    const struct ls_utterance a = ls_turn_say(&scenario, &one), b = ls_turn_say(&scenario, &two);
    ck_assert(a.content.own && b.content.own);
    ck_assert_uint_ne(a.content.stream, b.content.stream);
    ck_assert_int_eq(a.content.head_tok, 0);
    ck_assert(!ls_turn_next(&scenario, &one, a.output_tok, &next, &think_s));
}
END_TEST

START_TEST(a_turn_has_all_that_was_said_before)
{
    struct ls_turn turn = {.session = 7};
    double think_s;
    profile->sessions.turns = scenario_dist(LS_DIST_CONSTANT);
    profile->sessions.turns.value = 6;
    profile->sessions.think_s = scenario_dist(LS_DIST_CONSTANT);
    profile->sessions.think_s.value = 2.5;
    profile->shared_prefix.tokens = 40;
    int32_t said_tok = 0;
    uint64_t stream = 0;
    for (int number = 0;; number++) {
        const struct ls_utterance said = ls_turn_say(&scenario, &turn), again = ls_turn_say(&scenario, &turn);
        ck_assert_int_eq(said.prompt_tok, again.prompt_tok);
        ck_assert_int_eq(turn.number, number);
        ck_assert_int_eq(turn.said_tok, said_tok);
        ck_assert_int_gt(said.prompt_tok, 40 + said_tok);
        ck_assert_int_eq(said.content.head_tok, 40);
        ck_assert(!said.content.own);
        ck_assert(number == 0 || said.content.stream == stream);
        stream = said.content.stream;
        said_tok = said.prompt_tok - 40 + said.output_tok;
        struct ls_turn next;
        if (!ls_turn_next(&scenario, &turn, said.output_tok, &next, &think_s)) {
            ck_assert_int_eq(number, 5);
            return;
        }
        ck_assert_double_eq(think_s, 2.5);
        turn = next;
    }
}
END_TEST

/* Input of a first turn is that of the request that would be there without sessions. */
START_TEST(sessions_leave_first_turns_as_they_were)
{
    const struct ls_turn turn = {.session = 3};
    const struct ls_utterance alone = ls_turn_say(&scenario, &turn);
    profile->sessions.go_on = 0.5;
    ck_assert_int_eq(ls_turn_say(&scenario, &turn).prompt_tok, alone.prompt_tok);
    profile->shared_prefix.tokens = 100;
    ck_assert_int_eq(ls_turn_say(&scenario, &turn).prompt_tok, alone.prompt_tok + 100);
}
END_TEST

/* Turns of a session are geometric, cut at max_turns: (1 − c^m) / (1 − c) on average, 1 where none begins. */
START_TEST(sessions_have_as_many_turns_as_chance_has_it)
{
    enum { N = 20000 };
    const double c = 0.7, start = 0.8;
    double n_turns = 0;
    profile->sessions.start = start;
    profile->sessions.go_on = c;
    profile->sessions.max_turns = 10;
    for (uint64_t i = 0; i < N; i++) {
        struct ls_turn turn = {.session = i}, next;
        double think_s;
        ck_assert(ls_turn_say(&scenario, &turn).content.own == !ls_turn_next(&scenario, &turn, 5, &next, &think_s));
        for (n_turns++; ls_turn_next(&scenario, &turn, 5, &next, &think_s); n_turns++)
            turn = next;
        ck_assert_int_lt(turn.number, 10);
    }
    const double expected = 1 - start + start * (1 - pow(c, 10)) / (1 - c);
    ck_assert_double_eq_tol(ls_profile_mean_turns(profile), expected, 1e-12);
    ck_assert_double_eq_tol(n_turns / N, expected, 4 * 2.4 / sqrt(N)); /* 4 σ */
}
END_TEST

START_TEST(groups_are_as_popular_as_their_rank_says)
{
    enum { N = 40000, GROUPS = 8 };
    static const double skews[] = {0, 0.5, 1, 1.5, 3};
    int count[GROUPS] = {0};
    uint64_t heads[GROUPS];
    double sum = 0;
    profile->shared_prefix.groups = GROUPS;
    profile->shared_prefix.skew = skews[_i];
    profile->shared_prefix.lengths = scenario_dist(LS_DIST_EXPONENTIAL);
    profile->shared_prefix.lengths.mean = 1000;
    for (int64_t g = 0; g < GROUPS; g++) {
        heads[g] = ls_content_id(LS_CONTENT_GROUP, 0, (uint64_t)g);
        sum += ls_shared_prefix_weight(&profile->shared_prefix, g);
    }
    for (uint64_t i = 0; i < N; i++) {
        const struct ls_content content = ls_turn_say(&scenario, &(struct ls_turn){.session = i}).content;
        int g = 0;
        while (g < GROUPS && heads[g] != content.head)
            g++;
        ck_assert_int_lt(g, GROUPS);
        ck_assert_int_eq(content.head_tok, ls_shared_prefix_tok(&scenario, 0, g));
        count[g]++;
    }
    for (int64_t g = 0; g < GROUPS; g++) {
        const double share = ls_shared_prefix_weight(&profile->shared_prefix, g) / sum;
        ck_assert_double_eq_tol((double)count[g] / N, share, 4 * sqrt(share * (1 - share) / N)); /* 4 σ */
    }
}
END_TEST

START_TEST(contradictions_are_refused)
{
    struct ls_err err;
    ck_assert_int_eq(ls_sessions_check(profile, &err), LS_OK);
    profile->shared_prefix.groups = 3;
    ck_assert_int_eq(ls_sessions_check(profile, &err), LS_INPUT);
    profile->shared_prefix.tokens = 5;
    ck_assert_int_eq(ls_sessions_check(profile, &err), LS_OK);
    profile->shared_prefix.lengths = scenario_dist(LS_DIST_CONSTANT);
    profile->shared_prefix.lengths.value = 5;
    ck_assert_int_eq(ls_sessions_check(profile, &err), LS_INPUT);
    profile->shared_prefix.tokens = LS_NULL_INT;
    ck_assert_int_eq(ls_sessions_check(profile, &err), LS_OK);
    profile->sessions.turns = scenario_dist(LS_DIST_CONSTANT);
    ck_assert_int_eq(ls_sessions_check(profile, &err), LS_INPUT);
    profile->sessions.turns.value = 3;
    ck_assert_int_eq(ls_sessions_check(profile, &err), LS_OK);
    profile->sessions.go_on = 0.5;
    ck_assert_int_eq(ls_sessions_check(profile, &err), LS_INPUT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session");
    TCase *tcase = tcase_create("session");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, requests_alone_have_nothing_in_common);
    tcase_add_test(tcase, a_turn_has_all_that_was_said_before);
    tcase_add_test(tcase, sessions_leave_first_turns_as_they_were);
    tcase_add_test(tcase, sessions_have_as_many_turns_as_chance_has_it);
    tcase_add_loop_test(tcase, groups_are_as_popular_as_their_rank_says, 0, 5);
    tcase_add_test(tcase, contradictions_are_refused);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
