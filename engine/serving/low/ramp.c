#include "engine/serving/low/ramp.h"

#include <math.h>
#include <string.h>

#include "engine/serving/low/backlog.h"
#include "engine/serving/low/outputs.h"
#include "engine/serving/workload/arrivals.h"
#include "engine/serving/workload/session.h"

enum {
    N_STEPS = 24,
    N_ROUNDS = 3 /* of a step's batch and its time between tokens */
};

/* What begins to decode in a step, of one profile. */
struct cohort {
    double n, prompt_tok; /* requests, and what their prompts come to */
};

struct step {
    double start_s, end_s, from_pass, until_pass;
    double batch, busy_frac, prefill_s, wait_s; /* of the last two what is not the queue */
    double arrived, n_begun;                    /* requests */
    double from_s, until_s;                     /* those who begin came between: first come, first served */
    struct cohort cohorts[LS_MAX_PROFILES];
    double coming[LS_MAX_CLASSES]; /* requests that follow others, from earlier steps */
    double begun[LS_MAX_CLASSES];
};

struct ls_ramp {
    struct ls_plant *plant;
    int32_t n_profiles;
    struct ls_outputs outputs[LS_MAX_PROFILES];
    double think_s[LS_MAX_PROFILES];
    double first_rate[LS_MAX_CLASSES]; /* requests a second that follow no others */
    double share[LS_MAX_CLASSES];      /* of the requests, in the long run */
    double queue[LS_MAX_CLASSES];
    struct step steps[N_STEPS];
};

/* -- the load -- */

static void read_load(struct ls_ramp *r)
{
    const struct ls_workload *workload = &r->plant->scenario->workload;
    const struct ls_classes *classes = r->plant->classes;
    const double span_s = workload->duration_s / N_STEPS;
    r->n_profiles = workload->n_profiles;
    for (int32_t p = 0; p < r->n_profiles; p++) {
        const struct ls_dist *think_s = &workload->profiles[p].sessions.think_s;
        ls_outputs_draw(&r->outputs[p], &workload->profiles[p].output_tokens, &r->plant->draft_passes);
        r->think_s[p] = think_s->kind == LS_NULL_CHOICE ? 0 : ls_dist_mean(think_s);
    }
    for (int c = 0; c < classes->n; c++) {
        r->first_rate[c] = classes->rows[c].turn < 0.5 ? r->plant->load.rate * classes->rows[c].share : 0;
    }
    for (int i = 0; i < N_STEPS; i++) {
        r->steps[i].start_s = i * span_s;
        r->steps[i].end_s = (i + 1) * span_s;
    }
}

/* -- what decodes -- */

/* Of a step's cohort those that decode when so many passes have gone by. */
static double alive_of(const struct ls_ramp *r, int step, int32_t profile, double passes)
{
    const struct step *s = &r->steps[step];
    const struct ls_outputs *o = &r->outputs[profile];
    if (s->cohorts[profile].n <= 0)
        return 0;
    return s->cohorts[profile].n *
           (ls_outputs_left(o, passes - s->from_pass) - ls_outputs_left(o, passes - s->until_pass)) /
           (s->until_pass - s->from_pass);
}

/* Decodes of the steps before `until` when so many passes have gone by; adds the KV tokens that they have to *held. */
static double alive_at(const struct ls_ramp *r, int until, double passes, double *held)
{
    double alive = 0;
    for (int i = 0; i < until; i++) {
        const struct step *s = &r->steps[i];
        for (int32_t p = 0; p < r->n_profiles; p++) {
            const double n = alive_of(r, i, p, passes);
            if (n <= 0)
                continue;
            alive += n;
            *held += n * (s->cohorts[p].prompt_tok / s->cohorts[p].n +
                          (passes - (s->from_pass + s->until_pass) / 2) * r->plant->gained);
        }
    }
    return alive;
}

/* -- one step -- */

/* Of n requests of a cohort that end evenly over a step's time, those that come again in the step `at`. */
static void follow(struct ls_ramp *r, const struct step *of, int32_t profile, double n, int at)
{
    const struct ls_classes *classes = r->plant->classes;
    const struct ls_class *rows = classes->rows;
    for (int c = 0; c < classes->n; c++) {
        const double come = n * of->begun[c] / of->cohorts[profile].n * rows[c].next;
        if (rows[c].profile != profile || come <= 0)
            continue;
        /* to the next class, or one more of the same late turns */
        const bool last = c + 1 == classes->n || rows[c + 1].profile != profile;
        const double on = last ? 0 : 1 / fmax(1.0, rows[c + 1].turn - rows[c].turn);
        r->steps[at].coming[c] += come * (1 - on);
        if (!last)
            r->steps[at].coming[c + 1] += come * on;
    }
}

/* Of those who end in one step and think, the share that comes in another. */
static double lands(const struct ls_ramp *r, int32_t profile, int step, int at)
{
    const struct step *from = &r->steps[step], *to = &r->steps[at];
    const double span_s = from->end_s - from->start_s, from_s = from->start_s + r->think_s[profile];
    return fmax(0.0, fmin(from_s + span_s, to->end_s) - fmax(from_s, to->start_s)) / span_s;
}

/* Turns that end in a step, as if tokens took as long as in the step before, are followed by others in the step itself;
 */
static void follow_at_once(struct ls_ramp *r, int step)
{
    const struct step *s = &r->steps[step];
    for (int i = 0; i < step; i++)
        for (int32_t p = 0; p < r->n_profiles; p++) {
            const double n = alive_of(r, i, p, s->from_pass) - alive_of(r, i, p, s->until_pass);
            if (n > 0)
                follow(r, &r->steps[i], p, n * lands(r, p, step, step), step);
        }
}

/* and in later ones, where those come too whose turns begin and end in this one. */
static void follow_later(struct ls_ramp *r, int step)
{
    const struct step *s = &r->steps[step];
    for (int i = 0; i <= step; i++)
        for (int32_t p = 0; p < r->n_profiles; p++) {
            const double before = i < step ? alive_of(r, i, p, s->from_pass) : s->cohorts[p].n;
            const double n = before - alive_of(r, i, p, s->until_pass);
            for (int at = step + 1; n > 0 && at < N_STEPS; at++) {
                const double here = at == step + 1 && i == step ? lands(r, p, step, step) : 0;
                const double share = here + lands(r, p, step, at);
                if (share > 0)
                    follow(r, &r->steps[i], p, n * share, at);
            }
        }
}

/* The plant meets the mix of requests that is offered in a step. Returns their number. */
static double offer(struct ls_ramp *r, const struct step *s, double offered[LS_MAX_CLASSES])
{
    struct ls_plant *plant = r->plant;
    double all = 0;
    for (int c = 0; c < plant->classes->n; c++)
        all += offered[c] = r->queue[c] + r->first_rate[c] * (s->end_s - s->start_s) + s->coming[c];
    for (int c = 0; c < plant->classes->n; c++)
        plant->classes->rows[c].share = offered[c] / all;
    ls_plant_measure(plant);
    return all;
}

/* A share of what is offered begins. */
static void begin(struct step *s, const struct ls_classes *classes, const double offered[LS_MAX_CLASSES], double share)
{
    memset(s->cohorts, 0, sizeof s->cohorts);
    for (int c = 0; c < classes->n; c++) {
        struct cohort *cohort = &s->cohorts[classes->rows[c].profile];
        s->begun[c] = share * offered[c];
        cohort->n += s->begun[c];
        cohort->prompt_tok += s->begun[c] * ls_class_prompt(&classes->rows[c]).mean;
    }
}

/* Decodes in the middle of a step, in all places, and the mean of what each has in the KV cache. */
static double decodes_in(const struct ls_ramp *r, int step, double *context)
{
    const struct step *s = &r->steps[step];
    const double passes = s->until_pass - s->from_pass;
    double held = 0, alive = alive_at(r, step, s->from_pass + passes / 2, &held);
    for (int32_t p = 0; p < r->n_profiles; p++) {
        const double n = s->cohorts[p].n * ls_outputs_left(&r->outputs[p], passes / 2) / passes;
        alive += n;
        held += n > 0 ? n * (s->cohorts[p].prompt_tok / s->cohorts[p].n + passes / 4 * r->plant->gained) : 0;
    }
    *context = held / fmax(alive, 1e-9);
    return alive;
}

/* The share of what is offered that can begin: as far as prompts can be computed, and places become free. */
static double beginning(const struct ls_ramp *r, int step, const struct ls_backlog *backlog, double offered)
{
    const struct ls_plant *plant = r->plant;
    const struct step *s = &r->steps[step];
    const double pipelines = (double)plant->scenario->strategy.dp, span_s = s->end_s - s->start_s;
    const double passes = span_s / backlog->gap_s;
    double held = 0, stay = 0, n = 0;
    for (int32_t p = 0; p < r->n_profiles; p++) {
        n += s->cohorts[p].n;
        stay += s->cohorts[p].n * ls_outputs_left(&r->outputs[p], passes) / passes;
    }
    const double free = plant->max_batch * plant->members * pipelines - alive_at(r, step, s->from_pass + passes, &held);
    const double most = fmin(0.95 * backlog->most * pipelines * span_s, free * n / fmax(stay, 1e-9));
    return fmin(1.0, fmax(0.0, most) / offered);
}

/* The batch follows from the time between tokens, and that from the batch. */
static void take_step(struct ls_ramp *r, int step, double gap_s)
{
    struct ls_plant *plant = r->plant;
    struct step *s = &r->steps[step];
    const double pipelines = (double)plant->scenario->strategy.dp, span_s = s->end_s - s->start_s;
    struct ls_backlog backlog = {.gap_s = gap_s};
    double offered[LS_MAX_CLASSES] = {0}, queued = 0, share = 1;
    s->until_pass = s->from_pass + span_s / gap_s;
    follow_at_once(r, step);
    for (int c = 0; c < plant->classes->n; c++)
        queued += r->queue[c];
    const double all = offer(r, s, offered);
    for (int i = 0; i < N_ROUNDS; i++) {
        begin(s, plant->classes, offered, share);
        const double alive = decodes_in(r, step, &plant->context);
        plant->max_batch = ls_plant_places(plant);
        const double before = s->batch;
        s->batch = fmin(plant->max_batch, alive / (pipelines * plant->members));
        if (i > 0 && share >= 1 && fabs(s->batch - before) < 0.03 * s->batch)
            break;
        struct ls_backlog_load load = ls_backlog_load_of(plant, share * all / span_s / pipelines, s->batch);
        load.span_s = span_s;
        ls_backlog_solve(plant, &load, &backlog);
        s->until_pass = s->from_pass + span_s / backlog.gap_s;
        share = beginning(r, step, &backlog, all);
    }
    begin(s, plant->classes, offered, share);
    for (int c = 0; c < plant->classes->n; c++)
        r->queue[c] = offered[c] - s->begun[c];
    s->arrived = all - queued;
    s->n_begun = share * all;
    s->prefill_s = backlog.prefill_s;
    s->wait_s = backlog.wait_s;
    s->busy_frac = backlog.busy_frac;
    follow_later(r, step);
}

/* When the n-th request came, in this step or before. */
static double came_s(const struct ls_ramp *r, int step, double n)
{
    int i = 0;
    while (i < step && r->steps[i].arrived < n)
        n -= r->steps[i++].arrived;
    const struct step *s = &r->steps[i];
    return s->start_s + (s->end_s - s->start_s) * fmin(1.0, n / fmax(s->arrived, 1e-9));
}

static void climb(struct ls_ramp *r)
{
    const struct ls_plant_pass pass = ls_plant_time(r->plant, 1, 0, 0);
    double gap_s = pass.latency_s, passes = 0, begun = 0;
    for (int i = 0; i < N_STEPS; i++) {
        struct step *s = &r->steps[i];
        s->from_pass = passes;
        take_step(r, i, gap_s);
        passes = s->until_pass;
        s->from_s = came_s(r, i, begun);
        begun += s->n_begun;
        s->until_s = came_s(r, i, begun);
        gap_s = (s->end_s - s->start_s) / (s->until_pass - s->from_pass);
    }
}

/* -- what comes of it -- */

/* When so many passes have gone by; behind the last step as in it. */
static double time_at(const struct ls_ramp *r, double passes)
{
    int i = 0;
    while (i + 1 < N_STEPS && r->steps[i].until_pass < passes)
        i++;
    const struct step *s = &r->steps[i];
    return s->start_s + (passes - s->from_pass) / (s->until_pass - s->from_pass) * (s->end_s - s->start_s);
}

/* Share of a step that lies behind the warm-up. */
static double measured(const struct ls_ramp *r, const struct step *s)
{
    const double warmup_s = r->plant->scenario->workload.warmup_s;
    return fmin(1.0, fmax(0.0, (s->end_s - warmup_s) / (s->end_s - s->start_s)));
}

/* How long those who begin in a step have waited for their turn. */
static double queue_s(const struct step *s)
{
    return fmax(0.0, (s->start_s + s->end_s - s->from_s - s->until_s) / 2);
}

/* Sums over requests that are done when the run ends, if that cuts them off. */
struct sums {
    double n, ttft_s, tpot_s, e2e_s, wait_s;
};

static void add_cohort(const struct ls_ramp *r, const struct step *s, int32_t profile, struct sums *sums)
{
    const struct ls_workload *workload = &r->plant->scenario->workload;
    const double begun_pass = (s->from_pass + s->until_pass) / 2, begun_s = time_at(r, begun_pass);
    const double span_s = s->until_s - s->from_s, late_s = s->until_s - workload->warmup_s;
    const double counts = span_s > 0 ? fmin(1.0, fmax(0.0, late_s / span_s)) : late_s > 0;
    const double weight = counts * s->cohorts[profile].n / LS_OUTPUT_SHARES;
    for (int k = 0; k < LS_OUTPUT_SHARES; k++) {
        const double passes = r->outputs[profile].middle[k], end_s = time_at(r, begun_pass + passes);
        if (!workload->drain && end_s > workload->duration_s)
            continue;
        sums->n += weight;
        sums->ttft_s += weight * (queue_s(s) + s->prefill_s);
        sums->wait_s += weight * (queue_s(s) + s->wait_s);
        sums->tpot_s += weight * (end_s - begun_s) / passes * r->plant->tpot;
        sums->e2e_s += weight * (queue_s(s) + s->prefill_s + end_s - begun_s);
    }
}

/* Requests that end while it counts: those that began, less those that still decode, then and before. */
static double n_finished(const struct ls_ramp *r, double end_pass)
{
    const double warmup_s = r->plant->scenario->workload.warmup_s;
    double held = 0, n = 0, before = 0, warm_pass = 0;
    for (int i = 0; i < N_STEPS; i++) {
        const struct step *s = &r->steps[i];
        for (int32_t p = 0; p < r->n_profiles; p++) {
            n += s->cohorts[p].n;
            before += s->cohorts[p].n * (1 - measured(r, s));
        }
        warm_pass += (1 - measured(r, s)) * (s->until_pass - s->from_pass);
    }
    const int warm = (int)fmin(N_STEPS, ceil(warmup_s / (r->steps[0].end_s - r->steps[0].start_s)));
    const double alive = alive_at(r, N_STEPS, end_pass, &held);
    return n - alive - fmax(0.0, before - alive_at(r, warm, warm_pass, &held));
}

/* Whether waits grow by more than 0.05 s a second through the second half of what is measured. */
static bool is_saturated(const struct ls_ramp *r)
{
    const struct ls_workload *workload = &r->plant->scenario->workload;
    const double middle_s = (workload->warmup_s + workload->duration_s) / 2;
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (int i = 0; i < N_STEPS; i++) {
        const struct step *s = &r->steps[i];
        const double at_s = (s->from_s + s->until_s) / 2, weight = at_s > middle_s ? s->n_begun : 0;
        n += weight;
        x += weight * at_s;
        y += weight * (queue_s(s) + s->wait_s);
        xx += weight * at_s * at_s;
        xy += weight * at_s * (queue_s(s) + s->wait_s);
    }
    const double spread = n * xx - x * x;
    return spread > 0 && (n * xy - x * y) / spread > 0.05;
}

/* Tokens that come out and go in while it counts, batch and work: means over the steps. */
static void measure_steps(const struct ls_ramp *r, struct ls_means *means)
{
    const double all = r->plant->members * (double)r->plant->scenario->strategy.dp;
    double time_s = 0, output_tok = 0, prompt_tok = 0;
    for (int i = 0; i < N_STEPS; i++) {
        const struct step *s = &r->steps[i];
        const double share = measured(r, s), span_s = share * (s->end_s - s->start_s);
        time_s += span_s;
        means->batch += span_s * s->batch;
        means->busy_frac += span_s * s->busy_frac;
        output_tok += share * all * s->batch * (s->until_pass - s->from_pass) * r->plant->gained;
        for (int32_t p = 0; p < r->n_profiles; p++) {
            output_tok += share * s->cohorts[p].n;
            prompt_tok += share * s->cohorts[p].prompt_tok;
        }
    }
    means->batch /= time_s;
    means->busy_frac /= time_s;
    means->output_tok_per_s = output_tok / time_s;
    means->prompt_tok_per_s = prompt_tok / time_s;
}

/* The classes are as many as came while it counts. */
static void mix_classes(struct ls_ramp *r)
{
    struct ls_classes *classes = r->plant->classes;
    double all = 0;
    for (int c = 0; c < classes->n; c++) {
        classes->rows[c].share = 0;
        for (int i = 0; i < N_STEPS; i++)
            classes->rows[c].share += measured(r, &r->steps[i]) * r->steps[i].begun[c];
        all += classes->rows[c].share;
    }
    for (int c = 0; c < classes->n; c++)
        classes->rows[c].share /= all;
    ls_plant_measure(r->plant);
}

static void measure(struct ls_ramp *r, struct ls_means *means)
{
    const struct ls_workload *workload = &r->plant->scenario->workload;
    const double end_pass = r->steps[N_STEPS - 1].until_pass;
    struct sums sums = {0};
    for (int i = 0; i < N_STEPS; i++)
        for (int32_t p = 0; p < r->n_profiles; p++)
            add_cohort(r, &r->steps[i], p, &sums);
    mix_classes(r);
    *means = (struct ls_means){
        .ttft_s = sums.ttft_s / sums.n,
        .tpot_s = sums.tpot_s / sums.n,
        .e2e_s = sums.e2e_s / sums.n,
        .wait_s = sums.wait_s / sums.n,
        .end_s = workload->duration_s,
        .saturated = is_saturated(r),
    };
    measure_steps(r, means);
    means->end_s += workload->drain ? means->e2e_s : 0;
    means->finished = n_finished(r, workload->drain ? (double)INFINITY : end_pass);
}

bool ls_ramp_matters(const struct ls_plant *plant, const struct ls_means *steady)
{
    const struct ls_workload *workload = &plant->scenario->workload;
    double until_s = 0; /* the last turn that a hundredth of the requests are */
    for (int c = 0; c < plant->classes->n; c++) {
        const struct ls_class *class = &plant->classes->rows[c];
        const struct ls_dist *think_s = &workload->profiles[class->profile].sessions.think_s;
        const double between_s = steady->e2e_s + (think_s->kind == LS_NULL_CHOICE ? 0 : ls_dist_mean(think_s));
        if (class->share > 0.01)
            until_s = fmax(until_s, class->turn * between_s);
    }
    return until_s > workload->warmup_s;
}

bool ls_ramp_init(struct ls_ramp **ramp, const struct ls_plant *plant, struct ls_arena *arena)
{
    const struct ls_workload *workload = &plant->scenario->workload;
    bool any = false;
    *ramp = NULL;
    for (int32_t p = 0; !workload->trace && p < workload->n_profiles; p++)
        any |= ls_profile_has_sessions(&workload->profiles[p]);
    if (!any || isnan(workload->duration_s) || ls_workload_is_untimed(workload))
        return true;
    struct ls_ramp *r = *ramp = ls_arena_take(arena, sizeof *r);
    for (int c = 0; r && c < plant->classes->n; c++)
        r->share[c] = plant->classes->rows[c].share;
    return r != NULL;
}

void ls_ramp_reset(const struct ls_ramp *ramp, struct ls_plant *plant)
{
    for (int c = 0; c < plant->classes->n; c++)
        plant->classes->rows[c].share = ramp->share[c];
    ls_plant_measure(plant);
}

void ls_ramp_climb(struct ls_ramp *r, struct ls_plant *plant, struct ls_means *means)
{
    r->plant = plant;
    memset(r->queue, 0, sizeof r->queue);
    memset(r->steps, 0, sizeof r->steps);
    read_load(r);
    climb(r);
    measure(r, means);
}
