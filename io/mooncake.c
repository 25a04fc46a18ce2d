#include "io/mooncake.h"

#include <stdlib.h>
#include <string.h>

static const char *skip(const char *at, const char *blank)
{
    return at + strspn(at, blank);
}

static const char *read_number(const char *at, double *value)
{
    char *end;
    *value = strtod(at, &end);
    return end == at ? NULL : end;
}

const char *ls_mooncake_next(const char *list, const char **name, size_t *n)
{
    double number;
    *name = skip(list, " [,");
    *n = 0;
    if (**name == ']')
        return *name + 1;
    const char *end = read_number(*name, &number);
    if (end)
        *n = (size_t)(end - *name);
    return end;
}

/* A value that is a list: up to its end. */
static const char *skip_list(const char *at)
{
    const char *const end = *at == '[' ? strchr(at, ']') : NULL;
    return end ? end + 1 : NULL;
}

static double *number_of(struct ls_mooncake_row *row, const char *key)
{
    if (strcmp(key, "timestamp") == 0)
        return &row->timestamp_ms;
    if (strcmp(key, "input_length") == 0)
        return &row->input_length;
    return strcmp(key, "output_length") == 0 ? &row->output_length : NULL;
}

bool ls_mooncake_read(char *line, struct ls_mooncake_row *row)
{
    *row = (struct ls_mooncake_row){-1, -1, -1, NULL};
    const char *at = skip(line, " \t");
    if (*at != '{')
        return false;
    for (at = skip(at, " \t{"); *at == '"'; at = skip(at, " \t,")) {
        char *const key = line + (at + 1 - line), *const end = strchr(key, '"');
        double other;
        if (!end)
            return false;
        *end = '\0';
        at = skip(end + 1, " \t:");
        if (strcmp(key, "hash_ids") == 0) {
            row->hash_ids = at;
            at = skip_list(at);
        } else {
            double *number = number_of(row, key);
            at = read_number(at, number ? number : &other);
        }
        if (!at)
            return false;
    }
    return *at == '}' && *skip(at + 1, " \t\r") == '\0';
}
