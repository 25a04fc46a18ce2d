#include "sweep/queue.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A class is half an octave of cost, so N_CLASSES of them reach 2^124. */
enum { N_CLASSES = 250, CLASS_OUT = 252, CLASS_DONE, CLASS_SKIPPED, CLASS_ABSENT };

/* A chunk's cost is at most what is left over SHARES · ranks. Fewer shares make fewer messages, more shares forgive
 * worse predictions of cost. */
enum { SHARES = 8 };

/* What it takes rank 0 to serve one chunk. Chunks are no cheaper than what makes this half of its time. */
#define SERVICE_S 5e-6

/* What a rank has out, in the order handed out: entries[first … n − 1]. */
struct hand {
    size_t first, n;
    struct {
        uint64_t cell;
        unsigned char class;
    } entries[LS_CHUNK_CELLS];
};

struct ls_queue {
    uint64_t n_cells;
    size_t n_ranks;
    unsigned char *classes;         /* [n_cells]: the class of a cell to do, or what else it is */
    uint64_t n_todo[N_CLASSES];     /* cells to do by class */
    uint64_t first_todo[N_CLASSES]; /* no cell of the class is to do before this one */
    uint64_t n_out[N_CLASSES], n_done[N_CLASSES];
    double wall_s;      /* of the cells done */
    struct hand *hands; /* [n_ranks] */
};

static unsigned char class_of(double cost)
{
    const double class = cost > 1 ? round(2 * log2(cost)) : 0;
    return class < N_CLASSES - 1 ? (unsigned char)class : N_CLASSES - 1;
}

static double class_cost(size_t class)
{
    return exp2((double)class / 2);
}

enum ls_status ls_queue_new(uint64_t n_cells, size_t n_ranks, struct ls_queue **queue, struct ls_err *err)
{
    assert(n_ranks > 0);
    struct ls_queue *q = calloc(1, sizeof *q);
    if (!q)
        goto fail;
    q->n_cells = n_cells;
    q->n_ranks = n_ranks;
    q->classes = malloc(n_cells ? n_cells : 1);
    if (!q->classes)
        goto fail_queue;
    memset(q->classes, CLASS_ABSENT, n_cells);
    q->hands = calloc(n_ranks, sizeof *q->hands);
    if (!q->hands)
        goto fail_classes;
    for (size_t c = 0; c < N_CLASSES; c++)
        q->first_todo[c] = n_cells;
    *queue = q;
    return LS_OK;

fail_classes:
    free(q->classes);
fail_queue:
    free(q);
fail:
    return ls_fail(err, LS_NOMEM, "out of memory for a queue of %llu cells", (unsigned long long)n_cells);
}

void ls_queue_free(struct ls_queue *queue)
{
    if (!queue)
        return;
    free(queue->hands);
    free(queue->classes);
    free(queue);
}

static void put_todo(struct ls_queue *queue, uint64_t cell, unsigned char class)
{
    queue->classes[cell] = class;
    queue->n_todo[class]++;
    if (cell < queue->first_todo[class])
        queue->first_todo[class] = cell;
}

void ls_queue_add(struct ls_queue *queue, uint64_t cell, double cost)
{
    assert(cell < queue->n_cells && queue->classes[cell] == CLASS_ABSENT);
    put_todo(queue, cell, class_of(cost));
}

bool ls_queue_skip(struct ls_queue *queue, uint64_t cell)
{
    assert(cell < queue->n_cells);
    unsigned char *class = &queue->classes[cell];
    assert(*class == CLASS_ABSENT || *class == CLASS_SKIPPED);
    const bool first = *class == CLASS_ABSENT;
    *class = CLASS_SKIPPED;
    return first;
}

bool ls_queue_is_absent(const struct ls_queue *queue, uint64_t cell)
{
    assert(cell < queue->n_cells);
    return queue->classes[cell] == CLASS_ABSENT;
}

static double cost_of(const uint64_t n[N_CLASSES])
{
    double cost = 0;
    for (size_t c = 0; c < N_CLASSES; c++)
        if (n[c])
            cost += (double)n[c] * class_cost(c);
    return cost;
}

static uint64_t count_of(const uint64_t n[N_CLASSES])
{
    uint64_t count = 0;
    for (size_t c = 0; c < N_CLASSES; c++)
        count += n[c];
    return count;
}

/* The first cell of a class that has one to do, now out. Over a whole sweep the cursors of the classes pass each byte
 * once, so this costs N_CLASSES · n_cells bytes of memchr in all, plus what is given back. */
static uint64_t pop(struct ls_queue *queue, unsigned char class)
{
    const uint64_t from = queue->first_todo[class];
    const unsigned char *found = memchr(queue->classes + from, class, queue->n_cells - from);
    assert(found);
    const uint64_t cell = (uint64_t)(found - queue->classes);
    queue->classes[cell] = CLASS_OUT;
    queue->n_todo[class]--;
    queue->n_out[class]++;
    queue->first_todo[class] = cell + 1;
    return cell;
}

/* The most that a chunk of several cells may cost. */
static double chunk_cost(const struct ls_queue *queue)
{
    const double ranks = (double)queue->n_ranks;
    const double share = cost_of(queue->n_todo) / (SHARES * ranks);
    const double least = queue->wall_s > 0 ? 2 * SERVICE_S * ranks * cost_of(queue->n_done) / queue->wall_s : 0;
    return fmax(share, least);
}

/* Give a rank a cell of a class that has one to do, behind those it has in `cells`. */
static void hand_over(struct ls_queue *queue, struct hand *hand, size_t class, uint64_t *cells)
{
    const uint64_t cell = pop(queue, (unsigned char)class);
    hand->entries[hand->n].cell = cell;
    hand->entries[hand->n].class = (unsigned char)class;
    cells[hand->n++] = cell;
}

/* The dear cells come first. So that a sweep does not end with more results at once than rank 0 can take, a chunk has
 * its share of the cells, too, as far as its cost allows: what the dear ones leave of it comes from the cheapest. */
size_t ls_queue_take(struct ls_queue *queue, size_t rank, size_t max, uint64_t *cells)
{
    struct hand *hand = &queue->hands[rank];
    assert(rank < queue->n_ranks && hand->first == hand->n && max > 0);
    if (max > LS_CHUNK_CELLS)
        max = LS_CHUNK_CELLS;
    hand->first = hand->n = 0;
    double budget = max > 1 ? chunk_cost(queue) : 0;
    const double cost_before = cost_of(queue->n_todo);
    const double n_before = (double)count_of(queue->n_todo);
    for (size_t c = N_CLASSES; c-- > 0;) {
        while (queue->n_todo[c] && hand->n < max && (hand->n == 0 || class_cost(c) <= budget)) {
            budget -= class_cost(c);
            hand_over(queue, hand, c, cells);
        }
        if (hand->n > 0 && (queue->n_todo[c] || hand->n == max))
            break;
    }
    const double share = 1 - cost_of(queue->n_todo) / cost_before;
    for (size_t c = 0; c < N_CLASSES && class_cost(c) <= budget; c++)
        while (queue->n_todo[c] && hand->n < max && class_cost(c) <= budget &&
               (double)(hand->n + 1) <= share * n_before) {
            budget -= class_cost(c);
            hand_over(queue, hand, c, cells);
        }
    return hand->n;
}

bool ls_queue_accept(struct ls_queue *queue, size_t rank, uint64_t cell, double wall_s)
{
    assert(rank < queue->n_ranks);
    struct hand *hand = &queue->hands[rank];
    size_t i = hand->first; /* results come in order, so this is nearly always the one */
    while (i < hand->n && hand->entries[i].cell != cell)
        i++;
    if (i == hand->n)
        return false;
    const unsigned char class = hand->entries[i].class;
    hand->entries[i] = hand->entries[hand->first++];
    queue->classes[cell] = CLASS_DONE;
    queue->n_out[class]--;
    queue->n_done[class]++;
    queue->wall_s += wall_s;
    return true;
}

size_t ls_queue_give_back(struct ls_queue *queue, size_t rank)
{
    assert(rank < queue->n_ranks);
    struct hand *hand = &queue->hands[rank];
    const size_t n = hand->n - hand->first;
    for (size_t i = hand->first; i < hand->n; i++) {
        queue->n_out[hand->entries[i].class]--;
        put_todo(queue, hand->entries[i].cell, hand->entries[i].class);
    }
    hand->first = hand->n = 0;
    return n;
}

bool ls_queue_finished(const struct ls_queue *queue)
{
    return count_of(queue->n_todo) == 0 && count_of(queue->n_out) == 0;
}

struct ls_queue_load ls_queue_load(const struct ls_queue *queue)
{
    const double cost_done = cost_of(queue->n_done);
    return (struct ls_queue_load){
        .n_todo = count_of(queue->n_todo),
        .n_out = count_of(queue->n_out),
        .n_done = count_of(queue->n_done),
        .cost_todo = cost_of(queue->n_todo),
        .cost_out = cost_of(queue->n_out),
        .cost_done = cost_done,
        .s_per_cost = cost_done > 0 ? queue->wall_s / cost_done : (double)NAN,
    };
}
