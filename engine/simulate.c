#include "engine/simulate.h"

#include <stdlib.h>

#include "engine/matmul/matmul.h"
#include "engine/memory/serving_memory.h"
#include "engine/model/model.h"
#include "engine/serving/deployment/disaggregation.h"
#include "engine/serving/low/low.h"
#include "engine/serving/low/tandem.h"
#include "engine/serving/max_goodput.h"
#include "engine/serving/serving.h"
#include "engine/training/training.h"

struct ls_sim {
    struct ls_arena arena;
    struct ls_collector collector;
    struct ls_watch watch;
    struct ls_scenario pools[LS_N_POOL_ROLES];
};

struct ls_sim *ls_sim_new(void)
{
    struct ls_sim *sim = calloc(1, sizeof *sim);
    if (sim && ls_collector_init(&sim->collector, NULL)) {
        free(sim);
        return NULL;
    }
    return sim;
}

void ls_sim_free(struct ls_sim *sim)
{
    if (!sim)
        return;
    ls_collector_release(&sim->collector);
    ls_arena_release(&sim->arena);
    free(sim);
}

void ls_sim_watch(struct ls_sim *sim, bool (*keep_going)(void *context), void *context)
{
    sim->watch = (struct ls_watch){.keep_going = keep_going, .context = context};
}

void ls_sim_observe(struct ls_sim *sim, const struct ls_observer *observer)
{
    sim->collector.observer = observer;
}

uint64_t ls_sim_mallocs(const struct ls_sim *sim)
{
    return sim->arena.n_mallocs;
}

static void fill_memory(const struct ls_scenario *scenario, const struct ls_serving_memory *memory,
                        struct ls_metrics *metrics)
{
    double *m = metrics->scalar;
    m[LS_METRIC_MEM_WEIGHTS_BYTES] = memory->weights_bytes;
    m[LS_METRIC_MEM_KV_BYTES] = memory->kv_bytes;
    m[LS_METRIC_MEM_ACTIVATION_BYTES] = memory->activation_bytes;
    m[LS_METRIC_MEM_OVERHEAD_BYTES] = memory->overhead_bytes;
    m[LS_METRIC_MEM_TOTAL_BYTES] = memory->total_bytes;
    m[LS_METRIC_MEM_HEADROOM_BYTES] =
        scenario->cluster.hardware.memory_bytes - (memory->total_bytes - memory->kv_bytes);
    m[LS_METRIC_MEM_UTILIZATION] = memory->total_bytes / scenario->cluster.hardware.memory_bytes;
    m[LS_METRIC_KV_CAPACITY_TOK] = (double)(memory->kv_blocks * scenario->engine.block_size);
}

/* Shards that a GPU holds, and experts over the GPUs of a replica: definitions, "Strategy". */
static void fill_experts(const struct ls_scenario *scenario, struct ls_metrics *metrics)
{
    const struct ls_model *model = &scenario->model;
    const struct ls_strategy *strategy = &scenario->strategy;
    if (!ls_model_is_moe(model))
        return;
    const double layers = (double)ls_model_n_moe_layers(model) / (double)strategy->pp;
    const bool serving = scenario->kind == LS_SERVING;
    const int64_t redundant = serving ? scenario->engine.redundant_experts : 0;
    const double experts = (double)(model->n_routed_experts + redundant) * layers;
    const double ranks = (double)(strategy->tp * strategy->ep);
    metrics->scalar[LS_METRIC_EXPERTS_PER_GPU] = experts * (double)strategy->expert_tp / ranks;
    metrics->scalar[LS_METRIC_EXPERT_EQUIVALENTS_PER_GPU] = experts / ranks;
    metrics->scalar[LS_METRIC_EXPERT_IMBALANCE] = scenario->training.expert_imbalance;
    if (!serving)
        return;
    struct ls_routing routing; /* of a full pass */
    const struct ls_shard shard = {strategy->tp, strategy->ep, strategy->expert_tp, redundant};
    ls_routing_init(&routing, &scenario->engine.expert_imbalance, model, &shard);
    metrics->scalar[LS_METRIC_EXPERT_IMBALANCE] =
        ls_routing_load(&routing, model, scenario->engine.max_num_batched_tokens * strategy->ep).imbalance;
}

struct serving_run {
    struct ls_sim *sim;
    int64_t kv_blocks[LS_N_POOL_ROLES];
};

/* One run of a scenario that fits. */
static enum ls_status run_serving(void *context, const struct ls_scenario *scenario, struct ls_metrics *metrics,
                                  struct ls_err *err)
{
    const struct serving_run *run = context;
    struct ls_sim *sim = run->sim;
    ls_arena_reset(&sim->arena);
    sim->watch.stopped = false;
    if (ls_scenario_is_disaggregated(scenario)) {
        for (int role = 0; role < LS_N_POOL_ROLES; role++)
            ls_disaggregation_pool(scenario, (enum ls_pool_role)role, &sim->pools[role]);
        if (scenario->strategy.lod == LS_LOD_LOW)
            return ls_low_run_pools(scenario, sim->pools, run->kv_blocks, &sim->arena, metrics, err);
        const struct ls_pool_plan plans[LS_N_POOL_ROLES] = {{&sim->pools[0], run->kv_blocks[0]},
                                                            {&sim->pools[1], run->kv_blocks[1]}};
        return ls_serving_run_pools(scenario, plans, &sim->collector, &sim->arena, &sim->watch, metrics, err);
    }
    return scenario->strategy.lod == LS_LOD_LOW
               ? ls_low_run(scenario, run->kv_blocks[0], &sim->arena, metrics, err)
               : ls_serving_run(scenario, run->kv_blocks[0], &sim->collector, &sim->arena, &sim->watch, metrics, err);
}

static int64_t blocks_of(const struct ls_serving_memory *memory)
{
    return memory->kv_blocks > 0 ? memory->kv_blocks : INT32_MAX; /* oversized: as if it fitted */
}

/* Memory of the whole deployment. Of two pools, metrics are of the fuller one's GPUs, experts and KV capacity of the
 * decode pool's. */
static enum ls_reason measure_memory(struct ls_sim *sim, const struct ls_scenario *scenario, struct serving_run *run,
                                     struct ls_metrics *metrics)
{
    struct ls_serving_memory memory;
    enum ls_reason reason = LS_REASON_NONE;
    if (!ls_scenario_is_disaggregated(scenario)) {
        reason = ls_serving_memory(scenario, &memory);
        run->kv_blocks[0] = blocks_of(&memory);
        fill_memory(scenario, &memory, metrics);
        fill_experts(scenario, metrics);
        return reason;
    }
    for (int role = 0; role < LS_N_POOL_ROLES; role++) {
        struct ls_scenario *pool = &sim->pools[role];
        const double fullest = metrics->scalar[LS_METRIC_MEM_UTILIZATION];
        ls_disaggregation_pool(scenario, (enum ls_pool_role)role, pool);
        const enum ls_reason found = ls_serving_memory(pool, &memory);
        reason = reason == LS_REASON_NONE ? found : reason;
        run->kv_blocks[role] = blocks_of(&memory);
        if (role == 0 || memory.total_bytes > fullest * pool->cluster.hardware.memory_bytes)
            fill_memory(pool, &memory, metrics);
        metrics->scalar[LS_METRIC_KV_CAPACITY_TOK] = (double)(memory.kv_blocks * pool->engine.block_size);
        fill_experts(pool, metrics);
    }
    return reason;
}

static enum ls_status simulate_serving(struct ls_sim *sim, const struct ls_scenario *scenario, struct ls_result *result,
                                       struct ls_err *err)
{
    struct ls_result out = {.status = LS_CELL_DONE, .reason = LS_REASON_NONE};
    struct serving_run run = {.sim = sim};
    ls_metrics_clear(&out.metrics);
    out.reason = measure_memory(sim, scenario, &run, &out.metrics);
    if (out.reason != LS_REASON_NONE)
        out.status = LS_CELL_INFEASIBLE;
    if (out.status == LS_CELL_DONE || scenario->evaluate_oversized) {
        const struct ls_goodput_runner runner = {run_serving, &run};
        const struct ls_observer *observer = sim->collector.observer;
        enum ls_status status = run_serving(&run, scenario, &out.metrics, err);
        sim->collector.observer = NULL;
        if (!status && scenario->slo.max_goodput)
            status = ls_max_goodput(scenario, &runner, &out.metrics, err);
        sim->collector.observer = observer;
        if (status)
            return status;
    }
    *result = out;
    return LS_OK;
}

enum ls_status ls_simulate(struct ls_sim *sim, const struct ls_scenario *scenario, struct ls_result *result,
                           struct ls_err *err)
{
    if (scenario->kind == LS_SERVING)
        return simulate_serving(sim, scenario, result, err);
    struct ls_result out = {.status = LS_CELL_DONE, .reason = LS_REASON_NONE};
    enum ls_status status = LS_OK;
    ls_metrics_clear(&out.metrics);
    ls_arena_reset(&sim->arena);
    if (scenario->kind == LS_TRAINING) {
        fill_experts(scenario, &out.metrics);
        status = ls_training_run(scenario, &sim->arena, &out.reason, &out.metrics, err);
    } else {
        out.reason = ls_matmul_run(scenario, &out.metrics);
    }
    if (status)
        return status;
    if (out.reason != LS_REASON_NONE)
        out.status = LS_CELL_INFEASIBLE;
    *result = out;
    return LS_OK;
}
