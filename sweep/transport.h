#ifndef LS_SWEEP_TRANSPORT_H
#define LS_SWEEP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sweep/queue.h"
#include "sweep/record.h"

/* What rank 0 and the other ranks, its workers, say to each other. Two implementations: the inline one of a single
 * rank, which has nobody to talk to, and sweep/mpi. Messages between two ranks arrive in the order sent. */

/* Rank 0 to a worker: cells to simulate, or none, which dismisses it. */
struct ls_chunk {
    uint64_t n;
    uint64_t cells[LS_CHUNK_CELLS];
};

#define LS_REPORT_RECORDS 32 /* at most in one report */

enum ls_report_flag {
    LS_REPORT_IDLE = 1,    /* the chunk is done: another, please */
    LS_REPORT_STOPPED = 2, /* this rank was told to stop; what it still had is dropped */
    LS_REPORT_LAST = 4,    /* the answer to a dismissal; nothing follows */
    LS_REPORT_PIECE = 8    /* no records, but a piece of the details of the cell being simulated */
};

/* A worker to rank 0. */
struct ls_report {
    uint32_t rank;
    uint32_t flags; /* enum ls_report_flag */
    uint64_t n;     /* records */
    union {
        struct ls_record records[LS_REPORT_RECORDS];
        struct ls_piece piece;
    };
};

struct ls_transport {
    size_t rank, n_ranks;
    const struct ls_transport_ops *ops;
};

struct ls_transport_ops {
    /* Rank 0: a report if one has come, else null; valid until the next call. Never blocks. */
    const struct ls_report *(*poll_report)(struct ls_transport *transport);
    /* Rank 0: send to a worker. Does not block as long as the worker is waiting for a chunk, or the chunk is empty. */
    void (*send_chunk)(struct ls_transport *transport, size_t rank, const struct ls_chunk *chunk);
    /* Rank 0: a worker that died since the last call. Null where a death ends the whole job. */
    bool (*poll_death)(struct ls_transport *transport, size_t *rank);
    /* Workers: send to rank 0. The report may be reused at once. */
    void (*send_report)(struct ls_transport *transport, const struct ls_report *report);
    /* Workers: the next chunk if it has come. Never blocks. */
    bool (*poll_chunk)(struct ls_transport *transport, struct ls_chunk *chunk);
    /* All ranks together: the greatest of their values. Waits without burning the core. */
    uint32_t (*max)(struct ls_transport *transport, uint32_t value);
    /* Leave the core to others for about this long. */
    void (*nap)(struct ls_transport *transport, double seconds);
};

/* The transport of one rank alone. */
struct ls_transport ls_transport_inline(void);

#endif
