#include <errno.h>
#include <hdf5_hl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/metrics.h"
#include "io/cube.h"
#include "io/cube_schema.h"
#include "io/h5.h"

/* A text attribute that was asked for, kept so that the caller need not free it. */
struct attribute {
    struct attribute *next;
    char *name, *text;
};

struct ls_cube {
    struct ls_h5 h5;
    char *path;
    size_t n_axes;
    struct ls_cube_axis *axes;
    uint64_t n_cells;
    struct attribute *attributes;
};

/* ---- attributes ---- */

static char *read_text(hid_t attribute)
{
    char *copy = NULL, *text = NULL;
    const hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    if (H5Tis_variable_str(type) > 0 && H5Sget_simple_extent_npoints(space) == 1 &&
        H5Aread(attribute, type, &text) >= 0) {
        copy = strdup(text ? text : "");
        (void)H5Dvlen_reclaim(type, space, H5P_DEFAULT, &text);
    }
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    return copy;
}

static char *read_int(hid_t attribute)
{
    long long number = 0;
    const hid_t type = H5Aget_type(attribute);
    char *copy = NULL;
    if (H5Tget_class(type) == H5T_INTEGER && H5Aget_storage_size(attribute) == H5Tget_size(type) &&
        H5Aread(attribute, H5T_NATIVE_LLONG, &number) >= 0) {
        char text[32];
        (void)snprintf(text, sizeof text, "%lld", number);
        copy = strdup(text);
    }
    (void)H5Tclose(type);
    return copy;
}

/* Text of an attribute, to be freed; null when there is none of one text or whole number. */
static char *attribute_text(hid_t object, const char *name)
{
    if (H5Aexists(object, name) <= 0)
        return NULL;
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    char *text = read_text(attribute);
    if (!text)
        text = read_int(attribute);
    (void)H5Aclose(attribute);
    return text;
}

const char *ls_cube_attribute(struct ls_cube *cube, const char *name)
{
    for (const struct attribute *known = cube->attributes; known; known = known->next)
        if (strcmp(known->name, name) == 0)
            return known->text;
    struct attribute *attribute = malloc(sizeof *attribute);
    char *text = attribute_text(cube->h5.file, name);
    char *own_name = strdup(name);
    if (!attribute || !text || !own_name) {
        free(own_name);
        free(text);
        free(attribute);
        return NULL;
    }
    *attribute = (struct attribute){.next = cube->attributes, .name = own_name, .text = text};
    cube->attributes = attribute;
    return text;
}

/* ---- axes ---- */

/* Shortest text that reads back to the same number. */
static char *number_text(double number)
{
    char text[32];
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    return strdup(text);
}

static void read_numbers(struct ls_h5 *h5, hid_t scale, struct ls_cube_axis *axis)
{
    axis->numeric = true;
    axis->coordinates = calloc(axis->n, sizeof *axis->coordinates);
    if (!axis->coordinates) {
        ls_h5_fail(h5, "out of memory");
        return;
    }
    ls_h5_expect(h5, H5Dread(scale, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, axis->coordinates));
    for (size_t i = 0; i < axis->n; i++)
        axis->labels[i] = number_text(axis->coordinates[i]);
    char *unit = attribute_text(scale, "units");
    (void)snprintf(axis->unit, sizeof axis->unit, "%s", unit ? unit : "1");
    free(unit);
}

static void read_labels(struct ls_h5 *h5, hid_t scale, hid_t type, hid_t space, struct ls_cube_axis *axis)
{
    char **texts = calloc(axis->n, sizeof *texts);
    if (!texts) {
        ls_h5_fail(h5, "out of memory");
        return;
    }
    ls_h5_expect(h5, H5Dread(scale, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts));
    for (size_t i = 0; i < axis->n; i++)
        axis->labels[i] = strdup(texts[i] ? texts[i] : "");
    (void)H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts);
    free(texts);
}

struct axis_place {
    struct ls_cube *cube;
    struct ls_cube_axis *axis;
};

static herr_t read_axis(hid_t variable, unsigned dim, hid_t scale, void *context)
{
    (void)variable;
    (void)dim;
    const struct axis_place *place = context;
    struct ls_h5 *h5 = &place->cube->h5;
    struct ls_cube_axis *axis = place->axis;
    char name[sizeof axis->name + 1] = "";
    (void)H5Iget_name(scale, name, sizeof name);
    (void)snprintf(axis->name, sizeof axis->name, "%s", name + (name[0] == '/'));
    axis->labels = calloc(axis->n, sizeof *axis->labels);
    if (!axis->labels) {
        ls_h5_fail(h5, "out of memory");
        return -1;
    }
    const hid_t type = H5Dget_type(scale), space = H5Dget_space(scale);
    if (H5Sget_simple_extent_npoints(space) != (hssize_t)axis->n)
        ls_h5_fail(h5, "a coordinate is not as long as its dimension");
    else if (H5Tis_variable_str(type) > 0)
        read_labels(h5, scale, type, space, axis);
    else
        read_numbers(h5, scale, axis);
    for (size_t i = 0; i < axis->n && !h5->failed; i++)
        if (!axis->labels[i])
            ls_h5_fail(h5, "out of memory");
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    return h5->failed ? -1 : 1; /* one scale a dimension */
}

/* The axes are the dimensions of `status`. */
static void read_axes(struct ls_cube *cube)
{
    struct ls_h5 *h5 = &cube->h5;
    const hid_t status = ls_h5_check(h5, H5Dopen2(h5->file, "status", H5P_DEFAULT));
    if (h5->failed)
        return;
    hsize_t dims[H5S_MAX_RANK];
    const hid_t space = H5Dget_space(status);
    const int n_dims = H5Sget_simple_extent_dims(space, dims, NULL);
    (void)H5Sclose(space);
    cube->axes = calloc(n_dims > 0 ? (size_t)n_dims : 1, sizeof *cube->axes);
    if (!cube->axes)
        ls_h5_fail(h5, "out of memory");
    cube->n_cells = 1;
    for (int i = 0; i < n_dims && !h5->failed; i++) {
        struct ls_cube_axis *axis = &cube->axes[cube->n_axes++];
        struct axis_place place = {cube, axis};
        axis->n = (size_t)dims[i];
        cube->n_cells *= axis->n;
        ls_h5_expect(h5, H5DSiterate_scales(status, (unsigned)i, NULL, read_axis, &place));
        if (!axis->labels)
            ls_h5_fail(h5, "a dimension has no coordinate");
    }
    (void)H5Dclose(status);
}

size_t ls_cube_n_axes(const struct ls_cube *cube)
{
    return cube->n_axes;
}

const struct ls_cube_axis *ls_cube_axis(const struct ls_cube *cube, size_t i)
{
    return &cube->axes[i];
}

uint64_t ls_cube_n_cells(const struct ls_cube *cube)
{
    return cube->n_cells;
}

/* ---- opening ---- */

static enum ls_status check_schema(struct ls_cube *cube, struct ls_err *err)
{
    const char *schema = ls_cube_attribute(cube, "schema_version");
    if (!schema || !ls_cube_attribute(cube, "study_sha256"))
        return ls_fail(err, LS_IO, "%s is no results cube of llmsweep", cube->path);
    if (strtol(schema, NULL, 10) != LS_CUBE_SCHEMA)
        return ls_fail(err, LS_IO, "%s has schema version %s; this llmsweep reads version %d", cube->path, schema,
                       LS_CUBE_SCHEMA);
    return LS_OK;
}

static enum ls_status open_file(struct ls_cube *cube, struct ls_err *err)
{
    struct stat file;
    if (stat(cube->path, &file) != 0)
        return ls_fail(err, LS_IO, "cannot open %s: %s", cube->path, strerror(errno));
    if (!S_ISREG(file.st_mode))
        return ls_fail(err, LS_IO, "cannot open %s: not a regular file", cube->path);
    if (H5Fis_hdf5(cube->path) == 0)
        return ls_fail(err, LS_IO, "%s is no results cube: not an HDF5 file", cube->path);
    ls_h5_open(&cube->h5, cube->path);
    enum ls_status status = ls_h5_status(&cube->h5, "open", cube->path, err);
    if (status == LS_OK)
        status = check_schema(cube, err);
    if (status != LS_OK)
        return status;
    read_axes(cube);
    return ls_h5_status(&cube->h5, "read", cube->path, err);
}

enum ls_status ls_cube_open(const char *path, struct ls_cube **cube, struct ls_err *err)
{
    struct ls_cube *opened = calloc(1, sizeof *opened);
    if (!opened)
        return ls_fail(err, LS_NOMEM, "no memory for a cube");
    ls_h5_init(&opened->h5);
    opened->path = strdup(path);
    const enum ls_status status =
        opened->path ? open_file(opened, err) : ls_fail(err, LS_NOMEM, "no memory for a cube");
    if (status != LS_OK) {
        ls_cube_close(opened);
        return status;
    }
    *cube = opened;
    return LS_OK;
}

void ls_cube_close(struct ls_cube *cube)
{
    if (!cube)
        return;
    for (size_t i = 0; i < cube->n_axes; i++) {
        for (size_t j = 0; cube->axes[i].labels && j < cube->axes[i].n; j++)
            free(cube->axes[i].labels[j]);
        free(cube->axes[i].labels);
        free(cube->axes[i].coordinates);
    }
    free(cube->axes);
    while (cube->attributes) {
        struct attribute *attribute = cube->attributes;
        cube->attributes = attribute->next;
        free(attribute->name);
        free(attribute->text);
        free(attribute);
    }
    if (cube->h5.file >= 0)
        (void)H5Fclose(cube->h5.file);
    free(cube->path);
    free(cube);
}

/* ---- columns ---- */

/* The dataset that holds a column and, for a quantile, its place along the last dimension (−1: none). */
static const char *dataset_of(const char *name, int *quantile)
{
    size_t column = 0;
    *quantile = -1;
    if (!ls_metric_column(name, &column))
        return name;
    const struct ls_metric_info *info = ls_metric_of_column(column);
    if (info->n_columns > 1)
        *quantile = (int)(column - info->column);
    return info->name;
}

static bool is_column(const char *name)
{
    size_t column = 0;
    return strcmp(name, "status") == 0 || strcmp(name, "reason") == 0 || strcmp(name, "gpus") == 0 ||
           strcmp(name, "run/wall_s") == 0 || ls_metric_column(name, &column);
}

bool ls_cube_has(struct ls_cube *cube, const char *name)
{
    int quantile = -1;
    return is_column(name) && H5Lexists(cube->h5.file, dataset_of(name, &quantile), H5P_DEFAULT) > 0;
}

static enum ls_status read_dataset(struct ls_cube *cube, const char *name, int quantile, hid_t type, void *values,
                                   struct ls_err *err)
{
    struct ls_h5 h5 = {.file = cube->h5.file}; /* a fault in one column leaves the cube open */
    const hid_t variable = ls_h5_check(&h5, H5Dopen2(h5.file, name, H5P_DEFAULT));
    if (h5.failed)
        return ls_h5_status(&h5, "read", cube->path, err);
    const hid_t space = H5Dget_space(variable);
    const hid_t memory = H5Screate_simple(1, &(hsize_t){cube->n_cells}, NULL);
    hsize_t dims[H5S_MAX_RANK], start[H5S_MAX_RANK] = {0};
    const int n_dims = H5Sget_simple_extent_dims(space, dims, NULL);
    if (quantile >= 0 && n_dims > 0) {
        dims[n_dims - 1] = 1;
        start[n_dims - 1] = (hsize_t)quantile;
    }
    ls_h5_expect(&h5, H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, dims, NULL));
    if (!h5.failed && H5Sget_select_npoints(space) != (hssize_t)cube->n_cells)
        ls_h5_fail(&h5, "a variable has another shape than its coordinates");
    if (!h5.failed)
        ls_h5_expect(&h5, H5Dread(variable, type, memory, space, H5P_DEFAULT, values));
    (void)H5Sclose(memory);
    (void)H5Sclose(space);
    (void)H5Dclose(variable);
    return ls_h5_status(&h5, "read", cube->path, err);
}

enum ls_status ls_cube_read(struct ls_cube *cube, const char *name, double *values, struct ls_err *err)
{
    if (!ls_cube_has(cube, name))
        return ls_fail(err, LS_INPUT, "%s has no metric %s", cube->path, name);
    int quantile = -1;
    const char *dataset = dataset_of(name, &quantile);
    return read_dataset(cube, dataset, quantile, H5T_NATIVE_DOUBLE, values, err);
}

enum ls_status ls_cube_fingerprints(struct ls_cube *cube, uint64_t *fingerprints, struct ls_err *err)
{
    return read_dataset(cube, "fingerprint", -1, H5T_NATIVE_UINT64, fingerprints, err);
}

/* ---- details ---- */

static bool has_kind(struct ls_cube *cube, enum ls_detail_kind kind)
{
    return H5Lexists(cube->h5.file, ls_detail_tables[kind].group, H5P_DEFAULT) > 0;
}

uint32_t ls_cube_kinds(struct ls_cube *cube)
{
    uint32_t kinds = 0;
    for (uint32_t kind = 0; kind < LS_N_DETAIL_KINDS; kind++)
        kinds |= (uint32_t)has_kind(cube, (enum ls_detail_kind)kind) << kind;
    return kinds;
}

static void name_in(enum ls_detail_kind kind, const char *name, char path[128])
{
    (void)snprintf(path, 128, "%s/%s", ls_detail_tables[kind].group, name);
}

enum ls_status ls_cube_ranges(struct ls_cube *cube, enum ls_detail_kind kind, uint64_t *start, uint64_t *count,
                              struct ls_err *err)
{
    char path[128];
    name_in(kind, LS_CUBE_START, path);
    const enum ls_status status = read_dataset(cube, path, -1, H5T_NATIVE_UINT64, start, err);
    if (status != LS_OK)
        return status;
    name_in(kind, LS_CUBE_COUNT, path);
    return read_dataset(cube, path, -1, H5T_NATIVE_UINT64, count, err);
}

/* One column of some rows, each value to its place in its row. */
static void read_column(struct ls_h5 *h5, const char *path, const struct ls_detail_column *column, hsize_t first,
                        hsize_t n, void *row_field, size_t row_bytes)
{
    const size_t size = ls_detail_type_bytes(column->type);
    const hid_t type = ls_cube_detail_type(column->type);
    unsigned char *values = malloc((size_t)n * size);
    if (!values) {
        ls_h5_fail(h5, "out of memory");
        return;
    }
    const hid_t variable = ls_h5_check(h5, H5Dopen2(h5->file, path, H5P_DEFAULT));
    if (!h5->failed) {
        const hid_t space = H5Dget_space(variable), memory = H5Screate_simple(1, &n, NULL);
        ls_h5_expect(h5, H5Sselect_hyperslab(space, H5S_SELECT_SET, &first, NULL, &n, NULL));
        if (!h5->failed)
            ls_h5_expect(h5, H5Dread(variable, type, memory, space, H5P_DEFAULT, values));
        for (size_t i = 0; i < n && !h5->failed; i++)
            memcpy((unsigned char *)row_field + i * row_bytes, values + i * size, size);
        (void)H5Sclose(memory);
        (void)H5Sclose(space);
    }
    if (variable >= 0)
        (void)H5Dclose(variable);
    free(values);
}

enum ls_status ls_cube_rows(struct ls_cube *cube, enum ls_detail_kind kind, uint64_t first, size_t n, void *rows,
                            struct ls_err *err)
{
    const struct ls_detail_table *table = &ls_detail_tables[kind];
    struct ls_h5 h5 = {.file = cube->h5.file};
    memset(rows, 0, n * table->row_bytes);
    for (size_t i = 0; i < table->n_columns && n > 0; i++) {
        char path[128];
        name_in(kind, table->columns[i].name, path);
        read_column(&h5, path, &table->columns[i], first, n, (unsigned char *)rows + table->columns[i].offset,
                    table->row_bytes);
    }
    return ls_h5_status(&h5, "read", cube->path, err);
}
