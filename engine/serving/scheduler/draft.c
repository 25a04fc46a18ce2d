#include "engine/serving/scheduler/draft.h"

#include <math.h>

struct ls_drafts ls_drafts_of(const struct ls_scenario *scenario)
{
    const struct ls_speculative *speculative = &scenario->engine.speculative;
    if (speculative->method == LS_NULL_CHOICE)
        return (struct ls_drafts){.n = 0};
    return (struct ls_drafts){
        .n = speculative->draft_tokens,
        .look_ahead = speculative->method == LS_SPECULATE_NGRAM ? 0 : speculative->draft_tokens,
        .acceptance = &speculative->acceptance,
        .seed = (uint64_t)scenario->seed,
        .replica = (uint64_t)scenario->replica,
    };
}

int64_t ls_drafts_accepted(const struct ls_drafts *drafts, uint64_t index, int64_t n_generated, int64_t n)
{
    struct ls_stream own = ls_stream_make(drafts->seed, drafts->replica, 0, index, LS_RNG_ACCEPTANCE);
    struct ls_stream luck = ls_stream_make(drafts->seed, drafts->replica, 0, index, LS_RNG_DRAFTS);
    const double chance = ls_dist_sample(drafts->acceptance, &own);
    if (!(chance > 0))
        return 0;
    if (chance >= 1)
        return n;
    luck.counter[0] = (uint32_t)n_generated;
    /* P(j drafts at least) = chance^j = P(u ≤ chance^j) */
    const double accepted = floor(log(ls_stream_uniform(&luck)) / log(chance));
    return accepted < (double)n ? (int64_t)accepted : n;
}
