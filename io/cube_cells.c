#include "io/cube_cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Whether GPUs are not the product of the degrees in every cell. */
static bool may_have_pools(const struct ls_study *study)
{
    static const char pools[] = "engine.disaggregation.";
    bool swept = ls_scenario_is_disaggregated(&study->base);
    for (size_t i = 0; i < study->n_axes; i++)
        for (size_t j = 0; j < study->axes[i].n_targets; j++)
            swept |= strncmp(study->axes[i].targets[j].key, pools, sizeof pools - 1) == 0;
    return swept;
}

static double gpus_of_pools(const struct ls_study *study, const size_t *index)
{
    struct ls_scenario scenario = study->base;
    ls_study_store(study, index, &scenario);
    return (double)ls_scenario_gpus(&scenario);
}

static int32_t gpus_of(const struct ls_study *study, uint64_t cell, bool pools, size_t *index)
{
    double gpus = 1;
    ls_study_coordinates(study, cell, index);
    for (size_t i = LS_AXIS_TP; i <= LS_AXIS_EP; i++)
        gpus *= study->axes[i].coordinates[index[i]];
    if (pools)
        gpus = gpus_of_pools(study, index);
    return gpus < INT32_MAX ? (int32_t)gpus : INT32_MAX;
}

bool ls_cube_cells_init(struct ls_cube_cells *cells, const struct ls_study *study)
{
    const size_t n = (size_t)study->n_cells;
    *cells = (struct ls_cube_cells){.n = study->n_cells};
    cells->status = malloc(n * sizeof *cells->status);
    cells->reason = calloc(n, sizeof *cells->reason);
    cells->gpus = malloc(n * sizeof *cells->gpus);
    cells->fingerprint = calloc(n, sizeof *cells->fingerprint);
    cells->rank = malloc(n * sizeof *cells->rank);
    cells->wall_s = malloc(n * sizeof *cells->wall_s);
    cells->events_per_s = malloc(n * sizeof *cells->events_per_s);
    if (study->output_kinds)
        cells->details = calloc(n * LS_N_DETAIL_KINDS, sizeof *cells->details);
    size_t *index = malloc(study->n_axes * sizeof *index);
    const bool enough = cells->status && cells->reason && cells->gpus && cells->fingerprint && cells->rank &&
                        cells->wall_s && cells->events_per_s && index && (cells->details || !study->output_kinds);
    const bool pools = enough && may_have_pools(study);
    for (size_t i = 0; enough && i < n; i++) {
        cells->status[i] = LS_CELL_NOT_RUN;
        cells->gpus[i] = gpus_of(study, i, pools, index);
        cells->rank[i] = -1;
        cells->wall_s[i] = NAN;
        cells->events_per_s[i] = NAN;
    }
    free(index);
    return enough;
}

void ls_cube_cells_visit(const struct ls_record *record, void *context)
{
    struct ls_cube_cells *cells = context;
    const uint64_t cell = record->cell;
    if (cell >= cells->n)
        return;
    double columns[LS_N_COLUMNS];
    memcpy(columns, &record->metrics, sizeof columns);
    for (size_t i = 0; i < LS_N_COLUMNS; i++)
        cells->has_value[i] |= !isnan(columns[i]);
    cells->status[cell] = (uint8_t)record->status;
    cells->reason[cell] = (uint16_t)record->reason;
    cells->fingerprint[cell] = record->fingerprint;
    cells->rank[cell] = (int32_t)record->rank;
    cells->wall_s[cell] = record->wall_s;
    cells->events_per_s[cell] = NAN;
    if (cells->details)
        memcpy(&cells->details[cell * LS_N_DETAIL_KINDS], record->details, sizeof record->details);
    if (record->wall_s > 0)
        cells->events_per_s[cell] = record->metrics.scalar[LS_METRIC_N_EVENTS] / record->wall_s;
}

void ls_cube_cells_free(struct ls_cube_cells *cells)
{
    free(cells->status);
    free(cells->reason);
    free(cells->gpus);
    free(cells->fingerprint);
    free(cells->rank);
    free(cells->wall_s);
    free(cells->events_per_s);
    free(cells->details);
}
