#ifndef LS_ENGINE_SERVING_WORKLOAD_SOURCE_H
#define LS_ENGINE_SERVING_WORKLOAD_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/scenario.h"
#include "engine/serving/workload/arrivals.h"
#include "engine/serving/workload/followers.h"
#include "engine/serving/workload/session.h"

/* Where requests come from: profiles or a trace, in order of arrival, made one at a time. What a request is depends on
 * (seed, replica, profile, index) alone, so every strategy and every load sees the same ones. */

struct ls_arrival {
    int64_t arrival_ps;
    int32_t prompt_tok, output_tok;
    int32_t profile;
    uint64_t index;            /* of the whole run */
    struct ls_content content; /* content.stream is its session's id, its own where it has none */
    struct ls_turn turn;       /* of a profile's client */
    bool streams;              /* its tokens are sent one by one, not with the last */
};

struct ls_profile_source {
    double next_s;  /* time of its next arrival by itself; infinite: none */
    uint64_t index; /* of its next request within the profile, or the trace */
    struct ls_arrival_clock clock;
};

struct ls_source {
    const struct ls_scenario *scenario;
    struct ls_profile_source profiles[LS_MAX_PROFILES];
    uint64_t n_emitted, limit; /* requests at most */
    uint64_t n_started;        /* those that did not follow another one */
    bool recorded;             /* of a trace, at its own times */
    int64_t end_ps;            /* no arrivals from here on */
    double total_weight;
    double drawn_s; /* sequential_draw: time of the last arrival */
};

void ls_source_init(struct ls_source *source, const struct ls_scenario *scenario);

/* The next request that arrives by itself; false when there is none. First turns of sessions and a closed loop's first
 * requests come from here; the ones that follow a completion from ls_source_follow. */
bool ls_source_next(struct ls_source *source, struct ls_arrival *arrival);

/* A request that follows another one; false when max_requests have been sent, or time is up. */
bool ls_source_follow(struct ls_source *source, const struct ls_follower *follower, struct ls_arrival *arrival);

/* What follows a turn whose last token its client has at `now`, or that was refused then; false when nothing does. */
bool ls_source_after(const struct ls_source *source, const struct ls_turn *turn, int32_t output_tok, bool refused,
                     int64_t now_ps, struct ls_follower *follower);

/* Users who each send a request when they have had their last one, of all profiles. */
int64_t ls_source_users(const struct ls_source *source);

/* Whether completions bring new arrivals: in closed loops, or where there are sessions. */
bool ls_source_is_followed(const struct ls_source *source);

/* Requests that may be in the system at once at most, as far as that is known; for reserving memory. */
int64_t ls_source_reserve(const struct ls_source *source);

#endif
