#ifndef LS_ENGINE_SERVING_LOW_TANDEM_H
#define LS_ENGINE_SERVING_LOW_TANDEM_H

#include "engine/metrics.h"
#include "engine/scenario.h"
#include "engine/sim/arena.h"

/* Separate pools for prompts and decodes (deployment/handover.h), each in its own steady state: what leaves the first
 * one comes to the second as it came, and loads it no less. TTFT is the first one's. Then a request waits for the
 * second one's front end, a slot, the pass that admits it, its KV cache's transfer and the pass that it joins, on
 * average half of a pass each where one is under way; TPOT is that with the passes that it decodes in. What can be
 * served is what both pools can. */

/* Estimate the metrics of a feasible scenario of two pools, by enum ls_pool_role, memory metrics excepted. Memory comes
 * from `arena`. */
LS_NODISCARD enum ls_status ls_low_run_pools(const struct ls_scenario *scenario, const struct ls_scenario *pools,
                                             const int64_t *kv_blocks, struct ls_arena *arena,
                                             struct ls_metrics *metrics, struct ls_err *err);

#endif
