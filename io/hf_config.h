#ifndef LS_IO_HF_CONFIG_H
#define LS_IO_HF_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/model/model.h"
#include "engine/status.h"

/* What a Hugging Face config.json means in our keys. Words in, words out: it knows no file format.
 *
 * A reader that meets a mapping with `model_type` does, in this order:
 *   1. sets ls_model_params' defaults, then ls_hf_apply_family(model, model_type);
 *   2. for each scalar at any depth, asks for ls_hf_canonical_key by its dotted path
 *      (`quantization_config.quant_method`; what is below `text_config` is as if it stood above it); a sequence's own
 * path must be known, what it holds is not asked for;
 *   3. asks for ls_hf_canonical_text, and parses that text as the row of our key, unless the key is "" or the text
 * null: then there is nothing to store;
 *   4. ls_model_complete. */

/* The family of entries of a database that states costs by token (model.aggregated_ops, model.layer_types); such an
 * entry has no `model_type`. */
#define LS_HF_STATED "stated"

/* Whether `model_type` is a family that can be read. */
bool ls_hf_is_family(const char *model_type);

/* Name of the i-th family, null past the last; for messages. */
const char *ls_hf_family_name(size_t i);

/* Store what the family implies and its config.json leaves unsaid (biases, norms, tied embeddings, sliding pattern).
 * `model_type` must be a family. */
void ls_hf_apply_family(struct ls_model *model, const char *model_type);

/* Our name of `key` (a dotted path below the config), "" for a key that is known to have no bearing, null for an
 * unknown one. The result is static, or `key` itself. */
const char *ls_hf_canonical_key(const char *model_type, const char *key);

/* `text`, the scalar written at a known `key`, as our row reads it (`bfloat16` becomes `bf16`). *canonical is static,
 * `text` itself, or null where the value leaves nothing to store. LS_INPUT, with what is wrong and what would be right
 * (without the key), when the value asks for something that is not modelled (a quantisation method, say). */
LS_NODISCARD enum ls_status ls_hf_canonical_text(const char *model_type, const char *key, const char *text,
                                                 const char **canonical, struct ls_err *err);

#endif
