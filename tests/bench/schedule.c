/* How well the queue would keep many ranks busy: replays measured costs of cells through the queue that sweeps use,
 * with ranks and their messages simulated.
 *
 *     schedule cell_costs.csv RANKS COPIES [LEAST]
 *
 * COSTS.csv has a header and a line `predicted,wall_s` a cell; the cells are taken COPIES times over. Prints the
 * parallel efficiency: the cells' time over ranks · makespan. Exit 1 when it is below LEAST.
 *
 * Rank 0 computes cells itself and looks at its messages every POLL_S; each costs it SERVICE_S and each result
 * RECORD_S, during which its own cell stands still. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sweep/queue.h"

#define LATENCY_S 5e-6  /* of a message, between nodes */
#define POLL_S 200e-6   /* the longest that rank 0 computes without a look */
#define SERVICE_S 4e-6  /* to take a report and send a chunk */
#define RECORD_S 0.7e-6 /* to take one result: copies, checksum, journal; measured */

struct costs {
    size_t n;
    double *predicted, *wall_s;
};

/* A worker's next message to rank 0, in a heap by time. */
struct message {
    double at_s;
    size_t rank;
};

struct schedule {
    const struct costs *costs;
    size_t copies, n_ranks;
    struct ls_queue *queue;
    struct message *heap;
    size_t n_heap;
    struct {
        size_t n;
        uint64_t cells[LS_CHUNK_CELLS];
    } * chunks;       /* [n_ranks] */
    double server_s;  /* rank 0 has dealt with its messages till then */
    double own_end_s; /* rank 0's own cell ends */
    bool own;         /* it has one */
    double makespan_s;
};

static void *need(void *memory)
{
    if (!memory) {
        (void)fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return memory;
}

static struct costs read_costs(const char *path)
{
    FILE *file = fopen(path, "r");
    struct costs costs = {0};
    size_t capacity = 0;
    char line[256];
    if (!file || !fgets(line, sizeof line, file)) {
        (void)fprintf(stderr, "%s: no costs to read\n", path);
        exit(2);
    }
    while (fgets(line, sizeof line, file)) {
        if (costs.n == capacity) {
            capacity = capacity ? 2 * capacity : 1024;
            costs.predicted = need(realloc(costs.predicted, capacity * sizeof *costs.predicted));
            costs.wall_s = need(realloc(costs.wall_s, capacity * sizeof *costs.wall_s));
        }
        char *end;
        costs.predicted[costs.n] = strtod(line, &end);
        costs.wall_s[costs.n] = strtod(end + 1, NULL);
        costs.n++;
    }
    (void)fclose(file);
    return costs;
}

static void push(struct schedule *schedule, double at_s, size_t rank)
{
    size_t i = schedule->n_heap++;
    for (; i > 0 && schedule->heap[(i - 1) / 2].at_s > at_s; i = (i - 1) / 2)
        schedule->heap[i] = schedule->heap[(i - 1) / 2];
    schedule->heap[i] = (struct message){at_s, rank};
}

static struct message pop(struct schedule *schedule)
{
    const struct message first = schedule->heap[0], last = schedule->heap[--schedule->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < schedule->n_heap; i = child) {
        if (child + 1 < schedule->n_heap && schedule->heap[child + 1].at_s < schedule->heap[child].at_s)
            child++;
        if (schedule->heap[child].at_s >= last.at_s)
            break;
        schedule->heap[i] = schedule->heap[child];
    }
    schedule->heap[i] = last;
    return first;
}

static double wall_s(const struct schedule *schedule, uint64_t cell)
{
    return schedule->costs->wall_s[cell % schedule->costs->n];
}

/* Rank 0 ends its cells until `at_s`, taking the next one as soon as one is done. */
static void compute_until(struct schedule *schedule, double at_s)
{
    uint64_t *cell = schedule->chunks[0].cells;
    while (schedule->own ? schedule->own_end_s <= at_s : schedule->server_s <= at_s) {
        if (schedule->own) {
            bool accepted = ls_queue_accept(schedule->queue, 0, *cell, wall_s(schedule, *cell));
            assert(accepted);
            schedule->makespan_s = fmax(schedule->makespan_s, schedule->own_end_s);
            schedule->server_s = fmax(schedule->server_s, schedule->own_end_s);
        }
        schedule->own = ls_queue_take(schedule->queue, 0, 1, cell) == 1;
        if (!schedule->own)
            return;
        schedule->own_end_s = schedule->server_s + wall_s(schedule, *cell);
    }
}

static void serve(struct schedule *schedule, struct message message)
{
    double begin_s = message.at_s;
    if (schedule->own)
        begin_s = fmin(ceil(begin_s / POLL_S) * POLL_S, fmax(begin_s, schedule->own_end_s));
    begin_s = fmax(begin_s, schedule->server_s);
    const size_t n = schedule->chunks[message.rank].n;
    const double took_s = SERVICE_S + RECORD_S * (double)n;
    for (size_t i = 0; i < n; i++) {
        const uint64_t cell = schedule->chunks[message.rank].cells[i];
        const bool accepted = ls_queue_accept(schedule->queue, message.rank, cell, wall_s(schedule, cell));
        assert(accepted);
    }
    if (n > 0)
        schedule->makespan_s = fmax(schedule->makespan_s, begin_s + took_s);
    schedule->server_s = begin_s + took_s;
    schedule->own_end_s += took_s;
    schedule->chunks[message.rank].n =
        ls_queue_take(schedule->queue, message.rank, LS_CHUNK_CELLS, schedule->chunks[message.rank].cells);
    double busy_s = 0;
    for (size_t i = 0; i < schedule->chunks[message.rank].n; i++)
        busy_s += wall_s(schedule, schedule->chunks[message.rank].cells[i]);
    if (busy_s > 0)
        push(schedule, schedule->server_s + busy_s + 2 * LATENCY_S, message.rank);
}

static double simulate(struct schedule *schedule)
{
    for (size_t rank = 1; rank < schedule->n_ranks; rank++)
        push(schedule, LATENCY_S, rank);
    while (schedule->n_heap > 0) {
        const struct message message = pop(schedule);
        compute_until(schedule, message.at_s);
        serve(schedule, message);
    }
    compute_until(schedule, INFINITY);
    assert(ls_queue_finished(schedule->queue));
    return schedule->makespan_s;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fprintf(stderr, "usage: schedule COSTS.csv RANKS COPIES [LEAST]\n");
        return 2;
    }
    const struct costs costs = read_costs(argv[1]);
    struct schedule schedule = {
        .costs = &costs, .n_ranks = strtoull(argv[2], NULL, 10), .copies = strtoull(argv[3], NULL, 10)};
    const uint64_t n_cells = costs.n * schedule.copies;
    struct ls_err err;
    if (ls_queue_new(n_cells, schedule.n_ranks, &schedule.queue, &err) != LS_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    schedule.heap = need(calloc(schedule.n_ranks, sizeof *schedule.heap));
    schedule.chunks = need(calloc(schedule.n_ranks, sizeof *schedule.chunks));
    double work_s = 0, longest_s = 0;
    for (uint64_t cell = 0; cell < n_cells; cell++) {
        ls_queue_add(schedule.queue, cell, costs.predicted[cell % costs.n]);
        work_s += wall_s(&schedule, cell);
        longest_s = fmax(longest_s, wall_s(&schedule, cell));
    }
    const double makespan_s = simulate(&schedule);
    const double efficiency = work_s / makespan_s / (double)schedule.n_ranks;
    (void)printf("%llu cells, %.1f s of work, the longest %.3f s; %zu ranks: %.3f s, efficiency %.4f\n",
                 (unsigned long long)n_cells, work_s, longest_s, schedule.n_ranks, makespan_s, efficiency);
    free(schedule.chunks);
    free(schedule.heap);
    ls_queue_free(schedule.queue);
    free(costs.predicted);
    free(costs.wall_s);
    return argc > 4 && efficiency < strtod(argv[4], NULL) ? EXIT_FAILURE : EXIT_SUCCESS;
}
