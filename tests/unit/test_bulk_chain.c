/* Promises of the chain behind the low level of detail: closed forms of arrivals and queues, and equations that its
 * solutions satisfy. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "engine/serving/low/bulk_chain.h"
#include "tests/suite.h"

static const struct ls_parcel single = {.n = 2, .chance = {0, 1}};

static double mean_of(const double chance[], int n)
{
    double mean = 0;
    for (int i = 0; i < n; i++)
        mean += i * chance[i];
    return mean;
}

static struct ls_parcel parcel_of(double mean, double variance)
{
    struct ls_sizes sizes;
    struct ls_parcel parcel;
    ls_sizes_spread(&sizes, variance);
    ls_parcel_spread(&parcel, mean, &sizes);
    return parcel;
}

START_TEST(a_parcel_keeps_its_mean_and_variance)
{
    const struct ls_parcel parcel = parcel_of(6, 0.5), same = parcel_of(3, 0);
    double sum = 0, square = 0;
    for (int i = 0; i < parcel.n; i++) {
        sum += parcel.chance[i];
        square += i * i * parcel.chance[i];
    }
    ck_assert_double_eq_tol(sum, 1, 1e-12);
    ck_assert_double_eq_tol(mean_of(parcel.chance, parcel.n), 6, 1e-9);
    ck_assert_double_eq_tol(square - 36, 36 * 0.5, 0.25 + 0.01); /* whole numbers add 1/4 at most */
    ck_assert_double_eq_tol(same.chance[3], 1, 1e-5);
}
END_TEST

START_TEST(single_arrivals_have_their_known_chances)
{
    struct ls_arrived arrived;
    double chance = exp(-2.5);
    ls_arrived_spread(&arrived, 40, &single, 2.5, 1);
    for (int k = 0; k < 20; k++) {
        ck_assert_double_eq_tol(arrived.chance[k], chance, 1e-12);
        ck_assert_double_eq_tol(arrived.parcels[k], k * chance, 1e-12);
        chance *= 2.5 / (k + 1);
    }
    ls_arrived_spread(&arrived, 40, &single, 2.5, 0.5); /* five coins */
    ck_assert_double_eq_tol(arrived.chance[0], 1.0 / 32, 1e-12);
    ck_assert_double_eq_tol(arrived.chance[2], 10.0 / 32, 1e-12);
    ck_assert_double_eq_tol(arrived.chance[6], 0, 1e-12);
    ls_arrived_spread(&arrived, 60, &single, 1, 2); /* failures before the first of even chances */
    ck_assert_double_eq_tol(arrived.chance[3], 1.0 / 16, 1e-12);
}
END_TEST

/* Means of random sums: E[N] E[X] units, and E[N] parcels, whatever the counts' dispersion. */
START_TEST(parcels_of_any_size_add_up)
{
    static const double dispersions[] = {0.3, 0.8, 1, 1.7, 4};
    const double mean = 1.7;
    const struct ls_parcel parcel = parcel_of(2.2, 0.5);
    struct ls_arrived arrived;
    double parcels = 0;
    ls_arrived_spread(&arrived, LS_MAX_BACKLOG, &parcel, mean, dispersions[_i]);
    for (int i = 0; i < LS_MAX_BACKLOG; i++)
        parcels += arrived.parcels[i];
    ck_assert_double_eq_tol(mean_of(arrived.chance, LS_MAX_BACKLOG), mean * 2.2, 0.02);
    ck_assert_double_eq_tol(parcels, mean, 0.02);
}
END_TEST

static struct ls_bulk_chain chain;

/* Numbers left behind by the services of a queue whose services all last alike and take `bulk` at once. */
static void make_queue(int n, int bulk, double mean)
{
    struct ls_arrived arrived;
    ls_arrived_spread(&arrived, n, &single, mean, 1);
    memset(&chain, 0, sizeof chain);
    chain.n = n;
    chain.bulk = bulk;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            const int left = i > bulk ? i - bulk : 0;
            chain.next[i][left + j < n ? left + j : n - 1] += arrived.chance[j];
        }
}

/* Pollaczek and Khinchine: ρ + ρ² / (2 (1 − ρ)) are there as a service of M/D/1 ends. */
START_TEST(a_queue_has_its_known_length)
{
    const double use = 0.6;
    make_queue(LS_MAX_BACKLOG, 1, use);
    ls_bulk_chain_solve(&chain);
    ck_assert_double_eq_tol(mean_of(chain.share, chain.n), use + use * use / (2 * (1 - use)), 1e-9);
    ck_assert_double_eq_tol(chain.share[0], 1 - use, 1e-9);
}
END_TEST

START_TEST(a_solution_satisfies_its_equations)
{
    const int n = 30;
    double reward[LS_MAX_BACKLOG], left[LS_MAX_BACKLOG], bias[LS_MAX_BACKLOG], mean = 0;
    make_queue(n, _i, 0.8 * _i);
    const struct ls_bulk_chain given = chain;
    ls_bulk_chain_solve(&chain);
    for (int j = 0; j < n; j++) {
        double into = 0;
        for (int i = 0; i < n; i++)
            into += chain.share[i] * given.next[i][j];
        ck_assert_double_eq_tol(into, chain.share[j], 1e-12);
        mean += chain.share[j] * sqrt(j);
    }
    for (int i = 0; i < n; i++)
        left[i] = reward[i] = sqrt(i) - mean;
    ls_bulk_chain_bias(&chain, left, bias);
    for (int i = 0; i < n; i++) {
        double then = 0;
        for (int j = 0; j < n; j++)
            then += given.next[i][j] * bias[j];
        ck_assert_double_eq_tol(bias[i], reward[i] + then, 1e-9);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bulk_chain");
    TCase *tcase = tcase_create("bulk_chain");
    tcase_add_test(tcase, a_parcel_keeps_its_mean_and_variance);
    tcase_add_test(tcase, single_arrivals_have_their_known_chances);
    tcase_add_loop_test(tcase, parcels_of_any_size_add_up, 0, 5);
    tcase_add_test(tcase, a_queue_has_its_known_length);
    tcase_add_loop_test(tcase, a_solution_satisfies_its_equations, 1, 5);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
