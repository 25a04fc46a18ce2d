#ifndef LS_ENGINE_MODEL_OPERATOR_H
#define LS_ENGINE_MODEL_OPERATOR_H

#include "engine/model/model.h"

/* The operators of one layer on one GPU: shapes, FLOPs and bytes, from the architecture alone. Seconds are
 * engine/cost's. */

enum ls_op_kind {
    LS_OP_GEMM,              /* [m, k] @ [k, n] */
    LS_OP_GROUPED_GEMM,      /* experts: m rows over `groups` weight matrices of [k, n], as routing spreads them */
    LS_OP_BATCHED_GEMM,      /* heads: m rows over `groups` weight matrices of [k, n], the same number for each */
    LS_OP_ATTENTION_PREFILL, /* causal attention of chunks over their contexts */
    LS_OP_ATTENTION_DECODE,  /* one query token a sequence, or few, over its context */
    LS_OP_MEMORY,            /* norm, rotary, activation, gather: bytes only */
    LS_OP_DELTA_RULE,        /* gated delta rule of chunks of prompts */
    LS_OP_STATED             /* FLOPs and bytes as the model's file states them */
};

enum { LS_N_LOADS = 4 };

struct ls_op {
    enum ls_op_kind kind;
    const char *name;    /* "qkv", for traces and tests */
    enum ls_dtype dtype; /* of the weights or the KV cache: what is read; arithmetic runs in its tensor-core format */
    double m, n, k;      /* GEMMs */
    double groups;       /* grouped GEMM: distinct weight matrices read, */
    double matrices;     /* of those that this GPU holds, */
    double loads[LS_N_LOADS]; /* and rows of quarters of them, fewest first, over the mean */
    double n_seqs;            /* attention: sequences */
    double n_query;           /* attention: query tokens of all of them */
    double n_context;         /* attention: Σ over sequences of the KV tokens read */
    double n_pairs;           /* attention: Σ over query tokens of the tokens each attends to */
    bool with_prompts;        /* attention, decode: in a pass that has chunks of prompts, too */
    double n_heads, n_kv_heads, head_dim, v_head_dim; /* on this GPU; MLA decode: 1 KV head of the latent width */
    double bytes;                                     /* memory and stated operators: read plus written; delta rule:
                                                         of the sequences' states */
    double flop, path_factor;                         /* stated operators; times the roofline's seconds */
};

/* How a layer is split. Attention and dense blocks over tp; whole experts over the expert shards, each expert's width
 * over expert_tp; expert shards = tp · ep / expert_tp, a whole number that divides the experts and the redundant ones.
 */
struct ls_shard {
    int64_t tp, ep, expert_tp;
    int64_t redundant_experts; /* extra copies of experts, in all shards together */
};

int64_t ls_shard_expert_shards(const struct ls_shard *shard);

/* What a forward pass holds for one attention replica. Everything an operator's cost may depend on, in few integers. */
struct ls_batch {
    int64_t n_tok;                                        /* query tokens: decodes, drafts and chunks */
    int64_t n_sampled;                                    /* tokens that need logits: a sequence's last, and drafts */
    int64_t n_decode;                                     /* decoding sequences, a token each */
    int64_t draft_tok;                                    /* drafts that they verify beside it */
    int64_t decode_context;                               /* Σ of their contexts, the new token included, tokens */
    int64_t decode_window;                                /* the same with each context cut at the sliding window */
    int64_t n_prefill;                                    /* sequences with a chunk in this pass */
    int64_t prefill_tok;                                  /* Σ of the chunks */
    int64_t prefill_context;                              /* Σ of contexts at the chunk's end */
    int64_t prefill_pairs;                                /* Σ over chunk tokens of the tokens each attends to */
    int64_t prefill_window_context, prefill_window_pairs; /* the same under the sliding window */
};

/* Tokens that the delta rule takes at once: flash-linear-attention's chunk. */
#define LS_DELTA_CHUNK 64

/* Kernels that it takes them in: norms of queries and keys, sums of the decays, products of keys, the inverse, what it
 * makes of keys and values, states, results. */
#define LS_DELTA_KERNELS 8

/* Kinds of layers; a model has up to four of them and knows how many of each lie in [first, end). Layers that do not
 * attend to all tokens count as sliding: those under a window, and gated delta-nets, of which each model has one kind
 * at most. */
enum ls_layer_kind {
    LS_LAYER_FULL_DENSE,
    LS_LAYER_FULL_MOE,
    LS_LAYER_SLIDING_DENSE,
    LS_LAYER_SLIDING_MOE,
    LS_N_LAYER_KINDS
};

enum ls_layer_kind ls_model_layer_kind(const struct ls_model *model, int64_t i);
void ls_model_count_layers(const struct ls_model *model, int64_t first, int64_t end, int64_t count[LS_N_LAYER_KINDS]);

/* First layer of a pipeline stage; stage pp gives the number of layers. Layers are spread as vLLM does it: n / pp each,
 * the remainder one each to the stages before the last, which has the head, from the last but one backwards. */
int64_t ls_stage_first_layer(int64_t n_layers, int64_t pp, int64_t stage);

#define LS_MAX_OPS 16

/* The serving formats: what differs from the checkpoint's. */
struct ls_formats {
    enum ls_dtype weight; /* of the linear layers; norms, embedding, router and head stay in `activation` */
    enum ls_dtype attention, attention_out; /* of those before and behind attention */
    enum ls_dtype expert;                   /* of the routed experts */
    enum ls_dtype kv;
    enum ls_dtype activation;
};

/* Formats of a deployment. Attention and experts keep the checkpoint's own format unless the weights are served in
 * another one. In nvfp4 latent attention's projections stay as they are, but for the last one: hf_quant_config.json of
 * huggingface.co/aspctu/kimi25 (Kimi K2.5) and DeepInfra/GLM-4.7-Flash-NVFP4; that of nvidia/DeepSeek-R1-NVFP4, from
 * the beginning of 2025, leaves the last one, too. */
struct ls_formats ls_model_formats(const struct ls_model *model, enum ls_dtype weight, enum ls_dtype kv);

/* Each fills ops[LS_MAX_OPS] with the operators that one GPU runs in order and returns how many; none where there is
 * nothing to do. What is charged as memory traffic: a norm reads and writes both its rows and the residual stream (the
 * fused add-and-norm of the engines); rotary embeddings and query/key norms read and write queries and keys; an
 * activation reads the projections and writes their product. Biases ride on their GEMMs.
 *
 * A model whose costs are stated has one operator for each kind of token and block, under attention_prefill and
 * attention_decode here and under ls_ops_stated for the MLP, and no others.
 *
 * attention_linear: norm, QKV (or MLA's projections), rotary, output gate and projection, for n_tok tokens; writing
 * keys and values is part of the engines' attention calls, and of their measured times. MLA's down-projections are
 * replicated on every rank, as the engines do. `sliding` says of which kind of layer: one under a window has the same
 * operators, a delta-net has projections of its own and a gated norm before the last. */
size_t ls_ops_attention_linear(const struct ls_model *model, const struct ls_shard *shard,
                               const struct ls_formats *formats, bool sliding, int64_t n_tok,
                               struct ls_op ops[LS_MAX_OPS]);

/* Attention itself; prefill and decode parts of `batch`, `sliding` under the window, or of a delta-net.
 *
 * Delta-nets (Yang et al. 2024, arXiv 2412.06464) convolve queries, keys and values along the sequence, and keep a
 * state of linear_key_head_dim · linear_value_head_dim for each value head. Prompts go by chunks of LS_DELTA_CHUNK
 * tokens, as in flash-linear-attention; a decode reads and writes states and the convolution's last tokens once.
 *
 * MLA (DeepSeek-V2, arXiv 2405.04434) runs in two forms, as in vLLM and SGLang. Prefill expands the latent of the whole
 * context to keys and values of every head (one GEMM over prefill_context rows) and attends as usual, with heads of
 * qk_nope + qk_rope and v_head_dim. Decode absorbs that expansion into the queries and the output (a batched GEMM over
 * the heads before and after) and attends to the latent itself: one KV head of kv_lora_rank + qk_rope, whose first
 * kv_lora_rank values are also the values and are read once. */
size_t ls_ops_attention_prefill(const struct ls_model *model, const struct ls_shard *shard,
                                const struct ls_formats *formats, const struct ls_batch *batch, bool sliding,
                                struct ls_op ops[LS_MAX_OPS]);
size_t ls_ops_attention_decode(const struct ls_model *model, const struct ls_shard *shard,
                               const struct ls_formats *formats, const struct ls_batch *batch, bool sliding,
                               struct ls_op ops[LS_MAX_OPS]);

/* The dense feed-forward block of n_tok tokens: norm, projections, activation. */
size_t ls_ops_mlp(const struct ls_model *model, const struct ls_shard *shard, const struct ls_formats *formats,
                  int64_t n_tok, struct ls_op ops[LS_MAX_OPS]);

/* How tokens spread over the experts. */
struct ls_expert_load {
    double imbalance;         /* rows of the shard with the most, over the mean */
    double hit;               /* share of the experts that any token chooses, */
    double loads[LS_N_LOADS]; /* and the mean rows of each quarter of those, fewest first, over that of all */
};

/* Every expert is chosen alike; but for an imbalance that is given. */
struct ls_expert_load ls_uniform_load(const struct ls_model *model, int64_t n_group_tok, double imbalance);

/* The expert block: norm and router on this replica's n_tok tokens, then the slowest GPU's share of the experts for
 * n_group_tok tokens of the whole expert-parallel group (with `load`, and no less than one row for each expert it
 * runs), combination, and the shared experts, which are split over tp. The distinct experts are
 * ls_expected_slowest_experts'. */
size_t ls_ops_moe(const struct ls_model *model, const struct ls_shard *shard, const struct ls_formats *formats,
                  int64_t n_tok, int64_t n_group_tok, const struct ls_expert_load *load, struct ls_op ops[LS_MAX_OPS]);

/* Before the first layer, after the last one (final norm, LM head on the sampled sequences). */
size_t ls_ops_embedding(const struct ls_model *model, const struct ls_shard *shard, const struct ls_formats *formats,
                        int64_t n_tok, struct ls_op ops[LS_MAX_OPS]);
size_t ls_ops_head(const struct ls_model *model, const struct ls_shard *shard, const struct ls_formats *formats,
                   int64_t n_sampled, struct ls_op ops[LS_MAX_OPS]);

/* Expected number of distinct experts among n_experts that n_tok tokens hit when each draws top_k without replacement,
 * uniformly: n · (1 − (1 − k/n)^t). */
double ls_expected_distinct_experts(double n_experts, double top_k, double n_tok);

/* Expected number of distinct experts on the shard that hits most of them, of `shards` that hold `experts` each, when
 * an expert is hit with probability p: the mean of the maximum of independent binomials, and at least one where p > 0.
 */
double ls_expected_slowest_experts(double experts, double shards, double p);

/* Arithmetic and traffic of one operator: weights, keys and values once, rows in 16 bits (32 where the weights are).
 */
double ls_op_flop(const struct ls_op *op);
double ls_op_bytes(const struct ls_op *op);

#endif
