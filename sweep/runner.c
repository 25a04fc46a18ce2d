#include "sweep/runner.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Naps of a rank that has nothing to do double from the first to the last of these. */
#define NAP_MIN_S 20e-6
#define NAP_MAX_S 1e-3

/* Amid simulations, messages are looked for this often: the others wait for rank 0, a worker only for its dismissal.
 * More often would cost more than a poll: an MPI that was told to yield when idle gives the core away each time. */
#define MANAGER_POLL_S 200e-6
#define WORKER_POLL_S 2e-3

/* Results leave a worker at least this often. */
#define REPORT_PERIOD_S 0.1

enum worker_state { WORKER_BUSY, WORKER_IDLE, WORKER_DISMISSED, WORKER_GONE };

struct ls_runner {
    const struct ls_runner_ops *ops;
    void *context;
    struct ls_transport *transport;
    double nap_s;
    double polled_s; /* when it last looked for messages */
    bool stopped;    /* this rank drops what it has */

    /* rank 0 */
    struct ls_queue *queue;
    unsigned char *workers; /* [n_ranks] enum worker_state */
    size_t n_present;       /* workers that may still send a report */
    size_t n_idle;          /* workers in WORKER_IDLE */
    enum ls_status status;  /* the first trouble */
    struct ls_err *err;

    /* workers */
    bool dismissed;
    double reported_s; /* when the last report left */
    struct ls_chunk chunk;
    struct ls_report report;
};

static void nap(struct ls_runner *runner)
{
    runner->transport->ops->nap(runner->transport, runner->nap_s);
    runner->nap_s = runner->nap_s * 2 < NAP_MAX_S ? runner->nap_s * 2 : NAP_MAX_S;
}

static void awake(struct ls_runner *runner)
{
    runner->nap_s = NAP_MIN_S;
}

static bool is_time_to_poll(struct ls_runner *runner, double period_s)
{
    const double now_s = runner->ops->now_s(runner->context);
    if (now_s - runner->polled_s < period_s)
        return false;
    runner->polled_s = now_s;
    return true;
}

static enum ls_status simulate(struct ls_runner *runner, uint64_t cell, struct ls_record *record)
{
    const double start_s = runner->ops->now_s(runner->context);
    const enum ls_status status = runner->ops->simulate(runner->context, runner, cell, record);
    assert(status == LS_OK || status == LS_STOPPED);
    record->cell = cell;
    record->rank = (uint32_t)runner->transport->rank;
    record->wall_s = runner->ops->now_s(runner->context) - start_s;
    return status;
}

/* Rank 0. */

/* Whether the caller can no longer take results; it is not asked again, and its first message stays. */
static bool broken(const struct ls_runner *runner)
{
    return runner->status != LS_OK && runner->status != LS_STOPPED;
}

static void fail(struct ls_runner *runner, enum ls_status status)
{
    if (!broken(runner))
        runner->status = status;
    runner->stopped = true;
}

static void deliver(struct ls_runner *runner, size_t rank, const struct ls_record *record)
{
    if (!ls_queue_accept(runner->queue, rank, record->cell, record->wall_s) || broken(runner))
        return;
    const enum ls_status status = runner->ops->deliver(runner->context, record, runner->err);
    if (status != LS_OK)
        fail(runner, status);
}

static void take_piece(struct ls_runner *runner, size_t rank, const struct ls_piece *piece)
{
    if (broken(runner))
        return;
    const enum ls_status status = runner->ops->take_piece(runner->context, rank, piece, runner->err);
    if (status != LS_OK)
        fail(runner, status);
}

/* Give an idle worker a chunk; false when nothing is to do. */
static bool hand_out(struct ls_runner *runner, size_t rank)
{
    struct ls_chunk chunk;
    chunk.n = ls_queue_take(runner->queue, rank, LS_CHUNK_CELLS, chunk.cells);
    if (chunk.n == 0)
        return false;
    runner->transport->ops->send_chunk(runner->transport, rank, &chunk);
    runner->workers[rank] = WORKER_BUSY;
    runner->n_idle--;
    return true;
}

/* Cells come back from the dead, and what was delivered may bring new ones: for those who found nothing to do. */
static void feed_idle(struct ls_runner *runner)
{
    for (size_t rank = 1; runner->n_idle > 0 && rank < runner->transport->n_ranks; rank++)
        if (runner->workers[rank] == WORKER_IDLE && !hand_out(runner, rank))
            return;
}

static void take_report(struct ls_runner *runner, const struct ls_report *report)
{
    assert(report->rank > 0 && report->rank < runner->transport->n_ranks && report->n <= LS_REPORT_RECORDS);
    const size_t rank = report->rank;
    if (runner->workers[rank] == WORKER_GONE)
        return; /* a last word of one that was given up */
    if (report->flags & LS_REPORT_PIECE)
        take_piece(runner, rank, &report->piece);
    for (size_t i = 0; i < report->n; i++)
        deliver(runner, rank, &report->records[i]);
    if (report->flags & LS_REPORT_STOPPED) {
        fail(runner, LS_STOPPED);
        (void)ls_queue_give_back(runner->queue, rank);
    }
    if (report->flags & LS_REPORT_LAST) {
        assert(runner->workers[rank] == WORKER_DISMISSED);
        (void)ls_queue_give_back(runner->queue, rank);
        runner->workers[rank] = WORKER_GONE;
        runner->n_present--;
    } else if (report->flags & LS_REPORT_IDLE && runner->workers[rank] == WORKER_BUSY) {
        runner->workers[rank] = WORKER_IDLE;
        runner->n_idle++;
        if (!runner->stopped)
            (void)hand_out(runner, rank);
    }
}

static void bury(struct ls_runner *runner, size_t rank)
{
    if (runner->workers[rank] == WORKER_GONE)
        return;
    runner->n_idle -= runner->workers[rank] == WORKER_IDLE;
    runner->workers[rank] = WORKER_GONE;
    runner->n_present--;
    const size_t n_cells = ls_queue_give_back(runner->queue, rank);
    if (runner->ops->lost)
        runner->ops->lost(runner->context, rank, n_cells);
}

/* Take every message that has come. Returns whether there was one. */
static bool serve(struct ls_runner *runner)
{
    struct ls_transport *transport = runner->transport;
    bool served = false;
    for (const struct ls_report *report; (report = transport->ops->poll_report(transport)); served = true)
        take_report(runner, report);
    for (size_t rank; transport->ops->poll_death && transport->ops->poll_death(transport, &rank); served = true)
        bury(runner, rank);
    if (!runner->stopped)
        feed_idle(runner);
    const enum ls_status status =
        broken(runner) ? runner->status : runner->ops->tick(runner->context, runner->queue, runner->err);
    if (status != LS_OK)
        fail(runner, status);
    else if (runner->ops->stop(runner->context))
        fail(runner, LS_STOPPED);
    return served;
}

/* Rank 0 takes single cells, for it pays no message for them. Returns whether there was one. */
static bool simulate_one(struct ls_runner *runner)
{
    uint64_t cell;
    if (runner->stopped || ls_queue_take(runner->queue, 0, 1, &cell) == 0)
        return false;
    struct ls_record record;
    if (simulate(runner, cell, &record) == LS_OK)
        deliver(runner, 0, &record);
    else
        (void)ls_queue_give_back(runner->queue, 0);
    return true;
}

static void dismiss(struct ls_runner *runner)
{
    const struct ls_chunk none = {.n = 0};
    for (size_t rank = 1; rank < runner->transport->n_ranks; rank++) {
        if (runner->workers[rank] == WORKER_GONE)
            continue;
        runner->transport->ops->send_chunk(runner->transport, rank, &none);
        runner->workers[rank] = WORKER_DISMISSED;
    }
    runner->n_idle = 0;
}

/* Why this ends, and ends with every cell done unless told to stop.
 *
 * The queue keeps each cell to do, out with one rank, or done. Three things move a cell: handing out (to do → out),
 * a result (out → done), and a stop or a death (out → to do).
 *
 * A worker is not without work for long while a cell is to do: it is handed one when it reports idle, and whenever
 * cells come to be to do later, each idle worker is handed some. A worker that has cells out simulates them, each of
 * which ends, and sends every result before it reports idle, in order. So as long as a live rank has cells out, a
 * result comes. If none has, the first loop runs a cell to do here; if none is to do either, the queue is finished.
 * Hence each turn of the loop ends, and all but finitely many of the turns in which something moves make `done` grow:
 * a rank dies once, and a stop ends the loop. `done` is bounded by the number of cells.
 *
 * The second loop waits for one last report from each worker that still lives. Every worker gets exactly one
 * dismissal, at which it sends exactly one last report; nothing is sent to it after the one, nor by it after the
 * other, so no message is left over when the loop ends. */
static enum ls_status manage(struct ls_runner *runner)
{
    struct ls_transport *transport = runner->transport;
    runner->n_present = transport->n_ranks - 1;
    bool simulated = false;
    while (!runner->stopped && !ls_queue_finished(runner->queue)) {
        const bool served = is_time_to_poll(runner, simulated ? MANAGER_POLL_S : 0) && serve(runner);
        simulated = simulate_one(runner);
        if (served || simulated)
            awake(runner);
        else
            nap(runner);
    }
    dismiss(runner);
    awake(runner);
    while (runner->n_present > 0) {
        if (serve(runner))
            awake(runner);
        else
            nap(runner);
    }
    return runner->status == LS_STOPPED && ls_queue_finished(runner->queue) ? LS_OK : runner->status;
}

/* Workers. */

static void report(struct ls_runner *runner, uint32_t flags)
{
    runner->report.rank = (uint32_t)runner->transport->rank;
    runner->report.flags = flags;
    runner->transport->ops->send_report(runner->transport, &runner->report);
    runner->report.n = 0;
    runner->reported_s = runner->ops->now_s(runner->context);
}

/* Records of cells before this one go first, so that at rank 0 the pieces that came since a rank's last record belong
 * to its next one. */
static void report_piece(struct ls_runner *runner, const struct ls_piece *piece)
{
    if (runner->report.n > 0)
        report(runner, 0);
    struct ls_piece *out = &runner->report.piece;
    memcpy(out, piece, offsetof(struct ls_piece, bytes) + piece->n_bytes);
    report(runner, LS_REPORT_PIECE);
}

static void look(struct ls_runner *runner)
{
    if (!runner->stopped && runner->ops->stop(runner->context)) {
        runner->stopped = true;
        report(runner, LS_REPORT_STOPPED);
    }
}

/* Simulate the chunk's cells until they are done or this rank is to drop them. */
static void work_off(struct ls_runner *runner)
{
    const struct ls_chunk chunk = runner->chunk;
    for (size_t i = 0; i < chunk.n && ls_runner_poll(runner); i++) {
        struct ls_record record; /* a poll amid the simulation may send the report */
        if (simulate(runner, chunk.cells[i], &record) == LS_STOPPED)
            return;
        struct ls_report *out = &runner->report;
        out->records[out->n++] = record;
        const double now_s = runner->ops->now_s(runner->context);
        if (out->n == LS_REPORT_RECORDS || (i + 1 < chunk.n && now_s - runner->reported_s >= REPORT_PERIOD_S))
            report(runner, 0);
    }
    if (!runner->stopped && !runner->dismissed)
        report(runner, LS_REPORT_IDLE);
}

static void work(struct ls_runner *runner)
{
    report(runner, LS_REPORT_IDLE);
    while (!runner->dismissed) {
        look(runner);
        if (!runner->transport->ops->poll_chunk(runner->transport, &runner->chunk)) {
            nap(runner);
            continue;
        }
        awake(runner);
        runner->dismissed = runner->chunk.n == 0;
        if (!runner->stopped)
            work_off(runner);
    }
    report(runner, LS_REPORT_LAST);
}

void ls_runner_hand_over(struct ls_runner *runner, const struct ls_piece *piece)
{
    if (runner->transport->rank == 0)
        take_piece(runner, 0, piece);
    else if (!runner->stopped && !runner->dismissed)
        report_piece(runner, piece);
}

bool ls_runner_poll(struct ls_runner *runner)
{
    const bool manager = runner->transport->rank == 0;
    if (!is_time_to_poll(runner, manager ? MANAGER_POLL_S : WORKER_POLL_S))
        return !runner->stopped && !runner->dismissed;
    if (manager) {
        (void)serve(runner);
        return !runner->stopped;
    }
    look(runner);
    struct ls_chunk chunk;
    if (!runner->dismissed && runner->transport->ops->poll_chunk(runner->transport, &chunk)) {
        assert(chunk.n == 0); /* amid a chunk, only a dismissal can come */
        runner->dismissed = true;
    }
    return !runner->stopped && !runner->dismissed;
}

enum ls_status ls_runner_run(const struct ls_runner_ops *ops, void *context, struct ls_transport *transport,
                             struct ls_queue *queue, struct ls_err *err)
{
    assert((transport->rank == 0) == (queue != NULL));
    struct ls_runner *runner = calloc(1, sizeof *runner);
    unsigned char *workers = calloc(transport->n_ranks, sizeof *workers);
    const bool short_of_memory = transport->ops->max(transport, runner && workers ? 0 : 1) > 0;
    if (short_of_memory || !runner || !workers) {
        free(workers);
        free(runner);
        return ls_fail(err, LS_NOMEM, "out of memory on a rank");
    }
    runner->ops = ops;
    runner->context = context;
    runner->transport = transport;
    runner->queue = queue;
    runner->err = err;
    runner->workers = workers;
    awake(runner);
    enum ls_status status = LS_OK;
    if (transport->rank == 0)
        status = manage(runner);
    else
        work(runner);
    free(workers);
    free(runner);
    return (enum ls_status)transport->ops->max(transport, (uint32_t)status);
}
