#include "engine/serving/deployment/links.h"

#include <math.h>

#include "engine/sim/clock.h"

int32_t ls_links_nic(const struct ls_pool *pool, int64_t rank)
{
    const struct ls_placement *placement = &pool->placement;
    const int64_t local = rank % placement->gpus_per_node;
    return (int32_t)(ls_placement_node(placement, rank) * pool->nic_stride +
                     local * pool->scenario->cluster.nics_per_node / placement->gpus_per_node);
}

/* Append `nic` to the stage's list [from, *n) unless it is there. */
static void add_nic(int32_t *nics, int64_t from, int64_t *n, int32_t nic)
{
    for (int64_t i = from; i < *n; i++)
        if (nics[i] == nic)
            return;
    nics[(*n)++] = nic;
}

/* NICs that the GPUs of one stage send through. */
static void add_stage(struct ls_links *links, const struct ls_pool *pool, int64_t pipeline, int64_t stage, int64_t *n)
{
    const struct ls_strategy *strategy = &pool->scenario->strategy;
    const int64_t from = *n;
    int64_t at[LS_N_DIMS] = {[LS_DP] = pipeline, [LS_PP] = stage};
    for (at[LS_EP] = 0; at[LS_EP] < strategy->ep; at[LS_EP]++)
        for (at[LS_TP] = 0; at[LS_TP] < strategy->tp; at[LS_TP]++)
            add_nic(links->nics, from, n, ls_links_nic(pool, ls_placement_rank(&pool->placement, at)));
}

enum ls_status ls_links_init(struct ls_links *links, const struct ls_pool *pools, int n_pools, int64_t n_groups,
                             struct ls_arena *arena)
{
    int64_t gpus = 0, n_nodes = 0;
    *links = (struct ls_links){.n_groups = n_groups};
    for (int i = 0; i < n_pools; i++) {
        const struct ls_placement *placement = &pools[i].placement;
        const int64_t n_gpus = ls_scenario_gpus(pools[i].scenario);
        const int64_t first_node = ls_placement_node(placement, placement->first);
        const int64_t end_node = ls_placement_node(placement, placement->first + n_gpus - 1) + 1;
        const int64_t n_new = end_node - (first_node > n_nodes ? first_node : n_nodes); /* pools may share one */
        gpus += n_gpus;
        links->n_nics += n_new * pools[i].scenario->cluster.nics_per_node;
        n_nodes = end_node;
        links->n_numbers = end_node * pools[i].nic_stride;
    }
    links->first = ls_arena_take(arena, (size_t)(n_groups + 1) * sizeof *links->first);
    links->nics = ls_arena_take(arena, (size_t)gpus * sizeof *links->nics);
    if (!links->first || !links->nics)
        return LS_NOMEM;
    int64_t n = 0, group = 0;
    for (int i = 0; i < n_pools; i++) {
        const int64_t n_stages = pools[i].scenario->strategy.pp;
        for (int64_t j = 0; j < pools[i].n_pipelines * n_stages; j++) {
            links->first[group++] = n;
            add_stage(links, &pools[i], j / n_stages, j % n_stages, &n);
        }
    }
    links->first[n_groups] = n;
    return LS_OK;
}

static bool uses_nic(const struct ls_links *links, int64_t group, int32_t nic)
{
    for (int64_t i = links->first[group]; i < links->first[group + 1]; i++)
        if (links->nics[i] == nic)
            return true;
    return false;
}

static int64_t nic_busy_ps(const struct ls_links *links, const struct ls_pipeline *pipelines, int64_t n_pipelines,
                           int32_t nic)
{
    int64_t busy_ps = 0;
    for (int64_t i = 0; i < n_pipelines; i++)
        for (int64_t stage = 0; stage < pipelines[i].n_stages; stage++)
            if (uses_nic(links, pipelines[i].first_group + stage, nic))
                busy_ps += pipelines[i].usage[stage].nic_ps;
    return busy_ps;
}

void ls_link_utilization(const struct ls_links *links, const struct ls_pipeline *pipelines, int64_t n_pipelines,
                         double window_s, double *mean, double *max)
{
    if (!(window_s > 0) || links->n_nics == 0)
        return;
    int64_t sum_ps = 0, max_ps = 0;
    for (int32_t nic = 0; nic < links->n_numbers; nic++) {
        const int64_t busy_ps = nic_busy_ps(links, pipelines, n_pipelines, nic);
        sum_ps += busy_ps;
        max_ps = busy_ps > max_ps ? busy_ps : max_ps;
    }
    *mean = ls_s_from_ps(sum_ps) / (window_s * (double)links->n_nics);
    *max = ls_s_from_ps(max_ps) / window_s;
}
