#include "sweep/cell.h"

enum ls_status ls_cell_simulate(const struct ls_study *study, uint64_t cell, struct ls_sim *sim,
                                struct ls_record *record, struct ls_err *err)
{
    struct ls_scenario scenario;
    enum ls_reason reason;
    struct ls_result result = {.status = LS_CELL_FAILED};
    uint64_t fingerprint = 0;
    ls_metrics_clear(&result.metrics);
    enum ls_status status = ls_study_cell(study, cell, &scenario, &reason, err);
    if (status == LS_OK && reason != LS_REASON_NONE) {
        result.status = LS_CELL_INFEASIBLE;
        result.reason = reason;
    } else if (status == LS_OK) {
        fingerprint = ls_scenario_fingerprint(&scenario);
        status = ls_simulate(sim, &scenario, &result, err);
        if (status == LS_STOPPED)
            return status;
    }
    *record = (struct ls_record){
        .cell = cell,
        .fingerprint = fingerprint,
        .status = result.status,
        .reason = result.reason,
        .metrics = result.metrics,
    };
    return LS_OK;
}
