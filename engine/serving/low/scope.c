#include "engine/serving/low/scope.h"

#include <math.h>

#include "engine/serving/deployment/router.h"
#include "engine/serving/workload/arrivals.h"
#include "engine/serving/workload/classes.h"
#include "engine/serving/workload/session.h"

enum { N_DRAWS = 200 };
static const double few = 0.01; /* of the requests */

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

/* Queues in order of arrival, as by equal priorities. */
static bool knows_order(const struct ls_scenario *scenario)
{
    const struct ls_workload *workload = &scenario->workload;
    bool equal = true;
    for (int32_t i = 1; !workload->trace && i < workload->n_profiles; i++)
        equal &= workload->profiles[i].priority == workload->profiles[0].priority;
    return scenario->engine.scheduling_policy == LS_POLICY_FCFS ||
           (scenario->engine.scheduling_policy == LS_POLICY_PRIORITY && equal);
}

static bool knows_drafts(const struct ls_scenario *scenario)
{
    const struct ls_workload *workload = &scenario->workload;
    return scenario->engine.speculative.method == LS_NULL_CHOICE || !ls_workload_is_recorded(workload);
}

static bool knows_arrivals(const struct ls_workload *workload)
{
    if (workload->n_profiles > 1 && ls_workload_is_untimed(workload))
        return false;
    for (int32_t i = 0; i < workload->n_profiles; i++)
        if (workload->profiles[i].arrivals.process == LS_ARRIVALS_MMPP &&
            ls_profile_has_sessions(&workload->profiles[i]))
            return false;
    return true;
}

/* Share of a class's prompts with more tokens: single inputs are drawn, sums of some taken for lognormal. */
static double share_beyond(const struct ls_scenario *scenario, const struct ls_class *class, double most)
{
    const struct ls_spread prompt = ls_class_prompt(class);
    const struct ls_mixture *inputs = &scenario->workload.profiles[class->profile].prompt_tokens;
    const double square = log1p(prompt.variance / (prompt.mean * prompt.mean));
    int n = 0;
    if (class->turn > 0 || class->head.mean > 0)
        return square > 0 ? erfc((log(most / prompt.mean) + square / 2) / sqrt(2 * square)) / 2 : prompt.mean > most;
    for (int i = 0; i < N_DRAWS; i++) {
        struct ls_stream stream = ls_stream_make(0, 0, 0, (uint64_t)i, LS_RNG_PROMPT);
        n += ls_mixture_sample_tok(inputs, &stream) > most;
    }
    return (double)n / N_DRAWS;
}

static bool runs_all(const struct ls_scenario *scenario)
{
    const struct ls_engine *engine = &scenario->engine;
    const double longest = engine->max_model_len == LS_NULL_INT ? (double)INFINITY : (double)engine->max_model_len - 1;
    const double whole = engine->enable_chunked_prefill ? (double)INFINITY : (double)engine->max_num_batched_tokens;
    const double most = fmin(longest, whole);
    struct ls_classes classes;
    double beyond = 0;
    if (isinf(most))
        return true;
    ls_classes_list(&classes, scenario);
    for (int i = 0; i < classes.n; i++)
        beyond += classes.rows[i].share * share_beyond(scenario, &classes.rows[i], most);
    return beyond <= few;
}

/* In steady states, whose prompts find nothing. */
static bool knows_pools(const struct ls_scenario *scenario)
{
    const struct ls_workload *workload = &scenario->workload;
    if (!ls_scenario_is_disaggregated(scenario))
        return true;
    for (int32_t i = 0; !workload->trace && i < workload->n_profiles; i++)
        if (workload->profiles[i].arrivals.process == LS_ARRIVALS_MMPP)
            return false;
    return !ls_workload_is_recorded(workload) && !ls_workload_shares(workload) &&
           workload->trace_options.arrivals.process != LS_ARRIVALS_MMPP;
}

bool ls_low_knows(const struct ls_scenario *scenario)
{
    return knows_order(scenario) && knows_drafts(scenario) && knows_pools(scenario) &&
           knows_arrivals(&scenario->workload) && knows_sharing(scenario) && runs_all(scenario);
}
