#ifndef LS_ENGINE_SIM_RANDOM_H
#define LS_ENGINE_SIM_RANDOM_H

#include <stdint.h>

/* Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11). A
 * stream is named by (seed, replica, profile, request index, purpose), never by rank, order or strategy.
 *
 * Layout: the key is the first half of Philox(counter = replica, 0; key = seed). In the counter, word 0 counts the
 * blocks of the stream, words 1 and 2 hold the index, word 3 the profile (upper 24 bits) and the purpose (lower 8). So
 * no two streams of one (seed, replica) ever meet, and a stream is 2^34 words long. */

enum ls_purpose {
    LS_RNG_GAP,
    LS_RNG_PROMPT,
    LS_RNG_OUTPUT,
    LS_RNG_ROUTER,
    LS_RNG_PROFILE,
    LS_RNG_JITTER,
    LS_RNG_SESSION,
    LS_RNG_BURST,
    LS_RNG_TURNS,
    LS_RNG_GROUP,
    LS_RNG_HEAD,
    LS_RNG_ACCEPTANCE,
    LS_RNG_DRAFTS,
    LS_RNG_STREAM
};

struct ls_stream {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4];
    unsigned n_left; /* unread words of block */
};

/* Ten rounds of Philox4x32 on one counter. */
void ls_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* The stream of one purpose of one request (or of whatever `index` counts) of one profile, which is below 2^24. */
struct ls_stream ls_stream_make(uint64_t seed, uint64_t replica, uint32_t profile, uint64_t index,
                                enum ls_purpose purpose);

/* Uniform in (0, 1): an odd multiple of 2^−53, so never 0 or 1. */
double ls_stream_uniform(struct ls_stream *stream);

/* Standard normal (Box and Muller 1958; one number a pair, so that a stream has no hidden state). */
double ls_stream_normal(struct ls_stream *stream);

/* Exponential of mean 1. */
double ls_stream_exponential(struct ls_stream *stream);

#endif
