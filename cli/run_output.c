#include "cli/run_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/cube.h"

enum kind { MISSING, FILE_THERE, FOLDER_THERE, OTHER_THERE };

static enum kind kind_of(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return MISSING;
    return S_ISREG(info.st_mode) ? FILE_THERE : S_ISDIR(info.st_mode) ? FOLDER_THERE : OTHER_THERE;
}

static enum ls_status check_folder(const char *cube, struct ls_err *err)
{
    char folder[4096];
    (void)snprintf(folder, sizeof folder, "%s", cube);
    char *slash = strrchr(folder, '/');
    if (!slash)
        return LS_OK;
    slash[slash == folder] = '\0';
    if (kind_of(folder) == FOLDER_THERE)
        return LS_OK;
    return ls_fail(err, LS_INPUT, "%s: no such folder; create it (mkdir -p), or write elsewhere with -o", folder);
}

static enum ls_status check_cube(const char *cube, enum ls_output_mode mode, struct ls_err *err)
{
    switch (kind_of(cube)) {
    case MISSING:
        return LS_OK;
    case FILE_THERE:
        if (mode != LS_OUTPUT_NEW)
            return LS_OK;
        return ls_fail(err, LS_CONFLICT,
                       "%s exists already; --resume goes on with it, --overwrite starts anew, -o writes elsewhere",
                       cube);
    case FOLDER_THERE:
        return ls_fail(err, LS_INPUT, "%s is a folder; name a file in it", cube);
    default:
        return ls_fail(err, LS_INPUT, "%s is no regular file", cube);
    }
}

/* Whether a cube without a journal is a finished one of this study. */
static enum ls_status check_finished(const char *path, const struct ls_study *study, bool *complete, struct ls_err *err)
{
    struct ls_cube *cube;
    enum ls_status status = ls_cube_open(path, &cube, err);
    if (status != LS_OK)
        return status;
    const char *sha256 = ls_cube_attribute(cube, "study_sha256");
    const uint64_t n_cells = ls_cube_n_cells(cube);
    double *values = NULL; /* the status of every cell, then its reason */
    if (!sha256 || strcmp(sha256, study->sha256) != 0 || n_cells != study->n_cells) {
        status =
            ls_fail(err, LS_CONFLICT, "%s holds another study; --overwrite replaces it, -o writes elsewhere", path);
    } else if (!(values = malloc(2 * n_cells * sizeof *values))) {
        status = ls_fail(err, LS_NOMEM, "out of memory for the states of %llu cells", (unsigned long long)n_cells);
    } else {
        status = ls_cube_read(cube, "status", values, err);
        if (status == LS_OK)
            status = ls_cube_read(cube, "reason", values + n_cells, err);
        *complete = status == LS_OK && (ls_cube_kinds(cube) & study->output_kinds) == study->output_kinds;
        for (uint64_t i = 0; *complete && i < n_cells; i++)
            *complete = values[i] != LS_CELL_NOT_RUN || values[n_cells + i] != LS_REASON_NONE;
    }
    free(values);
    ls_cube_close(cube);
    return status;
}

enum ls_status ls_run_output_open(struct ls_run_output *output, const char *cube, enum ls_output_mode mode,
                                  const struct ls_study *study, size_t n_ranks, struct ls_err *err)
{
    *output = (struct ls_run_output){0};
    if (strlen(cube) >= sizeof output->cube)
        return ls_fail(err, LS_INPUT, "the name of the cube is longer than %zu characters", sizeof output->cube - 1);
    (void)snprintf(output->cube, sizeof output->cube, "%s", cube);
    (void)snprintf(output->journal_path, sizeof output->journal_path, "%s.journal", cube);
    (void)snprintf(output->details_path, sizeof output->details_path, "%s.details", cube);
    enum ls_status status = check_folder(cube, err);
    if (status == LS_OK)
        status = check_cube(cube, mode, err);
    const bool journal_there = kind_of(output->journal_path) != MISSING;
    if (status == LS_OK && (mode == LS_OUTPUT_NEW || mode == LS_OUTPUT_GROW) && journal_there)
        status =
            ls_fail(err, LS_CONFLICT, "%s holds an unfinished run; --resume goes on with it, --overwrite starts anew",
                    output->journal_path);
    if (status == LS_OK && mode == LS_OUTPUT_RESUME && !journal_there && kind_of(cube) == FILE_THERE) {
        status = check_finished(cube, study, &output->complete, err);
        output->partial = !output->complete;
    }
    if (status != LS_OK || output->complete)
        return status;
    output->resumed = mode == LS_OUTPUT_RESUME && journal_there;
    const struct ls_journal_key key = {.n_cells = study->n_cells, .resolved = study->resolved};
    struct ls_journal_key keyed = key;
    memcpy(keyed.sha256, study->sha256, sizeof keyed.sha256);
    status = ls_journal_open(output->journal_path, &keyed, mode == LS_OUTPUT_RESUME, NULL, NULL, &output->journal, err);
    if (status == LS_OK && study->output_kinds)
        status = ls_detail_file_open(output->details_path, n_ranks, output->resumed, &output->details, err);
    if (status != LS_OK)
        ls_run_output_abandon(output);
    return status;
}

struct resumption {
    struct ls_detail_file *details;
    uint32_t kinds; /* that are wanted */
    ls_journal_visit *visit;
    void *context;
};

static void resume_record(const struct ls_record *record, void *context)
{
    const struct resumption *resumption = context;
    const bool ran = record->status == LS_CELL_DONE || record->status == LS_CELL_INFEASIBLE;
    if (ran && resumption->kinds &&
        ((record->kinds & resumption->kinds) != resumption->kinds || !ls_detail_file_has(resumption->details, record)))
        return;
    resumption->visit(record, resumption->context);
}

enum ls_status ls_run_output_resume(struct ls_run_output *output, const struct ls_study *study, ls_journal_visit *visit,
                                    void *context, struct ls_err *err)
{
    struct resumption resumption = {output->details, study->output_kinds, visit, context};
    return output->resumed ? ls_journal_replay(output->journal, resume_record, &resumption, err) : LS_OK;
}

enum ls_status ls_run_output_add(struct ls_run_output *output, size_t rank, const struct ls_record *record,
                                 struct ls_err *err)
{
    if (!output->details)
        return ls_journal_append(output->journal, record, err);
    struct ls_record settled = *record;
    ls_detail_file_settle(output->details, rank, &settled);
    return ls_journal_append(output->journal, &settled, err);
}

/* Rows of a record of a cube, piece by piece, as if rank 0 had simulated it. */
static enum ls_status copy_rows(struct ls_run_output *output, struct ls_cube *cube, const struct ls_record *record,
                                enum ls_detail_kind kind, struct ls_err *err)
{
    const struct ls_detail *detail = &record->details[kind];
    const size_t row_bytes = ls_detail_tables[kind].row_bytes;
    enum ls_status status = LS_OK;
    struct ls_piece *piece = malloc(sizeof *piece);
    if (!piece)
        return ls_fail(err, LS_NOMEM, "no memory for details");
    piece->cell = record->cell;
    piece->kind = (uint32_t)kind;
    for (uint64_t done = 0, n; done < detail->n_rows && status == LS_OK; done += n) {
        n = LS_PIECE_BYTES / row_bytes;
        n = detail->n_rows - done < n ? detail->n_rows - done : n;
        piece->n_bytes = (uint32_t)(n * row_bytes);
        status = ls_cube_rows(cube, kind, detail->last + done, (size_t)n, piece->bytes, err);
        if (status == LS_OK)
            status = ls_detail_file_add(output->details, 0, piece, err);
    }
    free(piece);
    return status;
}

enum ls_status ls_run_output_adopt(struct ls_run_output *output, const struct ls_study *study, struct ls_cube *cube,
                                   const struct ls_record *record, bool *taken, struct ls_err *err)
{
    struct ls_record adopted = *record;
    enum ls_status status = LS_OK;
    *taken = (record->kinds & study->output_kinds) == study->output_kinds;
    if (!*taken)
        return LS_OK;
    adopted.kinds = study->output_kinds;
    for (uint32_t kind = 0; kind < LS_N_DETAIL_KINDS && status == LS_OK; kind++) {
        if (study->output_kinds >> kind & 1u)
            status = copy_rows(output, cube, record, (enum ls_detail_kind)kind, err);
        else
            adopted.details[kind] = (struct ls_detail){0};
    }
    return status == LS_OK ? ls_run_output_add(output, 0, &adopted, err) : status;
}

enum ls_status ls_run_output_commit(struct ls_run_output *output, struct ls_err *err)
{
    const enum ls_status status = output->details ? ls_detail_file_commit(output->details, err) : LS_OK;
    return status == LS_OK ? ls_journal_commit(output->journal, err) : status;
}

static enum ls_status close_files(struct ls_run_output *output, bool remove, struct ls_err *err)
{
    enum ls_status status = ls_journal_close(output->journal, remove, err);
    if (output->details) {
        const enum ls_status closed = ls_detail_file_close(output->details, remove, status ? NULL : err);
        status = status ? status : closed;
    }
    if (remove && !output->details)
        (void)unlink(output->details_path); /* of an earlier run that wanted some */
    output->journal = NULL;
    output->details = NULL;
    return status;
}

enum ls_status ls_run_output_finish(struct ls_run_output *output, const struct ls_study *study, bool complete,
                                    struct ls_err *err)
{
    if (!output->journal)
        return LS_OK;
    enum ls_status status = ls_run_output_commit(output, err);
    if (status == LS_OK)
        status = ls_cube_write(output->cube, study, output->journal, output->details, err);
    const enum ls_status closed = close_files(output, complete && status == LS_OK, status ? NULL : err);
    return status ? status : closed;
}

void ls_run_output_abandon(struct ls_run_output *output)
{
    /* What was wrong was said; that an empty journal cannot be removed says nothing more. */
    const enum ls_status ignored = output->journal ? close_files(output, !output->resumed, NULL) : LS_OK;
    (void)ignored;
}
