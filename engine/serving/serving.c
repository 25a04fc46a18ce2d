#include "engine/serving/serving.h"

#include <assert.h>
#include <stdlib.h>

#include "engine/serving/deployment/coast.h"
#include "engine/sim/clock.h"

/* The run ends here at the latest: nothing that happens later counts. */
static int64_t horizon_ps(const struct ls_serving *serving)
{
    return serving->collector->horizon_ps;
}

static int compare_indexes(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool is_cut_off(const struct ls_cut_off *cut_off, uint64_t index)
{
    return cut_off->n > 0 && bsearch(&index, cut_off->indexes, cut_off->n, sizeof index, compare_indexes);
}

static uint32_t make_request(struct ls_serving *serving, const struct ls_arrival *arrival)
{
    const uint32_t id = ls_request_new(&serving->requests);
    if (id == LS_NO_REQUEST) {
        serving->out_of_memory = true;
        return id;
    }
    struct ls_request *request = ls_request_at(&serving->requests, id);
    request->arrival_ps = arrival->arrival_ps;
    request->prompt_tok = arrival->prompt_tok;
    request->output_tok = arrival->output_tok;
    request->client = arrival->profile;
    request->content = arrival->content;
    request->said = arrival->turn;
    request->priority = serving->scenario->workload.trace
                            ? 0
                            : (int32_t)serving->scenario->workload.profiles[arrival->profile].priority;
    request->index = arrival->index;
    request->measured = arrival->arrival_ps >= serving->collector->warmup_ps;
    request->streams = arrival->streams;
    request->counts_gaps = request->measured && request->streams && !is_cut_off(&serving->cut_off, arrival->index);
    ls_collector_arrival(serving->collector, arrival->arrival_ps, request->measured);
    return id;
}

static void deliver(struct ls_serving *serving, const struct ls_arrival *arrival, int64_t target)
{
    const struct ls_pool *pool = &serving->pools[0];
    const uint32_t id = make_request(serving, arrival);
    serving->n_events++;
    if (id != LS_NO_REQUEST)
        ls_pipeline_arrive(ls_pool_pipeline(pool, target), target % pool->n_members, id, arrival->arrival_ps);
}

void ls_serving_route(struct ls_serving *serving, const struct ls_arrival *arrival)
{
    struct ls_pool *pool = &serving->pools[0];
    const int64_t target = ls_pool_choose(pool, arrival);
    struct ls_pipeline *pipeline = ls_pool_pipeline(pool, target);
    if (!pipeline->launch) /* `high` has its own clock */
        ls_pipeline_advance(pipeline, arrival->arrival_ps);
    deliver(serving, arrival, target);
}

static int64_t next_following_ps(const struct ls_serving *serving)
{
    return ls_followers_next_ps(&serving->followers);
}

int64_t ls_serving_due_ps(const struct ls_serving *serving)
{
    const int64_t following = next_following_ps(serving);
    const int64_t handover = serving->n_pools > 1 ? ls_handover_next_ps(&serving->handover) : LS_PS_NEVER;
    return following < handover ? following : handover;
}

void ls_serving_report(struct ls_serving *serving, int64_t now_ps)
{
    for (int i = 0; i < serving->n_pools; i++)
        ls_pool_report(&serving->pools[i], now_ps);
}

void ls_serving_settle(struct ls_serving *serving, int64_t now_ps)
{
    struct ls_arrival arrival;
    if (serving->n_pools > 1)
        serving->n_events += ls_handover_settle(&serving->handover, now_ps);
    while (next_following_ps(serving) <= now_ps) { /* a request that is refused may be followed by another */
        const struct ls_follower follower = ls_followers_pop(&serving->followers);
        if (ls_source_follow(&serving->source, &follower, &arrival))
            deliver(serving, &arrival, ls_pool_choose(&serving->pools[0], &arrival));
    }
}

/* Clients go on when they have their last tokens, and front ends are not equally far behind. */
static void note_completed(void *context, const struct ls_request *request, int64_t now_ps)
{
    struct ls_serving *serving = context;
    struct ls_follower follower;
    const bool refused = request->n_generated == 0;
    if (ls_source_after(&serving->source, &request->said, request->output_tok, refused, now_ps, &follower))
        serving->out_of_memory |= !ls_followers_note(&serving->followers, follower);
}

/* What arrives next: by itself at `arrival`, or because something else has ended; no later than the horizon's end. */
static int64_t next_arrival_ps(const struct ls_serving *serving, int64_t arrival_ps)
{
    const int64_t following_ps = ls_serving_due_ps(serving), end_ps = horizon_ps(serving);
    const int64_t next_ps = arrival_ps < following_ps ? arrival_ps : following_ps;
    return next_ps <= end_ps || end_ps == LS_PS_NEVER ? next_ps : end_ps + 1;
}

/* What happens next, from arrivals to ends of passes and what they bring. */
static int64_t next_ps(const struct ls_serving *serving, int64_t arrival_ps)
{
    int64_t now_ps = ls_serving_due_ps(serving);
    now_ps = arrival_ps < now_ps ? arrival_ps : now_ps;
    for (int64_t i = 0; i < serving->n_pipelines; i++)
        if (ls_pipeline_next_ps(&serving->pipelines[i]) < now_ps)
            now_ps = ls_pipeline_next_ps(&serving->pipelines[i]);
    return now_ps;
}

/* Completions bring arrivals, or one pool's work is the other's, so passes must end in order of time over all
 * pipelines; of one instant, all passes end before what follows them arrives, and all of that is there before any pass
 * is composed. */
static void run_in_order(struct ls_serving *serving)
{
    struct ls_pipeline *const pipelines = serving->pipelines;
    struct ls_arrival arrival;
    bool more = ls_source_next(&serving->source, &arrival);
    for (;;) {
        const int64_t now_ps = next_ps(serving, more ? arrival.arrival_ps : LS_PS_NEVER);
        if (now_ps == LS_PS_NEVER || now_ps > horizon_ps(serving))
            return;
        if (serving->reports)
            ls_serving_report(serving, now_ps);
        for (; more && arrival.arrival_ps <= now_ps; more = ls_source_next(&serving->source, &arrival))
            deliver(serving, &arrival, ls_pool_choose(&serving->pools[0], &arrival));
        for (int64_t i = 0; i < serving->n_pipelines; i++)
            ls_pipeline_complete(&pipelines[i], now_ps);
        ls_serving_settle(serving, now_ps);
        for (int64_t i = 0; i < serving->n_pipelines; i++)
            ls_pipeline_fill(&pipelines[i], now_ps);
        if (serving->n_pipelines == 1) /* what others would bring could come sooner */
            ls_pipeline_coast(&pipelines[0], next_arrival_ps(serving, more ? arrival.arrival_ps : LS_PS_NEVER));
    }
}

static void advance_all(struct ls_serving *serving, int64_t until_ps)
{
    for (int64_t i = 0; i < serving->n_pipelines; i++)
        ls_pipeline_advance(&serving->pipelines[i], until_ps);
}

/* Pipelines matter to each other only as far as the router compares them. */
static void run_apart(struct ls_serving *serving)
{
    struct ls_pool *const pool = &serving->pools[0];
    const bool present = ls_pool_needs_present(pool);
    struct ls_arrival arrival;
    while (ls_source_next(&serving->source, &arrival)) {
        const int64_t report_ps = ls_pool_report_due_ps(pool, arrival.arrival_ps);
        if (report_ps != LS_PS_NEVER) {
            advance_all(serving, report_ps);
            ls_pool_report(pool, arrival.arrival_ps);
        }
        if (present)
            advance_all(serving, arrival.arrival_ps);
        ls_serving_route(serving, &arrival);
    }
}

void ls_serving_run_medium(struct ls_serving *serving)
{
    if (serving->n_pools > 1 || ls_source_is_followed(&serving->source))
        run_in_order(serving);
    else
        run_apart(serving);
    const int64_t until_ps = horizon_ps(serving) == LS_PS_NEVER ? LS_PS_NEVER : horizon_ps(serving) + 1;
    for (int64_t i = 0; i < serving->n_pipelines; i++) {
        ls_pipeline_advance(&serving->pipelines[i], until_ps);
        serving->n_events += serving->pipelines[i].n_steps - serving->pipelines[i].n_in_flight;
    }
}

/* Completions bring arrivals. */
static enum ls_status watch_completions(struct ls_serving *serving, struct ls_arena *arena)
{
    const int64_t users = ls_source_users(&serving->source), n = users > 0 ? users : 1024;
    for (int64_t i = 0; i < serving->n_pipelines; i++) {
        for (int64_t j = 0; j < serving->pipelines[i].n_members; j++) {
            serving->pipelines[i].members[j].completed = note_completed;
            serving->pipelines[i].members[j].context = serving;
        }
    }
    return ls_followers_init(&serving->followers, arena, n);
}

static enum ls_status init_pools(struct ls_serving *serving, const struct ls_pool_plan *plans, struct ls_arena *arena,
                                 struct ls_err *err)
{
    int64_t nic_stride = 0;
    const struct ls_pool_setup setup = {
        .requests = &serving->requests, .collector = serving->collector, .watch = serving->watch, .arena = arena};
    for (int i = 0; i < serving->n_pools; i++) {
        const struct ls_scenario *scenario = serving->pools[i].scenario = plans[i].scenario;
        serving->n_pipelines += scenario->strategy.dp;
        if (scenario->cluster.nics_per_node > nic_stride)
            nic_stride = scenario->cluster.nics_per_node;
    }
    serving->pipelines = ls_arena_take(arena, (size_t)serving->n_pipelines * sizeof *serving->pipelines);
    if (!serving->pipelines)
        return ls_fail(err, LS_NOMEM, "out of memory for the pipelines");
    struct ls_pipeline *next = serving->pipelines;
    for (int i = 0; i < serving->n_pools; i++) {
        const enum ls_status status = ls_pool_init(&serving->pools[i], next, plans[i].kv_blocks, &setup, err);
        if (status)
            return status;
        serving->pools[i].nic_stride = nic_stride;
        next += serving->pools[i].n_pipelines;
    }
    for (int64_t i = 0; i < serving->n_pipelines; i++) {
        serving->pipelines[i].id = i;
        serving->pipelines[i].first_group = serving->n_groups;
        serving->n_groups += serving->pipelines[i].n_stages;
    }
    return LS_OK;
}

static enum ls_status init(struct ls_serving *serving, const struct ls_pool_plan *plans, struct ls_arena *arena,
                           struct ls_err *err)
{
    serving->reports = serving->scenario->engine.router_staleness_s > 0;
    ls_source_init(&serving->source, serving->scenario);
    if (ls_request_pool_init(&serving->requests, arena, ls_source_reserve(&serving->source)))
        return ls_fail(err, LS_NOMEM, "out of memory for requests");
    const enum ls_status status = init_pools(serving, plans, arena, err);
    if (status)
        return status;
    if ((ls_source_is_followed(&serving->source) && watch_completions(serving, arena)) ||
        ls_links_init(&serving->links, serving->pools, serving->n_pools, serving->n_groups, arena) ||
        (serving->n_pools > 1 && ls_handover_init(&serving->handover, serving->scenario, &serving->pools[0],
                                                  &serving->pools[1], &serving->requests, arena)))
        return ls_fail(err, LS_NOMEM, "out of memory for the simulation's tables");
    return LS_OK;
}

static bool ran_out_of_memory(const struct ls_serving *serving)
{
    bool any = serving->out_of_memory;
    for (int64_t i = 0; i < serving->n_pipelines; i++)
        for (int64_t j = 0; j < serving->pipelines[i].n_members; j++)
            any |= serving->pipelines[i].members[j].out_of_memory;
    return any;
}

/* Nobody is lost: whoever is still there waits or runs, and only those who run hold KV blocks. */
static void assert_conserved(const struct ls_serving *serving)
{
    int64_t n_there = serving->handover.given.n;
    for (int64_t i = 0; i < serving->n_pipelines; i++) {
        for (int64_t j = 0; j < serving->pipelines[i].n_members; j++) {
            const struct ls_scheduler *s = &serving->pipelines[i].members[j];
            assert(s->running.n + s->n_left_blocks + s->n_fetching > 0 || s->n_free == s->n_blocks);
            n_there += ls_scheduler_load(s);
        }
    }
    n_there += serving->collector->n_late;
    assert(n_there == serving->requests.n_live);
    assert(n_there == 0 || horizon_ps(serving) != LS_PS_NEVER);
}

/* The run itself, without what becomes of its results. */
static enum ls_status run(struct ls_serving *serving, const struct ls_pool_plan *plans, struct ls_arena *arena,
                          struct ls_err *err)
{
    ls_collector_clear(serving->collector, serving->scenario);
    const enum ls_status status = init(serving, plans, arena, err);
    if (status)
        return status;
    if (serving->scenario->strategy.lod != LS_LOD_HIGH)
        ls_serving_run_medium(serving);
    else if (ls_serving_run_high(serving, arena))
        serving->out_of_memory = true;
    if (serving->watch->stopped)
        return ls_fail(err, LS_STOPPED, "stopped");
    if (ran_out_of_memory(serving))
        return ls_fail(err, LS_NOMEM, "out of memory: %lld requests are in the system at once",
                       (long long)serving->requests.n_live);
    if (serving->collector->last_completion_ps > LS_PS_MAX)
        return ls_fail(err, LS_FAILED, "simulated time exceeds 106 days");
    assert_conserved(serving);
    return LS_OK;
}

static enum ls_status find_cut_off(const struct ls_request_pool *requests, struct ls_arena *arena,
                                   struct ls_cut_off *cut_off)
{
    *cut_off = (struct ls_cut_off){.indexes = ls_arena_take(arena, (size_t)requests->n_live * sizeof(uint64_t))};
    if (!cut_off->indexes)
        return LS_NOMEM;
    for (uint32_t id = 0; id < requests->n_used; id++) {
        const struct ls_request *request = ls_request_at(requests, id);
        if (request->state != LS_REQUEST_FREE && request->first_token_ps >= 0)
            cut_off->indexes[cut_off->n++] = request->index;
    }
    qsort(cut_off->indexes, cut_off->n, sizeof *cut_off->indexes, compare_indexes);
    return LS_OK;
}

/* A run that nobody looks on at, to know what the end cuts off. */
static enum ls_status foresee_cut_off(struct ls_serving *serving, const struct ls_pool_plan *plans,
                                      struct ls_arena *arena, struct ls_err *err)
{
    struct ls_serving first = *serving;
    const struct ls_observer *observer = serving->collector->observer;
    serving->collector->observer = NULL;
    const enum ls_status status = run(&first, plans, arena, err);
    serving->collector->observer = observer;
    if (status)
        return status;
    if (find_cut_off(&first.requests, arena, &serving->cut_off))
        return ls_fail(err, LS_NOMEM, "out of memory for the requests that the end cuts off");
    return LS_OK;
}

static enum ls_status run_and_measure(struct ls_serving *serving, const struct ls_pool_plan *plans,
                                      struct ls_arena *arena, struct ls_metrics *metrics, struct ls_err *err)
{
    enum ls_status status = LS_OK;
    if (!serving->scenario->workload.drain)
        status = foresee_cut_off(serving, plans, arena, err);
    if (!status)
        status = run(serving, plans, arena, err);
    if (status)
        return status;
    for (int64_t i = 0; i < serving->n_pipelines && horizon_ps(serving) != LS_PS_NEVER; i++)
        ls_pipeline_cut_off(&serving->pipelines[i]);
    if (serving->n_pools > 1 && horizon_ps(serving) != LS_PS_NEVER)
        ls_handover_cut_off(&serving->handover);
    ls_serving_metrics(serving, metrics);
    return LS_OK;
}

enum ls_status ls_serving_run(const struct ls_scenario *scenario, int64_t kv_blocks, struct ls_collector *collector,
                              struct ls_arena *arena, struct ls_watch *watch, struct ls_metrics *metrics,
                              struct ls_err *err)
{
    const struct ls_pool_plan plan = {scenario, kv_blocks};
    struct ls_serving serving = {.scenario = scenario, .collector = collector, .watch = watch, .n_pools = 1};
    return run_and_measure(&serving, &plan, arena, metrics, err);
}

enum ls_status ls_serving_run_pools(const struct ls_scenario *scenario,
                                    const struct ls_pool_plan plans[LS_N_POOL_ROLES], struct ls_collector *collector,
                                    struct ls_arena *arena, struct ls_watch *watch, struct ls_metrics *metrics,
                                    struct ls_err *err)
{
    struct ls_serving serving = {
        .scenario = scenario, .collector = collector, .watch = watch, .n_pools = LS_N_POOL_ROLES};
    return run_and_measure(&serving, plans, arena, metrics, err);
}
