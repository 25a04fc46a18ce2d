#include "engine/training/training.h"

#include <math.h>

#include "engine/training/schedule.h"
#include "engine/training/stage_time.h"
#include "engine/training/training_memory.h"

enum ls_status ls_training_check(const struct ls_scenario *scenario, struct ls_err *err)
{
    const struct ls_model *model = &scenario->model;
    const struct ls_training *training = &scenario->training;
    if (ls_model_is_stated(model) || model->stated.parameters != LS_NULL_INT)
        return ls_fail(err, LS_INPUT, "model: its costs are stated for serving; training needs an architecture");
    if (ls_model_is_linear(model))
        return ls_fail(err, LS_INPUT, "model.full_attention_interval: linear attention is modelled for serving only");
    if (training->schedule != LS_SCHEDULE_INTERLEAVED && training->virtual_stages > 1)
        return ls_fail(err, LS_INPUT, "training.virtual_stages: only the interleaved schedule has more than 1");
    return LS_OK;
}

int64_t ls_training_micro_batches(const struct ls_scenario *scenario)
{
    const struct ls_strategy *strategy = &scenario->strategy;
    const struct ls_training *training = &scenario->training;
    return training->global_batch_size * training->context_parallel /
           (training->micro_batch_size * strategy->dp * strategy->ep);
}

static bool shards_are_whole(const struct ls_scenario *scenario)
{
    const struct ls_training *training = &scenario->training;
    const int64_t dp = scenario->strategy.dp, all = dp * scenario->strategy.ep;
    return all % ls_shard_ways(training, all) == 0 && dp % ls_shard_ways(training, dp) == 0;
}

enum ls_reason ls_training_shape(const struct ls_scenario *scenario)
{
    const struct ls_training *training = &scenario->training;
    const struct ls_strategy *strategy = &scenario->strategy;
    if (strategy->dp % training->context_parallel != 0 || training->sequence_length % training->context_parallel != 0)
        return LS_REASON_CONTEXT_PARALLEL;
    if (isnan(scenario->cluster.hardware.peak.by_dtype[ls_training_dtype(scenario)]))
        return LS_REASON_DTYPE;
    if (training->global_batch_size * training->context_parallel %
            (training->micro_batch_size * strategy->dp * strategy->ep) !=
        0)
        return LS_REASON_MICRO_BATCHES;
    const bool possible = ls_schedule_possible(training->schedule, strategy->pp, training->virtual_stages,
                                               ls_training_micro_batches(scenario));
    const bool split = training->schedule != LS_SCHEDULE_INTERLEAVED ||
                       (scenario->model.num_hidden_layers + (training->ends_as_layers ? 2 : 0)) %
                               (strategy->pp * training->virtual_stages) ==
                           0;
    if (!shards_are_whole(scenario))
        return LS_REASON_SHARD_GROUP;
    return possible && split ? LS_REASON_NONE : LS_REASON_SCHEDULE;
}

/* --- Time --- */

struct step {
    double pipeline_s, gradients_s, optimizer_s;
    double flop; /* of all GPUs */
    double busy_s;
    struct ls_stage_time slowest; /* the stage that is busy longest */
    int64_t n_events;
};

/* The pipeline alone, from the stages' times in forward_s and backward_s. */
static enum ls_status run_pipeline(const struct ls_scenario *scenario, const double *forward_s,
                                   const double *backward_s, struct ls_arena *arena, struct step *step,
                                   struct ls_err *err)
{
    const struct ls_schedule_work work = {
        .schedule = scenario->training.schedule,
        .stages = scenario->strategy.pp,
        .chunks = scenario->training.virtual_stages,
        .micro_batches = ls_training_micro_batches(scenario),
        .forward_s = forward_s,
        .backward_s = backward_s,
    };
    if (scenario->strategy.lod == LS_LOD_HIGH)
        return ls_schedule_play(&work, arena, &step->pipeline_s, &step->n_events, err);
    step->pipeline_s = ls_schedule_seconds(&work);
    return LS_OK;
}

static enum ls_status run_step(const struct ls_scenario *scenario, struct ls_arena *arena, struct step *step,
                               struct ls_err *err)
{
    const struct ls_strategy *strategy = &scenario->strategy;
    const int64_t pp = strategy->pp;
    const double n = (double)ls_training_micro_batches(scenario);
    const double replicas = (double)(strategy->tp * strategy->dp * strategy->ep);
    double *forward_s = ls_arena_take(arena, 2 * (size_t)pp * sizeof *forward_s), *backward_s = forward_s + pp;
    struct ls_placement placement;
    if (!forward_s)
        return ls_fail(err, LS_NOMEM, "out of memory for %lld stages", (long long)pp);
    const enum ls_status status = ls_placement_init(&placement, &scenario->cluster, &scenario->strategy, err);
    if (status)
        return status;
    *step = (struct step){0};
    for (int64_t i = 0; i < pp; i++) {
        struct ls_stage_time time;
        ls_stage_time(scenario, &placement, i, &time);
        forward_s[i] = time.forward_s + time.forward_comm_s;
        backward_s[i] = time.recompute_s + time.backward_s + time.backward_comm_s;
        step->flop += n * time.flop * replicas;
        step->gradients_s = fmax(step->gradients_s, time.gradients_s);
        step->optimizer_s = fmax(step->optimizer_s, time.optimizer_s);
        if (forward_s[i] + backward_s[i] > step->busy_s) {
            step->busy_s = forward_s[i] + backward_s[i];
            step->slowest = time;
        }
    }
    step->busy_s *= n;
    return run_pipeline(scenario, forward_s, backward_s, arena, step, err);
}

/* --- Metrics --- */

static void fill_memory(const struct ls_scenario *scenario, const struct ls_training_memory *memory, double *m)
{
    m[LS_METRIC_MEM_WEIGHTS_BYTES] = memory->weights_bytes;
    m[LS_METRIC_MEM_GRADIENTS_BYTES] = memory->gradients_bytes;
    m[LS_METRIC_MEM_OPTIMIZER_BYTES] = memory->optimizer_bytes;
    m[LS_METRIC_MEM_ACTIVATION_BYTES] = memory->activation_bytes;
    m[LS_METRIC_MEM_WORKSPACE_BYTES] = memory->workspace_bytes;
    m[LS_METRIC_MEM_OVERHEAD_BYTES] = memory->overhead_bytes;
    m[LS_METRIC_MEM_TOTAL_BYTES] = memory->total_bytes;
    m[LS_METRIC_MEM_HEADROOM_BYTES] = scenario->cluster.hardware.memory_bytes - memory->total_bytes;
    m[LS_METRIC_MEM_UTILIZATION] = memory->total_bytes / scenario->cluster.hardware.memory_bytes;
}

/* PaLM's count (Chowdhery et al. 2022, Appendix B), not halved for causality. */
static double model_flop_per_token(const struct ls_scenario *scenario)
{
    const struct ls_model *model = &scenario->model;
    return 6.0 * (double)ls_model_active_parameters(model) +
           12.0 * (double)(model->num_hidden_layers * model->num_attention_heads * model->head_dim) *
               (double)scenario->training.sequence_length;
}

static void fill_step(const struct ls_scenario *scenario, const struct step *step, double *m)
{
    const struct ls_training *training = &scenario->training;
    const struct ls_hardware *hardware = &scenario->cluster.hardware;
    const double n = (double)ls_training_micro_batches(scenario), gpus = (double)ls_scenario_gpus(scenario);
    const double step_s = step->pipeline_s + step->gradients_s + step->optimizer_s;
    const double tokens = (double)(training->global_batch_size * training->sequence_length);
    const double rate = model_flop_per_token(scenario) * tokens / step_s / gpus;
    const double peak = hardware->peak.by_dtype[ls_training_dtype(scenario)];
    const double bubble_s = fmax(0.0, step->pipeline_s - step->busy_s);
    m[LS_METRIC_STEP_TIME_S] = step_s;
    m[LS_METRIC_TOKENS_PER_S] = tokens / step_s;
    m[LS_METRIC_TFLOP_PER_S_PER_GPU] = rate * 1e-12;
    m[LS_METRIC_MFU] = rate / peak;
    m[LS_METRIC_HFU] = step->flop / step_s / gpus / peak;
    m[LS_METRIC_COMPUTE_S] = n * (step->slowest.forward_s + step->slowest.backward_s);
    m[LS_METRIC_RECOMPUTE_S] = n * step->slowest.recompute_s;
    m[LS_METRIC_EXPOSED_COMM_S] =
        n * (step->slowest.forward_comm_s + step->slowest.backward_comm_s) + step->gradients_s;
    m[LS_METRIC_BUBBLE_S] = bubble_s;
    m[LS_METRIC_BUBBLE_FRAC] = bubble_s / step_s;
    m[LS_METRIC_OPTIMIZER_S] = step->optimizer_s;
    m[LS_METRIC_N_EVENTS] = (double)step->n_events;
    const double idle_s = step_s - step->busy_s - step->gradients_s - step->optimizer_s;
    const double joule = hardware->power_w * (step_s - idle_s) + hardware->idle_power_w * idle_s;
    m[LS_METRIC_JOULE_PER_TOK] = joule * gpus / tokens;
    m[LS_METRIC_USD_PER_MTOK] = scenario->prices.gpu_usd_per_h / 3600.0 * gpus * step_s / tokens * 1e6;
}

enum ls_status ls_training_run(const struct ls_scenario *scenario, struct ls_arena *arena, enum ls_reason *reason,
                               struct ls_metrics *metrics, struct ls_err *err)
{
    struct ls_training_memory memory;
    struct step step;
    *reason = ls_training_memory(scenario, &memory);
    fill_memory(scenario, &memory, metrics->scalar);
    if (*reason != LS_REASON_NONE && !scenario->evaluate_oversized)
        return LS_OK;
    const enum ls_status status = run_step(scenario, arena, &step, err);
    if (!status)
        fill_step(scenario, &step, metrics->scalar);
    return status;
}
