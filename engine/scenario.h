#ifndef LS_ENGINE_SCENARIO_H
#define LS_ENGINE_SCENARIO_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/hardware/cluster.h"
#include "engine/metrics.h"
#include "engine/model/model.h"
#include "engine/model/routing.h"
#include "engine/param.h"
#include "engine/reason.h"
#include "engine/sim/mixture.h"

/* Everything one simulation needs, by value. A study's base is a scenario that may hold nulls; a cell is that base with
 * its axis values stored, then ls_scenario_resolve'd, after which no name, default or null that matters is left. */

enum ls_preset {
    LS_PRESET_VLLM,
    LS_PRESET_VLLM_V0,
    LS_PRESET_VLLM_IN_SERVER,
    LS_PRESET_VLLM_CACHED,
    LS_PRESET_VLLM_ASYNC,
    LS_PRESET_TRTLLM,
    LS_PRESET_TRTLLM_ENGINE,
    LS_PRESET_TRTLLM_WHOLE,
    LS_PRESET_SGLANG,
    LS_PRESET_STATIC,
    LS_PRESET_REFERENCE
};
enum ls_preemption { LS_PREEMPT_RECOMPUTE, LS_PREEMPT_SWAP };
enum ls_policy { LS_POLICY_FCFS, LS_POLICY_PRIORITY, LS_POLICY_SJF };
enum ls_batching { LS_BATCHING_MIXED, LS_BATCHING_PREFILL_FIRST, LS_BATCHING_STATIC };
enum ls_kv_pool { LS_KV_POOL_TOTAL, LS_KV_POOL_FREE, LS_KV_POOL_STATIC };
enum ls_pad { LS_PAD_NEVER, LS_PAD_GRAPHS, LS_PAD_ALWAYS };
/* engine.all2all_backend, under the names of vLLM's --all2all-backend where it has them. */
enum ls_all2all {
    LS_ALL2ALL_ALL_GATHER, /* every GPU gathers all tokens, and a reduce-scatter adds up what it computed */
    LS_ALL2ALL_NCCL,       /* one all-to-all collective each way */
    LS_ALL2ALL_DEEPEP_HT,
    LS_ALL2ALL_DEEPEP_LL,
    LS_ALL2ALL_DEEPEP_AUTO, /* the faster of both for the tokens of a pass */
    LS_ALL2ALL_NVLINK_TWO_SIDED,
    LS_ALL2ALL_NVLINK_ONE_SIDED,
    LS_N_ALL2ALL
};

enum ls_cuda_graphs { LS_CUDA_GRAPHS_NONE, LS_CUDA_GRAPHS_DECODE, LS_CUDA_GRAPHS_ALL };
/* How a token is drawn from its logits: the likeliest, or one of those that top-k and top-p leave. */
enum ls_sampling { LS_SAMPLING_GREEDY, LS_SAMPLING_TOP_P };
enum ls_prompt_attention { LS_PROMPT_ATTENTION_FUSED, LS_PROMPT_ATTENTION_UNFUSED };
enum ls_graph_sizes { LS_GRAPH_SIZES_EVERY, LS_GRAPH_SIZES_EIGHTS, LS_GRAPH_SIZES_POWERS, LS_GRAPH_SIZES_GAPS };

/* Random variation of compute blocks, and one GPU that is slow all the time. */
struct ls_straggler {
    int64_t gpu; /* global rank; null: none */
    double factor;
};

struct ls_jitter {
    double cv;
    struct ls_straggler straggler;
};

/* Pools of their own for prompts and for decodes. */
enum ls_pool_role { LS_POOL_PREFILL, LS_POOL_DECODE, LS_N_POOL_ROLES };

struct ls_pool_options {
    int64_t replicas;              /* null in both pools: one pool does everything */
    int64_t tp, pp, ep, expert_tp; /* null: the strategy's */
    struct ls_hardware hardware;   /* null: the cluster's */
};

struct ls_disaggregation {
    struct ls_pool_options pools[LS_N_POOL_ROLES];
    struct ls_link transfer; /* of one NIC; null: the cluster's */
};

enum ls_budget { LS_BUDGET_AUTO = -1, LS_BUDGET_AUTO_SLO = -2 };

enum ls_speculation { LS_SPECULATE_DRAFT, LS_SPECULATE_NGRAM, LS_SPECULATE_MTP };

/* Who drafts tokens that a pass verifies, and how well. */
struct ls_speculative {
    int32_t method; /* enum ls_speculation; null: nobody */
    int64_t draft_tokens;
    struct ls_dist acceptance;
    struct ls_model draft_model; /* method draft; null sizes: none */
};

struct ls_engine {
    int32_t preset;
    int32_t weight_dtype;
    int32_t kv_dtype;
    double gpu_memory_utilization;
    int64_t block_size;
    int64_t max_model_len; /* null: no limit */
    int64_t max_num_seqs;
    int64_t max_num_batched_tokens; /* or an enum ls_budget */
    int32_t enable_chunked_prefill;
    int64_t long_prefill_token_threshold;
    int32_t enable_prefix_caching;
    int32_t preemption;
    double swap_space_bytes; /* of the host, for each GPU */
    double swap_copy_s;      /* driver's time for a copy */
    int32_t scheduling_policy;
    int32_t router;            /* index into ls_routers */
    double router_staleness_s; /* between its reports of the schedulers */
    double router_load_factor; /* prefix_affinity: of the mean load, from which a scheduler is left alone */
    struct ls_expert_imbalance expert_imbalance;
    int64_t redundant_experts;
    int32_t all2all_backend; /* enum ls_all2all; null: the preset's */
    int32_t dispatch_dtype;  /* enum ls_dtype of tokens on their way to experts; null: the backend's */
    int32_t pad_lockstep;    /* enum ls_pad: replicas in lockstep run as many tokens as the widest of them */
    struct ls_jitter jitter;
    struct ls_speculative speculative;
    int32_t overlap_communication;
    int32_t sampling; /* enum ls_sampling */
    struct ls_disaggregation disaggregation;
    /* what a preset knows about the engine around the kernels; null: the preset's */
    int32_t batching;            /* enum ls_batching */
    double output_reserve;       /* share of what others have yet to generate that an admission leaves KV blocks for, */
    double output_reserve_start; /* in the end; in the beginning this one, */
    int64_t output_reserve_passes;   /* which falls to the other in so many passes of decodes */
    int32_t kv_pool;                 /* enum ls_kv_pool */
    int32_t sliding_window_kv;       /* sliding layers keep the keys and values of their window alone */
    int64_t expert_chunk_tokens;     /* experts have buffers for so many tokens, more go in turns; 0: for all */
    int32_t expert_output_buffer;    /* beside that of the up projection */
    double logit_bytes;              /* of the sampler's buffers, for each logit of max_num_seqs sequences */
    double top_p_bytes;              /* of memory traffic for each logit with LS_SAMPLING_TOP_P */
    double memory_overhead_bytes;    /* context, graphs and buffers of a GPU */
    double step_overhead_s;          /* CPU time of a step, before the GPU starts */
    double step_overhead_per_seq_s;  /* more of it for each sequence in the step */
    double context_token_overhead_s; /* and for each token of its decodes' contexts */
    int32_t overlap_scheduling;      /* it runs while the GPU works on the step before */
    int32_t cuda_graphs;             /* enum ls_cuda_graphs: the steps that are replayed, */
    int64_t cuda_graph_max_tokens;   /* up to so many tokens, */
    int32_t cuda_graph_sizes;        /* enum ls_graph_sizes: as graphs of these */
    double kernel_launch_s;          /* CPU time to launch a kernel of the other steps */
    int32_t prompt_attention;        /* enum ls_prompt_attention */
    int32_t custom_all_reduce;       /* small all-reduces inside a node are the engine's own kernels, not NCCL's, */
    double nccl_launch_s;            /* for which a rank is so late in the other steps */
    double host_node_s;              /* for which one between nodes waits for the CPU in a step that is replayed */
    double expert_gather_frac;       /* of NCCL's speed, gathering tokens for experts and scattering their results */
    double request_latency_s;        /* between client, front end and engine, to and fro, in which nobody else waits */
    double chat_template_char_s;     /* CPU time of the front end for the form of a chat, of all before any goes on */
    double request_overhead_s;       /* CPU time of the front end for a request: receive, check, hand over */
    double prompt_token_overhead_s;  /* for each token of its prompt: tokenise */
    double output_token_overhead_s;  /* for each token of its output: detokenise, send */
};

enum ls_process {
    LS_ARRIVALS_POISSON,
    LS_ARRIVALS_CONSTANT,
    LS_ARRIVALS_GAMMA,
    LS_ARRIVALS_MMPP,
    LS_ARRIVALS_ALL_AT_ONCE,
    LS_ARRIVALS_CLOSED,
    LS_ARRIVALS_DIURNAL
};

struct ls_arrivals {
    int32_t process;                      /* enum ls_process; of a trace null: the recorded times */
    double rate;                          /* requests a second, whole deployment */
    double cv;                            /* gamma: coefficient of variation of the gaps */
    double burst_factor, burst_s, calm_s; /* mmpp: rate in a burst over that between, mean times of both */
    double amplitude, period_s;           /* diurnal: swing of the rate over its mean, time of a swing */
    int64_t concurrency;
    int64_t requests; /* all_at_once, closed: at most; null: workload.max_requests ends them */
};

/* Turns that follow each other, each with all that was said before. */
struct ls_sessions {
    double start;         /* chance that a request begins one */
    double go_on;         /* chance that another turn follows a turn of it */
    struct ls_dist turns; /* how many it has; none given: go_on decides */
    int64_t max_turns;
    struct ls_dist think_s; /* from a turn's last token to the next one's arrival; none given: 0 */
};

/* System prompts: requests of one group have the same tokens before their own. */
struct ls_shared_prefix {
    int64_t tokens;         /* of each group's; null: lengths, or no prompt where there are none either */
    struct ls_dist lengths; /* one for each group */
    int64_t groups;
    double skew; /* chance of group i is proportional to (i + 1)^−skew */
};

struct ls_profile {
    char name[LS_NAME_LEN];
    double weight;
    struct ls_arrivals arrivals;
    struct ls_mixture prompt_tokens;
    struct ls_mixture output_tokens;
    struct ls_sessions sessions;
    struct ls_shared_prefix shared_prefix;
    int64_t priority;
    double streaming;
};

#define LS_MAX_PROFILES 16

/* A recorded workload, in order of arrival. Owned by whoever loaded it; a scenario borrows it. */
struct ls_trace_request {
    int64_t arrival_ps;
    int32_t prompt_tok;
    int32_t output_tok;
    uint64_t session;   /* its prompt begins with what was said in it before; 0: none */
    size_t first_part;  /* of its prompt, in ls_trace.parts */
    int32_t n_part_tok; /* tokens of the prompt that have parts, from its beginning */
};

struct ls_trace {
    size_t n;
    const struct ls_trace_request *requests;
    bool is_untimed;       /* arrival_ps is 0: when requests come must be chosen */
    bool is_in_characters; /* lengths count characters: ls_trace_tok */
    uint64_t digest;       /* of the content, for fingerprints */
    /* ids of parts of prompts, each for its tokens and all before them */
    const uint64_t *parts;
    int32_t part_tok; /* tokens of one; a prompt's last one may have fewer */
};

enum ls_mixing { LS_MIXING_INDEPENDENT, LS_MIXING_SEQUENTIAL_DRAW };

struct ls_trace_options {
    char file[LS_NAME_LEN]; /* empty: profiles */
    int32_t format;
    double time_scale;
    double window_s;
    int64_t max_requests;
    struct ls_arrivals arrivals;
    double characters_per_token;
};

struct ls_workload {
    double duration_s; /* of arrivals; null: max_requests or the trace ends them */
    double warmup_s;
    int64_t max_requests;
    int32_t mixing;
    int32_t drain;
    int32_t n_profiles;
    struct ls_profile profiles[LS_MAX_PROFILES];
    struct ls_trace_options trace_options;
    const struct ls_trace *trace; /* null: profiles */
};

struct ls_slo {
    double ttft_s, tpot_s, e2e_s; /* null: no bound */
    double attainment;
    int32_t max_goodput; /* search for the rate at which it just holds, */
    double tolerance;    /* to within this share */
};

struct ls_prices {
    double gpu_usd_per_h; /* null: the hardware's */
};

enum ls_precision { LS_PRECISION_BF16, LS_PRECISION_FP8, LS_PRECISION_PURE_BF16, LS_PRECISION_FP32 };
enum ls_gradient { LS_GRADIENT_FP32, LS_GRADIENT_BF16 };
enum ls_overlap { LS_OVERLAP_NONE, LS_OVERLAP_BACKWARD, LS_OVERLAP_ALL };
enum ls_exchange { LS_EXCHANGE_RING, LS_EXCHANGE_ALL_GATHER };
enum ls_dispatcher { LS_DISPATCHER_NCCL, LS_DISPATCHER_DEEPEP };
enum ls_attention { LS_ATTENTION_UNFUSED, LS_ATTENTION_FLASH, LS_ATTENTION_CUDNN };
enum ls_elementwise { LS_ELEMENTWISE_FUSED, LS_ELEMENTWISE_EAGER };

/* Values of `recompute` below 1; k: one input every k layers. */
enum { LS_RECOMPUTE_NONE = -1, LS_RECOMPUTE_SELECTIVE = -2, LS_RECOMPUTE_FULL = -3 };

/* One optimizer step: engine/training. */
struct ls_training {
    int64_t sequence_length, global_batch_size, micro_batch_size;
    int32_t precision;
    int32_t gradient_dtype; /* enum ls_gradient */
    int32_t moment_dtype;   /* enum ls_gradient; null: the precision's */
    int64_t zero_stage;
    int64_t recompute;
    double recompute_share; /* of the layers, with full and every k */
    int32_t recompute_early_stop;
    int32_t attention; /* enum ls_attention; null: unfused where its scores are kept (recompute none), and
                          with dropout on up to 2,048 tokens on a GPU without fp8; else flash */
    int64_t flash_version;
    int32_t elementwise; /* enum ls_elementwise; null: eager with zero_stage 3 */
    int32_t fused_loss;
    int32_t dropout; /* null: models with layer norms have it */
    int32_t sequence_parallel;
    int64_t context_parallel;
    int32_t context_exchange; /* enum ls_exchange */
    int32_t schedule;         /* enum ls_schedule */
    int64_t virtual_stages;
    int32_t ends_as_layers;
    int64_t shard_group; /* null: all GPUs that have the same parameters */
    int32_t overlap_grad_reduce, overlap_param_gather, overlap_all_to_all, overlap_send;
    int32_t scatter_send;
    int32_t all_to_all;     /* enum ls_dispatcher */
    int32_t overlap_tensor; /* enum ls_overlap */
    double expert_imbalance;
    int64_t vocab_multiple; /* times tp, that resolving pads the model's vocabulary to */
    double overhead_bytes;
};

enum ls_matmul_operation { LS_MATMUL_PRODUCT, LS_MATMUL_ELEMENTWISE };

/* Rows times weights: engine/matmul. */
struct ls_matmul {
    int32_t operation;
    int64_t m, k, n;          /* null: k and n when there are layers */
    char layers[LS_NAME_LEN]; /* "4096x16384 16384x4096", the weights that the rows go through; empty: one, k by n */
    int32_t dtype;
    int64_t repetitions;
    double dispatch_s; /* of a repetition, in which no GPU works */
};

struct ls_scenario {
    int32_t kind; /* enum ls_kind */
    int64_t seed;
    int64_t replica;
    struct ls_model model;
    struct ls_cluster cluster;
    struct ls_strategy strategy;
    struct ls_engine engine;
    struct ls_workload workload;
    struct ls_slo slo;
    struct ls_prices prices;
    int32_t evaluate_oversized;
    struct ls_training training;
    struct ls_matmul matmul;
};

/* Tokens of a recorded length. */
static inline int32_t ls_trace_tok(const struct ls_workload *workload, int32_t recorded)
{
    return workload->trace->is_in_characters
               ? (int32_t)ceil((double)recorded / workload->trace_options.characters_per_token)
               : recorded;
}

/* The root table: what a study file may say, less name, sweep and output. */
extern const struct ls_param_table ls_scenario_params;

/* By enum ls_kind, null-terminated. */
extern const char *const ls_kind_names[];

/* Whether scenarios of this kind read the section of the file that `path` lies in ("workload.warmup_s"). */
bool ls_scenario_reads(int32_t kind, const char *path);

/* The rows of ls_scenario_params that this kind reads, copied to rows[LS_MAX_SECTIONS]; returns their table. */
#define LS_MAX_SECTIONS 16
struct ls_param_table ls_scenario_sections(int32_t kind, struct ls_param rows[LS_MAX_SECTIONS]);

/* All defaults; no model, hardware or workload yet. */
void ls_scenario_init(struct ls_scenario *scenario);

/* Fill nulls from the preset, the model and the hardware, and check values against each other. LS_INPUT with `key: what
 * is wrong, what would be right`. *reason is set to what makes the scenario infeasible by shape alone (LS_REASON_NONE
 * when nothing does): degrees against heads, layers, experts and GPUs. Memory is ls_simulate's to judge. */
LS_NODISCARD enum ls_status ls_scenario_resolve(struct ls_scenario *scenario, enum ls_reason *reason,
                                                struct ls_err *err);

/* Hash of every resolved value, the trace's content and the engine's version: equal fingerprints, equal results. */
uint64_t ls_scenario_fingerprint(const struct ls_scenario *scenario);

/* Micro-batches of a training step on one pipeline, whole in a feasible scenario. */
int64_t ls_training_micro_batches(const struct ls_scenario *scenario);

/* The model that drafts: engine.speculative's, or one layer like the model's last one; false where none does. */
bool ls_scenario_draft_model(const struct ls_scenario *scenario, struct ls_model *model);

/* tp · pp · dp · ep; of a disaggregated deployment, those of its pools together. */
int64_t ls_scenario_gpus(const struct ls_scenario *scenario);

static inline bool ls_scenario_is_disaggregated(const struct ls_scenario *scenario)
{
    return scenario->engine.disaggregation.pools[LS_POOL_PREFILL].replicas > 0;
}

#endif
