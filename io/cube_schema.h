#ifndef LS_IO_CUBE_SCHEMA_H
#define LS_IO_CUBE_SCHEMA_H

/* What the writer and the reader of a cube agree on. */

#define LS_CUBE_SCHEMA 1 /* raised when a reader of the old form would go wrong */

/* The flag meanings of `status`, in the order of enum ls_cell_status. */
#define LS_CUBE_STATUS_MEANINGS "done infeasible failed not_run"

/* What two runs of one study may differ in, and so no part of the digest. */
#define LS_CUBE_RUN_GROUP "run"
#define LS_CUBE_CREATED "created"

#endif
