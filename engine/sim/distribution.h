#ifndef LS_ENGINE_SIM_DISTRIBUTION_H
#define LS_ENGINE_SIM_DISTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/param.h"
#include "engine/sim/random.h"

/* Distributions of token counts and times, each a row of ls_distributions found by name. Values are never negative but
 * for normal, whose caller truncates. */

enum ls_dist_kind {
    LS_DIST_CONSTANT,    /* value */
    LS_DIST_UNIFORM,     /* low, high */
    LS_DIST_NORMAL,      /* mean, std */
    LS_DIST_LOGNORMAL,   /* mean, std of the values; or mu, sigma of their logarithm */
    LS_DIST_EXPONENTIAL, /* mean */
    LS_DIST_GAMMA,       /* mean, cv: coefficient of variation */
    LS_DIST_WEIBULL,     /* shape, scale */
    LS_DIST_PARETO,      /* shape, scale: the least value */
    LS_DIST_EMPIRICAL,   /* file, column: values that were observed, all alike */
    LS_DIST_MIXTURE,     /* of others; struct ls_mixture alone can be one */
    LS_N_DISTRIBUTIONS
};

/* Observed values. Owned by whoever read them; a scenario borrows it. */
struct ls_samples {
    size_t n;             /* at least one */
    const double *values; /* [n], none negative */
    double mean, mean_square;
    uint64_t digest; /* of the values, for fingerprints */
};

/* As written in the study: unused parameters are NaN. */
struct ls_dist {
    int32_t kind; /* index into ls_distributions, enum ls_dist_kind; LS_NULL_CHOICE: none given */
    double value;
    double low, high;
    double mean, std, cv;
    double mu, sigma;
    double shape, scale;
    char file[LS_NAME_LEN], column[LS_NAME_LEN];
    const struct ls_samples *samples; /* of the file; null until it is read */
};

extern const struct ls_param_table ls_dist_params;

/* Whether a parameter is the `file` of a distribution. */
static inline bool ls_dist_is_file(const struct ls_param *param)
{
    return param->flags & LS_PARAM_SAMPLES;
}

/* The distribution whose `file` this field is. */
static inline const struct ls_dist *ls_dist_of_file(const void *field)
{
    return (const struct ls_dist *)(const void *)((const char *)field - offsetof(struct ls_dist, file));
}

struct ls_distribution_ops {
    const char *name;
    const char *keys[2];       /* the parameters it takes */
    const char *other_keys[2]; /* another way to say the same; null: there is none */
    /* LS_INPUT when the parameters, all present, are out of range. */
    enum ls_status (*check)(const struct ls_dist *dist, struct ls_err *err);
    double (*mean)(const struct ls_dist *dist);        /* may be infinite */
    double (*mean_square)(const struct ls_dist *dist); /* may be infinite */
    double (*sample)(const struct ls_dist *dist, struct ls_stream *stream);
};

extern const struct ls_distribution_ops ls_distributions[LS_N_DISTRIBUTIONS];
extern const char *const ls_distribution_names[LS_N_DISTRIBUTIONS + 1];

/* LS_INPUT when a parameter is missing, foreign or out of range, with what is wrong and what would be right. */
LS_NODISCARD enum ls_status ls_dist_check(const struct ls_dist *dist, struct ls_err *err);

/* The same for a count of tokens: the mean lies between 1 and 2^31 − 1, and a lognormal whose mean and std look like mu
 * and sigma is refused. */
LS_NODISCARD enum ls_status ls_dist_check_tok(const struct ls_dist *dist, struct ls_err *err);

/* Mean of a checked distribution, before any rounding. */
double ls_dist_mean(const struct ls_dist *dist);

/* Mean of the square of a checked distribution; infinite where the variance is. */
double ls_dist_mean_square(const struct ls_dist *dist);

/* One value. */
double ls_dist_sample(const struct ls_dist *dist, struct ls_stream *stream);

/* One token count: rounded to the nearest whole number, at least 1, at most 2^31 − 1. */
int32_t ls_dist_sample_tok(const struct ls_dist *dist, struct ls_stream *stream);

#endif
