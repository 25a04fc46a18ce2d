#ifndef LS_ENGINE_SERVING_SCHEDULER_REQUEST_H
#define LS_ENGINE_SERVING_SCHEDULER_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/serving/scheduler/prefix_cache.h"
#include "engine/serving/workload/session.h"
#include "engine/sim/arena.h"
#include "engine/status.h"

/* Requests in the system, in a pool that grows by blocks and never moves them. They are touched when their state
 * changes, not at every token. */

enum ls_request_state {
    LS_REQUEST_FREE,
    LS_REQUEST_WAITING,    /* in the queue, or swapped out */
    LS_REQUEST_PREFILLING, /* has chunks left to schedule */
    LS_REQUEST_PREFILLED,  /* its last chunk is in flight */
    LS_REQUEST_DECODING,   /* in its slot's decode set */
    LS_REQUEST_HELD,       /* its prompt is computed in one pool, to be decoded in another (handover.h) */
    LS_REQUEST_FETCHING    /* its KV cache is on the way there, or waits there for a pass */
};

#define LS_NO_REQUEST UINT32_MAX

struct ls_request {
    int64_t arrival_ps;
    int64_t ready_ps;       /* the front end hands it to its scheduler */
    int64_t scheduled_ps;   /* negative until it is first scheduled */
    int64_t first_token_ps; /* negative until then */
    int64_t last_token_ps;  /* kept while it is not in a decode set, whose passes tell it otherwise */
    int64_t rank, turn;     /* in the waiting queue: waiting.h */
    int64_t order;          /* of admission: running order */
    int64_t base;           /* decoding: KV tokens stored less its slot's step; with drafts, those it has blocks for */
    int32_t prompt_tok, output_tok;
    int32_t priority;    /* lower first */
    int32_t n_generated; /* tokens it has; while decoding, those it had when it joined */
    int32_t n_computed;  /* prefilling: tokens scheduled so far; decoding with drafts: stored */
    int32_t n_target;    /* prefilling: tokens to compute, recomputed ones included */
    int32_t n_in_flight; /* passes under way that hold it */
    uint32_t next, prev; /* neighbours in the waiting queue or the running list */
    uint32_t epoch;      /* changes when it leaves a decode set: what is due there is then stale */
    int32_t member;      /* its scheduler in the pipeline */
    int32_t pipeline;    /* ls_pipeline.id */
    uint64_t index;      /* of the run, in order of arrival */
    int32_t promised;    /* KV blocks that it holds at its end */
    int16_t slot;
    uint8_t state;           /* enum ls_request_state */
    bool measured;           /* it arrived in the window */
    bool streams;            /* its client sees each token when it is there */
    bool counts_gaps;        /* measured, streams, and will have all its tokens before the run ends */
    bool remote;             /* it waits with its KV cache in another pool, */
    int32_t holder, fetcher; /* whose scheduler has it; the one that fetches it */
    int64_t given_ps;        /* its prompt has ended; then: its transfer has started */
    int32_t client;          /* profile */
    struct ls_turn said;
    struct ls_content content;
    struct ls_holding holding; /* with prefix caching: known blocks, */
    struct ls_holding handed;  /* of the pool that computes its prompt to hand it over */
};

enum { LS_REQUEST_BLOCK_BITS = 10, LS_REQUEST_BLOCK = 1 << LS_REQUEST_BLOCK_BITS };

struct ls_request_pool {
    struct ls_arena *arena;
    struct ls_request **blocks;
    uint32_t n_blocks, capacity;
    uint32_t n_used; /* requests that ever were; those behind have never been touched */
    uint32_t free;   /* first of those that are free again, linked by next */
    int64_t n_live, max_live;
};

/* Memory for `reserve` requests at first; it costs nothing until they are there. */
LS_NODISCARD enum ls_status ls_request_pool_init(struct ls_request_pool *pool, struct ls_arena *arena, int64_t reserve);

static inline struct ls_request *ls_request_at(const struct ls_request_pool *pool, uint32_t id)
{
    return &pool->blocks[id >> LS_REQUEST_BLOCK_BITS][id & (LS_REQUEST_BLOCK - 1)];
}

/* A zeroed request, or LS_NO_REQUEST when memory is short. */
uint32_t ls_request_new(struct ls_request_pool *pool);
void ls_request_free(struct ls_request_pool *pool, uint32_t id);

/* A list of requests linked through next and prev. */
struct ls_request_list {
    uint32_t head, tail;
    int64_t n;
};

static const struct ls_request_list ls_request_list_empty = {LS_NO_REQUEST, LS_NO_REQUEST, 0};

void ls_request_list_append(struct ls_request_list *list, const struct ls_request_pool *pool, uint32_t id);
void ls_request_list_prepend(struct ls_request_list *list, const struct ls_request_pool *pool, uint32_t id);
/* Behind `prev`, which is in the list; at the head where it is LS_NO_REQUEST. */
void ls_request_list_insert(struct ls_request_list *list, const struct ls_request_pool *pool, uint32_t prev,
                            uint32_t id);
void ls_request_list_remove(struct ls_request_list *list, const struct ls_request_pool *pool, uint32_t id);

#endif
