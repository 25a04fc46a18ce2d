#include "engine/sim/distribution.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_TOK 2147483647.0

/* Logarithm of the largest mean a distribution may have; e^34.5 is 10^15, the bound of the parameters themselves. */
#define MAX_LOG_MEAN 34.5

static enum ls_status must_be_positive(const char *key, double value, struct ls_err *err)
{
    if (value > 0)
        return LS_OK;
    return ls_fail(err, LS_INPUT, "%s is %g, must be above 0", key, value);
}

static enum ls_status must_not_be_negative(const char *key, double value, struct ls_err *err)
{
    if (value >= 0)
        return LS_OK;
    return ls_fail(err, LS_INPUT, "%s is %g, must not be negative", key, value);
}

static enum ls_status check_constant(const struct ls_dist *dist, struct ls_err *err)
{
    return must_not_be_negative("value", dist->value, err);
}

static double mean_constant(const struct ls_dist *dist)
{
    return dist->value;
}

static double square_constant(const struct ls_dist *dist)
{
    return dist->value * dist->value;
}

static double sample_constant(const struct ls_dist *dist, struct ls_stream *stream)
{
    (void)stream;
    return dist->value;
}

static enum ls_status check_uniform(const struct ls_dist *dist, struct ls_err *err)
{
    if (dist->low > dist->high)
        return ls_fail(err, LS_INPUT, "low is %g, must not be above high, %g", dist->low, dist->high);
    return must_not_be_negative("low", dist->low, err);
}

static double mean_uniform(const struct ls_dist *dist)
{
    return 0.5 * (dist->low + dist->high);
}

static double square_uniform(const struct ls_dist *dist)
{
    return (dist->low * dist->low + dist->low * dist->high + dist->high * dist->high) / 3.0;
}

static double sample_uniform(const struct ls_dist *dist, struct ls_stream *stream)
{
    return dist->low + (dist->high - dist->low) * ls_stream_uniform(stream);
}

static enum ls_status check_normal(const struct ls_dist *dist, struct ls_err *err)
{
    const enum ls_status status = must_not_be_negative("mean", dist->mean, err);
    return status ? status : must_not_be_negative("std", dist->std, err);
}

static double mean_given(const struct ls_dist *dist)
{
    return dist->mean;
}

static double square_normal(const struct ls_dist *dist)
{
    return dist->mean * dist->mean + dist->std * dist->std;
}

static double sample_normal(const struct ls_dist *dist, struct ls_stream *stream)
{
    return dist->mean + dist->std * ls_stream_normal(stream);
}

static enum ls_status check_lognormal(const struct ls_dist *dist, struct ls_err *err)
{
    if (isnan(dist->mu)) {
        const enum ls_status status = must_be_positive("mean", dist->mean, err);
        return status ? status : must_not_be_negative("std", dist->std, err);
    }
    if (dist->mu + 0.5 * dist->sigma * dist->sigma > MAX_LOG_MEAN)
        return ls_fail(err, LS_INPUT,
                       "mu is %g and sigma %g, too large for the mean and standard deviation of a logarithm; those of "
                       "the values themselves are called mean and std",
                       dist->mu, dist->sigma);
    return must_not_be_negative("sigma", dist->sigma, err);
}

static double mean_lognormal(const struct ls_dist *dist)
{
    return isnan(dist->mu) ? dist->mean : exp(dist->mu + 0.5 * dist->sigma * dist->sigma);
}

static double square_lognormal(const struct ls_dist *dist)
{
    return isnan(dist->mu) ? dist->mean * dist->mean + dist->std * dist->std
                           : exp(2.0 * dist->mu + 2.0 * dist->sigma * dist->sigma);
}

static double sample_lognormal(const struct ls_dist *dist, struct ls_stream *stream)
{
    double mu = dist->mu, sigma = dist->sigma;
    if (isnan(mu)) {
        const double cv = dist->std / dist->mean;
        const double variance = log1p(cv * cv);
        mu = log(dist->mean) - 0.5 * variance;
        sigma = sqrt(variance);
    }
    return exp(mu + sigma * ls_stream_normal(stream));
}

static enum ls_status check_exponential(const struct ls_dist *dist, struct ls_err *err)
{
    return must_be_positive("mean", dist->mean, err);
}

static double square_exponential(const struct ls_dist *dist)
{
    return 2.0 * dist->mean * dist->mean;
}

static double sample_exponential(const struct ls_dist *dist, struct ls_stream *stream)
{
    return dist->mean * ls_stream_exponential(stream);
}

static enum ls_status check_gamma(const struct ls_dist *dist, struct ls_err *err)
{
    const enum ls_status status = must_be_positive("mean", dist->mean, err);
    return status ? status : must_be_positive("cv", dist->cv, err);
}

/* Gamma of mean `shape` for shape ≥ 1: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000. */
static double sample_unit_gamma(double shape, struct ls_stream *stream)
{
    const double d = shape - 1.0 / 3.0;
    const double c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        const double x = ls_stream_normal(stream);
        const double root = 1.0 + c * x;
        if (root <= 0)
            continue;
        const double v = root * root * root;
        if (log(ls_stream_uniform(stream)) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

static double square_gamma(const struct ls_dist *dist)
{
    return dist->mean * dist->mean * (1.0 + dist->cv * dist->cv);
}

static double sample_gamma(const struct ls_dist *dist, struct ls_stream *stream)
{
    const double shape = 1.0 / (dist->cv * dist->cv);
    const double scale = dist->mean / shape;
    if (shape >= 1)
        return scale * sample_unit_gamma(shape, stream);
    /* The same paper, section 6: a gamma of shape a is one of shape a + 1 times U^(1/a). */
    const double power = pow(ls_stream_uniform(stream), 1.0 / shape);
    return scale * sample_unit_gamma(shape + 1, stream) * power;
}

static enum ls_status check_weibull(const struct ls_dist *dist, struct ls_err *err)
{
    const enum ls_status status = must_be_positive("shape", dist->shape, err);
    return status ? status : must_be_positive("scale", dist->scale, err);
}

static double mean_weibull(const struct ls_dist *dist)
{
    return dist->scale * tgamma(1.0 + 1.0 / dist->shape);
}

static double square_weibull(const struct ls_dist *dist)
{
    return dist->scale * dist->scale * tgamma(1.0 + 2.0 / dist->shape);
}

static double sample_weibull(const struct ls_dist *dist, struct ls_stream *stream)
{
    return dist->scale * pow(ls_stream_exponential(stream), 1.0 / dist->shape);
}

static enum ls_status check_pareto(const struct ls_dist *dist, struct ls_err *err)
{
    if (!(dist->shape > 1))
        return ls_fail(err, LS_INPUT, "shape is %g, must be above 1, or the mean is infinite", dist->shape);
    return must_be_positive("scale", dist->scale, err);
}

static double mean_pareto(const struct ls_dist *dist)
{
    return dist->scale * dist->shape / (dist->shape - 1);
}

static double square_pareto(const struct ls_dist *dist)
{
    return dist->shape > 2.0 ? dist->shape * dist->scale * dist->scale / (dist->shape - 2.0) : (double)INFINITY;
}

static double sample_pareto(const struct ls_dist *dist, struct ls_stream *stream)
{
    return dist->scale * pow(ls_stream_uniform(stream), -1.0 / dist->shape);
}

static enum ls_status check_empirical(const struct ls_dist *dist, struct ls_err *err)
{
    if (!dist->samples || dist->samples->n == 0)
        return ls_fail(err, LS_INPUT, "nothing was read from %.90s", dist->file);
    return LS_OK;
}

static double mean_empirical(const struct ls_dist *dist)
{
    return dist->samples->mean;
}

static double square_empirical(const struct ls_dist *dist)
{
    return dist->samples->mean_square;
}

static double sample_empirical(const struct ls_dist *dist, struct ls_stream *stream)
{
    return dist->samples->values[(size_t)(ls_stream_uniform(stream) * (double)dist->samples->n)];
}

const struct ls_distribution_ops ls_distributions[LS_N_DISTRIBUTIONS] = {
    [LS_DIST_CONSTANT] =
        {"constant", {"value"}, {NULL}, check_constant, mean_constant, square_constant, sample_constant},
    [LS_DIST_UNIFORM] =
        {"uniform", {"low", "high"}, {NULL}, check_uniform, mean_uniform, square_uniform, sample_uniform},
    [LS_DIST_NORMAL] = {"normal", {"mean", "std"}, {NULL}, check_normal, mean_given, square_normal, sample_normal},
    [LS_DIST_LOGNORMAL] = {"lognormal",
                           {"mean", "std"},
                           {"mu", "sigma"},
                           check_lognormal,
                           mean_lognormal,
                           square_lognormal,
                           sample_lognormal},
    [LS_DIST_EXPONENTIAL] =
        {"exponential", {"mean"}, {NULL}, check_exponential, mean_given, square_exponential, sample_exponential},
    [LS_DIST_GAMMA] = {"gamma", {"mean", "cv"}, {NULL}, check_gamma, mean_given, square_gamma, sample_gamma},
    [LS_DIST_WEIBULL] =
        {"weibull", {"shape", "scale"}, {NULL}, check_weibull, mean_weibull, square_weibull, sample_weibull},
    [LS_DIST_PARETO] = {"pareto", {"shape", "scale"}, {NULL}, check_pareto, mean_pareto, square_pareto, sample_pareto},
    [LS_DIST_EMPIRICAL] =
        {"empirical", {"file", "column"}, {NULL}, check_empirical, mean_empirical, square_empirical, sample_empirical},
    [LS_DIST_MIXTURE] = {.name = "mixture"},
};

const char *const ls_distribution_names[LS_N_DISTRIBUTIONS + 1] = {
    [LS_DIST_CONSTANT] = "constant",   [LS_DIST_UNIFORM] = "uniform",         [LS_DIST_NORMAL] = "normal",
    [LS_DIST_LOGNORMAL] = "lognormal", [LS_DIST_EXPONENTIAL] = "exponential", [LS_DIST_GAMMA] = "gamma",
    [LS_DIST_WEIBULL] = "weibull",     [LS_DIST_PARETO] = "pareto",           [LS_DIST_EMPIRICAL] = "empirical",
    [LS_DIST_MIXTURE] = "mixture",
};

static bool among(const char *const keys[2], const char *key)
{
    return (keys[0] && strcmp(keys[0], key) == 0) || (keys[1] && strcmp(keys[1], key) == 0);
}

static size_t count(const char *const keys[2])
{
    return (size_t)(keys[0] != NULL) + (size_t)(keys[1] != NULL);
}

/* "mean and std, or mu and sigma" */
static const char *describe_keys(const struct ls_distribution_ops *ops, char *buffer, size_t size)
{
    size_t n = (size_t)snprintf(buffer, size, "%s%s%s", ops->keys[0], ops->keys[1] ? " and " : "",
                                ops->keys[1] ? ops->keys[1] : "");
    if (ops->other_keys[0])
        n += (size_t)snprintf(buffer + n, size - n, ", or %s and %s", ops->other_keys[0], ops->other_keys[1]);
    assert(n < size);
    return buffer;
}

static bool is_given(const struct ls_dist *dist, const struct ls_param *param)
{
    const union ls_value value = ls_param_load(param, (const char *)dist + param->offset);
    return param->type != LS_PARAM_CHOICE && !ls_param_is_null(param, &value);
}

/* Are the keys that `ops` needs there, in one of its two ways, and no others? */
static enum ls_status check_keys(const struct ls_distribution_ops *ops, const struct ls_dist *dist, struct ls_err *err)
{
    char wanted[64];
    size_t n_keys = 0, n_other_keys = 0;
    for (size_t i = 0; i < ls_dist_params.n; i++) {
        const struct ls_param *param = &ls_dist_params.rows[i];
        if (!is_given(dist, param))
            continue;
        if (among(ops->keys, param->key))
            n_keys++;
        else if (among(ops->other_keys, param->key))
            n_other_keys++;
        else
            return ls_fail(err, LS_INPUT, "%s takes %s, not %s", ops->name, describe_keys(ops, wanted, sizeof wanted),
                           param->key);
    }
    if (n_keys > 0 && n_other_keys > 0)
        return ls_fail(err, LS_INPUT,
                       "%s takes %s and %s of the values, or %s and %s of their logarithm, not a mix of the two",
                       ops->name, ops->keys[0], ops->keys[1], ops->other_keys[0], ops->other_keys[1]);
    if (n_other_keys > 0 ? n_other_keys < count(ops->other_keys) : n_keys < count(ops->keys))
        return ls_fail(err, LS_INPUT, "%s needs %s", ops->name, describe_keys(ops, wanted, sizeof wanted));
    return LS_OK;
}

static const struct ls_distribution_ops *ops_of(const struct ls_dist *dist)
{
    assert(dist->kind >= 0 && dist->kind < LS_N_DISTRIBUTIONS);
    return &ls_distributions[dist->kind];
}

enum ls_status ls_dist_check(const struct ls_dist *dist, struct ls_err *err)
{
    if (dist->kind == LS_NULL_CHOICE)
        return ls_fail(err, LS_INPUT, "a distribution needs its name, such as dist: constant");
    if (dist->kind == LS_DIST_MIXTURE)
        return ls_fail(err, LS_INPUT, "no mixture can be here; write one of the other distributions");
    const struct ls_distribution_ops *ops = ops_of(dist);
    const enum ls_status status = check_keys(ops, dist, err);
    return status ? status : ops->check(dist, err);
}

enum ls_status ls_dist_check_tok(const struct ls_dist *dist, struct ls_err *err)
{
    const enum ls_status status = ls_dist_check(dist, err);
    if (status)
        return status;
    /* A spread of less than a token says nothing of tokens, and e^mean would be a count: this was meant as mu, sigma.
     */
    if (dist->kind == LS_DIST_LOGNORMAL && isnan(dist->mu) && dist->std > 0 && dist->std < 1 &&
        dist->mean < log(MAX_TOK))
        return ls_fail(err, LS_INPUT,
                       "a mean of %g tokens with std %g looks like the mean and deviation of a logarithm: write "
                       "{mu: %g, sigma: %g}, or mean and std in tokens",
                       dist->mean, dist->std, dist->mean, dist->std);
    const double mean = ls_dist_mean(dist);
    if (!(mean >= 1 && mean <= MAX_TOK))
        return ls_fail(err, LS_INPUT, "a mean of %g tokens is out of range, must be 1 to 2147483647", mean);
    return LS_OK;
}

double ls_dist_mean(const struct ls_dist *dist)
{
    return ops_of(dist)->mean(dist);
}

double ls_dist_mean_square(const struct ls_dist *dist)
{
    return ops_of(dist)->mean_square(dist);
}

double ls_dist_sample(const struct ls_dist *dist, struct ls_stream *stream)
{
    return ops_of(dist)->sample(dist, stream);
}

int32_t ls_dist_sample_tok(const struct ls_dist *dist, struct ls_stream *stream)
{
    return (int32_t)fmin(fmax(round(ls_dist_sample(dist, stream)), 1), MAX_TOK);
}
