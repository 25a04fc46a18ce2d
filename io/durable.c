#include "io/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* fsync a file or a folder; 0, or −1 with errno. */
static int sync_path(const char *path, int flags)
{
    const int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    const int result = fsync(fd);
    const int saved = errno;
    (void)close(fd);
    errno = saved;
    /* some file systems have no fsync of folders; their renames are as durable as they will be */
    return result != 0 && errno == EINVAL && (flags & O_DIRECTORY) ? 0 : result;
}

enum ls_status ls_durable_sync_folder(const char *path, struct ls_err *err)
{
    char *folder = strdup(path);
    if (!folder)
        return ls_fail(err, LS_NOMEM, "no memory for a path");
    char *slash = strrchr(folder, '/');
    if (!slash)
        (void)snprintf(folder, strlen(path) + 1, "%s", *path ? "." : "");
    else
        slash[slash == folder] = '\0'; /* keep the root's own slash */
    enum ls_status status = LS_OK;
    if (sync_path(folder, O_DIRECTORY) != 0)
        status = ls_fail(err, LS_IO, "cannot write the folder of %s: %s", path, strerror(errno));
    free(folder);
    return status;
}

enum ls_status ls_durable_replace(const char *temporary, const char *path, struct ls_err *err)
{
    if (sync_path(temporary, 0) != 0)
        return ls_fail(err, LS_IO, "cannot write %s: %s", temporary, strerror(errno));
    if (rename(temporary, path) != 0)
        return ls_fail(err, LS_IO, "cannot write %s: %s", path, strerror(errno));
    return ls_durable_sync_folder(path, err);
}
