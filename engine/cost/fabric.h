#ifndef LS_ENGINE_COST_FABRIC_H
#define LS_ENGINE_COST_FABRIC_H

#include <stdbool.h>

#include "engine/hardware/cluster.h"

/* What a group of ranks sees of the network. Bandwidths are of one direction. */
struct ls_fabric {
    const struct ls_collective_kernels *kernels;
    double p, nodes, per_node;           /* ranks, nodes, ranks on a node */
    double link_bandwidth, link_latency; /* one GPU inside its node */
    double pair_bandwidth;               /* between two of a node's GPUs */
    double node_bandwidth, nic_latency;  /* the NICs of a node that serve the group */
    double detour;                       /* times that a byte to any other GPU crosses a link inside the node */
    double memory_bandwidth;
    bool nccl_only;  /* no all-reduce of the engine's own */
    bool one_switch; /* every GPU reaches every other one at full bandwidth, at once */
};

/* The cluster is resolved, and outlives the fabric. */
struct ls_fabric ls_fabric_make(const struct ls_cluster *cluster, const struct ls_group *group);

#endif
