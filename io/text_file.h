#ifndef LS_IO_TEXT_FILE_H
#define LS_IO_TEXT_FILE_H

#include <stddef.h>

#include "io/diag.h"

/* A text file, line by line: what the readers of traces, samples and tables of kernels share. Their faults go to
 * `diags`; after the twentieth the rest is not read, and one more fault says so. */
struct ls_text_file {
    const char *path;
    struct ls_diags *diags;
    size_t n_before; /* faults of others */
    char *text;      /* the whole, owned; cut into lines as they are read */
    char *rest;      /* where the next line begins, behind a byte order mark; null after the last */
    int line;        /* number of the line read last, from 1 */
};

/* Read a file of at most max_bytes into memory. `expected`, as in "a CSV file", is what to ask for when it is no text.
 * `path` and `diags` must outlive the file. Failures (LS_IO, LS_INPUT, LS_NOMEM) are in `diags`, and leave nothing to
 * release. */
LS_NODISCARD enum ls_status ls_text_file_open(struct ls_text_file *file, const char *path, size_t max_bytes,
                                              const char *expected, struct ls_diags *diags);

/* The next line without its newline, for the caller to change; null after the last one, or after too many faults. */
char *ls_text_file_next(struct ls_text_file *file);

/* Hand each line that is left to `read`, which fails where it cannot go on and says other faults to `diags`. LS_INPUT
 * when there are any, those of before included. */
LS_NODISCARD enum ls_status ls_text_file_each(struct ls_text_file *file,
                                              enum ls_status (*read)(void *reader, char *line), void *reader);

/* Faults found in this file. */
size_t ls_text_file_n_faults(const struct ls_text_file *file);

void ls_text_file_release(struct ls_text_file *file);

#endif
