#ifndef LS_ENGINE_SERVING_WORKLOAD_LOAD_H
#define LS_ENGINE_SERVING_WORKLOAD_LOAD_H

#include <stdbool.h>

#include "engine/scenario.h"
#include "engine/serving/workload/classes.h"

/* A workload by its moments, for the low level of detail. */
struct ls_load {
    double rate; /* requests a second of the whole deployment; infinite when all arrive at once, NaN in a closed loop */
    double dispersion;        /* variance over mean of the number of arrivals in a long time; 1: Poisson */
    double users;             /* closed loop: clients, who think or have a request in the system; else NaN */
    double think_s;           /* mean time that a client thinks before a request, of all requests */
    double n_requests;        /* that arrive in the whole run; infinite when only duration_s ends a closed loop */
    double arrivals_s;        /* time over which they arrive; 0 when all arrive at once or in a closed loop */
    double asked, asked_sq;   /* E[P], E[P²], tokens of prompts */
    double prompt, prompt_sq; /* the same of those to compute, C: all that no cache knows */
    double found;             /* E[F], those that one does; P = C + F */
    double found_before;      /* E[F C] / E[C]: before a token that is computed */
    double output, output_sq; /* E[O], E[O²] */
    double asked_output;      /* E[P · O] */
};

/* Moments of a resolved scenario's workload, with nothing found in caches. */
void ls_load_measure(struct ls_load *load, const struct ls_scenario *scenario);

/* The same with what the classes of its requests find; of a trace there are none. */
void ls_load_measure_classes(struct ls_load *load, const struct ls_scenario *scenario,
                             const struct ls_classes *classes);

/* Scale the load: all profiles' rates, or the trace's, times `factor`. The requests stay the same. Where their number
 * ends the arrivals, a greater load's warm-up is shorter by as much, and covers the same ones. */
void ls_load_scale(struct ls_workload *workload, double factor);

#endif
