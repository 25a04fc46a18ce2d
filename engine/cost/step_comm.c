#include "engine/cost/step_comm.h"

#include <assert.h>
#include <math.h>

#include "engine/cost/table_cost.h"
#include "engine/sim/clock.h"

/* Steps are rounded; where they are no events of their own, a phase is one step of the same length. */
static struct ls_comm round_comm(const struct ls_collective_cost *seconds, bool steps)
{
    struct ls_comm comm = {.n_phases = seconds->n_phases};
    for (int i = 0; i < seconds->n_phases; i++) {
        const struct ls_phase *phase = &seconds->phases[i];
        const int64_t merged = steps ? 1 : phase->n_steps;
        comm.phases[i] = (struct ls_comm_phase){
            .n_steps = phase->n_steps / merged,
            .step_ps = merged * ls_ps_from_s(phase->step_s),
            .nic_ps = merged * ls_ps_from_s(phase->nic_s),
            .link_ps = merged * ls_ps_from_s(phase->link_s),
        };
    }
    return comm;
}

struct ls_comm ls_step_collective(const struct ls_step_cost *cost, enum ls_collective kind,
                                  const struct ls_group *group, double bytes)
{
    const struct ls_hardware *hardware = &cost->cluster->hardware;
    if (hardware->table && ls_table_misses_collective(hardware, kind, group, bytes))
        ++*cost->n_extrapolated;
    const struct ls_collective_cost seconds = ls_collective_cost(cost->cluster, kind, group, bytes);
    return round_comm(&seconds, cost->cluster->collective_steps);
}

int64_t ls_comm_ps(const struct ls_comm *comm)
{
    int64_t sum = 0;
    assert(comm->n_phases <= LS_MAX_PHASES);
    for (int i = 0; i < comm->n_phases; i++)
        sum += comm->phases[i].n_steps * comm->phases[i].step_ps;
    return sum;
}

int64_t ls_comm_nic_ps(const struct ls_comm *comm)
{
    int64_t sum = 0;
    assert(comm->n_phases <= LS_MAX_PHASES);
    for (int i = 0; i < comm->n_phases; i++)
        sum += comm->phases[i].n_steps * comm->phases[i].nic_ps;
    return sum;
}

static double activation_bytes(const struct ls_step_cost *cost, double n_tok)
{
    return n_tok * (double)cost->model->hidden_size * ls_dtype_bytes(cost->formats.activation);
}

/* What a block's output takes for n_tok tokens. */
static double output_bytes(const struct ls_step_cost *cost, enum ls_block_kind block, double n_tok)
{
    const double stated = cost->model->stated.block[block].output_bytes;
    return isnan(stated) ? activation_bytes(cost, n_tok) : n_tok * stated;
}

struct ls_comm ls_attention_comm(const struct ls_step_cost *cost, int64_t n_tok)
{
    return ls_step_collective(cost, LS_ALL_REDUCE, &cost->tp, output_bytes(cost, LS_BLOCK_ATTENTION, (double)n_tok));
}

/* What the busiest GPU receives in dispatch or sends in combine: its share of the tokens, each for the distinct shards
 * among its top-k experts, when every shard holds as many. */
static double all_to_all_bytes(const struct ls_step_cost *cost, int64_t n_tok)
{
    const struct ls_shard *shard = &cost->shard;
    const double share = (double)shard->expert_tp / (double)shard->tp;
    const double shards = (double)(shard->tp * shard->ep) / (double)shard->expert_tp;
    const double copies = ls_expected_distinct_experts(shards, 1.0, (double)cost->model->num_experts_per_tok);
    const double imbalance = ls_routing_load(&cost->routing, cost->model, n_tok * shard->ep).imbalance;
    return activation_bytes(cost, (double)n_tok * share * copies * imbalance);
}

int ls_mlp_comms_before(const struct ls_step_cost *cost, bool moe, int64_t n_tok, struct ls_comm comms[LS_MAX_COMMS])
{
    if (!moe || cost->shard.ep == 1)
        return 0;
    comms[0] = ls_step_collective(cost, LS_ALL_TO_ALL, &cost->experts, all_to_all_bytes(cost, n_tok));
    return 1;
}

int ls_mlp_comms_after(const struct ls_step_cost *cost, bool moe, int64_t n_tok, struct ls_comm comms[LS_MAX_COMMS])
{
    const double bytes = output_bytes(cost, LS_BLOCK_MLP, (double)n_tok);
    if (!moe || cost->shard.ep == 1) {
        comms[0] = ls_step_collective(cost, LS_ALL_REDUCE, &cost->tp, bytes);
        return 1;
    }
    int n = 0;
    comms[n++] = ls_step_collective(cost, LS_ALL_TO_ALL, &cost->experts, all_to_all_bytes(cost, n_tok));
    if (cost->shard.expert_tp > 1) { /* the partial sums of an expert's slices */
        const struct ls_group slices = {cost->shard.expert_tp, cost->tp.nodes, cost->tp.ranks_per_node};
        comms[n++] =
            ls_step_collective(cost, LS_ALL_REDUCE, cost->shard.expert_tp == cost->shard.tp ? &cost->tp : &slices,
                               bytes * (double)cost->shard.expert_tp / (double)cost->shard.tp);
    }
    if (cost->expert_gather.size > 1)
        comms[n++] = ls_step_collective(cost, LS_ALL_GATHER, &cost->expert_gather, bytes);
    return n;
}

/* vLLM sends hidden states and residual, each tensor rank its slice, which the receivers gather (send_tensor_dict with
 * all_gather_group, vllm/distributed/parallel_state.py). */
int ls_send_comms(const struct ls_step_cost *cost, bool between_nodes, int64_t n_tok,
                  struct ls_comm comms[LS_MAX_COMMS])
{
    const struct ls_group pair = {2, between_nodes ? 2 : 1, between_nodes ? 1 : 2};
    const double bytes = 2.0 * activation_bytes(cost, (double)n_tok);
    comms[0] = ls_step_collective(cost, LS_SEND_RECV, &pair, bytes / (double)cost->shard.tp);
    comms[1] = ls_step_collective(cost, LS_ALL_GATHER, &cost->tp, bytes);
    return cost->shard.tp > 1 ? 2 : 1;
}
