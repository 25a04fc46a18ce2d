#ifndef LS_ENGINE_COST_OPERATOR_COST_H
#define LS_ENGINE_COST_OPERATOR_COST_H

#include "engine/hardware/hardware.h"
#include "engine/model/operator.h"

/* Seconds of an operator on one GPU, its launch included; the hardware is resolved. Every class of kernels is a
 * roofline whose efficiencies follow from how such kernels work, with the numbers of engine/hardware/kernels.h. An
 * operator that does more never costs less. Products are described in gemm_cost.h, attention in attention_cost.h;
 * operators that only move bytes take launch + bytes / (bandwidth · memory_frac), the delta rule
 * launch + chunks of a sequence · chunk + max(FLOPs / peak, bytes / (bandwidth · memory_frac)), stated operators are
 * the roofline of a large product. Where hardware.mfu and mbu are given, flat_cost.h replaces all that; where hardware
 * has a table of measured kernels, what it holds comes first (table_cost.h). */
double ls_op_seconds(const struct ls_hardware *hardware, const struct ls_op *op);

/* Decode attention of a fixed number of sequences as its context grows: seconds = base_s + slope_s · n_context while
 * n_context < until. The step loop evaluates this at every step; a new segment is asked for when the batch changes or
 * `until` is passed. `op` is a decode operator whose n_context says where to start. */
struct ls_segment {
    double base_s, slope_s, until;
};
struct ls_segment ls_op_decode_segment(const struct ls_hardware *hardware, const struct ls_op *op);

/* Whether the hardware computes with weights of this format (natively, or dequantised to a wider one). */
bool ls_op_dtype_supported(const struct ls_hardware *hardware, enum ls_dtype dtype);

/* The arithmetic peak that it then has, FLOP/s. */
double ls_op_dtype_peak(const struct ls_hardware *hardware, enum ls_dtype dtype);

#endif
