#ifndef LS_ENGINE_SERVING_LOW_WALK_SCHEDULER_H
#define LS_ENGINE_SERVING_LOW_WALK_SCHEDULER_H

#include "engine/serving/low/walk_load.h"
#include "engine/serving/scheduler/reserve.h"
#include "engine/sim/event_heap.h"

/* One scheduler of a walk: which requests join and leave its passes. Its decodes are numbers, but for the pass in which
 * each ends; its KV cache is counted in tokens, with half a block for each request. */

/* Its part of a slot. */
struct ls_walk_part {
    int64_t n_decode, context_tok;
    int64_t step;                         /* passes in which its decodes had a token */
    struct ls_event_heap ends;            /* of decodes, by step; owners: requests */
    bool decodes;                         /* in the pass in flight, */
    struct ls_walk_request *fresh, *last; /* and requests whose prompts end in it */
    int64_t n_fresh;
};

struct ls_walk_scheduler {
    struct ls_walk_load *load;
    const struct ls_engine *engine;
    int64_t capacity_tok, window;
    int64_t state_tok;                /* whose blocks a request takes beside its own */
    struct ls_walk_request *returned; /* those that have given way, oldest first; they come before the others, */
    int64_t next;                     /* of whom this is the first that has not been computed */
    int64_t done_tok;                 /* of the first of all: it has begun when there are some */
    int64_t n_running, kv_tok;
    int64_t prompt_tok, promised_tok; /* of those that run: prompts, and what they hold at their ends, */
    int64_t fresh_tok;                /* of which so many are yet to come of those whom a pass admits */
    struct ls_reserve reserve;
};

/* The first one that is not there yet, of those that the front end is done with; LS_PS_NEVER. */
int64_t ls_walk_scheduler_next_ps(const struct ls_walk_scheduler *s, int64_t now_ps);

bool ls_walk_scheduler_has_waiting(const struct ls_walk_scheduler *s, int64_t now_ps);

/* What a pass that is composed at `now` out of what was there at `seen` takes; *batch is filled, with the decodes'
 * contexts `ahead` passes later. Returns whether decodes had to give way. */
bool ls_walk_scheduler_compose(struct ls_walk_scheduler *s, struct ls_walk_part *part, struct ls_batch *batch,
                               int64_t ahead, int64_t now_ps, int64_t seen_ps);

/* Passes of a part in a row in which nobody leaves it. */
int64_t ls_walk_scheduler_alike(const struct ls_walk_scheduler *s, const struct ls_walk_part *part);

/* Its decodes have a token of each of `n` passes. */
void ls_walk_scheduler_advance(struct ls_walk_scheduler *s, struct ls_walk_part *part, int64_t n);

/* `n` passes have ended, and what they brought reaches the clients at `sent`. Returns whether the decodes changed. */
bool ls_walk_scheduler_complete(struct ls_walk_scheduler *s, struct ls_walk_part *part, int64_t n, int64_t sent_ps);

#endif
