#ifndef LS_SWEEP_DETAIL_H
#define LS_SWEEP_DETAIL_H

#include <stdint.h>

/* What a cell leaves behind beside its metrics where the study asks for it: rows, as many as there are. They leave the
 * rank that simulates the cell in pieces, as they come, so no rank ever holds more of them than one piece. */

enum ls_detail_kind { LS_DETAIL_REQUESTS, LS_DETAIL_TIMELINE, LS_N_DETAIL_KINDS };

/* A number of whole rows of one kind, as bytes. Io knows what a row is. */
#define LS_PIECE_BYTES 65536

struct ls_piece {
    uint64_t cell;
    uint32_t kind; /* enum ls_detail_kind */
    uint32_t n_bytes;
    unsigned char bytes[LS_PIECE_BYTES];
};

/* All rows of one kind of a cell. */
struct ls_detail {
    uint64_t n_rows;
    uint64_t last; /* rank 0's: where the last piece is kept; 0: nowhere */
};

#endif
