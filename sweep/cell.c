#include "sweep/cell.h"

#include <math.h>

enum ls_status ls_cell_simulate(const struct ls_study *study, uint64_t cell, struct ls_sim *sim,
                                struct ls_record *record, struct ls_err *err)
{
    struct ls_scenario scenario;
    enum ls_reason reason;
    struct ls_result result = {.status = LS_CELL_FAILED};
    uint64_t fingerprint = 0;
    ls_metrics_clear(&result.metrics);
    enum ls_status status = ls_study_cell(study, cell, &scenario, &reason, err);
    if (status == LS_OK && reason != LS_REASON_NONE) {
        result.status = LS_CELL_INFEASIBLE;
        result.reason = reason;
    } else if (status == LS_OK) {
        fingerprint = ls_scenario_fingerprint(&scenario);
        status = ls_simulate(sim, &scenario, &result, err);
        if (status == LS_STOPPED)
            return status;
    }
    *record = (struct ls_record){
        .cell = cell,
        .fingerprint = fingerprint,
        .status = result.status,
        .reason = result.reason,
        .metrics = result.metrics,
    };
    return LS_OK;
}

/* Requests that will arrive. */
static double requests(const struct ls_workload *workload)
{
    double n = INFINITY;
    if (workload->trace)
        n = (double)workload->trace->n;
    if (workload->max_requests != LS_NULL_INT)
        n = fmin(n, (double)workload->max_requests);
    if (!workload->trace && !isnan(workload->duration_s)) {
        double rate = 0;
        for (int32_t i = 0; i < workload->n_profiles; i++)
            rate += workload->profiles[i].arrivals.rate;
        if (!isnan(rate))
            n = fmin(n, rate * workload->duration_s);
    }
    return isfinite(n) ? n : 1000;
}

static double output_tok(const struct ls_workload *workload)
{
    double sum = 0;
    if (workload->trace) {
        /* A sample, so that the cost of a cell does not grow with its trace. */
        const size_t stride = workload->trace->n / 64 + 1;
        size_t n = 0;
        for (size_t i = 0; i < workload->trace->n; i += stride, n++)
            sum += (double)workload->trace->requests[i].output_tok;
        return n ? sum / (double)n : 1;
    }
    for (int32_t i = 0; i < workload->n_profiles; i++)
        sum += ls_dist_mean(&workload->profiles[i].output_tokens);
    return workload->n_profiles ? sum / workload->n_profiles : 1;
}

/* Each scheduler makes a step for every token of its longest-running requests, a few requests at a time; at high, a
 * step is an event for each half of each layer. */
static double serving_cost(const struct ls_scenario *scenario)
{
    const double schedulers = (double)(scenario->strategy.dp * scenario->strategy.ep);
    const double n = requests(&scenario->workload);
    const double batch = fmin((double)scenario->engine.max_num_seqs, fmax(1, n / schedulers / 16));
    const double steps = n * output_tok(&scenario->workload) / batch;
    switch (scenario->strategy.lod) {
    case LS_LOD_LOW:
        return 1;
    case LS_LOD_MEDIUM:
        return n + steps;
    default:
        return n + steps * (double)(2 * scenario->model.num_hidden_layers + 2);
    }
}

double ls_cell_cost(const struct ls_study *study, uint64_t cell)
{
    struct ls_scenario scenario;
    enum ls_reason reason;
    struct ls_err err;
    if (ls_study_cell(study, cell, &scenario, &reason, &err) != LS_OK || reason != LS_REASON_NONE)
        return 1;
    return scenario.kind == LS_SERVING ? serving_cost(&scenario) : 1;
}
