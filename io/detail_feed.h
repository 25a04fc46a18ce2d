#ifndef LS_IO_DETAIL_FEED_H
#define LS_IO_DETAIL_FEED_H

#include "engine/serving/observer.h"
#include "io/detail_table.h"
#include "sweep/record.h"

/* Looks on at the simulation of a cell and turns what it sees into pieces of details. */

typedef void ls_piece_taker(const struct ls_piece *piece, void *context);

struct ls_detail_feed {
    struct ls_observer observer; /* for ls_sim_observe */
    uint32_t kinds;              /* 1 << enum ls_detail_kind, those that are wanted */
    ls_piece_taker *take;
    void *context;
    uint64_t n_rows[LS_N_DETAIL_KINDS];
    struct ls_piece pieces[LS_N_DETAIL_KINDS]; /* being filled */
};

/* For a cell that is simulated next: pieces go to `take` when they are full. The feed must not move until it ends. */
void ls_detail_feed_begin(struct ls_detail_feed *feed, uint32_t kinds, uint64_t cell, ls_piece_taker *take,
                          void *context);

/* The cell's simulation is done: what is left goes to `take`, and the record says how much there was. */
void ls_detail_feed_end(struct ls_detail_feed *feed, struct ls_record *record);

#endif
