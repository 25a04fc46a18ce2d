#include "engine/training/training_memory.h"

#include <math.h>

#include "engine/memory/serving_memory.h"
#include "engine/model/operator.h"
#include "engine/training/schedule.h"

struct ls_recipe ls_training_recipe(const struct ls_training *training)
{
    const double gradient = training->gradient_dtype == LS_GRADIENT_FP32 ? 4.0 : 2.0;
    switch (training->precision) {
    case LS_PRECISION_PURE_BF16:
        return (struct ls_recipe){2.0, gradient, 4.0};
    case LS_PRECISION_FP32:
        return (struct ls_recipe){4.0, gradient, 8.0};
    default:
        return (struct ls_recipe){2.0, gradient, 12.0};
    }
}

double ls_stage_parameters(const struct ls_scenario *scenario, int64_t stage)
{
    const struct ls_strategy *strategy = &scenario->strategy;
    const int64_t layers = scenario->model.num_hidden_layers;
    const struct ls_shard shard = {strategy->tp, 1, strategy->tp, 0};
    const struct ls_formats formats = {LS_BF16, LS_BF16, LS_BF16, LS_BF16};
    const unsigned ends =
        (stage == 0 ? LS_STAGE_FIRST : 0u) | (stage == strategy->pp - 1 ? (unsigned)LS_STAGE_LAST : 0u);
    return ls_weight_bytes(&scenario->model, &shard, &formats, ls_stage_first_layer(layers, strategy->pp, stage),
                           ls_stage_first_layer(layers, strategy->pp, stage + 1), ends) /
           2.0;
}

static double value_bytes(const struct ls_scenario *scenario)
{
    return scenario->training.precision == LS_PRECISION_FP32 ? 4.0 : 2.0;
}

/* Tokens of a micro-batch. */
static double tokens_of(const struct ls_training *training)
{
    return (double)(training->micro_batch_size * training->sequence_length);
}

double ls_layer_activation_bytes(const struct ls_scenario *scenario, bool scores)
{
    const struct ls_model *model = &scenario->model;
    const struct ls_training *training = &scenario->training;
    const double tp = (double)scenario->strategy.tp, value = value_bytes(scenario);
    const double hidden = (double)model->hidden_size;
    const double heads = (double)model->num_attention_heads;
    const double q = heads * (double)model->head_dim;
    const double kv = fmax((double)model->num_key_value_heads, tp) * (double)model->head_dim;
    const double mlp = (double)model->intermediate_size * (model->gated_mlp ? 3.0 : 2.0);
    const double mask = training->dropout ? 1.0 : 0.0;
    /* inputs of both norms and of the first product of each block; a mask behind each block */
    const double whole = 4.0 * hidden * value + 2.0 * hidden * mask;
    /* queries, keys, values, input of the output projection; the MLP's intermediates */
    double split = (2.0 * q + 2.0 * kv + mlp) * value;
    if (scores) /* softmax, and behind dropout its mask and output */
        split += heads * (double)training->sequence_length * (value + mask * (1.0 + value));
    return tokens_of(training) * (whole / (training->sequence_parallel ? tp : 1.0) + split / tp);
}

/* Of one micro-batch on a stage, and while its backward pass computes layers again. */
struct kept {
    double held, again;
};

static struct kept layers_kept(const struct ls_scenario *scenario, double layers)
{
    const struct ls_training *training = &scenario->training;
    const bool unfused = training->attention == LS_ATTENTION_UNFUSED;
    if (training->recompute == LS_RECOMPUTE_NONE || training->recompute == LS_RECOMPUTE_SELECTIVE) {
        const bool scores = unfused && training->recompute == LS_RECOMPUTE_NONE;
        const double again = ls_layer_activation_bytes(scenario, unfused) - ls_layer_activation_bytes(scenario, scores);
        return (struct kept){layers * ls_layer_activation_bytes(scenario, scores), again};
    }
    const double every = fmin(layers, training->recompute == LS_RECOMPUTE_FULL ? 1.0 : (double)training->recompute);
    const double input = tokens_of(training) * (double)scenario->model.hidden_size * value_bytes(scenario);
    return (struct kept){ceil(layers / every) * input, every * ls_layer_activation_bytes(scenario, unfused)};
}

/* Korthikanti et al. 2022, Section 4.3: the embedding's dropout mask; the last norm, the head's input and fp32 logits.
 */
static double ends_bytes(const struct ls_scenario *scenario, bool first, bool last, double in_flight)
{
    const struct ls_training *training = &scenario->training;
    const double tp = (double)scenario->strategy.tp, split = training->sequence_parallel ? tp : 1.0;
    const double tokens = tokens_of(training), hidden = (double)scenario->model.hidden_size;
    double bytes = 0;
    if (first && training->dropout)
        bytes += in_flight * tokens * hidden / split;
    if (last)
        bytes +=
            tokens * (2.0 * hidden * value_bytes(scenario) / split + 4.0 * (double)scenario->model.vocab_size / tp);
    return bytes;
}

static double stage_activation_bytes(const struct ls_scenario *scenario, int64_t stage)
{
    const struct ls_training *training = &scenario->training;
    const int64_t pp = scenario->strategy.pp, n = scenario->model.num_hidden_layers;
    const double layers = (double)(ls_stage_first_layer(n, pp, stage + 1) - ls_stage_first_layer(n, pp, stage));
    const double in_flight = ls_schedule_in_flight(training->schedule, pp, training->virtual_stages,
                                                   ls_training_micro_batches(scenario), stage);
    const struct kept kept = layers_kept(scenario, layers);
    return in_flight * kept.held + kept.again + ends_bytes(scenario, stage == 0, stage == pp - 1, in_flight);
}

static struct ls_training_memory stage_memory(const struct ls_scenario *scenario, int64_t stage)
{
    const struct ls_training *training = &scenario->training;
    const struct ls_recipe recipe = ls_training_recipe(training);
    const double parameters = ls_stage_parameters(scenario, stage), dp = (double)scenario->strategy.dp;
    struct ls_training_memory memory = {
        .weights_bytes = parameters * recipe.weight / (training->zero_stage >= 3 ? dp : 1.0),
        .gradients_bytes = parameters * recipe.gradient / (training->zero_stage >= 2 ? dp : 1.0),
        .optimizer_bytes = parameters * recipe.optimizer / (training->zero_stage >= 1 ? dp : 1.0),
        .activation_bytes = stage_activation_bytes(scenario, stage),
        .overhead_bytes = training->overhead_bytes,
    };
    memory.total_bytes = memory.weights_bytes + memory.gradients_bytes + memory.optimizer_bytes +
                         memory.activation_bytes + memory.overhead_bytes;
    return memory;
}

enum ls_reason ls_training_memory(const struct ls_scenario *scenario, struct ls_training_memory *memory)
{
    *memory = stage_memory(scenario, 0);
    for (int64_t stage = 1; stage < scenario->strategy.pp; stage++) {
        const struct ls_training_memory other = stage_memory(scenario, stage);
        if (other.total_bytes > memory->total_bytes)
            *memory = other;
    }
    return memory->total_bytes > scenario->cluster.hardware.memory_bytes ? LS_REASON_MEMORY_TRAINING : LS_REASON_NONE;
}
