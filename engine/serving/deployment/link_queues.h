#ifndef LS_ENGINE_SERVING_DEPLOYMENT_LINK_QUEUES_H
#define LS_ENGINE_SERVING_DEPLOYMENT_LINK_QUEUES_H

#include "engine/serving/deployment/handover.h"
#include "engine/serving/deployment/links.h"

/* Links as queues, for `high`: a transfer waits, first come first served, for all the links that it needs, and takes
 * each of them for its share of its duration. */

struct ls_link_queues {
    const struct ls_links *links;
    int64_t *link_free_ps; /* [n_groups] of a stage's GPUs, inside their node */
    int64_t *nic_free_ps;  /* [n_numbers] */
};

/* How long a transfer occupies the GPUs' links and the NICs of a stage; 0: it does not use them. */
struct ls_link_use {
    int64_t link_ps, nic_ps;
};

LS_NODISCARD enum ls_status ls_link_queues_init(struct ls_link_queues *queues, const struct ls_links *links,
                                                struct ls_arena *arena);

/* A transfer over the links of stages [group, group + n_groups); returns when it starts. */
int64_t ls_link_queues_take(struct ls_link_queues *queues, int64_t group, int64_t n_groups,
                            const struct ls_link_use *use, int64_t now_ps);

/* A KV transfer between pools, over the links of both schedulers' GPUs. */
int64_t ls_link_queues_take_transfer(struct ls_link_queues *queues, const struct ls_handover *handover,
                                     const struct ls_transfer *transfer, int64_t now_ps);

#endif
