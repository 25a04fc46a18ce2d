#include "io/csv_row.h"

#include <string.h>

size_t ls_csv_split(char *line, char **fields, size_t max)
{
    size_t n = 0;
    char *field = line;
    while (field && n < max) {
        char *comma = strchr(field, ',');
        if (comma)
            *comma = '\0';
        field += strspn(field, " \t\"");
        size_t length = strlen(field);
        while (length > 0 && strchr(" \t\"\r", field[length - 1]))
            field[--length] = '\0';
        fields[n++] = field;
        field = comma ? comma + 1 : NULL;
    }
    return n;
}
