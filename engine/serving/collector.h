#ifndef LS_ENGINE_SERVING_COLLECTOR_H
#define LS_ENGINE_SERVING_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/scenario.h"
#include "engine/serving/observer.h"
#include "engine/serving/scheduler/request.h"
#include "engine/sim/quantile.h"

/* What a run leaves behind: counts, latency sketches and time averages. Sums are integers, so the order in which
 * schedulers are simulated changes nothing. See design: definitions, "Window and rates". */

/* A number that changes now and then: its time average from the window's start, and the greatest value that it held for
 * some time in the window. */
struct ls_level {
    int64_t value, max;
    int64_t since_ps;
    double integral; /* value · ps */
};

/* Waits of arrivals in the order they came, in bins that double their width when time runs past them: does the queue
 * grow? */
enum { LS_N_TREND_BINS = 256 };
struct ls_trend {
    int64_t width_ps;
    int64_t n[LS_N_TREND_BINS];
    int64_t wait_us[LS_N_TREND_BINS];
};

struct ls_collector {
    const struct ls_observer *observer; /* null: nobody looks on; survives ls_collector_clear */
    int64_t warmup_ps;
    int64_t horizon_ps; /* LS_PS_NEVER when drained */
    struct ls_slo slo;
    struct ls_sketch sketch[LS_N_QUANTILE_METRICS];
    struct ls_trend wait;
    int64_t n_arrived, n_completed, n_rejected, n_good; /* of those that arrived in the window */
    int64_t n_finished, n_output_tok, n_prompt_tok;     /* completed and emitted in the window, whoever arrived when */
    int64_t n_preemptions;
    int64_t n_hit_tok, n_looked_up_tok; /* prompt tokens found in the prefix cache, of those that were admitted */
    int64_t first_arrival_ps, last_arrival_ps, last_completion_ps;
    int64_t n_all_arrived, n_all_rejected, n_all_completed; /* conservation */
    int64_t n_late; /* completed, but their last tokens reach the clients when the run has ended */
};

LS_NODISCARD enum ls_status ls_collector_init(struct ls_collector *collector,
                                              struct ls_err *err); /* once a workspace */
void ls_collector_release(struct ls_collector *collector);

/* Empty it for the next scenario. */
void ls_collector_clear(struct ls_collector *collector, const struct ls_scenario *scenario);

void ls_collector_arrival(struct ls_collector *collector, int64_t now_ps, bool measured);
void ls_collector_reject(struct ls_collector *collector, const struct ls_request *request, int64_t now_ps);

/* A request is scheduled for the first time, or cut off while it still waits (`now` is the horizon). */
void ls_collector_wait(struct ls_collector *collector, const struct ls_request *request, int64_t now_ps);

/* A request is admitted for the first time, with so many tokens of its prompt found in the prefix cache. */
static inline void ls_collector_hit(struct ls_collector *collector, const struct ls_request *request, int64_t n_tok)
{
    if (request->measured) {
        collector->n_hit_tok += n_tok;
        collector->n_looked_up_tok += request->prompt_tok;
    }
}

/* A request has its last token; request->n_generated and first_token_ps are up to date. */
void ls_collector_complete(struct ls_collector *collector, const struct ls_request *request, int64_t now_ps);

/* A request is still there when the run ends; request->n_generated is up to date. */
void ls_collector_unfinished(struct ls_collector *collector, const struct ls_request *request);

/* Tokens that reach their clients at `now`, none of them the first of its request. What comes after the horizon, from a
 * front end that is behind, has not come. */
static inline void ls_collector_tokens(struct ls_collector *collector, int64_t n, int64_t now_ps)
{
    if (now_ps >= collector->warmup_ps && now_ps <= collector->horizon_ps)
        collector->n_output_tok += n;
}

/* First token of a request. */
void ls_collector_first_token(struct ls_collector *collector, const struct ls_request *request, int64_t now_ps);

/* `n` tokens of requests whose gaps count, at `now`, each so long after the one before it. */
static inline void ls_collector_gap(struct ls_collector *collector, int64_t gap_ps, int64_t n, int64_t now_ps)
{
    if (n > 0 && now_ps <= collector->horizon_ps)
        ls_sketch_add(&collector->sketch[LS_QMETRIC_ITL], gap_ps, n);
}

/* 1 when waits lengthen by more than 5 % of the time that passes in the second half of the window, else 0: a queue that
 * is stable has slope 0, one that receives ρ times what it can serve 1 − 1/ρ. */
bool ls_collector_saturated(const struct ls_collector *collector);

static inline void ls_level_set(struct ls_level *level, int64_t value, int64_t now_ps)
{
    if (value == level->value)
        return;
    if (now_ps > level->since_ps) {
        level->integral += (double)level->value * (double)(now_ps - level->since_ps);
        level->since_ps = now_ps;
        if (level->value > level->max)
            level->max = level->value;
    }
    level->value = value;
}

/* Time average over [start_ps, end_ps], where start_ps is what the level was started at. */
double ls_level_mean(const struct ls_level *level, int64_t start_ps, int64_t end_ps);

/* Its peak over the same time. */
int64_t ls_level_peak(const struct ls_level *level, int64_t end_ps);

#endif
