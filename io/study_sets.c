#include "io/study_sets.h"

#include <stdio.h>
#include <string.h>

enum { KEY_LEN = 512 };
#define SET_FILE "--set"

const char *ls_full_key(const char *key)
{
    static const char *const full[] = {"strategy.tp", "strategy.pp", "strategy.dp", "strategy.ep", "strategy.lod"};
    for (size_t i = 0; i < sizeof full / sizeof full[0]; i++)
        if (strcmp(strchr(full[i], '.') + 1, key) == 0)
            return full[i];
    return key;
}

struct set {
    struct ls_yaml_arena *arena;
    struct ls_yaml *root;
    const char *key;
    struct ls_yaml *value;
    struct ls_diags *diags;
};

static enum ls_status reject(const struct set *set, const char *text)
{
    ls_diags_add(set->diags, SET_FILE, 0, 0, set->key, "%s", text);
    return LS_INPUT;
}

/* Element of a list whose name starts `path`. */
static struct ls_yaml *find_element(const struct ls_yaml *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct ls_yaml *own = ls_yaml_get(list->entries[i].value, "name");
        if (own && own->kind == LS_YAML_SCALAR && strcmp(own->text, name) == 0)
            return list->entries[i].value;
    }
    return NULL;
}

/* A mapping below `parent` at `key`, made where there is none; a name becomes the base of one. Null when short of
 * memory. */
static struct ls_yaml *descend(const struct set *set, struct ls_yaml *parent, const char *key)
{
    if (parent->kind != LS_YAML_MAPPING)
        return parent; /* a list, which the caller refuses */
    struct ls_yaml *child = ls_yaml_get(parent, key);
    if (child && child->kind != LS_YAML_SCALAR)
        return child;
    struct ls_yaml *mapping = ls_yaml_new_mapping(set->arena, SET_FILE);
    if (!mapping || ls_yaml_put(set->arena, parent, key, mapping))
        return NULL;
    if (child && !ls_yaml_is_null(child) && ls_yaml_put(set->arena, mapping, "base", child))
        return NULL;
    return mapping;
}

static enum ls_status put_at(const struct set *set, struct ls_yaml *node, const char *path)
{
    char element[KEY_LEN];
    const char *dot;
    while ((dot = strchr(path, '.'))) {
        (void)snprintf(element, sizeof element, "%.*s", (int)(dot - path), path);
        if (node->kind == LS_YAML_SEQUENCE) {
            node = find_element(node, element);
            if (!node)
                return reject(set, "no such entry in the list; name one that is there");
        } else {
            node = descend(set, node, element);
            if (!node)
                return LS_NOMEM;
        }
        path = dot + 1;
    }
    if (node->kind != LS_YAML_MAPPING)
        return reject(set, "an entry of a list; name one of its keys");
    return ls_yaml_put(set->arena, node, path, set->value);
}

/* --- Axes --- */

static bool zips(const struct ls_yaml *axis, const char *key)
{
    const struct ls_yaml *zip = ls_yaml_get(axis, "zip");
    for (size_t i = 0; zip && zip->kind == LS_YAML_MAPPING && i < zip->n; i++)
        if (strcmp(ls_full_key(zip->entries[i].key), key) == 0)
            return true;
    return false;
}

/* Key that an axis with one key sweeps. */
static const char *swept_key(const struct ls_yaml_entry *axis)
{
    const struct ls_yaml *key = ls_yaml_get(axis->value, "key");
    return ls_full_key(key && key->kind == LS_YAML_SCALAR ? key->text : axis->key);
}

/* Make the axis hold the set's value alone. */
static enum ls_status fix_axis(const struct set *set, struct ls_yaml_entry *axis)
{
    struct ls_yaml *only = ls_yaml_new_sequence(set->arena, SET_FILE, set->value);
    struct ls_yaml *key = ls_yaml_get(axis->value, "key");
    if (!only)
        return LS_NOMEM;
    if (!key) {
        axis->value = only;
        return LS_OK;
    }
    struct ls_yaml *mapping = ls_yaml_new_mapping(set->arena, SET_FILE);
    if (!mapping || ls_yaml_put(set->arena, mapping, "key", key) || ls_yaml_put(set->arena, mapping, "values", only))
        return LS_NOMEM;
    axis->value = mapping;
    return LS_OK;
}

/* Fix the axis that sweeps the key, or is called so; *found says whether there is one. */
static enum ls_status set_axis(const struct set *set, bool *found)
{
    const char *full = ls_full_key(set->key);
    const struct ls_yaml *sweep = ls_yaml_get(set->root, "sweep");
    const struct ls_yaml *axes = sweep ? ls_yaml_get(sweep, "axes") : NULL;
    *found = true;
    for (size_t i = 0; axes && axes->kind == LS_YAML_MAPPING && i < axes->n; i++) {
        struct ls_yaml_entry *axis = &axes->entries[i];
        if (zips(axis->value, full))
            return reject(set, "moves along an axis with other keys; set the whole axis, as sweep.axes.NAME={zip: …}");
        if (strcmp(swept_key(axis), full) == 0 || strcmp(axis->key, set->key) == 0)
            return fix_axis(set, axis);
    }
    *found = false;
    return LS_OK;
}

static enum ls_status put(const struct set *set, int single)
{
    static const char axes[] = "sweep.axes.";
    if (strncmp(set->key, axes, sizeof axes - 1) == 0) { /* what follows is one key, dots and all */
        struct ls_yaml *sweep = descend(set, set->root, "sweep");
        struct ls_yaml *mapping = sweep ? descend(set, sweep, "axes") : NULL;
        if (mapping && mapping->kind != LS_YAML_MAPPING)
            return reject(set, "sweep.axes is no mapping in the file; write one there");
        return mapping ? ls_yaml_put(set->arena, mapping, set->key + sizeof axes - 1, set->value) : LS_NOMEM;
    }
    bool found = false;
    const enum ls_status status = single ? LS_OK : set_axis(set, &found);
    return status || found ? status : put_at(set, set->root, ls_full_key(set->key));
}

static enum ls_status apply(struct set *set, const char *assignment, int single)
{
    char key[KEY_LEN];
    const char *equals = strchr(assignment, '=');
    set->key = "";
    if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof key) {
        ls_diags_add(set->diags, SET_FILE, 0, 0, "", "%.100s; write KEY=VALUE, such as tp=8", assignment);
        return LS_INPUT;
    }
    (void)snprintf(key, sizeof key, "%.*s", (int)(equals - assignment), assignment);
    set->key = key;
    const char *text = equals[1] ? equals + 1 : "null";
    const enum ls_status status =
        ls_yaml_parse(set->arena, SET_FILE, text, strlen(text), false, &set->value, set->diags);
    return status ? status : put(set, single);
}

enum ls_status ls_sets_apply(struct ls_yaml_arena *arena, struct ls_yaml *root, const char *const *sets, size_t n_sets,
                             int single, struct ls_diags *diags)
{
    enum ls_status result = LS_OK;
    for (size_t i = 0; i < n_sets; i++) {
        struct set set = {arena, root, "", NULL, diags};
        const enum ls_status status = apply(&set, sets[i], single);
        result = result ? result : status;
    }
    return result;
}
