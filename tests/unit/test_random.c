/* Promises of the random streams: Philox as published, streams that never meet, uniforms strictly inside (0, 1). */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sim/random.h"
#include "tests/suite.h"

#define N 200000

/* Random123's kat_vectors, the three of philox4x32 with 10 rounds. */
static const struct {
    uint32_t counter[4], key[2], out[4];
} known_answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

START_TEST(philox_gives_the_known_answers)
{
    uint32_t out[4];
    ls_philox4x32(known_answers[_i].counter, known_answers[_i].key, out);
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(out[i], known_answers[_i].out[i]);
}
END_TEST

START_TEST(a_stream_is_the_blocks_of_its_counter)
{
    struct ls_stream stream = ls_stream_make(7, 3, 5, UINT64_C(0x123456789), LS_RNG_OUTPUT);
    ck_assert_uint_eq(stream.counter[1], 0x23456789);
    ck_assert_uint_eq(stream.counter[2], 1);
    ck_assert_uint_eq(stream.counter[3], 5 << 8 | LS_RNG_OUTPUT);
    for (uint32_t block = 0; block < 3; block++) {
        const uint32_t counter[4] = {block, stream.counter[1], stream.counter[2], stream.counter[3]};
        uint32_t words[4];
        ls_philox4x32(counter, stream.key, words);
        for (int i = 0; i < 4; i += 2) {
            const uint64_t bits = ((uint64_t)words[i] << 32 | words[i + 1]) >> 12;
            ck_assert_double_eq(ls_stream_uniform(&stream), ((double)bits + 0.5) / 0x1p52);
        }
    }
}
END_TEST

START_TEST(each_part_of_the_name_makes_another_stream)
{
    struct ls_stream streams[] = {
        ls_stream_make(1, 0, 0, 0, LS_RNG_GAP), ls_stream_make(1, 0, 0, 0, LS_RNG_PROMPT),
        ls_stream_make(1, 0, 0, 1, LS_RNG_GAP), ls_stream_make(1, 0, 0, UINT64_C(1) << 32, LS_RNG_GAP),
        ls_stream_make(1, 0, 1, 0, LS_RNG_GAP), ls_stream_make(1, 1, 0, 0, LS_RNG_GAP),
        ls_stream_make(2, 0, 0, 0, LS_RNG_GAP), ls_stream_make(UINT64_C(1) << 32, 0, 0, 0, LS_RNG_GAP),
    };
    const size_t n = sizeof streams / sizeof streams[0];
    double first[8];
    for (size_t i = 0; i < n; i++)
        first[i] = ls_stream_uniform(&streams[i]);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            ck_assert_double_ne(first[i], first[j]);
    struct ls_stream again = ls_stream_make(1, 0, 0, 0, LS_RNG_GAP);
    ck_assert_double_eq(ls_stream_uniform(&again), first[0]);
}
END_TEST

START_TEST(uniforms_stay_inside_and_have_their_moments)
{
    struct ls_stream stream = ls_stream_make(42, 0, 0, 0, LS_RNG_GAP);
    double sum = 0, sum_squares = 0;
    for (int i = 0; i < N; i++) {
        const double u = ls_stream_uniform(&stream);
        ck_assert(u > 0 && u < 1);
        sum += u;
        sum_squares += (u - 0.5) * (u - 0.5);
    }
    ck_assert_double_eq_tol(sum / N, 0.5, 4 * sqrt(1.0 / 12 / N));
    ck_assert_double_eq_tol(sum_squares / N, 1.0 / 12, 4 * sqrt((1.0 / 80 - 1.0 / 144) / N));
}
END_TEST

START_TEST(normals_have_the_moments_of_the_normal)
{
    struct ls_stream stream = ls_stream_make(42, 0, 0, 0, LS_RNG_JITTER);
    double moments[5] = {0};
    for (int i = 0; i < N; i++) {
        const double x = ls_stream_normal(&stream);
        double power = 1;
        for (int k = 1; k <= 4; k++)
            moments[k] += (power *= x) / N;
    }
    /* Variances of x, x², x³ and x⁴ of a standard normal: 1, 2, 15, 96. */
    ck_assert_double_eq_tol(moments[1], 0, 4 * sqrt(1.0 / N));
    ck_assert_double_eq_tol(moments[2], 1, 4 * sqrt(2.0 / N));
    ck_assert_double_eq_tol(moments[3], 0, 4 * sqrt(15.0 / N));
    ck_assert_double_eq_tol(moments[4], 3, 4 * sqrt(96.0 / N));
}
END_TEST

START_TEST(exponentials_have_the_tail_of_the_exponential)
{
    struct ls_stream stream = ls_stream_make(42, 0, 0, 0, LS_RNG_SESSION);
    int above[4] = {0};
    for (int i = 0; i < N; i++) {
        const double x = ls_stream_exponential(&stream);
        ck_assert(x > 0);
        for (int k = 1; k < 4; k++)
            above[k] += x > k;
    }
    for (int k = 1; k < 4; k++) {
        const double share = exp(-k);
        ck_assert_double_eq_tol((double)above[k] / N, share, 4 * sqrt(share * (1 - share) / N));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("random");
    TCase *tcase = tcase_create("philox");
    tcase_add_loop_test(tcase, philox_gives_the_known_answers, 0, 3);
    tcase_add_test(tcase, a_stream_is_the_blocks_of_its_counter);
    tcase_add_test(tcase, each_part_of_the_name_makes_another_stream);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("numbers");
    tcase_add_test(tcase, uniforms_stay_inside_and_have_their_moments);
    tcase_add_test(tcase, normals_have_the_moments_of_the_normal);
    tcase_add_test(tcase, exponentials_have_the_tail_of_the_exponential);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
