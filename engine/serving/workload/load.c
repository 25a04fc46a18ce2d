#include "engine/serving/workload/load.h"

#include <math.h>
#include <string.h>

#include "engine/serving/workload/arrivals.h"
#include "engine/sim/clock.h"

static double square_of(const struct ls_spread *lengths)
{
    return lengths->variance + lengths->mean * lengths->mean;
}

static void add_class(struct ls_load *load, const struct ls_class *class, const struct ls_profile *profile)
{
    const struct ls_spread prompt = ls_class_prompt(class);
    const struct ls_dist *think_s = &profile->sessions.think_s;
    load->asked += class->share * prompt.mean;
    load->asked_sq += class->share * square_of(&prompt);
    load->prompt += class->share * class->computed;
    load->prompt_sq += class->share * class->computed_sq;
    load->found += class->share * class->found;
    load->found_before += class->share * class->found_computed;
    load->output += class->share * class->output.mean;
    load->output_sq += class->share * square_of(&class->output);
    load->asked_output += class->share * prompt.mean * class->output.mean;
    if (class->next > 0 && think_s->kind != LS_NULL_CHOICE)
        load->think_s += class->share * class->next * ls_dist_mean(think_s);
}

/* Turns that follow others come when these have ended, and as good as by chance. */
static void measure_profiles(struct ls_load *load, const struct ls_workload *workload, const struct ls_classes *classes)
{
    const bool drawn = workload->mixing == LS_MIXING_SEQUENTIAL_DRAW;
    double total = 0, gap_s = 0, dispersion = 0;
    for (int32_t i = 0; i < workload->n_profiles; i++) {
        const struct ls_profile *p = &workload->profiles[i];
        const double share = drawn || isnan(p->arrivals.rate) ? p->weight : p->arrivals.rate;
        total += share;
        gap_s += share / p->arrivals.rate;
        if (ls_arrivals_are_timed(&p->arrivals))
            dispersion += share * ls_processes[p->arrivals.process].dispersion(&p->arrivals);
    }
    for (int i = 0; i < classes->n; i++)
        add_class(load, &classes->rows[i], &workload->profiles[classes->rows[i].profile]);
    load->found_before /= load->prompt;
    load->dispersion = classes->firsts * dispersion / total + (1 - classes->firsts);
    load->rate = (drawn ? total / gap_s : total) / classes->firsts;
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
        load->asked_output += prompt * output;
    }
    double *moments[] = {&load->prompt, &load->prompt_sq, &load->output, &load->output_sq, &load->asked_output};
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++)
        *moments[i] /= n;
    load->asked = load->prompt;
    load->asked_sq = load->prompt_sq;
    load->n_requests = n;
    load->arrivals_s = last_s;
    load->dispersion = 1;
    load->rate = last_s > 0 ? n / last_s : (double)INFINITY;
}

/* Where requests end whose first profile, or whose trace, arrives like this; `turns` follow each other on average. */
static void end_arrivals(struct ls_load *load, const struct ls_workload *workload, const struct ls_arrivals *arrivals,
                         double turns, double limit)
{
    if (arrivals->requests != LS_NULL_INT)
        limit = fmin(limit, turns * (double)arrivals->requests);
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
    end_arrivals(load, workload, arrivals, 1, load->n_requests);
}

void ls_load_measure(struct ls_load *load, const struct ls_scenario *scenario)
{
    struct ls_classes classes;
    ls_classes_list(&classes, scenario);
    ls_load_measure_classes(load, scenario, &classes);
}

void ls_load_measure_classes(struct ls_load *load, const struct ls_scenario *scenario, const struct ls_classes *classes)
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
        measure_profiles(load, workload, classes);
        end_arrivals(load, workload, &workload->profiles[0].arrivals, 1 / classes->firsts, limit);
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
