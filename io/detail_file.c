#include "io/detail_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "io/detail_table.h"

static const unsigned char magic[8] = {'L', 'S', 'D', 'T', 'L', '1', '\r', '\n'};

/* In front of a piece's rows. */
struct head {
    uint64_t cell;
    uint64_t before; /* where the cell's piece of this kind before it is; 0: it is the first */
    uint32_t kind;
    uint32_t n_bytes;
    uint32_t reserved;
    uint32_t crc; /* of everything above and the rows */
};

static_assert(sizeof(struct head) == 32, "no padding");

/* What came from a rank since its last record. */
struct open_cell {
    uint64_t cell;
    uint64_t last[LS_N_DETAIL_KINDS];
};

struct ls_detail_file {
    int fd;
    char *path;
    uint64_t n_written;
    bool unsynced;
    struct open_cell *cells; /* [n_ranks] */
    struct ls_piece piece;   /* being read */
};

static enum ls_status fail_errno(const struct ls_detail_file *file, const char *verb, struct ls_err *err)
{
    return ls_fail(err, LS_IO, "cannot %s %s: %s", verb, file->path, strerror(errno));
}

static void file_free(struct ls_detail_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    free(file->cells);
    free(file->path);
    free(file);
}

static bool write_at(int fd, const void *bytes, size_t n, uint64_t offset)
{
    for (size_t done = 0; done < n;) {
        const ssize_t put = pwrite(fd, (const char *)bytes + done, n - done, (off_t)(offset + done));
        if (put < 0 && errno != EINTR)
            return false;
        done += put > 0 ? (size_t)put : 0;
    }
    return true;
}

static bool read_at(int fd, void *bytes, size_t n, uint64_t offset)
{
    for (size_t done = 0; done < n;) {
        const ssize_t got = pread(fd, (char *)bytes + done, n - done, (off_t)(offset + done));
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* Go on at the end of what is there; a torn last piece belongs to no record. */
static enum ls_status find_end(struct ls_detail_file *file, bool keep, struct ls_err *err)
{
    struct stat status;
    unsigned char start[sizeof magic];
    if (fstat(file->fd, &status) != 0)
        return fail_errno(file, "read", err);
    if (!S_ISREG(status.st_mode))
        return ls_fail(err, LS_IO, "cannot write %s: not a regular file", file->path);
    if (keep && read_at(file->fd, start, sizeof start, 0) && memcmp(start, magic, sizeof magic) == 0) {
        file->n_written = (uint64_t)status.st_size;
        return LS_OK;
    }
    if (ftruncate(file->fd, 0) != 0 || !write_at(file->fd, magic, sizeof magic, 0))
        return fail_errno(file, "write", err);
    file->n_written = sizeof magic;
    return LS_OK;
}

enum ls_status ls_detail_file_open(const char *path, size_t n_ranks, bool keep, struct ls_detail_file **file,
                                   struct ls_err *err)
{
    struct ls_detail_file *opened = calloc(1, sizeof *opened);
    if (!opened)
        return ls_fail(err, LS_NOMEM, "no memory for details");
    opened->path = strdup(path);
    opened->cells = calloc(n_ranks, sizeof *opened->cells);
    opened->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    enum ls_status status = LS_OK;
    if (!opened->path || !opened->cells)
        status = ls_fail(err, LS_NOMEM, "no memory for details");
    else if (opened->fd < 0)
        status = fail_errno(opened, "open", err);
    else
        status = find_end(opened, keep, err);
    if (status != LS_OK) {
        file_free(opened);
        return status;
    }
    *file = opened;
    return LS_OK;
}

static uint32_t crc_of(const struct head *head, const unsigned char *bytes)
{
    const uLong crc = crc32(0, (const unsigned char *)head, offsetof(struct head, crc));
    return (uint32_t)crc32(crc, bytes, head->n_bytes);
}

enum ls_status ls_detail_file_add(struct ls_detail_file *file, size_t rank, const struct ls_piece *piece,
                                  struct ls_err *err)
{
    struct open_cell *cell = &file->cells[rank];
    if (cell->cell != piece->cell)
        *cell = (struct open_cell){.cell = piece->cell};
    struct head head = {
        .cell = piece->cell, .before = cell->last[piece->kind], .kind = piece->kind, .n_bytes = piece->n_bytes};
    head.crc = crc_of(&head, piece->bytes);
    if (!write_at(file->fd, &head, sizeof head, file->n_written) ||
        !write_at(file->fd, piece->bytes, piece->n_bytes, file->n_written + sizeof head))
        return fail_errno(file, "write", err);
    cell->last[piece->kind] = file->n_written;
    file->n_written += sizeof head + piece->n_bytes;
    file->unsynced = true;
    return LS_OK;
}

void ls_detail_file_settle(struct ls_detail_file *file, size_t rank, struct ls_record *record)
{
    struct open_cell *cell = &file->cells[rank];
    for (int kind = 0; kind < LS_N_DETAIL_KINDS; kind++)
        record->details[kind].last =
            cell->cell == record->cell && record->details[kind].n_rows > 0 ? cell->last[kind] : 0;
    *cell = (struct open_cell){0};
}

enum ls_status ls_detail_file_commit(struct ls_detail_file *file, struct ls_err *err)
{
    if (file->unsynced && fdatasync(file->fd) != 0)
        return fail_errno(file, "write", err);
    file->unsynced = false;
    return LS_OK;
}

/* Read the piece at `offset` into file->piece; false when none of that cell and kind is there, intact. */
static bool read_piece(struct ls_detail_file *file, uint64_t offset, uint64_t cell, enum ls_detail_kind kind,
                       struct head *head)
{
    struct ls_piece *piece = &file->piece;
    return read_at(file->fd, head, sizeof *head, offset) && head->cell == cell && head->kind == (uint32_t)kind &&
           head->n_bytes <= LS_PIECE_BYTES && head->before < offset &&
           read_at(file->fd, piece->bytes, head->n_bytes, offset + sizeof *head) &&
           crc_of(head, piece->bytes) == head->crc;
}

enum ls_status ls_detail_file_read(struct ls_detail_file *file, uint64_t cell, enum ls_detail_kind kind,
                                   const struct ls_detail *detail, void *rows, struct ls_err *err)
{
    size_t left = (size_t)detail->n_rows * ls_detail_tables[kind].row_bytes; /* filled from the end */
    uint64_t at = detail->last;
    for (struct head head; at > 0; at = head.before) {
        if (!read_piece(file, at, cell, kind, &head) || head.n_bytes > left)
            break;
        left -= head.n_bytes;
        memcpy((unsigned char *)rows + left, file->piece.bytes, head.n_bytes);
    }
    if (at > 0 || left > 0)
        return ls_fail(err, LS_IO, "details of cell %llu are damaged in %s; run --resume simulates it again",
                       (unsigned long long)cell, file->path);
    return LS_OK;
}

bool ls_detail_file_has(struct ls_detail_file *file, const struct ls_record *record)
{
    for (int kind = 0; kind < LS_N_DETAIL_KINDS; kind++) {
        uint64_t n_bytes = 0, at = record->details[kind].last;
        for (struct head head; at > 0; at = head.before) {
            if (!read_piece(file, at, record->cell, (enum ls_detail_kind)kind, &head))
                return false;
            n_bytes += head.n_bytes;
        }
        if (n_bytes != record->details[kind].n_rows * ls_detail_tables[kind].row_bytes)
            return false;
    }
    return true;
}

enum ls_status ls_detail_file_close(struct ls_detail_file *file, bool remove, struct ls_err *err)
{
    enum ls_status status = LS_OK;
    if (!remove)
        status = ls_detail_file_commit(file, err);
    else if (unlink(file->path) != 0)
        status = fail_errno(file, "remove", err);
    file_free(file);
    return status;
}
