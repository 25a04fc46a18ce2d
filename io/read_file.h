#ifndef LS_IO_READ_FILE_H
#define LS_IO_READ_FILE_H

#include <stddef.h>

#include "engine/status.h"

/* Whole file into memory, null-terminated (not counted in *n); the caller frees *text. LS_IO when it cannot be read,
 * LS_INPUT when it is larger than max_bytes, with the reason (without the path) in err. */
LS_NODISCARD enum ls_status ls_read_file(const char *path, size_t max_bytes, char **text, size_t *n,
                                         struct ls_err *err);

#endif
