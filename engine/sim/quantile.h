#ifndef LS_ENGINE_SIM_QUANTILE_H
#define LS_ENGINE_SIM_QUANTILE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/status.h"

/* Quantiles of times in bounded memory: a sketch of int64 picosecond values with integer weights.
 *
 * Fewer than LS_SKETCH_SAMPLES additions are kept as they are, and quantiles of them are exact. More are counted in
 * log-linear buckets: exact below 2^11 ps, and from there each power of two is cut in 1,024, so that a bucket is
 * narrower than 1/1024 of its values and a quantile off by less than 0.1 %. (The layout of HdrHistogram.) Count, sum,
 * least and greatest are always exact. */

#define LS_SKETCH_SAMPLES 256
#define LS_SKETCH_LINEAR_BITS 10
#define LS_SKETCH_BUCKETS ((size_t)(64 - LS_SKETCH_LINEAR_BITS) << LS_SKETCH_LINEAR_BITS)
#define LS_SKETCH_PAGE_BITS 6 /* buckets are cleared and searched by pages of 64 */
#define LS_SKETCH_PAGES (LS_SKETCH_BUCKETS >> LS_SKETCH_PAGE_BITS)

struct ls_sketch_sample {
    int64_t value_ps;
    int64_t weight;
};

/* Plain, but for the caller to add to and read through the functions below. */
struct ls_sketch {
    int64_t count;             /* sum of the weights */
    int64_t sum_high, sum_low; /* the sum is sum_high · 2^32 + sum_low; sum_low stays below 2^32 · the weights */
    int64_t min_ps, max_ps;
    size_t n_samples; /* LS_SKETCH_SAMPLES: moved to the buckets */
    struct ls_sketch_sample samples[LS_SKETCH_SAMPLES];
    int64_t *buckets;
    uint64_t touched[(LS_SKETCH_PAGES + 63) / 64]; /* a bit for each page with anything in it */
};

/* Allocate the buckets (432 KiB, most of them never touched). LS_NOMEM. The caller calls ls_sketch_release. */
LS_NODISCARD enum ls_status ls_sketch_init(struct ls_sketch *sketch, struct ls_err *err);
void ls_sketch_release(struct ls_sketch *sketch);

/* Empty it again, at a cost of what was touched. */
void ls_sketch_clear(struct ls_sketch *sketch);

/* Move the samples to the buckets; for ls_sketch_add alone. */
void ls_sketch_spill(struct ls_sketch *sketch);

/* Bucket of a value; for this file and its tests. */
static inline size_t ls_sketch_bucket(int64_t value_ps)
{
    const uint64_t value = (uint64_t)value_ps;
    const unsigned high_bit = 63u - (unsigned)__builtin_clzll(value | 1);
    const unsigned shift = high_bit > LS_SKETCH_LINEAR_BITS ? high_bit - LS_SKETCH_LINEAR_BITS : 0;
    return ((size_t)shift << LS_SKETCH_LINEAR_BITS) + (size_t)(value >> shift);
}

static inline void ls_sketch_count(struct ls_sketch *sketch, int64_t value_ps, int64_t weight)
{
    const size_t bucket = ls_sketch_bucket(value_ps);
    const size_t page = bucket >> LS_SKETCH_PAGE_BITS;
    sketch->buckets[bucket] += weight;
    sketch->touched[page / 64] |= UINT64_C(1) << page % 64;
}

/* Add `value_ps` ≥ 0 as often as `weight` ≥ 1 says. All weights add up to less than 2^31. */
static inline void ls_sketch_add(struct ls_sketch *sketch, int64_t value_ps, int64_t weight)
{
    assert(value_ps >= 0 && weight > 0);
    sketch->count += weight;
    sketch->sum_high += (value_ps >> 32) * weight;
    sketch->sum_low += (value_ps & INT64_C(0xFFFFFFFF)) * weight;
    sketch->min_ps = value_ps < sketch->min_ps ? value_ps : sketch->min_ps;
    sketch->max_ps = value_ps > sketch->max_ps ? value_ps : sketch->max_ps;
    if (sketch->n_samples < LS_SKETCH_SAMPLES) {
        sketch->samples[sketch->n_samples++] = (struct ls_sketch_sample){value_ps, weight};
        if (sketch->n_samples == LS_SKETCH_SAMPLES)
            ls_sketch_spill(sketch);
        return;
    }
    ls_sketch_count(sketch, value_ps, weight);
}

/* Mean in seconds; NaN when empty. */
double ls_sketch_mean_s(const struct ls_sketch *sketch);

/* Quantiles in seconds: out_s[i] is quantile q[i], 0 ≤ q ≤ 1, by linear interpolation between the order statistics
 * around q · (count − 1), as numpy's default does; NaN when empty. */
void ls_sketch_quantiles_s(const struct ls_sketch *sketch, size_t n, const double *q, double *out_s);

#endif
