#include "engine/serving/workload/source.h"

#include <math.h>

#include "engine/sim/clock.h"

/* Who thinks longer than a simulation can last does not come back. */
#define LS_MAX_THINK_S 9e6

/* How clients of a profile send; of a trace, whose requests count as one profile's, how that is replayed. */
static const struct ls_arrivals *arrivals_of(const struct ls_workload *workload, int32_t profile)
{
    return workload->trace ? &workload->trace_options.arrivals : &workload->profiles[profile].arrivals;
}

/* Independent streams of requests. */
static int32_t n_sources(const struct ls_workload *workload)
{
    return workload->trace ? 1 : workload->n_profiles;
}

static bool is_closed(const struct ls_arrivals *arrivals)
{
    return arrivals->process == LS_ARRIVALS_CLOSED;
}

static uint64_t limit_of(const struct ls_arrivals *arrivals)
{
    return arrivals->requests == LS_NULL_INT ? UINT64_MAX : (uint64_t)arrivals->requests;
}

/* Requests that come by themselves: all but those for which a user waits. */
static uint64_t n_unprompted(const struct ls_arrivals *arrivals)
{
    const uint64_t limit = limit_of(arrivals);
    return is_closed(arrivals) && (uint64_t)arrivals->concurrency < limit ? (uint64_t)arrivals->concurrency : limit;
}

/* When request `index` of a profile arrives by itself, if the one before did at `from`, seconds; infinite: never. */
static double next_s(struct ls_source *source, int32_t profile, uint64_t index, double from_s)
{
    const struct ls_scenario *scenario = source->scenario;
    const struct ls_arrivals *arrivals = arrivals_of(&scenario->workload, profile);
    const struct ls_arrival_draw draw = {(uint64_t)scenario->seed, (uint64_t)scenario->replica, index,
                                         (uint32_t)profile};
    if (index >= n_unprompted(arrivals))
        return (double)INFINITY;
    return ls_arrivals_next_s(arrivals, &source->profiles[profile].clock, &draw, from_s);
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
    source->recorded = ls_workload_is_recorded(workload);
    for (int32_t i = 0; i < n_sources(workload) && !source->recorded; i++) {
        const struct ls_arrival_draw draw = {(uint64_t)scenario->seed, (uint64_t)scenario->replica, 0, (uint32_t)i};
        ls_arrival_clock_init(&source->profiles[i].clock, arrivals_of(workload, i), &draw);
        source->profiles[i].next_s =
            workload->trace || workload->mixing == LS_MIXING_INDEPENDENT ? next_s(source, i, 0, 0) : 0;
        source->total_weight += workload->profiles[i].weight;
    }
}

int64_t ls_source_users(const struct ls_source *source)
{
    const struct ls_workload *workload = &source->scenario->workload;
    int64_t users = 0;
    for (int32_t i = 0; i < n_sources(workload); i++)
        users += is_closed(arrivals_of(workload, i)) ? arrivals_of(workload, i)->concurrency : 0;
    return users;
}

bool ls_source_is_followed(const struct ls_source *source)
{
    const struct ls_workload *workload = &source->scenario->workload;
    bool any = ls_source_users(source) > 0;
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

/* The trace's next request, whenever it comes; false when there is none. */
static bool take_recorded(struct ls_source *source, struct ls_arrival *arrival)
{
    const struct ls_workload *workload = &source->scenario->workload;
    const uint64_t index = source->profiles[0].index;
    const struct ls_trace_request *request = &workload->trace->requests[index];
    const double window_s = workload->trace_options.window_s;
    if (!isnan(window_s) && ls_s_from_ps(request->arrival_ps) >= window_s)
        return false;
    arrival->prompt_tok = ls_trace_tok(workload, request->prompt_tok);
    arrival->output_tok = ls_trace_tok(workload, request->output_tok);
    arrival->streams = true;
    arrival->profile = 0;
    arrival->turn = (struct ls_turn){0};
    arrival->content = recorded_content(workload->trace, request, index);
    source->profiles[0].index++;
    return true;
}

static bool next_of_trace(struct ls_source *source, struct ls_arrival *arrival)
{
    const struct ls_workload *workload = &source->scenario->workload;
    struct ls_profile_source *p = &source->profiles[0];
    const double at_s = source->recorded ? ls_s_from_ps(workload->trace->requests[p->index].arrival_ps) : p->next_s;
    if (isinf(at_s) || !take_recorded(source, arrival))
        return false;
    arrival->arrival_ps = ls_ps_from_s(at_s * workload->trace_options.time_scale);
    if (!source->recorded)
        p->next_s = next_s(source, 0, p->index, at_s);
    return true;
}

static bool next_of_profile(struct ls_source *source, int32_t profile, struct ls_arrival *arrival)
{
    struct ls_profile_source *p = &source->profiles[profile];
    if (isinf(p->next_s))
        return false;
    arrival->arrival_ps = ls_ps_from_s(p->next_s);
    say(source, &(struct ls_turn){.session = p->index, .profile = profile}, arrival);
    p->index++;
    p->next_s = next_s(source, profile, p->index, p->next_s);
    return true;
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
static bool next_of_draw(struct ls_source *source, struct ls_arrival *arrival)
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
    if (isinf(source->drawn_s))
        return false;
    arrival->arrival_ps = ls_ps_from_s(source->drawn_s);
    say(source, &(struct ls_turn){.session = index, .profile = profile}, arrival);
    return true;
}

bool ls_source_next(struct ls_source *source, struct ls_arrival *arrival)
{
    const struct ls_workload *workload = &source->scenario->workload;
    if (source->n_emitted >= source->limit)
        return false;
    bool any;
    if (workload->trace)
        any = next_of_trace(source, arrival);
    else if (workload->mixing == LS_MIXING_SEQUENTIAL_DRAW)
        any = next_of_draw(source, arrival);
    else
        any = next_of_profile(source, earliest_profile(source), arrival);
    if (!any || arrival->arrival_ps >= source->end_ps)
        return false;
    arrival->index = source->n_emitted++;
    source->n_started++;
    return true;
}

/* A closed loop's user, who has had a request, sends another one. */
static bool send_another(struct ls_source *source, int32_t profile, struct ls_arrival *arrival)
{
    const struct ls_workload *workload = &source->scenario->workload;
    struct ls_profile_source *p = &source->profiles[profile];
    if (p->index >= limit_of(arrivals_of(workload, profile)))
        return false;
    if (workload->trace)
        return take_recorded(source, arrival);
    say(source, &(struct ls_turn){.session = p->index++, .profile = profile}, arrival);
    return true;
}

bool ls_source_follow(struct ls_source *source, const struct ls_follower *follower, struct ls_arrival *arrival)
{
    if (source->n_emitted >= source->limit || follower->at_ps >= source->end_ps)
        return false;
    if (!follower->any)
        say(source, &follower->turn, arrival);
    else if (!send_another(source, follower->turn.profile, arrival))
        return false;
    arrival->arrival_ps = follower->at_ps;
    arrival->index = source->n_emitted++;
    return true;
}

bool ls_source_after(const struct ls_source *source, const struct ls_turn *turn, int32_t output_tok, bool refused,
                     int64_t now_ps, struct ls_follower *follower)
{
    const struct ls_workload *workload = &source->scenario->workload;
    double think_s;
    *follower = (struct ls_follower){.at_ps = now_ps};
    if (!workload->trace && !refused && ls_turn_next(source->scenario, turn, output_tok, &follower->turn, &think_s)) {
        follower->at_ps = think_s < LS_MAX_THINK_S ? now_ps + ls_ps_from_s(think_s) : LS_PS_NEVER;
        return follower->at_ps != LS_PS_NEVER;
    }
    follower->any = true;
    follower->turn.profile = turn->profile;
    return is_closed(arrivals_of(workload, turn->profile));
}

int64_t ls_source_reserve(const struct ls_source *source)
{
    const uint64_t cap = UINT64_C(1) << 16;
    return (int64_t)(source->limit < cap ? source->limit : cap);
}
