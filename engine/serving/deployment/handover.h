#ifndef LS_ENGINE_SERVING_DEPLOYMENT_HANDOVER_H
#define LS_ENGINE_SERVING_DEPLOYMENT_HANDOVER_H

#include "engine/serving/deployment/transfer.h"
#include "engine/sim/event_heap.h"

/* Between a pool that computes prompts and one that decodes. A request whose prompt has ended has its first token, from
 * the prefill pool, and keeps its KV blocks there. When that token is out, the router picks a scheduler of the decode
 * pool, whose front end takes the request in; it waits there in the queue, and when the scheduler has a slot and blocks
 * for its prompt, they are reserved and the transfer starts. When that ends the blocks of the prefill pool are free,
 * and the request joins the decodes of the next pass. So a decode pool without free blocks keeps those of the prefill
 * pool, which then admits no more.
 *
 * While a scheduler computes the prompt of a preempted request again, those that have come wait: their decodes would
 * compete with older work for the pass's budget. */

/* A transfer that is to start. */
struct ls_transfer {
    int64_t sender, receiver; /* schedulers of the two pools */
    struct ls_transfer_time time;
};

struct ls_handover {
    struct ls_request_pool *requests;
    struct ls_pool *from, *to;
    struct ls_transfer_cost cost;
    struct ls_request_list given; /* requests on their way to the router, in order of given_ps, then of schedulers */
    uint64_t n_routed;
    struct ls_event_heap under_way; /* ends of transfers; owner: the request */
    /* measured requests: waits for blocks, transfers with their waits for links */
    int64_t n_started, n_done, wait_ns, transfer_ns;
    /* `high` lets transfers queue at links: when the transfer starts, and the links are its; null: at once */
    int64_t (*start)(void *context, const struct ls_transfer *transfer, int64_t now_ps);
    void *context;
};

/* Connect the schedulers of two pools, whose requests are in `requests`. */
LS_NODISCARD enum ls_status ls_handover_init(struct ls_handover *handover, const struct ls_scenario *scenario,
                                             struct ls_pool *from, struct ls_pool *to, struct ls_request_pool *requests,
                                             struct ls_arena *arena);

/* When something is due: requests to be routed, or a transfer's end; LS_PS_NEVER when nothing is. */
int64_t ls_handover_next_ps(const struct ls_handover *handover);

/* All passes of `now` have ended: transfers end that are due, and requests reach the decode pool's front ends. Returns
 * how many did either. */
int64_t ls_handover_settle(struct ls_handover *handover, int64_t now_ps);

/* The run ends with requests between the pools. */
void ls_handover_cut_off(const struct ls_handover *handover);

/* -- for schedulers -- */

/* A request of the prefill pool has its first token, which reaches its client at `sent`. */
void ls_handover_give(struct ls_scheduler *scheduler, uint32_t id, int64_t sent_ps);

/* A waiting request of the decode pool has blocks for its prompt: the transfer of all but n_computed tokens, which are
 * known there, starts. */
void ls_handover_fetch(struct ls_scheduler *scheduler, uint32_t id, int64_t now_ps);

/* Requests whose KV cache was there at `seen` join the decodes of `slot`. */
void ls_handover_join(struct ls_scheduler *scheduler, int slot, int64_t seen_ps);

/* Blocks that a scheduler has reserved for those who are on their way to its decodes. */
int64_t ls_handover_reserved(const struct ls_scheduler *scheduler);

#endif
