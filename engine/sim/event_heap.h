#ifndef LS_ENGINE_SIM_EVENT_HEAP_H
#define LS_ENGINE_SIM_EVENT_HEAP_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Events in one total order: (time, priority, sequence). The memory is the caller's. */

struct ls_event {
    int64_t time_ps;
    uint64_t rank; /* priority · 2^56 + sequence: filled by ls_event_push */
    int32_t priority;
    int32_t owner, what;
};

struct ls_event_heap {
    struct ls_event *events;
    size_t n, capacity;
    uint64_t n_pushed;
};

static inline bool ls_event_before(const struct ls_event *a, const struct ls_event *b)
{
    return a->time_ps != b->time_ps ? a->time_ps < b->time_ps : a->rank < b->rank;
}

static inline void ls_event_push(struct ls_event_heap *heap, struct ls_event event)
{
    assert(heap->n < heap->capacity);
    event.rank = ((uint64_t)event.priority << 56) | heap->n_pushed++;
    size_t i = heap->n++;
    while (i > 0 && ls_event_before(&event, &heap->events[(i - 1) / 2])) {
        heap->events[i] = heap->events[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap->events[i] = event;
}

/* Put `event` where the top belongs now that the top is gone. */
static inline void ls_event_sink(struct ls_event_heap *heap, const struct ls_event *event)
{
    size_t i = 0;
    for (size_t child = 1; child < heap->n; child = 2 * i + 1) {
        if (child + 1 < heap->n && ls_event_before(&heap->events[child + 1], &heap->events[child]))
            child++;
        if (!ls_event_before(&heap->events[child], event))
            break;
        heap->events[i] = heap->events[child];
        i = child;
    }
    heap->events[i] = *event;
}

static inline struct ls_event ls_event_pop(struct ls_event_heap *heap)
{
    assert(heap->n > 0);
    const struct ls_event top = heap->events[0];
    heap->n--;
    if (heap->n > 0) {
        const struct ls_event last = heap->events[heap->n];
        ls_event_sink(heap, &last);
    }
    return top;
}

#endif
