#ifndef LS_ENGINE_COST_STEP_COMM_H
#define LS_ENGINE_COST_STEP_COMM_H

#include "engine/cost/step_cost.h"

/* The collectives of a pass with n_tok tokens, step by step, for the high level of detail: after attention; before and
 * after the MLP block (moe: dispatch, then combine and reductions; at most four). Returns how many.
 *
 * Without lockstep (ep 1) tokens are on all of a replica's GPUs as it is: each computes the experts that it holds, and
 * an all-reduce adds them up, as in vLLM and SGLang. */
enum { LS_MAX_COMMS = 4 };
struct ls_comm ls_attention_comm(const struct ls_step_cost *cost, int64_t n_tok);
int ls_mlp_comms_before(const struct ls_step_cost *cost, bool moe, const struct ls_pass_tok *tok,
                        struct ls_comm comms[LS_MAX_COMMS]);
int ls_mlp_comms_after(const struct ls_step_cost *cost, bool moe, const struct ls_pass_tok *tok,
                       struct ls_comm comms[LS_MAX_COMMS]);
int ls_send_comms(const struct ls_step_cost *cost, bool between_nodes, int64_t n_tok,
                  struct ls_comm comms[LS_MAX_COMMS]);

/* A collective of a group, on the clock. */
struct ls_comm ls_step_collective(const struct ls_step_cost *cost, enum ls_collective kind,
                                  const struct ls_group *group, double bytes);

#endif
