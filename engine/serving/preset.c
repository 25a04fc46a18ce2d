#include "engine/serving/preset.h"

#include <math.h>
#include <string.h>

#include "engine/cost/operator_cost.h"

/* vLLM 0.11, vllm/engine/arg_utils.py and vllm/config: with usage context LLM/API server, GPUs of at least 70 GiB other
 * than the A100 get a budget of 8,192 tokens (the API server's default) and 1,024 sequences, others 2,048 and 256. */
#define GIB (1024.0 * 1024 * 1024)
static const double large_memory_bytes = 70 * GIB;

const char *const ls_preset_names[LS_N_PRESETS + 1] = {"vllm-0.11", "trtllm-1.0", "sglang-0.5",
                                                       "static",    "reference",  NULL};

static void fill_int(int64_t *field, int64_t value)
{
    if (*field == LS_NULL_INT)
        *field = value;
}

static void fill_choice(int32_t *field, int32_t value)
{
    if (*field == LS_NULL_CHOICE)
        *field = value;
}

static void fill_float(double *field, double value)
{
    if (isnan(*field))
        *field = value;
}

/* Memory outside PyTorch's allocator is what vLLM 0.11.0 logs on an H100, without and with communicators
 * (github.com/llm-d/llm-d-benchmark, config_explorer/empirical-vllm-memory-results.md). */
static void apply_vllm(struct ls_scenario *scenario)
{
    const struct ls_hardware *hardware = &scenario->cluster.hardware;
    const bool large = hardware->memory_bytes >= large_memory_bytes && strncmp(hardware->name, "a100", 4) != 0;
    const bool communicates = ls_scenario_gpus(scenario) > scenario->strategy.dp;
    struct ls_engine *engine = &scenario->engine;
    fill_float(&engine->gpu_memory_utilization, 0.9);
    fill_int(&engine->block_size, 16);
    fill_int(&engine->max_num_seqs, large ? 1024 : 256);
    fill_int(&engine->max_num_batched_tokens, large ? 8192 : 2048);
    fill_choice(&engine->enable_chunked_prefill, 1);
    fill_choice(&engine->enable_prefix_caching, 1);
    fill_float(&engine->step_overhead_s, 1.0e-3);
    fill_float(&engine->step_overhead_per_seq_s, 5.0e-6);
    fill_float(&engine->memory_overhead_bytes, communicates ? 0.55 * GIB : 0.13 * GIB);
}

/* The engine of the reference documents: like vLLM, without any time or memory of its own. Its device efficiencies go
 * to the hardware, in place of what is known of kernels. */
static void apply_reference(struct ls_scenario *scenario)
{
    struct ls_engine *engine = &scenario->engine;
    fill_float(&scenario->cluster.hardware.mfu, 0.5);
    fill_float(&scenario->cluster.hardware.mbu, 0.8);
    fill_float(&engine->gpu_memory_utilization, 0.9);
    fill_int(&engine->block_size, 16);
    fill_int(&engine->max_num_seqs, ls_scenario_gpus(scenario) > 1 ? 512 : 256);
    fill_int(&engine->max_num_batched_tokens, LS_BUDGET_AUTO);
    fill_int(&engine->long_prefill_token_threshold, 4096);
    fill_choice(&engine->enable_chunked_prefill, 1);
    fill_choice(&engine->enable_prefix_caching, 1);
    fill_float(&engine->step_overhead_s, 0);
    fill_float(&engine->step_overhead_per_seq_s, 0);
    fill_float(&engine->memory_overhead_bytes, 0);
}

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

enum ls_status ls_preset_apply(struct ls_scenario *scenario, struct ls_err *err)
{
    struct ls_engine *engine = &scenario->engine;
    if (engine->preset == LS_PRESET_REFERENCE) {
        apply_reference(scenario);
        return LS_OK;
    }
    if (engine->preset != LS_PRESET_VLLM)
        return ls_fail(err, LS_INPUT, "engine.preset: %s is not available yet; vllm-0.11 and reference are",
                       ls_preset_names[engine->preset]);
    apply_vllm(scenario);
    return LS_OK;
}
