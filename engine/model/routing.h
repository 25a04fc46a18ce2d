#ifndef LS_ENGINE_MODEL_ROUTING_H
#define LS_ENGINE_MODEL_ROUTING_H

#include "engine/model/model.h"
#include "engine/model/operator.h"
#include "engine/sim/distribution.h"

/* How tokens spread over experts, and the experts over the GPUs that hold them. The slowest GPU sets the pace. */

/* engine.expert_imbalance, of which one says how; all null: the preset does. */
struct ls_expert_imbalance {
    int32_t balanced;         /* every expert is chosen alike */
    double power_law;         /* exponent of the density of the experts' loads; NaN: none */
    struct ls_dist histogram; /* `file`, `column` and samples: how often each expert was chosen, in their order */
};

extern const struct ls_param_table ls_expert_imbalance_params;

/* Whether every expert is chosen alike, once resolved. */
bool ls_expert_imbalance_is_balanced(const struct ls_expert_imbalance *imbalance);

/* The power law of a preset where nothing is given and the model's experts are few enough for one. */
void ls_expert_imbalance_complete(struct ls_expert_imbalance *imbalance, const struct ls_model *model,
                                  double power_law);

/* LS_INPUT when more than one is given, or a histogram that is not of the model's experts. */
LS_NODISCARD enum ls_status ls_expert_imbalance_check(const struct ls_expert_imbalance *imbalance,
                                                      const struct ls_model *model, struct ls_err *err);

enum { LS_N_ROUTING_POINTS = 17, LS_ROUTING_STEP = 2 };

/* Prepared for a model and its split: loads for 1, 2, 4, … tokens of the expert-parallel group. */
struct ls_routing {
    bool balanced;
    struct ls_expert_load at[LS_N_ROUTING_POINTS];
};

/* Loads of the experts, by how popular they are:
 *   power law   quantiles of a density x^−a from 1 to 200, or to 0.8 · tokens where a pass has more rows than there are
 *               experts, dealt out in whole rows: what a pass hits is then what AIConfigurator's collectors measure
 * expert kernels with (collector/helper.py). How much the fullest GPU has goes by 1 to 200, on experts in random order:
 * the mean over some orders histogram   the counts, on experts in their order; choices are drawn with them Shards hold
 * runs of experts, as vLLM lays them out. With redundant experts copies go to those with the most load for each copy,
 * and from the heaviest on each copy to the shard with the least load that has room, as DeepSeek's EPLB balances them.
 */
void ls_routing_init(struct ls_routing *routing, const struct ls_expert_imbalance *imbalance,
                     const struct ls_model *model, const struct ls_shard *shard);

/* The load for so many tokens of the group, linear between the points. */
struct ls_expert_load ls_routing_load(const struct ls_routing *routing, const struct ls_model *model,
                                      int64_t n_group_tok);

/* Expected number of distinct parts among `parts` equal ones of the experts, such as shards or nodes, that hold any of
 * the experts that one token chooses. Choices are without replacement. Of a model that limits them to some groups of
 * experts (DeepSeek-V3, arXiv 2412.19437, node-limited routing), every chosen group holds its share of them, since
 * groups are chosen by their best experts. */
double ls_routing_parts(const struct ls_model *model, double parts);

#endif
