#include "engine/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static_assert(sizeof(struct ls_metrics) % sizeof(double) == 0, "a row is an array of doubles");

const double ls_quantile_values[LS_N_QUANTILES] = {
#define X(id, value, suffix) value,
    LS_QUANTILES(X)
#undef X
};

static const char *const quantile_suffixes[LS_N_QUANTILES] = {
#define X(id, value, suffix) #suffix,
    LS_QUANTILES(X)
#undef X
};

static const char *const quantile_stems[LS_N_QUANTILE_METRICS] = {
#define X(id, stem, kinds, long_name) #stem,
    LS_QUANTILE_METRICS(X)
#undef X
};

const struct ls_metric_info ls_metric_infos[LS_N_METRICS] = {
#define X(id, name, unit, kinds, better, long_name, description)                                                       \
    {#name, unit, long_name, description, kinds, LS_BETTER_##better, LS_METRIC_##id, 1},
    LS_SCALAR_METRICS(X)
#undef X
#define X(id, stem, kinds, long_name)                                                                                  \
    {#stem "_q",                                                                                                       \
     "s",                                                                                                              \
     long_name,                                                                                                        \
     "Quantiles over requests (itl: over gaps)",                                                                       \
     kinds,                                                                                                            \
     LS_BETTER_LOW,                                                                                                    \
     LS_N_SCALAR_METRICS + (size_t)LS_QMETRIC_##id * LS_N_QUANTILES,                                                   \
     LS_N_QUANTILES},
        LS_QUANTILE_METRICS(X)
#undef X
};

void ls_metrics_clear(struct ls_metrics *metrics)
{
    for (size_t i = 0; i < LS_N_SCALAR_METRICS; i++)
        metrics->scalar[i] = NAN;
    for (size_t i = 0; i < LS_N_QUANTILE_METRICS; i++)
        for (size_t j = 0; j < LS_N_QUANTILES; j++)
            metrics->quantile[i][j] = NAN;
}

const char *ls_metric_column_name(size_t column, char *buffer, size_t size)
{
    assert(column < LS_N_COLUMNS);
    if (column < LS_N_SCALAR_METRICS) {
        (void)snprintf(buffer, size, "%s", ls_metric_infos[column].name);
    } else {
        const size_t i = column - LS_N_SCALAR_METRICS;
        (void)snprintf(buffer, size, "%s_%s_s", quantile_stems[i / LS_N_QUANTILES],
                       quantile_suffixes[i % LS_N_QUANTILES]);
    }
    return buffer;
}

bool ls_metric_column(const char *name, size_t *column)
{
    char buffer[64];
    for (size_t i = 0; i < LS_N_COLUMNS; i++) {
        if (strcmp(name, ls_metric_column_name(i, buffer, sizeof buffer)) == 0) {
            *column = i;
            return true;
        }
    }
    return false;
}

const struct ls_metric_info *ls_metric_of_column(size_t column)
{
    assert(column < LS_N_COLUMNS);
    if (column < LS_N_SCALAR_METRICS)
        return &ls_metric_infos[column];
    return &ls_metric_infos[LS_N_SCALAR_METRICS + (column - LS_N_SCALAR_METRICS) / LS_N_QUANTILES];
}
