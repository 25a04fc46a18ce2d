#ifndef LS_ENGINE_SERVING_DEPLOYMENT_LINKS_H
#define LS_ENGINE_SERVING_DEPLOYMENT_LINKS_H

#include "engine/hardware/cluster.h"
#include "engine/serving/deployment/pool.h"

/* Which NICs each stage of each pipeline sends through. GPU i of a node uses NIC i · nics / gpus, so replicas share a
 * NIC where a node has fewer NICs than GPUs. */

struct ls_links {
    int64_t n_nics;    /* of the nodes in use */
    int64_t n_numbers; /* NICs are numbered below it, */
    int64_t n_groups;
    int64_t *first; /* [n_groups + 1] where a stage's NICs begin in `nics`; stages of all pipelines */
    int32_t *nics;  /* node by node */
};

/* The NIC that a GPU of a pool sends through. */
int32_t ls_links_nic(const struct ls_pool *pool, int64_t rank);

LS_NODISCARD enum ls_status ls_links_init(struct ls_links *links, const struct ls_pool *pools, int n_pools,
                                          int64_t n_groups, struct ls_arena *arena);

/* Busy share of the NICs in use over the window: their mean, and the busiest. */
void ls_link_utilization(const struct ls_links *links, const struct ls_pipeline *pipelines, int64_t n_pipelines,
                         double window_s, double *mean, double *max);

#endif
