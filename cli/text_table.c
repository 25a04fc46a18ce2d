#include "cli/text_table.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"

enum { HEAD_WIDTH = 14, MAX_HEAD_LINES = 8 };

void ls_text_table_init(struct ls_text_table *table)
{
    *table = (struct ls_text_table){0};
}

void ls_text_table_release(struct ls_text_table *table)
{
    for (size_t i = 0; i < table->n_cells; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table->left);
    ls_text_table_init(table);
}

static void add(struct ls_text_table *table, const char *text)
{
    table->cells = ls_realloc(table->cells, table->n_cells + 1, sizeof *table->cells);
    table->cells[table->n_cells++] = ls_copy_text(text);
}

void ls_text_table_head(struct ls_text_table *table, const char *head, bool left)
{
    assert(table->n_cells == table->n_columns);
    table->left = ls_realloc(table->left, table->n_columns + 1, sizeof *table->left);
    table->left[table->n_columns++] = left;
    add(table, head);
}

void ls_text_table_text(struct ls_text_table *table, const char *text)
{
    add(table, text);
}

void ls_text_table_number(struct ls_text_table *table, double value, double half_width)
{
    char text[64] = "-";
    if (!isnan(value) && isnan(half_width))
        (void)snprintf(text, sizeof text, "%.4g", value);
    else if (!isnan(value))
        (void)snprintf(text, sizeof text, "%.4g ±%.2g", value, half_width);
    add(table, text);
}

/* Characters, not bytes, of UTF-8. */
static size_t width_of(const char *text, size_t n)
{
    size_t width = 0;
    for (size_t i = 0; i < n; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

/* Where the first line of a head ends: after the last underscore within HEAD_WIDTH, or the first one beyond. */
static size_t break_of(const char *head)
{
    const size_t n = strlen(head);
    if (n <= HEAD_WIDTH)
        return n;
    size_t end = 0;
    for (size_t i = 0; i < n; i++)
        if (head[i] == '_' && (end == 0 || i < HEAD_WIDTH))
            end = i + 1;
    return end ? end : n;
}

static size_t column_width(const struct ls_text_table *table, size_t column)
{
    size_t width = 0;
    for (const char *head = table->cells[column]; *head;) {
        const size_t n = break_of(head);
        width = n > width ? n : width;
        head += n;
    }
    for (size_t i = table->n_columns + column; i < table->n_cells; i += table->n_columns) {
        const size_t own = width_of(table->cells[i], strlen(table->cells[i]));
        width = own > width ? own : width;
    }
    return width;
}

/* Heads stand on the line above the rows: one that has fewer lines starts lower. */
static size_t head_lines(const char *head)
{
    size_t n = 0;
    for (; *head; n++)
        head += break_of(head);
    return n;
}

/* A part of one cell on its way to one line. */
struct piece {
    const char *text;
    size_t n; /* bytes */
};

/* Nothing follows the last piece that has text. */
static void print_line(const struct ls_text_table *table, const size_t *widths, const struct piece *pieces,
                       FILE *stream)
{
    size_t n = table->n_columns;
    while (n > 0 && pieces[n - 1].n == 0)
        n--;
    for (size_t i = 0; i < n; i++) {
        const int padding = (int)(widths[i] - width_of(pieces[i].text, pieces[i].n));
        const bool left = table->left[i];
        (void)fprintf(stream, "%s%*s%.*s%*s", i > 0 ? "  " : "", left ? 0 : padding, "", (int)pieces[i].n,
                      pieces[i].text, left && i + 1 < n ? padding : 0, "");
    }
    (void)fputc('\n', stream);
}

static void print_heads(const struct ls_text_table *table, const size_t *widths, struct piece *pieces, FILE *stream)
{
    size_t n_lines = 1;
    for (size_t i = 0; i < table->n_columns; i++)
        n_lines = head_lines(table->cells[i]) > n_lines ? head_lines(table->cells[i]) : n_lines;
    for (size_t line = 0; line < n_lines; line++) {
        for (size_t i = 0; i < table->n_columns; i++) {
            const size_t first = n_lines - head_lines(table->cells[i]);
            const char *head = table->cells[i];
            for (size_t skip = first; skip < line; skip++)
                head += break_of(head);
            pieces[i] = (struct piece){head, line < first ? 0 : break_of(head)};
        }
        print_line(table, widths, pieces, stream);
    }
}

void ls_text_table_print(const struct ls_text_table *table, FILE *stream)
{
    assert(table->n_columns > 0 && table->n_cells % table->n_columns == 0);
    size_t *widths = ls_alloc(table->n_columns, sizeof *widths);
    struct piece *pieces = ls_alloc(table->n_columns, sizeof *pieces);
    for (size_t i = 0; i < table->n_columns; i++)
        widths[i] = column_width(table, i);
    print_heads(table, widths, pieces, stream);
    for (size_t row = table->n_columns; row < table->n_cells; row += table->n_columns) {
        for (size_t i = 0; i < table->n_columns; i++)
            pieces[i] = (struct piece){table->cells[row + i], strlen(table->cells[row + i])};
        print_line(table, widths, pieces, stream);
    }
    free(pieces);
    free(widths);
}
