#include "engine/scenario.h"

#include <math.h>
#include <string.h>

#include "engine/cost/exchange.h"
#include "engine/cost/operator_cost.h"
#include "engine/matmul/matmul.h"
#include "engine/memory/serving_memory.h"
#include "engine/serving/deployment/disaggregation.h"
#include "engine/serving/low/low.h"
#include "engine/serving/low/scope.h"
#include "engine/serving/preset.h"
#include "engine/serving/workload/arrivals.h"
#include "engine/serving/workload/session.h"
#include "engine/simulate.h"
#include "engine/training/training.h"

void ls_scenario_init(struct ls_scenario *scenario)
{
    memset(scenario, 0, sizeof *scenario);
    ls_param_set_defaults(&ls_scenario_params, scenario);
}

static int64_t pool_gpus(const struct ls_strategy *strategy, const struct ls_pool_options *options)
{
    const int64_t tp = options->tp == LS_NULL_INT ? strategy->tp : options->tp;
    const int64_t pp = options->pp == LS_NULL_INT ? strategy->pp : options->pp;
    const int64_t ep = options->ep == LS_NULL_INT ? strategy->ep : options->ep;
    return options->replicas == LS_NULL_INT ? 0 : tp * pp * ep * options->replicas;
}

int64_t ls_scenario_gpus(const struct ls_scenario *scenario)
{
    const struct ls_strategy *strategy = &scenario->strategy;
    const struct ls_pool_options *pools = scenario->engine.disaggregation.pools;
    if (ls_scenario_is_disaggregated(scenario))
        return pool_gpus(strategy, &pools[LS_POOL_PREFILL]) + pool_gpus(strategy, &pools[LS_POOL_DECODE]);
    return strategy->tp * strategy->pp * strategy->dp * strategy->ep;
}

/* Whose kernels a preset's engine runs. */
static int32_t library_of(int32_t preset)
{
    const bool trtllm =
        preset == LS_PRESET_TRTLLM || preset == LS_PRESET_TRTLLM_ENGINE || preset == LS_PRESET_TRTLLM_WHOLE;
    return trtllm ? LS_KERNELS_TRTLLM : LS_KERNELS_VLLM;
}

bool ls_scenario_draft_model(const struct ls_scenario *scenario, struct ls_model *model)
{
    const struct ls_speculative *speculative = &scenario->engine.speculative;
    if (speculative->method == LS_SPECULATE_DRAFT) {
        *model = speculative->draft_model;
        return true;
    }
    *model = scenario->model;
    model->num_hidden_layers = 1;
    model->first_k_dense_replace = 0;
    model->decoder_sparse_step = 1;
    model->full_attention_interval = LS_NULL_INT;
    if (model->sliding_window_pattern != LS_NULL_INT) /* every so many layers one sees all, as the last one does */
        model->sliding_window = model->sliding_window_pattern = LS_NULL_INT;
    return speculative->method == LS_SPECULATE_MTP;
}

static void resolve_cluster(struct ls_scenario *scenario)
{
    struct ls_hardware *hardware = &scenario->cluster.hardware;
    if (hardware->kernel_library == LS_NULL_CHOICE)
        hardware->kernel_library = library_of(scenario->engine.preset);
    if (hardware->decode_attention == LS_NULL_CHOICE)
        hardware->decode_attention = (int32_t)ls_preset_decode_attention(scenario);
    ls_cluster_complete(&scenario->cluster);
    for (int i = 0; i < LS_N_POOL_ROLES && !isnan(scenario->prices.gpu_usd_per_h); i++)
        scenario->engine.disaggregation.pools[i].hardware.price_usd_per_h = scenario->prices.gpu_usd_per_h;
    if (isnan(scenario->prices.gpu_usd_per_h))
        scenario->prices.gpu_usd_per_h = hardware->price_usd_per_h;
}

/* Arrivals without times of their own are counted. */
static enum ls_status check_untimed(const struct ls_workload *workload, const struct ls_profile *profile,
                                    struct ls_err *err)
{
    const bool is_counted = profile->arrivals.requests != LS_NULL_INT;
    if (workload->max_requests == LS_NULL_INT && !is_counted)
        return ls_fail(
            err, LS_INPUT,
            "workload.max_requests: profile %s needs it, or arrivals.requests of its own, since its arrivals "
            "have no rate",
            profile->name);
    if (workload->n_profiles > 1 && profile->arrivals.process == LS_ARRIVALS_ALL_AT_ONCE && !is_counted)
        return ls_fail(err, LS_INPUT,
                       "workload.profiles.%s.arrivals.requests: beside other profiles, say how many are there at once",
                       profile->name);
    if (workload->n_profiles > 1 && workload->mixing == LS_MIXING_SEQUENTIAL_DRAW)
        return ls_fail(err, LS_INPUT,
                       "workload.mixing: sequential_draw waits a gap of each profile, and %s has none; write "
                       "independent",
                       profile->name);
    return LS_OK;
}

static enum ls_status check_arrivals(const struct ls_workload *workload, const struct ls_profile *profile,
                                     struct ls_err *err)
{
    struct ls_err inner = {""};
    if (ls_arrivals_check(&profile->arrivals, &inner))
        return ls_fail(err, LS_INPUT, "workload.profiles.%s.arrivals.%.300s", profile->name, inner.text);
    return ls_arrivals_are_timed(&profile->arrivals) ? LS_OK : check_untimed(workload, profile, err);
}

/* How a recording is replayed. */
static enum ls_status check_trace(const struct ls_workload *workload, struct ls_err *err)
{
    const struct ls_arrivals *arrivals = &workload->trace_options.arrivals;
    struct ls_err inner = {""};
    if (arrivals->process != LS_NULL_CHOICE)
        return ls_arrivals_check(arrivals, &inner)
                   ? ls_fail(err, LS_INPUT, "workload.trace.arrivals.%.300s", inner.text)
                   : LS_OK;
    if (workload->trace->is_untimed)
        return ls_fail(err, LS_INPUT,
                       "workload.trace.arrivals.process: the recording has no times; say how its requests arrive, such "
                       "as {process: poisson, rate: 4}");
    if (!isnan(arrivals->rate) || !isnan(arrivals->cv) || arrivals->concurrency != LS_NULL_INT ||
        arrivals->requests != LS_NULL_INT)
        return ls_fail(
            err, LS_INPUT,
            "workload.trace.arrivals.process: null keeps the recorded times, and the other keys say nothing; "
            "name a process");
    return LS_OK;
}

static enum ls_status check_profile(const struct ls_workload *workload, const struct ls_profile *profile,
                                    struct ls_err *err)
{
    struct ls_err inner = {""};
    if (ls_mixture_check_tok(&profile->prompt_tokens, &inner))
        return ls_fail(err, LS_INPUT, "workload.profiles.%s.prompt_tokens: %.300s", profile->name, inner.text);
    if (ls_mixture_check_tok(&profile->output_tokens, &inner))
        return ls_fail(err, LS_INPUT, "workload.profiles.%s.output_tokens: %.300s", profile->name, inner.text);
    if (ls_sessions_check(profile, &inner))
        return ls_fail(err, LS_INPUT, "workload.profiles.%s.%.300s", profile->name, inner.text);
    return check_arrivals(workload, profile, err);
}

static enum ls_status check_workload(const struct ls_workload *workload, struct ls_err *err)
{
    if (workload->trace && workload->n_profiles > 0)
        return ls_fail(err, LS_INPUT, "workload: profiles and a trace exclude each other; keep one of them");
    if (!workload->trace && workload->n_profiles == 0)
        return ls_fail(err, LS_INPUT, "workload: nothing arrives; give profiles or a trace");
    if (!workload->trace && isnan(workload->duration_s) && workload->max_requests == LS_NULL_INT)
        return ls_fail(err, LS_INPUT, "workload.duration_s: nothing ends the arrivals; give it or max_requests");
    if (!workload->drain && isnan(workload->duration_s))
        return ls_fail(err, LS_INPUT, "workload.drain: false needs duration_s, where the clock stops");
    if (!isnan(workload->duration_s) && workload->warmup_s >= workload->duration_s)
        return ls_fail(err, LS_INPUT, "workload.warmup_s: %g leaves nothing of duration_s, %g, to measure",
                       workload->warmup_s, workload->duration_s);
    if (workload->trace)
        return check_trace(workload, err);
    for (int32_t i = 0; i < workload->n_profiles; i++) {
        const enum ls_status status = check_profile(workload, &workload->profiles[i], err);
        if (status)
            return status;
    }
    return LS_OK;
}

/* A search for max_goodput needs a load that can be scaled, and a bound that can be missed. */
static enum ls_status check_slo(const struct ls_scenario *scenario, struct ls_err *err)
{
    const struct ls_slo *slo = &scenario->slo;
    const struct ls_workload *workload = &scenario->workload;
    if (!slo->max_goodput)
        return LS_OK;
    if (isnan(slo->ttft_s) && isnan(slo->tpot_s) && isnan(slo->e2e_s))
        return ls_fail(err, LS_INPUT, "slo.max_goodput: every request is good; give ttft_s, tpot_s or e2e_s");
    if (ls_workload_is_untimed(workload))
        return ls_fail(err, LS_INPUT,
                       "slo.max_goodput: closed and all_at_once arrivals have no rate; use others, or a trace's own");
    return LS_OK;
}

static enum ls_reason check_experts(const struct ls_scenario *scenario)
{
    const struct ls_model *model = &scenario->model;
    const struct ls_strategy *strategy = &scenario->strategy;
    if (!ls_model_is_moe(model))
        return strategy->ep > 1 ? LS_REASON_EP_DENSE : LS_REASON_NONE;
    if (strategy->tp * strategy->ep % strategy->expert_tp != 0)
        return LS_REASON_EXPERT_TP;
    const int64_t shards = strategy->tp * strategy->ep / strategy->expert_tp;
    const int64_t redundant = scenario->kind == LS_SERVING ? scenario->engine.redundant_experts : 0;
    const int64_t experts = model->n_routed_experts + redundant;
    if (experts % shards != 0)
        return LS_REASON_EP_EXPERTS;
    return model->moe_intermediate_size % strategy->expert_tp != 0 ? LS_REASON_TP_FFN : LS_REASON_NONE;
}

/* Degrees against heads, widths, layers and GPUs. KV heads fewer than tp are replicated. */
static enum ls_reason check_degrees(const struct ls_scenario *scenario)
{
    const struct ls_model *model = &scenario->model;
    const struct ls_strategy *strategy = &scenario->strategy;
    if (ls_scenario_gpus(scenario) > scenario->cluster.nodes * scenario->cluster.gpus_per_node)
        return LS_REASON_GPUS;
    if (model->num_attention_heads % strategy->tp != 0)
        return LS_REASON_TP_HEADS;
    if (!ls_model_is_mla(model) && model->num_key_value_heads % strategy->tp != 0 &&
        strategy->tp % model->num_key_value_heads != 0)
        return LS_REASON_TP_HEADS;
    if (ls_model_is_linear(model) && model->linear_num_key_heads % strategy->tp != 0)
        return LS_REASON_TP_HEADS;
    if (model->intermediate_size % strategy->tp != 0)
        return LS_REASON_TP_FFN;
    return strategy->pp > model->num_hidden_layers ? LS_REASON_PP_LAYERS : LS_REASON_NONE;
}

/* The drafter is split as the model is, on one stage. */
static enum ls_reason check_drafter(const struct ls_scenario *scenario)
{
    struct ls_scenario drafter = *scenario;
    if (scenario->engine.speculative.method != LS_SPECULATE_DRAFT || !ls_scenario_draft_model(scenario, &drafter.model))
        return LS_REASON_NONE;
    drafter.strategy.pp = 1;
    drafter.engine.redundant_experts = 0;
    const enum ls_reason reason = check_degrees(&drafter);
    if (reason != LS_REASON_NONE)
        return reason;
    if (!ls_op_dtype_supported(&scenario->cluster.hardware, (enum ls_dtype)drafter.model.dtype))
        return LS_REASON_DTYPE;
    return check_experts(&drafter);
}

static enum ls_reason check_shape(const struct ls_scenario *scenario)
{
    const enum ls_reason reason = check_degrees(scenario);
    if (reason != LS_REASON_NONE)
        return reason;
    if (!ls_op_dtype_supported(&scenario->cluster.hardware, (enum ls_dtype)scenario->engine.weight_dtype))
        return LS_REASON_DTYPE;
    const int64_t budget = scenario->engine.max_num_batched_tokens;
    if (budget != LS_BUDGET_AUTO_SLO && budget < scenario->engine.max_num_seqs)
        return LS_REASON_BATCH;
    if (ls_all2all_leaves_nvlink(&scenario->cluster, &scenario->strategy, scenario->engine.all2all_backend))
        return LS_REASON_NVLINK;
    const enum ls_reason drafter = check_drafter(scenario);
    return drafter != LS_REASON_NONE ? drafter : check_experts(scenario);
}

static enum ls_status resolve_speculative(struct ls_speculative *speculative, struct ls_err *err)
{
    struct ls_err inner = {""};
    const bool has_model = speculative->draft_model.num_hidden_layers != LS_NULL_INT;
    if (speculative->method == LS_NULL_CHOICE)
        return LS_OK;
    if (speculative->acceptance.kind == LS_NULL_CHOICE)
        return ls_fail(err, LS_INPUT,
                       "engine.speculative.acceptance: give the chance that a draft is accepted, such as 0.7");
    if (ls_dist_check(&speculative->acceptance, &inner))
        return ls_fail(err, LS_INPUT, "engine.speculative.acceptance: %.300s", inner.text);
    const double mean = ls_dist_mean(&speculative->acceptance);
    if (!(mean >= 0 && mean <= 1))
        return ls_fail(err, LS_INPUT, "engine.speculative.acceptance: %g is its mean; chances lie between 0 and 1",
                       mean);
    if (has_model != (speculative->method == LS_SPECULATE_DRAFT))
        return ls_fail(err, LS_INPUT,
                       "engine.speculative.draft_model: method draft needs one, and no other method has one");
    if (has_model && ls_model_complete(&speculative->draft_model, &inner))
        return ls_fail(err, LS_INPUT, "engine.speculative.draft_model.%.300s", inner.text);
    return LS_OK;
}

/* The pools of a disaggregated deployment, each by itself and both together. */
static enum ls_reason check_pools(const struct ls_scenario *scenario)
{
    enum ls_reason reason = ls_disaggregation_fits(scenario) ? LS_REASON_NONE : LS_REASON_GPUS;
    for (int role = 0; role < LS_N_POOL_ROLES && reason == LS_REASON_NONE; role++) {
        struct ls_scenario pool;
        ls_disaggregation_pool(scenario, (enum ls_pool_role)role, &pool);
        reason = check_shape(&pool);
    }
    return reason;
}

static enum ls_status resolve_engine(struct ls_scenario *scenario, struct ls_err *err)
{
    struct ls_engine *engine = &scenario->engine;
    ls_preset_apply(scenario);
    scenario->cluster.nccl_only = !engine->custom_all_reduce;
    enum ls_status status = resolve_speculative(&engine->speculative, err);
    if (!status)
        status = ls_state_check(scenario, err);
    if (status)
        return status;
    if (isnan(scenario->cluster.hardware.mfu) != isnan(scenario->cluster.hardware.mbu))
        return ls_fail(err, LS_INPUT, "cluster.hardware.mfu: goes together with mbu; give both or neither");
    struct ls_err inner = {""};
    if (ls_expert_imbalance_check(&engine->expert_imbalance, &scenario->model, &inner))
        return ls_fail(err, LS_INPUT, "engine.expert_imbalance: %.300s", inner.text);
    if (engine->weight_dtype == LS_NULL_CHOICE)
        engine->weight_dtype = scenario->model.dtype;
    else if (engine->weight_dtype != scenario->model.dtype && ls_model_is_stated(&scenario->model))
        return ls_fail(err, LS_INPUT, "engine.weight_dtype: the model's costs are stated for %s; leave it null",
                       ls_dtype_name((enum ls_dtype)scenario->model.dtype));
    if (engine->max_num_batched_tokens == LS_BUDGET_AUTO)
        engine->max_num_batched_tokens = ls_reference_token_budget(scenario);
    if (engine->max_num_batched_tokens == LS_BUDGET_AUTO_SLO && isnan(scenario->slo.tpot_s))
        return ls_fail(err, LS_INPUT, "engine.max_num_batched_tokens: auto_slo needs slo.tpot_s, which it keeps");
    if (engine->kv_dtype == LS_NULL_CHOICE)
        engine->kv_dtype = (int32_t)ls_preset_kv_dtype(scenario);
    if (engine->dispatch_dtype == LS_NULL_CHOICE)
        engine->dispatch_dtype = (int32_t)ls_preset_dispatch_dtype(scenario);
    return LS_OK;
}

/* What depends on the token budget, and auto_slo's budget on all else. */
static enum ls_status resolve_budget(struct ls_scenario *scenario, bool feasible, struct ls_err *err)
{
    struct ls_engine *engine = &scenario->engine;
    if (engine->max_num_batched_tokens == LS_BUDGET_AUTO_SLO) {
        engine->max_num_batched_tokens = engine->max_num_seqs;
        struct ls_scenario decodes = *scenario; /* where there are two pools, the one whose steps the bound is on */
        if (feasible && ls_scenario_is_disaggregated(scenario))
            ls_disaggregation_pool(scenario, LS_POOL_DECODE, &decodes);
        const enum ls_status status =
            feasible ? ls_slo_token_budget(&decodes, &engine->max_num_batched_tokens, err) : LS_OK;
        if (status)
            return status;
    }
    if (engine->long_prefill_token_threshold == LS_NULL_INT)
        engine->long_prefill_token_threshold = engine->max_num_batched_tokens;
    return LS_OK;
}

static enum ls_status resolve_serving(struct ls_scenario *scenario, enum ls_reason *reason, struct ls_err *err)
{
    enum ls_status status = ls_model_complete(&scenario->model, err);
    if (status)
        return status;
    resolve_cluster(scenario);
    if ((status = resolve_engine(scenario, err)))
        return status;
    if ((status = ls_disaggregation_resolve(scenario, err)))
        return status;
    if (scenario->strategy.expert_tp == LS_NULL_INT)
        scenario->strategy.expert_tp = scenario->strategy.tp;
    struct ls_placement placement;
    if ((status = ls_placement_init(&placement, &scenario->cluster, &scenario->strategy, err)))
        return status;
    if ((status = check_workload(&scenario->workload, err)) || (status = check_slo(scenario, err)))
        return status;
    *reason = ls_scenario_is_disaggregated(scenario) ? check_pools(scenario) : check_shape(scenario);
    status = resolve_budget(scenario, *reason == LS_REASON_NONE, err);
    if (!status && *reason == LS_REASON_NONE && scenario->strategy.lod == LS_LOD_LOW && !ls_low_knows(scenario))
        *reason = LS_REASON_LOW;
    return status;
}

static enum ls_status resolve_matmul(struct ls_scenario *scenario, enum ls_reason *reason, struct ls_err *err)
{
    enum ls_status status = ls_matmul_check(scenario, err);
    if (status)
        return status;
    resolve_cluster(scenario);
    scenario->strategy.expert_tp = scenario->strategy.tp;
    struct ls_placement placement;
    if ((status = ls_placement_init(&placement, &scenario->cluster, &scenario->strategy, err)))
        return status;
    *reason = LS_REASON_NONE;
    if (ls_scenario_gpus(scenario) > scenario->cluster.nodes * scenario->cluster.gpus_per_node)
        *reason = LS_REASON_GPUS;
    else if (!ls_op_dtype_supported(&scenario->cluster.hardware, (enum ls_dtype)scenario->matmul.dtype))
        *reason = LS_REASON_DTYPE;
    return LS_OK;
}

/* Tables are padded so that every GPU of tp has as many rows. */
static void pad_vocabulary(struct ls_scenario *scenario)
{
    const int64_t multiple = scenario->training.vocab_multiple * scenario->strategy.tp;
    const int64_t rows = (scenario->model.vocab_size + multiple - 1) / multiple;
    scenario->model.vocab_size = rows * multiple;
}

/* Who keeps attention scores has them; and models of GPT-3's kind were trained without flash attention as long as their
 * sequences were short, on the GPUs before Hopper. */
static enum ls_attention usual_attention(const struct ls_scenario *scenario)
{
    const struct ls_training *training = &scenario->training;
    const bool older_gpu = isnan(scenario->cluster.hardware.peak.by_dtype[LS_FP8]);
    if (training->recompute == LS_RECOMPUTE_NONE)
        return LS_ATTENTION_UNFUSED;
    return training->dropout && older_gpu && training->sequence_length <= 2048 ? LS_ATTENTION_UNFUSED
                                                                               : LS_ATTENTION_FLASH;
}

static enum ls_status resolve_training(struct ls_scenario *scenario, enum ls_reason *reason, struct ls_err *err)
{
    struct ls_training *training = &scenario->training;
    enum ls_status status = ls_model_complete(&scenario->model, err);
    if (status || (status = ls_training_check(scenario, err)))
        return status;
    resolve_cluster(scenario);
    pad_vocabulary(scenario);
    if (scenario->strategy.expert_tp == LS_NULL_INT)
        scenario->strategy.expert_tp = scenario->strategy.tp;
    if (training->dropout == LS_NULL_CHOICE)
        training->dropout = scenario->model.norm == LS_NORM_LAYER;
    if (training->elementwise == LS_NULL_CHOICE)
        training->elementwise = training->zero_stage == 3 ? LS_ELEMENTWISE_EAGER : LS_ELEMENTWISE_FUSED;
    if (training->attention == LS_NULL_CHOICE)
        training->attention = (int32_t)usual_attention(scenario);
    struct ls_placement placement;
    if ((status = ls_placement_init(&placement, &scenario->cluster, &scenario->strategy, err)))
        return status;
    *reason = check_degrees(scenario);
    if (*reason == LS_REASON_NONE)
        *reason = check_experts(scenario);
    if (*reason == LS_REASON_NONE)
        *reason = ls_training_shape(scenario);
    return LS_OK;
}

enum ls_status ls_scenario_resolve(struct ls_scenario *scenario, enum ls_reason *reason, struct ls_err *err)
{
    if (scenario->kind != LS_SERVING && scenario->cluster.hardware.kernel_table[0])
        return ls_fail(err, LS_INPUT, "cluster.hardware.kernel_table: only serving reads it; remove it");
    switch (scenario->kind) {
    case LS_SERVING:
        return resolve_serving(scenario, reason, err);
    case LS_MATMUL:
        return resolve_matmul(scenario, reason, err);
    default:
        return resolve_training(scenario, reason, err);
    }
}

/* Each step is a bijection of the hash, so values that differ in one word never collide; 64 bits are plenty for a grid
 * of 10^9 cells. */
static uint64_t hash_word(uint64_t hash, uint64_t word)
{
    const uint64_t mixed = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return mixed ^ mixed >> 32;
}

/* With its end: a word that holds a zero byte is a text's last. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    const size_t n = strlen(text) + 1;
    for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, text + i, n - i < sizeof word ? n - i : sizeof word);
        hash = hash_word(hash, word);
    }
    return hash;
}

static void hash_field(const char *path, const struct ls_param *param, const void *field, void *context)
{
    uint64_t *hash = context;
    uint64_t word = 0;
    (void)path;
    switch (param->type) { /* not ls_param_load, which moves room for a text with each number */
    case LS_PARAM_TEXT:
        *hash = hash_text(*hash, field);
        if (ls_dist_is_file(param) && ls_dist_of_file(field)->samples)
            *hash = hash_word(*hash, ls_dist_of_file(field)->samples->digest);
        return;
    case LS_PARAM_INT:
    case LS_PARAM_FLOAT:
        memcpy(&word, field, sizeof word);
        break;
    default:
        memcpy(&word, field, sizeof(int32_t));
        break;
    }
    *hash = hash_word(*hash, word);
}

static uint64_t hash_table(uint64_t hash, const struct ls_hardware *hardware)
{
    return hardware->table ? hash_word(hash, hardware->table->digest) : hash;
}

uint64_t ls_scenario_fingerprint(const struct ls_scenario *scenario)
{
    uint64_t hash = hash_word(0, LS_ENGINE_VERSION);
    ls_param_walk(&ls_scenario_params, scenario, hash_field, &hash);
    hash = hash_word(hash, (uint64_t)scenario->replica);
    if (scenario->workload.trace)
        hash = hash_word(hash, scenario->workload.trace->digest);
    hash = hash_table(hash, &scenario->cluster.hardware);
    for (int role = 0; role < LS_N_POOL_ROLES; role++)
        hash = hash_table(hash, &scenario->engine.disaggregation.pools[role].hardware);
    return hash;
}
