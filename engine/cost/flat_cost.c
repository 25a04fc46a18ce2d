#include "engine/cost/flat_cost.h"

#include <math.h>

bool ls_flat_applies(const struct ls_hardware *hardware)
{
    return hardware->mfu > 0.0 && hardware->mbu > 0.0; /* null is NaN */
}

static double compute_seconds(const struct ls_hardware *hardware, double peak, const struct ls_op *op)
{
    return ls_op_flop(op) / (peak * hardware->mfu);
}

static double memory_seconds(const struct ls_hardware *hardware, const struct ls_op *op)
{
    return ls_op_bytes(op) / (hardware->memory_bandwidth_bytes_per_s * hardware->mbu);
}

double ls_flat_seconds(const struct ls_hardware *hardware, double peak, const struct ls_op *op)
{
    const double factor = op->kind == LS_OP_STATED ? op->path_factor : 1.0;
    return factor * fmax(compute_seconds(hardware, peak, op), memory_seconds(hardware, op));
}

/* Both are affine in the context: queries and results move without any, arithmetic starts from nothing. */
struct ls_segment ls_flat_decode_segment(const struct ls_hardware *hardware, double peak, const struct ls_op *op)
{
    struct ls_op none = *op, one = *op;
    none.n_context = none.n_pairs = 0.0;
    one.n_context = one.n_pairs = 1.0;
    const double base_s = memory_seconds(hardware, &none);
    const double memory_s = memory_seconds(hardware, &one) - base_s;
    const double compute_s = compute_seconds(hardware, peak, &one);
    const double crossing = compute_s > memory_s ? base_s / (compute_s - memory_s) : (double)INFINITY;
    if (op->n_context < crossing)
        return (struct ls_segment){.base_s = base_s, .slope_s = memory_s, .until = crossing};
    return (struct ls_segment){.base_s = 0.0, .slope_s = compute_s, .until = (double)INFINITY};
}
