#include "engine/cost/step_cost.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "engine/cost/attention_cost.h"
#include "engine/cost/draft_cost.h"
#include "engine/cost/exchange.h"
#include "engine/cost/launch.h"
#include "engine/cost/operator_cost.h"
#include "engine/cost/price.h"
#include "engine/cost/step_comm.h"
#include "engine/model/stated.h"
#include "engine/sim/clock.h"
#include "engine/sim/least.h"

static void add_comms(const struct ls_comm *comms, int n, int64_t *total_ps, int64_t *nic_ps)
{
    *total_ps = *nic_ps = 0;
    for (int i = 0; i < n; i++) {
        *total_ps += ls_comm_ps(&comms[i]);
        *nic_ps += ls_comm_nic_ps(&comms[i]);
    }
}

static double grouped_weight_bytes(const struct ls_op *ops, size_t n)
{
    double bytes = 0;
    for (size_t i = 0; i < n; i++)
        if (ops[i].kind == LS_OP_GROUPED_GEMM)
            bytes += ops[i].groups * ops[i].n * ops[i].k * ls_dtype_bytes(ops[i].dtype);
    return bytes;
}

static void fill_mlp(const struct ls_step_cost *cost, bool moe, int64_t n_tok, struct ls_linear *linear)
{
    struct ls_comm comms[2 * LS_MAX_COMMS] = {0};
    const struct ls_pass_tok tok = {n_tok, n_tok * cost->n_members};
    int n = ls_mlp_comms_before(cost, moe, &tok, comms);
    n += ls_mlp_comms_after(cost, moe, &tok, comms + n);
    add_comms(comms, n, &linear->mlp_comm_ps[moe], &linear->mlp_nic_ps[moe]);
    if (moe && cost->n_members > 1)
        return; /* the expert block depends on the whole group's tokens: ls_step_cost */
    struct ls_op ops[LS_MAX_OPS];
    const struct ls_expert_load load = ls_routing_load(&cost->routing, cost->model, n_tok);
    const size_t n_ops = moe ? ls_ops_moe(cost->model, &cost->shard, &cost->formats, n_tok, n_tok, &load, ops)
                             : ls_ops_mlp(cost->model, &cost->shard, &cost->formats, n_tok, ops);
    linear->mlp_ps[moe] = ls_price_ops(cost, ops, n_ops);
    if (moe)
        linear->moe_weight_bytes = grouped_weight_bytes(ops, n_ops);
}

static void fill_linear(const struct ls_step_cost *cost, int64_t n_tok, struct ls_linear *linear)
{
    struct ls_op ops[LS_MAX_OPS];
    struct ls_comm comms[LS_MAX_COMMS] = {0};
    *linear = (struct ls_linear){0};
    size_t n_ops = ls_ops_attention_linear(cost->model, &cost->shard, &cost->formats, false, n_tok, ops);
    linear->attention_ps[0] = linear->attention_ps[1] = ls_price_ops(cost, ops, n_ops);
    if (ls_model_is_linear(cost->model)) {
        n_ops = ls_ops_attention_linear(cost->model, &cost->shard, &cost->formats, true, n_tok, ops);
        linear->attention_ps[1] = ls_price_ops(cost, ops, n_ops);
    }
    comms[0] = ls_attention_comm(cost, n_tok);
    add_comms(comms, 1, &linear->attention_comm_ps, &linear->attention_nic_ps);
    if (ls_model_n_moe_layers(cost->model) < cost->model->num_hidden_layers)
        fill_mlp(cost, false, n_tok, linear);
    if (ls_model_is_moe(cost->model))
        fill_mlp(cost, true, n_tok, linear);
    n_ops = ls_ops_embedding(cost->model, &cost->shard, &cost->formats, n_tok, ops);
    linear->embedding_ps = ls_price_ops(cost, ops, n_ops);
    if (!ls_model_is_stated(cost->model)) /* the table is split by vocabulary */
        linear->embedding_ps += linear->attention_comm_ps;
    if (cost->n_stages > 1) {
        for (int between = 0; between < 2; between++) {
            const int n = ls_send_comms(cost, between == 1, n_tok, comms);
            add_comms(comms, n, &linear->send_ps[between], &linear->send_nic_ps[between]);
        }
    }
}

/* Every rank filters all logits by top-k and top-p. */
static int64_t top_p_ps(const struct ls_step_cost *cost, double n_logits)
{
    const struct ls_op op = {.kind = LS_OP_MEMORY,
                             .name = "top_p",
                             .dtype = cost->formats.activation,
                             .bytes = n_logits * cost->engine->top_p_bytes};
    return cost->engine->sampling == LS_SAMPLING_TOP_P && n_logits > 0 ? ls_price_op(cost, &op) : 0;
}

/* The head's logits are gathered from the tensor ranks' slices of the vocabulary. */
static int64_t head_ps(const struct ls_step_cost *cost, int64_t n_sampled)
{
    struct ls_op ops[LS_MAX_OPS];
    const size_t n = ls_ops_head(cost->model, &cost->shard, &cost->formats, n_sampled, ops);
    if (ls_model_is_stated(cost->model))
        return 0;
    const double n_logits = (double)n_sampled * (double)cost->model->vocab_size;
    const double bytes = n_logits * ls_dtype_bytes(cost->formats.activation);
    const struct ls_comm gather = ls_step_collective(cost, LS_ALL_GATHER, &cost->tp, bytes);
    return ls_price_ops(cost, ops, n) + ls_comm_ps(&gather) + top_p_ps(cost, n_logits);
}

static void fill_decode(const struct ls_step_cost *cost, const struct ls_batch *batch, bool sliding,
                        struct ls_decode *decode)
{
    struct ls_op ops[LS_MAX_OPS];
    const size_t n = ls_ops_attention_decode(cost->model, &cost->shard, &cost->formats, batch, sliding, ops);
    *decode = (struct ls_decode){.draft_tok = batch->draft_tok, .until = INFINITY};
    for (size_t i = 0; i < n; i++) {
        if (ops[i].kind != LS_OP_ATTENTION_DECODE) {
            decode->constant_ps += ls_price_op(cost, &ops[i]);
            continue;
        }
        assert(decode->slope_ps == 0.0); /* one operator reads the context */
        const struct ls_segment segment = ls_price_decode(cost, &ops[i]);
        const double context = (double)(sliding ? batch->decode_window : batch->decode_context);
        decode->base_ps = segment.base_s * LS_PS_PER_S;
        decode->slope_ps = segment.slope_s * LS_PS_PER_S;
        decode->from = context;
        decode->until = segment.until;
    }
}

const struct ls_decode *ls_decode_cost(struct ls_step_cost *cost, const struct ls_batch *batch, bool sliding)
{
    struct ls_decode *decode = &cost->decode[sliding][batch->n_prefill > 0][batch->n_decode];
    const double context = (double)(sliding ? batch->decode_window : batch->decode_context);
    if (context < decode->from || context >= decode->until || batch->draft_tok != decode->draft_tok)
        fill_decode(cost, batch, sliding, decode);
    return decode;
}

static int64_t decode_ps(struct ls_step_cost *cost, const struct ls_batch *batch, bool sliding)
{
    if (batch->n_decode == 0)
        return 0;
    return ls_decode_ps(ls_decode_cost(cost, batch, sliding), sliding ? batch->decode_window : batch->decode_context);
}

static int64_t prefill_ps(const struct ls_step_cost *cost, const struct ls_batch *batch, bool sliding)
{
    if (batch->n_prefill == 0)
        return 0;
    struct ls_op ops[LS_MAX_OPS];
    return ls_price_ops(cost, ops, ls_price_prompt_ops(cost, batch, sliding, ops));
}

static struct ls_linear *linear_of(struct ls_step_cost *cost, int64_t n_tok)
{
    assert(n_tok >= 0 && n_tok <= cost->max_tok);
    struct ls_linear *linear = &cost->linear[n_tok];
    if (!cost->has_linear[n_tok]) {
        fill_linear(cost, n_tok, linear);
        cost->has_linear[n_tok] = 1;
    }
    return linear;
}

static int64_t head_of(struct ls_step_cost *cost, int64_t n_sampled)
{
    assert(n_sampled <= cost->max_sampled);
    int64_t *head = &cost->head[n_sampled];
    if (*head < 0)
        *head = head_ps(cost, n_sampled);
    return *head;
}

static void add_attention(struct ls_step_cost *cost, const struct ls_batch *batch, const struct ls_linear *linear,
                          struct ls_step *step)
{
    const bool has_sliding = cost->decode[1][0] != NULL;
    for (int sliding = 0; sliding <= has_sliding; sliding++) {
        const int64_t ps = linear->attention_ps[sliding] + prefill_ps(cost, batch, sliding == 1) +
                           decode_ps(cost, batch, sliding == 1);
        if (ps > step->attention_ps[sliding])
            step->attention_ps[sliding] = ps;
    }
}

static void set_linear(struct ls_step *step, const struct ls_linear *linear)
{
    step->linear = linear;
    step->mlp_ps[0] = linear->mlp_ps[0];
    step->mlp_ps[1] = linear->mlp_ps[1];
    for (int moe = 0; moe < 2; moe++) {
        step->mlp_comm_ps[moe] = linear->mlp_comm_ps[moe];
        step->mlp_nic_ps[moe] = linear->mlp_nic_ps[moe];
    }
    step->embedding_ps = linear->embedding_ps;
    step->moe_weight_bytes = linear->moe_weight_bytes;
}

/* A group's tokens as its exchange and its experts see them: those of all members, or as many of each as the widest
 * one has where they are padded to it. */
static int64_t group_tok(const struct ls_step_cost *cost, const struct ls_batch *batches, int64_t widest, int64_t total)
{
    const int32_t pads = cost->engine->pad_lockstep;
    const bool padded = pads == LS_PAD_ALWAYS || (pads == LS_PAD_GRAPHS && !ls_launch_needed(cost, batches));
    return padded ? widest * cost->n_members : total;
}

/* The exchange of a group whose members have different numbers of tokens; only gathering all of them depends on it. */
static void uneven_exchange(const struct ls_step_cost *cost, struct ls_step *step)
{
    struct ls_comm comms[2 * LS_MAX_COMMS] = {0};
    if (cost->engine->all2all_backend != LS_ALL2ALL_ALL_GATHER || step->tok.group == step->tok.own * cost->n_members)
        return;
    int n = ls_mlp_comms_before(cost, true, &step->tok, comms);
    n += ls_mlp_comms_after(cost, true, &step->tok, comms + n);
    add_comms(comms, n, &step->mlp_comm_ps[1], &step->mlp_nic_ps[1]);
}

/* The same few numbers of tokens come again and again while a group decodes. */
static const struct ls_expert_block *expert_block_of(struct ls_step_cost *cost, const struct ls_pass_tok *tok)
{
    const uint64_t place = ((uint64_t)tok->own * 31 + (uint64_t)tok->group) % LS_N_EXPERT_BLOCKS;
    struct ls_expert_block *block = &cost->blocks[place];
    if (block->tok.own == tok->own && block->tok.group == tok->group)
        return block;
    struct ls_op ops[LS_MAX_OPS];
    const struct ls_expert_load load = ls_routing_load(&cost->routing, cost->model, tok->group);
    const size_t n = ls_ops_moe(cost->model, &cost->shard, &cost->formats, tok->own, tok->group, &load, ops);
    *block = (struct ls_expert_block){*tok, ls_price_ops(cost, ops, n), grouped_weight_bytes(ops, n)};
    return block;
}

/* Members of a lockstep group wait for the slowest; the experts see the tokens of all of them. */
static void lockstep(struct ls_step_cost *cost, const struct ls_batch *batches, struct ls_step *step)
{
    int64_t widest = 0, total = 0, sampled = 0;
    for (int64_t i = 0; i < cost->n_members; i++) {
        widest = batches[i].n_tok > widest ? batches[i].n_tok : widest;
        sampled = batches[i].n_sampled > sampled ? batches[i].n_sampled : sampled;
        total += batches[i].n_tok;
    }
    const bool replayed = !ls_launch_needed(cost, batches);
    widest = ls_launch_rows(cost, widest, replayed);
    for (int64_t i = 0; i < cost->n_members; i++)
        if (batches[i].n_tok > 0)
            add_attention(cost, &batches[i], linear_of(cost, ls_launch_rows(cost, batches[i].n_tok, replayed)), step);
    set_linear(step, linear_of(cost, widest));
    step->tok = (struct ls_pass_tok){widest, group_tok(cost, batches, widest, total)};
    uneven_exchange(cost, step);
    const struct ls_expert_block *block = expert_block_of(cost, &step->tok);
    step->mlp_ps[1] = block->ps;
    step->moe_weight_bytes = block->weight_bytes;
    step->head_ps = head_of(cost, sampled);
}

static void single(struct ls_step_cost *cost, const struct ls_batch *batch, struct ls_step *step)
{
    const int64_t rows = ls_launch_rows(cost, batch->n_tok, !ls_launch_needed(cost, batch));
    const struct ls_linear *linear = linear_of(cost, rows);
    set_linear(step, linear);
    step->tok = (struct ls_pass_tok){rows, rows};
    add_attention(cost, batch, linear, step);
    if (ls_model_is_stated(cost->model)) {
        struct ls_op ops[LS_MAX_OPS];
        step->mlp_ps[0] =
            ls_price_ops(cost, ops, ls_ops_stated_mlp(cost->model, &cost->shard, &cost->formats, batch, ops));
    }
    step->head_ps = head_of(cost, batch->n_sampled);
}

void ls_step_cost(struct ls_step_cost *cost, const struct ls_batch *batches, struct ls_step *step)
{
    step->attention_ps[0] = step->attention_ps[1] = 0;
    (cost->n_members > 1 ? lockstep : single)(cost, batches, step);
    ls_launch_wait(cost, batches, step);
    step->draft_ps = cost->draft ? ls_draft_ps(cost->draft, batches) : 0;
}

static int64_t compute_ps(const struct ls_stage *stage, const struct ls_step *step)
{
    int64_t ps = (stage->n_layers - stage->n_sliding) * step->attention_ps[0] +
                 stage->n_sliding * step->attention_ps[1] + stage->n_dense * step->mlp_ps[0] +
                 stage->n_moe * step->mlp_ps[1];
    if (stage->embedding)
        ps += step->embedding_ps;
    if (stage->head)
        ps += step->head_ps + step->draft_ps;
    return ps;
}

/* Blocks and the collectives before them, the longer of the two; the stage's last collective hides behind the head
 * only. */
static int64_t overlapped_ps(const struct ls_stage *stage, const struct ls_step *step)
{
    const struct ls_linear *linear = step->linear;
    int64_t ps = step->attention_ps[stage->first_sliding];
    ps += stage->n_dense * ls_max64(linear->attention_comm_ps, step->mlp_ps[0]);
    ps += stage->n_moe * ls_max64(linear->attention_comm_ps, step->mlp_ps[1]);
    for (int moe = 0; moe < 2; moe++)
        for (int sliding = 0; sliding < 2; sliding++)
            ps += stage->n_next[moe][sliding] * ls_max64(step->mlp_comm_ps[moe], step->attention_ps[sliding]);
    ps += ls_max64(step->mlp_comm_ps[stage->last_moe], stage->head ? step->head_ps : 0);
    ps += stage->head ? step->draft_ps : 0;
    return stage->embedding ? ps + step->embedding_ps : ps;
}

int64_t ls_stage_comm_ps(const struct ls_stage *stage, const struct ls_step *step)
{
    if (stage->overlap)
        return overlapped_ps(stage, step) - compute_ps(stage, step);
    return stage->n_layers * step->linear->attention_comm_ps + stage->n_dense * step->mlp_comm_ps[0] +
           stage->n_moe * step->mlp_comm_ps[1];
}

int64_t ls_stage_nic_ps(const struct ls_stage *stage, const struct ls_step *step)
{
    return stage->n_layers * step->linear->attention_nic_ps + stage->n_dense * step->mlp_nic_ps[0] +
           stage->n_moe * step->mlp_nic_ps[1];
}

int64_t ls_stage_ps(const struct ls_stage *stage, const struct ls_step *step)
{
    return stage->overlap ? overlapped_ps(stage, step) : compute_ps(stage, step) + ls_stage_comm_ps(stage, step);
}

/* The widest group that `dims` span, over every place it may start. */
static struct ls_group widest_group(const struct ls_placement *placement, unsigned dims)
{
    struct ls_group widest = {1, 1, 1};
    int64_t origin[LS_N_DIMS] = {0};
    for (origin[LS_DP] = 0; origin[LS_DP] < placement->degree[LS_DP]; origin[LS_DP]++) {
        for (origin[LS_PP] = 0; origin[LS_PP] < placement->degree[LS_PP]; origin[LS_PP]++) {
            const int64_t n_ep = dims & (1u << LS_EP) ? 1 : placement->degree[LS_EP];
            for (origin[LS_EP] = 0; origin[LS_EP] < n_ep; origin[LS_EP]++) {
                const struct ls_group group = ls_placement_group(placement, dims, origin);
                if (group.nodes > widest.nodes || group.size > widest.size)
                    widest = group;
            }
        }
    }
    return widest;
}

static enum ls_status init_groups(struct ls_step_cost *cost, const struct ls_scenario *scenario, struct ls_err *err)
{
    struct ls_placement placement;
    const enum ls_status status = ls_placement_init(&placement, &scenario->cluster, &scenario->strategy, err);
    if (status)
        return status;
    cost->tp = widest_group(&placement, 1u << LS_TP);
    const bool whole = cost->shard.expert_tp < cost->shard.tp;
    cost->experts = widest_group(&placement, whole ? (1u << LS_TP) | (1u << LS_EP) : 1u << LS_EP);
    cost->replicas = widest_group(&placement, 1u << LS_EP);
    cost->expert_gather = (struct ls_group){1, 1, 1};
    if (whole) {
        cost->expert_gather = cost->tp;
        cost->expert_gather.size = cost->shard.tp / cost->shard.expert_tp;
    }
    return LS_OK;
}

/* Which block follows which collective, for overlap. */
static void note_neighbours(const struct ls_model *model, struct ls_stage *stage)
{
    for (int64_t i = 0; i < stage->n_layers; i++) {
        int64_t count[LS_N_LAYER_KINDS];
        ls_model_count_layers(model, stage->first_layer + i, stage->first_layer + i + 1, count);
        const bool moe = count[LS_LAYER_FULL_MOE] + count[LS_LAYER_SLIDING_MOE] > 0;
        const bool sliding = count[LS_LAYER_SLIDING_DENSE] + count[LS_LAYER_SLIDING_MOE] > 0;
        if (i == 0)
            stage->first_sliding = sliding;
        else
            stage->n_next[stage->last_moe][sliding]++;
        stage->last_moe = moe;
    }
}

static void init_stages(struct ls_step_cost *cost)
{
    const int64_t n_layers = cost->model->num_hidden_layers;
    for (int64_t i = 0; i < cost->n_stages; i++) {
        struct ls_stage *stage = &cost->stages[i];
        const int64_t first = ls_stage_first_layer(n_layers, cost->n_stages, i);
        const int64_t end = ls_stage_first_layer(n_layers, cost->n_stages, i + 1);
        *stage = (struct ls_stage){
            .first_layer = first,
            .n_layers = end - first,
            .embedding = i == 0,
            .head = i == cost->n_stages - 1,
            .overlap = cost->overlap,
        };
        ls_model_count_layers(cost->model, first, end, stage->count);
        stage->n_moe = stage->count[LS_LAYER_FULL_MOE] + stage->count[LS_LAYER_SLIDING_MOE];
        stage->n_dense = stage->n_layers - stage->n_moe;
        note_neighbours(cost->model, stage);
        stage->n_sliding = stage->count[LS_LAYER_SLIDING_DENSE] + stage->count[LS_LAYER_SLIDING_MOE];
    }
}

/* None of them filled; null: no memory. */
static struct ls_decode *take_decodes(struct ls_arena *arena, size_t n)
{
    struct ls_decode *decodes = ls_arena_take(arena, n * sizeof *decodes);
    for (size_t i = 0; decodes && i < n; i++)
        decodes[i] = (struct ls_decode){0};
    return decodes;
}

static enum ls_status init_tables(struct ls_step_cost *cost, struct ls_arena *arena, struct ls_err *err)
{
    const size_t n_tok = (size_t)cost->max_tok + 1, n_seqs = (size_t)cost->max_seqs + 1;
    const size_t n_sampled = (size_t)cost->max_sampled + 1, n_blocks = cost->n_members > 1 ? LS_N_EXPERT_BLOCKS : 0;
    int64_t counts[LS_N_LAYER_KINDS];
    ls_model_count_layers(cost->model, 0, cost->model->num_hidden_layers, counts);
    const bool sliding = counts[LS_LAYER_SLIDING_DENSE] + counts[LS_LAYER_SLIDING_MOE] > 0;
    cost->n_extrapolated = ls_arena_take(arena, sizeof *cost->n_extrapolated);
    cost->stages = ls_arena_take(arena, (size_t)cost->n_stages * sizeof *cost->stages);
    cost->linear = ls_arena_take(arena, n_tok * sizeof *cost->linear);
    cost->has_linear = ls_arena_take(arena, n_tok);
    cost->blocks = ls_arena_take(arena, n_blocks * sizeof *cost->blocks);
    cost->head = ls_arena_take(arena, n_sampled * sizeof *cost->head);
    const bool padded = ls_pads_mixed_decodes(&cost->cluster->hardware);
    bool taken = true;
    for (int kind = 0; kind <= (int)sliding; kind++) {
        struct ls_decode **decode = cost->decode[kind];
        decode[0] = take_decodes(arena, n_seqs);
        decode[1] = padded ? take_decodes(arena, n_seqs) : decode[0];
        taken = taken && decode[0] && decode[1];
    }
    if (!cost->n_extrapolated || !cost->stages || !cost->linear || !cost->has_linear || !cost->blocks || !cost->head ||
        !taken)
        return ls_fail(err, LS_NOMEM, "out of memory for the cost tables of %lld tokens", (long long)cost->max_tok);
    *cost->n_extrapolated = 0;
    memset(cost->has_linear, 0, n_tok);
    memset(cost->blocks, 0, n_blocks * sizeof *cost->blocks);
    memset(cost->head, -1, n_sampled * sizeof *cost->head);
    return LS_OK;
}

enum ls_status ls_step_cost_init(struct ls_step_cost *cost, const struct ls_scenario *scenario, struct ls_arena *arena,
                                 struct ls_err *err)
{
    const struct ls_strategy *strategy = &scenario->strategy;
    *cost = (struct ls_step_cost){
        .model = &scenario->model,
        .cluster = &scenario->cluster,
        .shard = {strategy->tp, strategy->ep, strategy->expert_tp, scenario->engine.redundant_experts},
        .formats = ls_model_formats(&scenario->model, (enum ls_dtype)scenario->engine.weight_dtype,
                                    (enum ls_dtype)scenario->engine.kv_dtype),
        .dispatch = (enum ls_dtype)scenario->engine.dispatch_dtype,
        .overlap = scenario->engine.overlap_communication,
        .n_members = strategy->ep,
        .n_stages = strategy->pp,
        .max_tok = scenario->engine.max_num_batched_tokens,
        .max_seqs = scenario->engine.max_num_seqs,
        .engine = &scenario->engine,
    };
    ls_routing_init(&cost->routing, &scenario->engine.expert_imbalance, cost->model, &cost->shard);
    const struct ls_speculative *speculative = &scenario->engine.speculative;
    cost->max_sampled = cost->max_seqs * (speculative->method == LS_NULL_CHOICE ? 1 : 1 + speculative->draft_tokens);
    enum ls_status status = init_groups(cost, scenario, err);
    if (!status)
        ls_launch_init(cost);
    if (!status)
        status = ls_draft_cost_init(&cost->draft, scenario, arena, err);
    if (!status)
        status = init_tables(cost, arena, err);
    if (!status)
        init_stages(cost);
    return status;
}
