#include "engine/serving/source.h"

#include <math.h>

#include "engine/sim/clock.h"

/* Who thinks longer than a simulation can last does not come back. */
#define LS_MAX_THINK_S 9e6

/* When request `index` of a profile arrives, if the one before did at `from`, seconds. */
static double next_s(struct ls_source *source, int32_t profile, uint64_t index, double from_s)
{
    const struct ls_scenario *scenario = source->scenario;
    const struct ls_arrival_draw draw = {(uint64_t)scenario->seed, (uint64_t)scenario->replica, index,
                                         (uint32_t)profile};
    return ls_arrivals_next_s(&scenario->workload.profiles[profile].arrivals, &source->profiles[profile].clock, &draw,
                              from_s);
}

/* A client says its turn at arrival->arrival_ps. */
static void say(struct ls_source *source, const struct ls_turn *turn, struct ls_arrival *arrival)
{
    const struct ls_utterance said = ls_turn_say(source->scenario, turn);
    arrival->prompt_tok = said.prompt_tok;
    arrival->output_tok = said.output_tok;
    arrival->content = said.content;
    arrival->streams = said.streams;
    arrival->profile = turn->profile;
    arrival->turn = *turn;
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

bool ls_source_is_followed(const struct ls_source *source)
{
    const struct ls_workload *workload = &source->scenario->workload;
    bool any = ls_source_is_closed(source);
    for (int32_t i = 0; !workload->trace && i < workload->n_profiles; i++)
        any |= ls_profile_has_sessions(&workload->profiles[i]);
    return any;
}

static struct ls_content recorded_content(const struct ls_trace *trace, const struct ls_trace_request *request,
                                          uint64_t index)
{
    struct ls_content content = {.own = request->session == 0};
    content.stream = content.own ? ls_content_id(LS_CONTENT_REQUEST, index, 0)
                                 : ls_content_id(LS_CONTENT_RECORDED, request->session, 0);
    if (request->n_part_tok > 0) {
        content.parts = trace->parts + request->first_part;
        content.part_tok = trace->part_tok;
        content.head_tok = request->n_part_tok;
    }
    return content;
}

static bool next_of_trace(struct ls_source *source, struct ls_arrival *arrival)
{
    const struct ls_workload *workload = &source->scenario->workload;
    const struct ls_trace_options *options = &workload->trace_options;
    const struct ls_trace_request *request = &workload->trace->requests[source->n_started];
    const double recorded_s = ls_s_from_ps(request->arrival_ps);
    if (!isnan(options->window_s) && recorded_s >= options->window_s)
        return false;
    arrival->arrival_ps = ls_ps_from_s(recorded_s * options->time_scale);
    arrival->prompt_tok = request->prompt_tok;
    arrival->output_tok = request->output_tok;
    arrival->streams = true;
    arrival->profile = 0;
    arrival->turn = (struct ls_turn){0};
    arrival->content = recorded_content(workload->trace, request, source->n_started);
    return true;
}

static void next_of_profile(struct ls_source *source, int32_t profile, struct ls_arrival *arrival)
{
    struct ls_profile_source *p = &source->profiles[profile];
    arrival->arrival_ps = ls_ps_from_s(p->next_s);
    say(source, &(struct ls_turn){.session = p->index, .profile = profile}, arrival);
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
        ls_stream_make((uint64_t)scenario->seed, (uint64_t)scenario->replica, 0, source->n_started, LS_RNG_PROFILE);
    double left = ls_stream_uniform(&stream) * source->total_weight;
    int32_t profile = 0;
    while (profile + 1 < workload->n_profiles && left >= workload->profiles[profile].weight)
        left -= workload->profiles[profile++].weight;
    const uint64_t index = source->profiles[profile].index++;
    source->drawn_s = next_s(source, profile, index, source->drawn_s);
    arrival->arrival_ps = ls_ps_from_s(source->drawn_s);
    say(source, &(struct ls_turn){.session = index, .profile = profile}, arrival);
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
    arrival->index = source->n_emitted++;
    source->n_started++;
    return true;
}

bool ls_source_follow(struct ls_source *source, const struct ls_follower *follower, struct ls_arrival *arrival)
{
    struct ls_turn turn = follower->turn;
    if (source->n_emitted >= source->limit || follower->at_ps >= source->end_ps)
        return false;
    if (follower->any)
        turn = (struct ls_turn){.session = source->profiles[0].index++};
    arrival->arrival_ps = follower->at_ps;
    say(source, &turn, arrival);
    arrival->index = source->n_emitted++;
    return true;
}

bool ls_source_after(const struct ls_source *source, const struct ls_turn *turn, int32_t output_tok, bool refused,
                     int64_t now_ps, struct ls_follower *follower)
{
    double think_s;
    *follower = (struct ls_follower){.at_ps = now_ps};
    if (!refused && ls_turn_next(source->scenario, turn, output_tok, &follower->turn, &think_s)) {
        follower->at_ps = think_s < LS_MAX_THINK_S ? now_ps + ls_ps_from_s(think_s) : LS_PS_NEVER;
        return follower->at_ps != LS_PS_NEVER;
    }
    follower->any = true;
    return ls_source_is_closed(source);
}

int64_t ls_source_reserve(const struct ls_source *source)
{
    const uint64_t cap = UINT64_C(1) << 16;
    return (int64_t)(source->limit < cap ? source->limit : cap);
}
