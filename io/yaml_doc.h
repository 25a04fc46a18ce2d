#ifndef LS_IO_YAML_DOC_H
#define LS_IO_YAML_DOC_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/status.h"
#include "io/diag.h"

/* A YAML (or JSON) file as a tree that remembers where everything stood. Reading is safe against hostile input: size,
 * depth and what aliases expand to are bounded; duplicate keys, cycles and a second document are faults. Scalars stay
 * text: what they mean is for the key's row to say. */

enum ls_yaml_kind { LS_YAML_SCALAR, LS_YAML_SEQUENCE, LS_YAML_MAPPING };

struct ls_yaml {
    enum ls_yaml_kind kind;
    int line, column; /* from 1; 0 when it came from a --set */
    const char *file;
    const char *text; /* scalar */
    size_t n;         /* entries of a sequence or mapping */
    struct ls_yaml_entry {
        const char *key;  /* null in a sequence */
        int line, column; /* of the key */
        struct ls_yaml *value;
    } * entries;
};

struct ls_yaml_chunk;

/* Owns the nodes and their text; zero-initialise before use. Several files may be read into one. */
struct ls_yaml_arena {
    struct ls_yaml_chunk *chunks;
};

/* Read a file into the arena. Faults go to diags: LS_IO when it cannot be read, LS_INPUT when it is not one sound
 * document; LS_NOMEM. Duplicate keys alone are LS_OK, the first one counting, so that the rest can be checked too. */
LS_NODISCARD enum ls_status ls_yaml_read(struct ls_yaml_arena *arena, const char *path, struct ls_yaml **root,
                                         struct ls_diags *diags);

/* The same from text[n]; `file` is the name in messages. With `numbered` false its nodes have no place. */
LS_NODISCARD enum ls_status ls_yaml_parse(struct ls_yaml_arena *arena, const char *file, const char *text, size_t n,
                                          bool numbered, struct ls_yaml **root, struct ls_diags *diags);

/* Value of a key, or null. */
struct ls_yaml *ls_yaml_get(const struct ls_yaml *mapping, const char *key);

/* The node that a dotted path leads to from `node`, through keys and elements' names, or the last one on the way; what
 * remains of the path is in *rest, empty when all was found. */
const struct ls_yaml *ls_yaml_find(const struct ls_yaml *node, const char *path, const char **rest);

/* Add a fault at the place of a node. */
void ls_yaml_fault(struct ls_diags *diags, const struct ls_yaml *node, const char *key, const char *format, ...)
    LS_PRINTF(4, 5);

/* Set a key of a mapping, replacing what it had; LS_NOMEM. */
LS_NODISCARD enum ls_status ls_yaml_put(struct ls_yaml_arena *arena, struct ls_yaml *mapping, const char *key,
                                        struct ls_yaml *value);

/* New nodes without a place, null when memory is short. Text is copied. */
struct ls_yaml *ls_yaml_new_mapping(struct ls_yaml_arena *arena, const char *file);
struct ls_yaml *ls_yaml_new_sequence(struct ls_yaml_arena *arena, const char *file, struct ls_yaml *only);

/* Whether a node is a plain null: `null`, `~` or nothing. */
bool ls_yaml_is_null(const struct ls_yaml *node);

/* "a mapping", "a list", "a value": for messages. */
const char *ls_yaml_kind_text(const struct ls_yaml *node);

void ls_yaml_release(struct ls_yaml_arena *arena);

#endif
