#ifndef LS_ENGINE_COST_LAUNCH_H
#define LS_ENGINE_COST_LAUNCH_H

#include "engine/cost/step_cost.h"

/* Once the shard, groups and formats of *cost are known. */
void ls_launch_init(struct ls_step_cost *cost);

/* A pass without a CUDA graph is launched kernel by kernel, and no block of a layer is faster than the CPU launches its
 * kernels. Sets step->launched. */
void ls_launch_wait(const struct ls_step_cost *cost, const struct ls_batch *batches, struct ls_step *step);

/* CPU time in which a stage's process launches its layers of a pass, one kernel after the other; 0 of a CUDA graph. */
int64_t ls_launch_ps(const struct ls_step_cost *cost, const struct ls_stage *stage, const struct ls_step *step);

/* Whether the CPU launches a pass kernel by kernel: there is no CUDA graph for it. */
bool ls_launch_needed(const struct ls_step_cost *cost, const struct ls_batch *batches);

/* Rows that the matrices of a pass of n_tok tokens have: those of the graph that it replays, if it does. */
int64_t ls_launch_rows(const struct ls_step_cost *cost, int64_t n_tok, bool replayed);

#endif
