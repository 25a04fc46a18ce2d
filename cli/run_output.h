#ifndef LS_CLI_RUN_OUTPUT_H
#define LS_CLI_RUN_OUTPUT_H

#include <stdbool.h>

#include "engine/status.h"
#include "io/cube.h"
#include "io/detail_file.h"
#include "io/journal.h"
#include "sweep/study.h"

/* Where a run leaves its results: a cube, and the journal beside it while it is not complete. */

enum ls_output_mode {
    LS_OUTPUT_NEW,       /* nothing may be there */
    LS_OUTPUT_RESUME,    /* go on with what is there */
    LS_OUTPUT_OVERWRITE, /* replace it */
    LS_OUTPUT_GROW       /* replace a cube, part of which is reused, but no unfinished run */
};

struct ls_run_output {
    char cube[4096];
    char journal_path[4096 + 16], details_path[4096 + 16];
    struct ls_journal *journal;     /* null when `complete` */
    struct ls_detail_file *details; /* null when the study wants none */
    bool resumed;                   /* the journal is an earlier run's */
    bool complete;                  /* resuming, and the cube already holds every cell */
    bool partial;                   /* resuming, and a cube without a journal holds some: the caller takes them over */
};

/* Check that results can go to `cube`, and open the journal and, for details from so many ranks, the file beside it.
 * LS_INPUT or LS_CONFLICT when something is in the way (the message says what would be right), LS_IO, LS_NOMEM. The
 * caller closes it with ls_run_output_finish. */
LS_NODISCARD enum ls_status ls_run_output_open(struct ls_run_output *output, const char *cube, enum ls_output_mode mode,
                                               const struct ls_study *study, size_t n_ranks, struct ls_err *err);

/* An earlier run's records that count go to `visit`: not those without the details that the study wants. */
LS_NODISCARD enum ls_status ls_run_output_resume(struct ls_run_output *output, const struct ls_study *study,
                                                 ls_journal_visit *visit, void *context, struct ls_err *err);

/* Add a record that `rank` sent; its details, where there are any, were added before it. */
LS_NODISCARD enum ls_status ls_run_output_add(struct ls_run_output *output, size_t rank, const struct ls_record *record,
                                              struct ls_err *err);

/* Add a record that a cube holds, for the cell that it names now, with its details. *taken is false, and nothing is
 * added, when the cube lacks details that the study wants. */
LS_NODISCARD enum ls_status ls_run_output_adopt(struct ls_run_output *output, const struct ls_study *study,
                                                struct ls_cube *cube, const struct ls_record *record, bool *taken,
                                                struct ls_err *err);

/* After LS_OK what was added survives. */
LS_NODISCARD enum ls_status ls_run_output_commit(struct ls_run_output *output, struct ls_err *err);

/* Write the cube from the journal; the journal goes when `complete`, and stays when the cube cannot be written. */
LS_NODISCARD enum ls_status ls_run_output_finish(struct ls_run_output *output, const struct ls_study *study,
                                                 bool complete, struct ls_err *err);

/* Nothing came of it: close the journal, and remove it unless an earlier run left it. */
void ls_run_output_abandon(struct ls_run_output *output);

#endif
