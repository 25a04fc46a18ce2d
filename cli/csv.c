#include "cli/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void separate(struct ls_csv *csv)
{
    if (csv->in_row)
        (void)fputc(',', csv->stream);
    csv->in_row = true;
}

void ls_csv_text(struct ls_csv *csv, const char *text)
{
    separate(csv);
    if (!strpbrk(text, ",\"\r\n")) {
        (void)fputs(text, csv->stream);
        return;
    }
    (void)fputc('"', csv->stream);
    for (; *text; text++) {
        if (*text == '"')
            (void)fputc('"', csv->stream);
        (void)fputc(*text, csv->stream);
    }
    (void)fputc('"', csv->stream);
}

void ls_csv_number(struct ls_csv *csv, double value)
{
    separate(csv);
    if (isnan(value))
        return;
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    (void)fputs(text, csv->stream);
}

void ls_csv_end_row(struct ls_csv *csv)
{
    (void)fputs("\r\n", csv->stream);
    csv->in_row = false;
}
