#include "engine/serving/router.h"

#include <stddef.h>

#include "engine/sim/random.h"

static int64_t choose_round_robin(const struct ls_router_view *view, uint64_t index)
{
    return (int64_t)(index % (uint64_t)view->n);
}

static int64_t choose_random(const struct ls_router_view *view, uint64_t index)
{
    struct ls_stream stream = ls_stream_make(view->seed, view->replica, 0, index, LS_RNG_ROUTER);
    return (int64_t)(ls_stream_uniform(&stream) * (double)view->n);
}

static int64_t choose_least_loaded(const struct ls_router_view *view, uint64_t index)
{
    /* Ties go round robin, as a queue of idle servers would. */
    const int64_t first = (int64_t)(index % (uint64_t)view->n);
    int64_t best = first;
    for (int64_t i = 1; i < view->n; i++) {
        const int64_t candidate = (first + i) % view->n;
        if (view->load[candidate] < view->load[best])
            best = candidate;
    }
    return best;
}

const struct ls_router_ops ls_routers[LS_N_ROUTERS] = {
    {"round_robin", false, choose_round_robin},
    {"random", false, choose_random},
    {"least_loaded", true, choose_least_loaded},
    {"session", true, NULL},
    {"prefix_affinity", true, NULL},
    {"kv_aware", true, NULL},
};

const char *const ls_router_names[LS_N_ROUTERS + 1] = {
    "round_robin", "random", "least_loaded", "session", "prefix_affinity", "kv_aware", NULL,
};
