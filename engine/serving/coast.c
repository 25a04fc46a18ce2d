#include "engine/serving/coast.h"

#include <math.h>

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
    const struct ls_observer *observer = s->collector->observer;
    if (observer && (observer->moment || observer->span))
        return false;
    return p->n_stages == 1 && p->n_members == 1 && !p->launch && !p->variation->any && !p->cost->overlap &&
           g->in_flight && g->n_chunks == 0 && g->n_late == 0 && g->n_decode > 0 && g->decoding &&
           !p->passes[p->oldest].step.launched && s->waiting.n == 0 && s->n_prefilling == 0;
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

/* Passes that can follow with a context that grows by so much each time, before the tabulated slope ends. */
static int64_t passes_on_slope(const struct ls_decode *decode, int64_t context, int64_t growth)
{
    const double end = decode ? ceil(decode->until) : (double)INFINITY;
    return growth == 0 || end > (double)(INT64_MAX / 2) ? INT64_MAX : ((int64_t)end - 1 - context) / growth;
}

static int64_t duration_ps(const struct pace *pace, int64_t context, int64_t window)
{
    int64_t ps = pace->rest_ps;
    if (pace->decode[0])
        ps += pace->layers[0] * ls_decode_ps(pace->decode[0], context);
    if (pace->decode[1])
        ps += pace->layers[1] * ls_decode_ps(pace->decode[1], window);
    return ps;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Passes that have ended and been followed by another one, and what they add up to. */
struct stretch {
    int64_t n;
    int64_t decode_context, decode_window; /* sums over them */
    int64_t rest_ps;                       /* duration of those that also began here: all but the first */
    int64_t n_sent;                        /* whose tokens left in the measured window */
};

/* What ls_scheduler_complete and ls_scheduler_compose come to for all of them. */
static void turn_over(struct ls_scheduler *s, struct ls_slot *g, const struct stretch *stretch, bool counted)
{
    const int64_t n = stretch->n;
    s->collector->n_output_tok += stretch->n_sent * g->n_decode;
    g->step += n;
    g->stored_tok += n * g->n_decode;
    if (s->window > 0)
        g->within_tok += n * (g->n_decode - g->n_beyond);
    if (!counted)
        return;
    struct ls_work *work = &s->work;
    work->n_passes += n;
    work->n_tok += n * g->batch.n_tok;
    work->n_sampled += n * g->batch.n_sampled;
    work->decode_context += stretch->decode_context;
    work->decode_window += stretch->decode_window;
}

/* What ls_pipeline_note_stage and ls_pipeline_note_active come to for all but the first. */
static void note_rest(struct ls_pipeline *p, const struct ls_step *step, const struct stretch *stretch)
{
    const struct ls_stage *stage = &p->cost->stages[0];
    struct ls_usage *usage = &p->usage[0];
    const int64_t n = stretch->n - 1;
    p->active_ps += stretch->rest_ps;
    usage->busy_ps += stretch->rest_ps;
    usage->all_ps += stretch->rest_ps;
    usage->n_passes += n;
    usage->comm_ps += n * ls_stage_comm_ps(stage, step);
    usage->nic_ps += n * ls_stage_nic_ps(stage, step);
    /* one by one: a sum of doubles depends on the order */
    for (int64_t i = 0; i < n && stage->n_moe > 0; i++)
        usage->moe_bytes += (double)stage->n_moe * step->moe_weight_bytes;
}

/* Play passes while they end before `until_ps`; the last one is still in flight then. */
static struct stretch play(struct ls_pipeline *p, const struct pace *pace, int64_t until_ps)
{
    struct ls_scheduler *s = &p->members[0];
    struct ls_slot *g = &s->slots[0];
    struct ls_pass *pass = &p->passes[p->oldest];
    const int64_t warmup_ps = s->collector->warmup_ps, horizon_ps = s->collector->horizon_ps;
    const int64_t growth = g->n_decode, window_growth = s->window > 0 ? g->n_decode - g->n_beyond : g->n_decode;
    int64_t start_ps = pass->start_ps, end_ps = pass->end_ps;
    int64_t context = g->batch.decode_context, window = g->batch.decode_window;
    int64_t block_phase = g->step % s->block_size;
    struct stretch stretch = {.rest_ps = start_ps - end_ps};
    int64_t left = min64(passes_until_due(g), min64(passes_on_slope(pace->decode[0], context, growth),
                                                    passes_on_slope(pace->decode[1], window, window_growth)));
    for (; left > 0 && end_ps < until_ps && !ls_watch_stopped(p->watch); left--) {
        block_phase = block_phase + 1 < s->block_size ? block_phase + 1 : 0;
        const int64_t need = g->residue[block_phase];
        if (need > s->n_free)
            break;
        const int64_t sent_ps = ls_frontend_send(&p->frontend, end_ps, growth);
        ls_collector_gap(s->collector, sent_ps - g->last_sent_ps, g->n_measured, sent_ps);
        g->last_sent_ps = sent_ps;
        if (need > 0)
            ls_scheduler_take_blocks(s, need, end_ps);
        stretch.n++;
        stretch.n_sent += sent_ps >= warmup_ps && sent_ps <= horizon_ps;
        stretch.rest_ps += end_ps - start_ps;
        stretch.decode_context += context;
        stretch.decode_window += window;
        context += growth;
        window += window_growth;
        p->active_until_ps = end_ps;
        p->cpu_free_ps = start_ps = ls_pipeline_start_ps(p, end_ps, pace->overhead_ps, true);
        end_ps = start_ps + duration_ps(pace, context, window);
    }
    pass->start_ps = start_ps;
    pass->end_ps = end_ps;
    g->batch.decode_context = context;
    g->batch.decode_window = window;
    return stretch;
}

/* Coast while passes end before `until_ps`, all of them in the measured window or (not `counted`) all before it. */
static void coast(struct ls_pipeline *p, const struct pace *pace, int64_t until_ps, bool counted)
{
    struct ls_scheduler *s = &p->members[0];
    const struct ls_pass *pass = &p->passes[p->oldest];
    ls_pipeline_note_active(p, pass->start_ps, pass->end_ps);
    const struct stretch stretch = play(p, pace, until_ps);
    if (stretch.n == 0)
        return;
    if (counted)
        note_rest(p, &pass->step, &stretch);
    turn_over(s, &s->slots[0], &stretch, counted);
    p->stage_free_ps[0] = pass->end_ps;
    p->n_steps += stretch.n;
    ls_pipeline_note_stage(p, 0, &pass->step, pass->start_ps, pass->end_ps);
}

void ls_pipeline_coast(struct ls_pipeline *p, int64_t until_ps)
{
    const int64_t warmup_ps = p->members[0].collector->warmup_ps;
    const struct ls_pass *pass = &p->passes[p->oldest];
    until_ps = ls_pipeline_inbox_ps(p) < until_ps ? ls_pipeline_inbox_ps(p) : until_ps;
    if (!can_coast(p) || pass->end_ps >= until_ps)
        return;
    const struct pace pace = pace_of(p, pass, &p->members[0].slots[0].batch);
    if (pass->end_ps < warmup_ps)
        coast(p, &pace, until_ps < warmup_ps ? until_ps : warmup_ps, false);
    if (pass->end_ps < until_ps && pass->end_ps >= warmup_ps)
        coast(p, &pace, until_ps, true);
}
