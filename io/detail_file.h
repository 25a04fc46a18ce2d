#ifndef LS_IO_DETAIL_FILE_H
#define LS_IO_DETAIL_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/status.h"
#include "sweep/record.h"

/* The details of cells while a sweep runs: a file beside the journal to which pieces are added as they come, those of
 * cells on several ranks one among the other. Each piece names the one before it of the same cell and kind, and the
 * cell's record, in the journal, the last one: so no index is kept, in memory or on disk. Pieces that no record leads
 * to are of cells that were dropped. The journal's lock guards this file, too. */

struct ls_detail_file;

/* With `keep`, what an earlier run left stays; else the file begins anew. LS_IO with the path and the reason, LS_NOMEM.
 * The caller closes it with ls_detail_file_close. */
LS_NODISCARD enum ls_status ls_detail_file_open(const char *path, size_t n_ranks, bool keep,
                                                struct ls_detail_file **file, struct ls_err *err);

/* Add a piece of the cell that `rank` simulates. */
LS_NODISCARD enum ls_status ls_detail_file_add(struct ls_detail_file *file, size_t rank, const struct ls_piece *piece,
                                               struct ls_err *err);

/* The record of the cell that `rank` simulated has come: say in it where its pieces are. */
void ls_detail_file_settle(struct ls_detail_file *file, size_t rank, struct ls_record *record);

/* What was added survives after LS_OK. Before the journal's commit. */
LS_NODISCARD enum ls_status ls_detail_file_commit(struct ls_detail_file *file, struct ls_err *err);

/* Read all rows of one kind of a cell into rows[detail->n_rows], each as ls_detail_tables has it. LS_IO when they are
 * not all there, or damaged. */
LS_NODISCARD enum ls_status ls_detail_file_read(struct ls_detail_file *file, uint64_t cell, enum ls_detail_kind kind,
                                                const struct ls_detail *detail, void *rows, struct ls_err *err);

/* Whether all rows that the record speaks of are there; false, too, when memory is short. */
bool ls_detail_file_has(struct ls_detail_file *file, const struct ls_record *record);

/* With `remove` the file goes. */
LS_NODISCARD enum ls_status ls_detail_file_close(struct ls_detail_file *file, bool remove, struct ls_err *err);

#endif
