#include "engine/cost/operator_cost.h"

#include <assert.h>
#include <math.h>

#include "engine/cost/attention_cost.h"
#include "engine/cost/flat_cost.h"
#include "engine/cost/gemm_cost.h"
#include "engine/cost/table_cost.h"

/* The format in which weights of `dtype` are multiplied: their own where the device has it, else a wider one they are
 * dequantised to while they are read. LS_N_DTYPES when there is none. */
static enum ls_dtype arithmetic_dtype(const struct ls_peaks *peak, enum ls_dtype dtype)
{
    if (!isnan(peak->by_dtype[dtype]))
        return dtype;
    if (dtype == LS_FP8_BLOCK && !isnan(peak->by_dtype[LS_FP8]))
        return LS_FP8;
    const bool widened = ls_dtype_bytes(dtype) < 2.0;
    if (widened && !isnan(peak->by_dtype[LS_BF16]))
        return LS_BF16;
    if (widened && !isnan(peak->by_dtype[LS_FP16]))
        return LS_FP16;
    return LS_N_DTYPES;
}

bool ls_op_dtype_supported(const struct ls_hardware *hardware, enum ls_dtype dtype)
{
    return arithmetic_dtype(&hardware->peak, dtype) != LS_N_DTYPES;
}

/* Of the format, or of 16 or 32 bits where only that is left. */
double ls_op_dtype_peak(const struct ls_hardware *hardware, enum ls_dtype dtype)
{
    static const enum ls_dtype others[] = {LS_BF16, LS_FP16, LS_FP32};
    const double *const peak = hardware->peak.by_dtype;
    const enum ls_dtype arithmetic = arithmetic_dtype(&hardware->peak, dtype);
    if (arithmetic != LS_N_DTYPES)
        return peak[arithmetic];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (!isnan(peak[others[i]]))
            return peak[others[i]];
    return (double)NAN;
}

static enum ls_gemm_format gemm_format(enum ls_dtype dtype)
{
    switch (dtype) {
    case LS_FP8:
        return LS_GEMM_FP8;
    case LS_FP8_BLOCK:
        return LS_GEMM_FP8_BLOCK;
    case LS_INT8:
        return LS_GEMM_INT8;
    case LS_INT4:
        return LS_GEMM_INT4;
    case LS_MXFP4:
        return LS_GEMM_MXFP4;
    case LS_NVFP4:
        return LS_GEMM_NVFP4;
    default:
        return LS_GEMM_BF16;
    }
}

/* Formats that the GPU cannot multiply are widened on the way in, by the kernels for int4 (Marlin, in vLLM). */
static enum ls_gemm_format kernels_for(enum ls_dtype dtype, enum ls_dtype arithmetic)
{
    const bool widened = ls_dtype_bytes(dtype) < ls_dtype_bytes(arithmetic) && dtype != LS_MXFP4;
    return widened ? LS_GEMM_INT4 : gemm_format(dtype);
}

/* Activations are as wide as the arithmetic; results are 16 bits, or 32 when everything is. */
static double gemm_seconds(const struct ls_hardware *hardware, const struct ls_gemm_kernels *formats,
                           const struct ls_op *op)
{
    if (op->m <= 0.0)
        return 0.0;
    const enum ls_dtype arithmetic = arithmetic_dtype(&hardware->peak, op->dtype);
    assert(arithmetic != LS_N_DTYPES);
    const struct ls_gemm gemm = {
        .m = op->m,
        .n = op->n,
        .k = op->k,
        .groups = op->kind == LS_OP_GEMM ? 1.0 : op->groups,
        .loads = op->kind == LS_OP_GROUPED_GEMM ? op->loads : NULL,
        .weight_bytes = ls_dtype_bytes(op->dtype),
        .activation_bytes = ls_dtype_bytes(arithmetic),
        .result_bytes = op->dtype == LS_FP32 ? 4.0 : 2.0,
        .peak_flop_per_s = hardware->peak.by_dtype[arithmetic],
        .sustained_flop_per_s = hardware->sustained.by_dtype[arithmetic],
    };
    return ls_gemm_seconds(hardware, &formats[kernels_for(op->dtype, arithmetic)], &gemm);
}

static double decode_seconds(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct ls_segment segment = ls_op_decode_segment(hardware, op);
    return segment.base_s + segment.slope_s * op->n_context;
}

/* Of such an operator only sizes are known: it runs as a large product of matrices does. */
static double stated_seconds(const struct ls_hardware *hardware, const struct ls_gemm_kernels *kernels,
                             const struct ls_op *op)
{
    double frac = 0.0;
    for (int i = 0; i < LS_N_TILES; i++)
        frac = fmax(frac, kernels->tile_frac[i]);
    const double compute_s = op->flop / (ls_op_dtype_peak(hardware, op->dtype) * frac);
    const double memory_s = op->bytes / (hardware->memory_bandwidth_bytes_per_s * kernels->memory_frac);
    return kernels->launch_s + op->path_factor * fmax(compute_s, memory_s);
}

static double memory_seconds(const struct ls_hardware *hardware, const struct ls_memory_kernels *kernels,
                             const struct ls_op *op)
{
    return kernels->launch_s + op->bytes / (hardware->memory_bandwidth_bytes_per_s * kernels->memory_frac);
}

/* Work of all sequences, then the chain of chunks of the longest one, taken for as long as the others. */
static double delta_seconds(const struct ls_hardware *hardware, const struct ls_delta_kernels *kernels,
                            const struct ls_op *op)
{
    const double compute_s = ls_op_flop(op) / ls_op_dtype_peak(hardware, op->dtype);
    const double memory_s = ls_op_bytes(op) / (hardware->memory_bandwidth_bytes_per_s * kernels->memory_frac);
    const double chunks = ceil(op->n_query / op->n_seqs / LS_DELTA_CHUNK);
    return kernels->launch_s + chunks * kernels->chunk_s + fmax(compute_s, memory_s);
}

struct ls_segment ls_op_decode_segment(const struct ls_hardware *hardware, const struct ls_op *op)
{
    assert(op->kind == LS_OP_ATTENTION_DECODE);
    if (ls_flat_applies(hardware))
        return ls_flat_decode_segment(hardware, ls_op_dtype_peak(hardware, op->dtype), op);
    if (!hardware->table)
        return ls_decode_segment(hardware, op);
    struct ls_segment measured;
    if (ls_table_decode_segment(hardware, op, &measured))
        return measured;
    struct ls_segment computed = ls_decode_segment(hardware, op);
    computed.until = fmin(computed.until, measured.until);
    return computed;
}

static double computed_seconds(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct ls_kernels *kernels = ls_hardware_kernels(hardware);
    switch (op->kind) {
    case LS_OP_GEMM:
        return gemm_seconds(hardware, kernels->gemm, op);
    case LS_OP_GROUPED_GEMM:
        return gemm_seconds(hardware, kernels->grouped_gemm, op);
    case LS_OP_BATCHED_GEMM:
        return gemm_seconds(hardware, kernels->gemm, op);
    case LS_OP_ATTENTION_PREFILL:
        return ls_prefill_seconds(hardware, op);
    case LS_OP_ATTENTION_DECODE:
        return decode_seconds(hardware, op);
    case LS_OP_MEMORY:
        return memory_seconds(hardware, &kernels->memory, op);
    case LS_OP_DELTA_RULE:
        return delta_seconds(hardware, &kernels->delta, op);
    case LS_OP_STATED:
        return stated_seconds(hardware, &kernels->gemm[gemm_format(op->dtype)], op);
    }
    assert(!"an operator has one of the kinds above");
    return (double)NAN;
}

double ls_op_seconds(const struct ls_hardware *hardware, const struct ls_op *op)
{
    if (ls_flat_applies(hardware) && op->kind != LS_OP_ATTENTION_DECODE)
        return ls_flat_seconds(hardware, ls_op_dtype_peak(hardware, op->dtype), op);
    const double measured_s = hardware->table ? ls_table_op_seconds(hardware, op) : (double)NAN;
    return isnan(measured_s) ? computed_seconds(hardware, op) : measured_s;
}
