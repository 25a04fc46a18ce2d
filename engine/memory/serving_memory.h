#ifndef LS_ENGINE_MEMORY_SERVING_MEMORY_H
#define LS_ENGINE_MEMORY_SERVING_MEMORY_H

#include "engine/model/operator.h"
#include "engine/scenario.h"

/* Bytes on the fullest GPU of a serving deployment, and the KV pool that is left, as the engine computes it:
 * gpu_memory_utilization · memory − weights − activations − overhead, in whole blocks, the smallest stage deciding. */
struct ls_serving_memory {
    double weights_bytes;
    double activation_bytes;
    double overhead_bytes;
    double kv_bytes; /* reserved: kv_blocks in whole */
    double total_bytes;
    double kv_bytes_per_token; /* on the GPU that decides */
    int64_t kv_blocks;         /* of one scheduler; 0 when nothing fits */
};

/* Memory of a resolved scenario; LS_REASON_NONE, LS_REASON_MEMORY_WEIGHTS or LS_REASON_MEMORY_KV (no room for a minimal
 * KV cache: one request of max_model_len where one is set, else one block). *memory is filled in every case. */
enum ls_reason ls_serving_memory(const struct ls_scenario *scenario, struct ls_serving_memory *memory);

/* Weight bytes of one GPU for layers [first, end) with or without embedding and head (tied weights are stored on both
 * the first and the last stage). */
double ls_weight_bytes(const struct ls_model *model, const struct ls_shard *shard, enum ls_dtype weight_dtype,
                       int64_t first, int64_t end, bool embedding, bool head);

/* KV bytes of one token in one layer on one GPU: KV heads are replicated where tp exceeds them; MLA keeps its latent on
 * every rank. */
double ls_kv_bytes_per_token_layer(const struct ls_model *model, int64_t tp, enum ls_dtype kv_dtype);

/* First layer of a pipeline stage: layers are spread as evenly as possible, vLLM's way (remainders go to the later
 * middle stages, never the last). Stage pp gives the number of layers. */
int64_t ls_stage_first_layer(int64_t n_layers, int64_t pp, int64_t stage);

#endif
