#include "engine/sim/mixture.h"

#define NUMBER(type, at, name, doc)                                                                                    \
    LS_ROW_FLOAT(type, #name, at name, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", -1e15, 1e15, doc)

/* The keys of the distribution that is the member `at` of `type`. */
#define DISTRIBUTION(type, at)                                                                                         \
    LS_ROW_CHOICE(type, "dist", at kind, LS_PARAM_NULLABLE, "null", ls_distribution_names,                             \
                  "Name of the distribution; null: none."),                                                            \
        NUMBER(type, at, value, "constant: the value."), NUMBER(type, at, low, "uniform: the least value."),           \
        NUMBER(type, at, high, "uniform: the greatest value."),                                                        \
        NUMBER(type, at, mean, "normal, lognormal, exponential, gamma: mean of the values."),                          \
        NUMBER(type, at, std, "normal, lognormal: standard deviation of the values."),                                 \
        NUMBER(type, at, cv, "gamma: standard deviation over mean."),                                                  \
        NUMBER(type, at, mu, "lognormal: mean of the natural logarithm of the values."),                               \
        NUMBER(type, at, sigma, "lognormal: standard deviation of the natural logarithm of the values."),              \
        NUMBER(type, at, shape, "weibull, pareto: shape."),                                                            \
        NUMBER(type, at, scale, "weibull: the value that 63 % stay below; pareto: the least value."),                  \
        LS_ROW_TEXT(type, "column", at column, LS_PARAM_NULLABLE, "null",                                              \
                    "empirical: column of the file, by its name in the first line."),                                  \
        LS_ROW_TEXT(type, "file", at file, LS_PARAM_NULLABLE | LS_PARAM_SAMPLES, "null",                               \
                    "empirical: a CSV file of observed values, a name in configs/workloads or a path.")

static const struct ls_param rows[] = {DISTRIBUTION(struct ls_dist, )};
const struct ls_param_table ls_dist_params = LS_TABLE(rows);

static const struct ls_param part_rows[] = {
    LS_ROW_TEXT(struct ls_part, "name", name, LS_PARAM_NULLABLE, "null",
                "Name, by which axes find the part; its number, from 0, when it has none."),
    LS_ROW_FLOAT(struct ls_part, "weight", weight, LS_DIM_NONE, 0, "1", 0, 1e9, "Share of the values that it gives."),
    DISTRIBUTION(struct ls_part, dist.),
};
static const struct ls_param_table part_table = LS_TABLE(part_rows);

static const struct ls_param mixture_rows[] = {
    DISTRIBUTION(struct ls_mixture, dist.),
    LS_ROW_LIST(struct ls_mixture, "of", parts, n_parts, LS_MAX_PARTS, &part_table,
                "mixture: distributions, one of which gives the value."),
};
const struct ls_param_table ls_mixture_params = LS_TABLE(mixture_rows);
