#include "sweep/cell_cost.h"

#include <math.h>

#include "engine/memory/serving_memory.h"
#include "engine/serving/deployment/disaggregation.h"
#include "engine/serving/workload/arrivals.h"
#include "engine/serving/workload/session.h"

/* Fitted to one core of a 2020s server over the cells of tests/bench/mixed.yaml and configs/studies/first.yaml. A
 * cell's cost is predicted within a factor of 2 or so, which is enough for the queue; nothing else depends on it. */
#define CELL_US 50.0          /* to resolve, set up and sum up */
#define LOW_US 50.0           /* low: a few chains, */
#define LOW_TRACE_US 400.0    /* or one for each window of a trace, */
#define LOW_REQUEST_US 0.01   /* whose requests are counted */
#define REQUEST_US 1.8        /* medium, high: to route, admit and complete */
#define MEDIUM_PASS_US 0.02   /* most passes only add up */
#define MEDIUM_EP_PASS_US 1.0 /* but for groups, whose steps end together */
#define MEDIUM_CHANGE_US 0.3  /* of those that a request joins or leaves */
#define HIGH_EVENT_US 0.02    /* an operator block or a transfer */
#define GOODPUT_RUNS 10       /* more, to search for the highest good rate */

/* What a pass takes: the share of the memory's bandwidth that weights and caches are read at, of the peak that prompts
 * are computed at, and a collective of few tokens. */
#define READ_FRAC 0.8
#define COMPUTE_FRAC 0.5
#define COLLECTIVE_S 10e-6

/* From this share of its time on a lane counts as overloaded. */
#define FULL_FRAC 0.9

/* What the cost of a serving cell depends on. */
struct load {
    double n_requests;
    double arrivals_s;             /* from the first to the last */
    double prompt_tok, output_tok; /* of a request */
    double concurrency;            /* the most requests at once, whole deployment */
};

static struct load trace_load(const struct ls_workload *workload)
{
    const struct ls_trace *trace = workload->trace;
    const struct ls_trace_options *options = &workload->trace_options;
    size_t n = trace->n;
    if (options->max_requests != LS_NULL_INT && (size_t)options->max_requests < n)
        n = (size_t)options->max_requests;
    if (n == 0)
        return (struct load){.output_tok = 1, .concurrency = 1};
    /* A sample, so that predicting does not cost more for a longer trace. */
    const size_t stride = n / 64 + 1;
    double prompt_tok = 0, output_tok = 0, n_sampled = 0;
    for (size_t i = 0; i < n; i += stride, n_sampled++) {
        prompt_tok += (double)ls_trace_tok(workload, trace->requests[i].prompt_tok);
        output_tok += (double)ls_trace_tok(workload, trace->requests[i].output_tok);
    }
    const struct ls_arrivals *arrivals = &options->arrivals;
    double recorded_s = 1e-12 * (double)(trace->requests[n - 1].arrival_ps - trace->requests[0].arrival_ps);
    if (arrivals->process != LS_NULL_CHOICE)
        recorded_s = ls_arrivals_are_timed(arrivals) ? (double)n / arrivals->rate : 0;
    return (struct load){
        .n_requests = (double)n,
        .arrivals_s = recorded_s * options->time_scale,
        .prompt_tok = prompt_tok / n_sampled,
        .output_tok = output_tok / n_sampled,
        .concurrency = arrivals->process == LS_ARRIVALS_CLOSED ? (double)arrivals->concurrency : (double)n,
    };
}

/* Requests of a profile, infinite where nothing but max_requests ends them. */
static double n_of_profile(const struct ls_workload *workload, const struct ls_profile *profile)
{
    const struct ls_arrivals *arrivals = &profile->arrivals;
    if (ls_arrivals_are_timed(arrivals))
        return isnan(workload->duration_s) ? (double)INFINITY
                                           : arrivals->rate * ls_profile_mean_turns(profile) * workload->duration_s;
    return arrivals->requests == LS_NULL_INT ? (double)INFINITY : (double)arrivals->requests;
}

static struct load profile_load(const struct ls_workload *workload)
{
    double rate = 0, prompt_tok = 0, output_tok = 0, users = 0, sum = 0;
    for (int32_t i = 0; i < workload->n_profiles; i++) {
        const struct ls_profile *profile = &workload->profiles[i];
        prompt_tok += ls_mixture_mean(&profile->prompt_tokens) / workload->n_profiles;
        output_tok += ls_mixture_mean(&profile->output_tokens) / workload->n_profiles;
        if (profile->arrivals.process == LS_ARRIVALS_CLOSED)
            users += (double)profile->arrivals.concurrency;
        else if (ls_arrivals_are_timed(&profile->arrivals))
            rate += profile->arrivals.rate * ls_profile_mean_turns(profile);
        sum += n_of_profile(workload, profile);
    }
    const double n = workload->max_requests != LS_NULL_INT ? fmin(sum, (double)workload->max_requests) : sum;
    return (struct load){
        .n_requests = n,
        .arrivals_s = rate > 0 ? n / rate : 0,
        .prompt_tok = prompt_tok,
        .output_tok = output_tok,
        .concurrency = users > 0 ? users : n,
    };
}

/* One of the dp · ep · pp batches that are under way at once, with an equal share of the requests. */
struct lane {
    double n_lanes;
    double n_requests, output_tok;
    double pass_s;   /* of an empty batch */
    double prompt_s; /* that a request's prompt adds to the passes */
    double decode_s; /* that a running request adds to each pass */
    double most;     /* requests that fit into a batch */
};

/* What a KV pool of `pool` times a request's mean tokens does to requests whose lengths are exponential: those longer
 * than the pool are rejected, and with them go more tokens than requests. */
static double served_frac(double pool)
{
    return -expm1(-pool);
}

static double served_tok_frac(double pool)
{
    return 1 - (1 + pool) * exp(-pool);
}

/* The KV pool of a lane over the mean tokens of a request. */
static double pool_requests(const struct ls_scenario *scenario, const struct load *load)
{
    struct ls_serving_memory memory;
    if (ls_serving_memory(scenario, &memory) != LS_REASON_NONE)
        return 1;
    return (double)memory.kv_blocks * (double)scenario->engine.block_size / (double)scenario->strategy.pp /
           (load->prompt_tok + load->output_tok);
}

static struct lane lane_of(const struct ls_scenario *scenario, const struct load *load)
{
    const struct ls_strategy *strategy = &scenario->strategy;
    const struct ls_hardware *hardware = &scenario->cluster.hardware;
    const struct ls_model *model = &scenario->model;
    const double gpus = (double)(strategy->tp * strategy->ep);
    const double read_bytes_per_s = READ_FRAC * gpus * hardware->memory_bandwidth_bytes_per_s;
    const double flop_per_s = COMPUTE_FRAC * gpus * hardware->peak.by_dtype[model->activation_dtype];
    const double layers = (double)model->num_hidden_layers;
    const double n_lanes = (double)(strategy->dp * strategy->ep * strategy->pp);
    const double kv_bytes_per_tok =
        layers * (double)strategy->tp *
        ls_kv_bytes_per_token_layer(model, strategy->tp, (enum ls_dtype)model->activation_dtype);
    const double pool = pool_requests(scenario, load);
    const double fitting = pool * served_frac(pool) / served_tok_frac(pool);
    return (struct lane){
        .n_lanes = n_lanes,
        .n_requests = load->n_requests * served_frac(pool) / n_lanes,
        .output_tok = load->output_tok * served_tok_frac(pool) / served_frac(pool),
        .pass_s = scenario->engine.step_overhead_s + 2 * (double)ls_model_parameters(model) / read_bytes_per_s +
                  (gpus > 1 ? 2 * layers * COLLECTIVE_S : 0),
        .prompt_s = 2 * (double)ls_model_active_parameters(model) * load->prompt_tok / flop_per_s,
        .decode_s = kv_bytes_per_tok * (load->prompt_tok + load->output_tok / 2) / read_bytes_per_s,
        .most = fmax(1, fmin(fmin((double)scenario->engine.max_num_seqs, fitting), load->concurrency / n_lanes)),
    };
}

/* Passes of all lanes. A lane that keeps up passes as long as a request is there: with Poisson arrivals and as many
 * requests under way as Little's law says, 1 − exp(−that) of the time; one that does not keep up passes with full
 * batches. In no case are there more passes than tokens. */
static double n_passes(const struct ls_scenario *scenario, const struct load *load)
{
    const struct lane lane = lane_of(scenario, load);
    const double rate = lane.n_requests / load->arrivals_s;
    const double busy_frac = rate * (lane.prompt_s + lane.decode_s * lane.output_tok);
    const double full = lane.n_requests * lane.output_tok / lane.most;
    const double tail = 2 * lane.output_tok * fmin(1, lane.n_requests);
    double passes = full + tail;
    if (busy_frac < FULL_FRAC) {
        const double pass_s = lane.pass_s / (1 - busy_frac);
        const double running = rate * lane.output_tok * pass_s;
        passes = fmax(full, -expm1(-running) * load->arrivals_s / pass_s) + tail;
    }
    return lane.n_lanes * fmin(passes, lane.n_requests * lane.output_tok);
}

/* Of a pass at high: each layer's attention and MLP, and their collectives, an event each as long as nobody is in the
 * way. */
static double events_per_pass(const struct ls_scenario *scenario)
{
    const struct ls_strategy *strategy = &scenario->strategy;
    double per_layer = 2;
    if (strategy->tp > 1)
        per_layer += 4 - 4 / (double)strategy->tp;
    if (strategy->ep > 1)
        per_layer += 2;
    return (double)scenario->model.num_hidden_layers * per_layer + 2;
}

/* A run that does not drain is repeated for what it cuts off. */
static double n_runs(const struct ls_scenario *scenario)
{
    return scenario->workload.drain ? 1 : 2;
}

/* Of two pools the decode pool, which takes most passes, stands for both. */
static struct ls_scenario decoding_part(const struct ls_scenario *scenario)
{
    struct ls_scenario part;
    if (!ls_scenario_is_disaggregated(scenario))
        return *scenario;
    ls_disaggregation_pool(scenario, LS_POOL_DECODE, &part);
    return part;
}

static double run_cost(const struct ls_scenario *scenario)
{
    const struct load load =
        scenario->workload.trace ? trace_load(&scenario->workload) : profile_load(&scenario->workload);
    const double request_us = REQUEST_US * load.n_requests;
    double run_us = scenario->workload.trace ? LOW_TRACE_US + LOW_REQUEST_US * load.n_requests : LOW_US;
    if (scenario->strategy.lod != LS_LOD_LOW) {
        const double passes = n_passes(scenario, &load);
        const double pass_us = scenario->strategy.ep > 1 ? MEDIUM_EP_PASS_US : MEDIUM_PASS_US;
        run_us = request_us + (scenario->strategy.lod == LS_LOD_MEDIUM
                                   ? pass_us * passes + MEDIUM_CHANGE_US * fmin(passes, 3 * load.n_requests)
                                   : HIGH_EVENT_US * passes * events_per_pass(scenario));
    }
    return CELL_US + n_runs(scenario) * run_us;
}

static double serving_cost(const struct ls_scenario *scenario)
{
    const struct ls_scenario part = decoding_part(scenario);
    return run_cost(&part) * (scenario->slo.max_goodput ? 1 + GOODPUT_RUNS : 1);
}

double ls_cell_cost(const struct ls_study *study, uint64_t cell)
{
    struct ls_scenario scenario;
    enum ls_reason reason;
    struct ls_err err;
    if (ls_study_cell(study, cell, &scenario, &reason, &err) != LS_OK || reason != LS_REASON_NONE)
        return 1;
    const double cost = scenario.kind == LS_SERVING ? serving_cost(&scenario) : CELL_US;
    return isfinite(cost) ? fmax(cost, 1) : CELL_US;
}
