#ifndef LS_ENGINE_COST_DRAFT_COST_H
#define LS_ENGINE_COST_DRAFT_COST_H

#include "engine/cost/step_cost.h"

/* What drafting costs beside the pass that verifies: the drafter's own forward passes, one after the other, on the GPUs
 * of the last stage, split over tp (and ep) as the model is. The first one takes the pass's prompt chunks, the others
 * and what is left of it a token for each sequence.
 *
 * draft: a model of its own; its first pass takes a token of each decode. mtp: one more layer of the model itself, with
 * embedding and head (DeepSeek-V3, arXiv 2412.19437, section 2.2, run as vLLM runs it, again for each further token);
 * its first pass takes all tokens that the model verifies. The projection of two hidden states to one before the layer
 * is a product of its own. ngram: a look-up on the CPU, taken to cost nothing. */

struct ls_draft_cost {
    struct ls_scenario scenario; /* of the drafter */
    struct ls_step_cost cost;
    struct ls_batch *batches; /* [n_members] */
    int64_t n_drafts;
    bool projects; /* mtp */
};

/* Null in *draft where no model drafts. */
LS_NODISCARD enum ls_status ls_draft_cost_init(struct ls_draft_cost **draft, const struct ls_scenario *scenario,
                                               struct ls_arena *arena, struct ls_err *err);

/* Time of the drafter's passes after a pass of these batches, [n_members]. */
int64_t ls_draft_ps(struct ls_draft_cost *draft, const struct ls_batch *batches);

#endif
