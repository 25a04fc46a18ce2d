#include "io/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "io/durable.h"
#include "io/journal_frame.h"
#include "io/yaml_diff.h"

/* The file: a header (struct head, then the resolved study), then frames (io/journal_frame.h). The header is on the
 * disk before the first frame, and frames are only ever added, so whatever a crash does, what is lost is a tail that
 * was not committed. */

enum { BUFFER_BYTES = 1 << 20, FORMAT = 2 };

static const unsigned char magic[8] = {'L', 'S', 'J', 'R', 'N', 'L', '\r', '\n'};

struct head {
    unsigned char magic[8];
    uint32_t format;
    uint32_t engine; /* LS_ENGINE_VERSION: results of another version are not taken over */
    uint32_t layout; /* ls_frame_layout */
    uint32_t resolved_crc;
    uint64_t n_cells;
    uint64_t n_resolved; /* bytes of the resolved study */
    char sha256[64];
    uint32_t reserved;
    uint32_t crc; /* of everything above */
};

static_assert(sizeof(struct head) == 112, "no padding");

struct ls_journal {
    int fd;
    char *path;
    uint64_t n_header;  /* where the frames begin */
    uint64_t n_written; /* bytes of the file that hold whole, written frames; the next write goes here */
    size_t n_buffered;
    bool unsynced; /* something written since the last fdatasync */
    bool lost;     /* fdatasync failed: the kernel may have dropped pages, so nothing more can be promised */
    unsigned char buffer[BUFFER_BYTES];
};

static enum ls_status fail_errno(struct ls_err *err, const char *verb, const char *path)
{
    return ls_fail(err, LS_IO, "cannot %s %s: %s", verb, path, strerror(errno));
}

static void journal_free(struct ls_journal *journal)
{
    if (!journal)
        return;
    if (journal->fd >= 0)
        (void)close(journal->fd);
    free(journal->path);
    free(journal);
}

/* Read up to n bytes at `offset`, fewer only at the end of the file; false on an error (errno). */
static bool read_at(int fd, void *bytes, size_t n, uint64_t offset, size_t *n_read)
{
    for (*n_read = 0; *n_read < n;) {
        const ssize_t got = pread(fd, (char *)bytes + *n_read, n - *n_read, (off_t)(offset + *n_read));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        *n_read += (size_t)got;
    }
    return true;
}

static bool write_at(int fd, const void *bytes, size_t n, uint64_t offset)
{
    for (size_t done = 0; done < n;) {
        const ssize_t put = pwrite(fd, (const char *)bytes + done, n - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            errno = put == 0 ? ENOSPC : errno;
            return false;
        }
        done += (size_t)put;
    }
    return true;
}

/* ---- opening ---- */

/* Whether the locked file is still the one at `path`: the run that held the lock may have removed it at its end. */
static bool is_at_path(int fd, const char *path)
{
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

static enum ls_status lock(int fd, const char *path, struct ls_err *err)
{
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR)
            continue;
        if (errno == EWOULDBLOCK)
            return ls_fail(err, LS_CONFLICT, "%s is in use by another run; wait for it, or write to another cube",
                           path);
        return ls_fail(err, LS_IO, "cannot lock %s: %s; a journal needs a file system with locks", path,
                       strerror(errno));
    }
    return LS_OK;
}

static enum ls_status open_locked(const char *path, int *opened, struct ls_err *err)
{
    for (;;) {
        const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
        if (fd < 0)
            return fail_errno(err, "open the journal", path);
        struct stat status;
        if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
            (void)close(fd);
            return ls_fail(err, LS_IO, "cannot open the journal %s: not a regular file", path);
        }
        const enum ls_status locked = lock(fd, path, err);
        if (locked != LS_OK) {
            (void)close(fd);
            return locked;
        }
        if (is_at_path(fd, path)) {
            *opened = fd;
            return LS_OK;
        }
        (void)close(fd);
    }
}

static uint32_t crc_of(const void *bytes, size_t n)
{
    return (uint32_t)crc32_z(0, bytes, n);
}

static struct head head_of(const struct ls_journal_key *key)
{
    struct head head = {.format = FORMAT,
                        .engine = LS_ENGINE_VERSION,
                        .layout = ls_frame_layout(),
                        .n_cells = key->n_cells,
                        .n_resolved = strlen(key->resolved)};
    memcpy(head.magic, magic, sizeof magic);
    memcpy(head.sha256, key->sha256, sizeof head.sha256);
    head.resolved_crc = crc_of(key->resolved, (size_t)head.n_resolved);
    head.crc = crc_of(&head, offsetof(struct head, crc));
    return head;
}

/* Empty the file and write its header durably. */
static enum ls_status start(struct ls_journal *journal, const struct ls_journal_key *key, struct ls_err *err)
{
    const struct head head = head_of(key);
    const size_t n_resolved = (size_t)head.n_resolved;
    if (ftruncate(journal->fd, 0) != 0 || !write_at(journal->fd, &head, sizeof head, 0) ||
        !write_at(journal->fd, key->resolved, n_resolved, sizeof head) || fsync(journal->fd) != 0)
        return fail_errno(err, "write the journal", journal->path);
    journal->n_header = sizeof head + n_resolved;
    journal->n_written = journal->n_header;
    return ls_durable_sync_folder(journal->path, err);
}

static enum ls_status other_study(const struct ls_journal *journal, const char *theirs, const char *ours,
                                  struct ls_err *err)
{
    char keys[256];
    if (ls_yaml_diff(theirs, ours, keys, sizeof keys) == 0)
        (void)snprintf(keys, sizeof keys, "none, but the content of a file that they name");
    return ls_fail(err, LS_CONFLICT,
                   "%s belongs to another study; keys that differ: %s; start anew with --overwrite, or write to "
                   "another cube",
                   journal->path, keys);
}

static enum ls_status check_version(const struct ls_journal *journal, const struct head *head, struct ls_err *err)
{
    if (head->engine == LS_ENGINE_VERSION && head->layout == ls_frame_layout())
        return LS_OK;
    return ls_fail(err, LS_CONFLICT,
                   "%s was written by another version of llmsweep, whose results are not taken over; start anew with "
                   "--overwrite",
                   journal->path);
}

/* Compare a whole, intact header with what this run would write. */
static enum ls_status check_header(const struct ls_journal *journal, const struct head *head, const char *resolved,
                                   const struct ls_journal_key *key, struct ls_err *err)
{
    const enum ls_status status = check_version(journal, head, err);
    if (status != LS_OK)
        return status;
    if (memcmp(head->sha256, key->sha256, sizeof head->sha256) != 0 || head->n_cells != key->n_cells)
        return other_study(journal, resolved, key->resolved, err);
    return LS_OK;
}

static enum ls_status damaged(const struct ls_journal *journal, struct ls_err *err)
{
    return ls_fail(err, LS_CONFLICT, "the header of %s is damaged; start anew with --overwrite", journal->path);
}

/* Read the fixed part of an existing journal's header. *whole is false, with LS_OK, when a crash left less. */
static enum ls_status read_head(const struct ls_journal *journal, struct head *head, bool *whole, struct ls_err *err)
{
    size_t n = 0;
    if (!read_at(journal->fd, head, sizeof *head, 0, &n))
        return fail_errno(err, "read the journal", journal->path);
    *whole = n == sizeof *head;
    if (memcmp(head->magic, magic, n < sizeof magic ? n : sizeof magic) != 0)
        return ls_fail(err, LS_CONFLICT, "%s is no journal of llmsweep; remove it, or write to another cube",
                       journal->path);
    if (!*whole)
        return LS_OK;
    if (head->format != FORMAT)
        return ls_fail(err, LS_CONFLICT, "%s was written by another version of llmsweep; start anew with --overwrite",
                       journal->path);
    if (head->crc != crc_of(head, offsetof(struct head, crc)))
        return damaged(journal, err);
    return LS_OK;
}

/* Read and check the header of an existing journal. *whole is false, with LS_OK, when a crash left a part of one: no
 * record can have followed it. */
static enum ls_status read_header(struct ls_journal *journal, const struct ls_journal_key *key, bool *whole,
                                  struct ls_err *err)
{
    struct head head;
    enum ls_status status = read_head(journal, &head, whole, err);
    if (status != LS_OK || !*whole)
        return status;
    struct stat file;
    if (fstat(journal->fd, &file) != 0)
        return fail_errno(err, "read the journal", journal->path);
    *whole = head.n_resolved <= (uint64_t)file.st_size - sizeof head;
    if (!*whole)
        return LS_OK;

    const size_t n_resolved = (size_t)head.n_resolved;
    char *resolved = malloc(n_resolved + 1);
    if (!resolved)
        return ls_fail(err, LS_NOMEM, "no memory for the study of %s", journal->path);
    size_t n = 0;
    if (!read_at(journal->fd, resolved, n_resolved, sizeof head, &n)) {
        status = fail_errno(err, "read the journal", journal->path);
    } else if (n < n_resolved || head.resolved_crc != crc_of(resolved, n_resolved)) {
        status = damaged(journal, err);
    } else {
        resolved[n_resolved] = '\0';
        status = check_header(journal, &head, resolved, key, err);
    }
    free(resolved);
    journal->n_header = sizeof head + head.n_resolved;
    return status;
}

/* ---- replay ---- */

/* Visit every intact frame; *end is where the last one ends. Damaged bytes between two frames are stepped over, so a
 * flipped bit costs one record, not all that follow. */
static enum ls_status scan(const struct ls_journal *journal, ls_journal_visit *visit, void *context, uint64_t *end,
                           struct ls_err *err)
{
    unsigned char *bytes = malloc(BUFFER_BYTES);
    if (!bytes)
        return ls_fail(err, LS_NOMEM, "no memory to read %s", journal->path);
    enum ls_status result = LS_OK;
    uint64_t offset = journal->n_header; /* of bytes[0] in the file */
    size_t n = 0, at = 0;
    bool more = true;
    *end = offset;
    while (more || at < n) {
        if (more && n - at < LS_FRAME_MAX) {
            memmove(bytes, bytes + at, n - at);
            offset += at;
            n -= at;
            at = 0;
            size_t got = 0;
            if (!read_at(journal->fd, bytes + n, BUFFER_BYTES - n, offset + n, &got)) {
                result = fail_errno(err, "read the journal", journal->path);
                break;
            }
            more = got == BUFFER_BYTES - n;
            n += got;
        }
        struct ls_record record;
        size_t length = 1;
        if (ls_frame_decode(bytes + at, n - at, &record, &length)) {
            *end = offset + at + length;
            if (visit)
                visit(&record, context);
        }
        at += at < n ? length : 0;
    }
    free(bytes);
    return result;
}

/* Replay an existing journal and cut its torn tail off. */
static enum ls_status go_on(struct ls_journal *journal, ls_journal_visit *visit, void *context, struct ls_err *err)
{
    const enum ls_status status = scan(journal, visit, context, &journal->n_written, err);
    if (status != LS_OK)
        return status;
    if (ftruncate(journal->fd, (off_t)journal->n_written) != 0)
        return fail_errno(err, "cut the torn end of the journal", journal->path);
    return LS_OK;
}

enum ls_status ls_journal_open(const char *path, const struct ls_journal_key *key, bool resume, ls_journal_visit *visit,
                               void *context, struct ls_journal **journal, struct ls_err *err)
{
    struct ls_journal *opened = malloc(sizeof *opened);
    if (!opened)
        return ls_fail(err, LS_NOMEM, "no memory for a journal");
    *opened = (struct ls_journal){.fd = -1, .path = strdup(path)};
    enum ls_status status = opened->path ? LS_OK : ls_fail(err, LS_NOMEM, "no memory for a journal");
    bool whole = false;
    if (status == LS_OK)
        status = open_locked(path, &opened->fd, err);
    if (status == LS_OK && resume)
        status = read_header(opened, key, &whole, err);
    if (status == LS_OK)
        status = whole ? go_on(opened, visit, context, err) : start(opened, key, err);
    if (status != LS_OK) {
        journal_free(opened);
        return status;
    }
    *journal = opened;
    return LS_OK;
}

/* ---- reading without the lock ---- */

static enum ls_status inspect(struct ls_journal *journal, ls_journal_visit *visit, void *context, uint64_t *n_cells,
                              struct ls_err *err)
{
    struct head head;
    bool whole = false;
    enum ls_status status = read_head(journal, &head, &whole, err);
    if (status == LS_OK)
        status = whole ? check_version(journal, &head, err) : damaged(journal, err);
    if (status != LS_OK)
        return status;
    journal->n_header = sizeof head + head.n_resolved;
    uint64_t end = 0;
    status = scan(journal, visit, context, &end, err);
    if (status == LS_OK)
        *n_cells = head.n_cells;
    return status;
}

enum ls_status ls_journal_inspect(const char *path, ls_journal_visit *visit, void *context, uint64_t *n_cells,
                                  struct ls_err *err)
{
    struct ls_journal *journal = calloc(1, sizeof *journal);
    if (!journal || !(journal->path = strdup(path))) {
        free(journal);
        return ls_fail(err, LS_NOMEM, "no memory to read %s", path);
    }
    journal->fd = open(path, O_RDONLY | O_CLOEXEC);
    const enum ls_status status =
        journal->fd < 0 ? fail_errno(err, "open the journal", path) : inspect(journal, visit, context, n_cells, err);
    journal_free(journal);
    return status;
}

/* ---- appending ---- */

/* Hand the buffer to the kernel. A failed write leaves the buffer as it is and the file's whole frames alone: the next
 * try writes over what this one left. */
static enum ls_status write_out(struct ls_journal *journal, struct ls_err *err)
{
    if (journal->lost)
        return ls_fail(err, LS_IO, "cannot write the journal %s: an earlier write was lost", journal->path);
    if (journal->n_buffered == 0)
        return LS_OK;
    if (!write_at(journal->fd, journal->buffer, journal->n_buffered, journal->n_written))
        return fail_errno(err, "write the journal", journal->path);
    journal->n_written += journal->n_buffered;
    journal->n_buffered = 0;
    journal->unsynced = true;
    return LS_OK;
}

enum ls_status ls_journal_append(struct ls_journal *journal, const struct ls_record *record, struct ls_err *err)
{
    if (BUFFER_BYTES - journal->n_buffered < LS_FRAME_MAX) {
        const enum ls_status status = write_out(journal, err);
        if (status != LS_OK)
            return status;
    }
    journal->n_buffered += ls_frame_encode(record, journal->buffer + journal->n_buffered);
    return LS_OK;
}

enum ls_status ls_journal_commit(struct ls_journal *journal, struct ls_err *err)
{
    const enum ls_status status = write_out(journal, err);
    if (status != LS_OK || !journal->unsynced)
        return status;
    if (fdatasync(journal->fd) != 0) {
        journal->lost = true;
        return fail_errno(err, "write the journal", journal->path);
    }
    journal->unsynced = false;
    return LS_OK;
}

bool ls_journal_is_in_place(const struct ls_journal *journal)
{
    return is_at_path(journal->fd, journal->path);
}

enum ls_status ls_journal_replay(struct ls_journal *journal, ls_journal_visit *visit, void *context, struct ls_err *err)
{
    const enum ls_status status = ls_journal_commit(journal, err);
    if (status != LS_OK)
        return status;
    uint64_t end = 0;
    return scan(journal, visit, context, &end, err);
}

enum ls_status ls_journal_close(struct ls_journal *journal, bool remove, struct ls_err *err)
{
    enum ls_status status = LS_OK;
    if (!remove)
        status = ls_journal_commit(journal, err);
    else if (unlink(journal->path) != 0)
        status = fail_errno(err, "remove the journal", journal->path);
    else
        status = ls_durable_sync_folder(journal->path, err);
    journal_free(journal);
    return status;
}
