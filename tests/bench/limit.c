#include "tests/bench/limit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/sim/event_heap.h"
#include "tests/bench/measure.h"

/* Step of a batch: so much, for each request in it and for each prompt token that joins. */
static const int64_t step_ps = 19500000000, seq_ps = 100000000, prompt_tok_ps = 65000000;

static double sum; /* keeps results alive */

/* --- random numbers: splitmix64 (Steele, Lea and Flood 2014) --- */

static uint64_t state;

static double uniform(void)
{
    uint64_t z = state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return ((double)((z ^ (z >> 31)) >> 12) + 0.5) * 0x1p-52;
}

static int64_t gap_ps(double rate)
{
    return (int64_t)(-log(uniform()) / rate * 1e12);
}

/* lognormal of mean 1,500 and standard deviation 500 */
static int64_t prompt_tok(void)
{
    const double normal = sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
    return (int64_t)exp(7.260539 + 0.324593 * normal);
}

static int64_t output_tok(void)
{
    return 50 + (int64_t)(201 * uniform());
}

/* --- the heap alone --- */

static void *take(int64_t n, size_t size)
{
    void *memory = calloc((size_t)n, size);
    if (!memory) {
        (void)fprintf(stderr, "bench: out of memory\n");
        exit(EXIT_FAILURE);
    }
    return memory;
}

double limit_heap_rate(int64_t n_held, int64_t n_events)
{
    struct ls_event_heap heap = {.capacity = (size_t)n_held};
    heap.events = take(n_held, sizeof *heap.events);
    state = 1;
    for (int64_t i = 0; i < n_held; i++)
        ls_event_push(&heap, (struct ls_event){.time_ps = (int64_t)(1e12 * uniform())});
    const double start_s = cpu_s();
    for (int64_t i = 0; i < n_events; i++) {
        struct ls_event event = ls_event_pop(&heap);
        event.time_ps += (int64_t)(1e12 * uniform());
        ls_event_push(&heap, event);
    }
    const double rate = (double)n_events / (cpu_s() - start_s);
    sum += (double)heap.events[0].time_ps;
    free(heap.events);
    return rate;
}

/* --- the plain loop --- */

enum { MAX_RUNNING = 4096 };

struct member {
    int64_t end_step, arrival_ps;
};

struct replica {
    int64_t step, end_ps; /* of the step under way; INT64_MAX: none is */
    int64_t joining_tok;
    int64_t n;
    struct member heap[MAX_RUNNING]; /* by end_step */
};

static void push(struct replica *r, struct member member)
{
    if (r->n == MAX_RUNNING)
        abort();
    int64_t i = r->n++;
    for (; i > 0 && member.end_step < r->heap[(i - 1) / 2].end_step; i = (i - 1) / 2)
        r->heap[i] = r->heap[(i - 1) / 2];
    r->heap[i] = member;
}

static struct member pop(struct replica *r)
{
    const struct member top = r->heap[0], last = r->heap[--r->n];
    int64_t i = 0;
    for (int64_t child = 1; child < r->n; child = 2 * i + 1) {
        child += child + 1 < r->n && r->heap[child + 1].end_step < r->heap[child].end_step;
        if (r->heap[child].end_step >= last.end_step)
            break;
        r->heap[i] = r->heap[child];
        i = child;
    }
    r->heap[i] = last;
    return top;
}

static void start_step(struct replica *r, int64_t now_ps)
{
    r->end_ps = r->n == 0 ? INT64_MAX : now_ps + step_ps + seq_ps * r->n + prompt_tok_ps * r->joining_tok;
    r->joining_tok = 0;
}

static void end_step(struct replica *r)
{
    const int64_t now_ps = r->end_ps;
    for (r->step++; r->n > 0 && r->heap[0].end_step <= r->step;)
        sum += (double)(now_ps - pop(r).arrival_ps);
    start_step(r, now_ps);
}

static void arrive(struct replica *r, int64_t now_ps)
{
    r->joining_tok += prompt_tok();
    push(r, (struct member){r->step + 1 + output_tok(), now_ps});
    if (r->end_ps == INT64_MAX)
        start_step(r, now_ps);
}

/* Replicas in order of the ends of their steps: one event for each that works. */
static void advance(struct ls_event_heap *clock, struct replica *replicas, int64_t until_ps)
{
    while (clock->n > 0 && clock->events[0].time_ps < until_ps) {
        struct ls_event event = clock->events[0];
        struct replica *r = &replicas[event.owner];
        end_step(r);
        (void)ls_event_pop(clock);
        event.time_ps = r->end_ps;
        if (r->end_ps != INT64_MAX)
            ls_event_push(clock, event);
    }
}

double limit_plain_rate(int64_t n_replicas, int64_t n_requests)
{
    struct replica *replicas = take(n_replicas, sizeof *replicas);
    struct ls_event_heap clock = {.capacity = (size_t)n_replicas};
    clock.events = take(n_replicas, sizeof *clock.events);
    for (int64_t i = 0; i < n_replicas; i++)
        replicas[i].end_ps = INT64_MAX;
    state = 1;
    int64_t now_ps = 0;
    const double start_s = cpu_s();
    for (int64_t i = 0; i < n_requests; i++) {
        const int64_t target = i % n_replicas;
        struct replica *r = &replicas[target];
        now_ps += gap_ps((double)n_replicas);
        advance(&clock, replicas, now_ps);
        const bool idle = r->end_ps == INT64_MAX;
        arrive(r, now_ps);
        if (idle)
            ls_event_push(&clock, (struct ls_event){.time_ps = r->end_ps, .owner = (int32_t)target});
    }
    const double rate = (double)n_requests / (cpu_s() - start_s);
    free(clock.events);
    free(replicas);
    return rate;
}
