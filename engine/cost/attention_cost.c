#include "engine/cost/attention_cost.h"

#include <math.h>

/* Scores and values are multiplied in 16 bits unless the cache is fp8 and the device can multiply that. */
static double attention_peak(const struct ls_hardware *hardware, enum ls_dtype dtype)
{
    const double *const peak = hardware->peak.by_dtype;
    if (dtype != LS_FP16 && !isnan(peak[LS_BF16]))
        return peak[LS_BF16];
    return isnan(peak[LS_FP16]) ? peak[LS_FP32] : peak[LS_FP16];
}

static bool is_narrow(enum ls_dtype dtype)
{
    return ls_dtype_bytes(dtype) < 2.0;
}

/* Latent attention: keys and values are one vector (decode), or keys are wider than values (prefill). */
static bool is_latent(const struct ls_op *op)
{
    return op->v_head_dim < op->head_dim;
}

/* --- prefill --- */

/* Queries that a block of threads handles at once. */
static const double block_queries = 128.0;

static const struct ls_prefill_kernels *prefill_kernels(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct ls_kernels *kernels = &hardware->kernels[hardware->kernel_library];
    if (is_latent(op))
        return is_narrow(op->dtype) ? &kernels->mla_prefill_fp8 : &kernels->mla_prefill;
    return is_narrow(op->dtype) ? &kernels->prefill_fp8 : &kernels->prefill;
}

static double interpolate(double x, double x0, double y0, double x1, double y1)
{
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0);
}

/* Share of the peak by head dimension: linear between the measured ones, flat beyond. */
static double prefill_frac(const struct ls_prefill_kernels *kernels, double head_dim)
{
    if (head_dim <= 128.0)
        return interpolate(fmax(head_dim, 64.0), 64.0, kernels->frac_64, 128.0, kernels->frac_128);
    return interpolate(fmin(head_dim, 256.0), 128.0, kernels->frac_128, 256.0, kernels->frac_256);
}

double ls_prefill_seconds(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct ls_prefill_kernels *kernels = prefill_kernels(hardware, op);
    const double sms = (double)hardware->sm_count;
    const double width = op->head_dim + op->v_head_dim;
    const double flop_per_s = attention_peak(hardware, op->dtype) * prefill_frac(kernels, op->head_dim);
    const double pair_s = 2.0 * width / flop_per_s;

    const double work_s = op->n_heads * (op->n_pairs + kernels->pad_tok * op->n_query) * pair_s;
    const double blocks = op->n_heads * (op->n_query / block_queries + 0.5 * op->n_seqs);
    const double context = op->n_seqs > 0.0 ? op->n_context / op->n_seqs : 0.0;
    const double queries = op->n_seqs > 0.0 ? fmin(block_queries, op->n_query / op->n_seqs) : 0.0;
    const double longest_s = queries * (context + kernels->pad_tok) * pair_s * sms;
    const double compute_s = fmax(work_s + blocks * kernels->block_s / sms, kernels->longest_frac * longest_s);

    const double bytes =
        2.0 * op->n_query * op->n_heads * width + ls_dtype_bytes(op->dtype) * op->n_context * op->n_kv_heads * width;
    return kernels->launch_s + compute_s + bytes / (hardware->memory_bandwidth_bytes_per_s * kernels->memory_frac);
}

/* --- decode --- */

static const struct ls_decode_kernels *decode_kernels(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct ls_kernels *kernels = &hardware->kernels[hardware->kernel_library];
    if (is_latent(op))
        return is_narrow(op->dtype) ? &kernels->mla_decode_fp8 : &kernels->mla_decode;
    return is_narrow(op->dtype) ? &kernels->decode_fp8 : &kernels->decode;
}

/* Seconds for each token of context: its keys and values read, its scores and sums computed. */
static double decode_slope(const struct ls_hardware *hardware, const struct ls_decode_kernels *kernels,
                           const struct ls_op *op)
{
    const double width = op->head_dim + op->v_head_dim;
    const double bytes = ls_dtype_bytes(op->dtype) * op->n_kv_heads * (is_latent(op) ? op->head_dim : width);
    const double flop = 2.0 * op->n_heads * width;
    return fmax(bytes / (hardware->memory_bandwidth_bytes_per_s * kernels->memory_frac),
                flop / (attention_peak(hardware, op->dtype) * kernels->compute_frac));
}

/* The smooth maximum (1 + x^1.5)^(2/3) of 1 and x, as the polygon through these points: convex and rising, so that its
 * pieces are the affine segments that a step loop needs. Beyond the last point its slope is 1. */
static const double corner_x[] = {0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0};
static const double corner_y[] = {1.0, 1.0816872, 1.2236304, 1.5874011, 2.4472608, 4.3267487, 8.2339994};
enum { N_CORNERS = sizeof corner_x / sizeof *corner_x };

struct ls_segment ls_decode_segment(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct ls_decode_kernels *kernels = decode_kernels(hardware, op);
    const double slope_s = decode_slope(hardware, kernels, op);
    const double fixed_s =
        op->n_seqs * (kernels->sequence_s + op->n_kv_heads * kernels->kv_head_s + op->n_heads * kernels->head_s);
    if (fixed_s <= 0.0)
        return (struct ls_segment){.base_s = kernels->launch_s, .slope_s = slope_s, .until = (double)INFINITY};
    const double x = op->n_context * slope_s / fixed_s;
    int i = 0;
    while (i + 1 < N_CORNERS && x >= corner_x[i + 1])
        i++;
    const bool last = i + 1 == N_CORNERS;
    const double rise = last ? 1.0 : (corner_y[i + 1] - corner_y[i]) / (corner_x[i + 1] - corner_x[i]);
    return (struct ls_segment){
        .base_s = kernels->launch_s + fixed_s * (corner_y[i] - rise * corner_x[i]),
        .slope_s = rise * slope_s,
        .until = last ? (double)INFINITY : corner_x[i + 1] * fixed_s / slope_s,
    };
}
