/* Promises of a watched simulation: it asks while it runs, ends without a result when told to, and is otherwise the
 * simulation that nobody watches. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/scenario.h"
#include "tests/suite.h"

struct questions {
    int n, n_yes;
};

static bool answer(void *context)
{
    struct questions *questions = context;
    return questions->n++ < questions->n_yes;
}

static struct ls_scenario scenario;

static void make(const char *lod)
{
    enum ls_reason reason;
    struct ls_err err;
    scenario_make(&scenario, scenario_llama_70b);
    scenario_set(&scenario, "strategy.tp", "8");
    scenario_set(&scenario, "strategy.lod", lod);
    scenario_set(&scenario, "workload.max_requests", "200");
    (void)scenario_add_profile(&scenario, 5, 200, 50);
    ck_assert_int_eq(ls_scenario_resolve(&scenario, &reason, &err), LS_OK);
    ck_assert_int_eq(reason, LS_REASON_NONE);
}

START_TEST(a_no_ends_the_simulation_and_only_it)
{
    make(_i ? "high" : "medium");
    struct ls_sim *sim = ls_sim_new();
    struct ls_result alone, watched, after;
    struct ls_err err;
    ck_assert_int_eq(ls_simulate(sim, &scenario, &alone, &err), LS_OK);

    struct questions always = {.n_yes = 1 << 30};
    ls_sim_watch(sim, answer, &always);
    ck_assert_int_eq(ls_simulate(sim, &scenario, &watched, &err), LS_OK);
    ck_assert_mem_eq(&watched, &alone, sizeof alone);
    ck_assert_int_gt(always.n, 3);

    struct questions twice = {.n_yes = 2};
    ls_sim_watch(sim, answer, &twice);
    memset(&watched, 1, sizeof watched);
    const struct ls_result untouched = watched;
    ck_assert_int_eq(ls_simulate(sim, &scenario, &watched, &err), LS_STOPPED);
    ck_assert_int_eq(twice.n, 3);
    ck_assert_mem_eq(&watched, &untouched, sizeof watched);

    ls_sim_watch(sim, NULL, NULL);
    ck_assert_int_eq(ls_simulate(sim, &scenario, &after, &err), LS_OK);
    ck_assert_mem_eq(&after, &alone, sizeof alone);
    ls_sim_free(sim);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch");
    TCase *tcase = tcase_create("watch");
    tcase_add_loop_test(tcase, a_no_ends_the_simulation_and_only_it, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
