#include "engine/sim/slab.h"

#include <assert.h>
#include <string.h>

enum { N_AT_ONCE = 256 };

void ls_slab_init(struct ls_slab *slab, struct ls_arena *arena, size_t item_bytes)
{
    assert(item_bytes >= sizeof(void *) && item_bytes % sizeof(void *) == 0);
    *slab = (struct ls_slab){.arena = arena, .item_bytes = item_bytes};
}

bool ls_slab_reserve(struct ls_slab *slab, int64_t n)
{
    while (slab->n_free < n) {
        unsigned char *items = ls_arena_take(slab->arena, N_AT_ONCE * slab->item_bytes);
        if (!items)
            return false;
        for (size_t i = 0; i < N_AT_ONCE; i++)
            ls_slab_give(slab, items + i * slab->item_bytes);
    }
    return true;
}

void *ls_slab_take(struct ls_slab *slab)
{
    void *item = slab->free;
    assert(item);
    memcpy(&slab->free, item, sizeof slab->free);
    slab->n_free--;
    return item;
}

void ls_slab_give(struct ls_slab *slab, void *item)
{
    memcpy(item, &slab->free, sizeof slab->free);
    slab->free = item;
    slab->n_free++;
}
