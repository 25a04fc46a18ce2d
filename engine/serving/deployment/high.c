#include <assert.h>
#include <string.h>

#include "engine/serving/deployment/link_queues.h"
#include "engine/serving/serving.h"
#include "engine/serving/workload/script.h"
#include "engine/sim/clock.h"
#include "engine/sim/event_heap.h"

/* The high level of detail: an event for the attention and the MLP block of every layer on every stage, for embedding
 * and head, and for every step of every collective and send. Links are queues: a transfer waits for the NICs and the
 * GPU links that it needs, first come first served, and occupies them for its share of its duration. The integers are
 * medium's. */

enum flight_state { AT_DOOR, WORKING, SENDING };

/* Transfers that run beside a block: items [item, end) of a script. */
struct hidden {
    const struct ls_script *script;
    int item, end;
    int64_t n_done;
    int64_t layer;
};

/* A pass on its way through the stages: an event is under way for it (two with overlap), or it waits at a
 * stage's door. */
struct flight {
    struct ls_pipeline *pipeline;
    struct ls_pass *pass;
    enum flight_state state;
    int64_t stage, start_ps;
    int64_t layer; /* of the stage; −1 embedding, n_layers head */
    int item;
    int64_t n_done; /* steps of the item */
    const struct ls_script *script;
    int n_pending; /* events under way */
    struct hidden hidden;
    struct ls_scripts scripts;
};

enum event_what { ARRIVED, COMPUTED, TRANSFERRED, FILL, LOOK };

struct high {
    struct ls_serving *serving;
    struct ls_event_heap heap;
    struct ls_link_queues queues;
    struct flight *flights; /* [n_groups], of each pipeline by place in its ring */
    bool *stage_busy;       /* [n_groups] */
    bool *fill_queued;      /* [n_pipelines] after a pass has ended */
    bool *look_queued;      /* [n_pipelines] when the front end hands over the next request */
    unsigned char *kinds;   /* [layers of the model] enum ls_layer_kind */
    bool contention;
};

static int64_t transfer_start_ps(struct high *high, const struct flight *flight, const struct ls_script_item *item,
                                 int64_t now_ps)
{
    const int64_t group = flight->pipeline->first_group + flight->stage;
    const struct ls_link_use use = {.link_ps = item->link_ps, .nic_ps = item->nic_ps};
    return ls_link_queues_take(&high->queues, group, item->to_next_stage ? 2 : 1, &use, now_ps);
}

static int64_t start_transfer(void *context, const struct ls_transfer *transfer, int64_t now_ps)
{
    struct high *high = context;
    return high->contention ? ls_link_queues_take_transfer(&high->queues, &high->serving->handover, transfer, now_ps)
                            : now_ps;
}

/* -- a pass moves on -- */

static void push(struct high *high, int64_t time_ps, enum event_what what, int64_t owner)
{
    ls_event_push(&high->heap, (struct ls_event){.time_ps = time_ps,
                                                 .priority = what == FILL || what == LOOK,
                                                 .owner = (int32_t)owner,
                                                 .what = (int32_t)what});
}

static void queue_fill(struct high *high, const struct ls_pipeline *pipeline, int64_t now_ps)
{
    if (!high->fill_queued[pipeline->id]) {
        high->fill_queued[pipeline->id] = true;
        push(high, now_ps, FILL, pipeline->id);
    }
}

static const struct ls_stage *stage_of(const struct flight *flight)
{
    return &flight->pipeline->cost->stages[flight->stage];
}

/* The next script of the stage, or null when the stage is done. */
static const struct ls_script *next_script(const struct high *high, struct flight *flight)
{
    const struct ls_stage *stage = stage_of(flight);
    flight->item = 0;
    flight->n_done = 0;
    flight->layer++;
    if (flight->layer < stage->n_layers)
        return &flight->scripts.layers[high->kinds[stage->first_layer + flight->layer]];
    if (flight->layer == stage->n_layers && stage->head)
        return &flight->scripts.head;
    return NULL;
}

static void start_next(struct high *high, const struct ls_pipeline *p, int64_t stage, int64_t now_ps);
static void leave_stage(struct high *high, struct flight *flight, int64_t now_ps);

static int64_t duration_ps(const struct flight *flight, const struct ls_script_item *item)
{
    struct ls_variation *variation = flight->pipeline->variation;
    if (item->transfer || !variation->any)
        return item->duration_ps;
    return ls_variation_block_ps(variation, flight->pipeline->index, flight->stage, item->duration_ps);
}

/* The item that comes next, past the ends of scripts; null when the stage (or the send behind it) is done. */
static const struct ls_script_item *next_item(const struct high *high, struct flight *flight)
{
    while (flight->script && flight->item == flight->script->n)
        flight->script = flight->state == WORKING ? next_script(high, flight) : NULL;
    return flight->script ? &flight->script->items[flight->item] : NULL;
}

static void show_step(const struct flight *flight, const struct ls_script_item *item, int64_t layer, int64_t start_ps,
                      int64_t end_ps)
{
    const struct ls_stage *stage = stage_of(flight);
    const enum ls_span_kind kind = item->to_next_stage ? LS_SPAN_SEND
                                   : item->transfer    ? LS_SPAN_COLLECTIVE
                                                       : LS_SPAN_BLOCK;
    const bool in_layer = layer >= 0 && layer < stage->n_layers && !item->to_next_stage;
    const struct ls_span span = {kind, flight->stage, in_layer ? stage->first_layer + layer : -1, start_ps, end_ps};
    ls_pipeline_show(flight->pipeline, flight->pass, &span);
}

/* Start one step of a layer's item, whose end is an event. */
static void start_step(struct high *high, struct flight *flight, const struct ls_script_item *item, int64_t layer,
                       int64_t now_ps)
{
    const bool queues = item->transfer && high->contention;
    const int64_t start_ps = queues ? transfer_start_ps(high, flight, item, now_ps) : now_ps;
    const int64_t end_ps = start_ps + duration_ps(flight, item);
    flight->n_pending++;
    show_step(flight, item, layer, start_ps, end_ps);
    push(high, end_ps, item->transfer ? TRANSFERRED : COMPUTED, flight - high->flights);
}

/* Count a step of the item under the cursor; the cursor moves on after the last. */
static void count_step(struct flight *flight, const struct ls_script_item *item)
{
    if (++flight->n_done == item->n) {
        flight->item++;
        flight->n_done = 0;
    }
}

/* A transfer that a block hides runs beside it: its items, up to the next block, are kept here while the cursor goes
 * on. */
static bool hide_transfers(struct high *high, struct flight *flight, int64_t now_ps)
{
    struct hidden *hidden = &flight->hidden;
    if (hidden->item == hidden->end)
        return false;
    const struct ls_script_item *item = &hidden->script->items[hidden->item];
    if (++hidden->n_done == item->n) {
        hidden->item++;
        hidden->n_done = 0;
    }
    start_step(high, flight, item, hidden->layer, now_ps);
    return true;
}

/* Start what comes next; when nothing does, the stage (or the send behind it) is done. */
static void play(struct high *high, struct flight *flight, int64_t now_ps)
{
    const struct ls_script_item *item = next_item(high, flight);
    if (item && item->transfer && flight->state == WORKING && flight->pipeline->cost->overlap) {
        flight->hidden = (struct hidden){
            .script = flight->script, .item = flight->item, .end = flight->item, .layer = flight->layer};
        while (item && item->transfer && flight->script == flight->hidden.script) {
            flight->hidden.end = ++flight->item;
            item = next_item(high, flight);
        }
        (void)hide_transfers(high, flight, now_ps);
    }
    if (item) {
        start_step(high, flight, item, flight->layer, now_ps);
        count_step(flight, item);
    }
    if (flight->n_pending > 0)
        return;
    if (flight->state == WORKING) {
        leave_stage(high, flight, now_ps);
    } else {
        flight->stage++;
        flight->state = AT_DOOR;
        start_next(high, flight->pipeline, flight->stage, now_ps);
    }
}

/* A step of a pass has ended: the hidden transfers go on, and when block and transfers are done, so does the pass. */
static void advance(struct high *high, struct flight *flight, bool transferred, int64_t now_ps)
{
    flight->n_pending--;
    if (transferred && hide_transfers(high, flight, now_ps))
        return;
    if (flight->n_pending == 0)
        play(high, flight, now_ps);
}

static void start_work(struct high *high, struct flight *flight, int64_t now_ps)
{
    high->stage_busy[flight->pipeline->first_group + flight->stage] = true;
    flight->state = WORKING;
    flight->start_ps = now_ps;
    flight->layer = -1;
    flight->item = 0;
    flight->n_done = 0;
    flight->script = stage_of(flight)->embedding ? &flight->scripts.embedding : next_script(high, flight);
    play(high, flight, now_ps);
}

/* An idle stage takes the next pass in order, if that is at its door: a short pass whose transfer was faster does not
 * overtake the one before it. */
static void start_next(struct high *high, const struct ls_pipeline *p, int64_t stage, int64_t now_ps)
{
    for (int64_t i = 0; i < p->n_in_flight && !high->stage_busy[p->first_group + stage]; i++) {
        struct flight *flight = &high->flights[p->first_group + (p->oldest + i) % p->n_stages];
        const bool has_left = flight->stage > stage || (flight->stage == stage && flight->state == SENDING);
        if (has_left)
            continue;
        if (flight->stage == stage && flight->state == AT_DOOR)
            start_work(high, flight, now_ps);
        return;
    }
}

static void leave_stage(struct high *high, struct flight *flight, int64_t now_ps)
{
    struct ls_pipeline *p = flight->pipeline;
    const int64_t stage = flight->stage;
    ls_pipeline_note_stage(p, stage, &flight->pass->step, flight->start_ps, now_ps);
    ls_pipeline_show(p, flight->pass, &(struct ls_span){LS_SPAN_PASS, stage, -1, flight->start_ps, now_ps});
    high->stage_busy[p->first_group + stage] = false;
    if (stage + 1 < p->n_stages) {
        flight->state = SENDING;
        flight->script = &flight->scripts.send[p->between_nodes[stage]];
        flight->item = 0;
        flight->n_done = 0;
        play(high, flight, now_ps);
    } else {
        flight->pass->end_ps = now_ps;
        ls_pipeline_complete(p, now_ps);
        queue_fill(high, p, now_ps);
    }
    start_next(high, p, stage, now_ps);
}

static void launch(void *context, struct ls_pipeline *pipeline, struct ls_pass *pass)
{
    struct high *high = context;
    struct flight *flight = &high->flights[pipeline->first_group + (pass - pipeline->passes)];
    flight->pipeline = pipeline;
    flight->pass = pass;
    flight->stage = -1; /* on its way to the first */
    flight->state = SENDING;
    flight->script = NULL;
    ls_scripts_write(&flight->scripts, pipeline->cost, &pass->step);
    flight->n_pending = 0;
    flight->hidden = (struct hidden){0};
    push(high, pass->start_ps, ARRIVED, flight - high->flights);
}

/* -- the event loop -- */

/* Idle slots look when the front end hands over a request. */
static void queue_looks(struct high *high, int64_t now_ps)
{
    for (int64_t i = 0; i < high->serving->n_pipelines; i++) {
        const struct ls_pipeline *p = &high->serving->pipelines[i];
        const int64_t inbox_ps = ls_pipeline_inbox_ps(p);
        if (high->look_queued[i] || inbox_ps == LS_PS_NEVER || p->n_in_flight == p->n_stages)
            continue;
        high->look_queued[i] = true;
        push(high, inbox_ps > now_ps ? inbox_ps : now_ps, LOOK, i);
    }
}

static void handle(struct high *high, const struct ls_event *event)
{
    struct ls_serving *serving = high->serving;
    struct flight *flight = &high->flights[event->owner];
    switch ((enum event_what)event->what) {
    case ARRIVED: /* at the first stage, from the CPU */
        flight->stage++;
        flight->state = AT_DOOR;
        start_next(high, flight->pipeline, flight->stage, event->time_ps);
        return;
    case COMPUTED:
    case TRANSFERRED:
        serving->n_events++;
        advance(high, flight, event->what == TRANSFERRED, event->time_ps);
        return;
    case FILL:
        high->fill_queued[event->owner] = false;
        break;
    case LOOK:
        high->look_queued[event->owner] = false;
        break;
    }
    ls_pipeline_fill(&serving->pipelines[event->owner], event->time_ps);
    queue_looks(high, event->time_ps);
}

/* Passes that the horizon cuts off have worked until then. */
static void note_cut_off(struct high *high)
{
    for (int64_t i = 0; i < high->serving->n_pipelines; i++) {
        struct ls_pipeline *p = &high->serving->pipelines[i];
        for (int64_t j = 0; j < p->n_in_flight; j++) {
            const struct flight *flight = &high->flights[p->first_group + (p->oldest + j) % p->n_stages];
            if (flight->state == WORKING)
                ls_pipeline_note_stage(p, flight->stage, &flight->pass->step, flight->start_ps, LS_PS_NEVER);
        }
    }
}

/* Of one instant, first come arrivals, then what ends, then what follows that, and last passes are composed. */
static void run(struct high *high)
{
    struct ls_serving *serving = high->serving;
    const int64_t horizon_ps = serving->collector->horizon_ps;
    struct ls_arrival arrival;
    bool more = ls_source_next(&serving->source, &arrival);
    for (;;) {
        const struct ls_event *next = high->heap.n > 0 ? &high->heap.events[0] : NULL;
        const int64_t event_ps = next ? next->time_ps : LS_PS_NEVER;
        const int64_t due_ps = ls_serving_due_ps(serving);
        const int64_t arrival_ps = more ? arrival.arrival_ps : LS_PS_NEVER;
        const bool settle = due_ps < event_ps || (next && due_ps == event_ps && next->priority > 0);
        const int64_t first_ps = event_ps < due_ps ? event_ps : due_ps;
        if (serving->reports)
            ls_serving_report(serving, arrival_ps < first_ps ? arrival_ps : first_ps);
        if (more && arrival_ps <= first_ps) {
            ls_serving_route(serving, &arrival);
            more = ls_source_next(&serving->source, &arrival);
            queue_looks(high, arrival_ps);
        } else if (settle && due_ps <= horizon_ps) {
            ls_serving_settle(serving, due_ps);
            queue_looks(high, due_ps);
            for (int64_t i = 0; serving->n_pools > 1 && i < serving->n_pipelines; i++)
                if (serving->pipelines[i].look) /* blocks are free, or KV caches there */
                    queue_fill(high, &serving->pipelines[i], due_ps);
        } else if (next && event_ps <= horizon_ps) {
            const struct ls_event event = ls_event_pop(&high->heap);
            handle(high, &event);
        } else {
            break;
        }
    }
    note_cut_off(high);
}

static void *take_zeroed(struct ls_arena *arena, int64_t n, size_t size)
{
    void *piece = ls_arena_take(arena, (size_t)n * size);
    if (piece)
        memset(piece, 0, (size_t)n * size);
    return piece;
}

enum ls_status ls_serving_run_high(struct ls_serving *serving, struct ls_arena *arena)
{
    const int64_t n_groups = serving->n_groups;
    const int64_t n_layers = serving->scenario->model.num_hidden_layers;
    struct high high = {.serving = serving, .contention = serving->scenario->cluster.contention};
    high.heap.capacity = (size_t)(2 * n_groups + 2 * serving->n_pipelines);
    high.heap.events = take_zeroed(arena, (int64_t)high.heap.capacity, sizeof *high.heap.events);
    high.flights = take_zeroed(arena, n_groups, sizeof *high.flights);
    high.stage_busy = take_zeroed(arena, n_groups, sizeof *high.stage_busy);
    high.fill_queued = take_zeroed(arena, serving->n_pipelines, sizeof *high.fill_queued);
    high.look_queued = take_zeroed(arena, serving->n_pipelines, sizeof *high.look_queued);
    high.kinds = take_zeroed(arena, n_layers, sizeof *high.kinds);
    if (!high.heap.events || !high.flights || !high.stage_busy || !high.fill_queued || !high.look_queued ||
        !high.kinds || ls_link_queues_init(&high.queues, &serving->links, arena))
        return LS_NOMEM;
    for (int64_t i = 0; i < n_layers; i++) {
        int64_t count[LS_N_LAYER_KINDS];
        ls_model_count_layers(&serving->scenario->model, i, i + 1, count);
        for (int kind = 0; kind < LS_N_LAYER_KINDS; kind++)
            if (count[kind] > 0)
                high.kinds[i] = (unsigned char)kind;
    }
    for (int64_t i = 0; i < serving->n_pipelines; i++) {
        serving->pipelines[i].launch = launch;
        serving->pipelines[i].context = &high;
    }
    serving->handover.start = start_transfer;
    serving->handover.context = &high;
    run(&high);
    return LS_OK;
}
