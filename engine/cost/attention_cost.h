#ifndef LS_ENGINE_COST_ATTENTION_COST_H
#define LS_ENGINE_COST_ATTENTION_COST_H

#include "engine/cost/operator_cost.h"

/* Prefill, with work = 2 · heads · (head_dim + v_head_dim) · (pairs + pad · queries) / (peak · frac(head_dim)):
 *
 * launch + bytes / bandwidth + max(work + blocks · block / SMs, longest_frac · work of the longest block). */
double ls_prefill_seconds(const struct ls_hardware *hardware, const struct ls_op *op);

/* Decode, with reading = max(bytes / bandwidth, work / peak) and fixed = n_seqs · (sequence + KV heads · head):
 *
 * launch + smooth_max(fixed, reading) + min(split, split_frac · reading). */
struct ls_segment ls_decode_segment(const struct ls_hardware *hardware, const struct ls_op *op);

#endif
