#ifndef LS_SWEEP_RECORD_H
#define LS_SWEEP_RECORD_H

#include <stdint.h>

#include "engine/simulate.h"
#include "sweep/detail.h"

/* One finished cell on its way from a rank to the journal and the cube. Plain data: it crosses MPI and the disk as
 * bytes. */
struct ls_record {
    uint64_t cell;
    uint64_t fingerprint;
    uint32_t status; /* enum ls_cell_status */
    uint32_t reason; /* enum ls_reason */
    uint32_t rank;   /* from here on: may differ between two runs of one study */
    uint32_t kinds;  /* 1 << enum ls_detail_kind, each whose rows were taken down */
    double wall_s;
    struct ls_detail details[LS_N_DETAIL_KINDS];
    struct ls_metrics metrics;
};

#endif
