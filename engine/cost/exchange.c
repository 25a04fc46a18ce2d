#include "engine/cost/exchange.h"

#include <math.h>

#include "engine/cost/fabric.h"
#include "engine/model/routing.h"

const char *const ls_all2all_names[LS_N_ALL2ALL + 1] = {
    [LS_ALL2ALL_ALL_GATHER] = "allgather_reducescatter",
    [LS_ALL2ALL_NCCL] = "nccl_all_to_all",
    [LS_ALL2ALL_DEEPEP_HT] = "deepep_high_throughput",
    [LS_ALL2ALL_DEEPEP_LL] = "deepep_low_latency",
    [LS_ALL2ALL_DEEPEP_AUTO] = "deepep_auto",
    [LS_ALL2ALL_NVLINK_TWO_SIDED] = "nvlink_two_sided",
    [LS_ALL2ALL_NVLINK_ONE_SIDED] = "nvlink_one_sided",
    [LS_N_ALL2ALL] = NULL,
};

bool ls_all2all_leaves_nvlink(const struct ls_cluster *cluster, const struct ls_strategy *strategy, int32_t backend)
{
    const int64_t origin[LS_N_DIMS] = {0};
    struct ls_placement placement;
    struct ls_err err = {""};
    if (strategy->ep == 1 || (backend != LS_ALL2ALL_NVLINK_TWO_SIDED && backend != LS_ALL2ALL_NVLINK_ONE_SIDED) ||
        ls_placement_init(&placement, cluster, strategy, &err))
        return false;
    return ls_placement_group(&placement, 1u << LS_TP | 1u << LS_EP, origin).nodes > 1;
}

/* Copies of a token: that leave its GPU, that pass a link inside a node, that leave the node. */
struct copies {
    double rows, link, nic;
};

static struct copies count_copies(const struct ls_model *model, enum ls_exchange_library library,
                                  const struct ls_fabric *fabric, double shards)
{
    const double chosen = (double)model->num_experts_per_tok;
    const double nodes = fmin(fabric->nodes, shards), on_node = shards / nodes;
    const double other_gpu = 1 - 1 / shards, other_node = 1 - 1 / nodes;
    if (library == LS_EXCHANGE_DEEPEP_LL)
        return (struct copies){chosen * other_gpu, chosen * (on_node - 1) / shards, chosen * other_node};
    const double distinct = ls_routing_parts(model, shards);
    return (struct copies){distinct * other_gpu, distinct * (on_node - 1) / on_node,
                           ls_routing_parts(model, nodes) * other_node};
}

struct ls_collective_cost ls_exchange_cost(const struct ls_cluster *cluster, const struct ls_model *model,
                                           enum ls_exchange_library library, enum ls_exchange_way way,
                                           const struct ls_group *group, const struct ls_token_exchange *exchange)
{
    const struct ls_hardware *hardware = &cluster->hardware;
    const struct ls_exchange_kernels *kernels = &ls_hardware_kernels(hardware)->exchange[library][way];
    if (exchange->shards <= 1)
        return (struct ls_collective_cost){0};
    const struct ls_fabric fabric = ls_fabric_make(cluster, group);
    const struct copies copies = count_copies(model, library, &fabric, exchange->shards);
    const double bytes = exchange->n_rows * exchange->row_bytes;
    const double link_s = bytes * copies.link * fabric.detour / (fabric.link_bandwidth * kernels->link_frac);
    const double nic_s = bytes * copies.nic * fabric.per_node / (fabric.node_bandwidth * kernels->network_frac);
    const double rows_s = exchange->n_rows * kernels->row_s;
    return (struct ls_collective_cost){
        .n_phases = 1,
        .phases[0] = {.n_steps = 1,
                      .step_s = kernels->launch_s + copies.rows * kernels->copy_s + fmax(rows_s + link_s, nic_s),
                      .nic_s = nic_s,
                      .link_s = link_s},
    };
}
