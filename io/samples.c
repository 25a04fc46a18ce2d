#include "io/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/suggest.h"
#include "io/csv_row.h"
#include "io/read_file.h"

#define MAX_FILE_BYTES ((size_t)1 << 30)
#define MAX_FAULTS 20

enum { MAX_COLUMNS = 64 };

struct reader {
    const char *path, *column;
    struct ls_diags *diags;
    size_t n_before; /* faults of others */
    size_t at;       /* where the column stands */
    double *values;
    size_t n, capacity;
};

static void read_header(struct reader *reader, char *line)
{
    char *fields[MAX_COLUMNS];
    const size_t n = ls_csv_split(line, fields, MAX_COLUMNS);
    while (reader->at < n && strcmp(fields[reader->at], reader->column) != 0)
        reader->at++;
    if (reader->at < n)
        return;
    const char *near = ls_suggest(reader->column, (const char *const *)fields, n);
    ls_diags_add(reader->diags, reader->path, 1, 1, reader->column, "no such column in the first line%s%s%s",
                 near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static enum ls_status add(struct reader *reader, double value)
{
    if (reader->n == reader->capacity) {
        const size_t capacity = reader->capacity ? 2 * reader->capacity : 1024;
        double *values = realloc(reader->values, capacity * sizeof *values);
        if (!values)
            return LS_NOMEM;
        reader->values = values;
        reader->capacity = capacity;
    }
    reader->values[reader->n++] = value;
    return LS_OK;
}

static enum ls_status read_row(struct reader *reader, char *line, int number)
{
    char *fields[MAX_COLUMNS], *end;
    const size_t n = ls_csv_split(line, fields, MAX_COLUMNS);
    if (n == 1 && fields[0][0] == '\0')
        return LS_OK;
    const char *text = reader->at < n ? fields[reader->at] : "";
    const double value = strtod(text, &end);
    if (end != text && *end == '\0' && value >= 0 && value <= 1e15)
        return add(reader, value);
    ls_diags_add(reader->diags, reader->path, number, reader->at < n ? (int)(text - fields[0]) + 1 : 1, reader->column,
                 "%.60s will not do; write a number from 0 to 1e15", text[0] ? text : "nothing");
    return LS_OK;
}

static enum ls_status read_lines(struct reader *reader, char *text)
{
    enum ls_status status = LS_OK;
    int number = 1;
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0) /* byte order mark */
        text += 3;
    for (char *line = text; line && !status; number++) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        if (number == 1)
            read_header(reader, line);
        else
            status = read_row(reader, line, number);
        line = end ? end + 1 : NULL;
        const size_t n_faults = reader->diags->n - reader->n_before;
        if (n_faults && (number == 1 || n_faults >= MAX_FAULTS))
            return LS_INPUT;
    }
    return status ? status : reader->diags->n > reader->n_before ? LS_INPUT : LS_OK;
}

/* Moments, and FNV-1a over the bits of every value. */
static void summarize(const struct reader *reader, struct ls_samples *samples)
{
    uint64_t digest = UINT64_C(0xcbf29ce484222325);
    double sum = 0, square = 0;
    for (size_t i = 0; i < reader->n; i++) {
        uint64_t bits;
        memcpy(&bits, &reader->values[i], sizeof bits);
        for (int shift = 0; shift < 64; shift += 8)
            digest = (digest ^ (bits >> shift & 0xff)) * UINT64_C(0x100000001b3);
        sum += reader->values[i];
        square += reader->values[i] * reader->values[i];
    }
    const double n = (double)reader->n;
    *samples = (struct ls_samples){reader->n, reader->values, sum / n, square / n, digest};
}

enum ls_status ls_samples_read(const char *path, const char *column, struct ls_samples *samples, struct ls_diags *diags)
{
    struct reader reader = {.path = path, .column = column, .diags = diags, .n_before = diags->n};
    struct ls_err err = {""};
    char *text;
    size_t n;
    enum ls_status status = ls_read_file(path, MAX_FILE_BYTES, &text, &n, &err);
    if (status) {
        ls_diags_add(diags, path, 0, 0, "", "%s", err.text);
        return status;
    }
    if (strlen(text) != n) {
        ls_diags_add(diags, path, 0, 0, "", "not text; a CSV file was expected");
        status = LS_INPUT;
    } else {
        status = read_lines(&reader, text);
    }
    if (!status && reader.n == 0) {
        ls_diags_add(diags, path, 0, 0, "", "no values; only the first line is there");
        status = LS_INPUT;
    }
    if (status)
        free(reader.values);
    else
        summarize(&reader, samples);
    free(text);
    return status;
}
