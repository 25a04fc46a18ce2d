#include "engine/cost/attention_cost.h"

#include <math.h>
#include <stdbool.h>

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

static double interpolate(double x, double x0, double y0, double x1, double y1)
{
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0);
}

/* A share known at three head dimensions: linear between them, flat beyond. */
static double by_head_dim(double head_dim, double at_64, double at_128, double at_256)
{
    if (head_dim <= 128.0)
        return interpolate(fmax(head_dim, 64.0), 64.0, at_64, 128.0, at_128);
    return interpolate(fmin(head_dim, 256.0), 128.0, at_128, 256.0, at_256);
}

/* --- prefill --- */

/* Queries that a block of threads handles at once. */
static const double block_queries = 128.0;

static const struct ls_prefill_kernels *prefill_kernels(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct ls_kernels *kernels = ls_hardware_kernels(hardware);
    if (is_latent(op))
        return &kernels->mla_prefill;
    return is_narrow(op->dtype) ? &kernels->prefill_fp8 : &kernels->prefill;
}

/* Pairs of the last block of a chunk: its queries attend to the whole context, or to the window when that is what twice
 * the mean amounts to. */
static double longest_block_pairs(const struct ls_op *op, double pad_tok)
{
    if (op->n_seqs <= 0.0 || op->n_query <= 0.0)
        return 0.0;
    const double attended = fmin(op->n_context / op->n_seqs, 2.0 * op->n_pairs / op->n_query);
    return fmin(block_queries, op->n_query / op->n_seqs) * (attended + pad_tok);
}

/* Of one query and one key, in one head. */
static double pair_seconds(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct ls_prefill_kernels *kernels = prefill_kernels(hardware, op);
    const double frac = by_head_dim(op->head_dim, kernels->frac_64, kernels->frac_128, kernels->frac_256);
    return 2.0 * (op->head_dim + op->v_head_dim) / (attention_peak(hardware, op->dtype) * frac);
}

double ls_prefill_seconds(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct ls_prefill_kernels *kernels = prefill_kernels(hardware, op);
    const double sms = (double)hardware->sm_count;
    const double width = op->head_dim + op->v_head_dim;
    const double pair_s = pair_seconds(hardware, op);

    const double work_s = op->n_heads * (op->n_pairs + kernels->pad_tok * op->n_query) * pair_s;
    const double blocks = op->n_heads * fmax(op->n_query / block_queries, op->n_seqs);
    const double longest_s = longest_block_pairs(op, kernels->pad_tok) * pair_s * sms;
    const double compute_s = work_s + blocks * kernels->block_s / sms + kernels->longest_frac * longest_s;

    const double kv_row = ls_dtype_bytes(op->dtype) * op->n_kv_heads * width;
    const double earlier = fmax(0.0, op->n_context - op->n_query);
    const double bytes = 2.0 * op->n_query * op->n_heads * width + earlier * kv_row;
    return kernels->launch_s + compute_s +
           (bytes / kernels->memory_frac + op->n_query * kv_row / kernels->kv_frac) /
               hardware->memory_bandwidth_bytes_per_s;
}

/* --- decode --- */

static const struct ls_decode_kernels *decode_kernels(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct ls_kernels *kernels = ls_hardware_kernels(hardware);
    if (is_latent(op))
        return is_narrow(op->dtype) ? &kernels->mla_decode_fp8 : &kernels->mla_decode;
    if (op->n_heads <= op->n_kv_heads)
        return is_narrow(op->dtype) ? &kernels->mha_decode_fp8 : &kernels->mha_decode;
    return is_narrow(op->dtype) ? &kernels->decode_fp8 : &kernels->decode;
}

/* Bytes of keys and values of one KV head for a token; MLA's latent holds the values inside the keys. */
static double head_row_bytes(const struct ls_op *op)
{
    return ls_dtype_bytes(op->dtype) * (is_latent(op) ? op->head_dim : op->head_dim + op->v_head_dim);
}

/* Query heads that a block handles at once. */
static const double head_tile = 64.0;

/* Blocks of one sequence, its context not split. */
static double blocks_per_seq(const struct ls_op *op)
{
    return op->n_kv_heads * ceil(op->n_heads / op->n_kv_heads / head_tile);
}

/* Where partial waves of blocks cost this share of a whole one. */
static const double partial_wave = 0.3;

static double count_waves(double load)
{
    return load <= 1.0 ? 1.0 : partial_wave * ceil(load) + (1.0 - partial_wave) * load;
}

/* What decode attention takes for each token of context: of all sequences together, and of a block. */
struct slopes {
    double reading_s, block_s;
    bool whole;
};

bool ls_pads_mixed_decodes(const struct ls_hardware *hardware)
{
    return hardware->mixed_decode_rows > 0 && hardware->kernel_library == LS_KERNELS_VLLM;
}

/* FlashAttention 2 lets the query heads of a KV head share a block where no sequence has more than one query
 * (seqlenq_ngroups_swapped of mha_varlen_fwd, csrc/flash_attn/flash_api.cpp). Beside prompts, which vLLM runs in the
 * same call, each head of a decode is a block of its own, of 64 queries (kBlockM of run_mha_fwd_splitkv_dispatch). */
static double padded_s(const struct ls_hardware *hardware, const struct ls_op *op)
{
    if (!op->with_prompts || !ls_pads_mixed_decodes(hardware) || is_latent(op))
        return 0.0;
    return op->n_heads * (double)hardware->mixed_decode_rows * pair_seconds(hardware, op);
}

/* Whether query heads share keys. */
static bool is_grouped(const struct ls_op *op)
{
    return op->n_heads > op->n_kv_heads && !is_latent(op);
}

/* Masked multi-head attention (cpp/tensorrt_llm/kernels/decoderMaskedMultiheadAttention) widens the keys and values of
 * a group once more for each query head and multiplies them on the units of fp32. */
static double masked_s(const struct ls_hardware *hardware, const struct ls_op *op, double flop)
{
    if (hardware->decode_attention != LS_DECODE_MASKED || !is_grouped(op))
        return 0.0;
    return flop / (hardware->peak.by_dtype[LS_FP32] * hardware->masked_decode_frac);
}

static struct slopes decode_slopes(const struct ls_hardware *hardware, const struct ls_decode_kernels *kernels,
                                   const struct ls_op *op)
{
    const double flop = 2.0 * op->n_heads * (op->head_dim + op->v_head_dim) * (op->n_query / op->n_seqs);
    const double frac = by_head_dim(op->head_dim, kernels->frac_64, kernels->frac_128, kernels->frac_256);
    struct slopes slopes = {
        .reading_s = fmax(op->n_kv_heads * head_row_bytes(op) / (hardware->memory_bandwidth_bytes_per_s * frac),
                          flop / (attention_peak(hardware, op->dtype) * kernels->compute_frac)),
        .block_s = head_row_bytes(op) / (kernels->block_bandwidth_bytes_per_s * op->n_seqs),
        .whole = hardware->decode_attention != LS_DECODE_MEASURED || kernels->whole > 0.0,
    };
    const double load = op->n_seqs * blocks_per_seq(op) / (double)hardware->sm_count;
    slopes.reading_s = fmax(slopes.reading_s, fmax(padded_s(hardware, op), masked_s(hardware, op, flop)));
    if (hardware->decode_attention != LS_DECODE_MEASURED) /* blocks beside each other on an SM reach the shares above */
        slopes.reading_s = fmax(slopes.reading_s, slopes.block_s);
    else if (slopes.whole)
        slopes.reading_s = fmax(slopes.reading_s, slopes.block_s * count_waves(load));
    return slopes;
}

/* Seconds that do not depend on the context: of the blocks beyond those that the SMs hold at once. */
static double decode_fixed(const struct ls_hardware *hardware, const struct ls_decode_kernels *kernels,
                           const struct ls_op *op)
{
    const double further_blocks =
        fmax(0.0, op->n_seqs * blocks_per_seq(op) - kernels->resident * (double)hardware->sm_count);
    const double query_bytes = 2.0 * op->n_heads * (op->head_dim + op->v_head_dim);
    return further_blocks * kernels->kv_head_s +
           op->n_query * query_bytes / (hardware->memory_bandwidth_bytes_per_s * kernels->query_frac);
}

/* The smooth maximum √(1 + x²) of 1 and x, as the polygon through these points: rising, and made of the affine segments
 * that a step loop needs. Beyond the last point its slope is 1. */
static const double corner_x[] = {0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0};
static const double corner_y[] = {1.0, 1.0307764, 1.1180340, 1.4142136, 2.2360680, 4.1231056, 8.0622577};
enum { N_CORNERS = sizeof corner_x / sizeof *corner_x };

/* fixed_s or the reading time slope_s · n_context, whichever is longer, without a sharp corner. */
static struct ls_segment smooth_max(double fixed_s, double slope_s, double n_context)
{
    if (fixed_s <= 0.0)
        return (struct ls_segment){.base_s = 0.0, .slope_s = slope_s, .until = (double)INFINITY};
    const double x = n_context * slope_s / fixed_s;
    int i = 0;
    while (i + 1 < N_CORNERS && x >= corner_x[i + 1])
        i++;
    const bool last = i + 1 == N_CORNERS;
    const double rise = last ? 1.0 : (corner_y[i + 1] - corner_y[i]) / (corner_x[i + 1] - corner_x[i]);
    return (struct ls_segment){
        .base_s = fixed_s * (corner_y[i] - rise * corner_x[i]),
        .slope_s = rise * slope_s,
        .until = last ? (double)INFINITY : corner_x[i + 1] * fixed_s / slope_s,
    };
}

/* Add min(most_s, slope_s · n_context). */
static void add_at_most(struct ls_segment *segment, double most_s, double slope_s, double n_context)
{
    if (n_context * slope_s >= most_s) {
        segment->base_s += most_s;
        return;
    }
    segment->slope_s += slope_s;
    segment->until = fmin(segment->until, most_s / slope_s);
}

struct ls_segment ls_decode_segment(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct ls_decode_kernels *kernels = decode_kernels(hardware, op);
    const struct slopes slopes = decode_slopes(hardware, kernels, op);
    struct ls_segment segment = smooth_max(decode_fixed(hardware, kernels, op), slopes.reading_s, op->n_context);
    segment.base_s += kernels->launch_s;
    if (!slopes.whole)
        add_at_most(&segment, kernels->split_s, slopes.block_s, op->n_context);
    add_at_most(&segment, kernels->merge_s, kernels->merge_frac * slopes.reading_s, op->n_context);
    return segment;
}
