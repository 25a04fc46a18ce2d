/* What each level of detail costs and gives for one study: every cell of it, and its levels with one abstraction after
 * the other taken away. For tools/level-of-detail, which makes a page of the lines printed here:
 *
 *     detail STUDY.yaml [RUNS]
 *
 * Each line is tab-separated: kind (cell or without), level, contention, what is taken away, seconds of one core
 * (median of RUNS), events, requests completed, mean TTFT, TPOT and E2E in seconds, requests and tokens a second,
 * steps. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/memory/serving_memory.h"
#include "engine/simulate.h"
#include "io/study_file.h"
#include "tests/bench/measure.h"
#include "tests/property/plain_loop.h"

enum { MAX_RUNS = 99 };

static struct ls_sim *sim;
static size_t n_runs = 5;

static void give_up(const char *what)
{
    (void)fprintf(stderr, "detail: %s\n", what);
    exit(EXIT_FAILURE);
}

/* Median seconds of simulations; metrics of the last. A short one is repeated within a run. */
static double measure(const struct ls_scenario *scenario, struct ls_metrics *metrics)
{
    double seconds[MAX_RUNS];
    for (size_t run = 0; run < n_runs; run++) {
        const double start_s = cpu_s();
        int64_t n = 0;
        do {
            struct ls_result result;
            struct ls_err err = {""};
            if (ls_simulate(sim, scenario, &result, &err) || result.status != LS_CELL_DONE)
                give_up(err.text[0] ? err.text : ls_reason_text(result.reason));
            *metrics = result.metrics;
            n++;
        } while (cpu_s() - start_s < 0.02);
        seconds[run] = (cpu_s() - start_s) / (double)n;
    }
    return median(seconds, n_runs);
}

static void print_line(const char *kind, const struct ls_scenario *scenario, const char *without, double seconds,
                       const struct ls_metrics *metrics)
{
    static const char *const levels[] = {"low", "medium", "high"};
    static const enum ls_scalar_metric columns[] = {LS_METRIC_N_EVENTS,
                                                    LS_METRIC_N_COMPLETED,
                                                    LS_METRIC_TTFT_MEAN_S,
                                                    LS_METRIC_TPOT_MEAN_S,
                                                    LS_METRIC_E2E_MEAN_S,
                                                    LS_METRIC_REQUEST_THROUGHPUT,
                                                    LS_METRIC_OUTPUT_TOKEN_THROUGHPUT,
                                                    LS_METRIC_N_STEPS};
    (void)printf("%s\t%s\t%s\t%s\t%.9g", kind, levels[scenario->strategy.lod],
                 scenario->cluster.contention ? "true" : "false", without, seconds);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        (void)printf("\t%.17g", metrics->scalar[columns[i]]);
    (void)printf("\n");
}

static struct ls_metrics measure_and_print(const char *kind, const struct ls_scenario *scenario, const char *without)
{
    struct ls_metrics metrics;
    const double seconds = measure(scenario, &metrics);
    print_line(kind, scenario, without, seconds, &metrics);
    return metrics;
}

static double mean_s(const struct plain_times *times)
{
    double sum = 0;
    for (int64_t i = 0; i < times->n; i++)
        sum += ls_s_from_ps(times->ps[i]);
    return times->n > 0 ? sum / (double)times->n : (double)NAN;
}

/* Neither coasting nor sums over a batch: a loop that looks at every running request in every step, and simulates the
 * same thing (tests/property/plain_loop.h). */
static void measure_plain_loop(const struct ls_scenario *scenario, struct ls_metrics metrics)
{
    static struct random_scenario given;
    struct ls_serving_memory memory;
    double seconds[MAX_RUNS];
    given.scenario = *scenario;
    given.scenario.workload.max_requests = 100000; /* it reserves memory for so many */
    if (ls_serving_memory(scenario, &memory) != LS_REASON_NONE)
        give_up("the scenario does not fit");
    given.kv_blocks = memory.kv_blocks;
    for (size_t run = 0; run < n_runs; run++) {
        struct plain plain;
        const double start_s = cpu_s();
        plain_run(&plain, &given);
        seconds[run] = cpu_s() - start_s;
        if (plain.n_steps != (int64_t)metrics.scalar[LS_METRIC_N_STEPS] ||
            fabs(mean_s(&plain.e2e) / metrics.scalar[LS_METRIC_E2E_MEAN_S] - 1) > 1e-9)
            give_up("the plain loop simulates something else");
        plain_release(&plain);
    }
    print_line("without", scenario, "coasting and sums over the batch", median(seconds, n_runs), &metrics);
}

/* The levels between medium and high: medium with less than it has, high with more. */
static void measure_between(struct ls_scenario *scenario)
{
    scenario->cluster.contention = 0;
    scenario->strategy.lod = LS_LOD_HIGH;
    (void)measure_and_print("without", scenario, "nothing");
    scenario->cluster.collective_steps = 0;
    (void)measure_and_print("without", scenario, "collectives' steps");
    scenario->strategy.lod = LS_LOD_MEDIUM;
    const struct ls_metrics metrics = measure_and_print("without", scenario, "nothing");
    struct ls_scenario slow = *scenario;
    slow.engine.jitter.straggler.gpu = 0; /* passes that vary are timed one by one, even by a factor of 1 */
    slow.engine.jitter.straggler.factor = 1;
    (void)measure_and_print("without", &slow, "coasting");
    measure_plain_loop(scenario, metrics);
}

int main(int argc, char **argv)
{
    struct ls_study study;
    struct ls_diags diags = {0};
    struct ls_scenario scenario;
    struct ls_err err = {""};
    enum ls_reason reason;
    if (argc > 2)
        n_runs = strtoul(argv[2], NULL, 10);
    if (argc < 2 || n_runs < 1 || n_runs > MAX_RUNS || !(sim = ls_sim_new()))
        give_up("usage: detail STUDY.yaml [RUNS]");
    if (ls_study_load(argv[1], NULL, 0, 0, &study, &diags)) {
        ls_diags_print(&diags, stderr);
        return EXIT_FAILURE;
    }
    for (uint64_t cell = 0; cell < study.n_cells; cell++) {
        if (ls_study_cell(&study, cell, &scenario, &reason, &err) || reason != LS_REASON_NONE)
            give_up(err.text[0] ? err.text : ls_reason_text(reason));
        (void)measure_and_print("cell", &scenario, "nothing");
    }
    measure_between(&scenario);
    ls_study_release(&study);
    ls_sim_free(sim);
    return 0;
}
