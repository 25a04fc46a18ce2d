#ifndef LS_ENGINE_COST_FLAT_COST_H
#define LS_ENGINE_COST_FLAT_COST_H

#include <stdbool.h>

#include "engine/cost/operator_cost.h"

/* Every operator at the same share of the device's peaks, hardware.mfu and hardware.mbu, in place of what its kernels
 * reach: seconds = max(FLOPs / (peak · mfu), bytes / (bandwidth · mbu)), and nothing for a launch. It is how the
 * reference documents count. */
bool ls_flat_applies(const struct ls_hardware *hardware);

/* `peak` is the arithmetic peak of the operator's format, FLOP/s. */
double ls_flat_seconds(const struct ls_hardware *hardware, double peak, const struct ls_op *op);

/* Decode attention, as ls_op_decode_segment. */
struct ls_segment ls_flat_decode_segment(const struct ls_hardware *hardware, double peak, const struct ls_op *op);

#endif
