#ifndef LS_ENGINE_SIM_SLAB_H
#define LS_ENGINE_SIM_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/sim/arena.h"

/* Items of one size that come and go and never move, out of an arena. What must not fail takes them out of those that
 * were reserved before. */

struct ls_slab {
    struct ls_arena *arena;
    size_t item_bytes;
    void *free; /* linked by the first pointer in each */
    int64_t n_free;
};

/* Items of `item_bytes`, which hold a pointer at least and are aligned as one. Takes no memory yet. */
void ls_slab_init(struct ls_slab *slab, struct ls_arena *arena, size_t item_bytes);

/* See to it that `n` items are free; false when memory is short. */
bool ls_slab_reserve(struct ls_slab *slab, int64_t n);

/* An item with undefined content; one is free. */
void *ls_slab_take(struct ls_slab *slab);

void ls_slab_give(struct ls_slab *slab, void *item);

#endif
