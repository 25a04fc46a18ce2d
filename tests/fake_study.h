#ifndef LS_TESTS_FAKE_STUDY_H
#define LS_TESTS_FAKE_STUDY_H

/* A small study made by hand, and results for its cells, for the tests of the cube. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/record.h"
#include "sweep/study.h"

static double fake_tp[] = {1, 2}, fake_one[] = {1}, fake_dp[] = {1, 2, 4}, fake_scale[] = {0.5, 1},
              fake_replica[] = {0, 1};
static char fake_lods[][LS_NAME_LEN] = {"medium", "high"},
            fake_models[][LS_NAME_LEN] = {"llama-3.1-70b", "mixtral-8×7b"};
static const struct ls_param fake_int = {.key = "tp", .type = LS_PARAM_INT};
static struct ls_target fake_int_target = {.ref = {.param = &fake_int}, .key = "strategy.tp"};
static const struct ls_param fake_float = {.key = "time_scale", .type = LS_PARAM_FLOAT};
static struct ls_target fake_scale_target = {.ref = {.param = &fake_float}, .key = "workload.trace.time_scale"};

static inline struct ls_axis fake_numbers(const char *name, double *values, size_t n, struct ls_target *target)
{
    struct ls_axis axis = {
        .numeric = true, .unit = "1", .n = n, .n_targets = target != NULL, .targets = target, .coordinates = values};
    strcpy(axis.name, name);
    return axis;
}

static inline struct ls_axis fake_words(const char *name, char (*words)[LS_NAME_LEN], size_t n)
{
    struct ls_axis axis = {.n = n, .labels = words};
    strcpy(axis.name, name);
    return axis;
}

enum { FAKE_CELLS = 2 * 3 * 2 * 2 * 2 * 2 };

/* tp 2 × pp 1 × dp 3 × ep 1 × lod 2 × time scale 2 × model 2 × replica 2. */
static inline struct ls_study fake_study(struct ls_axis axes[8])
{
    axes[0] = fake_numbers("tp", fake_tp, 2, &fake_int_target);
    axes[1] = fake_numbers("pp", fake_one, 1, &fake_int_target);
    axes[2] = fake_numbers("dp", fake_dp, 3, &fake_int_target);
    axes[3] = fake_numbers("ep", fake_one, 1, &fake_int_target);
    axes[4] = fake_words("lod", fake_lods, 2);
    axes[5] = fake_numbers("workload.trace.time_scale", fake_scale, 2, &fake_scale_target);
    axes[6] = fake_words("model", fake_models, 2);
    axes[7] = fake_numbers("replica", fake_replica, 2, NULL);
    struct ls_study study = {.name = "fake",
                             .n_axes = 8,
                             .axes = axes,
                             .n_cells = FAKE_CELLS,
                             .yaml = (char *)"name: fake # as given\n",
                             .resolved = (char *)"name: fake\nseed: 42\n",
                             .sha256 = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"};
    study.base.kind = LS_SERVING;
    study.base.seed = 42;
    return study;
}

/* Scattered over the points, a little apart between the replicas. */
static inline double fake_value(uint64_t cell, size_t column)
{
    if (column == LS_METRIC_SATURATED)
        return cell / 2 % 4 == 3;
    if (column == LS_METRIC_SUCCESS_RATE)
        return cell / 2 % 6 == 1 ? 0.75 : 1;
    return 10 + (double)(cell / 2 * (13 + 2 * column) % (FAKE_CELLS + 1)) / 7 + (double)(cell % 2) / 100;
}

/* Both replicas of every fifth point. */
static inline bool fake_infeasible(uint64_t cell)
{
    return cell / 2 % 5 == 0;
}

/* Infeasible cells have memory alone. The maximum goodput and everything of training has no value anywhere. */
static inline struct ls_record fake_record(uint64_t cell, uint32_t rank)
{
    struct ls_record record = {
        .cell = cell, .fingerprint = UINT64_MAX - cell, .rank = rank, .wall_s = 0.001 * (rank + 1)};
    ls_metrics_clear(&record.metrics);
    record.metrics.scalar[LS_METRIC_MEM_TOTAL_BYTES] = fake_value(cell, LS_METRIC_MEM_TOTAL_BYTES);
    if (fake_infeasible(cell)) {
        record.status = LS_CELL_INFEASIBLE;
        record.reason = LS_REASON_MEMORY_WEIGHTS;
        return record;
    }
    double columns[LS_N_COLUMNS];
    memcpy(columns, &record.metrics, sizeof columns);
    for (size_t i = 0; i < LS_N_COLUMNS; i++)
        if (ls_metric_of_column(i)->kinds & LS_S && i != LS_METRIC_MAX_GOODPUT)
            columns[i] = fake_value(cell, i);
    memcpy(&record.metrics, columns, sizeof columns);
    return record;
}

#endif
