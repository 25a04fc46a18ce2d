#include "engine/serving/deployment/disaggregation.h"

#include <math.h>

static const char *const role_names[LS_N_POOL_ROLES] = {[LS_POOL_PREFILL] = "prefill", [LS_POOL_DECODE] = "decode"};

static bool has_own_hardware(const struct ls_pool_options *options)
{
    return options->hardware.memory_bytes > 0; /* required; neither 0 nor null in hardware that is there */
}

static bool is_empty(const struct ls_pool_options *options)
{
    return options->tp == LS_NULL_INT && options->pp == LS_NULL_INT && options->ep == LS_NULL_INT &&
           options->expert_tp == LS_NULL_INT && options->replicas == LS_NULL_INT && !has_own_hardware(options);
}

static enum ls_status check(const struct ls_scenario *scenario, struct ls_err *err)
{
    const struct ls_disaggregation *d = &scenario->engine.disaggregation;
    bool any = !isnan(d->transfer.bandwidth_bytes_per_s) || !isnan(d->transfer.latency_s);
    for (int role = 0; role < LS_N_POOL_ROLES; role++)
        any |= !is_empty(&d->pools[role]);
    for (int role = 0; any && role < LS_N_POOL_ROLES; role++)
        if (d->pools[role].replicas == LS_NULL_INT)
            return ls_fail(err, LS_INPUT, "engine.disaggregation.%s.replicas: pools need their number of replicas",
                           role_names[role]);
    if (any && scenario->engine.batching == LS_BATCHING_STATIC)
        return ls_fail(err, LS_INPUT,
                       "engine.disaggregation: static batches are prefilled and decoded in one place; use another "
                       "preset or batching");
    return LS_OK;
}

static void fill(int64_t *field, int64_t value)
{
    if (*field == LS_NULL_INT)
        *field = value;
}

static void fill_hardware(struct ls_hardware *hardware, const struct ls_scenario *scenario)
{
    const struct ls_hardware *common = &scenario->cluster.hardware;
    if (hardware->kernel_library == LS_NULL_CHOICE)
        hardware->kernel_library = common->kernel_library;
    if (hardware->decode_attention == LS_NULL_CHOICE)
        hardware->decode_attention = common->decode_attention;
    if (scenario->engine.preset == LS_PRESET_REFERENCE && isnan(hardware->mfu) && isnan(hardware->mbu)) {
        hardware->mfu = common->mfu;
        hardware->mbu = common->mbu;
    }
}

enum ls_status ls_disaggregation_resolve(struct ls_scenario *scenario, struct ls_err *err)
{
    const struct ls_strategy *strategy = &scenario->strategy;
    const enum ls_status status = check(scenario, err);
    if (status || !ls_scenario_is_disaggregated(scenario))
        return status;
    for (int role = 0; role < LS_N_POOL_ROLES; role++) {
        struct ls_pool_options *options = &scenario->engine.disaggregation.pools[role];
        fill(&options->tp, strategy->tp);
        fill(&options->pp, strategy->pp);
        fill(&options->ep, strategy->ep);
        fill(&options->expert_tp, strategy->expert_tp == LS_NULL_INT ? options->tp : strategy->expert_tp);
        if (has_own_hardware(options))
            fill_hardware(&options->hardware, scenario);
    }
    return LS_OK;
}

static int64_t gpus_of(const struct ls_pool_options *options)
{
    return options->tp * options->pp * options->ep * options->replicas;
}

static int64_t gpus_per_node(const struct ls_scenario *scenario, const struct ls_pool_options *options)
{
    return has_own_hardware(options) ? options->hardware.gpus_per_node : scenario->cluster.gpus_per_node;
}

static int64_t round_up(int64_t n, int64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static bool share_nodes(const struct ls_disaggregation *d)
{
    return !has_own_hardware(&d->pools[LS_POOL_PREFILL]) && !has_own_hardware(&d->pools[LS_POOL_DECODE]);
}

/* Rank of the decode pool's first GPU, nodes counted in its own GPUs. */
static int64_t first_decode_rank(const struct ls_scenario *scenario)
{
    const struct ls_disaggregation *d = &scenario->engine.disaggregation;
    const struct ls_pool_options *prefill = &d->pools[LS_POOL_PREFILL], *decode = &d->pools[LS_POOL_DECODE];
    const int64_t per_node = gpus_per_node(scenario, prefill), own_per_node = gpus_per_node(scenario, decode);
    if (!share_nodes(d))
        return round_up(gpus_of(prefill), per_node) / per_node * own_per_node;
    const int64_t replica = decode->tp * decode->pp * decode->ep;
    return round_up(gpus_of(prefill), replica < per_node ? replica : per_node);
}

bool ls_disaggregation_fits(const struct ls_scenario *scenario)
{
    const struct ls_pool_options *decode = &scenario->engine.disaggregation.pools[LS_POOL_DECODE];
    const int64_t per_node = gpus_per_node(scenario, decode);
    return first_decode_rank(scenario) + gpus_of(decode) <= scenario->cluster.nodes * per_node;
}

static void take_own_hardware(struct ls_scenario *pool, const struct ls_hardware *hardware)
{
    struct ls_cluster *cluster = &pool->cluster;
    const struct ls_link null = {(double)NAN, (double)NAN};
    cluster->hardware = *hardware;
    cluster->gpus_per_node = cluster->nics_per_node = LS_NULL_INT;
    cluster->topology = LS_NULL_CHOICE;
    cluster->intra_node = cluster->inter_node = null;
    ls_cluster_complete(cluster);
    pool->prices.gpu_usd_per_h = hardware->price_usd_per_h;
}

void ls_disaggregation_pool(const struct ls_scenario *scenario, enum ls_pool_role role, struct ls_scenario *pool)
{
    const struct ls_disaggregation *d = &scenario->engine.disaggregation;
    const struct ls_pool_options *options = &d->pools[role];
    int64_t *const straggler = &pool->engine.jitter.straggler.gpu;
    *pool = *scenario;
    pool->strategy = (struct ls_strategy){
        .tp = options->tp,
        .pp = options->pp,
        .dp = options->replicas,
        .ep = options->ep,
        .expert_tp = options->expert_tp,
        .lod = scenario->strategy.lod,
        .first_rank = role == LS_POOL_DECODE ? first_decode_rank(scenario) : 0,
    };
    for (int i = 0; i < LS_N_POOL_ROLES; i++)
        pool->engine.disaggregation.pools[i].replicas = LS_NULL_INT;
    if (has_own_hardware(options))
        take_own_hardware(pool, &options->hardware);
    if (role == LS_POOL_DECODE && *straggler != LS_NULL_INT) {
        const int64_t before = gpus_of(&d->pools[LS_POOL_PREFILL]);
        *straggler = *straggler < before ? LS_NULL_INT : *straggler - before;
    }
}
