#ifndef LS_TESTS_PLAIN_ROUTER_H
#define LS_TESTS_PLAIN_ROUTER_H

/* Who gets a request, by what the schedulers of the plain deployment have: plain.h. */

#include "tests/property/plain_pipeline.h"

static int64_t plain_pool_size(const struct plain_pool *pool)
{
    return pool->scenario->strategy.dp * pool->scenario->strategy.ep;
}

static struct plain_scheduler *plain_scheduler_at(const struct plain_pool *pool, int64_t i)
{
    const int64_t ep = pool->scenario->strategy.ep;
    return &pool->pipelines[i / ep].members[i % ep];
}

static int64_t plain_load(const struct plain_scheduler *s)
{
    return s->n_expected + s->n_waiting + s->n_running + s->n_swapped + s->n_fetching + s->n_fetched;
}

static int64_t plain_prompts(struct plain_request *const *list, int64_t n)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += list[i]->prompt;
    return sum;
}

/* Prompt tokens of all requests that a scheduler has, or will have from its front end. */
static int64_t plain_prompt_load(const struct plain_pool *pool, int64_t at)
{
    const int64_t ep = pool->scenario->strategy.ep;
    const struct plain_pipeline *p = &pool->pipelines[at / ep];
    const struct plain_scheduler *s = plain_scheduler_at(pool, at);
    int64_t sum = plain_prompts(s->waiting, s->n_waiting) + plain_prompts(s->running, s->n_running) +
                  plain_prompts(s->swapped, s->n_swapped) + plain_prompts(s->fetching, s->n_fetching) +
                  plain_prompts(s->fetched, s->n_fetched);
    for (int64_t i = 0; i < p->n_chats; i++)
        sum += p->chats[i]->member == at % ep ? p->chats[i]->prompt : 0;
    for (int64_t i = 0; i < p->n_inbox; i++)
        sum += p->inbox[i]->member == at % ep ? p->inbox[i]->prompt : 0;
    return sum;
}

/* The router learns what the schedulers have to do. */
static void plain_look(struct plain_pool *pool)
{
    for (int64_t i = 0; i < plain_pool_size(pool); i++) {
        plain_scheduler_at(pool, i)->reported_load = plain_load(plain_scheduler_at(pool, i));
        plain_scheduler_at(pool, i)->reported_prompt = plain_prompt_load(pool, i);
    }
}

/* Before anything else happens at this instant: the reports that are due. */
static void plain_report(struct plain_pool *pool)
{
    const int64_t between_ps = ls_ps_from_s(pool->scenario->engine.router_staleness_s);
    if (between_ps == 0 || pool->plain->now_ps / between_ps < pool->n_reports)
        return;
    plain_look(pool);
    for (int64_t i = 0; i < plain_pool_size(pool); i++)
        plain_store_report(&plain_scheduler_at(pool, i)->store);
    pool->n_reports = pool->plain->now_ps / between_ps + 1;
}

static int64_t plain_hash_place(uint64_t hash, int64_t n)
{
    const uint64_t mixed = (hash ^ (hash >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
    return (int64_t)((double)(mixed >> 11) * 0x1p-53 * (double)n);
}

/* The first from `turn` on with the least. */
static int64_t plain_least(int64_t n, int64_t turn, const int64_t *cost)
{
    int64_t best = turn;
    for (int64_t i = 1; i < n; i++)
        if (cost[(turn + i) % n] < cost[best])
            best = (turn + i) % n;
    return best;
}

/* From where its prefix belongs on, the first without its share of the load and a bit more. */
static int64_t plain_affine(const struct plain_pool *pool, const struct ls_content *content)
{
    const int64_t n = plain_pool_size(pool);
    const uint64_t head = content->parts ? content->parts[0] : content->head;
    const int64_t home = plain_hash_place(content->head_tok > 0 ? head : content->stream, n);
    int64_t total = 1;
    for (int64_t i = 0; i < n; i++)
        total += plain_scheduler_at(pool, i)->reported_load;
    for (int64_t i = 0; i < n; i++) {
        const double load = (double)plain_scheduler_at(pool, (home + i) % n)->reported_load;
        if (load < ceil(pool->scenario->engine.router_load_factor * (double)total / (double)n))
            return (home + i) % n;
    }
    return home;
}

enum { PLAIN_MAX_SCHEDULERS = 16 };

static int64_t plain_choose(struct plain_pool *pool, const struct ls_content *content, uint64_t index, int64_t prompt)
{
    const struct ls_scenario *scenario = pool->scenario;
    const int64_t n = plain_pool_size(pool), turn = (int64_t)(index % (uint64_t)n);
    const char *router = ls_router_names[scenario->engine.router];
    const bool fresh = scenario->engine.router_staleness_s <= 0;
    struct ls_stream stream =
        ls_stream_make((uint64_t)scenario->seed, (uint64_t)scenario->replica, 0, index, LS_RNG_ROUTER);
    int64_t cost[PLAIN_MAX_SCHEDULERS];
    assert(n <= PLAIN_MAX_SCHEDULERS);
    if (fresh)
        plain_look(pool);
    if (strcmp(router, "round_robin") == 0)
        return turn;
    if (strcmp(router, "random") == 0)
        return (int64_t)(ls_stream_uniform(&stream) * (double)n);
    if (strcmp(router, "session") == 0)
        return content->own ? turn : plain_hash_place(content->stream, n);
    if (strcmp(router, "prefix_affinity") == 0)
        return plain_affine(pool, content);
    for (int64_t i = 0; i < n; i++) {
        struct plain_scheduler *s = plain_scheduler_at(pool, i);
        cost[i] = s->reported_load;
        if (strcmp(router, "kv_aware") == 0)
            cost[i] = s->reported_prompt + prompt - plain_store_reported(&s->store, content, prompt - 1);
    }
    return plain_least(n, turn, cost);
}

#endif
