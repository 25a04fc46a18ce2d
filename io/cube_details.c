#include "io/cube_details.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/cube_schema.h"

/* Rows are on their way from rows to columns in batches of so many at least. */
enum { BATCH_ROWS = 1 << 16 };

struct writer {
    struct ls_h5 *h5;
    const struct ls_detail_table *table;
    enum ls_detail_kind kind;
    hid_t group, rows_dimension;
    hid_t *columns; /* [table->n_columns], then that of the cells */
    /* the batch */
    unsigned char *rows;
    int64_t *cells;
    void *values; /* of one column */
    size_t n, capacity;
    uint64_t first; /* row of the cube that rows[0] is */
};

static const struct ls_detail *details_of(const struct ls_cube_cells *cells, enum ls_detail_kind kind, uint64_t cell)
{
    return &cells->details[cell * LS_N_DETAIL_KINDS + (size_t)kind];
}

/* ---- the index ---- */

static void put_index(struct writer *writer, const struct ls_h5_shape *axes, const char *name, const char *long_name,
                      const int64_t *values)
{
    struct ls_h5 *h5 = writer->h5;
    const hid_t variable = ls_h5_create_variable(h5, writer->group, name, H5T_NATIVE_INT64, axes);
    if (!h5->failed)
        ls_h5_expect(h5, H5Dwrite(variable, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
    ls_h5_describe(h5, variable, "1", long_name);
    if (strcmp(name, LS_CUBE_COUNT) == 0)
        ls_h5_put_text(h5, variable, "sample_dimension", writer->table->dimension);
    ls_h5_close_variable(h5, variable);
}

/* Returns the number of all rows. */
static enum ls_status put_indexes(struct writer *writer, const struct ls_h5_shape *axes,
                                  const struct ls_cube_cells *cells, uint64_t *n_rows, struct ls_err *err)
{
    int64_t *values = malloc((size_t)cells->n * sizeof *values);
    if (!values)
        return ls_fail(err, LS_NOMEM, "no memory for a cube of %llu cells", (unsigned long long)cells->n);
    *n_rows = 0;
    for (uint64_t i = 0; i < cells->n; i++) {
        values[i] = (int64_t)*n_rows;
        *n_rows += details_of(cells, writer->kind, i)->n_rows;
    }
    put_index(writer, axes, LS_CUBE_START, "row at which the cell's rows begin", values);
    for (uint64_t i = 0; i < cells->n; i++)
        values[i] = (int64_t)details_of(cells, writer->kind, i)->n_rows;
    put_index(writer, axes, LS_CUBE_COUNT, "rows of the cell", values);
    free(values);
    return LS_OK;
}

/* ---- columns ---- */

static hid_t create_column(struct writer *writer, uint64_t n_rows, const struct ls_detail_column *column)
{
    struct ls_h5 *h5 = writer->h5;
    const struct ls_h5_shape shape = {1, &(hsize_t){n_rows}, &writer->rows_dimension};
    const hid_t variable =
        ls_h5_create_variable(h5, writer->group, column->name, ls_cube_detail_type(column->type), &shape);
    ls_h5_describe(h5, variable, column->unit, column->long_name);
    if (column->type == LS_DETAIL_FLOAT64)
        ls_h5_put_fill_value(h5, variable);
    if (column->meanings) {
        int32_t flags[8];
        size_t n = 1;
        for (const char *at = column->meanings; (at = strchr(at, ' ')); at++)
            n++;
        assert(n <= sizeof flags / sizeof flags[0]);
        for (size_t i = 0; i < n; i++)
            flags[i] = (int32_t)i;
        ls_h5_put_values(h5, variable, "flag_values", H5T_NATIVE_INT32, n, flags);
        ls_h5_put_text(h5, variable, "flag_meanings", column->meanings);
    }
    return variable;
}

static void create_columns(struct writer *writer, uint64_t n_rows)
{
    static const struct ls_detail_column cell = {.name = "cell",
                                                 .unit = "1",
                                                 .long_name = "place of the cell along the axes, the last one fastest",
                                                 .type = LS_DETAIL_INT64};
    const struct ls_detail_table *table = writer->table;
    writer->rows_dimension = ls_h5_put_dimension(writer->h5, writer->group, table->dimension, n_rows);
    writer->columns[table->n_columns] = create_column(writer, n_rows, &cell);
    for (size_t i = 0; i < table->n_columns; i++)
        writer->columns[i] = create_column(writer, n_rows, &table->columns[i]);
}

static void put_rows(struct writer *writer, hid_t variable, hid_t type, const void *values)
{
    struct ls_h5 *h5 = writer->h5;
    if (h5->failed)
        return;
    const hsize_t start = writer->first, count = writer->n;
    const hid_t space = H5Dget_space(variable), memory = H5Screate_simple(1, &count, NULL);
    ls_h5_expect(h5, H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, NULL, &count, NULL));
    if (!h5->failed)
        ls_h5_expect(h5, H5Dwrite(variable, type, memory, space, H5P_DEFAULT, values));
    (void)H5Sclose(memory);
    (void)H5Sclose(space);
}

/* Write the batch, column by column, and empty it. */
static void flush(struct writer *writer)
{
    const struct ls_detail_table *table = writer->table;
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct ls_detail_column *column = &table->columns[i];
        const size_t size = ls_detail_type_bytes(column->type);
        for (size_t row = 0; row < writer->n; row++)
            memcpy((unsigned char *)writer->values + row * size, writer->rows + row * table->row_bytes + column->offset,
                   size);
        put_rows(writer, writer->columns[i], ls_cube_detail_type(column->type), writer->values);
    }
    put_rows(writer, writer->columns[table->n_columns], H5T_NATIVE_INT64, writer->cells);
    writer->first += writer->n;
    writer->n = 0;
}

static bool reserve(struct writer *writer, size_t n)
{
    if (n <= writer->capacity)
        return true;
    void *rows = realloc(writer->rows, n * writer->table->row_bytes);
    writer->rows = rows ? rows : writer->rows;
    void *cells = realloc(writer->cells, n * sizeof *writer->cells);
    writer->cells = cells ? cells : writer->cells;
    void *values = realloc(writer->values, n * sizeof(int64_t));
    writer->values = values ? values : writer->values;
    if (!rows || !cells || !values)
        return false;
    writer->capacity = n;
    return true;
}

static int compare_requests(const void *a, const void *b)
{
    const struct ls_request_detail *x = a, *y = b;
    return (x->request > y->request) - (x->request < y->request);
}

/* Requests come in the order in which they end. */
static enum ls_status add_cell(struct writer *writer, uint64_t cell, const struct ls_detail *detail,
                               struct ls_detail_file *file, struct ls_err *err)
{
    const size_t n = (size_t)detail->n_rows;
    if (!reserve(writer, writer->n + n))
        return ls_fail(err, LS_NOMEM, "no memory for %zu %s of a cell", n, writer->table->group);
    unsigned char *rows = writer->rows + writer->n * writer->table->row_bytes;
    const enum ls_status status = ls_detail_file_read(file, cell, writer->kind, detail, rows, err);
    if (status != LS_OK)
        return status;
    if (writer->kind == LS_DETAIL_REQUESTS)
        qsort(rows, n, writer->table->row_bytes, compare_requests);
    for (size_t i = 0; i < n; i++)
        writer->cells[writer->n++] = (int64_t)cell;
    return LS_OK;
}

static enum ls_status put_all_rows(struct writer *writer, const struct ls_cube_cells *cells,
                                   struct ls_detail_file *file, struct ls_err *err)
{
    enum ls_status status = LS_OK;
    for (uint64_t i = 0; i < cells->n && status == LS_OK && !writer->h5->failed; i++) {
        const struct ls_detail *detail = details_of(cells, writer->kind, i);
        if (detail->n_rows > 0)
            status = add_cell(writer, i, detail, file, err);
        if (writer->n >= BATCH_ROWS)
            flush(writer);
    }
    if (status == LS_OK && writer->n > 0)
        flush(writer);
    return status;
}

/* ---- the whole ---- */

static enum ls_status put_group(struct writer *writer, const struct ls_h5_shape *axes,
                                const struct ls_cube_cells *cells, struct ls_detail_file *file, struct ls_err *err)
{
    uint64_t n_rows = 0;
    enum ls_status status = put_indexes(writer, axes, cells, &n_rows, err);
    if (status != LS_OK || n_rows == 0) /* a netCDF dimension cannot be empty */
        return status;
    create_columns(writer, n_rows);
    return put_all_rows(writer, cells, file, err);
}

static hid_t create_group(struct ls_h5 *h5, const char *name)
{
    hid_t group = H5I_INVALID_HID;
    const hid_t list = ls_h5_create_list(h5, H5P_GROUP_CREATE);
    if (!h5->failed)
        group = ls_h5_check(h5, H5Gcreate2(h5->file, name, H5P_DEFAULT, list, H5P_DEFAULT));
    (void)H5Pclose(list);
    return group;
}

enum ls_status ls_cube_put_details(struct ls_h5 *h5, const struct ls_h5_shape *axes, enum ls_detail_kind kind,
                                   const struct ls_cube_cells *cells, struct ls_detail_file *file, struct ls_err *err)
{
    const struct ls_detail_table *table = &ls_detail_tables[kind];
    struct writer writer = {.h5 = h5, .table = table, .kind = kind, .rows_dimension = H5I_INVALID_HID};
    const size_t n_columns = table->n_columns + 1;
    writer.columns = malloc(n_columns * sizeof *writer.columns);
    if (!writer.columns)
        return ls_fail(err, LS_NOMEM, "no memory for details");
    for (size_t i = 0; i < n_columns; i++)
        writer.columns[i] = H5I_INVALID_HID;
    writer.group = create_group(h5, table->group);
    const enum ls_status status = put_group(&writer, axes, cells, file, err);
    for (size_t i = 0; i < n_columns; i++)
        ls_h5_close_variable(h5, writer.columns[i]);
    ls_h5_close_variable(h5, writer.rows_dimension);
    if (writer.group >= 0)
        ls_h5_expect(h5, H5Gclose(writer.group));
    free(writer.columns);
    free(writer.rows);
    free(writer.cells);
    free(writer.values);
    return status;
}
