/* Promises of the runner, with every rank a thread: each cell is delivered once, at any number of ranks, through deaths
 * and stops, and all ranks leave with the same status. */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>

#include "sweep/runner.h"
#include "tests/suite.h"

enum { MAX_RANKS = 8, MAIL = 64, N_CELLS = 500 };

struct world;

struct rank {
    struct ls_transport transport; /* first */
    struct world *world;
    struct ls_chunk inbox[4];
    size_t n_inbox;
    atomic_bool dead; /* silent from now on */
    bool mourned;
    unsigned n_simulated;
    enum ls_status status;
    struct ls_err err;
};

struct world {
    size_t n_ranks;
    mtx_t lock;
    cnd_t changed;
    struct ls_report mail[MAIL]; /* to rank 0 */
    size_t first_mail, n_mail;
    struct ls_report current;
    uint32_t values[MAX_RANKS];
    unsigned n_values, round;
    uint32_t greatest;
    struct rank ranks[MAX_RANKS];

    struct ls_queue *queue;
    int n_delivered[N_CELLS];
    uint64_t piece_cell[MAX_RANKS]; /* of the piece that came last from each rank, */
    uint32_t n_pieces[MAX_RANKS];   /* and how many of that cell did */
    size_t n_deliveries;
    /* what goes wrong */
    size_t dying_rank, dies_after; /* rank 0: nobody */
    size_t stopping_rank;          /* MAX_RANKS: nobody */
    size_t deliver_fails_at;       /* 0: never */
};

static struct rank *of(struct ls_transport *transport)
{
    return (struct rank *)transport;
}

static const struct ls_report *poll_report(struct ls_transport *transport)
{
    struct world *world = of(transport)->world;
    mtx_lock(&world->lock);
    const bool some = world->n_mail > 0;
    if (some) {
        world->current = world->mail[world->first_mail++ % MAIL];
        world->n_mail--;
        cnd_broadcast(&world->changed);
    }
    mtx_unlock(&world->lock);
    return some ? &world->current : NULL;
}

static void send_chunk(struct ls_transport *transport, size_t rank, const struct ls_chunk *chunk)
{
    struct world *world = of(transport)->world;
    mtx_lock(&world->lock);
    struct rank *to = &world->ranks[rank];
    if (!to->dead) {
        ck_assert_uint_lt(to->n_inbox, 2);
        to->inbox[to->n_inbox++] = *chunk;
    }
    mtx_unlock(&world->lock);
}

static bool poll_death(struct ls_transport *transport, size_t *rank)
{
    struct world *world = of(transport)->world;
    for (size_t i = 1; i < world->n_ranks; i++)
        if (world->ranks[i].dead && !world->ranks[i].mourned) {
            world->ranks[i].mourned = true;
            *rank = i;
            return true;
        }
    return false;
}

static void send_report(struct ls_transport *transport, const struct ls_report *report)
{
    struct world *world = of(transport)->world;
    mtx_lock(&world->lock);
    while (world->n_mail == MAIL)
        cnd_wait(&world->changed, &world->lock);
    if (!of(transport)->dead)
        world->mail[(world->first_mail + world->n_mail++) % MAIL] = *report;
    mtx_unlock(&world->lock);
}

/* The dead are dismissed, so that their threads end. */
static bool poll_chunk(struct ls_transport *transport, struct ls_chunk *chunk)
{
    struct rank *rank = of(transport);
    mtx_lock(&rank->world->lock);
    const bool some = rank->dead || rank->n_inbox > 0;
    if (rank->dead) {
        chunk->n = 0;
    } else if (some) {
        *chunk = rank->inbox[0];
        rank->inbox[0] = rank->inbox[--rank->n_inbox];
    }
    mtx_unlock(&rank->world->lock);
    return some;
}

static uint32_t greatest(struct ls_transport *transport, uint32_t value)
{
    struct world *world = of(transport)->world;
    mtx_lock(&world->lock);
    const unsigned round = world->round;
    world->values[world->n_values++] = value;
    if (world->n_values == world->n_ranks) {
        world->greatest = 0;
        for (size_t i = 0; i < world->n_ranks; i++)
            world->greatest = world->values[i] > world->greatest ? world->values[i] : world->greatest;
        world->n_values = 0;
        world->round++;
        cnd_broadcast(&world->changed);
    }
    while (world->round == round)
        cnd_wait(&world->changed, &world->lock);
    const uint32_t result = world->greatest;
    mtx_unlock(&world->lock);
    return result;
}

static void nap(struct ls_transport *transport, double seconds)
{
    (void)transport;
    const struct timespec duration = {.tv_nsec = (long)(seconds * 1e9)};
    (void)thrd_sleep(&duration, NULL);
}

static const struct ls_transport_ops transport_ops = {
    .poll_report = poll_report,
    .send_chunk = send_chunk,
    .poll_death = poll_death,
    .send_report = send_report,
    .poll_chunk = poll_chunk,
    .max = greatest,
    .nap = nap,
};

static double now_s(void *context)
{
    (void)context;
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static uint32_t piece_bytes(uint64_t cell, uint32_t i)
{
    return i % 2 ? LS_PIECE_BYTES : 1 + (uint32_t)cell;
}

/* Every third cell has some, up to three. */
static void hand_over_pieces(struct ls_runner *runner, uint64_t cell, struct ls_record *record)
{
    static thread_local struct ls_piece piece;
    const uint32_t n = cell % 3 ? 0 : 1 + (uint32_t)cell % 4;
    for (uint32_t i = 0; i < n; i++) {
        piece.cell = cell;
        piece.n_bytes = piece_bytes(cell, i);
        memset(piece.bytes, (int)((cell + i) % 251), piece.n_bytes);
        ls_runner_hand_over(runner, &piece);
    }
    record->details[0].n_rows = n;
}

/* The sum of a cell's metrics says which cell it was. Polls as a long simulation does. */
static enum ls_status simulate(void *context, struct ls_runner *runner, uint64_t cell, struct ls_record *record)
{
    struct rank *rank = context;
    struct world *world = rank->world;
    if (rank->transport.rank == world->dying_rank && world->dying_rank > 0 && rank->n_simulated == world->dies_after)
        rank->dead = true;
    rank->n_simulated++;
    nap(&rank->transport, 50e-6 + 1e-6 * (double)(cell % 100));
    if (!ls_runner_poll(runner))
        return LS_STOPPED;
    *record = (struct ls_record){.status = LS_CELL_DONE, .fingerprint = 3 * cell + 1};
    hand_over_pieces(runner, cell, record);
    return LS_OK;
}

/* The pieces of a cell are there before its record, each whole, in order. */
static enum ls_status take_piece(void *context, size_t from, const struct ls_piece *piece, struct ls_err *err)
{
    struct world *world = ((struct rank *)context)->world;
    (void)err;
    if (world->piece_cell[from] != piece->cell)
        world->n_pieces[from] = 0;
    world->piece_cell[from] = piece->cell;
    ck_assert_uint_eq(piece->n_bytes, piece_bytes(piece->cell, world->n_pieces[from]));
    bool whole = true;
    for (uint32_t i = 0; i < piece->n_bytes; i++)
        whole &= piece->bytes[i] == (piece->cell + world->n_pieces[from]) % 251;
    ck_assert(whole);
    world->n_pieces[from]++;
    return LS_OK;
}

static enum ls_status deliver(void *context, const struct ls_record *record, struct ls_err *err)
{
    struct rank *rank = context;
    struct world *world = rank->world;
    ck_assert_uint_eq(rank->transport.rank, 0);
    ck_assert_uint_eq(record->fingerprint, 3 * record->cell + 1);
    ck_assert_uint_lt(record->rank, world->n_ranks);
    ck_assert(record->wall_s > 0);
    if (record->details[0].n_rows > 0) {
        ck_assert_uint_eq(world->piece_cell[record->rank], record->cell);
        ck_assert_uint_eq(world->n_pieces[record->rank], record->details[0].n_rows);
        world->n_pieces[record->rank] = 0;
    }
    world->n_delivered[record->cell]++;
    if (++world->n_deliveries == world->deliver_fails_at)
        return ls_fail(err, LS_IO, "the disk is full");
    ck_assert(world->deliver_fails_at == 0 || world->n_deliveries < world->deliver_fails_at);
    return LS_OK;
}

static enum ls_status tick(void *context, const struct ls_queue *queue, struct ls_err *err)
{
    (void)err;
    ck_assert_ptr_eq(queue, ((struct rank *)context)->world->queue);
    return LS_OK;
}

static bool stop(void *context)
{
    const struct rank *rank = context;
    return rank->transport.rank == rank->world->stopping_rank && rank->n_simulated >= 10;
}

static int run_rank(void *context)
{
    static const struct ls_runner_ops ops = {
        .simulate = simulate, .deliver = deliver, .take_piece = take_piece, .tick = tick, .stop = stop, .now_s = now_s};
    struct rank *rank = context;
    struct ls_queue *queue = rank->transport.rank == 0 ? rank->world->queue : NULL;
    rank->status = ls_runner_run(&ops, rank, &rank->transport, queue, &rank->err);
    return 0;
}

static struct world *new_world(size_t n_ranks)
{
    struct world *world = calloc(1, sizeof *world);
    struct ls_err err;
    world->n_ranks = n_ranks;
    world->stopping_rank = MAX_RANKS;
    mtx_init(&world->lock, mtx_plain);
    cnd_init(&world->changed);
    ck_assert_int_eq(ls_queue_new(N_CELLS, n_ranks, &world->queue, &err), LS_OK);
    for (uint64_t cell = 0; cell < N_CELLS; cell++)
        ls_queue_add(world->queue, cell, (double)(cell % 100));
    for (size_t i = 0; i < n_ranks; i++)
        world->ranks[i] =
            (struct rank){.transport = {.rank = i, .n_ranks = n_ranks, .ops = &transport_ops}, .world = world};
    return world;
}

/* Runs all ranks; checks that they agree, and returns their status. */
static enum ls_status run_world(struct world *world)
{
    thrd_t threads[MAX_RANKS] = {0};
    for (size_t i = 1; i < world->n_ranks; i++)
        ck_assert_int_eq(thrd_create(&threads[i], run_rank, &world->ranks[i]), thrd_success);
    run_rank(&world->ranks[0]);
    for (size_t i = 1; i < world->n_ranks; i++) {
        thrd_join(threads[i], NULL);
        ck_assert_int_eq(world->ranks[i].status, world->ranks[0].status);
        ck_assert_uint_eq(world->ranks[i].n_inbox, 0);
    }
    ck_assert_uint_eq(world->n_mail, 0);
    return world->ranks[0].status;
}

static void assert_all_delivered_once(const struct world *world)
{
    for (size_t cell = 0; cell < N_CELLS; cell++)
        ck_assert_int_eq(world->n_delivered[cell], 1);
}

/* What was not delivered is to do again, and a second run does just that. */
static void assert_resumable(struct world *world)
{
    const struct ls_queue_load load = ls_queue_load(world->queue);
    ck_assert_uint_eq(load.n_out, 0);
    ck_assert_uint_eq(load.n_done, world->n_deliveries);
    ck_assert_uint_gt(load.n_todo, 0);
    world->stopping_rank = MAX_RANKS;
    memset(world->n_pieces, 0, sizeof world->n_pieces);
    ck_assert_int_eq(run_world(world), LS_OK);
    assert_all_delivered_once(world);
}

static void free_world(struct world *world)
{
    ls_queue_free(world->queue);
    cnd_destroy(&world->changed);
    mtx_destroy(&world->lock);
    free(world);
}

START_TEST(each_cell_is_delivered_once)
{
    static const size_t n_ranks[] = {1, 2, 3, 7};
    struct world *world = new_world(n_ranks[_i]);
    ck_assert_int_eq(run_world(world), LS_OK);
    assert_all_delivered_once(world);
    free_world(world);
}
END_TEST

START_TEST(a_lone_rank_needs_no_messages)
{
    struct world *world = new_world(1);
    world->ranks[0].transport = ls_transport_inline();
    ck_assert_int_eq(run_world(world), LS_OK);
    assert_all_delivered_once(world);
    free_world(world);
}
END_TEST

START_TEST(a_death_costs_no_cell)
{
    struct world *world = new_world(4);
    world->dying_rank = 1 + (size_t)_i % 3;
    world->dies_after = (size_t)_i * 7;
    ck_assert_int_eq(run_world(world), LS_OK);
    assert_all_delivered_once(world);
    free_world(world);
}
END_TEST

START_TEST(a_stop_anywhere_stops_all_and_can_be_resumed)
{
    struct world *world = new_world(4);
    world->stopping_rank = (size_t)_i;
    ck_assert_int_eq(run_world(world), LS_STOPPED);
    assert_resumable(world);
    free_world(world);
}
END_TEST

START_TEST(a_failed_delivery_stops_all_with_its_message)
{
    struct world *world = new_world(3);
    world->deliver_fails_at = 100;
    ck_assert_int_eq(run_world(world), LS_IO);
    ck_assert_str_eq(world->ranks[0].err.text, "the disk is full");
    ck_assert_uint_eq(world->n_deliveries, 100);
    free_world(world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("runner");
    TCase *tcase = tcase_create("runner");
    tcase_add_loop_test(tcase, each_cell_is_delivered_once, 0, 4);
    tcase_add_test(tcase, a_lone_rank_needs_no_messages);
    tcase_add_loop_test(tcase, a_death_costs_no_cell, 0, 8);
    tcase_add_loop_test(tcase, a_stop_anywhere_stops_all_and_can_be_resumed, 0, 4);
    tcase_add_test(tcase, a_failed_delivery_stops_all_with_its_message);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
