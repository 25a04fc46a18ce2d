#ifndef LS_ENGINE_SERVING_WORKLOAD_SESSION_H
#define LS_ENGINE_SERVING_WORKLOAD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/scenario.h"
#include "engine/serving/workload/content.h"

/* What clients say: single requests, or sessions whose turns follow each other, perhaps behind a system prompt that
 * others share. All of it depends on (seed, replica, profile, session, turn) alone, a single request being the first
 * turn of a session that goes no further, so every strategy and every load sees the same clients. */

struct ls_turn {
    uint64_t session; /* counted within the profile */
    int32_t profile;
    int32_t number;   /* from 0 */
    int32_t said_tok; /* of the session so far: inputs and outputs, without the system prompt */
};

/* The tokens of a turn: system prompt, all that was said, and its new input. */
struct ls_utterance {
    int32_t prompt_tok, output_tok;
    struct ls_content content;
    bool streams; /* its tokens are sent one by one */
};

struct ls_utterance ls_turn_say(const struct ls_scenario *scenario, const struct ls_turn *turn);

/* The turn that follows one with output_tok tokens of output and how long its client thinks before; false when the
 * session ends. */
bool ls_turn_next(const struct ls_scenario *scenario, const struct ls_turn *turn, int32_t output_tok,
                  struct ls_turn *next, double *think_s);

/* Whether sessions of a profile may have a second turn, and whether its requests may have a system prompt. */
static inline bool ls_profile_has_sessions(const struct ls_profile *profile)
{
    const struct ls_sessions *sessions = &profile->sessions;
    return sessions->start > 0 && sessions->max_turns > 1 &&
           (sessions->go_on > 0 || sessions->turns.kind != LS_NULL_CHOICE);
}

static inline bool ls_profile_has_head(const struct ls_profile *profile)
{
    return profile->shared_prefix.tokens > 0 || profile->shared_prefix.lengths.kind != LS_NULL_CHOICE;
}

/* Requests that a client of a profile sends on average, one where there are no sessions. */
double ls_profile_mean_turns(const struct ls_profile *profile);

/* Whether requests have anything in common: sessions, system prompts, or what a trace says. */
bool ls_workload_shares(const struct ls_workload *workload);

/* LS_INPUT with the key, below the profile, and what is wrong with it. */
LS_NODISCARD enum ls_status ls_sessions_check(const struct ls_profile *profile, struct ls_err *err);

/* What the chance of a request to belong to group i is proportional to. */
double ls_shared_prefix_weight(const struct ls_shared_prefix *prefix, int64_t group);

/* Tokens of a group's system prompt. */
int32_t ls_shared_prefix_tok(const struct ls_scenario *scenario, int32_t profile, int64_t group);

#endif
