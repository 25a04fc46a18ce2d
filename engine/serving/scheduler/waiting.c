#include "engine/serving/scheduler/waiting.h"

#include <assert.h>
#include <stddef.h>

static int64_t rank_by_priority(const struct ls_request *request)
{
    return request->priority;
}

/* All of its tokens, as if its output were known: the bound for schedulers that predict it. */
static int64_t rank_by_job(const struct ls_request *request)
{
    return (int64_t)request->prompt_tok + request->output_tok;
}

const struct ls_policy_ops ls_policies[LS_N_POLICIES] = {
    {"fcfs", NULL},
    {"priority", rank_by_priority},
    {"sjf", rank_by_job},
};

const char *const ls_policy_names[LS_N_POLICIES + 1] = {"fcfs", "priority", "sjf", NULL};

void ls_waiting_init(struct ls_waiting *waiting, const struct ls_policy_ops *policy)
{
    *waiting = (struct ls_waiting){.policy = policy, .line = ls_request_list_empty, .root = LS_NO_REQUEST};
}

/* The two heaps as one; either may be empty, and neither root has siblings. */
static uint32_t meld(const struct ls_request_pool *pool, uint32_t a, uint32_t b)
{
    if (a == LS_NO_REQUEST)
        return b;
    if (b == LS_NO_REQUEST)
        return a;
    struct ls_request *x = ls_request_at(pool, a), *y = ls_request_at(pool, b);
    if (ls_ranks_before(y, x)) {
        x->next = y->prev;
        y->prev = a;
        return b;
    }
    y->next = x->prev;
    x->prev = b;
    return a;
}

static void insert(struct ls_waiting *waiting, const struct ls_request_pool *pool, uint32_t id)
{
    struct ls_request *request = ls_request_at(pool, id);
    request->next = request->prev = LS_NO_REQUEST;
    waiting->root = meld(pool, waiting->root, id);
}

static uint32_t detach(const struct ls_request_pool *pool, uint32_t id)
{
    struct ls_request *request = ls_request_at(pool, id);
    const uint32_t next = request->next;
    request->next = LS_NO_REQUEST;
    return next;
}

/* The children of the root as one heap: in pairs from the first, then one by one from the last. */
static void remove_root(struct ls_waiting *waiting, const struct ls_request_pool *pool)
{
    uint32_t pairs = LS_NO_REQUEST, heap = LS_NO_REQUEST;
    for (uint32_t a = ls_request_at(pool, waiting->root)->prev; a != LS_NO_REQUEST;) {
        const uint32_t b = detach(pool, a);
        const uint32_t rest = b == LS_NO_REQUEST ? b : detach(pool, b);
        const uint32_t pair = meld(pool, a, b);
        ls_request_at(pool, pair)->next = pairs;
        pairs = pair;
        a = rest;
    }
    while (pairs != LS_NO_REQUEST) {
        const uint32_t rest = detach(pool, pairs);
        heap = meld(pool, heap, pairs);
        pairs = rest;
    }
    waiting->root = heap;
}

void ls_waiting_come(struct ls_waiting *waiting, const struct ls_request_pool *pool, uint32_t id)
{
    struct ls_request *request = ls_request_at(pool, id);
    request->turn = waiting->n_came++;
    request->rank = waiting->policy->rank ? waiting->policy->rank(request) : 0;
    ls_request_list_append(&waiting->line, pool, id);
    waiting->n++;
}

void ls_waiting_return(struct ls_waiting *waiting, const struct ls_request_pool *pool, uint32_t id)
{
    if (waiting->policy->rank)
        insert(waiting, pool, id);
    else
        ls_request_list_prepend(&waiting->line, pool, id);
    waiting->n++;
}

static bool line_has(const struct ls_waiting *waiting, const struct ls_request_pool *pool, int64_t seen_ps)
{
    return waiting->line.n > 0 && ls_request_at(pool, waiting->line.head)->ready_ps <= seen_ps;
}

uint32_t ls_waiting_first(struct ls_waiting *waiting, const struct ls_request_pool *pool, int64_t seen_ps)
{
    if (!waiting->policy->rank)
        return line_has(waiting, pool, seen_ps) ? waiting->line.head : LS_NO_REQUEST;
    while (line_has(waiting, pool, seen_ps)) {
        const uint32_t id = waiting->line.head;
        ls_request_list_remove(&waiting->line, pool, id);
        insert(waiting, pool, id);
    }
    return waiting->root;
}

void ls_waiting_take(struct ls_waiting *waiting, const struct ls_request_pool *pool, uint32_t first)
{
    if (waiting->policy->rank) {
        assert(first == waiting->root);
        remove_root(waiting, pool);
    } else {
        ls_request_list_remove(&waiting->line, pool, first);
    }
    waiting->n--;
}
