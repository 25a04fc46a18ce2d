#ifndef LS_IO_OUT_FILE_H
#define LS_IO_OUT_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "engine/status.h"

/* A text file that is there whole or not at all: written beside its place, and put there when it is done. Pipes and
 * devices are written to directly. */
struct ls_out_file {
    FILE *stream; /* null: not open */
    const char *path;
    char *part; /* null: written directly */
};

/* `path` must stay as long as the file is open. LS_IO with the path and the reason, LS_NOMEM. */
LS_NODISCARD enum ls_status ls_out_open(struct ls_out_file *file, const char *path, struct ls_err *err);

/* Put the file in its place, or with `keep` false drop it; nothing when it is not open. LS_IO with the path and the
 * reason when not all could be written; the place is then as it was. */
LS_NODISCARD enum ls_status ls_out_close(struct ls_out_file *file, bool keep, struct ls_err *err);

#endif
