/* Promises of repeatability: a scenario's metrics depend on the scenario alone, to the last bit, and the requests of a
 * workload on its seed and replica alone: strategies and loads are compared on the same ones. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/property/run_serving.h"
#include "tests/random_scenario.h"
#include "tests/suite.h"

enum { N_SCENARIOS = 60, N_REQUESTS = 200 };

static struct random_scenario drawn;

static struct ls_metrics simulate(struct run *run, uint64_t number, enum ls_lod lod)
{
    random_scenario_draw(&drawn, number);
    drawn.scenario.strategy.lod = (int32_t)lod;
    (void)run_serving(run, &drawn.scenario, drawn.kv_blocks);
    return run->metrics;
}

START_TEST(metrics_do_not_depend_on_what_was_simulated_before)
{
    const enum ls_lod lod = _i ? LS_LOD_HIGH : LS_LOD_MEDIUM;
    struct run worn, fresh;
    ck_assert(run_init(&worn));
    for (uint64_t i = 0; i < N_SCENARIOS; i++) {
        const struct ls_metrics first = simulate(&worn, i, lod);
        const struct ls_metrics again = simulate(&worn, i, lod);
        (void)simulate(&worn, i + 1000, lod);
        const struct ls_metrics after_another = simulate(&worn, i, lod);
        ck_assert(run_init(&fresh));
        const struct ls_metrics alone = simulate(&fresh, i, lod);
        run_release(&fresh);
        ck_assert_msg(memcmp(&first, &again, sizeof first) == 0, "scenario %d, twice", (int)i);
        ck_assert_msg(memcmp(&first, &after_another, sizeof first) == 0, "scenario %d, after another", (int)i);
        ck_assert_msg(memcmp(&first, &alone, sizeof first) == 0, "scenario %d, alone", (int)i);
    }
    run_release(&worn);
}
END_TEST

START_TEST(the_front_door_is_as_repeatable)
{
    struct ls_sim *const sim = ls_sim_new(), *const other = ls_sim_new();
    struct ls_result first, again, elsewhere;
    struct ls_err err;
    for (uint64_t i = 0; i < 20; i++) {
        random_scenario_draw(&drawn, i);
        ck_assert_int_eq(ls_simulate(sim, &drawn.scenario, &first, &err), LS_OK);
        ck_assert_int_eq(ls_simulate(sim, &drawn.scenario, &again, &err), LS_OK);
        ck_assert_int_eq(ls_simulate(other, &drawn.scenario, &elsewhere, &err), LS_OK);
        ck_assert_mem_eq(&first.metrics, &again.metrics, sizeof first.metrics);
        ck_assert_mem_eq(&first.metrics, &elsewhere.metrics, sizeof first.metrics);
    }
    ls_sim_free(sim);
    ls_sim_free(other);
}
END_TEST

/* The requests of a run, in order of arrival. */
static void list_requests(const struct ls_scenario *scenario, struct ls_arrival requests[N_REQUESTS])
{
    struct ls_source source;
    ls_source_init(&source, scenario);
    for (int i = 0; i < N_REQUESTS; i++)
        ck_assert(ls_source_next(&source, &requests[i]));
}

static void make_workload(struct ls_scenario *scenario)
{
    scenario_make(scenario, scenario_llama_70b);
    scenario->workload.max_requests = 1000;
    for (int i = 0; i < 2; i++) {
        struct ls_profile *profile = scenario_add_profile(scenario, 1 + i, 100, 100);
        profile->prompt_tokens.dist = profile->output_tokens.dist = scenario_exponential(300);
    }
}

START_TEST(a_strategy_changes_no_request)
{
    struct ls_scenario scenario, other;
    static struct ls_arrival before[N_REQUESTS], after[N_REQUESTS];
    make_workload(&scenario);
    other = scenario;
    other.strategy.tp = 8;
    other.strategy.dp = 2;
    other.strategy.lod = LS_LOD_HIGH;
    other.engine.router = 2;
    other.engine.max_num_seqs = 3;
    list_requests(&scenario, before);
    list_requests(&other, after);
    for (int i = 0; i < N_REQUESTS; i++) {
        ck_assert_int_eq(before[i].arrival_ps, after[i].arrival_ps);
        ck_assert_int_eq(before[i].prompt_tok, after[i].prompt_tok);
        ck_assert_int_eq(before[i].output_tok, after[i].output_tok);
    }
}
END_TEST

START_TEST(a_load_stretches_the_gaps_and_keeps_the_lengths)
{
    struct ls_scenario scenario, other;
    static struct ls_arrival before[N_REQUESTS], after[N_REQUESTS];
    make_workload(&scenario);
    scenario.workload.mixing = _i;
    other = scenario;
    for (int i = 0; i < 2; i++)
        other.workload.profiles[i].arrivals.rate *= 4;
    list_requests(&scenario, before);
    list_requests(&other, after);
    for (int i = 0; i < N_REQUESTS; i++) {
        ck_assert_int_le(llabs(before[i].arrival_ps - 4 * after[i].arrival_ps), 4);
        ck_assert_int_eq(before[i].profile, after[i].profile);
        ck_assert_int_eq(before[i].prompt_tok, after[i].prompt_tok);
        ck_assert_int_eq(before[i].output_tok, after[i].output_tok);
    }
}
END_TEST

START_TEST(seeds_and_replicas_change_every_request)
{
    struct ls_scenario scenario, other;
    static struct ls_arrival before[N_REQUESTS], after[N_REQUESTS];
    int n_same = 0;
    make_workload(&scenario);
    other = scenario;
    if (_i)
        other.seed++;
    else
        other.replica++;
    list_requests(&scenario, before);
    list_requests(&other, after);
    for (int i = 0; i < N_REQUESTS; i++) {
        ck_assert_int_ne(before[i].arrival_ps, after[i].arrival_ps);
        n_same += before[i].prompt_tok == after[i].prompt_tok;
    }
    ck_assert_int_lt(n_same, 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("determinism");
    TCase *tcase = tcase_create("determinism");
    tcase_add_loop_test(tcase, metrics_do_not_depend_on_what_was_simulated_before, 0, 2);
    tcase_add_test(tcase, the_front_door_is_as_repeatable);
    tcase_add_test(tcase, a_strategy_changes_no_request);
    tcase_add_loop_test(tcase, a_load_stretches_the_gaps_and_keeps_the_lengths, 0, 2);
    tcase_add_loop_test(tcase, seeds_and_replicas_change_every_request, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
