#ifndef LS_ENGINE_SIM_DISTRIBUTION_H
#define LS_ENGINE_SIM_DISTRIBUTION_H

#include <stdint.h>

#include "engine/param.h"
#include "engine/sim/random.h"

/* Distributions of token counts and times, each a row of ls_distributions found by name. */

/* As written in the study: unused parameters are NaN. */
struct ls_dist {
    int32_t kind; /* index into ls_distributions; LS_NULL_CHOICE: none given */
    double value;
    double low, high;
    double mean, std, cv;
    double mu, sigma;
    double shape, scale;
};

extern const struct ls_param_table ls_dist_params;

struct ls_distribution_ops {
    const char *name;
    const char *parameters; /* the keys it takes, for messages: "mean, std (or mu, sigma)" */
    /* LS_INPUT when a parameter is missing, foreign or out of range. */
    enum ls_status (*check)(const struct ls_dist *dist, struct ls_err *err);
    double (*mean)(const struct ls_dist *dist);
    double (*sample)(const struct ls_dist *dist, struct ls_stream *stream);
};

#define LS_N_DISTRIBUTIONS 8
extern const struct ls_distribution_ops ls_distributions[LS_N_DISTRIBUTIONS];
extern const char *const ls_distribution_names[LS_N_DISTRIBUTIONS + 1];

LS_NODISCARD enum ls_status ls_dist_check(const struct ls_dist *dist, struct ls_err *err);
double ls_dist_mean(const struct ls_dist *dist);

/* One value. */
double ls_dist_sample(const struct ls_dist *dist, struct ls_stream *stream);

/* One token count: rounded to the nearest whole number, at least 1, at most 2^31 − 1. */
int32_t ls_dist_sample_tok(const struct ls_dist *dist, struct ls_stream *stream);

#endif
