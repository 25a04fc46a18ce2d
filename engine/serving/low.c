#include "engine/serving/low.h"

#include <math.h>

#include "engine/memory/serving_memory.h"
#include "engine/serving/frontend.h"
#include "engine/serving/load.h"
#include "engine/serving/variation.h"
#include "engine/sim/clock.h"

enum { MAX_ITERATIONS = 60 };

struct low {
    const struct ls_scenario *scenario;
    struct ls_step_cost cost;
    struct ls_variation variation;
    struct ls_batch *batches; /* [ep] */
    bool *between_nodes;      /* [pp] whether the send after a stage leaves the node */
    struct ls_load load;
    double members, stages;
    double rate; /* requests a second of one pipeline */
    double prompt_variance;
    double decodes;   /* passes that a request decodes in: E[O] − 1 */
    double context;   /* mean KV tokens of a decoding request */
    double budget;    /* tokens of a pass and scheduler */
    double max_batch; /* decodes of one scheduler: slots or KV blocks */
};

/* One pass of a pipeline. */
struct pass {
    double latency_s; /* composed to completed */
    double stage_s;   /* its slowest stage, or the CPU */
    double busy_s;    /* all stages */
};

/* The operating point of one pipeline. */
struct point {
    double batch;  /* decodes of one scheduler */
    double pass_s; /* mean time between two tokens of a request */
    double pass_sq;
    double busy_s;  /* stage time of a mean pass */
    double first_s; /* pass of its own prompt, as an arriving request sees it */
};

/* A pass in which every scheduler of the pipeline decodes `batch` requests, at most max_num_seqs, and `prompt_tok`
 * prompt tokens join. */
static struct pass time_batch(struct low *low, int64_t batch, double prompt_tok)
{
    const struct ls_engine *engine = &low->scenario->engine;
    const double prompts = prompt_tok / low->load.prompt;
    const double window = low->scenario->model.sliding_window == LS_NULL_INT
                              ? (double)INFINITY
                              : (double)low->scenario->model.sliding_window;
    const int64_t n_prefill = prompt_tok > 0 ? (int64_t)fmax(1.0, prompts + 0.5) : 0;
    const int64_t room = engine->max_num_batched_tokens - batch;
    const int64_t n_tok = prompt_tok + 0.5 < (double)room ? (int64_t)(prompt_tok + 0.5) : room;
    const double pairs = prompts * (low->load.prompt_sq + low->load.prompt) / 2;
    struct ls_batch one = {
        .n_decode = batch,
        .decode_context = (int64_t)((double)batch * low->context + 0.5),
        .decode_window = (int64_t)((double)batch * fmin(low->context, window) + 0.5),
        .n_prefill = n_prefill,
        .prefill_tok = n_tok,
        .prefill_context = n_tok,
        .prefill_pairs = (int64_t)pairs,
        .prefill_window_context = n_tok,
        .prefill_window_pairs = (int64_t)fmin(pairs, prompt_tok * window),
    };
    one.n_tok = batch + n_tok;
    one.n_sampled = batch + n_prefill < engine->max_num_seqs ? batch + n_prefill : engine->max_num_seqs;
    for (int64_t i = 0; i < low->cost.n_members; i++)
        low->batches[i] = one;
    struct ls_step step;
    ls_step_cost(&low->cost, low->batches, &step);
    const double cpu_s = engine->step_overhead_s + engine->step_overhead_per_seq_s * (double)one.n_sampled;
    struct pass pass = {.latency_s = engine->overlap_scheduling ? 0 : cpu_s, .stage_s = low->stages > 1 ? cpu_s : 0};
    for (int64_t i = 0; i < low->cost.n_stages; i++) {
        const struct ls_stage *stage = &low->cost.stages[i];
        const double stage_s = low->variation.any ? ls_variation_mean_ps(&low->variation, i, stage, &step) / LS_PS_PER_S
                                                  : ls_s_from_ps(ls_stage_ps(stage, &step));
        pass.latency_s += stage_s;
        pass.busy_s += stage_s;
        pass.stage_s = fmax(pass.stage_s, stage_s);
        if (i + 1 < low->cost.n_stages)
            pass.latency_s += ls_s_from_ps(step.linear->send_ps[low->between_nodes[i]]);
    }
    pass.latency_s = fmax(pass.latency_s, cpu_s);
    return pass;
}

/* The same between whole numbers of decodes; at least one token. */
static struct pass time_pass(struct low *low, double batch, double prompt_tok)
{
    const double most = (double)low->scenario->engine.max_num_seqs;
    batch = fmin(batch, most);
    const double floor_batch = prompt_tok >= 1 ? floor(batch) : fmax(1.0, floor(batch));
    const struct pass below = time_batch(low, (int64_t)floor_batch, prompt_tok);
    const double share = batch - floor_batch;
    if (share <= 0)
        return below;
    const struct pass above = time_batch(low, (int64_t)floor_batch + 1, prompt_tok);
    return (struct pass){
        .latency_s = below.latency_s + share * (above.latency_s - below.latency_s),
        .stage_s = below.stage_s + share * (above.stage_s - below.stage_s),
        .busy_s = below.busy_s + share * (above.busy_s - below.busy_s),
    };
}

/* Time until the same slot's next pass: its own, or the turn of the other slots at the slowest stage. */
static double period_s(const struct low *low, const struct pass *pass, double slots)
{
    return low->stages > 1 ? fmax(pass->latency_s, slots * pass->stage_s) : pass->latency_s;
}

/* Slots that have work when `batch` requests decode. */
static double slots_in_use(const struct low *low, double batch)
{
    return fmin(low->stages, fmax(1.0, batch));
}

/* A cycle, in which each request that decodes gets a token, when `prompts` prompts join it. */
struct joined {
    double n_cycles; /* more than one where the budget spreads the prompts over several */
    double period_s, busy_s;
};

/* One stage: the prompts share passes of at most the budget. */
static struct joined join_one_stage(struct low *low, double batch, double prompts)
{
    const double tok = prompts * low->load.prompt / low->members, room = fmax(1.0, low->budget - batch);
    const double n_passes = fmax(1.0, tok / room);
    const struct pass pass = time_pass(low, batch, fmin(tok, room));
    return (struct joined){n_passes, n_passes * pass.latency_s, n_passes * pass.busy_s};
}

/* Several stages: a pass with a prompt is slow on each of them, and the other slots' passes queue up behind it until it
 * leaves the last one; every further prompt of the cycle adds its time on the slowest stage. */
static struct joined join_stages(struct low *low, double batch, double prompts)
{
    const double slots = slots_in_use(low, batch), in_slot = batch / slots;
    const struct pass decode = time_pass(low, in_slot, 0);
    struct joined joined = {1, fmax(decode.latency_s, slots * decode.stage_s), slots * decode.busy_s};
    if (prompts <= 0)
        return joined;
    const double room = fmax(1.0, low->budget - in_slot), n_chunks = fmax(1.0, low->load.prompt / room);
    const struct pass chunk = time_pass(low, in_slot, low->load.prompt / n_chunks);
    const double n = prompts * n_chunks;
    joined.period_s = fmax(chunk.latency_s + fmax(0.0, n - 1) * chunk.stage_s,
                           slots * decode.stage_s + n * (chunk.stage_s - decode.stage_s));
    joined.busy_s += n * (chunk.busy_s - decode.busy_s);
    return joined;
}

static struct joined join_prompts(struct low *low, double batch, double prompts)
{
    return low->stages > 1 ? join_stages(low, batch, prompts) : join_one_stage(low, batch, prompts);
}

/* How many prompts join a cycle: as many as arrived during the one before. Given its length that has the variance of
 * the arrivals; since lengths vary, the mixture has rate² · Var(length) more. A negative binomial takes a variance
 * above the mean, a binomial one below. */
struct joiners {
    double mean, variance;
};

/* Variance of the arrivals at one replica over their mean, when `mean` of them are expected. Round robin over n
 * replicas gives each every nth: soon after one there is none, and over a long time the variance is an nth. */
static double dispersion(const struct low *low, double mean)
{
    const double n = (double)low->scenario->strategy.dp;
    const bool in_turn =
        low->scenario->engine.router == 0 /* round_robin */ && n > 1 && low->scenario->strategy.ep == 1;
    return in_turn ? 1 / n + (1 - 1 / n) * exp(-mean * n / (n - 1)) : 1;
}

static struct joiners joiners_of(const struct low *low, double mean_s, double square)
{
    const double mean = low->rate * mean_s, excess = low->rate * low->rate * fmax(0.0, square - mean_s * mean_s);
    return (struct joiners){mean, mean * dispersion(low, mean) + excess};
}

static bool is_poisson(const struct joiners *j)
{
    return fabs(j->variance - j->mean) <= 1e-6 * j->mean;
}

/* p^r of the negative binomial with p = mean / variance; the binomial's is the same with r < 0. */
static double chance_of_none(const struct joiners *j)
{
    const double size = j->mean * j->mean / (j->variance - j->mean);
    return is_poisson(j) ? exp(-j->mean) : pow(j->mean / j->variance, size);
}

/* Chance of k + 1 over that of k. */
static double next_ratio(const struct joiners *j, int k)
{
    const double size = j->mean * j->mean / (j->variance - j->mean);
    return is_poisson(j) ? j->mean / (k + 1) : fmax(0.0, (k + size) / (k + 1) * (1 - j->mean / j->variance));
}

/* Mean over the prompts that join a cycle besides the `extra` that do for certain. *square: mean square of the time
 * that an arriving request finds left, doubled: a quiet cycle of several stages ends a pass in every slot. */
static struct joined mean_joined(struct low *low, double batch, const struct joiners *joiners, double extra,
                                 double *square)
{
    struct joined sum = {0};
    *square = 0;
    double probability = chance_of_none(joiners), left = 1, before_s = 0;
    for (int k = 0; left > 0; k++) {
        const bool last = left - probability < 1e-4 || k == 63;
        const double weight = last ? left : probability;
        const double prompts = last && k > 0 ? fmax(k, joiners->mean) : k;
        const struct joined joined = join_prompts(low, batch, prompts + extra);
        const double gap_s = joined.period_s / joined.n_cycles;
        sum.n_cycles += weight * joined.n_cycles;
        sum.period_s += weight * joined.period_s;
        sum.busy_s += weight * joined.busy_s;
        /* prompts differ, each on one stage at a time */
        const double prompt_s = k > 0 ? (joined.period_s - before_s) / low->stages : 0;
        const double spread = (prompts + extra) * low->prompt_variance * prompt_s * prompt_s;
        before_s = joined.period_s;
        *square += weight * (joined.n_cycles * gap_s * gap_s + spread) /
                   (prompts + extra < 0.5 ? slots_in_use(low, batch) : 1.0);
        left = last ? 0 : left - weight;
        probability *= next_ratio(joiners, k);
    }
    return sum;
}

/* Little's law and the pass time, iterated from below; false when no slot or block is left for the batch. */
static bool find_point(struct low *low, struct point *point)
{
    double pass_s = join_prompts(low, 1, 0).period_s;
    struct joiners joiners = joiners_of(low, pass_s, 0);
    for (int i = 0; i < MAX_ITERATIONS; i++) {
        point->batch = low->rate / low->members * low->decodes * pass_s;
        if (point->batch > low->max_batch)
            return false;
        double square;
        const struct joined mean = mean_joined(low, point->batch + 1, &joiners, 0, &square);
        const double next_s = mean.period_s / mean.n_cycles;
        point->pass_sq = square / mean.n_cycles;
        point->busy_s = mean.busy_s / mean.n_cycles;
        joiners = joiners_of(low, next_s, fmax(point->pass_sq, next_s * next_s));
        const double change = fabs(next_s - pass_s);
        pass_s = next_s;
        if (change < 1e-4 * pass_s)
            break;
    }
    point->pass_s = pass_s;
    /* a request falls into a cycle with others that join, E[N (N − 1)] / E[N] of them: more where lengths vary, fewer
     * where requests come in turn */
    const double spread = joiners.variance / joiners.mean, others = fmax(1e-9, joiners.mean + spread - 1);
    joiners = (struct joiners){others, others * spread};
    double unused;
    point->first_s = mean_joined(low, point->batch, &joiners, 1, &unused).period_s;
    return point->batch <= low->max_batch;
}

/* Everything in use: how fast requests are served at most. */
static double find_capacity(struct low *low, struct point *point)
{
    if (low->decodes < 1e-9) { /* prompts alone */
        const struct pass pass = time_pass(low, 0, low->budget);
        point->pass_s = period_s(low, &pass, low->stages);
        point->busy_s = low->stages * pass.busy_s;
        point->batch = 0;
        point->first_s = point->pass_s;
        return low->stages * low->members * low->budget / (low->load.prompt * point->pass_s);
    }
    const double prompt_share = low->load.prompt / low->decodes; /* prompt tokens for each decode */
    const double in_slot = fmin(low->max_batch / low->stages, low->budget / (1.0 + prompt_share));
    const struct pass pass = time_pass(low, in_slot, in_slot * prompt_share);
    point->pass_s = period_s(low, &pass, low->stages);
    point->pass_sq = point->pass_s * point->pass_s;
    point->busy_s = low->stages * pass.busy_s;
    point->first_s = point->pass_s;
    point->batch = in_slot * low->stages;
    return low->members * point->batch / (low->decodes * point->pass_s);
}

/* Wait for one of many slots: Sakasegawa's approximation (Annals of the Institute of Statistical Mathematics 29, 1977)
 * with the arrivals' dispersion and the outputs' variability. */
static double slot_wait_s(const struct low *low, const struct point *point)
{
    const double servers = low->max_batch, use = point->batch / servers;
    if (use >= 1 || low->decodes < 1e-9)
        return 0;
    const double service_s = low->decodes * point->pass_s;
    const double variance = low->load.output_sq / (low->load.output * low->load.output) - 1.0;
    const double cs = fmax(0.0, variance);
    return (low->load.dispersion + cs) / 2 * service_s / servers * pow(use, sqrt(2.0 * (servers + 1)) - 1.0) /
           (1.0 - use);
}

struct estimate {
    struct point point;
    double rate;     /* requests a second of the deployment while it is busy */
    double capacity; /* the most it could serve */
    double wait_s;
    double ttft_s;
    double active_frac; /* of the time, a pass is under way */
    bool saturated;
};

/* Time of a request and its first token with the front end and on the way from and to the client, without queues. */
static double front_s(const struct low *low)
{
    struct ls_frontend frontend = ls_frontend_make(low->scenario);
    const int64_t ready_ps = ls_frontend_receive(&frontend, 0, (int64_t)low->load.prompt);
    return ls_s_from_ps(ls_frontend_send(&frontend, ready_ps, 1));
}

static struct estimate estimate_open(struct low *low)
{
    const double pipelines = (double)low->scenario->strategy.dp;
    struct estimate e = {0};
    struct point capacity_point;
    e.capacity = pipelines * find_capacity(low, &capacity_point);
    low->rate = low->load.rate / pipelines;
    e.saturated = low->load.rate >= e.capacity || !find_point(low, &e.point);
    if (e.saturated) {
        e.point = capacity_point;
        e.active_frac = 1;
        e.rate = fmin(low->load.rate, e.capacity);
        /* the queue grows for as long as requests arrive: half of the final wait on average */
        const double last_wait_s = low->load.n_requests / e.rate - low->load.arrivals_s;
        e.wait_s = fmax(0.0, last_wait_s / 2);
        e.ttft_s = e.wait_s + e.point.first_s + front_s(low);
        return e;
    }
    e.rate = low->load.rate;
    const double idle = exp(-(e.point.batch * low->members + low->rate * e.point.first_s));
    /* what is left of the pass that it falls into; where requests come in turn, less often a long one */
    const double pass_s = e.point.pass_s, seen = dispersion(low, low->rate * pass_s);
    const double left_s = (pass_s + (e.point.pass_sq / pass_s - pass_s) * seen) / 2;
    e.active_frac = 1 - idle;
    e.wait_s = e.active_frac * left_s + slot_wait_s(low, &e.point);
    e.ttft_s = e.wait_s + e.point.first_s + front_s(low);
    return e;
}

/* Users who each have one request in the system: the rate at which Little's law holds for all of them. */
static struct estimate estimate_closed(struct low *low)
{
    const double pipelines = (double)low->scenario->strategy.dp;
    struct point capacity_point;
    const double capacity = pipelines * find_capacity(low, &capacity_point);
    struct estimate e = {.capacity = capacity, .active_frac = 1};
    double low_rate = 0, high_rate = capacity;
    for (int i = 0; i < 40; i++) {
        struct point point;
        const double rate = (low_rate + high_rate) / 2;
        low->rate = rate / pipelines;
        const bool found = find_point(low, &point);
        const double residence_s =
            found ? front_s(low) + point.first_s + low->decodes * point.pass_s : (double)INFINITY;
        if (rate * residence_s < low->load.users) {
            low_rate = rate;
            e.point = point;
        } else {
            high_rate = rate;
        }
        if (high_rate - low_rate < 1e-4 * high_rate)
            break;
    }
    e.rate = low_rate;
    if (low_rate >= 0.995 * capacity || e.point.pass_s == 0)
        e.point = capacity_point;
    const double in_service = e.rate * (front_s(low) + e.point.first_s + low->decodes * e.point.pass_s);
    e.wait_s = fmax(0.0, (low->load.users - in_service) / e.rate);
    e.ttft_s = e.wait_s + e.point.first_s + front_s(low);
    return e;
}

static void fill_metrics(const struct low *low, const struct estimate *e, struct ls_metrics *metrics)
{
    const struct ls_scenario *scenario = low->scenario;
    const struct ls_workload *workload = &scenario->workload;
    const struct ls_hardware *hardware = &scenario->cluster.hardware;
    const double gpus = (double)ls_scenario_gpus(scenario);
    const double e2e_s = e->ttft_s + low->decodes * e->point.pass_s;
    const double all_s = fmax(low->load.arrivals_s, low->load.n_requests / e->rate);
    const double end_s = workload->drain ? all_s + (e2e_s - e->wait_s * e->saturated) : workload->duration_s;
    const double window_s = end_s - workload->warmup_s;
    const double served = fmin(low->load.n_requests * (1 - workload->warmup_s / all_s), e->rate * window_s);
    double *m = metrics->scalar;
    m[LS_METRIC_SATURATED] = e->saturated;
    m[LS_METRIC_MAKESPAN_S] = end_s;
    m[LS_METRIC_REQUEST_THROUGHPUT] = served / window_s;
    m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT] = served / window_s * low->load.output;
    m[LS_METRIC_TOTAL_TOKEN_THROUGHPUT] = served / window_s * (low->load.output + low->load.prompt);
    m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT_PER_GPU] = m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT] / gpus;
    m[LS_METRIC_TTFT_MEAN_S] = e->ttft_s;
    m[LS_METRIC_TPOT_MEAN_S] = low->decodes > 0 ? e->point.pass_s : (double)NAN;
    m[LS_METRIC_ITL_MEAN_S] = m[LS_METRIC_TPOT_MEAN_S];
    m[LS_METRIC_E2E_MEAN_S] = e2e_s;
    m[LS_METRIC_QUEUE_WAIT_MEAN_S] = e->wait_s;
    m[LS_METRIC_QUEUE_DEPTH_MEAN] = served / window_s * e->wait_s;
    m[LS_METRIC_RUNNING_MEAN] = served / window_s * (e2e_s - e->wait_s);
    m[LS_METRIC_GPU_UTILIZATION] = e->active_frac * fmin(1.0, e->point.busy_s / (low->stages * e->point.pass_s));
    m[LS_METRIC_KV_UTILIZATION_MEAN] = fmin(
        1.0, e->point.batch * low->context / (m[LS_METRIC_KV_CAPACITY_TOK] > 0 ? m[LS_METRIC_KV_CAPACITY_TOK] : 1));
    m[LS_METRIC_N_EVENTS] = 0;
    m[LS_METRIC_N_EXTRAPOLATED] = (double)*low->cost.n_extrapolated;
    m[LS_METRIC_USD_PER_MTOK] =
        scenario->prices.gpu_usd_per_h / 3600.0 * 1e6 / m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT_PER_GPU];
    m[LS_METRIC_JOULE_PER_TOK] =
        (hardware->idle_power_w + (hardware->power_w - hardware->idle_power_w) * m[LS_METRIC_GPU_UTILIZATION]) /
        m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT_PER_GPU];
}

static enum ls_status init(struct low *low, int64_t kv_blocks, struct ls_arena *arena, struct ls_err *err)
{
    const struct ls_scenario *scenario = low->scenario;
    const struct ls_engine *engine = &scenario->engine;
    struct ls_placement placement;
    enum ls_status status = ls_placement_init(&placement, &scenario->cluster, &scenario->strategy, err);
    if (status || (status = ls_step_cost_init(&low->cost, scenario, arena, err)))
        return status;
    low->batches = ls_arena_take(arena, (size_t)scenario->strategy.ep * sizeof *low->batches);
    low->between_nodes = ls_arena_take(arena, (size_t)scenario->strategy.pp * sizeof *low->between_nodes);
    if (!low->batches || !low->between_nodes || ls_variation_init(&low->variation, scenario, &placement, arena))
        return ls_fail(err, LS_NOMEM, "out of memory");
    for (int64_t i = 0; i < scenario->strategy.pp; i++)
        low->between_nodes[i] = i + 1 < scenario->strategy.pp && ls_placement_send_crosses(&placement, 0, i);
    ls_load_measure(&low->load, scenario);
    low->prompt_variance = fmax(0.0, low->load.prompt_sq / (low->load.prompt * low->load.prompt) - 1.0);
    low->decodes = fmax(0.0, low->load.output - 1);
    low->context = low->load.prompt_output / low->load.output + low->load.output_sq / (2 * low->load.output);
    const double held = low->context + (double)engine->block_size / 2;
    low->max_batch = fmin((double)engine->max_num_seqs, (double)kv_blocks * (double)engine->block_size / held);
    return LS_OK;
}

static struct low low_of(const struct ls_scenario *scenario)
{
    return (struct low){
        .scenario = scenario,
        .members = (double)scenario->strategy.ep,
        .stages = (double)scenario->strategy.pp,
        .budget = (double)scenario->engine.max_num_batched_tokens,
    };
}

enum ls_status ls_low_run(const struct ls_scenario *scenario, int64_t kv_blocks, struct ls_arena *arena,
                          struct ls_metrics *metrics, struct ls_err *err)
{
    struct low low = low_of(scenario);
    const enum ls_status status = init(&low, kv_blocks, arena, err);
    if (status)
        return status;
    const struct estimate e = isnan(low.load.users) ? estimate_open(&low) : estimate_closed(&low);
    fill_metrics(&low, &e, metrics);
    return LS_OK;
}

/* Time between two tokens of a request when all slots or KV blocks are in use and every pass is full. */
static enum ls_status full_pass_s(const struct ls_scenario *scenario, struct ls_arena *arena, double *pass_s,
                                  struct ls_err *err)
{
    struct ls_serving_memory memory;
    struct low low = low_of(scenario);
    (void)ls_serving_memory(scenario, &memory);
    ls_arena_reset(arena);
    const enum ls_status status = init(&low, memory.kv_blocks > 0 ? memory.kv_blocks : INT32_MAX, arena, err);
    if (status)
        return status;
    const double in_slot = fmin(low.max_batch / low.stages, low.budget);
    const struct pass pass = time_pass(&low, in_slot, low.budget - in_slot);
    *pass_s = period_s(&low, &pass, low.stages);
    return LS_OK;
}

enum ls_status ls_slo_token_budget(const struct ls_scenario *scenario, int64_t *budget, struct ls_err *err)
{
    struct ls_scenario trial = *scenario;
    struct ls_arena arena = {0};
    enum ls_status status = LS_OK;
    int64_t fits = scenario->engine.max_num_seqs, above = 32768 + 1;
    while (above - fits > 1 && !status) {
        double pass_s = 0;
        trial.engine.max_num_batched_tokens = fits + (above - fits) / 2;
        status = full_pass_s(&trial, &arena, &pass_s, err);
        if (pass_s <= scenario->slo.tpot_s)
            fits = trial.engine.max_num_batched_tokens;
        else
            above = trial.engine.max_num_batched_tokens;
    }
    ls_arena_release(&arena);
    if (!status)
        *budget = fits;
    return status;
}
