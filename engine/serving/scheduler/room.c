#include "engine/serving/scheduler/room.h"

#include <assert.h>
#include <string.h>

#include "engine/serving/deployment/handover.h"
#include "engine/serving/scheduler/chunk.h"
#include "engine/serving/scheduler/decode_set.h"

static bool decodes_now(const struct ls_slot *g)
{
    return g->in_flight && g->decoding;
}

/* Whether a decode has its token in the pass that its slot composes request by request. */
static bool was_walked(const struct ls_slot *g, const struct ls_request *request)
{
    return request->state == LS_REQUEST_DECODING && request->order < g->walked;
}

int64_t ls_scheduler_held_tok(const struct ls_scheduler *s, const struct ls_request *request)
{
    if (request->state != LS_REQUEST_DECODING)
        return request->n_computed;
    if (s->drafts.n > 0)
        return request->base;
    const struct ls_slot *g = &s->slots[request->slot];
    return request->base + g->step + (decodes_now(g) || was_walked(g, request) ? 1 : 0);
}

static struct ls_chunk *find_chunk(const struct ls_slot *g, uint32_t id)
{
    for (size_t i = 0; i < g->n_chunks; i++)
        if (g->chunks[i].id == id)
            return &g->chunks[i];
    return NULL;
}

static bool is_in_flight(const struct ls_scheduler *s, const struct ls_request *request)
{
    return request->n_in_flight > 0 ||
           (request->state == LS_REQUEST_DECODING && s->drafts.n == 0 && decodes_now(&s->slots[request->slot]));
}

/* The request admitted last, no earlier than `id`. */
static uint32_t find_newest(const struct ls_scheduler *s, uint32_t id)
{
    uint32_t victim = s->running.tail;
    while (victim != LS_NO_REQUEST && is_in_flight(s, ls_request_at(s->pool, victim)))
        victim = victim == id ? LS_NO_REQUEST : ls_request_at(s->pool, victim)->prev;
    return victim;
}

static uint32_t find_last_ranked(const struct ls_scheduler *s)
{
    uint32_t last = s->running.head;
    for (uint32_t id = last; id != LS_NO_REQUEST; id = ls_request_at(s->pool, id)->next)
        if (ls_ranks_before(ls_request_at(s->pool, last), ls_request_at(s->pool, id)))
            last = id;
    return last;
}

/* Take a request out of the pass that is being composed; returns the budget that it had. */
static int64_t unschedule(struct ls_scheduler *s, int slot, uint32_t id)
{
    struct ls_slot *g = &s->slots[slot];
    struct ls_request *request = ls_request_at(s->pool, id);
    struct ls_chunk *chunk = find_chunk(g, id);
    if (!chunk)
        return was_walked(g, request) ? 1 : 0;
    const int64_t n_tok = chunk->n_tok;
    if (chunk->decode)
        ls_batch_add_verified(&g->batch, request->n_computed, n_tok, s->window, -1);
    else
        ls_batch_add_chunk(&g->batch, request->n_computed - n_tok, n_tok, s->window, -1);
    request->n_in_flight--;
    g->n_sent -= chunk->n_new;
    g->n_chunks--;
    memmove(chunk, chunk + 1, (size_t)(&g->chunks[g->n_chunks] - chunk) * sizeof *chunk);
    return n_tok;
}

/* What those who go on decoding have generated of their outputs. */
static void learn_reserve(struct ls_scheduler *s)
{
    int64_t n = 0, generated = 0, output = 0;
    for (uint32_t id = s->running.head; id != LS_NO_REQUEST; id = ls_request_at(s->pool, id)->next) {
        const struct ls_request *request = ls_request_at(s->pool, id);
        if (request->state != LS_REQUEST_DECODING)
            continue;
        n++;
        generated += ls_decode_generated(s, request);
        output += request->output_tok;
    }
    ls_reserve_learn(&s->reserve, n, generated, output);
}

/* Back to the queue, to be computed again, or to the host's memory. */
static void preempt(struct ls_scheduler *s, int slot, uint32_t id, int64_t *budget, int64_t now_ps)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    const int64_t held_tok = ls_scheduler_held_tok(s, request), undone_tok = unschedule(s, slot, id);
    const bool decodes = request->state == LS_REQUEST_DECODING, measured = now_ps >= s->collector->warmup_ps;
    /* with drafts it holds more than it stores */
    const int64_t stored_tok = decodes && s->drafts.n > 0 ? request->n_computed : held_tok - undone_tok;
    *budget += undone_tok;
    ls_scheduler_give_blocks(s, request, &(struct ls_stored){ls_scheduler_blocks(s, held_tok), stored_tok, true},
                             now_ps);
    if (decodes && s->drafts.n == 0)
        ls_decode_leave(s, id);
    request->state = LS_REQUEST_WAITING;
    s->n_promised -= request->promised;
    ls_request_list_remove(&s->running, s->pool, id);
    if (ls_reserve_varies(&s->reserve))
        learn_reserve(s);
    request->n_computed = (int32_t)stored_tok;
    request->n_target = request->prompt_tok + request->n_generated;
    if (!decodes || !ls_swap_put(&s->swap, s->pool, id, ls_scheduler_blocks(s, stored_tok), measured)) {
        request->n_computed = 0;
        ls_waiting_return(&s->waiting, s->pool, id);
    }
    if (measured)
        s->collector->n_preemptions++;
}

bool ls_scheduler_make_room(struct ls_scheduler *s, int slot, uint32_t id, int64_t need, int64_t *budget,
                            int64_t now_ps)
{
    while (need > s->n_free) {
        const uint32_t victim = s->evicts_by_rank ? find_last_ranked(s) : find_newest(s, id);
        if (victim == LS_NO_REQUEST)
            return false;
        preempt(s, slot, victim, budget, now_ps);
        if (victim == id)
            return false;
    }
    return true;
}

void ls_scheduler_check(const struct ls_scheduler *s)
{
    int64_t n_blocks = ls_handover_reserved(s), n_decode = 0, stored_tok = 0, n_host_blocks = 0;
    for (uint32_t id = s->swap.out.head; id != LS_NO_REQUEST; id = ls_request_at(s->pool, id)->next)
        n_host_blocks += ls_scheduler_blocks(s, ls_request_at(s->pool, id)->n_computed);
    assert(n_host_blocks == s->swap.n_blocks - s->swap.n_free);
    for (uint32_t id = s->running.head; id != LS_NO_REQUEST; id = ls_request_at(s->pool, id)->next) {
        const struct ls_request *request = ls_request_at(s->pool, id);
        n_blocks += ls_scheduler_blocks(s, ls_scheduler_held_tok(s, request));
        if (request->state != LS_REQUEST_DECODING || s->drafts.n > 0)
            continue;
        n_decode++;
        stored_tok += request->base + s->slots[request->slot].step;
    }
    for (int i = 0; i < s->n_slots; i++) {
        n_decode -= s->slots[i].n_decode;
        stored_tok -= s->slots[i].stored_tok;
    }
    assert(n_blocks == s->n_charged);
    n_blocks += s->n_left_blocks;
    assert(s->caching ? n_blocks >= s->n_blocks - s->n_free : n_blocks == s->n_blocks - s->n_free);
    assert(n_decode == 0 && stored_tok == 0);
}
