#include "engine/serving/preset.h"

#include <math.h>
#include <string.h>

#include "engine/cost/exchange.h"

/* Every number is the engine's own default, or a CPU time that somebody measured and published; none is fitted to an
 * end-to-end table. What is behind the CPU times:
 *
 * - A kernel launched from PyTorch: 35 µs from one launch to the next (github.com/NVIDIA/TensorRT-LLM/pull/12653), and
 *   as much for each of the 13 kernels of a layer when a small prefill of 36 layers takes 16.4 ms without a CUDA graph,
 *   129 tokens or 513 (github.com/wejoncy/sfllm/pull/46).
 * - A sequence in a step of a Python engine: 22.5 µs. Without model and clients vLLM takes 541 µs a step, of which 33 %
 *   are the model's stand-in and the front end, for 16 tokens a step (github.com/openfabric-systems/simllm/pull/204).
 * - The rest of a step, where the CPU does not overlap with the GPU: 1 ms. A GPU idles 24 % of the time at an 8B model
 *   with 32 sequences on an H200 (huggingface.co/blog/continuous_async, by nebelwolfi.xyz, 2026-05-26): 1.7 ms beside
 *   5.5 ms of work, less the sequences' share.
 * - The rest of a step of TensorRT-LLM's PyTorch backend: 2.5 ms. It gives 13,806 tokens a second for 64 users of an 8B
 *   model on a B200, 0.58 ms a step more than the GPU's work (github.com/NVIDIA/TensorRT-LLM/issues/13957): 4.6 ms a
 *   step, less the sequences' share and that of prompts, which join 6 % of the steps and launch 420 kernels.
 * - A step of vLLM's engine before V1: 0.96 ms, or 1.6 ms on several GPUs, and 49 µs for each sequence: medians of
 *   scheduling, preparing inputs, launching model and sampler and processing outputs, and what the engine's loop took
 *   beside them on one GPU (0.16 ms and 6.4 µs a sequence), for Llama-2 7B and 70B on A100 with 8 to 128 sequences
 *   (github.com/microsoft/vidur, data/profiling/a100/cpu_overheads.csv at 6d98aa8; on several GPUs the same column is
 *   Ray's).
 * - A step of vLLM's engine before V1 for each token of context: 7.7 ns. Detokenising copies the list of all tokens of
 *   a sequence; ten sequences of 60,000 tokens take 4.3 ms longer for a step than of 4,000
 *   (github.com/vllm-project/vllm/pull/24174). Up to 0.5 its lists of KV blocks and of the output are made anew in each
 *   step, too: 13 ns together, 7 of them for the copy, when these loops of 0.5.3 are timed for 64 sequences of 192 and
 *   of 3,072 tokens in Python 3.11 on an AMD EPYC.
 * - A request between client, front end and engine: 5.5 ms, to and fro. A prompt of 57 tokens has its first token after
 *   25 ms and 19 ms from a 72B model in vLLM 0.17 on 4 and 8 H100, 5.4 ms and 5.6 ms more than its step takes by the
 *   measured kernels (github.com/JingchaoZhang/JingchaoZhang.github.io, LLM Inference Across NVLink and InfiniBand,
 *   2026-01-08); with 10 ms and 16 ms a token the same kernels are 1 % off. A prompt of 128
 *   tokens has it in 9.5 ms and 11.4 ms then from Qwen3 0.6B and 1.7B on an A100, where 12.4 ms to 13.3 ms and 11.4 ms
 *   to 14.0 ms were measured (github.com/tenstorrent/tt-inference-server/issues/340).
 * - A step of vLLM before 0.6, whose API server shares the engine's thread: 76 µs for each sequence. For Llama-3 8B on
 *   an H100 the server takes 33 % of the time, scheduling 29 % and the GPU 38 % (blog.vllm.ai, 2024-09-05, v0.6.0),
 *   whose step of 256 sequences of 400 tokens takes 12 ms.
 * - A step of vLLM on several nodes, where Ray runs the ranks: 3.8 ms more. A token of the 72B model on two stages of 8
 *   GPUs takes 14.8 ms, on one of them 10 ms with and by the kernels 11 ms without scheduling ahead, which Ray does not
 *   allow (the page on NVLink and InfiniBand, as above).
 * - The form of a chat: 2.3 µs of vLLM 0.11.0 for each character of the model's template, whose variables it looks up
 *   anew each time (vllm/entrypoints/chat_utils.py, resolve_chat_template_kwargs; later versions keep the answer). That
 *   is what Jinja 3.1.6 takes in Python 3.11 on an AMD EPYC: 11.2 ms for Qwen3's 4,169 characters, 7.8 ms for the 3,827
 *   of Llama 3.2's, 5.6 ms for the 2,631 of Qwen3's without reasoning. When an earlier version did a part of it, 1,000
 *   chats waited 6 s to 8 s before the first was processed (github.com/vllm-project/vllm/pull/20065).
 * - The front end: 32 requests gain 4 ms of mean TTFT from offline to online serving
 *   (github.com/tenstorrent/tt-inference-server/issues/190): 0.25 ms each, one after the other. Half a million tokens a
 *   second are tokenised (github.com/andyluo7/cpu-gpu-codesign-agentic-inference): 2 µs each. An output token takes
 *   0.5 µs to process (simllm, as above) and 7.5 µs to render as a frame (github.com/vllm-project/vllm/pull/52875). */

const char *const ls_preset_names[LS_N_PRESETS + 1] = {
    [LS_PRESET_VLLM] = "vllm-0.11",
    [LS_PRESET_VLLM_V0] = "vllm-0.6",
    [LS_PRESET_VLLM_IN_SERVER] = "vllm-0.5",
    [LS_PRESET_VLLM_CACHED] = "vllm-0.12",
    [LS_PRESET_VLLM_ASYNC] = "vllm-0.14",
    [LS_PRESET_TRTLLM] = "trtllm-1.0",
    [LS_PRESET_TRTLLM_ENGINE] = "trtllm-0.17",
    [LS_PRESET_TRTLLM_WHOLE] = "trtllm-0.11",
    [LS_PRESET_SGLANG] = "sglang-0.5",
    [LS_PRESET_STATIC] = "static",
    [LS_PRESET_REFERENCE] = "reference",
};

static const double gib = 1024.0 * 1024 * 1024;

/* How unevenly real traffic loads experts: the power law with which AIConfigurator predicts most models
 * (github.com/ai-dynamo/aiconfigurator, sdk/models, _power_law_alpha). Without redundant experts it makes DeepSeek-V3's
 * prompts on 32 GPUs 2.1 times as slow as balanced, its decodes on 64 GPUs 2.5 times; the SGLang team measured 1.5 and
 * 2.5 (lmsys.org/blog/2025-05-05-large-scale-ep). Models with few experts are more even (Mixtral, arXiv 2401.04088,
 * section 5) and stay balanced. */
enum { FEW_EXPERTS = 16 };
static const double routing_law = 1.01;

/* Filtering by top-k and top-p in PyTorch, as vLLM (v1/sample/ops/topk_topp_sampler.py, FlashInfer's being off by
 * default) and TensorRT-LLM's PyTorch backend do: all logits are sorted, with their indices, normalised, summed up,
 * masked and put back. 1,024 rows of 32,768 logits take 5.04 ms, 512 half of it
 * (github.com/vllm-project/vllm/pull/33538, of whose author pull/25824 is "tested on a H100"): 0.15 ns a logit, at that
 * GPU's bandwidth. SGLang has FlashInfer's kernels, which search for the threshold: 16 ns for 1,000 logits of 128 rows
 * of 131,072, where sorting takes 143 (github.com/vllm-project/vllm/pull/40376). */
static const double sorted_logit_bytes = 445, searched_logit_bytes = 50;

/* Whether a replica of vLLM's needs Ray: its tensor and pipeline ranks are on several nodes. */
static bool needs_ray(const struct ls_scenario *scenario)
{
    return scenario->strategy.tp * scenario->strategy.pp > scenario->cluster.gpus_per_node;
}

static const double ray_step_s = 3.8e-3;

/* In a CUDA graph NCCL hands what it sends between nodes to its proxy by a callback on the host
 * (github.com/NVIDIA/nccl/issues/1805). What such a callback costs in a graph: taken out of line, each collective of
 * a replay was 52 us to 85 us shorter, whatever its size (github.com/meta-pytorch/torchcomms/pull/3646). */
static const double host_node_s = 68e-6;

/* TensorRT-LLM's attention ranks do not pad their tokens to the same number (github.com/NVIDIA/TensorRT-LLM/pull/3439),
 * but on compute capability 12.0: without padding NCCL's reduce-scatter and all-gather become reductions and
 * broadcasts, which costs 30 % of their speed (pull/7965). */
static const double broadcast_frac = 0.7;

/* vLLM 0.11, vllm/engine/arg_utils.py and vllm/config: with usage context LLM/API server, GPUs of at least 70 GiB other
 * than the A100 get a budget of 8,192 tokens (the API server's default) and 1,024 sequences, others 2,048 and 256.
 * Piecewise graphs reach 512 tokens, at 1, 2, 4, each multiple of 8, and from 256 on of 16 (cudagraph_capture_sizes).
 * While tokens are sampled with top-k and top-p in
 * PyTorch, as its profile run asks for, a logit takes 38.3 bytes: gathered in 16 bits and in fp32, sorted (values,
 * 8-byte indices, and the scratch of both), probabilities, running sums and masks. From the peaks that vLLM 0.11.0 logs
 * for six models on H100, each of which gives 38.2 to 38.4 (github.com/llm-d/llm-d-benchmark,
 * config_explorer/empirical-vllm-memory-results.md). Data-parallel ranks gather all tokens for their experts
 * (github.com/vllm-project/vllm/pull/23964 and 33728), each padded to the one with most (v1/worker/dp_utils.py); their
 * buffers are for a chunk of those (VLLM_FUSED_MOE_CHUNK_SIZE, vllm/envs.py). */
static struct ls_engine vllm(const struct ls_scenario *scenario)
{
    const struct ls_hardware *hardware = &scenario->cluster.hardware;
    const bool large = hardware->memory_bytes >= 70 * gib && strncmp(hardware->name, "a100", 4) != 0;
    const bool communicates = ls_scenario_gpus(scenario) > scenario->strategy.dp;
    return (struct ls_engine){
        .gpu_memory_utilization = 0.9,
        .kv_pool = LS_KV_POOL_TOTAL,
        .sliding_window_kv = 1,
        .expert_chunk_tokens = 16384,
        .logit_bytes = 38.3,
        .top_p_bytes = sorted_logit_bytes,
        .memory_overhead_bytes = (communicates ? 0.55 : 0.13) * gib,
        .block_size = 16,
        .max_num_seqs = large ? 1024 : 256,
        .max_num_batched_tokens = large ? 8192 : 2048,
        .enable_chunked_prefill = 1,
        .enable_prefix_caching = 1,
        .batching = LS_BATCHING_MIXED,
        .output_reserve = 0,
        .step_overhead_s = 1e-3 + (needs_ray(scenario) ? ray_step_s : 0),
        .step_overhead_per_seq_s = 22.5e-6,
        .overlap_scheduling = 0,
        .expert_imbalance.power_law = routing_law,
        .all2all_backend = LS_ALL2ALL_ALL_GATHER,
        .pad_lockstep = LS_PAD_ALWAYS,
        .cuda_graphs = LS_CUDA_GRAPHS_ALL,
        .cuda_graph_max_tokens = 512,
        .cuda_graph_sizes = LS_GRAPH_SIZES_EIGHTS,
        .kernel_launch_s = 35e-6,
        .prompt_attention = LS_PROMPT_ATTENTION_FUSED,
        .custom_all_reduce = 1,
        .expert_gather_frac = 1,
        .host_node_s = host_node_s,
        .request_latency_s = 5.5e-3,
        .chat_template_char_s = 2.3e-6,
        .request_overhead_s = 0.25e-3,
        .prompt_token_overhead_s = 2e-6,
        .output_token_overhead_s = 8e-6,
    };
}

/* vLLM 0.12: a template is understood once. */
static struct ls_engine vllm_cached(const struct ls_scenario *scenario)
{
    struct ls_engine engine = vllm(scenario);
    engine.chat_template_char_s = 0;
    return engine;
}

/* vLLM 0.6 with the engine before V1, vllm/engine/arg_utils.py and vllm/config.py: 256 sequences; prompts first and
 * whole, in steps of as many tokens as the longest sequence has, 2,048 at least, unless that is longer than 32,768:
 * then in chunks, 512 tokens a step. No prefix caching, CUDA graphs for decodes alone. */
static struct ls_engine vllm_v0(const struct ls_scenario *scenario)
{
    struct ls_engine engine = vllm_cached(scenario);
    const int64_t given = scenario->engine.max_model_len, most = scenario->model.max_position_embeddings;
    const int64_t longest = given != LS_NULL_INT ? given : most != LS_NULL_INT ? most : 2048;
    const bool chunked = longest > 32768;
    engine.expert_chunk_tokens = 32768;
    engine.max_num_seqs = 256;
    engine.max_num_batched_tokens = chunked ? 512 : longest > 2048 ? longest : 2048;
    engine.enable_chunked_prefill = chunked;
    engine.enable_prefix_caching = 0;
    engine.batching = chunked ? LS_BATCHING_MIXED : LS_BATCHING_PREFILL_FIRST;
    engine.step_overhead_s = (scenario->strategy.tp > 1 ? 1.6e-3 : 0.96e-3) + (needs_ray(scenario) ? ray_step_s : 0);
    engine.step_overhead_per_seq_s = 49e-6;
    engine.context_token_overhead_s = 7.7e-9;
    engine.cuda_graphs = LS_CUDA_GRAPHS_DECODE;
    engine.cuda_graph_max_tokens = 256;
    return engine;
}

/* vLLM up to 0.5, the same with its API server in the engine's thread. */
static struct ls_engine vllm_in_server(const struct ls_scenario *scenario)
{
    struct ls_engine engine = vllm_v0(scenario);
    engine.step_overhead_per_seq_s = 76e-6;
    engine.context_token_overhead_s = 13e-9;
    return engine;
}

/* vLLM from 0.14 on schedules a step while the one before runs, unless told not to or run by Ray
 * (github.com/vllm-project/vllm/pull/27614). */
static struct ls_engine vllm_async(const struct ls_scenario *scenario)
{
    struct ls_engine engine = vllm_cached(scenario);
    engine.overlap_scheduling = !needs_ray(scenario);
    return engine;
}

/* TensorRT-LLM 1.0 with its PyTorch backend, tensorrt_llm/llmapi/llm_args.py: batches of 2,048 for each of the pp
 * batches in flight, 8,192 tokens, blocks of 32 tokens in 0.9 of the memory that a forward pass at full size leaves,
 * context chunks off, the overlap scheduler on but for pipelines (PyExecutor: _executor_loop_pp), GUARANTEED_NO_EVICT
 * as its capacity policy. CUDA graphs for generation as its deployment guides and benchmarks set them, up to the
 * largest batch and padded (CudaGraphConfig, _generate_cuda_graph_batch_sizes), for all ranks of attention data
 * parallelism alike; left alone it has those of 1 to 31, 32, 64 and 128 and pads nothing, which is cuda_graph_sizes:
 * gaps with cuda_graph_max_tokens: 128. Tokens are gathered, but for more expert ranks than experts a token on GB200
 * (_torch/modules/fused_moe/fused_moe_cutlass.py, select_alltoall_method_type). Experts keep room for their outputs
 * once more (cpp/tensorrt_llm/kernels/cutlass_kernels/moe_gemm/moe_kernels.cu, getWorkspaceDeviceBufferSizes). */
static struct ls_engine trtllm(const struct ls_scenario *scenario)
{
    const struct ls_strategy *strategy = &scenario->strategy;
    const bool nvlink_domain = strncmp(scenario->cluster.hardware.name, "gb", 2) == 0 &&
                               strategy->tp * strategy->ep <= scenario->cluster.gpus_per_node;
    const int64_t expert_tp = strategy->expert_tp == LS_NULL_INT ? strategy->tp : strategy->expert_tp;
    const bool spread = ls_model_is_moe(&scenario->model) &&
                        strategy->tp * strategy->ep / expert_tp > scenario->model.num_experts_per_tok;
    const bool pads = strncmp(scenario->cluster.hardware.name, "rtx-pro", 7) == 0;
    const int64_t max_num_seqs = 2048 * scenario->strategy.pp;
    return (struct ls_engine){
        .gpu_memory_utilization = 0.9,
        .kv_pool = LS_KV_POOL_FREE,
        .expert_output_buffer = 1,
        .logit_bytes = 6,
        .top_p_bytes = sorted_logit_bytes,
        .memory_overhead_bytes = gib,
        .block_size = 32,
        .max_num_seqs = max_num_seqs < 8192 ? max_num_seqs : 8192,
        .max_num_batched_tokens = 8192,
        .enable_chunked_prefill = 0,
        .enable_prefix_caching = 1,
        .batching = LS_BATCHING_MIXED,
        .output_reserve = 1,
        .step_overhead_s = 2.5e-3,
        .step_overhead_per_seq_s = 22.5e-6,
        .overlap_scheduling = strategy->pp == 1,
        .expert_imbalance.power_law = routing_law,
        .all2all_backend = nvlink_domain && spread ? LS_ALL2ALL_NVLINK_TWO_SIDED : LS_ALL2ALL_ALL_GATHER,
        .pad_lockstep = LS_PAD_GRAPHS,
        .cuda_graphs = LS_CUDA_GRAPHS_DECODE,
        .cuda_graph_max_tokens = 8192,
        .cuda_graph_sizes = LS_GRAPH_SIZES_POWERS,
        .kernel_launch_s = 35e-6,
        .prompt_attention = LS_PROMPT_ATTENTION_FUSED,
        .custom_all_reduce = 1,
        .expert_gather_frac = pads ? 1 : broadcast_frac,
        .host_node_s = host_node_s,
        .request_latency_s = 5.5e-3,
        .request_overhead_s = 0.25e-3,
        .prompt_token_overhead_s = 2e-6,
        .output_token_overhead_s = 8e-6,
    };
}

/* TensorRT-LLM up to 0.17, which builds TensorRT engines and runs them from C++ (batch manager, or
 * gptManagerBenchmark): blocks of 64 tokens, no CUDA graphs, but launches of 2.5 µs, what the driver takes
 * (jiahuanglin.xyz/all_lessons/gpu_kernel_serving/18_pytorch_to_kernel.html); nobody has published its time for a step.
 */
static struct ls_engine trtllm_engine(const struct ls_scenario *scenario)
{
    struct ls_engine engine = trtllm(scenario);
    engine.block_size = 64;
    engine.overlap_scheduling = 0;
    engine.cuda_graphs = LS_CUDA_GRAPHS_NONE;
    engine.kernel_launch_s = 2.5e-6;
    engine.step_overhead_s = engine.step_overhead_per_seq_s = 0;
    return engine;
}

/* What is gone before SGLang loads weights: eight H200 of 139.8 GiB have 137.3 GiB then, 2 GiB of it taken by
 * communication (github.com/sgl-project/sglang/pull/11716). On four H100 with 0.93 of the memory and 55.1 GiB of
 * weights each the same leaves 16.2 GiB to the KV cache, where 16.5 GiB were logged
 * (github.com/vllm-project/vllm/issues/21348).
 */
static double sglang_context_bytes(const struct ls_scenario *scenario)
{
    return (ls_scenario_gpus(scenario) > scenario->strategy.dp ? 2.5 : 0.5) * gib;
}

/* What SGLang 0.5 keeps from weights and KV cache (srt/server_args.py, _handle_gpu_memory_settings): 0.5 GiB, 1.5 MiB a
 * chunk token, 2 MiB a graph and the ranks' buffers, at least 10 GiB on GPUs of 60 GiB; with attention data parallel
 * each graph takes 3 MiB more for each rank, or 4.5 MiB where there are more than 300. */
static double sglang_reserved_bytes(const struct ls_scenario *scenario, int64_t chunk, int64_t graphs)
{
    const struct ls_strategy *strategy = &scenario->strategy;
    const double mib = 1024.0 * 1024, ranks = (double)(strategy->tp * strategy->ep * strategy->pp);
    double reserved = 512 + 1.5 * (double)chunk + 2 * (double)graphs + ranks / 8 * 1024;
    if (strategy->ep > 1)
        reserved += (double)(graphs * strategy->ep) * (graphs > 300 ? 4.5 : 3);
    return scenario->cluster.hardware.memory_bytes > 60 * gib ? fmax(reserved * mib, 10 * gib) : reserved * mib;
}

/* SGLang 0.5, python/sglang/srt/server_args.py: prompts first, in chunks of 8,192 tokens (16,384 from 160 GiB, 2,048
 * below 35 GiB). Weights and KV share what is left of the memory that is free when weights begin to load
 * (srt/model_executor/model_runner.py, profile_max_num_token). Running requests are expected to need 0.7 of what they
 * have left of their outputs, after 600 passes 0.14 of that (srt/environ.py, SGLANG_INIT_NEW_TOKEN_RATIO and the two
 * behind it; output_reserve_passes). With attention data parallel they are expected to need 0.3 of that, and ranks
 * share a chunk, here of as many tokens as sequences at least (_handle_data_parallelism). moe_a2a_backend is none:
 * attention ranks gather all tokens, padded alike in CUDA graphs (srt/layers/dp_attention.py). Pipelines are not
 * scheduled ahead
 * (_handle_pipeline_parallelism). */
static struct ls_engine sglang(const struct ls_scenario *scenario)
{
    const struct ls_strategy *strategy = &scenario->strategy;
    const double memory = scenario->cluster.hardware.memory_bytes;
    const int64_t chunk = memory < 35 * gib ? 2048 : memory < 160 * gib ? 8192 : 16384;
    const int64_t graphs = memory >= 160 * gib || strategy->tp * strategy->ep >= 4 ? 512 : 256;
    const double caution = strategy->ep > 1 ? 0.3 * 0.7 : 0.7;
    const int64_t max_num_seqs = 2048;
    return (struct ls_engine){
        .gpu_memory_utilization = fmax(0.01, 1 - sglang_reserved_bytes(scenario, chunk, graphs) / memory),
        .kv_pool = LS_KV_POOL_STATIC,
        .sliding_window_kv = 1,
        .logit_bytes = 6,
        .top_p_bytes = searched_logit_bytes,
        .memory_overhead_bytes = sglang_context_bytes(scenario),
        .block_size = 1,
        .max_num_seqs = max_num_seqs,
        .max_num_batched_tokens = chunk / strategy->ep > max_num_seqs ? chunk / strategy->ep : max_num_seqs,
        .enable_chunked_prefill = 1,
        .enable_prefix_caching = 1,
        .batching = LS_BATCHING_PREFILL_FIRST,
        .output_reserve = 0.14 * caution,
        .output_reserve_start = caution,
        .step_overhead_s = 1e-3,
        .step_overhead_per_seq_s = 22.5e-6,
        .overlap_scheduling = scenario->strategy.pp == 1,
        .expert_imbalance.power_law = routing_law,
        .all2all_backend = LS_ALL2ALL_ALL_GATHER,
        .pad_lockstep = LS_PAD_GRAPHS,
        .cuda_graphs = LS_CUDA_GRAPHS_DECODE,
        .cuda_graph_max_tokens = graphs,
        .cuda_graph_sizes = LS_GRAPH_SIZES_EIGHTS,
        .kernel_launch_s = 35e-6,
        .prompt_attention = LS_PROMPT_ATTENTION_FUSED,
        .custom_all_reduce = 1,
        .expert_gather_frac = 1,
        .host_node_s = host_node_s,
        .request_latency_s = 5.5e-3,
        .request_overhead_s = 0.25e-3,
        .prompt_token_overhead_s = 2e-6,
        .output_token_overhead_s = 8e-6,
    };
}

/* One batch, prefilled and decoded to its end by a loop that costs nothing, with kernels launched one by one and NCCL's
 * collectives, as in FasterTransformer and DeepSpeed. A launch takes 3.8 us beside others (Gray 2019, Getting Started
 * with CUDA Graphs, developer.nvidia.com/blog/cuda-graphs). A small all-reduce of NCCL launched from several processes
 * takes 20 us more than in a loop of its own: the mean over 2, 4 and 8 A100 and H100 and up to 1 MB,
 * kernel_vidur_collectives (github.com/microsoft/vidur) against nccl-tests, which ranks come to that are late by 9.5 us
 * in the mean. Several stages share a prompt batch in
 * parts of at most 2,048 tokens (FasterTransformer of January 2022, getLocalBatchSize in src/fastertransformer/utils/
 * nccl_utils.cc, commit ea7b880).
 * Attention of prompts is not fused, unless the kernels are TensorRT-LLM's. */
static struct ls_engine static_batch(const struct ls_scenario *scenario)
{
    const bool own_kernels = scenario->cluster.hardware.kernel_library != LS_KERNELS_TRTLLM;
    return (struct ls_engine){
        .gpu_memory_utilization = 0.95,
        .kv_pool = LS_KV_POOL_FREE,
        .sliding_window_kv = 1,
        .logit_bytes = 6,
        .top_p_bytes = sorted_logit_bytes,
        .memory_overhead_bytes = gib,
        .block_size = 64,
        .max_num_seqs = scenario->strategy.pp > 1 ? 2048 : 4096,
        .max_num_batched_tokens = scenario->strategy.pp > 1 ? 2048 : 32768,
        .enable_chunked_prefill = 0,
        .enable_prefix_caching = 0,
        .batching = LS_BATCHING_STATIC,
        .output_reserve = 1,
        .all2all_backend = LS_ALL2ALL_NCCL,
        .cuda_graphs = LS_CUDA_GRAPHS_NONE,
        .cuda_graph_max_tokens = 1048576,
        .kernel_launch_s = 3.8e-6,
        .prompt_attention = own_kernels ? LS_PROMPT_ATTENTION_UNFUSED : LS_PROMPT_ATTENTION_FUSED,
        .nccl_launch_s = 9.5e-6,
        .expert_gather_frac = 1,
        .host_node_s = host_node_s,
    };
}

/* The engine of the reference documents: like vLLM, without any time or memory of its own. Its device efficiencies go
 * to the hardware, in place of what is known of kernels: ls_preset_apply. */
static struct ls_engine reference(const struct ls_scenario *scenario)
{
    return (struct ls_engine){
        .gpu_memory_utilization = 0.9,
        .kv_pool = LS_KV_POOL_TOTAL,
        .sliding_window_kv = 1,
        .logit_bytes = 38.3,
        .top_p_bytes = sorted_logit_bytes,
        .block_size = 16,
        .max_num_seqs = ls_scenario_gpus(scenario) > 1 ? 512 : 256,
        .max_num_batched_tokens = LS_BUDGET_AUTO,
        .long_prefill_token_threshold = 4096,
        .enable_chunked_prefill = 1,
        .enable_prefix_caching = 1,
        .expert_gather_frac = 1,
        .batching = LS_BATCHING_MIXED,
        .all2all_backend = LS_ALL2ALL_NCCL,
        .cuda_graphs = LS_CUDA_GRAPHS_ALL,
        .cuda_graph_max_tokens = 1048576,
        .prompt_attention = LS_PROMPT_ATTENTION_FUSED,
        .custom_all_reduce = 1,
    };
}

static struct ls_engine (*const presets[LS_N_PRESETS])(const struct ls_scenario *) = {
    [LS_PRESET_VLLM] = vllm,
    [LS_PRESET_VLLM_V0] = vllm_v0,
    [LS_PRESET_VLLM_IN_SERVER] = vllm_in_server,
    [LS_PRESET_VLLM_CACHED] = vllm_cached,
    [LS_PRESET_VLLM_ASYNC] = vllm_async,
    [LS_PRESET_TRTLLM] = trtllm,
    [LS_PRESET_SGLANG] = sglang,
    [LS_PRESET_STATIC] = static_batch,
    [LS_PRESET_REFERENCE] = reference,
    [LS_PRESET_TRTLLM_ENGINE] = trtllm_engine,
    [LS_PRESET_TRTLLM_WHOLE] = trtllm_engine,
};

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

void ls_preset_apply(struct ls_scenario *scenario)
{
    struct ls_engine *engine = &scenario->engine;
    const struct ls_engine preset = presets[engine->preset](scenario);
    if (engine->preset == LS_PRESET_REFERENCE) {
        fill_float(&scenario->cluster.hardware.mfu, 0.5);
        fill_float(&scenario->cluster.hardware.mbu, 0.8);
    }
    if (preset.long_prefill_token_threshold > 0)
        fill_int(&engine->long_prefill_token_threshold, preset.long_prefill_token_threshold);
    fill_float(&engine->gpu_memory_utilization, preset.gpu_memory_utilization);
    fill_choice(&engine->kv_pool, preset.kv_pool);
    fill_choice(&engine->sliding_window_kv, preset.sliding_window_kv);
    fill_int(&engine->expert_chunk_tokens, preset.expert_chunk_tokens);
    fill_choice(&engine->expert_output_buffer, preset.expert_output_buffer);
    fill_float(&engine->logit_bytes, preset.logit_bytes);
    fill_float(&engine->top_p_bytes, preset.top_p_bytes);
    fill_float(&engine->memory_overhead_bytes, preset.memory_overhead_bytes);
    fill_int(&engine->block_size, preset.block_size);
    fill_int(&engine->max_num_seqs, preset.max_num_seqs);
    fill_int(&engine->max_num_batched_tokens, preset.max_num_batched_tokens);
    fill_choice(&engine->enable_chunked_prefill, preset.enable_chunked_prefill);
    fill_choice(&engine->enable_prefix_caching,
                ls_model_is_linear(&scenario->model) ? 0 : preset.enable_prefix_caching); /* as vLLM does */
    fill_choice(&engine->batching, preset.batching);
    fill_float(&engine->output_reserve_start,
               isnan(engine->output_reserve) ? preset.output_reserve_start : engine->output_reserve);
    fill_float(&engine->output_reserve, preset.output_reserve);
    if (preset.expert_imbalance.power_law > 0 && scenario->model.n_routed_experts > FEW_EXPERTS)
        ls_expert_imbalance_complete(&engine->expert_imbalance, &scenario->model, preset.expert_imbalance.power_law);
    fill_choice(&engine->all2all_backend, preset.all2all_backend);
    fill_choice(&engine->pad_lockstep, preset.pad_lockstep);
    fill_float(&engine->step_overhead_s, preset.step_overhead_s);
    fill_float(&engine->step_overhead_per_seq_s, preset.step_overhead_per_seq_s);
    fill_float(&engine->context_token_overhead_s, preset.context_token_overhead_s);
    fill_choice(&engine->overlap_scheduling, preset.overlap_scheduling);
    fill_choice(&engine->cuda_graphs, preset.cuda_graphs);
    fill_int(&engine->cuda_graph_max_tokens, preset.cuda_graph_max_tokens);
    fill_choice(&engine->cuda_graph_sizes, preset.cuda_graph_sizes);
    fill_float(&engine->kernel_launch_s, preset.kernel_launch_s);
    fill_choice(&engine->prompt_attention, preset.prompt_attention);
    fill_choice(&engine->custom_all_reduce, preset.custom_all_reduce);
    fill_float(&engine->nccl_launch_s, preset.nccl_launch_s);
    fill_float(&engine->host_node_s, preset.host_node_s);
    fill_float(&engine->expert_gather_frac, preset.expert_gather_frac);
    fill_float(&engine->request_latency_s, preset.request_latency_s);
    fill_float(&engine->chat_template_char_s, preset.chat_template_char_s);
    fill_float(&engine->request_overhead_s, preset.request_overhead_s);
    fill_float(&engine->prompt_token_overhead_s, preset.prompt_token_overhead_s);
    fill_float(&engine->output_token_overhead_s, preset.output_token_overhead_s);
}
