#ifndef LS_IO_SAMPLES_H
#define LS_IO_SAMPLES_H

#include "engine/sim/distribution.h"
#include "io/diag.h"

/* Read one column of a CSV file whose first line names its columns: numbers, none negative, in any order. Faults go to
 * diags with line and column, the first few of them. The caller frees samples->values. LS_IO, LS_INPUT or LS_NOMEM. */
LS_NODISCARD enum ls_status ls_samples_read(const char *path, const char *column, struct ls_samples *samples,
                                            struct ls_diags *diags);

#endif
