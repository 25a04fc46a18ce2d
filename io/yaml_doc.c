#include "io/yaml_doc.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "io/read_file.h"

#define MAX_FILE_BYTES ((size_t)16 << 20)
#define MAX_NODES 200000 /* after aliases are expanded: a billion laughs is 28 nodes before */
#define MAX_DEPTH 64

/* --- Arena --- */

struct ls_yaml_chunk {
    struct ls_yaml_chunk *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

static void *allocate(struct ls_yaml_arena *arena, size_t n)
{
    n = (n + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    struct ls_yaml_chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < n) {
        const size_t size = n > 16384 ? n : 16384;
        chunk = malloc(sizeof *chunk + size);
        if (!chunk)
            return NULL;
        *chunk = (struct ls_yaml_chunk){.next = arena->chunks, .size = size};
        arena->chunks = chunk;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += n;
    return memset(memory, 0, n);
}

static char *copy_text(struct ls_yaml_arena *arena, const char *text, size_t n)
{
    char *copy = allocate(arena, n + 1);
    if (copy)
        memcpy(copy, text, n);
    return copy;
}

void ls_yaml_release(struct ls_yaml_arena *arena)
{
    while (arena->chunks) {
        struct ls_yaml_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
}

/* --- From libyaml's document to our tree --- */

struct builder {
    struct ls_yaml_arena *arena;
    const char *file;
    bool numbered;
    yaml_document_t *document;
    struct ls_diags *diags;
    size_t n_nodes;
    int path[MAX_DEPTH]; /* node indices from the root: meeting one again is a cycle */
};

static int line_of(const struct builder *builder, const yaml_mark_t *mark)
{
    return builder->numbered ? (int)mark->line + 1 : 0;
}

static int column_of(const struct builder *builder, const yaml_mark_t *mark)
{
    return builder->numbered ? (int)mark->column + 1 : 0;
}

static enum ls_status fault(const struct builder *builder, const yaml_mark_t *mark, const char *key, const char *text)
{
    ls_diags_add(builder->diags, builder->file, line_of(builder, mark), column_of(builder, mark), key, "%s", text);
    return LS_INPUT;
}

static enum ls_status build(struct builder *builder, int index, int depth, struct ls_yaml **result);

static enum ls_status build_scalar(struct builder *builder, const yaml_node_t *node, struct ls_yaml *result)
{
    const char *text = (const char *)node->data.scalar.value;
    if (strlen(text) != node->data.scalar.length)
        return fault(builder, &node->start_mark, "", "a null character; write plain text");
    result->text = copy_text(builder->arena, text, node->data.scalar.length);
    return result->text ? LS_OK : LS_NOMEM;
}

static enum ls_status build_sequence(struct builder *builder, const yaml_node_t *node, int depth,
                                     struct ls_yaml *result)
{
    const yaml_node_item_t *items = node->data.sequence.items.start;
    result->n = (size_t)(node->data.sequence.items.top - items);
    result->entries = allocate(builder->arena, (result->n + 1) * sizeof *result->entries);
    enum ls_status status = result->entries ? LS_OK : LS_NOMEM;
    for (size_t i = 0; !status && i < result->n; i++)
        status = build(builder, items[i], depth + 1, &result->entries[i].value);
    return status;
}

static int compare_entries(const void *a, const void *b)
{
    const struct ls_yaml_entry *const *left = a, *const *right = b;
    const int order = strcmp((*left)->key, (*right)->key);
    return order ? order : (*left > *right) - (*left < *right);
}

/* Every key that is there already, at its second place. The tree stays usable, so that later faults are found too. */
static enum ls_status report_duplicates(const struct builder *builder, const struct ls_yaml *mapping)
{
    if (mapping->n < 2)
        return LS_OK;
    const struct ls_yaml_entry **sorted = malloc(mapping->n * sizeof *sorted);
    if (!sorted)
        return LS_NOMEM;
    for (size_t i = 0; i < mapping->n; i++)
        sorted[i] = &mapping->entries[i];
    qsort(sorted, mapping->n, sizeof *sorted, compare_entries);
    for (size_t i = 1; i < mapping->n; i++)
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
            ls_diags_add(builder->diags, builder->file, sorted[i]->line, sorted[i]->column, sorted[i]->key,
                         "given twice, first on line %d; keep one of them", sorted[i - 1]->line);
    free(sorted);
    return LS_OK;
}

static enum ls_status build_entry(struct builder *builder, const yaml_node_pair_t *pair, int depth,
                                  struct ls_yaml_entry *entry)
{
    const yaml_node_t *key = yaml_document_get_node(builder->document, pair->key);
    if (key->type != YAML_SCALAR_NODE || strlen((const char *)key->data.scalar.value) != key->data.scalar.length)
        return fault(builder, &key->start_mark, "", "a key that is no plain text; write one word as the key");
    entry->key = copy_text(builder->arena, (const char *)key->data.scalar.value, key->data.scalar.length);
    entry->line = line_of(builder, &key->start_mark);
    entry->column = column_of(builder, &key->start_mark);
    return entry->key ? build(builder, pair->value, depth + 1, &entry->value) : LS_NOMEM;
}

static enum ls_status build_mapping(struct builder *builder, const yaml_node_t *node, int depth, struct ls_yaml *result)
{
    const yaml_node_pair_t *pairs = node->data.mapping.pairs.start;
    result->n = (size_t)(node->data.mapping.pairs.top - pairs);
    result->entries = allocate(builder->arena, (result->n + 1) * sizeof *result->entries);
    enum ls_status status = result->entries ? LS_OK : LS_NOMEM;
    for (size_t i = 0; !status && i < result->n; i++)
        status = build_entry(builder, &pairs[i], depth, &result->entries[i]);
    return status ? status : report_duplicates(builder, result);
}

static enum ls_status build(struct builder *builder, int index, int depth, struct ls_yaml **result)
{
    const yaml_node_t *node = yaml_document_get_node(builder->document, index);
    for (int i = 0; i < depth; i++)
        if (builder->path[i] == index)
            return fault(builder, &node->start_mark, "", "an alias that contains itself; write the value out");
    if (depth == MAX_DEPTH)
        return fault(builder, &node->start_mark, "", "nested deeper than 64 levels; is it a study?");
    if (++builder->n_nodes > MAX_NODES)
        return fault(builder, &node->start_mark, "", "more than 200000 values once aliases are expanded; write less");
    builder->path[depth] = index;
    struct ls_yaml *tree = allocate(builder->arena, sizeof *tree);
    if (!tree)
        return LS_NOMEM;
    tree->file = builder->file;
    tree->line = line_of(builder, &node->start_mark);
    tree->column = column_of(builder, &node->start_mark);
    *result = tree;
    switch (node->type) {
    case YAML_SEQUENCE_NODE:
        tree->kind = LS_YAML_SEQUENCE;
        return build_sequence(builder, node, depth, tree);
    case YAML_MAPPING_NODE:
        tree->kind = LS_YAML_MAPPING;
        return build_mapping(builder, node, depth, tree);
    default:
        tree->kind = LS_YAML_SCALAR;
        return build_scalar(builder, node, tree);
    }
}

/* --- Parsing --- */

static enum ls_status report_parser(const yaml_parser_t *parser, const char *file, bool numbered,
                                    struct ls_diags *diags)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return LS_NOMEM;
    const char *problem = parser->problem ? parser->problem : "it cannot be read";
    const bool placed = numbered && parser->error != YAML_READER_ERROR;
    const int line = placed ? (int)parser->problem_mark.line + 1 : 0;
    const int column = placed ? (int)parser->problem_mark.column + 1 : 0;
    if (parser->error == YAML_READER_ERROR)
        ls_diags_add(diags, file, 0, 0, "", "not YAML: %s at byte %zu; a text file in UTF-8 was expected", problem,
                     parser->problem_offset);
    else
        ls_diags_add(diags, file, line, column, "", "not YAML: %s%s%s", problem, parser->context ? " " : "",
                     parser->context ? parser->context : "");
    return LS_INPUT;
}

static enum ls_status check_second_document(yaml_parser_t *parser, const char *file, bool numbered,
                                            struct ls_diags *diags)
{
    yaml_document_t second;
    if (!yaml_parser_load(parser, &second))
        return report_parser(parser, file, numbered, diags);
    const yaml_node_t *root = yaml_document_get_root_node(&second);
    if (root)
        ls_diags_add(diags, file, numbered ? (int)second.start_mark.line + 1 : 0,
                     numbered ? (int)second.start_mark.column + 1 : 0, "",
                     "a second document begins here; put each into a file of its own");
    yaml_document_delete(&second);
    return root ? LS_INPUT : LS_OK;
}

static enum ls_status parse_document(yaml_parser_t *parser, struct builder *builder, struct ls_yaml **root)
{
    yaml_document_t document;
    if (!yaml_parser_load(parser, &document))
        return report_parser(parser, builder->file, builder->numbered, builder->diags);
    builder->document = &document;
    enum ls_status status;
    struct ls_yaml *tree = NULL;
    if (yaml_document_get_root_node(&document)) {
        status = build(builder, 1, 0, &tree);
        const enum ls_status second = check_second_document(parser, builder->file, builder->numbered, builder->diags);
        status = status ? status : second;
    } else {
        ls_diags_add(builder->diags, builder->file, 0, 0, "", "empty; nothing is in it");
        status = LS_INPUT;
    }
    yaml_document_delete(&document);
    builder->document = NULL;
    if (!status)
        *root = tree;
    return status;
}

enum ls_status ls_yaml_parse(struct ls_yaml_arena *arena, const char *file, const char *text, size_t n, bool numbered,
                             struct ls_yaml **root, struct ls_diags *diags)
{
    yaml_parser_t parser;
    struct builder builder = {.arena = arena, .numbered = numbered, .diags = diags};
    builder.file = copy_text(arena, file, strlen(file));
    if (!builder.file || !yaml_parser_initialize(&parser))
        return LS_NOMEM;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
    const enum ls_status status = parse_document(&parser, &builder, root);
    yaml_parser_delete(&parser);
    return status;
}

enum ls_status ls_yaml_read(struct ls_yaml_arena *arena, const char *path, struct ls_yaml **root,
                            struct ls_diags *diags)
{
    char *text;
    size_t n;
    struct ls_err err = {""};
    enum ls_status status = ls_read_file(path, MAX_FILE_BYTES, &text, &n, &err);
    if (status) {
        ls_diags_add(diags, path, 0, 0, "", "%s", err.text);
        return status;
    }
    status = ls_yaml_parse(arena, path, text, n, true, root, diags);
    free(text);
    return status;
}

/* --- The tree --- */

void ls_yaml_fault(struct ls_diags *diags, const struct ls_yaml *node, const char *key, const char *format, ...)
{
    char text[LS_ERR_LEN];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ls_diags_add(diags, node->file, node->line, node->column, key, "%s", text);
}

/* Entry that the start of `path` names, a key or a named element; *rest is what follows. */
static const struct ls_yaml *step(const struct ls_yaml *node, const char *path, const char **rest)
{
    for (size_t i = 0; i < node->n; i++) {
        const struct ls_yaml *name = node->entries[i].key ? NULL : ls_yaml_get(node->entries[i].value, "name");
        const char *key = name && name->kind == LS_YAML_SCALAR ? name->text : node->entries[i].key;
        const size_t n = key ? strlen(key) : 0;
        if (n > 0 && strncmp(path, key, n) == 0 && (path[n] == '\0' || path[n] == '.')) {
            *rest = path[n] ? path + n + 1 : path + n;
            return node->entries[i].value;
        }
    }
    return NULL;
}

const struct ls_yaml *ls_yaml_find(const struct ls_yaml *node, const char *path, const char **rest)
{
    while (*path && node->kind != LS_YAML_SCALAR) {
        const struct ls_yaml *next = step(node, path, &path);
        if (!next)
            break;
        node = next;
    }
    *rest = path;
    return node;
}

struct ls_yaml *ls_yaml_get(const struct ls_yaml *mapping, const char *key)
{
    for (size_t i = 0; mapping->kind == LS_YAML_MAPPING && i < mapping->n; i++)
        if (strcmp(mapping->entries[i].key, key) == 0)
            return mapping->entries[i].value;
    return NULL;
}

enum ls_status ls_yaml_put(struct ls_yaml_arena *arena, struct ls_yaml *mapping, const char *key, struct ls_yaml *value)
{
    for (size_t i = 0; i < mapping->n; i++) {
        if (strcmp(mapping->entries[i].key, key) == 0) {
            mapping->entries[i].value = value;
            return LS_OK;
        }
    }
    struct ls_yaml_entry *entries = allocate(arena, (mapping->n + 1) * sizeof *entries);
    char *copy = copy_text(arena, key, strlen(key));
    if (!entries || !copy)
        return LS_NOMEM;
    if (mapping->n)
        memcpy(entries, mapping->entries, mapping->n * sizeof *entries);
    entries[mapping->n] = (struct ls_yaml_entry){.key = copy, .value = value};
    mapping->entries = entries;
    mapping->n++;
    return LS_OK;
}

struct ls_yaml *ls_yaml_new_mapping(struct ls_yaml_arena *arena, const char *file)
{
    struct ls_yaml *node = allocate(arena, sizeof *node);
    if (node)
        *node = (struct ls_yaml){.kind = LS_YAML_MAPPING, .file = file};
    return node;
}

struct ls_yaml *ls_yaml_new_sequence(struct ls_yaml_arena *arena, const char *file, struct ls_yaml *only)
{
    struct ls_yaml *node = allocate(arena, sizeof *node);
    struct ls_yaml_entry *entry = allocate(arena, sizeof *entry);
    if (!node || !entry)
        return NULL;
    entry->value = only;
    *node = (struct ls_yaml){.kind = LS_YAML_SEQUENCE, .file = file, .n = 1, .entries = entry};
    return node;
}

bool ls_yaml_is_null(const struct ls_yaml *node)
{
    static const char *const nulls[] = {"", "null", "~", "Null", "NULL"};
    for (size_t i = 0; node->kind == LS_YAML_SCALAR && i < sizeof nulls / sizeof nulls[0]; i++)
        if (strcmp(node->text, nulls[i]) == 0)
            return true;
    return false;
}

const char *ls_yaml_kind_text(const struct ls_yaml *node)
{
    return node->kind == LS_YAML_MAPPING ? "a mapping" : node->kind == LS_YAML_SEQUENCE ? "a list" : "a value";
}
