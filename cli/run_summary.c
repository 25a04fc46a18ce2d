#include "cli/run_summary.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "cli/progress.h"
#include "cli/ranking.h"
#include "engine/metrics.h"

void ls_run_summary_begin(struct ls_run_summary *summary, const struct ls_study *study)
{
    *summary = (struct ls_run_summary){0};
    const bool known = ls_metric_column(ls_ranked_by[study->base.kind], &summary->best.column);
    assert(known && ls_metric_of_column(summary->best.column)->better == LS_BETTER_HIGH);
    (void)known;
}

static void add_to_best(struct ls_run_summary *summary, const struct ls_record *record)
{
    double value;
    memcpy(&value, (const char *)&record->metrics + summary->best.column * sizeof value, sizeof value);
    if (record->status != LS_CELL_DONE || isnan(value) || record->metrics.scalar[LS_METRIC_SATURATED] > 0)
        return;
    if (!summary->best.known || value > summary->best.value) {
        summary->best.known = true;
        summary->best.cell = record->cell;
        summary->best.value = value;
    }
}

void ls_run_summary_add(struct ls_run_summary *summary, const struct ls_record *record, bool taken_over)
{
    summary->n_by_status[record->status]++;
    if (record->status == LS_CELL_INFEASIBLE)
        summary->n_by_reason[record->reason]++;
    add_to_best(summary, record);
    if (taken_over)
        return;
    summary->n_simulated++;
    summary->simulated_s += record->wall_s;
    for (size_t i = 0; i < LS_N_SLOWEST; i++) {
        if (record->wall_s <= summary->slowest[i].wall_s)
            continue;
        for (size_t j = LS_N_SLOWEST - 1; j > i; j--)
            summary->slowest[j] = summary->slowest[j - 1];
        summary->slowest[i].cell = record->cell;
        summary->slowest[i].wall_s = record->wall_s;
        break;
    }
}

const char *ls_run_summary_so_far(const struct ls_run_summary *summary, const struct ls_study *study, char *buffer,
                                  size_t size)
{
    const unsigned long long infeasible = summary->n_by_status[LS_CELL_INFEASIBLE];
    const unsigned long long failed = summary->n_by_status[LS_CELL_FAILED];
    char trouble[64] = "", cell[256];
    if (infeasible && failed)
        (void)snprintf(trouble, sizeof trouble, ", %llu infeasible, %llu failed", infeasible, failed);
    else if (infeasible || failed)
        (void)snprintf(trouble, sizeof trouble, ", %llu %s", infeasible + failed, infeasible ? "infeasible" : "failed");
    (void)snprintf(buffer, size, "%s", trouble);
    if (!summary->best.known)
        return buffer;
    const struct ls_metric_info *info = ls_metric_of_column(summary->best.column);
    (void)snprintf(buffer, size, "%s; best %s %.4g%s%s at %s", trouble, info->name, summary->best.value,
                   strcmp(info->unit, "1") == 0 ? "" : " ", strcmp(info->unit, "1") == 0 ? "" : info->unit,
                   ls_run_summary_cell(study, summary->best.cell, cell, sizeof cell));
    return buffer;
}

const char *ls_run_summary_cell(const struct ls_study *study, uint64_t cell, char *buffer, size_t size)
{
    size_t index[64], length = 0;
    if (study->n_axes > sizeof index / sizeof index[0]) {
        (void)snprintf(buffer, size, "cell %llu", (unsigned long long)cell);
        return buffer;
    }
    ls_study_coordinates(study, cell, index);
    buffer[0] = '\0';
    for (size_t i = 0; i < study->n_axes && length < size; i++) {
        const struct ls_axis *axis = &study->axes[i];
        if (axis->n == 1 && i >= LS_N_FIXED_AXES)
            continue;
        const int n =
            snprintf(buffer + length, size - length, "%s%s=%s", length ? " " : "", axis->name, axis->labels[index[i]]);
        length += n > 0 ? (size_t)n : 0;
    }
    return buffer;
}

static void print_reasons(const struct ls_run_summary *summary, FILE *stream)
{
    for (size_t reason = 0; reason < LS_N_REASONS; reason++)
        if (summary->n_by_reason[reason])
            (void)fprintf(stream, "    %9llu  %s: %s\n", (unsigned long long)summary->n_by_reason[reason],
                          ls_reason_name((enum ls_reason)reason), ls_reason_text((enum ls_reason)reason));
}

void ls_run_summary_print(const struct ls_run_summary *summary, const struct ls_study *study, size_t n_ranks,
                          double elapsed_s, FILE *stream)
{
    char text[512];
    uint64_t n_known = 0;
    for (size_t i = 0; i < LS_CELL_NOT_RUN; i++)
        n_known += summary->n_by_status[i];
    (void)fprintf(stream, "llmsweep: %llu cells in %s on %zu rank%s", (unsigned long long)summary->n_simulated,
                  ls_format_duration(elapsed_s, text, sizeof text), n_ranks, n_ranks == 1 ? "" : "s");
    if (summary->n_simulated > 0 && elapsed_s > 0)
        (void)fprintf(stream, ": %.3g cells/s", (double)summary->n_simulated / elapsed_s);
    if (n_known == study->n_cells && elapsed_s > 0) /* dropped cells would count as idleness */
        (void)fprintf(stream, ", efficiency %.2f", summary->simulated_s / elapsed_s / (double)n_ranks);
    if (n_known > summary->n_simulated)
        (void)fprintf(stream, "; %llu taken over", (unsigned long long)(n_known - summary->n_simulated));
    (void)fprintf(stream, "\n  done       %9llu\n  infeasible %9llu\n",
                  (unsigned long long)summary->n_by_status[LS_CELL_DONE],
                  (unsigned long long)summary->n_by_status[LS_CELL_INFEASIBLE]);
    print_reasons(summary, stream);
    if (summary->n_by_status[LS_CELL_FAILED])
        (void)fprintf(stream, "  failed     %9llu\n", (unsigned long long)summary->n_by_status[LS_CELL_FAILED]);
    if (study->n_cells > n_known)
        (void)fprintf(stream, "  not run    %9llu\n", (unsigned long long)(study->n_cells - n_known));
    for (size_t i = 0; i < LS_N_SLOWEST && summary->slowest[i].wall_s > 0; i++)
        (void)fprintf(stream, "  %s %8.3f s  %s\n", i ? "           " : "slowest    ", summary->slowest[i].wall_s,
                      ls_run_summary_cell(study, summary->slowest[i].cell, text, sizeof text));
}
