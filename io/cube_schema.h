#ifndef LS_IO_CUBE_SCHEMA_H
#define LS_IO_CUBE_SCHEMA_H

#include <hdf5.h>

#include "io/detail_table.h"

/* What the writer and the reader of a cube agree on. */

#define LS_CUBE_SCHEMA 1 /* raised when a reader of the old form would go wrong */

/* The flag meanings of `status`, in the order of enum ls_cell_status. */
#define LS_CUBE_STATUS_MEANINGS "done infeasible failed not_run"

/* What two runs of one study may differ in, and so no part of the digest. */
#define LS_CUBE_RUN_GROUP "run"
#define LS_CUBE_CREATED "created"

/* Over the axes, in a group of details: where the rows of a cell begin, and how many they are. */
#define LS_CUBE_START "start"
#define LS_CUBE_COUNT "count"

static inline hid_t ls_cube_detail_type(enum ls_detail_type type)
{
    return type == LS_DETAIL_INT32 ? H5T_NATIVE_INT32 : type == LS_DETAIL_INT64 ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE;
}

#endif
