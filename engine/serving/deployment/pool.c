#include "engine/serving/deployment/pool.h"

#include <string.h>

#include "engine/serving/deployment/router.h"

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
    const size_t bytes = (size_t)ls_pool_size(pool) * sizeof(int64_t);
    int64_t **const arrays[] = {&pool->load, &pool->prompt_tok, &pool->cached_tok};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        *arrays[i] = ls_arena_take(setup->arena, bytes);
        if (!*arrays[i])
            return ls_fail(err, LS_NOMEM, "out of memory for the router");
        memset(*arrays[i], 0, bytes);
    }
    if (ls_variation_init(&pool->variation, scenario, &pool->placement, setup->arena))
        return ls_fail(err, LS_NOMEM, "out of memory for the simulation's tables");
    pool->report_ps = ls_ps_from_s(scenario->engine.router_staleness_s);
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

static const struct ls_router_ops *router_of(const struct ls_pool *pool)
{
    return &ls_routers[pool->scenario->engine.router];
}

static struct ls_scheduler *scheduler_at(const struct ls_pool *pool, int64_t i)
{
    return &ls_pool_pipeline(pool, i)->members[i % pool->n_members];
}

bool ls_pool_needs_present(const struct ls_pool *pool)
{
    return ls_pool_size(pool) > 1 && pool->report_ps == 0 &&
           (router_of(pool)->needs_load || router_of(pool)->needs_cache);
}

/* What the router compares, as it is now. */
static void look(struct ls_pool *pool)
{
    for (int64_t i = 0; i < ls_pool_size(pool); i++) {
        pool->load[i] = ls_scheduler_load(scheduler_at(pool, i));
        pool->prompt_tok[i] = scheduler_at(pool, i)->prompt_tok;
    }
}

int64_t ls_pool_report_due_ps(const struct ls_pool *pool, int64_t now_ps)
{
    if (pool->report_ps == 0 || !router_of(pool)->needs_load || now_ps / pool->report_ps < pool->n_reports)
        return LS_PS_NEVER;
    return now_ps / pool->report_ps * pool->report_ps;
}

void ls_pool_report(struct ls_pool *pool, int64_t now_ps)
{
    if (ls_pool_report_due_ps(pool, now_ps) == LS_PS_NEVER)
        return;
    look(pool);
    for (int64_t i = 0; router_of(pool)->needs_cache && i < ls_pool_size(pool); i++)
        ls_prefix_cache_report(&scheduler_at(pool, i)->cache);
    pool->n_reports = now_ps / pool->report_ps + 1;
}

/* How much of a request's prompt each KV cache knows, or has reported to know. */
static void look_up(struct ls_pool *pool, const struct ls_arrival *arrival)
{
    for (int64_t i = 0; i < ls_pool_size(pool); i++) {
        const struct ls_scheduler *s = scheduler_at(pool, i);
        pool->cached_tok[i] =
            s->caching ? ls_prefix_cache_match(&s->cache, &arrival->content, arrival->prompt_tok - 1) : 0;
    }
}

int64_t ls_pool_choose(struct ls_pool *pool, const struct ls_arrival *arrival)
{
    const struct ls_scenario *scenario = pool->scenario;
    const struct ls_content *content = &arrival->content;
    if (ls_pool_size(pool) == 1)
        return 0;
    const struct ls_router_view view = {
        .n = ls_pool_size(pool),
        .load = pool->load,
        .prompt_tok = pool->prompt_tok,
        .cached_tok = pool->cached_tok,
        .load_factor = scenario->engine.router_load_factor,
        .seed = (uint64_t)scenario->seed,
        .replica = (uint64_t)scenario->replica,
    };
    if (router_of(pool)->needs_load && pool->report_ps == 0)
        look(pool);
    if (router_of(pool)->needs_cache)
        look_up(pool, arrival);
    const struct ls_router_request request = {
        .index = arrival->index,
        .session = content->stream,
        .prefix = content->head_tok == 0 ? content->stream
                  : content->parts       ? content->parts[0]
                                         : content->head,
        .in_session = !content->own,
        .prompt_tok = arrival->prompt_tok,
    };
    return router_of(pool)->choose(&view, &request);
}
