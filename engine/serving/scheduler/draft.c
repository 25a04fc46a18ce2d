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

/* P(A ≥ i) = c^(i − 1), so E[A] = Σ c^(i − 1) and E[A (A − 1)] = Σ 2 (i − 1) c^(i − 1), i from 1 to n + 1. */
static struct ls_draft_passes passes_of(double chance, int64_t n)
{
    double mean = 0, pairs = 0, power = 1;
    for (int64_t i = 0; i <= n; i++, power *= chance) {
        mean += power;
        pairs += 2 * (double)i * power;
    }
    return (struct ls_draft_passes){1 / mean, pairs / (2 * mean * mean)};
}

struct ls_draft_passes ls_drafts_passes(const struct ls_drafts *drafts)
{
    struct ls_draft_passes all = {0};
    if (drafts->n == 0)
        return (struct ls_draft_passes){1, 0};
    const int n_draws = drafts->acceptance->kind == LS_DIST_CONSTANT ? 1 : 256;
    for (int i = 0; i < n_draws; i++) {
        struct ls_stream own = ls_stream_make(0, 0, 0, (uint64_t)i, LS_RNG_ACCEPTANCE);
        const double chance = fmin(1.0, fmax(0.0, ls_dist_sample(drafts->acceptance, &own)));
        const struct ls_draft_passes one = passes_of(chance, drafts->n);
        all.each += one.each / n_draws;
        all.last += one.last / n_draws;
    }
    return all;
}
