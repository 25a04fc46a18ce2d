#include "io/run_log.h"

#include <inttypes.h>

static const int64_t ps_per_s = 1000000000000;
static const char *const ends[LS_N_REQUEST_ENDS] = {"completed", "rejected", "unfinished"};

/* `,seconds`, to the picosecond; an empty field when there is no such time. */
static void put_time(FILE *stream, int64_t time_ps)
{
    if (time_ps < 0)
        (void)fputc(',', stream);
    else
        (void)fprintf(stream, ",%" PRId64 ".%012" PRId64, time_ps / ps_per_s, time_ps % ps_per_s);
}

static void write_request(FILE *stream, const struct ls_request_row *row)
{
    (void)fprintf(stream, "%" PRIu64 ",%" PRId32 ",%" PRId32 ",%" PRId32 ",%s,%" PRId32 ",%" PRId32 ",%" PRId32,
                  row->index, row->profile, row->pipeline, row->member, ends[row->end], row->prompt_tok,
                  row->output_tok, row->n_generated);
    put_time(stream, row->arrival_ps);
    put_time(stream, row->scheduled_ps);
    put_time(stream, row->first_token_ps);
    put_time(stream, row->end_ps);
    put_time(stream, ls_request_ttft_ps(row));
    put_time(stream, ls_request_tpot_ps(row));
    put_time(stream, ls_request_e2e_ps(row));
    (void)fputc('\n', stream);
}

static void note_request(void *context, const struct ls_request_row *row)
{
    struct ls_run_log *log = context;
    if (log->requests.stream)
        write_request(log->requests.stream, row);
    if (log->trace.stream)
        ls_chrome_request(&log->chrome, row);
}

static void note_moment(void *context, const struct ls_moment *moment)
{
    struct ls_run_log *log = context;
    if (log->timeline.stream) {
        (void)fprintf(log->timeline.stream, "%" PRId32 ",%" PRId32, moment->pipeline, moment->member);
        put_time(log->timeline.stream, moment->time_ps);
        (void)fprintf(log->timeline.stream, ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "\n", moment->n_waiting,
                      moment->n_running, moment->kv_blocks, moment->batch_tok);
    }
    if (log->trace.stream)
        ls_chrome_moment(&log->chrome, moment);
}

static void note_span(void *context, int32_t pipeline, int64_t pass_tok, const struct ls_span *span)
{
    struct ls_run_log *log = context;
    ls_chrome_span(&log->chrome, pipeline, pass_tok, span);
}

enum ls_status ls_run_log_open(struct ls_run_log *log, const struct ls_run_log_paths *paths, struct ls_err *err)
{
    enum ls_status status = LS_OK;
    *log = (struct ls_run_log){.observer = {.context = log}};
    if (paths->requests)
        status = ls_out_open(&log->requests, paths->requests, err);
    if (!status && paths->timeline)
        status = ls_out_open(&log->timeline, paths->timeline, err);
    if (!status && paths->trace)
        status = ls_out_open(&log->trace, paths->trace, err);
    if (status) {
        const enum ls_status closed = ls_run_log_close(log, false, NULL);
        (void)closed; /* what could not be opened is what counts */
        return status;
    }
    if (paths->requests)
        (void)fputs("request,profile,pipeline,scheduler,outcome,prompt_tokens,output_tokens,generated_tokens,arrival_s,"
                    "scheduled_s,first_token_s,end_s,ttft_s,tpot_s,e2e_s\n",
                    log->requests.stream);
    if (paths->timeline)
        (void)fputs("pipeline,scheduler,time_s,waiting,running,kv_blocks,batch_tokens\n", log->timeline.stream);
    if (paths->trace)
        ls_chrome_begin(&log->chrome, log->trace.stream);
    log->observer.request = paths->requests || paths->trace ? note_request : NULL;
    log->observer.moment = paths->timeline || paths->trace ? note_moment : NULL;
    log->observer.span = paths->trace ? note_span : NULL;
    return LS_OK;
}

enum ls_status ls_run_log_close(struct ls_run_log *log, bool keep, struct ls_err *err)
{
    struct ls_out_file *const files[] = {&log->requests, &log->timeline, &log->trace};
    enum ls_status result = LS_OK;
    if (log->trace.stream)
        ls_chrome_end(&log->chrome);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct ls_err inner = {""};
        const enum ls_status status = ls_out_close(files[i], keep, &inner);
        if (status && !result)
            result = ls_fail(err, status, "%s", inner.text);
    }
    return result;
}
