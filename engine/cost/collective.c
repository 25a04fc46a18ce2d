#include "engine/cost/collective.h"

#include <assert.h>
#include <math.h>

/* Bandwidths and latencies that a group sees. */
struct fabric {
    double p, nodes, per_node;           /* ranks, nodes, ranks on a node */
    double link_bandwidth, link_latency; /* one GPU inside its node, one direction */
    double node_bandwidth, nic_latency;  /* the NICs of a node that serve the group, one direction */
    double spread;                       /* links that an all-to-all keeps busy at once, of those it could */
};

/* A group on part of a node's GPUs reaches the NICs next to them. */
static double group_nics(const struct ls_cluster *cluster, const struct ls_group *group)
{
    const double share = (double)group->ranks_per_node / (double)cluster->gpus_per_node;
    return fmax(1.0, floor((double)cluster->nics_per_node * fmin(1.0, share)));
}

/* Inside a node without a switch, a GPU's bandwidth is split over the wires to its neighbours: to each of the others in
 * a full mesh, where a ring algorithm runs over all of them at once but a pair sees one wire; to the next one on
 * either side in a ring, where messages to farther ranks take p/4 hops on average. */
static double all_to_all_spread(const struct ls_cluster *cluster, double ranks)
{
    if (cluster->topology == LS_TOPOLOGY_RING && ranks > 2)
        return fmin(1.0, 4.0 / ranks);
    return 1.0;
}

static double pair_bandwidth(const struct ls_cluster *cluster)
{
    const double others = (double)cluster->gpus_per_node - 1.0;
    switch (cluster->topology) {
    case LS_TOPOLOGY_FULL_MESH:
        return cluster->intra_node.bandwidth_bytes_per_s / fmax(1.0, others);
    case LS_TOPOLOGY_RING:
        return cluster->intra_node.bandwidth_bytes_per_s / fmin(2.0, fmax(1.0, others));
    default:
        return cluster->intra_node.bandwidth_bytes_per_s;
    }
}

/* Of a full mesh, a group uses the wires between its own members. */
static double group_bandwidth(const struct ls_cluster *cluster, double ranks)
{
    if (cluster->topology == LS_TOPOLOGY_FULL_MESH)
        return pair_bandwidth(cluster) * fmax(1.0, ranks - 1.0);
    return cluster->intra_node.bandwidth_bytes_per_s;
}

static struct fabric make_fabric(const struct ls_cluster *cluster, const struct ls_group *group)
{
    return (struct fabric){
        .p = (double)group->size,
        .nodes = (double)group->nodes,
        .per_node = (double)group->ranks_per_node,
        .link_bandwidth = group_bandwidth(cluster, (double)group->ranks_per_node),
        .link_latency = cluster->intra_node.latency_s,
        .node_bandwidth = group_nics(cluster, group) * cluster->inter_node.bandwidth_bytes_per_s,
        .nic_latency = cluster->inter_node.latency_s,
        .spread = all_to_all_spread(cluster, (double)group->ranks_per_node),
    };
}

static void add_phase(struct ls_collective_cost *cost, double n_steps, double step_s, double nic_s, double link_s)
{
    if (n_steps < 1.0)
        return;
    assert(cost->n_phases < LS_MAX_PHASES);
    cost->phases[cost->n_phases++] = (struct ls_phase){
        .n_steps = (int64_t)n_steps, .step_s = step_s, .nic_s = fmin(nic_s, step_s), .link_s = fmin(link_s, step_s)};
}

/* n_steps in each of which every rank passes chunk_bytes on, inside the node. */
static void add_inner(struct ls_collective_cost *cost, const struct fabric *fabric, double n_steps, double chunk_bytes)
{
    const double link_s = chunk_bytes / fabric->link_bandwidth;
    add_phase(cost, n_steps, fabric->link_latency + link_s, 0, link_s);
}

/* n_steps in each of which every node passes chunk_bytes on to the next one. */
static void add_outer(struct ls_collective_cost *cost, const struct fabric *fabric, double n_steps, double chunk_bytes)
{
    const double nic_s = chunk_bytes / fabric->node_bandwidth;
    add_phase(cost, n_steps, fabric->nic_latency + nic_s, nic_s, 0);
}

/* One ring through all ranks: chunk_bytes a step from each to its neighbour, of which one pair a node spans nodes. */
static void add_ring(struct ls_collective_cost *cost, const struct fabric *fabric, double n_steps, double chunk_bytes)
{
    const double link_s = fabric->per_node > 1.0 ? chunk_bytes / fabric->link_bandwidth : 0.0;
    if (fabric->nodes <= 1.0) {
        add_inner(cost, fabric, n_steps, chunk_bytes);
        return;
    }
    const double nic_s = chunk_bytes / fabric->node_bandwidth;
    add_phase(cost, n_steps, fmax(fabric->link_latency, fabric->nic_latency) + fmax(link_s, nic_s), nic_s, link_s);
}

/* Double binary tree (Sanders, Speck, Träff 2009): up and down log2(p) levels; in a pipeline every rank sends and
 * receives the buffer twice. */
static struct ls_collective_cost tree_all_reduce(const struct fabric *fabric, double bytes)
{
    struct ls_collective_cost cost = {0};
    const double n_steps = 2.0 * ceil(log2(fabric->p));
    add_ring(&cost, fabric, n_steps, 2.0 * bytes / n_steps);
    return cost;
}

static struct ls_collective_cost ring_all_reduce(const struct fabric *fabric, double bytes)
{
    struct ls_collective_cost cost = {0};
    add_ring(&cost, fabric, 2.0 * (fabric->p - 1.0), bytes / fabric->p);
    return cost;
}

/* Reduce-scatter inside the node, all-reduce of each share across nodes, all-gather inside. */
static struct ls_collective_cost hierarchical_all_reduce(const struct fabric *fabric, double bytes)
{
    struct ls_collective_cost cost = {0};
    add_inner(&cost, fabric, fabric->per_node - 1.0, bytes / fabric->per_node);
    add_outer(&cost, fabric, 2.0 * (fabric->nodes - 1.0), bytes / fabric->nodes);
    add_inner(&cost, fabric, fabric->per_node - 1.0, bytes / fabric->per_node);
    return cost;
}

static struct ls_collective_cost fastest(struct ls_collective_cost a, struct ls_collective_cost b)
{
    return ls_collective_seconds(&b) < ls_collective_seconds(&a) ? b : a;
}

static struct ls_collective_cost all_reduce(const struct fabric *fabric, double bytes)
{
    struct ls_collective_cost cost = fastest(ring_all_reduce(fabric, bytes), tree_all_reduce(fabric, bytes));
    if (fabric->nodes > 1.0 && fabric->per_node > 1.0)
        cost = fastest(cost, hierarchical_all_reduce(fabric, bytes));
    return cost;
}

/* All-gather, and reduce-scatter, its mirror image: a ring of all ranks, or first the shares of each rail between
 * nodes, then the nodes' results inside. */
static struct ls_collective_cost all_gather(const struct fabric *fabric, double bytes)
{
    struct ls_collective_cost ring = {0};
    add_ring(&ring, fabric, fabric->p - 1.0, bytes / fabric->p);
    if (fabric->nodes <= 1.0 || fabric->per_node <= 1.0)
        return ring;
    struct ls_collective_cost hierarchical = {0};
    add_outer(&hierarchical, fabric, fabric->nodes - 1.0, bytes / fabric->nodes);
    add_inner(&hierarchical, fabric, fabric->per_node - 1.0, bytes / fabric->per_node);
    return fastest(ring, hierarchical);
}

/* Every rank sends 1/p of its buffer to each other one, all at once: what stays in the node over the GPU's link, what
 * leaves it over the NICs, the slower of the two deciding. */
static struct ls_collective_cost all_to_all(const struct fabric *fabric, double bytes)
{
    struct ls_collective_cost cost = {0};
    const double share = bytes / fabric->p;
    const double link_s = share * (fabric->per_node - 1.0) / (fabric->link_bandwidth * fabric->spread);
    if (fabric->nodes <= 1.0) {
        add_phase(&cost, 1.0, fabric->link_latency + link_s, 0, link_s);
        return cost;
    }
    const double nic_s = share * (fabric->p - fabric->per_node) * fabric->per_node / fabric->node_bandwidth;
    add_phase(&cost, 1.0, fmax(fabric->link_latency, fabric->nic_latency) + fmax(link_s, nic_s), nic_s, link_s);
    return cost;
}

/* One message between two ranks; between nodes it uses one NIC. */
static struct ls_collective_cost send_recv(const struct ls_cluster *cluster, const struct ls_group *group, double bytes)
{
    struct ls_collective_cost cost = {0};
    if (group->nodes > 1) {
        const double wire_s = bytes / cluster->inter_node.bandwidth_bytes_per_s;
        add_phase(&cost, 1.0, cluster->inter_node.latency_s + wire_s, wire_s / (double)cluster->nics_per_node, 0);
    } else {
        const double wire_s = bytes / pair_bandwidth(cluster);
        add_phase(&cost, 1.0, cluster->intra_node.latency_s + wire_s, 0, wire_s);
    }
    return cost;
}

struct ls_collective_cost ls_collective_cost(const struct ls_cluster *cluster, enum ls_collective collective,
                                             const struct ls_group *group, double bytes)
{
    if (group->size <= 1)
        return (struct ls_collective_cost){0};
    const struct fabric fabric = make_fabric(cluster, group);
    switch (collective) {
    case LS_ALL_REDUCE:
        return all_reduce(&fabric, bytes);
    case LS_ALL_GATHER:
    case LS_REDUCE_SCATTER:
        return all_gather(&fabric, bytes);
    case LS_ALL_TO_ALL:
        return all_to_all(&fabric, bytes);
    case LS_SEND_RECV:
        return send_recv(cluster, group, bytes);
    }
    assert(!"a collective is one of those above");
    return (struct ls_collective_cost){0};
}

double ls_collective_seconds(const struct ls_collective_cost *cost)
{
    double seconds = 0.0;
    for (int i = 0; i < cost->n_phases; i++)
        seconds += (double)cost->phases[i].n_steps * cost->phases[i].step_s;
    return seconds;
}
