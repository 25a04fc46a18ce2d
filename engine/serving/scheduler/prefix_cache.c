#include "engine/serving/scheduler/prefix_cache.h"
#include "engine/sim/least.h"

#include <assert.h>
#include <string.h>

enum { N_FIRST_BUCKETS = 64 };

/* -- the queue of free blocks -- */

/* Put a run behind `before`; null: at the front. */
static struct ls_free_run *insert_run(struct ls_prefix_cache *cache, struct ls_free_run *before, struct ls_free_run run)
{
    struct ls_free_run *inserted = ls_slab_take(&cache->runs);
    run.prev = before;
    run.next = before ? before->next : cache->first;
    *inserted = run;
    *(run.prev ? &run.prev->next : &cache->first) = inserted;
    *(run.next ? &run.next->prev : &cache->last) = inserted;
    return inserted;
}

static void remove_run(struct ls_prefix_cache *cache, struct ls_free_run *run)
{
    *(run->prev ? &run->prev->next : &cache->first) = run->next;
    *(run->next ? &run->next->prev : &cache->last) = run->prev;
    ls_slab_give(&cache->runs, run);
}

/* Blocks of which nothing is known, behind `before`. */
static void insert_blank(struct ls_prefix_cache *cache, struct ls_free_run *before, int64_t n)
{
    if (n == 0)
        return;
    if (before && !before->part)
        before->to += n;
    else
        (void)insert_run(cache, before, (struct ls_free_run){.to = n});
}

/* -- the table of parts -- */

static struct ls_cached_part **bucket_of(const struct ls_prefix_cache *cache, uint64_t key)
{
    return &cache->table[key & (cache->n_buckets - 1)];
}

static struct ls_cached_part *find_part(const struct ls_prefix_cache *cache, uint64_t key)
{
    struct ls_cached_part *part = *bucket_of(cache, key);
    while (part && part->key != key)
        part = part->bucket;
    return part;
}

static void put_in_bucket(struct ls_prefix_cache *cache, struct ls_cached_part *part)
{
    struct ls_cached_part **bucket = bucket_of(cache, part->key);
    part->bucket = *bucket;
    *bucket = part;
}

/* Twice the buckets; without memory for them the old ones serve, more slowly. */
static void grow_table(struct ls_prefix_cache *cache)
{
    struct ls_cached_part **const old = cache->table;
    const uint64_t n_old = cache->n_buckets;
    struct ls_cached_part **table = ls_arena_take(cache->parts.arena, 2 * n_old * sizeof(struct ls_cached_part *));
    if (!table)
        return;
    memset(table, 0, 2 * n_old * sizeof(struct ls_cached_part *));
    cache->table = table;
    cache->n_buckets = 2 * n_old;
    for (uint64_t i = 0; i < n_old; i++) {
        for (struct ls_cached_part *part = old[i]; part;) {
            struct ls_cached_part *const next = part->bucket;
            put_in_bucket(cache, part);
            part = next;
        }
    }
}

static struct ls_cached_part *add_part(struct ls_prefix_cache *cache, uint64_t key)
{
    if (cache->n_parts == cache->n_buckets)
        grow_table(cache);
    struct ls_cached_part *part = ls_slab_take(&cache->parts);
    *part = (struct ls_cached_part){.key = key, .report = cache->report};
    put_in_bucket(cache, part);
    cache->n_parts++;
    return part;
}

static void drop_part(struct ls_prefix_cache *cache, struct ls_cached_part *part)
{
    struct ls_cached_part **link = bucket_of(cache, part->key);
    while (*link != part)
        link = &(*link)->bucket;
    *link = part->bucket;
    cache->n_parts--;
    ls_slab_give(&cache->parts, part);
}

/* -- reports -- */

static int64_t reported(const struct ls_prefix_cache *cache, const struct ls_cached_part *part)
{
    return cache->report > 0 && part->report == cache->report ? part->n_reported : part->n_known;
}

/* What is known of a part is about to change. */
static void keep_reported(const struct ls_prefix_cache *cache, struct ls_cached_part *part)
{
    part->n_reported = reported(cache, part);
    part->report = cache->report;
}

/* Nothing is known of a part any more. */
static void forget_part(struct ls_prefix_cache *cache, struct ls_cached_part *part)
{
    if (part->gone)
        return;
    if (cache->report == 0 || part->n_reported == 0) {
        drop_part(cache, part);
        return;
    }
    part->gone = true;
    part->next_gone = cache->gone;
    cache->gone = part;
}

void ls_prefix_cache_report(struct ls_prefix_cache *cache)
{
    cache->report++;
    while (cache->gone) {
        struct ls_cached_part *part = cache->gone;
        cache->gone = part->next_gone;
        part->gone = false;
        if (part->n_known == 0)
            drop_part(cache, part);
    }
}

/* -- free blocks of a part -- */

/* The first `n` blocks of a part are no longer free. `blank`: others, of which nothing is known, stand in for them in
 * the queue. */
static void take_out(struct ls_prefix_cache *cache, struct ls_cached_part *part, int64_t n, bool blank)
{
    while (part->runs && part->runs->from < n) {
        struct ls_free_run *run = part->runs;
        const int64_t n_out = ls_min64(run->to, n) - run->from;
        run->from += n_out;
        if (blank)
            insert_blank(cache, run, n_out);
        if (run->from == run->to) {
            part->runs = run->above;
            remove_run(cache, run);
        }
    }
    part->n_held = ls_max64(part->n_held, n);
}

/* Blocks [n, n_held) of a part have become free. */
static void put_back(struct ls_prefix_cache *cache, struct ls_cached_part *part, int64_t n)
{
    if (n == part->n_held)
        return;
    part->runs = insert_run(cache, cache->last,
                            (struct ls_free_run){.part = part, .above = part->runs, .from = n, .to = part->n_held});
    part->n_held = n;
}

/* The highest free run of a part is used up. */
static void drop_highest(struct ls_prefix_cache *cache, struct ls_free_run *run)
{
    struct ls_free_run **link = &run->part->runs;
    while (*link != run)
        link = &(*link)->above;
    assert(!run->above);
    *link = NULL;
    if (run->part->n_known == 0)
        forget_part(cache, run->part);
}

void ls_prefix_cache_take(struct ls_prefix_cache *cache, int64_t n)
{
    while (n > 0) {
        struct ls_free_run *run = cache->first;
        assert(run);
        const int64_t n_taken = ls_min64(n, run->to - run->from);
        assert(!run->part || run->to == run->part->n_known);
        n -= n_taken;
        run->to -= n_taken;
        if (run->part) {
            keep_reported(cache, run->part);
            run->part->n_known -= n_taken;
        }
        if (run->from < run->to)
            return;
        if (run->part)
            drop_highest(cache, run);
        remove_run(cache, run);
    }
}

/* -- what requests hold -- */

static void push_hold(struct ls_prefix_cache *cache, struct ls_holding *holding, struct ls_cached_part *part)
{
    struct ls_hold *hold = ls_slab_take(&cache->holds);
    *hold = (struct ls_hold){.next = part->holds, .below = holding->top, .part = part};
    if (hold->next)
        hold->next->prev = hold;
    part->holds = hold;
    holding->top = hold;
}

/* Give one hold up. Returns how many blocks become free. */
static int64_t drop_hold(struct ls_prefix_cache *cache, struct ls_hold *hold)
{
    struct ls_cached_part *part = hold->part;
    const int64_t n_held = part->n_held, n_copies = hold->n_copies;
    *(hold->prev ? &hold->prev->next : &part->holds) = hold->next;
    if (hold->next)
        hold->next->prev = hold->prev;
    int64_t left = hold->n_held == n_held ? 0 : n_held; /* of the others, the one who holds most */
    for (const struct ls_hold *other = part->holds; other && left < n_held; other = other->next)
        left = ls_max64(left, other->n_held);
    put_back(cache, part, left);
    insert_blank(cache, cache->last, n_copies);
    ls_slab_give(&cache->holds, hold);
    return n_held - left + n_copies;
}

/* Where a block is: its part, and the part's first block. */
struct place {
    struct ls_content_part part;
    int64_t first;
};

static struct place place_of(const struct ls_prefix_cache *cache, const struct ls_content *content, int64_t block)
{
    struct place place = {.part = ls_content_part_at(content, (block + 1) * cache->block_size - 1)};
    place.first = place.part.first_tok / cache->block_size;
    return place;
}

/* Blocks of its part that end within the first n_blocks of the content. */
static int64_t blocks_within(const struct ls_prefix_cache *cache, const struct place *place, int64_t n_blocks)
{
    return ls_min64(place->part.end_tok / cache->block_size, n_blocks) - place->first;
}

struct ls_prefix_hit ls_prefix_cache_find(const struct ls_prefix_cache *cache, const struct ls_content *content,
                                          int64_t max_tok)
{
    struct ls_prefix_hit hit = {0};
    if (cache->n_parts == 0)
        return hit;
    const int64_t n_blocks = max_tok / cache->block_size;
    while (hit.n_blocks < n_blocks) {
        const struct place place = place_of(cache, content, hit.n_blocks);
        const struct ls_cached_part *part = find_part(cache, place.part.key);
        if (!part)
            break;
        const int64_t within = blocks_within(cache, &place, n_blocks), n_known = ls_min64(part->n_known, within);
        hit.n_free += ls_max64(0, n_known - part->n_held);
        hit.n_blocks = place.first + n_known;
        if (n_known < within)
            break;
    }
    return hit;
}

int64_t ls_prefix_cache_match(const struct ls_prefix_cache *cache, const struct ls_content *content, int64_t max_tok)
{
    const int64_t n_blocks = max_tok / cache->block_size;
    int64_t n_found = 0;
    while (n_found < n_blocks) {
        const struct place place = place_of(cache, content, n_found);
        const struct ls_cached_part *part = find_part(cache, place.part.key);
        const int64_t within = blocks_within(cache, &place, n_blocks);
        const int64_t n_known = part ? ls_min64(reported(cache, part), within) : 0;
        n_found = place.first + n_known;
        if (n_known < within)
            break;
    }
    return n_found * cache->block_size;
}

/* Nobody else will look for any of it. */
static bool is_private(const struct ls_content *content)
{
    return content->own && content->head_tok == 0;
}

/* Enough of everything for what running requests may come to need: for each part a hold, the part, and when it is given
 * up a run of it, one of copies and one in the place of blocks that are known already. */
static bool reserve(struct ls_prefix_cache *cache, int64_t n_parts)
{
    const int64_t n = cache->n_reserved + n_parts;
    if (!ls_slab_reserve(&cache->parts, n) || !ls_slab_reserve(&cache->holds, n) ||
        !ls_slab_reserve(&cache->runs, 4 * n))
        return false;
    cache->n_reserved = n;
    return true;
}

bool ls_prefix_cache_admit(struct ls_prefix_cache *cache, const struct ls_content *content, int64_t n_blocks,
                           struct ls_holding *holding)
{
    assert(!holding->top && holding->n_blocks == 0);
    if (!reserve(cache, ls_content_n_parts(content) + 1))
        return false;
    for (int64_t block = 0; block < n_blocks;) {
        const struct place place = place_of(cache, content, block);
        push_hold(cache, holding, find_part(cache, place.part.key));
        holding->top->n_held = blocks_within(cache, &place, n_blocks);
        take_out(cache, holding->top->part, holding->top->n_held, false);
        block = place.first + holding->top->n_held;
    }
    holding->n_blocks = (int32_t)n_blocks;
    holding->apart = false;
    return true;
}

/* A request comes to hold all blocks of a part up to its end or n_blocks of the content; those that were known already
 * are its copies as long as others hold them, and change places with free ones. */
static void hold_part(struct ls_prefix_cache *cache, const struct place *place, int64_t n_blocks,
                      struct ls_holding *holding)
{
    struct ls_cached_part *part = find_part(cache, place->part.key);
    const int64_t n_before = holding->n_blocks - place->first, n_held = blocks_within(cache, place, n_blocks);
    if (!part)
        part = add_part(cache, place->part.key);
    if (n_before == 0)
        push_hold(cache, holding, part);
    assert(holding->top->part == part && holding->top->n_held == n_before);
    holding->top->n_copies = ls_max64(0, ls_min64(part->n_held, n_held) - n_before);
    holding->top->n_held = n_held;
    take_out(cache, part, n_held, true);
    keep_reported(cache, part);
    part->n_known = ls_max64(part->n_known, n_held);
    holding->n_blocks = (int32_t)(place->first + n_held);
}

void ls_prefix_cache_learn(struct ls_prefix_cache *cache, const struct ls_content *content, struct ls_holding *holding,
                           int64_t end_tok)
{
    if (is_private(content))
        return;
    const int64_t n_blocks = end_tok / cache->block_size;
    while (!holding->apart && holding->n_blocks < n_blocks) {
        const struct place place = place_of(cache, content, holding->n_blocks);
        if (place.part.own) /* nobody else will look for it */
            return;
        const struct ls_cached_part *part = find_part(cache, place.part.key);
        holding->apart = part && part->n_known > holding->n_blocks - place.first;
        if (!holding->apart)
            hold_part(cache, &place, n_blocks, holding);
    }
}

int64_t ls_prefix_cache_release(struct ls_prefix_cache *cache, const struct ls_content *content,
                                struct ls_holding *holding, const struct ls_stored *stored)
{
    const int64_t n_full = stored->back || !is_private(content) ? stored->n_tok / cache->block_size : 0;
    while (holding->n_blocks < n_full) {
        const struct place place = place_of(cache, content, holding->n_blocks);
        if (place.part.own && !stored->back)
            break;
        hold_part(cache, &place, n_full, holding);
    }
    int64_t n_free = stored->n_blocks - holding->n_blocks;
    insert_blank(cache, cache->last, n_free);
    for (struct ls_hold *hold = holding->top; hold;) {
        struct ls_hold *const below = hold->below;
        n_free += drop_hold(cache, hold);
        hold = below;
    }
    *holding = (struct ls_holding){0};
    cache->n_reserved -= ls_content_n_parts(content) + 1;
    return n_free;
}

enum ls_status ls_prefix_cache_init(struct ls_prefix_cache *cache, int64_t block_size, int64_t n_blocks,
                                    struct ls_arena *arena)
{
    *cache = (struct ls_prefix_cache){.block_size = block_size, .n_buckets = N_FIRST_BUCKETS};
    ls_slab_init(&cache->parts, arena, sizeof(struct ls_cached_part));
    ls_slab_init(&cache->runs, arena, sizeof(struct ls_free_run));
    ls_slab_init(&cache->holds, arena, sizeof(struct ls_hold));
    cache->table = ls_arena_take(arena, N_FIRST_BUCKETS * sizeof(struct ls_cached_part *));
    if (!cache->table || !ls_slab_reserve(&cache->runs, 1))
        return LS_NOMEM;
    memset(cache->table, 0, N_FIRST_BUCKETS * sizeof(struct ls_cached_part *));
    insert_blank(cache, NULL, n_blocks);
    return LS_OK;
}

/* -- for tests -- */

static bool part_is_sound(const struct ls_cached_part *part)
{
    int64_t n_held = 0, end = part->n_held;
    for (const struct ls_hold *hold = part->holds; hold; hold = hold->next) {
        n_held = ls_max64(n_held, hold->n_held);
        if (hold->part != part || hold->n_held <= 0 || (hold->next && hold->next->prev != hold))
            return false;
    }
    for (const struct ls_free_run *run = part->runs; run; run = run->above) {
        if (run->part != part || run->from != end || run->to <= run->from)
            return false;
        end = run->to;
    }
    return n_held == part->n_held && end == part->n_known && (part->n_known > 0 || part->gone);
}

bool ls_prefix_cache_is_sound(const struct ls_prefix_cache *cache, int64_t n_free)
{
    uint64_t n_parts = 0;
    for (uint64_t i = 0; i < cache->n_buckets; i++) {
        for (const struct ls_cached_part *part = cache->table[i]; part; part = part->bucket) {
            n_parts++;
            if (!part_is_sound(part) || find_part(cache, part->key) != part)
                return false;
        }
    }
    for (const struct ls_free_run *run = cache->first; run; run = run->next) {
        n_free -= run->to - run->from;
        if (run->to <= run->from || (run->next ? run->next->prev != run : cache->last != run))
            return false;
    }
    return n_parts == cache->n_parts && n_free == 0;
}
