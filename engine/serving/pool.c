#include "engine/serving/pool.h"

#include <string.h>

#include "engine/serving/router.h"

enum ls_status ls_pool_init(struct ls_pool *pool, struct ls_pipeline *pipelines, int64_t kv_blocks,
                            const struct ls_pool_setup *setup, struct ls_err *err)
{
    const struct ls_scenario *scenario = pool->scenario;
    pool->pipelines = pipelines;
    pool->n_pipelines = scenario->strategy.dp;
    pool->n_members = scenario->strategy.ep;
    enum ls_status status = ls_placement_init(&pool->placement, &scenario->cluster, &scenario->strategy, err);
    if (status || (status = ls_step_cost_init(&pool->cost, scenario, setup->arena, err)))
        return status;
    const size_t bytes = (size_t)ls_pool_size(pool) * sizeof *pool->load;
    pool->load = ls_arena_take(setup->arena, bytes);
    if (!pool->load || ls_variation_init(&pool->variation, scenario, &pool->placement, setup->arena))
        return ls_fail(err, LS_NOMEM, "out of memory for the simulation's tables");
    memset(pool->load, 0, bytes);
    const struct ls_pipeline_setup pipeline_setup = {
        .scenario = scenario,
        .placement = &pool->placement,
        .cost = &pool->cost,
        .variation = &pool->variation,
        .pool = setup->requests,
        .collector = setup->collector,
        .watch = setup->watch,
        .arena = setup->arena,
        .kv_blocks = kv_blocks,
    };
    for (int64_t i = 0; i < pool->n_pipelines; i++)
        if (ls_pipeline_init(&pipelines[i], i, &pipeline_setup))
            return ls_fail(err, LS_NOMEM, "out of memory for the simulation's tables");
    return LS_OK;
}

bool ls_pool_needs_load(const struct ls_pool *pool)
{
    return ls_routers[pool->scenario->engine.router].needs_load;
}

int64_t ls_pool_choose(struct ls_pool *pool, const struct ls_arrival *arrival)
{
    const struct ls_scenario *scenario = pool->scenario;
    const struct ls_router_ops *router = &ls_routers[scenario->engine.router];
    const struct ls_router_view view = {
        .n = ls_pool_size(pool),
        .load = pool->load,
        .seed = (uint64_t)scenario->seed,
        .replica = (uint64_t)scenario->replica,
    };
    if (view.n == 1)
        return 0;
    if (router->needs_load)
        for (int64_t i = 0; i < view.n; i++)
            pool->load[i] = ls_scheduler_load(&ls_pool_pipeline(pool, i)->members[i % pool->n_members]);
    return router->choose(&view, arrival->index);
}
