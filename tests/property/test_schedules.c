/* Pipeline schedules: their closed form is what happens when they are played, wherever it says that it is exact. */
#include <check.h>
#include <math.h>

#include "engine/training/schedule.h"
#include "tests/suite.h"

enum { MAX_STAGES = 12, N_CASES = 400 };

/* A small generator is enough to pick shapes. */
static uint64_t state = 12345;

static int64_t pick(int64_t low, int64_t high)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return low + (int64_t)((state >> 33) % (uint64_t)(high - low + 1));
}

static double play(const struct ls_schedule_work *work)
{
    struct ls_arena arena = {0};
    struct ls_err err = {""};
    double seconds = 0;
    int64_t n_events = 0;
    ck_assert_int_eq(ls_schedule_play(work, &arena, &seconds, &n_events, &err), LS_OK);
    ck_assert_int_eq(n_events, 2 * work->stages * work->chunks * work->micro_batches);
    ls_arena_release(&arena);
    return seconds;
}

/* Whole seconds that chunks divide, so that sums are exact. */
static void fill(double *seconds, int64_t stages, int64_t chunks, bool equal)
{
    for (int64_t i = 0; i < stages; i++)
        seconds[i] = equal && i > 0 ? seconds[0] : (double)(pick(1, 20) * chunks);
}

START_TEST(equal_stages_take_the_closed_form)
{
    double forward[MAX_STAGES], backward[MAX_STAGES];
    for (int i = 0; i < N_CASES; i++) {
        const int32_t schedule = (int32_t)pick(LS_SCHEDULE_GPIPE, LS_SCHEDULE_INTERLEAVED);
        const bool interleaved = schedule == LS_SCHEDULE_INTERLEAVED;
        const int64_t stages = pick(interleaved ? 2 : 1, MAX_STAGES), chunks = interleaved ? pick(1, 6) : 1;
        const int64_t micro_batches = interleaved ? stages * pick(1, 6) : pick(1, 40);
        fill(forward, stages, chunks, true);
        fill(backward, stages, chunks, true);
        const struct ls_schedule_work work = {schedule, stages, chunks, micro_batches, forward, backward};
        ck_assert(ls_schedule_possible(schedule, stages, chunks, micro_batches));
        ck_assert_double_eq_tol(play(&work), ls_schedule_seconds(&work), 1e-6);
    }
}
END_TEST

START_TEST(gpipe_is_exact_for_any_stages)
{
    double forward[MAX_STAGES], backward[MAX_STAGES];
    for (int i = 0; i < N_CASES; i++) {
        const int64_t stages = pick(1, MAX_STAGES);
        fill(forward, stages, 1, false);
        fill(backward, stages, 1, false);
        const struct ls_schedule_work work = {LS_SCHEDULE_GPIPE, stages, 1, pick(1, 40), forward, backward};
        ck_assert_double_eq(play(&work), ls_schedule_seconds(&work));
    }
}
END_TEST

/* Whatever the stages take, the slowest is busy all its passes, and interleaving never holds less than 1f1b's share. */
START_TEST(no_schedule_beats_its_slowest_stage)
{
    double forward[MAX_STAGES], backward[MAX_STAGES];
    for (int i = 0; i < N_CASES; i++) {
        const int64_t stages = pick(2, MAX_STAGES), chunks = pick(1, 4);
        fill(forward, stages, chunks, false);
        fill(backward, stages, chunks, false);
        const struct ls_schedule_work work = {LS_SCHEDULE_INTERLEAVED, stages,  chunks,
                                              stages * pick(1, 4),     forward, backward};
        double slowest = 0, sum = 0;
        for (int64_t j = 0; j < stages; j++) {
            slowest = fmax(slowest, forward[j] + backward[j]);
            sum += forward[j] + backward[j];
        }
        const double seconds = play(&work);
        ck_assert(seconds >= slowest * (double)work.micro_batches);
        ck_assert(seconds <= sum * (double)work.micro_batches);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedules");
    TCase *tcase = tcase_create("core");
    tcase_add_test(tcase, equal_stages_take_the_closed_form);
    tcase_add_test(tcase, gpipe_is_exact_for_any_stages);
    tcase_add_test(tcase, no_schedule_beats_its_slowest_stage);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
