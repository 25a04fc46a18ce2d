#ifndef LS_TESTS_PLAIN_H
#define LS_TESTS_PLAIN_H

/* A serving deployment simulated the plain way: one clock, every running request looked at in every step, one by one,
 * in vLLM's terms (a request has tokens and computed tokens; what is missing is scheduled). It shares the source of
 * requests and the prices of passes and transfers with the engine, and nothing else. Slow and short on purpose: the
 * engine must give the same numbers. Here is what it is made of; plain_loop.h runs it. */

#include <assert.h>
#include <stdlib.h>

#include "engine/memory/serving_memory.h"
#include "engine/serving/deployment/transfer.h"
#include "engine/serving/scheduler/draft.h"
#include "engine/serving/workload/source.h"
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
    int64_t promised;          /* those that it holds at its end */
    struct ls_content content;
    struct ls_turn said;
    int32_t client;
    int64_t n_passes; /* under way with it */
    int slot;         /* decoding: whose passes it takes part in */
    bool decoding;    /* its prompt is computed */
    bool measured, streams;
    struct plain_times gaps; /* between its tokens */
    /* between pools */
    bool remote; /* its prompt is computed, and its KV cache in the other pool, */
    int64_t holder, fetcher;
    struct plain_holding kept;     /* with these blocks */
    int64_t given_ps, transfer_ps; /* it reaches the router; its KV cache the decode pool */
    int64_t transfer_number;
};

/* A request's part of a pass. */
struct plain_part {
    struct plain_request *request;
    int64_t start, n_tok;
    int64_t n_new; /* tokens that come out */
    bool decode, last;
};

struct plain_scheduler {
    struct plain_request **waiting, **running, **swapped;
    int64_t n_waiting, n_running, n_swapped;
    int64_t n_expected; /* with the front end */
    int64_t n_came;
    struct plain_store store;
    int64_t n_host_free; /* blocks of the host's memory */
    int64_t n_copied[2]; /* blocks that the next pass waits for: full layers, sliding ones */
    int64_t n_promised, n_fresh;
    double reserve_from; /* share of what is to come that an admission leaves room for, so many decodes ago */
    int64_t n_reserve_passes;
    bool full;   /* somebody found no room since the last one left */
    bool closed; /* static: its batch decodes */
    struct plain_part *parts[PLAIN_MAX_PP];
    int64_t n_parts[PLAIN_MAX_PP];
    int64_t waiting_max, used_max;
    struct plain_request **fetching, **fetched; /* their KV caches are on their way here, or here */
    int64_t n_fetching, n_fetched;
    int64_t reported_load, reported_prompt; /* what the router knows */
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
    struct plain_request **chats, **inbox; /* with the front end, in order: to be put into form, and to be tokenised */
    int64_t n_chats, n_inbox;
    int64_t frontend_free_ps, wire_free_ps;
    bool touched; /* something has changed: idle slots look again */
};

/* Pipelines of one kind: all of them, or those for prompts, or those for decodes. */
struct plain_pool {
    struct plain *plain;
    const struct ls_scenario *scenario; /* its own */
    struct ls_pool prices;              /* the engine's */
    int64_t kv_blocks;                  /* of a scheduler */
    struct ls_drafts drafts;
    struct plain_pipeline *pipelines;
    struct plain_pool *next; /* prompts: the pool that decodes */
    int64_t n_reports;
};

struct plain {
    const struct ls_scenario *scenario;
    struct ls_scenario pool_scenarios[LS_N_POOL_ROLES];
    struct plain_pool pools[LS_N_POOL_ROLES];
    int n_pools;
    struct ls_arena arena;
    struct ls_source source;
    struct plain_request *all;
    int64_t now_ps, warmup_ps, horizon_ps;
    struct ls_follower *following; /* what is to come because something else has ended */
    int64_t n_following, following_capacity;
    struct ls_transfer_cost transfer_cost;
    struct plain_request **given; /* on their way to the decode pool's router, in order */
    int64_t n_given, n_transfers;
    uint64_t n_routed;
    struct plain_times ttft, tpot, itl, e2e, wait;
    int64_t n_arrived, n_completed, n_rejected, n_good; /* in the window */
    int64_t n_all_arrived, n_all_completed, n_all_rejected;
    int64_t n_finished, n_output_tok, n_prompt_tok, n_preemptions, n_swaps; /* in the window, whoever arrived when */
    int64_t n_hit_tok, n_looked_up_tok;
    int64_t n_steps, n_passes, n_tok;
    int64_t first_arrival_ps, last_completion_ps;
    double busy_gpu_ps;
    double swapped_bytes;                                     /* in the window, all GPUs */
    double waiting_integral, running_integral, used_integral; /* used: a share of all blocks */
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

static int64_t plain_blocks(const struct plain_pool *pool, int64_t n_tok)
{
    const int64_t block_size = pool->scenario->engine.block_size;
    return n_tok == 0 ? 0 : (n_tok + block_size - 1) / block_size + ls_state_blocks(pool->scenario);
}

/* Length of the part of [start, end] that lies in the measured window. */
static int64_t plain_clip(const struct plain *plain, int64_t start_ps, int64_t end_ps)
{
    return plain_max(0, plain_min(end_ps, plain->horizon_ps) - plain_max(start_ps, plain->warmup_ps));
}

/* Bytes of a KV block in one layer of a model, on one GPU. */
static double plain_layer_bytes(const struct ls_scenario *scenario, const struct ls_model *model)
{
    return (double)scenario->engine.block_size *
           ls_kv_bytes_per_token_layer(model, scenario->strategy.tp, (enum ls_dtype)scenario->engine.kv_dtype);
}

/* Whether a layer attends to a window alone, or is a delta-net. */
static bool plain_slides(const struct ls_model *model, int64_t layer)
{
    if (model->full_attention_interval != LS_NULL_INT)
        return (layer + 1) % model->full_attention_interval != 0;
    return model->sliding_window != LS_NULL_INT &&
           (model->sliding_window_pattern == LS_NULL_INT || (layer + 1) % model->sliding_window_pattern != 0);
}

#endif
