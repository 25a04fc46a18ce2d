#ifndef LS_TESTS_SCHEDULER_CASE_H
#define LS_TESTS_SCHEDULER_CASE_H

/* One scheduler with a few blocks of 4 tokens, played by hand: the state that a test's steps change, and who arrives.
 */

#include <check.h>

#include "engine/serving/scheduler/scheduler.h"
#include "engine/sim/clock.h"
#include "tests/scenario.h"

static struct ls_scenario scenario;
static struct ls_arena arena;
static struct ls_collector collector;
static struct ls_request_pool pool;
static struct ls_scheduler scheduler;
static int64_t now_ps;

/* Room for 4 sequences and 16 tokens a pass. */
static inline void scheduler_case_set_up(void)
{
    struct ls_err err;
    scenario_make(&scenario, scenario_llama_70b);
    scenario.engine.block_size = 4;
    scenario.engine.max_num_seqs = 4;
    scenario.engine.max_num_batched_tokens = 16;
    scenario.engine.long_prefill_token_threshold = 16;
    scenario.engine.enable_chunked_prefill = 1;
    scenario.engine.batching = LS_BATCHING_MIXED;
    scenario.engine.output_reserve = scenario.engine.output_reserve_start = 0;
    ck_assert_int_eq(ls_collector_init(&collector, &err), LS_OK);
    now_ps = 0;
}

static inline void tear_down(void)
{
    ls_collector_release(&collector);
    ls_arena_release(&arena);
}

static inline void start(int64_t kv_blocks)
{
    ls_collector_clear(&collector, &scenario);
    ck_assert_int_eq(ls_request_pool_init(&pool, &arena, 1), LS_OK);
    ck_assert_int_eq(ls_scheduler_init(&scheduler, &scenario, kv_blocks, &pool, &collector, &arena), LS_OK);
}

/* A request that comes now, measured. */
static inline uint32_t scheduler_case_request(int32_t prompt_tok, int32_t output_tok)
{
    const uint32_t id = ls_request_new(&pool);
    struct ls_request *request = ls_request_at(&pool, id);
    request->arrival_ps = request->ready_ps = now_ps;
    request->prompt_tok = prompt_tok;
    request->output_tok = output_tok;
    request->measured = request->streams = request->counts_gaps = true;
    ls_collector_arrival(&collector, now_ps, true);
    return id;
}

/* False: it is rejected. */
static inline bool scheduler_case_arrive(uint32_t id)
{
    if (!ls_scheduler_accept(&scheduler, id, now_ps))
        return false;
    ls_scheduler_arrive(&scheduler, id, now_ps);
    return true;
}

#endif
