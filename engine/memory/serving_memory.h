#ifndef LS_ENGINE_MEMORY_SERVING_MEMORY_H
#define LS_ENGINE_MEMORY_SERVING_MEMORY_H

#include <stdbool.h>

#include "engine/model/operator.h"
#include "engine/scenario.h"

/* Bytes on the fullest GPU of a serving deployment, and the KV pool that is left, as the engine computes it, in whole
 * blocks, the smallest stage deciding. engine.kv_pool total (vLLM, determine_available_memory): utilization · memory −
 * weights − activations − overhead. free (TensorRT-LLM, free_gpu_memory_fraction): utilization · (memory − weights −
 * activations − overhead). static (SGLang, mem_fraction_static): utilization · memory − weights, where the rest fits
 * beside it. */
struct ls_serving_memory {
    double weights_bytes; /* as loaded: with rotary tables, MLA's second form of kv_b, padding of MXFP4 */
    double activation_bytes;
    double overhead_bytes;
    double kv_bytes; /* reserved for the pool */
    double total_bytes;
    double kv_bytes_per_token; /* of a further token of a long context; layers within their window add none */
    int64_t kv_blocks; /* that one scheduler may hand out, one for block_size tokens of a sequence; 0: nothing fits.
                          Where some layers slide, vLLM's pool holds more short sequences than that, never fewer */
};

/* Memory of a resolved scenario whose shape is feasible; LS_REASON_NONE, LS_REASON_MEMORY_WEIGHTS or
 * LS_REASON_MEMORY_KV (no room for a minimal KV cache: one request of max_model_len where one is set, else one block).
 * *memory is filled in every case. */
enum ls_reason ls_serving_memory(const struct ls_scenario *scenario, struct ls_serving_memory *memory);

/* Which ends of the pipeline a stage is. */
enum { LS_STAGE_FIRST = 1, LS_STAGE_LAST = 2 };

/* Weight bytes of one GPU for layers [first, end), with the embedding where `ends` has LS_STAGE_FIRST, final norm and
 * head where it has LS_STAGE_LAST. A tied table is one tensor where both are set, else each stage has its copy. These
 * are the checkpoint's bytes; ls_serving_memory adds what the engine does to them. */
double ls_weight_bytes(const struct ls_model *model, const struct ls_shard *shard, const struct ls_formats *formats,
                       int64_t first, int64_t end, unsigned ends);

/* KV bytes of one token in one layer on one GPU: KV heads are replicated where tp exceeds them; MLA keeps its latent on
 * every rank. */
double ls_kv_bytes_per_token_layer(const struct ls_model *model, int64_t tp, enum ls_dtype kv_dtype);

/* Bytes of a sequence in one gated delta-net on one GPU, whatever its length: the heads' states and the last inputs of
 * the convolution. Zero for models without. */
double ls_state_bytes_per_layer(const struct ls_model *model, int64_t tp);

/* Blocks of the pool that a sequence takes for them, beside those for its tokens: vLLM has one pool for both kinds of
 * layers, in groups of as many layers, and a sequence's states lie in whole blocks of each group. */
int64_t ls_state_blocks(const struct ls_scenario *scenario);

/* States are kept for a sequence's last token alone, and stay on the GPU: LS_INPUT where prefix caching or swapping
 * asks for more. */
LS_NODISCARD enum ls_status ls_state_check(const struct ls_scenario *scenario, struct ls_err *err);

/* Peak of what a forward pass of max_num_batched_tokens allocates on one GPU of a resolved scenario, which is what
 * vLLM's profile run measures before it sizes the pool: three rows of hidden_size (residual, normed input, output of
 * the block before) and the largest layer's intermediates for each token; on the last stage at least what sampling
 * max_num_seqs tokens takes beside one row for each token. Both parts are checked against vLLM's own logs in the tests:
 * sampling decides at the default limits, the layers at large budgets of tokens. */
double ls_activation_bytes(const struct ls_scenario *scenario, const struct ls_shard *shard, bool last_stage);

#endif
