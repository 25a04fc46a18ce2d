#include "io/trace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/serving/workload/content.h"
#include "io/csv_row.h"
#include "io/fnv.h"
#include "io/grow.h"
#include "io/mooncake.h"
#include "io/sharegpt.h"
#include "io/text_file.h"

#define MAX_FILE_BYTES ((size_t)8 << 30)
#define MAX_TOK INT64_C(2147483647)
#define PS_PER_S INT64_C(1000000000000)
#define MAX_S INT64_C(9000000) /* the clock of a simulation ends after 106 days */

enum { MAX_COLUMNS = 32, FIELD_LEN = 64 };
enum column { ARRIVAL, PROMPT, OUTPUT, N_NEEDED };
enum { SESSION = N_NEEDED, HASHES, N_COLUMNS }; /* of csv, where they are given */

/* A time too far from zero for picoseconds alone. */
struct instant {
    int64_t s, ps;
};

struct format {
    enum ls_trace_format format;
    const char *columns[N_NEEDED]; /* null for times: there are none */
    bool (*parse_time)(const char *text, struct instant *instant);
    const char *time; /* how a time is written */
    bool from_first;  /* times are of the calendar: count from the first request */
    bool has_failed;  /* requests that failed are there, with no output; they are left out */
};

/* --- Fields --- */

/* Seconds as decimal text; rounded once, to the picosecond. */
static bool parse_seconds(const char *text, struct instant *instant)
{
    char shifted[FIELD_LEN + 8];
    if (text[0] == '\0' || strspn(text, "0123456789.eE+-") != strlen(text))
        return false;
    const bool has_exponent = strpbrk(text, "eE") != NULL;
    (void)snprintf(shifted, sizeof shifted, "%s%s", text, has_exponent ? "" : "e12");
    char *end;
    const double ps = strtod(shifted, &end) * (has_exponent ? (double)PS_PER_S : 1);
    if (*end || !(ps >= 0 && ps <= (double)MAX_S * (double)PS_PER_S))
        return false;
    *instant = (struct instant){0, llrint(ps)};
    return true;
}

/* Days since 0000-03-01 of the Gregorian calendar: years and months counted from March, so that leap days come last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    const int64_t y = year - (month <= 2);
    const int64_t m = month > 2 ? month - 3 : month + 9;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
}

/* `2023-11-16 18:15:46.6805900` or `2024-05-10 00:00:00.009930+00:00`. */
static bool parse_timestamp(const char *text, struct instant *instant)
{
    int year, month, day, hour, minute, second, used = 0;
    char separator;
    if (sscanf(text, "%4d-%2d-%2d%c%2d:%2d:%2d%n", &year, &month, &day, &separator, &hour, &minute, &second, &used) !=
            7 ||
        (separator != ' ' && separator != 'T'))
        return false;
    const bool in_calendar = year >= 1970 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= 31 &&
                             hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60;
    char fraction[FIELD_LEN] = "0";
    const char *rest = text + used;
    if (*rest == '.') {
        const size_t n = 1 + strspn(rest + 1, "0123456789");
        (void)snprintf(fraction, sizeof fraction, "0%.*s", (int)n, rest);
        rest += n;
    }
    if (!in_calendar || (*rest && strcmp(rest, "Z") != 0 && strcmp(rest, "+00:00") != 0) ||
        !parse_seconds(fraction, instant))
        return false;
    instant->s = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}

static bool parse_tokens(const char *text, int32_t *tokens)
{
    char *end;
    if (strspn(text, "0123456789.") != strlen(text))
        return false;
    const double value = strtod(text, &end);
    if (end == text || *end || value != floor(value) || !(value >= 1 && value <= (double)MAX_TOK))
        return false;
    *tokens = (int32_t)value;
    return true;
}

/* --- Formats --- */

static const struct format formats[] = {
    {LS_TRACE_AZURE,
     {"TIMESTAMP", "ContextTokens", "GeneratedTokens"},
     parse_timestamp,
     "a time such as 2023-11-16 18:15:46.68",
     true,
     false},
    {LS_TRACE_VIDUR,
     {"arrived_at", "num_prefill_tokens", "num_decode_tokens"},
     parse_seconds,
     "seconds such as 4.31, at most 9000000",
     false,
     false},
    {LS_TRACE_BURSTGPT,
     {"Timestamp", "Request tokens", "Response tokens"},
     parse_seconds,
     "seconds such as 4.31, at most 9000000",
     true,
     true},
    {LS_TRACE_CSV,
     {"arrival_s", "prompt_tokens", "output_tokens"},
     parse_seconds,
     "seconds such as 4.31, at most 9000000",
     false,
     false},
    {LS_TRACE_CSV, {NULL, "prompt_tokens", "output_tokens"}, NULL, NULL, false, false},
};

/* What requests share, in columns of any form. */
static const struct {
    const char *name;
    int column;
} sharing[] = {{"session", SESSION}, {"session_id", SESSION}, {"prefix_hashes", HASHES}, {"hash_ids", HASHES}};

struct reader {
    struct ls_text_file file;
    const struct format *format;
    size_t column[N_COLUMNS]; /* where each stands; MAX_COLUMNS: nowhere */
    size_t n_columns;
    int64_t base_s;
    struct ls_trace_request *requests;
    size_t n, capacity;
    uint64_t *parts;
    size_t n_parts, parts_capacity;
};

static void reject_line(const struct reader *reader, const char *key, const char *fault)
{
    ls_diags_add(reader->file.diags, reader->file.path, reader->file.line, 1, key, "%s", fault);
}

static bool find_columns(struct reader *reader, const struct format *format, char *const *fields, size_t n)
{
    for (int i = 0; i < N_NEEDED; i++) {
        size_t at = 0;
        if (!format->columns[i])
            continue;
        while (at < n && strcmp(fields[at], format->columns[i]) != 0)
            at++;
        if (at == n)
            return false;
        reader->column[i] = at;
    }
    reader->column[SESSION] = reader->column[HASHES] = MAX_COLUMNS;
    for (size_t at = 0; at < n; at++)
        for (size_t i = 0; i < sizeof sharing / sizeof sharing[0]; i++)
            if (strcmp(fields[at], sharing[i].name) == 0)
                reader->column[sharing[i].column] = at;
    reader->format = format;
    reader->n_columns = n;
    return true;
}

static enum ls_status read_header(struct reader *reader, char *line, int32_t wanted)
{
    char *fields[MAX_COLUMNS];
    const size_t n = ls_csv_split(line, fields, MAX_COLUMNS);
    const size_t n_formats = sizeof formats / sizeof formats[0];
    for (size_t i = 0; i < n_formats && !reader->format; i++)
        if (wanted == LS_TRACE_AUTO || wanted == (int32_t)formats[i].format)
            (void)find_columns(reader, &formats[i], fields, n);
    if (!reader->format)
        reject_line(reader, "",
                    "no known columns; the first line must name TIMESTAMP, ContextTokens, GeneratedTokens (azure) or "
                    "arrived_at, num_prefill_tokens, num_decode_tokens (vidur) or Timestamp, Request tokens, Response "
                    "tokens (burstgpt) or arrival_s, prompt_tokens, output_tokens (csv, where arrival_s may be "
                    "missing)");
    return reader->format ? LS_OK : LS_INPUT;
}

/* --- Rows --- */

static void reject_field(const struct reader *reader, char *const *fields, enum column column, const char *right)
{
    const char *text = fields[reader->column[column]];
    ls_diags_add(reader->file.diags, reader->file.path, reader->file.line, (int)(text - fields[0]) + 1,
                 reader->format->columns[column], "%.60s will not do; write %s", text[0] ? text : "nothing", right);
}

static enum ls_status add_request(struct reader *reader, struct ls_trace_request request)
{
    struct ls_trace_request *requests = ls_grow(reader->requests, reader->n, &reader->capacity, sizeof *requests);
    if (!requests)
        return LS_NOMEM;
    reader->requests = requests;
    reader->requests[reader->n++] = request;
    return LS_OK;
}

/* Never 0, which stands for none. */
static uint64_t hash_text(const char *text, size_t n)
{
    const uint64_t hash = ls_fnv_text(LS_FNV_START, text, n);
    return hash ? hash : 1;
}

/* The next part of the prompt of the request being read, by what the recording calls it: its id stands for all before
 * it too, and a part that the prompt ends in the midst of is another one than the whole. */
static enum ls_status add_part(struct reader *reader, struct ls_trace_request *request, uint64_t name)
{
    const int32_t left = request->prompt_tok - request->n_part_tok;
    const int32_t n_tok = left < LS_TRACE_PART_TOK ? left : LS_TRACE_PART_TOK;
    const uint64_t before = request->n_part_tok > 0 ? reader->parts[reader->n_parts - 1] : 0;
    if (n_tok == 0)
        return LS_OK;
    uint64_t *parts = ls_grow(reader->parts, reader->n_parts, &reader->parts_capacity, sizeof *parts);
    if (!parts)
        return LS_NOMEM;
    reader->parts = parts;
    if (request->n_part_tok == 0)
        request->first_part = reader->n_parts;
    request->n_part_tok += n_tok;
    reader->parts[reader->n_parts++] =
        ls_content_id(LS_CONTENT_RECORDED, before, name ^ (uint64_t)(LS_TRACE_PART_TOK - n_tok) << 40);
    return LS_OK;
}

/* Names of parts, between spaces or semicolons. */
static enum ls_status add_parts(struct reader *reader, struct ls_trace_request *request, const char *text)
{
    enum ls_status status = LS_OK;
    for (text += strspn(text, " ;"); *text && !status; text += strspn(text, " ;")) {
        const size_t n = strcspn(text, " ;");
        status = add_part(reader, request, hash_text(text, n));
        text += n;
    }
    return status;
}

static bool place_in_time(struct reader *reader, struct instant instant, int64_t *arrival_ps)
{
    if (reader->n == 0)
        reader->base_s = instant.s;
    const int64_t s = instant.s - reader->base_s;
    if (s > MAX_S || s < -MAX_S)
        return false;
    *arrival_ps = s * PS_PER_S + instant.ps;
    return true;
}

/* Which session the request belongs to and which parts its prompt has, as far as columns say so. */
static enum ls_status share(struct reader *reader, struct ls_trace_request *request, char *const *fields)
{
    const size_t session = reader->column[SESSION], hashes = reader->column[HASHES];
    if (session < MAX_COLUMNS && fields[session][0])
        request->session = hash_text(fields[session], strlen(fields[session]));
    return hashes < MAX_COLUMNS ? add_parts(reader, request, fields[hashes]) : LS_OK;
}

static bool read_time(struct reader *reader, char *const *fields, int64_t *arrival_ps)
{
    struct instant instant;
    if (!reader->format->parse_time)
        return true;
    const char *time = fields[reader->column[ARRIVAL]];
    return strlen(time) < FIELD_LEN && reader->format->parse_time(time, &instant) &&
           place_in_time(reader, instant, arrival_ps);
}

static enum ls_status read_row(void *context, char *line)
{
    struct reader *reader = context;
    char *fields[MAX_COLUMNS];
    const size_t n = ls_csv_split(line, fields, MAX_COLUMNS);
    if (n == 1 && fields[0][0] == '\0')
        return LS_OK;
    if (n != reader->n_columns) {
        ls_diags_add(reader->file.diags, reader->file.path, reader->file.line, 1, "",
                     "%zu fields; the first line has %zu", n, reader->n_columns);
        return LS_OK;
    }
    struct ls_trace_request request = {0};
    if (!read_time(reader, fields, &request.arrival_ps))
        reject_field(reader, fields, ARRIVAL, reader->format->time);
    else if (!parse_tokens(fields[reader->column[PROMPT]], &request.prompt_tok))
        reject_field(reader, fields, PROMPT, "a whole number from 1 to 2147483647");
    else if (reader->format->has_failed && strcmp(fields[reader->column[OUTPUT]], "0") == 0)
        return LS_OK;
    else if (!parse_tokens(fields[reader->column[OUTPUT]], &request.output_tok))
        reject_field(reader, fields, OUTPUT, "a whole number from 1 to 2147483647");
    else
        return share(reader, &request, fields) == LS_OK ? add_request(reader, request) : LS_NOMEM;
    return LS_OK;
}

/* -- mooncake: a JSON object a line -- */

static const struct format mooncake = {.format = LS_TRACE_MOONCAKE, .time = "milliseconds such as 27482"};

/* The ids of the parts of a prompt; false when they are no list of numbers. */
static bool read_hashes(struct reader *reader, struct ls_trace_request *request, const char *list,
                        enum ls_status *status)
{
    const char *name;
    size_t n;
    while (!*status && (list = ls_mooncake_next(list, &name, &n)) && n > 0)
        *status = add_part(reader, request, hash_text(name, n));
    return list != NULL;
}

static bool is_count(double value)
{
    return value >= 1 && value <= (double)MAX_TOK && value == floor(value);
}

static enum ls_status read_mooncake_line(void *context, char *line)
{
    struct reader *reader = context;
    struct ls_mooncake_row row;
    enum ls_status status = LS_OK;
    if (line[strspn(line, " \t\r")] == '\0')
        return LS_OK;
    if (!ls_mooncake_read(line, &row) || !(row.timestamp_ms >= 0 && row.timestamp_ms <= 1e3 * (double)MAX_S) ||
        !is_count(row.input_length) || !is_count(row.output_length)) {
        reject_line(reader, "",
                    "not a request; write {\"timestamp\": milliseconds, \"input_length\": tokens, \"output_length\": "
                    "tokens, \"hash_ids\": [a number for every 512 tokens of the input]}");
        return LS_OK;
    }
    struct ls_trace_request request = {.arrival_ps = llrint(row.timestamp_ms * 1e9),
                                       .prompt_tok = (int32_t)row.input_length,
                                       .output_tok = (int32_t)row.output_length};
    if (row.hash_ids && !read_hashes(reader, &request, row.hash_ids, &status)) {
        if (!status)
            reject_line(reader, "hash_ids", "not a list of numbers");
        return status;
    }
    return add_request(reader, request);
}

/* -- sharegpt: one JSON list -- */

static const struct format sharegpt = {.format = LS_TRACE_SHAREGPT};

/* One that lacks a prompt or an answer is left out. */
static enum ls_status add_conversation(const struct ls_sharegpt_pair *pair, void *context)
{
    const struct ls_trace_request request = {.prompt_tok = (int32_t)pair->prompt, .output_tok = (int32_t)pair->answer};
    const bool fits = pair->prompt > 0 && pair->prompt <= MAX_TOK && pair->answer > 0 && pair->answer <= MAX_TOK;
    return fits ? add_request(context, request) : LS_OK;
}

/* Which form the text has: the wanted one, or the one that its first character shows; null for one of those with
 * columns. */
static const struct format *form_of(const char *text, int32_t wanted)
{
    const char first = text[strspn(text, " \t\r\n")];
    if (wanted == LS_TRACE_SHAREGPT || (wanted == LS_TRACE_AUTO && first == '['))
        return &sharegpt;
    if (wanted == LS_TRACE_MOONCAKE || (wanted == LS_TRACE_AUTO && first == '{'))
        return &mooncake;
    return NULL;
}

static enum ls_status read_lines(struct reader *reader, int32_t wanted)
{
    enum ls_status status = LS_OK;
    struct ls_text_file *file = &reader->file;
    reader->format = form_of(file->rest, wanted);
    if (reader->format == &sharegpt)
        return ls_sharegpt_read(file->path, file->rest, add_conversation, reader, file->diags);
    if (!reader->format)
        status = read_header(reader, ls_text_file_next(file), wanted);
    return status ? status
                  : ls_text_file_each(file, reader->format == &mooncake ? read_mooncake_line : read_row, reader);
}

/* --- The whole --- */

static int compare_requests(const void *a, const void *b)
{
    const struct ls_trace_request *left = a, *right = b;
    if (left->arrival_ps != right->arrival_ps)
        return left->arrival_ps < right->arrival_ps ? -1 : 1;
    if (left->prompt_tok != right->prompt_tok)
        return left->prompt_tok < right->prompt_tok ? -1 : 1;
    return (left->output_tok > right->output_tok) - (left->output_tok < right->output_tok);
}

/* Requests at one instant keep their order, as long as the file is in order of arrival. */
static void put_in_order(struct reader *reader)
{
    bool sorted = true;
    for (size_t i = 1; i < reader->n; i++)
        sorted = sorted && reader->requests[i - 1].arrival_ps <= reader->requests[i].arrival_ps;
    if (!sorted)
        qsort(reader->requests, reader->n, sizeof *reader->requests, compare_requests);
    const int64_t first_ps = reader->format->from_first ? reader->requests[0].arrival_ps : 0;
    for (size_t i = 0; i < reader->n; i++)
        reader->requests[i].arrival_ps -= first_ps;
}

/* Over every number, by value. */
static uint64_t digest(const struct reader *reader)
{
    uint64_t hash = LS_FNV_START;
    if (reader->format == &sharegpt)
        hash = ls_fnv_word(hash, LS_TRACE_SHAREGPT);
    for (size_t i = 0; i < reader->n; i++) {
        const struct ls_trace_request *request = &reader->requests[i];
        hash = ls_fnv_word(hash, (uint64_t)request->arrival_ps);
        hash = ls_fnv_word(hash, (uint64_t)request->prompt_tok);
        hash = ls_fnv_word(hash, (uint64_t)request->output_tok);
        if (request->session)
            hash = ls_fnv_word(hash, request->session);
        for (int32_t tok = 0; tok < request->n_part_tok; tok += LS_TRACE_PART_TOK)
            hash = ls_fnv_word(hash, reader->parts[request->first_part + (size_t)(tok / LS_TRACE_PART_TOK)]);
    }
    return hash;
}

static enum ls_status finish(struct reader *reader, struct ls_trace *trace)
{
    if (reader->n == 0) {
        ls_diags_add(reader->file.diags, reader->file.path, 0, 0, "", "no requests in it");
        return LS_INPUT;
    }
    put_in_order(reader);
    *trace = (struct ls_trace){.n = reader->n,
                               .requests = reader->requests,
                               .digest = digest(reader),
                               .parts = reader->parts,
                               .part_tok = LS_TRACE_PART_TOK,
                               .is_untimed = !reader->format->time,
                               .is_in_characters = reader->format == &sharegpt};
    return LS_OK;
}

enum ls_status ls_trace_read(const char *path, int32_t format, struct ls_trace *trace, struct ls_diags *diags)
{
    struct reader reader = {0};
    enum ls_status status = ls_text_file_open(&reader.file, path, MAX_FILE_BYTES, "a CSV or JSON lines file", diags);
    if (status)
        return status;
    status = read_lines(&reader, format);
    if (!status)
        status = finish(&reader, trace);
    if (status) {
        free(reader.requests);
        free(reader.parts);
    }
    ls_text_file_release(&reader.file);
    return status;
}
