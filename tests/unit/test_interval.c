/* Promises of the interval: Student's t as published, the textbook's mean and half width, NaN is no value. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "sweep/interval.h"
#include "tests/suite.h"

START_TEST(student_as_published)
{
    /* Abramowitz & Stegun 1964, table 26.10, two-sided 0.95 */
    static const struct {
        size_t freedom;
        double t;
    } rows[] = {{1, 12.706}, {2, 4.303},  {3, 3.182},  {4, 2.776},  {5, 2.571},  {6, 2.447},
                {7, 2.365},  {8, 2.306},  {9, 2.262},  {10, 2.228}, {15, 2.131}, {20, 2.086},
                {30, 2.042}, {40, 2.021}, {60, 2.000}, {120, 1.980}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_double_eq_tol(ls_student_975(rows[i].freedom), rows[i].t, 1e-3 * rows[i].t);
    ck_assert_double_eq_tol(ls_student_975(100000000), 1.959964, 1e-6);
}
END_TEST

START_TEST(mean_and_half_width)
{
    const double values[] = {1, 2, NAN, 3};
    const struct ls_interval interval = ls_interval_of(values, 4);
    ck_assert_double_eq(interval.mean, 2);
    ck_assert_double_eq_tol(interval.half_width, 4.303 / sqrt(3), 1e-12); /* the standard deviation is 1 */
}
END_TEST

START_TEST(too_few_values)
{
    const double values[] = {NAN, 5};
    ck_assert_double_nan(ls_interval_of(values, 0).mean);
    ck_assert_double_nan(ls_interval_of(values, 1).mean);
    ck_assert_double_eq(ls_interval_of(values, 2).mean, 5);
    ck_assert_double_nan(ls_interval_of(values, 2).half_width);
}
END_TEST

START_TEST(equal_values_leave_no_doubt)
{
    const double values[] = {0.9, 0.9, NAN, 0.9, 0.9, 0.9};
    ck_assert_double_eq(ls_interval_of(values, 6).mean, 0.9);
    ck_assert_double_eq(ls_interval_of(values, 6).half_width, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("interval");
    TCase *tcase = tcase_create("student");
    tcase_add_test(tcase, student_as_published);
    tcase_add_test(tcase, mean_and_half_width);
    tcase_add_test(tcase, equal_values_leave_no_doubt);
    tcase_add_test(tcase, too_few_values);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
