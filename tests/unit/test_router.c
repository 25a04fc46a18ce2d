/* Promises of the routers: each policy's choice, and that a choice depends on what the policy says it looks at alone.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "engine/serving/deployment/router.h"
#include "engine/serving/workload/content.h"
#include "tests/suite.h"

enum { N = 5, N_REQUESTS = 20000 };

static const struct ls_router_ops *router(const char *name)
{
    for (int i = 0; i < LS_N_ROUTERS; i++)
        if (strcmp(ls_routers[i].name, name) == 0)
            return &ls_routers[i];
    ck_abort_msg("no router %s", name);
    return NULL;
}

START_TEST(names_are_those_of_the_rows)
{
    for (int i = 0; i < LS_N_ROUTERS; i++)
        ck_assert_str_eq(ls_router_names[i], ls_routers[i].name);
    ck_assert_ptr_null(ls_router_names[LS_N_ROUTERS]);
}
END_TEST

START_TEST(round_robin_takes_turns)
{
    const int64_t load[N] = {9, 0, 0, 0, 0};
    const struct ls_router_view view = {.n = N, .load = load};
    for (uint64_t i = 0; i < 3 * N; i++)
        ck_assert_int_eq(router("round_robin")->choose(&view, &(struct ls_router_request){.index = i}),
                         (int64_t)(i % N));
}
END_TEST

START_TEST(random_is_even_and_repeatable)
{
    const struct ls_router_view view = {.n = N, .seed = 1, .replica = 2}, other = {.n = N, .seed = 1, .replica = 3};
    int count[N] = {0}, n_same = 0;
    for (uint64_t i = 0; i < N_REQUESTS; i++) {
        const int64_t choice = router("random")->choose(&view, &(struct ls_router_request){.index = i});
        ck_assert(choice >= 0 && choice < N);
        ck_assert_int_eq(router("random")->choose(&view, &(struct ls_router_request){.index = i}), choice);
        n_same += router("random")->choose(&other, &(struct ls_router_request){.index = i}) == choice;
        count[choice]++;
    }
    for (int i = 0; i < N; i++)
        ck_assert_msg(abs(count[i] - N_REQUESTS / N) < 250, "%d of %d", count[i], N_REQUESTS); /* 4.4 σ */
    ck_assert_int_lt(abs(n_same - N_REQUESTS / N), 250);
}
END_TEST

START_TEST(least_loaded_takes_the_least_and_breaks_ties_in_turn)
{
    const struct ls_router_ops *const least = router("least_loaded");
    const int64_t one[N] = {3, 2, 1, 2, 9}, equal[N] = {4, 4, 4, 4, 4}, two[N] = {5, 1, 5, 1, 5};
    struct ls_router_view view = {.n = N, .load = one};
    ck_assert(least->needs_load);
    for (uint64_t i = 0; i < N; i++)
        ck_assert_int_eq(least->choose(&view, &(struct ls_router_request){.index = i}), 2);
    view.load = equal;
    for (uint64_t i = 0; i < 2 * N; i++)
        ck_assert_int_eq(least->choose(&view, &(struct ls_router_request){.index = i}), (int64_t)(i % N));
    view.load = two;
    ck_assert_int_eq(least->choose(&view, &(struct ls_router_request){.index = 0}), 1);
    ck_assert_int_eq(least->choose(&view, &(struct ls_router_request){.index = 2}), 3);
    ck_assert_int_eq(least->choose(&view, &(struct ls_router_request){.index = 4}), 1);
}
END_TEST

START_TEST(sessions_stay_and_spread)
{
    const struct ls_router_view view = {.n = N};
    int count[N] = {0};
    for (uint64_t i = 0; i < N_REQUESTS; i++) {
        struct ls_router_request turn = {.index = i, .session = ls_content_id(LS_CONTENT_SESSION, 0, i)};
        ck_assert_int_eq(router("session")->choose(&view, &turn), (int64_t)(i % N)); /* it has none */
        turn.in_session = true;
        const int64_t home = router("session")->choose(&view, &turn);
        ck_assert(home >= 0 && home < N);
        count[home]++;
        turn.index += 7;
        ck_assert_int_eq(router("session")->choose(&view, &turn), home);
    }
    for (int i = 0; i < N; i++)
        ck_assert_msg(abs(count[i] - N_REQUESTS / N) < 250, "%d of %d", count[i], N_REQUESTS);
}
END_TEST

START_TEST(affinity_gives_way_to_load)
{
    int64_t load[N] = {4, 4, 4, 4, 4};
    const struct ls_router_view view = {.n = N, .load = load, .load_factor = 1.25};
    const struct ls_router_request request = {.prefix = ls_content_id(LS_CONTENT_GROUP, 0, 3)};
    const int64_t home = router("prefix_affinity")->choose(&view, &request);
    load[home] = 6; /* of 23 with this one: 1.25 times the mean is 5.75, six at most */
    ck_assert_int_eq(router("prefix_affinity")->choose(&view, &request), (home + 1) % N);
    load[home] = 5;
    ck_assert_int_eq(router("prefix_affinity")->choose(&view, &request), home);
    load[home] = 7;
    load[(home + 1) % N] = 7;
    ck_assert_int_eq(router("prefix_affinity")->choose(&view, &request), (home + 2) % N);
}
END_TEST

START_TEST(kv_aware_weighs_what_is_known_against_what_is_there)
{
    int64_t prompt_tok[N] = {500, 500, 500, 500, 500}, cached_tok[N] = {0, 0, 300, 0, 0};
    const struct ls_router_view view = {.n = N, .prompt_tok = prompt_tok, .cached_tok = cached_tok};
    const struct ls_router_request request = {.index = 1, .prompt_tok = 400};
    ck_assert_int_eq(router("kv_aware")->choose(&view, &request), 2);
    prompt_tok[4] = 201; /* 201 + 400 against 500 + 100 */
    ck_assert_int_eq(router("kv_aware")->choose(&view, &request), 2);
    prompt_tok[4] = 199;
    ck_assert_int_eq(router("kv_aware")->choose(&view, &request), 4);
    cached_tok[2] = 0;
    prompt_tok[4] = 500;
    ck_assert_int_eq(router("kv_aware")->choose(&view, &request), 1); /* ties take turns */
}
END_TEST

START_TEST(one_scheduler_gets_everything)
{
    const int64_t load[1] = {100};
    const struct ls_router_view view = {
        .n = 1, .load = load, .prompt_tok = load, .cached_tok = load, .load_factor = 1.25};
    for (int i = 0; i < LS_N_ROUTERS; i++)
        for (uint64_t index = 0; index < 10; index++)
            ck_assert_int_eq(ls_routers[i].choose(&view, &(struct ls_router_request){.index = index}), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("router");
    TCase *tcase = tcase_create("router");
    tcase_add_test(tcase, names_are_those_of_the_rows);
    tcase_add_test(tcase, round_robin_takes_turns);
    tcase_add_test(tcase, random_is_even_and_repeatable);
    tcase_add_test(tcase, least_loaded_takes_the_least_and_breaks_ties_in_turn);
    tcase_add_test(tcase, sessions_stay_and_spread);
    tcase_add_test(tcase, affinity_gives_way_to_load);
    tcase_add_test(tcase, kv_aware_weighs_what_is_known_against_what_is_there);
    tcase_add_test(tcase, one_scheduler_gets_everything);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
