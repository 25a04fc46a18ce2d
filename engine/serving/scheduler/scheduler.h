#ifndef LS_ENGINE_SERVING_SCHEDULER_SCHEDULER_H
#define LS_ENGINE_SERVING_SCHEDULER_SCHEDULER_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/model/operator.h"
#include "engine/scenario.h"
#include "engine/serving/collector.h"
#include "engine/serving/scheduler/draft.h"
#include "engine/serving/scheduler/prefix_cache.h"
#include "engine/serving/scheduler/request.h"
#include "engine/serving/scheduler/reserve.h"
#include "engine/serving/scheduler/swap.h"
#include "engine/serving/scheduler/waiting.h"
#include "engine/sim/arena.h"

/* The scheduler of one attention replica: vLLM V1's order over paged KV blocks, with recompute preemption, or
 * V0's swapping. Other engines differ in two things. What shares a pass: decodes and prompts; or prompts alone, as long
 * as one can be admitted, and decodes otherwise (SGLang); or the same for one batch at a time, which nobody joins once
 * it decodes. And what an admission counts on: KV blocks for the prompt, or for the output too, beside a share of what
 * others have yet to generate (reserve.h); with all of it (TensorRT-LLM's GUARANTEED_NO_EVICT) blocks never run short.
 *
 * With pp stages up to pp passes are in flight, each in a slot. Decoding requests belong to the slot whose pass
 * computed their prompt's end; they step together, so a slot is described by sums and a pass costs O(1): what a request
 * needs next (a KV block, its end) follows from the slot's step counter, and a heap of due steps says when one must be
 * touched. The per-request walk of V1 is done only where its order matters: when blocks run short.
 *
 * With speculative decoding each request advances by its own luck: decodes are walked in every pass like chunks, and
 * the sums stand for nobody. A pass then costs as much as there are requests in it.
 *
 * Budget never runs short for a decode without drafts. When the end of its prompt was computed, every older request had
 * what it wanted of that pass's budget, or nothing would have been left; in the later passes of that slot those
 * requests want no more than they did then: another chunk is no larger, and a decode takes one token where it took a
 * chunk. */

/* Something due when a slot has done `step` passes. */
struct ls_due {
    int64_t step;
    int64_t order; /* breaks ties */
    uint32_t id, epoch;
    int32_t what; /* enum ls_due_kind */
};

/* A request's part of a pass that is not of the decodes that sums stand for. */
struct ls_chunk {
    uint32_t id;
    int32_t n_tok;
    int32_t n_new; /* tokens that it gains; a prompt's end one, a decode 1 and its accepted drafts */
    bool last;     /* end of a prompt, or a decode */
    bool decode;
};

struct ls_slot {
    int64_t step;         /* passes done */
    int64_t last_sent_ps; /* tokens of its last pass of decodes with the clients */
    int64_t n_decode;
    int64_t n_counted;  /* decodes whose gaps count */
    int64_t stored_tok; /* Σ KV tokens of the decodes */
    int64_t n_beyond;   /* decodes whose context exceeds the sliding window */
    int64_t within_tok; /* Σ KV tokens of the others */
    int32_t *residue;   /* [block_size] decodes that need a block when step ≡ i */
    struct ls_due *due; /* binary heap */
    size_t n_due, due_capacity;
    struct ls_chunk *chunks; /* prefill chunks of the pass */
    size_t n_chunks;
    uint32_t *late; /* decodes whose previous token is not of the slot's previous pass of decodes */
    size_t n_late;
    bool in_flight;
    bool decoding;  /* the pass holds the slot's decodes */
    int64_t walked; /* while it is composed: requests admitted before this one have what they need for it */
    struct ls_batch batch;
    int64_t n_sent; /* tokens of the pass for the front end */
};

/* Sums over passes that end in the window, for utilisations. */
struct ls_work {
    int64_t n_passes;
    int64_t n_tok, n_sampled, prefill_tok;
    int64_t n_verified, n_gained; /* decodes with drafts, each in each pass, and the tokens that they gained */
    int64_t decode_context, decode_window, prefill_pairs, prefill_window_pairs, prefill_context;
};

struct ls_handover;

struct ls_scheduler {
    struct ls_request_pool *pool;
    struct ls_collector *collector;
    int64_t block_size, n_blocks, n_free;
    int64_t state_blocks; /* of a request that has any, beside those for its tokens */
    int64_t n_charged;    /* blocks that running requests hold, shared ones once for each */
    bool caching;
    struct ls_prefix_cache cache; /* what the blocks hold; unused without caching */
    bool out_of_memory;
    int64_t max_seqs, max_tok, max_chunk, max_model_len, window;
    bool chunked;
    struct ls_drafts drafts;
    int32_t batching; /* enum ls_batching */
    struct ls_reserve reserve;
    int64_t n_promised; /* blocks that running requests hold at their ends, */
    int64_t n_fresh;    /* of which so many are yet to be taken by those whom the pass being composed has admitted */
    bool closed;        /* static: the batch has begun to decode */
    int n_slots;
    struct ls_slot *slots;
    int64_t n_expected; /* requests on their way, with the front end */
    int64_t prompt_tok; /* of all requests that are on their way, wait or run */
    struct ls_waiting waiting;
    bool evicts_by_rank; /* room.h */
    struct ls_request_list running;
    struct ls_swap swap;
    uint32_t *prefilling; /* running requests with chunks left, in order of admission */
    size_t n_prefilling;
    int64_t n_admitted;
    struct ls_level queue_level, running_level, kv_level;
    struct ls_work work;
    /* disaggregated pools (handover.h); null: requests decode where their prompts are computed */
    struct ls_handover *handover;
    bool hands_over;            /* its requests decode elsewhere, */
    int64_t n_blocks_elsewhere; /* where a scheduler has so many blocks */
    int32_t index;              /* in its pool */
    int64_t n_left_blocks;      /* of requests that have left, but not their KV caches */
    int64_t n_fetching;         /* requests with blocks reserved, not running yet; */
    uint32_t *fetched;          /* of these, in order, those whose KV caches are there */
    size_t n_fetched;
    /* called when a request has completed, before it is freed; may be null */
    void (*completed)(void *context, const struct ls_request *request, int64_t now_ps);
    void *context;
};

LS_NODISCARD enum ls_status ls_scheduler_init(struct ls_scheduler *scheduler, const struct ls_scenario *scenario,
                                              int64_t kv_blocks, struct ls_request_pool *pool,
                                              struct ls_collector *collector, struct ls_arena *arena);

/* Whether the scheduler can ever run a request; if not, it is rejected (and freed), else it is on its way. */
bool ls_scheduler_accept(struct ls_scheduler *scheduler, uint32_t id, int64_t now_ps);

/* A request that was accepted arrives. */
void ls_scheduler_arrive(struct ls_scheduler *scheduler, uint32_t id, int64_t now_ps);

/* Compose a pass in an idle slot, out of what was there at `seen`, `now` at the latest: slots[slot].batch says what it
 * holds; its n_tok is 0 when there is nothing to do, and the slot stays idle then. */
void ls_scheduler_compose(struct ls_scheduler *scheduler, int slot, int64_t now_ps, int64_t seen_ps);

/* The pass of a slot has ended: tokens leave, requests join the decodes or complete. The tokens reach the clients at
 * `sent`. */
void ls_scheduler_complete(struct ls_scheduler *scheduler, int slot, int64_t now_ps, int64_t sent_ps);

/* The run ends at `now` with requests in the system: account for those still waiting. */
void ls_scheduler_cut_off(struct ls_scheduler *scheduler, int64_t now_ps);

/* KV blocks of a request with so many tokens. */
static inline int64_t ls_scheduler_blocks(const struct ls_scheduler *scheduler, int64_t n_tok)
{
    return (n_tok + scheduler->block_size - 1) / scheduler->block_size + (n_tok > 0 ? scheduler->state_blocks : 0);
}

/* Steps that the two above share with ls_pipeline_coast: so many more blocks are free (fewer, negative), take free
 * blocks, add a pass to the work. */
static inline void ls_scheduler_free_blocks(struct ls_scheduler *scheduler, int64_t n, int64_t now_ps)
{
    scheduler->n_free += n;
    assert(scheduler->n_free >= 0 && scheduler->n_free <= scheduler->n_blocks);
    ls_level_set(&scheduler->kv_level, scheduler->n_blocks - scheduler->n_free, now_ps);
}

static inline void ls_scheduler_take_blocks(struct ls_scheduler *scheduler, int64_t n, int64_t now_ps)
{
    scheduler->n_charged += n;
    if (scheduler->caching)
        ls_prefix_cache_take(&scheduler->cache, n);
    ls_scheduler_free_blocks(scheduler, -n, now_ps);
}

/* What a request holds of this scheduler's known blocks: it may have blocks in two pools. */
static inline struct ls_holding *ls_scheduler_holding(const struct ls_scheduler *scheduler, struct ls_request *request)
{
    return scheduler->hands_over ? &request->handed : &request->holding;
}

/* The full blocks of a prompt that is scheduled as far as n_computed are known from now on. */
void ls_scheduler_learn(struct ls_scheduler *scheduler, uint32_t id);

/* A request gives up its blocks. */
void ls_scheduler_give_blocks(struct ls_scheduler *scheduler, struct ls_request *request,
                              const struct ls_stored *stored, int64_t now_ps);

static inline void ls_scheduler_note_work(struct ls_scheduler *scheduler, const struct ls_batch *batch, int64_t now_ps)
{
    struct ls_work *work = &scheduler->work;
    if (now_ps < scheduler->collector->warmup_ps)
        return;
    work->n_passes++;
    work->n_tok += batch->n_tok;
    work->n_sampled += batch->n_sampled;
    work->prefill_tok += batch->prefill_tok;
    work->decode_context += batch->decode_context;
    work->decode_window += batch->decode_window;
    work->prefill_context += batch->prefill_context;
    work->prefill_pairs += batch->prefill_pairs;
    work->prefill_window_pairs += batch->prefill_window_pairs;
}

/* Requests that wait to run, for the first time or again. */
static inline int64_t ls_scheduler_n_queued(const struct ls_scheduler *scheduler)
{
    return scheduler->waiting.n + scheduler->swap.out.n;
}

static inline int64_t ls_scheduler_load(const struct ls_scheduler *scheduler)
{
    return scheduler->n_expected + ls_scheduler_n_queued(scheduler) + scheduler->running.n + scheduler->n_fetching;
}

#endif
