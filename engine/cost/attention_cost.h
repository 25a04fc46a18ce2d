#ifndef LS_ENGINE_COST_ATTENTION_COST_H
#define LS_ENGINE_COST_ATTENTION_COST_H

#include <stdbool.h>

#include "engine/cost/operator_cost.h"

/* Prefill, with work = 2 · heads · (head_dim + v_head_dim) · (pairs + pad · queries) / (peak · frac(head_dim)):
 *
 * launch + bytes / bandwidth + work + blocks · block / SMs + longest_frac · work of the longest block,
 *
 * which is no more than the bound for work on several machines in any order (Graham 1969, "Bounds on Multiprocessing
 * Timing Anomalies") where longest_frac is 1. */
double ls_prefill_seconds(const struct ls_hardware *hardware, const struct ls_op *op);

/* Decode, where block = a head's keys and values of the mean context / block_bandwidth, in one of two forms. Split-KV
 * kernels (Dao et al. 2023, "Flash-Decoding") spread a long context over several blocks of threads and merge the parts:
 *
 * reading = max(bytes / bandwidth, work / peak); extra = min(split, block) + min(merge, merge_frac · reading).
 *
 * The others keep it whole, so that few sequences leave most SMs idle:
 *
 * reading = max(bytes / bandwidth, work / peak, waves · block); extra = min(merge, merge_frac · reading).
 *
 * fixed = n_seqs · (heads' fixed times + query and result bytes / (bandwidth · query_frac)), and
 *
 * seconds = launch + smooth_max(fixed, reading) + extra.
 *
 * MLA's decode is that of one KV head, whose latent every query head reads at once, in tiles of 64 heads. */
struct ls_segment ls_decode_segment(const struct ls_hardware *hardware, const struct ls_op *op);

/* Whether decodes cost something else in a pass with prompts (hardware.mixed_decode_rows, with vLLM's kernels). */
bool ls_pads_mixed_decodes(const struct ls_hardware *hardware);

#endif
