#include "io/h5_variable.h"

#include <assert.h>
#include <hdf5_hl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { CHUNK_BYTES = 256 << 10 };

/* Whole inner dimensions first, then as much of the next as fits: a chunk is a piece of consecutive values. */
static void chunk_shape(size_t n_dims, const hsize_t *dims, size_t value_bytes, hsize_t *chunk)
{
    assert(value_bytes > 0 && value_bytes <= CHUNK_BYTES);
    hsize_t room = CHUNK_BYTES / value_bytes;
    for (size_t i = n_dims; i-- > 0;) {
        assert(dims[i] > 0);
        chunk[i] = dims[i] < room ? dims[i] : room;
        assert(chunk[i] > 0);
        room = room > chunk[i] ? room / chunk[i] : 1;
    }
}

static hid_t filtered_list(struct ls_h5 *h5, size_t n_dims, const hsize_t *dims, hid_t type)
{
    hsize_t chunk[H5S_MAX_RANK];
    chunk_shape(n_dims, dims, H5Tget_size(type), chunk);
    const hid_t list = ls_h5_create_list(h5, H5P_DATASET_CREATE);
    if (h5->failed)
        return list;
    ls_h5_expect(h5, H5Pset_chunk(list, (int)n_dims, chunk));
    ls_h5_expect(h5, H5Pset_shuffle(list));
    ls_h5_expect(h5, H5Pset_deflate(list, 1));
    ls_h5_expect(h5, H5Pset_fletcher32(list));
    if (H5Tget_class(type) == H5T_FLOAT)
        ls_h5_expect(h5, H5Pset_fill_value(list, H5T_NATIVE_DOUBLE, &(double){NAN}));
    return list;
}

hid_t ls_h5_create_variable(struct ls_h5 *h5, hid_t where, const char *name, hid_t type,
                            const struct ls_h5_shape *shape)
{
    if (h5->failed)
        return H5I_INVALID_HID;
    const hid_t list = filtered_list(h5, shape->n_dims, shape->dims, type);
    const hid_t space = ls_h5_check(h5, H5Screate_simple((int)shape->n_dims, shape->dims, NULL));
    const hid_t variable = ls_h5_check(h5, H5Dcreate2(where, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT));
    for (size_t i = 0; i < shape->n_dims && !h5->failed; i++)
        ls_h5_expect(h5, H5DSattach_scale(variable, shape->scales[i], (unsigned)i));
    (void)H5Sclose(space);
    (void)H5Pclose(list);
    return variable;
}

void ls_h5_describe(struct ls_h5 *h5, hid_t variable, const char *units, const char *long_name)
{
    if (units)
        ls_h5_put_text(h5, variable, "units", units);
    ls_h5_put_text(h5, variable, "long_name", long_name);
}

void ls_h5_put_fill_value(struct ls_h5 *h5, hid_t variable)
{
    ls_h5_put_values(h5, variable, "_FillValue", H5T_NATIVE_DOUBLE, 1, &(double){NAN});
}

static hid_t put_scale(struct ls_h5 *h5, hid_t where, const char *name, const char *scale_name, hid_t type, uint64_t n)
{
    if (h5->failed)
        return H5I_INVALID_HID;
    const hid_t list = ls_h5_create_list(h5, H5P_DATASET_CREATE);
    const hid_t space = ls_h5_check(h5, H5Screate_simple(1, &(hsize_t){n}, NULL));
    const hid_t scale = ls_h5_check(h5, H5Dcreate2(where, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT));
    if (!h5->failed)
        ls_h5_expect(h5, H5DSset_scale(scale, scale_name));
    (void)H5Sclose(space);
    (void)H5Pclose(list);
    return scale;
}

hid_t ls_h5_put_scale(struct ls_h5 *h5, const char *name, hid_t file_type, hid_t type, size_t n, const void *values)
{
    const hid_t scale = put_scale(h5, h5->file, name, name, file_type, n);
    if (!h5->failed)
        ls_h5_expect(h5, H5Dwrite(scale, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
    return scale;
}

/* A scale that netCDF knows by this name not to be a variable (NetCDF-4 file format specification); it takes no room.
 */
hid_t ls_h5_put_dimension(struct ls_h5 *h5, hid_t where, const char *name, uint64_t n)
{
    char scale_name[80];
    (void)snprintf(scale_name, sizeof scale_name, "This is a netCDF dimension but not a netCDF variable.%10" PRIu64, n);
    return put_scale(h5, where, name, scale_name, H5T_NATIVE_UINT8, n);
}

void ls_h5_close_variable(struct ls_h5 *h5, hid_t variable)
{
    if (variable >= 0)
        ls_h5_expect(h5, H5Dclose(variable));
}
