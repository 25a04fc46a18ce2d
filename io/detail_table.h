#ifndef LS_IO_DETAIL_TABLE_H
#define LS_IO_DETAIL_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "sweep/detail.h"

/* Rows of details as pieces carry them and the cube's columns hold them: the same values, so a cube that is taken over
 * gives the same cube. Times are seconds; NaN where there is none. */

struct ls_request_detail {
    int64_t request; /* of the run, in order of arrival: the rows of a cell stand in this order */
    int32_t profile, pipeline, scheduler;
    int32_t outcome; /* enum ls_request_end */
    int32_t streams;
    int32_t prompt_tokens, output_tokens, generated_tokens;
    double arrival_s, scheduled_s, first_token_s, end_s;
    double ttft_s, tpot_s, e2e_s;
};

struct ls_moment_detail {
    double time_s;
    int32_t pipeline, scheduler;
    int64_t waiting, running, kv_blocks, batch_tokens;
};

enum ls_detail_type { LS_DETAIL_INT32, LS_DETAIL_INT64, LS_DETAIL_FLOAT64, LS_N_DETAIL_TYPES };

struct ls_detail_column {
    const char *name, *unit, *long_name;
    const char *meanings; /* of the numbers from 0 on; null: they are numbers */
    enum ls_detail_type type;
    size_t offset; /* in the row */
};

struct ls_detail_table {
    const char *group;     /* of the cube, and the study's key below `output` */
    const char *dimension; /* of its columns */
    size_t row_bytes;
    const struct ls_detail_column *columns;
    size_t n_columns;
};

extern const struct ls_detail_table ls_detail_tables[LS_N_DETAIL_KINDS];

/* Bytes of a value. */
size_t ls_detail_type_bytes(enum ls_detail_type type);

#endif
