#ifndef LS_ENGINE_SERVING_OBSERVER_H
#define LS_ENGINE_SERVING_OBSERVER_H

#include <stdint.h>

/* Who looks on at a run: told of each request that ends, of each scheduler's state as a pass begins, of each stretch of
 * work. It changes no result. Times are picoseconds. Null functions: not interested; stretches of decodes that nobody
 * looks at are played faster. */

enum ls_request_end { LS_REQUEST_COMPLETED, LS_REQUEST_REJECTED, LS_REQUEST_UNFINISHED, LS_N_REQUEST_ENDS };

struct ls_request_row {
    uint64_t index; /* of the run, in order of arrival */
    int32_t profile;
    int32_t pipeline, member; /* the scheduler that had it; pipelines count over all pools */
    int32_t streams;          /* 0: its client has all tokens with the last */
    enum ls_request_end end;  /* unfinished: the horizon cut it off */
    int32_t prompt_tok, output_tok;
    int32_t n_generated; /* output tokens that the engine made for it */
    int64_t arrival_ps;
    int64_t scheduled_ps, first_token_ps; /* negative: never */
    int64_t end_ps;                       /* last token with the client, refusal, or the horizon */
};

/* What its client waited for, picoseconds; −1: nobody saw it, or it never came. */
static inline int64_t ls_request_ttft_ps(const struct ls_request_row *row)
{
    return row->streams && row->first_token_ps >= 0 ? row->first_token_ps - row->arrival_ps : -1;
}

/* Rounded; of the tokens behind the first one, as vLLM's benchmark has it. */
static inline int64_t ls_request_tpot_ps(const struct ls_request_row *row)
{
    const int64_t gaps = row->streams && row->end == LS_REQUEST_COMPLETED ? row->output_tok - 1 : 0;
    return gaps > 0 ? (row->end_ps - row->first_token_ps + gaps / 2) / gaps : -1;
}

static inline int64_t ls_request_e2e_ps(const struct ls_request_row *row)
{
    return row->end == LS_REQUEST_COMPLETED ? row->end_ps - row->arrival_ps : -1;
}

/* A scheduler as a pass begins, or (no tokens) as its pipeline falls idle. */
struct ls_moment {
    int64_t time_ps;
    int32_t pipeline, member;
    int64_t n_waiting, n_running, kv_blocks; /* blocks in use */
    int64_t batch_tok;
};

enum ls_span_kind { LS_SPAN_PASS, LS_SPAN_BLOCK, LS_SPAN_COLLECTIVE, LS_SPAN_SEND, LS_N_SPAN_KINDS };

/* A stage of a pipeline at work: on a pass as a whole; at high, also on a block of a layer, a step of a collective, or
 * a step of sending to the next stage. */
struct ls_span {
    enum ls_span_kind kind;
    int64_t stage;
    int64_t layer; /* of the model; negative where there is none */
    int64_t start_ps, end_ps;
};

struct ls_observer {
    void *context;
    void (*request)(void *context, const struct ls_request_row *row);
    void (*moment)(void *context, const struct ls_moment *moment);
    void (*span)(void *context, int32_t pipeline, int64_t pass_tok, const struct ls_span *span);
};

#endif
