#ifndef LS_IO_CUBE_H
#define LS_IO_CUBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/status.h"
#include "io/detail_file.h"
#include "io/detail_table.h"
#include "io/journal.h"
#include "sweep/study.h"

/* The results cube: an HDF5 file that is a valid netCDF-4 file. See docs/cube.md. */

/* Write the whole cube from a journal's records to a temporary file beside `path` and rename it over `path`; cells
 * without a record are not_run. `details` (null: none) has the rows that the study asks for. Memory: one metric at a
 * time, and the details of one cell. LS_IO with the path and the reason; `path` is untouched then. */
LS_NODISCARD enum ls_status ls_cube_write(const char *path, const struct ls_study *study, struct ls_journal *journal,
                                          struct ls_detail_file *details, struct ls_err *err);

/* A cube opened for reading. */
struct ls_cube;

struct ls_cube_axis {
    char name[96];
    size_t n;
    bool numeric;
    double *coordinates; /* [n] when numeric */
    char **labels;       /* [n] always: text of each point */
    char unit[32];
};

/* The caller closes it with ls_cube_close. LS_IO when there is none or it is no cube of ours. */
LS_NODISCARD enum ls_status ls_cube_open(const char *path, struct ls_cube **cube, struct ls_err *err);
void ls_cube_close(struct ls_cube *cube);

size_t ls_cube_n_axes(const struct ls_cube *cube);
const struct ls_cube_axis *ls_cube_axis(const struct ls_cube *cube, size_t i);
uint64_t ls_cube_n_cells(const struct ls_cube *cube);

/* An attribute of the root as text ("study", "resolved_study", "title", "seed", …), or null; owned by the cube. */
const char *ls_cube_attribute(struct ls_cube *cube, const char *name);

/* One column (engine/metrics.h's ls_metric_column_name, or "status", "reason", "gpus", "run/wall_s") of all cells into
 * values[n_cells], row-major. LS_INPUT when the cube has no such metric. */
LS_NODISCARD enum ls_status ls_cube_read(struct ls_cube *cube, const char *name, double *values, struct ls_err *err);

/* The scenarios' fingerprints into fingerprints[n_cells], 0 where a cell did not run: what --reuse goes by. */
LS_NODISCARD enum ls_status ls_cube_fingerprints(struct ls_cube *cube, uint64_t *fingerprints, struct ls_err *err);

/* Visit the record of every cell that ran or that a search left out, in order; their ranks are 0, and where their
 * details say `last` is the row at which they begin, for ls_cube_rows. Reads each metric once for some ten thousand
 * cells. */
LS_NODISCARD enum ls_status ls_cube_records(struct ls_cube *cube, ls_journal_visit *visit, void *context,
                                            struct ls_err *err);

/* The kinds of details that the cube holds: 1 << enum ls_detail_kind. */
uint32_t ls_cube_kinds(struct ls_cube *cube);

/* Where each cell's rows of one kind begin and how many they are, into start[n_cells] and count[n_cells]. */
LS_NODISCARD enum ls_status ls_cube_ranges(struct ls_cube *cube, enum ls_detail_kind kind, uint64_t *start,
                                           uint64_t *count, struct ls_err *err);

/* The n rows from `first` on into rows[n], as ls_detail_tables has them. */
LS_NODISCARD enum ls_status ls_cube_rows(struct ls_cube *cube, enum ls_detail_kind kind, uint64_t first, size_t n,
                                         void *rows, struct ls_err *err);

/* Whether the cube holds that column. */
bool ls_cube_has(struct ls_cube *cube, const char *name);

/* Hex SHA-256 of every dataset and attribute outside /run and `created`, in a fixed order, from values, not from file
 * bytes. */
LS_NODISCARD enum ls_status ls_cube_digest(const char *path, char digest[65], struct ls_err *err);

#endif
