#ifndef LS_TESTS_PLAIN_STORE_H
#define LS_TESTS_PLAIN_STORE_H

/* The KV blocks of a scheduler the plain way: every block a thing of its own, with what it holds, who uses it and its
 * place in the queue of free ones. For engine/serving/scheduler/prefix_cache.h, which counts them. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/serving/workload/content.h"

enum { PLAIN_BUCKETS = 1 << 12, PLAIN_NONE = -1 };

struct plain_block {
    bool known;
    uint64_t key;  /* of the part of content, */
    int64_t index; /* and which block of the content */
    int64_t n_users;
    int before, after; /* in the queue */
    int same_bucket;
};

struct plain_store {
    struct plain_block *blocks;
    int64_t block_size, n_free;
    int first, last; /* the queue */
    bool caching;
    int buckets[PLAIN_BUCKETS]; /* known blocks */
    int64_t n_blocks;
    struct plain_store *told; /* as it was at the last report; null without one */
};

/* What a request uses. */
struct plain_holding {
    int *blocks;
    int64_t n, capacity;
    int64_t n_known; /* from the beginning: told to others or got from them */
    bool apart;
};

static inline void plain_enqueue(struct plain_store *store, int at)
{
    struct plain_block *block = &store->blocks[at];
    block->before = store->last;
    block->after = PLAIN_NONE;
    if (store->last == PLAIN_NONE)
        store->first = at;
    else
        store->blocks[store->last].after = at;
    store->last = at;
    store->n_free++;
}

static inline void plain_dequeue(struct plain_store *store, int at)
{
    const struct plain_block *block = &store->blocks[at];
    if (block->before == PLAIN_NONE)
        store->first = block->after;
    else
        store->blocks[block->before].after = block->after;
    if (block->after == PLAIN_NONE)
        store->last = block->before;
    else
        store->blocks[block->after].before = block->before;
    store->n_free--;
}

static inline void plain_store_init(struct plain_store *store, int64_t n_blocks, int64_t block_size, bool caching)
{
    *store = (struct plain_store){.block_size = block_size, .first = PLAIN_NONE, .last = PLAIN_NONE};
    store->caching = caching;
    store->n_blocks = n_blocks;
    store->blocks = calloc((size_t)n_blocks, sizeof *store->blocks);
    for (int i = 0; i < PLAIN_BUCKETS; i++)
        store->buckets[i] = PLAIN_NONE;
    for (int i = 0; i < (int)n_blocks; i++)
        plain_enqueue(store, i);
}

static inline int *plain_bucket(struct plain_store *store, uint64_t key, int64_t index)
{
    return &store->buckets[(key + (uint64_t)index * 31) % PLAIN_BUCKETS];
}

static inline struct ls_content_part plain_part(const struct plain_store *store, const struct ls_content *content,
                                                int64_t index)
{
    return ls_content_part_at(content, (index + 1) * store->block_size - 1);
}

/* The known block that holds block `index` of a content. */
static inline int plain_find_block(struct plain_store *store, const struct ls_content *content, int64_t index)
{
    const uint64_t key = plain_part(store, content, index).key;
    int at = *plain_bucket(store, key, index);
    while (at != PLAIN_NONE && !(store->blocks[at].key == key && store->blocks[at].index == index))
        at = store->blocks[at].same_bucket;
    return at;
}

static inline void plain_tell(struct plain_store *store, int at, const struct ls_content *content, int64_t index)
{
    struct plain_block *block = &store->blocks[at];
    block->known = true;
    block->key = plain_part(store, content, index).key;
    block->index = index;
    int *bucket = plain_bucket(store, block->key, index);
    block->same_bucket = *bucket;
    *bucket = at;
}

static inline void plain_forget(struct plain_store *store, int at)
{
    struct plain_block *block = &store->blocks[at];
    if (!block->known)
        return;
    int *link = plain_bucket(store, block->key, block->index);
    while (*link != at)
        link = &store->blocks[*link].same_bucket;
    *link = block->same_bucket;
    block->known = false;
}

/* Blocks of a content that are known, within its first max_tok tokens; *n_free: those among them that nobody uses. */
static inline int64_t plain_store_find(struct plain_store *store, const struct ls_content *content, int64_t max_tok,
                                       int64_t *n_free)
{
    int64_t n = 0;
    *n_free = 0;
    for (; store->caching && (n + 1) * store->block_size <= max_tok; n++) {
        const int at = plain_find_block(store, content, n);
        if (at == PLAIN_NONE)
            break;
        *n_free += store->blocks[at].n_users == 0;
    }
    return n;
}

/* The router learns what is known. */
static inline void plain_store_report(struct plain_store *store)
{
    const size_t bytes = (size_t)store->n_blocks * sizeof *store->blocks;
    if (!store->told) {
        store->told = malloc(sizeof *store->told);
        store->told->blocks = malloc(bytes);
    }
    struct plain_block *const blocks = store->told->blocks;
    *store->told = *store;
    store->told->blocks = memcpy(blocks, store->blocks, bytes);
}

/* Tokens of a content that the router thinks to be known. */
static inline int64_t plain_store_reported(struct plain_store *store, const struct ls_content *content, int64_t max_tok)
{
    int64_t n_free;
    return plain_store_find(store->told ? store->told : store, content, max_tok, &n_free) * store->block_size;
}

static inline void plain_store_free(struct plain_store *store)
{
    if (store->told)
        free(store->told->blocks);
    free(store->told);
    free(store->blocks);
}

static inline void plain_hold(struct plain_holding *holding, int at)
{
    if (holding->n == holding->capacity) {
        holding->capacity = 2 * holding->capacity + 8;
        holding->blocks = realloc(holding->blocks, (size_t)holding->capacity * sizeof *holding->blocks);
    }
    holding->blocks[holding->n++] = at;
}

/* Use the first n blocks, all of them known, and nothing else so far. */
static inline void plain_store_share(struct plain_store *store, struct plain_holding *holding,
                                     const struct ls_content *content, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const int at = plain_find_block(store, content, i);
        if (store->blocks[at].n_users++ == 0)
            plain_dequeue(store, at);
        plain_hold(holding, at);
    }
    holding->n_known = n;
    holding->apart = false;
}

/* Use n blocks in all, more of them from the front of the queue. */
static inline void plain_store_take(struct plain_store *store, struct plain_holding *holding, int64_t n)
{
    while (holding->n < n) {
        const int at = store->first;
        assert(at != PLAIN_NONE);
        plain_dequeue(store, at);
        plain_forget(store, at);
        store->blocks[at].n_users = 1;
        plain_hold(holding, at);
    }
}

/* A prompt is scheduled up to n_tok: tell the others what its full blocks hold, as long as nobody else has. */
static inline void plain_store_learn(struct plain_store *store, struct plain_holding *holding,
                                     const struct ls_content *content, int64_t n_tok)
{
    for (; store->caching && !holding->apart && holding->n_known < n_tok / store->block_size; holding->n_known++) {
        if (plain_part(store, content, holding->n_known).own)
            return;
        holding->apart = plain_find_block(store, content, holding->n_known) != PLAIN_NONE;
        if (holding->apart)
            return;
        plain_tell(store, holding->blocks[holding->n_known], content, holding->n_known);
    }
}

/* A request stops using its blocks, the last first. Before, it tells what nobody has been told of, and what is known of
 * free ones: the newer copy is the one that stays known. */
static inline void plain_store_release(struct plain_store *store, struct plain_holding *holding,
                                       const struct ls_content *content, int64_t n_tok, bool back)
{
    for (int64_t i = holding->n_known; store->caching && i < n_tok / store->block_size; i++) {
        if (plain_part(store, content, i).own && !back)
            continue;
        const int other = plain_find_block(store, content, i);
        if (other != PLAIN_NONE && store->blocks[other].n_users > 0)
            continue;
        if (other != PLAIN_NONE)
            plain_forget(store, other);
        plain_tell(store, holding->blocks[i], content, i);
    }
    while (holding->n > 0) {
        const int at = holding->blocks[--holding->n];
        if (--store->blocks[at].n_users == 0)
            plain_enqueue(store, at);
    }
    free(holding->blocks);
    *holding = (struct plain_holding){0};
}

#endif
