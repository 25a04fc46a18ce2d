#ifndef LS_ENGINE_COST_EXCHANGE_H
#define LS_ENGINE_COST_EXCHANGE_H

#include "engine/cost/collective.h"
#include "engine/hardware/kernels.h"
#include "engine/model/model.h"
#include "engine/scenario.h"

/* Seconds in which a group's tokens reach the GPUs of their experts (dispatch) or their results return (combine), by
 * the kernels of a library made for it. Other ways of exchanging them are collectives: step_comm.h. */

/* Of enum ls_all2all. */
extern const char *const ls_all2all_names[LS_N_ALL2ALL + 1];

/* Whether a backend that reaches the GPUs of one NVLink domain would exchange tokens between nodes. */
bool ls_all2all_leaves_nvlink(const struct ls_cluster *cluster, const struct ls_strategy *strategy, int32_t backend);

/* What the busiest GPU of the group sends or receives. */
struct ls_token_exchange {
    double n_rows;    /* its tokens, or the rows that it computes over the copies of a token */
    double row_bytes; /* of a token on the wire */
    double shards;    /* GPUs that hold different experts, over all of the group's nodes alike */
};

/* launch + copies · copy + max(tokens · row + bytes over the link / β, bytes over the node's NICs / β), the group's
 * ranks sending at once; launch holds the latency of whatever lies between them (DeepEP's is no longer between nodes
 * than inside one). Copies of a token that leave its GPU (github.com/deepseek-ai/DeepEP, README.md; ls_routing_parts
 * says how many):
 * - DeepEP's normal kernels send one to each node with experts of it over the NICs, where it is forwarded over NVLink,
 *   and one to each GPU;
 * - its low-latency kernels send one for each expert, over NVLink or straight over a NIC;
 * - the kernels over NVLink send one to each GPU.
 * The cluster is resolved. */
struct ls_collective_cost ls_exchange_cost(const struct ls_cluster *cluster, const struct ls_model *model,
                                           enum ls_exchange_library library, enum ls_exchange_way way,
                                           const struct ls_group *group, const struct ls_token_exchange *exchange);

#endif
