#include "engine/cost/operator_cost.h"

#include <assert.h>
#include <math.h>

/* The format in which weights of `dtype` are multiplied: their own where the device has it, else a wider one they are
 * dequantised to while they are read. LS_N_DTYPES when there is none. */
static enum ls_dtype arithmetic_dtype(const struct ls_peaks *peak, enum ls_dtype dtype)
{
    if (!isnan(peak->by_dtype[dtype]))
        return dtype;
    const bool widened =
        dtype == LS_FP8 || dtype == LS_INT8 || dtype == LS_INT4 || dtype == LS_NVFP4 || dtype == LS_MXFP4;
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

/* Arithmetic and traffic of a kernel, and in which format it computes. */
struct work {
    double flop;
    double bytes;
    enum ls_dtype arithmetic;
};

/* Activations and results are 16 bits wide, or the weights' width where that is larger. */
static double activation_bytes(enum ls_dtype dtype)
{
    return fmax(2.0, ls_dtype_bytes(dtype));
}

static struct work gemm_work(const struct ls_hardware *hardware, const struct ls_op *op, double n_matrices)
{
    const enum ls_dtype arithmetic = arithmetic_dtype(&hardware->peak, op->dtype);
    assert(arithmetic != LS_N_DTYPES);
    return (struct work){
        .flop = 2.0 * op->m * op->n * op->k,
        .bytes = ls_dtype_bytes(op->dtype) * n_matrices * op->n * op->k +
                 op->m * (ls_dtype_bytes(arithmetic) * op->k + activation_bytes(op->dtype) * op->n),
        .arithmetic = arithmetic,
    };
}

/* Scores and values are computed in 16 bits whatever the cache holds. Keys and values are read once; MLA's latent
 * (head_dim ≠ v_head_dim and one KV head) holds the values inside the keys. */
static struct work attention_work(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const enum ls_dtype arithmetic = arithmetic_dtype(&hardware->peak, op->dtype == LS_FP16 ? LS_FP16 : LS_BF16);
    const bool latent = op->kind == LS_OP_ATTENTION_DECODE && op->n_kv_heads == 1.0 && op->v_head_dim < op->head_dim;
    const double kv_width = latent ? op->head_dim : op->head_dim + op->v_head_dim;
    return (struct work){
        .flop = 2.0 * op->n_pairs * op->n_heads * (op->head_dim + op->v_head_dim),
        .bytes = ls_dtype_bytes(op->dtype) * op->n_context * op->n_kv_heads * kv_width +
                 2.0 * op->n_query * op->n_heads * (op->head_dim + op->v_head_dim),
        .arithmetic = arithmetic == LS_N_DTYPES ? LS_FP16 : arithmetic,
    };
}

static double roofline(const struct ls_hardware *hardware, const struct ls_kernel_class *class, const struct work *work)
{
    const double compute_s = work->flop / (hardware->peak.by_dtype[work->arithmetic] * class->compute_frac);
    const double memory_s =
        (work->bytes + class->ramp_bytes) / (hardware->memory_bandwidth_bytes_per_s * class->memory_frac);
    return fmax(compute_s, memory_s) + class->launch_s;
}

static double gemm_seconds(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct work work = gemm_work(hardware, op, 1.0);
    return roofline(hardware, &hardware->kernels.gemm, &work);
}

static double grouped_gemm_seconds(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct work work = gemm_work(hardware, op, op->groups);
    return roofline(hardware, &hardware->kernels.grouped_gemm, &work);
}

static double prefill_seconds(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct work work = attention_work(hardware, op);
    return roofline(hardware, &hardware->kernels.attention_prefill, &work);
}

/* Bytes and FLOPs both rise in proportion to the context; the larger of the two slopes counts, so the cost is one
 * segment, whatever the context. */
struct ls_segment ls_op_decode_segment(const struct ls_hardware *hardware, const struct ls_op *op)
{
    assert(op->kind == LS_OP_ATTENTION_DECODE);
    const struct ls_kernel_class *class = &hardware->kernels.attention_decode;
    struct ls_op one = *op;
    one.n_query = 0;
    one.n_context = one.n_pairs = 1;
    const struct work work = attention_work(hardware, &one);
    const double bandwidth = hardware->memory_bandwidth_bytes_per_s * class->memory_frac;
    const double query_bytes = 2.0 * op->n_query * op->n_heads * (op->head_dim + op->v_head_dim);
    return (struct ls_segment){
        .base_s = (class->ramp_bytes + query_bytes) / bandwidth + class->launch_s,
        .slope_s =
            fmax(work.bytes / bandwidth, work.flop / (hardware->peak.by_dtype[work.arithmetic] * class->compute_frac)),
        .until = INFINITY,
    };
}

static double decode_seconds(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct ls_segment segment = ls_op_decode_segment(hardware, op);
    return segment.base_s + segment.slope_s * op->n_context;
}

static double memory_seconds(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct ls_kernel_class *class = &hardware->kernels.memory;
    const double bandwidth = hardware->memory_bandwidth_bytes_per_s * class->memory_frac;
    return (op->bytes + class->ramp_bytes) / bandwidth + class->launch_s;
}

double ls_op_seconds(const struct ls_hardware *hardware, const struct ls_op *op)
{
    switch (op->kind) {
    case LS_OP_GEMM:
        return gemm_seconds(hardware, op);
    case LS_OP_GROUPED_GEMM:
        return grouped_gemm_seconds(hardware, op);
    case LS_OP_ATTENTION_PREFILL:
        return prefill_seconds(hardware, op);
    case LS_OP_ATTENTION_DECODE:
        return decode_seconds(hardware, op);
    case LS_OP_MEMORY:
        return memory_seconds(hardware, op);
    }
    assert(!"an operator has one of the kinds above");
    return NAN;
}
