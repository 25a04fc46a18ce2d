#ifndef LS_CLI_TEXT_TABLE_H
#define LS_CLI_TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A table for people: columns as wide as they need to be, long heads broken at their underscores. */
struct ls_text_table {
    size_t n_columns, n_cells; /* cells: heads first, then row by row */
    char **cells;
    bool *left; /* [n_columns] aligned to the left, as words are */
};

void ls_text_table_init(struct ls_text_table *table);
void ls_text_table_release(struct ls_text_table *table);

/* Add a column; all of them before the first cell. */
void ls_text_table_head(struct ls_text_table *table, const char *head, bool left);

/* Add the next cell, row by row. */
void ls_text_table_text(struct ls_text_table *table, const char *text);

/* Four significant digits; `half_width` follows where it is no NaN; a dash for NaN. */
void ls_text_table_number(struct ls_text_table *table, double value, double half_width);

void ls_text_table_print(const struct ls_text_table *table, FILE *stream);

#endif
