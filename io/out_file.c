#include "io/out_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/durable.h"

static bool is_special(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0 && !S_ISREG(there.st_mode) && !S_ISDIR(there.st_mode);
}

enum ls_status ls_out_open(struct ls_out_file *file, const char *path, struct ls_err *err)
{
    const size_t size = strlen(path) + sizeof ".part";
    *file = (struct ls_out_file){.path = path};
    if (!is_special(path)) {
        file->part = malloc(size);
        if (!file->part)
            return ls_fail(err, LS_NOMEM, "out of memory");
        (void)snprintf(file->part, size, "%s.part", path);
    }
    file->stream = fopen(file->part ? file->part : path, "w");
    if (file->stream)
        return LS_OK;
    const enum ls_status status = ls_fail(err, LS_IO, "cannot write %s: %s", path, strerror(errno));
    free(file->part);
    file->part = NULL;
    return status;
}

enum ls_status ls_out_close(struct ls_out_file *file, bool keep, struct ls_err *err)
{
    enum ls_status status = LS_OK;
    if (!file->stream)
        return LS_OK;
    errno = 0;
    const bool failed = (fflush(file->stream) != 0) | ferror(file->stream);
    if (failed && keep)
        status = ls_fail(err, LS_IO, "cannot write %s: %s", file->path, errno ? strerror(errno) : "write error");
    (void)fclose(file->stream);
    if (file->part && keep && !status)
        status = ls_durable_replace(file->part, file->path, err);
    if (file->part && (!keep || status))
        (void)remove(file->part);
    free(file->part);
    *file = (struct ls_out_file){.stream = NULL};
    return status;
}
