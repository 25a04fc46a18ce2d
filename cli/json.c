#include "cli/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void ls_json_string(FILE *stream, const char *text)
{
    (void)fputc('"', stream);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            (void)fprintf(stream, "\\%c", *c);
        else if (*c < 0x20)
            (void)fprintf(stream, "\\u%04x", *c);
        else
            (void)fputc(*c, stream);
    }
    (void)fputc('"', stream);
}

void ls_json_number(FILE *stream, double value)
{
    char text[32];
    if (!isfinite(value)) {
        (void)fputs("null", stream);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    (void)fputs(text, stream);
}

static void print_scalar(FILE *stream, const struct ls_param *param, const void *field)
{
    const union ls_value value = ls_param_load(param, field);
    char text[2 * LS_NAME_LEN];
    if (ls_param_is_null(param, &value)) {
        (void)fputs("null", stream);
        return;
    }
    ls_param_format(param, &value, text, sizeof text);
    const bool named_int = param->type == LS_PARAM_INT && value.i < 0 && param->choices;
    const bool number = (param->type == LS_PARAM_INT && !named_int) ||
                        (param->type == LS_PARAM_FLOAT && text[strspn(text, "+-.0123456789e")] == '\0');
    if (number || param->type == LS_PARAM_BOOL)
        (void)fputs(text, stream);
    else
        ls_json_string(stream, text);
}

static void print_list(FILE *stream, const struct ls_param *param, const char *base, int indent)
{
    int32_t count;
    memcpy(&count, base + param->count_offset, sizeof count);
    (void)fputc('[', stream);
    for (int32_t i = 0; i < count; i++) {
        (void)fputs(i > 0 ? ", " : "", stream);
        ls_json_params(stream, param->table, base + param->offset + (size_t)i * param->stride, indent);
    }
    (void)fputc(']', stream);
}

void ls_json_params(FILE *stream, const struct ls_param_table *table, const void *base, int indent)
{
    const char *bytes = base;
    (void)fputc('{', stream);
    for (size_t i = 0; i < table->n; i++) {
        const struct ls_param *param = &table->rows[i];
        (void)fprintf(stream, "%s\n%*s", i > 0 ? "," : "", indent + 2, "");
        ls_json_string(stream, param->key);
        (void)fputs(": ", stream);
        if (ls_param_is_scalar(param))
            print_scalar(stream, param, bytes + param->offset);
        else if (param->type == LS_PARAM_LIST)
            print_list(stream, param, bytes, indent + 2);
        else
            ls_json_params(stream, param->table, bytes + param->offset, indent + 2);
    }
    (void)fprintf(stream, "\n%*s}", indent, "");
}

void ls_json_metrics(FILE *stream, const struct ls_metrics *metrics, enum ls_kind kind, int indent)
{
    double columns[LS_N_COLUMNS];
    const char *separator = "";
    memcpy(columns, metrics, sizeof columns);
    (void)fputc('{', stream);
    for (size_t i = 0; i < LS_N_COLUMNS; i++) {
        char name[64];
        if (!(ls_metric_of_column(i)->kinds & (1u << kind)))
            continue;
        (void)fprintf(stream, "%s\n%*s", separator, indent + 2, "");
        ls_json_string(stream, ls_metric_column_name(i, name, sizeof name));
        (void)fputs(": ", stream);
        ls_json_number(stream, columns[i]);
        separator = ",";
    }
    (void)fprintf(stream, "\n%*s}", indent, "");
}
