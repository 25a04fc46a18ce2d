#ifndef LS_ENGINE_SERVING_SCHEDULER_CHUNK_H
#define LS_ENGINE_SERVING_SCHEDULER_CHUNK_H

#include <stdint.h>

#include "engine/model/operator.h"

/* What a request's part comes to in the sums of a pass. */

/* Σ over i in (start, end] of min(i, window): tokens attended to under a sliding window. */
static inline int64_t ls_window_pairs(int64_t start, int64_t end, int64_t window)
{
    if (start >= window)
        return (end - start) * window;
    const int64_t cut = end < window ? end : window;
    return (cut * (cut + 1) - start * (start + 1)) / 2 + (end - cut) * window;
}

/* Add (sign 1) or take out (−1) a chunk of n_tok tokens after `start`; window 0: none slides. */
static inline void ls_batch_add_chunk(struct ls_batch *batch, int64_t start, int64_t n_tok, int64_t window, int sign)
{
    const int64_t end = start + n_tok;
    batch->n_prefill += sign;
    batch->prefill_tok += sign * n_tok;
    batch->prefill_context += sign * end;
    batch->prefill_pairs += sign * ((end * (end + 1) - start * (start + 1)) / 2);
    if (window == 0)
        return;
    const int64_t reach = n_tok + window - 1;
    batch->prefill_window_context += sign * (end < reach ? end : reach);
    batch->prefill_window_pairs += sign * ls_window_pairs(start, end, window);
}

/* The same for a decode with `stored` KV tokens that gets n_tok − 1 drafts verified. */
static inline void ls_batch_add_verified(struct ls_batch *batch, int64_t stored, int64_t n_tok, int64_t window,
                                         int sign)
{
    const int64_t context = stored + n_tok, reach = n_tok + window - 1;
    batch->n_decode += sign;
    batch->draft_tok += sign * (n_tok - 1);
    batch->decode_context += sign * context;
    batch->decode_window += sign * (window == 0 || context < reach ? context : reach);
}

#endif
