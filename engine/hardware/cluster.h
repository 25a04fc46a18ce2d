#ifndef LS_ENGINE_HARDWARE_CLUSTER_H
#define LS_ENGINE_HARDWARE_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/hardware/hardware.h"

/* Nodes of one kind of GPU. */
struct ls_cluster {
    struct ls_hardware hardware;
    int64_t nodes;
    int64_t gpus_per_node;     /* null: the hardware's */
    int64_t nics_per_node;     /* null: the hardware's */
    int32_t topology;          /* null: the hardware's */
    struct ls_link intra_node; /* null members: the hardware's */
    struct ls_link inter_node;
    char rank_order[LS_NAME_LEN]; /* "tp ep pp dp", innermost first */
    int32_t contention;
    int32_t collective_steps;
    bool nccl_only;        /* no all-reduce of the engine's own; no key: engine.custom_all_reduce, once resolved */
    struct ls_link client; /* between the clients and the router; null members: no delay */
};

extern const struct ls_param_table ls_cluster_params;

/* Fill what is null from the hardware; the client's link keeps its nulls. */
void ls_cluster_complete(struct ls_cluster *cluster);

/* A strategy's degrees; gpus = tp · pp · dp · ep. */
struct ls_strategy {
    int64_t tp, pp, dp, ep;
    int64_t expert_tp;  /* null: tp */
    int32_t lod;        /* enum ls_lod */
    int64_t first_rank; /* where another pool comes before: no parameter */
};

enum ls_lod { LS_LOD_LOW, LS_LOD_MEDIUM, LS_LOD_HIGH };

extern const struct ls_param_table ls_strategy_params;

enum ls_dim { LS_TP, LS_EP, LS_PP, LS_DP, LS_N_DIMS };

/* Where a strategy's ranks land: rank = first + Σ coordinate · stride, nodes are filled in order. */
struct ls_placement {
    int64_t degree[LS_N_DIMS];
    int64_t stride[LS_N_DIMS];
    int64_t gpus_per_node;
    int64_t first; /* rank of its first GPU */
};

/* Read the cluster's rank order; LS_INPUT when it is no permutation of tp, ep, pp, dp. */
LS_NODISCARD enum ls_status ls_placement_init(struct ls_placement *placement, const struct ls_cluster *cluster,
                                              const struct ls_strategy *strategy, struct ls_err *err);

/* Global rank of a GPU from its coordinates in the order of enum ls_dim. */
int64_t ls_placement_rank(const struct ls_placement *placement, const int64_t coordinate[LS_N_DIMS]);

/* Node of a global rank. */
int64_t ls_placement_node(const struct ls_placement *placement, int64_t rank);

/* A group of ranks that communicate, reduced to what its cost depends on. */
struct ls_group {
    int64_t size;           /* ranks */
    int64_t nodes;          /* nodes they touch */
    int64_t ranks_per_node; /* on the fullest node */
};

/* The group spanned by the dimensions in `dims` (bit set of 1 << enum ls_dim) that holds the GPU at `origin`. */
struct ls_group ls_placement_group(const struct ls_placement *placement, unsigned dims,
                                   const int64_t origin[LS_N_DIMS]);

/* Whether any tensor or expert rank of replica `dp` leaves its node when stage `stage` sends to the next one. */
bool ls_placement_send_crosses(const struct ls_placement *placement, int64_t dp, int64_t stage);

#endif
