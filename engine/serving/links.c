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

enum ls_status ls_links_init(struct ls_links *links, const struct ls_placement *placement,
                             const struct ls_scenario *scenario, struct ls_arena *arena)
{
    const int64_t gpus = ls_scenario_gpus(scenario), nics_per_node = scenario->cluster.nics_per_node;
    const int64_t nodes = (gpus + placement->gpus_per_node - 1) / placement->gpus_per_node;
    *links = (struct ls_links){
        .n_nics = nodes * nics_per_node, .n_pipelines = scenario->strategy.dp, .n_stages = scenario->strategy.pp};
    const int64_t n_groups = links->n_pipelines * links->n_stages;
    links->first = ls_arena_take(arena, (size_t)(n_groups + 1) * sizeof *links->first);
    links->nics = ls_arena_take(arena, (size_t)gpus * sizeof *links->nics);
    if (!links->first || !links->nics)
        return LS_NOMEM;
    int64_t n = 0;
    int64_t at[LS_N_DIMS];
    for (int64_t group = 0; group < n_groups; group++) {
        links->first[group] = n;
        at[LS_DP] = group / links->n_stages;
        at[LS_PP] = group % links->n_stages;
        for (at[LS_EP] = 0; at[LS_EP] < scenario->strategy.ep; at[LS_EP]++)
            for (at[LS_TP] = 0; at[LS_TP] < scenario->strategy.tp; at[LS_TP]++)
                add_nic(links->nics, links->first[group], &n,
                        nic_of(placement, nics_per_node, ls_placement_rank(placement, at)));
    }
    links->first[n_groups] = n;
    return LS_OK;
}

static int64_t nic_busy_ps(const struct ls_links *links, const struct ls_pipeline *pipelines, int32_t nic)
{
    int64_t busy_ps = 0;
    for (int64_t group = 0; group < links->n_pipelines * links->n_stages; group++)
        for (int64_t i = links->first[group]; i < links->first[group + 1]; i++)
            if (links->nics[i] == nic)
                busy_ps += pipelines[group / links->n_stages].usage[group % links->n_stages].nic_ps;
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
