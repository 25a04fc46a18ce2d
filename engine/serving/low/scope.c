#include "engine/serving/low/scope.h"

#include "engine/serving/deployment/router.h"
#include "engine/serving/workload/arrivals.h"
#include "engine/serving/workload/session.h"

static bool knows_sharing(const struct ls_scenario *scenario)
{
    const struct ls_engine *engine = &scenario->engine;
    const bool one = scenario->strategy.dp * scenario->strategy.ep == 1;
    if (!ls_workload_shares(&scenario->workload))
        return true;
    if (scenario->workload.trace && engine->enable_prefix_caching)
        return false;
    return one || (engine->router != LS_ROUTER_PREFIX_AFFINITY && engine->router != LS_ROUTER_KV_AWARE);
}

bool ls_low_knows(const struct ls_scenario *scenario)
{
    const struct ls_engine *engine = &scenario->engine;
    return engine->scheduling_policy == LS_POLICY_FCFS && engine->speculative.method == LS_NULL_CHOICE &&
           (scenario->workload.n_profiles <= 1 || !ls_workload_is_untimed(&scenario->workload)) &&
           knows_sharing(scenario);
}
