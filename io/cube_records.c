#include <stdlib.h>
#include <string.h>

#include "io/cube.h"

/* Cells whose records are in memory at once. */
enum { WINDOW = 1 << 16 };

struct reader {
    struct ls_cube *cube;
    uint64_t n_cells;
    double *status, *reason, *wall_s; /* [n_cells] */
    double *column;                   /* [n_cells] of one metric */
    uint64_t *fingerprints;           /* [n_cells] */
    uint32_t kinds;                   /* of details that there are */
    uint64_t *ranges;                 /* [LS_N_DETAIL_KINDS][start, count][n_cells] */
    struct ls_record *records;        /* [WINDOW] */
};

static bool has_run(const struct reader *reader, uint64_t cell)
{
    return reader->status[cell] != LS_CELL_NOT_RUN || reader->reason[cell] != LS_REASON_NONE;
}

static enum ls_status read_states(struct reader *reader, struct ls_err *err)
{
    enum ls_status status = ls_cube_read(reader->cube, "status", reader->status, err);
    if (status == LS_OK)
        status = ls_cube_read(reader->cube, "reason", reader->reason, err);
    if (status == LS_OK)
        status = ls_cube_read(reader->cube, "run/wall_s", reader->wall_s, err);
    if (status == LS_OK)
        status = ls_cube_fingerprints(reader->cube, reader->fingerprints, err);
    for (size_t kind = 0; kind < LS_N_DETAIL_KINDS && status == LS_OK; kind++) {
        uint64_t *start = reader->ranges + 2 * kind * reader->n_cells;
        if (reader->kinds >> kind & 1u)
            status = ls_cube_ranges(reader->cube, (enum ls_detail_kind)kind, start, start + reader->n_cells, err);
    }
    return status;
}

static void start_record(const struct reader *reader, uint64_t cell, struct ls_record *record)
{
    *record = (struct ls_record){
        .cell = cell,
        .fingerprint = reader->fingerprints[cell],
        .status = (uint32_t)reader->status[cell],
        .reason = (uint32_t)reader->reason[cell],
        .kinds = reader->kinds,
        .wall_s = reader->wall_s[cell] >= 0 ? reader->wall_s[cell] : 0, /* NaN: not timed */
    };
    for (size_t kind = 0; kind < LS_N_DETAIL_KINDS; kind++) {
        if (!(reader->kinds >> kind & 1u))
            continue;
        const uint64_t *ranges = reader->ranges + 2 * kind * reader->n_cells;
        record->details[kind] = (struct ls_detail){.n_rows = ranges[reader->n_cells + cell], .last = ranges[cell]};
    }
    ls_metrics_clear(&record->metrics);
}

/* Fill the columns of the window's records, one metric after the other. */
static enum ls_status read_window(struct reader *reader, uint64_t first, uint64_t n, struct ls_err *err)
{
    for (uint64_t i = 0; i < n; i++)
        start_record(reader, first + i, &reader->records[i]);
    for (size_t column = 0; column < LS_N_COLUMNS; column++) {
        char name[64];
        if (!ls_cube_has(reader->cube, ls_metric_column_name(column, name, sizeof name)))
            continue;
        const enum ls_status status = ls_cube_read(reader->cube, name, reader->column, err);
        if (status != LS_OK)
            return status;
        for (uint64_t i = 0; i < n; i++)
            memcpy((unsigned char *)&reader->records[i].metrics + column * sizeof(double), &reader->column[first + i],
                   sizeof(double));
    }
    return LS_OK;
}

static enum ls_status visit_all(struct reader *reader, ls_journal_visit *visit, void *context, struct ls_err *err)
{
    for (uint64_t first = 0; first < reader->n_cells; first += WINDOW) {
        const uint64_t left = reader->n_cells - first, n = left < WINDOW ? left : WINDOW;
        const enum ls_status status = read_window(reader, first, n, err);
        if (status != LS_OK)
            return status;
        for (uint64_t i = 0; i < n; i++)
            if (has_run(reader, first + i))
                visit(&reader->records[i], context);
    }
    return LS_OK;
}

enum ls_status ls_cube_records(struct ls_cube *cube, ls_journal_visit *visit, void *context, struct ls_err *err)
{
    struct reader reader = {.cube = cube, .n_cells = ls_cube_n_cells(cube), .kinds = ls_cube_kinds(cube)};
    const size_t n = reader.n_cells ? (size_t)reader.n_cells : 1;
    double *values = calloc(4 * n, sizeof *values);
    reader.fingerprints = calloc(n, sizeof *reader.fingerprints);
    reader.ranges = calloc(reader.kinds ? 2 * LS_N_DETAIL_KINDS * n : 1, sizeof *reader.ranges);
    reader.records = calloc(WINDOW, sizeof *reader.records);
    enum ls_status status;
    if (!values || !reader.fingerprints || !reader.ranges || !reader.records) {
        status = ls_fail(err, LS_NOMEM, "out of memory for the records of a cube");
    } else {
        reader.status = values;
        reader.reason = values + n;
        reader.wall_s = values + 2 * n;
        reader.column = values + 3 * n;
        status = read_states(&reader, err);
        if (status == LS_OK)
            status = visit_all(&reader, visit, context, err);
    }
    free(reader.records);
    free(reader.ranges);
    free(reader.fingerprints);
    free(values);
    return status;
}
