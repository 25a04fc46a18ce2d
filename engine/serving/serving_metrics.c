#include <math.h>

#include "engine/cost/operator_cost.h"
#include "engine/memory/serving_memory.h"
#include "engine/model/stated.h"
#include "engine/model/weights.h"
#include "engine/serving/deployment/links.h"
#include "engine/serving/serving.h"
#include "engine/sim/clock.h"

/* Metrics of a finished run; definitions in design: definitions and model. */

static void fill_latencies(const struct ls_collector *collector, struct ls_metrics *metrics)
{
    static const enum ls_scalar_metric means[LS_N_QUANTILE_METRICS] = {
        [LS_QMETRIC_TTFT] = LS_METRIC_TTFT_MEAN_S,
        [LS_QMETRIC_TPOT] = LS_METRIC_TPOT_MEAN_S,
        [LS_QMETRIC_ITL] = LS_METRIC_ITL_MEAN_S,
        [LS_QMETRIC_E2E] = LS_METRIC_E2E_MEAN_S,
        [LS_QMETRIC_QUEUE_WAIT] = LS_METRIC_QUEUE_WAIT_MEAN_S,
    };
    for (int i = 0; i < LS_N_QUANTILE_METRICS; i++) {
        metrics->scalar[means[i]] = ls_sketch_mean_s(&collector->sketch[i]);
        ls_sketch_quantiles_s(&collector->sketch[i], LS_N_QUANTILES, ls_quantile_values, metrics->quantile[i]);
    }
}

static double ratio(double numerator, double denominator)
{
    return denominator > 0 ? numerator / denominator : (double)NAN;
}

static void fill_counts(const struct ls_collector *collector, struct ls_metrics *metrics)
{
    double *m = metrics->scalar;
    const double arrived = (double)collector->n_arrived, completed = (double)collector->n_completed;
    const double unfinished = arrived - completed - (double)collector->n_rejected;
    m[LS_METRIC_N_ARRIVED] = arrived;
    m[LS_METRIC_N_COMPLETED] = completed;
    m[LS_METRIC_N_REJECTED] = (double)collector->n_rejected;
    m[LS_METRIC_N_UNFINISHED] = unfinished;
    m[LS_METRIC_SUCCESS_RATE] = ratio(completed, arrived);
    m[LS_METRIC_ATTAINMENT] = ratio((double)collector->n_good, arrived);
    m[LS_METRIC_SUCCESS_RATE_FINISHED] = ratio(completed, arrived - unfinished);
    m[LS_METRIC_SATURATED] = ls_collector_saturated(collector);
    m[LS_METRIC_N_PREEMPTIONS] = (double)collector->n_preemptions;
    m[LS_METRIC_PREFIX_HIT_RATE] = ratio((double)collector->n_hit_tok, (double)collector->n_looked_up_tok);
    if (collector->n_all_completed > 0)
        m[LS_METRIC_MAKESPAN_S] = ls_s_from_ps(collector->last_completion_ps - collector->first_arrival_ps);
}

/* Sums over every scheduler and pipeline of a pool. */
struct totals {
    struct ls_work work;
    struct ls_usage usage;
    int64_t active_ps;
    double queue, running, kv_frac;
    double queue_max, kv_max_frac;
    double n_steps, n_window_steps;
    double n_swaps, n_copied[2]; /* blocks, in full and sliding layers */
};

static void add_scheduler(const struct ls_scheduler *s, int64_t start_ps, int64_t end_ps, struct totals *t)
{
    t->work.n_passes += s->work.n_passes;
    t->work.n_tok += s->work.n_tok;
    t->work.n_sampled += s->work.n_sampled;
    t->work.n_verified += s->work.n_verified;
    t->work.n_gained += s->work.n_gained;
    t->work.prefill_tok += s->work.prefill_tok;
    t->work.decode_context += s->work.decode_context;
    t->work.decode_window += s->work.decode_window;
    t->work.prefill_context += s->work.prefill_context;
    t->work.prefill_pairs += s->work.prefill_pairs;
    t->work.prefill_window_pairs += s->work.prefill_window_pairs;
    t->n_swaps += (double)s->swap.n_out;
    for (int sliding = 0; sliding < 2; sliding++)
        t->n_copied[sliding] += (double)s->swap.n_copied[sliding];
    t->queue += ls_level_mean(&s->queue_level, start_ps, end_ps);
    t->running += ls_level_mean(&s->running_level, start_ps, end_ps);
    t->kv_frac += ls_level_mean(&s->kv_level, start_ps, end_ps) / (double)s->n_blocks;
    t->queue_max = fmax(t->queue_max, (double)ls_level_peak(&s->queue_level, end_ps));
    t->kv_max_frac = fmax(t->kv_max_frac, (double)ls_level_peak(&s->kv_level, end_ps) / (double)s->n_blocks);
}

static struct totals add_up(const struct ls_pool *pool, int64_t start_ps, int64_t end_ps)
{
    struct totals t = {0};
    for (int64_t i = 0; i < pool->n_pipelines; i++) {
        const struct ls_pipeline *p = &pool->pipelines[i];
        for (int64_t j = 0; j < p->n_members; j++)
            add_scheduler(&p->members[j], start_ps, end_ps, &t);
        for (int64_t j = 0; j < p->n_stages; j++) {
            t.usage.busy_ps += p->usage[j].busy_ps;
            t.usage.comm_ps += p->usage[j].comm_ps;
            t.usage.all_ps += p->usage[j].all_ps;
            t.usage.moe_bytes += p->usage[j].moe_bytes;
        }
        t.active_ps += p->active_ps;
        t.n_steps += (double)p->n_steps;
        t.n_window_steps += (double)p->usage[p->n_stages - 1].n_passes;
    }
    return t;
}

/* FLOPs and bytes as stated, on all GPUs together. */
static struct ls_op stated_sum(const struct ls_pool *pool, const struct ls_work *work)
{
    const struct ls_step_cost *cost = &pool->cost;
    const struct ls_shard whole = {.tp = 1, .ep = 1, .expert_tp = 1};
    const int64_t n_tok[LS_N_TOK_KINDS] = {
        [LS_TOK_PROMPT] = work->prefill_tok, [LS_TOK_DECODED] = work->n_tok - work->prefill_tok};
    const double layers = (double)cost->model->num_hidden_layers;
    struct ls_op sum = {.kind = LS_OP_STATED};
    for (int block = 0; block < LS_N_BLOCK_KINDS; block++) {
        for (int kind = 0; kind < LS_N_TOK_KINDS; kind++) {
            struct ls_op ops[LS_MAX_OPS];
            const size_t n = ls_ops_stated(cost->model, &whole, &cost->formats, (enum ls_block_kind)block,
                                           (enum ls_tok_kind)kind, n_tok[kind], ops);
            for (size_t i = 0; i < n; i++) {
                sum.flop += layers * ops[i].flop;
                sum.bytes += layers * ops[i].bytes;
            }
        }
    }
    return sum;
}

/* FLOPs that the model's arithmetic needs (2 a parameter and token, 4 · head_dim · heads a pair of query and key, in a
 * delta-net three products of each token with the states), whatever the engine runs. */
static double model_flop(const struct ls_pool *pool, const struct ls_work *work)
{
    const struct ls_model *model = &pool->scenario->model;
    int64_t count[LS_N_LAYER_KINDS];
    if (ls_model_is_stated(model))
        return stated_sum(pool, work).flop;
    ls_model_count_layers(model, 0, model->num_hidden_layers, count);
    const double sliding = (double)(count[LS_LAYER_SLIDING_DENSE] + count[LS_LAYER_SLIDING_MOE]);
    const double full = (double)model->num_hidden_layers - sliding;
    const double head = (double)model->vocab_size * (double)model->hidden_size;
    const double qk =
        ls_model_is_mla(model) ? (double)(model->qk_nope_head_dim + model->qk_rope_head_dim) : (double)model->head_dim;
    const double v = ls_model_is_mla(model) ? (double)model->v_head_dim : (double)model->head_dim;
    const double pair_flop = 2.0 * (qk + v) * (double)model->num_attention_heads;
    double pairs = full * (double)(work->decode_context + work->prefill_pairs), state_flop = 0;
    if (ls_model_is_linear(model))
        state_flop = 6.0 * sliding * (double)model->linear_num_value_heads *
                     (double)(model->linear_key_head_dim * model->linear_value_head_dim);
    else
        pairs += sliding * (double)(work->decode_window + work->prefill_window_pairs);
    return 2.0 * ((double)ls_model_active_parameters(model) - head) * (double)work->n_tok +
           2.0 * head * (double)work->n_sampled + pair_flop * pairs + state_flop * (double)work->n_tok;
}

static double peak_flop_per_s(const struct ls_scenario *scenario)
{
    return ls_op_dtype_peak(&scenario->cluster.hardware, (enum ls_dtype)scenario->engine.weight_dtype);
}

/* Bytes of the weights outside the experts that the GPUs of a pipeline read in one pass, all of them together. */
static double dense_bytes(const struct ls_pool *pool)
{
    const struct ls_step_cost *cost = &pool->cost;
    const struct ls_model *model = cost->model;
    const double ranks = (double)(cost->shard.tp * cost->shard.ep);
    struct ls_weight weights[LS_MAX_WEIGHTS];
    double bytes = 0;
    for (int64_t layer = 0; layer <= model->num_hidden_layers; layer++) {
        const size_t n = layer == model->num_hidden_layers
                             ? ls_weights_of_head(model, weights)
                             : ls_weights_of_layer(model, ls_model_layer_kind(model, layer), weights);
        for (size_t i = 0; i < n; i++) {
            if (weights[i].role == LS_WEIGHT_EXPERT)
                continue;
            const double copies = weights[i].split == LS_SPLIT_NONE ? ranks : (double)cost->shard.ep;
            const enum ls_dtype dtype = ls_weight_dtype(&weights[i], &cost->formats);
            bytes += weights[i].n_params * ls_dtype_bytes(dtype) * copies;
        }
    }
    return bytes;
}

/* Weights, once a pass and GPU, experts as far as they are hit, and the KV cache and states that decodes read. */
static double bytes_read(const struct ls_pool *pool, const struct totals *t)
{
    const struct ls_step_cost *cost = &pool->cost;
    const int64_t tp = cost->shard.tp;
    const double kv_tok = ls_kv_bytes_per_token_layer(cost->model, tp, cost->formats.kv) * (double)tp;
    int64_t count[LS_N_LAYER_KINDS];
    if (ls_model_is_stated(cost->model))
        return stated_sum(pool, &t->work).bytes;
    ls_model_count_layers(cost->model, 0, cost->model->num_hidden_layers, count);
    const double sliding = (double)(count[LS_LAYER_SLIDING_DENSE] + count[LS_LAYER_SLIDING_MOE]);
    const double full = (double)cost->model->num_hidden_layers - sliding;
    const double weights = t->n_window_steps * dense_bytes(pool) + t->usage.moe_bytes * (double)(tp * cost->shard.ep);
    if (ls_model_is_linear(cost->model))
        return weights + kv_tok * full * (double)t->work.decode_context +
               sliding * ls_state_bytes_per_layer(cost->model, tp) * (double)tp *
                   (double)(t->work.n_tok - t->work.prefill_tok);
    return weights + kv_tok * (full * (double)t->work.decode_context + sliding * (double)t->work.decode_window);
}

/* Of the model's keys and values, and the drafter's, on all GPUs. */
static double swapped_bytes(const struct ls_pool *pool, const struct totals *t)
{
    const struct ls_scenario *scenario = pool->scenario;
    const int64_t tp = scenario->strategy.tp;
    const enum ls_dtype kv = pool->cost.formats.kv;
    struct ls_model drafter;
    double n_blocks = 0; /* times layers */
    for (int64_t i = 0; i < pool->cost.n_stages; i++) {
        const struct ls_stage *stage = &pool->cost.stages[i];
        n_blocks += (double)(stage->n_layers - stage->n_sliding) * t->n_copied[0];
        n_blocks += (double)stage->n_sliding * t->n_copied[1];
    }
    double bytes = n_blocks * ls_kv_bytes_per_token_layer(&scenario->model, tp, kv);
    if (ls_scenario_draft_model(scenario, &drafter))
        bytes += (double)drafter.num_hidden_layers * t->n_copied[0] * ls_kv_bytes_per_token_layer(&drafter, tp, kv);
    return bytes * (double)(scenario->engine.block_size * tp);
}

/* What the GPUs of all pools do together; times in GPU seconds. */
struct usage {
    double n_schedulers, gpus;
    double queue, running, kv_frac, queue_max, kv_max_frac;
    double n_steps, n_tok, n_passes, n_extrapolated;
    double busy_s, active_s, comm_s, all_s;
    double flop, peak_flop_per_s, bytes, peak_bytes_per_s;
    double usd_per_h, idle_w, busy_w;
    double n_verified, n_gained, n_swaps, swapped_bytes;
};

/* GPUs idle at idle power and draw board power while busy. */
static void add_pool(const struct ls_pool *pool, int64_t start_ps, int64_t end_ps, struct usage *u)
{
    const struct ls_scenario *scenario = pool->scenario;
    const struct ls_hardware *hardware = &scenario->cluster.hardware;
    const struct totals t = add_up(pool, start_ps, end_ps);
    const double gpus = (double)ls_scenario_gpus(scenario);
    const double gpus_of_stage = (double)(scenario->strategy.tp * scenario->strategy.ep);
    const double busy_s = gpus_of_stage * ls_s_from_ps(t.usage.busy_ps);
    u->n_schedulers += (double)ls_pool_size(pool);
    u->gpus += gpus;
    u->queue += t.queue;
    u->running += t.running;
    u->kv_frac += t.kv_frac;
    u->queue_max = fmax(u->queue_max, t.queue_max);
    u->kv_max_frac = fmax(u->kv_max_frac, t.kv_max_frac);
    u->n_steps += t.n_steps;
    u->n_tok += (double)t.work.n_tok;
    u->n_passes += (double)t.work.n_passes;
    u->n_verified += (double)t.work.n_verified;
    u->n_gained += (double)t.work.n_gained;
    u->n_swaps += t.n_swaps;
    u->swapped_bytes += swapped_bytes(pool, &t);
    u->busy_s += busy_s;
    u->active_s += gpus_of_stage * (double)scenario->strategy.pp * ls_s_from_ps(t.active_ps);
    u->comm_s += gpus_of_stage * ls_s_from_ps(t.usage.comm_ps);
    u->all_s += gpus_of_stage * ls_s_from_ps(t.usage.all_ps);
    u->flop += model_flop(pool, &t.work);
    u->peak_flop_per_s += gpus * peak_flop_per_s(scenario);
    u->bytes += bytes_read(pool, &t);
    u->peak_bytes_per_s += gpus * hardware->memory_bandwidth_bytes_per_s;
    u->usd_per_h += gpus * scenario->prices.gpu_usd_per_h;
    u->n_extrapolated += (double)*pool->cost.n_extrapolated;
    u->idle_w += gpus * hardware->idle_power_w;
    u->busy_w += (hardware->power_w - hardware->idle_power_w) *
                 ratio(busy_s, end_ps > start_ps ? ls_s_from_ps(end_ps - start_ps) : 0);
}

static void fill_usage(const struct ls_serving *serving, const struct usage *u, double window_s,
                       struct ls_metrics *metrics)
{
    double *m = metrics->scalar;
    m[LS_METRIC_QUEUE_DEPTH_MEAN] = u->queue;
    m[LS_METRIC_QUEUE_DEPTH_MAX] = u->queue_max;
    m[LS_METRIC_RUNNING_MEAN] = u->running;
    m[LS_METRIC_KV_UTILIZATION_MEAN] = u->kv_frac / u->n_schedulers;
    m[LS_METRIC_KV_UTILIZATION_MAX] = u->kv_max_frac;
    m[LS_METRIC_STEP_TOKENS_MEAN] = ratio(u->n_tok, u->n_passes);
    m[LS_METRIC_TOKENS_PER_VERIFICATION] = ratio(u->n_gained, u->n_verified);
    m[LS_METRIC_GPU_UTILIZATION] = ratio(u->busy_s, u->gpus * window_s);
    m[LS_METRIC_BUBBLE_FRAC] = u->active_s > 0 ? 1.0 - u->busy_s / u->active_s : (double)NAN;
    m[LS_METRIC_COMM_FRAC] = ratio(u->comm_s, u->all_s);
    m[LS_METRIC_MFU] = ratio(u->flop, window_s * u->peak_flop_per_s);
    m[LS_METRIC_MBU] = ratio(u->bytes, window_s * u->peak_bytes_per_s);
    ls_link_utilization(&serving->links, serving->pipelines, serving->n_pipelines, window_s,
                        &m[LS_METRIC_LINK_UTILIZATION_MEAN], &m[LS_METRIC_LINK_UTILIZATION_MAX]);
    if (serving->scenario->engine.preemption == LS_PREEMPT_SWAP) {
        m[LS_METRIC_N_SWAPS] = u->n_swaps;
        m[LS_METRIC_SWAPPED_BYTES] = u->swapped_bytes;
    }
    m[LS_METRIC_N_STEPS] = u->n_steps;
    m[LS_METRIC_N_EVENTS] = (double)serving->n_events;
    m[LS_METRIC_N_EXTRAPOLATED] = u->n_extrapolated;
}

/* Of two pools, each one's share of busy time, and what is between them. */
static void fill_pools(const struct ls_serving *serving, const struct usage pools[], double window_s,
                       struct ls_metrics *metrics)
{
    const struct ls_handover *h = &serving->handover;
    double *m = metrics->scalar;
    if (serving->n_pools < 2)
        return;
    m[LS_METRIC_PREFILL_UTILIZATION] = ratio(pools[LS_POOL_PREFILL].busy_s, pools[LS_POOL_PREFILL].gpus * window_s);
    m[LS_METRIC_DECODE_UTILIZATION] = ratio(pools[LS_POOL_DECODE].busy_s, pools[LS_POOL_DECODE].gpus * window_s);
    m[LS_METRIC_HANDOVER_WAIT_MEAN_S] = ratio((double)h->wait_ns * 1e-9, (double)h->n_started);
    m[LS_METRIC_TRANSFER_MEAN_S] = ratio((double)h->transfer_ns * 1e-9, (double)h->n_done);
}

/* Throughput, and what an output token costs in money and energy. */
static void fill_rates(const struct ls_collector *collector, const struct usage *u, double window_s,
                       struct ls_metrics *metrics)
{
    double *m = metrics->scalar;
    const double output = ratio((double)collector->n_output_tok, window_s);
    m[LS_METRIC_REQUEST_THROUGHPUT] = ratio((double)collector->n_finished, window_s);
    m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT] = output;
    m[LS_METRIC_TOTAL_TOKEN_THROUGHPUT] = ratio((double)(collector->n_output_tok + collector->n_prompt_tok), window_s);
    m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT_PER_GPU] = output / u->gpus;
    m[LS_METRIC_GOODPUT] = ratio((double)collector->n_good, window_s);
    m[LS_METRIC_USD_PER_MTOK] = ratio(u->usd_per_h / 3600.0 * 1e6, output);
    m[LS_METRIC_JOULE_PER_TOK] = ratio(u->idle_w + u->busy_w, output);
}

void ls_serving_metrics(const struct ls_serving *serving, struct ls_metrics *metrics)
{
    const struct ls_collector *collector = serving->collector;
    const int64_t end_ps = collector->horizon_ps == LS_PS_NEVER ? collector->last_completion_ps : collector->horizon_ps;
    const int64_t start_ps = collector->warmup_ps;
    const double window_s = end_ps > start_ps ? ls_s_from_ps(end_ps - start_ps) : 0.0;
    struct usage usage = {0}, pools[LS_MAX_POOLS] = {{0}};
    for (int i = 0; i < serving->n_pools; i++) {
        add_pool(&serving->pools[i], start_ps, end_ps, &usage);
        add_pool(&serving->pools[i], start_ps, end_ps, &pools[i]);
    }
    fill_latencies(collector, metrics);
    fill_counts(collector, metrics);
    fill_rates(collector, &usage, window_s, metrics);
    fill_usage(serving, &usage, window_s, metrics);
    fill_pools(serving, pools, window_s, metrics);
}
