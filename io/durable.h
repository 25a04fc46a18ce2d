#ifndef LS_IO_DURABLE_H
#define LS_IO_DURABLE_H

#include "engine/status.h"

/* What it takes for a file to be there after the power was cut. */

/* Make a file's creation, renaming or removal durable: fsync of the folder that `path` lies in. LS_IO with the path. */
LS_NODISCARD enum ls_status ls_durable_sync_folder(const char *path, struct ls_err *err);

/* Put the finished file `temporary` in place of `path`: fsync, rename, fsync of the folder. LS_IO with the path, and
 * `path` is as it was. */
LS_NODISCARD enum ls_status ls_durable_replace(const char *temporary, const char *path, struct ls_err *err);

#endif
