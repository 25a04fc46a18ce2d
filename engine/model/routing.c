#include "engine/model/routing.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "engine/sim/random.h"

static const double MOST_LOAD = 200; /* over the least */

enum { MOST_EXPERTS = 2048, MAX_COPIES = 2 * MOST_EXPERTS, N_ORDERS = 16 };

static const struct ls_param rows[] = {
    LS_ROW_BOOL(struct ls_expert_imbalance, "balanced", balanced, LS_PARAM_NULLABLE, "null",
                "Every expert is chosen alike; null: where nothing else is said, as the preset has it."),
    LS_ROW_FLOAT(struct ls_expert_imbalance, "power_law", power_law, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", 0, 10,
                 "Exponent of the density of the experts' loads, such as 1.2; 0: any load is as likely as any other."),
    LS_ROW_TEXT(struct ls_expert_imbalance, "column", histogram.column, 0, "count",
                "Column of the file with a number for each expert."),
    LS_ROW_TEXT(struct ls_expert_imbalance, "file", histogram.file, LS_PARAM_NULLABLE | LS_PARAM_SAMPLES, "null",
                "A CSV file of how often each expert was chosen, in their order."),
};
const struct ls_param_table ls_expert_imbalance_params = LS_TABLE(rows);

enum ls_status ls_expert_imbalance_check(const struct ls_expert_imbalance *imbalance, const struct ls_model *model,
                                         struct ls_err *err)
{
    const struct ls_samples *samples = imbalance->histogram.samples;
    const bool uneven = !isnan(imbalance->power_law) || imbalance->histogram.file[0];
    if (uneven && imbalance->balanced == 1)
        return ls_fail(err, LS_INPUT, "balanced excludes power_law and file; keep one of them");
    if (uneven && ls_model_is_moe(model) && model->n_routed_experts > MOST_EXPERTS)
        return ls_fail(err, LS_INPUT, "the model has %lld experts; this is for %d at most",
                       (long long)model->n_routed_experts, MOST_EXPERTS);
    if (!imbalance->histogram.file[0])
        return LS_OK;
    if (!isnan(imbalance->power_law))
        return ls_fail(err, LS_INPUT, "file and power_law exclude each other; keep one of them");
    if (!samples || !ls_model_is_moe(model))
        return LS_OK;
    if (samples->n != (size_t)model->n_routed_experts)
        return ls_fail(err, LS_INPUT, "%.90s has %zu values, the model %lld experts; write one for each",
                       imbalance->histogram.file, samples->n, (long long)model->n_routed_experts);
    return samples->mean > 0 ? LS_OK
                             : ls_fail(err, LS_INPUT, "%.90s says that no expert was ever chosen; one must be",
                                       imbalance->histogram.file);
}

bool ls_expert_imbalance_is_balanced(const struct ls_expert_imbalance *imbalance)
{
    return isnan(imbalance->power_law) && !imbalance->histogram.samples;
}

void ls_expert_imbalance_complete(struct ls_expert_imbalance *imbalance, const struct ls_model *model, double power_law)
{
    const bool given = imbalance->balanced == 1 || !isnan(imbalance->power_law) || imbalance->histogram.file[0];
    if (!given && ls_model_is_moe(model) && model->n_routed_experts <= MOST_EXPERTS && power_law > 0)
        imbalance->power_law = power_law;
}

/* -- popularity -- */

/* Quantile of a density x^−a on [1, high]. */
static double power_quantile(double a, double high, double u)
{
    if (fabs(a - 1) < 1e-9)
        return pow(high, u);
    return pow((pow(high, 1 - a) - 1) * u + 1, 1 / (1 - a));
}

static void normalise(double *share, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += share[i];
    for (int64_t i = 0; i < n; i++)
        share[i] /= sum;
}

/* Shares of the choices when loads go from 1 to `high`, lightest first. */
static void fill_power_law(double a, double high, int64_t n, double *share)
{
    for (int64_t i = 0; i < n; i++)
        share[i] = power_quantile(a, high, ((double)i + 0.5) / (double)n);
    normalise(share, n);
}

static void fill_counts(const struct ls_samples *samples, int64_t n, double *share)
{
    for (int64_t i = 0; i < n; i++)
        share[i] = samples->values[i];
    normalise(share, n);
}

/* -- what a pass hits -- */

/* The greatest load over the least among n experts that so many rows have chosen, as the benchmark has it. */
static double most_load_of(double chosen, double n_tok, int64_t n)
{
    return chosen > (double)n ? 0.8 * n_tok : MOST_LOAD;
}

/* What rows hit of experts with these chances and shares of them, lightest first. The rows of their quarters are read
 * off the Lorenz curve: its abscissa are the experts hit, its ordinate their rows. */
static void fill_hits(const double *chance, const double *share, int64_t n, struct ls_expert_load *load)
{
    double all = 0, hit = 0, chosen = 0, before = 0;
    for (int64_t i = 0; i < n; i++)
        all += chance[i];
    int quarter = 0;
    for (int64_t i = 0; i < n; i++) {
        const double more = chance[i] * LS_N_LOADS / all;
        for (; quarter < LS_N_LOADS - 1 && hit + more >= quarter + 1; quarter++) {
            const double until = chosen + share[i] * (quarter + 1 - hit) / more;
            load->loads[quarter] = LS_N_LOADS * (until - before);
            before = until;
        }
        hit += more;
        chosen += share[i];
    }
    load->loads[LS_N_LOADS - 1] = LS_N_LOADS * (chosen - before);
    load->hit = all / (double)n;
}

/* Loads under a power law are those of the pass, dealt out in whole rows. */
static void fill_dealt(double a, int64_t n, double top_k, double n_tok, struct ls_expert_load *load)
{
    double share[MOST_EXPERTS], chance[MOST_EXPERTS];
    const double n_rows = top_k * n_tok;
    fill_power_law(a, most_load_of(n_rows, n_tok, n), n, share);
    for (int64_t i = 0; i < n; i++)
        chance[i] = fmin(1, n_rows * share[i]);
    fill_hits(chance, share, n, load);
}

/* Counts are chances, each token's choices are drawn with; `share` is sorted. */
static void fill_drawn(const double *share, int64_t n, double top_k, double n_tok, struct ls_expert_load *load)
{
    double chance[MOST_EXPERTS];
    for (int64_t i = 0; i < n; i++)
        chance[i] = 1 - pow(1 - fmin(1, top_k * share[i]), n_tok);
    fill_hits(chance, share, n, load);
}

static int compare_shares(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* -- spread of one token's choices -- */

/* Chance that `chosen` of n, without replacement, hold none of `part` of them; real numbers interpolate. */
static double none_chosen(double n, double part, double chosen)
{
    double chance = 1;
    for (double i = 0; i < chosen; i++)
        chance *= pow(fmax(0, n - part - i) / (n - i), fmin(1, chosen - i));
    return chance;
}

double ls_routing_parts(const struct ls_model *model, double parts)
{
    const double experts = (double)model->n_routed_experts, chosen = (double)model->num_experts_per_tok;
    const double groups = (double)model->n_group, chosen_groups = (double)model->topk_group;
    if (chosen_groups >= groups)
        return parts * (1 - none_chosen(experts, experts / parts, chosen));
    if (parts <= groups)
        return parts * (1 - none_chosen(groups, groups / parts, fmin(chosen, chosen_groups)));
    const double none = none_chosen(experts / groups, experts / parts, chosen / chosen_groups);
    return chosen_groups * parts / groups * (1 - none);
}

/* -- placement: the greatest share of a shard -- */

static double greatest_run(const double *share, const uint16_t *order, int64_t n, int64_t shards)
{
    double greatest = 0;
    for (int64_t shard = 0; shard < shards; shard++) {
        double sum = 0;
        for (int64_t i = shard * n / shards; i < (shard + 1) * n / shards; i++)
            sum += share[order[i]];
        greatest = fmax(greatest, sum);
    }
    return greatest;
}

/* Fisher and Yates; always the same orders. */
static void shuffle(uint16_t *order, int64_t n, uint64_t which)
{
    struct ls_stream stream = ls_stream_make(0, 0, 0, which, LS_RNG_PROFILE);
    for (int64_t i = n - 1; i > 0; i--) {
        const int64_t j = (int64_t)(ls_stream_uniform(&stream) * (double)(i + 1));
        const uint16_t other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
}

static double mean_greatest_run(const double *share, int64_t n, int64_t shards, bool in_order)
{
    uint16_t order[MAX_COPIES] = {0};
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        order[i] = (uint16_t)i;
    if (in_order)
        return greatest_run(share, order, n, shards);
    for (uint64_t which = 0; which < N_ORDERS; which++) {
        shuffle(order, n, which);
        sum += greatest_run(share, order, n, shards);
    }
    return sum / N_ORDERS;
}

static int64_t heaviest(const double *load, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (load[i] > load[best])
            best = i;
    return best;
}

/* Copies for the experts with the most load a copy, then the heaviest copy to the least loaded shard with room. */
static double greatest_balanced(const double *share, int64_t n, int64_t redundant, int64_t shards)
{
    double load[MAX_COPIES] = {0}, held[MAX_COPIES] = {0};
    int64_t copies[MAX_COPIES] = {0}, n_held[MAX_COPIES] = {0};
    const int64_t room = (n + redundant) / shards;
    for (int64_t i = 0; i < n; i++) {
        load[i] = share[i];
        copies[i] = 1;
    }
    for (int64_t i = 0; i < redundant; i++) {
        const int64_t expert = heaviest(load, n);
        load[expert] = share[expert] / (double)++copies[expert];
    }
    for (int64_t i = 0; i < n + redundant; i++) {
        const int64_t expert = heaviest(load, n);
        int64_t best = -1;
        for (int64_t shard = 0; shard < shards; shard++)
            if (n_held[shard] < room && (best < 0 || held[shard] < held[best]))
                best = shard;
        held[best] += load[expert];
        n_held[best]++;
        if (--copies[expert] == 0)
            load[expert] = -1;
    }
    return held[heaviest(held, shards)];
}

/* -- the whole -- */

void ls_routing_init(struct ls_routing *routing, const struct ls_expert_imbalance *imbalance,
                     const struct ls_model *model, const struct ls_shard *shard)
{
    double share[MOST_EXPERTS] = {0}, n_tok = 1;
    const struct ls_samples *samples = imbalance->histogram.samples;
    const double top_k = (double)model->num_experts_per_tok;
    const int64_t n = model->n_routed_experts, shards = ls_shard_expert_shards(shard);
    *routing = (struct ls_routing){.balanced = !ls_model_is_moe(model) || ls_expert_imbalance_is_balanced(imbalance)};
    if (routing->balanced)
        return;
    assert(n + shard->redundant_experts <= MAX_COPIES);
    if (samples)
        fill_counts(samples, n, share);
    else
        fill_power_law(imbalance->power_law, MOST_LOAD, n, share);
    const double greatest = shard->redundant_experts > 0 ? greatest_balanced(share, n, shard->redundant_experts, shards)
                                                         : mean_greatest_run(share, n, shards, samples != NULL);
    qsort(share, (size_t)n, sizeof share[0], compare_shares);
    for (int i = 0; i < LS_N_ROUTING_POINTS; i++, n_tok *= LS_ROUTING_STEP) {
        routing->at[i].imbalance = fmax(1, greatest * (double)shards);
        if (samples)
            fill_drawn(share, n, top_k, n_tok, &routing->at[i]);
        else
            fill_dealt(imbalance->power_law, n, top_k, n_tok, &routing->at[i]);
    }
}

struct ls_expert_load ls_routing_load(const struct ls_routing *routing, const struct ls_model *model,
                                      int64_t n_group_tok)
{
    if (routing->balanced)
        return ls_uniform_load(model, n_group_tok, 1);
    double from = 1;
    int i = 0;
    for (; i + 2 < LS_N_ROUTING_POINTS && (double)n_group_tok >= from * LS_ROUTING_STEP; i++)
        from *= LS_ROUTING_STEP;
    const double share = fmin(1, fmax(0, ((double)n_group_tok - from) / (from * (LS_ROUTING_STEP - 1))));
    const struct ls_expert_load *low = &routing->at[i], *high = &routing->at[i + 1];
    struct ls_expert_load load = {.imbalance = low->imbalance, .hit = low->hit + share * (high->hit - low->hit)};
    for (int j = 0; j < LS_N_LOADS; j++)
        load.loads[j] = low->loads[j] + share * (high->loads[j] - low->loads[j]);
    return load;
}
