#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/commands.h"
#include "cli/csv.h"
#include "cli/points.h"

/* Columns are read whole and written side by side, one row a cell. */
struct sheet {
    struct ls_cube *cube;
    size_t n_columns;
    char (*names)[64];
    double **columns; /* [n_columns][n_cells] */
};

static int fail(const char *text, int exit_status)
{
    (void)fprintf(stderr, "llmsweep export: %s\n", text);
    return exit_status;
}

static void sheet_release(struct sheet *sheet)
{
    for (size_t i = 0; i < sheet->n_columns; i++)
        free(sheet->columns[i]);
    free(sheet->columns);
    free(sheet->names);
    ls_cube_close(sheet->cube);
}

static enum ls_status add_column(struct sheet *sheet, const char *name, struct ls_err *err)
{
    if (!ls_cube_has(sheet->cube, name))
        return LS_OK;
    const size_t i = sheet->n_columns++;
    sheet->names = ls_realloc(sheet->names, sheet->n_columns, sizeof *sheet->names);
    sheet->columns = ls_realloc(sheet->columns, sheet->n_columns, sizeof *sheet->columns);
    (void)snprintf(sheet->names[i], sizeof sheet->names[i], "%s", name);
    sheet->columns[i] = ls_alloc((size_t)ls_cube_n_cells(sheet->cube), sizeof **sheet->columns);
    return ls_cube_read(sheet->cube, name, sheet->columns[i], err);
}

enum { STATUS, REASON, FIRST_NUMBER };

static enum ls_status sheet_read(struct sheet *sheet, const char *path, struct ls_err *err)
{
    *sheet = (struct sheet){0};
    enum ls_status status = ls_cube_open(path, &sheet->cube, err);
    static const char *const first[] = {"status", "reason", "gpus"};
    for (size_t i = 0; status == LS_OK && i < sizeof first / sizeof first[0]; i++)
        status = add_column(sheet, first[i], err);
    for (size_t i = 0; status == LS_OK && i < LS_N_COLUMNS; i++) {
        char name[64];
        status = add_column(sheet, ls_metric_column_name(i, name, sizeof name), err);
    }
    return status;
}

static void write_head(const struct sheet *sheet, struct ls_csv *csv)
{
    for (size_t i = 0; i < ls_cube_n_axes(sheet->cube); i++)
        ls_csv_text(csv, ls_cube_axis(sheet->cube, i)->name);
    for (size_t i = 0; i < sheet->n_columns; i++)
        ls_csv_text(csv, sheet->names[i]);
    ls_csv_end_row(csv);
}

static void write_row(const struct sheet *sheet, uint64_t cell, const size_t *index, struct ls_csv *csv)
{
    for (size_t i = 0; i < ls_cube_n_axes(sheet->cube); i++) {
        const struct ls_cube_axis *axis = ls_cube_axis(sheet->cube, i);
        if (axis->numeric)
            ls_csv_number(csv, axis->coordinates[index[i]]);
        else
            ls_csv_text(csv, axis->labels[index[i]]);
    }
    ls_csv_text(csv, ls_status_name((unsigned)sheet->columns[STATUS][cell]));
    ls_csv_text(csv, ls_reason_label((unsigned)sheet->columns[REASON][cell]));
    for (size_t i = FIRST_NUMBER; i < sheet->n_columns; i++)
        ls_csv_number(csv, sheet->columns[i][cell]);
    ls_csv_end_row(csv);
}

/* Count up like a clock: the last axis runs fastest. */
static void advance(const struct ls_cube *cube, size_t *index)
{
    for (size_t i = ls_cube_n_axes(cube); i-- > 0;) {
        if (++index[i] < ls_cube_axis(cube, i)->n)
            return;
        index[i] = 0;
    }
}

static int write_sheet(const struct sheet *sheet, const char *path)
{
    FILE *stream = strcmp(path, "-") == 0 ? stdout : fopen(path, "wb");
    char text[LS_ERR_LEN];
    if (!stream) {
        (void)snprintf(text, sizeof text, "cannot write %.400s: %s", path, strerror(errno));
        return fail(text, LS_EXIT_INPUT);
    }
    struct ls_csv csv = {.stream = stream};
    size_t *index = ls_alloc(ls_cube_n_axes(sheet->cube), sizeof *index);
    write_head(sheet, &csv);
    for (uint64_t cell = 0; cell < ls_cube_n_cells(sheet->cube); cell++) {
        write_row(sheet, cell, index, &csv);
        advance(sheet->cube, index);
    }
    free(index);
    errno = 0;
    bool good = fflush(stream) == 0 && !ferror(stream);
    const int why = errno;
    if (stream != stdout)
        good = fclose(stream) == 0 && good;
    if (good)
        return LS_EXIT_OK;
    (void)snprintf(text, sizeof text, "cannot write %.400s: %s", path, strerror(why ? why : errno));
    return fail(text, LS_EXIT_FAILED);
}

int ls_command_export(int argc, char **argv)
{
    static const struct option options[] = {{"csv", required_argument, NULL, 'c'}, LS_HELP_OPTION, {0}};
    const char *csv = NULL;
    while (ls_command_option("export", argc, argv, ":h", options) != -1)
        csv = optarg; /* the only option there is */
    if (argc - optind != 1)
        return ls_command_misuse("export", "needs one cube");
    if (!csv)
        return ls_command_misuse("export", "needs --csv FILE");
    struct sheet sheet;
    struct ls_err err = {""};
    const int status =
        sheet_read(&sheet, argv[optind], &err) == LS_OK ? write_sheet(&sheet, csv) : fail(err.text, LS_EXIT_INPUT);
    sheet_release(&sheet);
    return status;
}
