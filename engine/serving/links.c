#include "engine/serving/links.h"

#include <math.h>

#include "engine/sim/clock.h"

static int32_t nic_of(const struct ls_placement *placement, int64_t nics_per_node, int64_t rank)
{
    const int64_t local = rank % placement->gpus_per_node;
    return (int32_t)(ls_placement_node(placement, rank) * nics_per_node +
                     local * nics_per_node / placement->gpus_per_node);
}

/* Append `nic` to the stage's list [from, *n) unless it is there. */
static void add_nic(int32_t *nics, int64_t from, int64_t *n, int32_t nic)
{
    for (int64_t i = from; i < *n; i++)
        if (nics[i] == nic)
            return;
    nics[(*n)++] = nic;
}

static int64_t nodes_of(const struct ls_pool *pool)
{
    const int64_t gpus_per_node = pool->placement.gpus_per_node;
    return (ls_scenario_gpus(pool->scenario) + gpus_per_node - 1) / gpus_per_node;
}

/* NICs that the GPUs of one stage send through. */
static void add_stage(struct ls_links *links, const struct ls_pool *pool, int64_t pipeline, int64_t stage, int64_t *n)
{
    const struct ls_strategy *strategy = &pool->scenario->strategy;
    const int64_t from = *n;
    int64_t at[LS_N_DIMS] = {[LS_DP] = pipeline, [LS_PP] = stage};
    for (at[LS_EP] = 0; at[LS_EP] < strategy->ep; at[LS_EP]++)
        for (at[LS_TP] = 0; at[LS_TP] < strategy->tp; at[LS_TP]++)
            add_nic(links->nics, from, n,
                    nic_of(&pool->placement, pool->scenario->cluster.nics_per_node,
                           ls_placement_rank(&pool->placement, at)));
}

enum ls_status ls_links_init(struct ls_links *links, const struct ls_pool *pools, int n_pools, int64_t n_groups,
                             struct ls_arena *arena)
{
    int64_t gpus = 0;
    *links = (struct ls_links){.n_groups = n_groups};
    for (int i = 0; i < n_pools; i++) {
        gpus += ls_scenario_gpus(pools[i].scenario);
        links->n_nics += nodes_of(&pools[i]) * pools[i].scenario->cluster.nics_per_node;
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

static int64_t nic_busy_ps(const struct ls_links *links, const struct ls_pipeline *pipelines, int32_t nic)
{
    int64_t busy_ps = 0;
    for (const struct ls_pipeline *p = pipelines; p->first_group + p->n_stages <= links->n_groups; p++) {
        for (int64_t i = 0; i < p->n_stages; i++)
            if (uses_nic(links, p->first_group + i, nic))
                busy_ps += p->usage[i].nic_ps;
        if (p->first_group + p->n_stages == links->n_groups)
            break;
    }
    return busy_ps;
}

void ls_link_utilization(const struct ls_links *links, const struct ls_pipeline *pipelines, double window_s,
                         double *mean, double *max)
{
    if (!(window_s > 0) || links->n_nics == 0)
        return;
    int64_t sum_ps = 0, max_ps = 0;
    for (int32_t nic = 0; nic < links->n_nics; nic++) {
        const int64_t busy_ps = nic_busy_ps(links, pipelines, nic);
        sum_ps += busy_ps;
        max_ps = busy_ps > max_ps ? busy_ps : max_ps;
    }
    *mean = ls_s_from_ps(sum_ps) / (window_s * (double)links->n_nics);
    *max = ls_s_from_ps(max_ps) / window_s;
}
