#ifndef LS_ENGINE_SERVING_LOW_REUSE_H
#define LS_ENGINE_SERVING_LOW_REUSE_H

#include "engine/serving/low/plant.h"

/* What prompts find in the KV cache (scheduler/prefix_cache.h), without looking for it.
 *
 * A block that nobody holds any more goes to the end of the queue of free blocks, and is known until it has come to its
 * front: the least recently used goes first. So a token that was given up a time `a` ago is known as long as those of
 * its content before it, s, and all that was given up since, and not held again, fit what is free:
 *
 *   s + X(a) ≤ free,   E[X(a)] = Σ rate · tokens · E[min(time until it is held again, a)].
 *
 * Where X(a) is taken for its mean, all blocks are known for the same time: Che's approximation (Che, Tung and Wang,
 * IEEE Journal on Selected Areas in Communications 20, 2002; why it holds: Fricker, Robert and Roberts, ITC 24, 2012).
 * Here caches hold few sessions, of which some are long, and X(a) is a normal number: its variance is that of shot
 * noise, Σ rate · tokens² · E[min(…)] (Campbell's theorem).
 *
 * The content of a session's turn is held again when the next one comes to the same scheduler: after its client has
 * thought, with the wait to be admitted. What came to other schedulers is found as far as the last turn that was here:
 * of n that are chosen by turn or by chance, the one d turns before with chance (1 − 1/n)^(d − 1) / n. A group's system
 * prompt is found when another request of the group has come since it would have been forgotten. */

struct ls_reuse;

enum { LS_REUSE_AGES = 19 };

/* A state of the deployment, as far as it matters. */
struct ls_reuse_state {
    double rate;           /* requests a second of a scheduler */
    double start_s, end_s; /* those that are measured come between */
    double wait_s, e2e_s;  /* of a request, until it is admitted and in all */
    double forgets;        /* of the requests that are measured, those that come when all blocks have been used once */
    double free_tok, free_variance;
    /* of content given up so long ago, ascending: what was given up since, E[X] and its variance */
    double age_s[LS_REUSE_AGES], since_tok[LS_REUSE_AGES], since_variance[LS_REUSE_AGES];
};

/* Null in *reuse where nothing can be found. Memory comes from `arena`; false when it is short. */
bool ls_reuse_init(struct ls_reuse **reuse, const struct ls_plant *plant, int64_t kv_blocks, struct ls_arena *arena);

/* The state before anything is known of latencies: all is found that comes to the right scheduler. */
struct ls_reuse_state ls_reuse_state_at_first(const struct ls_reuse *reuse, const struct ls_plant *plant);

/* The state that the plant's means make. */
struct ls_reuse_state ls_reuse_state_of(const struct ls_reuse *reuse, const struct ls_plant *plant,
                                        const struct ls_means *means);

/* What classes find in a state. */
void ls_reuse_find(const struct ls_reuse *reuse, const struct ls_reuse_state *state, struct ls_classes *classes);

/* Requests that fit a scheduler's KV cache, `most` at most, when each has so many tokens and system prompts are shared.
 */
double ls_reuse_max_batch(const struct ls_reuse *reuse, double tok, double most);

#endif
