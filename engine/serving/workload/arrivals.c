#include "engine/serving/workload/arrivals.h"

#include <math.h>
#include <string.h>

#include "engine/sim/random.h"

static const double turn = 6.283185307179586; /* 2π */

static struct ls_stream gap_stream(const struct ls_arrival_draw *draw)
{
    return ls_stream_make(draw->seed, draw->replica, draw->profile, draw->index, LS_RNG_GAP);
}

/* --- Renewal processes --- */

static double poisson_gap_s(const struct ls_arrivals *arrivals, struct ls_arrival_clock *clock,
                            const struct ls_arrival_draw *draw, double from_s)
{
    struct ls_stream stream = gap_stream(draw);
    (void)clock, (void)from_s;
    return ls_stream_exponential(&stream) / arrivals->rate;
}

static double poisson_dispersion(const struct ls_arrivals *arrivals)
{
    (void)arrivals;
    return 1;
}

static double constant_gap_s(const struct ls_arrivals *arrivals, struct ls_arrival_clock *clock,
                             const struct ls_arrival_draw *draw, double from_s)
{
    (void)clock, (void)draw, (void)from_s;
    return 1.0 / arrivals->rate;
}

static double constant_dispersion(const struct ls_arrivals *arrivals)
{
    (void)arrivals;
    return 0;
}

static double gamma_gap_s(const struct ls_arrivals *arrivals, struct ls_arrival_clock *clock,
                          const struct ls_arrival_draw *draw, double from_s)
{
    const struct ls_dist gaps = {.kind = LS_DIST_GAMMA, .mean = 1.0, .cv = arrivals->cv};
    struct ls_stream stream = gap_stream(draw);
    (void)clock, (void)from_s;
    return ls_dist_sample(&gaps, &stream) / arrivals->rate;
}

/* Of a renewal process: the squared coefficient of variation of its gaps. */
static double gamma_dispersion(const struct ls_arrivals *arrivals)
{
    return arrivals->cv * arrivals->cv;
}

/* --- Bursts: a Poisson process whose rate has two values, each for exponential times (MMPP, Fischer and
 * Meier-Hellstern 1993) --- */

static double burst_share(const struct ls_arrivals *arrivals)
{
    return arrivals->burst_s / (arrivals->burst_s + arrivals->calm_s);
}

/* Rates such that their mean over time is `rate`. */
static double state_rate(const struct ls_arrivals *arrivals, bool burst)
{
    const double calm = arrivals->rate / (1.0 + burst_share(arrivals) * (arrivals->burst_factor - 1.0));
    return burst ? calm * arrivals->burst_factor : calm;
}

static void draw_state(struct ls_arrival_clock *clock, const struct ls_arrivals *arrivals,
                       const struct ls_arrival_draw *draw)
{
    struct ls_stream stream =
        ls_stream_make(draw->seed, draw->replica, draw->profile, clock->n_switches++, LS_RNG_BURST);
    clock->burst = clock->n_switches == 1 ? ls_stream_uniform(&stream) < burst_share(arrivals) : !clock->burst;
    clock->switch_s += ls_stream_exponential(&stream) * (clock->burst ? arrivals->burst_s : arrivals->calm_s);
}

/* A unit exponential is used up at the rate of each state in turn. */
static double mmpp_gap_s(const struct ls_arrivals *arrivals, struct ls_arrival_clock *clock,
                         const struct ls_arrival_draw *draw, double from_s)
{
    struct ls_stream stream = gap_stream(draw);
    double left = ls_stream_exponential(&stream), at_s = from_s;
    for (;;) {
        while (clock->switch_s <= at_s)
            draw_state(clock, arrivals, draw);
        const double rate = state_rate(arrivals, clock->burst);
        if (left <= rate * (clock->switch_s - at_s))
            return at_s - from_s + left / rate;
        left -= rate * (clock->switch_s - at_s);
        at_s = clock->switch_s;
    }
}

/* 1 + 2 ∫ autocovariance of the rate / mean rate: the rate's variance lasts 1 / (1/burst_s + 1/calm_s). */
static double mmpp_dispersion(const struct ls_arrivals *arrivals)
{
    const double share = burst_share(arrivals);
    const double difference = state_rate(arrivals, true) - state_rate(arrivals, false);
    const double lasts_s = 1.0 / (1.0 / arrivals->burst_s + 1.0 / arrivals->calm_s);
    return 1.0 + 2.0 * share * (1.0 - share) * difference * difference * lasts_s / arrivals->rate;
}

/* --- Days: a Poisson process of rate · (1 + amplitude · sin(2π t / period)) --- */

/* Arrivals expected from 0 to `at`. */
static double diurnal_mean(const struct ls_arrivals *arrivals, double at_s)
{
    const double swing_s = arrivals->amplitude * arrivals->period_s / turn;
    return arrivals->rate * (at_s + swing_s * (1.0 - cos(turn * fmod(at_s, arrivals->period_s) / arrivals->period_s)));
}

/* When as many arrivals are expected as a unit exponential says: bisection, since the rate may fall to 0. */
static double diurnal_gap_s(const struct ls_arrivals *arrivals, struct ls_arrival_clock *clock,
                            const struct ls_arrival_draw *draw, double from_s)
{
    struct ls_stream stream = gap_stream(draw);
    const double target = diurnal_mean(arrivals, from_s) + ls_stream_exponential(&stream);
    double low_s = fmax(from_s, target / arrivals->rate - 2.0 * arrivals->amplitude * arrivals->period_s / turn);
    double high_s = fmax(low_s, target / arrivals->rate);
    (void)clock;
    for (;;) {
        const double middle_s = low_s + (high_s - low_s) / 2;
        if (middle_s <= low_s || middle_s >= high_s)
            return high_s - from_s;
        if (diurnal_mean(arrivals, middle_s) < target)
            low_s = middle_s;
        else
            high_s = middle_s;
    }
}

/* --- The table --- */

const struct ls_process_ops ls_processes[LS_N_PROCESSES] = {
    [LS_ARRIVALS_POISSON] = {"poisson", {"rate"}, true, poisson_gap_s, poisson_dispersion},
    [LS_ARRIVALS_CONSTANT] = {"constant", {"rate"}, true, constant_gap_s, constant_dispersion},
    [LS_ARRIVALS_GAMMA] = {"gamma", {"rate", "cv"}, true, gamma_gap_s, gamma_dispersion},
    [LS_ARRIVALS_MMPP] = {"mmpp", {"rate"}, true, mmpp_gap_s, mmpp_dispersion},
    [LS_ARRIVALS_ALL_AT_ONCE] = {.name = "all_at_once"},
    [LS_ARRIVALS_CLOSED] = {.name = "closed", .keys = {"concurrency"}},
    [LS_ARRIVALS_DIURNAL] = {"diurnal", {"rate"}, true, diurnal_gap_s, poisson_dispersion},
};

const char *const ls_process_names[LS_N_PROCESSES + 1] = {
    [LS_ARRIVALS_POISSON] = "poisson", [LS_ARRIVALS_CONSTANT] = "constant",       [LS_ARRIVALS_GAMMA] = "gamma",
    [LS_ARRIVALS_MMPP] = "mmpp",       [LS_ARRIVALS_ALL_AT_ONCE] = "all_at_once", [LS_ARRIVALS_CLOSED] = "closed",
    [LS_ARRIVALS_DIURNAL] = "diurnal",
};

static bool has(const struct ls_arrivals *arrivals, const char *key)
{
    if (strcmp(key, "rate") == 0)
        return !isnan(arrivals->rate);
    if (strcmp(key, "cv") == 0)
        return !isnan(arrivals->cv);
    return arrivals->concurrency != LS_NULL_INT;
}

enum ls_status ls_arrivals_check(const struct ls_arrivals *arrivals, struct ls_err *err)
{
    const struct ls_process_ops *ops = &ls_processes[arrivals->process];
    for (size_t i = 0; i < sizeof ops->keys / sizeof *ops->keys && ops->keys[i]; i++)
        if (!has(arrivals, ops->keys[i]))
            return ls_fail(err, LS_INPUT, "%s: %s arrivals need it", ops->keys[i], ops->name);
    if (ops->timed && arrivals->requests != LS_NULL_INT)
        return ls_fail(err, LS_INPUT, "requests: %s arrivals go on for as long as arrivals do; use max_requests",
                       ops->name);
    return LS_OK;
}

bool ls_workload_is_untimed(const struct ls_workload *workload)
{
    const struct ls_arrivals *replay = &workload->trace_options.arrivals;
    bool any = workload->trace && replay->process != LS_NULL_CHOICE && !ls_arrivals_are_timed(replay);
    for (int32_t i = 0; i < workload->n_profiles; i++)
        any |= !ls_arrivals_are_timed(&workload->profiles[i].arrivals);
    return any;
}

void ls_arrival_clock_init(struct ls_arrival_clock *clock, const struct ls_arrivals *arrivals,
                           const struct ls_arrival_draw *draw)
{
    *clock = (struct ls_arrival_clock){0};
    if (arrivals->process == LS_ARRIVALS_MMPP)
        draw_state(clock, arrivals, draw);
}

double ls_arrivals_next_s(const struct ls_arrivals *arrivals, struct ls_arrival_clock *clock,
                          const struct ls_arrival_draw *draw, double from_s)
{
    const struct ls_process_ops *ops = &ls_processes[arrivals->process];
    return ops->timed ? from_s + ops->gap_s(arrivals, clock, draw, from_s) : from_s;
}
