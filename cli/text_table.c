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

static void print_piece(FILE *stream, const char *text, size_t n, size_t width, bool left)
{
    const int padding = (int)(width - width_of(text, n));
    (void)fprintf(stream, "%*s%.*s%*s", left ? 0 : padding, "", (int)n, text, left ? padding : 0, "");
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

static void print_heads(const struct ls_text_table *table, const size_t *widths, FILE *stream)
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
            print_piece(stream, head, line < first ? 0 : break_of(head), widths[i], table->left[i]);
            (void)fputs(i + 1 < table->n_columns ? "  " : "\n", stream);
        }
    }
}

void ls_text_table_print(const struct ls_text_table *table, FILE *stream)
{
    assert(table->n_columns > 0 && table->n_cells % table->n_columns == 0);
    size_t *widths = ls_alloc(table->n_columns, sizeof *widths);
    for (size_t i = 0; i < table->n_columns; i++)
        widths[i] = column_width(table, i);
    print_heads(table, widths, stream);
    for (size_t i = table->n_columns; i < table->n_cells; i++) {
        const size_t column = i % table->n_columns;
        const char *text = table->cells[i];
        const bool last = column + 1 == table->n_columns;
        /* nothing follows the last column, so words in it need no padding */
        print_piece(stream, text, strlen(text),
                    last && table->left[column] ? width_of(text, strlen(text)) : widths[column], table->left[column]);
        (void)fputs(last ? "\n" : "  ", stream);
    }
    free(widths);
}
