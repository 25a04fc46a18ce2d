#ifndef LS_ENGINE_TRAINING_TRAINING_MEMORY_H
#define LS_ENGINE_TRAINING_TRAINING_MEMORY_H

#include "engine/scenario.h"

/* Bytes on the fullest GPU of a training run. */
struct ls_training_memory {
    double weights_bytes, gradients_bytes, optimizer_bytes, activation_bytes, overhead_bytes, total_bytes;
};

/* Bytes that a parameter takes: itself, its gradient, and its optimizer state. */
struct ls_recipe {
    double weight, gradient, optimizer;
};

/* bf16 and fp8: 16-bit weights and fp32 master weights and moments; pure_bf16: bf16 moments alone; fp32: fp32 moments.
 */
struct ls_recipe ls_training_recipe(const struct ls_training *training);

/* Parameters of one GPU of a stage, not cut by ZeRO. */
double ls_stage_parameters(const struct ls_scenario *scenario, int64_t stage);

/* What one layer keeps of one micro-batch for its backward pass, as Korthikanti et al. 2022 (arXiv 2205.05198,
 * Equations 1 to 6) count it, generalised to grouped queries, gated MLPs and models without dropout. With `scores`,
 * those of attention too. */
double ls_layer_activation_bytes(const struct ls_scenario *scenario, bool scores);

/* Memory of a resolved scenario whose shape is feasible: LS_REASON_NONE or LS_REASON_MEMORY_TRAINING. *memory is filled
 * in both cases. */
LS_NODISCARD enum ls_reason ls_training_memory(const struct ls_scenario *scenario, struct ls_training_memory *memory);

#endif
