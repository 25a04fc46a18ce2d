#include "engine/cost/step_comm.h"

#include <assert.h>
#include <math.h>

#include "engine/cost/exchange.h"
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

/* -- experts -- */

static double row_bytes(const struct ls_step_cost *cost, enum ls_exchange_way way)
{
    const enum ls_dtype dtype = way == LS_DISPATCH ? cost->dispatch : cost->formats.activation;
    return (double)cost->model->hidden_size * ls_dtype_bytes(dtype);
}

/* Tensor ranks share their replica's tokens; the rank with most rows has `imbalance` times the mean. */
static double busiest_rows(const struct ls_step_cost *cost, const struct ls_pass_tok *tok)
{
    const double share = (double)cost->shard.expert_tp / (double)cost->shard.tp;
    return (double)tok->own * share * ls_routing_load(&cost->routing, cost->model, tok->group).imbalance;
}

static struct ls_comm library_exchange(const struct ls_step_cost *cost, enum ls_exchange_library library,
                                       enum ls_exchange_way way, const struct ls_pass_tok *tok)
{
    const struct ls_token_exchange exchange = {busiest_rows(cost, tok), row_bytes(cost, way),
                                               (double)ls_shard_expert_shards(&cost->shard)};
    const struct ls_collective_cost seconds =
        ls_exchange_cost(cost->cluster, cost->model, library, way, &cost->experts, &exchange);
    return round_comm(&seconds, cost->cluster->collective_steps);
}

static enum ls_exchange_library faster_deepep(const struct ls_step_cost *cost, const struct ls_pass_tok *tok)
{
    int64_t ps[2] = {0};
    for (enum ls_exchange_library library = LS_EXCHANGE_DEEPEP_HT; library <= LS_EXCHANGE_DEEPEP_LL; library++) {
        for (enum ls_exchange_way way = LS_DISPATCH; way <= LS_COMBINE; way++) {
            const struct ls_comm comm = library_exchange(cost, library, way, tok);
            ps[library] += ls_comm_ps(&comm);
        }
    }
    return ps[LS_EXCHANGE_DEEPEP_LL] < ps[LS_EXCHANGE_DEEPEP_HT] ? LS_EXCHANGE_DEEPEP_LL : LS_EXCHANGE_DEEPEP_HT;
}

/* Distinct shards among the experts of each token. */
static struct ls_comm nccl_all_to_all(const struct ls_step_cost *cost, enum ls_exchange_way way,
                                      const struct ls_pass_tok *tok)
{
    const double copies = ls_routing_parts(cost->model, (double)ls_shard_expert_shards(&cost->shard));
    return ls_step_collective(cost, LS_ALL_TO_ALL, &cost->experts,
                              busiest_rows(cost, tok) * copies * row_bytes(cost, way));
}

static struct ls_comm exchange(const struct ls_step_cost *cost, enum ls_exchange_way way, const struct ls_pass_tok *tok)
{
    switch ((enum ls_all2all)cost->engine->all2all_backend) {
    case LS_ALL2ALL_ALL_GATHER:
        return ls_step_collective(cost, way == LS_DISPATCH ? LS_ALL_GATHER : LS_REDUCE_SCATTER, &cost->replicas,
                                  (double)tok->group * row_bytes(cost, way) / cost->engine->expert_gather_frac);
    case LS_ALL2ALL_NCCL:
        return nccl_all_to_all(cost, way, tok);
    case LS_ALL2ALL_DEEPEP_HT:
        return library_exchange(cost, LS_EXCHANGE_DEEPEP_HT, way, tok);
    case LS_ALL2ALL_DEEPEP_LL:
        return library_exchange(cost, LS_EXCHANGE_DEEPEP_LL, way, tok);
    case LS_ALL2ALL_DEEPEP_AUTO:
        return library_exchange(cost, faster_deepep(cost, tok), way, tok);
    case LS_ALL2ALL_NVLINK_TWO_SIDED:
        return library_exchange(cost, LS_EXCHANGE_NVLINK_TWO_SIDED, way, tok);
    case LS_ALL2ALL_NVLINK_ONE_SIDED:
        return library_exchange(cost, LS_EXCHANGE_NVLINK_ONE_SIDED, way, tok);
    case LS_N_ALL2ALL:
        break;
    }
    assert(!"a backend is one of those above");
    return (struct ls_comm){0};
}

int ls_mlp_comms_before(const struct ls_step_cost *cost, bool moe, const struct ls_pass_tok *tok,
                        struct ls_comm comms[LS_MAX_COMMS])
{
    if (!moe || cost->shard.ep == 1)
        return 0;
    comms[0] = exchange(cost, LS_DISPATCH, tok);
    return 1;
}

/* What the tensor ranks of a replica add up or gather once their tokens are back. */
static int finish_combine(const struct ls_step_cost *cost, double bytes, struct ls_comm *comms)
{
    int n = 0;
    if (cost->engine->all2all_backend == LS_ALL2ALL_ALL_GATHER) { /* every rank's experts had all tokens */
        if (cost->shard.tp > 1)
            comms[n++] = ls_step_collective(cost, LS_ALL_REDUCE, &cost->tp, bytes);
        return n;
    }
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

int ls_mlp_comms_after(const struct ls_step_cost *cost, bool moe, const struct ls_pass_tok *tok,
                       struct ls_comm comms[LS_MAX_COMMS])
{
    const double bytes = output_bytes(cost, LS_BLOCK_MLP, (double)tok->own);
    if (!moe || cost->shard.ep == 1) {
        comms[0] = ls_step_collective(cost, LS_ALL_REDUCE, &cost->tp, bytes);
        return 1;
    }
    comms[0] = exchange(cost, LS_COMBINE, tok);
    return 1 + finish_combine(cost, bytes, comms + 1);
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
