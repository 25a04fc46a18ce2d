#include "engine/serving/workload/classes.h"

#include <math.h>

#include "engine/serving/workload/session.h"

static const double largest_cv = 10.0;

enum {
    N_DRAWS = 128,      /* of how many turns sessions have */
    SINGLE_TURNS = 10,  /* that have a class each */
    SINGLE_GROUPS = 48, /* that are looked at one by one */
    MAX_TURNS = 1 << 14 /* that are told apart */
};

/* Distributions with an infinite variance are cut where requests are: at 2^31 tokens, with the coefficient of variation
 * no more than 10. */
static struct ls_spread spread_of(double mean, double mean_square)
{
    const double variance = fmin(fmax(0.0, mean_square - mean * mean), mean * mean * largest_cv * largest_cv);
    return (struct ls_spread){mean, variance};
}

static struct ls_spread lengths_of(const struct ls_mixture *lengths)
{
    return spread_of(ls_mixture_mean(lengths), ls_mixture_mean_square(lengths));
}

/* -- system prompts -- */

/* Σ (i + 1)^−skew over [first, end), by the trapezoid and the midpoint between them (Euler and Maclaurin). */
static double weight_of(const struct ls_shared_prefix *prefix, double first, double end)
{
    const double q = prefix->skew, a = first + 0.5, b = end + 0.5;
    return q == 1.0 ? log(b / a) : (pow(b, 1 - q) - pow(a, 1 - q)) / (1 - q);
}

int ls_prefix_groups(const struct ls_scenario *scenario, int32_t profile,
                     struct ls_prefix_group groups[LS_MAX_PREFIX_GROUPS])
{
    const struct ls_shared_prefix *prefix = &scenario->workload.profiles[profile].shared_prefix;
    const bool drawn = prefix->lengths.kind != LS_NULL_CHOICE;
    const double all = (double)prefix->groups,
                 mean_tok = drawn ? ls_dist_mean(&prefix->lengths) : (double)prefix->tokens;
    const double ratio = pow(fmax(1.0, all / SINGLE_GROUPS), 1.0 / (LS_MAX_PREFIX_GROUPS - SINGLE_GROUPS));
    double total = 0, first = 0;
    int n = 0;
    for (; n < SINGLE_GROUPS && n < prefix->groups; n++, first++)
        groups[n] = (struct ls_prefix_group){1, ls_shared_prefix_weight(prefix, n),
                                             drawn ? ls_shared_prefix_tok(scenario, profile, n) : mean_tok};
    for (; n < LS_MAX_PREFIX_GROUPS && first < all; n++) {
        const double end = n + 1 == LS_MAX_PREFIX_GROUPS ? all : fmin(all, fmax(first + 1, ceil(first * ratio)));
        groups[n] = (struct ls_prefix_group){end - first, weight_of(prefix, first, end) / (end - first), mean_tok};
        first = end;
    }
    for (int i = 0; i < n; i++)
        total += groups[i].n * groups[i].share;
    for (int i = 0; i < n; i++)
        groups[i].share /= total;
    return n;
}

static struct ls_spread head_of(const struct ls_scenario *scenario, int32_t profile)
{
    struct ls_prefix_group groups[LS_MAX_PREFIX_GROUPS];
    double mean = 0, square = 0;
    if (!ls_profile_has_head(&scenario->workload.profiles[profile]))
        return (struct ls_spread){0, 0};
    const int n = ls_prefix_groups(scenario, profile, groups);
    for (int i = 0; i < n; i++) {
        mean += groups[i].n * groups[i].share * groups[i].tok;
        square += groups[i].n * groups[i].share * groups[i].tok * groups[i].tok;
    }
    return spread_of(mean, square);
}

/* -- turns -- */

/* How far sessions of a profile go. */
struct turns {
    const struct ls_sessions *sessions;
    double draws[N_DRAWS]; /* turns of one, where a distribution says so */
    int64_t most;
};

static struct turns turns_of(const struct ls_profile *profile)
{
    const struct ls_sessions *s = &profile->sessions;
    struct turns turns = {.sessions = s, .most = 1};
    if (!ls_profile_has_sessions(profile))
        return turns;
    turns.most = s->max_turns < MAX_TURNS ? s->max_turns : MAX_TURNS;
    if (s->turns.kind == LS_NULL_CHOICE)
        return turns;
    double longest = 1;
    for (int i = 0; i < N_DRAWS; i++) {
        struct ls_stream stream = ls_stream_make(0, 0, 0, (uint64_t)i, LS_RNG_TURNS);
        turns.draws[i] = ls_dist_sample_tok(&s->turns, &stream);
        longest = fmax(longest, turns.draws[i]);
    }
    turns.most = (int64_t)fmin(longest, (double)turns.most);
    return turns;
}

/* Share of the clients who say turn `number`. */
static double reach(const struct turns *turns, int64_t number)
{
    const struct ls_sessions *s = turns->sessions;
    double n = 0;
    if (number == 0 || number >= turns->most)
        return number == 0;
    if (s->turns.kind == LS_NULL_CHOICE)
        return s->start * pow(s->go_on, (double)number);
    for (int i = 0; i < N_DRAWS; i++)
        n += turns->draws[i] > (double)number;
    return s->start * n / N_DRAWS;
}

/* The class of turns [first, end): its share is that of the clients who say them. */
static struct ls_class class_of(const struct turns *turns, int64_t first, int64_t end)
{
    struct ls_class class = {0};
    double square = 0;
    for (int64_t i = first; i < end; i++) {
        const double share = reach(turns, i), number = (double)i;
        class.share += share;
        class.turn += share * number;
        square += share * number * number;
        class.next += reach(turns, i + 1);
    }
    if (class.share <= 0)
        return class;
    class.turn /= class.share;
    class.next /= class.share;
    class.said.variance = fmax(0.0, square / class.share - class.turn * class.turn); /* of the number, for now */
    return class;
}

/* Adds the classes of a profile, of which `weight` clients come. */
static void add_profile(struct ls_classes *classes, const struct ls_scenario *scenario, int32_t profile, double weight)
{
    const struct ls_profile *p = &scenario->workload.profiles[profile];
    const struct turns turns = turns_of(p);
    const struct ls_spread head = head_of(scenario, profile), input = lengths_of(&p->prompt_tokens),
                           output = lengths_of(&p->output_tokens);
    const double turn_tok = input.mean + output.mean;
    double ratio = pow((double)turns.most / SINGLE_TURNS, 1.0 / (LS_TURN_CLASSES - SINGLE_TURNS));
    for (int64_t first = 0, end = 1; first < turns.most; first = end) {
        end = first < SINGLE_TURNS ? first + 1 : (int64_t)ceil((double)first * fmax(1.0, ratio));
        end = end > first ? end : first + 1;
        struct ls_class class = class_of(&turns, first, end < turns.most ? end : turns.most);
        class.profile = profile;
        class.share *= weight;
        class.head = head;
        class.input = input;
        class.output = output;
        class.said.mean = class.turn * turn_tok;
        class.said.variance =
            class.turn * (input.variance + output.variance) + class.said.variance * turn_tok * turn_tok;
        const struct ls_spread prompt = ls_class_prompt(&class);
        class.computed = prompt.mean;
        class.computed_sq = prompt.variance + prompt.mean * prompt.mean;
        if (class.share > 0)
            classes->rows[classes->n++] = class;
    }
}

void ls_classes_list(struct ls_classes *classes, const struct ls_scenario *scenario)
{
    const struct ls_workload *workload = &scenario->workload;
    const bool drawn = workload->mixing == LS_MIXING_SEQUENTIAL_DRAW;
    double clients = 0, requests = 0;
    classes->n = 0;
    for (int32_t i = 0; !workload->trace && i < workload->n_profiles; i++) {
        const struct ls_profile *p = &workload->profiles[i];
        const double weight = drawn || isnan(p->arrivals.rate) ? p->weight : p->arrivals.rate;
        clients += weight;
        if (weight > 0)
            add_profile(classes, scenario, i, weight);
    }
    for (int i = 0; i < classes->n; i++)
        requests += classes->rows[i].share;
    for (int i = 0; i < classes->n; i++)
        classes->rows[i].share /= requests;
    classes->firsts = clients > 0 ? clients / requests : 1;
}
