#include "io/study_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text that grows; once memory is short it stays as it is. */
struct text {
    char *buffer;
    size_t n, capacity;
    bool failed;
};

static void append(struct text *text, const char *words, size_t n)
{
    if (text->failed)
        return;
    if (text->n + n + 1 > text->capacity) {
        const size_t capacity = 2 * (text->n + n + 1) + 1024;
        char *buffer = realloc(text->buffer, capacity);
        if (!buffer) {
            text->failed = true;
            return;
        }
        text->buffer = buffer;
        text->capacity = capacity;
    }
    memcpy(text->buffer + text->n, words, n);
    text->n += n;
    text->buffer[text->n] = '\0';
}

static void put(struct text *text, const char *words)
{
    append(text, words, strlen(words));
}

static void indent(struct text *text, int level)
{
    for (int i = 0; i < level; i++)
        put(text, "  ");
}

/* Whether a plain scalar of these words reads back as they are: nothing that YAML or we take for something else. */
static bool is_plain(const char *words)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
    const size_t n = strlen(words);
    if (n == 0 || !strchr(safe, words[0]) || words[0] == '-' || words[n - 1] == ' ' || strcmp(words, "null") == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!strchr(safe, words[i]) && words[i] != ' ')
            return false;
    return true;
}

static void put_quoted(struct text *text, const char *words)
{
    put(text, "\"");
    for (; *words; words++) {
        if (*words == '"' || *words == '\\')
            put(text, "\\");
        append(text, words, 1);
    }
    put(text, "\"");
}

static void put_words(struct text *text, const char *words)
{
    if (is_plain(words))
        put(text, words);
    else
        put_quoted(text, words);
}

static void put_value(struct text *text, const struct ls_param *param, const union ls_value *value)
{
    char buffer[LS_NAME_LEN];
    const char *words = ls_param_format(param, value, buffer, sizeof buffer);
    if (param->type == LS_PARAM_TEXT && !ls_param_is_null(param, value))
        put_words(text, words);
    else
        put(text, words);
}

/* --- Tables --- */

static void put_table(struct text *text, const struct ls_param_table *table, const char *base, int level);

static void put_list(struct text *text, const struct ls_param *list, const char *parent, int level)
{
    int32_t n;
    memcpy(&n, parent + list->count_offset, sizeof n);
    if (n == 0)
        return;
    indent(text, level);
    put(text, list->key);
    put(text, ":\n");
    for (int32_t i = 0; i < n; i++) {
        indent(text, level + 1);
        put(text, "-\n");
        put_table(text, list->table, parent + list->offset + (size_t)i * list->stride, level + 2);
    }
}

/* What a file holds is part of the study, its name alone is not: a comment carries the digest. */
static void put_samples(struct text *text, const struct ls_samples *samples)
{
    char line[80];
    (void)snprintf(line, sizeof line, "  # %zu values, digest %016" PRIx64, samples->n, samples->digest);
    put(text, line);
}

/* A null that is also the default is left out: hundreds of them would hide what is there. */
static void put_scalar(struct text *text, const struct ls_param *param, const char *parent, int level)
{
    const union ls_value value = ls_param_load(param, parent + param->offset);
    if (ls_param_is_null(param, &value) && param->def && strcmp(param->def, "null") == 0)
        return;
    indent(text, level);
    put(text, param->key);
    put(text, ": ");
    put_value(text, param, &value);
    if (ls_dist_is_file(param) && ls_dist_of_file(parent + param->offset)->samples)
        put_samples(text, ls_dist_of_file(parent + param->offset)->samples);
    put(text, "\n");
}

static void put_group(struct text *text, const struct ls_param *param, const char *parent, int level)
{
    const size_t start = text->n;
    indent(text, level);
    put(text, param->key);
    put(text, ":\n");
    const size_t empty = text->n;
    put_table(text, param->table, parent + param->offset, level + 1);
    if (text->n == empty) {
        text->n = start;
        put(text, "");
    }
}

static void put_param(struct text *text, const struct ls_param *param, const char *parent, int level)
{
    if (param->type == LS_PARAM_LIST) {
        put_list(text, param, parent, level);
        return;
    }
    if (ls_param_is_scalar(param))
        put_scalar(text, param, parent, level);
    else if (!ls_param_is_null_object(param, parent + param->offset))
        put_group(text, param, parent, level);
}

static void put_table(struct text *text, const struct ls_param_table *table, const char *base, int level)
{
    for (size_t i = 0; i < table->n; i++)
        put_param(text, &table->rows[i], base, level);
}

static enum ls_status finish(struct text *text, char **result)
{
    if (text->failed || !text->buffer) {
        free(text->buffer);
        return LS_NOMEM;
    }
    *result = text->buffer;
    return LS_OK;
}

enum ls_status ls_params_write(const struct ls_param_table *table, const void *base, char **text)
{
    struct text result = {0};
    put_table(&result, table, base, 0);
    return finish(&result, text);
}

/* --- Axes --- */

/* What a recording holds is part of the study, its name alone is not: a comment carries the digest. */
static void put_trace(struct text *text, const struct ls_trace *trace)
{
    char line[80];
    (void)snprintf(line, sizeof line, "# %zu requests, digest %016" PRIx64 "\n", trace->n, trace->digest);
    put(text, line);
}

static void put_setting(struct text *text, const struct ls_param *param, const struct ls_setting *setting, int level)
{
    indent(text, level);
    put(text, "-");
    if (ls_param_is_scalar(param)) {
        put(text, " ");
        put_value(text, param, &setting->value);
        if (setting->object && ls_dist_is_file(param))
            put_samples(text, setting->object);
        put(text, setting->object && !ls_dist_is_file(param) ? "  " : "\n");
        if (setting->object && !ls_dist_is_file(param))
            put_trace(text, setting->object);
    } else if (ls_param_is_null_object(param, setting->object)) {
        put(text, " null\n");
    } else {
        put(text, "\n");
        put_table(text, param->table, setting->object, level + 1);
    }
}

static void put_values(struct text *text, const struct ls_axis *axis, size_t target, int level)
{
    put(text, "\n");
    for (size_t i = 0; i < axis->n; i++)
        put_setting(text, axis->targets[target].ref.param, &axis->settings[i * axis->n_targets + target], level);
}

static void put_axis(struct text *text, const struct ls_axis *axis)
{
    indent(text, 2);
    put_words(text, axis->name);
    put(text, ":\n");
    indent(text, 3);
    if (axis->n_targets == 1) {
        put(text, "key: ");
        put_words(text, axis->targets[0].key);
        put(text, "\n");
        indent(text, 3);
        put(text, "values:");
        put_values(text, axis, 0, 4);
        return;
    }
    put(text, "zip:\n");
    for (size_t i = 0; i < axis->n_targets; i++) {
        indent(text, 4);
        put_words(text, axis->targets[i].key);
        put(text, ":");
        put_values(text, axis, i, 5);
    }
}

static void put_sweep(struct text *text, const struct ls_study *study, const char *where)
{
    char number[32];
    put(text, "sweep:\n  axes:\n");
    for (size_t i = 0; i + 1 < study->n_axes; i++)
        put_axis(text, &study->axes[i]);
    if (where) {
        put(text, "  where: ");
        put_quoted(text, where);
        put(text, "\n");
    }
    const struct ls_search_options *search = &study->search;
    if (search->method != LS_NULL_CHOICE) {
        char line[LS_NAME_LEN + 160];
        (void)snprintf(line, sizeof line,
                       "  search: {method: %s, by: [%s], margin: %.17g, keep: %.17g, half_width: %.17g}\n",
                       ls_search_names[search->method], search->by, search->margin, search->keep, search->half_width);
        put(text, line);
    }
    (void)snprintf(number, sizeof number, "  replicas: %zu\n", study->axes[study->n_axes - 1].n);
    put(text, number);
}

enum ls_status ls_study_write(struct ls_study *study, const char *where, char **text)
{
    struct text result = {0};
    put(&result, "name: ");
    put_words(&result, study->name);
    put(&result, "\n");
    struct ls_param rows[LS_MAX_SECTIONS];
    const struct ls_param_table sections = ls_scenario_sections(study->base.kind, rows);
    put_table(&result, &sections, (const char *)&study->base, 0);
    if (study->base.workload.trace)
        put_trace(&result, study->base.workload.trace);
    put_sweep(&result, study, where);
    const enum ls_status status = finish(&result, text);
    return status ? status : ls_study_adopt(study, *text);
}
