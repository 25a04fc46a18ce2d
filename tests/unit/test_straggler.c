/* Promises of the slowest of many GPUs: what order statistics say, and nothing where all are alike. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "engine/training/straggler.h"
#include "tests/suite.h"

START_TEST(alike_or_alone_they_wait_for_nobody)
{
    ck_assert_double_eq(ls_straggler_factor(1, 0.02), 1.0);
    ck_assert_double_eq(ls_straggler_factor(1000, (double)NAN), 1.0);
    ck_assert_double_eq(ls_straggler_factor(1000, 0.0), 1.0);
}
END_TEST

/* Means of the largest of n normal variables (Harter 1961, Biometrika 48, Table 1); Blom's formula is as close. */
START_TEST(the_slowest_lies_where_order_statistics_put_it)
{
    static const struct {
        int64_t n;
        double deviations;
    } known[] = {{2, 0.56419}, {8, 1.42360}, {16, 1.76599}, {64, 2.34373}, {100, 2.50759}, {400, 2.96818}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const double deviations = (1.0 - 1.0 / ls_straggler_factor(known[i].n, 0.01)) / 0.01;
        ck_assert_double_eq_tol(deviations, known[i].deviations, 0.03);
    }
}
END_TEST

START_TEST(more_gpus_and_wider_spreads_are_slower)
{
    double before = 1.0;
    for (int64_t n = 2; n <= 1 << 20; n *= 2) {
        const double factor = ls_straggler_factor(n, 0.015);
        ck_assert(factor > before && ls_straggler_factor(n, 0.02) > factor);
        before = factor;
    }
    ck_assert(before < 1.1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("straggler");
    TCase *tcase = tcase_create("core");
    tcase_add_test(tcase, alike_or_alone_they_wait_for_nobody);
    tcase_add_test(tcase, the_slowest_lies_where_order_statistics_put_it);
    tcase_add_test(tcase, more_gpus_and_wider_spreads_are_slower);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
