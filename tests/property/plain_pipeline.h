#ifndef LS_TESTS_PLAIN_PIPELINE_H
#define LS_TESTS_PLAIN_PIPELINE_H

/* Schedulers in lockstep over pipeline stages, and the front end before them: plain.h. */

#include "engine/cost/launch.h"
#include "tests/property/plain_scheduler.h"

/* What the pass holds, token by token. */
static struct ls_batch plain_batch(const struct plain_pool *pool, const struct plain_scheduler *s, int slot)
{
    const int64_t window = pool->scenario->model.sliding_window;
    struct ls_batch batch = {0};
    for (int64_t i = 0; i < s->n_parts[slot]; i++) {
        const struct plain_part *part = &s->parts[slot][i];
        const int64_t end = part->start + part->n_tok;
        batch.n_tok += part->n_tok;
        batch.n_sampled += part->decode ? part->n_tok : 1;
        if (part->decode) {
            batch.n_decode++;
            batch.draft_tok += part->n_tok - 1;
            batch.decode_context += end;
            batch.decode_window += window == LS_NULL_INT ? end : plain_min(end, window + part->n_tok - 1);
            continue;
        }
        batch.n_prefill++;
        batch.prefill_tok += part->n_tok;
        batch.prefill_context += end;
        for (int64_t token = part->start; token < end; token++)
            batch.prefill_pairs += token + 1;
        if (window == LS_NULL_INT)
            continue;
        batch.prefill_window_context += end - plain_max(0, part->start + 1 - window);
        for (int64_t token = part->start; token < end; token++)
            batch.prefill_window_pairs += plain_min(token + 1, window);
    }
    return batch;
}

/* How many times as long a stage computes as it should. */
static double plain_slowness(const struct plain_pool *pool, int64_t pipeline, int64_t stage)
{
    const struct ls_strategy *strategy = &pool->scenario->strategy;
    const struct ls_straggler *straggler = &pool->scenario->engine.jitter.straggler;
    for (int64_t i = 0; i < strategy->tp * strategy->ep; i++) {
        const int64_t at[LS_N_DIMS] = {
            [LS_TP] = i % strategy->tp, [LS_EP] = i / strategy->tp, [LS_PP] = stage, [LS_DP] = pipeline};
        if (ls_placement_rank(&pool->prices.placement, at) - pool->prices.placement.first == straggler->gpu)
            return straggler->factor;
    }
    return 1.0;
}

/* A stage's pass so far: a collective that has not begun hides behind the block that follows it, or does not. */
struct plain_clock {
    double slowness;
    bool overlap;
    int64_t now_ps, comm_ps;
};

static void plain_compute(struct plain_clock *clock, int64_t block_ps)
{
    const int64_t ps = (int64_t)((double)block_ps * clock->slowness + 0.5);
    clock->now_ps += clock->overlap ? plain_max(ps, clock->comm_ps) : ps + clock->comm_ps;
    clock->comm_ps = 0;
}

static int64_t plain_stage_ps(const struct plain_pool *pool, int64_t pipeline, int64_t stage,
                              const struct ls_step *step)
{
    const struct ls_model *model = &pool->scenario->model;
    const int64_t n_stages = pool->scenario->strategy.pp;
    struct plain_clock clock = {.slowness = plain_slowness(pool, pipeline, stage),
                                .overlap = pool->scenario->engine.overlap_communication};
    if (stage == 0)
        plain_compute(&clock, step->embedding_ps);
    for (int64_t layer = ls_stage_first_layer(model->num_hidden_layers, n_stages, stage);
         layer < ls_stage_first_layer(model->num_hidden_layers, n_stages, stage + 1); layer++) {
        const bool moe = model->n_routed_experts != LS_NULL_INT && layer >= model->first_k_dense_replace &&
                         (layer + 1) % model->decoder_sparse_step == 0;
        plain_compute(&clock, step->attention_ps[plain_slides(model, layer)]);
        clock.comm_ps = step->linear->attention_comm_ps;
        plain_compute(&clock, step->mlp_ps[moe]);
        clock.comm_ps = step->linear->mlp_comm_ps[moe];
    }
    plain_compute(&clock, stage + 1 == n_stages ? step->head_ps : 0);
    plain_compute(&clock, stage + 1 == n_stages ? step->draft_ps : 0);
    return clock.now_ps;
}

/* Whether any GPU of a stage sends to another node. */
static bool plain_leaves_node(const struct plain_pool *pool, int64_t pipeline, int64_t stage)
{
    const struct ls_strategy *strategy = &pool->scenario->strategy;
    for (int64_t i = 0; i < strategy->tp * strategy->ep; i++) {
        int64_t at[LS_N_DIMS] = {
            [LS_TP] = i % strategy->tp, [LS_EP] = i / strategy->tp, [LS_PP] = stage, [LS_DP] = pipeline};
        const int64_t from = ls_placement_rank(&pool->prices.placement, at);
        at[LS_PP]++;
        const int64_t to = ls_placement_rank(&pool->prices.placement, at);
        if (from / pool->scenario->cluster.gpus_per_node != to / pool->scenario->cluster.gpus_per_node)
            return true;
    }
    return false;
}

/* Keys and values of a block are copied by themselves (a latent is one), as fast as the driver and the link allow. */
static int64_t plain_copy_ps(const struct ls_scenario *scenario, const struct ls_model *model)
{
    const double n_copies = model->kv_lora_rank == LS_NULL_INT ? 2 : 1;
    const double bytes = plain_layer_bytes(scenario, model) / n_copies;
    const double link_s = bytes / scenario->cluster.hardware.pcie_bandwidth_bytes_per_s;
    return ls_ps_from_s(n_copies * fmax(scenario->engine.swap_copy_s, link_s));
}

/* Copies between the GPUs and the host hold up the attention of every layer, and the drafter. */
static void plain_wait_for_copies(const struct plain_pool *pool, struct plain_pipeline *p, struct ls_step *step)
{
    const struct ls_scenario *scenario = pool->scenario;
    struct ls_model drafter;
    for (int sliding = 0; sliding < 2; sliding++) {
        int64_t most = 0;
        for (int64_t i = 0; i < scenario->strategy.ep; i++) {
            most = plain_max(most, p->members[i].n_copied[sliding]);
            p->members[i].n_copied[sliding] = 0;
        }
        step->attention_ps[sliding] += most * plain_copy_ps(scenario, &scenario->model);
        if (!sliding && ls_scenario_draft_model(scenario, &drafter))
            step->draft_ps += most * drafter.num_hidden_layers * plain_copy_ps(scenario, &drafter);
    }
}

static void plain_launch(struct plain_pool *pool, int64_t index, int slot, const struct ls_batch *batches)
{
    const struct ls_engine *engine = &pool->scenario->engine;
    struct plain_pipeline *p = &pool->pipelines[index];
    struct ls_step step;
    int64_t n_seqs = 0, context = 0;
    for (int64_t i = 0; i < pool->scenario->strategy.ep; i++) {
        n_seqs = plain_max(n_seqs, batches[i].n_decode + batches[i].n_prefill);
        context = plain_max(context, batches[i].decode_context);
    }
    ls_step_cost(&pool->prices.cost, batches, &step);
    plain_wait_for_copies(pool, p, &step);
    /* with overlap the CPU has turned to this pass when the one before had started */
    const bool ahead = engine->overlap_scheduling && (p->n_passes > 0 || p->ended_ps == pool->plain->now_ps);
    int64_t now_ps = ahead ? p->cpu_free_ps : plain_max(pool->plain->now_ps, p->cpu_free_ps);
    now_ps += ls_ps_from_s(engine->step_overhead_s) + n_seqs * ls_ps_from_s(engine->step_overhead_per_seq_s) +
              context * ls_ps_from_s(engine->context_token_overhead_s);
    now_ps = plain_max(now_ps, pool->plain->now_ps);
    struct plain_pass pass = {.slot = slot, .start_ps = now_ps};
    p->cpu_free_ps = now_ps;
    if (engine->overlap_scheduling)
        p->cpu_free_ps += ls_launch_ps(&pool->prices.cost, &pool->prices.cost.stages[0], &step);
    for (int64_t stage = 0; stage < pool->scenario->strategy.pp; stage++) {
        const int64_t start_ps = plain_max(now_ps, p->stage_free_ps[stage]);
        now_ps = start_ps + plain_stage_ps(pool, index, stage, &step);
        p->stage_free_ps[stage] = now_ps;
        pool->plain->busy_gpu_ps += (double)(pool->scenario->strategy.tp * pool->scenario->strategy.ep) *
                                    (double)plain_clip(pool->plain, start_ps, now_ps);
        if (stage + 1 < pool->scenario->strategy.pp)
            now_ps += step.linear->send_ps[plain_leaves_node(pool, index, stage)];
    }
    pass.end_ps = now_ps;
    p->passes[p->n_passes++] = pass;
    pool->plain->n_steps++;
}

static bool plain_slot_is_idle(const struct plain_pipeline *p, int slot)
{
    for (int64_t i = 0; i < p->n_passes; i++)
        if (p->passes[i].slot == slot)
            return false;
    return true;
}

static bool plain_start(struct plain_pool *pool, int64_t index, int slot, int64_t seen_ps)
{
    struct ls_batch batches[PLAIN_MAX_MEMBERS];
    bool any = false;
    for (int64_t i = 0; i < pool->scenario->strategy.ep; i++) {
        plain_compose(pool, &pool->pipelines[index].members[i], slot, seen_ps);
        batches[i] = plain_batch(pool, &pool->pipelines[index].members[i], slot);
        any |= batches[i].n_tok > 0;
    }
    if (any)
        plain_launch(pool, index, slot, batches);
    return any;
}

static void plain_fill(struct plain_pool *pool, int64_t index)
{
    const struct ls_engine *engine = &pool->scenario->engine;
    struct plain_pipeline *p = &pool->pipelines[index];
    const int64_t now_ps = pool->plain->now_ps, pp = pool->scenario->strategy.pp;
    if (!p->touched)
        return;
    p->touched = false;
    for (int slot = 0; slot < (int)pp; slot++) {
        int64_t seen_ps = now_ps;
        if (!plain_slot_is_idle(p, slot))
            continue;
        if (engine->overlap_scheduling && pp == 1 && p->ended_ps == now_ps)
            seen_ps = plain_min(now_ps, p->cpu_free_ps + ls_ps_from_s(engine->step_overhead_s));
        if (!plain_start(pool, index, slot, seen_ps) && pp == 1)
            (void)plain_start(pool, index, slot, now_ps);
    }
}

static int64_t plain_front_end_from(struct plain_pipeline *p, int64_t from_ps, int64_t work_ps)
{
    p->frontend_free_ps = plain_max(p->frontend_free_ps, from_ps) + work_ps;
    return p->frontend_free_ps;
}

/* The front end does one thing after the other. */
static int64_t plain_front_end(struct plain_pool *pool, struct plain_pipeline *p, int64_t work_ps)
{
    return plain_front_end_from(p, pool->plain->now_ps, work_ps);
}

/* Picoseconds of a link to the clients: its latency and half of the processes', and four bytes. */
static int64_t plain_client_latency(const struct plain_pool *pool)
{
    const double latency_s = pool->scenario->cluster.client.latency_s,
                 half_s = pool->scenario->engine.request_latency_s / 2;
    return ls_ps_from_s(isnan(latency_s) ? half_s : half_s + latency_s);
}

static int64_t plain_client_token(const struct plain_pool *pool)
{
    const double bandwidth = pool->scenario->cluster.client.bandwidth_bytes_per_s;
    return isnan(bandwidth) ? 0 : ls_ps_from_s(4 / bandwidth);
}

static void plain_tokenise(const struct plain_pool *pool, struct plain_pipeline *p, struct plain_request *request,
                           int64_t from_ps, int64_t n_text)
{
    const struct ls_engine *engine = &pool->scenario->engine;
    request->ready_ps = plain_front_end_from(
        p, from_ps, ls_ps_from_s(engine->request_overhead_s) + n_text * ls_ps_from_s(engine->prompt_token_overhead_s));
    p->inbox[p->n_inbox++] = request;
}

/* Chats that have their form come to the front end once more. */
static void plain_take_formed(const struct plain_pool *pool, struct plain_pipeline *p)
{
    while (p->n_chats > 0 && p->chats[0]->ready_ps <= pool->plain->now_ps) {
        struct plain_request *request = plain_remove(p->chats, &p->n_chats, 0);
        plain_tokenise(pool, p, request, request->ready_ps, request->prompt);
    }
}

static void plain_end_passes(struct plain_pool *pool, int64_t index)
{
    struct plain_pipeline *p = &pool->pipelines[index];
    const int64_t token_ps = ls_ps_from_s(pool->scenario->engine.output_token_overhead_s);
    plain_take_formed(pool, p);
    while (p->n_passes > 0 && p->passes[0].end_ps == pool->plain->now_ps) {
        const int slot = p->passes[0].slot;
        int64_t n_new = 0;
        for (int64_t i = 0; i < pool->scenario->strategy.ep; i++)
            for (int64_t j = 0; j < p->members[i].n_parts[slot]; j++)
                n_new += p->members[i].parts[slot][j].n_new;
        const int64_t sent_ps =
            plain_front_end(pool, p, n_new * token_ps) + plain_client_latency(pool) + plain_client_token(pool);
        for (int64_t i = 0; i < pool->scenario->strategy.ep; i++)
            plain_finish_parts(pool, &p->members[i], slot, sent_ps);
        p->n_passes--;
        for (int64_t i = 0; i < p->n_passes; i++)
            p->passes[i] = p->passes[i + 1];
        p->ended_ps = pool->plain->now_ps;
        p->touched = true;
    }
}

/* Requests that the front end is done with. */
static void plain_take_ready(struct plain_pool *pool, int64_t index)
{
    struct plain_pipeline *p = &pool->pipelines[index];
    while (p->n_inbox > 0 && p->inbox[0]->ready_ps <= pool->plain->now_ps) {
        struct plain_request *request = plain_remove(p->inbox, &p->n_inbox, 0);
        struct plain_scheduler *s = &p->members[request->member];
        s->n_expected--;
        request->turn = s->n_came++;
        s->waiting[s->n_waiting++] = request;
        p->touched = true;
    }
}

#endif
