#ifndef LS_IO_CUBE_DETAILS_H
#define LS_IO_CUBE_DETAILS_H

#include "io/cube_cells.h"
#include "io/detail_file.h"
#include "io/h5_variable.h"

/* Write the group of one kind of details: its columns, rows of cell after cell, and over the axes where each cell's
 * rows begin and how many they are (a contiguous ragged array: CF conventions 9.3.3). Memory: the rows of one cell, and
 * some ten thousand more. LS_IO, LS_NOMEM; what HDF5 says is in h5. */
LS_NODISCARD enum ls_status ls_cube_put_details(struct ls_h5 *h5, const struct ls_h5_shape *axes,
                                                enum ls_detail_kind kind, const struct ls_cube_cells *cells,
                                                struct ls_detail_file *file, struct ls_err *err);

#endif
