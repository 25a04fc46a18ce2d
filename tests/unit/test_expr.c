/* The language of where: what it computes, and what it refuses. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/expr.h"
#include "tests/suite.h"

/* Names: a = 2, b = 3, n = NaN, s = 'high', the full key x.y = 5. */
static const char *const names[] = {"a", "b", "n", "s", "x.y"};

static int resolve(const char *name, void *context)
{
    (void)context;
    for (int i = 0; i < 5; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static double value_of(const char *source)
{
    const struct ls_expr_value slots[] = {{2, NULL}, {3, NULL}, {NAN, NULL}, {0, "high"}, {5, NULL}};
    struct ls_expr *expr;
    struct ls_err err = {""};
    ck_assert_msg(ls_expr_compile(source, resolve, NULL, &expr, &err) == LS_OK, "%s: %s", source, err.text);
    const double value = ls_expr_evaluate(expr, slots);
    ls_expr_free(expr);
    return value;
}

START_TEST(expressions_have_the_usual_precedence)
{
    static const struct {
        const char *source;
        double value;
    } cases[] = {
        {"1 + 2 * 3", 7},
        {"(1 + 2) * 3", 9},
        {"10 - 4 - 3", 3},
        {"16 / 4 / 2", 2},
        {"17 % 5", 2},
        {"-a + 1", -1},
        {"--a", 2},
        {"a*b<=6", 1},
        {"a < b and b < a", 0},
        {"a < b or b < a", 1},
        {"not a < b", 0},
        {"not not a", 1},
        {"1 or 0 and 0", 1},
        {"not 0 and 0", 0},
        {"min(a, b, 1)", 1},
        {"max(a, b) == 3", 1},
        {"x.y - 1", 4},
        {"s == 'high'", 1},
        {"s != \"high\"", 0},
        {"s == 3", 0},
        {"1e3 + .5", 1000.5},
        {"a >= 2 and a <= 2 and a == 2 and a != 3", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_msg(value_of(cases[i].source) == cases[i].value, "%s", cases[i].source);
}
END_TEST

START_TEST(nan_compares_false)
{
    static const char *const sources[] = {"n < 1",      "n >= 1",  "n == n", "n != 1",           "1 / 0 == 1",
                                          "5 % 0 != 5", "n and 1", "s < 3",  "min(n, 1) <= 1",   "s + 1 == s + 1",
                                          "-s < 0",     "0 or n",  "s != 3", "(1 / 0) == (1/0)", "max(s, 1) == 1"};
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
        ck_assert_msg(value_of(sources[i]) == 0, "%s", sources[i]);
}
END_TEST

START_TEST(faults_name_the_column_and_what_was_expected)
{
    static const struct {
        const char *source, *message;
    } cases[] = {
        {"", "column 1: it ends where a number, a name or ( was expected"},
        {"a <=", "column 5: it ends where a number, a name or ( was expected"},
        {"a b", "column 3: b; an operator, such as <= or and, was expected"},
        {"a = 2", "column 3: = 2; an operator, such as <= or and, was expected"},
        {"(a", "column 3: it ends where ) was expected"},
        {"min a", "column 5: a; ( was expected"},
        {"min(a", "column 6: it ends where ) or , was expected"},
        {"gpu <= 4", "column 1: unknown name gpu"},
        {"a and c", "column 7: unknown name c"},
        {"1 < a < 3", "comparisons do not chain; write a < b and b < c"},
        {"s == 'high", "column 6: 'high; a string that ends was expected"},
        {"2x", "column 1: 2x; a number was expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ls_expr *expr;
        struct ls_err err = {""};
        ck_assert_int_eq(ls_expr_compile(cases[i].source, resolve, NULL, &expr, &err), LS_INPUT);
        ck_assert_str_eq(err.text, cases[i].message);
    }
}
END_TEST

START_TEST(nesting_is_bounded)
{
    enum { N = 10000 };
    static char source[2 * N + 2];
    struct ls_expr *expr;
    struct ls_err err = {""};
    memset(source, '(', N);
    source[N] = '1';
    memset(source + N + 1, ')', N);
    ck_assert_int_eq(ls_expr_compile(source, resolve, NULL, &expr, &err), LS_INPUT);
    for (size_t i = 0; i + 4 < 2 * N; i += 4)
        memcpy(source + i, "not ", 4);
    ck_assert_int_eq(ls_expr_compile(source, resolve, NULL, &expr, &err), LS_INPUT);
    memset(source, '-', 2 * N);
    source[2 * N] = '1';
    ck_assert_int_eq(ls_expr_compile(source, resolve, NULL, &expr, &err), LS_OK);
    ls_expr_free(expr);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("expr");
    TCase *tcase = tcase_create("expr");
    tcase_add_test(tcase, expressions_have_the_usual_precedence);
    tcase_add_test(tcase, nan_compares_false);
    tcase_add_test(tcase, faults_name_the_column_and_what_was_expected);
    tcase_add_test(tcase, nesting_is_bounded);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
