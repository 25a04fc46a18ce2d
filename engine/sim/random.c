#include "engine/sim/random.h"

#include <assert.h>
#include <math.h>

/* Round multipliers and key increments of Philox4x32: Salmon et al. 2011, section 3 and its reference code. */
#define PHILOX_M0 UINT32_C(0xD2511F53)
#define PHILOX_M1 UINT32_C(0xCD9E8D57)
#define PHILOX_W0 UINT32_C(0x9E3779B9)
#define PHILOX_W1 UINT32_C(0xBB67AE85)
#define PHILOX_ROUNDS 10

#define BLOCK_WORDS 4
#define TWO_PI 6.28318530717958647692

void ls_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        const uint64_t product0 = (uint64_t)PHILOX_M0 * c0;
        const uint64_t product1 = (uint64_t)PHILOX_M1 * c2;
        c0 = (uint32_t)(product1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)product1;
        c2 = (uint32_t)(product0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)product0;
        k0 += PHILOX_W0;
        k1 += PHILOX_W1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

struct ls_stream ls_stream_make(uint64_t seed, uint64_t replica, uint32_t profile, uint64_t index,
                                enum ls_purpose purpose)
{
    assert(profile < UINT32_C(1) << 24);
    assert((unsigned)purpose < 256);
    const uint32_t seed_words[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t replica_words[4] = {(uint32_t)replica, (uint32_t)(replica >> 32), 0, 0};
    uint32_t mixed[4];
    ls_philox4x32(replica_words, seed_words, mixed);

    struct ls_stream stream = {
        .key = {mixed[0], mixed[1]},
        .counter = {0, (uint32_t)index, (uint32_t)(index >> 32), profile << 8 | (uint32_t)purpose},
    };
    return stream;
}

static uint32_t next_word(struct ls_stream *stream)
{
    if (stream->n_left == 0) {
        ls_philox4x32(stream->counter, stream->key, stream->block);
        stream->counter[0]++;
        stream->n_left = BLOCK_WORDS;
    }
    return stream->block[BLOCK_WORDS - stream->n_left--];
}

double ls_stream_uniform(struct ls_stream *stream)
{
    const uint64_t high = next_word(stream);
    const uint64_t low = next_word(stream);
    /* 52 bits: one more and adding a half could round to 1. */
    return ((double)((high << 32 | low) >> 12) + 0.5) * 0x1p-52;
}

double ls_stream_normal(struct ls_stream *stream)
{
    const double radius = sqrt(-2.0 * log(ls_stream_uniform(stream)));
    return radius * cos(TWO_PI * ls_stream_uniform(stream));
}

double ls_stream_exponential(struct ls_stream *stream)
{
    return -log(ls_stream_uniform(stream));
}
