#include "engine/serving/workload/load.h"

#include <math.h>
#include <string.h>

#include "engine/serving/workload/arrivals.h"
#include "engine/sim/clock.h"

static const double largest_cv = 10.0;

static double square_of(const struct ls_mixture *lengths)
{
    const double mean = ls_mixture_mean(lengths);
    return fmin(ls_mixture_mean_square(lengths), mean * mean * (1.0 + largest_cv * largest_cv));
}

/* Share of the requests that each profile sends. */
static void measure_profiles(struct ls_load *load, const struct ls_workload *workload)
{
    const bool drawn = workload->mixing == LS_MIXING_SEQUENTIAL_DRAW;
    double total = 0, gap_s = 0;
    for (int32_t i = 0; i < workload->n_profiles; i++) {
        const struct ls_profile *p = &workload->profiles[i];
        const double share = drawn || isnan(p->arrivals.rate) ? p->weight : p->arrivals.rate;
        const double prompt = ls_mixture_mean(&p->prompt_tokens), output = ls_mixture_mean(&p->output_tokens);
        total += share;
        gap_s += share / p->arrivals.rate;
        if (ls_arrivals_are_timed(&p->arrivals))
            load->dispersion += share * ls_processes[p->arrivals.process].dispersion(&p->arrivals);
        load->prompt += share * prompt;
        load->prompt_sq += share * square_of(&p->prompt_tokens);
        load->output += share * output;
        load->output_sq += share * square_of(&p->output_tokens);
        load->prompt_output += share * prompt * output;
    }
    load->rate = drawn ? total / gap_s : total;
    double *moments[] = {&load->prompt,    &load->prompt_sq,     &load->output,
                         &load->output_sq, &load->prompt_output, &load->dispersion};
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++)
        *moments[i] /= total;
}

static void measure_trace(struct ls_load *load, const struct ls_workload *workload, double limit)
{
    const struct ls_trace_options *options = &workload->trace_options;
    const bool replayed = options->arrivals.process != LS_NULL_CHOICE;
    double n = 0, last_s = 0;
    for (size_t i = 0; i < workload->trace->n && n < limit; i++) {
        const struct ls_trace_request *request = &workload->trace->requests[i];
        const double recorded_s = ls_s_from_ps(request->arrival_ps);
        const double arrival_s = replayed ? 0 : recorded_s * options->time_scale;
        const double prompt = ls_trace_tok(workload, request->prompt_tok);
        const double output = ls_trace_tok(workload, request->output_tok);
        if ((!isnan(options->window_s) && recorded_s >= options->window_s) ||
            (!isnan(workload->duration_s) && arrival_s >= workload->duration_s))
            break;
        n += 1;
        last_s = arrival_s;
        load->prompt += prompt;
        load->prompt_sq += prompt * prompt;
        load->output += output;
        load->output_sq += output * output;
        load->prompt_output += prompt * output;
    }
    double *moments[] = {&load->prompt, &load->prompt_sq, &load->output, &load->output_sq, &load->prompt_output};
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++)
        *moments[i] /= n;
    load->n_requests = n;
    load->arrivals_s = last_s;
    load->dispersion = 1;
    load->rate = last_s > 0 ? n / last_s : (double)INFINITY;
}

/* Where requests end whose first profile, or whose trace, arrives like this. */
static void end_arrivals(struct ls_load *load, const struct ls_workload *workload, const struct ls_arrivals *arrivals,
                         double limit)
{
    if (arrivals->requests != LS_NULL_INT)
        limit = fmin(limit, (double)arrivals->requests);
    load->n_requests = limit;
    if (arrivals->process == LS_ARRIVALS_CLOSED) {
        load->users = fmin((double)arrivals->concurrency, limit);
        load->rate = (double)NAN;
    } else if (arrivals->process == LS_ARRIVALS_ALL_AT_ONCE) {
        load->rate = (double)INFINITY;
    } else {
        load->arrivals_s = limit / load->rate;
        if (!isnan(workload->duration_s) && workload->duration_s < load->arrivals_s) {
            load->arrivals_s = workload->duration_s;
            load->n_requests = load->rate * workload->duration_s;
        }
    }
}

/* A recording at other times than its own. */
static void replay(struct ls_load *load, const struct ls_workload *workload)
{
    const struct ls_arrivals *arrivals = &workload->trace_options.arrivals;
    if (arrivals->process == LS_NULL_CHOICE)
        return;
    if (ls_arrivals_are_timed(arrivals)) {
        load->rate = arrivals->rate / workload->trace_options.time_scale;
        load->dispersion = ls_processes[arrivals->process].dispersion(arrivals);
    }
    end_arrivals(load, workload, arrivals, load->n_requests);
}

void ls_load_measure(struct ls_load *load, const struct ls_scenario *scenario)
{
    const struct ls_workload *workload = &scenario->workload;
    double limit = workload->max_requests == LS_NULL_INT ? (double)INFINITY : (double)workload->max_requests;
    *load = (struct ls_load){.users = (double)NAN};
    if (workload->trace) {
        if (workload->trace_options.max_requests != LS_NULL_INT)
            limit = fmin(limit, (double)workload->trace_options.max_requests);
        measure_trace(load, workload, limit);
        replay(load, workload);
    } else {
        measure_profiles(load, workload);
        end_arrivals(load, workload, &workload->profiles[0].arrivals, limit);
    }
}

void ls_load_scale(struct ls_workload *workload, double factor)
{
    for (int32_t i = 0; i < workload->n_profiles; i++)
        workload->profiles[i].arrivals.rate *= factor;
    workload->trace_options.time_scale /= factor;
    if (workload->trace || workload->max_requests != LS_NULL_INT)
        workload->warmup_s /= fmax(1.0, factor);
}
