#include "io/table_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/csv_row.h"
#include "io/fnv.h"
#include "io/grow.h"
#include "io/text_file.h"

#define MAX_FILE_BYTES ((size_t)4 << 30)
#define MAX_REPEATED 20 /* faults */

enum { MAX_COLUMNS = 64, MAX_KEY_COLUMNS = 16 };

/* A row on its way into its section. */
struct entry {
    int kind, dtype, line;
    struct ls_table_row row;
};

struct reader {
    struct ls_text_file file;
    size_t n_columns;
    int operation, dtype, seconds;                /* columns; −1: none */
    int key[LS_N_TABLE_KINDS][LS_TABLE_MAX_KEYS]; /* columns; −1: none */
    struct entry *entries;
    size_t n, capacity;
};

static int find_column(char *const *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(fields[i], name) == 0)
            return (int)i;
    return -1;
}

static void read_header(struct reader *reader, char *line)
{
    char *fields[MAX_COLUMNS];
    const size_t n = ls_csv_split(line, fields, MAX_COLUMNS);
    reader->n_columns = n;
    reader->operation = find_column(fields, n, "operation");
    reader->dtype = find_column(fields, n, "dtype");
    reader->seconds = find_column(fields, n, "seconds");
    for (int kind = 0; kind < LS_N_TABLE_KINDS; kind++)
        for (int i = 0; i < ls_table_forms[kind].n_keys; i++)
            reader->key[kind][i] = find_column(fields, n, ls_table_forms[kind].keys[i]);
    if (reader->operation < 0 || reader->seconds < 0)
        ls_diags_add(reader->file.diags, reader->file.path, 1, 1, "",
                     "no table of kernels; the first line must name the columns operation, seconds, dtype and sizes "
                     "such as m, n, k");
}

/* --- Rows --- */

static void reject(struct reader *reader, const char *key, const char *text, const char *right)
{
    ls_diags_add(reader->file.diags, reader->file.path, reader->file.line, 1, key, "%.60s will not do; write %s",
                 text[0] ? text : "nothing", right);
}

static bool read_number(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return text[0] && !*end && isfinite(*number) && *number > 0.0;
}

static bool read_kind(struct reader *reader, const char *text, int *kind)
{
    for (*kind = 0; *kind < LS_N_TABLE_KINDS; ++*kind)
        if (strcmp(text, ls_table_forms[*kind].name) == 0)
            return true;
    reject(reader, "operation", text,
           "gemm, grouped_gemm, prefill, decode, memory, all_reduce, all_gather, reduce_scatter, all_to_all or "
           "send_recv");
    return false;
}

static bool read_dtype(struct reader *reader, char *const *fields, int *dtype)
{
    const char *text = reader->dtype < 0 ? "" : fields[reader->dtype];
    for (*dtype = 0; *dtype < LS_N_DTYPES; ++*dtype)
        if (strcmp(text, ls_dtype_names[*dtype]) == 0)
            return true;
    reject(reader, "dtype", text, "a data type such as bf16 or fp8");
    return false;
}

static bool read_entry(struct reader *reader, char *const *fields, struct entry *entry)
{
    *entry = (struct entry){.line = reader->file.line};
    if (!read_kind(reader, fields[reader->operation], &entry->kind))
        return false;
    const struct ls_table_form *form = &ls_table_forms[entry->kind];
    if (form->typed && !read_dtype(reader, fields, &entry->dtype))
        return false;
    for (int i = 0; i < form->n_keys; i++) {
        const int column = reader->key[entry->kind][i];
        const char *text = column < 0 ? "" : fields[column];
        if (!read_number(text, &entry->row.key[i])) {
            reject(reader, form->keys[i], text, "a positive number");
            return false;
        }
    }
    if (!read_number(fields[reader->seconds], &entry->row.seconds)) {
        reject(reader, "seconds", fields[reader->seconds], "a positive number");
        return false;
    }
    return true;
}

static enum ls_status add_entry(struct reader *reader, const struct entry *entry)
{
    struct entry *entries = ls_grow(reader->entries, reader->n, &reader->capacity, sizeof *entries);
    if (!entries)
        return LS_NOMEM;
    reader->entries = entries;
    reader->entries[reader->n++] = *entry;
    return LS_OK;
}

static enum ls_status read_row(void *context, char *line)
{
    struct reader *reader = context;
    char *fields[MAX_COLUMNS];
    struct entry entry;
    const size_t n = ls_csv_split(line, fields, MAX_COLUMNS);
    if (n == 1 && fields[0][0] == '\0')
        return LS_OK;
    if (n != reader->n_columns)
        ls_diags_add(reader->file.diags, reader->file.path, reader->file.line, 1, "",
                     "%zu fields; the first line has %zu", n, reader->n_columns);
    else if (read_entry(reader, fields, &entry))
        return add_entry(reader, &entry);
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
    ls_diags_add(file->diags, file->path, 0, 0, "", "no rows; only the first line is there");
    return LS_INPUT;
}

/* --- The whole --- */

static int compare_keys(const struct entry *left, const struct entry *right)
{
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    if (left->dtype != right->dtype)
        return left->dtype < right->dtype ? -1 : 1;
    for (int i = 0; i < LS_TABLE_MAX_KEYS; i++)
        if (left->row.key[i] != right->row.key[i])
            return left->row.key[i] < right->row.key[i] ? -1 : 1;
    return 0;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    const int order = compare_keys(left, right);
    return order ? order : (left->line > right->line) - (left->line < right->line);
}

static uint64_t hash_entry(uint64_t hash, const struct entry *entry)
{
    hash = ls_fnv_number(hash, entry->kind);
    hash = ls_fnv_number(hash, entry->dtype);
    for (int i = 0; i < LS_TABLE_MAX_KEYS; i++)
        hash = ls_fnv_number(hash, entry->row.key[i]);
    return ls_fnv_number(hash, entry->row.seconds);
}

static bool check_unique(struct reader *reader)
{
    const struct ls_text_file *file = &reader->file;
    for (size_t i = 1; i < reader->n && ls_text_file_n_faults(file) < MAX_REPEATED; i++)
        if (compare_keys(&reader->entries[i - 1], &reader->entries[i]) == 0)
            ls_diags_add(file->diags, file->path, reader->entries[i].line, 1, "",
                         "measured already in line %d; keep one of them", reader->entries[i - 1].line);
    return ls_text_file_n_faults(file) == 0;
}

static enum ls_status finish(struct reader *reader, struct ls_kernel_table *table, struct ls_table_row **rows)
{
    qsort(reader->entries, reader->n, sizeof *reader->entries, compare_entries);
    if (!check_unique(reader))
        return LS_INPUT;
    *rows = malloc(reader->n * sizeof **rows);
    if (!*rows)
        return LS_NOMEM;
    *table = (struct ls_kernel_table){.digest = LS_FNV_START};
    for (size_t i = 0; i < reader->n; i++) {
        const struct entry *entry = &reader->entries[i];
        struct ls_table_section *section = &table->section[entry->kind][entry->dtype];
        (*rows)[i] = entry->row;
        if (section->n++ == 0)
            section->rows = &(*rows)[i];
        table->digest = hash_entry(table->digest, entry);
    }
    return LS_OK;
}

enum ls_status ls_table_read(const char *path, struct ls_kernel_table *table, struct ls_table_row **rows,
                             struct ls_diags *diags)
{
    struct reader reader = {0};
    enum ls_status status = ls_text_file_open(&reader.file, path, MAX_FILE_BYTES, "a CSV file", diags);
    if (status)
        return status;
    status = read_lines(&reader);
    if (!status)
        status = finish(&reader, table, rows);
    free(reader.entries);
    ls_text_file_release(&reader.file);
    return status;
}
