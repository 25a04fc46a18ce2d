#include "engine/serving/deployment/pipeline.h"

#include <assert.h>
#include <string.h>

#include "engine/cost/launch.h"
#include "engine/serving/deployment/coast.h"
#include "engine/sim/clock.h"

int64_t ls_pipeline_next_ps(const struct ls_pipeline *p)
{
    const int64_t end_ps = p->n_in_flight > 0 ? p->passes[p->oldest].end_ps : LS_PS_NEVER;
    const int64_t inbox_ps = p->n_in_flight < p->n_stages ? ls_pipeline_inbox_ps(p) : LS_PS_NEVER;
    return end_ps < inbox_ps ? end_ps : inbox_ps;
}

/* Chats that have their form are tokenised. */
static void take_formed(struct ls_pipeline *p, int64_t now_ps)
{
    struct ls_request_pool *pool = p->members[0].pool;
    while (p->chats.n > 0 && ls_request_at(pool, p->chats.head)->ready_ps <= now_ps) {
        const uint32_t id = p->chats.head;
        struct ls_request *request = ls_request_at(pool, id);
        ls_request_list_remove(&p->chats, pool, id);
        request->ready_ps = ls_frontend_tokenise(&p->frontend, request->ready_ps, request->prompt_tok);
        ls_request_list_append(&p->inbox, pool, id);
    }
}

/* Requests that the front end is done with reach their schedulers. */
static void take_ready(struct ls_pipeline *p, int64_t now_ps)
{
    struct ls_request_pool *pool = p->members[0].pool;
    take_formed(p, now_ps);
    while (p->inbox.n > 0 && ls_request_at(pool, p->inbox.head)->ready_ps <= now_ps) {
        const uint32_t id = p->inbox.head;
        const struct ls_request *request = ls_request_at(pool, id);
        ls_request_list_remove(&p->inbox, pool, id);
        ls_scheduler_arrive(&p->members[request->member], id, request->ready_ps);
        p->look = true;
    }
}

static int64_t clip(const struct ls_pipeline *p, int64_t start_ps, int64_t end_ps)
{
    const struct ls_collector *collector = p->members[0].collector;
    const int64_t from = start_ps > collector->warmup_ps ? start_ps : collector->warmup_ps;
    const int64_t to = end_ps < collector->horizon_ps ? end_ps : collector->horizon_ps;
    return to > from ? to - from : 0;
}

void ls_pipeline_note_stage(struct ls_pipeline *p, int64_t stage, const struct ls_step *step, int64_t start_ps,
                            int64_t end_ps)
{
    const struct ls_stage *s = &p->cost->stages[stage];
    struct ls_usage *usage = &p->usage[stage];
    const struct ls_collector *collector = p->members[0].collector;
    usage->busy_ps += clip(p, start_ps, end_ps);
    if (end_ps < collector->warmup_ps || end_ps > collector->horizon_ps)
        return;
    usage->n_passes++;
    usage->comm_ps += ls_stage_comm_ps(s, step);
    usage->all_ps += end_ps - start_ps;
    usage->nic_ps += ls_stage_nic_ps(s, step);
    if (stage > 0)
        usage->nic_ps += step->linear->send_nic_ps[p->between_nodes[stage - 1]];
    if (stage + 1 < p->n_stages)
        usage->nic_ps += step->linear->send_nic_ps[p->between_nodes[stage]];
    usage->moe_bytes += (double)s->n_moe * step->moe_weight_bytes;
}

void ls_pipeline_show(const struct ls_pipeline *p, const struct ls_pass *pass, const struct ls_span *span)
{
    const struct ls_observer *observer = p->members[0].collector->observer;
    if (observer && observer->span)
        observer->span(observer->context, (int32_t)p->id, pass->n_tok, span);
}

void ls_pipeline_note_active(struct ls_pipeline *p, int64_t start_ps, int64_t end_ps)
{
    const int64_t from = start_ps > p->active_until_ps ? start_ps : p->active_until_ps;
    if (end_ps > from) {
        p->active_ps += clip(p, from, end_ps);
        p->active_until_ps = end_ps;
    }
}

/* Who looks on sees the schedulers as a pass begins, or as the pipeline falls idle. */
static void show_moment(const struct ls_pipeline *p, int64_t now_ps, bool idle)
{
    const struct ls_observer *observer = p->members[0].collector->observer;
    for (int64_t i = 0; observer && observer->moment && i < p->n_members; i++) {
        const struct ls_scheduler *s = &p->members[i];
        const struct ls_moment moment = {.time_ps = now_ps,
                                         .pipeline = (int32_t)p->id,
                                         .member = (int32_t)i,
                                         .n_waiting = ls_scheduler_n_queued(s),
                                         .n_running = s->running.n,
                                         .kv_blocks = s->n_blocks - s->n_free,
                                         .batch_tok = idle ? 0 : p->batches[i].n_tok};
        observer->moment(observer->context, &moment);
    }
}

/* `medium`: a pass takes each stage when the pass and the stage are both ready; nothing else can delay it. */
static void time_pass(struct ls_pipeline *p, struct ls_pass *pass)
{
    int64_t ready_ps = pass->start_ps;
    for (int64_t i = 0; i < p->n_stages; i++) {
        const int64_t start_ps = ready_ps > p->stage_free_ps[i] ? ready_ps : p->stage_free_ps[i];
        const struct ls_stage *stage = &p->cost->stages[i];
        const int64_t end_ps =
            start_ps + (p->variation->any ? ls_variation_stage_ps(p->variation, p->index, i, stage, &pass->step)
                                          : ls_stage_ps(stage, &pass->step));
        p->stage_free_ps[i] = end_ps;
        ls_pipeline_note_stage(p, i, &pass->step, start_ps, end_ps);
        ls_pipeline_show(p, pass, &(struct ls_span){LS_SPAN_PASS, i, -1, start_ps, end_ps});
        ready_ps = end_ps;
        if (i + 1 < p->n_stages)
            ready_ps += pass->step.linear->send_ps[p->between_nodes[i]];
    }
    pass->end_ps = ready_ps;
}

/* What its schedulers have swapped holds up each layer's attention, and the drafter. */
static void add_copies(const struct ls_pipeline *p, struct ls_pass *pass)
{
    int64_t n[2] = {0, 0};
    for (int64_t i = 0; i < p->n_members; i++) {
        for (int sliding = 0; sliding < 2; sliding++) {
            int64_t *const copied = &p->members[i].swap.copied[sliding];
            n[sliding] = *copied > n[sliding] ? *copied : n[sliding];
            *copied = 0;
        }
    }
    pass->copies = n[0] > 0;
    for (int sliding = 0; sliding < 2; sliding++)
        pass->step.attention_ps[sliding] += n[sliding] * p->swap_block_ps;
    pass->step.draft_ps += n[0] * p->swap_drafter_ps;
}

/* Compose and start a pass in an idle slot out of what was there at `seen`; false when there is nothing to do. */
static bool start_pass(struct ls_pipeline *p, int32_t slot, int64_t now_ps, int64_t seen_ps)
{
    int64_t n_tok = 0, n_seqs = 0, context = 0;
    if (ls_watch_stopped(p->watch))
        return false;
    for (int64_t i = 0; i < p->n_members; i++) {
        struct ls_scheduler *member = &p->members[i];
        ls_scheduler_compose(member, slot, now_ps, seen_ps);
        p->batches[i] = member->slots[slot].batch;
        n_tok = p->batches[i].n_tok > n_tok ? p->batches[i].n_tok : n_tok;
        const int64_t n = p->batches[i].n_decode + p->batches[i].n_prefill;
        n_seqs = n > n_seqs ? n : n_seqs;
        context = p->batches[i].decode_context > context ? p->batches[i].decode_context : context;
    }
    if (n_tok == 0)
        return false;
    assert(p->n_in_flight < p->n_stages);
    struct ls_pass *pass = &p->passes[ls_pipeline_place(p, p->n_in_flight)];
    p->paces[slot].known = false;
    pass->slot = slot;
    pass->n_tok = n_tok;
    pass->end_ps = LS_PS_NEVER;
    /* the CPU schedules, prepares and launches the pass before the GPU starts */
    const bool busy = p->n_in_flight > 0 || p->ended_ps == now_ps;
    pass->start_ps = ls_pipeline_start_ps(p, now_ps, ls_step_cpu_ps(&p->cpu, n_seqs, context), busy);
    p->n_in_flight++;
    p->n_steps++;
    ls_step_cost(p->cost, p->batches, &pass->step);
    p->cpu_free_ps = pass->start_ps + (p->overlap ? ls_launch_ps(p->cost, &p->cost->stages[0], &pass->step) : 0);
    if (p->swap_block_ps > 0)
        add_copies(p, pass);
    show_moment(p, now_ps, false);
    if (p->launch)
        p->launch(p->context, p, pass);
    else
        time_pass(p, pass);
    return true;
}

static bool slot_in_flight(const struct ls_pipeline *p, int32_t slot)
{
    for (int64_t i = 0; i < p->n_members; i++)
        if (p->members[i].slots[slot].in_flight)
            return true;
    return false;
}

/* With overlap the next pass was composed soon after the one that just ended had started, out of what was there then.
 */
static int64_t seen_ps(const struct ls_pipeline *p, int64_t now_ps)
{
    const int64_t composed_ps = p->cpu_free_ps + p->cpu.step_ps;
    return p->overlap && p->ended_ps == now_ps && composed_ps < now_ps ? composed_ps : now_ps;
}

void ls_pipeline_fill(struct ls_pipeline *p, int64_t now_ps)
{
    take_ready(p, now_ps);
    if (!p->look)
        return;
    p->look = false;
    if (p->n_stages == 1) {
        if (p->n_in_flight == 0 && !start_pass(p, 0, now_ps, seen_ps(p, now_ps)))
            (void)start_pass(p, 0, now_ps, now_ps);
    } else {
        for (int32_t slot = 0; slot < p->n_stages && p->n_in_flight < p->n_stages; slot++)
            if (!slot_in_flight(p, slot))
                (void)start_pass(p, slot, now_ps, now_ps);
    }
    if (p->n_in_flight == 0)
        show_moment(p, now_ps, true);
}

void ls_pipeline_complete(struct ls_pipeline *p, int64_t now_ps)
{
    struct ls_pass *pass = &p->passes[p->oldest];
    take_ready(p, now_ps);
    if (p->n_in_flight == 0 || pass->end_ps > now_ps)
        return;
    assert(pass->end_ps == now_ps);
    const int32_t slot = pass->slot;
    ls_pipeline_note_active(p, pass->start_ps, now_ps);
    p->oldest = ls_pipeline_place(p, 1);
    p->n_in_flight--;
    p->look = true;
    p->ended_ps = now_ps;
    int64_t n_tok = 0;
    for (int64_t i = 0; i < p->n_members; i++)
        n_tok += p->members[i].slots[slot].in_flight ? p->members[i].slots[slot].n_sent : 0;
    const int64_t sent_ps = ls_frontend_send(&p->frontend, now_ps, n_tok);
    for (int64_t i = 0; i < p->n_members; i++)
        if (p->members[i].slots[slot].in_flight)
            ls_scheduler_complete(&p->members[i], slot, now_ps, sent_ps);
}

void ls_pipeline_advance(struct ls_pipeline *p, int64_t until_ps)
{
    for (int64_t next_ps = ls_pipeline_next_ps(p); next_ps < until_ps; next_ps = ls_pipeline_next_ps(p)) {
        ls_pipeline_complete(p, next_ps);
        ls_pipeline_fill(p, next_ps);
        ls_pipeline_coast(p, until_ps);
    }
}

void ls_pipeline_cut_off(struct ls_pipeline *p)
{
    take_ready(p, p->members[0].collector->horizon_ps);
    for (int64_t i = 0; i < p->n_in_flight; i++)
        ls_pipeline_note_active(p, p->passes[ls_pipeline_place(p, i)].start_ps, LS_PS_NEVER);
    for (int64_t i = 0; i < p->n_members; i++)
        ls_scheduler_cut_off(&p->members[i], p->members[i].collector->horizon_ps);
    struct ls_request_pool *pool = p->members[0].pool;
    for (uint32_t id = p->chats.head; id != LS_NO_REQUEST; id = ls_request_at(pool, id)->next)
        ls_collector_unfinished(p->members[0].collector, ls_request_at(pool, id));
    for (uint32_t id = p->inbox.head; id != LS_NO_REQUEST; id = ls_request_at(pool, id)->next)
        ls_collector_unfinished(p->members[0].collector, ls_request_at(pool, id));
}

void ls_pipeline_arrive(struct ls_pipeline *p, int64_t member, uint32_t id, int64_t now_ps)
{
    struct ls_request_pool *pool = p->members[0].pool;
    struct ls_request *request = ls_request_at(pool, id);
    request->pipeline = (int32_t)p->id;
    request->member = (int32_t)member;
    if (!ls_scheduler_accept(&p->members[member], id, now_ps))
        return;
    take_formed(p, now_ps);
    const int64_t there_ps = ls_frontend_reach(&p->frontend, now_ps, request->prompt_tok);
    const bool is_chat = p->frontend.template_ps > 0;
    request->ready_ps = is_chat ? ls_frontend_format(&p->frontend, there_ps)
                                : ls_frontend_tokenise(&p->frontend, there_ps, request->prompt_tok);
    ls_request_list_append(is_chat ? &p->chats : &p->inbox, pool, id);
}

void ls_pipeline_take_over(struct ls_pipeline *p, int64_t member, uint32_t id, int64_t now_ps)
{
    struct ls_request_pool *pool = p->members[0].pool;
    struct ls_request *request = ls_request_at(pool, id);
    p->members[member].n_expected++;
    p->members[member].prompt_tok += request->prompt_tok;
    request->member = (int32_t)member;
    take_formed(p, now_ps);
    request->ready_ps = ls_frontend_tokenise(&p->frontend, ls_frontend_reach(&p->frontend, now_ps, 0), 0); /* already */
    ls_request_list_append(&p->inbox, pool, id);
}

enum ls_status ls_pipeline_init(struct ls_pipeline *p, int64_t index, const struct ls_pipeline_setup *setup)
{
    const struct ls_strategy *strategy = &setup->scenario->strategy;
    const size_t pp = (size_t)strategy->pp, ep = (size_t)strategy->ep;
    *p = (struct ls_pipeline){
        .index = index,
        .scenario = setup->scenario,
        .cost = setup->cost,
        .variation = setup->variation,
        .watch = setup->watch,
        .n_members = strategy->ep,
        .n_stages = strategy->pp,
        .chats = ls_request_list_empty,
        .inbox = ls_request_list_empty,
        .ended_ps = -1,
        .overlap = setup->scenario->engine.overlap_scheduling == 1,
        .frontend = ls_frontend_make(setup->scenario),
        .cpu = ls_step_cpu_of(&setup->scenario->engine),
        .swap_block_ps = ls_swap_block_ps(setup->scenario),
        .swap_drafter_ps = ls_swap_drafter_ps(setup->scenario),
    };
    p->members = ls_arena_take(setup->arena, ep * sizeof *p->members);
    p->batches = ls_arena_take(setup->arena, ep * sizeof *p->batches);
    p->between_nodes = ls_arena_take(setup->arena, pp * sizeof *p->between_nodes);
    p->stage_free_ps = ls_arena_take(setup->arena, pp * sizeof *p->stage_free_ps);
    p->usage = ls_arena_take(setup->arena, pp * sizeof *p->usage);
    p->passes = ls_arena_take(setup->arena, pp * sizeof *p->passes);
    if (!p->members || !p->batches || !p->between_nodes || !p->stage_free_ps || !p->usage || !p->passes)
        return LS_NOMEM;
    if (ls_paces_init(p, setup->arena))
        return LS_NOMEM;
    memset(p->stage_free_ps, 0, pp * sizeof *p->stage_free_ps);
    memset(p->usage, 0, pp * sizeof *p->usage);
    memset(p->passes, 0, pp * sizeof *p->passes);
    for (int64_t i = 0; i < p->n_stages; i++)
        p->between_nodes[i] = i + 1 < p->n_stages && ls_placement_send_crosses(setup->placement, index, i);
    for (int64_t i = 0; i < p->n_members; i++)
        if (ls_scheduler_init(&p->members[i], setup->scenario, setup->kv_blocks, setup->pool, setup->collector,
                              setup->arena))
            return LS_NOMEM;
    return LS_OK;
}
