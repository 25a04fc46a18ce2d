#include "io/text_file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/read_file.h"

#define MAX_FAULTS 20
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

enum ls_status ls_text_file_open(struct ls_text_file *file, const char *path, size_t max_bytes, const char *expected,
                                 struct ls_diags *diags)
{
    struct ls_err err = {""};
    char *text;
    size_t n;
    const enum ls_status status = ls_read_file(path, max_bytes, &text, &n, &err);
    if (status) {
        ls_diags_add(diags, path, 0, 0, "", "%s", err.text);
        return status;
    }
    if (strlen(text) != n) {
        ls_diags_add(diags, path, 0, 0, "", "not text; %s was expected", expected);
        free(text);
        return LS_INPUT;
    }
    const bool is_marked = strncmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0;
    char *first = is_marked ? text + strlen(BYTE_ORDER_MARK) : text;
    *file = (struct ls_text_file){path, diags, diags->n, text, first, 0};
    return LS_OK;
}

char *ls_text_file_next(struct ls_text_file *file)
{
    char *line = file->rest;
    if (!line)
        return NULL;
    if (ls_text_file_n_faults(file) >= MAX_FAULTS) {
        ls_diags_add(file->diags, file->path, 0, 0, "", "too many faults; the rest is not read");
        file->rest = NULL;
        return NULL;
    }
    char *end = strchr(line, '\n');
    if (end)
        *end = '\0';
    file->rest = end ? end + 1 : NULL;
    file->line++;
    return line;
}

enum ls_status ls_text_file_each(struct ls_text_file *file, enum ls_status (*read)(void *reader, char *line),
                                 void *reader)
{
    enum ls_status status = LS_OK;
    for (char *line; !status && (line = ls_text_file_next(file));)
        status = read(reader, line);
    return status ? status : ls_text_file_n_faults(file) ? LS_INPUT : LS_OK;
}

size_t ls_text_file_n_faults(const struct ls_text_file *file)
{
    return file->diags->n - file->n_before;
}

void ls_text_file_release(struct ls_text_file *file)
{
    free(file->text);
}
