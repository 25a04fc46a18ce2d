#include "engine/serving/deployment/handover.h"

#include <assert.h>

#include "engine/serving/scheduler/decode_set.h"

static struct ls_scheduler *scheduler_at(const struct ls_pool *pool, int64_t i)
{
    return &ls_pool_pipeline(pool, i)->members[i % pool->n_members];
}

static int64_t prompt_blocks(const struct ls_scheduler *s, const struct ls_request *request)
{
    return ls_scheduler_blocks(s, request->prompt_tok);
}

static bool given_before(const struct ls_request *a, const struct ls_request *b)
{
    return a->given_ps != b->given_ps ? a->given_ps < b->given_ps : a->holder < b->holder;
}

void ls_handover_give(struct ls_scheduler *s, uint32_t id, int64_t sent_ps)
{
    struct ls_handover *h = s->handover;
    struct ls_request *request = ls_request_at(s->pool, id);
    s->n_promised -= request->promised;
    ls_reserve_reopen(&s->reserve);
    s->prompt_tok -= request->prompt_tok;
    s->n_charged -= prompt_blocks(s, request);
    s->n_left_blocks += prompt_blocks(s, request);
    ls_request_list_remove(&s->running, s->pool, id);
    request->state = LS_REQUEST_HELD;
    request->remote = true;
    request->holder = s->index;
    request->last_token_ps = sent_ps;
    request->given_ps = sent_ps;
    uint32_t prev = h->given.tail; /* passes of one instant end in any order */
    while (prev != LS_NO_REQUEST && given_before(request, ls_request_at(s->pool, prev)))
        prev = ls_request_at(s->pool, prev)->prev;
    ls_request_list_insert(&h->given, s->pool, prev, id);
}

/* When the next request reaches the router. */
static int64_t next_given_ps(const struct ls_handover *h)
{
    return h->given.n > 0 ? ls_request_at(h->requests, h->given.head)->given_ps : LS_PS_NEVER;
}

static void route(struct ls_handover *h, uint32_t id, int64_t now_ps)
{
    const struct ls_request *request = ls_request_at(h->requests, id);
    const struct ls_arrival arrival = {
        .arrival_ps = now_ps,
        .prompt_tok = request->prompt_tok,
        .output_tok = request->output_tok,
        .profile = request->client,
        .index = h->n_routed++,
        .content = request->content,
    };
    const int64_t target = ls_pool_choose(h->to, &arrival);
    ls_pipeline_take_over(ls_pool_pipeline(h->to, target), target % h->to->n_members, id, now_ps);
}

/* Tokens that a request fetches: what the decode pool does not know already. */
static int64_t missing_tok(const struct ls_request *request)
{
    return request->prompt_tok - request->n_computed;
}

void ls_handover_fetch(struct ls_scheduler *s, uint32_t id, int64_t now_ps)
{
    struct ls_handover *h = s->handover;
    struct ls_request *request = ls_request_at(s->pool, id);
    const struct ls_transfer transfer = {request->holder, s->index,
                                         ls_transfer_time(&h->cost, request->holder, s->index, missing_tok(request))};
    request->state = LS_REQUEST_FETCHING;
    request->fetcher = s->index;
    s->n_fetching++;
    if (request->measured) {
        h->n_started++;
        h->wait_ns += (now_ps - request->given_ps) / 1000;
    }
    request->given_ps = now_ps;
    const int64_t start_ps = h->start ? h->start(h->context, &transfer, now_ps) : now_ps;
    ls_event_push(&h->under_way,
                  (struct ls_event){.time_ps = start_ps + transfer.time.duration_ps, .owner = (int32_t)id});
}

/* The NICs of a stage were busy: those of one of its members. */
static void note_end(const struct ls_pipeline *p, int64_t busy_ps)
{
    for (int64_t i = 0; i < p->n_stages; i++)
        p->usage[i].nic_ps += busy_ps / p->n_members;
}

static void note_links(const struct ls_handover *h, const struct ls_request *request, int64_t now_ps)
{
    const struct ls_transfer_time time =
        ls_transfer_time(&h->cost, request->holder, request->fetcher, missing_tok(request));
    const struct ls_collector *collector = scheduler_at(h->from, 0)->collector;
    if (!time.crosses || now_ps < collector->warmup_ps || now_ps > collector->horizon_ps)
        return;
    note_end(ls_pool_pipeline(h->from, request->holder), time.send_ps);
    note_end(ls_pool_pipeline(h->to, request->fetcher), time.receive_ps);
}

/* The KV cache is with the decode pool. */
static void end_transfer(struct ls_handover *h, uint32_t id, int64_t now_ps)
{
    struct ls_request *request = ls_request_at(h->requests, id);
    struct ls_scheduler *from = scheduler_at(h->from, request->holder);
    const int64_t target = request->fetcher;
    struct ls_scheduler *to = scheduler_at(h->to, target);
    if (request->measured) {
        h->n_done++;
        h->transfer_ns += (now_ps - request->given_ps) / 1000;
    }
    note_links(h, request, now_ps);
    assert(request->state == LS_REQUEST_FETCHING && from->n_left_blocks >= prompt_blocks(from, request));
    from->n_left_blocks -= prompt_blocks(from, request);
    from->n_charged += prompt_blocks(from, request);
    ls_scheduler_give_blocks(from, request,
                             &(struct ls_stored){prompt_blocks(from, request), request->prompt_tok, false}, now_ps);
    ls_pool_pipeline(h->from, request->holder)->look = true;
    request->ready_ps = now_ps;
    to->fetched[to->n_fetched++] = id;
    ls_pool_pipeline(h->to, target)->look = true;
}

int64_t ls_handover_next_ps(const struct ls_handover *h)
{
    const int64_t end_ps = h->under_way.n > 0 ? h->under_way.events[0].time_ps : LS_PS_NEVER;
    return next_given_ps(h) < end_ps ? next_given_ps(h) : end_ps;
}

int64_t ls_handover_settle(struct ls_handover *h, int64_t now_ps)
{
    int64_t n = 0;
    for (; h->under_way.n > 0 && h->under_way.events[0].time_ps <= now_ps; n++)
        end_transfer(h, (uint32_t)ls_event_pop(&h->under_way).owner, now_ps);
    for (; next_given_ps(h) <= now_ps; n++) {
        const uint32_t id = h->given.head;
        ls_request_list_remove(&h->given, h->requests, id);
        route(h, id, now_ps);
    }
    return n;
}

void ls_handover_join(struct ls_scheduler *s, int slot, int64_t seen_ps)
{
    size_t n = 0;
    for (; n < s->n_fetched && ls_request_at(s->pool, s->fetched[n])->ready_ps <= seen_ps; n++) {
        const uint32_t id = s->fetched[n];
        struct ls_request *request = ls_request_at(s->pool, id);
        s->n_fetching--;
        request->remote = false;
        request->n_computed = request->prompt_tok;
        ls_scheduler_learn(s, id);
        request->order = s->n_admitted++;
        ls_request_list_append(&s->running, s->pool, id);
        ls_decode_enter(s, slot, id, request->prompt_tok, true);
    }
    for (size_t i = n; i < s->n_fetched; i++)
        s->fetched[i - n] = s->fetched[i];
    s->n_fetched -= n;
}

int64_t ls_handover_reserved(const struct ls_scheduler *s)
{
    const struct ls_handover *h = s->handover;
    int64_t n_blocks = 0;
    if (!h || s->hands_over)
        return 0;
    for (size_t i = 0; i < h->under_way.n; i++) {
        const struct ls_request *request = ls_request_at(s->pool, (uint32_t)h->under_way.events[i].owner);
        n_blocks += request->fetcher == s->index ? prompt_blocks(s, request) : 0;
    }
    for (size_t i = 0; i < s->n_fetched; i++)
        n_blocks += prompt_blocks(s, ls_request_at(s->pool, s->fetched[i]));
    return n_blocks;
}

void ls_handover_cut_off(const struct ls_handover *h)
{
    struct ls_collector *collector = scheduler_at(h->from, 0)->collector;
    for (uint32_t id = h->given.head; id != LS_NO_REQUEST; id = ls_request_at(h->requests, id)->next)
        ls_collector_unfinished(collector, ls_request_at(h->requests, id));
    for (size_t i = 0; i < h->under_way.n; i++)
        ls_collector_unfinished(collector, ls_request_at(h->requests, (uint32_t)h->under_way.events[i].owner));
    for (int64_t i = 0; i < ls_pool_size(h->to); i++) {
        const struct ls_scheduler *s = scheduler_at(h->to, i);
        for (size_t j = 0; j < s->n_fetched; j++)
            ls_collector_unfinished(collector, ls_request_at(h->requests, s->fetched[j]));
    }
}

/* -- set-up -- */

/* Connect a pool's schedulers. Returns how many requests they run at once at most. */
static size_t connect(struct ls_handover *h, const struct ls_pool *pool)
{
    size_t n = 0;
    for (int64_t i = 0; i < ls_pool_size(pool); i++) {
        struct ls_scheduler *s = scheduler_at(pool, i);
        s->handover = h;
        s->index = (int32_t)i;
        n += (size_t)s->max_seqs;
    }
    return n;
}

enum ls_status ls_handover_init(struct ls_handover *h, const struct ls_scenario *scenario, struct ls_pool *from,
                                struct ls_pool *to, struct ls_request_pool *requests, struct ls_arena *arena)
{
    *h = (struct ls_handover){.requests = requests, .from = from, .to = to, .given = ls_request_list_empty};
    (void)connect(h, from);
    h->under_way.capacity = connect(h, to);
    h->under_way.events = ls_arena_take(arena, h->under_way.capacity * sizeof *h->under_way.events);
    if (!h->under_way.events || ls_transfer_cost_init(&h->cost, scenario, from, to, arena))
        return LS_NOMEM;
    for (int64_t i = 0; i < ls_pool_size(from); i++) {
        scheduler_at(from, i)->hands_over = true;
        scheduler_at(from, i)->n_blocks_elsewhere = scheduler_at(to, 0)->n_blocks;
    }
    for (int64_t i = 0; i < ls_pool_size(to); i++) {
        struct ls_scheduler *s = scheduler_at(to, i);
        s->fetched = ls_arena_take(arena, (size_t)s->max_seqs * sizeof *s->fetched);
        if (!s->fetched)
            return LS_NOMEM;
    }
    return LS_OK;
}
