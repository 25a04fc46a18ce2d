#include "io/diag.h"

#include <stdarg.h>
#include <stdlib.h>

void ls_diags_add(struct ls_diags *diags, const char *file, int line, int column, const char *key, const char *format,
                  ...)
{
    if (diags->n == diags->capacity) {
        const size_t capacity = diags->capacity ? 2 * diags->capacity : 8;
        struct ls_diag *items = realloc(diags->items, capacity * sizeof *items);
        if (!items)
            return; /* one message less; the status still says that the input is bad */
        diags->items = items;
        diags->capacity = capacity;
    }
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
