#include "io/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/suggest.h"
#include "io/csv_row.h"
#include "io/fnv.h"
#include "io/grow.h"
#include "io/text_file.h"

#define MAX_FILE_BYTES ((size_t)1 << 30)

enum { MAX_COLUMNS = 64 };

struct reader {
    struct ls_text_file file;
    const char *column;
    size_t at; /* where the column stands */
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
    ls_diags_add(reader->file.diags, reader->file.path, 1, 1, reader->column, "no such column in the first line%s%s%s",
                 near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static enum ls_status add(struct reader *reader, double value)
{
    double *values = ls_grow(reader->values, reader->n, &reader->capacity, sizeof *values);
    if (!values)
        return LS_NOMEM;
    reader->values = values;
    reader->values[reader->n++] = value;
    return LS_OK;
}

static enum ls_status read_row(void *context, char *line)
{
    struct reader *reader = context;
    char *fields[MAX_COLUMNS], *end;
    const size_t n = ls_csv_split(line, fields, MAX_COLUMNS);
    if (n == 1 && fields[0][0] == '\0')
        return LS_OK;
    const char *text = reader->at < n ? fields[reader->at] : "";
    const double value = strtod(text, &end);
    if (end != text && *end == '\0' && value >= 0 && value <= 1e15)
        return add(reader, value);
    ls_diags_add(reader->file.diags, reader->file.path, reader->file.line,
                 reader->at < n ? (int)(text - fields[0]) + 1 : 1, reader->column,
                 "%.60s will not do; write a number from 0 to 1e15", text[0] ? text : "nothing");
    return LS_OK;
}

static enum ls_status read_lines(struct reader *reader)
{
    struct ls_text_file *file = &reader->file;
    read_header(reader, ls_text_file_next(file));
    if (ls_text_file_n_faults(file))
        return LS_INPUT;
    const enum ls_status status = ls_text_file_each(file, read_row, reader);
    if (status || reader->n > 0)
        return status;
    ls_diags_add(file->diags, file->path, 0, 0, "", "no values; only the first line is there");
    return LS_INPUT;
}

/* Moments, and a digest over every value. */
static void summarize(const struct reader *reader, struct ls_samples *samples)
{
    uint64_t digest = LS_FNV_START;
    double sum = 0, square = 0;
    for (size_t i = 0; i < reader->n; i++) {
        digest = ls_fnv_number(digest, reader->values[i]);
        sum += reader->values[i];
        square += reader->values[i] * reader->values[i];
    }
    const double n = (double)reader->n;
    *samples = (struct ls_samples){reader->n, reader->values, sum / n, square / n, digest};
}

enum ls_status ls_samples_read(const char *path, const char *column, struct ls_samples *samples, struct ls_diags *diags)
{
    struct reader reader = {.column = column};
    enum ls_status status = ls_text_file_open(&reader.file, path, MAX_FILE_BYTES, "a CSV file", diags);
    if (status)
        return status;
    status = read_lines(&reader);
    if (status)
        free(reader.values);
    else
        summarize(&reader, samples);
    ls_text_file_release(&reader.file);
    return status;
}
