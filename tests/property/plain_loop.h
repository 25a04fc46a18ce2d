#ifndef LS_TESTS_PLAIN_LOOP_H
#define LS_TESTS_PLAIN_LOOP_H

/* The plain deployment and its clock: plain.h says what it is for. */

#include "engine/serving/deployment/disaggregation.h"
#include "tests/property/plain_router.h"

/* A request reaches a front end, its prompt as text or, where another pool has computed it, as tokens. */
static void plain_reach(struct plain_pool *pool, struct plain_request *request, int64_t target, int64_t n_text)
{
    const struct ls_engine *engine = &pool->scenario->engine;
    const int64_t ep = pool->scenario->strategy.ep;
    struct plain_pipeline *p = &pool->pipelines[target / ep];
    const int64_t template_ps =
        ls_ps_from_s(engine->chat_template_char_s * (double)pool->scenario->model.chat_template_chars);
    request->member = target % ep;
    plain_take_formed(pool, p);
    p->wire_free_ps = plain_max(p->wire_free_ps, pool->plain->now_ps) + n_text * plain_client_token(pool);
    p->members[request->member].n_expected++;
    const int64_t there_ps = p->wire_free_ps + plain_client_latency(pool);
    if (template_ps > 0 && n_text > 0) {
        request->ready_ps = plain_front_end_from(p, there_ps, template_ps);
        p->chats[p->n_chats++] = request;
    } else {
        plain_tokenise(pool, p, request, there_ps, n_text);
    }
}

static struct plain_request *plain_make(struct plain *plain, const struct ls_arrival *arrival)
{
    const struct ls_engine *engine = &plain->scenario->engine;
    struct plain_request *request = calloc(1, sizeof *request);
    *request = (struct plain_request){.all = plain->all,
                                      .arrival_ps = arrival->arrival_ps,
                                      .scheduled_ps = -1,
                                      .prompt = arrival->prompt_tok,
                                      .output = arrival->output_tok,
                                      .index = arrival->index,
                                      .content = arrival->content,
                                      .said = arrival->turn,
                                      .measured = arrival->arrival_ps >= plain->warmup_ps,
                                      .streams = arrival->streams};
    plain->all = request;
    if (plain->n_all_arrived++ == 0)
        plain->first_arrival_ps = arrival->arrival_ps;
    plain->n_arrived += request->measured;
    if (engine->max_model_len != LS_NULL_INT && request->prompt < engine->max_model_len)
        request->output = plain_min(request->output, engine->max_model_len - request->prompt);
    if (engine->scheduling_policy == LS_POLICY_PRIORITY && !plain->scenario->workload.trace)
        request->rank = plain->scenario->workload.profiles[arrival->profile].priority;
    if (engine->scheduling_policy == LS_POLICY_SJF)
        request->rank = request->prompt + request->output;
    return request; /* NOLINT(clang-analyzer-unix.Malloc): plain->all has it */
}

static void plain_arrive(struct plain *plain, const struct ls_arrival *arrival)
{
    struct plain_pool *pool = &plain->pools[0];
    const int64_t target = plain_choose(pool, &arrival->content, arrival->index, arrival->prompt_tok);
    struct plain_request *request = plain_make(plain, arrival);
    request->holder = target;
    if (plain_can_run(pool, request)) {
        plain_reach(pool, request, target, request->prompt);
        return;
    }
    plain->n_rejected += request->measured;
    plain->n_all_rejected++;
    plain_note_end(plain, request, true, plain->now_ps);
}

/* -- between the pools -- */

/* The transfer that ends next, of all to the decode pool; null without one. */
static struct plain_request *plain_next_transfer(const struct plain_pool *pool)
{
    struct plain_request *next = NULL;
    for (int64_t i = 0; i < plain_pool_size(pool); i++) {
        const struct plain_scheduler *s = plain_scheduler_at(pool, i);
        for (int64_t j = 0; j < s->n_fetching; j++) {
            struct plain_request *request = s->fetching[j];
            if (!next || request->transfer_ps < next->transfer_ps ||
                (request->transfer_ps == next->transfer_ps && request->transfer_number < next->transfer_number))
                next = request;
        }
    }
    return next;
}

/* Its KV cache is there: the blocks of the pool for prompts are free. */
static void plain_end_transfer(struct plain *plain, struct plain_request *request)
{
    struct plain_pool *from = &plain->pools[LS_POOL_PREFILL], *to = &plain->pools[LS_POOL_DECODE];
    struct plain_scheduler *s = plain_scheduler_at(to, request->fetcher);
    plain_store_release(&plain_scheduler_at(from, request->holder)->store, &request->kept, &request->content,
                        request->prompt, false);
    int64_t at = 0;
    while (s->fetching[at] != request)
        at++;
    s->fetched[s->n_fetched++] = plain_remove(s->fetching, &s->n_fetching, at);
    request->ready_ps = plain->now_ps;
    from->pipelines[request->holder / from->scenario->strategy.ep].touched = true;
    to->pipelines[request->fetcher / to->scenario->strategy.ep].touched = true;
}

/* Transfers that end, and requests that reach the router of the decode pool. */
static void plain_hand_over(struct plain *plain)
{
    struct plain_pool *to = &plain->pools[LS_POOL_DECODE];
    if (plain->n_pools < 2)
        return;
    for (struct plain_request *request = plain_next_transfer(to); request && request->transfer_ps <= plain->now_ps;
         request = plain_next_transfer(to))
        plain_end_transfer(plain, request);
    while (plain->n_given > 0 && plain->given[0]->given_ps <= plain->now_ps) {
        struct plain_request *request = plain_remove(plain->given, &plain->n_given, 0);
        request->fetcher = plain_choose(to, &request->content, plain->n_routed++, request->prompt);
        plain_reach(to, request, request->fetcher, 0);
    }
}

/* -- time -- */

/* Time passes: what has waited, run and been held since. */
static void plain_go_to(struct plain *plain, int64_t then_ps)
{
    const double ps = (double)plain_clip(plain, plain->now_ps, then_ps);
    for (int i = 0; i < plain->n_pools; i++) {
        const struct plain_pool *pool = &plain->pools[i];
        for (int64_t j = 0; j < plain_pool_size(pool); j++) {
            struct plain_scheduler *s = plain_scheduler_at(pool, j);
            const int64_t n_waiting = s->n_waiting + s->n_swapped, n_used = pool->kv_blocks - s->store.n_free;
            plain->waiting_integral += ps * (double)n_waiting;
            plain->running_integral += ps * (double)s->n_running;
            plain->used_integral += ps * (double)n_used / (double)pool->kv_blocks;
            if (ps > 0) {
                s->waiting_max = plain_max(s->waiting_max, n_waiting);
                s->used_max = plain_max(s->used_max, n_used);
            }
        }
    }
    plain->now_ps = then_ps;
}

static int64_t plain_next_ps(const struct plain *plain)
{
    int64_t next_ps = LS_PS_NEVER;
    for (int i = 0; i < plain->n_pools; i++) {
        for (int64_t j = 0; j < plain->pools[i].scenario->strategy.dp; j++) {
            const struct plain_pipeline *p = &plain->pools[i].pipelines[j];
            if (p->n_passes > 0)
                next_ps = plain_min(next_ps, p->passes[0].end_ps);
            if (p->n_chats > 0)
                next_ps = plain_min(next_ps, p->chats[0]->ready_ps);
            if (p->n_inbox > 0)
                next_ps = plain_min(next_ps, p->inbox[0]->ready_ps);
        }
    }
    for (int64_t i = 0; i < plain->n_following; i++)
        next_ps = plain_min(next_ps, plain->following[i].at_ps);
    if (plain->n_given > 0)
        next_ps = plain_min(next_ps, plain->given[0]->given_ps);
    const struct plain_request *request = plain->n_pools > 1 ? plain_next_transfer(&plain->pools[1]) : NULL;
    return request ? plain_min(next_ps, request->transfer_ps) : next_ps;
}

/* Clients who have just had their answer, or have thought for long enough, go on. */
static void plain_follow(struct plain *plain)
{
    struct ls_arrival arrival;
    for (int64_t i = 0; i < plain->n_following; i++) {
        if (plain->following[i].at_ps != plain->now_ps)
            continue;
        const struct ls_follower follower = plain->following[i];
        plain->following[i].at_ps = LS_PS_NEVER;
        if (ls_source_follow(&plain->source, &follower, &arrival))
            plain_arrive(plain, &arrival);
    }
}

/* All pipelines of all pools. */
static void plain_each_pipeline(struct plain *plain, void (*visit)(struct plain_pool *pool, int64_t index))
{
    for (int i = 0; i < plain->n_pools; i++)
        for (int64_t j = 0; j < plain->pools[i].scenario->strategy.dp; j++)
            visit(&plain->pools[i], j);
}

/* What happens at one instant: reports, then all arrivals, then all ends, then what follows them; then passes are
 * composed. */
static void plain_loop(struct plain *plain)
{
    struct ls_arrival arrival;
    bool more = ls_source_next(&plain->source, &arrival);
    for (;;) {
        const int64_t event_ps = plain_next_ps(plain);
        const int64_t next_ps = more ? plain_min(arrival.arrival_ps, event_ps) : event_ps;
        if (next_ps == LS_PS_NEVER || next_ps > plain->horizon_ps)
            break;
        plain_go_to(plain, next_ps);
        for (int i = 0; i < plain->n_pools; i++)
            plain_report(&plain->pools[i]);
        for (; more && arrival.arrival_ps == next_ps; more = ls_source_next(&plain->source, &arrival))
            plain_arrive(plain, &arrival);
        plain_each_pipeline(plain, plain_end_passes);
        plain_hand_over(plain);
        plain_follow(plain);
        plain_each_pipeline(plain, plain_take_ready);
        plain_each_pipeline(plain, plain_fill);
    }
    if (plain->horizon_ps != LS_PS_NEVER)
        plain_go_to(plain, plain->horizon_ps);
}

/* -- set-up -- */

static struct plain_request **plain_list(const struct plain *plain)
{
    return calloc((size_t)plain->scenario->workload.max_requests + 1, sizeof(struct plain_request *));
}

static int64_t plain_host_blocks(const struct ls_scenario *scenario)
{
    const struct ls_model *model = &scenario->model;
    struct ls_model drafter;
    int64_t layers = 0;
    for (int64_t i = 0; i < scenario->strategy.pp; i++)
        layers = plain_max(layers, ls_stage_first_layer(model->num_hidden_layers, scenario->strategy.pp, i + 1) -
                                       ls_stage_first_layer(model->num_hidden_layers, scenario->strategy.pp, i));
    double bytes = (double)layers * plain_layer_bytes(scenario, model);
    if (ls_scenario_draft_model(scenario, &drafter))
        bytes += (double)drafter.num_hidden_layers * plain_layer_bytes(scenario, &drafter);
    return (int64_t)fmin(scenario->engine.swap_space_bytes / bytes, 1e9);
}

static void plain_init_scheduler(const struct plain_pool *pool, struct plain_scheduler *s)
{
    const size_t n = (size_t)pool->scenario->workload.max_requests;
    const struct ls_engine *engine = &pool->scenario->engine;
    struct plain_request ***const lists[] = {&s->waiting, &s->running, &s->swapped, &s->fetching, &s->fetched};
    plain_store_init(&s->store, pool->kv_blocks, engine->block_size, engine->enable_prefix_caching == 1);
    s->n_host_free = plain_host_blocks(pool->scenario);
    s->reserve_from = plain_cautious(pool);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        *lists[i] = plain_list(pool->plain);
    for (int slot = 0; slot < PLAIN_MAX_PP; slot++)
        s->parts[slot] = calloc(n + 1, sizeof(struct plain_part));
}

static void plain_init_pool(struct plain *plain, struct plain_pool *pool, const struct ls_scenario *scenario,
                            int64_t kv_blocks)
{
    struct ls_err err = {""};
    *pool = (struct plain_pool){.plain = plain, .scenario = scenario, .kv_blocks = kv_blocks};
    pool->prices = (struct ls_pool){.scenario = scenario,
                                    .n_pipelines = scenario->strategy.dp,
                                    .n_members = scenario->strategy.ep,
                                    .nic_stride = 64 /* more than a node has */};
    const enum ls_status costed = ls_step_cost_init(&pool->prices.cost, scenario, &plain->arena, &err);
    const enum ls_status placed =
        ls_placement_init(&pool->prices.placement, &scenario->cluster, &scenario->strategy, &err);
    assert(costed == LS_OK && placed == LS_OK);
    pool->drafts = ls_drafts_of(scenario);
    pool->pipelines = calloc((size_t)scenario->strategy.dp, sizeof *pool->pipelines);
    for (int64_t i = 0; i < scenario->strategy.dp; i++) {
        pool->pipelines[i].ended_ps = -1;
        pool->pipelines[i].chats = plain_list(plain);
        pool->pipelines[i].inbox = plain_list(plain);
        for (int64_t j = 0; j < scenario->strategy.ep; j++)
            plain_init_scheduler(pool, &pool->pipelines[i].members[j]);
    }
}

static void plain_init_pools(struct plain *plain, const struct random_scenario *drawn)
{
    if (!ls_scenario_is_disaggregated(plain->scenario)) {
        plain->n_pools = 1;
        plain_init_pool(plain, &plain->pools[0], plain->scenario, drawn->kv_blocks);
        return;
    }
    plain->n_pools = LS_N_POOL_ROLES;
    for (int i = 0; i < LS_N_POOL_ROLES; i++) {
        ls_disaggregation_pool(plain->scenario, (enum ls_pool_role)i, &plain->pool_scenarios[i]);
        plain_init_pool(plain, &plain->pools[i], &plain->pool_scenarios[i],
                        i == LS_POOL_DECODE ? drawn->decode_blocks : drawn->kv_blocks);
    }
    plain->pools[LS_POOL_PREFILL].next = &plain->pools[LS_POOL_DECODE];
    plain->given = plain_list(plain);
    const enum ls_status status =
        ls_transfer_cost_init(&plain->transfer_cost, plain->scenario, &plain->pools[LS_POOL_PREFILL].prices,
                              &plain->pools[LS_POOL_DECODE].prices, &plain->arena);
    assert(status == LS_OK);
}

static void plain_run(struct plain *plain, const struct random_scenario *drawn)
{
    const struct ls_scenario *scenario = &drawn->scenario;
    *plain = (struct plain){.scenario = scenario};
    plain->warmup_ps = ls_ps_from_s(scenario->workload.warmup_s);
    plain->horizon_ps = scenario->workload.drain ? LS_PS_NEVER : ls_ps_from_s(scenario->workload.duration_s);
    ls_source_init(&plain->source, scenario);
    plain_init_pools(plain, drawn);
    plain_loop(plain);
    for (int i = 0; i < plain->n_pools; i++) {
        for (int64_t j = 0; j < plain_pool_size(&plain->pools[i]); j++) {
            const struct plain_scheduler *s = plain_scheduler_at(&plain->pools[i], j);
            plain->waiting_max = plain_max(plain->waiting_max, s->waiting_max);
            plain->used_max_frac = fmax(plain->used_max_frac, (double)s->used_max / (double)plain->pools[i].kv_blocks);
        }
    }
}

static void plain_release_pool(struct plain_pool *pool)
{
    for (int64_t i = 0; i < plain_pool_size(pool); i++) {
        struct plain_scheduler *s = plain_scheduler_at(pool, i);
        void *const memory[] = {s->waiting, s->running, s->swapped, s->fetching, s->fetched};
        for (size_t j = 0; j < sizeof memory / sizeof memory[0]; j++)
            free(memory[j]);
        plain_store_free(&s->store);
        for (int slot = 0; slot < PLAIN_MAX_PP; slot++)
            free(s->parts[slot]);
    }
    for (int64_t i = 0; i < pool->scenario->strategy.dp; i++) {
        free(pool->pipelines[i].chats);
        free(pool->pipelines[i].inbox);
    }
    free(pool->pipelines);
}

static void plain_release(struct plain *plain)
{
    for (int i = 0; i < plain->n_pools; i++)
        plain_release_pool(&plain->pools[i]);
    free(plain->given);
    while (plain->all) {
        struct plain_request *request = plain->all;
        plain->all = request->all;
        free(request->held.blocks);
        free(request->kept.blocks);
        free(request->gaps.ps);
        free(request);
    }
    struct plain_times *const times[] = {&plain->ttft, &plain->tpot, &plain->itl, &plain->e2e, &plain->wait};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        free(times[i]->ps);
    free(plain->following);
    ls_arena_release(&plain->arena);
}

#endif
