/* Promises of prefix caching in whole runs: it finds what there is to find, costs nothing, loses no block, and what
 * comes of a client does not depend on the deployment. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/property/run_serving.h"
#include "tests/random_scenario.h"
#include "tests/suite.h"

static struct random_scenario drawn;
static struct ls_scenario scenario;
static struct run run;

static struct ls_profile *make(int prompt_tok, int output_tok)
{
    scenario_make(&scenario, scenario_llama_70b);
    scenario.strategy.tp = 8;
    scenario.workload.max_requests = 200;
    return scenario_add_profile(&scenario, 5, prompt_tok, output_tok);
}

static const double *simulate(int64_t kv_blocks)
{
    enum ls_reason reason;
    struct ls_err err = {""};
    ck_assert_msg(ls_scenario_resolve(&scenario, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_int_eq(scenario.engine.block_size, 16);
    return run_serving(&run, &scenario, kv_blocks);
}

/* One system prompt of 32 blocks and a bit: the first request computes it, all others find it, even in the same step.
 */
START_TEST(all_but_the_first_find_the_system_prompt)
{
    struct ls_profile *profile = make(100, 20);
    profile->shared_prefix.tokens = 520;
    if (_i)
        profile->arrivals.process = LS_ARRIVALS_ALL_AT_ONCE;
    const double *m = simulate(100000);
    ck_assert_int_eq(run.collector.n_hit_tok, 199 * 512);
    ck_assert_int_eq(run.collector.n_looked_up_tok, 200 * 620);
    ck_assert_double_eq_tol(m[LS_METRIC_PREFIX_HIT_RATE], 199.0 * 512 / (200 * 620), 1e-12);
}
END_TEST

/* A turn finds all blocks that its session filled: all its tokens but the last, which no step has stored. */
START_TEST(with_enough_memory_a_session_finds_all_that_was_said)
{
    struct ls_profile *profile = make(100, 50);
    scenario.workload.max_requests = 5 * 40;
    profile->arrivals.process = LS_ARRIVALS_CLOSED;
    profile->arrivals.concurrency = 1; /* one session after the other */
    profile->sessions.turns = scenario_dist(LS_DIST_CONSTANT);
    profile->sessions.turns.value = 5;
    profile->sessions.think_s = scenario_dist(LS_DIST_EXPONENTIAL);
    profile->sessions.think_s.mean = 1;
    (void)simulate(100000);
    int64_t found = 0;
    for (int turn = 1; turn < 5; turn++)
        found += (150 * turn - 1) / 16 * 16;
    ck_assert_int_eq(run.collector.n_hit_tok, 40 * found);
    ck_assert_int_eq(run.collector.n_looked_up_tok, 40 * (5 * 100 + 150 * (0 + 1 + 2 + 3 + 4)));
}
END_TEST

/* Two sessions take turns on blocks for little more than one of them: each has lost all when its turn comes. */
START_TEST(what_does_not_fit_is_found_no_more)
{
    struct ls_profile *profile = make(1600, 17);
    scenario.workload.max_requests = 20;
    profile->arrivals.process = LS_ARRIVALS_CLOSED;
    profile->arrivals.concurrency = 1;
    profile->shared_prefix.tokens = 1600;
    profile->shared_prefix.groups = 2;
    (void)simulate(202);
    const int64_t many = run.collector.n_hit_tok;
    (void)simulate(2000);
    ck_assert_int_eq(run.collector.n_hit_tok, 18 * 1600);
    ck_assert_int_lt(many, 18 * 1600); /* only where one group comes twice in a row */
    profile->shared_prefix.groups = 1;
    (void)simulate(202);
    ck_assert_int_eq(run.collector.n_hit_tok, 19 * 1600);
}
END_TEST

/* Alone in the system, a request that need not compute all of its prompt has its first token no later. Latent attention
 * is another matter: prefill expands the keys and values of what was found again, which may take longer than a short
 * prompt. */
START_TEST(caching_never_delays_a_request_that_is_alone)
{
    int n_sooner = 0;
    for (uint64_t i = 0; i < 150; i++) {
        random_scenario_draw_with(&drawn, i, &(struct random_limits){.sharing = true, .drain = true});
        struct ls_workload *workload = &drawn.scenario.workload;
        workload->duration_s = NAN;
        workload->trace_options.time_scale = 1e5;
        for (int32_t j = 0; j < workload->n_profiles; j++) {
            workload->profiles[j].sessions.go_on = 0;
            workload->profiles[j].sessions.turns.kind = LS_NULL_CHOICE;
            workload->profiles[j].arrivals.process = LS_ARRIVALS_CONSTANT;
            workload->profiles[j].arrivals.rate = 0.01;
        }
        if (workload->n_profiles > 1 || i % RANDOM_N_MODELS == RANDOM_LATENT || random_is_linear(i))
            continue;
        double ttft_s[2];
        for (int32_t caching = 0; caching < 2; caching++) {
            drawn.scenario.engine.enable_prefix_caching = caching;
            ttft_s[caching] = run_serving(&run, &drawn.scenario, 100000)[LS_METRIC_TTFT_MEAN_S];
        }
        if (run.collector.n_hit_tok == 0)
            continue;
        n_sooner += ttft_s[1] < ttft_s[0];
        ck_assert_msg(ttft_s[1] <= ttft_s[0], "scenario %d: %.17g with caching, %.17g without", (int)i, ttft_s[1],
                      ttft_s[0]);
    }
    ck_assert_int_gt(n_sooner, 10);
}
END_TEST

/* -- one scheduler, looked at after every step -- */

static struct ls_request_pool pool;
static struct ls_scheduler scheduler;

static void arrive(int64_t now_ps, uint64_t index)
{
    const uint32_t id = ls_request_new(&pool);
    struct ls_request *request = ls_request_at(&pool, id);
    request->arrival_ps = request->ready_ps = now_ps;
    request->prompt_tok = (int32_t)random_int(&drawn, 1, 90);
    request->output_tok = (int32_t)random_int(&drawn, 1, 40);
    request->index = index;
    request->measured = true;
    request->content.own = random_chance(&drawn, 0.3);
    request->content.stream = ls_content_id(LS_CONTENT_SESSION, request->content.own,
                                            request->content.own ? index : (uint64_t)random_int(&drawn, 0, 5));
    if (random_chance(&drawn, 0.5)) {
        request->content.head = ls_content_id(LS_CONTENT_GROUP, 0, (uint64_t)random_int(&drawn, 0, 1));
        request->content.head_tok = request->content.part_tok = (int32_t)random_int(&drawn, 1, 40);
    }
    ls_collector_arrival(&run.collector, now_ps, true);
    if (ls_scheduler_accept(&scheduler, id, now_ps))
        ls_scheduler_arrive(&scheduler, id, now_ps);
}

START_TEST(blocks_are_conserved_at_every_step)
{
    int64_t n_hit = 0, n_preempted = 0;
    for (uint64_t i = 0; i < 60; i++) {
        random_scenario_draw_with(&drawn, i, &(struct random_limits){.sharing = true, .other_engine = i % 3 == 0});
        drawn.scenario.engine.enable_prefix_caching = 1;
        drawn.scenario.workload.warmup_s = 0;
        const int n_slots = (int)drawn.scenario.strategy.pp;
        const int64_t kv_blocks = random_int(&drawn, 1, 2) * (140 / drawn.scenario.engine.block_size + 1);
        ls_arena_reset(&run.arena);
        ls_collector_clear(&run.collector, &drawn.scenario);
        ck_assert_int_eq(ls_request_pool_init(&pool, &run.arena, 1), LS_OK);
        ck_assert_int_eq(ls_scheduler_init(&scheduler, &drawn.scenario, kv_blocks, &pool, &run.collector, &run.arena),
                         LS_OK);
        for (int64_t step = 1; step < 600; step++) {
            const int slot = (int)(step % n_slots);
            if (step < 400 && random_chance(&drawn, 0.3))
                arrive(step * 1000, (uint64_t)step);
            if (scheduler.slots[slot].in_flight)
                ls_scheduler_complete(&scheduler, slot, step * 1000, step * 1000);
            ck_assert(ls_prefix_cache_is_sound(&scheduler.cache, scheduler.n_free));
            ls_scheduler_compose(&scheduler, slot, step * 1000, step * 1000);
            ck_assert(ls_prefix_cache_is_sound(&scheduler.cache, scheduler.n_free));
            ck_assert(scheduler.running.n > 0 || scheduler.n_free == kv_blocks);
            ck_assert_int_ge(scheduler.n_charged, kv_blocks - scheduler.n_free);
        }
        n_hit += run.collector.n_hit_tok;
        n_preempted += run.collector.n_preemptions;
    }
    ck_assert_int_gt(n_hit, 10000);
    ck_assert_int_gt(n_preempted, 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prefix caching");
    TCase *tcase = tcase_create("prefix caching");
    if (!run_init(&run))
        return EXIT_FAILURE;
    tcase_add_loop_test(tcase, all_but_the_first_find_the_system_prompt, 0, 2);
    tcase_add_test(tcase, with_enough_memory_a_session_finds_all_that_was_said);
    tcase_add_test(tcase, what_does_not_fit_is_found_no_more);
    tcase_add_test(tcase, caching_never_delays_a_request_that_is_alone);
    tcase_add_test(tcase, blocks_are_conserved_at_every_step);
    suite_add_tcase(suite, tcase);
    const int status = suite_run(suite);
    run_release(&run);
    return status;
}
