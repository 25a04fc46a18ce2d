#include "engine/serving/max_goodput.h"

#include <math.h>

#include "engine/serving/workload/load.h"

enum { LOW_BISECTIONS = 12 };

/* Factors on the scenario's own load. */
static const double widest = 4096, first_step = 1.25, largest_step = 4;

/* Attainment that holds at so many times a rate at which the queue grows is not what ends the search. */
static const double beyond_saturation = 4;

struct probe {
    double factor;
    bool counted; /* anything arrived that could be good or bad */
    bool attained, saturated;
};

struct goodput_search {
    const struct ls_goodput_runner *runner;
    struct ls_scenario scenario; /* drained */
    struct ls_workload workload; /* as given */
    double saturated_factor;     /* the least at which the queue grew; infinite while there is none */
};

static bool within(double value_s, double bound_s)
{
    return isnan(bound_s) || isnan(value_s) || value_s <= bound_s;
}

static bool attains(const struct ls_scenario *scenario, const struct ls_metrics *metrics)
{
    const struct ls_slo *slo = &scenario->slo;
    const double *m = metrics->scalar;
    if (scenario->strategy.lod != LS_LOD_LOW)
        return m[LS_METRIC_ATTAINMENT] >= slo->attainment;
    return m[LS_METRIC_SATURATED] == 0 && within(m[LS_METRIC_TTFT_MEAN_S], slo->ttft_s) &&
           within(m[LS_METRIC_TPOT_MEAN_S], slo->tpot_s) && within(m[LS_METRIC_E2E_MEAN_S], slo->e2e_s);
}

static enum ls_status try_factor(struct goodput_search *search, double factor, struct probe *probe, struct ls_err *err)
{
    struct ls_scenario *scenario = &search->scenario;
    struct ls_metrics metrics;
    ls_metrics_clear(&metrics);
    scenario->workload = search->workload;
    ls_load_scale(&scenario->workload, factor);
    const enum ls_status status = search->runner->run(search->runner->context, scenario, &metrics, err);
    if (status)
        return status;
    *probe = (struct probe){
        .factor = factor,
        .counted = scenario->strategy.lod == LS_LOD_LOW || metrics.scalar[LS_METRIC_N_ARRIVED] > 0,
        .attained = attains(scenario, &metrics),
        .saturated = metrics.scalar[LS_METRIC_SATURATED] == 1,
    };
    if (probe->saturated)
        search->saturated_factor = fmin(search->saturated_factor, factor);
    return LS_OK;
}

/* Where `low` meets the bounds on the mean, roughly. */
static enum ls_status find_start(struct goodput_search *search, double *start, struct ls_err *err)
{
    const int32_t lod = search->scenario.strategy.lod;
    double good = 1 / widest, bad = widest;
    enum ls_status status = LS_OK;
    *start = 1;
    if (ls_scenario_is_disaggregated(&search->scenario)) /* of which low knows nothing */
        return LS_OK;
    search->scenario.strategy.lod = LS_LOD_LOW;
    for (int i = 0; i < LOW_BISECTIONS && !status; i++) {
        struct probe probe;
        const double middle = sqrt(good * bad);
        status = try_factor(search, middle, &probe, err);
        if (!status)
            *(probe.attained ? &good : &bad) = middle;
    }
    search->scenario.strategy.lod = lod;
    search->saturated_factor = (double)INFINITY;
    *start = sqrt(good * bad);
    return status;
}

/* Widen from `start` until one factor attains and a greater one does not: *good is 0 when none attains, *bad infinite
 * when attainment outlasts saturation. */
static enum ls_status bracket(struct goodput_search *search, double start, double *good, struct probe *bad,
                              struct ls_err *err)
{
    double factor = start, step = first_step;
    *good = 0;
    *bad = (struct probe){.factor = (double)INFINITY};
    while (*good == 0 || isinf(bad->factor)) {
        struct probe probe;
        const enum ls_status status = try_factor(search, factor, &probe, err);
        if (status)
            return status;
        if (probe.attained) {
            *good = factor;
            factor *= step;
        } else {
            *bad = probe;
            factor /= step;
            if (!probe.counted)
                break;
        }
        step = fmin(step * step, largest_step);
        const bool outlasted = probe.attained && factor > beyond_saturation * search->saturated_factor;
        if (outlasted || factor < start / widest || factor > start * widest)
            break;
    }
    return LS_OK;
}

/* Halve the bracket until it is narrow; on `saturated`, between the highest rate at which the queue is stable and the
 * lowest at which it grows. */
static enum ls_status bisect(struct goodput_search *search, bool saturation, double *good, struct probe *bad,
                             struct ls_err *err)
{
    while (bad->factor > *good * (1 + search->scenario.slo.tolerance)) {
        struct probe probe;
        const enum ls_status status = try_factor(search, sqrt(*good * bad->factor), &probe, err);
        if (status)
            return status;
        if (saturation ? !probe.saturated : probe.attained)
            *good = probe.factor;
        else
            *bad = probe;
    }
    return LS_OK;
}

/* Attainment outlasts saturation: go down from the lowest rate at which the queue grew to one at which it does not. */
static enum ls_status bracket_saturation(struct goodput_search *search, double *good, struct probe *bad,
                                         struct ls_err *err)
{
    double step = first_step;
    *good = 0;
    *bad = (struct probe){.factor = search->saturated_factor, .saturated = true};
    for (double factor = bad->factor / step; *good == 0 && factor > bad->factor / widest; factor /= step) {
        struct probe probe;
        const enum ls_status status = try_factor(search, factor, &probe, err);
        if (status)
            return status;
        if (!probe.saturated)
            *good = factor;
        else
            *bad = probe;
        step = fmin(step * step, largest_step);
    }
    return LS_OK;
}

enum ls_status ls_max_goodput(const struct ls_scenario *scenario, const struct ls_goodput_runner *runner,
                              struct ls_metrics *metrics, struct ls_err *err)
{
    struct goodput_search search = {
        .runner = runner, .scenario = *scenario, .workload = scenario->workload, .saturated_factor = (double)INFINITY};
    struct ls_load load;
    ls_load_measure(&load, scenario);
    if (!isfinite(load.rate))
        return LS_OK;
    search.workload.drain = 1;
    double start, good;
    struct probe bad;
    enum ls_status status = find_start(&search, &start, err);
    if (status || (status = bracket(&search, start, &good, &bad, err)))
        return status;
    const bool saturation = isinf(bad.factor);
    if (saturation && isfinite(search.saturated_factor))
        status = bracket_saturation(&search, &good, &bad, err);
    if (!status && good > 0 && isfinite(bad.factor))
        status = bisect(&search, saturation, &good, &bad, err);
    if (status)
        return status;
    if (isfinite(bad.factor)) {
        metrics->scalar[LS_METRIC_MAX_GOODPUT] = good * load.rate;
        metrics->scalar[LS_METRIC_MAX_GOODPUT_SATURATED] = bad.saturated;
    }
    return LS_OK;
}
