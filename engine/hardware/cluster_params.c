#include "engine/hardware/cluster.h"

#include <float.h>

#define FROM_HARDWARE "; null: the hardware's"

static const struct ls_param link_rows[] = {
    LS_ROW_FLOAT(struct ls_link, "bandwidth", bandwidth_bytes_per_s, LS_DIM_BANDWIDTH, LS_PARAM_NULLABLE, "null", 1,
                 DBL_MAX, "Bandwidth of one link, one direction" FROM_HARDWARE),
    LS_ROW_FLOAT(struct ls_link, "latency", latency_s, LS_DIM_SECONDS, LS_PARAM_NULLABLE, "null", 0, DBL_MAX,
                 "Time until the first byte of a message arrives" FROM_HARDWARE),
};
static const struct ls_param_table link_params = LS_TABLE(link_rows);

static const struct ls_param client_rows[] = {
    LS_ROW_FLOAT(struct ls_link, "bandwidth", bandwidth_bytes_per_s, LS_DIM_BANDWIDTH, LS_PARAM_NULLABLE, "null", 1,
                 DBL_MAX, "Bandwidth between the clients and the router; null: no limit"),
    LS_ROW_FLOAT(struct ls_link, "latency", latency_s, LS_DIM_SECONDS, LS_PARAM_NULLABLE, "null", 0, DBL_MAX,
                 "Latency between the clients and the router, one way; null: none"),
};
static const struct ls_param_table client_params = LS_TABLE(client_rows);

static const char *const topology_names[] = {"switch", "ring", "full_mesh", "rail", NULL};

static const struct ls_param cluster_rows[] = {
    LS_ROW_OBJECT(struct ls_cluster, "hardware", hardware, LS_PARAM_REQUIRED, &ls_hardware_params,
                  "The GPU: a name of the library, a path, or a mapping with `base`"),
    LS_ROW_INT(struct ls_cluster, "nodes", nodes, 0, "1", 1, 1e6, "Nodes of the cluster"),
    LS_ROW_INT(struct ls_cluster, "gpus_per_node", gpus_per_node, LS_PARAM_NULLABLE, "null", 1, 1e6,
               "GPUs of one node" FROM_HARDWARE),
    LS_ROW_INT(struct ls_cluster, "nics_per_node", nics_per_node, LS_PARAM_NULLABLE, "null", 1, 1e6,
               "NICs of one node" FROM_HARDWARE),
    LS_ROW_CHOICE(struct ls_cluster, "topology", topology, LS_PARAM_NULLABLE, "null", topology_names,
                  "How the GPUs of a node are connected" FROM_HARDWARE),
    LS_ROW_GROUP(struct ls_cluster, "intra_node", intra_node, &link_params, "Link of one GPU inside its node"),
    LS_ROW_GROUP(struct ls_cluster, "inter_node", inter_node, &link_params, "Link of one NIC between nodes"),
    LS_ROW_TEXT(struct ls_cluster, "rank_order", rank_order, 0, "tp ep pp dp",
                "Dimensions from neighbouring ranks to distant ones"),
    LS_ROW_BOOL(struct ls_cluster, "contention", contention, 0, "true", "Whether shared links queue at lod high"),
    LS_ROW_BOOL(struct ls_cluster, "collective_steps", collective_steps, 0, "true",
                "Whether lod high has an event for each step of a collective; false: one for each of its phases"),
    LS_ROW_GROUP(struct ls_cluster, "client", client, &client_params, "Network between the clients and the router"),
};

const struct ls_param_table ls_cluster_params = LS_TABLE(cluster_rows);

static const char *const lod_names[] = {"low", "medium", "high", NULL};

#define DEGREE_ROW(key, member, doc) LS_ROW_INT(struct ls_strategy, key, member, 0, "1", 1, 1e6, doc)

static const struct ls_param strategy_rows[] = {
    DEGREE_ROW("tp", tp, "GPUs over which each layer's matrices are sharded"),
    DEGREE_ROW("pp", pp, "Pipeline stages"),
    DEGREE_ROW("dp", dp, "Independent replicas"),
    DEGREE_ROW("ep", ep, "Attention replicas that share one set of experts"),
    LS_ROW_INT(struct ls_strategy, "expert_tp", expert_tp, LS_PARAM_NULLABLE, "null", 1, 1e6,
               "GPUs over which each expert is sharded; null: tp"),
    LS_ROW_CHOICE(struct ls_strategy, "lod", lod, 0, "medium", lod_names, "Level of detail"),
};

const struct ls_param_table ls_strategy_params = LS_TABLE(strategy_rows);
