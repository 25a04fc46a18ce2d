#ifndef LS_ENGINE_TRAINING_TRAINING_MEMORY_H
#define LS_ENGINE_TRAINING_TRAINING_MEMORY_H

#include "engine/scenario.h"

/* Bytes on the fullest GPU of a training run. */
struct ls_training_memory {
    double weights_bytes, gradients_bytes, optimizer_bytes;
    double activation_bytes; /* kept from forward to backward passes */
    double workspace_bytes;  /* what comes and goes: layers computed again, weights that ZeRO 3 gathers, keys and values
                                of other context-parallel GPUs */
    double overhead_bytes;   /* training.overhead, the room for such things: the total has the larger of the two */
    double total_bytes;
};

/* Bytes that a parameter takes: itself, its gradient, and its optimizer state. */
struct ls_recipe {
    double weight, gradient, optimizer;
};

/* bf16 and fp8: 16-bit weights, fp32 master weights and two moments; pure_bf16: two bf16 moments alone; fp32: two
 * fp32 moments. training.moment_dtype puts another format in the moments' place. */
struct ls_recipe ls_training_recipe(const struct ls_training *training);

/* Parameters of one GPU of a stage, not cut by ZeRO: experts are the same on dp GPUs, all else on dp · ep. */
struct ls_stage_parameters {
    double shared, experts;
};

/* The first layer of a stage, the number of layers for stage = pp. With ends_as_layers the embedding and the head count
 * as layers, so that a stage may have none. */
int64_t ls_training_first_layer(const struct ls_scenario *scenario, int64_t stage);

struct ls_stage_parameters ls_stage_parameters(const struct ls_scenario *scenario, int64_t stage);

/* Over how many of `same` GPUs with the same parameters ZeRO spreads them. */
int64_t ls_shard_ways(const struct ls_training *training, int64_t same);

/* How many of them a GPU keeps, cut over those GPUs where `spread`. */
double ls_spread_parameters(const struct ls_scenario *scenario, int64_t stage, bool spread);

/* What one layer keeps of one micro-batch for its backward pass, as Korthikanti et al. 2022 (arXiv 2205.05198,
 * Equations 1 to 6) count it, generalised to grouped queries, latent attention, gated MLPs and models without dropout.
 * With `scores`, those of attention too. An expert layer (`moe`) has in place of the MLP, for each row that its GPU's
 * experts see, the row, their intermediates and their result; and the router's fp32 scores. */
double ls_layer_activation_bytes(const struct ls_scenario *scenario, bool moe, bool scores);

/* Memory of a resolved scenario whose shape is feasible: LS_REASON_NONE or LS_REASON_MEMORY_TRAINING. *memory is filled
 * in both cases. */
LS_NODISCARD enum ls_reason ls_training_memory(const struct ls_scenario *scenario, struct ls_training_memory *memory);

#endif
