#include "engine/serving/deployment/link_queues.h"

#include <string.h>

enum ls_status ls_link_queues_init(struct ls_link_queues *queues, const struct ls_links *links, struct ls_arena *arena)
{
    const size_t link_bytes = (size_t)links->n_groups * sizeof *queues->link_free_ps;
    const size_t nic_bytes = (size_t)links->n_numbers * sizeof *queues->nic_free_ps;
    queues->links = links;
    queues->link_free_ps = ls_arena_take(arena, link_bytes);
    queues->nic_free_ps = ls_arena_take(arena, nic_bytes);
    if (!queues->link_free_ps || !queues->nic_free_ps)
        return LS_NOMEM;
    memset(queues->link_free_ps, 0, link_bytes);
    memset(queues->nic_free_ps, 0, nic_bytes);
    return LS_OK;
}

/* When the NICs and the link of a stage are free, and then: taken until that time. */
static int64_t stage_free_ps(const struct ls_link_queues *queues, int64_t group, const struct ls_link_use *use,
                             int64_t now_ps)
{
    const struct ls_links *links = queues->links;
    int64_t free_ps = now_ps;
    if (use->link_ps > 0 && queues->link_free_ps[group] > free_ps)
        free_ps = queues->link_free_ps[group];
    for (int64_t i = links->first[group]; use->nic_ps > 0 && i < links->first[group + 1]; i++)
        if (queues->nic_free_ps[links->nics[i]] > free_ps)
            free_ps = queues->nic_free_ps[links->nics[i]];
    return free_ps;
}

static void take_stage(struct ls_link_queues *queues, int64_t group, const struct ls_link_use *use, int64_t start_ps)
{
    const struct ls_links *links = queues->links;
    if (use->link_ps > 0)
        queues->link_free_ps[group] = start_ps + use->link_ps;
    for (int64_t i = links->first[group]; use->nic_ps > 0 && i < links->first[group + 1]; i++)
        queues->nic_free_ps[links->nics[i]] = start_ps + use->nic_ps;
}

int64_t ls_link_queues_take(struct ls_link_queues *queues, int64_t group, int64_t n_groups,
                            const struct ls_link_use *use, int64_t now_ps)
{
    int64_t start_ps = now_ps;
    for (int64_t i = 0; i < n_groups; i++)
        start_ps = stage_free_ps(queues, group + i, use, start_ps);
    for (int64_t i = 0; i < n_groups; i++)
        take_stage(queues, group + i, use, start_ps);
    return start_ps;
}

/* One side of a KV transfer. */
struct side {
    const struct ls_pool *pool;
    int64_t scheduler, busy_ps;
};

/* The clock of the link that one GPU uses: of its NIC, or of its stage inside the node. */
static int64_t *clock_of(struct ls_link_queues *queues, const struct side *side, int64_t stage, int64_t tp,
                         bool crosses)
{
    const struct ls_pool *pool = side->pool;
    const int64_t at[LS_N_DIMS] = {[LS_DP] = side->scheduler / pool->n_members,
                                   [LS_EP] = side->scheduler % pool->n_members,
                                   [LS_PP] = stage,
                                   [LS_TP] = tp};
    if (crosses)
        return &queues->nic_free_ps[ls_links_nic(pool, ls_placement_rank(&pool->placement, at))];
    return &queues->link_free_ps[ls_pool_pipeline(pool, side->scheduler)->first_group + stage];
}

int64_t ls_link_queues_take_transfer(struct ls_link_queues *queues, const struct ls_handover *handover,
                                     const struct ls_transfer *transfer, int64_t now_ps)
{
    const struct side sides[] = {{handover->from, transfer->sender, transfer->time.send_ps},
                                 {handover->to, transfer->receiver, transfer->time.receive_ps}};
    int64_t start_ps = now_ps;
    for (int take = 0; take < 2; take++) { /* first when all of them are free */
        for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
            const struct ls_strategy *strategy = &sides[i].pool->scenario->strategy;
            for (int64_t j = 0; j < strategy->pp * strategy->tp; j++) {
                int64_t *const clock =
                    clock_of(queues, &sides[i], j / strategy->tp, j % strategy->tp, transfer->time.crosses);
                if (take)
                    *clock = start_ps + sides[i].busy_ps;
                else if (*clock > start_ps)
                    start_ps = *clock;
            }
        }
    }
    return start_ps;
}
