#ifndef LS_ENGINE_SIM_RANDOM_H
#define LS_ENGINE_SIM_RANDOM_H

#include <stdint.h>

/* Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11). A
 * stream is named by (seed, replica, profile, request index, purpose), never by rank, order or strategy. */

enum ls_purpose {
    LS_RNG_GAP,
    LS_RNG_PROMPT,
    LS_RNG_OUTPUT,
    LS_RNG_ROUTER,
    LS_RNG_PROFILE,
    LS_RNG_JITTER,
    LS_RNG_SESSION
};

struct ls_stream {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4];
    unsigned n_left; /* unread words of block */
};

/* Ten rounds of Philox4x32 on one counter. */
void ls_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* The stream of one purpose of one request (or of whatever `index` counts) of one profile. */
struct ls_stream ls_stream_make(uint64_t seed, uint64_t replica, uint32_t profile, uint64_t index,
                                enum ls_purpose purpose);

/* Uniform in (0, 1), 53 bits; never 0 or 1. */
double ls_stream_uniform(struct ls_stream *stream);

/* Standard normal (Box–Muller) and unit exponential. */
double ls_stream_normal(struct ls_stream *stream);
double ls_stream_exponential(struct ls_stream *stream);

#endif
