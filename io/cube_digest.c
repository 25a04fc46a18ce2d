#include <hdf5_hl.h>
#include <stdlib.h>
#include <string.h>

#include "io/cube.h"
#include "io/cube_schema.h"
#include "io/h5.h"
#include "io/sha256.h"

/* What is hashed, object by object in the order of their names: the name, then for each attribute and dataset its type,
 * shape and values in little-endian form. Left out are what may differ between two runs, and the references by which
 * HDF5 ties variables to their coordinates, which are places in the file; the names of the coordinates stand for them.
 */

struct digester {
    struct ls_h5 h5;
    struct ls_sha256 sha;
    int depth;
};

static void hash_text(struct digester *digester, const char *text)
{
    ls_sha256_update(&digester->sha, text, strlen(text) + 1);
}

static void hash_number(struct digester *digester, uint64_t number)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(number >> 8 * i);
    ls_sha256_update(&digester->sha, bytes, sizeof bytes);
}

static void hash_texts(struct digester *digester, hid_t type, hid_t space, char **texts)
{
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    for (hssize_t i = 0; i < n; i++)
        hash_text(digester, texts[i] ? texts[i] : "");
    ls_h5_expect(&digester->h5, H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts));
}

/* Numbers of a dataset with one dimension, which may be long: some at a time. */
static void hash_rows(struct digester *digester, hid_t dataset, hid_t memory_type, hid_t space, hsize_t n)
{
    enum { SLAB = 1 << 17 };
    struct ls_h5 *h5 = &digester->h5;
    const size_t size = H5Tget_size(memory_type);
    unsigned char *values = malloc(SLAB * size);
    if (!values)
        ls_h5_fail(h5, "out of memory");
    for (hsize_t first = 0, count; first < n && !h5->failed; first += count) {
        count = n - first < SLAB ? n - first : SLAB;
        const hid_t memory = H5Screate_simple(1, &count, NULL);
        ls_h5_expect(h5, H5Sselect_hyperslab(space, H5S_SELECT_SET, &first, NULL, &count, NULL));
        if (!h5->failed)
            ls_h5_expect(h5, H5Dread(dataset, memory_type, memory, space, H5P_DEFAULT, values));
        if (!h5->failed)
            ls_sha256_update(&digester->sha, values, (size_t)count * size);
        (void)H5Sclose(memory);
    }
    free(values);
}

/* All values of a dataset or an attribute at once, through the `read` of its kind. */
static void hash_all(struct digester *digester, hid_t object, hid_t memory_type, hid_t space, bool is_attribute)
{
    struct ls_h5 *h5 = &digester->h5;
    const size_t n_bytes = H5Tget_size(memory_type) * (size_t)H5Sget_simple_extent_npoints(space);
    void *values = malloc(n_bytes ? n_bytes : 1);
    if (!values) {
        ls_h5_fail(h5, "out of memory");
        return;
    }
    if (!h5->failed)
        ls_h5_expect(h5, is_attribute ? H5Aread(object, memory_type, values)
                                      : H5Dread(object, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
    if (!h5->failed && H5Tis_variable_str(memory_type) > 0)
        hash_texts(digester, memory_type, space, values);
    else if (!h5->failed)
        ls_sha256_update(&digester->sha, values, n_bytes);
    free(values);
}

static void hash_values(struct digester *digester, hid_t object, hid_t type, hid_t space, bool is_attribute)
{
    struct ls_h5 *h5 = &digester->h5;
    hsize_t dims[H5S_MAX_RANK];
    const int n_dims = H5Sget_simple_extent_dims(space, dims, NULL);
    const H5T_class_t kind = H5Tget_class(type);
    hash_number(digester, (uint64_t)kind);
    hash_number(digester, (uint64_t)n_dims);
    for (int i = 0; i < n_dims; i++)
        hash_number(digester, dims[i]);

    const bool is_text = H5Tis_variable_str(type) > 0;
    hid_t memory = ls_h5_check(h5, H5Tcopy(type));
    if (!h5->failed && !is_text && (kind == H5T_INTEGER || kind == H5T_FLOAT))
        ls_h5_expect(h5, H5Tset_order(memory, H5T_ORDER_LE));
    hash_number(digester, is_text ? 0 : H5Tget_size(memory));
    if (!is_attribute && !is_text && n_dims == 1)
        hash_rows(digester, object, memory, space, dims[0]);
    else
        hash_all(digester, object, memory, space, is_attribute);
    (void)H5Tclose(memory);
}

static herr_t hash_attribute(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
    (void)info;
    struct digester *digester = context;
    struct ls_h5 *h5 = &digester->h5;
    if (strcmp(name, "DIMENSION_LIST") == 0 || strcmp(name, "REFERENCE_LIST") == 0 ||
        (digester->depth == 0 && strcmp(name, LS_CUBE_CREATED) == 0))
        return 0;
    const hid_t attribute = ls_h5_check(h5, H5Aopen(object, name, H5P_DEFAULT));
    const hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    hash_text(digester, name);
    if (!h5->failed)
        hash_values(digester, attribute, type, space, true);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    (void)H5Aclose(attribute);
    return h5->failed ? -1 : 0;
}

static void hash_attributes(struct digester *digester, hid_t object)
{
    if (!digester->h5.failed)
        ls_h5_expect(&digester->h5, H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, hash_attribute, digester));
}

static herr_t hash_scale_name(hid_t dataset, unsigned dim, hid_t scale, void *context)
{
    (void)dataset;
    char name[512] = "";
    (void)H5Iget_name(scale, name, sizeof name);
    hash_number(context, dim);
    hash_text(context, name);
    return 0;
}

static void hash_dataset(struct digester *digester, hid_t dataset)
{
    const hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    hash_values(digester, dataset, type, space, false);
    if (H5DSis_scale(dataset) == 0)
        for (int i = 0; i < H5Sget_simple_extent_ndims(space); i++)
            ls_h5_expect(&digester->h5, H5DSiterate_scales(dataset, (unsigned)i, NULL, hash_scale_name, digester));
    (void)H5Sclose(space);
    (void)H5Tclose(type);
}

static void hash_group(struct digester *digester, hid_t group);

static herr_t hash_link(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    (void)info;
    struct digester *digester = context;
    struct ls_h5 *h5 = &digester->h5;
    if (digester->depth == 0 && strcmp(name, LS_CUBE_RUN_GROUP) == 0)
        return 0;
    const hid_t object = ls_h5_check(h5, H5Oopen(group, name, H5P_DEFAULT));
    if (h5->failed)
        return -1;
    hash_text(digester, name);
    digester->depth++;
    if (H5Iget_type(object) == H5I_GROUP) {
        hash_group(digester, object);
    } else {
        hash_dataset(digester, object);
        hash_attributes(digester, object);
    }
    digester->depth--;
    (void)H5Oclose(object);
    return h5->failed ? -1 : 0;
}

static void hash_group(struct digester *digester, hid_t group)
{
    hash_attributes(digester, group);
    if (!digester->h5.failed)
        ls_h5_expect(&digester->h5, H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, hash_link, digester));
    hash_text(digester, "end of group");
}

enum ls_status ls_cube_digest(const char *path, char digest[65], struct ls_err *err)
{
    struct ls_cube *cube = NULL; /* says in good words what is wrong with a file that is no cube */
    const enum ls_status opened = ls_cube_open(path, &cube, err);
    if (opened != LS_OK)
        return opened;
    ls_cube_close(cube);

    struct digester digester = {.depth = 0};
    ls_h5_init(&digester.h5);
    ls_sha256_init(&digester.sha);
    ls_h5_open(&digester.h5, path);
    if (!digester.h5.failed) {
        hash_group(&digester, digester.h5.file);
        (void)H5Fclose(digester.h5.file);
    }
    const enum ls_status status = ls_h5_status(&digester.h5, "read", path, err);
    if (status == LS_OK)
        ls_sha256_finish(&digester.sha, digest);
    return status;
}
