#include "engine/serving/scheduler.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "engine/serving/chunk.h"
#include "engine/serving/handover.h"
#include "engine/serving/room.h"

static void note_queues(struct ls_scheduler *s, int64_t now_ps)
{
    ls_level_set(&s->queue_level, s->waiting.n, now_ps);
    ls_level_set(&s->running_level, s->running.n, now_ps);
}

/* -- arrival -- */

/* KV tokens that a decode may need blocks for beyond its own: drafts, and the drafter's. */
static int64_t ahead_tok(const struct ls_scheduler *s)
{
    return s->drafts.n + s->drafts.look_ahead;
}

static bool can_run(const struct ls_scheduler *s, const struct ls_request *request)
{
    const int64_t total = (int64_t)request->prompt_tok + request->output_tok;
    if (s->max_model_len > 0 && request->prompt_tok >= s->max_model_len)
        return false;
    if (!s->chunked && request->prompt_tok > s->max_tok)
        return false;
    if (s->hands_over && request->output_tok > 1)
        return ls_scheduler_blocks(s, request->prompt_tok) <= s->n_blocks &&
               ls_scheduler_blocks(s, total - 1) <= s->n_blocks_elsewhere;
    return ls_scheduler_blocks(s, total - 1 + ahead_tok(s)) <= s->n_blocks;
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
    ls_level_set(&s->queue_level, s->waiting.n, now_ps);
}

/* -- blocks -- */

/* What it holds of this scheduler's known blocks: it may have blocks in two pools. */
static struct ls_holding *holding_of(const struct ls_scheduler *s, struct ls_request *request)
{
    return s->hands_over ? &request->handed : &request->holding;
}

void ls_scheduler_give_blocks(struct ls_scheduler *s, struct ls_request *request, const struct ls_stored *stored,
                              int64_t now_ps)
{
    struct ls_holding *const holding = holding_of(s, request);
    s->n_charged -= stored->n_blocks;
    ls_scheduler_free_blocks(
        s, s->caching ? ls_prefix_cache_release(&s->cache, &request->content, holding, stored) : stored->n_blocks,
        now_ps);
}

void ls_scheduler_learn(struct ls_scheduler *s, uint32_t id)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    if (s->caching)
        ls_prefix_cache_learn(&s->cache, &request->content, holding_of(s, request), request->n_computed);
}

/* The same of the pass's chunks, when all running requests have their blocks. */
static void learn_chunks(struct ls_scheduler *s, const struct ls_slot *g)
{
    for (size_t i = 0; i < g->n_chunks; i++)
        if (!g->chunks[i].decode)
            ls_scheduler_learn(s, g->chunks[i].id);
}

/* What a waiting request need not compute, where all but its last token may be found; or, of a prompt that another pool
 * has computed, fetch. */
static struct ls_prefix_hit find_hit(const struct ls_scheduler *s, const struct ls_request *request)
{
    return s->caching
               ? ls_prefix_cache_find(&s->cache, &request->content, request->n_target - (request->remote ? 0 : 1))
               : (struct ls_prefix_hit){0};
}

/* The request holds what was found. False when memory is short; the run is void then. */
static bool take_known(struct ls_scheduler *s, uint32_t id, int64_t n_blocks)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    s->out_of_memory |=
        s->caching && !ls_prefix_cache_admit(&s->cache, &request->content, n_blocks, holding_of(s, request));
    return !s->out_of_memory;
}

/* -- composing a pass -- */

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
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
    g->chunks[g->n_chunks++] = (struct ls_chunk){.id = id, .n_tok = (int32_t)n_tok, .n_new = 1, .last = last};
    g->n_sent++;
    ls_batch_add_chunk(&g->batch, start, n_tok, s->window, 1);
    if (last) {
        request->state = LS_REQUEST_PREFILLED;
        request->slot = (int16_t)slot;
    }
}

/* Let the pass verify n_tok − 1 drafts of a decode. */
static void schedule_drafts(struct ls_scheduler *s, int slot, uint32_t id, int64_t n_tok)
{
    struct ls_slot *g = &s->slots[slot];
    struct ls_request *request = ls_request_at(s->pool, id);
    const int64_t accepted = ls_drafts_accepted(&s->drafts, request->index, request->n_generated, n_tok - 1);
    const int64_t n_new = min64(1 + accepted, request->output_tok - request->n_generated);
    request->n_in_flight++;
    g->chunks[g->n_chunks++] =
        (struct ls_chunk){.id = id, .n_tok = (int32_t)n_tok, .n_new = (int32_t)n_new, .last = true, .decode = true};
    g->n_sent += n_new;
    ls_batch_add_verified(&g->batch, request->n_computed, n_tok, s->window, 1);
}

static void drop_prefilled(struct ls_scheduler *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_prefilling; i++)
        if (ls_request_at(s->pool, s->prefilling[i])->state == LS_REQUEST_PREFILLING)
            s->prefilling[kept++] = s->prefilling[i];
    s->n_prefilling = kept;
}

/* Running requests when blocks last: every decode gets its token, every prefill its chunk, the last of them perhaps cut
 * by the budget. False, and nothing is done, when they do not. */
static bool schedule_running_at_once(struct ls_scheduler *s, int slot, int64_t *budget, int64_t now_ps)
{
    struct ls_slot *g = &s->slots[slot];
    if (s->drafts.n > 0)
        return false;
    int64_t need = g->residue[g->step % s->block_size];
    int64_t left = *budget - g->n_decode;
    assert(left >= 0);
    for (size_t i = 0; i < s->n_prefilling; i++) {
        const struct ls_request *request = ls_request_at(s->pool, s->prefilling[i]);
        const int64_t n_tok = min64(min64(request->n_target - request->n_computed, s->max_chunk), left);
        need += ls_scheduler_blocks(s, request->n_computed + n_tok) - ls_scheduler_blocks(s, request->n_computed);
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

/* KV tokens that a running request needs blocks for when n_tok more of it are in a pass. Blocks once taken for drafts
 * stay when these are rejected. */
static int64_t tok_then(const struct ls_scheduler *s, const struct ls_request *request, int64_t n_tok)
{
    const int64_t held = ls_scheduler_held_tok(s, request);
    if (request->state != LS_REQUEST_DECODING || s->drafts.n == 0)
        return held + n_tok;
    const int64_t then = request->n_computed + n_tok + s->drafts.look_ahead;
    return then > held ? then : held;
}

/* One running request in V1's walk. False when there was no room for it. */
static bool schedule_one(struct ls_scheduler *s, int slot, uint32_t id, int64_t *budget, int64_t now_ps)
{
    const struct ls_request *request = ls_request_at(s->pool, id);
    const bool decode = request->state == LS_REQUEST_DECODING;
    const int64_t held = ls_scheduler_held_tok(s, request);
    const int64_t wanted = decode ? 1 + s->drafts.n : min64(request->n_target - request->n_computed, s->max_chunk);
    const int64_t n_tok = min64(wanted, *budget);
    assert(n_tok > 0 || !decode || s->drafts.n > 0);
    if (n_tok == 0)
        return true;
    const int64_t then = tok_then(s, request, n_tok);
    const int64_t need = ls_scheduler_blocks(s, then) - ls_scheduler_blocks(s, held);
    if (!ls_scheduler_make_room(s, slot, id, need, budget, now_ps))
        return false;
    ls_scheduler_take_blocks(s, need, now_ps);
    *budget -= n_tok;
    if (!decode)
        schedule_chunk(s, slot, id, n_tok);
    else if (s->drafts.n > 0) {
        ls_request_at(s->pool, id)->base = then;
        schedule_drafts(s, slot, id, n_tok);
    }
    return true;
}

/* Those behind who found no room were admitted later and find none either, unless they rank before it. */
static bool goes_on(const struct ls_scheduler *s, bool room)
{
    return room || s->evicts_by_rank;
}

static uint32_t admitted_after(const struct ls_scheduler *s, int64_t order)
{
    uint32_t id = s->running.head;
    while (id != LS_NO_REQUEST && ls_request_at(s->pool, id)->order <= order)
        id = ls_request_at(s->pool, id)->next;
    return id;
}

/* Running requests one by one, in order of admission. Returns whether each found its blocks without another's going:
 * only then may waiting ones join. */
static bool schedule_running_in_order(struct ls_scheduler *s, int slot, int64_t *budget, int64_t now_ps)
{
    struct ls_slot *g = &s->slots[slot];
    const int64_t n_running = s->running.n;
    bool room = true;
    for (uint32_t id = s->running.head; id != LS_NO_REQUEST && goes_on(s, room);) {
        const struct ls_request *request = ls_request_at(s->pool, id);
        g->walked = request->order;
        if (request->state == LS_REQUEST_PREFILLING || (request->state == LS_REQUEST_DECODING && request->slot == slot))
            room &= schedule_one(s, slot, id, budget, now_ps);
        id = request->state == LS_REQUEST_WAITING ? admitted_after(s, g->walked) : request->next;
    }
    g->walked = 0;
    drop_prefilled(s);
    return room && s->running.n == n_running;
}

/* Blocks that the admission of a request counts on. */
static int64_t blocks_to_promise(const struct ls_scheduler *s, const struct ls_request *request)
{
    const double share = s->hands_over ? 0 : s->output_reserve;
    const int64_t output = (int64_t)ceil(share * (double)(request->output_tok - 1));
    const int64_t total = (int64_t)request->prompt_tok + output + ahead_tok(s);
    return ls_scheduler_blocks(s, total > request->n_target ? total : request->n_target);
}

/* Take the first waiting request, with what was found for it and blocks up to `end_tok`. */
static void take_first(struct ls_scheduler *s, uint32_t id, const struct ls_prefix_hit *hit, int64_t end_tok,
                       int64_t now_ps)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    request->n_computed = (int32_t)(hit->n_blocks * s->block_size);
    s->n_charged += hit->n_blocks;
    ls_scheduler_free_blocks(s, -hit->n_free, now_ps);
    request->promised = (int32_t)blocks_to_promise(s, request);
    s->n_promised += request->promised;
    ls_waiting_take(&s->waiting, s->pool, id);
    ls_scheduler_take_blocks(s, ls_scheduler_blocks(s, end_tok) - hit->n_blocks, now_ps);
}

static void admit(struct ls_scheduler *s, uint32_t id, int64_t now_ps)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    ls_request_list_append(&s->running, s->pool, id);
    request->order = s->n_admitted++;
    request->state = LS_REQUEST_PREFILLING;
    if (request->scheduled_ps < 0) {
        request->scheduled_ps = now_ps;
        ls_collector_wait(s->collector, request, now_ps);
        ls_collector_hit(s->collector, request, request->n_computed);
    }
}

/* Whether there are blocks to admit a request: for its tokens up to `end_tok`; where prompts keep decodes waiting, for
 * all of the prompts under way, lest they starve for blocks that decodes hold; and those that admissions count on. What
 * is found for it is there already, but no longer free. */
static bool has_room(const struct ls_scheduler *s, const struct ls_request *request, const struct ls_prefix_hit *hit,
                     int64_t end_tok)
{
    const int64_t n_hit = hit->n_blocks - hit->n_free;
    int64_t need = ls_scheduler_blocks(s, end_tok) - n_hit;
    if (s->batching != LS_BATCHING_MIXED) {
        need = ls_scheduler_blocks(s, request->n_target) - n_hit;
        for (size_t i = 0; i < s->n_prefilling; i++) {
            const struct ls_request *other = ls_request_at(s->pool, s->prefilling[i]);
            need += ls_scheduler_blocks(s, other->n_target) - ls_scheduler_blocks(s, other->n_computed);
        }
    }
    if (s->output_reserve > 0 && s->n_promised - s->n_charged + blocks_to_promise(s, request) - n_hit > s->n_free)
        return false;
    return need <= s->n_free;
}

/* Waiting requests that were there at `seen`, in order, until one does not fit. */
static void admit_waiting(struct ls_scheduler *s, int slot, int64_t *budget, int64_t now_ps, int64_t seen_ps)
{
    while (*budget > 0 && s->running.n + s->n_fetching < s->max_seqs) {
        const uint32_t id = ls_waiting_first(&s->waiting, s->pool, seen_ps);
        if (id == LS_NO_REQUEST)
            break;
        const struct ls_request *request = ls_request_at(s->pool, id);
        const struct ls_prefix_hit hit = find_hit(s, request);
        const int64_t found = hit.n_blocks * s->block_size, missing = request->n_target - found;
        const int64_t n_tok = request->remote ? missing : min64(min64(missing, s->max_chunk), *budget);
        if (!s->chunked && n_tok < missing && missing <= s->max_tok)
            break;
        if (!has_room(s, request, &hit, found + n_tok))
            break;
        if (!take_known(s, id, hit.n_blocks))
            break;
        take_first(s, id, &hit, found + n_tok, now_ps);
        if (request->remote) {
            ls_handover_fetch(s, id, now_ps);
            continue;
        }
        admit(s, id, now_ps);
        schedule_chunk(s, slot, id, n_tok);
        ls_scheduler_learn(s, id);
        if (request->state == LS_REQUEST_PREFILLING)
            s->prefilling[s->n_prefilling++] = id;
        *budget -= n_tok;
    }
}

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

/* Running requests, then waiting ones. */
static void compose_mixed(struct ls_scheduler *s, int slot, int64_t now_ps, int64_t seen_ps)
{
    int64_t budget = s->max_tok;
    const bool room =
        schedule_running_at_once(s, slot, &budget, now_ps) || schedule_running_in_order(s, slot, &budget, now_ps);
    learn_chunks(s, &s->slots[slot]);
    if (room)
        admit_waiting(s, slot, &budget, now_ps, seen_ps);
}

/* Prompts under way, then waiting ones; without any, the decodes. */
static void compose_prompts_first(struct ls_scheduler *s, int slot, int64_t now_ps, int64_t seen_ps)
{
    struct ls_slot *g = &s->slots[slot];
    int64_t budget = s->max_tok;
    const int64_t n_running = s->running.n;
    bool room = true;
    for (size_t i = 0; i < s->n_prefilling && budget > 0 && goes_on(s, room); i++)
        if (ls_request_at(s->pool, s->prefilling[i])->state == LS_REQUEST_PREFILLING) /* it has not given way */
            room &= schedule_one(s, slot, s->prefilling[i], &budget, now_ps);
    drop_prefilled(s);
    learn_chunks(s, g);
    if (room && s->running.n == n_running && !s->closed)
        admit_waiting(s, slot, &budget, now_ps, seen_ps);
    g->decoding = g->n_chunks == 0;
    if (!g->decoding)
        return;
    s->closed = s->batching == LS_BATCHING_STATIC && s->running.n > 0;
    if (!schedule_running_at_once(s, slot, &budget, now_ps))
        (void)schedule_running_in_order(s, slot, &budget, now_ps);
}

void ls_scheduler_compose(struct ls_scheduler *s, int slot, int64_t now_ps, int64_t seen_ps)
{
    struct ls_slot *g = &s->slots[slot];
    assert(!g->in_flight);
    const bool waited = s->waiting.n > 0;
    g->batch = (struct ls_batch){0};
    g->n_chunks = 0;
    g->n_sent = 0;
    g->decoding = true;
    if (s->n_fetched > 0 && s->n_prefilling == 0)
        ls_handover_join(s, slot, seen_ps);
    if (s->batching == LS_BATCHING_MIXED)
        compose_mixed(s, slot, now_ps, seen_ps);
    else
        compose_prompts_first(s, slot, now_ps, seen_ps);
    if (waited || s->waiting.n > 0)
        note_queues(s, now_ps);
    finish_batch(s, g);
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
    for (uint32_t id = s->running.head; id != LS_NO_REQUEST;) {
        struct ls_request *request = ls_request_at(s->pool, id);
        if (request->state == LS_REQUEST_DECODING)
            request->n_generated = (int32_t)(request->base + s->slots[request->slot].step - request->prompt_tok + 1);
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
        .caching = engine->enable_prefix_caching == 1,
        .max_seqs = engine->max_num_seqs,
        .max_tok = engine->max_num_batched_tokens,
        .max_chunk = engine->enable_chunked_prefill ? engine->long_prefill_token_threshold : INT32_MAX,
        .max_model_len = engine->max_model_len == LS_NULL_INT ? 0 : engine->max_model_len,
        .window = scenario->model.sliding_window == LS_NULL_INT ? 0 : scenario->model.sliding_window,
        .chunked = engine->enable_chunked_prefill,
        .drafts = ls_drafts_of(scenario),
        .batching = engine->batching,
        .output_reserve = engine->output_reserve,
        .n_slots = (int)scenario->strategy.pp,
        .running = ls_request_list_empty,
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
