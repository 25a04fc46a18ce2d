#ifndef LS_IO_BIND_H
#define LS_IO_BIND_H

#include <stddef.h>

#include "engine/param.h"
#include "io/diag.h"
#include "io/yaml_doc.h"

/* From a YAML mapping into a struct by its table of parameters. Every fault is added to diags, none stops the rest. */
struct ls_bind {
    const char *folder; /* where relative names start; may be null */
    struct ls_diags *diags;
    int depth; /* of files that name others */
};

/* Bind `node` (a mapping, or null for nothing given) over what `base` holds: unknown keys, values and required rows
 * that are still null are checked. `path` is the dotted path of the mapping, empty at the root. Keys in the
 * null-terminated `others` (may be null) are the caller's. */
void ls_bind_table(const struct ls_bind *bind, const struct ls_yaml *node, const struct ls_param_table *table,
                   const char *const *others, const char *path, void *base);

/* Bind one row below a mapping at `path` whose struct is `base`. */
void ls_bind_param(const struct ls_bind *bind, const struct ls_yaml *node, const struct ls_param *param,
                   const char *path, void *base);

/* Read a scalar node; LS_INPUT after adding the fault. */
LS_NODISCARD enum ls_status ls_bind_value(const struct ls_bind *bind, const struct ls_yaml *node,
                                          const struct ls_param *param, const char *path, union ls_value *value);

/* Add a fault whose message is `key: text` at the place that the key (below `root`) has in the file, or at `root`. */
void ls_bind_locate(struct ls_diags *diags, const struct ls_yaml *root, const char *message);

#endif
