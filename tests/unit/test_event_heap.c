/* The promise of the event heap: events come out by time, then priority, then in the order in which they went in. */
#include <check.h>
#include <stdlib.h>

#include "engine/sim/event_heap.h"
#include "engine/sim/random.h"
#include "tests/suite.h"

enum { CAPACITY = 500 };

static struct ls_event memory[CAPACITY];

/* As in the heap, but by a plain search. */
struct pending {
    struct ls_event event;
    bool there;
};

static int first_of(const struct pending *pending, int n)
{
    int first = -1;
    for (int i = 0; i < n; i++) { /* in the order of pushing, so the earliest of equals stays */
        if (!pending[i].there)
            continue;
        const struct ls_event *a = &pending[i].event;
        if (first < 0 || a->time_ps < pending[first].event.time_ps ||
            (a->time_ps == pending[first].event.time_ps && a->priority < pending[first].event.priority))
            first = i;
    }
    return first;
}

START_TEST(events_come_out_in_their_total_order)
{
    static struct pending pending[CAPACITY];
    struct ls_event_heap heap = {.events = memory, .capacity = CAPACITY};
    struct ls_stream stream = ls_stream_make((uint64_t)_i, 0, 0, 0, LS_RNG_GAP);
    int n_pushed = 0, n_there = 0;
    while (n_pushed < CAPACITY || n_there > 0) {
        const bool push = n_pushed < CAPACITY && (n_there == 0 || ls_stream_uniform(&stream) < 0.6);
        if (push) {
            const struct ls_event event = {.time_ps = (int64_t)(ls_stream_uniform(&stream) * 20),
                                           .priority = ls_stream_uniform(&stream) < 0.5,
                                           .owner = n_pushed,
                                           .what = n_pushed * 3};
            pending[n_pushed++] = (struct pending){event, true};
            ls_event_push(&heap, event);
            n_there++;
        } else {
            const int first = first_of(pending, n_pushed);
            const struct ls_event event = ls_event_pop(&heap);
            ck_assert_int_eq(event.owner, first);
            ck_assert_int_eq(event.what, first * 3);
            ck_assert_int_eq(event.time_ps, pending[first].event.time_ps);
            pending[first].there = false;
            n_there--;
        }
        ck_assert_uint_eq(heap.n, (size_t)n_there);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("event heap");
    TCase *tcase = tcase_create("event heap");
    tcase_add_loop_test(tcase, events_come_out_in_their_total_order, 0, 10);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
