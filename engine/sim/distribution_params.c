#include "engine/sim/distribution.h"

#define ROW(name, doc)                                                                                                 \
    LS_ROW_FLOAT(struct ls_dist, #name, name, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", -1e15, 1e15, doc)

static const struct ls_param rows[] = {
    LS_ROW_CHOICE(struct ls_dist, "dist", kind, LS_PARAM_NULLABLE, "null", ls_distribution_names,
                  "Name of the distribution; null: none."),
    ROW(value, "constant: the value."),
    ROW(low, "uniform: the least value."),
    ROW(high, "uniform: the greatest value."),
    ROW(mean, "normal, lognormal, exponential, gamma: mean of the values."),
    ROW(std, "normal, lognormal: standard deviation of the values."),
    ROW(cv, "gamma: standard deviation over mean."),
    ROW(mu, "lognormal: mean of the natural logarithm of the values."),
    ROW(sigma, "lognormal: standard deviation of the natural logarithm of the values."),
    ROW(shape, "weibull, pareto: shape."),
    ROW(scale, "weibull: the value that 63 % stay below; pareto: the least value."),
};

const struct ls_param_table ls_dist_params = LS_TABLE(rows);
