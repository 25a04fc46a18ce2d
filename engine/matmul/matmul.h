#ifndef LS_ENGINE_MATMUL_MATMUL_H
#define LS_ENGINE_MATMUL_MATMUL_H

#include "engine/scenario.h"

/* Products of matrices sharded along their first axis: rows [m, k] times weights [k, n], or through a chain of weights
 * (an MLP's forward pass), or an element-wise sum of two [m, k].
 *
 * The m rows are split over the strategy's dp GPUs where dp divides m, else every GPU computes them all. Weights are on
 * every GPU. Per GPU, with `rows` its share of m:
 *   create = seconds of writing its rows and the weights, a kernel for each matrix
 *   compute = repetitions · (Σ seconds of the products on `rows` rows + dispatch)
 *   gather = all-gather of the last result over the dp GPUs, 0 when it is not split
 *   time = create + compute + gather
 * Matrices are made once and the result is gathered once. All levels of detail are this closed form. */

/* Shapes, and degrees that a product knows. LS_INPUT with the key that is wrong. */
LS_NODISCARD enum ls_status ls_matmul_check(const struct ls_scenario *scenario, struct ls_err *err);

/* Bytes that one GPU needs at once: its rows and the weights throughout; beside them a product's operand and result,
 * or the result and the gathered whole. */
double ls_matmul_bytes(const struct ls_scenario *scenario, int64_t gpus);

/* Fill the metrics of a resolved scenario; LS_REASON_MEMORY_MATMUL, with no metrics but with evaluate_oversized, when a
 * GPU cannot hold its matrices. `speedup` is over one GPU and has no value when that cannot hold them. */
LS_NODISCARD enum ls_reason ls_matmul_run(const struct ls_scenario *scenario, struct ls_metrics *metrics);

#endif
