#include "engine/serving/scheduler/scheduler.h"

#include <assert.h>
#include <string.h>

#include "engine/memory/serving_memory.h"
#include "engine/serving/deployment/handover.h"
#include "engine/serving/scheduler/admission.h"
#include "engine/serving/scheduler/decode_set.h"
#include "engine/serving/scheduler/room.h"
#include "engine/serving/scheduler/running.h"

static void note_queues(struct ls_scheduler *s, int64_t now_ps)
{
    ls_level_set(&s->queue_level, ls_scheduler_n_queued(s), now_ps);
    ls_level_set(&s->running_level, s->running.n, now_ps);
}

/* -- arrival -- */

static bool can_run(const struct ls_scheduler *s, const struct ls_request *request)
{
    const int64_t most = (int64_t)request->prompt_tok + request->output_tok - 1 + ls_drafts_ahead(&s->drafts);
    if (s->max_model_len > 0 && request->prompt_tok >= s->max_model_len)
        return false;
    if (!s->chunked && request->prompt_tok > s->max_tok)
        return false;
    if (s->hands_over && request->output_tok > 1)
        return ls_scheduler_blocks(s, request->prompt_tok) <= s->n_blocks &&
               ls_scheduler_blocks(s, most) <= s->n_blocks_elsewhere;
    return ls_scheduler_blocks(s, most) <= s->n_blocks;
}

bool ls_scheduler_accept(struct ls_scheduler *s, uint32_t id, int64_t now_ps)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    if (s->max_model_len > 0 && (int64_t)request->prompt_tok + request->output_tok > s->max_model_len &&
        request->prompt_tok < s->max_model_len)
        request->output_tok = (int32_t)(s->max_model_len - request->prompt_tok);
    if (!can_run(s, request)) {
        ls_collector_reject(s->collector, request, now_ps);
        if (s->completed)
            s->completed(s->context, request, now_ps);
        ls_request_free(s->pool, id);
        return false;
    }
    s->n_expected++;
    s->prompt_tok += request->prompt_tok;
    return true;
}

void ls_scheduler_arrive(struct ls_scheduler *s, uint32_t id, int64_t now_ps)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    s->n_expected--;
    request->state = LS_REQUEST_WAITING;
    request->n_target = request->prompt_tok;
    ls_waiting_come(&s->waiting, s->pool, id);
    ls_level_set(&s->queue_level, ls_scheduler_n_queued(s), now_ps);
}

/* -- blocks -- */

void ls_scheduler_give_blocks(struct ls_scheduler *s, struct ls_request *request, const struct ls_stored *stored,
                              int64_t now_ps)
{
    struct ls_holding *const holding = ls_scheduler_holding(s, request);
    s->n_charged -= stored->n_blocks;
    ls_scheduler_free_blocks(
        s, s->caching ? ls_prefix_cache_release(&s->cache, &request->content, holding, stored) : stored->n_blocks,
        now_ps);
}

void ls_scheduler_learn(struct ls_scheduler *s, uint32_t id)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    if (s->caching)
        ls_prefix_cache_learn(&s->cache, &request->content, ls_scheduler_holding(s, request), request->n_computed);
}

/* The same of the pass's chunks, when all running requests have their blocks. */
static void learn_chunks(struct ls_scheduler *s, const struct ls_slot *g)
{
    for (size_t i = 0; i < g->n_chunks; i++)
        if (!g->chunks[i].decode)
            ls_scheduler_learn(s, g->chunks[i].id);
}

/* -- composing a pass -- */

static void finish_batch(const struct ls_scheduler *s, struct ls_slot *g)
{
    struct ls_batch *batch = &g->batch;
    if (g->decoding && s->drafts.n == 0) {
        batch->n_decode = g->n_decode;
        g->n_sent += g->n_decode;
        batch->decode_context = g->stored_tok + g->n_decode;
        batch->decode_window = s->window > 0 ? g->within_tok + (g->n_decode - g->n_beyond) + g->n_beyond * s->window
                                             : batch->decode_context;
    }
    batch->n_tok = batch->n_decode + batch->draft_tok + batch->prefill_tok;
    batch->n_sampled = batch->n_decode + batch->draft_tok + batch->n_prefill;
    g->in_flight = batch->n_tok > 0;
}

static void note_reserve(struct ls_scheduler *s, const struct ls_batch *batch)
{
    if (batch->n_tok > 0 && batch->prefill_tok == 0)
        ls_reserve_note_passes(&s->reserve, 1);
    else if (s->running.n == 0)
        ls_reserve_restart(&s->reserve);
}

/* Running requests, then those that were swapped out, then waiting ones. */
static void compose_mixed(struct ls_scheduler *s, int slot, int64_t now_ps, int64_t seen_ps)
{
    int64_t budget = s->max_tok;
    const bool room = ls_running_add(s, slot, &budget, now_ps);
    learn_chunks(s, &s->slots[slot]);
    if (!room || ls_scheduler_n_queued(s) == 0)
        return;
    ls_admission_take_swapped(s, slot, &budget, now_ps);
    ls_admission_take_waiting(s, slot, &budget, now_ps, seen_ps);
}

/* Prompts under way, then waiting ones; without any, the decodes. */
static void compose_prompts_first(struct ls_scheduler *s, int slot, int64_t now_ps, int64_t seen_ps)
{
    struct ls_slot *g = &s->slots[slot];
    int64_t budget = s->max_tok;
    const bool room = ls_running_add_prompts(s, slot, &budget, now_ps);
    learn_chunks(s, g);
    if (room && !s->closed)
        ls_admission_take_waiting(s, slot, &budget, now_ps, seen_ps);
    g->decoding = g->n_chunks == 0;
    if (!g->decoding)
        return;
    s->closed = s->batching == LS_BATCHING_STATIC && s->running.n > 0;
    if (ls_running_add(s, slot, &budget, now_ps))
        ls_admission_take_swapped(s, slot, &budget, now_ps);
}

void ls_scheduler_compose(struct ls_scheduler *s, int slot, int64_t now_ps, int64_t seen_ps)
{
    struct ls_slot *g = &s->slots[slot];
    assert(!g->in_flight);
    const bool waited = ls_scheduler_n_queued(s) > 0 || s->n_fetched > 0;
    g->batch = (struct ls_batch){0};
    g->n_chunks = 0;
    g->n_sent = 0;
    g->decoding = true;
    s->n_fresh = 0;
    if (s->n_fetched > 0 && s->n_prefilling == 0)
        ls_handover_join(s, slot, seen_ps);
    if (s->batching == LS_BATCHING_MIXED)
        compose_mixed(s, slot, now_ps, seen_ps);
    else
        compose_prompts_first(s, slot, now_ps, seen_ps);
    if (waited || ls_scheduler_n_queued(s) > 0)
        note_queues(s, now_ps);
    finish_batch(s, g);
    note_reserve(s, &g->batch);
#ifdef LS_CHECK_EVENTS
    ls_scheduler_check(s);
#endif
}

void ls_scheduler_cut_off(struct ls_scheduler *s, int64_t now_ps)
{
    while (s->waiting.n > 0) {
        const uint32_t id = ls_waiting_first(&s->waiting, s->pool, INT64_MAX);
        const struct ls_request *request = ls_request_at(s->pool, id);
        if (request->scheduled_ps < 0)
            ls_collector_wait(s->collector, request, now_ps);
        ls_collector_unfinished(s->collector, request);
        ls_waiting_take(&s->waiting, s->pool, id);
    }
    for (uint32_t id = s->swap.out.head; id != LS_NO_REQUEST; id = ls_request_at(s->pool, id)->next)
        ls_collector_unfinished(s->collector, ls_request_at(s->pool, id));
    for (uint32_t id = s->running.head; id != LS_NO_REQUEST;) {
        struct ls_request *request = ls_request_at(s->pool, id);
        if (request->state == LS_REQUEST_DECODING)
            request->n_generated = (int32_t)ls_decode_generated(s, request);
        ls_collector_unfinished(s->collector, request);
        id = request->next;
    }
}

/* -- set-up -- */

static enum ls_status init_slot(struct ls_slot *g, const struct ls_scheduler *s, struct ls_arena *arena)
{
    const size_t n = (size_t)s->max_seqs;
    *g = (struct ls_slot){.due_capacity = 4 * n + 16};
    g->residue = ls_arena_take(arena, (size_t)s->block_size * sizeof *g->residue);
    g->due = ls_arena_take(arena, g->due_capacity * sizeof *g->due);
    g->chunks = ls_arena_take(arena, n * sizeof *g->chunks);
    g->late = ls_arena_take(arena, n * sizeof *g->late);
    if (!g->residue || !g->due || !g->chunks || !g->late)
        return LS_NOMEM;
    memset(g->residue, 0, (size_t)s->block_size * sizeof *g->residue);
    return LS_OK;
}

enum ls_status ls_scheduler_init(struct ls_scheduler *s, const struct ls_scenario *scenario, int64_t kv_blocks,
                                 struct ls_request_pool *pool, struct ls_collector *collector, struct ls_arena *arena)
{
    const struct ls_engine *engine = &scenario->engine;
    *s = (struct ls_scheduler){
        .pool = pool,
        .collector = collector,
        .block_size = engine->block_size,
        .n_blocks = kv_blocks,
        .n_free = kv_blocks,
        .state_blocks = ls_state_blocks(scenario),
        .caching = engine->enable_prefix_caching == 1,
        .max_seqs = engine->max_num_seqs,
        .max_tok = engine->max_num_batched_tokens,
        .max_chunk = engine->enable_chunked_prefill ? engine->long_prefill_token_threshold : INT32_MAX,
        .max_model_len = engine->max_model_len == LS_NULL_INT ? 0 : engine->max_model_len,
        .window = scenario->model.sliding_window == LS_NULL_INT ? 0 : scenario->model.sliding_window,
        .chunked = engine->enable_chunked_prefill,
        .drafts = ls_drafts_of(scenario),
        .batching = engine->batching,
        .reserve = ls_reserve_make(engine),
        .n_slots = (int)scenario->strategy.pp,
        .running = ls_request_list_empty,
        .swap = ls_swap_make(scenario),
        .queue_level = {.since_ps = collector->warmup_ps},
        .running_level = {.since_ps = collector->warmup_ps},
        .kv_level = {.since_ps = collector->warmup_ps},
    };
    ls_waiting_init(&s->waiting, &ls_policies[engine->scheduling_policy]);
    s->evicts_by_rank = s->waiting.policy->rank && s->n_slots == 1;
    if (s->caching && ls_prefix_cache_init(&s->cache, s->block_size, kv_blocks, arena))
        return LS_NOMEM;
    s->slots = ls_arena_take(arena, (size_t)s->n_slots * sizeof *s->slots);
    s->prefilling = ls_arena_take(arena, (size_t)s->max_seqs * sizeof *s->prefilling);
    if (!s->slots || !s->prefilling)
        return LS_NOMEM;
    for (int i = 0; i < s->n_slots; i++)
        if (init_slot(&s->slots[i], s, arena))
            return LS_NOMEM;
    return LS_OK;
}
