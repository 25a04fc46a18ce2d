#ifndef LS_ENGINE_COST_STEP_COST_H
#define LS_ENGINE_COST_STEP_COST_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/cost/collective.h"
#include "engine/hardware/cluster.h"
#include "engine/model/operator.h"
#include "engine/model/routing.h"
#include "engine/scenario.h"
#include "engine/sim/arena.h"

/* Integer picoseconds of a forward pass, shared by every level of detail. Each operator and each collective step is
 * rounded once; a pass costs O(1) whatever its batch, because its cost depends on a few integers (struct ls_batch) and
 * what depends on one of them alone is tabulated on first use. */

/* A collective as its equal steps, rounded. */
struct ls_comm {
    int n_phases;
    struct ls_comm_phase {
        int64_t n_steps, step_ps, nic_ps, link_ps;
    } phases[LS_MAX_PHASES];
};

/* Whole duration, and how long the NICs are busy in it. */
int64_t ls_comm_ps(const struct ls_comm *comm);
int64_t ls_comm_nic_ps(const struct ls_comm *comm);

/* Tokens of a pass: of the replica with most, and of its lockstep group as its exchange and its experts see them. */
struct ls_pass_tok {
    int64_t own, group;
};

/* What depends on the number of tokens alone; one layer's block or collective each. Pairs: dense, mixture of experts,
 * or inside a node, between nodes. */
struct ls_linear {
    int64_t attention_ps[2]; /* without attention itself: full, sliding */
    int64_t attention_comm_ps, attention_nic_ps;
    int64_t mlp_ps[2]; /* mixture of experts: 0 in lockstep, where the whole group's tokens decide */
    int64_t mlp_comm_ps[2], mlp_nic_ps[2]; /* mixture of experts: every replica of the group with as many tokens */
    int64_t embedding_ps;
    int64_t send_ps[2], send_nic_ps[2]; /* to the next stage */
    double moe_weight_bytes;            /* read by one GPU for one layer's experts */
};

/* In pairs of full and sliding layers, those that are gated delta-nets count as sliding. */

/* One pass, by blocks: a stage adds up those of its layers. */
struct ls_step {
    const struct ls_linear *linear;
    int64_t attention_ps[2]; /* block of one layer: full, sliding */
    int64_t mlp_ps[2];       /* block of one layer: dense, mixture of experts */
    int64_t mlp_comm_ps[2], mlp_nic_ps[2];
    struct ls_pass_tok tok;
    int64_t embedding_ps; /* first stage */
    int64_t head_ps;      /* last stage */
    int64_t draft_ps;     /* last stage: the drafter's passes */
    double moe_weight_bytes;
    bool launched;                  /* no CUDA graph: its layers were checked against the time to launch them */
    int64_t attention_launch_ps[2]; /* then: CPU time to launch the attention block of a layer: full, sliding */
};

/* Layers of one pipeline stage. */
struct ls_stage {
    int64_t first_layer, n_layers;
    int64_t count[LS_N_LAYER_KINDS];
    int64_t n_dense, n_moe, n_sliding;
    bool overlap;         /* engine.overlap_communication */
    int64_t n_next[2][2]; /* MLP blocks by kind and the kind of the attention that follows in the stage */
    bool first_sliding, last_moe;
    bool embedding, head;
};

/* Decode attention of one layer for a number of decodes: constant_ps + round(base_ps + slope_ps · context). */
struct ls_decode {
    int64_t constant_ps; /* operators that the context does not change */
    double base_ps, slope_ps;
    int64_t draft_tok;  /* drafts that they verify */
    double from, until; /* contexts for which base and slope hold; until = 0: not filled yet */
};

/* A lockstep group's expert blocks that were priced last. */
enum { LS_N_EXPERT_BLOCKS = 256 };

struct ls_expert_block {
    struct ls_pass_tok tok; /* no tokens: none yet */
    int64_t ps;
    double weight_bytes;
};

struct ls_step_cost {
    const struct ls_model *model;
    const struct ls_cluster *cluster;
    struct ls_shard shard;
    struct ls_formats formats;
    struct ls_routing routing;
    enum ls_dtype dispatch; /* format of tokens on their way to experts */
    bool overlap;
    int64_t n_members; /* attention replicas in lockstep: ep */
    int64_t n_stages;
    struct ls_stage *stages;       /* [n_stages] */
    struct ls_group tp, experts;   /* the widest of all stages and replicas */
    struct ls_group replicas;      /* the lockstep group's GPUs with the same tensor rank */
    struct ls_group expert_gather; /* tensor ranks that share the expert block's output when they split its tokens */
    int64_t max_tok, max_seqs, max_sampled;
    struct ls_draft_cost *draft;       /* null: no model drafts */
    const struct ls_engine *engine;    /* what it replays, and how fast it launches the rest */
    int64_t attention_launch_ps[2][2]; /* CPU time to launch a layer's attention block: full, sliding; decodes alone,
                                          with prompts; */
    int64_t mlp_launch_ps[2];          /* and its other block: dense, mixture of experts */
    int64_t nccl_launch_ps;            /* and what NCCL waits for the last rank in each */
    int64_t attention_host_ps;      /* what collectives between nodes wait for the CPU in a graph, behind attention, */
    int64_t mlp_host_ps[2];         /* and around the other block */
    struct ls_linear *linear;       /* [max_tok + 1], filled on first use */
    unsigned char *has_linear;      /* [max_tok + 1] */
    struct ls_expert_block *blocks; /* [LS_N_EXPERT_BLOCKS], each where its tokens' numbers say; in lockstep */
    struct ls_decode *decode[2][2]; /* full, sliding; alone, beside prompts, the same where that
                                        pads nothing: [max_seqs + 1] */
    int64_t *head;                  /* [max_sampled + 1] */
    int64_t *n_extrapolated;        /* costs that a table of measured kernels lacks, counted as they are computed */
};

/* Prepare for a resolved, feasible scenario, which must outlive *cost; tables are taken from the arena. */
LS_NODISCARD enum ls_status ls_step_cost_init(struct ls_step_cost *cost, const struct ls_scenario *scenario,
                                              struct ls_arena *arena, struct ls_err *err);

/* Cost of one pass of `n_members` batches in lockstep (one, unless ep > 1). */
void ls_step_cost(struct ls_step_cost *cost, const struct ls_batch *batches, struct ls_step *step);

/* The decode attention of a batch, for a loop that evaluates it as the context grows from the batch's. */
const struct ls_decode *ls_decode_cost(struct ls_step_cost *cost, const struct ls_batch *batch, bool sliding);

static inline int64_t ls_decode_ps(const struct ls_decode *decode, int64_t context)
{
    return decode->constant_ps + (int64_t)(decode->base_ps + decode->slope_ps * (double)context + 0.5);
}

/* A stage's blocks and collectives, sends excluded. With overlap a collective runs while the next block of the stage
 * computes, as where a batch is cut in two halves that take turns; the cut itself is taken to cost nothing. */
int64_t ls_stage_ps(const struct ls_stage *stage, const struct ls_step *step);

/* The part of it in which nothing computes, and how long it keeps the NICs busy. */
int64_t ls_stage_comm_ps(const struct ls_stage *stage, const struct ls_step *step);
int64_t ls_stage_nic_ps(const struct ls_stage *stage, const struct ls_step *step);

#endif
