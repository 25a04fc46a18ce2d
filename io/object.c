#include "io/object.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/suggest.h"
#include "io/hf_config.h"

enum { MAX_DEPTH = 8, MAX_ENTRIES = 64, PATH_LEN = 4096, KEY_LEN = 512, MAX_ROWS = 64 };

static const char *const base_key[] = {"base", NULL};

static const struct ls_param_table *const tables[] = {
    [LS_SHELF_MODELS] = &ls_model_params,
    [LS_SHELF_HARDWARE] = &ls_hardware_params,
};
static const size_t sizes[] = {
    [LS_SHELF_MODELS] = sizeof(struct ls_model),
    [LS_SHELF_HARDWARE] = sizeof(struct ls_hardware),
};

static void clear(enum ls_shelf shelf, void *object)
{
    memset(object, 0, sizes[shelf]);
    ls_param_set_defaults(tables[shelf], object);
}

/* --- Hugging Face configurations --- */

struct hf {
    const struct ls_bind *bind;
    const char *model_type;
    struct ls_model *model;
};

/* A scalar as it stands, the scalars of a list with commas between them. */
static void node_text(const struct ls_yaml *node, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    if (node->kind == LS_YAML_SCALAR)
        (void)snprintf(text, size, "%s", node->text);
    for (size_t i = 0; node->kind == LS_YAML_SEQUENCE && i < node->n && length < size; i++) {
        const struct ls_yaml *item = node->entries[i].value;
        const char *shown = item->kind == LS_YAML_SCALAR ? item->text : "?";
        length += (size_t)snprintf(text + length, size - length, "%s%s", i ? "," : "", shown);
    }
}

static void bind_hf_value(const struct hf *hf, const struct ls_yaml *node, const char *key, const char *ours)
{
    char given[LS_ERR_LEN];
    const char *text;
    struct ls_err err = {""};
    union ls_value value;
    node_text(node, given, sizeof given);
    if (ls_hf_canonical_text(hf->model_type, key, given, &text, &err)) {
        ls_yaml_fault(hf->bind->diags, node, key, "%s", err.text);
        return;
    }
    if (!ours[0] || !text || ls_yaml_is_null(node))
        return;
    struct ls_param_ref ref;
    const enum ls_status found = ls_param_find(&ls_model_params, hf->model, ours, &ref, &err);
    assert(found == LS_OK);
    if (ls_param_parse(ref.param, text, &value, &err))
        ls_yaml_fault(hf->bind->diags, node, key, "%s", err.text);
    else
        ls_param_store(ref.param, (char *)hf->model + ref.offset, &value);
}

static void reject_hf_key(const struct hf *hf, const struct ls_yaml_entry *entry, const char *key)
{
    const char *names[MAX_ROWS];
    const size_t n = ls_model_params.n < MAX_ROWS ? ls_model_params.n : MAX_ROWS;
    for (size_t i = 0; i < n; i++)
        names[i] = ls_model_params.rows[i].key;
    const char *near = ls_suggest(key, names, n);
    if (near)
        ls_diags_add(hf->bind->diags, entry->value->file, entry->line, entry->column, key,
                     "unknown key of a %s configuration (did you mean %s?)", hf->model_type, near);
    else
        ls_diags_add(hf->bind->diags, entry->value->file, entry->line, entry->column, key,
                     "unknown key of a %s configuration; remove it if it changes neither sizes nor speed",
                     hf->model_type);
}

static void bind_hf_mapping(const struct hf *hf, const struct ls_yaml *node, const char *prefix)
{
    for (size_t i = 0; i < node->n; i++) {
        const struct ls_yaml_entry *entry = &node->entries[i];
        char key[KEY_LEN];
        (void)snprintf(key, sizeof key, "%.255s%s%.255s", prefix, prefix[0] ? "." : "", entry->key);
        if (entry->value->kind == LS_YAML_MAPPING) {
            bind_hf_mapping(hf, entry->value, key);
            continue;
        }
        const char *ours = ls_hf_canonical_key(hf->model_type, key);
        if (!ours)
            reject_hf_key(hf, entry, key);
        else if (entry->value->kind == LS_YAML_SCALAR || ours[0])
            bind_hf_value(hf, entry->value, key, ours);
    }
}

/* An entry of a database that states costs by token. */
static bool is_stated(const struct ls_yaml *node)
{
    return ls_yaml_get(node, "num_layers") && (ls_yaml_get(node, "aggregated_ops") || ls_yaml_get(node, "layer_types"));
}

static bool is_hf(const struct ls_yaml *node)
{
    return ls_yaml_get(node, "model_type") || ls_yaml_get(node, "architectures") || is_stated(node);
}

static void reject_family(const struct ls_bind *bind, const struct ls_yaml *node, const struct ls_yaml *type)
{
    char names[LS_ERR_LEN] = "";
    size_t n = 0;
    const char *name;
    for (size_t i = 0; (name = ls_hf_family_name(i)) && n < sizeof names; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", name);
    ls_yaml_fault(bind->diags, type ? type : node, "model_type", "%.60s is not known; write one of %s",
                  type && type->kind == LS_YAML_SCALAR ? type->text : "what is there", names);
}

static void bind_hf(const struct ls_bind *bind, const struct ls_yaml *node, struct ls_model *model)
{
    const struct ls_yaml *type = ls_yaml_get(node, "model_type");
    const char *family = type && type->kind == LS_YAML_SCALAR ? type->text : "";
    if (is_stated(node))
        family = LS_HF_STATED;
    if (!ls_hf_is_family(family)) {
        reject_family(bind, node, type);
        return;
    }
    const struct hf hf = {bind, family, model};
    ls_hf_apply_family(model, family);
    bind_hf_mapping(&hf, node, "");
}

/* --- Databases of models --- */

/* Whether a file is a mapping from names to models rather than one model. */
static bool is_database(const struct ls_yaml *node)
{
    for (size_t i = 0; i < node->n; i++) {
        const struct ls_yaml *entry = node->entries[i].value;
        if (entry->kind != LS_YAML_MAPPING || !(is_hf(entry) || ls_yaml_get(entry, "num_hidden_layers")))
            return false;
    }
    return node->kind == LS_YAML_MAPPING && node->n > 0;
}

/* The entry that is asked for: the only one where `name` is empty; null, with what is wrong in err, when there is none.
 */
static const struct ls_yaml_entry *find_entry(const struct ls_yaml *database, const char *name, struct ls_err *err)
{
    const char *names[MAX_ENTRIES];
    size_t n = 0;
    if (!name[0] && database->n == 1)
        return &database->entries[0];
    for (size_t i = 0; i < database->n; i++) {
        if (strcmp(database->entries[i].key, name) == 0)
            return &database->entries[i];
        if (n < MAX_ENTRIES)
            names[n++] = database->entries[i].key;
    }
    const char *near = name[0] ? ls_suggest(name, names, n) : NULL;
    char list[LS_ERR_LEN] = "";
    size_t length = 0;
    for (size_t i = 0; i < n && length < sizeof list; i++)
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%.60s", i ? ", " : "", names[i]);
    if (near)
        (void)ls_fail(err, LS_INPUT, "no model %.90s in %.200s (did you mean %.90s?)", name, database->file, near);
    else
        (void)ls_fail(err, LS_INPUT, "%.200s holds several models; write its name, # and one of %.250s", database->file,
                      list);
    return NULL;
}

/* --- Mappings and files --- */

static void check_model(const struct ls_bind *bind, const struct ls_yaml *node, const struct ls_model *model)
{
    struct ls_model complete = *model;
    struct ls_err err = {""};
    if (ls_model_complete(&complete, &err))
        ls_bind_locate(bind->diags, node, err.text);
}

static void bind_mapping(const struct ls_bind *bind, const struct ls_yaml *node, enum ls_shelf shelf, const char *path,
                         void *object)
{
    const size_t n_before = bind->diags->n;
    clear(shelf, object);
    if (shelf == LS_SHELF_MODELS && is_hf(node)) {
        bind_hf(bind, node, object);
    } else {
        const struct ls_yaml *base = ls_yaml_get(node, "base");
        if (base && base->kind != LS_YAML_SCALAR)
            ls_yaml_fault(bind->diags, base, "base", "%s was given; write a name or a path", ls_yaml_kind_text(base));
        else if (base)
            ls_object_load(bind, shelf, base->text, base, "base", object);
        if (bind->diags->n == n_before)
            ls_bind_table(bind, node, tables[shelf], base_key, path, object);
    }
    if (shelf == LS_SHELF_MODELS && bind->diags->n == n_before)
        check_model(bind, node, object);
}

/* `…/llama.yaml` is called llama, `…/llama/config.json` too. */
static void set_name(char *name, const char *path)
{
    const char *end = path + strlen(path);
    const char *slash = strrchr(path, '/');
    if (slash && strcmp(slash, "/config.json") == 0) {
        end = slash;
    } else {
        const char *dot = strrchr(slash ? slash : path, '.');
        if (dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".json") == 0))
            end = dot;
    }
    const char *start = end;
    while (start > path && start[-1] != '/')
        start--;
    (void)snprintf(name, LS_NAME_LEN, "%.*s", (int)(end - start), start);
}

/* Bind what the file holds: one object, or of a database of models the one called `entry`. The object begins with its
 * name, which follows from where it came from unless it says so itself. */
static void bind_root(const struct ls_bind *bind, enum ls_shelf shelf, const struct ls_yaml *root, const char *entry,
                      void *object, struct ls_err *err)
{
    char *name = object;
    if (shelf == LS_SHELF_MODELS && is_database(root)) {
        const struct ls_yaml_entry *found = find_entry(root, entry, err);
        if (!found)
            return;
        bind_mapping(bind, found->value, shelf, "", object);
        (void)snprintf(name, LS_NAME_LEN, "%s", found->key);
        return;
    }
    if (entry[0]) {
        (void)ls_fail(err, LS_INPUT, "%.200s holds one model; leave #%.90s out", root->file, entry);
        return;
    }
    bind_mapping(bind, root, shelf, "", object);
    if (!ls_yaml_get(root, "name"))
        set_name(name, root->file);
}

static void load_file(const struct ls_bind *bind, enum ls_shelf shelf, const char *file, const char *entry,
                      void *object, struct ls_err *err)
{
    char folder[PATH_LEN];
    (void)snprintf(folder, sizeof folder, "%s", file);
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    const struct ls_bind inner = {slash ? folder : "", bind->diags, bind->depth + 1};
    struct ls_yaml_arena arena = {0};
    struct ls_yaml *root;
    if (ls_yaml_read(&arena, file, &root, bind->diags) == LS_OK) {
        if (root->kind == LS_YAML_MAPPING) {
            bind_root(&inner, shelf, root, entry, object, err);
        } else {
            ls_yaml_fault(bind->diags, root, "", "%s was given; write a mapping of keys", ls_yaml_kind_text(root));
        }
    }
    ls_yaml_release(&arena);
}

void ls_object_load(const struct ls_bind *bind, enum ls_shelf shelf, const char *name, const struct ls_yaml *where,
                    const char *path, void *object)
{
    char file[PATH_LEN], stem[PATH_LEN];
    struct ls_err err = {""};
    clear(shelf, object);
    (void)snprintf(stem, sizeof stem, "%s", name);
    char *entry = strchr(stem, '#'); /* path#name: one model of a database */
    if (entry)
        *entry++ = '\0';
    if (bind->depth == MAX_DEPTH)
        ls_yaml_fault(bind->diags, where, path, "files that name each other as base, %d deep; break the circle",
                      MAX_DEPTH);
    else if (!ls_library_find(shelf, bind->folder, stem, file, sizeof file, &err))
        load_file(bind, shelf, file, entry ? entry : "", object, &err);
    if (err.text[0])
        ls_yaml_fault(bind->diags, where, path, "%s", err.text);
}

void ls_object_bind(const struct ls_bind *bind, const struct ls_yaml *node, const struct ls_param *param,
                    const char *path, void *object)
{
    const enum ls_shelf shelf = param->table == &ls_model_params ? LS_SHELF_MODELS : LS_SHELF_HARDWARE;
    assert(param->table == tables[shelf]);
    if (ls_yaml_is_null(node) && (param->flags & LS_PARAM_NULLABLE))
        clear(shelf, object);
    else if (ls_yaml_is_null(node))
        ls_yaml_fault(bind->diags, node, path, "missing; %s", param->doc);
    else if (node->kind == LS_YAML_SCALAR)
        ls_object_load(bind, shelf, node->text, node, path, object);
    else if (node->kind == LS_YAML_MAPPING)
        bind_mapping(bind, node, shelf, path, object);
    else
        ls_yaml_fault(bind->diags, node, path, "a list was given; write a name, a path or a mapping");
}
