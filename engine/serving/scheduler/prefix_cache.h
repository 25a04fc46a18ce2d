#ifndef LS_ENGINE_SERVING_SCHEDULER_PREFIX_CACHE_H
#define LS_ENGINE_SERVING_SCHEDULER_PREFIX_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/serving/workload/content.h"
#include "engine/sim/slab.h"
#include "engine/status.h"

/* The KV blocks of one scheduler, as far as it matters what they hold: vLLM V1's prefix cache. A full block is known by
 * what it holds and all that precedes it; it stays known when nobody holds it any more, until it is taken for something
 * else. Free blocks are taken in the order in which they became free, known or not; a request gives its last block back
 * first. So a block never outlives the ones before it, and what is known of a part of content (content.h) is a number
 * of blocks from its beginning: blocks are counted, not listed, and a request costs a few steps a part, not a block.
 *
 * A block becomes known when its prompt tokens are scheduled, in time for requests of the same pass. Blocks that
 * decodes fill become known when their request leaves; vLLM knows them at once, which only another request of the
 * session could tell that does not wait for the answer. A request that computes what another one has come to know in
 * the meantime keeps its own copies, and what it computes from then on becomes known when it leaves. */

struct ls_cached_part;
struct ls_hold;

/* Free blocks that stand together in the queue: blocks [from, to) of a part, the last of them first in line; or blocks
 * of which nothing is known, to − from of them. */
struct ls_free_run {
    struct ls_free_run *prev, *next;
    struct ls_cached_part *part; /* null: nothing is known */
    struct ls_free_run *above;   /* of the same part: the next one upwards */
    int64_t from, to;
};

/* What is known of a part: blocks [0, n_known), of which [0, n_held) are held by requests and the rest is free. Where
 * others know it by reports alone, a part remembers what the last one said from its first change on, and stays in the
 * table, with nothing known, until the next one when that was more than nothing. */
struct ls_cached_part {
    struct ls_cached_part *bucket; /* the next one of the table's bucket */
    uint64_t key;
    int64_t n_known, n_held;
    int64_t n_reported, report;       /* blocks by report number `report`; by later ones n_known */
    struct ls_cached_part *next_gone; /* of those that the next report drops, unless they are known again */
    bool gone;
    struct ls_free_run *runs; /* the lowest first */
    struct ls_hold *holds;
};

/* What a request holds of one part. */
struct ls_hold {
    struct ls_hold *prev, *next; /* of the same part */
    struct ls_hold *below;       /* of the same request: the part before this one */
    struct ls_cached_part *part;
    int64_t n_held;
    int64_t n_copies; /* of its own, of blocks that others hold */
};

/* What a request holds; all zero at first. */
struct ls_holding {
    struct ls_hold *top;
    int32_t n_blocks; /* known ones, from its beginning */
    bool apart;       /* it has met its own content: the rest becomes known when it leaves */
};

struct ls_prefix_cache {
    int64_t block_size;
    struct ls_free_run *first, *last; /* the queue of free blocks */
    struct ls_cached_part **table;    /* [n_buckets] */
    uint64_t n_buckets, n_parts;
    struct ls_slab parts, runs, holds;
    int64_t n_reserved; /* parts that running requests may still come to know */
    int64_t report;     /* number of the last one; 0: none is made */
    struct ls_cached_part *gone;
};

/* All of `n_blocks` are free. */
LS_NODISCARD enum ls_status ls_prefix_cache_init(struct ls_prefix_cache *cache, int64_t block_size, int64_t n_blocks,
                                                 struct ls_arena *arena);

/* A beginning of a request's content that is known. */
struct ls_prefix_hit {
    int64_t n_blocks;
    int64_t n_free; /* of these, nobody holds so many */
};

/* The longest one, of whole blocks within the first `max_tok` tokens. */
struct ls_prefix_hit ls_prefix_cache_find(const struct ls_prefix_cache *cache, const struct ls_content *content,
                                          int64_t max_tok);

/* Its tokens, for routers: as it is, or as the last report said. */
int64_t ls_prefix_cache_match(const struct ls_prefix_cache *cache, const struct ls_content *content, int64_t max_tok);

/* Report what is known. */
void ls_prefix_cache_report(struct ls_prefix_cache *cache);

/* A request is admitted, with nothing held: it holds what was found for it just now. False when memory is short;
 * nothing is done then. */
bool ls_prefix_cache_admit(struct ls_prefix_cache *cache, const struct ls_content *content, int64_t n_blocks,
                           struct ls_holding *holding);

/* Take `n` blocks that are free, whatever they hold. */
void ls_prefix_cache_take(struct ls_prefix_cache *cache, int64_t n);

/* The prompt of a request is scheduled up to `end_tok`: its full blocks become known. */
void ls_prefix_cache_learn(struct ls_prefix_cache *cache, const struct ls_content *content, struct ls_holding *holding,
                           int64_t end_tok);

/* What a request leaves behind. */
struct ls_stored {
    int64_t n_blocks; /* that it has */
    int64_t n_tok;    /* computed, or being so, in them */
    bool back;        /* it comes again */
};

/* A request leaves. Returns how many blocks become free: all but those that others hold. */
int64_t ls_prefix_cache_release(struct ls_prefix_cache *cache, const struct ls_content *content,
                                struct ls_holding *holding, const struct ls_stored *stored);

/* Whether everything fits together and `n_free` blocks are free: for tests, it looks at everything. */
bool ls_prefix_cache_is_sound(const struct ls_prefix_cache *cache, int64_t n_free);

#endif
