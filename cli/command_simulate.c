#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "engine/simulate.h"
#include "io/run_log.h"
#include "io/study_file.h"

/* One cell, all metrics. */

struct args {
    const char *path;
    const char **sets; /* as many as there are arguments at most */
    size_t n_sets;
    bool json;
    struct ls_run_log_paths files;
};

static const struct option options[] = {{"set", required_argument, NULL, 's'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"requests", required_argument, NULL, 'r'},
                                        {"timeline", required_argument, NULL, 'l'},
                                        {"trace", required_argument, NULL, 't'},
                                        LS_HELP_OPTION,
                                        {0}};

static int read_args(int argc, char **argv, struct args *args)
{
    for (int option; (option = ls_command_option("simulate", argc, argv, ":hs:jr:l:t:", options)) != -1;) {
        switch (option) {
        case 's':
            args->sets[args->n_sets++] = optarg;
            break;
        case 'r':
            args->files.requests = optarg;
            break;
        case 'l':
            args->files.timeline = optarg;
            break;
        case 't':
            args->files.trace = optarg;
            break;
        default:
            args->json = true;
            break;
        }
    }
    if (optind + 1 != argc)
        return ls_command_misuse("simulate", optind == argc ? "which study?" : "one study at a time");
    args->path = argv[optind];
    return LS_EXIT_OK;
}

static void print_json(const struct ls_scenario *scenario, const struct ls_result *result)
{
    (void)printf("{\n  \"schema\": 1,\n  \"status\": \"%s\",\n  \"reason\": ",
                 result->status == LS_CELL_DONE ? "done" : "infeasible");
    if (result->reason == LS_REASON_NONE)
        (void)fputs("null", stdout);
    else
        ls_json_string(stdout, ls_reason_name(result->reason));
    (void)fputs(",\n  \"scenario\": ", stdout);
    ls_json_params(stdout, &ls_scenario_params, scenario, 2);
    (void)fputs(",\n  \"metrics\": ", stdout);
    ls_json_metrics(stdout, &result->metrics, (enum ls_kind)scenario->kind, 2);
    (void)fputs("\n}\n", stdout);
}

static void print_table(const struct ls_result *result)
{
    double columns[LS_N_COLUMNS];
    memcpy(columns, &result->metrics, sizeof columns);
    for (size_t i = 0; i < LS_N_COLUMNS; i++) {
        const struct ls_metric_info *info = ls_metric_of_column(i);
        char name[64];
        if (isnan(columns[i]))
            continue;
        (void)printf("%-34s %16.8g %-8s %s", ls_metric_column_name(i, name, sizeof name), columns[i],
                     strcmp(info->unit, "1") == 0 ? "" : info->unit, info->long_name);
        if (info->n_columns > 1)
            (void)printf(", %g %%", 100 * ls_quantile_values[i - info->column]);
        (void)putchar('\n');
    }
}

static bool wants_files(const struct ls_run_log_paths *files)
{
    return files->requests || files->timeline || files->trace;
}

/* Simulate with whoever looks on, if files are wanted. */
static enum ls_status run(struct ls_sim *sim, const struct ls_scenario *scenario, const struct ls_run_log_paths *files,
                          struct ls_result *result, struct ls_err *err)
{
    struct ls_run_log log;
    if (!wants_files(files))
        return ls_simulate(sim, scenario, result, err);
    if (scenario->kind != LS_SERVING || scenario->strategy.lod == LS_LOD_LOW)
        return ls_fail(err, LS_INPUT,
                       "--requests, --timeline and --trace show serving at medium or high; set lod=medium");
    enum ls_status status = ls_run_log_open(&log, files, err);
    if (status)
        return status;
    ls_sim_observe(sim, &log.observer);
    status = ls_simulate(sim, scenario, result, err);
    const enum ls_status closed = ls_run_log_close(&log, status == LS_OK, status ? NULL : err);
    return status ? status : closed;
}

static int simulate(const struct ls_study *study, const struct args *args)
{
    struct ls_err err = {""};
    struct ls_result result = {.status = LS_CELL_INFEASIBLE};
    struct ls_scenario *scenario = malloc(sizeof *scenario);
    struct ls_sim *sim = ls_sim_new();
    enum ls_status status = scenario && sim ? LS_OK : ls_fail(&err, LS_NOMEM, "out of memory");
    if (!status)
        status = ls_study_cell(study, 0, scenario, &result.reason, &err);
    if (!status && result.reason == LS_REASON_NONE)
        status = run(sim, scenario, &args->files, &result, &err);
    else
        ls_metrics_clear(&result.metrics);
    if (status) {
        (void)fprintf(stderr, "llmsweep simulate: %s\n", err.text);
    } else {
        if (args->json)
            print_json(scenario, &result);
        else
            print_table(&result);
        if (result.status == LS_CELL_INFEASIBLE)
            (void)fprintf(stderr, "llmsweep simulate: infeasible: %s: %s\n", ls_reason_name(result.reason),
                          ls_reason_text(result.reason));
    }
    ls_sim_free(sim);
    free(scenario);
    if (status)
        return status == LS_INPUT ? LS_EXIT_INPUT : LS_EXIT_FAILED;
    return result.status == LS_CELL_DONE ? LS_EXIT_OK : LS_EXIT_FAILED;
}

int ls_command_simulate(int argc, char **argv)
{
    struct args args = {.sets = calloc((size_t)argc, sizeof *args.sets)};
    if (!args.sets)
        return LS_EXIT_FAILED;
    int exit_status = read_args(argc, argv, &args);
    if (exit_status == LS_EXIT_OK) {
        struct ls_study study = {0};
        struct ls_diags diags = {0};
        if (ls_study_load(args.path, args.sets, args.n_sets, 1, &study, &diags)) {
            ls_diags_print(&diags, stderr);
            exit_status = LS_EXIT_INPUT;
        } else {
            exit_status = simulate(&study, &args);
            ls_study_release(&study);
        }
        ls_diags_release(&diags);
    }
    free(args.sets);
    return exit_status;
}
