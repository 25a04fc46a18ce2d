#ifndef LS_ENGINE_SERVING_LOW_STEADY_H
#define LS_ENGINE_SERVING_LOW_STEADY_H

#include "engine/serving/low/plant.h"

/* The steady state of one pipeline, by Little's law, and what stands before it: its places and its front end. */

/* The operating point of one pipeline. */
struct ls_point {
    double batch;  /* decodes of one scheduler */
    double pass_s; /* mean time between two passes of a request */
    double busy_frac;
    double first_s; /* from arrival to the end of its prompt */
    double wait_s;  /* of that, before a pass takes it */
};

/* At so many requests a second; false when no slot or block is left. */
bool ls_point_find(struct ls_plant *plant, double rate, struct ls_point *point);

/* Everything in use: how many requests a second are served at most. */
double ls_point_find_capacity(struct ls_plant *plant, struct ls_point *point);

/* Wait for one of many slots. */
double ls_point_slot_wait_s(const struct ls_plant *plant, const struct ls_point *point);

/* A pass with prompts of the mean length. */
struct ls_plant_pass ls_point_pass(struct ls_plant *plant, double batch, double prompt_tok);

/* How long a run in one state lasts, and how many requests end in its window: they are served at `rate`, or less where
 * it ends before they can be. The last one takes `last_s` when all are waited for. */
struct ls_run_end {
    double end_s, finished;
};

struct ls_run_end ls_run_end_of(const struct ls_plant *plant, double rate, double last_s);

/* What a request and its first token take with the front end, which serves one after the other: its own time, that of
 * the tokens that leave with its first, and the wait for others' (M/G/1, whose customers are requests and the tokens of
 * a pass). */
struct ls_front {
    double receive_s, send_s;
};

struct ls_front ls_front_of(const struct ls_plant *plant, double rate, double batch, double gap_s);

#endif
