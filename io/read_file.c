#include "io/read_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Grow by reading, so that pipes and /dev/stdin work as well as files. */
static enum ls_status read_stream(FILE *stream, size_t max_bytes, char **text, size_t *n, struct ls_err *err)
{
    size_t capacity = 1 << 16, used = 0;
    char *buffer = malloc(capacity);
    while (buffer) {
        used += fread(buffer + used, 1, capacity - 1 - used, stream);
        if (ferror(stream)) {
            free(buffer);
            return ls_fail(err, LS_IO, "cannot read it: %s", strerror(errno));
        }
        if (used > max_bytes) {
            free(buffer);
            return ls_fail(err, LS_INPUT, "larger than %zu MiB; is it the right file?", max_bytes >> 20);
        }
        if (used < capacity - 1) {
            buffer[used] = '\0';
            *text = buffer;
            *n = used;
            return LS_OK;
        }
        char *larger = realloc(buffer, 2 * capacity);
        if (!larger)
            free(buffer);
        buffer = larger;
        capacity *= 2;
    }
    return ls_fail(err, LS_NOMEM, "out of memory");
}

enum ls_status ls_read_file(const char *path, size_t max_bytes, char **text, size_t *n, struct ls_err *err)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return ls_fail(err, LS_IO, "a folder; a file was expected");
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return ls_fail(err, LS_IO, "cannot open it: %s", strerror(errno));
    const enum ls_status status = read_stream(stream, max_bytes, text, n, err);
    (void)fclose(stream);
    return status;
}
