#ifndef LS_ENGINE_SERVING_SCHEDULER_DRAFT_H
#define LS_ENGINE_SERVING_SCHEDULER_DRAFT_H

#include <stdint.h>

#include "engine/scenario.h"

/* Speculative decoding (Leviathan, Kalman and Matias, ICML 2023): a pass verifies drafted tokens of each decode, which
 * gains those up to the first rejected one, and one more. */

struct ls_drafts {
    int64_t n;          /* tokens drafted for a decode in each pass; 0: none */
    int64_t look_ahead; /* further tokens whose KV blocks it holds, for the drafter's own keys and values */
    const struct ls_dist *acceptance;
    uint64_t seed, replica;
};

/* KV tokens that a decode may need blocks for beyond its own: drafts, and the drafter's. */
static inline int64_t ls_drafts_ahead(const struct ls_drafts *drafts)
{
    return drafts->n + drafts->look_ahead;
}

struct ls_drafts ls_drafts_of(const struct ls_scenario *scenario);

/* How many of `n` drafts are accepted, for request `index` of the run with `n_generated` tokens. The chance is the
 * request's own, drawn from engine.speculative.acceptance once and cut to [0, 1]; each draft is accepted with it as
 * long as those before it were. Depends on nothing else, so that strategies see the same luck. */
int64_t ls_drafts_accepted(const struct ls_drafts *drafts, uint64_t index, int64_t n_generated, int64_t n);

/* Passes in which m tokens come out are m · each + last on average, of all requests: with a chance c a pass gains
 * A = 1 … n + 1 tokens, E[A] = 1 + c + … + c^n (Leviathan et al., equation 1), and the last one E[A (A − 1)] / (2 E[A])
 * more than are left (the overshoot of a renewal process: Feller, An Introduction to Probability Theory 2, chapter XI).
 */
struct ls_draft_passes {
    double each, last;
};

struct ls_draft_passes ls_drafts_passes(const struct ls_drafts *drafts);

#endif
