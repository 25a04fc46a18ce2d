#include "engine/serving/workload/followers.h"

#include <assert.h>
#include <string.h>

enum ls_status ls_followers_init(struct ls_followers *followers, struct ls_arena *arena, int64_t n)
{
    *followers = (struct ls_followers){.arena = arena, .capacity = n};
    followers->heap = ls_arena_take(arena, (size_t)n * sizeof *followers->heap);
    return followers->heap ? LS_OK : LS_NOMEM;
}

static bool before(const struct ls_follower *a, const struct ls_follower *b)
{
    return a->at_ps != b->at_ps ? a->at_ps < b->at_ps : a->order < b->order;
}

bool ls_followers_note(struct ls_followers *followers, struct ls_follower follower)
{
    if (followers->n == followers->capacity) {
        const size_t size = (size_t)followers->capacity * sizeof *followers->heap;
        struct ls_follower *heap = ls_arena_take(followers->arena, 2 * size);
        if (!heap)
            return false;
        memcpy(heap, followers->heap, size);
        followers->heap = heap;
        followers->capacity *= 2;
    }
    follower.order = followers->n_noted++;
    int64_t at = followers->n++;
    for (; at > 0 && before(&follower, &followers->heap[(at - 1) / 2]); at = (at - 1) / 2)
        followers->heap[at] = followers->heap[(at - 1) / 2];
    followers->heap[at] = follower;
    return true;
}

struct ls_follower ls_followers_pop(struct ls_followers *followers)
{
    assert(followers->n > 0);
    const struct ls_follower first = followers->heap[0], last = followers->heap[--followers->n];
    int64_t at = 0;
    for (int64_t child = 1; child < followers->n; child = 2 * at + 1) {
        if (child + 1 < followers->n && before(&followers->heap[child + 1], &followers->heap[child]))
            child++;
        if (!before(&followers->heap[child], &last))
            break;
        followers->heap[at] = followers->heap[child];
        at = child;
    }
    followers->heap[at] = last;
    return first;
}
