#include "engine/serving/low/reuse.h"

#include <math.h>
#include <stdlib.h>

#include "engine/serving/deployment/router.h"
#include "engine/serving/workload/session.h"

enum {
    N_DRAWS = 256, /* of the times that clients think */
    MAX_BACK = 12, /* turns to look back for the last one that was here */
};

/* Times that clients of a profile think, ascending. */
struct thoughts {
    double s[N_DRAWS];
    double sum_s[N_DRAWS + 1]; /* of the first so many */
};

/* A group's system prompt in one scheduler. */
struct head {
    int n;
    struct ls_prefix_group groups[LS_MAX_PREFIX_GROUPS];
};

struct ls_reuse {
    const struct ls_scenario *scenario;
    double schedulers, stays; /* chance that a session's next turn comes to the same one */
    double block, all_tok;    /* of a scheduler */
    double profile_share[LS_MAX_PROFILES];
    struct thoughts thoughts[LS_MAX_PROFILES];
    struct head heads[LS_MAX_PROFILES];
};

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* As some draws have them, stretched to the mean that all have. */
static void think(struct thoughts *t, const struct ls_dist *dist)
{
    double sum = 0;
    for (int i = 0; i < N_DRAWS; i++) {
        struct ls_stream stream = ls_stream_make(0, 0, 0, (uint64_t)i, LS_RNG_SESSION);
        t->s[i] = dist->kind == LS_NULL_CHOICE ? 0 : fmax(0.0, ls_dist_sample(dist, &stream));
        sum += t->s[i];
    }
    qsort(t->s, N_DRAWS, sizeof *t->s, compare);
    t->sum_s[0] = 0;
    for (int i = 0; i < N_DRAWS; i++) {
        t->s[i] *= sum > 0 ? ls_dist_mean(dist) * N_DRAWS / sum : 1;
        t->sum_s[i + 1] = t->sum_s[i] + t->s[i];
    }
}

static int n_within(const struct thoughts *t, double span_s)
{
    int below = 0, above = N_DRAWS;
    while (below < above) {
        const int middle = (below + above) / 2;
        if (t->s[middle] <= span_s)
            below = middle + 1;
        else
            above = middle;
    }
    return below;
}

/* Chance that a client has thought by then. */
static double chance_within(const struct thoughts *t, double span_s)
{
    return (double)n_within(t, span_s) / N_DRAWS;
}

/* E[min(before + thought, span)]. */
static double mean_within(const struct thoughts *t, double before_s, double span_s)
{
    const int n = n_within(t, span_s - before_s);
    return (t->sum_s[n] + n * before_s + (N_DRAWS - n) * span_s) / N_DRAWS;
}

bool ls_reuse_init(struct ls_reuse **reuse, const struct ls_plant *plant, int64_t kv_blocks, struct ls_arena *arena)
{
    const struct ls_scenario *scenario = plant->scenario;
    const struct ls_engine *engine = &scenario->engine;
    const struct ls_workload *workload = &scenario->workload;
    *reuse = NULL;
    if (workload->trace || !engine->enable_prefix_caching || !ls_workload_shares(workload))
        return true;
    struct ls_reuse *r = ls_arena_take(arena, sizeof *r);
    if (!r)
        return false;
    r->scenario = scenario;
    r->schedulers = (double)(scenario->strategy.dp * scenario->strategy.ep);
    r->stays = engine->router == LS_ROUTER_SESSION ? 1 : 1 / r->schedulers;
    r->block = (double)engine->block_size;
    r->all_tok = (double)kv_blocks * r->block;
    for (int32_t i = 0; i < workload->n_profiles; i++) {
        r->profile_share[i] = 0;
        think(&r->thoughts[i], &workload->profiles[i].sessions.think_s);
        r->heads[i].n =
            ls_profile_has_head(&workload->profiles[i]) ? ls_prefix_groups(scenario, i, r->heads[i].groups) : 0;
    }
    for (int i = 0; i < plant->classes->n; i++)
        r->profile_share[plant->classes->rows[i].profile] += plant->classes->rows[i].share;
    *reuse = r;
    return true;
}

/* -- what is found -- */

/* Prompts of which so much is found, or nothing more than that. */
struct outcome {
    double chance, found;
    struct ls_spread computed;
};

static void add_outcome(struct ls_class *class, const struct outcome *o)
{
    class->computed += o->chance * o->computed.mean;
    class->computed_sq += o->chance * (o->computed.variance + o->computed.mean * o->computed.mean);
    class->found += o->chance * o->found;
    class->found_computed += o->chance * o->found * o->computed.mean;
}

/* How content of so many tokens is forgotten, its last blocks first: shares of it at ages, the last one never. */
struct fate {
    double share[LS_REUSE_AGES + 1], age_s[LS_REUSE_AGES + 1];
};

static struct fate fate_of(const struct ls_reuse_state *state, double tok)
{
    struct fate fate;
    double before = 1;
    for (int i = 0; i < LS_REUSE_AGES; i++) {
        const double room = state->free_tok - tok / 2 - state->since_tok[i];
        const double spread = sqrt(state->since_variance[i] + state->free_variance);
        const double known = state->forgets > 0 ? 1 - state->forgets * erfc(room / (spread * sqrt(2.0))) / 2 : 1;
        const double now = fmin(before, known);
        fate.share[i] = before - now;
        fate.age_s[i] = i > 0 ? sqrt(state->age_s[i] * state->age_s[i - 1]) : state->age_s[i] / 2;
        before = now;
    }
    fate.share[LS_REUSE_AGES] = before;
    fate.age_s[LS_REUSE_AGES] = (double)INFINITY;
    return fate;
}

/* Chance that what a scheduler had of a session `back` turns ago is known as another one comes. */
static double is_known(const struct ls_reuse *r, const struct ls_class *class, const struct ls_reuse_state *state,
                       const struct fate *fate, double back)
{
    const struct thoughts *t = &r->thoughts[class->profile];
    const double before_s = state->wait_s + (back - 1) * (state->e2e_s + t->sum_s[N_DRAWS] / N_DRAWS);
    double known = 0;
    for (int i = 0; i <= LS_REUSE_AGES; i++)
        known += fate->share[i] * chance_within(t, fate->age_s[i] - before_s);
    return known;
}

/* Whole blocks of what was said up to the end of that turn, but for its last token, which no pass has stored. */
static struct outcome find_turn(const struct ls_reuse *r, const struct ls_class *class, double back)
{
    const double turn_tok = class->input.mean + class->output.mean;
    const double stored = class->head.mean + (class->turn - back + 1) * turn_tok - 1;
    const double found = fmax(0.0, stored - (r->block - 1) / 2), prompt = ls_class_prompt(class).mean;
    return (struct outcome){
        .found = found,
        .computed = {prompt - found, back * class->input.variance + (back - 1) * class->output.variance},
    };
}

/* Chance that a group's system prompt is known. Arrivals are Poisson, so none came within some time before with chance
 * exp(−rate · time); the run's first one finds nothing. */
static double head_is_known(const struct ls_prefix_group *group, double rate, const struct ls_reuse_state *state)
{
    const struct fate fate = fate_of(state, group->tok);
    const double come = rate * group->share, span_s = state->end_s - state->start_s;
    const double held_s = fmax(0.0, state->e2e_s - state->wait_s);
    const double first = span_s > 0 ? (exp(-come * state->start_s) - exp(-come * state->end_s)) / (come * span_s) : 0;
    double gone = 0;
    for (int i = 0; i <= LS_REUSE_AGES; i++)
        gone += fate.share[i] * fmax(first, exp(-come * (fate.age_s[i] + held_s)));
    return 1 - gone;
}

/* Share of a profile's requests that find their group's system prompt, and tokens of it. */
static double find_head(const struct ls_reuse *r, int32_t profile, const struct ls_reuse_state *state, double *found)
{
    const struct head *head = &r->heads[profile];
    double chance = 0;
    *found = 0;
    for (int i = 0; i < head->n; i++) {
        const struct ls_prefix_group *group = &head->groups[i];
        const double known = head_is_known(group, state->rate * r->profile_share[profile], state);
        chance += group->n * group->share * known;
        *found += group->n * group->share * known * floor(group->tok / r->block) * r->block;
    }
    *found /= fmax(chance, 1e-12);
    return chance;
}

/* What is left to compute of a prompt behind its system prompt. */
static struct outcome find_no_turn(const struct ls_class *class, double chance, double found)
{
    const struct ls_spread prompt = ls_class_prompt(class);
    return (struct outcome){chance, found, {prompt.mean - found, prompt.variance}};
}

static void find(const struct ls_reuse *r, const struct ls_reuse_state *state, struct ls_class *class)
{
    const double content_tok = class->said.mean; /* of the turn before, with its output */
    const struct fate fate = fate_of(state, content_tok);
    double left = 1, head_tok = 0;
    class->computed = class->computed_sq = class->found = class->found_computed = 0;
    for (int back = 1; back <= MAX_BACK && back <= class->turn; back++) {
        struct outcome turn = find_turn(r, class, back);
        turn.chance = r->stays * pow(1 - r->stays, back - 1) * is_known(r, class, state, &fate, back);
        left -= turn.chance;
        add_outcome(class, &turn);
    }
    const double head = left * find_head(r, class->profile, state, &head_tok);
    const struct outcome begun = find_no_turn(class, head, head_tok), fresh = find_no_turn(class, left - head, 0);
    add_outcome(class, &begun);
    add_outcome(class, &fresh);
}

void ls_reuse_find(const struct ls_reuse *reuse, const struct ls_reuse_state *state, struct ls_classes *classes)
{
    for (int i = 0; i < classes->n; i++)
        find(reuse, state, &classes->rows[i]);
}

/* -- how long it is known -- */

static void add_since(struct ls_reuse_state *state, int age, double n, struct ls_spread tok)
{
    state->since_tok[age] += n * tok.mean;
    state->since_variance[age] += n * (tok.mean * tok.mean + tok.variance);
}

/* What is given up, and not held again, in the last age_s[age] seconds. */
static void fill_age(const struct ls_reuse *r, const struct ls_classes *classes, struct ls_reuse_state *state, int age)
{
    const double age_s = state->age_s[age], held_s = fmax(0.0, state->e2e_s - state->wait_s);
    state->since_tok[age] = state->since_variance[age] = 0;
    for (int i = 0; i < classes->n; i++) {
        const struct ls_class *class = &classes->rows[i];
        const double again = class->next * r->stays;
        const double again_s = mean_within(&r->thoughts[class->profile], state->wait_s, age_s);
        const struct ls_spread given = {class->said.mean + class->input.mean + class->output.mean,
                                        class->said.variance + class->input.variance + class->output.variance};
        add_since(state, age, state->rate * class->share * (again * again_s + (1 - again) * age_s), given);
    }
    for (int32_t p = 0; p < r->scenario->workload.n_profiles; p++) {
        for (int i = 0; i < r->heads[p].n; i++) {
            const struct ls_prefix_group *group = &r->heads[p].groups[i];
            const double come = state->rate * r->profile_share[p] * group->share;
            add_since(state, age, group->n * (exp(-come * held_s) - exp(-come * (held_s + age_s))),
                      (struct ls_spread){group->tok, 0});
        }
    }
}

/* Tokens that requests of a scheduler would hold twice if they did not share system prompts, when so many run. */
static double shared_tok(const struct ls_reuse *r, double running)
{
    double tok = 0;
    for (int32_t p = 0; p < r->scenario->workload.n_profiles; p++) {
        for (int i = 0; i < r->heads[p].n; i++) {
            const struct ls_prefix_group *group = &r->heads[p].groups[i];
            const double n = running * r->profile_share[p] * group->share;
            tok += group->n * group->tok * (n - 1 + exp(-n));
        }
    }
    return tok;
}

double ls_reuse_max_batch(const struct ls_reuse *reuse, double tok, double most)
{
    double below = 0, above = most;
    if (most * tok - shared_tok(reuse, most) <= reuse->all_tok)
        return most;
    while (above - below > 1e-3 * above) {
        const double batch = (below + above) / 2;
        if (batch * tok - shared_tok(reuse, batch) <= reuse->all_tok)
            below = batch;
        else
            above = batch;
    }
    return below;
}

struct ls_reuse_state ls_reuse_state_at_first(const struct ls_reuse *reuse, const struct ls_plant *plant)
{
    const struct ls_load *load = &plant->load;
    const double start_s = reuse->scenario->workload.warmup_s;
    return (struct ls_reuse_state){
        .rate = isfinite(load->rate) ? load->rate / reuse->schedulers : 1,
        .start_s = start_s,
        .end_s = fmax(load->arrivals_s, start_s),
    };
}

struct ls_reuse_state ls_reuse_state_of(const struct ls_reuse *reuse, const struct ls_plant *plant,
                                        const struct ls_means *means)
{
    const struct ls_workload *workload = &reuse->scenario->workload;
    const struct ls_load *load = &plant->load;
    const double rate = means->finished / (means->end_s - workload->warmup_s) / reuse->schedulers;
    const double prefilling = rate * fmax(0.0, means->ttft_s - means->wait_s);
    const double running_tok = means->batch * ls_plant_held_tok(plant) + prefilling * load->asked;
    const double free = reuse->all_tok - running_tok + shared_tok(reuse, means->batch + prefilling);
    struct ls_reuse_state state = {
        .rate = rate,
        .start_s = workload->warmup_s,
        .end_s = load->arrivals_s > 0 ? load->arrivals_s : means->end_s,
        .wait_s = means->wait_s,
        .e2e_s = means->e2e_s,
        .free_tok = fmax(reuse->block, free),
    };
    /* of a Poisson number of requests, as long as there is room for it */
    state.free_variance = fmin(running_tok * plant->context, state.free_tok * state.free_tok / 4);
    const double first_s = state.free_tok / (rate * (load->prompt + load->output));
    state.forgets = fmin(1.0, fmax(0.0, (state.end_s - first_s) / (state.end_s - state.start_s)));
    for (int i = 0; i < LS_REUSE_AGES; i++) {
        state.age_s[i] = state.free_tok / (rate * (load->asked + load->output)) * exp2(0.5 * (i - 6));
        fill_age(reuse, plant->classes, &state, i);
    }
    return state;
}
