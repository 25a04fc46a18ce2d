/* Promises of mixtures and of observed values: moments of their parts, draws of nothing else, bad ones refused. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "engine/sim/mixture.h"
#include "tests/scenario.h"
#include "tests/suite.h"

#define N 200000

static const double values[] = {3, 5, 5, 11};
static const struct ls_samples samples = {4, values, 6, 45, 0};
static struct ls_mixture mixture;

static void set_up(void)
{
    memset(&mixture, 0, sizeof mixture);
    ls_param_set_defaults(&ls_mixture_params, &mixture);
}

static struct ls_dist *add_part(double weight, enum ls_dist_kind kind)
{
    struct ls_part *part = &mixture.parts[mixture.n_parts++];
    mixture.dist.kind = LS_DIST_MIXTURE;
    (void)snprintf(part->name, sizeof part->name, "part%d", mixture.n_parts - 1);
    part->weight = weight;
    part->dist = scenario_dist(kind);
    return &part->dist;
}

static void observe(struct ls_dist *dist)
{
    (void)snprintf(dist->file, sizeof dist->file, "observed.csv");
    (void)snprintf(dist->column, sizeof dist->column, "tokens");
    dist->samples = &samples;
}

static void check_moments(double mean, double mean_square)
{
    struct ls_err err = {""};
    double sum = 0, square = 0;
    ck_assert_msg(ls_mixture_check_tok(&mixture, &err) == LS_OK, "%s", err.text);
    ck_assert_double_eq_tol(ls_mixture_mean(&mixture), mean, 1e-9 * mean);
    ck_assert_double_eq_tol(ls_mixture_mean_square(&mixture), mean_square, 1e-9 * mean_square);
    for (uint64_t i = 0; i < N; i++) {
        struct ls_stream stream = ls_stream_make(7, 0, 0, i, LS_RNG_PROMPT);
        const double x = ls_mixture_sample_tok(&mixture, &stream);
        sum += x;
        square += x * x;
    }
    const double sigma = sqrt(mean_square - mean * mean);
    ck_assert_double_eq_tol(sum / N, mean, 4 * sigma / sqrt(N) + 1e-9);
    ck_assert_double_eq_tol(square / N, mean_square, 0.02 * mean_square);
}

START_TEST(observed_values_come_as_often_as_they_were_seen)
{
    int count[12] = {0};
    mixture.dist.kind = LS_DIST_EMPIRICAL;
    observe(&mixture.dist);
    check_moments(6, 45);
    for (uint64_t i = 0; i < N; i++) {
        struct ls_stream stream = ls_stream_make(7, 0, 0, i, LS_RNG_OUTPUT);
        count[ls_mixture_sample_tok(&mixture, &stream)]++;
    }
    ck_assert_int_eq(count[3] + count[5] + count[11], N);
    ck_assert_double_eq_tol((double)count[5] / N, 0.5, 4 * 0.5 / sqrt(N));
    ck_assert_double_eq_tol((double)count[11] / N, 0.25, 4 * 0.44 / sqrt(N));
}
END_TEST

START_TEST(a_mixture_has_the_moments_of_its_parts_by_weight)
{
    add_part(1, LS_DIST_CONSTANT)->value = 100;
    observe(add_part(3, LS_DIST_EMPIRICAL));
    struct ls_dist *uniform = add_part(4, LS_DIST_UNIFORM);
    uniform->low = 20.5;
    uniform->high = 40.5; /* as whole numbers 21 to 40 */
    check_moments(100. / 8 + 6 * 3. / 8 + 30.5 / 2, 10000. / 8 + 45 * 3. / 8 + (30.5 * 30.5 + 400. / 12) / 2);
}
END_TEST

START_TEST(parts_without_weight_give_nothing)
{
    add_part(0, LS_DIST_CONSTANT)->value = 1e6;
    add_part(2, LS_DIST_CONSTANT)->value = 9;
    check_moments(9, 81);
}
END_TEST

static void refuse(const char *message)
{
    struct ls_err err = {""};
    ck_assert_int_eq(ls_mixture_check_tok(&mixture, &err), LS_INPUT);
    ck_assert_str_eq(err.text, message);
}

START_TEST(bad_mixtures_are_refused_with_what_would_be_right)
{
    mixture.dist.kind = LS_DIST_MIXTURE;
    refuse("mixture needs of, a list of distributions with their weights");
    add_part(0, LS_DIST_CONSTANT)->value = 1;
    refuse("the weights of a mixture add up to 0; one must be above");
    mixture.parts[0].dist.mean = 1;
    refuse("of.part0: constant takes value, not mean");
    mixture.parts[0].dist.kind = LS_DIST_MIXTURE;
    refuse("of.part0: no mixture can be here; write one of the other distributions");
    mixture.parts[0].dist = scenario_dist(LS_DIST_EMPIRICAL);
    refuse("of.part0: empirical needs file and column");
    observe(&mixture.parts[0].dist);
    mixture.parts[0].dist.samples = NULL;
    refuse("of.part0: nothing was read from observed.csv");
    mixture.dist = scenario_dist(LS_DIST_CONSTANT);
    refuse("of belongs to a mixture; write dist: mixture or remove it");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mixture");
    TCase *tcase = tcase_create("mixture");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, observed_values_come_as_often_as_they_were_seen);
    tcase_add_test(tcase, a_mixture_has_the_moments_of_its_parts_by_weight);
    tcase_add_test(tcase, parts_without_weight_give_nothing);
    tcase_add_test(tcase, bad_mixtures_are_refused_with_what_would_be_right);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
