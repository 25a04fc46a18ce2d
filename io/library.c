#include "io/library.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/suggest.h"
#include "io/grow.h"
#include "io/object.h"
#include "io/spelling.h"

enum { PATH_LEN = 4096, N_ROOTS = 4 };

static const char *const folders[LS_N_SHELVES] = {"models", "hardware", "workloads", "studies"};
static const char *const nouns[LS_N_SHELVES] = {"model", "hardware", "workload", "study"};

/* --- Where the library may be --- */

/* `share/llmsweep/configs` beside the folder of the program, so that an installation can be moved. */
static void program_configs(char *path, size_t size)
{
    char program[PATH_LEN];
    const ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    path[0] = '\0';
    if (n <= 0)
        return;
    program[n] = '\0';
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(program, '/');
        if (!slash)
            return;
        *slash = '\0';
    }
    (void)snprintf(path, size, "%.4000s/share/llmsweep/configs", program);
}

/* The i-th folder that holds shelves; empty when there is none. */
static void root_path(int i, char *path, size_t size)
{
    const char *variable = getenv("LLMSWEEP_CONFIGS");
    path[0] = '\0';
    switch (i) {
    case 0:
        (void)snprintf(path, size, "%s", variable ? variable : "");
        break;
    case 1:
        program_configs(path, size);
        break;
    case 2:
        (void)snprintf(path, size, "%s", LS_CONFIGS_SOURCE);
        break;
    default:
        (void)snprintf(path, size, "%s", LS_CONFIGS_INSTALLED);
        break;
    }
}

/* --- Finding --- */

static bool is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

/* folder/middle/name with the extensions tried; false when there is no such file. */
static bool try_paths(const char *folder, const char *middle, const char *name, char *path, size_t size)
{
    static const char *const extensions[] = {"", ".yaml", ".json", "/config.json"};
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
        const int n = snprintf(path, size, "%s%s%s%s%s%s", folder, folder[0] ? "/" : "", middle, middle[0] ? "/" : "",
                               name, extensions[i]);
        if (n > 0 && (size_t)n < size && is_file(path))
            return true;
    }
    return false;
}

static enum ls_status not_found(enum ls_shelf shelf, const char *name, struct ls_err *err)
{
    char **names = NULL;
    size_t n;
    struct ls_err ignored;
    if (ls_library_names(shelf, &names, &n, &ignored))
        n = 0;
    const char *near = ls_suggest(name, (const char *const *)names, n);
    const enum ls_status status =
        near ? ls_fail(err, LS_INPUT, "no %s %.200s (did you mean %.90s?)", nouns[shelf], name, near)
             : ls_fail(err, LS_INPUT, "no %s %.200s, neither in the library nor as a file beside the study",
                       nouns[shelf], name);
    if (n)
        ls_library_free_names(names, n);
    return status;
}

static bool find_in_roots(enum ls_shelf shelf, const char *name, char *path, size_t size)
{
    for (int i = 0; name[0] && i < N_ROOTS; i++) {
        char root[PATH_LEN];
        root_path(i, root, sizeof root);
        if (root[0] && try_paths(root, folders[shelf], name, path, size))
            return true;
    }
    return false;
}

enum ls_status ls_library_find(enum ls_shelf shelf, const char *folder, const char *name, char *path, size_t size,
                               struct ls_err *err)
{
    assert(shelf < LS_N_SHELVES);
    if (name[0] == '/')
        return try_paths("", "", name, path, size) ? LS_OK : not_found(shelf, name, err);
    if (name[0] && try_paths(folder ? folder : "", "", name, path, size))
        return LS_OK;
    char plain[LS_NAME_LEN];
    ls_spelling_plain(shelf, name, plain, sizeof plain);
    if (find_in_roots(shelf, name, path, size) || find_in_roots(shelf, plain, path, size))
        return LS_OK;
    return not_found(shelf, name, err);
}

/* --- Listing --- */

/* Length of the name in a file's name, 0 when it is not for this shelf. */
static size_t name_length(enum ls_shelf shelf, const char *file)
{
    const char *dot = strrchr(file, '.');
    if (!dot || dot == file)
        return 0;
    if (shelf == LS_SHELF_WORKLOADS)
        return strcmp(dot, ".csv") == 0 ? strlen(file) : 0;
    return strcmp(dot, ".yaml") == 0 || strcmp(dot, ".json") == 0 ? (size_t)(dot - file) : 0;
}

struct names {
    char **items;
    size_t n, capacity;
};

static enum ls_status add_name(struct names *names, const char *file, size_t length)
{
    for (size_t i = 0; i < names->n; i++)
        if (strlen(names->items[i]) == length && memcmp(names->items[i], file, length) == 0)
            return LS_OK;
    char **items = ls_grow(names->items, names->n, &names->capacity, sizeof *items);
    if (!items)
        return LS_NOMEM;
    names->items = items;
    char *copy = calloc(1, length + 1);
    if (!copy)
        return LS_NOMEM;
    memcpy(copy, file, length);
    names->items[names->n++] = copy;
    return LS_OK;
}

static enum ls_status add_folder(struct names *names, enum ls_shelf shelf, const char *root)
{
    char folder[PATH_LEN];
    (void)snprintf(folder, sizeof folder, "%.4000s/%s", root, folders[shelf]);
    DIR *dir = opendir(folder);
    if (!dir)
        return LS_OK;
    enum ls_status status = LS_OK;
    for (const struct dirent *entry; !status && (entry = readdir(dir));) {
        const size_t length = name_length(shelf, entry->d_name);
        if (length)
            status = add_name(names, entry->d_name, length);
    }
    (void)closedir(dir);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum ls_status ls_library_names(enum ls_shelf shelf, char ***names, size_t *n, struct ls_err *err)
{
    assert(shelf < LS_N_SHELVES);
    struct names found = {0};
    for (int i = 0; i < N_ROOTS; i++) {
        char root[PATH_LEN];
        root_path(i, root, sizeof root);
        if (root[0] && add_folder(&found, shelf, root)) {
            ls_library_free_names(found.items, found.n);
            return ls_fail(err, LS_NOMEM, "out of memory");
        }
    }
    if (found.n)
        qsort(found.items, found.n, sizeof *found.items, compare_names);
    *names = found.items;
    *n = found.n;
    return LS_OK;
}

void ls_library_free_names(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

/* --- Loading --- */

static enum ls_status load(enum ls_shelf shelf, const char *folder, const char *name, void *object,
                           struct ls_diags *diags)
{
    static const struct ls_yaml nowhere = {.kind = LS_YAML_SCALAR, .text = ""};
    const struct ls_bind bind = {folder, diags, 0};
    const size_t n_before = diags->n;
    ls_object_load(&bind, shelf, name, &nowhere, "", object);
    return diags->n == n_before ? LS_OK : LS_INPUT;
}

enum ls_status ls_library_model(const char *folder, const char *name, struct ls_model *model, struct ls_diags *diags)
{
    struct ls_model loaded;
    struct ls_err err = {""};
    enum ls_status status = load(LS_SHELF_MODELS, folder, name, &loaded, diags);
    if (!status && (status = ls_model_complete(&loaded, &err)))
        ls_diags_add(diags, name, 0, 0, "", "%s", err.text);
    if (!status)
        *model = loaded;
    return status;
}

enum ls_status ls_library_hardware(const char *folder, const char *name, struct ls_hardware *hardware,
                                   struct ls_diags *diags)
{
    struct ls_hardware loaded;
    const enum ls_status status = load(LS_SHELF_HARDWARE, folder, name, &loaded, diags);
    if (!status)
        *hardware = loaded;
    return status;
}
