#ifndef LS_IO_TABLE_FILE_H
#define LS_IO_TABLE_FILE_H

#include "engine/hardware/kernel_table.h"
#include "io/diag.h"

/* Measured kernels from a CSV file with a header (docs/table.md): the columns `operation`, `seconds`, `dtype` where
 * operations have one, and the keys of ls_table_forms; in any order, others are skipped. A row leaves the keys of other
 * operations empty. Faults go to diags with line and column, the first few of them. The caller frees *rows, which
 * *table points into. LS_IO, LS_INPUT or LS_NOMEM. */
LS_NODISCARD enum ls_status ls_table_read(const char *path, struct ls_kernel_table *table, struct ls_table_row **rows,
                                          struct ls_diags *diags);

#endif
