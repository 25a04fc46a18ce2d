/* Promises of the reserve: what an admission leaves to those who run, and when nobody is admitted. */
#include <check.h>

#include "engine/serving/scheduler/reserve.h"
#include "tests/scheduler_case.h"
#include "tests/suite.h"

static void set_up(double least, double first, int64_t n_passes)
{
    scheduler_case_set_up();
    scenario.engine.batching = LS_BATCHING_PREFILL_FIRST;
    scenario.engine.block_size = 1;
    scenario.engine.output_reserve = least;
    scenario.engine.output_reserve_start = first;
    scenario.engine.output_reserve_passes = n_passes;
}

static struct ls_reserve reserve(double least, double first, int64_t n_passes)
{
    const struct ls_engine engine = {
        .output_reserve = least, .output_reserve_start = first, .output_reserve_passes = n_passes};
    return ls_reserve_make(&engine);
}

START_TEST(the_share_falls_pass_by_pass_and_starts_again)
{
    struct ls_reserve r = reserve(0.1, 0.7, 600);
    ck_assert_double_eq(ls_reserve_share(&r), 0.7);
    ls_reserve_note_passes(&r, 300);
    ck_assert_double_eq_tol(ls_reserve_share(&r), 0.4, 1e-12);
    ls_reserve_note_passes(&r, 10000);
    ck_assert_double_eq(ls_reserve_share(&r), 0.1);
    ls_reserve_restart(&r);
    ck_assert_double_eq(ls_reserve_share(&r), 0.7);
}
END_TEST

/* Ten who have generated 300 of 1,000 tokens, and 20 more each. */
START_TEST(a_preemption_teaches_what_others_generate)
{
    struct ls_reserve r = reserve(0.1, 0.7, 600);
    ls_reserve_note_passes(&r, 600);
    ls_reserve_refuse(&r);
    ls_reserve_learn(&r, 10, 300, 999);
    ck_assert_double_eq(ls_reserve_share(&r), 0.5);
    ck_assert(!r.refuses);
    ls_reserve_learn(&r, 10, 999, 999);
    ck_assert_double_eq(ls_reserve_share(&r), 1);
}
END_TEST

START_TEST(a_share_for_good_neither_learns_nor_refuses)
{
    struct ls_reserve r = reserve(0.5, 0.2, 600);
    ls_reserve_note_passes(&r, 600);
    ls_reserve_refuse(&r);
    ls_reserve_learn(&r, 10, 999, 999);
    ck_assert_double_eq(ls_reserve_share(&r), 0.5);
    ck_assert(!r.refuses);
}
END_TEST

START_TEST(what_others_may_want_counts_by_its_share)
{
    const struct ls_reserve none = reserve(0, 0, 1), half = reserve(0.5, 0.5, 1), all = reserve(1, 1, 1);
    ck_assert(ls_reserve_allows(&none, 1000, 1000, 1));
    ck_assert(ls_reserve_allows(&half, 60, 80, 100));
    ck_assert(!ls_reserve_allows(&half, 61, 80, 100));
    ck_assert(ls_reserve_allows(&all, 20, 80, 100));
    ck_assert(!ls_reserve_allows(&all, 21, 80, 100));
}
END_TEST

static int64_t pass(void)
{
    ls_scheduler_compose(&scheduler, 0, now_ps, now_ps);
    const int64_t n_prefill = scheduler.slots[0].batch.n_prefill;
    now_ps += LS_PS_PER_S;
    ls_scheduler_complete(&scheduler, 0, now_ps, now_ps);
    return n_prefill;
}

/* Requests of 5 tokens and 11 more hold 15 blocks at their ends. Of 30 blocks two find all they may want in one pass.
 */
START_TEST(those_of_one_pass_leave_each_other_everything)
{
    set_up(0, 0.5, 1000);
    start(30);
    for (int i = 0; i < 3; i++)
        ck_assert(scheduler_case_arrive(scheduler_case_request(5, 11)));
    ck_assert_int_eq(pass(), 2);
    ck_assert_int_eq(scheduler.waiting.n, 1);
}
END_TEST

/* The third wants 15 of 20 blocks, the others half of 2 · 10. Once it was refused it waits for one to leave, though all
 * that the falling share would leave to them is soon less. */
START_TEST(who_was_refused_waits_until_somebody_leaves)
{
    set_up(0, 0.5, 4);
    start(30);
    ck_assert(scheduler_case_arrive(scheduler_case_request(5, 11)));
    ck_assert(scheduler_case_arrive(scheduler_case_request(5, 11)));
    ck_assert_int_eq(pass(), 2);
    ck_assert(scheduler_case_arrive(scheduler_case_request(5, 11)));
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(pass(), 0);
    ck_assert_int_eq(scheduler.running.n, 0);
    ck_assert_int_eq(pass(), 1);
}
END_TEST

/* The same with room for half of what the others want, and no less. */
START_TEST(half_of_what_others_want_is_enough)
{
    set_up(0.5, 0.5, 1);
    start(35);
    ck_assert(scheduler_case_arrive(scheduler_case_request(5, 11)));
    ck_assert(scheduler_case_arrive(scheduler_case_request(5, 11)));
    ck_assert_int_eq(pass(), 2);
    ck_assert(scheduler_case_arrive(scheduler_case_request(5, 11)));
    ck_assert_int_eq(pass(), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reserve");
    TCase *tcase = tcase_create("share");
    tcase_add_test(tcase, the_share_falls_pass_by_pass_and_starts_again);
    tcase_add_test(tcase, a_preemption_teaches_what_others_generate);
    tcase_add_test(tcase, a_share_for_good_neither_learns_nor_refuses);
    tcase_add_test(tcase, what_others_may_want_counts_by_its_share);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("admission");
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_test(tcase, those_of_one_pass_leave_each_other_everything);
    tcase_add_test(tcase, who_was_refused_waits_until_somebody_leaves);
    tcase_add_test(tcase, half_of_what_others_want_is_enough);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
