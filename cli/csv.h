#ifndef LS_CLI_CSV_H
#define LS_CLI_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Comma-separated values (RFC 4180): fields in quotes where they need them, lines that end in CR LF. */
struct ls_csv {
    FILE *stream;
    bool in_row;
};

void ls_csv_text(struct ls_csv *csv, const char *text);

/* The shortest text that reads back to the same bits; nothing for NaN. */
void ls_csv_number(struct ls_csv *csv, double value);

void ls_csv_end_row(struct ls_csv *csv);

#endif
