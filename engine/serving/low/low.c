#include "engine/serving/low/low.h"

#include <math.h>

#include "engine/memory/serving_memory.h"
#include "engine/serving/low/course.h"
#include "engine/serving/low/plant.h"
#include "engine/serving/low/ramp.h"
#include "engine/serving/low/reuse.h"
#include "engine/serving/low/steady.h"
#include "engine/serving/low/walk.h"
#include "engine/serving/workload/arrivals.h"

enum { MAX_ROUNDS = 8 };     /* of what is found in KV caches and what comes of it */
enum { WALKED_BATCHES = 8 }; /* so many times all places: later ones see a steady state */

static void fill_means(const struct ls_plant *plant, const struct ls_point *point, double rate, bool overloaded,
                       struct ls_means *means)
{
    means->tpot_s = point->pass_s * plant->tpot;
    means->e2e_s = means->ttft_s + plant->decodes * point->pass_s;
    means->batch = point->batch;
    means->busy_frac = point->busy_frac;
    const struct ls_run_end end = ls_run_end_of(plant, rate, means->e2e_s - means->wait_s * overloaded);
    means->end_s = end.end_s;
    means->finished = end.finished;
}

/* Arrivals in bursts, if all requests come in them. */
static const struct ls_arrivals *swinging(const struct ls_workload *workload)
{
    const struct ls_arrivals *found = NULL;
    int n = 0;
    for (int32_t i = 0; i < workload->n_profiles; i++) {
        const struct ls_profile *profile = &workload->profiles[i];
        const bool some =
            workload->mixing == LS_MIXING_SEQUENTIAL_DRAW ? profile->weight > 0 : profile->arrivals.rate > 0;
        n += some;
        if (some && profile->arrivals.process == LS_ARRIVALS_MMPP)
            found = &profile->arrivals;
    }
    return n == 1 ? found : NULL;
}

/* More than can be served comes to a pipeline. */
static bool is_overloaded(struct ls_plant *plant, double rate, double capacity, struct ls_point *point)
{
    return rate >= capacity || !ls_point_find(plant, rate, point);
}

static void estimate_open(struct ls_plant *plant, struct ls_means *means)
{
    const double pipelines = (double)plant->scenario->strategy.dp;
    const struct ls_load *load = &plant->load;
    struct ls_point point, full;
    const double capacity = ls_point_find_capacity(plant, &full), rate = fmin(load->rate, pipelines * capacity);
    const double arriving = load->rate / pipelines;
    if (is_overloaded(plant, arriving, capacity, &point)) {
        /* the queue grows for as long as requests arrive: half of the final wait on average */
        means->wait_s = fmax(0.0, (load->n_requests / rate - load->arrivals_s) / 2);
        const struct ls_front front = ls_front_of(plant, rate / pipelines, full.batch, full.pass_s);
        means->ttft_s = means->wait_s + front.receive_s + full.first_s + front.send_s;
        fill_means(plant, &full, rate, true, means);
        /* what comes at λ waits by λ/μ − 1 longer each second, and saturated is where that is more than 0.05 */
        means->saturated = is_overloaded(plant, arriving / 1.05, capacity, &point);
        return;
    }
    const double slot_s = ls_point_slot_wait_s(plant, &point);
    const struct ls_front front = ls_front_of(plant, rate / pipelines, point.batch, point.pass_s);
    const struct ls_arrivals *swing = swinging(&plant->scenario->workload);
    if (swing) {
        struct ls_means mean;
        ls_course_swing(plant, swing, &mean);
        point = (struct ls_point){.batch = mean.batch,
                                  .pass_s = mean.tpot_s,
                                  .busy_frac = mean.busy_frac,
                                  .first_s = mean.ttft_s,
                                  .wait_s = mean.wait_s};
    }
    means->wait_s = front.receive_s + point.wait_s + slot_s;
    means->ttft_s = front.receive_s + point.first_s + slot_s + front.send_s;
    fill_means(plant, &point, rate, false, means);
}

/* Users who each have one request in the system, or think: the rate at which Little's law holds for all of them. */
static void estimate_closed(struct ls_plant *plant, struct ls_means *means)
{
    const double pipelines = (double)plant->scenario->strategy.dp;
    struct ls_point point = {0}, full;
    const double capacity = pipelines * ls_point_find_capacity(plant, &full);
    struct ls_front front = {0};
    double low_rate = 0, high_rate = capacity;
    for (int i = 0; i < 40 && high_rate - low_rate > 1e-4 * high_rate; i++) {
        struct ls_point tried;
        const double rate = (low_rate + high_rate) / 2;
        bool fits = ls_point_find(plant, rate / pipelines, &tried);
        if (fits) {
            const struct ls_front there = ls_front_of(plant, rate / pipelines, tried.batch, tried.pass_s);
            const double there_s = there.receive_s + tried.first_s + there.send_s + plant->decodes * tried.pass_s;
            fits = rate * (there_s + plant->load.think_s) < plant->load.users;
            front = fits ? there : front;
        }
        *(fits ? &low_rate : &high_rate) = rate;
        point = fits ? tried : point;
    }
    if (low_rate >= 0.995 * capacity || point.pass_s == 0)
        point = full;
    const double there_s = front.receive_s + point.first_s + front.send_s + plant->decodes * point.pass_s;
    const double slot_s = fmax(0.0, plant->load.users / low_rate - there_s - plant->load.think_s);
    means->wait_s = front.receive_s + point.wait_s + slot_s;
    means->ttft_s = front.receive_s + point.first_s + slot_s + front.send_s;
    fill_means(plant, &point, low_rate, false, means);
}

/* Latencies that do not have the front end yet get it. */
static void add_front(const struct ls_plant *plant, struct ls_means *means)
{
    const double rate = plant->load.rate / (double)plant->scenario->strategy.dp;
    const struct ls_front front = ls_front_of(plant, fmin(rate, 1 / means->tpot_s), means->batch, means->tpot_s);
    const double front_s = front.receive_s + front.send_s;
    means->wait_s += front.receive_s;
    means->ttft_s += front_s;
    means->e2e_s += front_s;
}

static void fill_metrics(const struct ls_plant *plant, const struct ls_means *means, struct ls_metrics *metrics)
{
    const struct ls_scenario *scenario = plant->scenario;
    const struct ls_hardware *hardware = &scenario->cluster.hardware;
    const double gpus = (double)ls_scenario_gpus(scenario), window_s = means->end_s - scenario->workload.warmup_s;
    const double rate = means->finished / window_s;
    double *m = metrics->scalar;
    m[LS_METRIC_SATURATED] = means->saturated;
    m[LS_METRIC_MAKESPAN_S] = means->end_s;
    m[LS_METRIC_REQUEST_THROUGHPUT] = rate;
    const bool own = means->output_tok_per_s > 0;
    const double output_per_s = own ? means->output_tok_per_s : rate * plant->load.output;
    const double prompt_per_s = own ? means->prompt_tok_per_s : rate * plant->load.asked;
    m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT] = output_per_s;
    m[LS_METRIC_TOTAL_TOKEN_THROUGHPUT] = output_per_s + prompt_per_s;
    m[LS_METRIC_PREFIX_HIT_RATE] = plant->load.found / plant->load.asked;
    m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT_PER_GPU] = m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT] / gpus;
    m[LS_METRIC_TTFT_MEAN_S] = means->ttft_s;
    m[LS_METRIC_TPOT_MEAN_S] = plant->decodes > 0 ? means->tpot_s : (double)NAN;
    m[LS_METRIC_ITL_MEAN_S] = m[LS_METRIC_TPOT_MEAN_S];
    if (plant->drafts.n > 0)
        m[LS_METRIC_TOKENS_PER_VERIFICATION] = plant->gained;
    m[LS_METRIC_E2E_MEAN_S] = means->e2e_s;
    m[LS_METRIC_QUEUE_WAIT_MEAN_S] = means->wait_s;
    m[LS_METRIC_QUEUE_DEPTH_MEAN] = rate * means->wait_s;
    m[LS_METRIC_RUNNING_MEAN] = rate * (means->e2e_s - means->wait_s);
    m[LS_METRIC_GPU_UTILIZATION] = means->busy_frac;
    m[LS_METRIC_KV_UTILIZATION_MEAN] =
        fmin(1.0, means->batch * plant->context / fmax(1.0, m[LS_METRIC_KV_CAPACITY_TOK]));
    m[LS_METRIC_N_EVENTS] = 0;
    m[LS_METRIC_N_EXTRAPOLATED] = (double)*plant->cost.n_extrapolated;
    m[LS_METRIC_USD_PER_MTOK] =
        scenario->prices.gpu_usd_per_h / 3600.0 * 1e6 / m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT_PER_GPU];
    m[LS_METRIC_JOULE_PER_TOK] =
        (hardware->idle_power_w + (hardware->power_w - hardware->idle_power_w) * m[LS_METRIC_GPU_UTILIZATION]) /
        m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT_PER_GPU];
}

static void estimate_profiles(struct ls_plant *plant, struct ls_ramp *ramp, struct ls_means *means)
{
    *means = (struct ls_means){0};
    if (ramp)
        ls_ramp_reset(ramp, plant);
    if (isnan(plant->load.users))
        estimate_open(plant, means);
    else
        estimate_closed(plant, means);
    if (ramp && ls_ramp_matters(plant, means)) {
        ls_ramp_climb(ramp, plant, means);
        add_front(plant, means);
    }
}

/* What prompts find in the KV cache in a state. Returns by how much that changes what is left to compute of them. */
static double find_prefixes(struct ls_plant *plant, const struct ls_reuse *reuse, const struct ls_reuse_state *state)
{
    const double before = plant->load.prompt;
    ls_reuse_find(reuse, state, plant->classes);
    ls_plant_measure(plant);
    plant->max_batch =
        ls_reuse_max_batch(reuse, ls_plant_held_tok(plant), (double)plant->scenario->engine.max_num_seqs);
    return fabs(plant->load.prompt / before - 1);
}

/* What is found makes the state, and that makes what is found. */
static void estimate_with_reuse(struct ls_plant *plant, const struct ls_reuse *reuse, struct ls_ramp *ramp,
                                struct ls_means *means)
{
    struct ls_reuse_state state = ls_reuse_state_at_first(reuse, plant);
    (void)find_prefixes(plant, reuse, &state);
    for (int i = 0; i < MAX_ROUNDS; i++) {
        estimate_profiles(plant, ramp, means);
        state = ls_reuse_state_of(reuse, plant, means);
        if (find_prefixes(plant, reuse, &state) < 0.01)
            return;
    }
}

/* All requests arrive at once and are soon through, without a steady state between the first passes and the last. */
static bool is_brief(const struct ls_plant *plant)
{
    const struct ls_strategy *strategy = &plant->scenario->strategy;
    const double places = ls_plant_places(plant) * (double)(strategy->dp * strategy->ep);
    return isinf(plant->load.rate) && plant->load.n_requests <= WALKED_BATCHES * places && plant->drafts.n == 0;
}

enum ls_status ls_low_run(const struct ls_scenario *scenario, int64_t kv_blocks, struct ls_arena *arena,
                          struct ls_metrics *metrics, struct ls_err *err)
{
    struct ls_plant plant;
    struct ls_reuse *reuse;
    struct ls_ramp *ramp;
    struct ls_means means;
    enum ls_status status = ls_plant_init(&plant, scenario, kv_blocks, arena, err);
    if (status)
        return status;
    if (!ls_reuse_init(&reuse, &plant, kv_blocks, arena) || !ls_ramp_init(&ramp, &plant, arena))
        return ls_fail(err, LS_NOMEM, "out of memory");
    if (ls_workload_is_recorded(&scenario->workload) || (!reuse && is_brief(&plant)))
        status = ls_walk(&plant, arena, &means, err);
    else if (reuse)
        estimate_with_reuse(&plant, reuse, ramp, &means);
    else
        estimate_profiles(&plant, ramp, &means);
    if (!status)
        fill_metrics(&plant, &means, metrics);
    return status;
}

/* Time between two tokens of a request when all slots or KV blocks are in use and every pass is full. */
static enum ls_status full_pass_s(const struct ls_scenario *scenario, struct ls_arena *arena, double *pass_s,
                                  struct ls_err *err)
{
    struct ls_serving_memory memory;
    struct ls_plant plant;
    (void)ls_serving_memory(scenario, &memory);
    ls_arena_reset(arena);
    const enum ls_status status =
        ls_plant_init(&plant, scenario, memory.kv_blocks > 0 ? memory.kv_blocks : INT32_MAX, arena, err);
    if (status)
        return status;
    const double in_slot = fmin(plant.max_batch / plant.stages, plant.budget / plant.pass_tok);
    const struct ls_plant_pass pass =
        ls_point_pass(&plant, in_slot, plant.members * (plant.budget - in_slot * plant.pass_tok));
    *pass_s = ls_plant_period_s(&plant, &pass, plant.stages);
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
