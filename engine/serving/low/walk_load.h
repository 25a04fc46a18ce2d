#ifndef LS_ENGINE_SERVING_LOW_WALK_LOAD_H
#define LS_ENGINE_SERVING_LOW_WALK_LOAD_H

#include "engine/serving/deployment/frontend.h"
#include "engine/serving/growth.h"
#include "engine/serving/low/plant.h"
#include "engine/sim/arena.h"

/* The requests of a walk, as pipelines get them from their front ends, and what is measured of them. */

struct ls_walk_request {
    int64_t arrival_ps, ready_ps;   /* ready: formed, then tokenised */
    int64_t begun_ps, first_ps;     /* -1: not yet */
    int32_t prompt_tok, output_tok; /* no output: it can never run */
    int32_t target_tok, left_tok;   /* to compute before it decodes, and tokens that decodes have to bring then */
    struct ls_walk_request *next;   /* of those that have given way, or whose prompts end in a pass */
};

/* What is measured, in picoseconds. */
struct ls_walk_sums {
    double n, n_tpot, ttft, tpot, e2e, wait, decode;
    double n_finished, last;
    struct ls_growth waits; /* in the second half */
};

struct ls_walk_load {
    int64_t warmup_ps, middle_ps, horizon_ps;
    int64_t n, n_members, n_schedulers; /* requests go to all schedulers in turn, n_members of them a pipeline's */
    struct ls_walk_request *requests;   /* [n] */
    struct ls_walk_sums sums;
    struct ls_frontend frontend; /* of one pipeline */
    int64_t received, tokenised; /* requests that reach it next, and that it tokenises next */
};

/* Read the plant's requests. LS_NOMEM. */
LS_NODISCARD enum ls_status ls_walk_load_init(struct ls_walk_load *load, const struct ls_plant *plant,
                                              struct ls_arena *arena, struct ls_err *err);

/* Begin with the requests of a pipeline. */
void ls_walk_load_turn_to(struct ls_walk_load *load, const struct ls_scenario *scenario, int64_t pipeline);

/* What comes until `now` reaches the front end, and goes through it. */
void ls_walk_receive(struct ls_walk_load *load, int64_t now_ps);

/* When the front end is done with the next request of all, if it has nothing else to do until then. */
int64_t ls_walk_next_ready_ps(const struct ls_walk_load *load, int64_t now_ps);

/* A pass takes a request's first tokens; its last token is with its client. */
void ls_walk_begin(struct ls_walk_load *load, struct ls_walk_request *request, int64_t now_ps);
void ls_walk_end(struct ls_walk_load *load, const struct ls_walk_request *request, int64_t sent_ps);

/* All but busy_frac. */
void ls_walk_means(const struct ls_walk_load *load, struct ls_means *means);

#endif
