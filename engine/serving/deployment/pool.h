#ifndef LS_ENGINE_SERVING_DEPLOYMENT_POOL_H
#define LS_ENGINE_SERVING_DEPLOYMENT_POOL_H

#include "engine/serving/deployment/pipeline.h"
#include "engine/serving/workload/source.h"

/* Pipelines of one kind: the same strategy on the same GPUs. A deployment is one pool, or a pool for prompts and one
 * for decodes. */

struct ls_pool {
    const struct ls_scenario *scenario; /* the deployment's, with the pool's own strategy and hardware */
    struct ls_placement placement;
    struct ls_step_cost cost;
    struct ls_variation variation;
    struct ls_pipeline *pipelines; /* [n_pipelines], part of the deployment's */
    int64_t n_pipelines, n_members;
    int64_t nic_stride; /* numbers of NICs from one node to the next: the most that a node of any pool has */
    /* [n_pipelines · n_members] for the router: as they are, or were at its last report */
    int64_t *load, *prompt_tok, *cached_tok;
    int64_t report_ps; /* time between reports; 0: the router always knows */
    int64_t n_reports; /* that are behind */
};

/* What the pools of a deployment share. */
struct ls_pool_setup {
    struct ls_request_pool *requests;
    struct ls_collector *collector;
    struct ls_arena *arena;
    struct ls_watch *watch;
};

/* Fill `pool`, whose scenario is set, on `pipelines`, of which it takes strategy.dp. */
LS_NODISCARD enum ls_status ls_pool_init(struct ls_pool *pool, struct ls_pipeline *pipelines, int64_t kv_blocks,
                                         const struct ls_pool_setup *setup, struct ls_err *err);

/* Schedulers of the pool. */
static inline int64_t ls_pool_size(const struct ls_pool *pool)
{
    return pool->n_pipelines * pool->n_members;
}

/* Pipeline of a scheduler. */
static inline struct ls_pipeline *ls_pool_pipeline(const struct ls_pool *pool, int64_t scheduler)
{
    return &pool->pipelines[scheduler / pool->n_members];
}

/* Whether the pool's router compares what the schedulers have at the moment. */
bool ls_pool_needs_present(const struct ls_pool *pool);

/* When the last report to the router was due that has not been made, no later than `now`; LS_PS_NEVER without one. It
 * is of the state before anything that happens at its time or later. */
int64_t ls_pool_report_due_ps(const struct ls_pool *pool, int64_t now_ps);

/* Make it, if it is due. The schedulers have been simulated up to it. */
void ls_pool_report(struct ls_pool *pool, int64_t now_ps);

/* The scheduler that a request goes to. */
int64_t ls_pool_choose(struct ls_pool *pool, const struct ls_arrival *arrival);

#endif
