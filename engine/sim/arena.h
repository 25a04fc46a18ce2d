#ifndef LS_ENGINE_SIM_ARENA_H
#define LS_ENGINE_SIM_ARENA_H

#include <stddef.h>
#include <stdint.h>

/* Memory of one simulation: taken piece by piece, given back all at once, kept for the next cell. Event loops take
 * theirs before they start; what must grow later (a backlog of waiting requests) grows by whole blocks. */

struct ls_arena_chunk;

struct ls_arena {
    struct ls_arena_chunk *chunks; /* newest first */
    struct ls_arena_chunk *spare;  /* kept from earlier simulations */
    uint64_t n_mallocs;            /* calls to malloc since the arena was made, for the tests */
};

/* `size` bytes, aligned to 64 and not initialised; null when memory is short. Valid until the next reset. */
void *ls_arena_take(struct ls_arena *arena, size_t size);

/* Forget every piece, keep the memory. */
void ls_arena_reset(struct ls_arena *arena);

/* Free the memory; the arena may be used again. */
void ls_arena_release(struct ls_arena *arena);

#endif
