#include "engine/training/training_memory.h"

#include <math.h>

#include "engine/memory/serving_memory.h"
#include "engine/model/weights.h"
#include "engine/training/micro_batch.h"
#include "engine/training/schedule.h"

/* --- Parameters and their states --- */

struct ls_recipe ls_training_recipe(const struct ls_training *training)
{
    const double gradient = training->gradient_dtype == LS_GRADIENT_FP32 ? 4.0 : 2.0;
    const bool pure = training->precision == LS_PRECISION_PURE_BF16, wide = training->precision == LS_PRECISION_FP32;
    const int32_t moment_dtype = training->moment_dtype != LS_NULL_CHOICE ? training->moment_dtype
                                 : pure                                   ? LS_GRADIENT_BF16
                                                                          : LS_GRADIENT_FP32;
    const double moments = moment_dtype == LS_GRADIENT_FP32 ? 8.0 : 4.0;
    const double master = pure || wide ? 0.0 : 4.0;
    return (struct ls_recipe){wide ? 4.0 : 2.0, gradient, master + moments};
}

static struct ls_shard shard_of(const struct ls_scenario *scenario)
{
    const struct ls_strategy *strategy = &scenario->strategy;
    return (struct ls_shard){strategy->tp, strategy->ep, strategy->expert_tp, 0};
}

/* Of one expert layer on one GPU. */
static double expert_parameters(const struct ls_scenario *scenario)
{
    const struct ls_shard shard = shard_of(scenario);
    const double shards = (double)ls_shard_expert_shards(&shard);
    struct ls_weight weights[LS_MAX_WEIGHTS];
    const size_t n = ls_weights_of_layer(&scenario->model, LS_LAYER_FULL_MOE, weights);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (weights[i].split == LS_SPLIT_EXPERTS)
            sum += weights[i].n_params / (shards * (double)shard.expert_tp);
        else if (weights[i].split == LS_SPLIT_EXPERT_OUT)
            sum += weights[i].n_params / shards;
    }
    return sum;
}

/* Of layers [first, end) and the ends of the model that go with them. */
static struct ls_stage_parameters parameters_of(const struct ls_scenario *scenario, int64_t first, int64_t end,
                                                unsigned ends)
{
    const struct ls_shard shard = shard_of(scenario);
    const struct ls_formats formats = {LS_BF16, LS_BF16, LS_BF16, LS_BF16, LS_BF16, LS_BF16};
    int64_t count[LS_N_LAYER_KINDS];
    ls_model_count_layers(&scenario->model, first, end, count);
    const int64_t n_moe = count[LS_LAYER_FULL_MOE] + count[LS_LAYER_SLIDING_MOE];
    const double experts = n_moe > 0 ? (double)n_moe * expert_parameters(scenario) : 0.0;
    const double all = ls_weight_bytes(&scenario->model, &shard, &formats, first, end, ends) / 2.0;
    return (struct ls_stage_parameters){all - experts, experts};
}

int64_t ls_training_first_layer(const struct ls_scenario *scenario, int64_t stage)
{
    const int64_t n = scenario->model.num_hidden_layers, pp = scenario->strategy.pp;
    if (!scenario->training.ends_as_layers)
        return ls_stage_first_layer(n, pp, stage);
    if (stage == 0 || stage == pp)
        return stage == 0 ? 0 : n;
    return ls_stage_first_layer(n + 2, pp, stage) - 1; /* the embedding is on the first stage */
}

struct ls_stage_parameters ls_stage_parameters(const struct ls_scenario *scenario, int64_t stage)
{
    const unsigned ends =
        (stage == 0 ? LS_STAGE_FIRST : 0u) | (stage == scenario->strategy.pp - 1 ? (unsigned)LS_STAGE_LAST : 0u);
    return parameters_of(scenario, ls_training_first_layer(scenario, stage),
                         ls_training_first_layer(scenario, stage + 1), ends);
}

int64_t ls_shard_ways(const struct ls_training *training, int64_t same)
{
    return training->shard_group == LS_NULL_INT || training->shard_group > same ? same : training->shard_group;
}

double ls_spread_parameters(const struct ls_scenario *scenario, int64_t stage, bool spread)
{
    const struct ls_stage_parameters parameters = ls_stage_parameters(scenario, stage);
    if (!spread)
        return parameters.shared + parameters.experts;
    const int64_t dp = scenario->strategy.dp, ep = scenario->strategy.ep;
    return parameters.shared / (double)ls_shard_ways(&scenario->training, dp * ep) +
           parameters.experts / (double)ls_shard_ways(&scenario->training, dp);
}

/* --- Activations --- */

static double value_bytes(const struct ls_scenario *scenario)
{
    return scenario->training.precision == LS_PRECISION_FP32 ? 4.0 : 2.0;
}

/* Tokens of a micro-batch on one GPU. */
static double tokens_of(const struct ls_training *training)
{
    return (double)(training->micro_batch_size * training->sequence_length) / (double)training->context_parallel;
}

/* GPUs over which sequence parallelism splits the residual stream. */
static double stream_split(const struct ls_scenario *scenario)
{
    return scenario->training.sequence_parallel ? (double)scenario->strategy.tp : 1.0;
}

/* Values of a token that attention keeps on one GPU: queries, keys, values, the input of the output projection, and the
 * latents that every GPU has. */
static double attention_values(const struct ls_scenario *scenario)
{
    const struct ls_model *model = &scenario->model;
    const double tp = (double)scenario->strategy.tp, heads = (double)model->num_attention_heads / tp;
    if (!ls_model_is_mla(model)) {
        const double kv = fmax((double)model->num_key_value_heads / tp, 1.0);
        return 2.0 * (heads + kv) * (double)model->head_dim;
    }
    const double qk = (double)(model->qk_nope_head_dim + model->qk_rope_head_dim);
    const double latent = (double)(model->kv_lora_rank + model->qk_rope_head_dim) +
                          (model->q_lora_rank != LS_NULL_INT ? (double)model->q_lora_rank : 0.0);
    return 2.0 * heads * (qk + (double)model->v_head_dim) + latent;
}

/* Inputs of both products and of what is between them. */
static double mlp_values(const struct ls_model *model, double width)
{
    return width * (model->gated_mlp ? 3.0 : 2.0);
}

/* Bytes of a token in the MLP or the experts of one GPU, the block's own input left out. */
static double block_bytes(const struct ls_scenario *scenario, bool moe)
{
    const struct ls_model *model = &scenario->model;
    const struct ls_strategy *strategy = &scenario->strategy;
    const double tp = (double)strategy->tp, value = value_bytes(scenario);
    if (!moe)
        return mlp_values(model, (double)model->intermediate_size / tp) * value;
    const double width = (double)model->moe_intermediate_size;
    const double rows =
        (double)model->num_experts_per_tok * scenario->training.expert_imbalance * (double)strategy->expert_tp / tp;
    const double row = 2.0 * (double)model->hidden_size + mlp_values(model, width / (double)strategy->expert_tp);
    return rows * row * value + 4.0 * (double)model->n_routed_experts / stream_split(scenario) +
           mlp_values(model, (double)model->n_shared_experts * width / tp) * value;
}

double ls_layer_activation_bytes(const struct ls_scenario *scenario, bool moe, bool scores)
{
    const struct ls_model *model = &scenario->model;
    const struct ls_training *training = &scenario->training;
    const double value = value_bytes(scenario), mask = training->dropout ? 1.0 : 0.0;
    /* inputs of both norms and of the first product of each block; a mask behind each block */
    const double whole = (4.0 * value + 2.0 * mask) * (double)model->hidden_size;
    double own = attention_values(scenario) * value + block_bytes(scenario, moe);
    if (scores) /* softmax, and behind dropout its mask and output */
        own += (double)model->num_attention_heads / (double)scenario->strategy.tp * (double)training->sequence_length *
               (value + mask * (1.0 + value));
    return tokens_of(training) * (whole / stream_split(scenario) + own);
}

/* Of one micro-batch on a stage, and while its backward pass computes layers again. */
struct kept {
    double held, again;
};

static struct kept layers_kept(const struct ls_scenario *scenario, int64_t first, int64_t end)
{
    const struct ls_training *training = &scenario->training;
    const bool unfused = training->attention == LS_ATTENTION_UNFUSED;
    int64_t count[LS_N_LAYER_KINDS];
    ls_model_count_layers(&scenario->model, first, end, count);
    const double n_moe = (double)(count[LS_LAYER_FULL_MOE] + count[LS_LAYER_SLIDING_MOE]);
    const double layers = (double)(end - first);
    if (end == first)
        return (struct kept){0};
    if (training->recompute == LS_RECOMPUTE_NONE || training->recompute == LS_RECOMPUTE_SELECTIVE) {
        const bool scores = unfused && training->recompute == LS_RECOMPUTE_NONE;
        const double again =
            ls_layer_activation_bytes(scenario, false, unfused) - ls_layer_activation_bytes(scenario, false, scores);
        return (struct kept){n_moe * ls_layer_activation_bytes(scenario, true, scores) +
                                 (layers - n_moe) * ls_layer_activation_bytes(scenario, false, scores),
                             again};
    }
    const double whole = n_moe * ls_layer_activation_bytes(scenario, true, unfused) +
                         (layers - n_moe) * ls_layer_activation_bytes(scenario, false, unfused);
    const double every = fmin(layers, training->recompute == LS_RECOMPUTE_FULL ? 1.0 : (double)training->recompute);
    const double input =
        tokens_of(training) * (double)scenario->model.hidden_size * value_bytes(scenario) / stream_split(scenario);
    return (struct kept){training->recompute_share * ceil(layers / every) * input +
                             (1.0 - training->recompute_share) * whole,
                         every * ls_layer_activation_bytes(scenario, n_moe > 0, unfused)};
}

/* Korthikanti et al. 2022, Section 4.3: the embedding's dropout mask; the last norm, the head's input and fp32 logits,
 * which a fused loss keeps in 16 bits.
 */
static double ends_bytes(const struct ls_scenario *scenario, bool first, bool last, double in_flight)
{
    const struct ls_training *training = &scenario->training;
    const double tp = (double)scenario->strategy.tp, split = stream_split(scenario);
    const double tokens = tokens_of(training), hidden = (double)scenario->model.hidden_size;
    const double logit_bytes = training->fused_loss ? value_bytes(scenario) : 4.0;
    double bytes = 0;
    if (first && training->dropout)
        bytes += in_flight * tokens * hidden / split;
    if (last)
        bytes += tokens *
                 (2.0 * hidden * value_bytes(scenario) / split + logit_bytes * (double)scenario->model.vocab_size / tp);
    return bytes;
}

/* --- A stage --- */

/* With ZeRO 3 the weights of a layer and of the next, which is on its way, and the layer's gradients are whole; with
 * ZeRO 2 its gradients. */
static double gathered_bytes(const struct ls_scenario *scenario, int64_t last_layer)
{
    const struct ls_training *training = &scenario->training;
    const struct ls_recipe recipe = ls_training_recipe(training);
    const struct ls_stage_parameters layer = parameters_of(scenario, last_layer, last_layer + 1, 0);
    const double parameters = layer.shared + layer.experts;
    return parameters * ((training->zero_stage >= 3 ? 2.0 * recipe.weight : 0.0) +
                         (training->zero_stage >= 2 ? recipe.gradient : 0.0));
}

/* Keys and values of all tokens, or with a ring those of one more GPU. */
static double exchanged_bytes(const struct ls_scenario *scenario)
{
    const struct ls_training *training = &scenario->training;
    const struct ls_micro_batch batch = ls_micro_batch_of(scenario);
    const double own = ls_own_kv_bytes(&batch), others = (double)training->context_parallel - 1.0;
    return training->context_exchange == LS_EXCHANGE_RING ? fmin(1.0, others) * own : others * own;
}

static struct ls_training_memory stage_memory(const struct ls_scenario *scenario, int64_t stage)
{
    const struct ls_training *training = &scenario->training;
    const struct ls_recipe recipe = ls_training_recipe(training);
    const int64_t pp = scenario->strategy.pp;
    const double in_flight = ls_schedule_in_flight(training->schedule, pp, training->virtual_stages,
                                                   ls_training_micro_batches(scenario), stage);
    const int64_t first = ls_training_first_layer(scenario, stage), end = ls_training_first_layer(scenario, stage + 1);
    const struct kept kept = layers_kept(scenario, first, end);
    struct ls_training_memory memory = {
        .weights_bytes = ls_spread_parameters(scenario, stage, training->zero_stage >= 3) * recipe.weight,
        .gradients_bytes = ls_spread_parameters(scenario, stage, training->zero_stage >= 2) * recipe.gradient,
        .optimizer_bytes = ls_spread_parameters(scenario, stage, training->zero_stage >= 1) * recipe.optimizer,
        .activation_bytes = in_flight * kept.held + ends_bytes(scenario, stage == 0, stage == pp - 1, in_flight),
        .workspace_bytes =
            kept.again + (end > first ? gathered_bytes(scenario, end - 1) : 0.0) + exchanged_bytes(scenario),
        .overhead_bytes = training->overhead_bytes,
    };
    memory.total_bytes = memory.weights_bytes + memory.gradients_bytes + memory.optimizer_bytes +
                         memory.activation_bytes + fmax(memory.workspace_bytes, memory.overhead_bytes);
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
