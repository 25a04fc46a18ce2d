#include "engine/cost/price.h"

#include "engine/cost/table_cost.h"
#include "engine/model/unfused_ops.h"
#include "engine/sim/clock.h"

static void count_op(const struct ls_step_cost *cost, const struct ls_op *op)
{
    if (cost->cluster->hardware.table && ls_table_misses_op(&cost->cluster->hardware, op))
        ++*cost->n_extrapolated;
}

int64_t ls_price_op(const struct ls_step_cost *cost, const struct ls_op *op)
{
    count_op(cost, op);
    return ls_ps_from_s(ls_op_seconds(&cost->cluster->hardware, op));
}

int64_t ls_price_ops(const struct ls_step_cost *cost, const struct ls_op *ops, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += ls_price_op(cost, &ops[i]);
    return sum;
}

size_t ls_price_prompt_ops(const struct ls_step_cost *cost, const struct ls_batch *batch, bool sliding,
                           struct ls_op ops[LS_MAX_OPS])
{
    const bool linear = sliding && ls_model_is_linear(cost->model);
    const bool unfused = cost->engine->prompt_attention == LS_PROMPT_ATTENTION_UNFUSED && !linear;
    const size_t n =
        ls_ops_attention_prefill(cost->model, &cost->shard, &cost->formats, batch, sliding && !unfused, ops);
    return unfused ? ls_ops_unfuse(ops, n) : n;
}

struct ls_segment ls_price_decode(const struct ls_step_cost *cost, const struct ls_op *op)
{
    count_op(cost, op);
    return ls_op_decode_segment(&cost->cluster->hardware, op);
}
