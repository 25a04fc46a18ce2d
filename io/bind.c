#include "io/bind.h"

#include <stdio.h>
#include <string.h>

#include "engine/sim/distribution.h"
#include "engine/suggest.h"
#include "io/object.h"

enum { MAX_KEYS = 96, PATH_LEN = 512 };

static const char *join(char *buffer, const char *path, const char *key)
{
    (void)snprintf(buffer, PATH_LEN, "%.400s%s%.96s", path, path[0] ? "." : "", key);
    return buffer;
}

/* --- Scalars --- */

static bool join_sequence(const struct ls_yaml *node, const char *between, char *buffer, size_t size)
{
    size_t n = 0;
    buffer[0] = '\0';
    for (size_t i = 0; i < node->n; i++) {
        const struct ls_yaml *word = node->entries[i].value;
        char inner[LS_NAME_LEN];
        if (word->kind != LS_YAML_SCALAR && (*between != ' ' || !join_sequence(word, "x", inner, sizeof inner)))
            return false;
        n += (size_t)snprintf(buffer + n, size - n, "%s%s", i ? between : "",
                              word->kind == LS_YAML_SCALAR ? word->text : inner);
        if (n >= size)
            return false;
    }
    return node->kind == LS_YAML_SEQUENCE;
}

/* A sequence of words, joined by spaces, or of sequences of words, which x joins; false when it is no such thing or too
 * long. */
static bool join_words(const struct ls_yaml *node, char *buffer, size_t size)
{
    return join_sequence(node, " ", buffer, size);
}

/* The k of {every: k}; null when the node is nothing like that. */
static const char *every_text(const struct ls_yaml *node)
{
    if (node->kind != LS_YAML_MAPPING || node->n != 1 || strcmp(node->entries[0].key, "every") != 0)
        return NULL;
    const struct ls_yaml *k = node->entries[0].value;
    return k->kind == LS_YAML_SCALAR && strspn(k->text, "0123456789") == strlen(k->text) ? k->text : NULL;
}

static const char *scalar_text(const struct ls_yaml *node, const struct ls_param *param, char *buffer, size_t size)
{
    if (param->flags & LS_PARAM_EVERY && node->kind != LS_YAML_SCALAR)
        return every_text(node);
    if (node->kind == LS_YAML_SCALAR)
        return node->text;
    return param->type == LS_PARAM_TEXT && join_words(node, buffer, size) ? buffer : NULL;
}

enum ls_status ls_bind_value(const struct ls_bind *bind, const struct ls_yaml *node, const struct ls_param *param,
                             const char *path, union ls_value *value)
{
    char buffer[LS_NAME_LEN], right[320];
    struct ls_err err = {""};
    const char *text = scalar_text(node, param, buffer, sizeof buffer);
    const enum ls_status status = text ? ls_param_parse(param, text, value, &err) : LS_INPUT;
    if (!text)
        ls_yaml_fault(bind->diags, node, path, "%s was given; write %s%s", ls_yaml_kind_text(node),
                      ls_param_advice(param, right, sizeof right),
                      param->flags & LS_PARAM_EVERY ? ", or {every: k}" : "");
    else if (status)
        ls_yaml_fault(bind->diags, node, path, "%s", err.text);
    return status;
}

/* --- Lists of named mappings --- */

static bool is_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return text[0] != '\0' && strspn(text, letters) == strlen(text) && strlen(text) < LS_NAME_LEN;
}

/* The element's name into name[LS_NAME_LEN], checked against those before it; its number where the table lets it have
 * none. False after a fault. */
static bool name_element(const struct ls_bind *bind, const struct ls_yaml *list, size_t i, const struct ls_param *param,
                         const char *path, char *name)
{
    const struct ls_yaml *element = list->entries[i].value;
    if (element->kind != LS_YAML_MAPPING) {
        ls_yaml_fault(bind->diags, element, path, "%s was given; write a mapping", ls_yaml_kind_text(element));
        return false;
    }
    const struct ls_yaml *given = ls_yaml_get(element, "name");
    (void)snprintf(name, LS_NAME_LEN, "%zu", i);
    if (!given && !(param->table->rows[0].flags & LS_PARAM_REQUIRED))
        return true;
    if (!given || given->kind != LS_YAML_SCALAR || !is_name(given->text)) {
        ls_yaml_fault(bind->diags, given ? given : element, path,
                      "an entry needs a name of letters, digits, _ and -, such as name: chat");
        return false;
    }
    for (size_t j = 0; j < i; j++) {
        const struct ls_yaml *other = ls_yaml_get(list->entries[j].value, "name");
        if (other && other->kind == LS_YAML_SCALAR && strcmp(other->text, given->text) == 0) {
            ls_yaml_fault(bind->diags, given, path, "two entries are called %.90s; rename one", given->text);
            return false;
        }
    }
    (void)snprintf(name, LS_NAME_LEN, "%s", given->text);
    return true;
}

static void bind_list(const struct ls_bind *bind, const struct ls_yaml *node, const struct ls_param *param,
                      const char *path, char *parent)
{
    if (node->kind != LS_YAML_SEQUENCE) {
        ls_yaml_fault(bind->diags, node, path, "%s was given; write a list of mappings", ls_yaml_kind_text(node));
        return;
    }
    if (node->n > param->max_items) {
        ls_yaml_fault(bind->diags, node, path, "%zu entries; write at most %zu", node->n, param->max_items);
        return;
    }
    int32_t count = 0;
    for (size_t i = 0; i < node->n; i++) {
        char name[LS_NAME_LEN];
        if (!name_element(bind, node, i, param, path, name))
            continue;
        char *element = parent + param->offset + (size_t)count++ * param->stride;
        char inner[PATH_LEN];
        memset(element, 0, param->stride);
        ls_param_set_defaults(param->table, element);
        ls_bind_table(bind, node->entries[i].value, param->table, NULL, join(inner, path, name), element);
        memcpy(element, name, sizeof name); /* elements begin with it */
    }
    memcpy(parent + param->count_offset, &count, sizeof count);
}

/* --- Tables --- */

static const struct ls_param *find_row(const struct ls_param_table *table, const char *key)
{
    for (size_t i = 0; i < table->n; i++)
        if (strcmp(table->rows[i].key, key) == 0)
            return &table->rows[i];
    return NULL;
}

/* A number in place of a distribution is always that. */
static void bind_constant(const struct ls_bind *bind, const struct ls_yaml *node, const struct ls_param *param,
                          const char *path, char *parent)
{
    struct ls_dist *dist = (struct ls_dist *)(void *)(parent + param->offset);
    const struct ls_param *value = find_row(param->table, "value");
    union ls_value number;
    if (ls_bind_value(bind, node, value, path, &number))
        return;
    dist->kind = LS_DIST_CONSTANT;
    dist->value = number.d;
}

/* The switch that a word stands for, where the group has one. */
static void switch_on(const struct ls_param_table *table, const char *key, char *base)
{
    for (size_t i = 0; i < table->n; i++)
        if (strcmp(table->rows[i].key, key) == 0)
            ls_param_store(&table->rows[i], base + table->rows[i].offset, &(union ls_value){.i = 1});
}

static void bind_group(const struct ls_bind *bind, const struct ls_yaml *node, const struct ls_param *param,
                       const char *path, char *parent)
{
    const bool is_word = param->def && node->kind == LS_YAML_SCALAR && strcmp(node->text, param->def) == 0;
    if (ls_yaml_is_null(node) || is_word) {
        ls_bind_table(bind, NULL, param->table, NULL, path, parent + param->offset);
        if (is_word)
            switch_on(param->table, param->def, parent + param->offset);
    } else if (param->table == &ls_dist_params && node->kind == LS_YAML_SCALAR)
        bind_constant(bind, node, param, path, parent);
    else if (node->kind != LS_YAML_MAPPING)
        ls_yaml_fault(bind->diags, node, path, "%s was given; write %s%sa mapping of its keys", ls_yaml_kind_text(node),
                      param->def ? param->def : "", param->def ? " or " : "");
    else
        ls_bind_table(bind, node, param->table, NULL, path, parent + param->offset);
}

void ls_bind_param(const struct ls_bind *bind, const struct ls_yaml *node, const struct ls_param *param,
                   const char *path, void *base)
{
    char inner[PATH_LEN];
    char *parent = base;
    union ls_value value;
    (void)join(inner, path, param->key);
    switch (param->type) {
    case LS_PARAM_GROUP:
        bind_group(bind, node, param, inner, parent);
        break;
    case LS_PARAM_LIST:
        if (!ls_yaml_is_null(node))
            bind_list(bind, node, param, inner, parent);
        break;
    case LS_PARAM_OBJECT:
        ls_object_bind(bind, node, param, inner, parent + param->offset);
        break;
    default:
        if (ls_bind_value(bind, node, param, inner, &value) == LS_OK)
            ls_param_store(param, parent + param->offset, &value);
        break;
    }
}

static bool is_other(const char *const *others, const char *key)
{
    for (; others && *others; others++)
        if (strcmp(*others, key) == 0)
            return true;
    return false;
}

static void reject_key(const struct ls_bind *bind, const struct ls_yaml *node, size_t i,
                       const struct ls_param_table *table, const char *const *others, const char *path)
{
    const char *names[MAX_KEYS];
    size_t n = 0;
    for (size_t j = 0; j < table->n && n < MAX_KEYS; j++)
        names[n++] = table->rows[j].key;
    for (; others && *others && n < MAX_KEYS; others++)
        names[n++] = *others;
    const struct ls_yaml_entry *entry = &node->entries[i];
    const char *near = ls_suggest(entry->key, names, n);
    char inner[PATH_LEN];
    ls_diags_add(bind->diags, entry->value->file, entry->line, entry->column, join(inner, path, entry->key),
                 "unknown key%s%s%s", near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

/* A row that the mapping leaves out: required ones must have got their value from elsewhere. */
static void check_absent(const struct ls_bind *bind, const struct ls_yaml *place, const struct ls_param *param,
                         const char *path, char *base)
{
    char inner[PATH_LEN];
    (void)join(inner, path, param->key);
    if (param->type == LS_PARAM_GROUP) {
        for (size_t i = 0; i < param->table->n; i++)
            check_absent(bind, place, &param->table->rows[i], inner, base + param->offset);
        return;
    }
    if (!(param->flags & LS_PARAM_REQUIRED))
        return;
    if (ls_param_is_scalar(param)) {
        const union ls_value value = ls_param_load(param, base + param->offset);
        if (!ls_param_is_null(param, &value))
            return;
    }
    ls_yaml_fault(bind->diags, place, inner, "missing; %s", param->doc);
}

static void bind_rows(const struct ls_bind *bind, const struct ls_yaml *node, const struct ls_yaml *place,
                      const struct ls_param_table *table, const char *path, char *base)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct ls_param *param = &table->rows[i];
        const struct ls_yaml *value = node ? ls_yaml_get(node, param->key) : NULL;
        if (value)
            ls_bind_param(bind, value, param, path, base);
        else
            check_absent(bind, place, param, path, base);
    }
}

void ls_bind_table(const struct ls_bind *bind, const struct ls_yaml *node, const struct ls_param_table *table,
                   const char *const *others, const char *path, void *base)
{
    static const struct ls_yaml nowhere = {.kind = LS_YAML_MAPPING};
    for (size_t i = 0; node && i < node->n; i++)
        if (!find_row(table, node->entries[i].key) && !is_other(others, node->entries[i].key))
            reject_key(bind, node, i, table, others, path);
    bind_rows(bind, node, node ? node : &nowhere, table, path, base);
}

void ls_bind_locate(struct ls_diags *diags, const struct ls_yaml *root, const char *message)
{
    const char *colon = strstr(message, ": ");
    char key[PATH_LEN] = "";
    if (!colon || colon == message || strcspn(message, " ") < (size_t)(colon - message) ||
        (size_t)(colon - message) >= sizeof key) {
        ls_yaml_fault(diags, root, "", "%s", message);
        return;
    }
    memcpy(key, message, (size_t)(colon - message));
    const char *rest;
    ls_yaml_fault(diags, ls_yaml_find(root, key, &rest), key, "%s", colon + 2);
}
