#ifndef LS_TESTS_RANDOM_SCENARIO_H
#define LS_TESTS_RANDOM_SCENARIO_H

/* Serving scenarios drawn at random, each named by a number: small models, pools, budgets and windows, so that whatever
 * can run short does, over every strategy, arrival process and router. */

#include "engine/serving/deployment/router.h"
#include "engine/serving/workload/content.h"
#include "engine/sim/clock.h"
#include "engine/sim/random.h"
#include "tests/scenario.h"

enum { RANDOM_TRACE_LENGTH = 120, RANDOM_N_PARTS = 4 };

struct random_scenario {
    uint64_t number;
    struct ls_scenario scenario; /* resolved; medium */
    int64_t kv_blocks;           /* of one scheduler, */
    int64_t decode_blocks;       /* of one of the decode pool */
    struct ls_trace trace;
    struct ls_trace_request requests[RANDOM_TRACE_LENGTH];
    uint64_t parts[RANDOM_N_PARTS * RANDOM_TRACE_LENGTH];
    struct ls_stream stream;
};

static inline int64_t random_int(struct random_scenario *drawn, int64_t low, int64_t high)
{
    return low + (int64_t)(ls_stream_uniform(&drawn->stream) * (double)(high - low + 1));
}

static inline bool random_chance(struct random_scenario *drawn, double probability)
{
    return ls_stream_uniform(&drawn->stream) < probability;
}

/* Evenly spread on a logarithmic scale. */
static inline double random_scale(struct random_scenario *drawn, double low, double high)
{
    return low * pow(high / low, ls_stream_uniform(&drawn->stream));
}

static inline int64_t random_of(struct random_scenario *drawn, int64_t n, const int64_t *values)
{
    return values[random_int(drawn, 0, n - 1)];
}

enum random_model { RANDOM_DENSE, RANDOM_SLIDING, RANDOM_MOE, RANDOM_SLIDING_MOE, RANDOM_LATENT, RANDOM_N_MODELS };

/* Every third dense model has gated delta-nets. */
static inline bool random_is_linear(uint64_t number)
{
    return number % RANDOM_N_MODELS == RANDOM_DENSE && number / RANDOM_N_MODELS % 3 == 2;
}

static inline void random_model(struct random_scenario *drawn, enum random_model kind)
{
    struct ls_model *model = &drawn->scenario.model;
    const bool moe = kind == RANDOM_MOE || kind == RANDOM_SLIDING_MOE;
    model->num_hidden_layers = random_int(drawn, 4, 7);
    model->hidden_size = 512;
    model->num_attention_heads = 8;
    model->num_key_value_heads = random_of(drawn, 3, (const int64_t[]){1, 4, 8});
    model->intermediate_size = 1024;
    model->vocab_size = 1000;
    if (kind == RANDOM_SLIDING || kind == RANDOM_SLIDING_MOE) {
        model->sliding_window = random_int(drawn, 1, 60);
        model->sliding_window_pattern = random_chance(drawn, 0.7) ? random_int(drawn, 2, 3) : LS_NULL_INT;
    }
    if (moe) {
        model->n_routed_experts = 8;
        model->num_experts_per_tok = random_int(drawn, 1, 3);
        model->first_k_dense_replace = random_int(drawn, 0, 1);
        model->decoder_sparse_step = random_chance(drawn, 0.7) ? 1 : 2;
        model->n_shared_experts = random_int(drawn, 0, 1);
    }
    if (random_is_linear(drawn->number)) {
        model->full_attention_interval = random_int(drawn, 2, 4);
        model->linear_num_key_heads = 4;
        model->linear_num_value_heads = random_of(drawn, 2, (const int64_t[]){4, 8});
        model->linear_key_head_dim = model->linear_value_head_dim = 8;
    }
    if (kind == RANDOM_LATENT) {
        model->q_lora_rank = 128;
        model->kv_lora_rank = 64;
        model->qk_nope_head_dim = 32;
        model->qk_rope_head_dim = 16;
        model->v_head_dim = 32;
    }
}

static inline void random_cluster(struct random_scenario *drawn)
{
    static const char *const orders[] = {"tp ep pp dp", "pp tp ep dp", "dp pp ep tp", "ep dp tp pp"};
    struct ls_cluster *cluster = &drawn->scenario.cluster;
    const int64_t sizes[] = {1, 2, 4, 8};
    cluster->gpus_per_node = random_of(drawn, 4, sizes);
    cluster->nics_per_node = random_of(drawn, 4, sizes);
    cluster->nodes = (ls_scenario_gpus(&drawn->scenario) + cluster->gpus_per_node - 1) / cluster->gpus_per_node;
    cluster->intra_node.bandwidth_bytes_per_s = random_scale(drawn, 1e9, 1e12);
    cluster->inter_node.bandwidth_bytes_per_s = random_scale(drawn, 1e7, 1e11); /* down to a slower send than a stage */
    cluster->inter_node.latency_s = random_scale(drawn, 1e-7, 1e-3);
    cluster->contention = random_chance(drawn, 0.5);
    (void)snprintf(cluster->rank_order, sizeof cluster->rank_order, "%s", orders[random_int(drawn, 0, 3)]);
}

static inline void random_strategy(struct random_scenario *drawn, bool moe)
{
    struct ls_strategy *strategy = &drawn->scenario.strategy;
    const int64_t powers[] = {1, 1, 2, 4};
    strategy->lod = LS_LOD_MEDIUM;
    strategy->tp = random_of(drawn, 4, powers);
    strategy->pp = random_chance(drawn, 0.5) ? 1 : random_int(drawn, 2, 4);
    strategy->dp = random_int(drawn, 1, 3);
    strategy->ep = moe && random_chance(drawn, 0.6) ? 2 : 1;
    strategy->expert_tp = moe && random_chance(drawn, 0.5) ? 1 : LS_NULL_INT;
}

static inline void random_engine(struct random_scenario *drawn)
{
    struct ls_engine *engine = &drawn->scenario.engine;
    engine->block_size = random_of(drawn, 4, (const int64_t[]){1, 3, 8, 16});
    engine->max_num_seqs = random_int(drawn, 1, 12);
    engine->max_num_batched_tokens = engine->max_num_seqs + random_int(drawn, 0, random_chance(drawn, 0.5) ? 10 : 200);
    engine->enable_chunked_prefill = random_chance(drawn, 0.8);
    if (random_chance(drawn, 0.4))
        engine->long_prefill_token_threshold = random_int(drawn, 1, 40);
    if (random_chance(drawn, 0.2))
        engine->max_model_len = random_int(drawn, 20, 120);
    engine->router = (int32_t)random_int(drawn, 0, LS_N_ROUTERS - 1);
    engine->step_overhead_s = random_chance(drawn, 0.3) ? 0.0 : random_scale(drawn, 1e-6, 1e-3);
    engine->step_overhead_per_seq_s = random_chance(drawn, 0.3) ? 0.0 : 5e-6;
    engine->context_token_overhead_s = engine->max_num_seqs % 3 == 0 ? 1e-7 : 0.0;
    engine->overlap_communication = random_chance(drawn, 0.3);
    if (random_chance(drawn, 0.2)) {
        engine->jitter.straggler.gpu = random_int(drawn, 0, 8);
        engine->jitter.straggler.factor = random_scale(drawn, 1, 3);
    }
    engine->kernel_launch_s = random_chance(drawn, 0.5) ? 0.0 : random_scale(drawn, 1e-7, 1e-4);
    engine->cuda_graph_max_tokens = random_int(drawn, 0, 16);
    engine->request_latency_s = engine->chat_template_char_s = engine->request_overhead_s =
        engine->prompt_token_overhead_s = engine->output_token_overhead_s = 0;
}

/* Who goes first. Half of the scenarios keep the order of arrival. */
static inline void random_policy(struct random_scenario *drawn)
{
    struct ls_workload *workload = &drawn->scenario.workload;
    drawn->scenario.engine.scheduling_policy =
        random_chance(drawn, 0.5) ? LS_POLICY_FCFS : (int32_t)random_int(drawn, LS_POLICY_PRIORITY, LS_POLICY_SJF);
    for (int32_t i = 0; i < workload->n_profiles; i++)
        workload->profiles[i].priority = random_int(drawn, -1, 1);
}

/* Somebody drafts; a small model is like the model, with two layers. */
static inline void random_drafts(struct random_scenario *drawn)
{
    struct ls_speculative *speculative = &drawn->scenario.engine.speculative;
    speculative->method = (int32_t)random_int(drawn, LS_SPECULATE_DRAFT, LS_SPECULATE_MTP);
    speculative->draft_tokens = random_int(drawn, 1, 6);
    speculative->acceptance.kind = random_chance(drawn, 0.5) ? LS_DIST_CONSTANT : LS_DIST_UNIFORM;
    if (speculative->acceptance.kind == LS_DIST_CONSTANT) {
        speculative->acceptance.value = (double)random_int(drawn, 0, 4) / 4;
    } else {
        speculative->acceptance.low = 0;
        speculative->acceptance.high = 1.2;
    }
    if (speculative->method == LS_SPECULATE_DRAFT) {
        speculative->draft_model = drawn->scenario.model;
        speculative->draft_model.num_hidden_layers = 2;
    }
}

/* What other engines do otherwise, and a front end. */
static inline void random_other_engine(struct random_scenario *drawn)
{
    struct ls_engine *engine = &drawn->scenario.engine;
    engine->batching = (int32_t)random_int(drawn, LS_BATCHING_MIXED, LS_BATCHING_STATIC);
    engine->output_reserve = (double)random_int(drawn, 0, 2) / 2;
    engine->output_reserve_start =
        random_chance(drawn, 0.5) ? engine->output_reserve : (double)random_int(drawn, 1, 4) / 4;
    engine->output_reserve_passes = random_int(drawn, 1, 40);
    engine->overlap_scheduling = random_chance(drawn, 0.5);
    engine->cuda_graphs = (int32_t)random_int(drawn, LS_CUDA_GRAPHS_NONE, LS_CUDA_GRAPHS_ALL);
    engine->chat_template_char_s = random_chance(drawn, 0.5) ? 0.0 : random_scale(drawn, 1e-10, 1e-6);
    engine->request_overhead_s = random_scale(drawn, 1e-7, 1e-3);
    engine->prompt_token_overhead_s = random_scale(drawn, 1e-9, 1e-5);
    engine->output_token_overhead_s = random_scale(drawn, 1e-9, 1e-5);
    if (random_chance(drawn, 0.3)) {
        engine->request_latency_s = random_scale(drawn, 1e-6, 1e-2);
        drawn->scenario.cluster.client.latency_s = random_scale(drawn, 1e-6, 1e-2);
        drawn->scenario.cluster.client.bandwidth_bytes_per_s = random_scale(drawn, 1e5, 1e10);
    }
}

static inline void random_length(struct random_scenario *drawn, struct ls_dist *dist, int64_t greatest)
{
    const double mean = (double)random_int(drawn, 1, greatest);
    const int64_t kinds[] = {LS_DIST_CONSTANT, LS_DIST_UNIFORM, LS_DIST_EXPONENTIAL};
    *dist = scenario_dist((enum ls_dist_kind)random_of(drawn, 3, kinds));
    switch (dist->kind) {
    case LS_DIST_CONSTANT:
        dist->value = mean;
        break;
    case LS_DIST_UNIFORM:
        dist->low = 1;
        dist->high = 1 + 2 * mean;
        break;
    default:
        dist->mean = mean;
        break;
    }
}

static inline void random_profile(struct random_scenario *drawn, enum ls_process process, double rate)
{
    struct ls_profile *profile = scenario_add_profile(&drawn->scenario, rate, 1, 1);
    profile->weight = random_scale(drawn, 0.1, 10);
    profile->arrivals.process = process;
    profile->arrivals.cv = random_scale(drawn, 0.2, 4);
    profile->arrivals.concurrency = random_int(drawn, 1, 20);
    random_length(drawn, &profile->prompt_tokens.dist, 60);
    random_length(drawn, &profile->output_tokens.dist, 30);
}

/* Bursts of requests that arrive at the same instant, among others. */
static inline void random_trace(struct random_scenario *drawn, double rate)
{
    int64_t now_ps = random_int(drawn, 0, 1) * 1000000;
    for (int i = 0; i < RANDOM_TRACE_LENGTH; i++) {
        if (random_chance(drawn, 0.6))
            now_ps += ls_ps_from_s(ls_stream_exponential(&drawn->stream) / (0.6 * rate));
        drawn->requests[i] = (struct ls_trace_request){.arrival_ps = now_ps};
        drawn->requests[i].prompt_tok = (int32_t)random_int(drawn, 1, 120);
        drawn->requests[i].output_tok = (int32_t)random_int(drawn, 1, 60);
    }
    drawn->trace = (struct ls_trace){.n = RANDOM_TRACE_LENGTH, .requests = drawn->requests, .digest = 1};
    drawn->scenario.workload.trace = &drawn->trace;
    drawn->scenario.workload.trace_options.time_scale = random_scale(drawn, 0.5, 2);
}

static inline void random_workload(struct random_scenario *drawn)
{
    const enum ls_process open[] = {LS_ARRIVALS_POISSON, LS_ARRIVALS_CONSTANT, LS_ARRIVALS_GAMMA, LS_ARRIVALS_MMPP,
                                    LS_ARRIVALS_DIURNAL};
    struct ls_workload *workload = &drawn->scenario.workload;
    const double rate = random_scale(drawn, 5, 5000);
    const int64_t n = random_int(drawn, 1, 150);
    const int64_t kind = random_int(drawn, 0, 5);
    workload->max_requests = n;
    switch (kind) {
    case 0:
        random_profile(drawn, LS_ARRIVALS_ALL_AT_ONCE, rate);
        break;
    case 1:
        random_profile(drawn, LS_ARRIVALS_CLOSED, rate);
        break;
    case 2:
        random_trace(drawn, rate);
        break;
    default:
        for (int64_t i = random_int(drawn, 1, 3); i > 0; i--)
            random_profile(drawn, open[random_int(drawn, 0, 4)], random_scale(drawn, rate / 3, rate * 3));
        workload->mixing = random_chance(drawn, 0.5) ? LS_MIXING_SEQUENTIAL_DRAW : LS_MIXING_INDEPENDENT;
        break;
    }
    if (random_chance(drawn, 0.4)) {
        workload->duration_s = (double)n / rate * random_scale(drawn, 0.3, 3);
        workload->drain = random_chance(drawn, 0.3);
        if (random_chance(drawn, 0.5))
            workload->warmup_s = workload->duration_s * ls_stream_uniform(&drawn->stream);
    } else if (random_chance(drawn, 0.3)) {
        workload->warmup_s = (double)n / rate * ls_stream_uniform(&drawn->stream);
    }
}

/* Prompts with up to four parts, each one of few. */
static inline void random_parts(struct random_scenario *drawn)
{
    drawn->trace.parts = drawn->parts;
    drawn->trace.part_tok = (int32_t)random_int(drawn, 5, 40);
    for (int i = 0; i < RANDOM_TRACE_LENGTH; i++) {
        struct ls_trace_request *request = &drawn->requests[i];
        uint64_t *parts = &drawn->parts[RANDOM_N_PARTS * i];
        const int32_t most = RANDOM_N_PARTS * drawn->trace.part_tok;
        request->session = (uint64_t)random_int(drawn, 0, 3);
        request->first_part = (size_t)(parts - drawn->parts);
        request->n_part_tok = request->prompt_tok < most ? request->prompt_tok : most;
        if (random_chance(drawn, 0.3))
            request->n_part_tok = 0;
        for (int j = 0; j < RANDOM_N_PARTS; j++)
            parts[j] = ls_content_id(LS_CONTENT_RECORDED, j ? parts[j - 1] : 0, (uint64_t)random_int(drawn, 0, 1));
    }
}

static inline void random_sharing(struct random_scenario *drawn)
{
    struct ls_workload *workload = &drawn->scenario.workload;
    const double gap_s = isnan(workload->duration_s) ? 0.01 : workload->duration_s / 20;
    drawn->scenario.engine.enable_prefix_caching = random_chance(drawn, 0.9);
    if (workload->trace)
        random_parts(drawn);
    for (int32_t i = 0; i < workload->n_profiles; i++) {
        struct ls_profile *profile = &workload->profiles[i];
        profile->sessions.start = random_chance(drawn, 0.5) ? 1 : 0.6;
        if (random_chance(drawn, 0.7))
            profile->sessions.go_on = random_scale(drawn, 0.2, 0.95);
        else if (random_chance(drawn, 0.5))
            random_length(drawn, &profile->sessions.turns, 4);
        profile->sessions.max_turns = random_int(drawn, 1, 12);
        if (random_chance(drawn, 0.7)) {
            profile->sessions.think_s = scenario_dist(LS_DIST_EXPONENTIAL);
            profile->sessions.think_s.mean = gap_s * random_scale(drawn, 0.01, 1);
        }
        if (random_chance(drawn, 0.5)) {
            if (random_chance(drawn, 0.5))
                profile->shared_prefix.tokens = random_int(drawn, 1, 60);
            else
                random_length(drawn, &profile->shared_prefix.lengths, 40);
            profile->shared_prefix.groups = random_int(drawn, 1, 4);
            profile->shared_prefix.skew = (double)random_int(drawn, 0, 2) / 2;
        }
    }
}

/* Who gives way goes to the host's memory, which may be too small. */
static inline void random_swapping(struct random_scenario *drawn)
{
    struct ls_engine *engine = &drawn->scenario.engine;
    engine->preemption = LS_PREEMPT_SWAP;
    engine->swap_space_bytes = random_scale(drawn, 1e5, 1e8);
    engine->swap_copy_s = random_scale(drawn, 1e-8, 1e-5);
}

/* The deployment, which is resolved, as a prefill pool beside a decode pool. */
static inline void random_pools(struct random_scenario *drawn)
{
    struct ls_engine *engine = &drawn->scenario.engine;
    const struct ls_strategy *strategy = &drawn->scenario.strategy;
    const int64_t longest = 180 / engine->block_size;
    if (engine->batching == LS_BATCHING_STATIC)
        engine->batching = LS_BATCHING_PREFILL_FIRST;
    for (int i = 0; i < LS_N_POOL_ROLES; i++) {
        struct ls_pool_options *options = &engine->disaggregation.pools[i];
        options->replicas = i ? random_int(drawn, 1, 3) : strategy->dp;
        options->tp = strategy->tp;
        options->pp = i ? random_int(drawn, 1, 2) : strategy->pp;
        options->ep = strategy->ep;
        options->expert_tp = strategy->expert_tp;
        if (random_chance(drawn, 0.3)) { /* nodes of its own, smaller than the cluster's */
            options->hardware = drawn->scenario.cluster.hardware;
            options->hardware.gpus_per_node = 2;
            options->hardware.nics_per_node = random_int(drawn, 1, 2);
        }
    }
    engine->disaggregation.transfer.bandwidth_bytes_per_s = random_scale(drawn, 1e6, 1e12);
    engine->disaggregation.transfer.latency_s = random_chance(drawn, 0.5) ? 0 : random_scale(drawn, 1e-6, 1e-2);
    drawn->decode_blocks = random_chance(drawn, 0.3) ? 100 * longest : random_int(drawn, 1 + longest / 4, 4 * longest);
}

/* What a test narrows down. */
/* Beside a closed loop, an open one and another closed one; a recording in a closed loop. */
static inline void random_company(struct random_scenario *drawn)
{
    struct ls_workload *workload = &drawn->scenario.workload;
    const double rate = workload->profiles[0].arrivals.rate;
    if (workload->trace && random_chance(drawn, 0.4)) {
        workload->trace_options.arrivals.process = LS_ARRIVALS_CLOSED;
        workload->trace_options.arrivals.concurrency = random_int(drawn, 1, 20);
    } else if (!workload->trace && workload->profiles[0].arrivals.process == LS_ARRIVALS_CLOSED) {
        random_profile(drawn, LS_ARRIVALS_POISSON, rate / 3);
        random_profile(drawn, LS_ARRIVALS_CLOSED, rate);
        workload->profiles[2].arrivals.requests = random_int(drawn, 1, 40);
    }
}

struct random_limits {
    bool one_stage;    /* one pipeline of one stage */
    bool other_engine; /* not vLLM's order; with a front end */
    bool drafts;       /* speculative decoding */
    bool drain;        /* everything completes, no warm-up */
    bool swapping;     /* preemption: swap */
    bool pools;        /* one for prompts, one for decodes */
    bool company;      /* closed loops beside others, and of recorded requests */
    bool sharing;      /* sessions, system prompts, traces that say which prompts are alike */
};

/* Fill *drawn, which must not move afterwards: the scenario borrows its trace. */
static inline void random_scenario_draw_with(struct random_scenario *drawn, uint64_t number,
                                             const struct random_limits *limits)
{
    const enum random_model kind = (enum random_model)(number % RANDOM_N_MODELS);
    const bool moe = kind == RANDOM_MOE || kind == RANDOM_SLIDING_MOE;
    struct ls_scenario *scenario = &drawn->scenario;
    *drawn = (struct random_scenario){.number = number, .stream = ls_stream_make(number, 0, 0, 0, LS_RNG_GAP)};
    scenario_make(scenario, scenario_llama_70b);
    scenario->seed = (int64_t)number;
    scenario->replica = random_int(drawn, 0, 3);
    random_model(drawn, kind);
    random_strategy(drawn, moe);
    if (limits->one_stage)
        scenario->strategy.pp = scenario->strategy.dp = 1;
    random_cluster(drawn);
    random_engine(drawn);
    if (limits->other_engine)
        random_other_engine(drawn);
    random_workload(drawn);
    if (limits->sharing)
        random_sharing(drawn);
    if (random_is_linear(number))
        scenario->engine.enable_prefix_caching = 0;
    if (limits->drain) {
        scenario->workload.drain = 1;
        scenario->workload.warmup_s = 0;
    }
    scenario->slo.ttft_s = random_scale(drawn, 1e-3, 1);
    scenario->slo.tpot_s = random_scale(drawn, 1e-4, 1e-2);
    const int64_t longest = 180 / scenario->engine.block_size;
    random_policy(drawn);
    if (limits->drafts)
        random_drafts(drawn);
    if (limits->swapping && !random_is_linear(number))
        random_swapping(drawn);
    drawn->scenario.engine.cuda_graph_sizes = (int32_t)random_int(drawn, LS_GRAPH_SIZES_EVERY, LS_GRAPH_SIZES_GAPS);
    if (random_chance(drawn, 0.3))
        scenario->engine.router_staleness_s = random_scale(drawn, 1e-4, 1);
    drawn->kv_blocks = random_chance(drawn, 0.3) ? 100 * longest : random_int(drawn, 1 + longest / 4, 4 * longest);

    for (int32_t i = 0; i < scenario->workload.n_profiles; i++)
        scenario->workload.profiles[i].streaming = random_chance(drawn, 0.3) ? ls_stream_uniform(&drawn->stream) : 1;

    if (limits->company)
        random_company(drawn);

    enum ls_reason reason;
    struct ls_err err = {""};
    ck_assert_msg(ls_scenario_resolve(scenario, &reason, &err) == LS_OK, "scenario %d: %s", (int)number, err.text);
    ck_assert_msg(reason == LS_REASON_NONE, "scenario %d: %s", (int)number, ls_reason_text(reason));
    if (limits->pools)
        random_pools(drawn);
}

static inline void random_scenario_draw(struct random_scenario *drawn, uint64_t number)
{
    random_scenario_draw_with(drawn, number, &(struct random_limits){0});
}

static inline void random_scenario_print_value(const char *path, const struct ls_param *param, const void *field,
                                               void *context)
{
    char text[LS_NAME_LEN + 32];
    const union ls_value value = ls_param_load(param, field);
    (void)context;
    if (strncmp(path, "cluster.hardware", 16) != 0 && !ls_param_is_null(param, &value))
        printf("  %s: %s\n", path, ls_param_format(param, &value, text, sizeof text));
}

/* For whoever has to look at it. */
static inline void random_scenario_print(const struct random_scenario *drawn)
{
    printf("scenario %d: %d KV blocks%s\n", (int)drawn->number, (int)drawn->kv_blocks,
           drawn->scenario.workload.trace ? ", its trace" : "");
    ls_param_walk(&ls_scenario_params, &drawn->scenario, random_scenario_print_value, NULL);
}

#endif
