#ifndef LS_IO_OBJECT_H
#define LS_IO_OBJECT_H

#include "io/bind.h"
#include "io/library.h"

/* Things that have files of their own: a model, a kind of hardware. In a study each is a name, a path, or a mapping
 * that may start from a `base`; a mapping with `model_type` is a Hugging Face configuration. A file may also be a
 * database, a mapping from names to models: `path#name` picks one, the path alone the only one. */

/* Fill `object` (the struct of param's table) from its node at `path`, all of it: what the node leaves out has its
 * default. */
void ls_object_bind(const struct ls_bind *bind, const struct ls_yaml *node, const struct ls_param *param,
                    const char *path, void *object);

/* The same from the file of `name` on a shelf; `where` and `path` say who asked, for the fault that there is none. */
void ls_object_load(const struct ls_bind *bind, enum ls_shelf shelf, const char *name, const struct ls_yaml *where,
                    const char *path, void *object);

#endif
