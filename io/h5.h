#ifndef LS_IO_H5_H
#define LS_IO_H5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hdf5.h>

#include "engine/status.h"

/* HDF5 with one place for errors: every call below does nothing once one has failed, so that a writer reads as a list
 * of what it writes and asks at its end whether it went well. */

struct ls_h5 {
    hid_t file;
    bool failed;
    char fault[160]; /* why, as far as the library knows */
};

/* Silences HDF5's own messages and starts without a file. */
void ls_h5_init(struct ls_h5 *h5);

/* Note a failed call; `id` passes through, for `hid_t x = ls_h5_check(h5, H5Dopen2(…))`. */
hid_t ls_h5_check(struct ls_h5 *h5, hid_t id);

/* The same for calls that return a herr_t. */
void ls_h5_expect(struct ls_h5 *h5, herr_t result);

/* A failure that is not HDF5's own. */
void ls_h5_fail(struct ls_h5 *h5, const char *why);

/* `cannot VERB PATH: fault` when something failed, else LS_OK. */
LS_NODISCARD enum ls_status ls_h5_status(const struct ls_h5 *h5, const char *verb, const char *path,
                                         struct ls_err *err);

/* Create (emptying it) or open for reading a file; it is h5->file. A handle still open when it closes is an error. */
void ls_h5_create(struct ls_h5 *h5, const char *path);
void ls_h5_open(struct ls_h5 *h5, const char *path);

/* Property list of a group or dataset, group or dataset as netCDF-4 wants it: creation order tracked and indexed, no
 * times. */
hid_t ls_h5_create_list(struct ls_h5 *h5, hid_t list_class);

/* Variable-length UTF-8 text; the caller closes it. */
hid_t ls_h5_text_type(struct ls_h5 *h5);

void ls_h5_put_text(struct ls_h5 *h5, hid_t object, const char *name, const char *text);
void ls_h5_put_int(struct ls_h5 *h5, hid_t object, const char *name, int64_t value);

/* A one-dimensional attribute of n values. */
void ls_h5_put_values(struct ls_h5 *h5, hid_t object, const char *name, hid_t type, size_t n, const void *values);

#endif
