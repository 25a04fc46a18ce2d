/* The waiting queue of ranked requests gives them in the order that sorting would. */
#include <check.h>
#include <stdlib.h>

#include "engine/serving/scheduler/waiting.h"
#include "engine/sim/random.h"
#include "tests/suite.h"

enum { N = 400 };

static struct ls_arena arena;
static struct ls_request_pool pool;
static struct ls_waiting waiting;
static struct ls_stream stream;

static uint32_t add(int32_t priority, int64_t ready_ps)
{
    const uint32_t id = ls_request_new(&pool);
    ls_request_at(&pool, id)->priority = priority;
    ls_request_at(&pool, id)->ready_ps = ready_ps;
    ls_waiting_come(&waiting, &pool, id);
    return id;
}

/* Who should be next of those who wait, in order of arrival; the place in `there`. */
static int best_of(const uint32_t *there, int n, int64_t seen_ps)
{
    int best = -1;
    for (int i = 0; i < n; i++) {
        const struct ls_request *request = ls_request_at(&pool, there[i]);
        const struct ls_request *other = best < 0 ? NULL : ls_request_at(&pool, there[best]);
        if (request->ready_ps <= seen_ps && (!other || request->priority < other->priority ||
                                             (request->priority == other->priority && request->turn < other->turn)))
            best = i;
    }
    return best;
}

static int draw(int n)
{
    return (int)(ls_stream_uniform(&stream) * n);
}

START_TEST(the_best_of_those_seen_is_next)
{
    uint32_t there[N] = {0}, back[N] = {0};
    int n_there = 0, n_back = 0, n_came = 0;
    stream = ls_stream_make((uint64_t)_i, 0, 0, 0, LS_RNG_GAP);
    ck_assert_int_eq(ls_request_pool_init(&pool, &arena, N), LS_OK);
    ls_waiting_init(&waiting, &ls_policies[1]);
    for (int now = 0; n_came < N || n_there > 0; now++) {
        for (int i = draw(6); i > 0 && n_came < N; i--, n_came++)
            there[n_there++] = add(draw(5), now);
        const int64_t seen = now - (n_came < N ? 2 : 0); /* the latest are not seen yet */
        for (int i = draw(6); i > 0; i--) {
            const int best = best_of(there, n_there, seen);
            const uint32_t first = ls_waiting_first(&waiting, &pool, seen);
            ck_assert_uint_eq(first, best < 0 ? LS_NO_REQUEST : there[best]);
            if (best < 0)
                break;
            ls_waiting_take(&waiting, &pool, first);
            there[best] = there[--n_there];
            if (draw(3) == 0)
                back[n_back++] = first;
        }
        while (n_back > 0 && draw(2) == 0) {
            ls_waiting_return(&waiting, &pool, back[--n_back]);
            there[n_there++] = back[n_back];
        }
        ck_assert_int_eq(waiting.n, n_there);
    }
    ls_arena_release(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("waiting");
    TCase *tcase = tcase_create("waiting");
    tcase_add_loop_test(tcase, the_best_of_those_seen_is_next, 0, 20);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
