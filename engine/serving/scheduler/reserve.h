#ifndef LS_ENGINE_SERVING_SCHEDULER_RESERVE_H
#define LS_ENGINE_SERVING_SCHEDULER_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/scenario.h"

/* Room that an admission leaves to those who run: a share of what they have yet to generate. The share is the engine's
 * for good, or, as in SGLang (new_token_ratio: srt/managers/scheduler.py, srt/managers/schedule_policy.py), falls with
 * each pass of decodes from a cautious one, is the cautious one again when nobody runs, and what a preemption teaches.
 * Then nobody is admitted, either, from when somebody has found no room until a request leaves (batch_is_full). */
struct ls_reserve {
    double least, first, fall; /* share: settled, cautious; and what a pass of decodes takes off it */
    double from;               /* share, so many passes ago */
    int64_t n_passes;
    bool refuses;
};

struct ls_reserve ls_reserve_make(const struct ls_engine *engine);

double ls_reserve_share(const struct ls_reserve *reserve);

/* Whether blocks for `own` more tokens leave enough of those that are free to others, who may still want `rest`. */
bool ls_reserve_allows(const struct ls_reserve *reserve, int64_t own, int64_t rest, int64_t n_free);

static inline bool ls_reserve_varies(const struct ls_reserve *reserve)
{
    return reserve->fall > 0;
}

static inline void ls_reserve_note_passes(struct ls_reserve *reserve, int64_t n)
{
    reserve->n_passes += n;
}

/* Somebody found no room while others ran; somebody left. */
static inline void ls_reserve_refuse(struct ls_reserve *reserve)
{
    reserve->refuses = ls_reserve_varies(reserve);
}

static inline void ls_reserve_reopen(struct ls_reserve *reserve)
{
    reserve->refuses = false;
}

/* Nobody runs. */
void ls_reserve_restart(struct ls_reserve *reserve);

/* Somebody was preempted. The `n` who go on decoding have generated so many of their `output` tokens. */
void ls_reserve_learn(struct ls_reserve *reserve, int64_t n, int64_t generated, int64_t output);

#endif
