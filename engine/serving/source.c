#include "engine/serving/source.h"

#include <math.h>

#include "engine/sim/clock.h"

/* When request `index` of a profile arrives, if the one before did at `from`, seconds. */
static double next_s(struct ls_source *source, int32_t profile, uint64_t index, double from_s)
{
    const struct ls_scenario *scenario = source->scenario;
    const struct ls_arrival_draw draw = {(uint64_t)scenario->seed, (uint64_t)scenario->replica, index,
                                         (uint32_t)profile};
    return ls_arrivals_next_s(&scenario->workload.profiles[profile].arrivals, &source->profiles[profile].clock, &draw,
                              from_s);
}

static void draw_lengths(const struct ls_scenario *scenario, int32_t profile, uint64_t index,
                         struct ls_arrival *arrival)
{
    const struct ls_profile *p = &scenario->workload.profiles[profile];
    const uint64_t seed = (uint64_t)scenario->seed, replica = (uint64_t)scenario->replica;
    struct ls_stream prompt = ls_stream_make(seed, replica, (uint32_t)profile, index, LS_RNG_PROMPT);
    struct ls_stream output = ls_stream_make(seed, replica, (uint32_t)profile, index, LS_RNG_OUTPUT);
    arrival->prompt_tok = ls_mixture_sample_tok(&p->prompt_tokens, &prompt);
    arrival->output_tok = ls_mixture_sample_tok(&p->output_tokens, &output);
    arrival->profile = profile;
}

static int64_t end_of_arrivals_ps(const struct ls_workload *workload)
{
    return isnan(workload->duration_s) ? LS_PS_NEVER : ls_ps_from_s(workload->duration_s);
}

static uint64_t trace_limit(const struct ls_workload *workload)
{
    uint64_t limit = workload->trace->n;
    if (workload->trace_options.max_requests != LS_NULL_INT && (uint64_t)workload->trace_options.max_requests < limit)
        limit = (uint64_t)workload->trace_options.max_requests;
    return limit;
}

void ls_source_init(struct ls_source *source, const struct ls_scenario *scenario)
{
    const struct ls_workload *workload = &scenario->workload;
    *source = (struct ls_source){.scenario = scenario, .limit = UINT64_MAX, .end_ps = end_of_arrivals_ps(workload)};
    if (workload->trace)
        source->limit = trace_limit(workload);
    if (workload->max_requests != LS_NULL_INT && (uint64_t)workload->max_requests < source->limit)
        source->limit = (uint64_t)workload->max_requests;
    for (int32_t i = 0; i < workload->n_profiles; i++) {
        const struct ls_arrival_draw draw = {(uint64_t)scenario->seed, (uint64_t)scenario->replica, 0, (uint32_t)i};
        ls_arrival_clock_init(&source->profiles[i].clock, &workload->profiles[i].arrivals, &draw);
        source->profiles[i].next_s = workload->mixing == LS_MIXING_INDEPENDENT ? next_s(source, i, 0, 0) : 0;
        source->total_weight += workload->profiles[i].weight;
    }
}

bool ls_source_is_closed(const struct ls_source *source)
{
    const struct ls_workload *workload = &source->scenario->workload;
    return !workload->trace && workload->profiles[0].arrivals.process == LS_ARRIVALS_CLOSED;
}

static bool next_of_trace(struct ls_source *source, struct ls_arrival *arrival)
{
    const struct ls_workload *workload = &source->scenario->workload;
    const struct ls_trace_options *options = &workload->trace_options;
    const struct ls_trace_request *request = &workload->trace->requests[source->n_emitted];
    const double recorded_s = ls_s_from_ps(request->arrival_ps);
    if (!isnan(options->window_s) && recorded_s >= options->window_s)
        return false;
    arrival->arrival_ps = ls_ps_from_s(recorded_s * options->time_scale);
    arrival->prompt_tok = request->prompt_tok;
    arrival->output_tok = request->output_tok;
    arrival->profile = 0;
    return true;
}

static void next_of_profile(struct ls_source *source, int32_t profile, struct ls_arrival *arrival)
{
    struct ls_profile_source *p = &source->profiles[profile];
    arrival->arrival_ps = ls_ps_from_s(p->next_s);
    draw_lengths(source->scenario, profile, p->index, arrival);
    p->index++;
    p->next_s = next_s(source, profile, p->index, p->next_s);
}

static int32_t earliest_profile(const struct ls_source *source)
{
    int32_t best = 0;
    for (int32_t i = 1; i < source->scenario->workload.n_profiles; i++)
        if (source->profiles[i].next_s < source->profiles[best].next_s)
            best = i;
    return best;
}

/* The reference's mixing: draw a profile by weight, wait its gap, send. */
static void next_of_draw(struct ls_source *source, struct ls_arrival *arrival)
{
    const struct ls_scenario *scenario = source->scenario;
    const struct ls_workload *workload = &scenario->workload;
    struct ls_stream stream =
        ls_stream_make((uint64_t)scenario->seed, (uint64_t)scenario->replica, 0, source->n_emitted, LS_RNG_PROFILE);
    double left = ls_stream_uniform(&stream) * source->total_weight;
    int32_t profile = 0;
    while (profile + 1 < workload->n_profiles && left >= workload->profiles[profile].weight)
        left -= workload->profiles[profile++].weight;
    const uint64_t index = source->profiles[profile].index++;
    source->drawn_s = next_s(source, profile, index, source->drawn_s);
    arrival->arrival_ps = ls_ps_from_s(source->drawn_s);
    draw_lengths(scenario, profile, index, arrival);
}

/* Nobody else has what it says. */
static void number(struct ls_source *source, struct ls_arrival *arrival)
{
    arrival->index = source->n_emitted++;
    arrival->content = (struct ls_content){.stream = ls_content_id(LS_CONTENT_REQUEST, arrival->index, 0), .own = true};
}

bool ls_source_next(struct ls_source *source, struct ls_arrival *arrival)
{
    const struct ls_workload *workload = &source->scenario->workload;
    if (source->n_emitted >= source->limit)
        return false;
    if (ls_source_is_closed(source) && source->n_emitted >= (uint64_t)workload->profiles[0].arrivals.concurrency)
        return false;
    if (workload->trace) {
        if (!next_of_trace(source, arrival))
            return false;
    } else if (workload->mixing == LS_MIXING_SEQUENTIAL_DRAW) {
        next_of_draw(source, arrival);
    } else {
        next_of_profile(source, earliest_profile(source), arrival);
    }
    if (arrival->arrival_ps >= source->end_ps)
        return false;
    number(source, arrival);
    return true;
}

bool ls_source_follow(struct ls_source *source, int64_t now_ps, struct ls_arrival *arrival)
{
    if (source->n_emitted >= source->limit || now_ps >= source->end_ps)
        return false;
    draw_lengths(source->scenario, 0, source->profiles[0].index++, arrival);
    arrival->arrival_ps = now_ps;
    number(source, arrival);
    return true;
}

int64_t ls_source_reserve(const struct ls_source *source)
{
    const uint64_t cap = UINT64_C(1) << 16;
    return (int64_t)(source->limit < cap ? source->limit : cap);
}
