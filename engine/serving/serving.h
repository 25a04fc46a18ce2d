#ifndef LS_ENGINE_SERVING_SERVING_H
#define LS_ENGINE_SERVING_SERVING_H

#include "engine/serving/deployment/handover.h"
#include "engine/serving/deployment/links.h"
#include "engine/serving/deployment/pool.h"
#include "engine/serving/workload/source.h"

/* A serving deployment: source → router → pools of pipelines, timed by `medium` itself or by `high`'s events. */

enum { LS_MAX_POOLS = LS_N_POOL_ROLES };

/* Requests that have tokens but not all of them when the run ends, by index, ascending. */
struct ls_cut_off {
    uint64_t *indexes; /* [n] */
    size_t n;
};

struct ls_serving {
    const struct ls_scenario *scenario;
    struct ls_pool pools[LS_MAX_POOLS];
    int n_pools;
    bool reports;                /* routers know of loads by reports alone */
    struct ls_handover handover; /* from the first pool to the second, where there are two */
    struct ls_links links;
    struct ls_source source;
    struct ls_request_pool requests;
    struct ls_collector *collector;
    struct ls_watch *watch;
    struct ls_pipeline *pipelines; /* [n_pipelines] of all pools, one pool after the other */
    int64_t n_pipelines, n_groups; /* groups: stages of all pipelines */
    struct ls_followers followers;
    int64_t n_events;
    struct ls_cut_off cut_off; /* as a first run found them */
    bool out_of_memory;
};

/* Simulate a feasible scenario at its level of detail into `metrics`, memory metrics excepted. `collector` is
 * initialised; memory comes from `arena`. A run that does not drain is played twice:
 * whose gaps between tokens count is known only at its end. LS_STOPPED when `watch` stopped it. */
LS_NODISCARD enum ls_status ls_serving_run(const struct ls_scenario *scenario, int64_t kv_blocks,
                                           struct ls_collector *collector, struct ls_arena *arena,
                                           struct ls_watch *watch, struct ls_metrics *metrics, struct ls_err *err);

/* One pool of a deployment. */
struct ls_pool_plan {
    const struct ls_scenario *scenario; /* outlives the run */
    int64_t kv_blocks;                  /* of one scheduler */
};

/* The same for a deployment of two pools, by enum ls_pool_role. */
LS_NODISCARD enum ls_status ls_serving_run_pools(const struct ls_scenario *scenario,
                                                 const struct ls_pool_plan plans[LS_N_POOL_ROLES],
                                                 struct ls_collector *collector, struct ls_arena *arena,
                                                 struct ls_watch *watch, struct ls_metrics *metrics,
                                                 struct ls_err *err);

/* A request enters at the router. For the drivers of each level of detail. */
void ls_serving_route(struct ls_serving *serving, const struct ls_arrival *arrival);

/* The drivers: play all arrivals and passes. */
void ls_serving_run_medium(struct ls_serving *serving);
LS_NODISCARD enum ls_status ls_serving_run_high(struct ls_serving *serving, struct ls_arena *arena);

/* What the end of passes brings, when all that end at `now` have: transfers between pools end and requests are handed
 * over; in a closed loop, the requests arrive that follow what users had by now. */
void ls_serving_settle(struct ls_serving *serving, int64_t now_ps);

/* When the next of these is due; LS_PS_NEVER when nothing is. */
int64_t ls_serving_due_ps(const struct ls_serving *serving);

/* What routers know only now and then is reported, if that is due before anything happens at `now`. */
void ls_serving_report(struct ls_serving *serving, int64_t now_ps);

/* Fill the metrics from what a finished run left (serving_metrics.c). */
void ls_serving_metrics(const struct ls_serving *serving, struct ls_metrics *metrics);

#endif
