#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/commands.h"
#include "cli/points.h"
#include "cli/text_table.h"
#include "engine/reason.h"
#include "engine/simulate.h"

static int fail(const struct ls_err *err)
{
    (void)fprintf(stderr, "llmsweep show: %s\n", err->text);
    return LS_EXIT_INPUT;
}

static void print_axes(const struct ls_cube *cube)
{
    size_t width = 0;
    for (size_t i = 0; i < ls_cube_n_axes(cube); i++)
        width = strlen(ls_cube_axis(cube, i)->name) > width ? strlen(ls_cube_axis(cube, i)->name) : width;
    (void)printf("\nAxes\n");
    for (size_t i = 0; i < ls_cube_n_axes(cube); i++) {
        const struct ls_cube_axis *axis = ls_cube_axis(cube, i);
        (void)printf("  %-*s %4zu ", (int)width, axis->name, axis->n);
        const size_t shown = axis->n > 12 ? 10 : axis->n;
        for (size_t j = 0; j < shown; j++)
            (void)printf(" %s", axis->labels[j]);
        if (shown < axis->n)
            (void)printf(" … %s", axis->labels[axis->n - 1]);
        if (axis->numeric && strcmp(axis->unit, "1") != 0)
            (void)printf(" %s", axis->unit);
        (void)printf("\n");
    }
}

/* How many cells have each code; false with a message when the column cannot be read. */
static bool count_codes(struct ls_cube *cube, const char *name, double *cells, uint64_t counts[256], struct ls_err *err)
{
    memset(counts, 0, 256 * sizeof counts[0]);
    if (ls_cube_read(cube, name, cells, err) != LS_OK)
        return false;
    for (uint64_t i = 0; i < ls_cube_n_cells(cube); i++)
        counts[cells[i] < 255 ? (size_t)cells[i] : 255]++;
    return true;
}

static bool print_coverage(struct ls_cube *cube, double *cells, struct ls_err *err)
{
    uint64_t by_status[256], by_reason[256];
    if (!count_codes(cube, "status", cells, by_status, err) || !count_codes(cube, "reason", cells, by_reason, err))
        return false;
    const double n = (double)ls_cube_n_cells(cube);
    (void)printf("\nCells\n");
    for (unsigned i = LS_CELL_DONE; i <= LS_CELL_NOT_RUN; i++)
        if (by_status[i] > 0 || i == LS_CELL_DONE)
            (void)printf("  %-24s %10" PRIu64 "  %5.1f %%\n", ls_status_name(i), by_status[i],
                         100 * (double)by_status[i] / n);
    (void)printf("  %-24s %10" PRIu64 "\n", "all", ls_cube_n_cells(cube));
    bool any = false;
    for (unsigned i = LS_REASON_NONE + 1; i < 256; i++) {
        if (by_reason[i] == 0)
            continue;
        (void)printf("%s  %-24s %10" PRIu64 "  %s\n", any ? "" : "\nReasons\n", ls_reason_label(i), by_reason[i],
                     ls_reason_line(i));
        any = true;
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void add_range(struct ls_text_table *table, const char *name, const char *unit, double *cells, size_t n)
{
    size_t n_values = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(cells[i]))
            cells[n_values++] = cells[i];
    if (n_values == 0) /* a quantile no cell has, of a metric that some have */
        return;
    qsort(cells, n_values, sizeof *cells, compare);
    char count[32];
    (void)snprintf(count, sizeof count, "%zu", n_values);
    ls_text_table_text(table, "");
    ls_text_table_text(table, name);
    ls_text_table_text(table, unit);
    ls_text_table_number(table, cells[0], NAN);
    ls_text_table_number(table, cells[n_values / 2], NAN);
    ls_text_table_number(table, cells[n_values - 1], NAN);
    ls_text_table_text(table, count);
}

static bool print_metrics(struct ls_cube *cube, double *cells, struct ls_err *err)
{
    struct ls_text_table table;
    ls_text_table_init(&table);
    static const char *const heads[] = {"", "", "unit", "lowest", "median", "highest", "cells"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        ls_text_table_head(&table, heads[i], i < 3);
    bool good = true;
    for (size_t i = 0; i < LS_N_COLUMNS && good; i++) {
        char name[64];
        if (!ls_cube_has(cube, ls_metric_column_name(i, name, sizeof name)))
            continue;
        good = ls_cube_read(cube, name, cells, err) == LS_OK;
        if (good)
            add_range(&table, name, ls_metric_of_column(i)->unit, cells, (size_t)ls_cube_n_cells(cube));
    }
    if (good) {
        (void)printf("\nMetrics\n");
        ls_text_table_print(&table, stdout);
    }
    ls_text_table_release(&table);
    return good;
}

/* Rows beside the cells: how many, and of how many cells. */
static bool print_details(struct ls_cube *cube, struct ls_err *err)
{
    const uint32_t kinds = ls_cube_kinds(cube);
    const size_t n_cells = (size_t)ls_cube_n_cells(cube);
    uint64_t *ranges = ls_alloc(2 * n_cells, sizeof *ranges);
    bool good = true;
    for (int kind = 0; kind < LS_N_DETAIL_KINDS && good; kind++) {
        uint64_t n_rows = 0, n_with = 0;
        if (!(kinds >> kind & 1u))
            continue;
        good = ls_cube_ranges(cube, (enum ls_detail_kind)kind, ranges, ranges + n_cells, err) == LS_OK;
        for (size_t i = 0; i < n_cells && good; i++) {
            n_rows += ranges[n_cells + i];
            n_with += ranges[n_cells + i] > 0;
        }
        if (good)
            (void)printf("%s  %-24s %10" PRIu64 " rows of %" PRIu64 " cells\n",
                         kinds & ((1u << kind) - 1) ? "" : "\nDetails\n", ls_detail_tables[kind].group, n_rows, n_with);
    }
    free(ranges);
    return good;
}

static void print_provenance(struct ls_cube *cube)
{
    static const char *const names[] = {"created", "llmsweep_version", "engine_version", "seed", "study_sha256"};
    (void)printf("\nProvenance\n");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *text = ls_cube_attribute(cube, names[i]);
        (void)printf("  %-24s %s\n", names[i], text ? text : "-");
    }
}

static int show(const char *path)
{
    struct ls_err err = {""};
    struct ls_cube *cube = NULL;
    if (ls_cube_open(path, &cube, &err) != LS_OK)
        return fail(&err);
    const char *title = ls_cube_attribute(cube, "title"), *kind = ls_cube_attribute(cube, "kind");
    (void)printf("%s: %s (%s)\n", path, title && title[0] ? title : "no name", kind ? kind : "no kind");
    double *cells = ls_alloc((size_t)ls_cube_n_cells(cube), sizeof *cells);
    print_axes(cube);
    const bool good =
        print_coverage(cube, cells, &err) && print_metrics(cube, cells, &err) && print_details(cube, &err);
    if (good)
        print_provenance(cube);
    free(cells);
    ls_cube_close(cube);
    return good ? LS_EXIT_OK : fail(&err);
}

static int show_digest(const char *path)
{
    struct ls_err err = {""};
    char digest[65];
    if (ls_cube_digest(path, digest, &err) != LS_OK)
        return fail(&err);
    (void)puts(digest);
    return LS_EXIT_OK;
}

int ls_command_show(int argc, char **argv)
{
    static const struct option options[] = {{"digest", no_argument, NULL, 'd'}, LS_HELP_OPTION, {0}};
    bool digest = false;
    while (ls_command_option("show", argc, argv, ":h", options) != -1)
        digest = true; /* the only option there is */
    if (argc - optind != 1)
        return ls_command_misuse("show", "needs one cube");
    return digest ? show_digest(argv[optind]) : show(argv[optind]);
}
