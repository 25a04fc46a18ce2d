#ifndef LS_ENGINE_SERVING_LOW_OUTPUTS_H
#define LS_ENGINE_SERVING_LOW_OUTPUTS_H

#include "engine/serving/scheduler/draft.h"
#include "engine/sim/mixture.h"

enum { LS_OUTPUT_BINS = 48, LS_OUTPUT_SHARES = 6 };

/* How many passes requests of a profile decode in. */
struct ls_outputs {
    double width, left[LS_OUTPUT_BINS + 1]; /* integral up to a bin of the share that has more */
    double middle[LS_OUTPUT_SHARES];        /* of equal shares of the requests, in order */
};

/* As some draws of their tokens have them, stretched to the mean that all have. */
void ls_outputs_draw(struct ls_outputs *outputs, const struct ls_mixture *lengths,
                     const struct ls_draft_passes *drafts);

/* ∫ from 0 to `passes` of the share of requests that decode in more. */
double ls_outputs_left(const struct ls_outputs *outputs, double passes);

#endif
