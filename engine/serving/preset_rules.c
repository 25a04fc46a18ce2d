#include "engine/serving/preset.h"

#include <math.h>

#include "engine/cost/operator_cost.h"
#include "engine/model/operator.h"

int64_t ls_reference_token_budget(const struct ls_scenario *scenario)
{
    const struct ls_model *model = &scenario->model;
    const struct ls_hardware *hardware = &scenario->cluster.hardware;
    const enum ls_dtype dtype = (enum ls_dtype)scenario->engine.weight_dtype;
    const double step_s = 0.05;
    const double tp = (double)scenario->strategy.tp;
    const double parameters = (double)ls_model_parameters(model);
    const double row_bytes = 4 * (double)model->hidden_size;
    const double left = hardware->memory_bytes - parameters * ls_dtype_bytes(dtype) / tp;
    const double peak = ls_op_dtype_supported(hardware, dtype) ? ls_op_dtype_peak(hardware, dtype) : 0;
    const double by_memory = floor(sqrt(fmax(1e8, 0.1 * left) / row_bytes));
    const double by_bandwidth =
        floor(hardware->memory_bandwidth_bytes_per_s * step_s / (row_bytes * (double)model->num_hidden_layers));
    const double by_compute = floor(peak * step_s / (2 * parameters / tp));
    const double fits = fmin(by_memory, fmin(by_bandwidth, by_compute));
    return (int64_t)fmin(fmax(floor(fits * fmin(sqrt(tp), 4)), 2048), 32768);
}

/* TensorRT-LLM up to 0.12 kept each context with one block of threads unless built otherwise: multi_block_mode became
 * its default in 0.13 (docs/source/release-notes.md), as did kernels on tensor cores for any number of query heads.
 * Before, there were some for 8 heads of 128 for each KV head, or 1 (shouldUse of decoderXQARunner.h;
 * tensorrt_llm/plugin/ plugin.py of 0.11 has multi_block_mode off and enable_xqa on); the others ran as masked
 * multi-head attention. */
enum ls_decode_attention ls_preset_decode_attention(const struct ls_scenario *scenario)
{
    const struct ls_model *model = &scenario->model;
    if (scenario->engine.preset != LS_PRESET_TRTLLM_WHOLE || model->num_key_value_heads < 1)
        return LS_DECODE_MEASURED;
    const int64_t group = model->num_attention_heads / model->num_key_value_heads;
    return model->head_dim == 128 && (group == 8 || group == 1) ? LS_DECODE_WHOLE : LS_DECODE_MASKED;
}

/* TensorRT-LLM takes the format that the checkpoint names (KvCacheConfig.dtype is auto, llmapi/llm_args.py), and
 * NVIDIA's checkpoints in fp8 and nvfp4 name fp8 (kv_cache_quant_algo of their hf_quant_config.json). */
enum ls_dtype ls_preset_kv_dtype(const struct ls_scenario *scenario)
{
    const struct ls_engine *engine = &scenario->engine;
    const int32_t preset = engine->preset;
    const bool trtllm =
        preset == LS_PRESET_TRTLLM || preset == LS_PRESET_TRTLLM_ENGINE || preset == LS_PRESET_TRTLLM_WHOLE;
    const bool narrow = engine->weight_dtype == LS_FP8 || engine->weight_dtype == LS_NVFP4;
    const bool computes_fp8 = !isnan(scenario->cluster.hardware.peak.by_dtype[LS_FP8]);
    return trtllm && narrow && computes_fp8 ? LS_FP8 : (enum ls_dtype)scenario->model.activation_dtype;
}

/* The kernels of DeepEP and those over NVLink quantise before they send, TensorRT-LLM before it gathers
 * (fused_moe_cutlass.py, quantize_input). */
enum ls_dtype ls_preset_dispatch_dtype(const struct ls_scenario *scenario)
{
    const struct ls_engine *engine = &scenario->engine;
    const struct ls_formats formats =
        ls_model_formats(&scenario->model, (enum ls_dtype)engine->weight_dtype, (enum ls_dtype)engine->kv_dtype);
    const bool narrow = formats.expert == LS_FP8 || formats.expert == LS_NVFP4;
    const bool gathers = engine->all2all_backend == LS_ALL2ALL_ALL_GATHER;
    const bool quantises = gathers ? engine->preset == LS_PRESET_TRTLLM : engine->all2all_backend != LS_ALL2ALL_NCCL;
    return narrow && quantises ? formats.expert : formats.activation;
}
