#ifndef LS_ENGINE_SERVING_WORKLOAD_FOLLOWERS_H
#define LS_ENGINE_SERVING_WORKLOAD_FOLLOWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/serving/workload/session.h"
#include "engine/sim/arena.h"
#include "engine/sim/clock.h"

/* Requests that will come because others have ended: the next turn of a session when its client has thought, the next
 * request of a closed loop's user. In order of time, then in the order in which they were noted. */

struct ls_follower {
    int64_t at_ps;
    uint64_t order;
    struct ls_turn turn;
    bool any; /* no turn: whatever the user of a closed loop says next */
};

struct ls_followers {
    struct ls_arena *arena;
    struct ls_follower *heap;
    int64_t n, capacity;
    uint64_t n_noted;
};

/* Room for `n` at first. */
LS_NODISCARD enum ls_status ls_followers_init(struct ls_followers *followers, struct ls_arena *arena, int64_t n);

/* False when memory is short. */
bool ls_followers_note(struct ls_followers *followers, struct ls_follower follower);

/* When the first comes; LS_PS_NEVER without one. */
static inline int64_t ls_followers_next_ps(const struct ls_followers *followers)
{
    return followers->n > 0 ? followers->heap[0].at_ps : LS_PS_NEVER;
}

/* The first, taken out; there is one. */
struct ls_follower ls_followers_pop(struct ls_followers *followers);

#endif
