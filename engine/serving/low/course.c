#include "engine/serving/low/course.h"

#include <math.h>

#include "engine/serving/low/backlog.h"
#include "engine/sim/clock.h"

enum {
    N_STEPS = 14, /* of arrivals */
    N_DRAIN = 8,  /* after them: steps of the longest output */
    MAX_STEPS = N_STEPS + 4 * N_DRAIN,
    N_BINS = 64, /* of outputs */
    N_DRAWS = 64,
    N_SHARES = 4 /* of a step's requests, by output, for their latencies */
};

/* How many decodes requests have: `left[i]` is the integral up to bin i of the share that has more. */
struct outputs {
    double width, longest;
    double left[N_BINS + 1];
    double middle[N_SHARES]; /* of each share */
};

/* A stretch of time in one state, and the requests that begin to decode in it. */
struct step {
    double start_s, end_s, from_tok, until_tok;
    double arrived;
    double begun; /* that start to decode */
    double prefill_s, wait_s;
    double busy_frac, batch;
};

struct course {
    struct ls_plant *plant;
    struct outputs outputs;
    struct step steps[MAX_STEPS];
    int n_steps;
    double from_s, arrivals_s; /* what is measured arrives between */
    double queue;              /* requests that could not begin */
};

/* From how many requests decode for so long: shares that add up to 1, of bins of `width`. */
static void integrate(struct outputs *o, const double share[N_BINS])
{
    double more = 1;
    int next = 0;
    o->left[0] = 0;
    for (int i = 0; i < N_BINS; i++) {
        o->left[i + 1] = o->left[i] + o->width * (more - share[i] / 2);
        while (next < N_SHARES && 1 - more + share[i] >= (next + 0.5) / N_SHARES) {
            const double into = share[i] > 0 ? ((next + 0.5) / N_SHARES - (1 - more)) / share[i] : 0;
            o->middle[next++] = fmax(1.0, (i + into) * o->width);
        }
        more -= share[i];
    }
    while (next < N_SHARES)
        o->middle[next++] = o->longest;
}

/* -- arrivals that swing -- */

/* Outputs as some draws have them, stretched to the mean that all have. */
static void draw_outputs(struct course *c)
{
    const struct ls_workload *workload = &c->plant->scenario->workload;
    struct outputs *o = &c->outputs;
    double tok[N_DRAWS], sum = 0, share[N_BINS] = {0};
    int32_t profile = 0;
    while (profile + 1 < workload->n_profiles && workload->profiles[profile].arrivals.process != LS_ARRIVALS_MMPP)
        profile++;
    o->longest = 1;
    for (int i = 0; i < N_DRAWS; i++) {
        struct ls_stream stream = ls_stream_make(0, 0, 0, (uint64_t)i, LS_RNG_OUTPUT);
        sum += tok[i] = ls_mixture_sample_tok(&workload->profiles[profile].output_tokens, &stream) - 1;
    }
    for (int i = 0; i < N_DRAWS; i++)
        o->longest = fmax(o->longest, tok[i] *= sum > 0 ? c->plant->decodes * N_DRAWS / sum : 1);
    o->width = (o->longest + 1) / N_BINS;
    for (int i = 0; i < N_DRAWS; i++)
        share[(int)(tok[i] / o->width)] += 1.0 / N_DRAWS;
    integrate(o, share);
}

static void add_swing(struct course *c, double span_s, int n, double rate)
{
    for (int i = 0; i < n; i++) {
        const double start_s = c->n_steps > 0 ? c->steps[c->n_steps - 1].end_s : 0;
        c->steps[c->n_steps++] =
            (struct step){.start_s = start_s, .end_s = start_s + span_s / n, .arrived = rate * span_s / n};
    }
}

/* Exponential times by the means of their lower and their upper half. */
static void fill_swings(struct course *c, const struct ls_arrivals *arrivals)
{
    const double lower = 0.307, upper = 1.693;
    const double share = arrivals->burst_s / (arrivals->burst_s + arrivals->calm_s);
    const double calm = c->plant->load.rate / (1 + share * (arrivals->burst_factor - 1));
    const double burst = calm * arrivals->burst_factor;
    for (int turn = 0; turn < 2; turn++) {
        add_swing(c, upper * arrivals->calm_s, 2, calm);
        add_swing(c, lower * arrivals->burst_s, 1, burst);
        add_swing(c, lower * arrivals->calm_s, 1, calm);
        add_swing(c, upper * arrivals->burst_s, 3, burst);
        if (turn == 0)
            c->from_s = c->steps[c->n_steps - 1].end_s;
    }
    c->arrivals_s = c->steps[c->n_steps - 1].end_s;
}

/* ∫ from 0 to `tok` of the share of requests that have more decodes. */
static double left_until(const struct outputs *o, double tok)
{
    const double at = fmax(0.0, tok) / o->width;
    if (at >= N_BINS)
        return o->left[N_BINS];
    const int i = (int)at;
    return o->left[i] + (at - i) * (o->left[i + 1] - o->left[i]);
}

/* -- the walk -- */

/* Of the requests of earlier steps, those that decode when so many tokens have passed. */
static double alive_at(const struct course *c, int until, double tok)
{
    double alive = 0;
    for (int i = 0; i < until; i++) {
        const struct step *s = &c->steps[i];
        if (s->begun > 0)
            alive += s->begun *
                     (left_until(&c->outputs, tok - s->from_tok) - left_until(&c->outputs, tok - s->until_tok)) /
                     (s->until_tok - s->from_tok);
    }
    return alive;
}

/* How many of `offered` requests can begin in a step of `tok` tokens, when prefill takes at most `most` of them. */
static double begin(const struct course *c, int index, double tok, double offered, double most)
{
    const struct ls_plant *plant = c->plant;
    const double places = plant->max_batch * plant->members * (double)plant->scenario->strategy.dp;
    const double free = places - alive_at(c, index, c->steps[index].from_tok + tok);
    const double stay = left_until(&c->outputs, tok) / tok; /* of those that begin, to the end of the step */
    return fmax(0.0, fmin(fmin(offered, most), plant->decodes > 0 ? free / stay : most));
}

/* One step: the batch follows from the time between tokens, and that from the batch. */
static void take_step(struct course *c, int index, double gap_s)
{
    struct ls_plant *plant = c->plant;
    struct step *s = &c->steps[index];
    const double pipelines = (double)plant->scenario->strategy.dp;
    const double span_s = s->end_s - s->start_s, offered = c->queue + s->arrived;
    struct ls_backlog backlog = {.gap_s = gap_s};
    s->begun = offered;
    for (int i = 0; i < 2; i++) {
        const double tok = span_s / backlog.gap_s, middle = s->from_tok + tok / 2;
        const double alive = alive_at(c, index, middle) + s->begun * left_until(&c->outputs, tok / 2) / tok;
        const double batch = fmin(plant->max_batch, alive / (pipelines * plant->members));
        if (i > 0 && fabs(batch - s->batch) < 0.05 * s->batch)
            break;
        s->batch = batch;
        struct ls_backlog_load load = ls_backlog_load_of(plant, s->begun / span_s / pipelines, s->batch);
        load.span_s = span_s;
        ls_backlog_solve(plant, &load, &backlog);
        s->begun = begin(c, index, span_s / backlog.gap_s, offered, 0.95 * backlog.most * pipelines * span_s);
    }
    s->until_tok = s->from_tok + span_s / backlog.gap_s;
    const double left = offered - s->begun, waiting = (c->queue + left) / 2;
    const double queue_s = waiting > 1e-9 && s->begun > 0 ? waiting / s->begun * span_s : 0;
    c->queue = left;
    s->prefill_s = backlog.prefill_s + queue_s;
    s->wait_s = backlog.wait_s + queue_s;
    s->busy_frac = backlog.busy_frac;
}

static void walk(struct course *c)
{
    double gap_s = 0, tok = 0;
    struct ls_plant_pass pass = ls_plant_time(c->plant, 1, 0, 0);
    gap_s = pass.latency_s;
    int drained = 0;
    for (int i = 0; i < c->n_steps; i++) {
        struct step *s = &c->steps[i];
        s->from_tok = tok;
        take_step(c, i, gap_s);
        tok = s->until_tok;
        gap_s = (s->end_s - s->start_s) / (s->until_tok - s->from_tok);
        if (i + 1 == c->n_steps && c->n_steps < MAX_STEPS && (c->queue > 0.5 || drained < N_DRAIN)) {
            drained = c->queue > 0.5 ? 0 : drained + 1;
            const double span_s = c->outputs.longest / N_DRAIN * gap_s;
            c->steps[c->n_steps++] = (struct step){.start_s = s->end_s, .end_s = s->end_s + span_s};
        }
    }
}

/* -- what comes of it -- */

/* When so many tokens have passed. */
static double time_at(const struct course *c, double tok)
{
    int i = 0;
    while (i + 1 < c->n_steps && c->steps[i].until_tok < tok)
        i++;
    const struct step *s = &c->steps[i];
    return s->start_s + (tok - s->from_tok) / (s->until_tok - s->from_tok) * (s->end_s - s->start_s);
}

static void measure(const struct course *c, struct ls_means *means)
{
    double n = 0, time_s = 0;
    *means = (struct ls_means){0};
    for (int i = 0; i < c->n_steps; i++) {
        const struct step *s = &c->steps[i];
        const double span_s = s->end_s - s->start_s;
        const double weight = s->arrived * fmin(1.0, fmax(0.0, (s->end_s - c->from_s) / span_s));
        const double from = (s->from_tok + s->until_tok) / 2, from_s = time_at(c, from);
        for (int k = 0; k < N_SHARES && weight > 0; k++) {
            const double tok = c->outputs.middle[k], decode_s = time_at(c, from + tok) - from_s;
            means->tpot_s += weight / N_SHARES * decode_s / tok;
            means->e2e_s += weight / N_SHARES * decode_s;
        }
        n += weight;
        if (weight > 0) {
            means->ttft_s += weight * s->prefill_s;
            means->wait_s += weight * s->wait_s;
        }
        time_s += span_s;
        means->batch += span_s * s->batch;
        means->busy_frac += span_s * s->busy_frac;
    }
    means->ttft_s /= n;
    means->tpot_s /= n;
    means->wait_s /= n;
    means->e2e_s = means->e2e_s / n + means->ttft_s;
    means->batch /= time_s;
    means->busy_frac /= time_s;
}

void ls_course_swing(struct ls_plant *plant, const struct ls_arrivals *arrivals, struct ls_means *means)
{
    struct course c = {.plant = plant};
    fill_swings(&c, arrivals);
    draw_outputs(&c);
    walk(&c);
    measure(&c, means);
}
