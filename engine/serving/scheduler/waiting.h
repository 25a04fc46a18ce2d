#ifndef LS_ENGINE_SERVING_SCHEDULER_WAITING_H
#define LS_ENGINE_SERVING_SCHEDULER_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/serving/scheduler/request.h"

/* Who waits to be admitted, in the order of engine.scheduling_policy. A policy is one row of ls_policies. */

struct ls_policy_ops {
    const char *name;
    /* Lower ranks go first, those of one rank in the order in which they came, also when they come back. Null: first
     * come, first served, where those that come back go to the head. */
    int64_t (*rank)(const struct ls_request *request);
};

#define LS_N_POLICIES 3
extern const struct ls_policy_ops ls_policies[LS_N_POLICIES];
extern const char *const ls_policy_names[LS_N_POLICIES + 1];

/* A line of those who came, and, under a policy with ranks, a pairing heap (Fredman, Sedgewick, Sleator and Tarjan,
 * Algorithmica 1, 1986) of those whom the scheduler has seen, linked through the requests: prev is the first child,
 * next the sibling. */
struct ls_waiting {
    const struct ls_policy_ops *policy;
    struct ls_request_list line;
    uint32_t root;
    int64_t n;      /* who wait */
    int64_t n_came; /* for their turns */
};

void ls_waiting_init(struct ls_waiting *waiting, const struct ls_policy_ops *policy);

/* A request comes for the first time, or back from running. */
void ls_waiting_come(struct ls_waiting *waiting, const struct ls_request_pool *pool, uint32_t id);
void ls_waiting_return(struct ls_waiting *waiting, const struct ls_request_pool *pool, uint32_t id);

/* Who is next among those who were there at `seen`, which never decreases; LS_NO_REQUEST when nobody was. */
uint32_t ls_waiting_first(struct ls_waiting *waiting, const struct ls_request_pool *pool, int64_t seen_ps);

/* Remove the one that ls_waiting_first has just told. */
void ls_waiting_take(struct ls_waiting *waiting, const struct ls_request_pool *pool, uint32_t first);

/* Whether `a` ranks before `b`, under a policy with ranks. */
static inline bool ls_ranks_before(const struct ls_request *a, const struct ls_request *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->turn < b->turn;
}

#endif
