#ifndef LS_TESTS_RUN_SERVING_H
#define LS_TESTS_RUN_SERVING_H

/* One serving simulation without the memory model in front: the test says how many KV blocks there are, and reads what
 * the collector has counted. */

#include <check.h>

#include "engine/serving/deployment/disaggregation.h"
#include "engine/serving/serving.h"

struct run {
    struct ls_collector collector;
    struct ls_arena arena;
    struct ls_metrics metrics;
};

/* False when memory is short. */
static inline bool run_init(struct run *run)
{
    struct ls_err err;
    *run = (struct run){0};
    return ls_collector_init(&run->collector, &err) == LS_OK;
}

static inline void run_release(struct run *run)
{
    ls_collector_release(&run->collector);
    ls_arena_release(&run->arena);
}

/* Simulate a resolved scenario; returns its scalar metrics. */
static inline const double *run_serving(struct run *run, const struct ls_scenario *scenario, int64_t kv_blocks)
{
    struct ls_watch watch = {0};
    struct ls_err err = {""};
    ls_metrics_clear(&run->metrics);
    ls_arena_reset(&run->arena);
    const enum ls_status status =
        ls_serving_run(scenario, kv_blocks, &run->collector, &run->arena, &watch, &run->metrics, &err);
    ck_assert_msg(status == LS_OK, "%s", err.text);
    return run->metrics.scalar;
}

/* The same of a deployment of two pools. */
static inline const double *run_serving_pools(struct run *run, const struct ls_scenario *scenario,
                                              const int64_t kv_blocks[LS_N_POOL_ROLES])
{
    static struct ls_scenario pools[LS_N_POOL_ROLES];
    struct ls_pool_plan plans[LS_N_POOL_ROLES];
    struct ls_watch watch = {0};
    struct ls_err err = {""};
    for (int i = 0; i < LS_N_POOL_ROLES; i++) {
        ls_disaggregation_pool(scenario, (enum ls_pool_role)i, &pools[i]);
        plans[i] = (struct ls_pool_plan){&pools[i], kv_blocks[i]};
    }
    ls_metrics_clear(&run->metrics);
    ls_arena_reset(&run->arena);
    const enum ls_status status =
        ls_serving_run_pools(scenario, plans, &run->collector, &run->arena, &watch, &run->metrics, &err);
    ck_assert_msg(status == LS_OK, "%s", err.text);
    return run->metrics.scalar;
}

#endif
