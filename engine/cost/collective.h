#ifndef LS_ENGINE_COST_COLLECTIVE_H
#define LS_ENGINE_COST_COLLECTIVE_H

#include <stdint.h>

#include "engine/hardware/cluster.h"

/* Seconds of a collective or a transfer, split into the equal steps that `high` plays one by one. */

enum ls_collective {
    LS_ALL_REDUCE,     /* bytes: the buffer that every rank holds */
    LS_ALL_GATHER,     /* bytes: the gathered result */
    LS_REDUCE_SCATTER, /* bytes: the buffer before it is scattered */
    LS_ALL_TO_ALL,     /* bytes: what one rank sends, its own share included */
    LS_SEND_RECV       /* bytes: the message; the group has two ranks */
};

/* n_steps equal steps; during each, every node's NICs are busy for nic_s (0 inside a node) and a GPU's link for link_s.
 */
struct ls_phase {
    int64_t n_steps;
    double step_s;
    double nic_s;
    double link_s;
};

#define LS_MAX_PHASES 3

struct ls_collective_cost {
    int n_phases;
    struct ls_phase phases[LS_MAX_PHASES];
};

/* The fastest algorithm for this group and size. A group of one rank costs nothing (no phases). The cluster is
 * resolved. */
struct ls_collective_cost ls_collective_cost(const struct ls_cluster *cluster, enum ls_collective collective,
                                             const struct ls_group *group, double bytes);

/* Sum over phases of n_steps · step_s. */
double ls_collective_seconds(const struct ls_collective_cost *cost);

#endif
