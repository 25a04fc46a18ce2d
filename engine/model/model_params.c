#include "engine/model/model.h"

#define M struct ls_model
#define NULLABLE LS_PARAM_NULLABLE
#define REQUIRED LS_PARAM_REQUIRED

/* Bounds keep every count below 2^53, so that sums in double are exact; ls_model_complete checks the product. */
#define MAX_WIDTH 16777216
#define MAX_STATED 1e18

static const char *const position_names[] = {"rotary", "learned", "alibi", NULL};
static const char *const norm_names[] = {"rms", "layer", NULL};

/* Stated costs, under the names of the databases that have them. */
#define PASS struct ls_stated_pass
#define BLOCK struct ls_stated_block
#define STATED struct ls_stated
#define NUMBER(type, key, member, flags, def, doc)                                                                     \
    LS_ROW_FLOAT(type, key, member, LS_DIM_NONE, flags, def, 0, MAX_STATED, doc)
#define PATH_FACTOR NUMBER(PASS, "critical_path_factor", critical_path_factor, 0, "1", "Times the roofline's seconds.")

static const struct ls_param prompt_rows[] = {
    NUMBER(PASS, "total_flops_per_prompt_token", flop, NULLABLE, "null", "FLOPs of a prompt token in the whole model."),
    NUMBER(PASS, "total_memory_bytes_per_prompt_token", bytes, NULLABLE, "null",
           "Bytes that a prompt token reads; half as many are written on top."),
    PATH_FACTOR};
static const struct ls_param decoded_rows[] = {
    NUMBER(PASS, "total_flops_per_token_in_batch", flop, NULLABLE, "null",
           "FLOPs of a decoded token in the whole model."),
    NUMBER(PASS, "total_memory_bytes_per_token_in_batch", bytes, NULLABLE, "null",
           "Bytes that a decoded token reads; half as many are written on top."),
    PATH_FACTOR};
static const struct ls_param_table prompt_params = LS_TABLE(prompt_rows);
static const struct ls_param_table decoded_params = LS_TABLE(decoded_rows);
static const struct ls_param aggregated_rows[] = {
    LS_ROW_GROUP(STATED, "prefill", pass[LS_TOK_PROMPT], &prompt_params, "Prompt tokens."),
    LS_ROW_GROUP(STATED, "decode", pass[LS_TOK_DECODED], &decoded_params, "Decoded tokens.")};
static const struct ls_param_table aggregated_params = LS_TABLE(aggregated_rows);

static const struct ls_param block_rows[] = {
    NUMBER(BLOCK, "flops_per_token_prefill", flop[LS_TOK_PROMPT], NULLABLE, "null", "FLOPs of a prompt token."),
    NUMBER(BLOCK, "flops_per_token_decode", flop[LS_TOK_DECODED], NULLABLE, "null", "FLOPs of a decoded token."),
    NUMBER(BLOCK, "memory_bytes_per_token_prefill", bytes[LS_TOK_PROMPT], NULLABLE, "null",
           "Bytes that a prompt token reads; half as many are written on top."),
    NUMBER(BLOCK, "memory_bytes_per_token_decode", bytes[LS_TOK_DECODED], NULLABLE, "null",
           "Bytes that a decoded token reads; half as many are written on top."),
    NUMBER(BLOCK, "activation_output_bytes_per_token", output_bytes, NULLABLE, "null",
           "Bytes of a token that the tensor ranks add up behind the block; null: a row of activations.")};
static const struct ls_param_table block_params = LS_TABLE(block_rows);
static const struct ls_param layer_type_rows[] = {
    LS_ROW_GROUP(STATED, "attention", block[LS_BLOCK_ATTENTION], &block_params, "The attention block of one layer."),
    LS_ROW_GROUP(STATED, "mlp", block[LS_BLOCK_MLP], &block_params, "The MLP block of one layer.")};
static const struct ls_param_table layer_type_params = LS_TABLE(layer_type_rows);

static const struct ls_param rows[] = {
    LS_ROW_TEXT(M, "name", name, NULLABLE, "null", "Name of the model; the file's own name where it is left out."),
    LS_ROW_INT(M, "num_hidden_layers", num_hidden_layers, REQUIRED, NULL, 1, 65536, "Transformer layers."),
    LS_ROW_INT(M, "hidden_size", hidden_size, REQUIRED, NULL, 1, MAX_WIDTH, "Width of the residual stream."),
    LS_ROW_INT(M, "num_attention_heads", num_attention_heads, REQUIRED, NULL, 1, 65536, "Query heads."),
    LS_ROW_INT(M, "num_key_value_heads", num_key_value_heads, NULLABLE, "null", 1, 65536,
               "Key and value heads; null: as many as query heads."),
    LS_ROW_INT(M, "head_dim", head_dim, NULLABLE, "null", 1, 65536,
               "Width of a head; null: hidden_size / num_attention_heads."),
    LS_ROW_INT(M, "intermediate_size", intermediate_size, NULLABLE, "null", 1, MAX_WIDTH,
               "Width of a dense layer's feed-forward block; null: 4 * hidden_size."),
    LS_ROW_INT(M, "vocab_size", vocab_size, REQUIRED, NULL, 1, MAX_WIDTH, "Rows of the embedding table."),
    LS_ROW_INT(M, "max_position_embeddings", max_position_embeddings, NULLABLE, "null", 1, 1e12,
               "Longest sequence, tokens; null: no limit."),
    LS_ROW_BOOL(M, "gated_mlp", gated_mlp, 0, "true", "Gate and up projections (SwiGLU, GeGLU) instead of one."),
    LS_ROW_INT(M, "chat_template_chars", chat_template_chars, 0, "4000", 0, 1e9,
               "Characters of the Jinja template that puts chats into form (Hugging Face's chat_template); 0: nothing "
               "does, or code."),
    LS_ROW_BOOL(M, "tie_word_embeddings", tie_word_embeddings, 0, "false", "The LM head is the embedding table."),
    LS_ROW_CHOICE(
        M, "position_embedding", position_embedding, 0, "rotary", position_names,
        "Rotary embeddings, a table of max_position_embeddings learned rows, or a bias on the scores (ALiBi)."),
    LS_ROW_CHOICE(M, "norm", norm, 0, "rms", norm_names, "Kind of normalisation."),
    LS_ROW_BOOL(M, "norm_bias", norm_bias, NULLABLE, "null",
                "Norms have a bias; null: layer norms do, RMS norms do not."),
    LS_ROW_INT(M, "norms_per_layer", norms_per_layer, 0, "2", 0, 16, "Norms of hidden_size in a layer."),
    LS_ROW_BOOL(M, "embedding_norm", embedding_norm, 0, "false", "A norm follows the embedding."),
    LS_ROW_BOOL(M, "qk_norm", qk_norm, 0, "false", "RMS norms of head_dim on queries and keys."),
    LS_ROW_BOOL(M, "attn_output_gate", attn_output_gate, 0, "false",
                "Attention's output is gated by a further projection, as wide as the queries."),
    LS_ROW_BOOL(M, "attention_bias", attention_bias, 0, "false", "Bias on the query, key and value projections."),
    LS_ROW_BOOL(M, "attention_out_bias", attention_out_bias, NULLABLE, "null",
                "Bias on the attention's output projection; null: as attention_bias."),
    LS_ROW_BOOL(M, "attention_sinks", attention_sinks, 0, "false", "A learned logit for each head."),
    LS_ROW_BOOL(M, "mlp_bias", mlp_bias, 0, "false", "Bias on the feed-forward projections."),
    LS_ROW_BOOL(M, "use_sliding_window", use_sliding_window, 0, "true", "False: sliding_window is ignored."),
    LS_ROW_INT(M, "sliding_window", sliding_window, NULLABLE, "null", 1, 1e12,
               "Tokens that a sliding layer attends to; null: every layer attends fully."),
    LS_ROW_INT(M, "sliding_window_pattern", sliding_window_pattern, NULLABLE, "null", 1, 65536,
               "With a sliding window: layer i (from 0) attends fully where this divides i + 1; null: no layer does."),
    LS_ROW_INT(M, "n_routed_experts", n_routed_experts, NULLABLE, "null", 1, 65536,
               "Experts of a layer; null: a dense model."),
    LS_ROW_INT(M, "num_experts_per_tok", num_experts_per_tok, NULLABLE, "null", 1, 65536,
               "Routed experts that each token passes through."),
    LS_ROW_INT(M, "n_group", n_group, NULLABLE, "1", 1, 65536,
               "Equal groups of experts, in their order, for topk_group; null: one."),
    LS_ROW_INT(M, "topk_group", topk_group, NULLABLE, "null", 1, 65536,
               "Groups in which all experts of a token lie, so that it goes to few nodes; null: any."),
    LS_ROW_INT(M, "moe_intermediate_size", moe_intermediate_size, NULLABLE, "null", 1, MAX_WIDTH,
               "Width of an expert; null: intermediate_size."),
    LS_ROW_INT(M, "n_shared_experts", n_shared_experts, NULLABLE, "0", 0, 4096,
               "Experts of moe_intermediate_size that every token passes through; null: none."),
    LS_ROW_BOOL(M, "shared_expert_gate", shared_expert_gate, 0, "false",
                "The shared experts' output is scaled by a projection to one value."),
    LS_ROW_INT(M, "first_k_dense_replace", first_k_dense_replace, NULLABLE, "0", 0, 65536,
               "Leading layers of a mixture of experts that are dense; null: none."),
    LS_ROW_INT(M, "decoder_sparse_step", decoder_sparse_step, NULLABLE, "1", 1, 65536,
               "Layer i (from 0) of a mixture of experts is dense unless this divides i + 1 (Llama 4's "
               "interleave_moe_layer_step); null: 1."),
    LS_ROW_BOOL(M, "router_bias", router_bias, 0, "false", "The router has a bias (or correction) for each expert."),
    LS_ROW_BOOL(M, "expert_bias", expert_bias, 0, "false", "Bias on the experts' projections."),
    LS_ROW_INT(M, "q_lora_rank", q_lora_rank, NULLABLE, "null", 1, MAX_WIDTH,
               "Latent attention: rank of the queries; null: not compressed."),
    LS_ROW_INT(M, "kv_lora_rank", kv_lora_rank, NULLABLE, "null", 1, MAX_WIDTH,
               "Latent attention: rank of keys and values; null: ordinary attention."),
    LS_ROW_INT(M, "qk_nope_head_dim", qk_nope_head_dim, NULLABLE, "null", 1, 65536,
               "Latent attention: part of a query head without rotary positions."),
    LS_ROW_INT(M, "qk_rope_head_dim", qk_rope_head_dim, NULLABLE, "null", 1, 65536,
               "Latent attention: part of a query head with rotary positions; one key of it serves all heads."),
    LS_ROW_INT(M, "v_head_dim", v_head_dim, NULLABLE, "null", 1, 65536, "Latent attention: width of a value head."),
    LS_ROW_INT(M, "full_attention_interval", full_attention_interval, NULLABLE, "null", 1, 65536,
               "Layer i (from 0) attends fully where this divides i + 1, the others are gated delta-nets (linear "
               "attention); null: there are none."),
    LS_ROW_INT(M, "linear_num_key_heads", linear_num_key_heads, NULLABLE, "null", 1, 65536,
               "Delta-nets: query heads, and as many key heads."),
    LS_ROW_INT(M, "linear_num_value_heads", linear_num_value_heads, NULLABLE, "null", 1, 65536,
               "Delta-nets: value heads, each with a state of its own."),
    LS_ROW_INT(M, "linear_key_head_dim", linear_key_head_dim, NULLABLE, "null", 1, 65536,
               "Delta-nets: width of a query or key head."),
    LS_ROW_INT(M, "linear_value_head_dim", linear_value_head_dim, NULLABLE, "null", 1, 65536,
               "Delta-nets: width of a value head."),
    LS_ROW_INT(M, "linear_conv_kernel_dim", linear_conv_kernel_dim, NULLABLE, "null", 1, 65536,
               "Delta-nets: tokens that the convolution of queries, keys and values sees; null: 4."),
    LS_ROW_CHOICE(M, "mamba_ssm_dtype", mamba_ssm_dtype, 0, "fp32", ls_dtype_names,
                  "Delta-nets: format of a sequence's state."),
    LS_ROW_CHOICE(M, "dtype", dtype, NULLABLE, "null", ls_dtype_names,
                  "Format of the checkpoint's linear layers; null: activation_dtype."),
    LS_ROW_CHOICE(
        M, "attention_dtype", attention_dtype, NULLABLE, "null", ls_dtype_names,
        "Format of attention's linear layers where it differs; null: dtype, in nvfp4 without latent attention's first "
        "projections."),
    LS_ROW_CHOICE(M, "expert_dtype", expert_dtype, NULLABLE, "null", ls_dtype_names,
                  "Format of the routed experts where it differs; null: dtype."),
    LS_ROW_CHOICE(M, "activation_dtype", activation_dtype, NULLABLE, "null", ls_dtype_names,
                  "Format of activations, norms, embedding, router and head; null: dtype where that has 16 or 32 bits "
                  "and is no block format, else bf16."),
    LS_ROW_INT(M, "parameters", stated.parameters, NULLABLE, "null", 1, 9e15,
               "With stated costs: the number of parameters; null: counted from the architecture."),
    NUMBER(M, "kv_cache_bytes_per_token_per_layer", stated.kv_bytes_per_tok_layer, NULLABLE, "null",
           "With stated costs: bytes of a token's keys and values in one layer; null: from the architecture."),
    LS_ROW_GROUP(M, "aggregated_ops", stated, &aggregated_params,
                 "Costs stated for each token, in place of those that follow from the architecture."),
    LS_ROW_GROUP(M, "layer_types", stated, &layer_type_params,
                 "The same for each layer's blocks; with aggregated_ops, how a layer divides into them."),
};

const struct ls_param_table ls_model_params = LS_TABLE(rows);
