#ifndef LS_ENGINE_SIM_MIXTURE_H
#define LS_ENGINE_SIM_MIXTURE_H

#include "engine/sim/distribution.h"

/* A distribution, or a mixture of several: first one of them by weight, then its value. */

#define LS_MAX_PARTS 4

struct ls_part {
    char name[LS_NAME_LEN]; /* by which axes find it; its number when it has none */
    double weight;
    struct ls_dist dist;
};

struct ls_mixture {
    struct ls_dist dist; /* kind LS_DIST_MIXTURE: the parts count, and nothing else here */
    int32_t n_parts;
    struct ls_part parts[LS_MAX_PARTS];
};

extern const struct ls_param_table ls_mixture_params;

/* For a count of tokens, as ls_dist_check_tok. */
LS_NODISCARD enum ls_status ls_mixture_check_tok(const struct ls_mixture *mixture, struct ls_err *err);

/* Of a checked mixture, as the ls_dist functions of these names. */
double ls_mixture_mean(const struct ls_mixture *mixture);
double ls_mixture_mean_square(const struct ls_mixture *mixture);
int32_t ls_mixture_sample_tok(const struct ls_mixture *mixture, struct ls_stream *stream);

#endif
