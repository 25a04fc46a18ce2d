#include "engine/sim/quantile.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PS_PER_S 1e12
#define PAGE_BUCKETS ((size_t)1 << LS_SKETCH_PAGE_BITS)
#define N_TOUCHED_WORDS ((LS_SKETCH_PAGES + 63) / 64)

/* An order statistic lies in a bucket as if the bucket's values were spread evenly over it. */
struct bucket_range {
    int64_t first, last; /* values it holds, both inclusive */
};

static struct bucket_range range_of_bucket(size_t bucket)
{
    const int64_t mantissas = INT64_C(1) << LS_SKETCH_LINEAR_BITS;
    const int64_t row = (int64_t)(bucket >> LS_SKETCH_LINEAR_BITS);
    const int64_t shift = row > 0 ? row - 1 : 0;
    const int64_t mantissa = (int64_t)bucket - shift * mantissas;
    return (struct bucket_range){mantissa << shift, ((mantissa + 1) << shift) - 1};
}

static void empty_summary(struct ls_sketch *sketch)
{
    sketch->count = 0;
    sketch->sum_high = 0;
    sketch->sum_low = 0;
    sketch->min_ps = INT64_MAX;
    sketch->max_ps = INT64_MIN;
    sketch->n_samples = 0;
}

enum ls_status ls_sketch_init(struct ls_sketch *sketch, struct ls_err *err)
{
    int64_t *buckets = calloc(LS_SKETCH_BUCKETS, sizeof *buckets);
    if (!buckets)
        return ls_fail(err, LS_NOMEM, "out of memory for a quantile sketch");
    sketch->buckets = buckets;
    memset(sketch->touched, 0, sizeof sketch->touched);
    empty_summary(sketch);
    return LS_OK;
}

void ls_sketch_release(struct ls_sketch *sketch)
{
    free(sketch->buckets);
    sketch->buckets = NULL;
}

/* The lowest touched page from `page` on; LS_SKETCH_PAGES when there is none. */
static size_t next_page(const struct ls_sketch *sketch, size_t page)
{
    for (size_t word = page / 64; word < N_TOUCHED_WORDS; word++) {
        uint64_t bits = sketch->touched[word];
        if (word == page / 64)
            bits &= UINT64_MAX << page % 64;
        if (bits)
            return word * 64 + (size_t)__builtin_ctzll(bits);
    }
    return LS_SKETCH_PAGES;
}

void ls_sketch_clear(struct ls_sketch *sketch)
{
    for (size_t page = next_page(sketch, 0); page < LS_SKETCH_PAGES; page = next_page(sketch, page + 1))
        memset(sketch->buckets + page * PAGE_BUCKETS, 0, PAGE_BUCKETS * sizeof *sketch->buckets);
    memset(sketch->touched, 0, sizeof sketch->touched);
    empty_summary(sketch);
}

void ls_sketch_spill(struct ls_sketch *sketch)
{
    assert(sketch->n_samples == LS_SKETCH_SAMPLES);
    for (size_t i = 0; i < sketch->n_samples; i++)
        ls_sketch_count(sketch, sketch->samples[i].value_ps, sketch->samples[i].weight);
}

double ls_sketch_mean_s(const struct ls_sketch *sketch)
{
    if (sketch->count == 0)
        return NAN;
    const int64_t high = sketch->sum_high + (sketch->sum_low >> 32);
    const double sum_ps = (double)high * 0x1p32 + (double)(sketch->sum_low & INT64_C(0xFFFFFFFF));
    return sum_ps / (double)sketch->count / PS_PER_S;
}

static int compare_samples(const void *a, const void *b)
{
    const int64_t x = ((const struct ls_sketch_sample *)a)->value_ps;
    const int64_t y = ((const struct ls_sketch_sample *)b)->value_ps;
    return (x > y) - (x < y);
}

static double order_statistic_of_samples(const struct ls_sketch_sample *sorted, int64_t rank)
{
    while (rank >= sorted->weight)
        rank -= (sorted++)->weight;
    return (double)sorted->value_ps;
}

static int64_t weight_of_page(const int64_t *page)
{
    int64_t weight = 0;
    for (size_t i = 0; i < PAGE_BUCKETS; i++)
        weight += page[i];
    return weight;
}

static double order_statistic_of_buckets(const struct ls_sketch *sketch, int64_t rank)
{
    if (rank == 0)
        return (double)sketch->min_ps;
    if (rank == sketch->count - 1)
        return (double)sketch->max_ps;

    size_t page = next_page(sketch, 0);
    for (;; page = next_page(sketch, page + 1)) {
        assert(page < LS_SKETCH_PAGES); /* the weights of all pages add up to the count */
        const int64_t weight = weight_of_page(sketch->buckets + page * PAGE_BUCKETS);
        if (rank < weight)
            break;
        rank -= weight;
    }
    size_t bucket = page * PAGE_BUCKETS;
    while (rank >= sketch->buckets[bucket])
        rank -= sketch->buckets[bucket++];

    const struct bucket_range range = range_of_bucket(bucket);
    const double share = ((double)rank + 0.5) / (double)sketch->buckets[bucket];
    const double value = (double)range.first + (double)(range.last - range.first) * share;
    return fmin(fmax(value, (double)sketch->min_ps), (double)sketch->max_ps);
}

/* The order statistic of rank `rank`, from 0; `sorted` is null when the samples are in the buckets. */
static double order_statistic(const struct ls_sketch *sketch, const struct ls_sketch_sample *sorted, int64_t rank)
{
    return sorted ? order_statistic_of_samples(sorted, rank) : order_statistic_of_buckets(sketch, rank);
}

static double quantile_ps(const struct ls_sketch *sketch, const struct ls_sketch_sample *sorted, double q)
{
    assert(q >= 0 && q <= 1);
    const double position = q * (double)(sketch->count - 1);
    const double below = floor(position);
    const double share = position - below;
    const double low = order_statistic(sketch, sorted, (int64_t)below);
    if (share == 0)
        return low;
    const double high = order_statistic(sketch, sorted, (int64_t)below + 1);
    return low + share * (high - low);
}

void ls_sketch_quantiles_s(const struct ls_sketch *sketch, size_t n, const double *q, double *out_s)
{
    struct ls_sketch_sample sorted[LS_SKETCH_SAMPLES];
    const bool is_exact = sketch->n_samples < LS_SKETCH_SAMPLES;
    if (is_exact) {
        memcpy(sorted, sketch->samples, sketch->n_samples * sizeof *sorted);
        qsort(sorted, sketch->n_samples, sizeof *sorted, compare_samples);
    }
    for (size_t i = 0; i < n; i++) {
        out_s[i] = NAN;
        if (sketch->count > 0)
            out_s[i] = quantile_ps(sketch, is_exact ? sorted : NULL, q[i]) / PS_PER_S;
    }
}
