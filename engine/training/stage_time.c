#include "engine/training/stage_time.h"

#include <math.h>

#include "engine/training/training_memory.h"

static bool is_moe(int kind)
{
    return kind == LS_LAYER_FULL_MOE || kind == LS_LAYER_SLIDING_MOE;
}

static bool is_sliding(int kind)
{
    return kind == LS_LAYER_SLIDING_DENSE || kind == LS_LAYER_SLIDING_MOE;
}

/* Ends of layers that are not computed again, for each layer: one for each input that is kept, or none. */
static double skipped_ends(const struct ls_training *training)
{
    if (!training->recompute_early_stop)
        return 0.0;
    return training->recompute > 0 ? 1.0 / (double)training->recompute : 1.0;
}

/* `n` layers of one kind. */
static void add_layers(const struct ls_micro_batch *batch, const struct ls_training_groups *groups, int kind, double n,
                       struct ls_stage_time *time)
{
    const struct ls_training *training = &batch->scenario->training;
    const struct ls_pass_cost linear = ls_pass_linear(batch, is_moe(kind));
    const struct ls_pass_cost attention = ls_pass_attention(batch, is_sliding(kind));
    const struct ls_layer_comm comm = ls_layer_comm(batch, groups, is_moe(kind), &linear, &attention);
    time->forward_s += n * (linear.forward_s + attention.forward_s);
    time->backward_s += n * (linear.backward_s + attention.backward_s);
    time->forward_comm_s += n * comm.forward_s;
    time->backward_comm_s += n * comm.backward_s;
    time->flop += n * (linear.flop + attention.flop);
    if (training->recompute == LS_RECOMPUTE_SELECTIVE && training->attention == LS_ATTENTION_UNFUSED) {
        time->recompute_s += n * attention.forward_s;
        time->flop += n * attention.forward_flop;
    } else if (training->recompute == LS_RECOMPUTE_FULL || training->recompute > 0) {
        const double skipped = skipped_ends(training), again = n * training->recompute_share;
        time->recompute_s += again * (linear.forward_s + attention.forward_s - skipped * linear.last_s);
        time->backward_comm_s += again * (comm.again_s - skipped * comm.last_s);
        time->flop += again * (linear.forward_flop + attention.forward_flop - skipped * linear.last_flop);
    }
}

static void add_end(const struct ls_pass_cost *end, struct ls_stage_time *time)
{
    time->forward_s += end->forward_s;
    time->backward_s += end->backward_s;
    time->flop += end->flop;
}

static void add_ends(const struct ls_micro_batch *batch, const struct ls_training_groups *groups, int64_t stage,
                     struct ls_stage_time *time)
{
    if (stage == 0) {
        const struct ls_pass_cost embedding = ls_pass_embedding(batch);
        add_end(&embedding, time);
        time->forward_comm_s += ls_end_comm(batch, groups);
    }
    if (stage == batch->scenario->strategy.pp - 1) {
        const struct ls_pass_cost head = ls_pass_head(batch);
        add_end(&head, time);
        time->backward_comm_s += ls_end_comm(batch, groups);
    }
}

void ls_stage_time(const struct ls_scenario *scenario, const struct ls_placement *placement, int64_t stage,
                   struct ls_stage_time *time)
{
    const struct ls_micro_batch batch = ls_micro_batch_of(scenario);
    const struct ls_training_groups groups = ls_training_groups(scenario, placement, stage);
    const int64_t pp = scenario->strategy.pp;
    int64_t count[LS_N_LAYER_KINDS];
    *time = (struct ls_stage_time){0};
    ls_model_count_layers(&scenario->model, ls_training_first_layer(scenario, stage),
                          ls_training_first_layer(scenario, stage + 1), count);
    for (int kind = 0; kind < LS_N_LAYER_KINDS; kind++)
        if (count[kind] > 0)
            add_layers(&batch, &groups, kind, (double)count[kind], time);
    add_ends(&batch, &groups, stage, time);
    const double backward_s = time->recompute_s + time->backward_s;
    time->gradients_s = ls_gradient_seconds(&batch, &groups, placement, stage, time->forward_s, backward_s);
    time->optimizer_s = ls_optimizer_seconds(scenario, stage);
    time->forward_comm_s += ls_zero_seconds(&batch, &groups, stage, false, time->forward_s);
    time->backward_comm_s += ls_zero_seconds(&batch, &groups, stage, true, backward_s);
    if (stage + 1 < pp)
        time->forward_comm_s += ls_send_seconds(&batch, &groups, placement, stage, time->forward_s);
    if (stage > 0)
        time->backward_comm_s += ls_send_seconds(&batch, &groups, placement, stage - 1, backward_s);
}

double ls_optimizer_seconds(const struct ls_scenario *scenario, int64_t stage)
{
    const struct ls_training *training = &scenario->training;
    const struct ls_recipe recipe = ls_training_recipe(training);
    const double copied = recipe.weight < 4.0 && recipe.optimizer > 8.0 ? 4.0 + recipe.weight : recipe.weight;
    const struct ls_op op = {.kind = LS_OP_MEMORY,
                             .name = "adam",
                             .dtype = LS_FP32,
                             .bytes = ls_spread_parameters(scenario, stage, training->zero_stage >= 1) *
                                      (5.0 * recipe.gradient + 2.0 * recipe.optimizer + copied)};
    const struct ls_micro_batch batch = ls_micro_batch_of(scenario);
    return ls_training_op_seconds(&batch, &op);
}
