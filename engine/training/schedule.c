#include "engine/training/schedule.h"

#include <assert.h>
#include <math.h>

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool ls_schedule_possible(int32_t schedule, int64_t stages, int64_t chunks, int64_t micro_batches)
{
    if (schedule != LS_SCHEDULE_INTERLEAVED)
        return chunks == 1;
    return stages > 1 && micro_batches % stages == 0;
}

/* Forward passes of a stage, by chunk and micro-batch, before its first backward one. */
static int64_t warmup(const struct ls_schedule_work *work, int64_t stage)
{
    const int64_t passes = work->micro_batches * work->chunks;
    const int64_t behind = work->stages - stage - 1;
    switch (work->schedule) {
    case LS_SCHEDULE_GPIPE:
        return passes;
    case LS_SCHEDULE_INTERLEAVED:
        return smaller(passes, 2 * behind + (work->chunks - 1) * work->stages);
    default:
        return smaller(passes, behind);
    }
}

double ls_schedule_in_flight(int32_t schedule, int64_t stages, int64_t chunks, int64_t micro_batches, int64_t stage)
{
    const struct ls_schedule_work work = {
        .schedule = schedule, .stages = stages, .chunks = chunks, .micro_batches = micro_batches};
    return (double)smaller(micro_batches * chunks, warmup(&work, stage) + 1) / (double)chunks;
}

/* Of one job a stage for each micro-batch, the same on all of them. */
struct line {
    double sum, longest;
};

static void add_stage(struct line *line, double seconds)
{
    line->sum += seconds;
    line->longest = fmax(line->longest, seconds);
}

static double line_seconds(const struct line *line, const struct ls_schedule_work *work)
{
    return (double)work->micro_batches * line->longest + (line->sum - line->longest) / (double)work->chunks;
}

double ls_schedule_seconds(const struct ls_schedule_work *work)
{
    struct line forward = {0}, backward = {0}, both = {0};
    for (int64_t i = 0; i < work->stages; i++) {
        add_stage(&forward, work->forward_s[i]);
        add_stage(&backward, work->backward_s[i]);
        add_stage(&both, work->forward_s[i] + work->backward_s[i]);
    }
    if (work->schedule == LS_SCHEDULE_GPIPE)
        return line_seconds(&forward, work) + line_seconds(&backward, work);
    return line_seconds(&both, work);
}

struct pass {
    bool backward;
    int64_t micro_batch, chunk;
};

/* The `index`th pass of a stage. */
static struct pass pass_of(const struct ls_schedule_work *work, int64_t stage, int64_t index)
{
    const int64_t passes = work->micro_batches * work->chunks, first = warmup(work, stage);
    const int64_t paired = index - first;
    struct pass pass = {.backward = false};
    int64_t k = index;
    if (paired >= 2 * (passes - first)) {
        pass.backward = true;
        k = index - passes;
    } else if (paired >= 0) {
        pass.backward = paired % 2 == 1;
        k = pass.backward ? paired / 2 : first + paired / 2;
    }
    /* micro-batches enter a chunk in groups of as many as there are stages */
    const int64_t stages = work->stages, chunks = work->chunks;
    assert(stages >= 1 && chunks >= 1);
    const int64_t group = k / stages;
    pass.micro_batch = group / chunks * stages + k % stages;
    pass.chunk = group % chunks;
    if (pass.backward)
        pass.chunk = work->chunks - 1 - pass.chunk;
    return pass;
}

/* When passes end, by direction, chunk of layers from the model's first, and micro-batch; NaN: not yet. */
struct play {
    const struct ls_schedule_work *work;
    double *end_s[2];
    double *free_s;  /* [stages] */
    int64_t *n_done; /* [stages] */
};

static double *end_of(const struct play *play, bool backward, int64_t chunk, int64_t micro_batch)
{
    return &play->end_s[backward][chunk * play->work->micro_batches + micro_batch];
}

/* When what the pass waits for is there; NaN: not yet. */
static double ready_s(const struct play *play, const struct pass *pass, int64_t chunk)
{
    const int64_t last = play->work->stages * play->work->chunks - 1;
    if (!pass->backward)
        return chunk == 0 ? 0.0 : *end_of(play, false, chunk - 1, pass->micro_batch);
    return chunk == last ? *end_of(play, false, chunk, pass->micro_batch)
                         : *end_of(play, true, chunk + 1, pass->micro_batch);
}

/* Run what a stage can; false when that is nothing. */
static bool advance(struct play *play, int64_t stage)
{
    const struct ls_schedule_work *work = play->work;
    const int64_t passes = 2 * work->micro_batches * work->chunks, before = play->n_done[stage];
    for (; play->n_done[stage] < passes; play->n_done[stage]++) {
        const struct pass pass = pass_of(work, stage, play->n_done[stage]);
        const int64_t chunk = pass.chunk * work->stages + stage;
        const double ready = ready_s(play, &pass, chunk);
        if (isnan(ready))
            break;
        const double takes_s = (pass.backward ? work->backward_s : work->forward_s)[stage] / (double)work->chunks;
        play->free_s[stage] = fmax(play->free_s[stage], ready) + takes_s;
        *end_of(play, pass.backward, chunk, pass.micro_batch) = play->free_s[stage];
    }
    return play->n_done[stage] > before;
}

enum ls_status ls_schedule_play(const struct ls_schedule_work *work, struct ls_arena *arena, double *seconds,
                                int64_t *n_events, struct ls_err *err)
{
    const size_t stages = (size_t)work->stages, n = stages * (size_t)(work->chunks * work->micro_batches);
    struct play play = {.work = work};
    play.end_s[0] = ls_arena_take(arena, 2 * n * sizeof(double));
    play.free_s = ls_arena_take(arena, stages * sizeof(double));
    play.n_done = ls_arena_take(arena, stages * sizeof(int64_t));
    if (!play.end_s[0] || !play.free_s || !play.n_done)
        return ls_fail(err, LS_NOMEM, "out of memory for %zu passes", 2 * n);
    play.end_s[1] = play.end_s[0] + n;
    for (size_t i = 0; i < 2 * n; i++)
        play.end_s[0][i] = (double)NAN;
    for (size_t i = 0; i < stages; i++) {
        play.free_s[i] = 0;
        play.n_done[i] = 0;
    }
    for (bool moved = true; moved;) {
        moved = false;
        for (int64_t i = 0; i < work->stages; i++)
            moved |= advance(&play, i);
    }
    *seconds = 0;
    *n_events = 0;
    for (int64_t i = 0; i < work->stages; i++) {
        assert(play.n_done[i] == 2 * work->micro_batches * work->chunks); /* else the schedule waits for itself */
        *seconds = fmax(*seconds, play.free_s[i]);
        *n_events += play.n_done[i];
    }
    return LS_OK;
}
