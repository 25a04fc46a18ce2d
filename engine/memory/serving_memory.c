#include "engine/memory/serving_memory.h"

#include <assert.h>
#include <math.h>

#include "engine/model/weights.h"

/* Share of a tensor that one GPU holds. */
static double weight_share(const struct ls_weight *weight, const struct ls_model *model, const struct ls_shard *shard)
{
    const double tp = (double)shard->tp;
    switch (weight->split) {
    case LS_SPLIT_NONE:
        return 1;
    case LS_SPLIT_TP:
        return 1 / tp;
    case LS_SPLIT_KV:
        return fmax(1 / tp, 1 / (double)model->num_key_value_heads);
    case LS_SPLIT_EXPERTS:
    case LS_SPLIT_EXPERT_OUT: {
        const double held = 1 + (double)shard->redundant_experts / (double)model->n_routed_experts;
        const double width = weight->split == LS_SPLIT_EXPERTS ? (double)shard->expert_tp : 1;
        return held / ((double)ls_shard_expert_shards(shard) * width);
    }
    }
    assert(!"a weight is split in one of the ways above");
    return 1;
}

static double sum_bytes(const struct ls_weight *weights, size_t n, const struct ls_model *model,
                        const struct ls_shard *shard, const struct ls_formats *formats)
{
    double bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += weights[i].n_params * weight_share(&weights[i], model, shard) *
                 ls_dtype_bytes(ls_weight_dtype(&weights[i], formats));
    return bytes;
}

/* Of a stated number of parameters nobody knows where they are: in every layer as many, and split by tp. */
static double stated_weight_bytes(const struct ls_model *model, const struct ls_shard *shard,
                                  const struct ls_formats *formats, int64_t n_layers)
{
    return (double)model->stated.parameters * ls_dtype_bytes(formats->weight) * (double)n_layers /
           ((double)model->num_hidden_layers * (double)shard->tp);
}

double ls_weight_bytes(const struct ls_model *model, const struct ls_shard *shard, const struct ls_formats *formats,
                       int64_t first, int64_t end, unsigned ends)
{
    struct ls_weight weights[LS_MAX_WEIGHTS];
    int64_t count[LS_N_LAYER_KINDS];
    double bytes = 0;
    if (model->stated.parameters != LS_NULL_INT)
        return stated_weight_bytes(model, shard, formats, end - first);
    ls_weights_count_layers(model, first, end, count);
    for (int kind = 0; kind < LS_N_LAYER_KINDS; kind++) {
        const size_t n = ls_weights_of_layer(model, (enum ls_layer_kind)kind, weights);
        if (count[kind] > 0)
            bytes += (double)count[kind] * sum_bytes(weights, n, model, shard, formats);
    }
    if (ends & LS_STAGE_FIRST)
        bytes += sum_bytes(weights, ls_weights_of_embedding(model, weights), model, shard, formats);
    if (ends & LS_STAGE_LAST)
        bytes += sum_bytes(weights, ls_weights_of_head(model, weights), model, shard, formats);
    const bool one_table = model->tie_word_embeddings && (ends & LS_STAGE_FIRST) && (ends & LS_STAGE_LAST);
    if (one_table)
        bytes -=
            (double)(model->vocab_size * model->hidden_size) / (double)shard->tp * ls_dtype_bytes(formats->activation);
    return bytes;
}

double ls_kv_bytes_per_token_layer(const struct ls_model *model, int64_t tp, enum ls_dtype kv_dtype)
{
    if (!isnan(model->stated.kv_bytes_per_tok_layer))
        return model->stated.kv_bytes_per_tok_layer / (double)tp;
    if (ls_model_is_mla(model))
        return (double)(model->kv_lora_rank + model->qk_rope_head_dim) * ls_dtype_bytes(kv_dtype);
    const double heads = fmax(1, (double)model->num_key_value_heads / (double)tp);
    return heads * 2 * (double)model->head_dim * ls_dtype_bytes(kv_dtype);
}

double ls_state_bytes_per_layer(const struct ls_model *model, int64_t tp)
{
    if (!ls_model_is_linear(model))
        return 0;
    const double states = (double)model->linear_num_value_heads *
                          (double)(model->linear_key_head_dim * model->linear_value_head_dim) *
                          ls_dtype_bytes((enum ls_dtype)model->mamba_ssm_dtype);
    const double inputs = (double)(ls_model_conv_channels(model) * (model->linear_conv_kernel_dim - 1)) *
                          ls_dtype_bytes((enum ls_dtype)model->activation_dtype);
    return (states + inputs) / (double)tp;
}

/* Values of one token that its experts hold at their peak. Of each chosen one: up projection or output, which share a
 * buffer unless the engine has one for each, and the activation's output. Buffers are for all tokens of a group that
 * gathers them, whoever holds their experts, or for a chunk of them. */
static double expert_values(const struct ls_scenario *scenario, const struct ls_shard *shard)
{
    const struct ls_model *model = &scenario->model;
    if (!ls_model_is_moe(model))
        return 0;
    const bool gathers = shard->ep > 1 && scenario->engine.all2all_backend == LS_ALL2ALL_ALL_GATHER;
    const double hidden = (double)model->hidden_size;
    const double width = (double)model->moe_intermediate_size / (double)shard->expert_tp;
    const double up = fmax((model->gated_mlp ? 2 : 1) * width, hidden);
    const double down = scenario->engine.expert_output_buffer ? fmax(width, hidden) : width;
    const double tok = gathers ? (double)shard->ep : 1;
    const double chunk = (double)scenario->engine.expert_chunk_tokens;
    const double at_once = chunk > 0 ? fmin(tok, chunk / (double)scenario->engine.max_num_batched_tokens) : tok;
    return at_once * (double)model->num_experts_per_tok * (up + down) + (gathers ? tok * 2 * hidden : 0);
}

/* Of a gated delta-net: what its convolution takes and gives, the gate and the result. */
static double delta_values(const struct ls_model *model, double tp)
{
    if (!ls_model_is_linear(model))
        return 0;
    const double v_width = (double)(model->linear_num_value_heads * model->linear_value_head_dim);
    return (2 * (double)ls_model_conv_channels(model) + 2 * v_width) / tp;
}

/* Values of one token that a layer holds at its peak beside the residual rows: the projection before an activation and
 * the activation's output, attention's queries, keys, values and output, or what its experts hold, whichever is more.
 */
static double layer_values(const struct ls_scenario *scenario, const struct ls_shard *shard)
{
    const struct ls_model *model = &scenario->model;
    const double up = (model->gated_mlp ? 2 : 1) + 1.0;
    const double tp = (double)shard->tp;
    const double heads = (double)model->num_attention_heads / tp;
    const bool dense = ls_model_n_moe_layers(model) < model->num_hidden_layers;
    const double values = fmax(dense ? up * (double)model->intermediate_size / tp : 0, expert_values(scenario, shard));
    if (ls_model_is_mla(model)) {
        const double qk = (double)(model->qk_nope_head_dim + model->qk_rope_head_dim);
        const double v = (double)model->v_head_dim;
        return fmax(values, heads * (2 * qk + (double)model->qk_nope_head_dim + 2 * v));
    }
    const double kv_heads = fmax(1, (double)model->num_key_value_heads / tp);
    const double queries = model->attn_output_gate ? 3 : 2;
    return fmax(fmax(values, delta_values(model, tp)), (queries * heads + 2 * kv_heads) * (double)model->head_dim);
}

double ls_activation_bytes(const struct ls_scenario *scenario, const struct ls_shard *shard, bool last_stage)
{
    const struct ls_model *model = &scenario->model;
    const double value_bytes = ls_dtype_bytes((enum ls_dtype)model->activation_dtype);
    const double n_tok = (double)scenario->engine.max_num_batched_tokens;
    const double hidden = (double)model->hidden_size;
    const double forward = n_tok * (3 * hidden + layer_values(scenario, shard)) * value_bytes;
    const double n_logits = (double)(scenario->engine.max_num_seqs * model->vocab_size);
    const double sampling = n_tok * hidden * value_bytes + n_logits * scenario->engine.logit_bytes;
    return last_stage ? fmax(forward, sampling) : forward;
}

/* The engines tabulate cosines and sines of every position, once for all layers. */
static double rotary_table_bytes(const struct ls_model *model)
{
    if (model->position_embedding != LS_POSITION_ROTARY || model->max_position_embeddings == LS_NULL_INT)
        return 0;
    const int64_t width = ls_model_is_mla(model) ? model->qk_rope_head_dim : model->head_dim;
    return (double)(model->max_position_embeddings * width) * ls_dtype_bytes((enum ls_dtype)model->activation_dtype);
}

/* MLA decodes from its own copies of the two halves of kv_b (the absorbed form), in the activation dtype. */
static double absorbed_bytes(const struct ls_model *model, const struct ls_shard *shard)
{
    if (!ls_model_is_mla(model))
        return 0;
    return (double)(model->kv_lora_rank * (model->qk_nope_head_dim + model->v_head_dim)) *
           (double)model->num_attention_heads / (double)shard->tp *
           ls_dtype_bytes((enum ls_dtype)model->activation_dtype);
}

/* vLLM stores experts in MXFP4 with hidden_size rounded up to whole tiles of 256 (on Hopper and Blackwell): gpt-oss's
 * 2,880 become 3,072. */
static double expert_padding_bytes(const struct ls_model *model, const struct ls_shard *shard,
                                   const struct ls_formats *formats)
{
    const double h = (double)model->hidden_size;
    if (!ls_model_is_moe(model) || formats->expert != LS_MXFP4)
        return 0;
    const double experts = (double)(model->n_routed_experts + shard->redundant_experts);
    const double width = (double)model->moe_intermediate_size * (model->gated_mlp ? 3 : 2);
    return experts * width * (ceil(h / 256) * 256 - h) * ls_dtype_bytes(formats->expert) /
           (double)(shard->tp * shard->ep);
}

/* What the engine adds to the weights of a stage as it loads them. */
static double loading_bytes(const struct ls_model *model, const struct ls_shard *shard,
                            const struct ls_formats *formats, int64_t first, int64_t end)
{
    int64_t count[LS_N_LAYER_KINDS];
    ls_model_count_layers(model, first, end, count);
    const double n_moe = (double)(count[LS_LAYER_FULL_MOE] + count[LS_LAYER_SLIDING_MOE]);
    return rotary_table_bytes(model) + (double)(end - first) * absorbed_bytes(model, shard) +
           n_moe * expert_padding_bytes(model, shard, formats);
}

/* How vLLM shares the pool among layers of different reach (vllm/v1/core/kv_cache_utils.py, get_kv_cache_groups):
 * groups of equally many layers, each of one kind; a block holds block_size tokens of one group, and a sequence takes
 * blocks in each: of a sliding group no more than the window covers. */
struct kv_groups {
    int64_t full, sliding;  /* groups; a model of one kind of layer has one group in all, counted as full */
    int64_t sliding_blocks; /* that a sequence holds at most in a sliding group; 0: delta-nets, of which every sequence
                               holds ls_state_blocks from its beginning */
};

static struct kv_groups describe_groups(const struct ls_scenario *scenario)
{
    const struct ls_model *model = &scenario->model;
    const int64_t block_size = scenario->engine.block_size;
    int64_t count[LS_N_LAYER_KINDS];
    ls_model_count_layers(model, 0, model->num_hidden_layers, count);
    const int64_t full = count[LS_LAYER_FULL_DENSE] + count[LS_LAYER_FULL_MOE];
    const int64_t sliding = model->num_hidden_layers - full;
    const bool linear = ls_model_is_linear(model);
    if (full == 0 || sliding == 0 || (!linear && !scenario->engine.sliding_window_kv))
        return (struct kv_groups){1, 0, 0};
    const int64_t fewer = full < sliding ? full : sliding;
    const int64_t more = full < sliding ? sliding : full;
    const int64_t size = 4 * more < 5 * fewer ? more : fewer; /* nearly equal kinds make one group each */
    return (struct kv_groups){(full + size - 1) / size, (sliding + size - 1) / size,
                              linear ? 0 : (model->sliding_window - 1 + block_size - 1) / block_size + 1};
}

int64_t ls_state_blocks(const struct ls_scenario *scenario)
{
    const struct ls_model *model = &scenario->model;
    const int64_t tp = scenario->strategy.tp;
    if (!ls_model_is_linear(model))
        return 0;
    const struct kv_groups groups = describe_groups(scenario);
    const double block_bytes = (double)scenario->engine.block_size *
                               ls_kv_bytes_per_token_layer(model, tp, (enum ls_dtype)scenario->engine.kv_dtype);
    const double n_blocks = (double)groups.sliding * ceil(ls_state_bytes_per_layer(model, tp) / block_bytes);
    return (int64_t)ceil(n_blocks / (double)groups.full);
}

enum ls_status ls_state_check(const struct ls_scenario *scenario, struct ls_err *err)
{
    if (!ls_model_is_linear(&scenario->model))
        return LS_OK;
    if (scenario->engine.enable_prefix_caching == 1)
        return ls_fail(err, LS_INPUT,
                       "engine.enable_prefix_caching: states of linear attention are not cached; leave it null");
    if (scenario->engine.preemption == LS_PREEMPT_SWAP)
        return ls_fail(err, LS_INPUT, "engine.preemption: states of linear attention are not swapped; recompute");
    return LS_OK;
}

/* Blocks of the pool as the scheduler counts them, one for each block_size tokens of a sequence, whatever its groups:
 * as many as surely fit, with every sequence at its window's limit or below it. */
static int64_t scheduler_blocks(const struct kv_groups *groups, int64_t pool_blocks, int64_t max_num_seqs)
{
    if (groups->sliding_blocks == 0)
        return pool_blocks / groups->full;
    const int64_t short_sequences = pool_blocks / (groups->full + groups->sliding);
    const int64_t windows = max_num_seqs * groups->sliding * groups->sliding_blocks;
    const int64_t long_sequences = (pool_blocks - windows) / groups->full;
    return long_sequences > short_sequences ? long_sequences : short_sequences;
}

/* What one stage holds. */
struct stage {
    double fixed_bytes; /* all but the KV pool */
    double weights_bytes;
    double activation_bytes;
    double block_bytes;
};

/* A drafter with a model of its own, or one layer of the model, on the last stage: its weights, and keys and values in
 * the pool's blocks. An mtp layer shares embedding and head, and has the projection before it whole on each GPU. */
static void add_drafter(const struct ls_scenario *scenario, const struct ls_shard *shard, struct stage *stage)
{
    struct ls_model model;
    if (!ls_scenario_draft_model(scenario, &model))
        return;
    const bool own = scenario->engine.speculative.method == LS_SPECULATE_DRAFT;
    const enum ls_dtype kv = (enum ls_dtype)scenario->engine.kv_dtype;
    const struct ls_formats formats =
        ls_model_formats(&model, own ? (enum ls_dtype)model.dtype : (enum ls_dtype)scenario->engine.weight_dtype, kv);
    const double hidden = (double)model.hidden_size;
    stage->weights_bytes +=
        ls_weight_bytes(&model, shard, &formats, 0, model.num_hidden_layers, own ? LS_STAGE_FIRST | LS_STAGE_LAST : 0) +
        (own ? 0 : 2 * hidden * hidden * ls_dtype_bytes(formats.weight));
    stage->block_bytes += (double)(model.num_hidden_layers * scenario->engine.block_size) *
                          ls_kv_bytes_per_token_layer(&model, shard->tp, kv);
}

static struct stage describe_stage(const struct ls_scenario *scenario, const struct kv_groups *groups, int64_t index)
{
    const struct ls_model *model = &scenario->model;
    const struct ls_strategy *strategy = &scenario->strategy;
    const struct ls_engine *engine = &scenario->engine;
    const struct ls_shard shard = {strategy->tp, strategy->ep, strategy->expert_tp, engine->redundant_experts};
    const enum ls_dtype kv = (enum ls_dtype)engine->kv_dtype;
    const struct ls_formats formats = ls_model_formats(model, (enum ls_dtype)engine->weight_dtype, kv);
    const int64_t first = ls_stage_first_layer(model->num_hidden_layers, strategy->pp, index);
    const int64_t end = ls_stage_first_layer(model->num_hidden_layers, strategy->pp, index + 1);
    const bool last = index == strategy->pp - 1;
    const unsigned ends = (index == 0 ? LS_STAGE_FIRST : 0) | (last ? LS_STAGE_LAST : 0);
    const int64_t n_groups = groups->full + groups->sliding;
    const int64_t layers_per_group = (end - first + n_groups - 1) / n_groups;
    struct stage stage = {
        .weights_bytes = ls_weight_bytes(model, &shard, &formats, first, end, ends) +
                         loading_bytes(model, &shard, &formats, first, end),
        .activation_bytes = ls_activation_bytes(scenario, &shard, last),
        .block_bytes = (double)layers_per_group * ls_kv_bytes_per_token_layer(model, strategy->tp, kv) *
                       (double)engine->block_size,
    };
    if (last)
        add_drafter(scenario, &shard, &stage);
    stage.fixed_bytes = stage.weights_bytes + stage.activation_bytes + engine->memory_overhead_bytes;
    return stage;
}

/* What the engine gives a stage's pool: its share of all memory, of what the rest leaves, or of all memory while the
 * rest makes do with what that share leaves. */
static double pool_bytes(const struct ls_scenario *scenario, const struct stage *stage)
{
    const double memory = scenario->cluster.hardware.memory_bytes;
    const double share = scenario->engine.gpu_memory_utilization;
    switch (scenario->engine.kv_pool) {
    case LS_KV_POOL_FREE:
        return share * (memory - stage->fixed_bytes);
    case LS_KV_POOL_STATIC:
        return fmin(share * (memory - scenario->engine.memory_overhead_bytes) - stage->weights_bytes,
                    memory - stage->fixed_bytes);
    default:
        return share * memory - stage->fixed_bytes;
    }
}

/* The most that weights may take. */
static double budget_bytes(const struct ls_scenario *scenario)
{
    const double memory = scenario->cluster.hardware.memory_bytes;
    const bool all = scenario->engine.kv_pool == LS_KV_POOL_FREE;
    return all ? memory : scenario->engine.gpu_memory_utilization * memory;
}

static int64_t minimal_blocks(const struct ls_scenario *scenario)
{
    const struct ls_engine *engine = &scenario->engine;
    if (engine->max_model_len == LS_NULL_INT)
        return 1 + ls_state_blocks(scenario);
    return (engine->max_model_len + engine->block_size - 1) / engine->block_size + ls_state_blocks(scenario);
}

/* The fullest stage; all of them keep as many blocks as the one with the least room. */
enum ls_reason ls_serving_memory(const struct ls_scenario *scenario, struct ls_serving_memory *memory)
{
    const struct ls_engine *engine = &scenario->engine;
    const struct kv_groups groups = describe_groups(scenario);
    double pool_blocks = INFINITY;
    double most_weights = 0;
    for (int64_t i = 0; i < scenario->strategy.pp; i++) {
        const struct stage stage = describe_stage(scenario, &groups, i);
        const double left = fmax(0, pool_bytes(scenario, &stage));
        pool_blocks = fmin(pool_blocks, floor(left / stage.block_bytes));
        most_weights = fmax(most_weights, stage.weights_bytes);
    }
    *memory = (struct ls_serving_memory){.total_bytes = -1};
    for (int64_t i = 0; i < scenario->strategy.pp; i++) {
        const struct stage stage = describe_stage(scenario, &groups, i);
        const double kv_bytes = pool_blocks * stage.block_bytes;
        if (stage.fixed_bytes + kv_bytes <= memory->total_bytes)
            continue;
        *memory = (struct ls_serving_memory){
            .weights_bytes = stage.weights_bytes,
            .activation_bytes = stage.activation_bytes,
            .overhead_bytes = engine->memory_overhead_bytes,
            .kv_bytes = kv_bytes,
            .total_bytes = stage.fixed_bytes + kv_bytes,
            .kv_bytes_per_token = stage.block_bytes * (double)groups.full / (double)engine->block_size,
            .kv_blocks = scheduler_blocks(&groups, (int64_t)pool_blocks, engine->max_num_seqs),
        };
    }
    if (most_weights > budget_bytes(scenario))
        return LS_REASON_MEMORY_WEIGHTS;
    return memory->kv_blocks < minimal_blocks(scenario) ? LS_REASON_MEMORY_KV : LS_REASON_NONE;
}
