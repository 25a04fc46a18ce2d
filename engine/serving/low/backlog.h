#ifndef LS_ENGINE_SERVING_LOW_BACKLOG_H
#define LS_ENGINE_SERVING_LOW_BACKLOG_H

#include "engine/serving/low/plant.h"

/* The prompts that wait for a pass of one pipeline, as a Markov chain that is solved, not played.
 *
 * Its state is the backlog: prompt tokens that are there as a pass is composed, in units of a share of a mean prompt.
 * A pass takes as much of it as the budget leaves room for, lasts as long as that takes, and leaves the rest and what
 * arrives meanwhile to the next one: the queue of M/G/1 with service in bulks of a limited size (Bailey, Journal of the
 * Royal Statistical Society B 16, 1954), where the time of service depends on the bulk.
 *
 * Several stages. A pass without prompts follows the other at the slowest stage. One with prompts is slow at each of
 * them: those before it leave, are composed again with what has come by then, and queue up behind it; none is composed
 * until it ends, with all that has arrived meanwhile. So in a state with prompts an interval is the whole latency, and
 * each slot passes once in it. */

/* What one pipeline is offered, and what it works on meanwhile. */
struct ls_backlog_load {
    double arriving; /* requests a second, */
    double rate;     /* as one of them sees others come */
    double others;   /* requests that decode in one scheduler while a request does */
    double turns;    /* pipelines that requests go to in turn, this one among them; 1: they come as they like */
    double members;  /* requests in a row that come to this one */
    double idle;     /* chance that nothing is under way when no prompt is */
    double span_s;   /* how long it lasts */
};

struct ls_backlog {
    double gap_s;     /* mean time between two tokens of a decoding request */
    double prefill_s; /* from a request's arrival to the end of its prompt */
    double wait_s;    /* of that, before a pass takes it */
    double busy_frac; /* of the time of all stages */
    double most;      /* requests a second that it could prefill */
};

/* Variance over mean of the arrivals while `mean` are expected. Every nth gives, soon after one, none, and over a long
 * time an nth of the variance; but as many in a row as there are members go to the same pipeline. */
double ls_backlog_dispersion(const struct ls_backlog_load *load, double mean);

/* A load of a plant with a batch of decodes in each scheduler. */
struct ls_backlog_load ls_backlog_load_of(struct ls_plant *plant, double rate, double batch);

/* Needs some 50 KiB of stack. */
void ls_backlog_solve(struct ls_plant *plant, const struct ls_backlog_load *load, struct ls_backlog *backlog);

#endif
