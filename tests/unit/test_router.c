/* Promises of the routers: each policy's choice, and that a choice depends on what the policy says it looks at alone.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "engine/serving/router.h"

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
        ck_assert_int_eq(router("round_robin")->choose(&view, i), (int64_t)(i % N));
}
END_TEST

START_TEST(random_is_even_and_repeatable)
{
    const struct ls_router_view view = {.n = N, .seed = 1, .replica = 2}, other = {.n = N, .seed = 1, .replica = 3};
    int count[N] = {0}, n_same = 0;
    for (uint64_t i = 0; i < N_REQUESTS; i++) {
        const int64_t choice = router("random")->choose(&view, i);
        ck_assert(choice >= 0 && choice < N);
        ck_assert_int_eq(router("random")->choose(&view, i), choice);
        n_same += router("random")->choose(&other, i) == choice;
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
        ck_assert_int_eq(least->choose(&view, i), 2);
    view.load = equal;
    for (uint64_t i = 0; i < 2 * N; i++)
        ck_assert_int_eq(least->choose(&view, i), (int64_t)(i % N));
    view.load = two;
    ck_assert_int_eq(least->choose(&view, 0), 1);
    ck_assert_int_eq(least->choose(&view, 2), 3);
    ck_assert_int_eq(least->choose(&view, 4), 1);
}
END_TEST

START_TEST(one_scheduler_gets_everything)
{
    const int64_t load[1] = {100};
    const struct ls_router_view view = {.n = 1, .load = load};
    for (int i = 0; i < LS_N_ROUTERS; i++)
        for (uint64_t request = 0; ls_routers[i].choose && request < 10; request++)
            ck_assert_int_eq(ls_routers[i].choose(&view, request), 0);
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
    tcase_add_test(tcase, one_scheduler_gets_everything);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
