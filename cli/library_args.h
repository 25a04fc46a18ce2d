#ifndef LS_CLI_LIBRARY_ARGS_H
#define LS_CLI_LIBRARY_ARGS_H

#include "engine/param.h"
#include "io/library.h"

/* What `models` and `hardware` share. */

/* Read the arguments of command `name`: *item is the optional NAME, null to list all. Returns an exit status,
 * LS_EXIT_OK to go on. */
int ls_library_args(const char *name, int argc, char **argv, const char **item);

/* Print one row for every name on a shelf; `print` returns an exit status. Returns the first that is not LS_EXIT_OK. */
int ls_library_list(enum ls_shelf shelf, int (*print)(const char *name));

/* Print every parameter below `table` that is not null, one a line. */
void ls_library_print(const struct ls_param_table *table, const void *object);

#endif
