#include "engine/cost/table_cost.h"

#include <math.h>

#include "engine/cost/flat_cost.h"

struct query {
    enum ls_table_kind kind; /* LS_N_TABLE_KINDS: nothing that tables hold */
    double key[LS_TABLE_MAX_KEYS];
};

static struct query attention_query(enum ls_table_kind kind, const struct ls_op *op, double sequences, double tokens)
{
    return (struct query){kind, {op->n_heads, op->n_kv_heads, op->head_dim, op->v_head_dim, sequences, tokens}};
}

/* A prompt of n tokens has n (n + 1) / 2 pairs of tokens that attend to each other. */
static struct query prefill_query(const struct ls_op *op)
{
    const double tokens = 2.0 * op->n_pairs / op->n_query - 1.0;
    return attention_query(LS_TABLE_PREFILL, op, op->n_query / tokens, tokens);
}

static struct query make_query(const struct ls_op *op)
{
    switch (op->kind) {
    case LS_OP_GEMM:
        return (struct query){LS_TABLE_GEMM, {op->n, op->k, op->m}};
    case LS_OP_GROUPED_GEMM:
        return (struct query){LS_TABLE_GROUPED_GEMM, {op->matrices, op->n, op->k, op->m}};
    case LS_OP_ATTENTION_PREFILL:
        return prefill_query(op);
    case LS_OP_ATTENTION_DECODE:
        return attention_query(LS_TABLE_DECODE, op, op->n_seqs, op->n_context / op->n_seqs);
    case LS_OP_MEMORY:
        return (struct query){LS_TABLE_MEMORY, {op->bytes}};
    default:
        return (struct query){LS_N_TABLE_KINDS, {0}};
    }
}

static bool is_used(const struct ls_hardware *hardware)
{
    return hardware->table && !ls_flat_applies(hardware);
}

/* Both 16-bit formats run alike: bf16's rows stand for fp16 where it has none. */
static enum ls_dtype stored_dtype(const struct ls_hardware *hardware, enum ls_table_kind kind, enum ls_dtype dtype)
{
    return dtype == LS_FP16 && !ls_table_covers(hardware->table, kind, LS_FP16) ? LS_BF16 : dtype;
}

static struct ls_table_value look_up(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const struct query query = make_query(op);
    if (!is_used(hardware) || query.kind == LS_N_TABLE_KINDS)
        return (struct ls_table_value){(double)NAN, 0.0, (double)INFINITY};
    return ls_table_look_up(hardware->table, query.kind, stored_dtype(hardware, query.kind, op->dtype), query.key);
}

double ls_table_op_seconds(const struct ls_hardware *hardware, const struct ls_op *op)
{
    return look_up(hardware, op).seconds;
}

bool ls_table_misses_op(const struct ls_hardware *hardware, const struct ls_op *op)
{
    const enum ls_table_kind kind = make_query(op).kind;
    return is_used(hardware) && kind != LS_N_TABLE_KINDS &&
           ls_table_covers(hardware->table, kind, stored_dtype(hardware, kind, op->dtype)) &&
           isnan(look_up(hardware, op).seconds);
}

static double decode_seconds_at(const struct ls_hardware *hardware, const struct ls_op *op, double tokens)
{
    const struct query query = attention_query(LS_TABLE_DECODE, op, op->n_seqs, tokens);
    const enum ls_dtype dtype = stored_dtype(hardware, query.kind, op->dtype);
    return ls_table_look_up(hardware->table, query.kind, dtype, query.key).seconds;
}

bool ls_table_decode_segment(const struct ls_hardware *hardware, const struct ls_op *op, struct ls_segment *segment)
{
    const struct ls_table_value value = look_up(hardware, op);
    *segment = (struct ls_segment){.until = value.until * op->n_seqs};
    if (isnan(value.seconds))
        return false;
    if (!(value.from < value.until)) { /* the last of the measured contexts */
        segment->base_s = value.seconds;
        segment->until = nextafter(op->n_context, (double)INFINITY);
        return true;
    }
    const double first_s = decode_seconds_at(hardware, op, value.from);
    const double last_s = decode_seconds_at(hardware, op, value.until);
    segment->slope_s = (last_s - first_s) / ((value.until - value.from) * op->n_seqs);
    segment->base_s = first_s - segment->slope_s * value.from * op->n_seqs;
    return true;
}

static const enum ls_table_kind collective_kinds[] = {
    [LS_ALL_REDUCE] = LS_TABLE_ALL_REDUCE,         [LS_ALL_GATHER] = LS_TABLE_ALL_GATHER,
    [LS_REDUCE_SCATTER] = LS_TABLE_REDUCE_SCATTER, [LS_ALL_TO_ALL] = LS_TABLE_ALL_TO_ALL,
    [LS_SEND_RECV] = LS_TABLE_SEND_RECV,
};

double ls_table_collective_seconds(const struct ls_hardware *hardware, enum ls_collective collective,
                                   const struct ls_group *group, double bytes)
{
    if (!is_used(hardware) || group->nodes > 1)
        return (double)NAN;
    const double key[LS_TABLE_MAX_KEYS] = {(double)group->size, bytes};
    return ls_table_look_up(hardware->table, collective_kinds[collective], LS_BF16, key).seconds;
}

bool ls_table_misses_collective(const struct ls_hardware *hardware, enum ls_collective collective,
                                const struct ls_group *group, double bytes)
{
    return is_used(hardware) && group->size > 1 && group->nodes == 1 &&
           ls_table_covers(hardware->table, collective_kinds[collective], LS_BF16) &&
           isnan(ls_table_collective_seconds(hardware, collective, group, bytes));
}
