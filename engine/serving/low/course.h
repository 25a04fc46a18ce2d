#ifndef LS_ENGINE_SERVING_LOW_COURSE_H
#define LS_ENGINE_SERVING_LOW_COURSE_H

#include "engine/serving/low/plant.h"

/* Arrivals that are dense and sparse in turn (mmpp) are never in a steady state: they are taken in a few windows of
 * time, each in the state that its arrivals and the decodes under way would keep up, and between them decodes, a queue
 * and time are carried over as a fluid (the pointwise stationary approximation with what it lacks: Green and Kolesar,
 * Management Science 37, 1991; Newell, Applications of Queueing Theory, 1982).
 *
 * Time is measured in tokens too: so many that a request which decodes all the time would have got. Of the requests of
 * a window, those whose output is longer than what has passed since are left; so the batch follows from the windows
 * before and the outputs' distribution alone. */

/* At the plant's rate: means over a long time, of which no end is known. */
void ls_course_swing(struct ls_plant *plant, const struct ls_arrivals *arrivals, struct ls_means *means);

#endif
