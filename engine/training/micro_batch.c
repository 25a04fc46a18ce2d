#include "engine/training/micro_batch.h"

#include <math.h>
#include <string.h>

#include "engine/cost/operator_cost.h"
#include "engine/model/unfused_ops.h"
#include "engine/training/eager_traffic.h"
#include "engine/training/flash_cost.h"
#include "engine/training/straggler.h"
#include "engine/training/training_memory.h"

static enum ls_dtype half_dtype(const struct ls_scenario *scenario)
{
    return isnan(scenario->cluster.hardware.peak.by_dtype[LS_BF16]) ? LS_FP16 : LS_BF16;
}

enum ls_dtype ls_training_dtype(const struct ls_scenario *scenario)
{
    switch (scenario->training.precision) {
    case LS_PRECISION_FP8:
        return LS_FP8;
    case LS_PRECISION_FP32:
        return LS_FP32;
    default:
        return half_dtype(scenario);
    }
}

struct ls_micro_batch ls_micro_batch_of(const struct ls_scenario *scenario)
{
    const struct ls_training *training = &scenario->training;
    const struct ls_strategy *strategy = &scenario->strategy;
    const enum ls_dtype product = ls_training_dtype(scenario);
    const enum ls_dtype wide = training->precision == LS_PRECISION_FP32 ? LS_FP32 : half_dtype(scenario);
    return (struct ls_micro_batch){
        .scenario = scenario,
        .shard = {strategy->tp, strategy->ep, strategy->expert_tp, 0},
        .formats = {product, product, product, product, wide, wide},
        .tokens = training->micro_batch_size * training->sequence_length / training->context_parallel,
        .norm_share = training->sequence_parallel ? 1.0 / (double)strategy->tp : 1.0,
        .slowness = ls_straggler_factor(ls_scenario_gpus(scenario), scenario->cluster.hardware.training.spread),
    };
}

double ls_own_kv_bytes(const struct ls_micro_batch *batch)
{
    const struct ls_model *model = &batch->scenario->model;
    const double heads = fmax(1.0, (double)model->num_key_value_heads / (double)batch->shard.tp);
    const double width = ls_model_is_mla(model)
                             ? (double)(model->qk_nope_head_dim + model->qk_rope_head_dim + model->v_head_dim)
                             : 2.0 * (double)model->head_dim;
    return (double)batch->tokens * heads * width * ls_dtype_bytes(batch->formats.activation);
}

/* --- Operators, forward and backward --- */

static const struct ls_hardware *hardware_of(const struct ls_micro_batch *batch)
{
    return &batch->scenario->cluster.hardware;
}

double ls_training_op_seconds(const struct ls_micro_batch *batch, const struct ls_op *op)
{
    return batch->slowness * ls_op_seconds(hardware_of(batch), op);
}

static double attention_seconds(const struct ls_micro_batch *batch, const struct ls_op *op, bool backward)
{
    return batch->slowness * ls_flash_seconds(hardware_of(batch), &batch->scenario->training, op, backward);
}

/* What keeping `values` gradients takes beyond writing them once: the kernel adds to them, reading and writing in their
 * own format; or where ZeRO spreads them, they are copied into a flat buffer, widened where their format is wider, and
 * divided by the number of GPUs before they are scattered (PyTorch's FSDP, _post_backward_hook and _reduce_grad). */
static double accumulate_seconds(const struct ls_micro_batch *batch, double values)
{
    const double value = ls_dtype_bytes(batch->formats.activation);
    const double gradient = ls_training_recipe(&batch->scenario->training).gradient;
    const double flat = 2.0 * value + (gradient > value ? value + gradient : 0.0) + 2.0 * gradient;
    const double bytes = batch->scenario->training.zero_stage >= 2 ? flat : 2.0 * gradient - value;
    const struct ls_op op = {
        .kind = LS_OP_MEMORY, .name = "accumulate", .dtype = batch->formats.activation, .bytes = values * bytes};
    const struct ls_op nothing = {.kind = LS_OP_MEMORY, .name = "launch", .dtype = batch->formats.activation};
    return ls_training_op_seconds(batch, &op) - ls_training_op_seconds(batch, &nothing);
}

/* Kernels are measured one by one; a GPU that does nothing else cannot keep their clocks within its power. Experts are
 * products of the same library as all others, one for each, side by side (Transformer Engine's grouped linear), unlike
 * in the fused kernels of serving. */
static double product_seconds(const struct ls_micro_batch *batch, const struct ls_op *op)
{
    const struct ls_hardware *hardware = hardware_of(batch);
    const double frac = hardware->training.gemm_frac;
    struct ls_op plain = *op;
    if (op->kind == LS_OP_GROUPED_GEMM)
        plain.kind = LS_OP_BATCHED_GEMM;
    const double seconds = ls_training_op_seconds(batch, &plain);
    if (isnan(frac))
        return seconds;
    return fmax(seconds, batch->slowness * ls_op_flop(op) / (ls_op_dtype_peak(hardware, op->dtype) * frac));
}

static void add_product(struct ls_pass_cost *cost, const struct ls_micro_batch *batch, const struct ls_op *op,
                        bool has_weights)
{
    const double groups = op->kind == LS_OP_GEMM ? 1.0 : op->groups;
    struct ls_op input = *op, weights = *op;
    input.k = op->n;
    input.n = op->k;
    weights.m = op->k * groups;
    weights.k = op->m / groups;
    const double input_s = product_seconds(batch, &input);
    const double weight_s =
        product_seconds(batch, &weights) + (has_weights ? accumulate_seconds(batch, op->k * op->n * groups) : 0.0);
    const double forward_s = product_seconds(batch, op);
    cost->forward_s += forward_s;
    cost->backward_s += input_s + weight_s;
    cost->forward_flop += ls_op_flop(op);
    cost->flop += 3.0 * ls_op_flop(op);
    if (op->kind == LS_OP_GEMM)
        cost->product_s += forward_s;
    if (op->kind == LS_OP_GEMM && op->k == (double)batch->scenario->model.hidden_size) {
        cost->input_s += input_s;
        cost->weight_s += weight_s;
    }
}

static void add_moved(struct ls_pass_cost *cost, const struct ls_micro_batch *batch, struct ls_op op)
{
    const struct ls_scenario *scenario = batch->scenario;
    const struct ls_traffic traffic = scenario->training.elementwise == LS_ELEMENTWISE_EAGER
                                          ? ls_eager_traffic(&scenario->model, &op)
                                          : ls_fused_traffic();
    const double bytes = op.bytes;
    op.bytes = traffic.forward * bytes;
    cost->forward_s += ls_training_op_seconds(batch, &op);
    op.bytes = traffic.backward * bytes;
    cost->backward_s += ls_training_op_seconds(batch, &op);
}

/* Norms of the residual stream, and the router, see a GPU's share of the tokens. */
static bool sees_a_share(const struct ls_op *op)
{
    static const char *const names[] = {"attention_norm", "mlp_norm", "moe_norm",       "final_norm",
                                        "router",         "top_k",    "embedding_norm", NULL};
    for (size_t i = 0; names[i]; i++)
        if (strcmp(op->name, names[i]) == 0)
            return true;
    return false;
}

/* What ends a block: its result is the next one's input, which is kept there. */
static bool is_last(const struct ls_op *op)
{
    static const char *const names[] = {"down", "experts_down", "combine", "shared_down", NULL};
    for (size_t i = 0; names[i]; i++)
        if (strcmp(op->name, names[i]) == 0)
            return true;
    return false;
}

static void add_op(struct ls_pass_cost *cost, const struct ls_micro_batch *batch, const struct ls_op *op)
{
    struct ls_op own = *op;
    const double before_s = cost->forward_s, before_flop = cost->forward_flop;
    if (sees_a_share(op)) {
        own.bytes *= batch->norm_share;
        own.m *= batch->norm_share;
    }
    switch (op->kind) {
    case LS_OP_GEMM:
    case LS_OP_GROUPED_GEMM:
        add_product(cost, batch, &own, true);
        break;
    case LS_OP_BATCHED_GEMM:
        add_product(cost, batch, &own, false);
        break;
    case LS_OP_MEMORY:
        add_moved(cost, batch, own);
        break;
    default:
        cost->forward_s += attention_seconds(batch, op, false);
        cost->backward_s += attention_seconds(batch, op, true);
        cost->forward_flop += ls_op_flop(op);
        cost->flop += 3.5 * ls_op_flop(op);
        break;
    }
    if (is_last(op)) {
        cost->last_s += cost->forward_s - before_s;
        cost->last_flop += cost->forward_flop - before_flop;
    }
}

static void add_ops(struct ls_pass_cost *cost, const struct ls_micro_batch *batch, const struct ls_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add_op(cost, batch, &ops[i]);
}

/* --- Attention --- */

/* Pairs of a sequence whose tokens attend to themselves and up to `window` − 1 before them. */
static int64_t pairs_of(int64_t sequence, int64_t window)
{
    if (window >= sequence)
        return sequence * (sequence + 1) / 2;
    return window * (window + 1) / 2 + (sequence - window) * window;
}

/* Context-parallel GPUs have a share of the queries each, cut so that all have as many pairs (zigzag), and see all keys
 * in turn. */
static struct ls_pass_cost flash_cost(const struct ls_micro_batch *batch, bool sliding)
{
    const struct ls_training *training = &batch->scenario->training;
    const struct ls_model *model = &batch->scenario->model;
    const int64_t s = training->sequence_length, b = training->micro_batch_size;
    const int64_t pairs = b * pairs_of(s, s) / training->context_parallel;
    const struct ls_batch queries = {
        .n_tok = batch->tokens,
        .n_prefill = b,
        .prefill_tok = batch->tokens,
        .prefill_context = ls_model_is_mla(model) ? batch->tokens : b * s,
        .prefill_pairs = pairs,
        .prefill_window_context = b * s,
        .prefill_window_pairs = sliding ? b * pairs_of(s, model->sliding_window) / training->context_parallel : pairs,
    };
    struct ls_op ops[LS_MAX_OPS];
    struct ls_pass_cost cost = {0};
    add_ops(&cost, batch, ops, ls_ops_attention_prefill(model, &batch->shard, &batch->formats, &queries, sliding, ops));
    return cost;
}

static struct ls_pass_cost unfused_cost(const struct ls_micro_batch *batch)
{
    const struct ls_training *training = &batch->scenario->training;
    const struct ls_model *model = &batch->scenario->model;
    const enum ls_dtype dtype = batch->formats.activation;
    const double value = ls_dtype_bytes(dtype);
    const struct ls_scores scores = {
        .dtype = dtype,
        .groups = (double)(training->micro_batch_size * model->num_attention_heads) / (double)batch->shard.tp,
        .rows = (double)training->sequence_length / (double)training->context_parallel,
        .keys = (double)training->sequence_length,
        .head_dim = (double)model->head_dim,
        .v_head_dim = (double)ls_model_v_head_dim(model),
        .softmax_bytes = 2.0 * value,
    };
    struct ls_op ops[LS_N_SCORE_OPS + 1];
    ls_ops_scores(&scores, ops);
    ops[LS_N_SCORE_OPS] = (struct ls_op){
        .kind = LS_OP_MEMORY,
        .name = "score_dropout",
        .dtype = dtype,
        .bytes = scores.groups * scores.rows * scores.keys * (2.0 * value + 1.0),
    };
    struct ls_pass_cost cost = {0};
    add_ops(&cost, batch, ops, training->dropout ? LS_N_SCORE_OPS + 1 : LS_N_SCORE_OPS);
    return cost;
}

struct ls_pass_cost ls_pass_attention(const struct ls_micro_batch *batch, bool sliding)
{
    return batch->scenario->training.attention == LS_ATTENTION_UNFUSED ? unfused_cost(batch)
                                                                       : flash_cost(batch, sliding);
}

/* --- The rest --- */

struct ls_pass_cost ls_pass_linear(const struct ls_micro_batch *batch, bool moe)
{
    const struct ls_model *model = &batch->scenario->model;
    const struct ls_training *training = &batch->scenario->training;
    const double values = (double)batch->tokens * (double)model->hidden_size * batch->norm_share;
    const struct ls_op dropout = {.kind = LS_OP_MEMORY,
                                  .name = "dropout",
                                  .dtype = batch->formats.activation,
                                  .bytes = values * (3.0 * ls_dtype_bytes(batch->formats.activation) + 1.0)};
    struct ls_op ops[LS_MAX_OPS];
    struct ls_pass_cost cost = {0};
    add_ops(&cost, batch, ops,
            ls_ops_attention_linear(model, &batch->shard, &batch->formats, false, batch->tokens, ops));
    const int64_t group_tok = batch->tokens * batch->shard.ep;
    const struct ls_expert_load load = ls_uniform_load(model, group_tok, training->expert_imbalance);
    const size_t n = moe ? ls_ops_moe(model, &batch->shard, &batch->formats, batch->tokens, group_tok, &load, ops)
                         : ls_ops_mlp(model, &batch->shard, &batch->formats, batch->tokens, ops);
    add_ops(&cost, batch, ops, n);
    for (int i = 0; i < 2 && training->dropout; i++)
        add_moved(&cost, batch, dropout);
    return cost;
}

struct ls_pass_cost ls_pass_embedding(const struct ls_micro_batch *batch)
{
    struct ls_op ops[LS_MAX_OPS];
    struct ls_pass_cost cost = {0};
    add_ops(&cost, batch, ops,
            ls_ops_embedding(&batch->scenario->model, &batch->shard, &batch->formats, batch->tokens, ops));
    return cost;
}

struct ls_pass_cost ls_pass_head(const struct ls_micro_batch *batch)
{
    const double logits = (double)batch->tokens * (double)batch->scenario->model.vocab_size / (double)batch->shard.tp;
    const double value = ls_dtype_bytes(batch->formats.activation);
    struct ls_op loss = {.kind = LS_OP_MEMORY, .name = "cross_entropy", .dtype = batch->formats.activation};
    struct ls_op ops[LS_MAX_OPS];
    struct ls_pass_cost cost = {0};
    const size_t n = ls_ops_head(&batch->scenario->model, &batch->shard, &batch->formats, batch->tokens, ops);
    for (size_t i = 0; i < n; i++)
        if (strcmp(ops[i].name, "sample") != 0) /* serving alone draws tokens */
            add_op(&cost, batch, &ops[i]);
    const bool fused = batch->scenario->training.fused_loss;
    loss.bytes = logits * (fused ? value : value + 36.0);
    cost.forward_s += ls_training_op_seconds(batch, &loss);
    loss.bytes = logits * (fused ? 2.0 * value : 12.0 + value);
    cost.backward_s += ls_training_op_seconds(batch, &loss);
    return cost;
}
