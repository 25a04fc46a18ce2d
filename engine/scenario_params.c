
#include <assert.h>
#include <string.h>

#include "engine/cost/exchange.h"
#include "engine/scenario.h"
#include "engine/scenario_workload.h"
#include "engine/serving/deployment/router.h"
#include "engine/serving/preset.h"
#include "engine/serving/scheduler/waiting.h"

/* The keys of a study file below the root, less name, sweep and output. */

const char *const ls_kind_names[] = {"serving", "training", "matmul", NULL};
static const char *const precisions[] = {"bf16", "fp8", "pure_bf16", "fp32", NULL};
static const char *const gradients[] = {"fp32", "bf16", NULL};
static const char *const overlaps[] = {"none", "backward", "all", NULL};
static const char *const dispatchers[] = {"nccl", "deepep", NULL};
static const char *const exchanges[] = {"ring", "all_gather", NULL};
static const char *const attentions[] = {"unfused", "flash", "cudnn", NULL};
static const char *const elementwises[] = {"fused", "eager", NULL};
static const char *const recomputes[] = {"none", "selective", "full", NULL};
static const char *const schedules[] = {"gpipe", "1f1b", "interleaved", NULL};
static const char *const operations[] = {"product", "elementwise", NULL};
static const char *const preemptions[] = {"recompute", "swap", NULL};
static const char *const batchings[] = {"mixed", "prefill_first", "static", NULL};
static const char *const kv_pools[] = {"total", "free", "static", NULL};
static const char *const cuda_graphs[] = {"none", "decode", "all", NULL};
static const char *const pads[] = {"never", "graphs", "always", NULL};
static const char *const samplings[] = {"greedy", "top_p", NULL};
static const char *const prompt_attentions[] = {"fused", "unfused", NULL};
static const char *const graph_sizes[] = {"every", "eights", "powers", "gaps", NULL};
static const char *const speculations[] = {"draft", "ngram", "mtp", NULL};
static const char *const budgets[] = {"auto", "auto_slo", NULL};

#define LS_MAX_INT ((double)(INT64_C(1) << 40))

static const struct ls_param straggler_rows[] = {
    LS_ROW_INT(struct ls_straggler, "gpu", gpu, LS_PARAM_NULLABLE, "null", 0, LS_MAX_INT,
               "Global rank of a GPU that is slow all the time."),
    LS_ROW_FLOAT(struct ls_straggler, "factor", factor, LS_DIM_NONE, 0, "1", 0.01, 1000,
                 "How many times as long its computation takes."),
};
static const struct ls_param_table straggler_table = LS_TABLE(straggler_rows);

static const struct ls_param jitter_rows[] = {
    LS_ROW_FLOAT(struct ls_jitter, "cv", cv, LS_DIM_NONE, 0, "0", 0, 1,
                 "Standard deviation of a block's time on one GPU, over its mean."),
    LS_ROW_GROUP(struct ls_jitter, "straggler", straggler, &straggler_table, "A GPU that is slow all the time."),
};
static const struct ls_param_table jitter_table = LS_TABLE(jitter_rows);

#define POOL_DEGREE_ROW(key, member, doc)                                                                              \
    LS_ROW_INT(struct ls_pool_options, key, member, LS_PARAM_NULLABLE, "null", 1, 1e6, doc "; null: the strategy's.")

static const struct ls_param pool_rows[] = {
    LS_ROW_INT(struct ls_pool_options, "replicas", replicas, LS_PARAM_NULLABLE, "null", 1, 1e6,
               "Independent replicas of the pool, in place of the strategy's dp; null in both pools: one pool does "
               "everything."),
    POOL_DEGREE_ROW("tp", tp, "Tensor parallel degree of the pool"),
    POOL_DEGREE_ROW("pp", pp, "Its pipeline stages"),
    POOL_DEGREE_ROW("ep", ep, "Its attention replicas that share one set of experts"),
    POOL_DEGREE_ROW("expert_tp", expert_tp, "GPUs over which it shards each expert"),
    LS_ROW_OBJECT(struct ls_pool_options, "hardware", hardware, LS_PARAM_NULLABLE, &ls_hardware_params,
                  "The pool's GPUs, on nodes of their own; null: the cluster's."),
};
static const struct ls_param_table pool_table = LS_TABLE(pool_rows);

static const struct ls_param transfer_rows[] = {
    LS_ROW_FLOAT(struct ls_link, "bandwidth", bandwidth_bytes_per_s, LS_DIM_BANDWIDTH, LS_PARAM_NULLABLE, "null", 1,
                 1e18, "What KV transfers reach on one NIC, one direction; null: what the cluster's links give."),
    LS_ROW_FLOAT(struct ls_link, "latency", latency_s, LS_DIM_SECONDS, LS_PARAM_NULLABLE, "null", 0, 3600,
                 "Time until a transfer's first byte arrives; null: that of the cluster's links."),
};
static const struct ls_param_table transfer_table = LS_TABLE(transfer_rows);

static const struct ls_param disaggregation_rows[] = {
    LS_ROW_GROUP(struct ls_disaggregation, "prefill", pools[LS_POOL_PREFILL], &pool_table,
                 "Pool that computes prompts and first tokens."),
    LS_ROW_GROUP(struct ls_disaggregation, "decode", pools[LS_POOL_DECODE], &pool_table,
                 "Pool that computes all other tokens."),
    LS_ROW_GROUP(struct ls_disaggregation, "transfer", transfer, &transfer_table, "Links between the pools."),
};
static const struct ls_param_table disaggregation_table = LS_TABLE(disaggregation_rows);

static const struct ls_param speculative_rows[] = {
    LS_ROW_CHOICE(
        struct ls_speculative, "method", method, LS_PARAM_NULLABLE, "null", speculations,
        "Who drafts: a small model (draft), the sequence's own past (ngram), or a layer that the model brings "
        "along (mtp); null: nobody."),
    LS_ROW_INT(struct ls_speculative, "draft_tokens", draft_tokens, 0, "4", 1, 64,
               "Tokens drafted for each decode and verified in each step."),
    LS_ROW_GROUP(struct ls_speculative, "acceptance", acceptance, &ls_dist_params,
                 "Chance that a draft is accepted when those before it were, of a request; a number, or a distribution "
                 "over requests, cut to 0 … 1."),
    LS_ROW_OBJECT(struct ls_speculative, "draft_model", draft_model, LS_PARAM_NULLABLE, &ls_model_params,
                  "The small model of method draft, as `model` is given."),
};
static const struct ls_param_table speculative_table = LS_TABLE(speculative_rows);

static const struct ls_param engine_rows[] = {
    LS_ROW_CHOICE(struct ls_engine, "preset", preset, 0, "vllm-0.11", ls_preset_names,
                  "The serving engine and its version, which gives every null below its value."),
    LS_ROW_CHOICE(struct ls_engine, "weight_dtype", weight_dtype, LS_PARAM_NULLABLE, "null", ls_dtype_names,
                  "Format of the linear layers' weights; null: the checkpoint's."),
    LS_ROW_CHOICE(
        struct ls_engine, "kv_dtype", kv_dtype, LS_PARAM_NULLABLE, "null", ls_dtype_names,
        "Format of the KV cache; null: fp8 with TensorRT-LLM's presets and weights in fp8 or nvfp4, as NVIDIA's "
        "checkpoints say, else that of the activations."),
    LS_ROW_FLOAT(struct ls_engine, "gpu_memory_utilization", gpu_memory_utilization, LS_DIM_NONE, LS_PARAM_NULLABLE,
                 "null", 0.01, 1, "Share of a GPU's memory that the engine may use."),
    LS_ROW_INT(struct ls_engine, "block_size", block_size, LS_PARAM_NULLABLE, "null", 1, 4096, "Tokens of a KV block."),
    LS_ROW_INT(struct ls_engine, "max_model_len", max_model_len, LS_PARAM_NULLABLE, "null", 1, LS_MAX_INT,
               "Longest prompt plus output, tokens; null: no limit."),
    LS_ROW_INT(struct ls_engine, "max_num_seqs", max_num_seqs, LS_PARAM_NULLABLE, "null", 1, 65536,
               "Most running requests of one scheduler."),
    {.key = "max_num_batched_tokens",
     .type = LS_PARAM_INT,
     .flags = LS_PARAM_NULLABLE,
     .offset = offsetof(struct ls_engine, max_num_batched_tokens),
     .def = "null",
     .min = 1,
     .max = 1048576,
     .choices = budgets,
     .doc =
         "Token budget of a step; auto: by the reference documents' rule; auto_slo: the largest, to 32,768, that keeps "
         "slo.tpot_s in full steps."},
    LS_ROW_BOOL(struct ls_engine, "enable_chunked_prefill", enable_chunked_prefill, LS_PARAM_NULLABLE, "null",
                "Whether a prompt may be prefilled over several steps."),
    LS_ROW_INT(struct ls_engine, "long_prefill_token_threshold", long_prefill_token_threshold, LS_PARAM_NULLABLE,
               "null", 1, LS_MAX_INT, "The largest prefill chunk, tokens; null: the token budget alone decides."),
    LS_ROW_BOOL(struct ls_engine, "enable_prefix_caching", enable_prefix_caching, LS_PARAM_NULLABLE, "null",
                "Whether KV blocks of equal prefixes are kept and shared; null: the preset's."),
    LS_ROW_CHOICE(struct ls_engine, "preemption", preemption, 0, "recompute", preemptions,
                  "What becomes of a running request that must give up its KV blocks: they are computed again "
                  "(recompute), or kept in the host's memory until there is room again (swap)."),
    LS_ROW_FLOAT(struct ls_engine, "swap_space", swap_space_bytes, LS_DIM_BYTES, 0, "4 GiB", 0, 1e15,
                 "Memory of the host for swapped KV blocks, for each GPU; who finds no room there is computed again."),
    LS_ROW_FLOAT(struct ls_engine, "swap_copy_s", swap_copy_s, LS_DIM_SECONDS, 0, "2.3 us", 0, 1,
                 "Time that the driver takes for one copy: the keys, or the values, of one block in one layer."),
    LS_ROW_CHOICE(struct ls_engine, "scheduling_policy", scheduling_policy, 0, "fcfs", ls_policy_names,
                  "Order of the waiting queue: first come first served; by the profiles' priority; shortest job first, "
                  "by prompt and output tokens. Who ranks last gives way when KV blocks run short."),
    LS_ROW_CHOICE(struct ls_engine, "router", router, 0, "round_robin", ls_router_names,
                  "How requests are spread over the schedulers."),
    LS_ROW_FLOAT(
        struct ls_engine, "router_staleness_s", router_staleness_s, LS_DIM_SECONDS, 0, "0", 0, 3600,
        "Time between two reports of the schedulers' loads and known content to the router; 0: it always knows them."),
    LS_ROW_FLOAT(struct ls_engine, "router_load_factor", router_load_factor, LS_DIM_NONE, 0, "1.25", 1, 1e6,
                 "prefix_affinity: a scheduler with so many times the mean number of requests gets no more."),
    LS_ROW_GROUP_OR(
        struct ls_engine, "expert_imbalance", expert_imbalance, &ls_expert_imbalance_params, "balanced",
        "How unevenly tokens choose experts; balanced: all alike. Null: as the preset's engine meets them."),
    LS_ROW_INT(struct ls_engine, "redundant_experts", redundant_experts, 0, "0", 0, 2048,
               "Copies of experts beyond one each, spread over the expert shards for balance."),
    LS_ROW_CHOICE(
        struct ls_engine, "all2all_backend", all2all_backend, LS_PARAM_NULLABLE, "null", ls_all2all_names,
        "How tokens reach the GPUs of their experts and return, with ep > 1: every GPU gathers all tokens and a "
        "reduce-scatter adds up (allgather_reducescatter); one collective each way (nccl_all_to_all); DeepEP's "
        "normal or low-latency kernels, or the faster for a pass (auto); TensorRT-LLM's over NVLink. Null: the "
        "preset's."),
    LS_ROW_CHOICE(
        struct ls_engine, "dispatch_dtype", dispatch_dtype, LS_PARAM_NULLABLE, "null", ls_dtype_names,
        "Format of tokens on their way to experts; null: that of the experts where it is fp8 or nvfp4 and the "
        "backend takes it, else that of the activations."),
    LS_ROW_CHOICE(struct ls_engine, "pad_lockstep", pad_lockstep, LS_PARAM_NULLABLE, "null", pads,
                  "Passes in which replicas in lockstep (ep > 1) are padded to the one with most tokens: never, those "
                  "replayed as CUDA graphs, always. Null: the preset's."),
    LS_ROW_GROUP(struct ls_engine, "disaggregation", disaggregation, &disaggregation_table,
                 "Separate pools for prefill and decode."),
    LS_ROW_GROUP(struct ls_engine, "speculative", speculative, &speculative_table, "Speculative decoding."),
    LS_ROW_BOOL(struct ls_engine, "overlap_communication", overlap_communication, 0, "false",
                "Whether a collective runs while the next block computes (two half batches that take turns)."),
    LS_ROW_CHOICE(
        struct ls_engine, "sampling", sampling, 0, "greedy", samplings,
        "How tokens are drawn: the likeliest (temperature 0), or one of those that top-k and top-p leave (top_p), "
        "as servers do that take a model's generation_config.json where clients ask for nothing."),
    LS_ROW_GROUP(struct ls_engine, "jitter", jitter, &jitter_table, "Random variation of compute blocks."),
    LS_ROW_CHOICE(struct ls_engine, "batching", batching, LS_PARAM_NULLABLE, "null", batchings,
                  "What shares a step: decodes and prompts (mixed); prompts alone, before any decode (prefill_first); "
                  "one batch at a time, prefilled and then decoded to its end (static). Null: the preset's."),
    LS_ROW_FLOAT(struct ls_engine, "output_reserve", output_reserve, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", 0, 1,
                 "Share of what running requests have yet to generate for which an admission leaves KV blocks, beside "
                 "those of the new request's prompt and output; at 0 its prompt's are enough, at 1 nobody is ever "
                 "preempted. Null: the preset's."),
    LS_ROW_FLOAT(
        struct ls_engine, "output_reserve_start", output_reserve_start, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", 0, 1,
        "The same share in the beginning and whenever nobody runs, if it is greater; a preemption sets it to "
        "what those who go on have generated of their outputs, and 20 tokens more each. While it falls, nobody "
        "is admitted from when somebody finds no room until a request leaves. Null: the preset's, or "
        "output_reserve where that is given."),
    LS_ROW_INT(struct ls_engine, "output_reserve_passes", output_reserve_passes, 0, "600", 1, 1000000000,
               "Passes of decodes in which output_reserve_start falls to output_reserve."),
    LS_ROW_CHOICE(
        struct ls_engine, "kv_pool", kv_pool, LS_PARAM_NULLABLE, "null", kv_pools,
        "What gpu_memory_utilization is a share of: all memory, less weights, activations and overhead "
        "(total); what those leave (free); all memory less overhead, and then less weights, with the rest for "
        "activations (static). Null: the preset's."),
    LS_ROW_BOOL(
        struct ls_engine, "sliding_window_kv", sliding_window_kv, LS_PARAM_NULLABLE, "null",
        "Whether layers with a sliding window keep the keys and values of their window alone, not of all tokens; "
        "null: the preset's."),
    LS_ROW_INT(
        struct ls_engine, "expert_chunk_tokens", expert_chunk_tokens, LS_PARAM_NULLABLE, "null", 0, 16777216,
        "Tokens that experts' buffers have room for; more go through them in turns. 0: as many as a step and its "
        "lockstep group may have. Null: the preset's."),
    LS_ROW_BOOL(struct ls_engine, "expert_output_buffer", expert_output_buffer, LS_PARAM_NULLABLE, "null",
                "Whether experts' outputs have a buffer of their own, beside that of their up projection; null: the "
                "preset's."),
    LS_ROW_FLOAT(struct ls_engine, "logit_bytes", logit_bytes, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", 0, 1e3,
                 "Bytes of the sampler's buffers for each logit; null: the preset's."),
    LS_ROW_FLOAT(
        struct ls_engine, "top_p_bytes", top_p_bytes, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", 0, 1e4,
        "Bytes of memory traffic for each logit with sampling: top_p, beside those of greedy; null: the preset's."),
    LS_ROW_FLOAT(struct ls_engine, "step_overhead_s", step_overhead_s, LS_DIM_SECONDS, LS_PARAM_NULLABLE, "null", 0, 10,
                 "CPU time of a step before the GPU starts; null: the preset's."),
    LS_ROW_FLOAT(struct ls_engine, "step_overhead_per_seq_s", step_overhead_per_seq_s, LS_DIM_SECONDS,
                 LS_PARAM_NULLABLE, "null", 0, 1, "More of it for each sequence in the step; null: the preset's."),
    LS_ROW_FLOAT(struct ls_engine, "context_token_overhead_s", context_token_overhead_s, LS_DIM_SECONDS,
                 LS_PARAM_NULLABLE, "null", 0, 1,
                 "More of it for each token of context of the step's decodes; null: the preset's."),
    LS_ROW_BOOL(struct ls_engine, "overlap_scheduling", overlap_scheduling, LS_PARAM_NULLABLE, "null",
                "Whether the CPU prepares a step while the GPU works on the one before; null: the preset's."),
    LS_ROW_CHOICE(struct ls_engine, "cuda_graphs", cuda_graphs, LS_PARAM_NULLABLE, "null", cuda_graphs,
                  "Steps that are replayed as CUDA graphs: none, those without a prompt (decode), all. Null: the "
                  "preset's."),
    LS_ROW_INT(struct ls_engine, "cuda_graph_max_tokens", cuda_graph_max_tokens, LS_PARAM_NULLABLE, "null", 0, 1048576,
               "The largest step, tokens, for which there is a CUDA graph; null: the preset's."),
    LS_ROW_CHOICE(
        struct ls_engine, "cuda_graph_sizes", cuda_graph_sizes, LS_PARAM_NULLABLE, "null", graph_sizes,
        "Tokens for which there are CUDA graphs: every number; 1, 2, 4 and multiples of 8, from 256 on of 16, "
        "from 512 on of 32 (eights); of 8 up to 128, then powers of two (powers); 1 to 32, then powers of two "
        "(gaps). A step replays the next larger graph, at the cost of its rows; with gaps it needs one of its "
        "own size. Null: the preset's."),
    LS_ROW_FLOAT(struct ls_engine, "kernel_launch_s", kernel_launch_s, LS_DIM_SECONDS, LS_PARAM_NULLABLE, "null", 0, 1,
                 "CPU time to launch a kernel without a CUDA graph: no block of a layer is faster than the launches of "
                 "its kernels. Null: the preset's."),
    LS_ROW_CHOICE(struct ls_engine, "prompt_attention", prompt_attention, LS_PARAM_NULLABLE, "null", prompt_attentions,
                  "Whether attention of prompts is one kernel, or products and a softmax whose scores pass the memory "
                  "(FasterTransformer). Null: the preset's."),
    LS_ROW_BOOL(struct ls_engine, "custom_all_reduce", custom_all_reduce, LS_PARAM_NULLABLE, "null",
                "Whether small all-reduces inside a node are done by the engine's own kernels instead of NCCL's; null: "
                "the preset's."),
    LS_ROW_FLOAT(
        struct ls_engine, "nccl_launch_s", nccl_launch_s, LS_DIM_SECONDS, LS_PARAM_NULLABLE, "null", 0, 1,
        "Mean time by which a rank is late at a collective of NCCL without a CUDA graph; p ranks wait for the last, "
        "1 + 1/2 + … + 1/p times as long. Null: the preset's."),
    LS_ROW_FLOAT(struct ls_engine, "host_node_s", host_node_s, LS_DIM_SECONDS, LS_PARAM_NULLABLE, "null", 0, 1,
                 "What a collective of NCCL between nodes waits for the CPU in a CUDA graph; null: the preset's."),
    LS_ROW_FLOAT(
        struct ls_engine, "expert_gather_frac", expert_gather_frac, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", 0.01, 1,
        "Share of NCCL's bandwidth that gathering tokens for experts and scattering their results reach with "
        "all2all_backend: allgather_reducescatter; below 1 where they are broadcasts and reductions, since the "
        "ranks' numbers of tokens differ. Null: the preset's."),
    LS_ROW_FLOAT(struct ls_engine, "request_latency_s", request_latency_s, LS_DIM_SECONDS, LS_PARAM_NULLABLE, "null", 0,
                 10,
                 "Time that a request and its first token spend between the processes of a server, to and fro, beside "
                 "the CPU time of the front end; others do not wait for it. Null: the preset's."),
    LS_ROW_FLOAT(struct ls_engine, "chat_template_char_s", chat_template_char_s, LS_DIM_SECONDS, LS_PARAM_NULLABLE,
                 "null", 0, 1,
                 "CPU time of the front end to put a chat into form, for each character of the model's template; of "
                 "many that come at once, all before any goes on. 0: requests are completions. Null: the preset's."),
    LS_ROW_FLOAT(struct ls_engine, "request_overhead_s", request_overhead_s, LS_DIM_SECONDS, LS_PARAM_NULLABLE, "null",
                 0, 10, "CPU time of the front end for a request; null: the preset's."),
    LS_ROW_FLOAT(struct ls_engine, "prompt_token_overhead_s", prompt_token_overhead_s, LS_DIM_SECONDS,
                 LS_PARAM_NULLABLE, "null", 0, 1, "More of it for each prompt token; null: the preset's."),
    LS_ROW_FLOAT(struct ls_engine, "output_token_overhead_s", output_token_overhead_s, LS_DIM_SECONDS,
                 LS_PARAM_NULLABLE, "null", 0, 1, "CPU time of the front end for an output token; null: the preset's."),
    LS_ROW_FLOAT(struct ls_engine, "memory_overhead", memory_overhead_bytes, LS_DIM_BYTES, LS_PARAM_NULLABLE, "null", 0,
                 1e15, "Context, communication and other buffers of a GPU; null: the preset's."),
};
static const struct ls_param_table engine_table = LS_TABLE(engine_rows);

static const struct ls_param slo_rows[] = {
    LS_ROW_FLOAT(struct ls_slo, "ttft_s", ttft_s, LS_DIM_SECONDS, LS_PARAM_NULLABLE, "null", 0, 1e6,
                 "Bound on the time to first token."),
    LS_ROW_FLOAT(struct ls_slo, "tpot_s", tpot_s, LS_DIM_SECONDS, LS_PARAM_NULLABLE, "null", 0, 1e6,
                 "Bound on the time per output token."),
    LS_ROW_FLOAT(struct ls_slo, "e2e_s", e2e_s, LS_DIM_SECONDS, LS_PARAM_NULLABLE, "null", 0, 1e6,
                 "Bound on the end-to-end latency."),
    LS_ROW_FLOAT(struct ls_slo, "attainment", attainment, LS_DIM_NONE, 0, "0.99", 0, 1,
                 "Share of the requests that must be good."),
    LS_ROW_BOOL(struct ls_slo, "max_goodput", max_goodput, 0, "false",
                "Search for the highest request rate at which the attainment holds, which takes about ten runs more."),
    LS_ROW_FLOAT(struct ls_slo, "tolerance", tolerance, LS_DIM_NONE, 0, "0.01", 1e-4, 1,
                 "How far max_goodput may lie below that rate, as a share of it."),
};
static const struct ls_param_table slo_table = LS_TABLE(slo_rows);

static const struct ls_param prices_rows[] = {
    LS_ROW_FLOAT(struct ls_prices, "gpu_usd_per_h", gpu_usd_per_h, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", 0, 1e6,
                 "Price of one GPU for an hour, USD; null: the hardware's."),
};
static const struct ls_param_table prices_table = LS_TABLE(prices_rows);

static const struct ls_param training_rows[] = {
    LS_ROW_INT(struct ls_training, "sequence_length", sequence_length, 0, "2048", 1, 1 << 24, "Tokens of a sequence."),
    LS_ROW_INT(struct ls_training, "global_batch_size", global_batch_size, 0, "64", 1, 1 << 24,
               "Sequences of an optimizer step."),
    LS_ROW_INT(struct ls_training, "micro_batch_size", micro_batch_size, 0, "1", 1, 4096, "Sequences of one pass."),
    LS_ROW_CHOICE(struct ls_training, "precision", precision, 0, "bf16", precisions,
                  "bf16, fp8 (products alone): fp32 master weights and moments; pure_bf16: bf16 moments, no master "
                  "weights; fp32."),
    LS_ROW_CHOICE(struct ls_training, "gradient_dtype", gradient_dtype, 0, "fp32", gradients,
                  "Format of gradients; with bf16 18 bytes a parameter in fp32, 16 in bf16."),
    LS_ROW_CHOICE(struct ls_training, "moment_dtype", moment_dtype, LS_PARAM_NULLABLE, "null", gradients,
                  "Format of both moments of Adam; null: bf16 with pure_bf16, else fp32."),
    LS_ROW_INT(struct ls_training, "zero_stage", zero_stage, 0, "0", 0, 3,
               "What is spread over dp: 1 optimizer states, 2 gradients too, 3 weights too."),
    LS_ROW(struct ls_training, "recompute", recompute, LS_PARAM_INT, LS_DIM_NONE, LS_PARAM_EVERY, "selective", 1, 1024,
           recomputes,
           "What backward passes compute again: none, selective (attention scores), full (each layer from its input), "
           "or {every: k}: one input is kept every k layers."),
    LS_ROW_FLOAT(struct ls_training, "recompute_share", recompute_share, LS_DIM_NONE, 0, "1", 0, 1,
                 "With full and {every: k}: the share of layers that this is done to; the others keep everything "
                 "(0.5: torchtitan's selective checkpoints, every other layer)."),
    LS_ROW_BOOL(
        struct ls_training, "recompute_early_stop", recompute_early_stop, 0, "false",
        "With full and {every: k}: stop before the last products, whose result nobody needs again, as PyTorch's "
        "non-reentrant checkpoints do; Megatron-LM's do not."),
    LS_ROW_CHOICE(
        struct ls_training, "attention", attention, LS_PARAM_NULLABLE, "null", attentions,
        "unfused writes its scores to memory, flash and cudnn (the kernels that Transformer Engine prefers on GPUs of "
        "Hopper) do not; null: unfused with recompute none, and with dropout on "
        "sequences of up to 2048 tokens on GPUs without fp8, else flash."),
    LS_ROW_INT(struct ls_training, "flash_version", flash_version, 0, "2", 1, 3,
               "Which FlashAttention: 1 (2022), 2 (2023), 3 (2024, for GPUs of Hopper)."),
    LS_ROW_CHOICE(struct ls_training, "elementwise", elementwise, LS_PARAM_NULLABLE, "null", elementwises,
                  "Norms, rotary embeddings and activations: fused, as in Megatron-LM, Transformer Engine and "
                  "torch.compile; eager: PyTorch's operators one by one, each over memory; null: eager with zero_stage "
                  "3, as PyTorch's FSDP runs, else fused."),
    LS_ROW_BOOL(struct ls_training, "fused_loss", fused_loss, 0, "false",
                "One kernel reads 16-bit logits for the cross-entropy and writes their gradients over them, as "
                "flash-attn's and Liger's; false: Megatron-LM's and PyTorch's, over fp32 logits, one by one."),
    LS_ROW_BOOL(struct ls_training, "dropout", dropout, LS_PARAM_NULLABLE, "null",
                "Dropout behind each block and in unfused attention; null: models with layer norms have it."),
    LS_ROW_BOOL(struct ls_training, "sequence_parallel", sequence_parallel, 0, "true",
                "Norms and dropout split over tp along the sequence."),
    LS_ROW_INT(struct ls_training, "context_parallel", context_parallel, 0, "1", 1, 1024,
               "GPUs of dp that share a sequence."),
    LS_ROW_CHOICE(struct ls_training, "context_exchange", context_exchange, 0, "ring", exchanges,
                  "How keys and values reach them: passed on beside attention, or gathered before it."),
    LS_ROW_CHOICE(struct ls_training, "schedule", schedule, 0, "1f1b", schedules,
                  "How micro-batches pass through the pipeline."),
    LS_ROW_INT(struct ls_training, "virtual_stages", virtual_stages, 0, "1", 1, 1024,
               "interleaved: groups of layers on each stage."),
    LS_ROW_BOOL(struct ls_training, "ends_as_layers", ends_as_layers, 0, "false",
                "The embedding and the head each take a layer's place when layers are dealt to stages (Megatron-LM's "
                "account-for-embedding-in-pipeline-split and the like)."),
    LS_ROW_INT(struct ls_training, "shard_group", shard_group, LS_PARAM_NULLABLE, "null", 1, 1 << 20,
               "GPUs that zero_stage spreads over, neighbours; the next ones hold copies (PyTorch's hybrid sharding); "
               "null: all that have the same parameters."),
    LS_ROW_BOOL(struct ls_training, "overlap_grad_reduce", overlap_grad_reduce, 0, "true",
                "Gradients are reduced while the last backward pass runs."),
    LS_ROW_BOOL(struct ls_training, "overlap_param_gather", overlap_param_gather, 0, "true",
                "Weights that ZeRO spreads are gathered while passes run."),
    LS_ROW_CHOICE(struct ls_training, "overlap_tensor", overlap_tensor, 0, "backward", overlaps,
                  "Tensor-parallel collectives run beside products that do not wait for them, backward; all: beside "
                  "those that do as well, piece by piece (Megatron-LM's --tp-comm-overlap)."),
    LS_ROW_BOOL(struct ls_training, "overlap_send", overlap_send, 0, "false",
                "Pipeline stages send while they compute another pass."),
    LS_ROW_BOOL(
        struct ls_training, "scatter_send", scatter_send, 0, "true",
        "Without sequence_parallel, when all GPUs of tp have the same rows: each sends its share of them to the "
        "next stage, where they are gathered again, as Megatron-LM does; false: each sends all of them."),
    LS_ROW_CHOICE(struct ls_training, "all_to_all", all_to_all, 0, "nccl", dispatchers,
                  "How tokens reach their experts: nccl, each chosen copy on its own; deepep, DeepEP's normal kernels, "
                  "one copy for each node over the NICs and one for each GPU behind them."),
    LS_ROW_BOOL(struct ls_training, "overlap_all_to_all", overlap_all_to_all, 0, "false",
                "Experts' collectives run beside another micro-batch's computation."),
    LS_ROW_FLOAT(struct ls_training, "expert_imbalance", expert_imbalance, LS_DIM_NONE, 0, "1", 1, 1024,
                 "Load of the busiest expert shard over the mean."),
    LS_ROW_INT(struct ls_training, "vocab_multiple", vocab_multiple, 0, "128", 1, 1 << 20,
               "The vocabulary is padded to a multiple of this times tp."),
    LS_ROW_FLOAT(
        struct ls_training, "overhead", overhead_bytes, LS_DIM_BYTES, 0, "1.5 GiB", 0, 1e15,
        "Room of each GPU for what comes and goes, communication buffers and the like; where a pass's workspace is "
        "larger, that counts in its place."),
};
static const struct ls_param_table training_table = LS_TABLE(training_rows);

static const struct ls_param matmul_rows[] = {
    LS_ROW_CHOICE(struct ls_matmul, "operation", operation, 0, "product", operations,
                  "product: rows times weights; elementwise: the sum of two matrices of m rows and k columns."),
    LS_ROW_INT(struct ls_matmul, "m", m, LS_PARAM_NULLABLE, "null", 1, LS_MAX_INT,
               "Rows, split over the GPUs where their number divides it."),
    LS_ROW_INT(struct ls_matmul, "k", k, LS_PARAM_NULLABLE, "null", 1, LS_MAX_INT,
               "Columns of the rows; null: there are layers."),
    LS_ROW_INT(struct ls_matmul, "n", n, LS_PARAM_NULLABLE, "null", 1, LS_MAX_INT,
               "Columns of the weights; null: there are layers."),
    LS_ROW_TEXT(struct ls_matmul, "layers", layers, LS_PARAM_NULLABLE, "null",
                "[[k, n], …] (or `4096x16384 16384x4096`): weights that the rows go through in turn, in place of k and "
                "n."),
    LS_ROW_CHOICE(struct ls_matmul, "dtype", dtype, 0, "bf16", ls_dtype_names, "Format of all matrices."),
    LS_ROW_INT(struct ls_matmul, "repetitions", repetitions, 0, "1", 1, LS_MAX_INT,
               "Times that the products run; matrices are made once and the result is gathered once."),
    LS_ROW_FLOAT(struct ls_matmul, "dispatch", dispatch_s, LS_DIM_SECONDS, 0, "0 s", 0, 3600,
                 "Time of each repetition in which no GPU works."),
};
static const struct ls_param_table matmul_table = LS_TABLE(matmul_rows);

static const struct ls_param scenario_rows[] = {
    LS_ROW_CHOICE(struct ls_scenario, "kind", kind, 0, "serving", ls_kind_names, "What is simulated."),
    LS_ROW_INT(struct ls_scenario, "seed", seed, 0, "0", 0, LS_MAX_INT, "Seed of all random numbers."),
    LS_ROW_OBJECT(struct ls_scenario, "model", model, LS_PARAM_REQUIRED, &ls_model_params,
                  "A name in configs/models, a path, a mapping, or a Hugging Face config.json."),
    LS_ROW_GROUP(struct ls_scenario, "cluster", cluster, &ls_cluster_params, "The machines."),
    LS_ROW_GROUP(struct ls_scenario, "strategy", strategy, &ls_strategy_params, "How the model is split."),
    LS_ROW_GROUP(struct ls_scenario, "engine", engine, &engine_table, "The serving engine, in vLLM's names."),
    LS_ROW_GROUP(struct ls_scenario, "workload", workload, &ls_workload_params, "What the deployment is asked to do."),
    LS_ROW_GROUP(struct ls_scenario, "slo", slo, &slo_table, "Service-level objective."),
    LS_ROW_GROUP(struct ls_scenario, "prices", prices, &prices_table, "Prices."),
    LS_ROW_BOOL(struct ls_scenario, "evaluate_oversized", evaluate_oversized, 0, "false",
                "Compute all metrics of cells that do not fit in memory; their status stays infeasible."),
    LS_ROW_GROUP(struct ls_scenario, "training", training, &training_table, "One optimizer step."),
    LS_ROW_GROUP(struct ls_scenario, "matmul", matmul, &matmul_table, "Products of matrices."),
};
static_assert(sizeof scenario_rows / sizeof *scenario_rows <= LS_MAX_SECTIONS, "LS_MAX_SECTIONS is too small");

const struct ls_param_table ls_scenario_params = LS_TABLE(scenario_rows);

#define SERVING (1u << LS_SERVING)
#define TRAINING (1u << LS_TRAINING)
#define MATMUL (1u << LS_MATMUL)

/* Sections that only some kinds read. */
static const struct {
    const char *key;
    unsigned kinds;
} sections[] = {
    {"model", SERVING | TRAINING},  {"engine", SERVING},    {"workload", SERVING}, {"slo", SERVING},
    {"prices", SERVING | TRAINING}, {"training", TRAINING}, {"matmul", MATMUL},
};

bool ls_scenario_reads(int32_t kind, const char *path)
{
    const size_t n = strcspn(path, ".");
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (strlen(sections[i].key) == n && strncmp(sections[i].key, path, n) == 0)
            return sections[i].kinds >> kind & 1u;
    return true;
}

struct ls_param_table ls_scenario_sections(int32_t kind, struct ls_param rows[LS_MAX_SECTIONS])
{
    struct ls_param_table table = {rows, 0};
    for (size_t i = 0; i < ls_scenario_params.n; i++)
        if (ls_scenario_reads(kind, ls_scenario_params.rows[i].key))
            rows[table.n++] = ls_scenario_params.rows[i];
    return table;
}
