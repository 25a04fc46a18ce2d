#ifndef LS_ENGINE_SIMULATE_H
#define LS_ENGINE_SIMULATE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/metrics.h"
#include "engine/reason.h"
#include "engine/scenario.h"
#include "engine/serving/observer.h"
#include "engine/status.h"

/* The front door of the simulator: one scenario in, one row of metrics out. */

#define LS_ENGINE_VERSION 1 /* raised whenever a result may change; part of every fingerprint */

/* As stored in the cube. */
enum ls_cell_status { LS_CELL_DONE, LS_CELL_INFEASIBLE, LS_CELL_FAILED, LS_CELL_NOT_RUN };

struct ls_result {
    enum ls_cell_status status; /* DONE or INFEASIBLE; FAILED is set by callers of ls_simulate */
    enum ls_reason reason;
    struct ls_metrics metrics;
};

/* Working memory of simulations, reused from one to the next: one a thread of execution. */
struct ls_sim;

/* Returns null when memory is short. The caller frees it with ls_sim_free. */
struct ls_sim *ls_sim_new(void);
void ls_sim_free(struct ls_sim *sim);

/* Blocks of memory that simulations have asked the system for so far: does not grow with steps or requests. */
uint64_t ls_sim_mallocs(const struct ls_sim *sim);

/* From now on, `keep_going` (null: nobody) is asked every few milliseconds of a simulation whether it is to go on. */
void ls_sim_watch(struct ls_sim *sim, bool (*keep_going)(void *context), void *context);

/* From now on, `observer` (null: nobody; else it stays the caller's) is shown the serving runs at medium and high; of a
 * search for the highest good rate, the run at the scenario's own. */
void ls_sim_observe(struct ls_sim *sim, const struct ls_observer *observer);

/* Simulate a resolved scenario. An infeasible one is LS_OK with its reason and the metrics it still has (memory).
 * LS_NOMEM; LS_FAILED when simulated time leaves its range (definitions: 106 days); LS_STOPPED when whoever watches
 * said so. */
LS_NODISCARD enum ls_status ls_simulate(struct ls_sim *sim, const struct ls_scenario *scenario,
                                        struct ls_result *result, struct ls_err *err);

#endif
