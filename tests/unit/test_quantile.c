/* Promises of the sketch: exact count, sum, least and greatest; quantiles exact for few values and within 0.1 % for
 * many, as a sort and numpy's interpolation give them; empty again after a clear. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sim/quantile.h"
#include "engine/sim/random.h"
#include "tests/suite.h"

#define N 40000

static const double quantiles[] = {0, 0.001, 0.1, 0.25, 0.5, 0.9, 0.95, 0.99, 0.9999, 1};
#define N_QUANTILES (sizeof quantiles / sizeof quantiles[0])

static struct ls_sketch sketch;

static void setup(void)
{
    struct ls_err err;
    ck_assert_int_eq(ls_sketch_init(&sketch, &err), LS_OK);
}

static void teardown(void)
{
    ls_sketch_release(&sketch);
}

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* numpy.quantile(values, q), method "linear"; sorts the values. */
static double exact_quantile(int64_t *values, size_t n, double q)
{
    qsort(values, n, sizeof *values, compare);
    const double position = q * (double)(n - 1);
    const size_t below = (size_t)position;
    const size_t above = below + 1 < n ? below + 1 : below;
    return (double)values[below] + (position - (double)below) * ((double)values[above] - (double)values[below]);
}

static void expect_quantiles(int64_t *values, size_t n, double tolerance)
{
    double found[N_QUANTILES];
    ls_sketch_quantiles_s(&sketch, N_QUANTILES, quantiles, found);
    for (size_t i = 0; i < N_QUANTILES; i++) {
        const double exact = exact_quantile(values, n, quantiles[i]) / 1e12;
        ck_assert_msg(fabs(found[i] - exact) <= tolerance * exact, "quantile %g of %zu: %.17g, not %.17g", quantiles[i],
                      n, found[i], exact);
    }
}

START_TEST(an_empty_sketch_has_no_mean_and_no_quantiles)
{
    double found[N_QUANTILES];
    ls_sketch_quantiles_s(&sketch, N_QUANTILES, quantiles, found);
    for (size_t i = 0; i < N_QUANTILES; i++)
        ck_assert(isnan(found[i]));
    ck_assert(isnan(ls_sketch_mean_s(&sketch)));
}
END_TEST

START_TEST(few_values_have_exact_quantiles)
{
    int64_t values[LS_SKETCH_SAMPLES - 1];
    struct ls_stream stream = ls_stream_make(1, 0, 0, 0, LS_RNG_GAP);
    for (size_t i = 0; i < LS_SKETCH_SAMPLES - 1; i++) {
        values[i] = (int64_t)(1e12 * ls_stream_exponential(&stream));
        ls_sketch_add(&sketch, values[i], 1);
    }
    expect_quantiles(values, LS_SKETCH_SAMPLES - 1, 1e-15);
}
END_TEST

START_TEST(quantiles_of_two_values_are_interpolated)
{
    const double q[] = {0, 0.25, 0.5, 1};
    double found[4];
    ls_sketch_add(&sketch, 3000000000000, 1);
    ls_sketch_add(&sketch, 1000000000000, 1);
    ls_sketch_quantiles_s(&sketch, 4, q, found);
    ck_assert_double_eq(found[0], 1);
    ck_assert_double_eq(found[1], 1.5);
    ck_assert_double_eq(found[2], 2);
    ck_assert_double_eq(found[3], 3);
}
END_TEST

/* Five shapes of values: even, heavy-tailed over ten decades, all alike, two far apart, and the smallest. */
static int64_t make_value(int shape, struct ls_stream *stream)
{
    const double u = ls_stream_uniform(stream);
    switch (shape) {
    case 0:
        return (int64_t)(1e12 * u);
    case 1:
        return (int64_t)(1e6 * pow(u, -2));
    case 2:
        return 20000000123;
    case 3:
        return u < 0.3 ? 5000000 : 7000000000000;
    default:
        return (int64_t)(2048 * u);
    }
}

START_TEST(many_values_have_quantiles_within_a_thousandth)
{
    static int64_t values[N];
    struct ls_stream stream = ls_stream_make(2, 0, 0, (uint64_t)_i, LS_RNG_GAP);
    for (size_t i = 0; i < N; i++) {
        values[i] = make_value(_i, &stream);
        ls_sketch_add(&sketch, values[i], 1);
    }
    expect_quantiles(values, N, _i == 4 ? 1e-15 : 1e-3);
}
END_TEST

START_TEST(a_weight_counts_like_so_many_values)
{
    static int64_t values[N];
    struct ls_stream stream = ls_stream_make(3, 0, 0, 0, LS_RNG_GAP);
    const int64_t most = _i == 0 ? 200 : N; /* few additions, then many */
    size_t n = 0;
    for (int64_t added = 0; added < most && n < N - 100; added++) {
        const int64_t value = (int64_t)(1e10 * ls_stream_exponential(&stream));
        const int64_t weight = 1 + (int64_t)(20 * ls_stream_uniform(&stream));
        ls_sketch_add(&sketch, value, weight);
        for (int64_t i = 0; i < weight; i++)
            values[n++] = value;
    }
    ck_assert_int_eq(sketch.count, n);
    expect_quantiles(values, n, _i == 0 ? 1e-15 : 1e-3);
}
END_TEST

START_TEST(sums_past_64_bits_stay_exact)
{
    /* Twice 2^62 + 1 a thousand times: 2^63 · 1000 + 2000. */
    ls_sketch_add(&sketch, (INT64_C(1) << 62) + 1, 1000);
    ls_sketch_add(&sketch, (INT64_C(1) << 62) + 1, 1000);
    ck_assert_int_eq(sketch.sum_high, INT64_C(1000) << 31);
    ck_assert_int_eq(sketch.sum_low, 2000);
    ck_assert_double_eq(ls_sketch_mean_s(&sketch), 0x1p62 / 1e12);
    ck_assert_int_eq(sketch.min_ps, (INT64_C(1) << 62) + 1);
    ck_assert_int_eq(sketch.max_ps, (INT64_C(1) << 62) + 1);
}
END_TEST

START_TEST(buckets_follow_one_another_over_the_whole_range)
{
    ck_assert_uint_eq(ls_sketch_bucket(0), 0);
    ck_assert_uint_eq(ls_sketch_bucket(2047), 2047);
    ck_assert_uint_eq(ls_sketch_bucket(INT64_MAX), LS_SKETCH_BUCKETS - 1);
    for (int bit = 11; bit < 63; bit++) {
        const int64_t power = INT64_C(1) << bit;
        ck_assert_uint_eq(ls_sketch_bucket(power), ls_sketch_bucket(power - 1) + 1);
        ck_assert_uint_eq(ls_sketch_bucket(power + power / 1024), ls_sketch_bucket(power) + 1);
    }
}
END_TEST

START_TEST(a_cleared_sketch_forgets_everything)
{
    int64_t values[300];
    for (int64_t i = 0; i < 10000; i++)
        ls_sketch_add(&sketch, i * i * i, 1 + i % 3);
    ls_sketch_clear(&sketch);
    ck_assert_int_eq(sketch.count, 0);
    for (size_t i = 0; i < LS_SKETCH_BUCKETS; i++)
        ck_assert_int_eq(sketch.buckets[i], 0);
    for (size_t i = 0; i < 300; i++) {
        values[i] = (int64_t)(1000 + i);
        ls_sketch_add(&sketch, values[i], 1);
    }
    ck_assert_int_eq(sketch.min_ps, 1000);
    ck_assert_double_eq_tol(ls_sketch_mean_s(&sketch), 1149.5e-12, 1e-24);
    expect_quantiles(values, 300, 1e-15);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("quantile");
    TCase *tcase = tcase_create("sketch");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_empty_sketch_has_no_mean_and_no_quantiles);
    tcase_add_test(tcase, few_values_have_exact_quantiles);
    tcase_add_test(tcase, quantiles_of_two_values_are_interpolated);
    tcase_add_loop_test(tcase, many_values_have_quantiles_within_a_thousandth, 0, 5);
    tcase_add_loop_test(tcase, a_weight_counts_like_so_many_values, 0, 2);
    tcase_add_test(tcase, sums_past_64_bits_stay_exact);
    tcase_add_test(tcase, buckets_follow_one_another_over_the_whole_range);
    tcase_add_test(tcase, a_cleared_sketch_forgets_everything);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
