#ifndef LS_ENGINE_MODEL_STATED_H
#define LS_ENGINE_MODEL_STATED_H

#include "engine/model/operator.h"

/* Models whose costs are stated for each token (struct ls_stated). A pass has one operator for the prompt tokens and
 * one for the decodes of each layer's attention block, and the same for its MLP block. Stages add up those of their
 * layers; embedding and head are part of what is stated, and cost nothing more. */

/* Check that what is stated is whole and fits the rest of the model. LS_INPUT says which key is missing or too much. */
LS_NODISCARD enum ls_status ls_stated_check(const struct ls_model *model, struct ls_err *err);

/* Fill ops[] with the operator of n_tok tokens of one kind in one block of one layer on one GPU; returns how many: none
 * without tokens, else one. */
size_t ls_ops_stated(const struct ls_model *model, const struct ls_shard *shard, const struct ls_formats *formats,
                     enum ls_block_kind block, enum ls_tok_kind kind, int64_t n_tok, struct ls_op ops[LS_MAX_OPS]);

/* Those of the MLP block of one layer for a whole pass. */
size_t ls_ops_stated_mlp(const struct ls_model *model, const struct ls_shard *shard, const struct ls_formats *formats,
                         const struct ls_batch *batch, struct ls_op ops[LS_MAX_OPS]);

#endif
