#include "io/table_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/read_file.h"

#define MAX_FILE_BYTES ((size_t)4 << 30)
#define MAX_FAULTS 20

enum { MAX_COLUMNS = 64, MAX_KEY_COLUMNS = 16 };

/* A row on its way into its section. */
struct entry {
    int kind, dtype, line;
    struct ls_table_row row;
};

struct reader {
    const char *path;
    struct ls_diags *diags;
    size_t n_before; /* faults of others */
    size_t n_columns;
    int operation, dtype, seconds;                /* columns; −1: none */
    int key[LS_N_TABLE_KINDS][LS_TABLE_MAX_KEYS]; /* columns; −1: none */
    struct entry *entries;
    size_t n, capacity;
};

static size_t n_faults(const struct reader *reader)
{
    return reader->diags->n - reader->n_before;
}

/* Cut a line into its fields, in place; MAX_COLUMNS at most. */
static size_t split(char *line, char *fields[MAX_COLUMNS])
{
    size_t n = 0;
    for (char *field = line; field && n < MAX_COLUMNS;) {
        char *comma = strchr(field, ',');
        if (comma)
            *comma = '\0';
        field += strspn(field, " \t\"");
        for (size_t length = strlen(field); length > 0 && strchr(" \t\"\r", field[length - 1]);)
            field[--length] = '\0';
        fields[n++] = field;
        field = comma ? comma + 1 : NULL;
    }
    return n;
}

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
    const size_t n = split(line, fields);
    reader->n_columns = n;
    reader->operation = find_column(fields, n, "operation");
    reader->dtype = find_column(fields, n, "dtype");
    reader->seconds = find_column(fields, n, "seconds");
    for (int kind = 0; kind < LS_N_TABLE_KINDS; kind++)
        for (int i = 0; i < ls_table_forms[kind].n_keys; i++)
            reader->key[kind][i] = find_column(fields, n, ls_table_forms[kind].keys[i]);
    if (reader->operation < 0 || reader->seconds < 0)
        ls_diags_add(reader->diags, reader->path, 1, 1, "",
                     "no table of kernels; the first line must name the columns operation, seconds, dtype and sizes "
                     "such as m, n, k");
}

/* --- Rows --- */

static void reject(struct reader *reader, int line, const char *key, const char *text, const char *right)
{
    ls_diags_add(reader->diags, reader->path, line, 1, key, "%.60s will not do; write %s", text[0] ? text : "nothing",
                 right);
}

static bool read_number(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return text[0] && !*end && isfinite(*number) && *number > 0.0;
}

static bool read_kind(struct reader *reader, int line, const char *text, int *kind)
{
    for (*kind = 0; *kind < LS_N_TABLE_KINDS; ++*kind)
        if (strcmp(text, ls_table_forms[*kind].name) == 0)
            return true;
    reject(reader, line, "operation", text,
           "gemm, grouped_gemm, prefill, decode, memory, all_reduce, all_gather, reduce_scatter, all_to_all or "
           "send_recv");
    return false;
}

static bool read_dtype(struct reader *reader, int line, char *const *fields, int *dtype)
{
    const char *text = reader->dtype < 0 ? "" : fields[reader->dtype];
    for (*dtype = 0; *dtype < LS_N_DTYPES; ++*dtype)
        if (strcmp(text, ls_dtype_names[*dtype]) == 0)
            return true;
    reject(reader, line, "dtype", text, "a data type such as bf16 or fp8");
    return false;
}

static bool read_entry(struct reader *reader, int line, char *const *fields, struct entry *entry)
{
    *entry = (struct entry){.line = line};
    if (!read_kind(reader, line, fields[reader->operation], &entry->kind))
        return false;
    const struct ls_table_form *form = &ls_table_forms[entry->kind];
    if (form->typed && !read_dtype(reader, line, fields, &entry->dtype))
        return false;
    for (int i = 0; i < form->n_keys; i++) {
        const int column = reader->key[entry->kind][i];
        const char *text = column < 0 ? "" : fields[column];
        if (!read_number(text, &entry->row.key[i])) {
            reject(reader, line, form->keys[i], text, "a positive number");
            return false;
        }
    }
    if (!read_number(fields[reader->seconds], &entry->row.seconds)) {
        reject(reader, line, "seconds", fields[reader->seconds], "a positive number");
        return false;
    }
    return true;
}

static enum ls_status add_entry(struct reader *reader, const struct entry *entry)
{
    if (reader->n == reader->capacity) {
        const size_t capacity = reader->capacity ? 2 * reader->capacity : 1024;
        struct entry *entries = realloc(reader->entries, capacity * sizeof *entries);
        if (!entries)
            return LS_NOMEM;
        reader->entries = entries;
        reader->capacity = capacity;
    }
    reader->entries[reader->n++] = *entry;
    return LS_OK;
}

static enum ls_status read_row(struct reader *reader, char *line, int number)
{
    char *fields[MAX_COLUMNS];
    struct entry entry;
    const size_t n = split(line, fields);
    if (n == 1 && fields[0][0] == '\0')
        return LS_OK;
    if (n != reader->n_columns)
        ls_diags_add(reader->diags, reader->path, number, 1, "", "%zu fields; the first line has %zu", n,
                     reader->n_columns);
    else if (read_entry(reader, number, fields, &entry))
        return add_entry(reader, &entry);
    return LS_OK;
}

static enum ls_status read_lines(struct reader *reader, char *text)
{
    enum ls_status status = LS_OK;
    int number = 0;
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0) /* byte order mark */
        text += 3;
    for (char *line = text; line && !status; number++) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        if (number == 0)
            read_header(reader, line);
        else
            status = read_row(reader, line, number + 1);
        line = end ? end + 1 : NULL;
        if (number == 0 && n_faults(reader))
            return LS_INPUT;
        if (n_faults(reader) >= MAX_FAULTS) {
            ls_diags_add(reader->diags, reader->path, 0, 0, "", "too many faults; the rest is not read");
            return LS_INPUT;
        }
    }
    if (!status && n_faults(reader) == 0 && reader->n == 0)
        ls_diags_add(reader->diags, reader->path, 0, 0, "", "no rows; only the first line is there");
    return status ? status : n_faults(reader) ? LS_INPUT : LS_OK;
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

/* FNV-1a over the bits of a number. */
static uint64_t hash_number(uint64_t hash, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    for (int shift = 0; shift < 64; shift += 8)
        hash = (hash ^ (bits >> shift & 0xff)) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t hash_entry(uint64_t hash, const struct entry *entry)
{
    hash = hash_number(hash, entry->kind);
    hash = hash_number(hash, entry->dtype);
    for (int i = 0; i < LS_TABLE_MAX_KEYS; i++)
        hash = hash_number(hash, entry->row.key[i]);
    return hash_number(hash, entry->row.seconds);
}

static bool check_unique(struct reader *reader)
{
    for (size_t i = 1; i < reader->n && n_faults(reader) < MAX_FAULTS; i++)
        if (compare_keys(&reader->entries[i - 1], &reader->entries[i]) == 0)
            ls_diags_add(reader->diags, reader->path, reader->entries[i].line, 1, "",
                         "measured already in line %d; keep one of them", reader->entries[i - 1].line);
    return n_faults(reader) == 0;
}

static enum ls_status finish(struct reader *reader, struct ls_kernel_table *table, struct ls_table_row **rows)
{
    qsort(reader->entries, reader->n, sizeof *reader->entries, compare_entries);
    if (!check_unique(reader))
        return LS_INPUT;
    *rows = malloc(reader->n * sizeof **rows);
    if (!*rows)
        return LS_NOMEM;
    *table = (struct ls_kernel_table){.digest = UINT64_C(0xcbf29ce484222325)};
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
    struct reader reader = {.path = path, .diags = diags, .n_before = diags->n};
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
    if (!status)
        status = finish(&reader, table, rows);
    free(reader.entries);
    free(text);
    return status;
}
