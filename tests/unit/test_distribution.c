/* Promises of the distributions: mean and spread as named, bad parameters refused with what would be right. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sim/distribution.h"
#include "tests/suite.h"

#define N 400000

/* A distribution from pairs of a key and a value, as a study names them. */
static struct ls_dist make(enum ls_dist_kind kind, const char *key1, double value1, const char *key2, double value2)
{
    const char *keys[2] = {key1, key2};
    const double values[2] = {value1, value2};
    struct ls_dist dist;
    memset(&dist, 0, sizeof dist);
    ls_param_set_defaults(&ls_dist_params, &dist);
    dist.kind = kind;
    for (size_t i = 0; i < ls_dist_params.n; i++)
        for (int k = 0; k < 2; k++)
            if (keys[k] && strcmp(keys[k], ls_dist_params.rows[i].key) == 0)
                memcpy((char *)&dist + ls_dist_params.rows[i].offset, &values[k], sizeof values[k]);
    return dist;
}

/* Mean, variance and fourth central moment in closed form. */
static const struct {
    enum ls_dist_kind kind;
    const char *key1;
    double value1;
    const char *key2;
    double value2;
    double mean, variance, kurtosis;
} cases[] = {
    {LS_DIST_CONSTANT, "value", 128, NULL, 0, 128, 0, 3},
    {LS_DIST_UNIFORM, "low", 50, "high", 200, 125, 150.0 * 150 / 12, 1.8},
    {LS_DIST_NORMAL, "mean", 100, "std", 15, 100, 225, 3},
    {LS_DIST_LOGNORMAL, "mean", 1500, "std", 500, 1500, 250000, 4.971345831}, /* w = 10/9: w⁴ + 2w³ + 3w² − 3 */
    {LS_DIST_LOGNORMAL, "mu", 2, "sigma", 0.3, 7.72915853790988, 5.625961509864716, 4.644910405}, /* w = e^0.09 */
    {LS_DIST_EXPONENTIAL, "mean", 2, NULL, 0, 2, 4, 9},
    {LS_DIST_GAMMA, "mean", 3, "cv", 0.5, 3, 2.25, 4.5}, /* shape 4: 3 + 6/4 */
    {LS_DIST_GAMMA, "mean", 3, "cv", 2, 3, 36, 27},      /* shape 1/4: 3 + 24 */
    {LS_DIST_WEIBULL, "shape", 2, "scale", 3, 2.6586807763582736, 1.9314165294229653,
     3.2450893},                                                      /* Rayleigh of σ = 3/√2 */
    {LS_DIST_PARETO, "shape", 10, "scale", 9, 10, 1.25, 17.82857143}, /* 3 + 6(a³+a²−6a−2)/(a(a−3)(a−4)) */
};
#define N_CASES ((int)(sizeof cases / sizeof cases[0]))

START_TEST(samples_have_the_mean_and_the_variance_of_their_distribution)
{
    const struct ls_dist dist =
        make(cases[_i].kind, cases[_i].key1, cases[_i].value1, cases[_i].key2, cases[_i].value2);
    struct ls_err err = {""};
    ck_assert_msg(ls_dist_check(&dist, &err) == LS_OK, "%s", err.text);
    const double mean = cases[_i].mean, variance = cases[_i].variance;
    ck_assert_double_eq_tol(ls_dist_mean(&dist), mean, 1e-6 * mean);

    struct ls_stream stream = ls_stream_make(42, 0, (uint32_t)_i, 0, LS_RNG_PROMPT);
    double sum = 0, sum_squares = 0;
    for (int i = 0; i < N; i++) {
        const double x = ls_dist_sample(&dist, &stream);
        sum += x;
        sum_squares += (x - mean) * (x - mean);
    }
    ck_assert_double_eq_tol(sum / N, mean, 4 * sqrt(variance / N) + 1e-9 * mean);
    const double variance_of_squares = (cases[_i].kurtosis - 1) * variance * variance;
    ck_assert_double_eq_tol(sum_squares / N, variance, 4 * sqrt(variance_of_squares / N) + 1e-9);
}
END_TEST

START_TEST(a_token_count_is_whole_and_at_least_one)
{
    const struct ls_dist dist = make(LS_DIST_NORMAL, "mean", 2, "std", 5);
    struct ls_stream stream = ls_stream_make(42, 0, 0, 0, LS_RNG_OUTPUT);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_ge(ls_dist_sample_tok(&dist, &stream), 1);
    const struct ls_dist half = make(LS_DIST_CONSTANT, "value", 7.6, NULL, 0);
    ck_assert_int_eq(ls_dist_sample_tok(&half, &stream), 8);
    const struct ls_dist huge = make(LS_DIST_CONSTANT, "value", 1e12, NULL, 0);
    ck_assert_int_eq(ls_dist_sample_tok(&huge, &stream), INT32_MAX);
}
END_TEST

START_TEST(names_and_rows_agree)
{
    for (int i = 0; i < LS_N_DISTRIBUTIONS; i++)
        ck_assert_str_eq(ls_distributions[i].name, ls_distribution_names[i]);
    ck_assert_ptr_null(ls_distribution_names[LS_N_DISTRIBUTIONS]);
}
END_TEST

static const struct {
    enum ls_dist_kind kind;
    const char *key1;
    double value1;
    const char *key2;
    double value2;
    const char *message;
} refusals[] = {
    {LS_DIST_CONSTANT, NULL, 0, NULL, 0, "constant needs value"},
    {LS_DIST_CONSTANT, "value", -1, NULL, 0, "value is -1, must not be negative"},
    {LS_DIST_UNIFORM, "low", 1, "mean", 2, "uniform takes low and high, not mean"},
    {LS_DIST_UNIFORM, "low", 9, "high", 2, "low is 9, must not be above high, 2"},
    {LS_DIST_NORMAL, "mean", 9, NULL, 0, "normal needs mean and std"},
    {LS_DIST_LOGNORMAL, "mean", 9, "sigma", 0.1,
     "lognormal takes mean and std of the values, or mu and sigma of their logarithm, not a mix of the two"},
    {LS_DIST_LOGNORMAL, "mu", 9, NULL, 0, "lognormal needs mean and std, or mu and sigma"},
    {LS_DIST_LOGNORMAL, "mu", 1500, "sigma", 500,
     "mu is 1500 and sigma 500, too large for the mean and standard deviation of a logarithm; those of the values "
     "themselves are called mean and std"},
    {LS_DIST_LOGNORMAL, "mean", 8.7, "std", 0.17,
     "a mean of 8.7 tokens with std 0.17 looks like the mean and deviation of a logarithm: write {mu: 8.7, sigma: "
     "0.17}, or mean and std in tokens"},
    {LS_DIST_EXPONENTIAL, "mean", 0, NULL, 0, "mean is 0, must be above 0"},
    {LS_DIST_GAMMA, "mean", 1, "shape", 1, "gamma takes mean and cv, not shape"},
    {LS_DIST_WEIBULL, "shape", 0, "scale", 1, "shape is 0, must be above 0"},
    {LS_DIST_PARETO, "shape", 1, "scale", 1, "shape is 1, must be above 1, or the mean is infinite"},
    {LS_DIST_CONSTANT, "value", 0.5, NULL, 0, "a mean of 0.5 tokens is out of range, must be 1 to 2147483647"},
};
#define N_REFUSALS ((int)(sizeof refusals / sizeof refusals[0]))

START_TEST(bad_parameters_are_refused_with_what_would_be_right)
{
    const struct ls_dist dist =
        make(refusals[_i].kind, refusals[_i].key1, refusals[_i].value1, refusals[_i].key2, refusals[_i].value2);
    struct ls_err err = {""};
    ck_assert_int_eq(ls_dist_check_tok(&dist, &err), LS_INPUT);
    ck_assert_str_eq(err.text, refusals[_i].message);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("distribution");
    TCase *tcase = tcase_create("samples");
    tcase_add_loop_test(tcase, samples_have_the_mean_and_the_variance_of_their_distribution, 0, N_CASES);
    tcase_add_test(tcase, a_token_count_is_whole_and_at_least_one);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("parameters");
    tcase_add_test(tcase, names_and_rows_agree);
    tcase_add_loop_test(tcase, bad_parameters_are_refused_with_what_would_be_right, 0, N_REFUSALS);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
