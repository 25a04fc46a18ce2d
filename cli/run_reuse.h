#ifndef LS_CLI_RUN_REUSE_H
#define LS_CLI_RUN_REUSE_H

#include "engine/status.h"
#include "io/cube.h"
#include "sweep/queue.h"
#include "sweep/study.h"

/* Results that an older cube holds for a study's cells: a grid can grow without running again what is there. */

/* Visit a record, with its number in this study, for every absent cell of the queue whose resolved scenario has the
 * fingerprint of a finished cell of the cube, which may be of another study. LS_IO, LS_INPUT, LS_NOMEM. */
LS_NODISCARD enum ls_status ls_run_reuse(struct ls_cube *cube, const struct ls_study *study,
                                         const struct ls_queue *queue, ls_journal_visit *visit, void *context,
                                         struct ls_err *err);

#endif
