#ifndef LS_ENGINE_SERVING_DEPLOYMENT_DISAGGREGATION_H
#define LS_ENGINE_SERVING_DEPLOYMENT_DISAGGREGATION_H

#include "engine/scenario.h"

/* engine.disaggregation: a pool for prompts and a pool for decodes, each with its own strategy and perhaps hardware,
 * and the engine's other settings in common. Pools of the cluster's GPUs share its nodes: the decode pool begins where
 * the prefill pool ends, at a GPU where its replicas do not straddle nodes needlessly. A pool with hardware of its own
 * has nodes of its own, and then so has the other. */

/* Fill what is null in the options of a disaggregated scenario, whose cluster and engine are resolved and whose
 * expert_tp is as given. LS_INPUT when only one pool has replicas, or keys are given that need them. */
LS_NODISCARD enum ls_status ls_disaggregation_resolve(struct ls_scenario *scenario, struct ls_err *err);

/* The scenario of one pool of a resolved disaggregated one: a deployment of one pool. */
void ls_disaggregation_pool(const struct ls_scenario *scenario, enum ls_pool_role role, struct ls_scenario *pool);

/* Whether the cluster has nodes for both pools. */
bool ls_disaggregation_fits(const struct ls_scenario *scenario);

#endif
