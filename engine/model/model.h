#ifndef LS_ENGINE_MODEL_MODEL_H
#define LS_ENGINE_MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/dtype.h"
#include "engine/param.h"

/* A transformer decoder, from its published configuration. Keys are those of Hugging Face's config.json, so that such a
 * file needs no translation beyond a few aliases of older families (io/). */

enum ls_norm { LS_NORM_RMS, LS_NORM_LAYER };

enum ls_position { LS_POSITION_ROTARY, LS_POSITION_LEARNED, LS_POSITION_ALIBI };

/* Costs that a file states for each token, in place of those that follow from the architecture: the form of databases
 * made for simulators that know no operators. Bytes are those read; half as many are written on top. Tensor parallelism
 * divides all of it. Null: not stated. */

enum ls_tok_kind { LS_TOK_PROMPT, LS_TOK_DECODED, LS_N_TOK_KINDS };
enum ls_block_kind { LS_BLOCK_ATTENTION, LS_BLOCK_MLP, LS_N_BLOCK_KINDS };

/* Of a prompt token, or of a token decoded in a batch, through the whole model. */
struct ls_stated_pass {
    double flop;
    double bytes;
    double critical_path_factor; /* times the roofline's seconds */
};

/* Of a token through the attention or the MLP block of one layer. */
struct ls_stated_block {
    double flop[LS_N_TOK_KINDS];
    double bytes[LS_N_TOK_KINDS];
    double output_bytes; /* what the collective behind the block adds up; null: a row of activations */
};

struct ls_stated {
    int64_t parameters;                             /* null: counted from the architecture */
    double kv_bytes_per_tok_layer;                  /* null: from the architecture */
    struct ls_stated_pass pass[LS_N_TOK_KINDS];     /* decides where it is given; */
    struct ls_stated_block block[LS_N_BLOCK_KINDS]; /* then says only how a layer divides into its blocks */
};

struct ls_model {
    char name[LS_NAME_LEN];
    int64_t num_hidden_layers;
    int64_t hidden_size;
    int64_t num_attention_heads;
    int64_t num_key_value_heads; /* null: num_attention_heads */
    int64_t head_dim;            /* null: hidden_size / num_attention_heads */
    int64_t intermediate_size;   /* dense layers' MLP; null: 4 · hidden_size */
    int64_t vocab_size;
    int64_t chat_template_chars;     /* of the template that puts chats into form; 0: there is none */
    int64_t max_position_embeddings; /* tokens; null: no limit */
    int32_t gated_mlp;               /* gate and up projections (SwiGLU, GeGLU) instead of one */
    int32_t tie_word_embeddings;
    int32_t position_embedding; /* enum ls_position; learned: a table of max_position_embeddings rows is a weight */
    int32_t norm;               /* enum ls_norm */
    int32_t norm_bias;          /* null: layer norms have one, RMS norms have none */
    int64_t norms_per_layer;    /* 2; gemma-2 has 4 */
    int32_t embedding_norm;     /* a norm after the embedding (BLOOM) */
    int32_t qk_norm;            /* RMS norms of head_dim on queries and keys */
    int32_t attn_output_gate;   /* attention's output is gated by a further projection, as wide as the queries */
    int32_t attention_bias;     /* bias on q, k, v */
    int32_t attention_out_bias; /* bias on the output projection; null: as attention_bias */
    int32_t attention_sinks;    /* a learned logit for each head (gpt-oss) */
    int32_t mlp_bias;
    int32_t use_sliding_window;     /* false: sliding_window is there but unused */
    int64_t sliding_window;         /* tokens; null: full attention everywhere */
    int64_t sliding_window_pattern; /* layer i attends fully where this divides i + 1; null: no layer does */

    /* mixture of experts; n_routed_experts null: dense */
    int64_t n_routed_experts;
    int64_t num_experts_per_tok;
    int64_t n_group;               /* equal groups of experts, in their order, */
    int64_t topk_group;            /* of which a token's choices lie in so many; null: n_group */
    int64_t moe_intermediate_size; /* null: intermediate_size */
    int64_t n_shared_experts;      /* of moe_intermediate_size each */
    int32_t shared_expert_gate;    /* a projection to one value scales their output */
    int64_t first_k_dense_replace; /* leading layers that are dense; */
    int64_t decoder_sparse_step;   /* of the others, layer i has experts where this divides i + 1 */
    int32_t router_bias;           /* a correction or bias term for each expert */
    int32_t expert_bias;           /* bias on the experts' projections */

    /* multi-head latent attention; kv_lora_rank null: ordinary attention */
    int64_t q_lora_rank; /* null: queries are not compressed */
    int64_t kv_lora_rank;
    int64_t qk_nope_head_dim;
    int64_t qk_rope_head_dim;
    int64_t v_head_dim;

    /* gated delta-net layers (Yang et al. 2024, arXiv 2412.06464) in place of attention, but for every so many-th;
     * full_attention_interval null: there are none */
    int64_t full_attention_interval; /* layer i attends fully where this divides i + 1 */
    int64_t linear_num_key_heads;
    int64_t linear_num_value_heads;
    int64_t linear_key_head_dim;
    int64_t linear_value_head_dim;
    int64_t linear_conv_kernel_dim; /* tokens that the convolution before them sees; null: 4 */
    int32_t mamba_ssm_dtype;        /* enum ls_dtype of their states */

    int32_t dtype;            /* enum ls_dtype of the checkpoint's linear layers; null: activation_dtype */
    int32_t attention_dtype;  /* of attention's linear layers where they differ (Llama 3.1 405B FP8) */
    int32_t expert_dtype;     /* of the routed experts' matrices where they differ (gpt-oss); null: dtype */
    int32_t activation_dtype; /* of activations, norms, embedding, router, head; null: dtype where 16 or 32 bit, else
                                 bf16 */
    struct ls_stated stated;
};

extern const struct ls_param_table ls_model_params;

/* Fill what is null from the rest and check that the numbers make a transformer. LS_INPUT says which key is wrong. */
LS_NODISCARD enum ls_status ls_model_complete(struct ls_model *model, struct ls_err *err);

bool ls_model_is_moe(const struct ls_model *model);
bool ls_model_is_mla(const struct ls_model *model);

/* Whether some layers are gated delta-nets, and layer i, from 0, attends to all tokens. */
bool ls_model_is_linear(const struct ls_model *model);
bool ls_model_is_full_layer(const struct ls_model *model, int64_t i);

/* Channels of a delta-net's convolution: queries, keys and values. */
int64_t ls_model_conv_channels(const struct ls_model *model);

/* Whether layer i, from 0, has experts, and how many of all layers have. */
bool ls_model_is_moe_layer(const struct ls_model *model, int64_t i);
int64_t ls_model_n_moe_layers(const struct ls_model *model);

/* Whether costs are stated in the file rather than derived. */
bool ls_model_is_stated(const struct ls_model *model);

/* Width of the values that one head keeps: v_head_dim under MLA, else head_dim. */
int64_t ls_model_v_head_dim(const struct ls_model *model);

/* Exact number of parameters, as counted in the published checkpoint (multi-token-prediction layers are left out), or
 * as stated. */
int64_t ls_model_parameters(const struct ls_model *model);

/* Those that one token passes through (experts: the chosen and the shared ones; embedding table: one row). */
int64_t ls_model_active_parameters(const struct ls_model *model);

#endif
