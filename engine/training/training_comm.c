#include "engine/training/training_comm.h"

#include <math.h>

#include "engine/cost/exchange.h"
#include "engine/training/training_memory.h"

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Of a group whose ranks are neighbours, every `stride`th one, `size` in all. */
static struct ls_group part_of(const struct ls_group *whole, int64_t size, int64_t stride)
{
    const int64_t per_node = smaller(size, larger(1, whole->ranks_per_node / stride));
    return (struct ls_group){size, (size + per_node - 1) / per_node, per_node};
}

static struct ls_group group_at(const struct ls_placement *placement, unsigned dims, int64_t stage)
{
    const int64_t origin[LS_N_DIMS] = {[LS_PP] = stage};
    return ls_placement_group(placement, dims, origin);
}

static struct ls_same same_at(const struct ls_scenario *scenario, const struct ls_placement *placement, unsigned dims,
                              int64_t stage)
{
    const struct ls_group all = group_at(placement, dims, stage);
    const int64_t ways = ls_shard_ways(&scenario->training, all.size);
    return (struct ls_same){all, part_of(&all, ways, 1), part_of(&all, all.size / ways, ways)};
}

struct ls_training_groups ls_training_groups(const struct ls_scenario *scenario, const struct ls_placement *placement,
                                             int64_t stage)
{
    const struct ls_strategy *strategy = &scenario->strategy;
    const struct ls_group plane = group_at(placement, (1u << LS_TP) | (1u << LS_EP), stage);
    struct ls_placement context = *placement;
    context.degree[LS_DP] = scenario->training.context_parallel;
    return (struct ls_training_groups){
        .tensor = group_at(placement, 1u << LS_TP, stage),
        .experts = part_of(&plane, strategy->tp * strategy->ep / strategy->expert_tp, strategy->expert_tp),
        .expert_tp = part_of(&plane, strategy->expert_tp, 1),
        .context = group_at(&context, 1u << LS_DP, stage),
        .data = same_at(scenario, placement, (1u << LS_DP) | (1u << LS_EP), stage),
        .expert_data = same_at(scenario, placement, 1u << LS_DP, stage),
    };
}

/* Of a collective that `at_once` groups on a node run at the same time: where it has fewer NICs than groups, they share
 * them. ls_collective_cost gives each group one NIC at least. */
static double shared_seconds(const struct ls_micro_batch *batch, enum ls_collective collective,
                             const struct ls_group *group, double bytes, double at_once)
{
    const struct ls_cluster *cluster = &batch->scenario->cluster;
    const struct ls_collective_cost cost = ls_collective_cost(cluster, collective, group, bytes);
    const double sharing = fmax(1.0, at_once / (double)cluster->nics_per_node);
    double seconds = ls_collective_seconds(&cost);
    for (int i = 0; i < cost.n_phases; i++) {
        const struct ls_phase *phase = &cost.phases[i];
        /* a send's share of the node's NICs is counted as if it could use them all */
        const double nic_s = collective == LS_SEND_RECV ? phase->nic_s * (double)cluster->nics_per_node : phase->nic_s;
        seconds += (double)phase->n_steps * fmax(0.0, sharing * nic_s - fmax(phase->link_s, nic_s));
    }
    return seconds;
}

/* All groups of a kind communicate at once. */
static double seconds_of(const struct ls_micro_batch *batch, enum ls_collective collective,
                         const struct ls_group *group, double bytes)
{
    const double on_node = (double)batch->scenario->cluster.gpus_per_node / (double)larger(1, group->ranks_per_node);
    return shared_seconds(batch, collective, group, bytes, on_node);
}

static double rows_in(const struct ls_micro_batch *batch, enum ls_dtype dtype)
{
    return (double)batch->tokens * (double)batch->scenario->model.hidden_size * ls_dtype_bytes(dtype);
}

static double row_bytes(const struct ls_micro_batch *batch)
{
    return rows_in(batch, batch->formats.activation);
}

/* What computation of `behind_s` does not hide of a collective, and what that computation loses to it: its kernels hold
 * some of the SMs meanwhile. */
static double left_of(const struct ls_scenario *scenario, double seconds, double behind_s)
{
    const struct ls_hardware *hardware = &scenario->cluster.hardware;
    const double held = fmax(0.0, hardware->training.collective_sms) / (double)hardware->sm_count; /* NaN: none */
    return fmax(0.0, seconds - behind_s) + held * fmin(seconds, behind_s);
}

/* --- Tensor parallelism --- */

/* What is left of `blocks` gathers and scatters beside products that need them, which go piece by piece. */
static double piecewise(const struct ls_micro_batch *batch, double seconds, double behind_s)
{
    return batch->scenario->training.overlap_tensor == LS_OVERLAP_ALL ? left_of(batch->scenario, seconds, behind_s)
                                                                      : seconds;
}

/* `blocks` blocks of a layer; `beside` is what computes them. */
static struct ls_layer_comm tensor_comm(const struct ls_micro_batch *batch, const struct ls_training_groups *groups,
                                        double blocks, const struct ls_pass_cost *beside)
{
    const struct ls_training *training = &batch->scenario->training;
    const bool backward = training->overlap_tensor != LS_OVERLAP_NONE;
    if (!training->sequence_parallel) {
        const double reduce_s = blocks * seconds_of(batch, LS_ALL_REDUCE, &groups->tensor, row_bytes(batch));
        const double forward_s = piecewise(batch, reduce_s, beside->product_s);
        return (struct ls_layer_comm){forward_s,
                                      backward ? left_of(batch->scenario, reduce_s, beside->weight_s) : reduce_s,
                                      forward_s, forward_s / blocks};
    }
    const double gather_s =
        blocks * seconds_of(batch, LS_ALL_GATHER, &groups->tensor, rows_in(batch, batch->formats.weight));
    const double scatter_s = blocks * seconds_of(batch, LS_REDUCE_SCATTER, &groups->tensor, row_bytes(batch));
    const double forward_s = piecewise(batch, gather_s + scatter_s, beside->product_s);
    const double again_s = backward ? left_of(batch->scenario, gather_s, beside->input_s) : 0.0;
    return (struct ls_layer_comm){
        .forward_s = forward_s,
        .backward_s = piecewise(batch, gather_s, beside->product_s) + again_s +
                      (backward ? left_of(batch->scenario, scatter_s, beside->weight_s) : scatter_s),
        .again_s = forward_s,
        .last_s = piecewise(batch, scatter_s, beside->product_s) / blocks,
    };
}

double ls_end_comm(const struct ls_micro_batch *batch, const struct ls_training_groups *groups)
{
    if (!batch->scenario->training.sequence_parallel)
        return 0.5 * seconds_of(batch, LS_ALL_REDUCE, &groups->tensor, row_bytes(batch));
    return seconds_of(batch, LS_REDUCE_SCATTER, &groups->tensor, row_bytes(batch));
}

/* --- Experts --- */

/* Of one micro-batch to the experts and back, `copies_bytes` of chosen copies from the busiest GPU. */
static double exchange_seconds(const struct ls_micro_batch *batch, const struct ls_training_groups *groups,
                               double copies_bytes)
{
    const struct ls_scenario *scenario = batch->scenario;
    if (scenario->training.all_to_all == LS_DISPATCHER_NCCL)
        return 2.0 * seconds_of(batch, LS_ALL_TO_ALL, &groups->experts, copies_bytes);
    const double row_bytes = (double)scenario->model.hidden_size * ls_dtype_bytes(batch->formats.activation);
    const struct ls_token_exchange exchange = {
        .n_rows = copies_bytes / (row_bytes * (double)scenario->model.num_experts_per_tok),
        .row_bytes = row_bytes,
        .shards = (double)ls_shard_expert_shards(&batch->shard),
    };
    double seconds = 0.0;
    for (enum ls_exchange_way way = LS_DISPATCH; way <= LS_COMBINE; way++) {
        const struct ls_collective_cost cost = ls_exchange_cost(
            &scenario->cluster, &scenario->model, LS_EXCHANGE_DEEPEP_HT, way, &groups->experts, &exchange);
        seconds += ls_collective_seconds(&cost);
    }
    return seconds;
}

static double expert_seconds(const struct ls_micro_batch *batch, const struct ls_training_groups *groups)
{
    const struct ls_training *training = &batch->scenario->training;
    const double copies = row_bytes(batch) * (double)batch->scenario->model.num_experts_per_tok;
    const double own = copies / (double)batch->shard.tp * training->expert_imbalance;
    const double shared = own * (double)batch->shard.expert_tp;
    double seconds = exchange_seconds(batch, groups, own) +
                     seconds_of(batch, LS_ALL_GATHER, &groups->expert_tp, shared) +
                     seconds_of(batch, LS_REDUCE_SCATTER, &groups->expert_tp, shared);
    if (!training->sequence_parallel) /* every GPU of tp needs all rows again */
        seconds += seconds_of(batch, LS_ALL_GATHER, &groups->tensor, row_bytes(batch));
    return seconds;
}

static struct ls_layer_comm expert_comm(const struct ls_micro_batch *batch, const struct ls_training_groups *groups,
                                        const struct ls_pass_cost *beside)
{
    const double seconds = expert_seconds(batch, groups);
    if (!batch->scenario->training.overlap_all_to_all)
        return (struct ls_layer_comm){seconds, seconds, seconds, 0.5 * seconds};
    const double forward_s = left_of(batch->scenario, seconds, beside->forward_s);
    return (struct ls_layer_comm){forward_s, left_of(batch->scenario, seconds, beside->backward_s), forward_s,
                                  0.5 * forward_s};
}

/* --- Context parallelism --- */

/* cp − 1 passes on to a neighbour, each beside a cp-th of the attention. */
static double ring_seconds(const struct ls_micro_batch *batch, const struct ls_group *group, double bytes,
                           double attention_s)
{
    const double cp = (double)group->size;
    const struct ls_group pair = {2, group->nodes > 1 ? 2 : 1, group->nodes > 1 ? 1 : 2};
    return (cp - 1.0) * left_of(batch->scenario, seconds_of(batch, LS_SEND_RECV, &pair, bytes), attention_s / cp);
}

static struct ls_layer_comm context_comm(const struct ls_micro_batch *batch, const struct ls_training_groups *groups,
                                         const struct ls_pass_cost *attention)
{
    const struct ls_group *group = &groups->context;
    const double own = ls_own_kv_bytes(batch), all = own * (double)group->size;
    if (group->size <= 1)
        return (struct ls_layer_comm){0};
    if (batch->scenario->training.context_exchange == LS_EXCHANGE_RING) {
        const double forward_s = ring_seconds(batch, group, own, attention->forward_s);
        return (struct ls_layer_comm){forward_s, ring_seconds(batch, group, 2.0 * own, attention->backward_s),
                                      forward_s, 0.0};
    }
    const double gather_s = seconds_of(batch, LS_ALL_GATHER, group, all);
    return (struct ls_layer_comm){gather_s, gather_s + seconds_of(batch, LS_REDUCE_SCATTER, group, all), gather_s, 0.0};
}

/* --- A layer --- */

static void add(struct ls_layer_comm *sum, struct ls_layer_comm other)
{
    sum->forward_s += other.forward_s;
    sum->backward_s += other.backward_s;
    sum->again_s += other.again_s;
    sum->last_s = other.last_s;
}

struct ls_layer_comm ls_layer_comm(const struct ls_micro_batch *batch, const struct ls_training_groups *groups,
                                   bool moe, const struct ls_pass_cost *linear, const struct ls_pass_cost *attention)
{
    const bool shared = moe && batch->scenario->model.n_shared_experts > 0;
    struct ls_layer_comm comm = context_comm(batch, groups, attention);
    add(&comm, tensor_comm(batch, groups, moe && !shared ? 1.0 : 2.0, linear));
    if (moe)
        add(&comm, expert_comm(batch, groups, linear));
    return comm;
}

double ls_send_seconds(const struct ls_micro_batch *batch, const struct ls_training_groups *groups,
                       const struct ls_placement *placement, int64_t from, double behind_s)
{
    const bool crosses = ls_placement_send_crosses(placement, 0, from);
    const struct ls_group pair = {2, crosses ? 2 : 1, crosses ? 1 : 2};
    const struct ls_training *training = &batch->scenario->training;
    const bool scattered = training->sequence_parallel || training->scatter_send;
    const double share = scattered ? 1.0 / (double)batch->shard.tp : 1.0;
    const double senders = (double)smaller(batch->shard.tp * batch->shard.ep, batch->scenario->cluster.gpus_per_node);
    double seconds = shared_seconds(batch, LS_SEND_RECV, &pair, row_bytes(batch) * share, senders);
    if (!training->sequence_parallel && scattered)
        seconds += seconds_of(batch, LS_ALL_GATHER, &groups->tensor, row_bytes(batch));
    seconds *= (double)training->virtual_stages;
    return training->overlap_send ? left_of(batch->scenario, seconds, behind_s) : seconds;
}

/* --- Data parallelism --- */

static double same_seconds(const struct ls_micro_batch *batch, enum ls_collective collective,
                           const struct ls_same *same, double bytes)
{
    if (bytes <= 0.0)
        return 0.0;
    if (collective == LS_ALL_REDUCE)
        return seconds_of(batch, collective, &same->all, bytes);
    const double spread_s = seconds_of(batch, collective, &same->shards, bytes);
    if (collective == LS_ALL_GATHER)
        return spread_s;
    return spread_s + seconds_of(batch, LS_ALL_REDUCE, &same->copies, bytes / (double)same->shards.size);
}

/* A collective over what is not an expert, and one over the experts, one behind the other: an all-reduce over all that
 * have the same parameters; a gather of their shards; or a scatter to the shards, whose copies are then reduced. */
static double over_data(const struct ls_micro_batch *batch, const struct ls_training_groups *groups, int64_t stage,
                        enum ls_collective collective, double bytes_per_parameter)
{
    const struct ls_stage_parameters parameters = ls_stage_parameters(batch->scenario, stage);
    return same_seconds(batch, collective, &groups->data, parameters.shared * bytes_per_parameter) +
           same_seconds(batch, collective, &groups->expert_data, parameters.experts * bytes_per_parameter);
}

/* What is left of a collective that runs layer by layer beside `behind_s`: at least one layer's. */
static double exposed(const struct ls_scenario *scenario, bool overlaps, double seconds, double behind_s)
{
    const double layers = ceil((double)scenario->model.num_hidden_layers / (double)scenario->strategy.pp);
    return overlaps ? fmax(seconds / layers, left_of(scenario, seconds, behind_s)) : seconds;
}

double ls_zero_seconds(const struct ls_micro_batch *batch, const struct ls_training_groups *groups, int64_t stage,
                       bool backward, double behind_s)
{
    const struct ls_training *training = &batch->scenario->training;
    const struct ls_recipe recipe = ls_training_recipe(training);
    double gather_s = 0.0, scatter_s = 0.0;
    if (training->zero_stage >= 3)
        gather_s = over_data(batch, groups, stage, LS_ALL_GATHER, recipe.weight);
    if (training->zero_stage >= 2 && backward)
        scatter_s = over_data(batch, groups, stage, LS_REDUCE_SCATTER, recipe.gradient);
    const double left_s = exposed(batch->scenario, training->overlap_param_gather, gather_s, behind_s);
    const double room_s = behind_s - (training->overlap_param_gather ? gather_s - left_s : 0.0);
    return left_s + exposed(batch->scenario, training->overlap_grad_reduce, scatter_s, fmax(0.0, room_s));
}

static double tied_table_seconds(const struct ls_micro_batch *batch, const struct ls_placement *placement,
                                 int64_t stage)
{
    const struct ls_model *model = &batch->scenario->model;
    const int64_t pp = batch->scenario->strategy.pp;
    if (!model->tie_word_embeddings || pp == 1 || (stage > 0 && stage < pp - 1))
        return 0.0;
    int64_t first[LS_N_DIMS] = {0}, last[LS_N_DIMS] = {[LS_PP] = pp - 1};
    const bool crosses = ls_placement_node(placement, ls_placement_rank(placement, first)) !=
                         ls_placement_node(placement, ls_placement_rank(placement, last));
    const struct ls_group ends = {2, crosses ? 2 : 1, crosses ? 1 : 2};
    const double table = (double)(model->vocab_size * model->hidden_size) / (double)batch->shard.tp;
    return seconds_of(batch, LS_ALL_REDUCE, &ends, table * ls_training_recipe(&batch->scenario->training).gradient);
}

double ls_gradient_seconds(const struct ls_micro_batch *batch, const struct ls_training_groups *groups,
                           const struct ls_placement *placement, int64_t stage, double forward_s, double backward_s)
{
    const struct ls_scenario *scenario = batch->scenario;
    const struct ls_training *training = &scenario->training;
    const struct ls_recipe recipe = ls_training_recipe(training);
    double reduce_s = 0.0, gather_s = 0.0;
    if (training->zero_stage <= 1)
        reduce_s =
            over_data(batch, groups, stage, training->zero_stage ? LS_REDUCE_SCATTER : LS_ALL_REDUCE, recipe.gradient);
    if (training->zero_stage == 1 || training->zero_stage == 2)
        gather_s = over_data(batch, groups, stage, LS_ALL_GATHER, recipe.weight);
    return exposed(scenario, training->overlap_grad_reduce, reduce_s, backward_s) +
           exposed(scenario, training->overlap_param_gather, gather_s, forward_s) +
           tied_table_seconds(batch, placement, stage);
}
