#include "io/diag.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/grow.h"

void ls_diags_add(struct ls_diags *diags, const char *file, int line, int column, const char *key, const char *format,
                  ...)
{
    struct ls_diag *items = ls_grow(diags->items, diags->n, &diags->capacity, sizeof *items);
    if (!items)
        return; /* one message less; the status still says that the input is bad */
    diags->items = items;
    struct ls_diag *diag = &diags->items[diags->n++];
    diag->line = line;
    diag->column = column;
    (void)snprintf(diag->file, sizeof diag->file, "%s", file ? file : "");
    (void)snprintf(diag->key, sizeof diag->key, "%s", key ? key : "");
    va_list args;
    va_start(args, format);
    (void)vsnprintf(diag->text, sizeof diag->text, format, args);
    va_end(args);
}

struct ranked {
    struct ls_diag diag;
    size_t file, index; /* first fault of its file, its own number */
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;
    if (left->file != right->file)
        return left->file < right->file ? -1 : 1;
    if (left->diag.line != right->diag.line) /* 0, the file as a whole, comes last */
        return (unsigned)left->diag.line - 1 < (unsigned)right->diag.line - 1 ? -1 : 1;
    if (left->diag.column != right->diag.column)
        return left->diag.column < right->diag.column ? -1 : 1;
    return (left->index > right->index) - (left->index < right->index);
}

static bool says_the_same(const struct ls_diag *a, const struct ls_diag *b)
{
    return a->line > 0 && a->line == b->line && a->column == b->column && strcmp(a->file, b->file) == 0 &&
           strcmp(a->text, b->text) == 0;
}

void ls_diags_sort(struct ls_diags *diags, size_t first)
{
    const size_t n = diags->n - first;
    struct ranked *ranked = n > 1 ? malloc(n * sizeof *ranked) : NULL;
    if (!ranked)
        return; /* nothing to do, or no memory to do it with: they stay as found */
    struct ls_diag *items = diags->items + first;
    for (size_t i = 0; i < n; i++) {
        ranked[i] = (struct ranked){items[i], i, i};
        for (size_t j = 0; j < i && ranked[i].file == i; j++)
            if (strcmp(items[j].file, items[i].file) == 0)
                ranked[i].file = j;
    }
    qsort(ranked, n, sizeof *ranked, compare_ranked);
    diags->n = first;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !says_the_same(&ranked[i].diag, &ranked[i - 1].diag))
            diags->items[diags->n++] = ranked[i].diag;
    free(ranked);
}

void ls_diags_print(const struct ls_diags *diags, FILE *stream)
{
    for (size_t i = 0; i < diags->n; i++) {
        const struct ls_diag *diag = &diags->items[i];
        if (diag->file[0])
            (void)fprintf(stream, "%s:", diag->file);
        if (diag->line > 0)
            (void)fprintf(stream, "%d:%d:", diag->line, diag->column);
        if (diag->file[0] || diag->line > 0)
            (void)fputc(' ', stream);
        if (diag->key[0])
            (void)fprintf(stream, "%s: ", diag->key);
        (void)fprintf(stream, "%s\n", diag->text);
    }
}

void ls_diags_release(struct ls_diags *diags)
{
    free(diags->items);
    *diags = (struct ls_diags){0};
}
