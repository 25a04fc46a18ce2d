#ifndef LS_ENGINE_SERVING_WORKLOAD_LOAD_H
#define LS_ENGINE_SERVING_WORKLOAD_LOAD_H

#include <stdbool.h>

#include "engine/scenario.h"

/* A workload by its moments, for the low level of detail. */
struct ls_load {
    double rate; /* requests a second of the whole deployment; infinite when all arrive at once, NaN in a closed loop */
    double dispersion;        /* variance over mean of the number of arrivals in a long time; 1: Poisson */
    double users;             /* closed loop: requests in the system; else NaN */
    double n_requests;        /* that arrive in the whole run; infinite when only duration_s ends a closed loop */
    double arrivals_s;        /* time over which they arrive; 0 when all arrive at once or in a closed loop */
    double prompt, prompt_sq; /* E[P], E[P²], tokens */
    double output, output_sq; /* E[O], E[O²] */
    double prompt_output;     /* E[P · O] */
};

/* Moments of a resolved scenario's workload. Distributions with an infinite variance are cut where requests are: at
 * 2^31 tokens, with the coefficient of variation no more than 10. */
void ls_load_measure(struct ls_load *load, const struct ls_scenario *scenario);

/* Scale the load: all profiles' rates, or the trace's, times `factor`. The requests stay the same. Where their number
 * ends the arrivals, a greater load's warm-up is shorter by as much, and covers the same ones. */
void ls_load_scale(struct ls_workload *workload, double factor);

#endif
