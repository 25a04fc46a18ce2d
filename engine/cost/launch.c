#include "engine/cost/launch.h"

#include "engine/cost/exchange.h"
#include "engine/cost/price.h"
#include "engine/sim/clock.h"

/* Kernels of a list of operators: products in narrow formats quantise their rows in a kernel of their own. */
static int64_t count_kernels(const struct ls_op *ops, size_t n)
{
    int64_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const enum ls_dtype dtype = ops[i].dtype;
        const bool product = ops[i].kind == LS_OP_GEMM || ops[i].kind == LS_OP_GROUPED_GEMM;
        const bool narrow = dtype == LS_FP8 || dtype == LS_FP8_BLOCK || dtype == LS_INT8 || dtype == LS_NVFP4;
        count += ops[i].kind == LS_OP_DELTA_RULE ? LS_DELTA_KERNELS : product && narrow ? 2 : 1;
    }
    return count;
}

/* Kernels of an attention block that are no operators of their own: keys and values are written to the cache by one,
 * and the norms of queries and keys, or of their latents, are two (vLLM and SGLang: srt/models/qwen3.py and
 * deepseek_v2.py, srt/mem_cache/memory_pool.py). TensorRT-LLM does all that beside the rotary embedding, and a gated
 * delta-net has nothing of it. */
static int64_t count_unlisted(const struct ls_step_cost *cost, bool sliding)
{
    const struct ls_model *model = cost->model;
    if (cost->cluster->hardware.kernel_library == LS_KERNELS_TRTLLM || ls_model_is_stated(model) ||
        (sliding && ls_model_is_linear(model)))
        return 0;
    const bool norms = ls_model_is_mla(model) ? model->q_lora_rank != LS_NULL_INT : model->qk_norm;
    return norms ? 2 : 1;
}

/* Mean of the largest of n exponential times of mean 1. */
static double harmonic(int64_t n)
{
    double sum = 0;
    for (int64_t i = 1; i <= n; i++)
        sum += 1.0 / (double)i;
    return sum;
}

/* NCCL's collectives that leave the node, before and behind a layer's second block. */
static int64_t count_crossing(const struct ls_step_cost *cost, bool moe)
{
    const int64_t reduce = cost->tp.nodes > 1 ? 1 : 0;
    if (!moe || cost->shard.ep == 1)
        return reduce;
    switch ((enum ls_all2all)cost->engine->all2all_backend) {
    case LS_ALL2ALL_ALL_GATHER:
        return (cost->replicas.nodes > 1 ? 2 : 0) + reduce;
    case LS_ALL2ALL_NCCL:
        return (cost->experts.nodes > 1 ? 2 : 0) + reduce;
    default: /* kernels that send by themselves */
        return reduce;
    }
}

static void init_host_nodes(struct ls_step_cost *cost)
{
    const int64_t host_ps = ls_ps_from_s(cost->engine->host_node_s);
    cost->attention_host_ps = cost->tp.nodes > 1 ? host_ps : 0;
    for (int moe = 0; moe < 2; moe++)
        cost->mlp_host_ps[moe] = host_ps * count_crossing(cost, moe == 1);
}

void ls_launch_init(struct ls_step_cost *cost)
{
    init_host_nodes(cost);
    const struct ls_batch batch = {.n_tok = 2,
                                   .n_decode = 1,
                                   .decode_context = 1,
                                   .n_prefill = 1,
                                   .prefill_tok = 1,
                                   .prefill_context = 1,
                                   .prefill_pairs = 1};
    const int64_t kernel_ps = ls_ps_from_s(cost->engine->kernel_launch_s);
    const int64_t n_comm = cost->shard.tp > 1 || cost->n_members > 1 ? 1 : 0;
    if (n_comm > 0 && !cost->engine->custom_all_reduce)
        cost->nccl_launch_ps = ls_ps_from_s(cost->engine->nccl_launch_s * harmonic(cost->shard.tp * cost->n_members));
    struct ls_op ops[LS_MAX_OPS];
    size_t n;
    for (int sliding = 0; sliding < 2; sliding++) {
        n = ls_ops_attention_linear(cost->model, &cost->shard, &cost->formats, sliding == 1, 1, ops);
        const int64_t count = count_kernels(ops, n) + count_unlisted(cost, sliding == 1) + n_comm;
        n = ls_ops_attention_decode(cost->model, &cost->shard, &cost->formats, &batch, sliding == 1, ops);
        cost->attention_launch_ps[sliding][0] = kernel_ps * (count + count_kernels(ops, n));
        n = ls_price_prompt_ops(cost, &batch, sliding == 1, ops);
        cost->attention_launch_ps[sliding][1] = kernel_ps * (count + count_kernels(ops, n));
    }
    const struct ls_expert_load load = ls_routing_load(&cost->routing, cost->model, 1);
    for (int moe = 0; moe <= (int)ls_model_is_moe(cost->model); moe++) {
        n = moe ? ls_ops_moe(cost->model, &cost->shard, &cost->formats, 1, 1, &load, ops)
                : ls_ops_mlp(cost->model, &cost->shard, &cost->formats, 1, ops);
        cost->mlp_launch_ps[moe] = kernel_ps * (count_kernels(ops, n) + n_comm);
    }
}

static int64_t next_power(int64_t n)
{
    int64_t power = 1;
    while (power < n)
        power *= 2;
    return power;
}

/* The least size of a graph that holds n tokens. */
static int64_t graph_of(int32_t sizes, int64_t n)
{
    if (n == 0 || sizes == LS_GRAPH_SIZES_EVERY || (sizes == LS_GRAPH_SIZES_GAPS && n <= 32))
        return n;
    if (n <= 4 || sizes == LS_GRAPH_SIZES_GAPS || (sizes == LS_GRAPH_SIZES_POWERS && n > 128))
        return next_power(n);
    const int64_t step = n <= 256 ? 8 : n <= 512 ? 16 : 32;
    return (n + step - 1) / step * step;
}

/* No graph need be larger than a pass can be. */
static int64_t largest_graph(const struct ls_step_cost *cost)
{
    const struct ls_engine *engine = cost->engine;
    int64_t most = engine->cuda_graph_max_tokens < cost->max_tok ? engine->cuda_graph_max_tokens : cost->max_tok;
    if (engine->cuda_graphs == LS_CUDA_GRAPHS_DECODE && most > cost->max_sampled / cost->n_stages)
        most = cost->max_sampled / cost->n_stages;
    return most;
}

int64_t ls_launch_rows(const struct ls_step_cost *cost, int64_t n_tok, bool replayed)
{
    const int64_t largest = largest_graph(cost);
    const int64_t n = replayed ? graph_of(cost->engine->cuda_graph_sizes, n_tok) : n_tok;
    return n <= largest ? n : n_tok < largest ? largest : n_tok;
}

static bool has_graph(const struct ls_step_cost *cost, const struct ls_batch *batch)
{
    const struct ls_engine *engine = cost->engine;
    if (engine->cuda_graphs == LS_CUDA_GRAPHS_NONE || batch->n_tok > engine->cuda_graph_max_tokens ||
        (engine->cuda_graphs == LS_CUDA_GRAPHS_DECODE && batch->n_prefill > 0))
        return false;
    return engine->cuda_graph_sizes != LS_GRAPH_SIZES_GAPS || ls_launch_rows(cost, batch->n_tok, true) == batch->n_tok;
}

bool ls_launch_needed(const struct ls_step_cost *cost, const struct ls_batch *batches)
{
    for (int64_t i = 0; i < cost->n_members; i++)
        if (!has_graph(cost, &batches[i]))
            return true;
    return false;
}

int64_t ls_launch_ps(const struct ls_step_cost *cost, const struct ls_stage *stage, const struct ls_step *step)
{
    if (!step->launched)
        return 0;
    return (stage->n_layers - stage->n_sliding) * step->attention_launch_ps[0] +
           stage->n_sliding * step->attention_launch_ps[1] + stage->n_dense * cost->mlp_launch_ps[0] +
           stage->n_moe * cost->mlp_launch_ps[1];
}

static bool has_prompts(const struct ls_step_cost *cost, const struct ls_batch *batches)
{
    for (int64_t i = 0; i < cost->n_members; i++)
        if (batches[i].n_prefill > 0)
            return true;
    return false;
}

static void add_host_nodes(const struct ls_step_cost *cost, struct ls_step *step)
{
    for (int i = 0; i < 2; i++) {
        step->attention_ps[i] += cost->attention_host_ps;
        step->mlp_ps[i] += cost->mlp_host_ps[i];
    }
}

/* The block's collective waits for the last rank; all of it for the CPU. */
static void wait(int64_t *block_ps, int64_t nccl_launch_ps, int64_t launch_ps, int64_t comm_ps)
{
    *block_ps += nccl_launch_ps;
    if (*block_ps < launch_ps - comm_ps)
        *block_ps = launch_ps - comm_ps;
}

void ls_launch_wait(const struct ls_step_cost *cost, const struct ls_batch *batches, struct ls_step *step)
{
    const bool needed = ls_launch_needed(cost, batches);
    step->launched = needed && cost->attention_launch_ps[0][0] + cost->nccl_launch_ps > 0;
    if (!needed)
        add_host_nodes(cost, step);
    if (!step->launched)
        return;
    const bool prompts = has_prompts(cost, batches);
    for (int sliding = 0; sliding < 2; sliding++) {
        step->attention_launch_ps[sliding] = cost->attention_launch_ps[sliding][prompts];
        wait(&step->attention_ps[sliding], cost->nccl_launch_ps, step->attention_launch_ps[sliding],
             step->linear->attention_comm_ps);
    }
    for (int moe = 0; moe <= (int)ls_model_is_moe(cost->model); moe++)
        wait(&step->mlp_ps[moe], cost->nccl_launch_ps, cost->mlp_launch_ps[moe], step->mlp_comm_ps[moe]);
}
