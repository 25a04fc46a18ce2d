#ifndef LS_ENGINE_SERVING_DEPLOYMENT_ROUTER_H
#define LS_ENGINE_SERVING_DEPLOYMENT_ROUTER_H

#include <stdbool.h>
#include <stdint.h>

/* Who gets the next request. A policy is one row of ls_routers. */

/* What a router may look at: one entry a scheduler, as the policy needs it. */
struct ls_router_view {
    int64_t n;                 /* schedulers */
    const int64_t *load;       /* [n] requests on their way to it, waiting and running */
    const int64_t *prompt_tok; /* [n] their prompts' tokens */
    const int64_t *cached_tok; /* [n] tokens of the request's prompt that its KV cache knows */
    double load_factor;        /* a scheduler's share of the requests, over the mean, from which affinity gives way */
    uint64_t seed, replica;
};

/* What it may know of a request. */
struct ls_router_request {
    uint64_t index;   /* in the run */
    uint64_t session; /* hash; requests of one session have the same */
    uint64_t prefix;  /* hash of how the prompt begins, as far as others may begin alike */
    bool in_session;  /* else its hashes are its own */
    int64_t prompt_tok;
};

struct ls_router_ops {
    const char *name;
    bool needs_load;  /* schedulers must be simulated up to when they are compared */
    bool needs_cache; /* and their KV caches looked at */
    int64_t (*choose)(const struct ls_router_view *view, const struct ls_router_request *request);
};

enum ls_router {
    LS_ROUTER_ROUND_ROBIN,
    LS_ROUTER_RANDOM,
    LS_ROUTER_LEAST_LOADED,
    LS_ROUTER_SESSION,
    LS_ROUTER_PREFIX_AFFINITY,
    LS_ROUTER_KV_AWARE
};

#define LS_N_ROUTERS 6
extern const struct ls_router_ops ls_routers[LS_N_ROUTERS];
extern const char *const ls_router_names[LS_N_ROUTERS + 1];

#endif
