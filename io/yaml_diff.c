#include "io/yaml_diff.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The texts are our own, written by one emitter, so lines are enough: each is an indentation, a key and what follows.
 * A sequence element counts as a key with its number, `profiles[1].rate`. */

enum { MAX_DEPTH = 32, PATH_LEN = 512 };

struct walker {
    const char *at;
    size_t depth; /* open levels */
    struct level {
        size_t indent; /* twice the column of its keys; one more for the dashes of a sequence */
        size_t path_len, n_elements;
    } levels[MAX_DEPTH];
    char path[PATH_LEN];
    bool has_key;
    const char *rest; /* what follows the key on its line */
    size_t n_rest;
};

static void append(char *path, size_t at, const char *text, size_t n)
{
    if (at + n + 1 > PATH_LEN)
        n = at + 1 < PATH_LEN ? PATH_LEN - at - 1 : 0;
    memcpy(path + at, text, n);
    path[at + n] = '\0';
}

/* Close levels that are deeper than `indent`, then open or reuse one there. */
static struct level *level_at(struct walker *walker, size_t indent)
{
    while (walker->depth > 0 && walker->levels[walker->depth - 1].indent > indent)
        walker->depth--;
    if (walker->depth > 0 && walker->levels[walker->depth - 1].indent == indent)
        return &walker->levels[walker->depth - 1];
    if (walker->depth == MAX_DEPTH)
        return &walker->levels[MAX_DEPTH - 1];
    struct level *level = &walker->levels[walker->depth++];
    *level = (struct level){.indent = indent, .path_len = strlen(walker->path)};
    return level;
}

/* Length of the key that a line begins with, 0 when it has none. */
static size_t key_length(const char *line, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (line[i] == ':' && (i + 1 == n || line[i + 1] == ' '))
            return i;
    return 0;
}

/* Go to the next line that has something; path and rest tell what it says. */
static bool next(struct walker *walker)
{
    while (*walker->at) {
        const char *line = walker->at;
        size_t n = strcspn(line, "\n");
        walker->at += n + (line[n] == '\n');
        size_t indent = strspn(line, " ");
        if (indent >= n || line[indent] == '#')
            continue;
        while (indent + 1 < n && line[indent] == '-' && line[indent + 1] == ' ') {
            /* a dash may stand in its key's own column, and is inside it nevertheless */
            struct level *level = level_at(walker, 2 * indent + 1);
            char number[32];
            const int length = snprintf(number, sizeof number, "[%zu]", level->n_elements++);
            append(walker->path, level->path_len, number, (size_t)length);
            indent += 2;
        }
        const size_t n_key = key_length(line + indent, n - indent);
        walker->has_key = n_key > 0;
        if (n_key > 0) {
            const struct level *level = level_at(walker, 2 * indent);
            const bool nested = level->path_len > 0;
            append(walker->path, level->path_len, ".", nested);
            append(walker->path, level->path_len + nested, line + indent, n_key);
            walker->rest = line + indent + n_key + 1;
            walker->n_rest = n - indent - n_key - 1;
        } else {
            walker->rest = line + indent;
            walker->n_rest = n - indent;
        }
        return true;
    }
    return false;
}

/* Whether `text` says the same under `path`. */
static bool says(const char *text, const struct walker *what)
{
    struct walker walker = {.at = text};
    while (next(&walker))
        if (strcmp(walker.path, what->path) == 0 && walker.n_rest == what->n_rest &&
            memcmp(walker.rest, what->rest, what->n_rest) == 0)
            return true;
    return false;
}

static bool has_path(const char *text, const char *path)
{
    struct walker walker = {.at = text};
    while (next(&walker))
        if (strcmp(walker.path, path) == 0)
            return true;
    return false;
}

/* What is named in the end, in the order found. */
struct report {
    char *buffer;
    size_t size, n, n_left_out;
    char last[PATH_LEN];
};

/* An element without a key of its own stands for its whole sequence, which is named once. */
static void mention(struct report *report, const struct walker *walker)
{
    static const size_t room_for_the_rest = 24;
    size_t length = strlen(walker->path);
    if (!walker->has_key && strrchr(walker->path, '['))
        length = (size_t)(strrchr(walker->path, '[') - walker->path);
    if (strncmp(report->last, walker->path, length) == 0 && report->last[length] == '\0')
        return;
    (void)snprintf(report->last, sizeof report->last, "%.*s", (int)length, walker->path);
    report->n++;
    const size_t used = strlen(report->buffer);
    if (report->n_left_out > 0 || used + length + 2 + room_for_the_rest > report->size)
        report->n_left_out++;
    else
        (void)snprintf(report->buffer + used, report->size - used, "%s%s", used ? ", " : "", report->last);
}

size_t ls_yaml_diff(const char *a, const char *b, char *buffer, size_t size)
{
    assert(size > 0);
    struct report report = {.buffer = buffer, .size = size};
    buffer[0] = '\0';
    for (struct walker walker = {.at = a}; next(&walker);)
        if (!says(b, &walker))
            mention(&report, &walker);
    for (struct walker walker = {.at = b}; next(&walker);)
        if (!has_path(a, walker.path))
            mention(&report, &walker);
    if (report.n_left_out > 0) {
        const size_t used = strlen(buffer);
        (void)snprintf(buffer + used, size - used, "%sand %zu more", used ? " " : "", report.n_left_out);
    }
    return report.n;
}
