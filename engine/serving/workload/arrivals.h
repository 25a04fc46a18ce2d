#ifndef LS_ENGINE_SERVING_WORKLOAD_ARRIVALS_H
#define LS_ENGINE_SERVING_WORKLOAD_ARRIVALS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/scenario.h"

/* When the requests of one client profile arrive. A process is one row of ls_processes, found by its name.
 *
 * Gaps are drawn from streams named by (seed, replica, profile, index of the request), with a mean of 1 where there is
 * a rate, which then stretches them. So the same draws serve every rate. */

/* The process so far. */
struct ls_arrival_clock {
    double switch_s;     /* mmpp: when its state changes next */
    uint64_t n_switches; /* mmpp: changes so far */
    bool burst;          /* mmpp: its state */
};

/* Who draws: names the random streams. */
struct ls_arrival_draw {
    uint64_t seed, replica, index;
    uint32_t profile;
};

struct ls_process_ops {
    const char *name;
    const char *keys[3]; /* of ls_arrivals that it cannot do without */
    bool timed;          /* requests come at times of their own; else all at the start, or behind one another */
    /* Seconds from `from` to the arrival of request `draw->index`; timed processes only. */
    double (*gap_s)(const struct ls_arrivals *arrivals, struct ls_arrival_clock *clock,
                    const struct ls_arrival_draw *draw, double from_s);
    /* Variance over mean of the number of arrivals in a long time; 1: Poisson. Timed processes only. */
    double (*dispersion)(const struct ls_arrivals *arrivals);
};

#define LS_N_PROCESSES 7
extern const struct ls_process_ops ls_processes[LS_N_PROCESSES];
extern const char *const ls_process_names[LS_N_PROCESSES + 1];

/* LS_INPUT when a key that the process needs is null: "rate: poisson arrivals need it". */
LS_NODISCARD enum ls_status ls_arrivals_check(const struct ls_arrivals *arrivals, struct ls_err *err);

static inline bool ls_arrivals_are_timed(const struct ls_arrivals *arrivals)
{
    return ls_processes[arrivals->process].timed;
}

/* Whether requests come at the times of a recording. */
static inline bool ls_workload_is_recorded(const struct ls_workload *workload)
{
    return workload->trace && workload->trace_options.arrivals.process == LS_NULL_CHOICE;
}

/* Whether requests of a profile, or of a trace that is replayed otherwise, come without times of their own. */
bool ls_workload_is_untimed(const struct ls_workload *workload);

/* The clock before the first arrival. */
void ls_arrival_clock_init(struct ls_arrival_clock *clock, const struct ls_arrivals *arrivals,
                           const struct ls_arrival_draw *draw);

/* When request `draw->index` arrives, if the one before it did at `from`, seconds. */
double ls_arrivals_next_s(const struct ls_arrivals *arrivals, struct ls_arrival_clock *clock,
                          const struct ls_arrival_draw *draw, double from_s);

#endif
