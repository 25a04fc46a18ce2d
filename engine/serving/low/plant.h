#ifndef LS_ENGINE_SERVING_LOW_PLANT_H
#define LS_ENGINE_SERVING_LOW_PLANT_H

#include "engine/cost/step_cost.h"
#include "engine/scenario.h"
#include "engine/serving/deployment/variation.h"
#include "engine/serving/low/bulk_chain.h"
#include "engine/serving/scheduler/draft.h"
#include "engine/serving/workload/classes.h"
#include "engine/serving/workload/load.h"

/* What of a request is a pipeline's. */
enum ls_plant_part { LS_PLANT_ALL, LS_PLANT_PROMPTS, LS_PLANT_DECODES };

/* One pipeline as the low level of detail sees it: how long passes of a given content take, at the workload's mean
 * lengths. Its `members` schedulers run in lockstep and are given requests in turn. */
struct ls_plant {
    const struct ls_scenario *scenario;
    enum ls_plant_part part;
    struct ls_step_cost cost;
    struct ls_variation variation;
    struct ls_batch *batches;   /* [ep] */
    bool *between_nodes;        /* [pp] whether the send after a stage leaves the node */
    struct ls_classes *classes; /* of requests; with traces there are none */
    struct ls_load load;
    double kv_blocks;  /* of a scheduler */
    int64_t state_tok; /* KV tokens whose blocks a request takes beside its own */
    double members, stages;
    double prompt_variance; /* squared coefficient of variation */
    struct ls_sizes prompt_sizes;
    struct ls_drafts drafts;
    struct ls_draft_passes draft_passes;
    double decodes;   /* passes that a request decodes in: without drafts E[O] − 1 */
    double gained;    /* tokens that it gains in one */
    double tpot;      /* time per output token over the time between passes, mean of the requests */
    double pass_tok;  /* query tokens of a decode in a pass: drafts too */
    double context;   /* mean KV tokens of a decoding request */
    double budget;    /* tokens of a pass and scheduler */
    double max_batch; /* decodes of one scheduler: slots or KV blocks */
};

/* One pass of a pipeline. */
struct ls_plant_pass {
    double latency_s; /* composed to completed */
    double stage_s;   /* its slowest stage, or the CPU */
    double busy_s;    /* all stages */
};

/* What the low level of detail has to say about a run. */
struct ls_means {
    double ttft_s, tpot_s, e2e_s, wait_s; /* means over the requests that arrive after warmup_s */
    double end_s;                         /* last completion */
    double finished;                      /* requests that complete after warmup_s */
    double batch;                         /* decodes of one scheduler */
    double busy_frac;
    double output_tok_per_s, prompt_tok_per_s; /* of answers and prompts; 0: as many as those that finish have */
    bool saturated; /* waits grow through the second half of the window, as ls_collector_saturated has it */
};

/* For a resolved, feasible scenario, which must outlive the plant; memory comes from `arena`. */
LS_NODISCARD enum ls_status ls_plant_init(struct ls_plant *plant, const struct ls_scenario *scenario, int64_t kv_blocks,
                                          struct ls_arena *arena, struct ls_err *err);

/* The classes have changed, what prompts find in caches; or the part. */
void ls_plant_measure(struct ls_plant *plant);

/* KV tokens that a running request holds on average, with the end of its last block and its states. */
static inline double ls_plant_held_tok(const struct ls_plant *plant)
{
    return plant->context + (double)ls_drafts_ahead(&plant->drafts) + (double)plant->scenario->engine.block_size / 2 +
           (double)plant->state_tok;
}

/* Requests that have a slot and room in the KV cache at once. */
double ls_plant_places(const struct ls_plant *plant);

/* A pass in which every scheduler decodes `batch` requests and so many prompts of so many tokens join, of all of them
 * together, each scheduler's share no more than its budget. Without prompts it is interpolated between whole numbers of
 * decodes, and there is at least one; beside prompts their number is rounded. */
struct ls_plant_pass ls_plant_time(struct ls_plant *plant, double batch, double prompt_tok, double n_prompts);

/* One stage's share of a pass, with the mean of what varies. */
int64_t ls_plant_stage_ps(const struct ls_plant *plant, int64_t stage, const struct ls_step *step);

/* So many tokens of prompts, rounded so that passes with different batches have equal numbers of tokens, eight for each
 * power of two: what they cost is tabulated. */
double ls_plant_round(const struct ls_plant *plant, double batch, double prompt_tok, double n_prompts);

/* Time until the same slot's next pass when `slots` slots have the same work: its own pass, or the turn of the others
 * at the slowest stage. */
double ls_plant_period_s(const struct ls_plant *plant, const struct ls_plant_pass *pass, double slots);

/* Decodes of one scheduler that a request shares its slot with, itself included, when `batch` decode; *slots: passes in
 * flight. It finds a slot of its own while one is idle; once all are taken it joins any. */
double ls_plant_slot(const struct ls_plant *plant, double batch, double *slots);

#endif
