#include "engine/sim/arena.h"

#include <assert.h>
#include <stdlib.h>

enum { alignment = 64 };
static const size_t chunk_size = (size_t)1 << 20;

struct ls_arena_chunk {
    struct ls_arena_chunk *next;
    size_t size, used; /* bytes after the header */
};

static size_t round_up(size_t size)
{
    return (size + alignment - 1) / alignment * alignment;
}

static struct ls_arena_chunk *take_spare(struct ls_arena *arena, size_t size)
{
    for (struct ls_arena_chunk **link = &arena->spare; *link; link = &(*link)->next) {
        struct ls_arena_chunk *chunk = *link;
        if (chunk->size >= size) {
            *link = chunk->next;
            return chunk;
        }
    }
    return NULL;
}

static struct ls_arena_chunk *add_chunk(struct ls_arena *arena, size_t size)
{
    struct ls_arena_chunk *chunk = take_spare(arena, size);
    if (!chunk) {
        const size_t payload = size > chunk_size ? size : chunk_size;
        chunk = aligned_alloc(alignment, alignment + payload);
        if (!chunk)
            return NULL;
        chunk->size = payload;
        arena->n_mallocs++;
    }
    chunk->used = 0;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *ls_arena_take(struct ls_arena *arena, size_t size)
{
    static_assert(sizeof(struct ls_arena_chunk) <= alignment, "a chunk's header fits before its first piece");
    if (size > SIZE_MAX / 2) /* where rounding and the header could wrap around */
        return NULL;
    const size_t rounded = round_up(size);
    struct ls_arena_chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < rounded) {
        chunk = add_chunk(arena, rounded);
        if (!chunk)
            return NULL;
    }
    void *piece = (char *)chunk + alignment + chunk->used;
    chunk->used += rounded;
    return piece;
}

void ls_arena_reset(struct ls_arena *arena)
{
    while (arena->chunks) {
        struct ls_arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        chunk->next = arena->spare;
        arena->spare = chunk;
    }
}

void ls_arena_release(struct ls_arena *arena)
{
    ls_arena_reset(arena);
    while (arena->spare) {
        struct ls_arena_chunk *chunk = arena->spare;
        arena->spare = chunk->next;
        free(chunk);
    }
}
