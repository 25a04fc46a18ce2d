#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "engine/simulate.h"
#include "io/cube.h"
#include "io/journal.h"

struct count {
    uint64_t n_cells;
    uint64_t n_by_status[LS_CELL_NOT_RUN + 1];
    uint64_t n_seen_capacity;
    unsigned char *seen; /* a cell may be in a journal twice */
};

static void see(const struct ls_record *record, void *context)
{
    struct count *count = context;
    if (record->cell >= count->n_seen_capacity) {
        uint64_t capacity = count->n_seen_capacity ? count->n_seen_capacity : 1024;
        while (capacity <= record->cell)
            capacity *= 2;
        unsigned char *seen = realloc(count->seen, capacity);
        if (!seen)
            return;
        for (uint64_t i = count->n_seen_capacity; i < capacity; i++)
            seen[i] = LS_CELL_NOT_RUN;
        count->seen = seen;
        count->n_seen_capacity = capacity;
    }
    count->seen[record->cell] = (unsigned char)record->status;
}

static enum ls_status count_journal(const char *path, struct count *count, struct ls_err *err)
{
    const enum ls_status status = ls_journal_inspect(path, see, count, &count->n_cells, err);
    for (uint64_t i = 0; status == LS_OK && i < count->n_seen_capacity; i++)
        if (count->seen[i] < LS_CELL_NOT_RUN)
            count->n_by_status[count->seen[i]]++;
    free(count->seen);
    return status;
}

static enum ls_status count_cube(const char *path, struct count *count, struct ls_err *err)
{
    struct ls_cube *cube;
    enum ls_status status = ls_cube_open(path, &cube, err);
    if (status != LS_OK)
        return status;
    count->n_cells = ls_cube_n_cells(cube);
    double *values = malloc((size_t)count->n_cells * sizeof *values);
    if (!values)
        status = ls_fail(err, LS_NOMEM, "out of memory for the states of the cells of %s", path);
    else
        status = ls_cube_read(cube, "status", values, err);
    for (uint64_t i = 0; status == LS_OK && i < count->n_cells; i++)
        if (values[i] >= 0 && values[i] < LS_CELL_NOT_RUN)
            count->n_by_status[(size_t)values[i]]++;
    free(values);
    ls_cube_close(cube);
    return status;
}

int ls_command_status(int argc, char **argv)
{
    static const struct option options[] = {LS_HELP_OPTION, {0}};
    while (ls_command_option("status", argc, argv, ":h", options) != -1)
        ;
    if (argc - optind != 1)
        return ls_command_misuse("status", "give one cube, or where a running sweep will leave one");
    const char *cube = argv[optind];
    char journal[4096];
    (void)snprintf(journal, sizeof journal, "%s.journal", cube);
    struct stat info;
    const bool unfinished = stat(journal, &info) == 0;
    struct count count = {0};
    struct ls_err err;
    const enum ls_status status = unfinished ? count_journal(journal, &count, &err) : count_cube(cube, &count, &err);
    if (status != LS_OK) {
        (void)fprintf(stderr, "llmsweep: %s\n", err.text);
        return LS_EXIT_INPUT;
    }
    const uint64_t *n = count.n_by_status;
    const uint64_t n_finished = n[LS_CELL_DONE] + n[LS_CELL_INFEASIBLE] + n[LS_CELL_FAILED];
    (void)printf("%s: %llu of %llu cells (%.1f %%): %llu done, %llu infeasible, %llu failed%s\n", cube,
                 (unsigned long long)n_finished, (unsigned long long)count.n_cells,
                 count.n_cells ? 100 * (double)n_finished / (double)count.n_cells : 100,
                 (unsigned long long)n[LS_CELL_DONE], (unsigned long long)n[LS_CELL_INFEASIBLE],
                 (unsigned long long)n[LS_CELL_FAILED], unfinished ? "; running or to be resumed" : "");
    return LS_EXIT_OK;
}
