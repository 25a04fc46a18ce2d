#include "engine/serving/low/tandem.h"

#include <math.h>

#include "engine/serving/deployment/transfer.h"
#include "engine/serving/low/steady.h"
#include "engine/sim/clock.h"

enum { MAX_PAIRS = 64 };

struct tandem {
    const struct ls_scenario *scenario;
    struct ls_plant plants[LS_N_POOL_ROLES];
    struct ls_point full[LS_N_POOL_ROLES];
    double capacity; /* requests a second of both */
    double transfer_s;
};

/* A request's way through both pools. */
struct way {
    double rate;
    struct ls_point points[LS_N_POOL_ROLES];
    double wait_s, ttft_s, handover_s,
        decode_s; /* handover: until its transfer starts; decode: from first to last token */
};

/* -- set-up -- */

/* Between pairs of schedulers of both pools, evenly chosen. */
static double mean_transfer_s(const struct ls_transfer_cost *cost, double tok)
{
    const int64_t n_from = ls_pool_size(cost->from.pool), n_to = ls_pool_size(cost->to.pool), n = n_from * n_to;
    const int64_t step = n > MAX_PAIRS ? n / MAX_PAIRS : 1;
    double sum_s = 0, pairs = 0;
    for (int64_t i = 0; i < n; i += step, pairs++)
        sum_s += ls_s_from_ps(ls_transfer_time(cost, i % n_from, i / n_from, (int64_t)tok).duration_ps);
    return sum_s / pairs;
}

/* A pool as far as transfers look at it. */
static enum ls_status init_pool(struct ls_pool *pool, const struct ls_plant *plant, struct ls_err *err)
{
    const struct ls_scenario *scenario = plant->scenario;
    *pool = (struct ls_pool){
        .scenario = scenario,
        .cost = plant->cost,
        .n_pipelines = scenario->strategy.dp,
        .n_members = scenario->strategy.ep,
        .nic_stride = scenario->cluster.nics_per_node,
    };
    return ls_placement_init(&pool->placement, &scenario->cluster, &scenario->strategy, err);
}

static enum ls_status init(struct tandem *t, const struct ls_scenario *pools, const int64_t *kv_blocks,
                           struct ls_arena *arena, struct ls_err *err)
{
    static const enum ls_plant_part parts[LS_N_POOL_ROLES] = {
        [LS_POOL_PREFILL] = LS_PLANT_PROMPTS, [LS_POOL_DECODE] = LS_PLANT_DECODES};
    struct ls_pool ends[LS_N_POOL_ROLES];
    struct ls_transfer_cost cost;
    t->capacity = (double)INFINITY;
    for (int role = 0; role < LS_N_POOL_ROLES; role++) {
        struct ls_plant *plant = &t->plants[role];
        enum ls_status status = ls_plant_init(plant, &pools[role], kv_blocks[role], arena, err);
        if (status || (status = init_pool(&ends[role], plant, err)))
            return status;
        plant->part = parts[role];
        ls_plant_measure(plant);
        const double most = ls_point_find_capacity(plant, &t->full[role]);
        t->capacity = fmin(t->capacity, most * (double)pools[role].strategy.dp);
    }
    if (ls_transfer_cost_init(&cost, t->scenario, &ends[LS_POOL_PREFILL], &ends[LS_POOL_DECODE], arena))
        return ls_fail(err, LS_NOMEM, "out of memory");
    t->transfer_s = mean_transfer_s(&cost, t->plants[LS_POOL_PREFILL].load.asked);
    return LS_OK;
}

/* -- one state -- */

/* Until the next pass of the decode pool is composed: half of one that is under way, if one is. */
static double next_pass_s(const struct ls_plant *plant, const struct ls_point *point)
{
    double slots;
    (void)ls_plant_slot(plant, point->batch, &slots);
    return (1 - exp(-point->batch * plant->members)) * point->pass_s / slots / 2;
}

/* False when a pool has no place left. */
static bool find_way(struct tandem *t, double rate, struct way *way)
{
    struct ls_plant *prefill = &t->plants[LS_POOL_PREFILL], *decode = &t->plants[LS_POOL_DECODE];
    const double prefill_rate = rate / (double)prefill->scenario->strategy.dp;
    const double decode_rate = rate / (double)decode->scenario->strategy.dp;
    struct ls_point *first = &way->points[LS_POOL_PREFILL], *then = &way->points[LS_POOL_DECODE];
    way->rate = rate;
    if (!ls_point_find(prefill, prefill_rate, first) || !ls_point_find(decode, decode_rate, then))
        return false;
    const struct ls_front in = ls_front_of(prefill, prefill_rate, 0, first->first_s);
    const struct ls_front out = ls_front_of(decode, decode_rate, then->batch, then->pass_s);
    way->wait_s = in.receive_s + first->wait_s;
    way->ttft_s = in.receive_s + first->first_s + in.send_s;
    way->handover_s = out.receive_s + ls_point_slot_wait_s(decode, then) + next_pass_s(decode, then);
    way->decode_s =
        way->handover_s + t->transfer_s + next_pass_s(decode, then) + decode->decodes * then->pass_s + out.send_s;
    return true;
}

/* Users who each have one request in the system. */
static void find_closed(struct tandem *t, struct way *way)
{
    const struct ls_load *load = &t->plants[LS_POOL_PREFILL].load;
    double low_rate = 0, high_rate = t->capacity;
    for (int i = 0; i < 40 && high_rate - low_rate > 1e-4 * high_rate; i++) {
        struct way tried;
        const double rate = (low_rate + high_rate) / 2;
        const bool fits = find_way(t, rate, &tried) && rate * (tried.ttft_s + tried.decode_s) < load->users;
        *(fits ? &low_rate : &high_rate) = rate;
        *way = fits ? tried : *way;
    }
    const double slot_s = fmax(0.0, load->users / way->rate - way->ttft_s - way->decode_s);
    way->wait_s += slot_s;
    way->ttft_s += slot_s;
}

/* Returns whether the queue grows: for as long as requests arrive, half of the final wait on average. */
static bool find_open(struct tandem *t, struct way *way)
{
    const struct ls_load *load = &t->plants[LS_POOL_PREFILL].load;
    if (load->rate < t->capacity && find_way(t, load->rate, way))
        return false;
    double rate = 0.99 * t->capacity;
    while (!find_way(t, rate, way))
        rate *= 0.95;
    const double queue_s = fmax(0.0, (load->n_requests / t->capacity - load->arrivals_s) / 2);
    way->rate = t->capacity;
    way->wait_s += queue_s;
    way->ttft_s += queue_s;
    return true;
}

/* -- metrics -- */

static void fill_rates(const struct tandem *t, const struct way *way, bool saturated, double *m)
{
    const struct ls_plant *prefill = &t->plants[LS_POOL_PREFILL];
    const struct ls_load *load = &prefill->load;
    const double e2e_s = way->ttft_s + way->decode_s;
    const struct ls_run_end end = ls_run_end_of(prefill, way->rate, e2e_s - way->wait_s * saturated);
    const double rate = end.finished / (end.end_s - t->scenario->workload.warmup_s);
    m[LS_METRIC_MAKESPAN_S] = end.end_s;
    m[LS_METRIC_REQUEST_THROUGHPUT] = rate;
    m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT] = rate * load->output;
    m[LS_METRIC_TOTAL_TOKEN_THROUGHPUT] = rate * (load->output + load->asked);
    m[LS_METRIC_QUEUE_DEPTH_MEAN] = rate * way->wait_s;
    m[LS_METRIC_RUNNING_MEAN] = rate * (e2e_s - way->wait_s);
}

/* What both pools' GPUs do, cost and draw. */
static void fill_usage(const struct tandem *t, const struct way *way, double *m)
{
    static const enum ls_scalar_metric utilization[LS_N_POOL_ROLES] = {
        [LS_POOL_PREFILL] = LS_METRIC_PREFILL_UTILIZATION, [LS_POOL_DECODE] = LS_METRIC_DECODE_UTILIZATION};
    double gpus = 0, busy = 0, usd_per_h = 0, power_w = 0;
    for (int role = 0; role < LS_N_POOL_ROLES; role++) {
        const struct ls_scenario *pool = t->plants[role].scenario;
        const struct ls_hardware *hardware = &pool->cluster.hardware;
        const double n = (double)ls_scenario_gpus(pool), use = way->points[role].busy_frac;
        m[utilization[role]] = use;
        gpus += n;
        busy += n * use;
        usd_per_h += n * pool->prices.gpu_usd_per_h;
        power_w += n * (hardware->idle_power_w + (hardware->power_w - hardware->idle_power_w) * use);
    }
    const double output = m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT];
    m[LS_METRIC_GPU_UTILIZATION] = busy / gpus;
    m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT_PER_GPU] = output / gpus;
    m[LS_METRIC_USD_PER_MTOK] = usd_per_h / 3600.0 * 1e6 / output;
    m[LS_METRIC_JOULE_PER_TOK] = power_w / output;
}

static void fill_latencies(const struct tandem *t, const struct way *way, double *m)
{
    const struct ls_plant *decode = &t->plants[LS_POOL_DECODE];
    m[LS_METRIC_TTFT_MEAN_S] = way->ttft_s;
    m[LS_METRIC_E2E_MEAN_S] = way->ttft_s + way->decode_s;
    m[LS_METRIC_QUEUE_WAIT_MEAN_S] = way->wait_s;
    if (decode->decodes <= 0)
        return;
    const double once_s = way->decode_s - decode->decodes * way->points[LS_POOL_DECODE].pass_s; /* not a pass's */
    const double spread = decode->load.output_sq / (decode->load.output * decode->load.output);
    m[LS_METRIC_TPOT_MEAN_S] =
        way->points[LS_POOL_DECODE].pass_s * decode->tpot + once_s * spread / (decode->load.output - 1);
    m[LS_METRIC_ITL_MEAN_S] = way->decode_s / (decode->load.output - 1);
    m[LS_METRIC_HANDOVER_WAIT_MEAN_S] = way->handover_s;
    m[LS_METRIC_TRANSFER_MEAN_S] = t->transfer_s;
    if (decode->drafts.n > 0)
        m[LS_METRIC_TOKENS_PER_VERIFICATION] = decode->gained;
}

enum ls_status ls_low_run_pools(const struct ls_scenario *scenario, const struct ls_scenario *pools,
                                const int64_t *kv_blocks, struct ls_arena *arena, struct ls_metrics *metrics,
                                struct ls_err *err)
{
    struct tandem t = {.scenario = scenario};
    struct way way = {0};
    double *m = metrics->scalar;
    const enum ls_status status = init(&t, pools, kv_blocks, arena, err);
    if (status)
        return status;
    const bool closed = !isnan(t.plants[LS_POOL_PREFILL].load.users);
    if (closed)
        find_closed(&t, &way);
    const bool saturated = !closed && find_open(&t, &way);
    m[LS_METRIC_SATURATED] = saturated;
    fill_rates(&t, &way, saturated, m);
    fill_usage(&t, &way, m);
    fill_latencies(&t, &way, m);
    m[LS_METRIC_PREFIX_HIT_RATE] = 0;
    m[LS_METRIC_KV_UTILIZATION_MEAN] = fmin(1.0, way.points[LS_POOL_DECODE].batch * t.plants[LS_POOL_DECODE].context /
                                                     fmax(1.0, m[LS_METRIC_KV_CAPACITY_TOK]));
    m[LS_METRIC_N_EVENTS] = 0;
    m[LS_METRIC_N_EXTRAPOLATED] = (double)(*t.plants[0].cost.n_extrapolated + *t.plants[1].cost.n_extrapolated);
    return LS_OK;
}
