/* Promises of the metrics table: every column has one name, and the name finds it again. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/metrics.h"
#include "tests/suite.h"

START_TEST(every_column_is_found_by_its_name)
{
    for (size_t i = 0; i < LS_N_COLUMNS; i++) {
        char name[64];
        size_t column = LS_N_COLUMNS;
        ls_metric_column_name(i, name, sizeof name);
        ck_assert(ls_metric_column(name, &column));
        ck_assert_uint_eq(column, i);
        const struct ls_metric_info *info = ls_metric_of_column(i);
        ck_assert(i >= info->column && i < info->column + info->n_columns);
    }
}
END_TEST

START_TEST(quantiles_read_by_suffix_and_unknown_names_are_refused)
{
    size_t column;
    ck_assert(ls_metric_column("ttft_p99_s", &column));
    ck_assert(!ls_metric_column("ttft_q", &column));
    ck_assert(!ls_metric_column("ttft", &column));
}
END_TEST

START_TEST(a_cleared_row_is_all_nan)
{
    struct ls_metrics metrics;
    double columns[LS_N_COLUMNS];
    ls_metrics_clear(&metrics);
    memcpy(columns, &metrics, sizeof metrics);
    for (size_t i = 0; i < LS_N_COLUMNS; i++)
        ck_assert(isnan(columns[i]));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tcase = tcase_create("table");
    tcase_add_test(tcase, every_column_is_found_by_its_name);
    tcase_add_test(tcase, quantiles_read_by_suffix_and_unknown_names_are_refused);
    tcase_add_test(tcase, a_cleared_row_is_all_nan);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
