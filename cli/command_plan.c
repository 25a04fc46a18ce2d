#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/run_summary.h"
#include "cli/study_args.h"
#include "cli/text_table.h"
#include "sweep/cell.h"
#include "sweep/plan.h"

#define MAX_LOOKS UINT64_C(1000000) /* some seconds of looking */
#define SAMPLE_S 1.0                /* for trying cells, shared among the levels of detail by what they cost */
#define PATIENCE_S 5.0              /* no cell goes on after so much */
#define SHORT_S 1e-3
#define SWEEP_S 5e-6 /* that a sweep spends on a cell besides simulating it: tests/bench measures it */

static double seconds(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool is_early(void *context)
{
    const double *begin_s = context;
    return seconds(CLOCK_MONOTONIC) - *begin_s < PATIENCE_S;
}

struct estimate {
    double cost, time_s; /* of all levels */
    size_t n;            /* cells simulated to know */
    bool is_bound;       /* one was cut short: it takes at least so much */
};

/* Simulate some of the sample for about `limit_s` of a core; short cells twice, for the first time pays for the cache.
 */
static void measure_level(const struct ls_study *study, const struct ls_plan_level *level, double limit_s,
                          struct ls_sim *sim, struct estimate *estimate)
{
    const double begin_s = seconds(CLOCK_PROCESS_CPUTIME_ID);
    double end_s = begin_s, times_s[LS_PLAN_SAMPLE], patience_begin_s = seconds(CLOCK_MONOTONIC);
    size_t n = 0;
    bool is_cut = false, again = false;
    ls_sim_watch(sim, is_early, &patience_begin_s);
    while (n < level->n_sample && !is_cut && (n == 0 || end_s - begin_s < limit_s)) {
        struct ls_record record;
        struct ls_err err;
        const double cell_s = seconds(CLOCK_PROCESS_CPUTIME_ID);
        is_cut = ls_cell_simulate(study, level->sample[n].cell, sim, &record, &err) == LS_STOPPED;
        end_s = seconds(CLOCK_PROCESS_CPUTIME_ID);
        times_s[n] = end_s - cell_s;
        again = !again && !is_cut && times_s[n] < SHORT_S;
        n += !again;
    }
    if (n > 0)
        estimate->time_s += ls_plan_level_seconds(level, n, times_s);
    estimate->n += n;
    estimate->is_bound = estimate->is_bound || is_cut;
}

static enum ls_status measure(const struct ls_study *study, const struct ls_plan *plan, struct estimate *estimate)
{
    struct ls_sim *sim = ls_sim_new();
    if (!sim)
        return LS_NOMEM;
    *estimate = (struct estimate){.time_s = SWEEP_S * (double)study->n_cells};
    for (int i = 0; i < LS_PLAN_LODS; i++)
        estimate->cost += plan->levels[i].cost;
    for (int i = 0; i < LS_PLAN_LODS; i++)
        measure_level(study, &plan->levels[i], SAMPLE_S * plan->levels[i].cost / estimate->cost, sim, estimate);
    ls_sim_free(sim);
    return LS_OK;
}

static void print_axes(const struct ls_study *study)
{
    struct ls_text_table table;
    ls_text_table_init(&table);
    ls_text_table_head(&table, "axis", true);
    ls_text_table_head(&table, "points", false);
    ls_text_table_head(&table, "values", true);
    for (size_t i = 0; i < study->n_axes; i++) {
        const struct ls_axis *axis = &study->axes[i];
        char text[3 * LS_NAME_LEN];
        ls_text_table_text(&table, axis->name);
        (void)snprintf(text, sizeof text, "%zu", axis->n);
        ls_text_table_text(&table, text);
        (void)snprintf(text, sizeof text, "%s%s%s", axis->labels[0],
                       axis->n > 2   ? " … "
                       : axis->n > 1 ? " "
                                     : "",
                       axis->n > 1 ? axis->labels[axis->n - 1] : "");
        ls_text_table_text(&table, text);
    }
    ls_text_table_print(&table, stdout);
    ls_text_table_release(&table);
}

/* Counts of the cells looked at; of a part of the grid they are shares. */
static void print_count(const struct ls_study *study, const struct ls_plan *plan, const char *name, uint64_t n,
                        const char *text)
{
    if (plan->n_looked == study->n_cells)
        (void)printf("  %-18s %10" PRIu64 "%s%s\n", name, n, text[0] ? "  " : "", text);
    else
        (void)printf("  %-18s %9.2f%%%s%s\n", name, 100 * (double)n / (double)plan->n_looked, text[0] ? "  " : "",
                     text);
}

static void print_counts(const struct ls_study *study, const struct ls_plan *plan)
{
    char name[512];
    (void)printf("\n%" PRIu64 " %s", study->n_cells, study->n_cells == 1 ? "cell" : "cells");
    if (plan->n_looked < study->n_cells)
        (void)printf(", of which %" PRIu64 " were looked at", plan->n_looked);
    (void)printf("\n");
    print_count(study, plan, "feasible", plan->by_reason[LS_REASON_NONE], "");
    for (int i = LS_REASON_NONE + 1; i < LS_N_REASONS; i++)
        if (plan->by_reason[i])
            print_count(study, plan, ls_reason_name((enum ls_reason)i), plan->by_reason[i],
                        ls_reason_text((enum ls_reason)i));
    if (!plan->n_faulty)
        return;
    print_count(study, plan, "failing", plan->n_faulty, "values contradict each other, for one");
    (void)printf("    %s: %s\n", ls_run_summary_cell(study, plan->faulty_cell, name, sizeof name), plan->fault.text);
}

static void print_estimate(const struct estimate *estimate)
{
    const double s = estimate->time_s;
    const double unit_s = s < 120 ? 1 : s < 7200 ? 60 : 3600;
    (void)printf("\ncost  about %.2g\n", estimate->cost);
    (void)printf("time  %s %.2g %s on one core, judging by %zu %s; n ranks need an nth of it\n",
                 estimate->is_bound ? "more than" : "about", s / unit_s,
                 unit_s < 2     ? "s"
                 : unit_s < 100 ? "min"
                                : "h",
                 estimate->n, estimate->n == 1 ? "cell" : "cells");
}

static int print_plan(const struct ls_study *study)
{
    struct ls_plan plan;
    struct estimate estimate;
    ls_plan_make(study, MAX_LOOKS, &plan);
    print_axes(study);
    print_counts(study, &plan);
    (void)fflush(stdout); /* what is known is there while the sample runs */
    if (measure(study, &plan, &estimate)) {
        (void)fprintf(stderr, "llmsweep plan: out of memory\n");
        return LS_EXIT_FAILED;
    }
    if (estimate.n > 0)
        print_estimate(&estimate);
    if (study->search.method != LS_NULL_CHOICE)
        (void)printf("That is for every cell; the search will run fewer.\n");
    return LS_EXIT_OK;
}

int ls_command_plan(int argc, char **argv)
{
    struct ls_study_args args = {0};
    static const struct option options[] = {LS_HELP_OPTION, LS_SET_OPTION, {0}};
    while (ls_command_option("plan", argc, argv, ":h", options) != -1)
        ls_study_args_set(&args, optarg);
    if (argc - optind != 1)
        return ls_command_misuse("plan", "give one study file");
    struct ls_study study;
    if (ls_study_args_load(&args, argv[optind], 0, &study))
        return LS_EXIT_INPUT;
    const int exit_status = print_plan(&study);
    ls_study_release(&study);
    return exit_status;
}
