#ifndef LS_TESTS_PLAIN_SCHEDULER_H
#define LS_TESTS_PLAIN_SCHEDULER_H

/* What one scheduler of the plain deployment does: plain.h. */

#include "tests/property/plain.h"

static void plain_insert(struct plain_request **list, int64_t *n, int64_t at, struct plain_request *request)
{
    for (int64_t i = (*n)++; i > at; i--)
        list[i] = list[i - 1];
    list[at] = request;
}

static struct plain_request *plain_remove(struct plain_request **list, int64_t *n, int64_t at)
{
    struct plain_request *request = list[at];
    for (int64_t i = at; i + 1 < *n; i++)
        list[i] = list[i + 1];
    (*n)--;
    return request;
}

/* KV tokens that a decode may need room for beyond its own. */
static int64_t plain_ahead(const struct plain_pool *pool)
{
    return pool->drafts.n + pool->drafts.look_ahead;
}

static bool plain_can_run(const struct plain_pool *pool, const struct plain_request *request)
{
    const struct ls_engine *engine = &pool->scenario->engine;
    if (engine->max_model_len != LS_NULL_INT && request->prompt >= engine->max_model_len)
        return false;
    if (!engine->enable_chunked_prefill && request->prompt > engine->max_num_batched_tokens)
        return false;
    const int64_t most = request->prompt + request->output - 1 + plain_ahead(pool);
    if (pool->next && request->output > 1)
        return plain_blocks(pool, request->prompt) <= pool->kv_blocks &&
               plain_blocks(pool->next, most) <= pool->next->kv_blocks;
    return plain_blocks(pool, most) <= pool->kv_blocks;
}

/* Tokens of a request that could be computed next. */
static int64_t plain_missing(const struct plain_request *request)
{
    return request->prompt + (request->remote ? 0 : request->generated) - request->computed;
}

static int64_t plain_chunk(const struct plain_pool *pool, const struct plain_request *request, int64_t budget)
{
    const struct ls_engine *engine = &pool->scenario->engine;
    int64_t n_tok = plain_missing(request) + (request->decoding ? pool->drafts.n : 0);
    if (engine->enable_chunked_prefill && !request->decoding)
        n_tok = plain_min(n_tok, engine->long_prefill_token_threshold);
    return plain_min(n_tok, budget);
}

/* KV blocks that a request needs for n_tok more tokens; those once taken for drafts stay. */
static int64_t plain_blocks_then(const struct plain_pool *pool, const struct plain_request *request, int64_t n_tok)
{
    const int64_t ahead = request->decoding ? pool->drafts.look_ahead : 0;
    return plain_max(request->held.n, plain_blocks(pool, request->computed + n_tok + ahead));
}

static void plain_schedule(const struct plain_pool *pool, struct plain_scheduler *s, int slot,
                           struct plain_request *request, int64_t n_tok, int64_t n_blocks)
{
    const int64_t end = request->computed + n_tok;
    const bool drafted = request->decoding && pool->drafts.n > 0;
    const int64_t accepted =
        drafted ? ls_drafts_accepted(&pool->drafts, request->index, request->generated, n_tok - 1) : 0;
    s->parts[slot][s->n_parts[slot]++] =
        (struct plain_part){request,
                            request->computed,
                            n_tok,
                            plain_min(1 + accepted, request->output - request->generated),
                            request->decoding,
                            request->decoding || end == request->prompt + request->generated};
    plain_store_take(&s->store, &request->held, n_blocks);
    request->computed = end;
    request->n_passes++;
    request->slot = slot;
}

/* Index of a request's part in a pass, −1 without one. */
static int64_t plain_find_part(const struct plain_scheduler *s, int slot, const struct plain_request *request)
{
    for (int64_t i = 0; i < s->n_parts[slot]; i++)
        if (s->parts[slot][i].request == request)
            return i;
    return -1;
}

/* Blocks of a request are copied between the GPUs and the host; sliding layers keep no more than their window's. */
static void plain_copy(const struct plain_pool *pool, struct plain_scheduler *s, int64_t n_blocks)
{
    const struct ls_model *model = &pool->scenario->model;
    struct ls_model drafter;
    const int64_t window = model->sliding_window;
    const int64_t n[2] = {n_blocks, window == LS_NULL_INT ? n_blocks : plain_min(n_blocks, plain_blocks(pool, window))};
    double bytes = 0;
    for (int64_t layer = 0; layer < model->num_hidden_layers; layer++)
        bytes += (double)n[plain_slides(model, layer)] * plain_layer_bytes(pool->scenario, model);
    if (ls_scenario_draft_model(pool->scenario, &drafter))
        bytes += (double)(n[0] * drafter.num_hidden_layers) * plain_layer_bytes(pool->scenario, &drafter);
    if (pool->plain->now_ps >= pool->plain->warmup_ps)
        pool->plain->swapped_bytes += bytes * (double)pool->scenario->strategy.tp;
    s->n_copied[0] += n[0];
    s->n_copied[1] += n[1];
}

static bool plain_ranks_after(const struct plain_request *a, const struct plain_request *b)
{
    return a->rank > b->rank || (a->rank == b->rank && a->turn > b->turn);
}

/* Who gives way with its prompt computed may go to the host's memory, if there is room; else it is computed again. */
static void plain_send_away(const struct plain_pool *pool, struct plain_scheduler *s, struct plain_request *victim)
{
    const int64_t n_blocks = plain_blocks(pool, victim->computed);
    if (pool->scenario->engine.preemption == LS_PREEMPT_SWAP && victim->decoding && n_blocks <= s->n_host_free) {
        int64_t at = 0;
        while (at < s->n_swapped && plain_ranks_after(victim, s->swapped[at]))
            at++;
        plain_insert(s->swapped, &s->n_swapped, at, victim);
        plain_copy(pool, s, n_blocks);
        s->n_host_free -= n_blocks;
        pool->plain->n_swaps += pool->plain->now_ps >= pool->plain->warmup_ps;
        return;
    }
    victim->computed = 0;
    victim->decoding = false;
    plain_insert(s->waiting, &s->n_waiting, 0, victim);
}

/* Share of what is to come that an admission leaves room for, in the beginning. */
static double plain_cautious(const struct plain_pool *pool)
{
    const struct ls_engine *engine = &pool->scenario->engine;
    return engine->output_reserve_start > engine->output_reserve ? engine->output_reserve_start
                                                                 : engine->output_reserve;
}

static double plain_reserve(const struct plain_pool *pool, const struct plain_scheduler *s)
{
    const struct ls_engine *engine = &pool->scenario->engine;
    const double fall = (plain_cautious(pool) - engine->output_reserve) / (double)engine->output_reserve_passes;
    const double share = s->reserve_from - fall * (double)s->n_reserve_passes;
    return share > engine->output_reserve ? share : engine->output_reserve;
}

/* What those who go on decoding have generated says what others will. */
static void plain_learn_reserve(const struct plain_pool *pool, struct plain_scheduler *s)
{
    int64_t soon = 0, output = 1;
    s->full = false;
    if (plain_cautious(pool) <= pool->scenario->engine.output_reserve)
        return;
    for (int64_t i = 0; i < s->n_running; i++) {
        const struct plain_request *request = s->running[i];
        if (!request->decoding)
            continue;
        soon += 20 + request->generated;
        output += request->output;
    }
    s->reserve_from = soon < output ? (double)soon / (double)output : 1;
    s->n_reserve_passes = 0;
}

/* A running request gives way; what it had in the pass being composed is free again. */
static void plain_preempt(struct plain_pool *pool, struct plain_scheduler *s, int slot, int64_t at, int64_t *budget)
{
    struct plain_request *victim = plain_remove(s->running, &s->n_running, at);
    const int64_t part = plain_find_part(s, slot, victim);
    if (part >= 0) {
        *budget += s->parts[slot][part].n_tok;
        victim->computed -= s->parts[slot][part].n_tok;
        victim->n_passes--;
        s->n_parts[slot]--;
        for (int64_t i = part; i < s->n_parts[slot]; i++)
            s->parts[slot][i] = s->parts[slot][i + 1];
    }
    plain_store_release(&s->store, &victim->held, &victim->content, victim->computed, true);
    s->n_promised -= victim->promised;
    plain_learn_reserve(pool, s);
    plain_send_away(pool, s, victim);
    pool->plain->n_preemptions += pool->plain->now_ps >= pool->plain->warmup_ps;
}

/* Whether ranks decide who gives way: with several passes under way they do not. */
static bool plain_ranked(const struct plain_pool *pool)
{
    return pool->scenario->engine.scheduling_policy != LS_POLICY_FCFS && pool->scenario->strategy.pp == 1;
}

/* Who gives way for request `at`: without ranks the newest, else who ranks last; at last itself, but nobody whom a pass
 * under way has. −1: nobody. */
static int64_t plain_victim(const struct plain_pool *pool, const struct plain_scheduler *s, int slot, int64_t at)
{
    const bool ranked = plain_ranked(pool);
    int64_t victim = -1;
    for (int64_t i = 0; i < s->n_running; i++) {
        const struct plain_request *request = s->running[i];
        const int64_t under_way = request->n_passes - (plain_find_part(s, slot, request) >= 0);
        const bool behind = ranked ? i == at || plain_ranks_after(request, s->running[at]) : i >= at;
        if (behind && under_way == 0 && (victim < 0 || !ranked || plain_ranks_after(request, s->running[victim])))
            victim = i;
    }
    return victim;
}

/* Free blocks for request *at, which moves when earlier ones leave, by sending others away. False when it cannot run
 * now. */
static bool plain_make_room(struct plain_pool *pool, struct plain_scheduler *s, int slot, int64_t *at, int64_t n_tok,
                            int64_t *budget)
{
    const struct plain_request *request = s->running[*at];
    const int64_t need = plain_blocks_then(pool, request, n_tok) - request->held.n;
    while (s->store.n_free < need) {
        const int64_t victim = plain_victim(pool, s, slot, *at);
        if (victim < 0)
            return false;
        plain_preempt(pool, s, slot, victim, budget);
        if (victim == *at)
            return false;
        *at -= victim < *at;
    }
    return true;
}

enum plain_part_of { PLAIN_PROMPTS = 1, PLAIN_DECODES = 2 };

/* Running requests in order, those of the kinds asked for; false when one of them found no room. */
static bool plain_schedule_running(struct plain_pool *pool, struct plain_scheduler *s, int slot, int kinds,
                                   int64_t *budget)
{
    const bool ranked = plain_ranked(pool);
    bool all_room = true;
    for (int64_t i = 0; i < s->n_running && (all_room || ranked); i++) {
        struct plain_request *request = s->running[i];
        if (!(kinds & (request->decoding ? PLAIN_DECODES : PLAIN_PROMPTS)) ||
            (request->decoding && request->slot != slot))
            continue;
        const int64_t n_tok = plain_chunk(pool, request, *budget);
        assert(n_tok > 0 || !request->decoding ||
               pool->drafts.n > 0); /* engine/serving/scheduler/scheduler.h says why */
        if (n_tok == 0)
            continue;
        const bool room = plain_make_room(pool, s, slot, &i, n_tok, budget);
        all_room = all_room && room;
        if (!room)
            i -= i >= s->n_running || s->running[i] != request; /* it has gone itself */
        if (room) {
            plain_schedule(pool, s, slot, request, n_tok, plain_blocks_then(pool, request, n_tok));
            *budget -= n_tok;
        }
    }
    return all_room;
}

/* Blocks that a request holds at its end: the prompt's and the output's, but the last token is never stored. */
static int64_t plain_promise(const struct plain_pool *pool, const struct plain_request *request)
{
    const int64_t output = request->output - 1 + plain_ahead(pool);
    return plain_blocks(
        pool, plain_max(request->prompt + (pool->next ? 0 : output), request->computed + plain_missing(request)));
}

/* Whether there are blocks for a request, for all but the first n_shared, and n_tok tokens after those it has. */
static bool plain_has_room(const struct plain_pool *pool, const struct plain_scheduler *s,
                           const struct plain_request *request, int64_t n_shared, int64_t n_tok)
{
    int64_t need = plain_blocks(pool, request->computed + n_tok) - n_shared, n_due = s->n_promised;
    if (pool->scenario->engine.batching != LS_BATCHING_MIXED) { /* all of its prompt, and of those under way */
        need = plain_blocks(pool, plain_max(request->computed + plain_missing(request), request->computed + n_tok)) -
               n_shared;
        for (int64_t i = 0; i < s->n_running; i++)
            if (!s->running[i]->decoding)
                need += plain_blocks(pool, s->running[i]->prompt + s->running[i]->generated) - s->running[i]->held.n;
    }
    for (int64_t i = 0; i < s->n_running; i++)
        n_due -= s->running[i]->held.n;
    for (int64_t i = 0; i < s->n_fetching; i++)
        n_due -= s->fetching[i]->held.n;
    for (int64_t i = 0; i < s->n_fetched; i++)
        n_due -= s->fetched[i]->held.n;
    const double share = plain_reserve(pool, s), others = (double)(n_due - s->n_fresh);
    const int64_t own = plain_promise(pool, request) - n_shared + s->n_fresh;
    if (share > 0 && (double)own + share * others > (double)s->store.n_free)
        return false;
    return need <= s->store.n_free;
}

/* Requests that are swapped out come back, each with its next tokens in the pass. */
static void plain_resume(struct plain_pool *pool, struct plain_scheduler *s, int slot, int64_t *budget)
{
    while (s->n_swapped > 0 &&
           s->n_running + s->n_fetching + s->n_fetched<pool->scenario->engine.max_num_seqs && * budget> 0) {
        struct plain_request *request = s->swapped[0];
        const int64_t n_blocks = plain_blocks(pool, request->computed), n_tok = plain_chunk(pool, request, *budget);
        int64_t n_free;
        const int64_t n_found = plain_store_find(&s->store, &request->content, request->computed, &n_free);
        if (!plain_has_room(pool, s, request, n_found - n_free, n_tok + pool->drafts.look_ahead))
            return;
        request->promised = plain_promise(pool, request);
        s->n_promised += request->promised;
        plain_store_share(&s->store, &request->held, &request->content, n_found);
        plain_store_take(&s->store, &request->held, plain_blocks_then(pool, request, n_tok));
        s->n_fresh += request->promised - request->held.n;
        plain_store_learn(&s->store, &request->held, &request->content, request->computed);
        plain_copy(pool, s, n_blocks - n_found);
        s->n_host_free += n_blocks;
        s->running[s->n_running++] = plain_remove(s->swapped, &s->n_swapped, 0);
        plain_schedule(pool, s, slot, request, n_tok, request->held.n);
        *budget -= n_tok;
    }
}

/* Those whose KV caches have come from the other pool decode, unless a prompt is being computed again. */
static void plain_join(struct plain_scheduler *s, int slot, int64_t seen_ps)
{
    for (int64_t i = 0; i < s->n_running; i++)
        if (!s->running[i]->decoding && plain_missing(s->running[i]) > 0)
            return;
    while (s->n_fetched > 0 && s->fetched[0]->ready_ps <= seen_ps) {
        struct plain_request *request = plain_remove(s->fetched, &s->n_fetched, 0);
        request->remote = false;
        request->decoding = true;
        request->slot = slot;
        request->computed = request->prompt;
        plain_store_learn(&s->store, &request->held, &request->content, request->computed);
        s->running[s->n_running++] = request;
    }
}

/* The KV cache of an admitted request is on its way here, but for the first n_found blocks. */
static void plain_fetch(struct plain_pool *pool, struct plain_scheduler *s, struct plain_request *request)
{
    struct plain *plain = pool->plain;
    const int64_t n_tok = request->prompt - request->computed;
    request->transfer_ps =
        plain->now_ps + ls_transfer_time(&plain->transfer_cost, request->holder, request->fetcher, n_tok).duration_ps;
    request->transfer_number = plain->n_transfers++;
    s->fetching[s->n_fetching++] = request;
}

/* Index of the waiting request that comes next, of those seen at `seen`; −1: none. */
static int64_t plain_next_waiting(const struct plain_pool *pool, const struct plain_scheduler *s, int64_t seen_ps)
{
    int64_t next = -1;
    if (pool->scenario->engine.scheduling_policy == LS_POLICY_FCFS)
        return s->n_waiting > 0 && s->waiting[0]->ready_ps <= seen_ps ? 0 : -1;
    for (int64_t i = 0; i < s->n_waiting; i++)
        if (s->waiting[i]->ready_ps <= seen_ps && (next < 0 || plain_ranks_after(s->waiting[next], s->waiting[i])))
            next = i;
    return next;
}

/* Waiting requests, as they were seen at `seen`. */
static void plain_admit(struct plain_pool *pool, struct plain_scheduler *s, int slot, int64_t budget, int64_t seen_ps)
{
    const struct ls_engine *engine = &pool->scenario->engine;
    while (s->n_running + s->n_fetching + s->n_fetched < engine->max_num_seqs && budget > 0 && s->n_swapped == 0 &&
           !s->full) {
        const int64_t next = plain_next_waiting(pool, s, seen_ps);
        if (next < 0)
            return;
        struct plain_request *request = s->waiting[next];
        int64_t n_free;
        const int64_t n_new = request->remote ? 0 : 1; /* to be computed in any case */
        const int64_t n_found = plain_store_find(&s->store, &request->content, plain_missing(request) - n_new, &n_free);
        request->computed = n_found * engine->block_size;
        const int64_t n_tok = request->remote ? plain_missing(request) : plain_chunk(pool, request, budget);
        const bool whole = n_tok == plain_missing(request);
        const bool can_be_whole = plain_missing(request) <= engine->max_num_batched_tokens;
        const bool fits = engine->enable_chunked_prefill || whole || !can_be_whole;
        if (!fits || !plain_has_room(pool, s, request, n_found - n_free, n_tok)) {
            s->full = fits && plain_cautious(pool) > engine->output_reserve;
            request->computed = 0;
            return;
        }
        request->promised = plain_promise(pool, request);
        s->n_promised += request->promised;
        plain_store_share(&s->store, &request->held, &request->content, n_found);
        (void)plain_remove(s->waiting, &s->n_waiting, next);
        if (request->remote) {
            plain_store_take(&s->store, &request->held, plain_blocks(pool, request->prompt));
            s->n_fresh += request->promised - request->held.n;
            plain_fetch(pool, s, request);
            continue;
        }
        s->running[s->n_running++] = request;
        if (request->scheduled_ps < 0) {
            request->scheduled_ps = pool->plain->now_ps;
            pool->plain->n_hit_tok += request->measured ? request->computed : 0;
            pool->plain->n_looked_up_tok += request->measured ? request->prompt : 0;
        }
        plain_schedule(pool, s, slot, request, n_tok, plain_blocks_then(pool, request, n_tok));
        s->n_fresh += request->promised - request->held.n;
        plain_store_learn(&s->store, &request->held, &request->content, request->computed);
        budget -= n_tok;
    }
}

/* Prompts and decodes together; or prompts alone, and decodes when there is none. */
static void plain_compose_parts(struct plain_pool *pool, struct plain_scheduler *s, int slot, int64_t seen_ps)
{
    const int32_t batching = pool->scenario->engine.batching;
    const int kinds = batching == LS_BATCHING_MIXED ? PLAIN_PROMPTS | PLAIN_DECODES : PLAIN_PROMPTS;
    int64_t budget = pool->scenario->engine.max_num_batched_tokens;
    const int64_t n_waiting = s->n_waiting + s->n_swapped;
    s->n_parts[slot] = 0;
    s->n_fresh = 0;
    plain_join(s, slot, seen_ps);
    const bool room = plain_schedule_running(pool, s, slot, kinds, &budget);
    for (int64_t i = 0; i < s->n_parts[slot]; i++) /* what they compute is known when all have their blocks */
        if (!s->parts[slot][i].decode)
            plain_store_learn(&s->store, &s->parts[slot][i].request->held, &s->parts[slot][i].request->content,
                              s->parts[slot][i].request->computed);
    const bool joining = room && s->n_waiting + s->n_swapped == n_waiting;
    if (joining && batching == LS_BATCHING_MIXED)
        plain_resume(pool, s, slot, &budget);
    if (joining && !s->closed)
        plain_admit(pool, s, slot, budget, seen_ps);
    if (batching == LS_BATCHING_MIXED || s->n_parts[slot] > 0)
        return;
    s->closed = batching == LS_BATCHING_STATIC && s->n_running > 0;
    const int64_t n_before = s->n_waiting + s->n_swapped;
    if (plain_schedule_running(pool, s, slot, PLAIN_DECODES, &budget) && s->n_waiting + s->n_swapped == n_before)
        plain_resume(pool, s, slot, &budget);
}

static void plain_compose(struct plain_pool *pool, struct plain_scheduler *s, int slot, int64_t seen_ps)
{
    bool decodes = true;
    plain_compose_parts(pool, s, slot, seen_ps);
    for (int64_t i = 0; i < s->n_parts[slot]; i++)
        decodes = decodes && s->parts[slot][i].decode;
    if (decodes && s->n_parts[slot] > 0) {
        s->n_reserve_passes++;
    } else if (s->n_running == 0) { /* cautious again */
        s->reserve_from = plain_cautious(pool);
        s->n_reserve_passes = 0;
        s->full = false;
    }
}

static void plain_complete_request(struct plain *plain, const struct plain_request *request)
{
    const struct ls_slo *slo = &plain->scenario->slo;
    const int64_t end_ps = request->last_ps;
    plain_note_end(plain, request, false, end_ps);
    if (end_ps > plain->horizon_ps)
        return;
    plain->n_all_completed++;
    plain->last_completion_ps = plain_max(plain->last_completion_ps, end_ps);
    plain->n_finished += end_ps >= plain->warmup_ps;
    if (!request->measured)
        return;
    const int64_t ttft_ps = request->first_ps - request->arrival_ps, gaps = request->output - 1;
    const int64_t tpot_ps = gaps > 0 ? (end_ps - request->first_ps + gaps / 2) / gaps : 0;
    plain->n_completed++;
    if (request->streams)
        plain_add(&plain->ttft, ttft_ps);
    plain_add(&plain->e2e, end_ps - request->arrival_ps);
    if (request->streams && gaps > 0)
        plain_add(&plain->tpot, tpot_ps);
    plain_add(&plain->wait, request->scheduled_ps - request->arrival_ps);
    for (int64_t i = 0; request->streams && i < request->gaps.n; i++)
        plain_add(&plain->itl, request->gaps.ps[i]);
    plain->n_good +=
        !request->streams || ((double)ttft_ps / 1e12 <= slo->ttft_s && (double)tpot_ps / 1e12 <= slo->tpot_s);
}

/* A token reaches its client at `sent`. */
static void plain_emit(struct plain *plain, struct plain_request *request, int64_t sent_ps)
{
    const bool first = request->generated == 0;
    const bool in_window = sent_ps >= plain->warmup_ps && sent_ps <= plain->horizon_ps;
    if (first)
        request->first_ps = sent_ps;
    else
        plain_add(&request->gaps, sent_ps - request->last_ps);
    plain->n_output_tok += in_window;
    plain->n_prompt_tok += first && in_window ? request->prompt : 0;
    request->generated++;
    request->last_ps = sent_ps;
}

/* A prompt has ended in the pool for prompts: the request leaves, its KV cache stays until it is fetched. */
static void plain_give(struct plain_pool *pool, struct plain_request *request)
{
    struct plain *plain = pool->plain;
    request->remote = true;
    request->computed = 0;
    request->kept = request->held;
    request->held = (struct plain_holding){0};
    request->given_ps = request->last_ps;
    int64_t at = plain->n_given;
    while (at > 0 &&
           (plain->given[at - 1]->given_ps > request->given_ps ||
            (plain->given[at - 1]->given_ps == request->given_ps && plain->given[at - 1]->holder > request->holder)))
        at--;
    plain_insert(plain->given, &plain->n_given, at, request);
}

static void plain_finish_parts(struct plain_pool *pool, struct plain_scheduler *s, int slot, int64_t sent_ps)
{
    int64_t n_tok = 0;
    for (int64_t i = 0; i < s->n_parts[slot]; i++) {
        const struct plain_part *part = &s->parts[slot][i];
        struct plain_request *request = part->request;
        n_tok += part->n_tok;
        request->n_passes--;
        if (!part->last)
            continue;
        for (int64_t j = 0; j < part->n_new; j++)
            plain_emit(pool->plain, request, sent_ps);
        request->computed -= part->n_tok - (part->decode ? part->n_new : part->n_tok); /* rejected */
        request->decoding = true;
        if (request->generated < request->output && !pool->next)
            continue;
        if (request->generated == request->output)
            plain_store_release(&s->store, &request->held, &request->content, request->computed, false);
        s->n_promised -= request->promised;
        s->full = false;
        int64_t at = 0;
        while (s->running[at] != request)
            at++;
        (void)plain_remove(s->running, &s->n_running, at);
        s->closed = s->closed && s->n_running > 0;
        if (request->generated == request->output)
            plain_complete_request(pool->plain, request);
        else
            plain_give(pool, request);
    }
    if (s->n_parts[slot] > 0 && pool->plain->now_ps >= pool->plain->warmup_ps) {
        pool->plain->n_passes++;
        pool->plain->n_tok += n_tok;
    }
    s->n_parts[slot] = 0;
}

#endif
