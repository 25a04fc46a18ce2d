#ifndef LS_IO_CHROME_TRACE_H
#define LS_IO_CHROME_TRACE_H

#include <stdbool.h>
#include <stdio.h>

#include "engine/serving/observer.h"

/* A run in the Trace Event Format (JSON) that Perfetto and chrome://tracing show: a process for each pipeline, in it
 * two threads for each stage, passes with their blocks on one and transfers on the other; counters of each scheduler;
 * and each request with its wait, prefill and decode. Times are microseconds. */
struct ls_chrome_trace {
    FILE *stream;
    bool any; /* an event has been written */
    int32_t n_pipelines;
    int64_t n_stages;
};

void ls_chrome_begin(struct ls_chrome_trace *trace, FILE *stream);
void ls_chrome_request(struct ls_chrome_trace *trace, const struct ls_request_row *row);
void ls_chrome_moment(struct ls_chrome_trace *trace, const struct ls_moment *moment);
void ls_chrome_span(struct ls_chrome_trace *trace, int32_t pipeline, int64_t pass_tok, const struct ls_span *span);
void ls_chrome_end(struct ls_chrome_trace *trace);

#endif
