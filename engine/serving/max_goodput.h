#ifndef LS_ENGINE_SERVING_MAX_GOODPUT_H
#define LS_ENGINE_SERVING_MAX_GOODPUT_H

#include "engine/metrics.h"
#include "engine/scenario.h"

/* The highest request rate at which the SLO's attainment holds: slo.max_goodput. All profiles' rates, or the trace's
 * time, are scaled together; every rate sees the same requests. Every run is drained, for a request that the end of the
 * run cuts off is neither good nor bad; where a count of requests ends the arrivals, the warm-up shrinks with the gaps,
 * so that it covers the same requests.
 *
 * The search starts near the rate at which `low` meets the bounds on the mean, brackets the answer by steps that grow,
 * and bisects the bracket down to slo.tolerance. At `low` itself the means stand for the attainment. */

/* Runs one resolved scenario into metrics: the search's only view of a simulation. */
struct ls_goodput_runner {
    enum ls_status (*run)(void *context, const struct ls_scenario *scenario, struct ls_metrics *metrics,
                          struct ls_err *err);
    void *context;
};

/* Set LS_METRIC_MAX_GOODPUT and LS_METRIC_MAX_GOODPUT_SATURATED, and nothing else. The goodput is 0 where not even
 * requests that come one by one are good often enough, and has no value where all of a trace arrives at once. Where
 * attainment outlasts saturation (the bounds do not depend on the wait, or the run is too short for the queue to break
 * them) it is the saturation point, the highest rate at which the queue does not grow. A run's error is passed on. */
LS_NODISCARD enum ls_status ls_max_goodput(const struct ls_scenario *scenario, const struct ls_goodput_runner *runner,
                                           struct ls_metrics *metrics, struct ls_err *err);

#endif
