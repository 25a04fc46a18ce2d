#include "engine/serving/deployment/transfer.h"

#include <math.h>

#include "engine/memory/serving_memory.h"
#include "engine/serving/deployment/links.h"
#include "engine/sim/clock.h"

/* GPUs of a scheduler on its most shared NIC, and the node of a whole pipeline. */
static void place_end(struct ls_transfer_end *end)
{
    const struct ls_pool *pool = end->pool;
    const struct ls_strategy *strategy = &pool->scenario->strategy;
    for (int64_t i = 0; i < ls_pool_size(pool); i++) {
        int64_t at[LS_N_DIMS] = {[LS_DP] = i / strategy->ep, [LS_EP] = i % strategy->ep};
        int64_t *const node = &end->node[at[LS_DP]];
        end->sharing[i] = 1;
        for (at[LS_PP] = 0; at[LS_PP] < strategy->pp; at[LS_PP]++) {
            int64_t n_sharing = 0;
            int32_t last = -1;
            for (at[LS_TP] = 0; at[LS_TP] < strategy->tp; at[LS_TP]++) {
                const int64_t rank = ls_placement_rank(&pool->placement, at);
                const int64_t here = ls_placement_node(&pool->placement, rank);
                const int32_t nic = ls_links_nic(pool, rank);
                const bool first = at[LS_TP] == 0 && at[LS_PP] == 0 && at[LS_EP] == 0;
                n_sharing = nic == last ? n_sharing + 1 : 1;
                last = nic;
                end->sharing[i] = fmax(end->sharing[i], (double)n_sharing);
                *node = first || *node == here ? here : -1;
            }
        }
    }
}

static enum ls_status init_end(struct ls_transfer_end *end, const struct ls_pool *pool, struct ls_arena *arena)
{
    const struct ls_scenario *scenario = pool->scenario;
    end->pool = pool;
    end->kv_bytes =
        ls_kv_bytes_per_token_layer(&scenario->model, scenario->strategy.tp, (enum ls_dtype)scenario->engine.kv_dtype);
    end->state_bytes = ls_state_bytes_per_layer(&scenario->model, scenario->strategy.tp);
    struct ls_model drafter;
    end->drafter_bytes = 0;
    if (ls_scenario_draft_model(scenario, &drafter))
        end->drafter_bytes =
            (double)drafter.num_hidden_layers *
            ls_kv_bytes_per_token_layer(&drafter, scenario->strategy.tp, (enum ls_dtype)scenario->engine.kv_dtype);
    end->sharing = ls_arena_take(arena, (size_t)ls_pool_size(pool) * sizeof *end->sharing);
    end->node = ls_arena_take(arena, (size_t)pool->n_pipelines * sizeof *end->node);
    if (!end->sharing || !end->node)
        return LS_NOMEM;
    place_end(end);
    return LS_OK;
}

/* The slower pool's links decide, as far as the study does not say what transfers reach. */
static void set_links(struct ls_transfer_cost *cost, const struct ls_link *given)
{
    const struct ls_pool *pools[] = {cost->from.pool, cost->to.pool};
    cost->nic_bandwidth = cost->link_bandwidth = (double)INFINITY;
    for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++) {
        const struct ls_cluster *cluster = &pools[i]->scenario->cluster;
        const struct ls_hardware *hardware = &cluster->hardware;
        const struct ls_collective_kernels *kernels = &ls_hardware_kernels(hardware)->collectives;
        cost->nic_bandwidth =
            fmin(cost->nic_bandwidth, cluster->inter_node.bandwidth_bytes_per_s * kernels->network_frac);
        cost->link_bandwidth =
            fmin(cost->link_bandwidth, cluster->intra_node.bandwidth_bytes_per_s * kernels->send_frac);
        cost->nic_latency_s = fmax(cost->nic_latency_s, cluster->inter_node.latency_s);
        cost->link_latency_s = fmax(cost->link_latency_s, cluster->intra_node.latency_s);
    }
    if (!isnan(given->bandwidth_bytes_per_s))
        cost->nic_bandwidth = cost->link_bandwidth = given->bandwidth_bytes_per_s;
    if (!isnan(given->latency_s))
        cost->nic_latency_s = cost->link_latency_s = given->latency_s;
}

enum ls_status ls_transfer_cost_init(struct ls_transfer_cost *cost, const struct ls_scenario *scenario,
                                     const struct ls_pool *from, const struct ls_pool *to, struct ls_arena *arena)
{
    const struct ls_model *model = &scenario->model;
    *cost = (struct ls_transfer_cost){.window = model->sliding_window == LS_NULL_INT ? (double)INFINITY
                                                                                     : (double)model->sliding_window};
    if (init_end(&cost->from, from, arena) || init_end(&cost->to, to, arena))
        return LS_NOMEM;
    set_links(cost, &scenario->engine.disaggregation.transfer);
    return LS_OK;
}

/* Bytes of the fullest of one side's stages, as one GPU of the receiving side keeps them. */
static double fullest_stage(const struct ls_transfer_end *end, const struct ls_transfer_end *to, double n_tok,
                            double window)
{
    double most = 0;
    for (int64_t i = 0; i < end->pool->cost.n_stages; i++) {
        const struct ls_stage *stage = &end->pool->cost.stages[i];
        const double n_sliding = (double)stage->n_sliding, n_full = (double)stage->n_layers - n_sliding;
        const double tok = n_full * n_tok + (to->state_bytes > 0 ? 0 : n_sliding * fmin(n_tok, window));
        most = fmax(most,
                    tok * to->kv_bytes + n_sliding * to->state_bytes + (stage->head ? n_tok * to->drafter_bytes : 0));
    }
    return most;
}

struct ls_transfer_time ls_transfer_time(const struct ls_transfer_cost *cost, int64_t sender, int64_t receiver,
                                         int64_t n_tok)
{
    const struct ls_transfer_end *from = &cost->from, *to = &cost->to;
    const int64_t node = from->node[sender / from->pool->n_members];
    const bool crosses = node < 0 || node != to->node[receiver / to->pool->n_members];
    const double fanout = (double)to->pool->cost.shard.tp / (double)from->pool->cost.shard.tp;
    double send_s = fullest_stage(from, to, (double)n_tok, cost->window) * fanout;
    double receive_s = fullest_stage(to, to, (double)n_tok, cost->window);
    send_s *= crosses ? from->sharing[sender] / cost->nic_bandwidth : 1 / cost->link_bandwidth;
    receive_s *= crosses ? to->sharing[receiver] / cost->nic_bandwidth : 1 / cost->link_bandwidth;
    return (struct ls_transfer_time){
        .duration_ps = ls_ps_from_s((crosses ? cost->nic_latency_s : cost->link_latency_s) + fmax(send_s, receive_s)),
        .send_ps = ls_ps_from_s(send_s),
        .receive_ps = ls_ps_from_s(receive_s),
        .crosses = crosses,
    };
}
