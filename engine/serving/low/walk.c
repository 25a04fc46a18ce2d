#include "engine/serving/low/walk.h"

#include <math.h>
#include <string.h>

#include "engine/cost/launch.h"
#include "engine/serving/low/walk_scheduler.h"
#include "engine/serving/step_cpu.h"
#include "engine/sim/clock.h"
#include "engine/sim/least.h"

enum { TIMED_PASSES = 32 }; /* of unchanged decodes whose contexts are taken to be alike */

struct slot {
    bool in_flight;
    int64_t composed_ps, end_ps;
    int64_t n_passes;            /* in this stride */
    int64_t n_timed;             /* passes for which these still hold: */
    int64_t *stage_ps, *send_ps; /* [n_stages] */
    int64_t launch_ps;           /* of the CPU, with overlap */
    struct ls_walk_part *parts;  /* [n_members] */
};

struct walk {
    struct ls_plant *plant;
    const struct ls_engine *engine;
    struct ls_walk_load load;
    int64_t n_members, n_stages;
    struct ls_step_cpu cpu;
    double busy_ps; /* of all pipelines */
    /* one pipeline */
    struct ls_walk_scheduler *members; /* [n_members] */
    struct slot *slots;                /* [n_stages] */
    int64_t *free_ps;                  /* [n_stages] */
    int64_t cpu_free_ps, ended_ps, stride_ps;
    int64_t n_calm; /* passes since anything changed */
};

static bool overlaps(const struct walk *w)
{
    return w->engine->overlap_scheduling == 1;
}

/* When the next request comes that is not there yet. */
static int64_t next_arrival_ps(const struct walk *w, int64_t now_ps)
{
    int64_t next_ps = LS_PS_NEVER;
    for (int64_t m = 0; m < w->n_members; m++)
        next_ps = ls_min64(next_ps, ls_walk_scheduler_next_ps(&w->members[m], now_ps));
    return next_ps < LS_PS_NEVER ? next_ps : ls_walk_next_ready_ps(&w->load, now_ps);
}

/* Passes of a slot in which nobody leaves it. */
static int64_t n_alike(const struct walk *w, const struct slot *slot)
{
    int64_t n = INT32_MAX;
    for (int64_t m = 0; m < w->n_members; m++)
        n = ls_min64(n, ls_walk_scheduler_alike(&w->members[m], &slot->parts[m]));
    return n;
}

/* Passes of `stride_ps` that begin before `next`, the first one, that ends at `end`, included. */
static int64_t n_before(int64_t next_ps, int64_t end_ps, int64_t stride_ps)
{
    if (next_ps == LS_PS_NEVER)
        return INT32_MAX;
    return next_ps > end_ps ? 1 + (next_ps - end_ps + stride_ps - 1) / stride_ps : 1;
}

/* -- passes -- */

static void time_slot(struct walk *w, struct slot *slot)
{
    struct ls_plant *plant = w->plant;
    struct ls_step step;
    ls_step_cost(&plant->cost, plant->batches, &step);
    slot->launch_ps = overlaps(w) ? ls_launch_ps(&plant->cost, plant->cost.stages, &step) : 0;
    for (int64_t i = 0; i < w->n_stages; i++) {
        slot->stage_ps[i] = ls_plant_stage_ps(plant, i, &step);
        slot->send_ps[i] = i + 1 < w->n_stages ? step.linear->send_ps[plant->between_nodes[i]] : 0;
    }
}

static void start_pass(struct walk *w, struct slot *slot, int64_t now_ps, int64_t cpu_ps)
{
    const int64_t from_ps = overlaps(w) && w->ended_ps == now_ps ? w->cpu_free_ps : ls_max64(now_ps, w->cpu_free_ps);
    int64_t ready_ps = ls_max64(now_ps, from_ps + cpu_ps);
    w->cpu_free_ps = ready_ps + slot->launch_ps;
    for (int64_t i = 0; i < w->n_stages; i++) {
        ready_ps = w->free_ps[i] = ls_max64(ready_ps, w->free_ps[i]) + slot->stage_ps[i];
        ready_ps += slot->send_ps[i];
        w->busy_ps += (double)slot->stage_ps[i];
    }
    slot->in_flight = true;
    slot->composed_ps = now_ps;
    slot->end_ps = ready_ps;
    slot->n_passes = 1;
    w->stride_ps = overlaps(w) ? ls_max64(cpu_ps + slot->launch_ps, slot->stage_ps[0]) : cpu_ps + slot->stage_ps[0];
}

/* The passes that follow on one stage before anything changes. */
static void stride(struct walk *w, struct slot *slot, int64_t next_ps)
{
    const int64_t more = ls_min64(n_alike(w, slot), n_before(next_ps, slot->end_ps, w->stride_ps)) - 1;
    slot->n_passes += more;
    slot->end_ps += more * w->stride_ps;
    w->free_ps[0] = slot->end_ps;
    w->cpu_free_ps += more * w->stride_ps;
    w->busy_ps += (double)(more * slot->stage_ps[0]);
}

/* A pass takes what is there; false when that is nothing. */
static bool compose(struct walk *w, struct slot *slot, int64_t now_ps, int64_t seen_ps)
{
    const int64_t next_ps = w->n_stages == 1 ? next_arrival_ps(w, now_ps) : LS_PS_NEVER;
    const int64_t likely = ls_min64(n_alike(w, slot), n_before(next_ps, now_ps, w->stride_ps));
    const int64_t ahead = (w->n_stages == 1 ? likely : TIMED_PASSES) / 2;
    int64_t n_tok = 0, n_seqs = 0, n_prompts = 0, context = 0;
    for (int64_t m = 0; m < w->n_members; m++) {
        struct ls_batch *batch = &w->plant->batches[m];
        if (ls_walk_scheduler_compose(&w->members[m], &slot->parts[m], batch, ahead, now_ps, seen_ps))
            slot->n_timed = w->n_calm = 0;
        n_tok += batch->n_tok;
        n_prompts += batch->n_prefill;
        n_seqs = ls_max64(n_seqs, batch->n_sampled);
        context = ls_max64(context, batch->decode_context);
    }
    if (n_tok == 0)
        return false;
    if (n_prompts > 0 || slot->n_timed <= 0) {
        time_slot(w, slot);
        slot->n_timed = n_prompts > 0 ? 0 : TIMED_PASSES;
    }
    slot->n_timed--;
    w->n_calm = n_prompts > 0 ? 0 : w->n_calm + 1;
    start_pass(w, slot, now_ps, ls_step_cpu_ps(&w->cpu, n_seqs, context));
    if (w->n_stages == 1 && n_prompts == 0)
        stride(w, slot, next_ps);
    return true;
}

static void complete(struct walk *w, struct slot *slot)
{
    int64_t n_tok = 0;
    slot->in_flight = false;
    w->ended_ps = slot->end_ps;
    for (int64_t m = 0; m < w->n_members; m++)
        n_tok += slot->parts[m].n_fresh + (slot->parts[m].decodes ? slot->parts[m].n_decode : 0);
    const int64_t sent_ps = ls_frontend_send(&w->load.frontend, slot->end_ps, n_tok);
    for (int64_t m = 0; m < w->n_members; m++)
        if (ls_walk_scheduler_complete(&w->members[m], &slot->parts[m], slot->n_passes, sent_ps))
            slot->n_timed = w->n_calm = 0;
}

/* Slots of several stages that follow one another undisturbed soon do so in turns that are all alike (Baccelli, Cohen,
 * Olsder and Quadrat, Synchronization and Linearity, 1992, section 3.7). So many turns that nobody joins or leaves in,
 * a pass having ended at `now`. */
static int64_t n_turns(const struct walk *w, int64_t turn_ps, int64_t now_ps)
{
    const int64_t next_ps = next_arrival_ps(w, now_ps);
    int64_t n = next_ps == LS_PS_NEVER ? TIMED_PASSES : ls_min64(TIMED_PASSES, (next_ps - now_ps) / turn_ps);
    for (int64_t m = 0; m < w->n_members; m++)
        if (ls_walk_scheduler_has_waiting(&w->members[m], now_ps))
            return 0;
    for (int64_t i = 0; i < w->n_stages; i++)
        n = ls_min64(n, n_alike(w, &w->slots[i]) - 1);
    return n;
}

/* Go on as if they had been played; returns when the last one ends. */
static int64_t skip_turns(struct walk *w, const struct slot *ended, int64_t now_ps)
{
    const int64_t turn_ps = now_ps - ended->composed_ps;
    const int64_t n = w->n_stages > 1 && w->n_calm > 2 * w->n_stages ? n_turns(w, turn_ps, now_ps) : 0;
    if (n <= 0)
        return now_ps;
    for (int64_t i = 0; i < w->n_stages; i++) {
        struct slot *slot = &w->slots[i];
        slot->composed_ps += n * turn_ps;
        slot->end_ps += n * turn_ps;
        slot->n_timed -= n;
        w->free_ps[i] += n * turn_ps;
        for (int64_t k = 0; k < w->n_stages && (slot->in_flight || slot == ended); k++)
            w->busy_ps += (double)(n * slot->stage_ps[k]);
        for (int64_t m = 0; m < w->n_members; m++)
            ls_walk_scheduler_advance(&w->members[m], &slot->parts[m], n);
    }
    w->cpu_free_ps += n * turn_ps;
    w->ended_ps += n * turn_ps;
    return now_ps + n * turn_ps;
}

/* -- a pipeline -- */

static void turn_to(struct walk *w, int64_t pipeline)
{
    const int64_t window = w->plant->scenario->model.sliding_window;
    ls_walk_load_turn_to(&w->load, w->plant->scenario, pipeline);
    for (int64_t m = 0; m < w->n_members; m++)
        w->members[m] = (struct ls_walk_scheduler){
            .load = &w->load,
            .engine = w->engine,
            .capacity_tok = (int64_t)w->plant->kv_blocks * w->engine->block_size,
            .state_tok = w->plant->state_tok,
            .window = window == LS_NULL_INT ? 0 : window,
            .reserve = ls_reserve_make(w->engine),
            .next = pipeline * w->n_members + m,
        };
    for (int64_t i = 0; i < w->n_stages; i++)
        w->free_ps[i] = 0;
    w->cpu_free_ps = 0;
    w->ended_ps = -1;
    w->stride_ps = 1;
    w->n_calm = 0;
}

static struct slot *oldest(const struct walk *w)
{
    struct slot *found = NULL;
    for (int64_t i = 0; i < w->n_stages; i++)
        if (w->slots[i].in_flight && (!found || w->slots[i].end_ps < found->end_ps))
            found = &w->slots[i];
    return found;
}

/* With overlap the next pass was composed soon after the one that just ended had started, out of what was there then.
 */
static void fill(struct walk *w, int64_t now_ps)
{
    const bool ahead = overlaps(w) && w->n_stages == 1 && w->ended_ps == now_ps;
    const int64_t seen_ps = ahead ? ls_min64(now_ps, w->cpu_free_ps + w->cpu.step_ps) : now_ps;
    for (int64_t i = 0; i < w->n_stages; i++)
        if (!w->slots[i].in_flight && !compose(w, &w->slots[i], now_ps, seen_ps) && seen_ps < now_ps)
            (void)compose(w, &w->slots[i], now_ps, now_ps);
}

static bool has_idle_slot(const struct walk *w)
{
    bool any = false;
    for (int64_t i = 0; i < w->n_stages; i++)
        any |= !w->slots[i].in_flight;
    return any;
}

static void follow_pipeline(struct walk *w)
{
    for (int64_t now_ps = -1; now_ps < w->load.horizon_ps;) {
        struct slot *slot = oldest(w);
        const int64_t next_ps = has_idle_slot(w) ? next_arrival_ps(w, now_ps) : LS_PS_NEVER;
        now_ps = slot ? ls_min64(slot->end_ps, next_ps) : next_ps;
        if (now_ps == LS_PS_NEVER)
            break;
        ls_walk_receive(&w->load, now_ps);
        if (slot && slot->end_ps == now_ps) {
            complete(w, slot);
            now_ps = skip_turns(w, slot, now_ps);
        }
        fill(w, now_ps);
    }
}

/* What is left of one that the run cut off. */
static void clear_slots(struct walk *w)
{
    for (int64_t i = 0; i < w->n_stages; i++) {
        struct slot *slot = &w->slots[i];
        slot->in_flight = false;
        slot->n_timed = 0;
        for (int64_t m = 0; m < w->n_members; m++) {
            const struct ls_event_heap ends = slot->parts[m].ends;
            slot->parts[m] = (struct ls_walk_part){.ends = {.events = ends.events, .capacity = ends.capacity}};
        }
    }
}

/* -- all of them -- */

static bool take_slot(const struct walk *w, struct slot *slot, struct ls_arena *arena)
{
    const size_t n_stages = (size_t)w->n_stages, n_members = (size_t)w->n_members;
    const int64_t capacity = ls_min64(w->load.n / w->load.n_schedulers + 1, w->engine->max_num_seqs);
    *slot = (struct slot){
        .stage_ps = ls_arena_take(arena, n_stages * sizeof *slot->stage_ps),
        .send_ps = ls_arena_take(arena, n_stages * sizeof *slot->send_ps),
        .parts = ls_arena_take(arena, n_members * sizeof *slot->parts),
    };
    if (!slot->stage_ps || !slot->send_ps || !slot->parts)
        return false;
    for (size_t m = 0; m < n_members; m++) {
        struct ls_event *events = ls_arena_take(arena, (size_t)capacity * sizeof *events);
        slot->parts[m] = (struct ls_walk_part){.ends = {.events = events, .capacity = (size_t)capacity}};
        if (!events)
            return false;
    }
    return true;
}

static bool take_memory(struct walk *w, struct ls_arena *arena)
{
    w->members = ls_arena_take(arena, (size_t)w->n_members * sizeof *w->members);
    w->slots = ls_arena_take(arena, (size_t)w->n_stages * sizeof *w->slots);
    w->free_ps = ls_arena_take(arena, (size_t)w->n_stages * sizeof *w->free_ps);
    bool taken = w->members && w->slots && w->free_ps;
    for (int64_t i = 0; taken && i < w->n_stages; i++)
        taken = take_slot(w, &w->slots[i], arena);
    return taken;
}

enum ls_status ls_walk(struct ls_plant *plant, struct ls_arena *arena, struct ls_means *means, struct ls_err *err)
{
    const struct ls_scenario *scenario = plant->scenario;
    struct walk w = {
        .plant = plant,
        .engine = &scenario->engine,
        .n_members = scenario->strategy.ep,
        .n_stages = scenario->strategy.pp,
        .cpu = ls_step_cpu_of(&scenario->engine),
    };
    const enum ls_status status = ls_walk_load_init(&w.load, plant, arena, err);
    if (status)
        return status;
    if (!take_memory(&w, arena))
        return ls_fail(err, LS_NOMEM, "out of memory for %lld requests", (long long)w.load.n);
    for (int64_t i = 0; i < scenario->strategy.dp; i++) {
        turn_to(&w, i);
        follow_pipeline(&w);
        clear_slots(&w);
    }
    ls_walk_means(&w.load, means);
    const double stages = (double)(scenario->strategy.dp * w.n_stages);
    means->busy_frac = fmin(1.0, w.busy_ps / LS_PS_PER_S / means->end_s / stages);
    return LS_OK;
}
