#include "engine/training/stage_time.h"

#include <math.h>
#include <string.h>

#include "engine/cost/collective.h"
#include "engine/cost/operator_cost.h"
#include "engine/model/operator.h"
#include "engine/training/training_memory.h"

/* What every operator of a micro-batch needs to know. */
struct pass {
    const struct ls_scenario *scenario;
    const struct ls_hardware *hardware;
    struct ls_shard shard;
    struct ls_formats formats;
    int64_t tokens;
    double norm_share; /* of the tokens, that a GPU's norms and dropout see */
};

struct cost {
    double forward_s, backward_s, flop, again_flop;
};

static struct pass pass_of(const struct ls_scenario *scenario)
{
    const struct ls_training *training = &scenario->training;
    const int64_t tp = scenario->strategy.tp;
    const enum ls_dtype wide = training->precision == LS_PRECISION_FP32 ? LS_FP32 : LS_BF16;
    const enum ls_dtype product = training->precision == LS_PRECISION_FP8 ? LS_FP8 : wide;
    return (struct pass){
        .scenario = scenario,
        .hardware = &scenario->cluster.hardware,
        .shard = {tp, 1, tp, 0},
        .formats = {product, product, wide, wide},
        .tokens = training->micro_batch_size * training->sequence_length,
        .norm_share = training->sequence_parallel ? 1.0 / (double)tp : 1.0,
    };
}

/* --- Operators, forward and backward --- */

static void add_product(struct cost *cost, const struct pass *pass, const struct ls_op *op)
{
    const double groups = op->kind == LS_OP_GROUPED_GEMM ? op->groups : 1.0;
    struct ls_op input = *op, weights = *op;
    input.k = op->n;
    input.n = op->k;
    weights.m = op->k * groups;
    weights.k = op->m / groups;
    cost->forward_s += ls_op_seconds(pass->hardware, op);
    cost->backward_s += ls_op_seconds(pass->hardware, &input) + ls_op_seconds(pass->hardware, &weights);
    cost->flop += 3.0 * ls_op_flop(op);
}

static void add_moved(struct cost *cost, const struct pass *pass, struct ls_op op)
{
    cost->forward_s += ls_op_seconds(pass->hardware, &op);
    op.bytes *= 1.5;
    cost->backward_s += ls_op_seconds(pass->hardware, &op);
}

static void add_op(struct cost *cost, const struct pass *pass, const struct ls_op *op)
{
    struct ls_op own = *op;
    switch (op->kind) {
    case LS_OP_GEMM:
    case LS_OP_GROUPED_GEMM:
        add_product(cost, pass, op);
        break;
    case LS_OP_MEMORY:
        if (strcmp(op->name, "kv_write") == 0) /* serving alone keeps a cache */
            break;
        if (strcmp(op->name, "qk_norm") != 0 && strstr(op->name, "norm"))
            own.bytes *= pass->norm_share;
        add_moved(cost, pass, own);
        break;
    default:
        cost->forward_s += ls_op_seconds(pass->hardware, op);
        cost->backward_s += 2.5 * ls_op_seconds(pass->hardware, op);
        cost->flop += 3.5 * ls_op_flop(op);
        break;
    }
}

static void add_ops(struct cost *cost, const struct pass *pass, const struct ls_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add_op(cost, pass, &ops[i]);
}

static struct cost flash_cost(const struct pass *pass)
{
    const struct ls_training *training = &pass->scenario->training;
    const int64_t s = training->sequence_length, b = training->micro_batch_size;
    const struct ls_batch batch = {.n_tok = pass->tokens,
                                   .n_prefill = b,
                                   .prefill_tok = pass->tokens,
                                   .prefill_context = pass->tokens,
                                   .prefill_pairs = b * s * (s + 1) / 2};
    struct ls_op ops[LS_MAX_OPS];
    struct cost cost = {0};
    add_ops(&cost, pass, ops,
            ls_ops_attention_prefill(&pass->scenario->model, &pass->shard, &pass->formats, &batch, false, ops));
    return cost;
}

static struct cost unfused_cost(const struct pass *pass)
{
    const struct ls_training *training = &pass->scenario->training;
    const struct ls_model *model = &pass->scenario->model;
    const double s = (double)training->sequence_length, d = (double)model->head_dim;
    const double groups =
        (double)(training->micro_batch_size * model->num_attention_heads) / (double)pass->scenario->strategy.tp;
    const enum ls_dtype dtype = pass->formats.activation;
    const double value = ls_dtype_bytes(dtype);
    const struct ls_op ops[] = {
        {.kind = LS_OP_GROUPED_GEMM,
         .name = "scores",
         .dtype = dtype,
         .m = groups * s,
         .k = d,
         .n = s,
         .groups = groups},
        {.kind = LS_OP_MEMORY, .name = "softmax", .dtype = dtype, .bytes = groups * s * s * 2.0 * value},
        {.kind = LS_OP_GROUPED_GEMM,
         .name = "values",
         .dtype = dtype,
         .m = groups * s,
         .k = s,
         .n = d,
         .groups = groups},
        {.kind = LS_OP_MEMORY, .name = "score_dropout", .dtype = dtype, .bytes = groups * s * s * (2.0 * value + 1.0)},
    };
    struct cost cost = {0};
    add_ops(&cost, pass, ops, training->dropout ? 4 : 3);
    return cost;
}

static struct cost attention_cost(const struct pass *pass)
{
    const bool flash = pass->scenario->training.attention == LS_ATTENTION_FLASH;
    struct cost cost = flash ? flash_cost(pass) : unfused_cost(pass);
    cost.again_flop = cost.flop / (flash ? 3.5 : 3.0);
    return cost;
}

/* A layer without attention itself. */
static struct cost linear_cost(const struct pass *pass)
{
    const struct ls_model *model = &pass->scenario->model;
    const double values = (double)pass->tokens * (double)model->hidden_size * pass->norm_share;
    const struct ls_op dropout = {.kind = LS_OP_MEMORY,
                                  .name = "dropout",
                                  .dtype = pass->formats.activation,
                                  .bytes = values * (3.0 * ls_dtype_bytes(pass->formats.activation) + 1.0)};
    struct ls_op ops[LS_MAX_OPS];
    struct cost cost = {0};
    add_ops(&cost, pass, ops, ls_ops_attention_linear(model, &pass->shard, &pass->formats, pass->tokens, ops));
    add_ops(&cost, pass, ops, ls_ops_mlp(model, &pass->shard, &pass->formats, pass->tokens, ops));
    for (int i = 0; i < 2 && pass->scenario->training.dropout; i++)
        add_moved(&cost, pass, dropout);
    cost.again_flop = cost.flop / 3.0;
    return cost;
}

/* --- Collectives --- */

static double collective_seconds(const struct ls_scenario *scenario, enum ls_collective collective,
                                 const struct ls_group *group, double bytes)
{
    const struct ls_collective_cost cost = ls_collective_cost(&scenario->cluster, collective, group, bytes);
    return ls_collective_seconds(&cost);
}

static struct ls_group group_of(const struct ls_placement *placement, unsigned dims, int64_t stage)
{
    const int64_t origin[LS_N_DIMS] = {[LS_PP] = stage};
    return ls_placement_group(placement, dims, origin);
}

static double row_bytes(const struct pass *pass)
{
    return (double)pass->tokens * (double)pass->scenario->model.hidden_size * ls_dtype_bytes(pass->formats.activation);
}

/* One all-reduce over tp, or the gather and scatter that sequence parallelism has in its place. */
static double tensor_seconds(const struct pass *pass, const struct ls_placement *placement, int64_t stage)
{
    const struct ls_group group = group_of(placement, 1u << LS_TP, stage);
    if (!pass->scenario->training.sequence_parallel)
        return collective_seconds(pass->scenario, LS_ALL_REDUCE, &group, row_bytes(pass));
    return collective_seconds(pass->scenario, LS_ALL_GATHER, &group, row_bytes(pass)) +
           collective_seconds(pass->scenario, LS_REDUCE_SCATTER, &group, row_bytes(pass));
}

/* A GPU sends what it holds of the stage's output. */
static double send_seconds(const struct pass *pass, const struct ls_placement *placement, int64_t from)
{
    const bool crosses = ls_placement_send_crosses(placement, 0, from);
    const struct ls_group pair = {2, crosses ? 2 : 1, crosses ? 1 : 2};
    return (double)pass->scenario->training.virtual_stages *
           collective_seconds(pass->scenario, LS_SEND_RECV, &pair, row_bytes(pass) * pass->norm_share);
}

/* ZeRO's collectives of every micro-batch, so far as `behind_s` of computation does not hide them. */
static double zero_seconds(const struct ls_scenario *scenario, const struct ls_placement *placement, int64_t stage,
                           bool backward, double behind_s)
{
    const struct ls_training *training = &scenario->training;
    const struct ls_recipe recipe = ls_training_recipe(training);
    const double parameters = ls_stage_parameters(scenario, stage);
    const struct ls_group group = group_of(placement, 1u << LS_DP, stage);
    double seconds = 0;
    if (training->zero_stage >= 3)
        seconds += collective_seconds(scenario, LS_ALL_GATHER, &group, parameters * recipe.weight);
    if (training->zero_stage >= 2 && backward)
        seconds += collective_seconds(scenario, LS_REDUCE_SCATTER, &group, parameters * recipe.gradient);
    return fmax(0.0, seconds - (training->overlap_grad_reduce ? behind_s : 0.0));
}

/* --- A stage --- */

static void add_ends(const struct pass *pass, const struct ls_placement *placement, int64_t stage,
                     struct ls_stage_time *time)
{
    const struct ls_scenario *scenario = pass->scenario;
    const struct ls_model *model = &scenario->model;
    struct ls_op ops[LS_MAX_OPS];
    struct cost cost = {0};
    if (stage == 0) {
        add_ops(&cost, pass, ops, ls_ops_embedding(model, &pass->shard, &pass->formats, pass->tokens, ops));
        time->forward_comm_s += 0.5 * tensor_seconds(pass, placement, stage);
    }
    if (stage == scenario->strategy.pp - 1) {
        add_ops(&cost, pass, ops, ls_ops_head(model, &pass->shard, &pass->formats, pass->tokens, ops));
        time->backward_comm_s += 0.5 * tensor_seconds(pass, placement, stage);
    }
    time->forward_s += cost.forward_s;
    time->backward_s += cost.backward_s;
    time->flop += cost.flop;
}

void ls_stage_time(const struct ls_scenario *scenario, const struct ls_placement *placement, int64_t stage,
                   struct ls_stage_time *time)
{
    const struct pass pass = pass_of(scenario);
    const struct ls_training *training = &scenario->training;
    const int64_t pp = scenario->strategy.pp, n = scenario->model.num_hidden_layers;
    const double layers = (double)(ls_stage_first_layer(n, pp, stage + 1) - ls_stage_first_layer(n, pp, stage));
    const struct cost linear = linear_cost(&pass), attention = attention_cost(&pass);
    const double collectives_s = layers * 2.0 * tensor_seconds(&pass, placement, stage);
    *time = (struct ls_stage_time){
        .forward_s = layers * (linear.forward_s + attention.forward_s),
        .backward_s = layers * (linear.backward_s + attention.backward_s),
        .forward_comm_s = collectives_s,
        .backward_comm_s = collectives_s,
        .flop = layers * (linear.flop + attention.flop),
    };
    if (training->recompute == LS_RECOMPUTE_SELECTIVE && training->attention == LS_ATTENTION_UNFUSED) {
        time->recompute_s = layers * attention.forward_s;
        time->flop += layers * attention.again_flop;
    } else if (training->recompute == LS_RECOMPUTE_FULL || training->recompute > 0) {
        time->recompute_s = time->forward_s;
        time->backward_comm_s += collectives_s;
        time->flop += layers * (linear.again_flop + attention.again_flop);
    }
    add_ends(&pass, placement, stage, time);
    time->forward_comm_s += zero_seconds(scenario, placement, stage, false, time->forward_s);
    time->backward_comm_s += zero_seconds(scenario, placement, stage, true, time->backward_s + time->recompute_s);
    if (stage + 1 < pp)
        time->forward_comm_s += send_seconds(&pass, placement, stage);
    if (stage > 0)
        time->backward_comm_s += send_seconds(&pass, placement, stage - 1);
}

double ls_gradient_seconds(const struct ls_scenario *scenario, const struct ls_placement *placement, int64_t stage,
                           double backward_s)
{
    const struct ls_training *training = &scenario->training;
    const struct ls_model *model = &scenario->model;
    const struct ls_recipe recipe = ls_training_recipe(training);
    const double parameters = ls_stage_parameters(scenario, stage);
    const int64_t pp = scenario->strategy.pp;
    const struct ls_group group = group_of(placement, 1u << LS_DP, stage);
    double reduce_s = 0, rest_s = 0;
    if (training->zero_stage == 0)
        reduce_s = collective_seconds(scenario, LS_ALL_REDUCE, &group, parameters * recipe.gradient);
    if (training->zero_stage == 1)
        reduce_s = collective_seconds(scenario, LS_REDUCE_SCATTER, &group, parameters * recipe.gradient);
    if (training->zero_stage == 1 || training->zero_stage == 2) /* the updated weights */
        rest_s = collective_seconds(scenario, LS_ALL_GATHER, &group, parameters * recipe.weight);
    if (model->tie_word_embeddings && pp > 1 && (stage == 0 || stage == pp - 1)) {
        const bool crosses = ls_placement_send_crosses(placement, 0, 0);
        const struct ls_group ends = {2, crosses ? 2 : 1, crosses ? 1 : 2};
        const double table = (double)(model->vocab_size * model->hidden_size) / (double)scenario->strategy.tp;
        rest_s += collective_seconds(scenario, LS_ALL_REDUCE, &ends, table * recipe.gradient);
    }
    return rest_s + (training->overlap_grad_reduce ? fmax(0.0, reduce_s - backward_s) : reduce_s);
}

double ls_optimizer_seconds(const struct ls_scenario *scenario, int64_t stage)
{
    const struct ls_training *training = &scenario->training;
    const struct ls_recipe recipe = ls_training_recipe(training);
    const double share = training->zero_stage >= 1 ? 1.0 / (double)scenario->strategy.dp : 1.0;
    const struct ls_op op = {.kind = LS_OP_MEMORY,
                             .name = "adam",
                             .dtype = LS_FP32,
                             .bytes = ls_stage_parameters(scenario, stage) * share *
                                      (2.0 * recipe.gradient + 2.0 * recipe.optimizer + recipe.weight)};
    return ls_op_seconds(&scenario->cluster.hardware, &op);
}
