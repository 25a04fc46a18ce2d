#ifndef LS_IO_TRACE_H
#define LS_IO_TRACE_H

#include <stdint.h>

#include "engine/scenario.h"
#include "io/diag.h"

/* Recorded requests. From CSV files with a header:
 *   azure  TIMESTAMP, ContextTokens, GeneratedTokens (Azure LLM inference traces of 2023 and 2024)
 *   vidur  arrived_at, num_prefill_tokens, num_decode_tokens
 *   burstgpt  Timestamp, Request tokens, Response tokens (BurstGPT, Wang et al. 2024); requests that failed, with no
 *          response tokens, are left out
 *   csv    arrival_s, prompt_tokens, output_tokens
 * Columns may stand in any order; a column `session` says which requests continue each other, each prompt beginning
 * with all that was said in the session before, and a column `prefix_hashes` what a prompt begins with: a name for
 * every 512 tokens, between spaces. Other columns are skipped. Or lines of JSON: mooncake  {"timestamp": ms,
 * "input_length": tokens, "output_length": tokens, "hash_ids": [numbers]} as Mooncake's traces have them (Qin et al.,
 * FAST 2025): equal ids at the beginning of two prompts stand for equal tokens, 512 for each. Or conversations:
 * sharegpt (io/sharegpt.h), of each the first two turns, a prompt and its answer, as vLLM's benchmark takes them; those
 * with fewer are left out. Their lengths are characters. Conversations and csv without arrival_s have no times. */

enum { LS_TRACE_PART_TOK = 512 };

enum ls_trace_format {
    LS_TRACE_AUTO,
    LS_TRACE_AZURE,
    LS_TRACE_MOONCAKE,
    LS_TRACE_BURSTGPT,
    LS_TRACE_SHAREGPT,
    LS_TRACE_VIDUR,
    LS_TRACE_CSV
};

/* Read a file whole: raw, as recorded, in order of arrival (azure: from its first request on). `format` is that of
 * trace_options; auto goes by the header. Faults go to diags with line and column, the first few of them. The caller
 * frees trace->requests and trace->parts. LS_IO, LS_INPUT or LS_NOMEM. */
LS_NODISCARD enum ls_status ls_trace_read(const char *path, int32_t format, struct ls_trace *trace,
                                          struct ls_diags *diags);

#endif
