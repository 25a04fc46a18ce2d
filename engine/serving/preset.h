#ifndef LS_ENGINE_SERVING_PRESET_H
#define LS_ENGINE_SERVING_PRESET_H

#include "engine/scenario.h"

/* Named serving engines: what each gives to the engine keys that a study leaves null. */

#define LS_N_PRESETS 11
extern const char *const ls_preset_names[LS_N_PRESETS + 1];

/* The reference documents' rule for `max_num_batched_tokens: auto`, with a step of 50 ms in mind: the least of what
 * memory, bandwidth and arithmetic allow a step, times √tp up to 4, from 2,048 to 32,768. weight_dtype is resolved. */
int64_t ls_reference_token_budget(const struct ls_scenario *scenario);

/* Fill the nulls of scenario->engine. */
void ls_preset_apply(struct ls_scenario *scenario);

/* Format of tokens on their way to experts, once backend and weights are known: the experts' own where that is narrow
 * and the backend quantises before it sends. */
enum ls_dtype ls_preset_dispatch_dtype(const struct ls_scenario *scenario);

/* How its decodes attend where the hardware does not say. */
enum ls_decode_attention ls_preset_decode_attention(const struct ls_scenario *scenario);

/* Format of the KV cache where a study names none, once weights are known. */
enum ls_dtype ls_preset_kv_dtype(const struct ls_scenario *scenario);

#endif
