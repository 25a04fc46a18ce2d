/* Promises about memory: a simulation asks the system for none once its workspace has seen one of its size, and for no
 * more when ten times as many requests pass through. Every allocation of this program is counted: the linker puts the
 * functions below in place of the C library's. */
#include <check.h>
#include <stdlib.h>

#include "tests/property/run_serving.h"
#include "tests/random_scenario.h"
#include "tests/suite.h"

static uint64_t n_calls, n_bytes;

/* NOLINTBEGIN(bugprone-reserved-identifier): names that the linker gives */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static void count(size_t size)
{
    n_calls++;
    n_bytes += size;
}

void *__wrap_malloc(size_t size)
{
    count(size);
    return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    count(n * size);
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    count(size);
    return __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    count(size);
    return __real_aligned_alloc(alignment, size);
}

/* NOLINTEND(bugprone-reserved-identifier) */

static struct random_scenario drawn;

/* Calls that simulating it takes. Check has allocations of its own, so none of it may run in between. */
static uint64_t calls_of(struct run *run, enum ls_lod lod)
{
    struct ls_watch watch = {0};
    struct ls_err err = {""};
    drawn.scenario.strategy.lod = (int32_t)lod;
    ls_arena_reset(&run->arena);
    const uint64_t before = n_calls;
    const enum ls_status status =
        ls_serving_run(&drawn.scenario, drawn.kv_blocks, &run->collector, &run->arena, &watch, &run->metrics, &err);
    const uint64_t calls = n_calls - before;
    ck_assert_msg(status == LS_OK, "scenario %d: %s", (int)drawn.number, err.text);
    return calls;
}

START_TEST(a_scenario_met_before_takes_no_memory)
{
    struct run run;
    ck_assert(run_init(&run));
    for (int i = 0; i < 100; i++) {
        const enum ls_lod lod = i % 2 ? LS_LOD_HIGH : LS_LOD_MEDIUM;
        random_scenario_draw(&drawn, (uint64_t)i);
        (void)calls_of(&run, lod);
        const uint64_t calls = calls_of(&run, lod);
        ck_assert_msg(calls == 0, "scenario %d: %d allocations", i, (int)calls);
    }
    run_release(&run);
}
END_TEST

/* Small cells and some with tables of many megabytes. */
static void draw_mixed(uint64_t number)
{
    random_scenario_draw(&drawn, number);
    if (number % 7 == 0)
        drawn.scenario.engine.max_num_batched_tokens *= 1000;
    if (number % 3 == 0)
        drawn.scenario.engine.max_num_seqs *= 100;
    if (drawn.scenario.engine.max_num_batched_tokens < drawn.scenario.engine.max_num_seqs)
        drawn.scenario.engine.max_num_batched_tokens = drawn.scenario.engine.max_num_seqs;
}

/* A rank meets cells in any order; before long it has what the largest of them needs, and little more. */
START_TEST(a_mix_of_scenarios_stops_taking_memory)
{
    enum { N_MIXED = 100 };
    struct run run;
    uint64_t calls = 0, most_bytes = 0;
    for (uint64_t i = 0; i < N_MIXED; i++) {
        draw_mixed(i);
        ck_assert(run_init(&run));
        const uint64_t bytes = n_bytes;
        (void)calls_of(&run, LS_LOD_MEDIUM);
        most_bytes = n_bytes - bytes > most_bytes ? n_bytes - bytes : most_bytes;
        run_release(&run);
    }
    ck_assert(run_init(&run));
    const uint64_t bytes = n_bytes;
    for (uint64_t i = 0; i < 5 * N_MIXED; i++) {
        draw_mixed(i * 37 % N_MIXED);
        const uint64_t more = calls_of(&run, LS_LOD_MEDIUM);
        calls += i < 2 * N_MIXED ? 0 : more;
    }
    ck_assert_uint_le(n_bytes - bytes, 2 * most_bytes);
    ck_assert_msg(calls == 0, "%d allocations after every scenario had been met twice", (int)calls);
    run_release(&run);
}
END_TEST

struct use {
    uint64_t calls, bytes, requests, steps;
};

static struct use use_of(double duration_s, int output_tok)
{
    struct ls_scenario *scenario = &drawn.scenario;
    enum ls_reason reason;
    struct ls_err err;
    scenario_make(scenario, scenario_llama_70b);
    scenario->strategy.tp = 8;
    scenario->workload.duration_s = duration_s;
    (void)scenario_add_profile(scenario, 2, 100, output_tok);
    ck_assert_int_eq(ls_scenario_resolve(scenario, &reason, &err), LS_OK);

    struct ls_sim *sim = ls_sim_new();
    struct ls_result result;
    const uint64_t calls = n_calls, bytes = n_bytes;
    const enum ls_status status = ls_simulate(sim, scenario, &result, &err);
    const struct use use = {n_calls - calls, n_bytes - bytes, (uint64_t)result.metrics.scalar[LS_METRIC_N_ARRIVED],
                            (uint64_t)result.metrics.scalar[LS_METRIC_N_STEPS]};
    ck_assert_int_eq(status, LS_OK);
    ck_assert_uint_eq(ls_sim_mallocs(sim), use.calls);
    ls_sim_free(sim);
    return use;
}

START_TEST(memory_depends_on_the_load_not_on_how_long_it_lasts)
{
    const struct use brief = use_of(300, 50), lasting = use_of(3000, 50), wordy = use_of(300, 200);
    ck_assert_uint_gt(lasting.requests, 9 * brief.requests);
    ck_assert_uint_gt(lasting.steps, 5 * brief.steps);
    ck_assert_uint_gt(wordy.steps, brief.steps);
    ck_assert_uint_eq(lasting.calls, brief.calls);
    ck_assert_uint_eq(lasting.bytes, brief.bytes);
    ck_assert_uint_eq(wordy.calls, brief.calls);
    ck_assert_uint_eq(wordy.bytes, brief.bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("allocations");
    TCase *tcase = tcase_create("allocations");
    tcase_add_test(tcase, a_scenario_met_before_takes_no_memory);
    tcase_add_test(tcase, a_mix_of_scenarios_stops_taking_memory);
    tcase_add_test(tcase, memory_depends_on_the_load_not_on_how_long_it_lasts);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
