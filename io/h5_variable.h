#ifndef LS_IO_H5_VARIABLE_H
#define LS_IO_H5_VARIABLE_H

#include "io/h5.h"

/* Datasets as netCDF-4 has them: variables along dimensions. All as in io/h5.h: nothing is done after a failure. */

struct ls_h5_shape {
    size_t n_dims;
    const hsize_t *dims; /* none of them 0 */
    const hid_t *scales; /* coordinates of each */
};

/* A chunked, compressed, checksummed variable without values yet; the caller closes it. Types of numbers. */
hid_t ls_h5_create_variable(struct ls_h5 *h5, hid_t where, const char *name, hid_t type,
                            const struct ls_h5_shape *shape);

/* What a number means: its units (null: none) and name. */
void ls_h5_describe(struct ls_h5 *h5, hid_t variable, const char *units, const char *long_name);

/* NaN stands where there is no value. */
void ls_h5_put_fill_value(struct ls_h5 *h5, hid_t variable);

/* The coordinates of a dimension, which they give its name; the caller closes them. */
hid_t ls_h5_put_scale(struct ls_h5 *h5, const char *name, hid_t file_type, hid_t type, size_t n, const void *values);

/* A dimension without coordinates; the caller closes it. */
hid_t ls_h5_put_dimension(struct ls_h5 *h5, hid_t where, const char *name, uint64_t n);

void ls_h5_close_variable(struct ls_h5 *h5, hid_t variable);

#endif
