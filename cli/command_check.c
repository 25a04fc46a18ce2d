#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/study_args.h"
#include "engine/simulate.h"
#include "engine/training/training_comm.h"

/* Checks of one deployment before it is deployed, a line each. */

struct check {
    const struct ls_scenario *scenario;
    const struct ls_result *result;
    bool failed; /* any of them */
};

static void report(struct check *check, const char *name, bool passed, const char *detail)
{
    (void)printf("%-24s %s  %s\n", name, passed ? "pass" : "FAIL", detail);
    check->failed |= !passed;
}

static double metric(const struct check *check, enum ls_scalar_metric which)
{
    return check->result->metrics.scalar[which];
}

/* --- Memory --- */

static void check_memory(struct check *check)
{
    static const struct {
        enum ls_scalar_metric metric;
        const char *name;
    } parts[] = {
        {LS_METRIC_MEM_WEIGHTS_BYTES, "weights"},     {LS_METRIC_MEM_GRADIENTS_BYTES, "gradients"},
        {LS_METRIC_MEM_OPTIMIZER_BYTES, "optimizer"}, {LS_METRIC_MEM_ACTIVATION_BYTES, "activations"},
        {LS_METRIC_MEM_WORKSPACE_BYTES, "workspace"}, {LS_METRIC_MEM_OVERHEAD_BYTES, "overhead"},
        {LS_METRIC_MEM_KV_BYTES, "KV cache"},
    };
    const double gib = 1024.0 * 1024.0 * 1024.0;
    const bool fits = check->result->reason == LS_REASON_NONE;
    char text[512];
    int n = snprintf(text, sizeof text, "%.2f of %.2f GiB (%.1f %%):", metric(check, LS_METRIC_MEM_TOTAL_BYTES) / gib,
                     check->scenario->cluster.hardware.memory_bytes / gib,
                     100.0 * metric(check, LS_METRIC_MEM_UTILIZATION));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const double bytes = metric(check, parts[i].metric);
        if (!isnan(bytes))
            n += snprintf(text + n, sizeof text - (size_t)n, "%s %s %.2f", n && text[n - 1] == ':' ? "" : ",",
                          parts[i].name, bytes / gib);
    }
    if (!fits)
        (void)snprintf(text + n, sizeof text - (size_t)n, "; %s", ls_reason_text(check->result->reason));
    report(check, "memory", fits, text);
}

/* --- Experts --- */

/* Layers of a stage hold the same number of experts; the last stage may have more layers than the others. */
static void check_experts(struct check *check)
{
    const struct ls_model *model = &check->scenario->model;
    const struct ls_strategy *strategy = &check->scenario->strategy;
    char text[512];
    if (!ls_model_is_moe(model))
        return;
    const int64_t layers = ls_model_n_moe_layers(model);
    const int64_t gpus = strategy->tp * strategy->ep * strategy->pp;
    const bool even = (layers * model->n_routed_experts) % gpus == 0 && model->num_hidden_layers % strategy->pp == 0;
    const double imbalance = metric(check, LS_METRIC_EXPERT_IMBALANCE);
    char slice[48] = "whole experts";
    if (strategy->expert_tp > 1)
        (void)snprintf(slice, sizeof slice, "each 1/%" PRId64 " of an expert", strategy->expert_tp);
    (void)snprintf(text, sizeof text,
                   "%" PRId64 " experts (%" PRId64 " layers of %" PRId64 ") over %" PRId64
                   " GPUs: %g shards on each GPU, %s, worth %g experts; busiest %+.0f %%",
                   layers * model->n_routed_experts, layers, model->n_routed_experts, gpus,
                   metric(check, LS_METRIC_EXPERTS_PER_GPU), slice, metric(check, LS_METRIC_EXPERT_EQUIVALENTS_PER_GPU),
                   100.0 * (imbalance - 1.0));
    report(check, "expert distribution", even, text);
}

/* --- Communication --- */

/* Where a group's messages go, at which bandwidth of a GPU. */
static void add_group(const struct check *check, const char *name, const struct ls_group *group, char *text,
                      size_t size)
{
    const struct ls_cluster *cluster = &check->scenario->cluster;
    const size_t n = strlen(text);
    if (group->size <= 1)
        return;
    if (group->nodes == 1)
        (void)snprintf(text + n, size - n, "%s%s over %" PRId64 " GPUs of a node (%.0f GB/s)", n ? "; " : "", name,
                       group->size, cluster->intra_node.bandwidth_bytes_per_s / 1e9);
    else
        (void)snprintf(text + n, size - n, "%s%s over %" PRId64 " GPUs of %" PRId64 " nodes (%.0f Gb/s a NIC)",
                       n ? "; " : "", name, group->size, group->nodes,
                       cluster->inter_node.bandwidth_bytes_per_s * 8.0 / 1e9);
}

/* What is exchanged in every layer, tp's rows and an expert's slices, must stay in a node. */
static enum ls_status check_communication(struct check *check, struct ls_err *err)
{
    const struct ls_scenario *scenario = check->scenario;
    struct ls_placement placement;
    char text[512] = "";
    const enum ls_status status = ls_placement_init(&placement, &scenario->cluster, &scenario->strategy, err);
    if (status)
        return status;
    const struct ls_training_groups groups = ls_training_groups(scenario, &placement, 0);
    const int64_t origin[LS_N_DIMS] = {0};
    const struct ls_group pipeline = ls_placement_group(&placement, 1u << LS_PP, origin);
    const bool training = scenario->kind == LS_TRAINING, moe = ls_model_is_moe(&scenario->model);
    add_group(check, "tensor", &groups.tensor, text, sizeof text);
    if (moe)
        add_group(check, "experts' all-to-all", &groups.experts, text, sizeof text);
    add_group(check, "pipeline", &pipeline, text, sizeof text);
    if (training)
        add_group(check, "gradients", &groups.data.all, text, sizeof text);
    const double exposed_s = metric(check, LS_METRIC_EXPOSED_COMM_S), frac = metric(check, LS_METRIC_COMM_FRAC);
    const size_t n = strlen(text);
    if (training && !isnan(exposed_s))
        (void)snprintf(text + n, sizeof text - n, "%sexposed %.3g s a step", n ? "; " : "", exposed_s);
    else if (!isnan(frac))
        (void)snprintf(text + n, sizeof text - n, "%s%.1f %% of busy time", n ? "; " : "", 100.0 * frac);
    const bool near = groups.tensor.nodes == 1 && (!moe || groups.expert_tp.nodes == 1);
    report(check, "communication pattern", near, text[0] ? text : "none");
    return LS_OK;
}

/* --- Targets --- */

static void check_goal(struct check *check, const struct ls_goal *goal)
{
    double columns[LS_N_COLUMNS];
    char text[64];
    memcpy(columns, &check->result->metrics, sizeof columns);
    const char *unit = ls_metric_of_column(goal->column)->unit;
    if (isnan(columns[goal->column]))
        (void)snprintf(text, sizeof text, "no value");
    else
        (void)snprintf(text, sizeof text, "%.4g %s", columns[goal->column], strcmp(unit, "1") == 0 ? "" : unit);
    report(check, goal->text, ls_goal_holds(goal, &check->result->metrics), text);
}

/* --- The command --- */

static enum ls_status run_checks(const struct ls_study *study, struct check *check, struct ls_err *err)
{
    if (isnan(metric(check, LS_METRIC_MEM_TOTAL_BYTES)) && check->result->reason != LS_REASON_NONE) {
        report(check, "strategy", false, ls_reason_text(check->result->reason));
        return LS_OK;
    }
    if (check->scenario->kind != LS_MATMUL) {
        check_memory(check);
        check_experts(check);
        const enum ls_status status = check_communication(check, err);
        if (status)
            return status;
    }
    for (size_t i = 0; i < study->n_goals; i++)
        check_goal(check, &study->goals[i]);
    return LS_OK;
}

static enum ls_status check_study(const struct ls_study *study, bool *failed, struct ls_err *err)
{
    struct ls_result result = {.status = LS_CELL_INFEASIBLE};
    struct ls_scenario *scenario = malloc(sizeof *scenario);
    struct ls_sim *sim = ls_sim_new();
    struct check check = {.scenario = scenario, .result = &result};
    enum ls_status status = scenario && sim ? LS_OK : ls_fail(err, LS_NOMEM, "out of memory");
    ls_metrics_clear(&result.metrics);
    if (!status)
        status = ls_study_cell(study, 0, scenario, &result.reason, err);
    if (!status && result.reason == LS_REASON_NONE)
        status = ls_simulate(sim, scenario, &result, err);
    if (!status)
        status = run_checks(study, &check, err);
    *failed = check.failed;
    ls_sim_free(sim);
    free(scenario);
    return status;
}

int ls_command_check(int argc, char **argv)
{
    static const struct option options[] = {LS_HELP_OPTION, LS_SET_OPTION, {0}};
    struct ls_study_args args = {0};
    while (ls_command_option("check", argc, argv, ":h", options) != -1)
        ls_study_args_set(&args, optarg);
    if (argc - optind != 1)
        return ls_command_misuse("check", "give one study file");
    struct ls_study study;
    struct ls_err err = {""};
    bool failed = false;
    if (ls_study_args_load(&args, argv[optind], 1, &study))
        return LS_EXIT_INPUT;
    const enum ls_status status = check_study(&study, &failed, &err);
    ls_study_release(&study);
    if (status) {
        (void)fprintf(stderr, "llmsweep check: %s\n", err.text);
        return status == LS_INPUT ? LS_EXIT_INPUT : LS_EXIT_FAILED;
    }
    return failed ? LS_EXIT_FAILED : LS_EXIT_OK;
}
