#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/run_output.h"
#include "cli/run_summary.h"
#include "cli/study_args.h"
#include "io/cube.h"

struct merge {
    struct ls_study study;
    struct ls_run_output output;
    struct ls_run_summary summary;
    struct ls_cube *part; /* being added */
    unsigned char *seen;  /* [n_cells] */
    uint64_t n_seen;
    enum ls_status status; /* of the journal */
    struct ls_err err;
};

static void add(const struct ls_record *record, void *context)
{
    struct merge *merge = context;
    if (record->cell >= merge->study.n_cells || merge->seen[record->cell] || merge->status != LS_OK)
        return;
    bool taken;
    merge->seen[record->cell] = 1;
    merge->n_seen++;
    merge->status = ls_run_output_adopt(&merge->output, &merge->study, merge->part, record, &taken, &merge->err);
    ls_run_summary_add(&merge->summary, record, 1);
}

static enum ls_status add_cube(struct merge *merge, const char *path, struct ls_err *err)
{
    enum ls_status status = ls_cube_open(path, &merge->part, err);
    if (status != LS_OK)
        return status;
    struct ls_cube *cube = merge->part;
    const uint32_t missing = merge->study.output_kinds & ~ls_cube_kinds(cube);
    const char *sha256 = ls_cube_attribute(cube, "study_sha256");
    if (!sha256 || strcmp(sha256, merge->study.sha256) != 0 || ls_cube_n_cells(cube) != merge->study.n_cells)
        status = ls_fail(err, LS_CONFLICT, "%s is of another study", path);
    else if (missing)
        status =
            ls_fail(err, LS_CONFLICT, "%s has no %s, which the study asks for; run it again, or --set output.%s=false",
                    path, ls_detail_tables[missing & 1u ? 0 : 1].group, ls_detail_tables[missing & 1u ? 0 : 1].group);
    else
        status = ls_cube_records(cube, add, merge, err);
    ls_cube_close(cube);
    return status;
}

/* A part that was stopped has its journal beside it still, which holds all that its cube does. */
static enum ls_status add_part(struct merge *merge, const char *path, struct ls_err *err)
{
    char journal[sizeof merge->output.journal_path];
    struct stat info;
    (void)snprintf(journal, sizeof journal, "%s.journal", path);
    if (stat(journal, &info) == 0)
        return ls_fail(err, LS_CONFLICT, "%s is not finished; llmsweep run --resume goes on with it", path);
    const enum ls_status status = add_cube(merge, path, err);
    if (status == LS_OK && merge->status != LS_OK)
        return ls_fail(err, merge->status, "%s", merge->err.text);
    return status;
}

/* A merged cube with cells missing keeps its journal, so that a run with --resume adds them. */
static enum ls_exit conclude(struct merge *merge, struct ls_err *err)
{
    const bool complete = merge->n_seen == merge->study.n_cells;
    if (ls_run_output_finish(&merge->output, &merge->study, complete, err) != LS_OK)
        return LS_EXIT_FAILED;
    (void)fprintf(stderr, "llmsweep: %llu of %llu cells merged into %s\n", (unsigned long long)merge->n_seen,
                  (unsigned long long)merge->study.n_cells, merge->output.cube);
    if (!complete) {
        (void)ls_fail(err, LS_STOPPED, "cells are missing; llmsweep run --resume -o %.400s runs them",
                      merge->output.cube);
        return LS_EXIT_STOPPED;
    }
    return merge->summary.n_by_status[LS_CELL_FAILED] ? LS_EXIT_FAILED : LS_EXIT_OK;
}

static enum ls_exit merge_parts(struct merge *merge, const char *cube, enum ls_output_mode mode, char **parts,
                                int n_parts, struct ls_err *err)
{
    merge->seen = calloc(merge->study.n_cells ? (size_t)merge->study.n_cells : 1, 1);
    if (!merge->seen) {
        (void)ls_fail(err, LS_NOMEM, "out of memory for the states of %llu cells",
                      (unsigned long long)merge->study.n_cells);
        return LS_EXIT_FAILED;
    }
    if (ls_run_output_open(&merge->output, cube, mode, &merge->study, 1, err) != LS_OK)
        return LS_EXIT_INPUT;
    for (int i = 0; i < n_parts; i++) {
        if (add_part(merge, parts[i], err) != LS_OK) {
            ls_run_output_abandon(&merge->output);
            return LS_EXIT_INPUT;
        }
    }
    return conclude(merge, err);
}

int ls_command_merge(int argc, char **argv)
{
    enum { OVERWRITE = 256 };
    static const struct option options[] = {LS_HELP_OPTION,
                                            LS_SET_OPTION,
                                            {"output", required_argument, NULL, 'o'},
                                            {"overwrite", no_argument, NULL, OVERWRITE},
                                            {0}};
    struct ls_study_args args = {0};
    const char *cube = NULL;
    enum ls_output_mode mode = LS_OUTPUT_NEW;
    for (int option; (option = ls_command_option("merge", argc, argv, ":ho:", options)) != -1;) {
        if (option == 's')
            ls_study_args_set(&args, optarg);
        else if (option == 'o')
            cube = optarg;
        else
            mode = LS_OUTPUT_OVERWRITE;
    }
    if (argc - optind < 2)
        return ls_command_misuse("merge", "give the study and the cubes of its shards");
    struct merge merge = {0};
    if (ls_study_args_load(&args, argv[optind], 0, &merge.study))
        return LS_EXIT_INPUT;
    struct ls_err err = {0};
    const enum ls_exit code =
        merge_parts(&merge, cube ? cube : merge.study.output_cube, mode, argv + optind + 1, argc - optind - 1, &err);
    if (err.text[0])
        (void)fprintf(stderr, "llmsweep: %s\n", err.text);
    free(merge.seen);
    ls_study_release(&merge.study);
    return (int)code;
}
