#include "engine/serving/coast.h"

/* Passes that can follow the one in flight before a request must be touched: the one in which something is due is the
 * ordinary road's to complete. */
static int64_t passes_until_due(const struct ls_slot *g)
{
    return (g->n_due > 0 ? g->due[0].step : INT64_MAX) - g->step - 1;
}

static bool can_coast(const struct ls_pipeline *p)
{
    const struct ls_scheduler *s = &p->members[0];
    const struct ls_slot *g = &s->slots[0];
    return p->n_stages == 1 && p->n_members == 1 && !p->launch && !p->variation->any && !p->cost->overlap &&
           g->in_flight && g->n_chunks == 0 && g->n_late == 0 && g->n_decode > 0 && g->decoding &&
           !p->passes[p->oldest].step.launched && s->waiting.n == 0 && s->n_prefilling == 0 && s->n_paused == 0;
}

/* What a pass costs beside decode attention; it does not change while the same requests decode. */
struct pace {
    const struct ls_decode *decode[2];
    int64_t layers[2]; /* full, sliding */
    int64_t rest_ps, overhead_ps;
};

static struct pace pace_of(const struct ls_pipeline *p, const struct ls_pass *pass, const struct ls_batch *batch)
{
    const struct ls_stage *stage = &p->cost->stages[0];
    struct pace pace = {.layers = {stage->n_layers - stage->n_sliding, stage->n_sliding}};
    int64_t attention_ps = 0;
    for (int sliding = 0; sliding < 2; sliding++) {
        if (pace.layers[sliding] == 0)
            continue;
        pace.decode[sliding] = ls_decode_cost(p->cost, batch, sliding == 1);
        attention_ps += pace.layers[sliding] *
                        ls_decode_ps(pace.decode[sliding], sliding ? batch->decode_window : batch->decode_context);
    }
    pace.rest_ps = ls_stage_ps(stage, &pass->step) - attention_ps;
    pace.overhead_ps = p->overhead_ps + p->overhead_per_seq_ps * batch->n_sampled;
    return pace;
}

/* Whether the tabulated slope still holds for the next pass's context. */
static bool holds(const struct pace *pace, const struct ls_batch *next)
{
    return (pace->layers[0] == 0 || (double)next->decode_context < pace->decode[0]->until) &&
           (pace->layers[1] == 0 || (double)next->decode_window < pace->decode[1]->until);
}

static int64_t duration_ps(const struct pace *pace, const struct ls_batch *batch)
{
    int64_t ps = pace->rest_ps;
    if (pace->layers[0] > 0)
        ps += pace->layers[0] * ls_decode_ps(pace->decode[0], batch->decode_context);
    if (pace->layers[1] > 0)
        ps += pace->layers[1] * ls_decode_ps(pace->decode[1], batch->decode_window);
    return ps;
}

/* The slot's pass is done and the next one composed: what ls_scheduler_complete and ls_scheduler_compose come to. */
static void turn_over(struct ls_scheduler *s, struct ls_slot *g, const struct ls_batch *next, int64_t now_ps,
                      int64_t sent_ps)
{
    ls_scheduler_note_work(s, &g->batch, now_ps);
    ls_collector_gap(s->collector, sent_ps - g->last_sent_ps, g->n_measured);
    ls_collector_tokens(s->collector, g->n_decode, sent_ps);
    g->step++;
    g->stored_tok += g->n_decode;
    if (s->window > 0)
        g->within_tok += g->n_decode - g->n_beyond;
    g->last_sent_ps = sent_ps;
    g->batch.decode_context = next->decode_context;
    g->batch.decode_window = next->decode_window;
}

void ls_pipeline_coast(struct ls_pipeline *p, int64_t until_ps)
{
    until_ps = ls_pipeline_inbox_ps(p) < until_ps ? ls_pipeline_inbox_ps(p) : until_ps;
    if (!can_coast(p) || p->passes[p->oldest].end_ps >= until_ps)
        return;
    struct ls_scheduler *s = &p->members[0];
    struct ls_slot *g = &s->slots[0];
    struct ls_pass *pass = &p->passes[p->oldest];
    const struct pace pace = pace_of(p, pass, &g->batch);
    struct ls_batch next = g->batch;
    int64_t block_phase = g->step % s->block_size;
    for (int64_t left = passes_until_due(g); left > 0 && pass->end_ps < until_ps && !ls_watch_stopped(p->watch);
         left--) {
        block_phase = block_phase + 1 < s->block_size ? block_phase + 1 : 0;
        const int64_t need = g->residue[block_phase];
        next.decode_context += g->n_decode;
        next.decode_window += s->window > 0 ? g->n_decode - g->n_beyond : g->n_decode;
        if (need > s->n_free || !holds(&pace, &next))
            break;
        const int64_t now_ps = pass->end_ps;
        ls_pipeline_note_active(p, pass->start_ps, now_ps);
        turn_over(s, g, &next, now_ps, ls_frontend_send(&p->frontend, now_ps, g->n_decode));
        if (need > 0)
            ls_scheduler_take_blocks(s, need, now_ps);
        pass->start_ps = ls_pipeline_start_ps(p, now_ps, pace.overhead_ps, true);
        p->cpu_free_ps = pass->start_ps;
        pass->end_ps = pass->start_ps + duration_ps(&pace, &next);
        p->n_steps++;
        ls_pipeline_note_stage(p, 0, &pass->step, pass->start_ps, pass->end_ps);
    }
    p->stage_free_ps[0] = pass->end_ps;
}
