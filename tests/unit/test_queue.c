/* Promises of the work queue: every cell is done exactly once whatever happens to the ranks, dear cells come first, and
 * chunks shrink as the work runs out. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sim/random.h"
#include "sweep/queue.h"
#include "tests/suite.h"

static struct ls_stream stream;

static size_t below(size_t n)
{
    return (size_t)(ls_stream_uniform(&stream) * (double)n);
}

static struct ls_queue *new_queue(uint64_t n_cells, size_t n_ranks)
{
    struct ls_queue *queue;
    struct ls_err err;
    ck_assert_int_eq(ls_queue_new(n_cells, n_ranks, &queue, &err), LS_OK);
    return queue;
}

enum { N_CELLS = 3000, MAX_RANKS = 9 };

struct world {
    struct ls_queue *queue;
    size_t n_ranks;
    int n_times[N_CELLS]; /* results accepted of each cell */
    struct {
        uint64_t cells[LS_CHUNK_CELLS];
        size_t next, n;
    } ranks[MAX_RANKS];
};

/* One thing happens to one rank: it gets a chunk, returns a result, or dies and comes back empty. */
static void step(struct world *world, double death)
{
    const size_t rank = below(world->n_ranks);
    uint64_t *cells = world->ranks[rank].cells;
    if (world->ranks[rank].next < world->ranks[rank].n) {
        if (ls_stream_uniform(&stream) < death) {
            const size_t left = world->ranks[rank].n - world->ranks[rank].next;
            ck_assert_uint_eq(ls_queue_give_back(world->queue, rank), left);
            const uint64_t late = cells[world->ranks[rank].next];
            ck_assert(!ls_queue_accept(world->queue, rank, late, 0));
            world->ranks[rank].n = world->ranks[rank].next = 0;
        } else {
            const uint64_t cell = cells[world->ranks[rank].next++];
            ck_assert(ls_queue_accept(world->queue, rank, cell, 0));
            ck_assert(!ls_queue_accept(world->queue, rank, cell, 0));
            world->n_times[cell]++;
        }
    } else {
        world->ranks[rank].next = 0;
        world->ranks[rank].n = ls_queue_take(world->queue, rank, 1 + below(LS_CHUNK_CELLS), cells);
    }
}

START_TEST(each_cell_is_done_once_whatever_happens)
{
    stream = ls_stream_make(1, 0, 0, (uint64_t)_i, LS_RNG_JITTER);
    struct world world = {.n_ranks = 1 + below(MAX_RANKS)};
    world.queue = new_queue(N_CELLS, world.n_ranks);
    bool present[N_CELLS];
    for (size_t cell = 0; cell < N_CELLS; cell++) {
        present[cell] = ls_stream_uniform(&stream) < 0.8;
        if (present[cell])
            ls_queue_add(world.queue, cell, 1000 * ls_stream_exponential(&stream));
    }
    const double death = _i % 2 ? 0.02 : 0;
    while (!ls_queue_finished(world.queue)) {
        step(&world, death);
        const struct ls_queue_load load = ls_queue_load(world.queue);
        size_t n_present = 0;
        for (size_t cell = 0; cell < N_CELLS; cell++)
            n_present += present[cell];
        ck_assert_uint_eq(load.n_todo + load.n_out + load.n_done, n_present);
    }
    for (size_t cell = 0; cell < N_CELLS; cell++)
        ck_assert_int_eq(world.n_times[cell], present[cell]);
    ls_queue_free(world.queue);
}
END_TEST

START_TEST(dear_cells_come_first)
{
    struct ls_queue *queue = new_queue(64, 2);
    for (uint64_t cell = 0; cell < 64; cell++)
        ls_queue_add(queue, cell, (double)(UINT64_C(1) << cell));
    uint64_t cell;
    for (uint64_t expected = 64; expected-- > 0;) {
        ck_assert_uint_eq(ls_queue_take(queue, 0, 1, &cell), 1);
        ck_assert_uint_eq(cell, expected);
        ck_assert(ls_queue_accept(queue, 0, cell, 0));
    }
    ck_assert_uint_eq(ls_queue_take(queue, 0, 1, &cell), 0);
    ck_assert(ls_queue_finished(queue));
    ls_queue_free(queue);
}
END_TEST

START_TEST(a_chunk_is_a_share_of_what_is_left)
{
    struct ls_queue *queue = new_queue(4000, 5);
    for (uint64_t cell = 0; cell < 4000; cell++)
        ls_queue_add(queue, cell, 1);
    uint64_t cells[LS_CHUNK_CELLS];
    uint64_t left = 4000;
    while (left > 0) {
        const size_t n = ls_queue_take(queue, 3, LS_CHUNK_CELLS, cells);
        ck_assert_uint_eq(n, left >= 40 ? left / 40 : 1);
        for (size_t i = 0; i < n; i++)
            ck_assert(ls_queue_accept(queue, 3, cells[i], 0));
        left -= n;
    }
    ls_queue_free(queue);
}
END_TEST

START_TEST(a_cell_dearer_than_a_share_goes_alone)
{
    struct ls_queue *queue = new_queue(101, 4);
    ls_queue_add(queue, 100, 1e6);
    for (uint64_t cell = 0; cell < 100; cell++)
        ls_queue_add(queue, cell, 1);
    uint64_t cells[LS_CHUNK_CELLS];
    ck_assert_uint_eq(ls_queue_take(queue, 1, LS_CHUNK_CELLS, cells), 1);
    ck_assert_uint_eq(cells[0], 100);
    ls_queue_free(queue);
}
END_TEST

START_TEST(cheap_cells_fill_a_chunk)
{
    struct ls_queue *queue = new_queue(4040, 2);
    for (uint64_t cell = 0; cell < 4040; cell++)
        ls_queue_add(queue, cell, cell < 40 ? 128 : 1);
    uint64_t cells[LS_CHUNK_CELLS];
    /* 40 · 128 + 4000 over 2 · 8 are 570: 4 dear ones, and 58 of the 240 cells that such a share of the cost has */
    ck_assert_uint_eq(ls_queue_take(queue, 1, LS_CHUNK_CELLS, cells), 4 + 58);
    for (size_t i = 0; i < 4 + 58; i++)
        ck_assert_int_eq(cells[i] < 40, i < 4);
    ls_queue_free(queue);
}
END_TEST

START_TEST(cells_given_back_go_out_again)
{
    struct ls_queue *queue = new_queue(1, 2);
    ls_queue_add(queue, 0, 5);
    uint64_t cell;
    ck_assert_uint_eq(ls_queue_take(queue, 0, 1, &cell), 1);
    ck_assert_uint_eq(ls_queue_take(queue, 1, 1, &cell), 0);
    ck_assert(!ls_queue_finished(queue));
    ck_assert(!ls_queue_accept(queue, 1, 0, 0));
    ck_assert_uint_eq(ls_queue_give_back(queue, 0), 1);
    ck_assert_uint_eq(ls_queue_give_back(queue, 0), 0);
    ck_assert_uint_eq(ls_queue_take(queue, 1, 1, &cell), 1);
    ck_assert(ls_queue_accept(queue, 1, 0, 0));
    ck_assert(ls_queue_finished(queue));
    ls_queue_free(queue);
}
END_TEST

START_TEST(an_empty_queue_is_finished)
{
    struct ls_queue *queue = new_queue(0, 1);
    uint64_t cell;
    ck_assert(ls_queue_finished(queue));
    ck_assert_uint_eq(ls_queue_take(queue, 0, 1, &cell), 0);
    ls_queue_free(queue);
}
END_TEST

START_TEST(the_load_adds_up_costs)
{
    struct ls_queue *queue = new_queue(10, 1);
    ls_queue_add(queue, 2, 1024);
    ls_queue_add(queue, 4, 1024);
    ls_queue_add(queue, 6, 0);
    uint64_t cell;
    ck_assert_uint_eq(ls_queue_take(queue, 0, 1, &cell), 1);
    const struct ls_queue_load load = ls_queue_load(queue);
    ck_assert_uint_eq(load.n_todo, 2);
    ck_assert_uint_eq(load.n_out, 1);
    ck_assert_double_eq(load.cost_todo, 1025);
    ck_assert_double_eq(load.cost_out, 1024);
    ck_assert_double_eq(load.cost_done, 0);
    ls_queue_free(queue);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("queue");
    TCase *tcase = tcase_create("queue");
    tcase_add_loop_test(tcase, each_cell_is_done_once_whatever_happens, 0, 20);
    tcase_add_test(tcase, dear_cells_come_first);
    tcase_add_test(tcase, a_chunk_is_a_share_of_what_is_left);
    tcase_add_test(tcase, a_cell_dearer_than_a_share_goes_alone);
    tcase_add_test(tcase, cheap_cells_fill_a_chunk);
    tcase_add_test(tcase, cells_given_back_go_out_again);
    tcase_add_test(tcase, an_empty_queue_is_finished);
    tcase_add_test(tcase, the_load_adds_up_costs);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
