#ifndef LS_ENGINE_COST_LAUNCH_H
#define LS_ENGINE_COST_LAUNCH_H

#include "engine/cost/step_cost.h"

/* A pass without a CUDA graph is launched kernel by kernel, and no layer is faster than the CPU launches it: what its
 * blocks lack counts as the attention block's. Sets step->launched. */
void ls_launch_wait(const struct ls_step_cost *cost, const struct ls_batch *batches, struct ls_step *step);

#endif
