#ifndef LS_ENGINE_SERVING_ROUTER_H
#define LS_ENGINE_SERVING_ROUTER_H

#include <stdbool.h>
#include <stdint.h>

/* Who gets the next request. A policy is one row of ls_routers. */

/* What a router may look at: one entry a scheduler. */
struct ls_router_view {
    int64_t n;           /* schedulers */
    const int64_t *load; /* [n] waiting + running requests; up to date only when the policy needs it */
    uint64_t seed, replica;
};

struct ls_router_ops {
    const char *name;
    bool needs_load; /* schedulers must be simulated up to the arrival before they are compared */
    /* Scheduler of the `index`th request of the run; null: not available yet. */
    int64_t (*choose)(const struct ls_router_view *view, uint64_t index);
};

#define LS_N_ROUTERS 6
extern const struct ls_router_ops ls_routers[LS_N_ROUTERS];
extern const char *const ls_router_names[LS_N_ROUTERS + 1];

#endif
