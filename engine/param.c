#include "engine/param.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/suggest.h"
#include "engine/unit.h"

bool ls_param_is_scalar(const struct ls_param *param)
{
    return param->type < LS_PARAM_GROUP;
}

/* A key that ends in a unit takes a bare number in it. */
static bool takes_bare(const struct ls_param *param)
{
    const size_t n = strlen(param->key);
    return param->dimension == LS_DIM_SECONDS && n > 2 && strcmp(param->key + n - 2, "_s") == 0;
}

static size_t count_choices(const struct ls_param *param)
{
    size_t n = 0;
    while (param->choices && param->choices[n])
        n++;
    return n;
}

/* Index of `text` in the row's choices, or −1. */
static int find_choice(const struct ls_param *param, const char *text)
{
    const size_t n = count_choices(param);
    for (size_t i = 0; i < n; i++)
        if (strcmp(param->choices[i], text) == 0)
            return (int)i;
    return -1;
}

/* --- What would be right --- */

struct text {
    char *buffer;
    size_t size, n;
};

static void append(struct text *text, const char *words)
{
    for (; *words && text->n + 1 < text->size; words++)
        text->buffer[text->n++] = *words;
    text->buffer[text->n] = '\0';
}

static void append_bounds(struct text *text, const struct ls_param *param)
{
    const bool bounded = param->max < 1e300;
    char number[40];
    append(text, bounded ? " from " : " of at least ");
    append(text, ls_number_format(param->min, param->dimension, takes_bare(param), number, sizeof number));
    if (!bounded)
        return;
    append(text, " to ");
    append(text, ls_number_format(param->max, param->dimension, takes_bare(param), number, sizeof number));
}

static void append_choices(struct text *text, const struct ls_param *param)
{
    const size_t n = count_choices(param);
    for (size_t i = 0; i < n; i++) {
        append(text, i == 0 ? "" : i + 1 < n ? ", " : " or ");
        append(text, param->choices[i]);
    }
}

const char *ls_param_advice(const struct ls_param *param, char *buffer, size_t size)
{
    struct text text = {buffer, size, 0};
    buffer[0] = '\0';
    switch (param->type) {
    case LS_PARAM_BOOL:
        append(&text, "true or false");
        break;
    case LS_PARAM_CHOICE:
        append_choices(&text, param);
        break;
    case LS_PARAM_INT:
        append(&text, "a whole number");
        append_bounds(&text, param);
        if (param->choices) {
            append(&text, ", ");
            append_choices(&text, param);
        }
        break;
    case LS_PARAM_FLOAT:
        append(&text, ls_dimension_advice(param->dimension, takes_bare(param)));
        append(&text, param->dimension == LS_DIM_NONE ? "" : ",");
        append_bounds(&text, param);
        break;
    default:
        append(&text, "text");
        break;
    }
    if (param->flags & LS_PARAM_NULLABLE)
        append(&text, ", or null");
    return buffer;
}

static enum ls_status reject(const struct ls_param *param, const char *text, const char *wrong, struct ls_err *err)
{
    char right[320];
    return ls_fail(err, LS_INPUT, "%.60s %s; write %s", text, wrong, ls_param_advice(param, right, sizeof right));
}

/* --- Text to value --- */

static bool is_null_text(const char *text)
{
    return text[0] == '\0' || strcmp(text, "null") == 0 || strcmp(text, "~") == 0 || strcmp(text, "Null") == 0 ||
           strcmp(text, "NULL") == 0;
}

static void set_null(const struct ls_param *param, union ls_value *value)
{
    switch (param->type) {
    case LS_PARAM_INT:
        value->i = LS_NULL_INT;
        break;
    case LS_PARAM_FLOAT:
        value->d = (double)NAN;
        break;
    case LS_PARAM_TEXT:
        memset(value->s, 0, sizeof value->s);
        break;
    default:
        value->i = LS_NULL_CHOICE;
        break;
    }
}

static enum ls_status parse_number(const struct ls_param *param, const char *text, double *number, struct ls_err *err)
{
    enum ls_dimension found = LS_DIM_NONE;
    double value = 0;
    switch (ls_number_parse(text, param->dimension, takes_bare(param), &value, &found)) {
    case LS_NUMBER_OK:
        break;
    case LS_NUMBER_BARE:
        return reject(param, text, "has no unit", err);
    case LS_NUMBER_UNIT:
        return reject(param, text, "has a unit that is not known", err);
    case LS_NUMBER_OTHER_UNIT: {
        char wrong[64];
        (void)snprintf(wrong, sizeof wrong, "is in units of %s", found == LS_DIM_NONE ? "%" : ls_dimension_unit(found));
        return reject(param, text, wrong, err);
    }
    default:
        return reject(param, text, "is not a number", err);
    }
    if (!(value >= param->min && value <= param->max))
        return reject(param, text, "is out of range", err);
    *number = value;
    return LS_OK;
}

static enum ls_status parse_int(const struct ls_param *param, const char *text, int64_t *integer, struct ls_err *err)
{
    const int choice = find_choice(param, text);
    if (choice >= 0) {
        *integer = -(choice + 1);
        return LS_OK;
    }
    double number;
    const enum ls_status status = parse_number(param, text, &number, err);
    if (status)
        return status;
    if (number != floor(number) || strchr(text, '%'))
        return reject(param, text, "is not a whole number", err);
    *integer = (int64_t)number;
    return LS_OK;
}

static enum ls_status parse_choice(const struct ls_param *param, const char *text, int64_t *index, struct ls_err *err)
{
    const int choice = find_choice(param, text);
    if (choice < 0) {
        const char *near = ls_suggest(text, param->choices, count_choices(param));
        char wrong[160] = "is not known";
        if (near)
            (void)snprintf(wrong, sizeof wrong, "is not known (did you mean %.90s?)", near);
        return reject(param, text, wrong, err);
    }
    *index = choice;
    return LS_OK;
}

static enum ls_status parse_bool(const struct ls_param *param, const char *text, int64_t *flag, struct ls_err *err)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return reject(param, text, "is neither true nor false", err);
    *flag = text[0] == 't';
    return LS_OK;
}

static enum ls_status parse_text(const char *text, char *field, struct ls_err *err)
{
    const size_t n = strlen(text);
    if (n >= LS_NAME_LEN)
        return ls_fail(err, LS_INPUT, "%.40s… has %zu bytes; write at most %d", text, n, LS_NAME_LEN - 1);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < ' ')
            return ls_fail(err, LS_INPUT, "a control character; write one line of plain text");
    memset(field, 0, LS_NAME_LEN);
    memcpy(field, text, n);
    return LS_OK;
}

enum ls_status ls_param_parse(const struct ls_param *param, const char *text, union ls_value *value, struct ls_err *err)
{
    assert(ls_param_is_scalar(param));
    if (is_null_text(text)) {
        if (!(param->flags & LS_PARAM_NULLABLE))
            return reject(param, text[0] ? text : "nothing", "is not a value here", err);
        set_null(param, value);
        return LS_OK;
    }
    switch (param->type) {
    case LS_PARAM_BOOL:
        return parse_bool(param, text, &value->i, err);
    case LS_PARAM_CHOICE:
        return parse_choice(param, text, &value->i, err);
    case LS_PARAM_INT:
        return parse_int(param, text, &value->i, err);
    case LS_PARAM_FLOAT:
        return parse_number(param, text, &value->d, err);
    default:
        return parse_text(text, value->s, err);
    }
}

/* --- Value to text --- */

bool ls_param_is_null(const struct ls_param *param, const union ls_value *value)
{
    switch (param->type) {
    case LS_PARAM_INT:
        return value->i == LS_NULL_INT;
    case LS_PARAM_FLOAT:
        return isnan(value->d);
    case LS_PARAM_TEXT:
        return value->s[0] == '\0';
    default:
        return value->i == LS_NULL_CHOICE;
    }
}

const char *ls_param_format(const struct ls_param *param, const union ls_value *value, char *buffer, size_t size)
{
    assert(size >= 40);
    if (ls_param_is_null(param, value)) {
        (void)snprintf(buffer, size, "null");
        return buffer;
    }
    switch (param->type) {
    case LS_PARAM_BOOL:
        (void)snprintf(buffer, size, "%s", value->i ? "true" : "false");
        break;
    case LS_PARAM_CHOICE:
        (void)snprintf(buffer, size, "%s", param->choices[value->i]);
        break;
    case LS_PARAM_INT:
        if (param->choices && value->i < 0)
            (void)snprintf(buffer, size, "%s", param->choices[-value->i - 1]);
        else
            (void)snprintf(buffer, size, "%lld", (long long)value->i);
        break;
    case LS_PARAM_FLOAT:
        (void)ls_number_format(value->d, param->dimension, takes_bare(param), buffer, size);
        break;
    default:
        (void)snprintf(buffer, size, "%s", value->s);
        break;
    }
    return buffer;
}

/* --- Fields --- */

void ls_param_store(const struct ls_param *param, void *field, const union ls_value *value)
{
    switch (param->type) {
    case LS_PARAM_INT:
        memcpy(field, &value->i, sizeof value->i);
        break;
    case LS_PARAM_FLOAT:
        memcpy(field, &value->d, sizeof value->d);
        break;
    case LS_PARAM_TEXT:
        memcpy(field, value->s, sizeof value->s);
        break;
    default: {
        assert(ls_param_is_scalar(param));
        const int32_t index = (int32_t)value->i;
        memcpy(field, &index, sizeof index);
        break;
    }
    }
}

union ls_value ls_param_load(const struct ls_param *param, const void *field)
{
    union ls_value value;
    switch (param->type) {
    case LS_PARAM_INT:
        memcpy(&value.i, field, sizeof value.i);
        break;
    case LS_PARAM_FLOAT:
        memcpy(&value.d, field, sizeof value.d);
        break;
    case LS_PARAM_TEXT:
        memcpy(value.s, field, sizeof value.s);
        break;
    default: {
        assert(ls_param_is_scalar(param));
        int32_t index;
        memcpy(&index, field, sizeof index);
        value.i = index;
        break;
    }
    }
    return value;
}

bool ls_param_is_null_object(const struct ls_param *param, const void *object)
{
    if (param->type != LS_PARAM_OBJECT || !(param->flags & LS_PARAM_NULLABLE))
        return false;
    for (size_t i = 0; i < param->table->n; i++) {
        const struct ls_param *row = &param->table->rows[i];
        if (!(row->flags & LS_PARAM_REQUIRED) || !ls_param_is_scalar(row))
            continue;
        const union ls_value value = ls_param_load(row, (const char *)object + row->offset);
        if (ls_param_is_null(row, &value))
            return true;
    }
    return false;
}

int32_t ls_param_list_count(const struct ls_param *list, const void *parent)
{
    int32_t n;
    memcpy(&n, (const char *)parent + list->count_offset, sizeof n);
    return n;
}

static void set_default(const struct ls_param *param, char *parent)
{
    union ls_value value;
    if (param->type == LS_PARAM_LIST) {
        const int32_t none = 0;
        memcpy(parent + param->count_offset, &none, sizeof none);
    } else if (!ls_param_is_scalar(param)) {
        ls_param_set_defaults(param->table, parent + param->offset);
    } else if (param->flags & LS_PARAM_REQUIRED) {
        set_null(param, &value);
        ls_param_store(param, parent + param->offset, &value);
    } else {
        struct ls_err err;
        const enum ls_status status = ls_param_parse(param, param->def, &value, &err);
        assert(status == LS_OK); /* a default that its own row refuses */
        (void)status;
        ls_param_store(param, parent + param->offset, &value);
    }
}

void ls_param_set_defaults(const struct ls_param_table *table, void *base)
{
    for (size_t i = 0; i < table->n; i++)
        set_default(&table->rows[i], base);
}

/* --- Finding --- */

/* Whether `path` begins with `element`, whole: then what follows the dot is in *rest (null at the end). */
static bool starts_with(const char *path, const char *element, const char **rest)
{
    const size_t n = strlen(element);
    if (n == 0 || strncmp(path, element, n) != 0 || (path[n] != '\0' && path[n] != '.'))
        return false;
    *rest = path[n] ? path + n + 1 : NULL;
    return true;
}

static enum ls_status unknown_element(const char *path, const char *what, const char *const *names, size_t n,
                                      struct ls_err *err)
{
    char element[LS_NAME_LEN];
    (void)snprintf(element, sizeof element, "%.*s", (int)strcspn(path, "."), path);
    const char *near = ls_suggest(element, names, n);
    if (near)
        return ls_fail(err, LS_INPUT, "unknown %s %s (did you mean %s?)", what, element, near);
    struct ls_err list = {""};
    struct text text = {list.text, 300, 0};
    for (size_t i = 0; i < n; i++) {
        append(&text, i == 0 ? "" : i + 1 < n ? ", " : " or ");
        append(&text, names[i]);
    }
    return ls_fail(err, LS_INPUT, "unknown %s %s; there %s %s", what, element, n == 1 ? "is" : "are",
                   n ? list.text : "none");
}

enum { MAX_NAMES = 64 };

static enum ls_status find_in_table(const struct ls_param_table *table, const char *base, const char *path,
                                    size_t offset, struct ls_param_ref *ref, struct ls_err *err);

static enum ls_status find_in_list(const struct ls_param *list, const char *base, const char *path, size_t offset,
                                   struct ls_param_ref *ref, struct ls_err *err)
{
    const int32_t n = ls_param_list_count(list, base + offset);
    const char *names[MAX_NAMES];
    size_t n_names = 0;
    for (int32_t i = 0; i < n; i++) {
        const size_t at = offset + list->offset + (size_t)i * list->stride;
        const char *rest;
        if (starts_with(path, base + at, &rest)) {
            if (!rest)
                return ls_fail(err, LS_INPUT, "%s is an entry of %s; name one of its keys", path, list->key);
            return find_in_table(list->table, base, rest, at, ref, err);
        }
        if (n_names < MAX_NAMES)
            names[n_names++] = base + at;
    }
    return unknown_element(path, "name", names, n_names, err);
}

static enum ls_status find_in_table(const struct ls_param_table *table, const char *base, const char *path,
                                    size_t offset, struct ls_param_ref *ref, struct ls_err *err)
{
    const char *names[MAX_NAMES];
    for (size_t i = 0; i < table->n; i++) {
        const struct ls_param *param = &table->rows[i];
        const char *rest;
        if (i < MAX_NAMES)
            names[i] = param->key;
        if (!starts_with(path, param->key, &rest))
            continue;
        if (!rest) {
            *ref = (struct ls_param_ref){param, offset + param->offset};
            return LS_OK;
        }
        if (param->type == LS_PARAM_LIST)
            return find_in_list(param, base, rest, offset, ref, err);
        if (ls_param_is_scalar(param))
            return ls_fail(err, LS_INPUT, "%s is a value and has no key %s", param->key, rest);
        return find_in_table(param->table, base, rest, offset + param->offset, ref, err);
    }
    return unknown_element(path, "key", names, table->n < MAX_NAMES ? table->n : MAX_NAMES, err);
}

enum ls_status ls_param_find(const struct ls_param_table *table, const void *base, const char *path,
                             struct ls_param_ref *ref, struct ls_err *err)
{
    return find_in_table(table, base, path, 0, ref, err);
}
