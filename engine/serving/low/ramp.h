#ifndef LS_ENGINE_SERVING_LOW_RAMP_H
#define LS_ENGINE_SERVING_LOW_RAMP_H

#include "engine/serving/low/plant.h"

/* Sessions from a run's beginning on, where it ends before they come and go evenly: later turns come when earlier ones
 * have ended, so the load grows, and contexts with it. Time is cut into steps; in each the deployment is in the state
 * that its arrivals and the decodes under way would keep up (backlog.h). How many decode, and how many end and come
 * again when their clients have thought, follows from what began before and from the outputs' distributions, with time
 * counted in tokens: the number in a queue with infinitely many servers whose arrivals change (Eick, Massey and Whitt,
 * Operations Research 41, 1993). Those who find no place wait as a fluid. */

struct ls_ramp;

/* Null in *ramp where a run has no sessions, or no given end. Memory comes from `arena`; false when it is short. */
bool ls_ramp_init(struct ls_ramp **ramp, const struct ls_plant *plant, struct ls_arena *arena);

/* The classes are as frequent as they are in the long run. */
void ls_ramp_reset(const struct ls_ramp *ramp, struct ls_plant *plant);

/* Whether a run that would have these means in its steady state does not reach it in the warm-up. */
bool ls_ramp_matters(const struct ls_plant *plant, const struct ls_means *steady);

/* Means of a run, without the front end. The classes are left as frequent as they are in what is measured. */
void ls_ramp_climb(struct ls_ramp *ramp, struct ls_plant *plant, struct ls_means *means);

#endif
