#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/run_summary.h"
#include "cli/study_args.h"
#include "cli/text_table.h"
#include "sweep/cell.h"
#include "sweep/plan.h"

#define SAMPLE_S 1.0   /* no cell is begun after so much time */
#define PATIENCE_S 5.0 /* and none goes on after so much */

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool is_early(void *context)
{
    const double *begin_s = context;
    return now_s() - *begin_s < PATIENCE_S;
}

/* What simulating a sample says of a unit of cost. */
struct pace {
    size_t n;
    double s_per_cost;
    bool is_bound; /* a cell was cut short: it is at least so much */
};

static enum ls_status measure(const struct ls_study *study, const struct ls_plan *plan, struct pace *pace)
{
    double begin_s = now_s(), cost = 0;
    struct ls_sim *sim = ls_sim_new();
    if (!sim)
        return LS_NOMEM;
    ls_sim_watch(sim, is_early, &begin_s);
    *pace = (struct pace){0};
    for (; pace->n < plan->n_sample && !pace->is_bound && now_s() - begin_s < SAMPLE_S; pace->n++) {
        struct ls_record record;
        struct ls_err err;
        pace->is_bound = ls_cell_simulate(study, plan->sample[pace->n], sim, &record, &err) == LS_STOPPED;
        cost += plan->sample_cost[pace->n];
    }
    pace->s_per_cost = cost > 0 ? (now_s() - begin_s) / cost : 0;
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
        (void)printf("  %-18s %10" PRIu64 "  %s\n", name, n, text);
    else
        (void)printf("  %-18s %9.2f%%  %s\n", name, 100 * (double)n / (double)plan->n_looked, text);
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

static void print_time(const struct ls_plan *plan, const struct pace *pace)
{
    const double s = plan->cost * pace->s_per_cost;
    const double unit_s = s < 120 ? 1 : s < 7200 ? 60 : 3600;
    (void)printf("\ncost  about %.2g events\n", plan->cost);
    (void)printf("time  %s %.2g %s on one core, judging by %zu %s; n ranks need an nth of it\n",
                 pace->is_bound ? "more than" : "about", s / unit_s,
                 unit_s < 2     ? "s"
                 : unit_s < 100 ? "min"
                                : "h",
                 pace->n, pace->n == 1 ? "cell" : "cells");
}

static int print_plan(const struct ls_study *study)
{
    struct ls_plan plan;
    struct pace pace;
    ls_plan_make(study, &plan);
    print_axes(study);
    print_counts(study, &plan);
    if (plan.n_sample == 0)
        return LS_EXIT_OK;
    (void)fflush(stdout); /* what is known is there while the sample runs */
    if (measure(study, &plan, &pace)) {
        (void)fprintf(stderr, "llmsweep plan: out of memory\n");
        return LS_EXIT_FAILED;
    }
    print_time(&plan, &pace);
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
