#include "engine/serving/scheduler.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "engine/serving/decode_set.h"

static int64_t blocks_for(const struct ls_scheduler *s, int64_t n_tok)
{
    return (n_tok + s->block_size - 1) / s->block_size;
}

static void note_queues(struct ls_scheduler *s, int64_t now_ps)
{
    ls_level_set(&s->queue_level, s->waiting.n, now_ps);
    ls_level_set(&s->running_level, s->running.n, now_ps);
}

/* KV tokens that a running request holds blocks for, those of a pass under way included. */
static int64_t held_tok(const struct ls_scheduler *s, const struct ls_request *request)
{
    switch (request->state) {
    case LS_REQUEST_DECODING:
        return request->base + s->slots[request->slot].step + (s->slots[request->slot].in_flight ? 1 : 0);
    case LS_REQUEST_PAUSED:
        return request->base;
    default:
        return request->n_computed;
    }
}

/* -- arrival -- */

static bool can_run(const struct ls_scheduler *s, const struct ls_request *request)
{
    const int64_t total = (int64_t)request->prompt_tok + request->output_tok;
    if (s->max_model_len > 0 && request->prompt_tok >= s->max_model_len)
        return false;
    if (!s->chunked && request->prompt_tok > s->max_tok)
        return false;
    return blocks_for(s, total - 1) <= s->n_blocks;
}

bool ls_scheduler_arrive(struct ls_scheduler *s, uint32_t id, int64_t now_ps)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    if (s->max_model_len > 0 && (int64_t)request->prompt_tok + request->output_tok > s->max_model_len &&
        request->prompt_tok < s->max_model_len)
        request->output_tok = (int32_t)(s->max_model_len - request->prompt_tok);
    if (!can_run(s, request)) {
        ls_collector_reject(s->collector, request->measured);
        if (s->completed)
            s->completed(s->context, request, now_ps);
        ls_request_free(s->pool, id);
        return false;
    }
    request->state = LS_REQUEST_WAITING;
    request->n_target = request->prompt_tok;
    ls_request_list_append(&s->waiting, s->pool, id);
    ls_level_set(&s->queue_level, s->waiting.n, now_ps);
    return true;
}

/* -- composing a pass -- */

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Σ over i in (start, end] of min(i, window): tokens attended to under a sliding window. */
static int64_t window_pairs(int64_t start, int64_t end, int64_t window)
{
    if (start >= window)
        return (end - start) * window;
    const int64_t cut = min64(end, window);
    return (cut * (cut + 1) - start * (start + 1)) / 2 + (end - cut) * window;
}

/* Add the next chunk of a request to the pass; blocks and budget are known to be there. */
static void schedule_chunk(struct ls_scheduler *s, int slot, uint32_t id, int64_t n_tok)
{
    struct ls_slot *g = &s->slots[slot];
    struct ls_request *request = ls_request_at(s->pool, id);
    const int64_t start = request->n_computed, end = start + n_tok;
    request->n_computed = (int32_t)end;
    request->n_in_flight++;
    const bool last = end == request->n_target;
    g->chunks[g->n_chunks++] = (struct ls_chunk){id, (int32_t)n_tok, last};
    struct ls_batch *batch = &g->batch;
    batch->n_prefill++;
    batch->prefill_tok += n_tok;
    batch->prefill_context += end;
    batch->prefill_pairs += (end * (end + 1) - start * (start + 1)) / 2;
    if (s->window > 0) {
        batch->prefill_window_context += min64(end, n_tok + s->window - 1);
        batch->prefill_window_pairs += window_pairs(start, end, s->window);
    }
    if (last) {
        request->state = LS_REQUEST_PREFILLED;
        request->slot = (int16_t)slot;
    }
}

static void drop_prefilled(struct ls_scheduler *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_prefilling; i++)
        if (ls_request_at(s->pool, s->prefilling[i])->state == LS_REQUEST_PREFILLING)
            s->prefilling[kept++] = s->prefilling[i];
    s->n_prefilling = kept;
}

/* Running requests when nothing runs short: every decode gets its token and block, every prefill its chunk (the last of
 * them perhaps cut by the budget, when all prefills are newer than the decodes). False, and nothing is done, when the
 * order of the walk could matter. */
static bool schedule_running_at_once(struct ls_scheduler *s, int slot, int64_t *budget, int64_t now_ps)
{
    struct ls_slot *g = &s->slots[slot];
    int64_t need = g->residue[g->step % s->block_size];
    if (s->n_paused > 0 || g->n_decode > *budget)
        return false;
    int64_t left = *budget - g->n_decode;
    for (size_t i = 0; i < s->n_prefilling; i++) {
        const struct ls_request *request = ls_request_at(s->pool, s->prefilling[i]);
        const int64_t wanted = min64(request->n_target - request->n_computed, s->max_chunk);
        const int64_t n_tok = min64(wanted, left);
        if (n_tok < wanted && request->order < g->newest_order)
            return false;
        need += blocks_for(s, request->n_computed + n_tok) - blocks_for(s, request->n_computed);
        left -= n_tok;
    }
    if (need > s->n_free)
        return false;
    left = *budget - g->n_decode;
    for (size_t i = 0; i < s->n_prefilling && left > 0; i++) {
        const struct ls_request *request = ls_request_at(s->pool, s->prefilling[i]);
        const int64_t n_tok = min64(min64(request->n_target - request->n_computed, s->max_chunk), left);
        schedule_chunk(s, slot, s->prefilling[i], n_tok);
        left -= n_tok;
    }
    if (g->n_chunks > 0)
        drop_prefilled(s);
    if (need > 0)
        ls_scheduler_take_blocks(s, need, now_ps);
    *budget = left;
    return true;
}

/* Back to the head of the queue, to be computed again. */
static void preempt(struct ls_scheduler *s, uint32_t id, int64_t now_ps)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    ls_scheduler_take_blocks(s, -blocks_for(s, held_tok(s, request)), now_ps);
    if (request->state == LS_REQUEST_DECODING)
        ls_decode_leave(s, id);
    s->n_paused -= request->state == LS_REQUEST_PAUSED;
    request->state = LS_REQUEST_WAITING;
    drop_prefilled(s);
    request->n_computed = 0;
    request->n_target = request->prompt_tok + request->n_generated;
    ls_request_list_remove(&s->running, s->pool, id);
    ls_request_list_prepend(&s->waiting, s->pool, id);
    if (now_ps >= s->collector->warmup_ps)
        s->collector->n_preemptions++;
}

/* The newest running request, `oldest` or newer, that no pass in flight holds. */
static uint32_t find_victim(const struct ls_scheduler *s, uint32_t oldest)
{
    for (uint32_t id = s->running.tail;; id = ls_request_at(s->pool, id)->prev) {
        const struct ls_request *request = ls_request_at(s->pool, id);
        if (request->n_in_flight == 0 && !(request->state == LS_REQUEST_DECODING && s->slots[request->slot].in_flight))
            return id;
        if (id == oldest)
            return LS_NO_REQUEST;
    }
}

/* Free blocks until `need` of them are there. False when they cannot be found: the request itself had to go, or a pass
 * in flight holds an earlier chunk of it. */
static bool make_room(struct ls_scheduler *s, uint32_t id, int64_t need, int64_t now_ps)
{
    while (need > s->n_free) {
        const uint32_t victim = find_victim(s, id);
        if (victim == LS_NO_REQUEST)
            return false;
        preempt(s, victim, now_ps);
        if (victim == id)
            return false;
    }
    return true;
}

static void pause_decode(struct ls_scheduler *s, uint32_t id)
{
    ls_decode_leave(s, id);
    ls_request_at(s->pool, id)->state = LS_REQUEST_PAUSED;
    s->n_paused++;
}

enum outcome { LS_SCHEDULED, LS_NO_BUDGET, LS_NO_ROOM };

/* One running request in V1's walk. */
static enum outcome schedule_one(struct ls_scheduler *s, int slot, uint32_t id, int64_t *budget, int64_t now_ps)
{
    struct ls_slot *g = &s->slots[slot];
    struct ls_request *request = ls_request_at(s->pool, id);
    const bool decode = request->state == LS_REQUEST_DECODING || request->state == LS_REQUEST_PAUSED;
    const int64_t held = held_tok(s, request);
    const int64_t n_tok =
        decode ? min64(1, *budget) : min64(min64(request->n_target - request->n_computed, s->max_chunk), *budget);
    if (n_tok == 0)
        return LS_NO_BUDGET;
    const int64_t need = blocks_for(s, held + n_tok) - blocks_for(s, held);
    if (!make_room(s, id, need, now_ps))
        return LS_NO_ROOM;
    ls_scheduler_take_blocks(s, need, now_ps);
    *budget -= n_tok;
    if (!decode) {
        schedule_chunk(s, slot, id, n_tok);
    } else if (request->state == LS_REQUEST_PAUSED) {
        s->n_paused--;
        ls_decode_join(s, slot, id, request->base);
        g->late[g->n_late++] = id;
    }
    return LS_SCHEDULED;
}

/* Running requests one by one, in order of admission. Returns whether each found its blocks without another's going:
 * only then may waiting ones join. */
static bool schedule_running_in_order(struct ls_scheduler *s, int slot, int64_t *budget, int64_t now_ps)
{
    const int64_t n_running = s->running.n;
    enum outcome outcome = LS_SCHEDULED;
    for (uint32_t id = s->running.head; id != LS_NO_REQUEST && outcome != LS_NO_ROOM;) {
        const struct ls_request *request = ls_request_at(s->pool, id);
        if (request->state == LS_REQUEST_PREFILLING || request->state == LS_REQUEST_PAUSED ||
            (request->state == LS_REQUEST_DECODING && request->slot == slot)) {
            outcome = schedule_one(s, slot, id, budget, now_ps);
            if (outcome == LS_NO_BUDGET && request->state == LS_REQUEST_DECODING)
                pause_decode(s, id);
        }
        id = request->next; /* victims are newer than their cause, which still knows its successor if it runs */
    }
    drop_prefilled(s);
    return outcome != LS_NO_ROOM && s->running.n == n_running;
}

static void admit(struct ls_scheduler *s, uint32_t id, int64_t now_ps)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    ls_request_list_remove(&s->waiting, s->pool, id);
    ls_request_list_append(&s->running, s->pool, id);
    request->order = s->n_admitted++;
    request->state = LS_REQUEST_PREFILLING;
    if (request->scheduled_ps < 0) {
        request->scheduled_ps = now_ps;
        ls_collector_wait(s->collector, request, now_ps);
    }
}

/* Waiting requests from the head until one does not fit. */
static void admit_waiting(struct ls_scheduler *s, int slot, int64_t *budget, int64_t now_ps)
{
    while (s->waiting.n > 0 && s->running.n<s->max_seqs && * budget> 0) {
        const uint32_t id = s->waiting.head;
        const struct ls_request *request = ls_request_at(s->pool, id);
        const int64_t remaining = min64(request->n_target, s->max_chunk);
        const int64_t n_tok = min64(remaining, *budget);
        if (!s->chunked && n_tok < request->n_target && request->n_target <= s->max_tok)
            break;
        const int64_t need = blocks_for(s, n_tok);
        if (need > s->n_free)
            break;
        admit(s, id, now_ps);
        ls_scheduler_take_blocks(s, need, now_ps);
        schedule_chunk(s, slot, id, n_tok);
        if (request->state == LS_REQUEST_PREFILLING)
            s->prefilling[s->n_prefilling++] = id;
        *budget -= n_tok;
    }
}

static void finish_batch(const struct ls_scheduler *s, struct ls_slot *g)
{
    struct ls_batch *batch = &g->batch;
    batch->n_decode = g->n_decode;
    batch->decode_context = g->stored_tok + g->n_decode;
    batch->decode_window =
        s->window > 0 ? g->within_tok + (g->n_decode - g->n_beyond) + g->n_beyond * s->window : batch->decode_context;
    batch->n_tok = g->n_decode + batch->prefill_tok;
    batch->n_sampled = g->n_decode + batch->n_prefill;
    g->in_flight = batch->n_tok > 0;
}

void ls_scheduler_compose(struct ls_scheduler *s, int slot, int64_t now_ps)
{
    struct ls_slot *g = &s->slots[slot];
    assert(!g->in_flight);
    g->batch = (struct ls_batch){0};
    g->n_chunks = g->n_late = 0;
    int64_t budget = s->max_tok;
    const bool room =
        schedule_running_at_once(s, slot, &budget, now_ps) || schedule_running_in_order(s, slot, &budget, now_ps);
    if (s->waiting.n > 0) {
        if (room)
            admit_waiting(s, slot, &budget, now_ps);
        note_queues(s, now_ps);
    }
    finish_batch(s, g);
}

/* -- completing a pass -- */

static void complete_request(struct ls_scheduler *s, uint32_t id, int64_t now_ps)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    ls_request_list_remove(&s->running, s->pool, id);
    ls_collector_complete(s->collector, request, now_ps);
    if (s->completed)
        s->completed(s->context, request, now_ps);
    ls_request_free(s->pool, id);
}

static void end_decode(struct ls_scheduler *s, uint32_t id, int64_t now_ps)
{
    const struct ls_request *request = ls_request_at(s->pool, id);
    const int64_t stored_tok = request->base + s->slots[request->slot].step;
    ls_decode_leave(s, id);
    ls_scheduler_take_blocks(s, -blocks_for(s, stored_tok), now_ps);
    complete_request(s, id, now_ps);
}

static void run_due(struct ls_scheduler *s, struct ls_slot *g, int64_t now_ps)
{
    while (g->n_due > 0 && g->due[0].step <= g->step) {
        const struct ls_due due = ls_due_pop(g);
        const struct ls_request *request = ls_request_at(s->pool, due.id);
        if (request->epoch != due.epoch)
            continue;
        if (due.what == LS_DUE_END) {
            end_decode(s, due.id, now_ps);
        } else {
            g->n_beyond++;
            g->within_tok -= s->window;
        }
    }
}

/* The pass computed the end of a prompt: its sequence has a new token. */
static void end_prefill(struct ls_scheduler *s, int slot, uint32_t id, int64_t now_ps)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    request->n_generated++;
    if (request->first_token_ps < 0) {
        request->first_token_ps = now_ps;
        ls_collector_first_token(s->collector, request, now_ps);
    } else {
        ls_collector_tokens(s->collector, 1, now_ps);
        ls_collector_gap(s->collector, now_ps - request->last_token_ps, request->measured);
    }
    if (request->n_generated == request->output_tok) {
        ls_scheduler_take_blocks(s, -blocks_for(s, request->n_computed), now_ps);
        complete_request(s, id, now_ps);
        return;
    }
    ls_decode_join(s, slot, id, request->n_computed);
}

static void emit_decodes(struct ls_scheduler *s, struct ls_slot *g, int64_t now_ps)
{
    int64_t n_regular = g->n_measured;
    for (size_t i = 0; i < g->n_late; i++) {
        const struct ls_request *request = ls_request_at(s->pool, g->late[i]);
        n_regular -= request->measured;
        ls_collector_gap(s->collector, now_ps - request->last_token_ps, request->measured);
    }
    ls_collector_gap(s->collector, now_ps - g->last_end_ps, n_regular);
    ls_collector_tokens(s->collector, g->n_decode, now_ps);
    g->step++;
    g->stored_tok += g->n_decode;
    if (s->window > 0)
        g->within_tok += g->n_decode - g->n_beyond;
}

void ls_scheduler_complete(struct ls_scheduler *s, int slot, int64_t now_ps)
{
    struct ls_slot *g = &s->slots[slot];
    assert(g->in_flight);
    g->in_flight = false;
    ls_scheduler_note_work(s, &g->batch, now_ps);
    if (g->n_decode > 0)
        emit_decodes(s, g, now_ps);
    g->last_end_ps = now_ps;
    if (g->n_due > 0 && g->due[0].step <= g->step)
        run_due(s, g, now_ps);
    for (size_t i = 0; i < g->n_chunks; i++) {
        const struct ls_chunk chunk = g->chunks[i];
        ls_request_at(s->pool, chunk.id)->n_in_flight--;
        if (chunk.last)
            end_prefill(s, slot, chunk.id, now_ps);
    }
    ls_level_set(&s->running_level, s->running.n, now_ps);
}

void ls_scheduler_cut_off(struct ls_scheduler *s, int64_t now_ps)
{
    for (uint32_t id = s->waiting.head; id != LS_NO_REQUEST;) {
        const struct ls_request *request = ls_request_at(s->pool, id);
        if (request->scheduled_ps < 0)
            ls_collector_wait(s->collector, request, now_ps);
        id = request->next;
    }
}

/* -- set-up -- */

static enum ls_status init_slot(struct ls_slot *g, const struct ls_scheduler *s, struct ls_arena *arena)
{
    const size_t n = (size_t)s->max_seqs;
    *g = (struct ls_slot){.newest_order = -1, .due_capacity = 4 * n + 16};
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
        .max_seqs = engine->max_num_seqs,
        .max_tok = engine->max_num_batched_tokens,
        .max_chunk = engine->enable_chunked_prefill ? engine->long_prefill_token_threshold : INT32_MAX,
        .max_model_len = engine->max_model_len == LS_NULL_INT ? 0 : engine->max_model_len,
        .window = scenario->model.sliding_window == LS_NULL_INT ? 0 : scenario->model.sliding_window,
        .chunked = engine->enable_chunked_prefill,
        .n_slots = (int)scenario->strategy.pp,
        .waiting = ls_request_list_empty,
        .running = ls_request_list_empty,
        .queue_level = {.since_ps = collector->warmup_ps},
        .running_level = {.since_ps = collector->warmup_ps},
        .kv_level = {.since_ps = collector->warmup_ps},
    };
    s->slots = ls_arena_take(arena, (size_t)s->n_slots * sizeof *s->slots);
    s->prefilling = ls_arena_take(arena, (size_t)s->max_seqs * sizeof *s->prefilling);
    if (!s->slots || !s->prefilling)
        return LS_NOMEM;
    for (int i = 0; i < s->n_slots; i++)
        if (init_slot(&s->slots[i], s, arena))
            return LS_NOMEM;
    return LS_OK;
}
