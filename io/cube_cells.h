#ifndef LS_IO_CUBE_CELLS_H
#define LS_IO_CUBE_CELLS_H

#include <stdbool.h>
#include <stdint.h>

#include "sweep/record.h"
#include "sweep/study.h"

/* What a cube says of each cell besides its metrics, collected by one replay of the journal. */
struct ls_cube_cells {
    uint64_t n;
    uint8_t *status;
    uint16_t *reason;
    int32_t *gpus;
    uint64_t *fingerprint;
    int32_t *rank;
    double *wall_s, *events_per_s;
    struct ls_detail *details;    /* [n][LS_N_DETAIL_KINDS]; null where the study wants none */
    bool has_value[LS_N_COLUMNS]; /* in any record */
};

/* Every cell as if it had not run; false when memory is short. The caller frees it in either case. */
bool ls_cube_cells_init(struct ls_cube_cells *cells, const struct ls_study *study);

/* A ls_journal_visit whose context is a struct ls_cube_cells. */
void ls_cube_cells_visit(const struct ls_record *record, void *context);

void ls_cube_cells_free(struct ls_cube_cells *cells);

#endif
