#include "io/chrome_trace.h"

#include <inttypes.h>

static const double ps_per_us = 1e6;

static void next(struct ls_chrome_trace *trace, int32_t pipeline)
{
    (void)fputs(trace->any ? ",\n" : "\n", trace->stream);
    trace->any = true;
    if (pipeline >= trace->n_pipelines)
        trace->n_pipelines = pipeline + 1;
}

void ls_chrome_begin(struct ls_chrome_trace *trace, FILE *stream)
{
    *trace = (struct ls_chrome_trace){.stream = stream};
    (void)fputs("{\"displayTimeUnit\": \"ms\", \"traceEvents\": [", stream);
}

/* A stretch of a request's life; an empty one is left out. */
static void put_phase(struct ls_chrome_trace *trace, const struct ls_request_row *row, const char *name,
                      int64_t start_ps, int64_t end_ps)
{
    static const char phases[] = "be";
    for (int i = 0; i < 2 && start_ps >= 0 && end_ps > start_ps; i++) {
        next(trace, row->pipeline);
        (void)fprintf(trace->stream,
                      "{\"ph\":\"%c\",\"cat\":\"request\",\"id\":%" PRIu64 ",\"name\":\"%s\",\"pid\":%" PRId32
                      ",\"tid\":0,\"ts\":%.6f",
                      phases[i], row->index, name, row->pipeline, (double)(i ? end_ps : start_ps) / ps_per_us);
        if (i == 0)
            (void)fprintf(trace->stream, ",\"args\":{\"prompt_tok\":%" PRId32 ",\"output_tok\":%" PRId32 "}",
                          row->prompt_tok, row->output_tok);
        (void)fputc('}', trace->stream);
    }
}

void ls_chrome_request(struct ls_chrome_trace *trace, const struct ls_request_row *row)
{
    const int64_t scheduled_ps = row->scheduled_ps >= 0 ? row->scheduled_ps : row->end_ps;
    const int64_t first_ps = row->first_token_ps >= 0 ? row->first_token_ps : row->end_ps;
    char name[48];
    (void)snprintf(name, sizeof name, "request %" PRIu64, row->index);
    put_phase(trace, row, name, row->arrival_ps, row->end_ps);
    put_phase(trace, row, "wait", row->arrival_ps, scheduled_ps);
    put_phase(trace, row, "prefill", row->scheduled_ps, first_ps);
    put_phase(trace, row, "decode", row->first_token_ps, row->end_ps);
}

void ls_chrome_moment(struct ls_chrome_trace *trace, const struct ls_moment *moment)
{
    next(trace, moment->pipeline);
    (void)fprintf(trace->stream,
                  "{\"ph\":\"C\",\"name\":\"scheduler %" PRId32 "\",\"pid\":%" PRId32
                  ",\"ts\":%.6f,\"args\":{\"waiting\":%" PRId64 ",\"running\":%" PRId64 "}},\n",
                  moment->member, moment->pipeline, (double)moment->time_ps / ps_per_us, moment->n_waiting,
                  moment->n_running);
    (void)fprintf(trace->stream,
                  "{\"ph\":\"C\",\"name\":\"KV blocks %" PRId32 "\",\"pid\":%" PRId32
                  ",\"ts\":%.6f,\"args\":{\"in use\":%" PRId64 "}},\n",
                  moment->member, moment->pipeline, (double)moment->time_ps / ps_per_us, moment->kv_blocks);
    (void)fprintf(trace->stream,
                  "{\"ph\":\"C\",\"name\":\"batch tokens %" PRId32 "\",\"pid\":%" PRId32
                  ",\"ts\":%.6f,\"args\":{\"tokens\":%" PRId64 "}}",
                  moment->member, moment->pipeline, (double)moment->time_ps / ps_per_us, moment->batch_tok);
}

/* Threads: the work of stage i is 2 i + 1, its transfers 2 i + 2. */
void ls_chrome_span(struct ls_chrome_trace *trace, int32_t pipeline, int64_t pass_tok, const struct ls_span *span)
{
    static const char *const names[LS_N_SPAN_KINDS] = {"pass", "block", "collective", "send"};
    const bool transfer = span->kind == LS_SPAN_COLLECTIVE || span->kind == LS_SPAN_SEND;
    next(trace, pipeline);
    if (span->stage >= trace->n_stages)
        trace->n_stages = span->stage + 1;
    (void)fprintf(trace->stream,
                  "{\"ph\":\"X\",\"name\":\"%s\",\"pid\":%" PRId32 ",\"tid\":%" PRId64
                  ",\"ts\":%.6f,\"dur\":%.6f,\"args\":{\"tokens\":%" PRId64,
                  names[span->kind], pipeline, 2 * span->stage + 1 + transfer, (double)span->start_ps / ps_per_us,
                  (double)(span->end_ps - span->start_ps) / ps_per_us, pass_tok);
    if (span->layer >= 0)
        (void)fprintf(trace->stream, ",\"layer\":%" PRId64, span->layer);
    (void)fputs("}}", trace->stream);
}

static void put_name(struct ls_chrome_trace *trace, const char *what, int32_t pipeline, int64_t thread,
                     const char *name, int64_t number)
{
    next(trace, pipeline);
    (void)fprintf(trace->stream,
                  "{\"ph\":\"M\",\"name\":\"%s\",\"pid\":%" PRId32 ",\"tid\":%" PRId64
                  ",\"args\":{\"name\":\"%s %" PRId64 "\"}}",
                  what, pipeline, thread, name, number);
}

void ls_chrome_end(struct ls_chrome_trace *trace)
{
    const int32_t n_pipelines = trace->n_pipelines;
    for (int32_t i = 0; i < n_pipelines; i++) {
        put_name(trace, "process_name", i, 0, "pipeline", i);
        for (int64_t stage = 0; stage < trace->n_stages; stage++) {
            put_name(trace, "thread_name", i, 2 * stage + 1, "stage", stage);
            put_name(trace, "thread_name", i, 2 * stage + 2, "transfers of stage", stage);
        }
    }
    (void)fputs("\n]}\n", trace->stream);
}
