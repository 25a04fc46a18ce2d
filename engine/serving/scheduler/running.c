#include "engine/serving/scheduler/running.h"

#include <assert.h>

#include "engine/serving/scheduler/chunk.h"
#include "engine/serving/scheduler/room.h"
#include "engine/sim/least.h"

void ls_running_add_chunk(struct ls_scheduler *s, int slot, uint32_t id, int64_t n_tok)
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

void ls_running_add_drafts(struct ls_scheduler *s, int slot, uint32_t id, int64_t n_tok)
{
    struct ls_slot *g = &s->slots[slot];
    struct ls_request *request = ls_request_at(s->pool, id);
    const int64_t accepted = ls_drafts_accepted(&s->drafts, request->index, request->n_generated, n_tok - 1);
    const int64_t n_new = ls_min64(1 + accepted, request->output_tok - request->n_generated);
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
static bool schedule_at_once(struct ls_scheduler *s, int slot, int64_t *budget, int64_t now_ps)
{
    struct ls_slot *g = &s->slots[slot];
    if (s->drafts.n > 0)
        return false;
    int64_t need = g->residue[g->step % s->block_size];
    int64_t left = *budget - g->n_decode;
    assert(left >= 0);
    for (size_t i = 0; i < s->n_prefilling; i++) {
        const struct ls_request *request = ls_request_at(s->pool, s->prefilling[i]);
        const int64_t n_tok = ls_min64(ls_min64(request->n_target - request->n_computed, s->max_chunk), left);
        need += ls_scheduler_blocks(s, request->n_computed + n_tok) - ls_scheduler_blocks(s, request->n_computed);
        left -= n_tok;
    }
    if (need > s->n_free)
        return false;
    left = *budget - g->n_decode;
    for (size_t i = 0; i < s->n_prefilling && left > 0; i++) {
        const struct ls_request *request = ls_request_at(s->pool, s->prefilling[i]);
        const int64_t n_tok = ls_min64(ls_min64(request->n_target - request->n_computed, s->max_chunk), left);
        ls_running_add_chunk(s, slot, s->prefilling[i], n_tok);
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
    const int64_t wanted = decode ? 1 + s->drafts.n : ls_min64(request->n_target - request->n_computed, s->max_chunk);
    const int64_t n_tok = ls_min64(wanted, *budget);
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
        ls_running_add_chunk(s, slot, id, n_tok);
    else if (s->drafts.n > 0) {
        ls_request_at(s->pool, id)->base = then;
        ls_running_add_drafts(s, slot, id, n_tok);
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
static bool schedule_in_order(struct ls_scheduler *s, int slot, int64_t *budget, int64_t now_ps)
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

bool ls_running_add_prompts(struct ls_scheduler *s, int slot, int64_t *budget, int64_t now_ps)
{
    const int64_t n_running = s->running.n;
    bool room = true;
    for (size_t i = 0; i<s->n_prefilling && * budget> 0 && goes_on(s, room); i++)
        if (ls_request_at(s->pool, s->prefilling[i])->state == LS_REQUEST_PREFILLING) /* it has not given way */
            room &= schedule_one(s, slot, s->prefilling[i], budget, now_ps);
    drop_prefilled(s);
    return room && s->running.n == n_running;
}

bool ls_running_add(struct ls_scheduler *s, int slot, int64_t *budget, int64_t now_ps)
{
    return schedule_at_once(s, slot, budget, now_ps) || schedule_in_order(s, slot, budget, now_ps);
}
