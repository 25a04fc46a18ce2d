#include "engine/serving/deployment/router.h"

#include <math.h>
#include <stddef.h>

#include "engine/sim/random.h"

static int64_t in_turn(const struct ls_router_view *view, const struct ls_router_request *request)
{
    return (int64_t)(request->index % (uint64_t)view->n);
}

static int64_t choose_round_robin(const struct ls_router_view *view, const struct ls_router_request *request)
{
    return in_turn(view, request);
}

static int64_t choose_random(const struct ls_router_view *view, const struct ls_router_request *request)
{
    struct ls_stream stream = ls_stream_make(view->seed, view->replica, 0, request->index, LS_RNG_ROUTER);
    return (int64_t)(ls_stream_uniform(&stream) * (double)view->n);
}

static int64_t choose_least_loaded(const struct ls_router_view *view, const struct ls_router_request *request)
{
    /* Ties go round robin, as a queue of idle servers would. */
    const int64_t first = in_turn(view, request);
    int64_t best = first;
    for (int64_t i = 1; i < view->n; i++) {
        const int64_t candidate = (first + i) % view->n;
        if (view->load[candidate] < view->load[best])
            best = candidate;
    }
    return best;
}

/* Its place among n, by the upper bits of a Fibonacci hash (Knuth, The Art of Computer Programming 3, section 6.4). */
static int64_t place_of(uint64_t hash, int64_t n)
{
    const uint64_t mixed = (hash ^ (hash >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
    return (int64_t)((double)(mixed >> 11) * 0x1p-53 * (double)n);
}

/* A session stays where it began; requests without one take turns. */
static int64_t choose_session(const struct ls_router_view *view, const struct ls_router_request *request)
{
    return request->in_session ? place_of(request->session, view->n) : in_turn(view, request);
}

/* Hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam, SODA 2018): prompts that begin alike go to one
 * scheduler, unless that has its share of all requests times a factor; then to the next one that has not. */
static int64_t choose_prefix_affinity(const struct ls_router_view *view, const struct ls_router_request *request)
{
    int64_t total = 1; /* this one too */
    for (int64_t i = 0; i < view->n; i++)
        total += view->load[i];
    const double most = ceil(view->load_factor * (double)total / (double)view->n);
    const int64_t first = place_of(request->prefix, view->n);
    for (int64_t i = 0; i < view->n; i++)
        if ((double)view->load[(first + i) % view->n] < most)
            return (first + i) % view->n;
    return first;
}

/* Where the fewest tokens are before the request's end: those of its prompt that the KV cache does not know, and the
 * prompts of all that are there (in tokens, the cost of NVIDIA Dynamo's KV router: blocks to prefill plus blocks in
 * use). */
static int64_t choose_kv_aware(const struct ls_router_view *view, const struct ls_router_request *request)
{
    const int64_t first = in_turn(view, request);
    int64_t best = first, least = INT64_MAX;
    for (int64_t i = 0; i < view->n; i++) {
        const int64_t candidate = (first + i) % view->n;
        const int64_t cost = view->prompt_tok[candidate] + request->prompt_tok - view->cached_tok[candidate];
        if (cost < least) {
            least = cost;
            best = candidate;
        }
    }
    return best;
}

const struct ls_router_ops ls_routers[LS_N_ROUTERS] = {
    [LS_ROUTER_ROUND_ROBIN] = {"round_robin", false, false, choose_round_robin},
    [LS_ROUTER_RANDOM] = {"random", false, false, choose_random},
    [LS_ROUTER_LEAST_LOADED] = {"least_loaded", true, false, choose_least_loaded},
    [LS_ROUTER_SESSION] = {"session", false, false, choose_session},
    [LS_ROUTER_PREFIX_AFFINITY] = {"prefix_affinity", true, false, choose_prefix_affinity},
    [LS_ROUTER_KV_AWARE] = {"kv_aware", true, true, choose_kv_aware},
};

const char *const ls_router_names[LS_N_ROUTERS + 1] = {
    "round_robin", "random", "least_loaded", "session", "prefix_affinity", "kv_aware", NULL,
};
