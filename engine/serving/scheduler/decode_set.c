#include "engine/serving/scheduler/decode_set.h"

#include <assert.h>

static bool before(const struct ls_due *a, const struct ls_due *b)
{
    if (a->step != b->step)
        return a->step < b->step;
    return a->order != b->order ? a->order < b->order : a->what < b->what;
}

static void sift_up(struct ls_due *heap, size_t i, struct ls_due due)
{
    while (i > 0 && before(&due, &heap[(i - 1) / 2])) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = due;
}

static void sift_down(struct ls_due *heap, size_t n, size_t i, struct ls_due due)
{
    for (size_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && before(&heap[child + 1], &heap[child]))
            child++;
        if (!before(&heap[child], &due))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = due;
}

/* A slot has at most max_seqs decodes with two entries each, so half of a full heap is stale. */
static void drop_stale(struct ls_slot *slot, const struct ls_request_pool *pool)
{
    size_t kept = 0;
    for (size_t i = 0; i < slot->n_due; i++)
        if (ls_request_at(pool, slot->due[i].id)->epoch == slot->due[i].epoch)
            slot->due[kept++] = slot->due[i];
    slot->n_due = kept;
    for (size_t i = kept / 2; i-- > 0;)
        sift_down(slot->due, kept, i, slot->due[i]);
}

static void push(struct ls_slot *slot, const struct ls_request_pool *pool, struct ls_due due)
{
    if (slot->n_due == slot->due_capacity)
        drop_stale(slot, pool);
    assert(slot->n_due < slot->due_capacity);
    sift_up(slot->due, slot->n_due++, due);
}

struct ls_due ls_due_pop(struct ls_slot *slot)
{
    assert(slot->n_due > 0);
    const struct ls_due top = slot->due[0];
    slot->n_due--;
    if (slot->n_due > 0)
        sift_down(slot->due, slot->n_due, 0, slot->due[slot->n_due]);
    return top;
}

static size_t residue_of(const struct ls_scheduler *s, const struct ls_request *request)
{
    const int64_t remainder = -request->base % s->block_size;
    return (size_t)(remainder < 0 ? remainder + s->block_size : remainder);
}

static void join(struct ls_scheduler *s, struct ls_slot *g, uint32_t id, int64_t stored_tok)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    request->base = stored_tok - g->step;
    g->n_decode++;
    g->n_counted += request->counts_gaps;
    g->stored_tok += stored_tok;
    g->residue[residue_of(s, request)]++;
    struct ls_due due = {.step = g->step + request->output_tok - request->n_generated,
                         .order = request->order,
                         .id = id,
                         .epoch = request->epoch,
                         .what = LS_DUE_END};
    push(g, s->pool, due);
    if (s->window == 0)
        return;
    if (stored_tok >= s->window) {
        g->n_beyond++;
        return;
    }
    g->within_tok += stored_tok;
    due.step = s->window - request->base;
    due.what = LS_DUE_WINDOW;
    push(g, s->pool, due);
}

void ls_decode_enter(struct ls_scheduler *s, int slot, uint32_t id, int64_t stored_tok, bool late)
{
    struct ls_slot *g = &s->slots[slot];
    struct ls_request *request = ls_request_at(s->pool, id);
    request->state = LS_REQUEST_DECODING;
    request->slot = (int16_t)slot;
    if (s->drafts.n > 0) {
        request->base = stored_tok;
        return;
    }
    join(s, g, id, stored_tok);
    if (late)
        g->late[g->n_late++] = id;
}

int64_t ls_decode_generated(const struct ls_scheduler *s, const struct ls_request *request)
{
    if (s->drafts.n > 0)
        return request->n_generated;
    return request->base + s->slots[request->slot].step - request->prompt_tok + 1;
}

/* A request that has not decoded since it joined keeps the time of its last token. */
static bool leave_late(struct ls_slot *g, uint32_t id)
{
    for (size_t i = 0; i < g->n_late; i++) {
        if (g->late[i] == id) {
            g->late[i] = g->late[--g->n_late];
            return true;
        }
    }
    return false;
}

void ls_decode_leave(struct ls_scheduler *s, uint32_t id)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    struct ls_slot *g = &s->slots[request->slot];
    const int64_t stored_tok = request->base + g->step;
    g->n_decode--;
    g->n_counted -= request->counts_gaps;
    g->stored_tok -= stored_tok;
    g->residue[residue_of(s, request)]--;
    if (s->window > 0) {
        if (stored_tok >= s->window)
            g->n_beyond--;
        else
            g->within_tok -= stored_tok;
    }
    request->n_generated = (int32_t)ls_decode_generated(s, request);
    if (!leave_late(g, id))
        request->last_token_ps = g->last_sent_ps;
    request->base = stored_tok;
    request->epoch++;
}
