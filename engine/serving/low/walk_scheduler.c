#include "engine/serving/low/walk_scheduler.h"

#include "engine/serving/scheduler/chunk.h"
#include "engine/sim/clock.h"
#include "engine/sim/least.h"

/* -- who waits -- */

/* Who is to be computed next, if the front end is done with anyone. */
static struct ls_walk_request *head_of(const struct ls_walk_scheduler *s)
{
    if (s->returned)
        return s->returned;
    return s->next < ls_min64(s->load->tokenised, s->load->n) ? &s->load->requests[s->next] : NULL;
}

int64_t ls_walk_scheduler_next_ps(const struct ls_walk_scheduler *s, int64_t now_ps)
{
    const struct ls_walk_request *head = head_of(s);
    return head && head->ready_ps > now_ps ? head->ready_ps : LS_PS_NEVER;
}

bool ls_walk_scheduler_has_waiting(const struct ls_walk_scheduler *s, int64_t now_ps)
{
    const struct ls_walk_request *head = head_of(s);
    return head && head->ready_ps <= now_ps;
}

/* -- the KV cache -- */

/* Tokens that there are blocks for beyond those that are taken. */
static int64_t room_tok(const struct ls_walk_scheduler *s)
{
    return s->capacity_tok - s->kv_tok - s->n_running * s->engine->block_size / 2 - s->n_running * s->state_tok;
}

static int64_t promise_tok(const struct ls_walk_request *request)
{
    return (int64_t)request->prompt_tok + request->output_tok - 1;
}

static void begin(struct ls_walk_scheduler *s, struct ls_walk_request *request, int64_t n_tok, int64_t now_ps)
{
    ls_walk_begin(s->load, request, now_ps);
    s->n_running++;
    s->prompt_tok += request->prompt_tok;
    s->promised_tok += promise_tok(request);
    s->fresh_tok += promise_tok(request) - n_tok;
}

static void stop(struct ls_walk_scheduler *s, const struct ls_walk_request *request, int64_t kv_tok)
{
    s->n_running--;
    s->kv_tok -= kv_tok;
    s->prompt_tok -= request->prompt_tok;
    s->promised_tok -= promise_tok(request);
    ls_reserve_reopen(&s->reserve);
}

/* Those above it move down, and the last one takes the place at the top that becomes free. */
static void remove_end(struct ls_event_heap *ends, size_t i)
{
    const struct ls_event last = ends->events[--ends->n];
    if (i == ends->n)
        return;
    for (; i > 0; i = (i - 1) / 2)
        ends->events[i] = ends->events[(i - 1) / 2];
    ls_event_sink(ends, &last);
}

/* The newest decode of a slot, to be computed again with the tokens that it has, before others begin. */
static void give_way(struct ls_walk_scheduler *s, struct ls_walk_part *part)
{
    size_t newest = 0;
    for (size_t i = 1; i < part->ends.n; i++)
        if (part->ends.events[i].owner > part->ends.events[newest].owner)
            newest = i;
    const struct ls_event end = part->ends.events[newest];
    struct ls_walk_request *request = &s->load->requests[end.owner];
    const int64_t left_tok = end.time_ps - part->step;
    const int64_t kv_tok = (int64_t)request->prompt_tok + request->output_tok - 1 - left_tok;
    remove_end(&part->ends, newest);
    part->n_decode--;
    part->context_tok -= kv_tok;
    stop(s, request, kv_tok);
    request->target_tok = (int32_t)(kv_tok + 1);
    request->left_tok = (int32_t)(left_tok - 1);
    request->next = s->returned;
    s->returned = request;
    ls_reserve_learn(&s->reserve, s->n_running, s->kv_tok - s->prompt_tok, s->promised_tok - s->prompt_tok);
}

/* Decodes that there are no blocks for. False when somebody had to give way: then nobody joins. */
static bool make_room(struct ls_walk_scheduler *s, struct ls_walk_part *part)
{
    const int64_t n_running = s->n_running;
    if (part->n_decode > room_tok(s) && s->done_tok > 0) {
        stop(s, head_of(s), s->done_tok);
        s->done_tok = 0;
    }
    while (part->n_decode > room_tok(s) && part->n_decode > 1)
        give_way(s, part);
    return s->n_running == n_running;
}

/* -- what a pass takes -- */

static bool has_room(const struct ls_walk_scheduler *s, const struct ls_walk_request *request, int64_t n_tok)
{
    const int64_t rest = s->promised_tok - s->kv_tok - s->fresh_tok;
    return n_tok + s->engine->block_size / 2 + s->state_tok <= room_tok(s) &&
           ls_reserve_allows(&s->reserve, promise_tok(request) + s->fresh_tok + s->state_tok, rest,
                             s->capacity_tok - s->kv_tok - s->n_running * s->state_tok);
}

static bool may_begin(struct ls_walk_scheduler *s, const struct ls_walk_request *request, int64_t n_tok,
                      int64_t seen_ps)
{
    if (s->reserve.refuses || request->ready_ps > seen_ps || s->n_running >= s->engine->max_num_seqs ||
        (!s->engine->enable_chunked_prefill && n_tok < request->target_tok))
        return false;
    const bool room = has_room(s, request, n_tok);
    if (!room)
        ls_reserve_refuse(&s->reserve);
    return room;
}

/* The head's prompt ends in the pass, or it can never run. */
static void take_head(struct ls_walk_scheduler *s, struct ls_walk_part *part, struct ls_walk_request *head)
{
    s->done_tok = 0;
    if (head == s->returned)
        s->returned = head->next;
    else
        s->next += s->load->n_schedulers;
    head->next = NULL;
    if (head->output_tok == 0)
        return;
    *(part->n_fresh++ == 0 ? &part->fresh : &part->last->next) = head;
    part->last = head;
}

static void take_prompts(struct ls_walk_scheduler *s, struct ls_walk_part *part, struct ls_batch *batch, int64_t now_ps,
                         int64_t seen_ps)
{
    int64_t budget = s->engine->max_num_batched_tokens - batch->n_decode;
    struct ls_walk_request *head;
    while (budget > 0 && (head = head_of(s))) {
        const int64_t n_tok = ls_min64(head->target_tok - s->done_tok, budget);
        if (head->output_tok > 0) {
            if (s->done_tok == 0 && !may_begin(s, head, n_tok, seen_ps))
                break;
            if (s->done_tok == 0)
                begin(s, head, n_tok, now_ps);
            ls_batch_add_chunk(batch, s->done_tok, n_tok, s->window, 1);
            s->kv_tok += n_tok;
            s->done_tok += n_tok;
            budget -= n_tok;
            if (s->done_tok < head->target_tok)
                break;
        }
        take_head(s, part, head);
    }
}

static void add_decodes(const struct ls_walk_scheduler *s, struct ls_walk_part *part, struct ls_batch *batch,
                        int64_t ahead)
{
    const int64_t context = part->context_tok + part->n_decode * (1 + ahead);
    part->decodes = true;
    batch->n_decode = part->n_decode;
    batch->decode_context = context;
    batch->decode_window = s->window > 0 ? ls_min64(context, part->n_decode * s->window) : context;
}

/* Sixteen sizes for each power of two: what a number of tokens costs is tabulated. */
static void finish(struct ls_batch *batch)
{
    int64_t n_tok = batch->n_decode + batch->prefill_tok, grain = 1;
    if (batch->prefill_tok > 0) {
        while (n_tok >= 32 * grain)
            grain *= 2;
        n_tok = (n_tok + grain / 2) / grain * grain;
        batch->prefill_tok = ls_max64(1, n_tok - batch->n_decode);
    }
    batch->n_tok = batch->n_decode + batch->prefill_tok;
    batch->n_sampled = batch->n_decode + batch->n_prefill;
}

bool ls_walk_scheduler_compose(struct ls_walk_scheduler *s, struct ls_walk_part *part, struct ls_batch *batch,
                               int64_t ahead, int64_t now_ps, int64_t seen_ps)
{
    const bool mixed = s->engine->batching == LS_BATCHING_MIXED;
    const int64_t n_decode = part->n_decode;
    const bool room = make_room(s, part);
    *batch = (struct ls_batch){0};
    part->decodes = false;
    part->n_fresh = 0;
    s->fresh_tok = 0;
    if (mixed)
        add_decodes(s, part, batch, ahead);
    if (room)
        take_prompts(s, part, batch, now_ps, seen_ps);
    if (!mixed && batch->n_prefill == 0)
        add_decodes(s, part, batch, ahead);
    finish(batch);
    if (s->n_running == 0)
        ls_reserve_restart(&s->reserve);
    return part->n_decode < n_decode;
}

/* -- what its end brings -- */

int64_t ls_walk_scheduler_alike(const struct ls_walk_scheduler *s, const struct ls_walk_part *part)
{
    if (part->n_decode == 0)
        return INT32_MAX;
    return ls_min64(part->ends.events[0].time_ps - part->step, ls_max64(1, room_tok(s) / s->n_running));
}

void ls_walk_scheduler_advance(struct ls_walk_scheduler *s, struct ls_walk_part *part, int64_t n)
{
    ls_reserve_note_passes(&s->reserve, n);
    part->step += n;
    part->context_tok += n * part->n_decode;
    s->kv_tok += n * part->n_decode;
}

static bool end_decodes(struct ls_walk_scheduler *s, struct ls_walk_part *part, int64_t sent_ps)
{
    const int64_t n_decode = part->n_decode;
    while (part->ends.n > 0 && part->ends.events[0].time_ps <= part->step) {
        const struct ls_walk_request *request = &s->load->requests[ls_event_pop(&part->ends).owner];
        const int64_t kv_tok = (int64_t)request->prompt_tok + request->output_tok - 1;
        part->n_decode--;
        part->context_tok -= kv_tok;
        stop(s, request, kv_tok);
        ls_walk_end(s->load, request, sent_ps);
    }
    return part->n_decode < n_decode;
}

static void end_prompt(struct ls_walk_scheduler *s, struct ls_walk_part *part, struct ls_walk_request *request,
                       int64_t sent_ps)
{
    if (request->first_ps < 0)
        request->first_ps = sent_ps;
    if (request->left_tok == 0) {
        stop(s, request, request->target_tok);
        ls_walk_end(s->load, request, sent_ps);
        return;
    }
    const int32_t owner = (int32_t)(request - s->load->requests);
    ls_event_push(&part->ends, (struct ls_event){.time_ps = part->step + request->left_tok, .owner = owner});
    part->n_decode++;
    part->context_tok += request->target_tok;
}

bool ls_walk_scheduler_complete(struct ls_walk_scheduler *s, struct ls_walk_part *part, int64_t n, int64_t sent_ps)
{
    bool changed = part->n_fresh > 0;
    if (part->decodes) {
        ls_walk_scheduler_advance(s, part, n);
        changed |= end_decodes(s, part, sent_ps);
    }
    for (; part->n_fresh > 0; part->n_fresh--) {
        struct ls_walk_request *request = part->fresh;
        part->fresh = request->next;
        end_prompt(s, part, request, sent_ps);
    }
    return changed;
}
