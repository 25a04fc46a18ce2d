#ifndef LS_ENGINE_SERVING_LOW_OUTPUTS_H
#define LS_ENGINE_SERVING_LOW_OUTPUTS_H

#include "engine/sim/mixture.h"

enum { LS_OUTPUT_BINS = 48, LS_OUTPUT_SHARES = 6 };

/* How many tokens requests of a profile decode. */
struct ls_outputs {
    double width, left[LS_OUTPUT_BINS + 1]; /* integral up to a bin of the share that has more */
    double middle[LS_OUTPUT_SHARES];        /* of equal shares of the requests, in order */
};

/* As some draws have them, stretched to the mean that all have. */
void ls_outputs_draw(struct ls_outputs *outputs, const struct ls_mixture *lengths);

/* ∫ from 0 to `tok` of the share of requests that decode more. */
double ls_outputs_left(const struct ls_outputs *outputs, double tok);

#endif
