#include "engine/serving/low/backlog.h"

#include <math.h>
#include <string.h>

#include "engine/serving/deployment/router.h"

enum {
    MAX_NODES = 9,  /* backlogs whose passes are timed; those between are interpolated */
    FEW_STATES = 32 /* where passes take all that is there, and chunks need not be told apart */
};

/* From one pass being composed until the next is, with what has come meanwhile. */
struct interval {
    double time_s, busy_s;
    double tokens;    /* that a decoding request gets */
    double latency_s; /* of its prompts */
    double late_s;    /* in it whose arrivals wait for the next one */
};

struct node {
    double units; /* that it begins with */
    struct interval interval;
    struct ls_arrived arrived;
};

struct model {
    struct ls_plant *plant;
    const struct ls_backlog_load *load;
    double slots, in_slot; /* passes in flight; decodes of each and scheduler */
    double free;           /* chance that a slot is, while a pass with prompts, and others, are in flight */
    double room;           /* prompt tokens of a pass */
    struct ls_plant_pass light, full;
    double between_s; /* passes that follow one with prompts, and take what comes between them */
    double unit_tok;
    struct ls_parcel prompt;
    struct ls_arrived typical; /* in a mean interval */
    int n_nodes;
    struct node nodes[MAX_NODES];
    struct interval intervals[LS_MAX_BACKLOG];
    double come[LS_MAX_BACKLOG]; /* units that arrive */
    struct ls_bulk_chain chain;
};

/* -- the load -- */

double ls_backlog_dispersion(const struct ls_backlog_load *load, double mean)
{
    const double n = load->turns, row = load->members, all = mean * n;
    if (n <= 1)
        return 1;
    const double even = 1 / n + (1 - 1 / n) * exp(-mean / row * n / (n - 1));
    return row > 1 ? even + (1 - 1 / n) * all / pow(1 + all / (row - 1), 2) : even;
}

/* Of the arrivals that are to be expected while `mean` come, those that follow one that goes to the same pipeline: of
 * Poisson arrivals at all pipelines the j-th goes there as well with a chance of 1 − d/members, where d is how far j is
 * from a full turn. */
static double expected_after_one(const struct ls_backlog_load *load, double mean)
{
    const double n = load->turns, row = load->members, turn = n * row;
    const double all = fmin(mean * n, 150);
    double chance = exp(-all), left = 1 - chance, expected = 0;
    if (n <= 1)
        return mean;
    for (int j = 1; j < all || left > 1e-6; j++) {
        const double place = fmod(j, turn);
        expected += left * fmax(0.0, 1 - fmin(place, turn - place) / row);
        chance *= all / j;
        left = fmax(0.0, left - chance);
    }
    return mean - (all / n - expected); /* what is missing after a long time does not grow any more */
}

/* A request that comes finds the mean of a Poisson number, and fewer where arrivals are regular: half of their
 * dispersion is the batch's, as with exponential outputs. */
struct ls_backlog_load ls_backlog_load_of(struct ls_plant *plant, double rate, double batch)
{
    const struct ls_strategy *strategy = &plant->scenario->strategy;
    const bool in_turn = plant->scenario->engine.router == LS_ROUTER_ROUND_ROBIN;
    const double all = batch * plant->members;
    struct ls_backlog_load load = {
        .rate = rate,
        .arriving = rate,
        .turns = in_turn ? (double)strategy->dp : 1,
        .members = plant->members,
        .idle = exp(-all),
        .span_s = (double)INFINITY,
    };
    const double mean = all + rate * ls_plant_time(plant, batch, plant->load.prompt, 1).latency_s;
    if (mean > 0 && plant->part != LS_PLANT_PROMPTS) /* there a wait is longer than any decode */
        load.rate *= fmax(1e-3, expected_after_one(&load, mean) / mean);
    load.others = fmax(0.0, batch + (ls_backlog_dispersion(&load, all) - 1) / 2 / plant->members);
    return load;
}

/* -- what passes take -- */

static double prompt_tok_per_s(const struct model *m)
{
    return m->load->rate * m->plant->load.prompt;
}

static struct ls_plant_pass time_pass(const struct model *m, double prompt_tok, double n_prompts)
{
    const bool mixed = m->plant->scenario->engine.batching == LS_BATCHING_MIXED;
    const double share = prompt_tok > m->room ? m->room / prompt_tok : 1;
    return ls_plant_time(m->plant, mixed || prompt_tok <= 0 ? m->in_slot : 0, share * prompt_tok, share * n_prompts);
}

/* That a Poisson number is less than n. */
static double chance_below(double mean, int n)
{
    double chance = exp(-mean), sum = 0;
    for (int k = 0; k < n; chance *= mean / ++k)
        sum += chance;
    return sum;
}

static void time_passes(struct model *m)
{
    struct ls_plant *plant = m->plant;
    m->in_slot = ls_plant_slot(plant, m->load->others + 1, &m->slots);
    m->room = fmax(1.0, plant->members * (plant->budget - m->in_slot * plant->pass_tok));
    m->light = time_pass(m, 0, 0);
    const double prompts = m->load->rate * time_pass(m, plant->load.prompt, 1).latency_s;
    m->free = fmin(0.999, chance_below(m->load->others + prompts, (int)plant->stages - 1));
    m->full = time_pass(m, m->room, m->room / plant->load.prompt);
    m->between_s = ls_plant_period_s(plant, &m->light, m->slots) / m->slots;
    const double tok = prompt_tok_per_s(m) * m->between_s;
    if (m->slots > 1 && tok >= 1)
        m->between_s = fmax(m->between_s, time_pass(m, ls_plant_round(plant, m->in_slot, tok, 1), 1).stage_s);
}

static double taken_s(const struct model *m)
{
    return (m->slots - 1) * m->between_s;
}

/* The next pass follows as soon as the slowest stage can take it. */
static struct interval light_interval(const struct model *m)
{
    double period_s = ls_plant_period_s(m->plant, &m->light, m->slots);
    if (m->plant->part ==
        LS_PLANT_PROMPTS) /* nothing is under way: the next pass is composed as soon as a prompt comes */
        period_s = fmin(period_s, m->slots * 0.05 / fmax(m->load->rate, 1e-9));
    return (struct interval){period_s / m->slots, m->light.busy_s, 1 / m->slots, period_s / m->slots,
                             period_s / m->slots};
}

/* Who finds a free slot while its pass is in flight is taken at once, so that a pass with prompts ends as long after
 * this one as it came after it: then the interval is a busy period of M/D/∞ (Takács, Introduction to the Theory of
 * Queues, 1962, chapter 3), in which a decode gets a token with each of these passes.
 *
 * Those with prompts that follow it end later than it, which matters when nothing comes for its own slot then. */
static struct interval prompt_interval(const struct model *m, double tok, double n_prompts)
{
    const struct ls_plant *plant = m->plant;
    const struct interval light = light_interval(m);
    const struct ls_plant_pass pass = time_pass(m, tok, n_prompts);
    const double more = fmin(plant->stages, tok / m->room) - 1, others = plant->stages > 1 ? fmax(0.0, more) : 0;
    const double tail_s = others * (pass.stage_s - light.time_s) + (m->slots - 1) * (m->between_s - light.time_s);
    const double window_s = pass.latency_s - fmin(taken_s(m), 0.9 * pass.latency_s);
    const double last = exp(-m->load->rate * window_s);
    const double rate = m->load->rate * m->free, passes = exp(fmin(3.0, rate * pass.latency_s));
    const double tail = plant->stages > 1 ? last * fmax(0.0, tail_s) : 0;
    return (struct interval){
        .time_s = (rate * pass.latency_s > 1e-6 ? (passes - 1) / rate : pass.latency_s) + tail,
        .busy_s = pass.busy_s * (passes + others) + (m->slots - 1) * light.busy_s,
        .tokens = plant->scenario->engine.batching == LS_BATCHING_MIXED ? passes : 0,
        .latency_s = pass.latency_s + tail,
        .late_s = (1 - m->free) * (window_s + tail),
    };
}

/* -- the chain -- */

/* Tokens that come in a mean interval. */
static double mean_bulk_tok(const struct model *m)
{
    const double work = prompt_tok_per_s(m), slope = (m->full.latency_s - m->light.latency_s) / m->room;
    return fmin(m->plant->stages * m->room, work * m->light.latency_s / fmax(0.05, 1 - work * slope));
}

/* How far the backlog may grow: Poisson numbers in a bulk; or the tail of M/D/1, which falls by e in use / (2 (1 −
 * use)) services; no more than so much time would bring. */
static double reach_tok(const struct model *m, double bulk, double size)
{
    const double work = prompt_tok_per_s(m), cap = m->plant->stages * m->room;
    const double use = fmin(0.95, work * m->full.latency_s / cap);
    const double spread = 5 * sqrt(bulk * size), tail = 7 * use / (2 * (1 - use)) * size;
    const double span_tok = bulk + 2 * sqrt(work * m->load->span_s * size);
    return fmin(fmax(bulk + spread, fmin(cap, bulk) + tail), span_tok) + 3 * size;
}

/* Four units to a prompt, or fewer where they would not reach so far; bulks are whole. */
static void choose_units(struct model *m)
{
    const struct ls_load *load = &m->plant->load;
    const double bulk = mean_bulk_tok(m), mean = bulk / load->prompt;
    const double reach = reach_tok(m, bulk, load->prompt_sq / load->prompt), cap = m->plant->stages * m->room;
    const int most = reach > cap ? LS_MAX_BACKLOG : FEW_STATES;
    const double unit = fmax(load->prompt / 4, reach / most), passes = ceil(m->room / unit);
    m->unit_tok = passes <= most ? m->room / passes : unit;
    m->chain.bulk = (int)fmin(passes * m->plant->stages, most);
    m->chain.n = (int)fmin(most, fmax(8.0, ceil(reach / m->unit_tok)));
    ls_parcel_spread(&m->prompt, load->prompt / m->unit_tok, &m->plant->prompt_sizes);
    ls_arrived_spread(&m->typical, m->chain.n, &m->prompt, mean, ls_backlog_dispersion(m->load, mean));
}

/* Prompts that about so many units are, as a rule; one long prompt is as likely as two short ones where few come. */
static double prompts_of(const struct model *m, int units)
{
    const double mean = units * m->unit_tok / m->plant->load.prompt;
    double chance = 0, parcels = 0;
    for (int i = (units * 3 + 2) / 4; i < m->chain.n - 1 && i <= units * 3 / 2; i++) {
        chance += m->typical.chance[i];
        parcels += m->typical.parcels[i];
    }
    return chance > 1e-9 ? fmin(fmax(1.0, parcels / chance), 1 + 3 * mean) : fmax(1.0, mean);
}

static void time_node(struct model *m, int units)
{
    struct node *node = &m->nodes[m->n_nodes++];
    const double given = units * m->unit_tok, n = prompts_of(m, units);
    const bool full = given > 0.999 * m->room;
    const double tok = full ? given : ls_plant_round(m->plant, m->in_slot, given, n);
    node->units = full ? units : tok / m->unit_tok;
    node->interval = prompt_interval(m, tok, n);
}

/* Nodes at powers of two, where a pass is full, and at the bulk; beyond that all are alike. */
static void time_nodes(struct model *m)
{
    const int last = m->chain.bulk < m->chain.n - 1 ? m->chain.bulk : m->chain.n - 1;
    const double full = m->room / m->unit_tok;
    m->nodes[0] = (struct node){.units = 0, .interval = light_interval(m)};
    m->n_nodes = 1;
    for (int units = 1; units < fmin(last, full - 0.5); units *= 2)
        time_node(m, units);
    if (full < last - 0.5)
        time_node(m, (int)(full + 0.5));
    time_node(m, last);
}

static double between(double below, double above, double share)
{
    return below + share * (above - below);
}

static void fill_state(struct model *m, int state, const struct node *below, const struct node *above, double share)
{
    const struct interval *a = &below->interval, *b = &above->interval;
    const int n = m->chain.n, left = state > m->chain.bulk ? state - m->chain.bulk : 0;
    double *const row = m->chain.next[state];
    m->intervals[state] = (struct interval){
        .time_s = between(a->time_s, b->time_s, share),
        .busy_s = between(a->busy_s, b->busy_s, share),
        .tokens = state == 0         ? a->tokens
                  : below->units > 0 ? between(a->tokens, b->tokens, share)
                                     : b->tokens,
        .latency_s = between(a->latency_s, b->latency_s, share),
        .late_s = between(a->late_s, b->late_s, share),
    };
    m->come[state] = 0;
    memset(row, 0, (size_t)n * sizeof *row);
    for (int j = 0; j < n; j++) {
        const double chance = between(below->arrived.chance[j], above->arrived.chance[j], share);
        row[left + j < n ? left + j : n - 1] += chance;
        m->come[state] += chance * j;
    }
}

static void fill_chain(struct model *m)
{
    int k = 0;
    for (int i = 0; i < m->n_nodes; i++) {
        struct node *node = &m->nodes[i];
        const double mean = m->load->rate * node->interval.late_s;
        ls_arrived_spread(&node->arrived, m->chain.n, &m->prompt, mean, ls_backlog_dispersion(m->load, mean));
    }
    for (int state = 0; state < m->chain.n; state++) {
        while (k + 2 < m->n_nodes && m->nodes[k + 1].units <= state)
            k++;
        const struct node *below = &m->nodes[k], *above = &m->nodes[k + 1];
        /* the first pass with prompts is nothing between it and none */
        const double share = (state - below->units) / (above->units - below->units);
        fill_state(m, state, below, above, state > 0 && k == 0 ? 1 : fmin(1.0, fmax(0.0, share)));
    }
}

/* -- what comes of it -- */

/* How much longer a request's tokens take because it decodes right after its own prompt, when others are about: what
 * intervals last beyond their tokens' mean, from the states on in which prompts end. */
static double excess_s(const struct model *m, double gap_s)
{
    double reward[LS_MAX_BACKLOG], bias[LS_MAX_BACKLOG], now = 0, later = 0, prompts = 0, tokens = 0;
    for (int i = 0; i < m->chain.n; i++)
        reward[i] = m->intervals[i].time_s - gap_s * m->intervals[i].tokens;
    ls_bulk_chain_bias(&m->chain, reward, bias);
    for (int i = 0; i < m->chain.n; i++) {
        const double part = m->chain.share[i] * (i < m->chain.bulk ? i : m->chain.bulk);
        now += part * bias[i];
        later += part * (bias[i] - (m->intervals[i].time_s - gap_s * m->intervals[i].tokens));
        prompts += part;
        tokens += m->chain.share[i] * m->intervals[i].tokens;
    }
    if (!(now > 0 && later > 0) || prompts < 1e-12)
        return 0;
    /* it fades by later / now an interval, and a request sees so many */
    return later / prompts * (1 - pow(fmin(1.0, later / now), m->plant->decodes / tokens));
}

/* Requests that an interval with so many units begins with. Those that came in the one before number as that many units
 * take; behind a bulk that was cut there is part of one more. */
static double requests_there(const struct model *m, int units)
{
    const struct ls_load *load = &m->plant->load;
    const double per_prompt = m->unit_tok / load->prompt, begun = load->prompt_sq / (2 * load->prompt * load->prompt);
    const int bulk = m->chain.bulk;
    double chance = 0, requests = 0, cut = 0;
    for (int k = 0; k < m->n_nodes; k++) {
        const int state = (int)fmin(m->chain.n - 1, m->nodes[k].units + 0.5);
        chance += m->chain.share[state] * m->nodes[k].arrived.chance[units];
        requests += m->chain.share[state] * m->nodes[k].arrived.parcels[units];
    }
    for (int i = bulk + 1; i < m->chain.n && i - bulk <= units; i++)
        cut += m->chain.share[i] * m->nodes[m->n_nodes - 1].arrived.chance[units - (i - bulk)];
    const double behind = fmax(1.0, units * per_prompt + 1 - begun);
    const double fresh = chance > 0 ? fmin(fmax(1.0, requests / chance), 1 + 3 * units * per_prompt) : 1;
    const double part = m->chain.share[units] > 0 ? fmin(1.0, cut / m->chain.share[units]) : 0;
    return between(fresh, behind, part);
}

/* By Little's law: requests whose prompts are not done, over the rate at which they come. */
static void measure(const struct model *m, struct ls_backlog *backlog)
{
    const struct ls_plant *plant = m->plant;
    const double per_prompt = m->unit_tok / plant->load.prompt;
    double time_s = 0, tokens = 0, busy_s = 0, there = 0, waiting = 0, come = 0;
    for (int i = 0; i < m->chain.n; i++) {
        const struct interval *interval = &m->intervals[i];
        const double share = m->chain.share[i], late = m->come[i] * per_prompt;
        const double early = m->load->rate * (interval->time_s - interval->late_s);
        const double awake = i == 0 ? 1 - m->load->idle : 1;
        const double window_s = i == 0 ? interval->late_s : interval->late_s / (1 - m->free);
        const double soon = i == 0 ? 0 : m->load->rate * (1 - m->free) * fmax(0.0, interval->latency_s - window_s);
        const double wait_s = awake * late * window_s / 2 + soon * m->between_s / 2;
        const double left = i > m->chain.bulk ? (i - m->chain.bulk) * per_prompt : 0;
        time_s += share * interval->time_s;
        tokens += share * interval->tokens;
        busy_s += share * awake * interval->busy_s * (i > 0 ? m->load->arriving / m->load->rate : 1);
        come += share * (late + early);
        there += share * (interval->latency_s * ((i > 0 ? requests_there(m, i) : 0) + early) + wait_s);
        waiting += share * (interval->time_s * left + wait_s);
    }
    backlog->most = plant->stages * m->room / plant->load.prompt / m->full.latency_s;
    backlog->gap_s = time_s / tokens;
    backlog->prefill_s = come > 0 ? there / come : 0;
    backlog->wait_s = come > 0 ? waiting / come : 0;
    backlog->busy_frac = fmin(1.0, busy_s / (plant->stages * time_s));
    if (plant->decodes > 0)
        backlog->gap_s += excess_s(m, backlog->gap_s) / plant->decodes;
}

void ls_backlog_solve(struct ls_plant *plant, const struct ls_backlog_load *load, struct ls_backlog *backlog)
{
    struct model m;
    m.plant = plant;
    m.load = load;
    time_passes(&m);
    if (load->rate <= 0) {
        const struct interval light = light_interval(&m);
        *backlog = (struct ls_backlog){.gap_s = light.time_s / light.tokens,
                                       .most = plant->stages * m.room / plant->load.prompt / m.full.latency_s,
                                       .busy_frac = fmin(1.0, light.busy_s / (plant->stages * light.time_s))};
        return;
    }
    choose_units(&m);
    time_nodes(&m);
    fill_chain(&m);
    ls_bulk_chain_solve(&m.chain);
    measure(&m, backlog);
}
