#ifndef LS_ENGINE_COST_PRICE_H
#define LS_ENGINE_COST_PRICE_H

#include "engine/cost/step_cost.h"

/* Operators of a step in picoseconds, each rounded once. Counts those that a table of measured kernels should have held
 * in cost->n_extrapolated. */
int64_t ls_price_op(const struct ls_step_cost *cost, const struct ls_op *op);
int64_t ls_price_ops(const struct ls_step_cost *cost, const struct ls_op *ops, size_t n);

/* The prompts' attention of a batch, as the engine runs it. */
size_t ls_price_prompt_ops(const struct ls_step_cost *cost, const struct ls_batch *batch, bool sliding,
                           struct ls_op ops[LS_MAX_OPS]);

/* Decode attention as its context grows. */
struct ls_segment ls_price_decode(const struct ls_step_cost *cost, const struct ls_op *op);

#endif
