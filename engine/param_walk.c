#include <assert.h>
#include <string.h>

#include "engine/param.h"

/* Visiting every scalar below a table. */

#define MAX_PATH_LEN 512

struct walk {
    char path[MAX_PATH_LEN];
    ls_param_visit *visit;
    void *context;
};

static void walk_table(struct walk *walk, size_t n_path, const struct ls_param_table *table, const char *base);

static size_t extend_path(struct walk *walk, size_t n_path, const char *element)
{
    const size_t at = n_path ? n_path + 1 : 0, n = at + strlen(element);
    assert(n < MAX_PATH_LEN);
    walk->path[n_path] = '.';
    memcpy(walk->path + at, element, n - at + 1); /* not snprintf: each cell's fingerprint walks */
    return n;
}

static void walk_list(struct walk *walk, size_t n_path, const struct ls_param *list, const char *parent)
{
    for (int32_t i = 0; i < ls_param_list_count(list, parent); i++) {
        const char *element = parent + list->offset + (size_t)i * list->stride;
        walk_table(walk, extend_path(walk, n_path, element), list->table, element);
    }
}

static void walk_table(struct walk *walk, size_t n_path, const struct ls_param_table *table, const char *base)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct ls_param *param = &table->rows[i];
        const size_t n = extend_path(walk, n_path, param->key);
        if (param->type == LS_PARAM_LIST)
            walk_list(walk, n, param, base);
        else if (ls_param_is_null_object(param, base + param->offset))
            ; /* nothing is there */
        else if (!ls_param_is_scalar(param))
            walk_table(walk, n, param->table, base + param->offset);
        else
            walk->visit(walk->path, param, base + param->offset, walk->context);
        walk->path[n_path] = '\0';
    }
}

void ls_param_walk(const struct ls_param_table *table, const void *base, ls_param_visit *visit, void *context)
{
    struct walk walk = {.visit = visit, .context = context};
    walk_table(&walk, 0, table, base);
}
