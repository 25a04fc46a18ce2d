#ifndef LS_IO_JOURNAL_H
#define LS_IO_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/status.h"
#include "sweep/record.h"

/* The journal beside a cube: what makes a finished cell survive kill −9. A header names the study; then come framed,
 * checksummed records. Locked while open, so that two runs on one cube cannot happen. */

struct ls_journal;

struct ls_journal_key {
    char sha256[65]; /* of the resolved study */
    uint64_t n_cells;
    const char *resolved; /* the resolved study itself, kept so that a mismatch can name the keys that differ */
};

/* Called for each intact record of an existing journal, in file order; a cell may come twice (the last one counts). */
typedef void ls_journal_visit(const struct ls_record *record, void *context);

/* Open for appending. With `resume`, an existing journal of the same study is replayed through `visit` (may be null),
 * its torn tail cut off. LS_CONFLICT: it belongs to another study (the message names the keys that differ) or is locked
 * by another run; LS_IO with the path and the reason. The caller closes it with ls_journal_close. */
LS_NODISCARD enum ls_status ls_journal_open(const char *path, const struct ls_journal_key *key, bool resume,
                                            ls_journal_visit *visit, void *context, struct ls_journal **journal,
                                            struct ls_err *err);

/* Read a journal without the lock, also one that a run is writing: every record on the disk goes to `visit`. *n_cells
 * is its study's. LS_IO or LS_CONFLICT as above, LS_NOMEM. */
LS_NODISCARD enum ls_status ls_journal_inspect(const char *path, ls_journal_visit *visit, void *context,
                                               uint64_t *n_cells, struct ls_err *err);

/* Buffer a record. */
LS_NODISCARD enum ls_status ls_journal_append(struct ls_journal *journal, const struct ls_record *record,
                                              struct ls_err *err);

/* Write and fdatasync what is buffered: after LS_OK it survives. Cheap when nothing is. */
LS_NODISCARD enum ls_status ls_journal_commit(struct ls_journal *journal, struct ls_err *err);

/* Whether the file is still where it was opened. One that somebody removed can still be written and replayed, but goes
 * when it is closed. */
bool ls_journal_is_in_place(const struct ls_journal *journal);

/* Replay every record once more (committed first), for writing the cube one metric at a time. */
LS_NODISCARD enum ls_status ls_journal_replay(struct ls_journal *journal, ls_journal_visit *visit, void *context,
                                              struct ls_err *err);

/* Commit and close; with `remove` the file goes, after the cube is in place. The journal is freed in any case. */
LS_NODISCARD enum ls_status ls_journal_close(struct ls_journal *journal, bool remove, struct ls_err *err);

#endif
