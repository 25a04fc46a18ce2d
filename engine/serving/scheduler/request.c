#include "engine/serving/scheduler/request.h"

#include <assert.h>
#include <string.h>

static enum ls_status add_block(struct ls_request_pool *pool)
{
    if (pool->n_blocks == pool->capacity) {
        const uint32_t capacity = pool->capacity ? 2 * pool->capacity : 64;
        struct ls_request **blocks = ls_arena_take(pool->arena, capacity * sizeof *blocks);
        if (!blocks)
            return LS_NOMEM;
        if (pool->n_blocks > 0)
            memcpy(blocks, pool->blocks, pool->n_blocks * sizeof *blocks);
        pool->blocks = blocks;
        pool->capacity = capacity;
    }
    struct ls_request *block = ls_arena_take(pool->arena, LS_REQUEST_BLOCK * sizeof *block);
    if (!block)
        return LS_NOMEM;
    pool->blocks[pool->n_blocks++] = block;
    return LS_OK;
}

enum ls_status ls_request_pool_init(struct ls_request_pool *pool, struct ls_arena *arena, int64_t reserve)
{
    *pool = (struct ls_request_pool){.arena = arena, .free = LS_NO_REQUEST};
    do {
        if (add_block(pool))
            return LS_NOMEM;
    } while ((int64_t)pool->n_blocks * LS_REQUEST_BLOCK < reserve);
    return LS_OK;
}

uint32_t ls_request_new(struct ls_request_pool *pool)
{
    const bool again = pool->free != LS_NO_REQUEST;
    if (!again && pool->n_used == pool->n_blocks << LS_REQUEST_BLOCK_BITS && add_block(pool))
        return LS_NO_REQUEST;
    const uint32_t id = again ? pool->free : pool->n_used++;
    struct ls_request *request = ls_request_at(pool, id);
    const uint32_t epoch = again ? request->epoch : 0;
    if (again)
        pool->free = request->next;
    memset(request, 0, sizeof *request);
    request->epoch = epoch;
    request->state = LS_REQUEST_WAITING;
    request->scheduled_ps = request->first_token_ps = -1;
    pool->n_live++;
    if (pool->n_live > pool->max_live)
        pool->max_live = pool->n_live;
    return id;
}

void ls_request_free(struct ls_request_pool *pool, uint32_t id)
{
    struct ls_request *request = ls_request_at(pool, id);
    request->epoch++;
    request->state = LS_REQUEST_FREE;
    request->next = pool->free;
    pool->free = id;
    pool->n_live--;
}

void ls_request_list_append(struct ls_request_list *list, const struct ls_request_pool *pool, uint32_t id)
{
    struct ls_request *request = ls_request_at(pool, id);
    request->next = LS_NO_REQUEST;
    request->prev = list->tail;
    if (list->tail == LS_NO_REQUEST)
        list->head = id;
    else
        ls_request_at(pool, list->tail)->next = id;
    list->tail = id;
    list->n++;
}

void ls_request_list_prepend(struct ls_request_list *list, const struct ls_request_pool *pool, uint32_t id)
{
    struct ls_request *request = ls_request_at(pool, id);
    request->prev = LS_NO_REQUEST;
    request->next = list->head;
    if (list->head == LS_NO_REQUEST)
        list->tail = id;
    else
        ls_request_at(pool, list->head)->prev = id;
    list->head = id;
    list->n++;
}

void ls_request_list_insert(struct ls_request_list *list, const struct ls_request_pool *pool, uint32_t prev,
                            uint32_t id)
{
    if (prev == LS_NO_REQUEST) {
        ls_request_list_prepend(list, pool, id);
        return;
    }
    if (prev == list->tail) {
        ls_request_list_append(list, pool, id);
        return;
    }
    struct ls_request *request = ls_request_at(pool, id), *before = ls_request_at(pool, prev);
    request->prev = prev;
    request->next = before->next;
    ls_request_at(pool, before->next)->prev = id;
    before->next = id;
    list->n++;
}

void ls_request_list_remove(struct ls_request_list *list, const struct ls_request_pool *pool, uint32_t id)
{
    const struct ls_request *request = ls_request_at(pool, id);
    assert(list->n > 0);
    if (request->prev == LS_NO_REQUEST)
        list->head = request->next;
    else
        ls_request_at(pool, request->prev)->next = request->next;
    if (request->next == LS_NO_REQUEST)
        list->tail = request->prev;
    else
        ls_request_at(pool, request->next)->prev = request->prev;
    list->n--;
}
