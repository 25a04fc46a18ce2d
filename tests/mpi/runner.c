/* The runner over real messages: every cell of a queue is delivered once, and all ranks leave with the same status.
 * Started by a launcher or alone; exits 1 with a line on standard error when a promise is broken. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sweep/mpi/mpi_transport.h"
#include "sweep/runner.h"

enum { N_CELLS = 20000 };

struct test {
    size_t rank;
    bool stops; /* when a tenth is delivered */
    size_t n_delivered;
    unsigned char delivered[N_CELLS];
};

static void require(bool promise, const char *what)
{
    if (promise)
        return;
    (void)fprintf(stderr, "broken: %s\n", what);
    exit(EXIT_FAILURE);
}

static double now_s(void *context)
{
    (void)context;
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* One cell in a thousand takes a while and polls. */
static enum ls_status simulate(void *context, struct ls_runner *runner, uint64_t cell, struct ls_record *record)
{
    (void)context;
    const double end_s = now_s(NULL) + (cell % 1000 == 0 ? 5e-3 : 2e-6);
    while (now_s(NULL) < end_s)
        if (cell % 1000 == 0 && !ls_runner_poll(runner))
            return LS_STOPPED;
    *record = (struct ls_record){.status = LS_CELL_DONE, .fingerprint = 3 * cell + 1};
    return LS_OK;
}

static enum ls_status deliver(void *context, const struct ls_record *record, struct ls_err *err)
{
    (void)err;
    struct test *test = context;
    require(record->cell < N_CELLS && record->fingerprint == 3 * record->cell + 1, "records arrive as they were sent");
    require(!test->delivered[record->cell], "a cell is delivered once");
    test->delivered[record->cell] = 1;
    test->n_delivered++;
    return LS_OK;
}

static enum ls_status tick(void *context, const struct ls_queue *queue, struct ls_err *err)
{
    (void)context;
    (void)queue;
    (void)err;
    return LS_OK;
}

static bool stop(void *context)
{
    const struct test *test = context;
    return test->stops && test->n_delivered >= N_CELLS / 10;
}

static const struct ls_runner_ops ops = {
    .simulate = simulate, .deliver = deliver, .tick = tick, .stop = stop, .now_s = now_s};

static void run(struct ls_transport *transport, struct test *test, bool stops, enum ls_status expected)
{
    struct ls_err err;
    struct ls_queue *queue = NULL;
    test->stops = stops;
    if (transport->rank == 0) {
        require(ls_queue_new(N_CELLS, transport->n_ranks, &queue, &err) == LS_OK, "a queue is made");
        for (uint64_t cell = 0; cell < N_CELLS; cell++)
            if (!test->delivered[cell])
                ls_queue_add(queue, cell, cell % 1000 == 0 ? 1000 : 1);
    }
    require(ls_runner_run(&ops, test, transport, queue, &err) == expected, "all ranks leave with the same status");
    ls_queue_free(queue);
}

int main(void)
{
    struct ls_transport *transport;
    struct ls_err err = {0};
    require(ls_mpi_transport_open(&transport, &err) == LS_OK, err.text);
    static struct test test;
    test.rank = transport->rank;
    run(transport, &test, true, LS_STOPPED);
    require(transport->rank > 0 || test.n_delivered < N_CELLS, "a stop leaves cells");
    run(transport, &test, false, LS_OK);
    require(transport->rank > 0 || test.n_delivered == N_CELLS, "every cell is delivered in the end");
    ls_mpi_transport_close(transport);
    return EXIT_SUCCESS;
}
