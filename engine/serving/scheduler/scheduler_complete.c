/* What the end of a pass brings: tokens, requests that join the decodes, and completions. */
#include <assert.h>

#include "engine/serving/deployment/handover.h"
#include "engine/serving/scheduler/decode_set.h"
#include "engine/serving/scheduler/room.h"

static void complete_request(struct ls_scheduler *s, uint32_t id, int64_t sent_ps)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    s->n_promised -= request->promised;
    ls_reserve_reopen(&s->reserve);
    s->prompt_tok -= request->prompt_tok;
    ls_request_list_remove(&s->running, s->pool, id);
    s->closed = s->closed && s->running.n > 0;
    ls_collector_complete(s->collector, request, sent_ps);
    if (s->completed)
        s->completed(s->context, request, sent_ps);
    if (sent_ps <= s->collector->horizon_ps)
        ls_request_free(s->pool, id);
}

static void give_up(struct ls_scheduler *s, struct ls_request *request, int64_t n_tok, int64_t now_ps)
{
    ls_scheduler_give_blocks(s, request, &(struct ls_stored){ls_scheduler_blocks(s, n_tok), n_tok, false}, now_ps);
}

static void end_decode(struct ls_scheduler *s, uint32_t id, int64_t now_ps, int64_t sent_ps)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    const int64_t stored_tok = request->base + s->slots[request->slot].step;
    ls_decode_leave(s, id);
    give_up(s, request, stored_tok, now_ps);
    complete_request(s, id, sent_ps);
}

/* Whether something is due for a decode admitted before `order`. */
static inline bool is_due(const struct ls_slot *g, int64_t order)
{
    return g->n_due > 0 && g->due[0].step <= g->step && g->due[0].order < order;
}

static void run_due(struct ls_scheduler *s, struct ls_slot *g, int64_t order, int64_t now_ps, int64_t sent_ps)
{
    while (is_due(g, order)) {
        const struct ls_due due = ls_due_pop(g);
        const struct ls_request *request = ls_request_at(s->pool, due.id);
        if (request->epoch != due.epoch)
            continue;
        if (due.what == LS_DUE_END) {
            end_decode(s, due.id, now_ps, sent_ps);
        } else {
            g->n_beyond++;
            g->within_tok -= s->window;
        }
    }
}

/* The pass computed the end of a prompt: its sequence has a new token. */
static void end_prefill(struct ls_scheduler *s, int slot, uint32_t id, int64_t now_ps, int64_t sent_ps)
{
    const struct ls_slot *g = &s->slots[slot];
    struct ls_request *request = ls_request_at(s->pool, id);
    request->n_generated++;
    if (request->first_token_ps < 0) {
        request->first_token_ps = sent_ps;
        ls_collector_first_token(s->collector, request, sent_ps);
    } else {
        ls_collector_tokens(s->collector, 1, sent_ps);
        ls_collector_gap(s->collector, sent_ps - request->last_token_ps, request->counts_gaps, sent_ps);
    }
    if (request->n_generated == request->output_tok) {
        give_up(s, request, request->n_computed, now_ps);
        complete_request(s, id, sent_ps);
        return;
    }
    if (s->hands_over) {
        ls_handover_give(s, id, sent_ps);
        return;
    }
    request->last_token_ps = sent_ps;
    ls_decode_enter(s, slot, id, request->n_computed, !g->decoding);
}

/* The pass verified drafts of a decode: those accepted and one more token come out together. */
static void end_drafts(struct ls_scheduler *s, const struct ls_chunk *chunk, int64_t now_ps, int64_t sent_ps)
{
    struct ls_request *request = ls_request_at(s->pool, chunk->id);
    request->n_computed += chunk->n_new;
    request->n_generated += chunk->n_new;
    ls_collector_tokens(s->collector, chunk->n_new, sent_ps);
    ls_collector_gap(s->collector, sent_ps - request->last_token_ps, request->counts_gaps, sent_ps);
    ls_collector_gap(s->collector, 0, request->counts_gaps ? chunk->n_new - 1 : 0, sent_ps);
    request->last_token_ps = sent_ps;
    if (now_ps >= s->collector->warmup_ps) {
        s->work.n_verified++;
        s->work.n_gained += chunk->n_new;
    }
    if (request->n_generated < request->output_tok)
        return;
    ls_scheduler_give_blocks(
        s, request, &(struct ls_stored){ls_scheduler_blocks(s, request->base), request->n_computed, false}, now_ps);
    complete_request(s, chunk->id, sent_ps);
}

static void emit_decodes(struct ls_scheduler *s, struct ls_slot *g, int64_t sent_ps)
{
    int64_t n_regular = g->n_counted;
    for (size_t i = 0; i < g->n_late; i++) {
        const struct ls_request *request = ls_request_at(s->pool, g->late[i]);
        n_regular -= request->counts_gaps;
        ls_collector_gap(s->collector, sent_ps - request->last_token_ps, request->counts_gaps, sent_ps);
    }
    g->n_late = 0;
    ls_collector_gap(s->collector, sent_ps - g->last_sent_ps, n_regular, sent_ps);
    ls_collector_tokens(s->collector, g->n_decode, sent_ps);
    g->step++;
    g->stored_tok += g->n_decode;
    if (s->window > 0)
        g->within_tok += g->n_decode - g->n_beyond;
}

void ls_scheduler_complete(struct ls_scheduler *s, int slot, int64_t now_ps, int64_t sent_ps)
{
    struct ls_slot *g = &s->slots[slot];
    assert(g->in_flight);
    g->in_flight = false;
    ls_scheduler_note_work(s, &g->batch, now_ps);
    if (g->decoding) {
        if (g->n_decode > 0)
            emit_decodes(s, g, sent_ps);
        g->last_sent_ps = sent_ps;
    }
    /* in order of admission, in which those who leave give their blocks back */
    for (size_t i = 0; i < g->n_chunks; i++) {
        const struct ls_chunk chunk = g->chunks[i];
        struct ls_request *request = ls_request_at(s->pool, chunk.id);
        request->n_in_flight--;
        if (chunk.last && is_due(g, request->order))
            run_due(s, g, request->order, now_ps, sent_ps);
        if (chunk.decode)
            end_drafts(s, &chunk, now_ps, sent_ps);
        else if (chunk.last)
            end_prefill(s, slot, chunk.id, now_ps, sent_ps);
    }
    if (is_due(g, INT64_MAX))
        run_due(s, g, INT64_MAX, now_ps, sent_ps);
    ls_level_set(&s->running_level, s->running.n, now_ps);
#ifdef LS_CHECK_EVENTS
    ls_scheduler_check(s);
#endif
}
