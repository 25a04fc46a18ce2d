#ifndef LS_ENGINE_SERVING_DEPLOYMENT_PIPELINE_H
#define LS_ENGINE_SERVING_DEPLOYMENT_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/cost/step_cost.h"
#include "engine/serving/deployment/frontend.h"
#include "engine/serving/deployment/variation.h"
#include "engine/serving/scheduler/scheduler.h"
#include "engine/serving/step_cpu.h"
#include "engine/sim/clock.h"
#include "engine/sim/watch.h"

/* One model replica: `ep` schedulers in lockstep over pp stages. Passes enter the first stage in the order in which
 * they were composed and leave the last one in the same order. */

struct ls_pass {
    int32_t slot;
    int64_t start_ps; /* reaches the first stage */
    int64_t end_ps;   /* leaves the last one; LS_PS_NEVER while `high` does not know */
    int64_t n_tok;    /* of the widest member */
    bool copies;      /* it waits for KV blocks on their way to or from the host */
    struct ls_step step;
};

/* What a stage has done. */
struct ls_usage {
    int64_t busy_ps;         /* clipped to the measured window */
    int64_t n_passes;        /* that ended in the window, as do those below */
    int64_t comm_ps, all_ps; /* communication and everything */
    int64_t nic_ps;          /* its NICs busy, sends and receipts included */
    double moe_bytes;        /* expert weights that one of its GPUs read */
};

struct ls_pipeline {
    int64_t index;           /* in its pool */
    int64_t id, first_group; /* in the deployment; its stages are groups [first_group, first_group + n_stages) */
    const struct ls_scenario *scenario;
    struct ls_step_cost *cost;
    struct ls_variation *variation;
    struct ls_watch *watch;
    struct ls_scheduler *members; /* [n_members] */
    int64_t n_members, n_stages;
    struct ls_batch *batches; /* [n_members] of the pass being composed */
    bool *between_nodes;      /* [n_stages] whether the send after this stage leaves the node */
    int64_t *stage_free_ps;   /* [n_stages] */
    struct ls_pass *passes;   /* ring of n_stages passes in flight, oldest at `oldest` */
    int64_t oldest, n_in_flight;
    struct ls_pace *paces; /* [n_stages] of the slots: coast.h */
    struct ls_frontend frontend;
    struct ls_request_list chats;           /* those that the front end puts into form, in order of ready_ps */
    struct ls_request_list inbox;           /* those that it tokenises, likewise */
    bool look;                              /* something has changed that no idle slot has looked at yet */
    int64_t ended_ps;                       /* of the last pass to end */
    bool overlap;                           /* the CPU works on a pass while the GPU works on the one before */
    struct ls_step_cpu cpu;                 /* before a pass starts */
    int64_t swap_block_ps, swap_drafter_ps; /* swap.h */
    int64_t cpu_free_ps;                    /* when it has launched the last pass, with overlap: all its kernels */
    int64_t active_until_ps;
    int64_t active_ps;      /* while any stage works, in the measured window */
    struct ls_usage *usage; /* [n_stages] */
    int64_t n_steps;
    /* `high` takes passes over; null: the pipeline times them itself */
    void (*launch)(void *context, struct ls_pipeline *pipeline, struct ls_pass *pass);
    void *context;
};

struct ls_pipeline_setup {
    const struct ls_scenario *scenario;
    const struct ls_placement *placement;
    struct ls_step_cost *cost;
    struct ls_variation *variation;
    struct ls_request_pool *pool;
    struct ls_collector *collector;
    struct ls_arena *arena;
    struct ls_watch *watch; /* once it says stop, no pass starts */
    int64_t kv_blocks;      /* of one scheduler */
};

LS_NODISCARD enum ls_status ls_pipeline_init(struct ls_pipeline *pipeline, int64_t index,
                                             const struct ls_pipeline_setup *setup);

/* When something happens next: its oldest pass ends, or an idle slot looks at what has arrived. LS_PS_NEVER: nothing is
 * known to. */
int64_t ls_pipeline_next_ps(const struct ls_pipeline *pipeline);

/* What happens at `now`, in two halves, since completions may bring arrivals of the same instant: passes that end do;
 * then passes are composed for idle slots while there is work for them. */
void ls_pipeline_complete(struct ls_pipeline *pipeline, int64_t now_ps);
void ls_pipeline_fill(struct ls_pipeline *pipeline, int64_t now_ps);

/* All of that up to, not including, `until`: what arrives at an instant is there before anything is decided at it. */
void ls_pipeline_advance(struct ls_pipeline *pipeline, int64_t until_ps);

/* A request of one member reaches the front end. */
void ls_pipeline_arrive(struct ls_pipeline *pipeline, int64_t member, uint32_t id, int64_t now_ps);

/* A request whose prompt another pool has computed reaches the front end. */
void ls_pipeline_take_over(struct ls_pipeline *pipeline, int64_t member, uint32_t id, int64_t now_ps);

/* When the front end is done with one visit of a request, LS_PS_NEVER when nobody is there. */
static inline int64_t ls_pipeline_inbox_ps(const struct ls_pipeline *pipeline)
{
    const struct ls_request_pool *pool = pipeline->members[0].pool;
    const int64_t chat_ps = pipeline->chats.n > 0 ? ls_request_at(pool, pipeline->chats.head)->ready_ps : LS_PS_NEVER;
    const int64_t inbox_ps = pipeline->inbox.n > 0 ? ls_request_at(pool, pipeline->inbox.head)->ready_ps : LS_PS_NEVER;
    return chat_ps < inbox_ps ? chat_ps : inbox_ps;
}

/* When a pass composed at `now` can reach the first stage, if preparing it takes so long. `busy`: it follows others
 * without a break, and with overlap the CPU turned to it when the one before had started. */
static inline int64_t ls_pipeline_start_ps(const struct ls_pipeline *pipeline, int64_t now_ps, int64_t overhead_ps,
                                           bool busy)
{
    const bool ahead = (pipeline->overlap && busy) || pipeline->cpu_free_ps > now_ps;
    const int64_t start_ps = (ahead ? pipeline->cpu_free_ps : now_ps) + overhead_ps;
    return start_ps > now_ps ? start_ps : now_ps;
}

/* Place in the ring of the pass that came `i` after the oldest. */
static inline int64_t ls_pipeline_place(const struct ls_pipeline *pipeline, int64_t i)
{
    const int64_t place = pipeline->oldest + i;
    return place < pipeline->n_stages ? place : place - pipeline->n_stages;
}

/* The oldest pass becomes the newest. */
static inline struct ls_pass *ls_pipeline_turn(struct ls_pipeline *pipeline)
{
    const int64_t from = pipeline->oldest, to = ls_pipeline_place(pipeline, pipeline->n_in_flight);
    pipeline->oldest = ls_pipeline_place(pipeline, 1);
    if (to != from)
        pipeline->passes[to] = pipeline->passes[from];
    return &pipeline->passes[to];
}

/* A stage works on a pass from start to end: for usage. */
void ls_pipeline_note_stage(struct ls_pipeline *pipeline, int64_t stage, const struct ls_step *step, int64_t start_ps,
                            int64_t end_ps);

/* Who looks on sees a stretch of work on a pass. */
void ls_pipeline_show(const struct ls_pipeline *pipeline, const struct ls_pass *pass, const struct ls_span *span);

/* The run ends with passes in flight: their time counts until then. */
void ls_pipeline_cut_off(struct ls_pipeline *pipeline);

/* A pass has ended that had reached the first stage at start: for the time in which any stage works. */
void ls_pipeline_note_active(struct ls_pipeline *pipeline, int64_t start_ps, int64_t end_ps);

#endif
