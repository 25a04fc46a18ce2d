/* How close `low` comes to `medium` in the cells of studies, and how long it takes:
 *
 *     ls_accuracy STUDY.yaml...
 *
 * A line for each cell that fits and each load, tab-separated: study, cell, model, tp, pp, dp, ep, "own" or "long",
 * load, low's saturation over medium's, what low and medium each say about being saturated, and then low and medium of
 * each metric; microseconds of low, and of medium. Where requests are drawn, medium's are means over eight seeds. A
 * load is a rate over the largest at which medium's queue does not grow. "own" is the study's own workload; "long" the
 * same at several loads with so many requests that chance has little say, where no trace limits them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/serving/workload/load.h"
#include "engine/simulate.h"
#include "io/study_file.h"
#include "tests/bench/measure.h"

static const enum ls_scalar_metric columns[] = {LS_METRIC_TTFT_MEAN_S, LS_METRIC_TPOT_MEAN_S, LS_METRIC_E2E_MEAN_S,
                                                LS_METRIC_REQUEST_THROUGHPUT, LS_METRIC_QUEUE_WAIT_MEAN_S};
enum { N_COLUMNS = sizeof columns / sizeof *columns, N_SEEDS = 5 };

static struct ls_sim *sim;
static double seconds;

static bool simulate(struct ls_scenario *scenario, enum ls_lod lod, struct ls_metrics *metrics)
{
    struct ls_result result;
    struct ls_err err = {""};
    scenario->strategy.lod = (int32_t)lod;
    const double start_s = cpu_s();
    if (ls_simulate(sim, scenario, &result, &err)) {
        (void)fprintf(stderr, "accuracy: %s\n", err.text);
        exit(EXIT_FAILURE);
    }
    seconds = cpu_s() - start_s;
    *metrics = result.metrics;
    return result.status == LS_CELL_DONE;
}

static struct ls_scenario at_load(const struct ls_scenario *scenario, double factor, bool longer)
{
    struct ls_scenario scaled = *scenario;
    struct ls_workload *workload = &scaled.workload;
    ls_load_scale(workload, factor);
    if (longer) {
        struct ls_load load;
        ls_load_measure(&load, &scaled);
        workload->duration_s = 4000 * (double)(1 + scaled.strategy.dp) / load.rate;
        workload->warmup_s = 0.2 * workload->duration_s;
        workload->drain = 1;
    }
    return scaled;
}

/* Columns, at medium the mean over a few seeds where requests are drawn: one seed's are its luck too. False where a
 * seed's requests do not fit. */
static bool measure(const struct ls_scenario *scenario, enum ls_lod lod, double columns_mean[N_COLUMNS],
                    bool *saturated)
{
    const int n = scenario->workload.trace || lod == LS_LOD_LOW ? 1 : N_SEEDS;
    int n_saturated = 0;
    memset(columns_mean, 0, N_COLUMNS * sizeof *columns_mean);
    for (int seed = 0; seed < n; seed++) {
        struct ls_scenario seeded = *scenario;
        struct ls_metrics metrics;
        seeded.seed += seed;
        if (!simulate(&seeded, lod, &metrics))
            return false;
        for (int i = 0; i < N_COLUMNS; i++)
            columns_mean[i] += metrics.scalar[columns[i]] / n;
        n_saturated += metrics.scalar[LS_METRIC_SATURATED] > 0;
    }
    *saturated = 2 * n_saturated > n;
    return true;
}

static bool is_saturated(const struct ls_scenario *scenario, enum ls_lod lod, double factor, bool longer)
{
    const struct ls_scenario scaled = at_load(scenario, factor, longer);
    double means[N_COLUMNS];
    bool saturated;
    return measure(&scaled, lod, means, &saturated) && saturated;
}

/* Of a few requests that are recorded, it is chance too whether the queue grows at a factor: the one with as many
 * saturated below it as there are others above, as far as eight times off. */
static double find_middle(const struct ls_scenario *scenario, enum ls_lod lod, double about)
{
    const double step = 1.06;
    double middle = about / 8;
    for (double factor = about / 8; factor < about * 8; factor *= step)
        middle *= is_saturated(scenario, lod, factor, false) ? 1 : step;
    return middle;
}

/* The largest factor for the study's rate at which medium's queue does not grow, or low's. */
static double find_saturation(const struct ls_scenario *scenario, enum ls_lod lod, bool longer)
{
    double below = 1e-3, above = 1e3;
    while (above / below > 1.02) {
        const double factor = sqrt(below * above);
        *(is_saturated(scenario, lod, factor, longer) ? &above : &below) = factor;
    }
    return scenario->workload.trace ? find_middle(scenario, lod, below) : below;
}

static void compare(const char *study, uint64_t cell, const struct ls_scenario *scenario, const char *kind,
                    double factor, double saturation, double low_saturation)
{
    struct ls_metrics low;
    double medium[N_COLUMNS];
    bool saturated;
    struct ls_scenario scaled = at_load(scenario, factor, strcmp(kind, "long") == 0);
    if (!measure(&scaled, LS_LOD_MEDIUM, medium, &saturated))
        return;
    const double medium_s = seconds;
    (void)simulate(&scaled, LS_LOD_LOW, &low);
    const struct ls_strategy *s = &scenario->strategy;
    (void)printf("%s\t%" PRIu64 "\t%s\t%d\t%d\t%d\t%d\t%s\t%.4f\t%.4f\t%g\t%d", study, cell, scenario->model.name,
                 (int)s->tp, (int)s->pp, (int)s->dp, (int)s->ep, kind, factor / saturation, low_saturation / saturation,
                 low.scalar[LS_METRIC_SATURATED], saturated);
    for (int i = 0; i < N_COLUMNS; i++)
        (void)printf("\t%.6g\t%.6g", low.scalar[columns[i]], medium[i]);
    (void)printf("\t%.1f\t%.1f\n", seconds * 1e6, medium_s * 1e6);
}

static void compare_cells(const char *path)
{
    static const double loads[] = {0.2, 0.5, 0.8};
    struct ls_diags diags = {0};
    struct ls_study study;
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    if (ls_study_load(path, NULL, 0, 0, &study, &diags)) {
        (void)fprintf(stderr, "accuracy: %s is not a study\n", path);
        exit(EXIT_FAILURE);
    }
    for (uint64_t cell = 0; cell < study.n_cells; cell++) {
        struct ls_scenario scenario;
        struct ls_err err = {""};
        struct ls_metrics metrics;
        enum ls_reason reason;
        if (ls_study_cell(&study, cell, &scenario, &reason, &err) || reason != LS_REASON_NONE ||
            scenario.strategy.lod != LS_LOD_MEDIUM || !simulate(&scenario, LS_LOD_LOW, &metrics))
            continue;
        const bool longer = !scenario.workload.trace;
        const double saturation = find_saturation(&scenario, LS_LOD_MEDIUM, longer);
        const double low_saturation = find_saturation(&scenario, LS_LOD_LOW, longer);
        compare(name, cell, &scenario, "own", 1, saturation, low_saturation);
        for (size_t i = 0; longer && i < sizeof loads / sizeof *loads; i++)
            compare(name, cell, &scenario, "long", loads[i] * saturation, saturation, low_saturation);
        (void)fflush(stdout);
    }
    ls_study_release(&study);
}

int main(int argc, char **argv)
{
    sim = ls_sim_new();
    if (!sim || argc < 2)
        return EXIT_FAILURE;
    for (int i = 1; i < argc; i++)
        compare_cells(argv[i]);
    ls_sim_free(sim);
    return EXIT_SUCCESS;
}
