#include "engine/cost/collective.h"

#include <assert.h>
#include <math.h>

#include "engine/cost/fabric.h"
#include "engine/cost/table_cost.h"

/* A phase: n_steps equal steps of some latency, and how long links inside a node and NICs are busy in all of them. */
struct stage {
    double launch_s, n_steps, latency_s, link_s, nic_s;
    bool direct; /* ranks read where the data lie: no pipeline to fill */
};

/* The slower kind of link decides; filling the pipeline in the best chunk size adds √(ramp · busy time). */
static void add_stage(struct ls_collective_cost *cost, const struct ls_fabric *fabric, struct stage stage)
{
    if (stage.n_steps < 1.0)
        return;
    assert(cost->n_phases < LS_MAX_PHASES);
    const double busy_s = fmax(stage.link_s, stage.nic_s);
    const double filling_s = stage.direct ? 0.0 : sqrt(fabric->kernels->ramp_s * busy_s);
    const double total_s = stage.launch_s + stage.n_steps * stage.latency_s + busy_s + filling_s;
    cost->phases[cost->n_phases++] = (struct ls_phase){
        .n_steps = (int64_t)stage.n_steps,
        .step_s = total_s / stage.n_steps,
        .nic_s = stage.nic_s / stage.n_steps,
        .link_s = stage.link_s / stage.n_steps,
    };
}

static double link_seconds(const struct ls_fabric *fabric, double bytes, double frac)
{
    return bytes / (fabric->link_bandwidth * frac);
}

static double nic_seconds(const struct ls_fabric *fabric, double bytes)
{
    return bytes / (fabric->node_bandwidth * fabric->kernels->network_frac);
}

/* n_steps inside a node, in all of which every rank sends `bytes`. */
static struct stage inner(const struct ls_fabric *fabric, double launch_s, double n_steps, double bytes, double frac)
{
    return (struct stage){launch_s, n_steps, fabric->link_latency, link_seconds(fabric, bytes, frac), 0.0, false};
}

/* n_steps between nodes, in all of which every node sends `bytes`. */
static struct stage outer(const struct ls_fabric *fabric, double launch_s, double n_steps, double bytes)
{
    return (struct stage){launch_s, n_steps, fabric->nic_latency, 0.0, nic_seconds(fabric, bytes), false};
}

/* n_steps around all ranks, in all of which each sends `bytes` to its neighbour, one pair a node over the NICs. */
static struct stage around(const struct ls_fabric *fabric, double n_steps, double bytes, double frac)
{
    struct stage stage = inner(fabric, fabric->kernels->launch_s, n_steps, bytes, frac);
    if (fabric->per_node <= 1.0)
        stage.link_s = 0.0;
    if (fabric->nodes > 1.0) {
        stage.nic_s = nic_seconds(fabric, bytes);
        stage.latency_s = fmax(stage.latency_s, fabric->nic_latency);
    }
    return stage;
}

static struct ls_collective_cost single(const struct ls_fabric *fabric, struct stage stage)
{
    struct ls_collective_cost cost = {0};
    add_stage(&cost, fabric, stage);
    return cost;
}

/* --- all-reduce --- */

/* Reduce-scatter and all-gather around a ring: 2 (p − 1) steps of n / p bytes (Patarasuk and Yuan 2009). */
static struct ls_collective_cost ring_all_reduce(const struct ls_fabric *fabric, double bytes)
{
    const double n_steps = 2.0 * (fabric->p - 1.0);
    return single(fabric, around(fabric, n_steps, n_steps * bytes / fabric->p, fabric->kernels->all_reduce_frac));
}

/* Double binary tree (Sanders, Speck and Träff 2009): up and down log2 p levels, every rank sending the buffer twice.
 */
static struct ls_collective_cost tree_all_reduce(const struct ls_fabric *fabric, double bytes)
{
    const double n_steps = 2.0 * ceil(log2(fabric->p));
    return single(fabric, around(fabric, n_steps, 2.0 * bytes, fabric->kernels->all_reduce_frac));
}

/* The switch adds up and multicasts: a GPU sends the buffer once, and its share of the result. */
static struct ls_collective_cost switch_all_reduce(const struct ls_fabric *fabric, double bytes)
{
    const struct ls_collective_kernels *kernels = fabric->kernels;
    const double sent = bytes * (1.0 + 1.0 / fabric->p);
    return single(fabric, inner(fabric, kernels->switch_launch_s, 2.0, sent, kernels->switch_frac));
}

/* The engine's own kernels: each rank reads all buffers, or reduces its share and then gathers the others'. */
static struct ls_collective_cost direct_all_reduce(const struct ls_fabric *fabric, double bytes, bool two_shot)
{
    const struct ls_collective_kernels *kernels = fabric->kernels;
    const double others = fabric->p - 1.0;
    const double launch_s = kernels->direct_launch_s + (fabric->p - 2.0) * kernels->direct_rank_s;
    const double read = two_shot ? 2.0 * others / fabric->p * bytes : others * bytes;
    const double frac = two_shot ? kernels->two_shot_frac : kernels->one_shot_frac;
    struct stage stage = inner(fabric, launch_s, two_shot ? 2.0 : 1.0, read, frac);
    stage.latency_s = two_shot ? 0.5 * fabric->link_latency : 0.0;
    stage.direct = true;
    return single(fabric, stage);
}

/* Reduce-scatter inside the node, all-reduce of each share across nodes, all-gather inside. */
static struct ls_collective_cost hierarchical_all_reduce(const struct ls_fabric *fabric, double bytes)
{
    struct ls_collective_cost cost = {0};
    const struct ls_collective_kernels *kernels = fabric->kernels;
    const double inside = fabric->per_node - 1.0;
    const double across = 2.0 * (fabric->nodes - 1.0);
    const double share = inside / fabric->per_node * bytes;
    add_stage(&cost, fabric, inner(fabric, kernels->launch_s, inside, share, kernels->all_reduce_frac));
    add_stage(&cost, fabric, outer(fabric, 0.0, across, across * bytes / fabric->nodes));
    add_stage(&cost, fabric, inner(fabric, 0.0, inside, share, kernels->all_reduce_frac));
    return cost;
}

static void keep_faster(struct ls_collective_cost *best, struct ls_collective_cost other)
{
    if (ls_collective_seconds(&other) < ls_collective_seconds(best))
        *best = other;
}

static struct ls_collective_cost all_reduce(const struct ls_fabric *fabric, double bytes)
{
    const struct ls_collective_kernels *kernels = fabric->kernels;
    struct ls_collective_cost cost = ring_all_reduce(fabric, bytes);
    keep_faster(&cost, tree_all_reduce(fabric, bytes));
    if (fabric->nodes > 1.0) {
        if (fabric->per_node > 1.0)
            keep_faster(&cost, hierarchical_all_reduce(fabric, bytes));
        return cost;
    }
    if (fabric->one_switch && kernels->switch_frac > 0.0)
        keep_faster(&cost, switch_all_reduce(fabric, bytes));
    const bool direct = !fabric->nccl_only && bytes <= kernels->direct_max_bytes;
    if (direct && kernels->one_shot_frac > 0.0)
        keep_faster(&cost, direct_all_reduce(fabric, bytes, false));
    if (direct && kernels->two_shot_frac > 0.0)
        keep_faster(&cost, direct_all_reduce(fabric, bytes, true));
    return cost;
}

/* --- the others --- */

/* The kernel also copies the share that a rank keeps for itself, in its own memory. */
static double launch_and_copy(const struct ls_fabric *fabric, double bytes)
{
    return fabric->kernels->launch_s + 2.0 * bytes / fabric->p / fabric->memory_bandwidth;
}

/* All-gather, and reduce-scatter, its mirror image: a ring of all ranks, or the shares of each rail between nodes first
 * and then the nodes' results inside. */
static struct ls_collective_cost all_gather(const struct ls_fabric *fabric, double bytes)
{
    const double frac = fabric->kernels->gather_frac;
    const double n_steps = fabric->p - 1.0;
    struct stage ring = around(fabric, n_steps, n_steps * bytes / fabric->p, frac);
    ring.launch_s = launch_and_copy(fabric, bytes);
    struct ls_collective_cost cost = single(fabric, ring);
    if (fabric->nodes <= 1.0 || fabric->per_node <= 1.0)
        return cost;
    struct ls_collective_cost hierarchical = {0};
    const double across = fabric->nodes - 1.0;
    const double inside = fabric->per_node - 1.0;
    add_stage(&hierarchical, fabric, outer(fabric, ring.launch_s, across, across * bytes / fabric->nodes));
    add_stage(&hierarchical, fabric, inner(fabric, 0.0, inside, inside * bytes / fabric->per_node, frac));
    keep_faster(&cost, hierarchical);
    return cost;
}

/* Every rank sends 1/p of its buffer to each other one, all at once: what stays in the node over the GPU's link, what
 * leaves it over the NICs. */
static struct ls_collective_cost all_to_all(const struct ls_fabric *fabric, double bytes)
{
    const double share = bytes / fabric->p;
    const double stays = share * (fabric->per_node - 1.0) * fabric->detour;
    const double leaves = share * (fabric->p - fabric->per_node) * fabric->per_node;
    struct stage stage = inner(fabric, launch_and_copy(fabric, bytes), 1.0, stays, fabric->kernels->all_to_all_frac);
    if (fabric->nodes > 1.0) {
        stage.latency_s = fmax(stage.latency_s, fabric->nic_latency);
        stage.nic_s = nic_seconds(fabric, leaves);
    }
    return single(fabric, stage);
}

/* One message between two ranks; between nodes it has one NIC for itself. */
static struct ls_collective_cost send_recv(const struct ls_cluster *cluster, const struct ls_fabric *fabric,
                                           double bytes)
{
    const struct ls_collective_kernels *kernels = fabric->kernels;
    if (fabric->nodes <= 1.0) {
        const double link_s = bytes / (fabric->pair_bandwidth * kernels->send_frac);
        return single(fabric, (struct stage){kernels->launch_s, 1.0, fabric->link_latency, link_s, 0.0, false});
    }
    const double nic_s = bytes / (cluster->inter_node.bandwidth_bytes_per_s * kernels->network_frac);
    struct ls_collective_cost cost =
        single(fabric, (struct stage){kernels->launch_s, 1.0, fabric->nic_latency, 0.0, nic_s, false});
    cost.phases[0].nic_s /= (double)cluster->nics_per_node;
    return cost;
}

static struct ls_collective_cost computed_cost(const struct ls_cluster *cluster, enum ls_collective collective,
                                               const struct ls_group *group, double bytes)
{
    const struct ls_fabric fabric = ls_fabric_make(cluster, group);
    switch (collective) {
    case LS_ALL_REDUCE:
        return all_reduce(&fabric, bytes);
    case LS_ALL_GATHER:
    case LS_REDUCE_SCATTER:
        return all_gather(&fabric, bytes);
    case LS_ALL_TO_ALL:
        return all_to_all(&fabric, bytes);
    case LS_SEND_RECV:
        return send_recv(cluster, &fabric, bytes);
    }
    assert(!"a collective is one of those above");
    return (struct ls_collective_cost){0};
}

/* The same steps, stretched to last `seconds` in all. */
static void stretch(struct ls_collective_cost *cost, double seconds)
{
    const double factor = seconds / ls_collective_seconds(cost);
    for (int i = 0; i < cost->n_phases; i++) {
        cost->phases[i].step_s *= factor;
        cost->phases[i].nic_s *= factor;
        cost->phases[i].link_s *= factor;
    }
}

struct ls_collective_cost ls_collective_cost(const struct ls_cluster *cluster, enum ls_collective collective,
                                             const struct ls_group *group, double bytes)
{
    if (group->size <= 1)
        return (struct ls_collective_cost){0};
    struct ls_collective_cost cost = computed_cost(cluster, collective, group, bytes);
    if (cluster->hardware.table) {
        const double measured_s = ls_table_collective_seconds(&cluster->hardware, collective, group, bytes);
        if (!isnan(measured_s))
            stretch(&cost, measured_s);
    }
    return cost;
}

double ls_collective_seconds(const struct ls_collective_cost *cost)
{
    double seconds = 0.0;
    for (int i = 0; i < cost->n_phases; i++)
        seconds += (double)cost->phases[i].n_steps * cost->phases[i].step_s;
    return seconds;
}
