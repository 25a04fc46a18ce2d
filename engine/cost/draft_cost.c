#include "engine/cost/draft_cost.h"

#include <math.h>

#include "engine/cost/operator_cost.h"
#include "engine/sim/clock.h"

enum ls_status ls_draft_cost_init(struct ls_draft_cost **draft, const struct ls_scenario *scenario,
                                  struct ls_arena *arena, struct ls_err *err)
{
    const struct ls_speculative *speculative = &scenario->engine.speculative;
    struct ls_model model;
    *draft = NULL;
    if (!ls_scenario_draft_model(scenario, &model))
        return LS_OK;
    struct ls_draft_cost *d = ls_arena_take(arena, sizeof *d);
    struct ls_batch *batches = ls_arena_take(arena, (size_t)scenario->strategy.ep * sizeof *batches);
    if (!d || !batches)
        return ls_fail(err, LS_NOMEM, "out of memory for the drafter's tables");
    *d = (struct ls_draft_cost){
        .scenario = *scenario,
        .batches = batches,
        .n_drafts = speculative->draft_tokens,
        .projects = speculative->method == LS_SPECULATE_MTP,
    };
    d->scenario.model = model;
    d->scenario.strategy.pp = 1;
    if (speculative->method == LS_SPECULATE_DRAFT) { /* its own checkpoint; its experts, if any, are chosen alike */
        d->scenario.engine.weight_dtype = d->scenario.model.dtype;
        d->scenario.engine.expert_imbalance.power_law = (double)NAN;
        d->scenario.engine.expert_imbalance.histogram.samples = NULL;
        d->scenario.engine.redundant_experts = 0;
    }
    d->scenario.engine.speculative.method = LS_NULL_CHOICE;
    d->scenario.engine.sampling = LS_SAMPLING_GREEDY;
    *draft = d;
    return ls_step_cost_init(&d->cost, &d->scenario, arena, err);
}

/* [embedding, hidden state] to a hidden state. */
static int64_t projection_ps(const struct ls_draft_cost *draft, int64_t n_tok)
{
    const double hidden = (double)draft->cost.model->hidden_size;
    const struct ls_op op = {.kind = LS_OP_GEMM,
                             .name = "mtp_projection",
                             .dtype = draft->cost.formats.weight,
                             .m = (double)n_tok,
                             .k = 2 * hidden,
                             .n = hidden};
    return ls_ps_from_s(ls_op_seconds(&draft->cost.cluster->hardware, &op));
}

static int64_t pass_ps(struct ls_draft_cost *draft)
{
    struct ls_step step;
    int64_t widest = 0;
    for (int64_t i = 0; i < draft->cost.n_members; i++)
        widest = draft->batches[i].n_tok > widest ? draft->batches[i].n_tok : widest;
    ls_step_cost(&draft->cost, draft->batches, &step);
    return ls_stage_ps(&draft->cost.stages[0], &step) + (draft->projects ? projection_ps(draft, widest) : 0);
}

/* A further token of every sequence. */
static struct ls_batch next_batch(const struct ls_batch *batch, int64_t window)
{
    const int64_t n = batch->n_decode + batch->n_prefill;
    const int64_t context = batch->decode_context + batch->prefill_context + n;
    const int64_t cut = batch->decode_window + batch->prefill_window_context + n;
    const int64_t most = window == LS_NULL_INT ? context : n * window;
    return (struct ls_batch){
        .n_tok = n,
        .n_sampled = n,
        .n_decode = n,
        .decode_context = context,
        .decode_window = window == LS_NULL_INT || cut > most ? most : cut,
    };
}

int64_t ls_draft_ps(struct ls_draft_cost *draft, const struct ls_batch *batches)
{
    for (int64_t i = 0; i < draft->cost.n_members; i++) {
        struct ls_batch *first = &draft->batches[i];
        *first = batches[i];
        first->n_sampled = first->n_decode + first->n_prefill;
        if (!draft->projects) {
            first->n_tok -= first->draft_tok;
            first->draft_tok = 0;
        }
    }
    int64_t ps = pass_ps(draft);
    for (int64_t n = 1; n < draft->n_drafts; n++) {
        for (int64_t i = 0; i < draft->cost.n_members; i++)
            draft->batches[i] = next_batch(&draft->batches[i], draft->cost.model->sliding_window);
        ps += pass_ps(draft);
    }
    return ps;
}
