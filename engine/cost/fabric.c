#include "engine/cost/fabric.h"

#include <math.h>

/* A group on part of a node's GPUs reaches the NICs next to them. */
static double group_nics(const struct ls_cluster *cluster, const struct ls_group *group)
{
    const double share = (double)group->ranks_per_node / (double)cluster->gpus_per_node;
    return fmax(1.0, floor((double)cluster->nics_per_node * fmin(1.0, share)));
}

/* Without a switch, a GPU's bandwidth is split over the wires to its neighbours: all others in a full mesh, two in a
 * ring. */
static double wires_per_gpu(const struct ls_cluster *cluster)
{
    const double others = fmax(1.0, (double)cluster->gpus_per_node - 1.0);
    switch (cluster->topology) {
    case LS_TOPOLOGY_FULL_MESH:
        return others;
    case LS_TOPOLOGY_RING:
        return fmin(2.0, others);
    default:
        return 1.0;
    }
}

/* What is left of a link when the group's GPUs share a host bridge. */
static double crowding(const struct ls_hardware *hardware, double ranks)
{
    const double exponent = ls_hardware_kernels(hardware)->collectives.crowding;
    return exponent > 0.0 && ranks > 2.0 ? pow(2.0 / ranks, exponent) : 1.0;
}

struct ls_fabric ls_fabric_make(const struct ls_cluster *cluster, const struct ls_group *group)
{
    const struct ls_hardware *hardware = &cluster->hardware;
    const double ranks = (double)group->ranks_per_node;
    const double wires = wires_per_gpu(cluster);
    const bool mesh = cluster->topology == LS_TOPOLOGY_FULL_MESH;
    const bool ring = cluster->topology == LS_TOPOLOGY_RING;
    const double pair_bandwidth = cluster->intra_node.bandwidth_bytes_per_s / wires;
    return (struct ls_fabric){
        .kernels = &ls_hardware_kernels(hardware)->collectives,
        .memory_bandwidth = hardware->memory_bandwidth_bytes_per_s,
        .nccl_only = cluster->nccl_only,
        .p = (double)group->size,
        .nodes = (double)group->nodes,
        .per_node = ranks,
        /* Of a full mesh, a group uses the wires between its own members. */
        .link_bandwidth = (mesh ? pair_bandwidth * fmax(1.0, ranks - 1.0) : cluster->intra_node.bandwidth_bytes_per_s) *
                          crowding(hardware, ranks),
        .link_latency = cluster->intra_node.latency_s,
        .pair_bandwidth = pair_bandwidth,
        .node_bandwidth = group_nics(cluster, group) * cluster->inter_node.bandwidth_bytes_per_s,
        .nic_latency = cluster->inter_node.latency_s,
        /* Messages to all others of a ring take p / 4 hops in the mean. */
        .detour = ring ? fmax(1.0, ranks / 4.0) : 1.0,
        .one_switch = !mesh && !ring,
    };
}
