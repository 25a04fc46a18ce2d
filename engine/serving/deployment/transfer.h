#ifndef LS_ENGINE_SERVING_DEPLOYMENT_TRANSFER_H
#define LS_ENGINE_SERVING_DEPLOYMENT_TRANSFER_H

#include "engine/serving/deployment/pool.h"

/* How long a prompt's KV cache takes from a scheduler of one pool to one of another. All GPUs of the sending scheduler
 * send and all of the receiving one receive at once, over their NICs; inside one node over their own links. What each
 * receives is the KV cache that it will hold (heads that tensor ranks hold twice, and MLA's latent on all of them, are
 * sent as often); the senders share that work. The transfer lasts as long as the busier side, and a latency; each side
 * is busy for its own share:
 *
 *   receive = Σ layers of the fullest stage (bytes of a token on a GPU · tokens, or the window's, or a delta-net's
 * state) · GPUs a NIC / β, the drafter's layers being the last stage's, send = the same on all receiving GPUs, over the
 * senders of the fullest stage, duration = α + max(send, receive). */

/* One side. */
struct ls_transfer_end {
    const struct ls_pool *pool;
    double kv_bytes;      /* of a token and layer, on one GPU */
    double state_bytes;   /* of a sequence in one of its gated delta-nets, on one GPU */
    double drafter_bytes; /* of a token in all layers of the drafter, on a GPU of the last stage */
    double *sharing;      /* [schedulers] of a scheduler's GPUs, those that share its most shared NIC */
    int64_t *node;        /* [pipelines] the node that holds all of it; −1: several */
};

struct ls_transfer_cost {
    struct ls_transfer_end from, to;
    double window; /* tokens; infinite where no layer slides */
    double nic_bandwidth, nic_latency_s;
    double link_bandwidth, link_latency_s; /* of a GPU, inside a node */
};

struct ls_transfer_time {
    int64_t duration_ps;
    int64_t send_ps, receive_ps; /* each side's links are busy */
    bool crosses;                /* they are the NICs */
};

LS_NODISCARD enum ls_status ls_transfer_cost_init(struct ls_transfer_cost *cost, const struct ls_scenario *scenario,
                                                  const struct ls_pool *from, const struct ls_pool *to,
                                                  struct ls_arena *arena);

/* `n_tok` tokens from scheduler `sender` of one pool to scheduler `receiver` of the other. */
struct ls_transfer_time ls_transfer_time(const struct ls_transfer_cost *cost, int64_t sender, int64_t receiver,
                                         int64_t n_tok);

#endif
