#include "engine/serving/deployment/coast.h"
#include "engine/sim/least.h"

#include <math.h>

enum ls_status ls_paces_init(struct ls_pipeline *p, struct ls_arena *arena)
{
    const size_t n = (size_t)p->n_stages;
    int64_t *rest_ps = ls_arena_take(arena, n * n * sizeof *rest_ps);
    p->paces = ls_arena_take(arena, n * sizeof *p->paces);
    if (!rest_ps || !p->paces)
        return LS_NOMEM;
    for (size_t i = 0; i < n; i++)
        p->paces[i] = (struct ls_pace){.rest_ps = rest_ps + i * n};
    return LS_OK;
}

/* Whether passes can follow each other without a decision. An idle slot with decodes waits for blocks. */
static bool can_coast(const struct ls_pipeline *p)
{
    const struct ls_scheduler *s = &p->members[0];
    const struct ls_observer *observer = s->collector->observer;
    if ((observer && (observer->moment || observer->span)) || p->n_members > 1 || p->launch || p->variation->any ||
        p->cost->overlap || ls_scheduler_n_queued(s) > 0 || s->n_prefilling > 0)
        return false;
    for (int64_t i = 0; i < p->n_stages; i++)
        if (!s->slots[i].in_flight && s->slots[i].n_decode > 0)
            return false;
    return p->n_in_flight > 0;
}

/* Passes that can follow the one in flight before a request must be touched: the one in which something is due is the
 * ordinary road's to complete. */
static int64_t passes_until_due(const struct ls_slot *g)
{
    return (g->n_due > 0 ? g->due[0].step : INT64_MAX) - g->step - 1;
}

/* Passes that can follow with a context that grows by so much each time, before the tabulated slope ends. */
static int64_t passes_on_slope(const struct ls_decode *decode, int64_t context, int64_t growth)
{
    const double end = ceil(decode->until);
    return growth == 0 || end > (double)(INT64_MAX / 2) ? INT64_MAX : ((int64_t)end - 1 - context) / growth;
}

/* Decode attention of all layers of a stage. */
static inline int64_t attention_ps(const struct ls_stage *stage, const struct ls_pace *pace, int64_t context,
                                   int64_t window)
{
    const int64_t n_full = stage->n_layers - stage->n_sliding;
    const int64_t ps = n_full > 0 ? n_full * ls_decode_ps(&pace->decode[0], context) : 0;
    return stage->n_sliding > 0 ? ps + stage->n_sliding * ls_decode_ps(&pace->decode[1], window) : ps;
}

static void find_pace(struct ls_pipeline *p, const struct ls_pass *pass, struct ls_pace *pace)
{
    const struct ls_scheduler *s = &p->members[0];
    const struct ls_slot *g = &s->slots[pass->slot];
    const struct ls_batch *batch = &g->batch;
    pace->known = true;
    pace->n_left = passes_until_due(g);
    pace->cpu_ps = ls_step_cpu_ps(&p->cpu, batch->n_sampled, 0);
    pace->growth[0] = g->n_decode;
    pace->growth[1] = s->window > 0 ? g->n_decode - g->n_beyond : g->n_decode;
    for (int sliding = 0; sliding < 2 && p->cost->decode[sliding][0]; sliding++) {
        const int64_t context = sliding ? batch->decode_window : batch->decode_context;
        pace->decode[sliding] = *ls_decode_cost(p->cost, batch, sliding == 1);
        pace->n_left = ls_min64(pace->n_left, passes_on_slope(&pace->decode[sliding], context, pace->growth[sliding]));
    }
    for (int64_t i = 0; i < p->n_stages; i++) {
        const struct ls_stage *stage = &p->cost->stages[i];
        pace->rest_ps[i] =
            ls_stage_ps(stage, &pass->step) - attention_ps(stage, pace, batch->decode_context, batch->decode_window);
    }
}

/* Whether the pass's slot decodes and does nothing else; then its pace is known. */
static bool know_pace(struct ls_pipeline *p, const struct ls_pass *pass)
{
    const struct ls_slot *g = &p->members[0].slots[pass->slot];
    struct ls_pace *pace = &p->paces[pass->slot];
    if (g->n_chunks > 0 || g->n_late > 0 || g->n_decode == 0 || !g->decoding || pass->step.launched || pass->copies)
        return false;
    if (!pace->known)
        find_pace(p, pass, pace);
    return true;
}

/* --- one stage: a pass follows the other --- */

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
    ls_reserve_note_passes(&s->reserve, n);
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
static struct stretch play(struct ls_pipeline *p, const struct ls_pace *slot_pace, int64_t until_ps)
{
    struct ls_scheduler *s = &p->members[0];
    struct ls_slot *g = &s->slots[0];
    struct ls_pass *pass = &p->passes[0];
    const struct ls_stage *stage = &p->cost->stages[0];
    const struct ls_pace pace = *slot_pace;
    const int64_t warmup_ps = s->collector->warmup_ps, horizon_ps = s->collector->horizon_ps;
    int64_t start_ps = pass->start_ps, end_ps = pass->end_ps;
    int64_t context = g->batch.decode_context, window = g->batch.decode_window;
    int64_t block_phase = g->step % s->block_size;
    struct stretch stretch = {.rest_ps = start_ps - end_ps};
    for (; stretch.n < pace.n_left && end_ps < until_ps && !ls_watch_stopped(p->watch); stretch.n++) {
        block_phase = block_phase + 1 < s->block_size ? block_phase + 1 : 0;
        const int64_t need = g->residue[block_phase];
        if (need > s->n_free)
            break;
        const int64_t sent_ps = ls_frontend_send(&p->frontend, end_ps, g->n_decode);
        ls_collector_gap(s->collector, sent_ps - g->last_sent_ps, g->n_counted, sent_ps);
        g->last_sent_ps = sent_ps;
        if (need > 0)
            ls_scheduler_take_blocks(s, need, end_ps);
        stretch.n_sent += sent_ps >= warmup_ps && sent_ps <= horizon_ps;
        stretch.rest_ps += end_ps - start_ps;
        stretch.decode_context += context;
        stretch.decode_window += window;
        context += pace.growth[0];
        window += pace.growth[1];
        p->active_until_ps = end_ps;
        const int64_t cpu_ps = pace.cpu_ps + p->cpu.context_tok_ps * context;
        p->cpu_free_ps = start_ps = ls_pipeline_start_ps(p, end_ps, cpu_ps, true);
        end_ps = start_ps + pace.rest_ps[0] + attention_ps(stage, &pace, context, window);
    }
    pass->start_ps = start_ps;
    pass->end_ps = end_ps;
    g->batch.decode_context = context;
    g->batch.decode_window = window;
    return stretch;
}

/* Coast while passes end before `until_ps`, all of them in the measured window or (not `counted`) all before it. */
static void coast(struct ls_pipeline *p, int64_t until_ps, bool counted)
{
    struct ls_scheduler *s = &p->members[0];
    const struct ls_pass *pass = &p->passes[0];
    struct ls_pace *pace = &p->paces[0];
    ls_pipeline_note_active(p, pass->start_ps, pass->end_ps);
    const struct stretch stretch = play(p, pace, until_ps);
    if (stretch.n == 0)
        return;
    if (counted)
        note_rest(p, &pass->step, &stretch);
    turn_over(s, &s->slots[0], &stretch, counted);
    pace->n_left -= stretch.n;
    p->stage_free_ps[0] = pass->end_ps;
    p->n_steps += stretch.n;
    ls_pipeline_note_stage(p, 0, &pass->step, pass->start_ps, pass->end_ps);
}

static void coast_one_stage(struct ls_pipeline *p, int64_t until_ps)
{
    const int64_t warmup_ps = p->members[0].collector->warmup_ps;
    const struct ls_pass *pass = &p->passes[0];
    if (pass->end_ps >= until_ps || !know_pace(p, pass))
        return;
    if (pass->end_ps < warmup_ps)
        coast(p, ls_min64(until_ps, warmup_ps), false);
    if (pass->end_ps < until_ps && pass->end_ps >= warmup_ps)
        coast(p, until_ps, true);
}

/* --- several stages: slots take turns --- */

/* The pass ends, and every decode of its slot has a token. */
static void end_pass(struct ls_pipeline *p, const struct ls_pass *pass, struct ls_slot *g)
{
    struct ls_scheduler *s = &p->members[0];
    const int64_t sent_ps = ls_frontend_send(&p->frontend, pass->end_ps, g->n_decode);
    ls_pipeline_note_active(p, pass->start_ps, pass->end_ps);
    ls_scheduler_note_work(s, &g->batch, pass->end_ps);
    ls_collector_gap(s->collector, sent_ps - g->last_sent_ps, g->n_counted, sent_ps);
    ls_collector_tokens(s->collector, g->n_decode, sent_ps);
    g->last_sent_ps = sent_ps;
    g->step++;
    g->stored_tok += g->n_decode;
    if (s->window > 0)
        g->within_tok += g->n_decode - g->n_beyond;
}

/* A pass takes each stage when both are ready. */
static void time_pass(struct ls_pipeline *p, struct ls_pass *pass, const struct ls_pace *pace,
                      const struct ls_batch *batch)
{
    int64_t ready_ps = pass->start_ps;
    for (int64_t i = 0; i < p->n_stages; i++) {
        const int64_t start_ps = ready_ps > p->stage_free_ps[i] ? ready_ps : p->stage_free_ps[i];
        const int64_t end_ps = start_ps + pace->rest_ps[i] +
                               attention_ps(&p->cost->stages[i], pace, batch->decode_context, batch->decode_window);
        p->stage_free_ps[i] = end_ps;
        ls_pipeline_note_stage(p, i, &pass->step, start_ps, end_ps);
        ready_ps = i + 1 < p->n_stages ? end_ps + pass->step.linear->send_ps[p->between_nodes[i]] : end_ps;
    }
    pass->end_ps = ready_ps;
}

/* The oldest pass ends, and its slot's next one starts; false when that is for the ordinary road. */
static bool repeat_pass(struct ls_pipeline *p, int64_t until_ps)
{
    struct ls_scheduler *s = &p->members[0];
    struct ls_pass *pass = &p->passes[p->oldest];
    struct ls_slot *g = &s->slots[pass->slot];
    struct ls_pace *pace = &p->paces[pass->slot];
    const int64_t now_ps = pass->end_ps;
    if (now_ps >= until_ps || !know_pace(p, pass))
        return false;
    const int64_t need = g->residue[(g->step + 1) % s->block_size];
    if (pace->n_left <= 0 || need > s->n_free || ls_watch_stopped(p->watch))
        return false;
    end_pass(p, pass, g);
    if (need > 0)
        ls_scheduler_take_blocks(s, need, now_ps);
    ls_reserve_note_passes(&s->reserve, 1);
    g->batch.decode_context += pace->growth[0];
    g->batch.decode_window += pace->growth[1];
    pass = ls_pipeline_turn(p);
    const int64_t cpu_ps = pace->cpu_ps + p->cpu.context_tok_ps * g->batch.decode_context;
    p->cpu_free_ps = pass->start_ps = ls_pipeline_start_ps(p, now_ps, cpu_ps, true);
    time_pass(p, pass, pace, &g->batch);
    pace->n_left--;
    p->n_steps++;
    return true;
}

void ls_pipeline_coast(struct ls_pipeline *p, int64_t until_ps)
{
    until_ps = ls_min64(until_ps, ls_pipeline_inbox_ps(p));
    if (!can_coast(p))
        return;
    if (p->n_stages == 1) {
        coast_one_stage(p, until_ps);
        return;
    }
    while (repeat_pass(p, until_ps))
        ;
}
