#ifndef LS_ENGINE_METRICS_H
#define LS_ENGINE_METRICS_H

#include <stdbool.h>
#include <stddef.h>

/* The columns of a result, declared once. The cube, the command line, the manual and the tests read this table. */

enum ls_kind { LS_SERVING, LS_TRAINING, LS_MATMUL, LS_N_KINDS };

/* Which way a metric is better; NONE where that depends on what is asked. */
enum ls_better { LS_BETTER_NONE, LS_BETTER_HIGH, LS_BETTER_LOW };

#define LS_S (1u << LS_SERVING)
#define LS_T (1u << LS_TRAINING)
#define LS_M (1u << LS_MATMUL)

/* X(id, name, unit, kinds, which way is better, long name, description) */
#define LS_SCALAR_METRICS(X)                                                                                           \
    X(N_ARRIVED, n_arrived, "1", LS_S, NONE, "requests arrived", "Requests that arrived in the measured window")       \
    X(N_COMPLETED, n_completed, "1", LS_S, HIGH, "requests completed", "Of those, the ones that completed")            \
    X(N_REJECTED, n_rejected, "1", LS_S, LOW, "requests rejected", "Of those, the ones that can never run")            \
    X(N_UNFINISHED, n_unfinished, "1", LS_S, LOW, "requests unfinished",                                               \
      "Of those, the ones the end of the run cut off")                                                                 \
    X(SUCCESS_RATE, success_rate, "1", LS_S, HIGH, "success rate", "Completed over arrived")                           \
    X(SUCCESS_RATE_FINISHED, success_rate_finished, "1", LS_S, HIGH, "success rate of the finished",                   \
      "Completed over arrived less unfinished")                                                                        \
    X(SATURATED, saturated, "1", LS_S, LOW, "saturated",                                                               \
      "1 when the queue grows through the second half of the window, else 0")                                          \
    X(MAKESPAN_S, makespan_s, "s", LS_S, LOW, "makespan", "First arrival to last completion")                          \
    X(REQUEST_THROUGHPUT, request_throughput, "1/s", LS_S, HIGH, "request throughput",                                 \
      "Requests completed in the window over its length")                                                              \
    X(OUTPUT_TOKEN_THROUGHPUT, output_token_throughput, "1/s", LS_S, HIGH, "output token throughput",                  \
      "Output tokens of the whole deployment in the window over its length")                                           \
    X(TOTAL_TOKEN_THROUGHPUT, total_token_throughput, "1/s", LS_S, HIGH, "total token throughput",                     \
      "Prompt and output tokens of the whole deployment in the window over its length")                                \
    X(OUTPUT_TOKEN_THROUGHPUT_PER_GPU, output_token_throughput_per_gpu, "1/s", LS_S, HIGH,                             \
      "output token throughput per GPU", "Output token throughput over the GPUs of the deployment")                    \
    X(TTFT_MEAN_S, ttft_mean_s, "s", LS_S, LOW, "mean time to first token", "Arrival at the router to first token")    \
    X(TPOT_MEAN_S, tpot_mean_s, "s", LS_S, LOW, "mean time per output token",                                          \
      "Last less first token over tokens less one, by request")                                                        \
    X(ITL_MEAN_S, itl_mean_s, "s", LS_S, LOW, "mean inter-token latency", "Each gap between two tokens of a request")  \
    X(E2E_MEAN_S, e2e_mean_s, "s", LS_S, LOW, "mean end-to-end latency", "Arrival at the router to last token")        \
    X(QUEUE_WAIT_MEAN_S, queue_wait_mean_s, "s", LS_S, LOW, "mean queue wait", "Arrival to first scheduled")           \
    X(GOODPUT, goodput, "1/s", LS_S, HIGH, "goodput",                                                                  \
      "Requests that meet every bound of the SLO, a second of the window")                                             \
    X(ATTAINMENT, attainment, "1", LS_S, HIGH, "SLO attainment",                                                       \
      "Requests that meet every bound of the SLO over requests that arrived")                                          \
    X(MAX_GOODPUT, max_goodput, "1/s", LS_S, HIGH, "maximum goodput",                                                  \
      "Highest request rate at which the SLO's attainment holds (slo.max_goodput)")                                    \
    X(MAX_GOODPUT_SATURATED, max_goodput_saturated, "1", LS_S, NONE, "maximum goodput at saturation",                  \
      "1 when the queue grows just above the maximum goodput, 0 when only latency ends it")                            \
    X(QUEUE_DEPTH_MEAN, queue_depth_mean, "1", LS_S, LOW, "mean queue depth", "Waiting requests, time average")        \
    X(QUEUE_DEPTH_MAX, queue_depth_max, "1", LS_S, LOW, "maximum queue depth",                                         \
      "Waiting requests of the fullest scheduler, peak")                                                               \
    X(RUNNING_MEAN, running_mean, "1", LS_S, NONE, "mean running requests", "Running requests, time average")          \
    X(STEP_TOKENS_MEAN, step_tokens_mean, "1", LS_S, NONE, "mean tokens a step", "Tokens scheduled over steps")        \
    X(TOKENS_PER_VERIFICATION, tokens_per_verification, "1", LS_S, HIGH, "tokens a verification",                      \
      "Tokens that a decode gains in a step with drafts: one and those accepted")                                      \
    X(GPU_UTILIZATION, gpu_utilization, "1", LS_S, HIGH, "GPU utilization",                                            \
      "Share of time a GPU is busy, mean over GPUs")                                                                   \
    X(PREFILL_UTILIZATION, prefill_utilization, "1", LS_S, NONE, "prefill pool utilization",                           \
      "Share of time a GPU of the prefill pool is busy")                                                               \
    X(DECODE_UTILIZATION, decode_utilization, "1", LS_S, NONE, "decode pool utilization",                              \
      "Share of time a GPU of the decode pool is busy")                                                                \
    X(HANDOVER_WAIT_MEAN_S, handover_wait_mean_s, "s", LS_S, LOW, "mean wait for the decode pool",                     \
      "First token computed to KV blocks reserved in the decode pool")                                                 \
    X(TRANSFER_MEAN_S, transfer_mean_s, "s", LS_S, LOW, "mean KV transfer time",                                       \
      "KV blocks reserved in the decode pool to KV cache there")                                                       \
    X(MFU, mfu, "1", LS_S | LS_T, HIGH, "model FLOPs utilization", "Model FLOPs over peak FLOPs of all GPUs")          \
    X(MBU, mbu, "1", LS_S, HIGH, "memory bandwidth utilization", "Weights and KV bytes read over peak bandwidth")      \
    X(COMM_FRAC, comm_frac, "1", LS_S, LOW, "communication share", "Share of busy time spent communicating")           \
    X(BUBBLE_FRAC, bubble_frac, "1", LS_S | LS_T, LOW, "pipeline bubble",                                              \
      "Share of time a stage idles while another works on the same pipeline")                                          \
    X(KV_UTILIZATION_MEAN, kv_utilization_mean, "1", LS_S, NONE, "mean KV utilization",                                \
      "KV blocks in use, time average")                                                                                \
    X(KV_UTILIZATION_MAX, kv_utilization_max, "1", LS_S, NONE, "maximum KV utilization",                               \
      "KV blocks in use, peak of the fullest scheduler")                                                               \
    X(N_PREEMPTIONS, n_preemptions, "1", LS_S, LOW, "preemptions", "Running requests sent back for want of KV blocks") \
    X(N_SWAPS, n_swaps, "1", LS_S, LOW, "swaps", "Of those, the ones whose KV blocks went to the host's memory")       \
    X(SWAPPED_BYTES, swapped_bytes, "byte", LS_S, LOW, "swapped bytes",                                                \
      "KV blocks copied between all GPUs and their hosts, either way")                                                 \
    X(PREFIX_HIT_RATE, prefix_hit_rate, "1", LS_S, HIGH, "prefix cache hit rate", "Prompt tokens found in the cache")  \
    X(KV_CAPACITY_TOK, kv_capacity_tok, "1", LS_S, HIGH, "KV capacity", "Tokens the KV cache of one scheduler holds")  \
    X(MEM_WEIGHTS_BYTES, mem_weights_bytes, "byte", LS_S | LS_T, LOW, "weights", "On the fullest GPU")                 \
    X(MEM_GRADIENTS_BYTES, mem_gradients_bytes, "byte", LS_T, LOW, "gradients", "On the fullest GPU")                  \
    X(MEM_OPTIMIZER_BYTES, mem_optimizer_bytes, "byte", LS_T, LOW, "optimizer states", "On the fullest GPU")           \
    X(MEM_KV_BYTES, mem_kv_bytes, "byte", LS_S, LOW, "KV cache", "Reserved on the fullest GPU")                        \
    X(MEM_ACTIVATION_BYTES, mem_activation_bytes, "byte", LS_S | LS_T, LOW, "activations", "Peak on the fullest GPU")  \
    X(MEM_WORKSPACE_BYTES, mem_workspace_bytes, "byte", LS_T, LOW, "workspace",                                        \
      "What comes and goes in a pass: layers computed again, gathered weights, keys and values of others")             \
    X(MEM_OVERHEAD_BYTES, mem_overhead_bytes, "byte", LS_S | LS_T, LOW, "overhead",                                    \
      "Context, graphs, buffers of a GPU")                                                                             \
    X(MEM_TOTAL_BYTES, mem_total_bytes, "byte", LS_S | LS_T, LOW, "total memory", "On the fullest GPU")                \
    X(MEM_UTILIZATION, mem_utilization, "1", LS_S | LS_T, NONE, "memory utilization", "Total over what the GPU has")   \
    X(MEM_HEADROOM_BYTES, mem_headroom_bytes, "byte", LS_S | LS_T, HIGH, "memory headroom",                            \
      "What the fullest GPU has left beside the total (serving: beside all but the KV cache)")                         \
    X(USD_PER_MTOK, usd_per_mtok, "USD", LS_S | LS_T, LOW, "cost of a million tokens",                                 \
      "GPU hours of the deployment per million output (training: trained) tokens")                                     \
    X(JOULE_PER_TOK, joule_per_tok, "J", LS_S | LS_T, LOW, "energy of a token",                                        \
      "Energy per output (training: trained) token")                                                                   \
    X(EXPERT_IMBALANCE, expert_imbalance, "1", LS_S | LS_T, LOW, "expert imbalance",                                   \
      "Load of the busiest expert shard over the mean")                                                                \
    X(EXPERTS_PER_GPU, experts_per_gpu, "1", LS_S | LS_T, NONE, "experts per GPU",                                     \
      "Expert shards a GPU holds, all layers")                                                                         \
    X(EXPERT_EQUIVALENTS_PER_GPU, expert_equivalents_per_gpu, "1", LS_S | LS_T, NONE, "expert equivalents per GPU",    \
      "Experts of all layers over GPUs of a replica")                                                                  \
    X(LINK_UTILIZATION_MEAN, link_utilization_mean, "1", LS_S, NONE, "mean link utilization",                          \
      "Busy share of a node's NICs")                                                                                   \
    X(LINK_UTILIZATION_MAX, link_utilization_max, "1", LS_S, NONE, "maximum link utilization", "That of the busiest")  \
    X(N_STEPS, n_steps, "1", LS_S, NONE, "steps", "Forward passes of all schedulers")                                  \
    X(N_EVENTS, n_events, "1", LS_S | LS_T, NONE, "events", "What the event loop processed")                           \
    X(N_EXTRAPOLATED, n_extrapolated, "1", LS_S | LS_T, LOW, "extrapolations",                                         \
      "Operator costs outside their measured table")                                                                   \
    X(STEP_TIME_S, step_time_s, "s", LS_T, LOW, "step time", "One optimizer step")                                     \
    X(TOKENS_PER_S, tokens_per_s, "1/s", LS_T, HIGH, "token throughput", "Tokens trained a second")                    \
    X(TFLOP_PER_S_PER_GPU, tflop_per_s_per_gpu, "TFLOP/s", LS_T, HIGH, "TFLOP/s per GPU",                              \
      "Model FLOPs a second and GPU")                                                                                  \
    X(HFU, hfu, "1", LS_T, HIGH, "hardware FLOPs utilization", "FLOPs that ran over peak FLOPs of all GPUs")           \
    X(COMPUTE_S, compute_s, "s", LS_T | LS_M, LOW, "compute time", "Training: forward and backward of one GPU")        \
    X(RECOMPUTE_S, recompute_s, "s", LS_T, LOW, "recompute time", "Forward work done again")                           \
    X(EXPOSED_COMM_S, exposed_comm_s, "s", LS_T, LOW, "exposed communication", "Not hidden behind compute")            \
    X(BUBBLE_S, bubble_s, "s", LS_T, LOW, "pipeline bubble", "Idle time of a stage")                                   \
    X(OPTIMIZER_S, optimizer_s, "s", LS_T, LOW, "optimizer time", "Parameter update")                                  \
    X(TIME_S, time_s, "s", LS_M, LOW, "time", "Creation, compute and gather, all repetitions")                         \
    X(CREATE_S, create_s, "s", LS_M, LOW, "creation time", "Making the matrices on the devices")                       \
    X(GATHER_S, gather_s, "s", LS_M, LOW, "gather time", "Bringing the result together")                               \
    X(TFLOP_PER_S, tflop_per_s, "TFLOP/s", LS_M, HIGH, "TFLOP/s", "Matrix FLOPs over time, all GPUs")                  \
    X(SPEEDUP, speedup, "1", LS_M, HIGH, "speed-up", "Over one GPU")                                                   \
    X(SHARDED, sharded, "1", LS_M, NONE, "sharded", "1 when the first axis is sharded, 0 when replicated")

/* X(id, stem, kinds, long name): stored as `<stem>_q` over the quantiles, and read as `<stem>_p50_s` and so on. */
#define LS_QUANTILE_METRICS(X)                                                                                         \
    X(TTFT, ttft, LS_S, "time to first token")                                                                         \
    X(TPOT, tpot, LS_S, "time per output token")                                                                       \
    X(ITL, itl, LS_S, "inter-token latency")                                                                           \
    X(E2E, e2e, LS_S, "end-to-end latency")                                                                            \
    X(QUEUE_WAIT, queue_wait, LS_S, "queue wait")

/* X(id, value, suffix) */
#define LS_QUANTILES(X)                                                                                                \
    X(P50, 0.5, p50)                                                                                                   \
    X(P90, 0.9, p90)                                                                                                   \
    X(P95, 0.95, p95)                                                                                                  \
    X(P99, 0.99, p99)

enum ls_scalar_metric {
#define X(id, name, unit, kinds, better, long_name, description) LS_METRIC_##id,
    LS_SCALAR_METRICS(X)
#undef X
        LS_N_SCALAR_METRICS
};

enum ls_quantile_metric {
#define X(id, stem, kinds, long_name) LS_QMETRIC_##id,
    LS_QUANTILE_METRICS(X)
#undef X
        LS_N_QUANTILE_METRICS
};

enum ls_quantile {
#define X(id, value, suffix) LS_##id,
    LS_QUANTILES(X)
#undef X
        LS_N_QUANTILES
};

/* One row: NaN where a metric has no value. */
struct ls_metrics {
    double scalar[LS_N_SCALAR_METRICS];
    double quantile[LS_N_QUANTILE_METRICS][LS_N_QUANTILES];
};

#define LS_N_COLUMNS (sizeof(struct ls_metrics) / sizeof(double))

/* A dataset of the cube: a scalar metric has one column, a quantile metric LS_N_QUANTILES of them. */
struct ls_metric_info {
    const char *name; /* `ttft_mean_s`, `ttft_q` */
    const char *unit;
    const char *long_name;
    const char *description;
    unsigned kinds; /* bit set of 1 << enum ls_kind */
    enum ls_better better;
    size_t column; /* the first one, counted in doubles from the start of struct ls_metrics */
    size_t n_columns;
};

#define LS_N_METRICS (LS_N_SCALAR_METRICS + LS_N_QUANTILE_METRICS)

extern const struct ls_metric_info ls_metric_infos[LS_N_METRICS];
extern const double ls_quantile_values[LS_N_QUANTILES];

/* Every column NaN. */
void ls_metrics_clear(struct ls_metrics *metrics);

/* Column of a name as users write it (`goodput`, `ttft_p99_s`, not `ttft_q`); false when there is none. */
bool ls_metric_column(const char *name, size_t *column);

/* Name of a column (`ttft_p99_s`) into buffer; returns buffer. */
const char *ls_metric_column_name(size_t column, char *buffer, size_t size);

/* The metric that a column belongs to. */
const struct ls_metric_info *ls_metric_of_column(size_t column);

#endif
