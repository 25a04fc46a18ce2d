#ifndef LS_TESTS_PLAIN_LOOP_H
#define LS_TESTS_PLAIN_LOOP_H

/* A serving deployment simulated the plain way: one clock, every running request looked at in every step, one by one,
 * in vLLM V1's terms (a request has tokens and computed tokens; what is missing is scheduled). It shares the source of
 * requests and the price of a pass with the engine, and nothing else. Slow and short on purpose: the engine must give
 * the same numbers. */

#include <assert.h>
#include <stdlib.h>

#include "engine/cost/step_cost.h"
#include "engine/serving/draft.h"
#include "engine/serving/source.h"
#include "tests/property/plain_store.h"
#include "tests/random_scenario.h"

enum { PLAIN_MAX_PP = 4, PLAIN_MAX_MEMBERS = 2 };

/* A set of times. */
struct plain_times {
    int64_t n, capacity;
    int64_t *ps;
};

struct plain_request {
    struct plain_request *all; /* the one made before it, for the end */
    int64_t arrival_ps, ready_ps, scheduled_ps, first_ps, last_ps;
    int64_t member;
    int64_t prompt, output; /* tokens */
    int64_t rank, turn;     /* in the waiting queue */
    int64_t generated;
    uint64_t index;            /* of the run */
    int64_t computed;          /* tokens whose keys and values are stored, or will be when the passes under way end */
    struct plain_holding held; /* KV blocks */
    int64_t promised;          /* those counted on when it was admitted */
    struct ls_content content;
    struct ls_turn said;
    int64_t n_passes; /* under way with it */
    int slot;         /* decoding: whose passes it takes part in */
    bool decoding;    /* its prompt is computed */
    bool measured, streams;
    struct plain_times gaps; /* between its tokens */
};

/* A request's part of a pass. */
struct plain_part {
    struct plain_request *request;
    int64_t start, n_tok;
    int64_t n_new; /* tokens that come out */
    bool decode, last;
};

struct plain_scheduler {
    struct plain_request **waiting, **running;
    int64_t n_waiting, n_running;
    int64_t n_expected; /* with the front end */
    int64_t n_came;
    struct plain_store store;
    int64_t n_promised;
    bool closed; /* static: its batch decodes */
    struct plain_part *parts[PLAIN_MAX_PP];
    int64_t n_parts[PLAIN_MAX_PP];
    int64_t waiting_max, used_max;
};

struct plain_pass {
    int slot;
    int64_t start_ps, end_ps;
};

struct plain_pipeline {
    struct plain_scheduler members[PLAIN_MAX_MEMBERS];
    struct plain_pass passes[PLAIN_MAX_PP]; /* oldest first */
    int64_t n_passes;
    int64_t stage_free_ps[PLAIN_MAX_PP];
    int64_t cpu_free_ps;
    int64_t ended_ps;
    struct plain_request **inbox; /* with the front end, in order */
    int64_t n_inbox;
    int64_t frontend_free_ps, wire_free_ps;
    bool touched; /* a pass has ended or a request arrived: idle slots look again */
};

struct plain {
    const struct ls_scenario *scenario;
    const struct random_scenario *drawn;
    struct ls_arena arena;
    struct ls_step_cost cost;
    struct ls_placement placement;
    struct ls_drafts drafts;
    struct ls_source source;
    struct plain_pipeline *pipelines;
    struct plain_request *all;
    int64_t now_ps, warmup_ps, horizon_ps;
    struct ls_follower *following; /* what is to come because something else has ended */
    int64_t n_following, following_capacity;
    struct plain_times ttft, tpot, itl, e2e, wait;
    int64_t n_arrived, n_completed, n_rejected, n_good; /* in the window */
    int64_t n_all_arrived, n_all_completed, n_all_rejected;
    int64_t n_finished, n_output_tok, n_prompt_tok, n_preemptions; /* in the window, whoever arrived when */
    int64_t n_hit_tok, n_looked_up_tok;
    int64_t n_steps, n_passes, n_tok;
    int64_t first_arrival_ps, last_completion_ps;
    int64_t busy_ps;
    double waiting_integral, running_integral, used_integral;
    int64_t waiting_max;
    double used_max_frac;
};

static void plain_add(struct plain_times *times, int64_t ps)
{
    if (times->n == times->capacity) {
        times->capacity = 2 * times->capacity + 16;
        times->ps = realloc(times->ps, (size_t)times->capacity * sizeof *times->ps);
    }
    times->ps[times->n++] = ps;
}

/* A request has ended, or was refused: perhaps its client goes on. */
static void plain_note_end(struct plain *plain, const struct plain_request *request, bool refused, int64_t now_ps)
{
    struct ls_follower follower;
    if (!ls_source_after(&plain->source, &request->said, (int32_t)request->output, refused, now_ps, &follower))
        return;
    if (plain->n_following == plain->following_capacity) {
        plain->following_capacity = 2 * plain->following_capacity + 16;
        plain->following = realloc(plain->following, (size_t)plain->following_capacity * sizeof *plain->following);
    }
    plain->following[plain->n_following++] = follower;
}

static int64_t plain_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t plain_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t plain_blocks(const struct plain *plain, int64_t n_tok)
{
    return (n_tok + plain->scenario->engine.block_size - 1) / plain->scenario->engine.block_size;
}

/* Length of the part of [start, end] that lies in the measured window. */
static int64_t plain_clip(const struct plain *plain, int64_t start_ps, int64_t end_ps)
{
    return plain_max(0, plain_min(end_ps, plain->horizon_ps) - plain_max(start_ps, plain->warmup_ps));
}

/* -- one scheduler -- */

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
static int64_t plain_ahead(const struct plain *plain)
{
    return plain->drafts.n + plain->drafts.look_ahead;
}

static bool plain_can_run(const struct plain *plain, const struct plain_request *request)
{
    const struct ls_engine *engine = &plain->scenario->engine;
    if (engine->max_model_len != LS_NULL_INT && request->prompt >= engine->max_model_len)
        return false;
    if (!engine->enable_chunked_prefill && request->prompt > engine->max_num_batched_tokens)
        return false;
    return plain_blocks(plain, request->prompt + request->output - 1 + plain_ahead(plain)) <= plain->drawn->kv_blocks;
}

/* Tokens of a request that could be computed next. */
static int64_t plain_missing(const struct plain_request *request)
{
    return request->prompt + request->generated - request->computed;
}

static int64_t plain_chunk(const struct plain *plain, const struct plain_request *request, int64_t budget)
{
    const struct ls_engine *engine = &plain->scenario->engine;
    int64_t n_tok = plain_missing(request) + (request->decoding ? plain->drafts.n : 0);
    if (engine->enable_chunked_prefill && !request->decoding)
        n_tok = plain_min(n_tok, engine->long_prefill_token_threshold);
    return plain_min(n_tok, budget);
}

/* KV blocks that a request needs for n_tok more tokens; those once taken for drafts stay. */
static int64_t plain_blocks_then(const struct plain *plain, const struct plain_request *request, int64_t n_tok)
{
    const int64_t ahead = request->decoding ? plain->drafts.look_ahead : 0;
    return plain_max(request->held.n, plain_blocks(plain, request->computed + n_tok + ahead));
}

static void plain_schedule(const struct plain *plain, struct plain_scheduler *s, int slot,
                           struct plain_request *request, int64_t n_tok, int64_t n_blocks)
{
    const int64_t end = request->computed + n_tok;
    const bool drafted = request->decoding && plain->drafts.n > 0;
    const int64_t accepted =
        drafted ? ls_drafts_accepted(&plain->drafts, request->index, request->generated, n_tok - 1) : 0;
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

/* Send a running request back; what it had in the pass being composed is free again. */
static void plain_preempt(struct plain *plain, struct plain_scheduler *s, int slot, int64_t at, int64_t *budget)
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
    victim->computed = 0;
    victim->decoding = false;
    plain_insert(s->waiting, &s->n_waiting, 0, victim);
    plain->n_preemptions += plain->now_ps >= plain->warmup_ps;
}

static bool plain_ranks_after(const struct plain_request *a, const struct plain_request *b)
{
    return a->rank > b->rank || (a->rank == b->rank && a->turn > b->turn);
}

/* Whether ranks decide who gives way: with several passes under way they do not. */
static bool plain_ranked(const struct plain *plain)
{
    return plain->scenario->engine.scheduling_policy != LS_POLICY_FCFS && plain->scenario->strategy.pp == 1;
}

/* Who gives way for request `at`: without ranks the newest, else who ranks last; at last itself, but nobody whom a pass
 * under way has. −1: nobody. */
static int64_t plain_victim(const struct plain *plain, const struct plain_scheduler *s, int slot, int64_t at)
{
    const bool ranked = plain_ranked(plain);
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
static bool plain_make_room(struct plain *plain, struct plain_scheduler *s, int slot, int64_t *at, int64_t n_tok,
                            int64_t *budget)
{
    const struct plain_request *request = s->running[*at];
    const int64_t need = plain_blocks_then(plain, request, n_tok) - request->held.n;
    while (s->store.n_free < need) {
        const int64_t victim = plain_victim(plain, s, slot, *at);
        if (victim < 0)
            return false;
        plain_preempt(plain, s, slot, victim, budget);
        if (victim == *at)
            return false;
        *at -= victim < *at;
    }
    return true;
}

enum plain_part_of { PLAIN_PROMPTS = 1, PLAIN_DECODES = 2 };

/* Running requests in order, those of the kinds asked for; false when one of them found no room. */
static bool plain_schedule_running(struct plain *plain, struct plain_scheduler *s, int slot, int kinds, int64_t *budget)
{
    const bool ranked = plain_ranked(plain);
    bool all_room = true;
    for (int64_t i = 0; i < s->n_running && (all_room || ranked); i++) {
        struct plain_request *request = s->running[i];
        if (!(kinds & (request->decoding ? PLAIN_DECODES : PLAIN_PROMPTS)) ||
            (request->decoding && request->slot != slot))
            continue;
        const int64_t n_tok = plain_chunk(plain, request, *budget);
        assert(n_tok > 0 || !request->decoding || plain->drafts.n > 0); /* engine/serving/scheduler.h says why */
        if (n_tok == 0)
            continue;
        const bool room = plain_make_room(plain, s, slot, &i, n_tok, budget);
        all_room = all_room && room;
        if (!room)
            i -= i >= s->n_running || s->running[i] != request; /* it has gone itself */
        if (room) {
            plain_schedule(plain, s, slot, request, n_tok, plain_blocks_then(plain, request, n_tok));
            *budget -= n_tok;
        }
    }
    return all_room;
}

/* Blocks that an admission counts on: the prompt's and a share of the output's, but the last token is never stored. */
static int64_t plain_promise(const struct plain *plain, const struct plain_request *request)
{
    const double share = plain->scenario->engine.output_reserve;
    const int64_t with_output = request->prompt + (int64_t)ceil(share * (double)(request->output - 1));
    return plain_blocks(plain, plain_max(with_output + plain_ahead(plain), request->prompt + request->generated));
}

/* Whether there are blocks for a request, for all but the first n_shared, and n_tok tokens after those it has. */
static bool plain_has_room(const struct plain *plain, const struct plain_scheduler *s,
                           const struct plain_request *request, int64_t n_shared, int64_t n_tok)
{
    int64_t need = plain_blocks(plain, request->computed + n_tok) - n_shared, n_due = s->n_promised;
    if (plain->scenario->engine.batching != LS_BATCHING_MIXED) { /* all of its prompt, and of those under way */
        need = plain_blocks(plain, request->prompt + request->generated) - n_shared;
        for (int64_t i = 0; i < s->n_running; i++)
            if (!s->running[i]->decoding)
                need += plain_blocks(plain, s->running[i]->prompt + s->running[i]->generated) - s->running[i]->held.n;
    }
    for (int64_t i = 0; i < s->n_running; i++)
        n_due -= s->running[i]->held.n;
    if (plain->scenario->engine.output_reserve > 0 &&
        n_due + plain_promise(plain, request) - n_shared > s->store.n_free)
        return false;
    return need <= s->store.n_free;
}

/* Index of the waiting request that comes next, of those seen at `seen`; −1: none. */
static int64_t plain_next_waiting(const struct plain *plain, const struct plain_scheduler *s, int64_t seen_ps)
{
    int64_t next = -1;
    if (plain->scenario->engine.scheduling_policy == LS_POLICY_FCFS)
        return s->n_waiting > 0 && s->waiting[0]->ready_ps <= seen_ps ? 0 : -1;
    for (int64_t i = 0; i < s->n_waiting; i++)
        if (s->waiting[i]->ready_ps <= seen_ps && (next < 0 || plain_ranks_after(s->waiting[next], s->waiting[i])))
            next = i;
    return next;
}

/* Waiting requests, as they were seen at `seen`. */
static void plain_admit(struct plain *plain, struct plain_scheduler *s, int slot, int64_t budget, int64_t seen_ps)
{
    const struct ls_engine *engine = &plain->scenario->engine;
    while (s->n_running < engine->max_num_seqs && budget > 0) {
        const int64_t next = plain_next_waiting(plain, s, seen_ps);
        if (next < 0)
            return;
        struct plain_request *request = s->waiting[next];
        int64_t n_free;
        const int64_t n_found = plain_store_find(&s->store, &request->content, plain_missing(request) - 1, &n_free);
        request->computed = n_found * engine->block_size;
        const int64_t n_tok = plain_chunk(plain, request, budget);
        const bool whole = n_tok == plain_missing(request);
        const bool can_be_whole = plain_missing(request) <= engine->max_num_batched_tokens;
        if ((!engine->enable_chunked_prefill && !whole && can_be_whole) ||
            !plain_has_room(plain, s, request, n_found - n_free, n_tok)) {
            request->computed = 0;
            return;
        }
        request->promised = plain_promise(plain, request);
        s->n_promised += request->promised;
        plain_store_share(&s->store, &request->held, &request->content, n_found);
        (void)plain_remove(s->waiting, &s->n_waiting, next);
        s->running[s->n_running++] = request;
        if (request->scheduled_ps < 0) {
            request->scheduled_ps = plain->now_ps;
            plain->n_hit_tok += request->measured ? request->computed : 0;
            plain->n_looked_up_tok += request->measured ? request->prompt : 0;
        }
        plain_schedule(plain, s, slot, request, n_tok, plain_blocks_then(plain, request, n_tok));
        plain_store_learn(&s->store, &request->held, &request->content, request->computed);
        budget -= n_tok;
    }
}

/* Prompts and decodes together; or prompts alone, and decodes when there is none. */
static void plain_compose(struct plain *plain, struct plain_scheduler *s, int slot, int64_t seen_ps)
{
    const int32_t batching = plain->scenario->engine.batching;
    const int kinds = batching == LS_BATCHING_MIXED ? PLAIN_PROMPTS | PLAIN_DECODES : PLAIN_PROMPTS;
    int64_t budget = plain->scenario->engine.max_num_batched_tokens;
    const int64_t n_waiting = s->n_waiting;
    s->n_parts[slot] = 0;
    const bool room = plain_schedule_running(plain, s, slot, kinds, &budget);
    for (int64_t i = 0; i < s->n_parts[slot]; i++) /* what they compute is known when all have their blocks */
        if (!s->parts[slot][i].decode)
            plain_store_learn(&s->store, &s->parts[slot][i].request->held, &s->parts[slot][i].request->content,
                              s->parts[slot][i].request->computed);
    const bool preempted = s->n_waiting > n_waiting;
    if (room && !preempted && !s->closed)
        plain_admit(plain, s, slot, budget, seen_ps);
    if (batching == LS_BATCHING_MIXED || s->n_parts[slot] > 0)
        return;
    s->closed = batching == LS_BATCHING_STATIC && s->n_running > 0;
    (void)plain_schedule_running(plain, s, slot, PLAIN_DECODES, &budget);
}

/* What the pass holds, token by token. */
static struct ls_batch plain_batch(const struct plain *plain, const struct plain_scheduler *s, int slot)
{
    const int64_t window = plain->scenario->model.sliding_window;
    struct ls_batch batch = {0};
    for (int64_t i = 0; i < s->n_parts[slot]; i++) {
        const struct plain_part *part = &s->parts[slot][i];
        const int64_t end = part->start + part->n_tok;
        batch.n_tok += part->n_tok;
        batch.n_sampled += part->decode ? part->n_tok : 1;
        if (part->decode) {
            batch.n_decode++;
            batch.draft_tok += part->n_tok - 1;
            batch.decode_context += end;
            batch.decode_window += window == LS_NULL_INT ? end : plain_min(end, window + part->n_tok - 1);
            continue;
        }
        batch.n_prefill++;
        batch.prefill_tok += part->n_tok;
        batch.prefill_context += end;
        for (int64_t token = part->start; token < end; token++)
            batch.prefill_pairs += token + 1;
        if (window == LS_NULL_INT)
            continue;
        batch.prefill_window_context += end - plain_max(0, part->start + 1 - window);
        for (int64_t token = part->start; token < end; token++)
            batch.prefill_window_pairs += plain_min(token + 1, window);
    }
    return batch;
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

static void plain_finish_parts(struct plain *plain, struct plain_scheduler *s, int slot, int64_t sent_ps)
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
            plain_emit(plain, request, sent_ps);
        request->computed -= part->n_tok - (part->decode ? part->n_new : part->n_tok); /* rejected */
        request->decoding = true;
        if (request->generated < request->output)
            continue;
        plain_store_release(&s->store, &request->held, &request->content, request->computed, false);
        s->n_promised -= request->promised;
        int64_t at = 0;
        while (s->running[at] != request)
            at++;
        (void)plain_remove(s->running, &s->n_running, at);
        s->closed = s->closed && s->n_running > 0;
        plain_complete_request(plain, request);
    }
    if (s->n_parts[slot] > 0 && plain->now_ps >= plain->warmup_ps) {
        plain->n_passes++;
        plain->n_tok += n_tok;
    }
    s->n_parts[slot] = 0;
}

/* -- pipelines -- */

/* How many times as long a stage computes as it should. */
static double plain_slowness(const struct plain *plain, int64_t pipeline, int64_t stage)
{
    const struct ls_strategy *strategy = &plain->scenario->strategy;
    const struct ls_straggler *straggler = &plain->scenario->engine.jitter.straggler;
    for (int64_t i = 0; i < strategy->tp * strategy->ep; i++) {
        const int64_t at[LS_N_DIMS] = {
            [LS_TP] = i % strategy->tp, [LS_EP] = i / strategy->tp, [LS_PP] = stage, [LS_DP] = pipeline};
        if (ls_placement_rank(&plain->placement, at) == straggler->gpu)
            return straggler->factor;
    }
    return 1.0;
}

/* A stage's pass so far: a collective that has not begun hides behind the block that follows it, or does not. */
struct plain_clock {
    double slowness;
    bool overlap;
    int64_t now_ps, comm_ps;
};

static void plain_compute(struct plain_clock *clock, int64_t block_ps)
{
    const int64_t ps = (int64_t)((double)block_ps * clock->slowness + 0.5);
    clock->now_ps += clock->overlap ? plain_max(ps, clock->comm_ps) : ps + clock->comm_ps;
    clock->comm_ps = 0;
}

static int64_t plain_stage_ps(const struct plain *plain, int64_t pipeline, int64_t stage, const struct ls_step *step)
{
    const struct ls_model *model = &plain->scenario->model;
    const int64_t n_stages = plain->scenario->strategy.pp;
    struct plain_clock clock = {.slowness = plain_slowness(plain, pipeline, stage),
                                .overlap = plain->scenario->engine.overlap_communication};
    if (stage == 0)
        plain_compute(&clock, step->embedding_ps);
    for (int64_t layer = ls_stage_first_layer(model->num_hidden_layers, n_stages, stage);
         layer < ls_stage_first_layer(model->num_hidden_layers, n_stages, stage + 1); layer++) {
        const bool moe = model->n_routed_experts != LS_NULL_INT && layer >= model->first_k_dense_replace;
        const bool full = model->sliding_window == LS_NULL_INT || (model->sliding_window_pattern != LS_NULL_INT &&
                                                                   (layer + 1) % model->sliding_window_pattern == 0);
        plain_compute(&clock, step->attention_ps[!full]);
        clock.comm_ps = step->linear->attention_comm_ps;
        plain_compute(&clock, step->mlp_ps[moe]);
        clock.comm_ps = step->linear->mlp_comm_ps[moe];
    }
    plain_compute(&clock, stage + 1 == n_stages ? step->head_ps : 0);
    plain_compute(&clock, stage + 1 == n_stages ? step->draft_ps : 0);
    return clock.now_ps;
}

/* Whether any GPU of a stage sends to another node. */
static bool plain_leaves_node(const struct plain *plain, int64_t pipeline, int64_t stage)
{
    const struct ls_strategy *strategy = &plain->scenario->strategy;
    for (int64_t i = 0; i < strategy->tp * strategy->ep; i++) {
        int64_t at[LS_N_DIMS] = {
            [LS_TP] = i % strategy->tp, [LS_EP] = i / strategy->tp, [LS_PP] = stage, [LS_DP] = pipeline};
        const int64_t from = ls_placement_rank(&plain->placement, at);
        at[LS_PP]++;
        const int64_t to = ls_placement_rank(&plain->placement, at);
        if (from / plain->scenario->cluster.gpus_per_node != to / plain->scenario->cluster.gpus_per_node)
            return true;
    }
    return false;
}

static void plain_launch(struct plain *plain, int64_t index, int slot, const struct ls_batch *batches)
{
    const struct ls_engine *engine = &plain->scenario->engine;
    struct plain_pipeline *p = &plain->pipelines[index];
    struct ls_step step;
    int64_t n_seqs = 0;
    for (int64_t i = 0; i < plain->scenario->strategy.ep; i++)
        n_seqs = plain_max(n_seqs, batches[i].n_decode + batches[i].n_prefill);
    ls_step_cost(&plain->cost, batches, &step);
    /* with overlap the CPU has turned to this pass when the one before had started */
    const bool ahead = engine->overlap_scheduling && (p->n_passes > 0 || p->ended_ps == plain->now_ps);
    int64_t now_ps = ahead ? p->cpu_free_ps : plain_max(plain->now_ps, p->cpu_free_ps);
    now_ps += ls_ps_from_s(engine->step_overhead_s) + n_seqs * ls_ps_from_s(engine->step_overhead_per_seq_s);
    now_ps = plain_max(now_ps, plain->now_ps);
    struct plain_pass pass = {.slot = slot, .start_ps = now_ps};
    p->cpu_free_ps = now_ps;
    for (int64_t stage = 0; stage < plain->scenario->strategy.pp; stage++) {
        const int64_t start_ps = plain_max(now_ps, p->stage_free_ps[stage]);
        now_ps = start_ps + plain_stage_ps(plain, index, stage, &step);
        p->stage_free_ps[stage] = now_ps;
        plain->busy_ps += plain_clip(plain, start_ps, now_ps);
        if (stage + 1 < plain->scenario->strategy.pp)
            now_ps += step.linear->send_ps[plain_leaves_node(plain, index, stage)];
    }
    pass.end_ps = now_ps;
    p->passes[p->n_passes++] = pass;
    plain->n_steps++;
}

static bool plain_slot_is_idle(const struct plain_pipeline *p, int slot)
{
    for (int64_t i = 0; i < p->n_passes; i++)
        if (p->passes[i].slot == slot)
            return false;
    return true;
}

static bool plain_start(struct plain *plain, int64_t index, int slot, int64_t seen_ps)
{
    struct ls_batch batches[PLAIN_MAX_MEMBERS];
    bool any = false;
    for (int64_t i = 0; i < plain->scenario->strategy.ep; i++) {
        plain_compose(plain, &plain->pipelines[index].members[i], slot, seen_ps);
        batches[i] = plain_batch(plain, &plain->pipelines[index].members[i], slot);
        any |= batches[i].n_tok > 0;
    }
    if (any)
        plain_launch(plain, index, slot, batches);
    return any;
}

static void plain_fill(struct plain *plain, int64_t index)
{
    const struct ls_engine *engine = &plain->scenario->engine;
    struct plain_pipeline *p = &plain->pipelines[index];
    const int64_t now_ps = plain->now_ps, pp = plain->scenario->strategy.pp;
    p->touched = false;
    for (int slot = 0; slot < (int)pp; slot++) {
        int64_t seen_ps = now_ps;
        if (!plain_slot_is_idle(p, slot))
            continue;
        if (engine->overlap_scheduling && pp == 1 && p->ended_ps == now_ps)
            seen_ps = plain_min(now_ps, p->cpu_free_ps + ls_ps_from_s(engine->step_overhead_s));
        if (!plain_start(plain, index, slot, seen_ps) && pp == 1)
            (void)plain_start(plain, index, slot, now_ps);
    }
}

static int64_t plain_front_end_from(struct plain_pipeline *p, int64_t from_ps, int64_t work_ps)
{
    p->frontend_free_ps = plain_max(p->frontend_free_ps, from_ps) + work_ps;
    return p->frontend_free_ps;
}

/* The front end does one thing after the other. */
static int64_t plain_front_end(struct plain *plain, struct plain_pipeline *p, int64_t work_ps)
{
    return plain_front_end_from(p, plain->now_ps, work_ps);
}

/* Picoseconds of a link to the clients: its latency, and four bytes. */
static int64_t plain_client_latency(const struct plain *plain)
{
    const double latency_s = plain->scenario->cluster.client.latency_s;
    return isnan(latency_s) ? 0 : ls_ps_from_s(latency_s);
}

static int64_t plain_client_token(const struct plain *plain)
{
    const double bandwidth = plain->scenario->cluster.client.bandwidth_bytes_per_s;
    return isnan(bandwidth) ? 0 : ls_ps_from_s(4 / bandwidth);
}

static void plain_end_passes(struct plain *plain, struct plain_pipeline *p)
{
    const int64_t token_ps = ls_ps_from_s(plain->scenario->engine.output_token_overhead_s);
    while (p->n_passes > 0 && p->passes[0].end_ps == plain->now_ps) {
        const int slot = p->passes[0].slot;
        int64_t n_new = 0;
        for (int64_t i = 0; i < plain->scenario->strategy.ep; i++)
            for (int64_t j = 0; j < p->members[i].n_parts[slot]; j++)
                n_new += p->members[i].parts[slot][j].n_new;
        const int64_t sent_ps =
            plain_front_end(plain, p, n_new * token_ps) + plain_client_latency(plain) + plain_client_token(plain);
        for (int64_t i = 0; i < plain->scenario->strategy.ep; i++)
            plain_finish_parts(plain, &p->members[i], slot, sent_ps);
        p->n_passes--;
        for (int64_t i = 0; i < p->n_passes; i++)
            p->passes[i] = p->passes[i + 1];
        p->ended_ps = plain->now_ps;
        p->touched = true;
    }
}

/* Requests that the front end is done with. */
static void plain_take_ready(struct plain *plain, struct plain_pipeline *p)
{
    while (p->n_inbox > 0 && p->inbox[0]->ready_ps <= plain->now_ps) {
        struct plain_request *request = plain_remove(p->inbox, &p->n_inbox, 0);
        struct plain_scheduler *s = &p->members[request->member];
        s->n_expected--;
        request->turn = s->n_came++;
        s->waiting[s->n_waiting++] = request;
        p->touched = true;
    }
}

/* -- the deployment -- */

static int64_t plain_choose(const struct plain *plain, const struct ls_arrival *arrival)
{
    const struct ls_scenario *scenario = plain->scenario;
    const int64_t ep = scenario->strategy.ep, n = scenario->strategy.dp * ep;
    const int64_t turn = (int64_t)(arrival->index % (uint64_t)n);
    if (scenario->engine.router == 0)
        return turn;
    if (scenario->engine.router == 1) {
        struct ls_stream stream =
            ls_stream_make((uint64_t)scenario->seed, (uint64_t)scenario->replica, 0, arrival->index, LS_RNG_ROUTER);
        return (int64_t)(ls_stream_uniform(&stream) * (double)n);
    }
    int64_t best = turn, least = INT64_MAX;
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = (turn + i) % n;
        const struct plain_scheduler *s = &plain->pipelines[at / ep].members[at % ep];
        if (s->n_expected + s->n_waiting + s->n_running < least) {
            least = s->n_expected + s->n_waiting + s->n_running;
            best = at;
        }
    }
    return best;
}

static void plain_arrive(struct plain *plain, const struct ls_arrival *arrival)
{
    const struct ls_engine *engine = &plain->scenario->engine;
    const int64_t target = plain_choose(plain, arrival), ep = plain->scenario->strategy.ep;
    struct plain_pipeline *p = &plain->pipelines[target / ep];
    struct plain_scheduler *s = &p->members[target % ep];
    struct plain_request *request = calloc(1, sizeof *request);
    *request = (struct plain_request){.all = plain->all,
                                      .arrival_ps = arrival->arrival_ps,
                                      .scheduled_ps = -1,
                                      .prompt = arrival->prompt_tok,
                                      .output = arrival->output_tok,
                                      .index = arrival->index,
                                      .content = arrival->content,
                                      .said = arrival->turn,
                                      .member = target % ep,
                                      .measured = arrival->arrival_ps >= plain->warmup_ps,
                                      .streams = arrival->streams};
    plain->all = request;
    if (plain->n_all_arrived++ == 0)
        plain->first_arrival_ps = arrival->arrival_ps;
    plain->n_arrived += request->measured;
    if (engine->max_model_len != LS_NULL_INT && request->prompt < engine->max_model_len)
        request->output = plain_min(request->output, engine->max_model_len - request->prompt);
    if (engine->scheduling_policy == LS_POLICY_PRIORITY && !plain->scenario->workload.trace)
        request->rank = plain->scenario->workload.profiles[arrival->profile].priority;
    if (engine->scheduling_policy == LS_POLICY_SJF)
        request->rank = request->prompt + request->output;
    if (!plain_can_run(plain, request)) {
        plain->n_rejected += request->measured;
        plain->n_all_rejected++;
        plain_note_end(plain, request, true, plain->now_ps);
        return; /* NOLINT(clang-analyzer-unix.Malloc): plain->all has it */
    }
    p->wire_free_ps = plain_max(p->wire_free_ps, plain->now_ps) + request->prompt * plain_client_token(plain);
    request->ready_ps = plain_front_end_from(p, p->wire_free_ps + plain_client_latency(plain),
                                             ls_ps_from_s(engine->request_overhead_s) +
                                                 request->prompt * ls_ps_from_s(engine->prompt_token_overhead_s));
    s->n_expected++;
    p->inbox[p->n_inbox++] = request;
}

/* Time passes: what has waited, run and been held since. */
static void plain_go_to(struct plain *plain, int64_t then_ps)
{
    const double ps = (double)plain_clip(plain, plain->now_ps, then_ps);
    for (int64_t i = 0; i < plain->scenario->strategy.dp; i++) {
        for (int64_t j = 0; j < plain->scenario->strategy.ep; j++) {
            struct plain_scheduler *s = &plain->pipelines[i].members[j];
            plain->waiting_integral += ps * (double)s->n_waiting;
            plain->running_integral += ps * (double)s->n_running;
            plain->used_integral += ps * (double)(plain->drawn->kv_blocks - s->store.n_free);
            if (ps > 0) {
                s->waiting_max = plain_max(s->waiting_max, s->n_waiting);
                s->used_max = plain_max(s->used_max, plain->drawn->kv_blocks - s->store.n_free);
            }
        }
    }
    plain->now_ps = then_ps;
}

static int64_t plain_next_ps(const struct plain *plain)
{
    int64_t next_ps = LS_PS_NEVER;
    for (int64_t i = 0; i < plain->scenario->strategy.dp; i++) {
        const struct plain_pipeline *p = &plain->pipelines[i];
        if (p->n_passes > 0)
            next_ps = plain_min(next_ps, p->passes[0].end_ps);
        if (p->n_inbox > 0)
            next_ps = plain_min(next_ps, p->inbox[0]->ready_ps);
    }
    for (int64_t i = 0; i < plain->n_following; i++)
        next_ps = plain_min(next_ps, plain->following[i].at_ps);
    return next_ps;
}

/* Clients who have just had their answer, or have thought for long enough, go on. */
static void plain_follow(struct plain *plain)
{
    struct ls_arrival arrival;
    for (int64_t i = 0; i < plain->n_following; i++) {
        if (plain->following[i].at_ps != plain->now_ps)
            continue;
        const struct ls_follower follower = plain->following[i];
        plain->following[i].at_ps = LS_PS_NEVER;
        if (ls_source_follow(&plain->source, &follower, &arrival))
            plain_arrive(plain, &arrival);
    }
}

/* What happens at one instant: all arrivals, then all ends, then what follows them; then passes are composed. */
static void plain_loop(struct plain *plain)
{
    const int64_t dp = plain->scenario->strategy.dp;
    struct ls_arrival arrival;
    bool more = ls_source_next(&plain->source, &arrival);
    for (;;) {
        const int64_t event_ps = plain_next_ps(plain);
        const int64_t next_ps = more ? plain_min(arrival.arrival_ps, event_ps) : event_ps;
        if (next_ps == LS_PS_NEVER || next_ps > plain->horizon_ps)
            break;
        plain_go_to(plain, next_ps);
        for (; more && arrival.arrival_ps == next_ps; more = ls_source_next(&plain->source, &arrival))
            plain_arrive(plain, &arrival);
        for (int64_t i = 0; i < dp; i++)
            plain_end_passes(plain, &plain->pipelines[i]);
        plain_follow(plain);
        for (int64_t i = 0; i < dp; i++)
            plain_take_ready(plain, &plain->pipelines[i]);
        for (int64_t i = 0; i < dp; i++)
            if (plain->pipelines[i].touched)
                plain_fill(plain, i);
    }
    if (plain->horizon_ps != LS_PS_NEVER)
        plain_go_to(plain, plain->horizon_ps);
}

static void plain_init_scheduler(const struct plain *plain, struct plain_scheduler *s)
{
    const size_t n = (size_t)plain->scenario->workload.max_requests;
    const struct ls_engine *engine = &plain->scenario->engine;
    plain_store_init(&s->store, plain->drawn->kv_blocks, engine->block_size, engine->enable_prefix_caching == 1);
    s->waiting = calloc(n + 1, sizeof(struct plain_request *));
    s->running = calloc(n + 1, sizeof(struct plain_request *));
    for (int slot = 0; slot < PLAIN_MAX_PP; slot++)
        s->parts[slot] = calloc(n + 1, sizeof(struct plain_part));
}

static void plain_run(struct plain *plain, const struct random_scenario *drawn)
{
    const struct ls_scenario *scenario = &drawn->scenario;
    struct ls_err err = {""};
    *plain = (struct plain){.scenario = scenario, .drawn = drawn};
    plain->warmup_ps = ls_ps_from_s(scenario->workload.warmup_s);
    plain->horizon_ps = scenario->workload.drain ? LS_PS_NEVER : ls_ps_from_s(scenario->workload.duration_s);
    const enum ls_status costed = ls_step_cost_init(&plain->cost, scenario, &plain->arena, &err);
    const enum ls_status placed = ls_placement_init(&plain->placement, &scenario->cluster, &scenario->strategy, &err);
    assert(costed == LS_OK && placed == LS_OK);
    plain->drafts = ls_drafts_of(scenario);
    ls_source_init(&plain->source, scenario);
    plain->pipelines = calloc((size_t)scenario->strategy.dp, sizeof *plain->pipelines);
    for (int64_t i = 0; i < scenario->strategy.dp; i++) {
        plain->pipelines[i].ended_ps = -1;
        plain->pipelines[i].inbox = calloc((size_t)scenario->workload.max_requests, sizeof(struct plain_request *));
        for (int64_t j = 0; j < scenario->strategy.ep; j++)
            plain_init_scheduler(plain, &plain->pipelines[i].members[j]);
    }
    plain_loop(plain);
    for (int64_t i = 0; i < scenario->strategy.dp; i++) {
        for (int64_t j = 0; j < scenario->strategy.ep; j++) {
            const struct plain_scheduler *s = &plain->pipelines[i].members[j];
            plain->waiting_max = plain_max(plain->waiting_max, s->waiting_max);
            plain->used_max_frac = fmax(plain->used_max_frac, (double)s->used_max / (double)drawn->kv_blocks);
        }
    }
}

static void plain_release(struct plain *plain)
{
    for (int64_t i = 0; i < plain->scenario->strategy.dp; i++) {
        free(plain->pipelines[i].inbox);
        for (int64_t j = 0; j < plain->scenario->strategy.ep; j++) {
            struct plain_scheduler *s = &plain->pipelines[i].members[j];
            free(s->waiting);
            free(s->running);
            free(s->store.blocks);
            for (int slot = 0; slot < PLAIN_MAX_PP; slot++)
                free(s->parts[slot]);
        }
    }
    free(plain->pipelines);
    while (plain->all) {
        struct plain_request *request = plain->all;
        plain->all = request->all;
        free(request->held.blocks);
        free(request->gaps.ps);
        free(request);
    }
    struct plain_times *const times[] = {&plain->ttft, &plain->tpot, &plain->itl, &plain->e2e, &plain->wait};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        free(times[i]->ps);
    free(plain->following);
    ls_arena_release(&plain->arena);
}

#endif
