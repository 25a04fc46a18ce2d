#include "sweep/cell_cost.h"

#include <math.h>

#include "engine/serving/disaggregation.h"

#include "engine/serving/arrivals.h"

/* Measured on one core of a 2020s server, over the cells of tests/bench/mixed.yaml. A cell's cost is predicted within a
 * factor of 2 or so, which is enough for the queue; nothing else depends on it. */
#define CELL_US 50.0        /* to resolve, set up and sum up */
#define REQUEST_US 0.8      /* medium, high: to route, admit and complete */
#define MEDIUM_PASS_US 0.05 /* most passes only add up */
#define MEDIUM_MOE_PASS_US 0.3
#define HIGH_EVENT_US 0.015 /* an operator block or a transfer */
#define GOODPUT_RUNS 10     /* more, to search for the highest good rate */

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
        prompt_tok += (double)trace->requests[i].prompt_tok;
        output_tok += (double)trace->requests[i].output_tok;
    }
    return (struct load){
        .n_requests = (double)n,
        .arrivals_s =
            1e-12 * (double)(trace->requests[n - 1].arrival_ps - trace->requests[0].arrival_ps) * options->time_scale,
        .prompt_tok = prompt_tok / n_sampled,
        .output_tok = output_tok / n_sampled,
        .concurrency = (double)n,
    };
}

static struct load profile_load(const struct ls_workload *workload)
{
    double rate = 0, prompt_tok = 0, output_tok = 0, users = 0;
    for (int32_t i = 0; i < workload->n_profiles; i++) {
        const struct ls_profile *profile = &workload->profiles[i];
        prompt_tok += ls_mixture_mean(&profile->prompt_tokens) / workload->n_profiles;
        output_tok += ls_mixture_mean(&profile->output_tokens) / workload->n_profiles;
        if (profile->arrivals.process == LS_ARRIVALS_CLOSED)
            users += (double)profile->arrivals.concurrency;
        else if (ls_arrivals_are_timed(&profile->arrivals))
            rate += profile->arrivals.rate;
    }
    double n = workload->max_requests != LS_NULL_INT ? (double)workload->max_requests : (double)INFINITY;
    if (rate > 0 && !isnan(workload->duration_s))
        n = fmin(n, rate * workload->duration_s);
    return (struct load){
        .n_requests = n,
        .arrivals_s = rate > 0 ? n / rate : 0,
        .prompt_tok = prompt_tok,
        .output_tok = output_tok,
        .concurrency = users > 0 ? users : n,
    };
}

/* Seconds of a forward pass: to read the weights once, stretched by the prompts that are computed meanwhile. */
static double pass_s(const struct ls_scenario *scenario, const struct load *load)
{
    const struct ls_hardware *hardware = &scenario->cluster.hardware;
    const double gpus = (double)(scenario->strategy.tp * scenario->strategy.ep);
    const double weights_s =
        2 * (double)ls_model_parameters(&scenario->model) / gpus / hardware->memory_bandwidth_bytes_per_s;
    const double prompt_s = 2 * (double)ls_model_active_parameters(&scenario->model) * load->prompt_tok /
                            (0.5 * gpus * hardware->peak.by_dtype[scenario->model.activation_dtype]);
    const double rate = load->n_requests / load->arrivals_s / (double)(scenario->strategy.dp);
    const double prompts_frac = fmin(rate * prompt_s, 0.6);
    return (scenario->engine.step_overhead_s + weights_s) / (1 - prompts_frac);
}

/* Passes through a replica. Requests that come one by one take one for each of their tokens; those that meet share
 * them. Each replica is busy, with pp passes in flight, as long as requests arrive and then for the last one's tokens;
 * when it cannot keep up, as long as full batches take. */
static double n_passes(const struct ls_scenario *scenario, const struct load *load)
{
    const double replicas = (double)scenario->strategy.dp;
    const double pp = (double)scenario->strategy.pp;
    const double tokens = load->n_requests * load->output_tok;
    const double batch = fmin((double)scenario->engine.max_num_seqs, fmax(1, load->concurrency / replicas));
    const double busy = replicas * pp * (load->arrivals_s / pass_s(scenario, load) + load->output_tok);
    return fmin(tokens, fmax(busy, tokens / batch));
}

/* Of a pass at high: each layer's attention and MLP, and the rounds of their all-reduces. */
static double events_per_pass(const struct ls_scenario *scenario)
{
    return (double)scenario->model.num_hidden_layers * (2 + 4 * log2((double)scenario->strategy.tp)) + 2;
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
    const double simulated_us = REQUEST_US * load.n_requests;
    switch (scenario->strategy.lod) {
    case LS_LOD_LOW:
        return CELL_US;
    case LS_LOD_MEDIUM:
        return CELL_US + n_runs(scenario) * (simulated_us + n_passes(scenario, &load) *
                                                                (ls_model_is_moe(&scenario->model) ? MEDIUM_MOE_PASS_US
                                                                                                   : MEDIUM_PASS_US));
    default:
        return CELL_US + n_runs(scenario) *
                             (simulated_us + HIGH_EVENT_US * n_passes(scenario, &load) * events_per_pass(scenario));
    }
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
