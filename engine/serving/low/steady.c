#include "engine/serving/low/steady.h"

#include <math.h>

#include "engine/serving/deployment/frontend.h"
#include "engine/serving/low/backlog.h"

enum { MAX_ITERATIONS = 24 };

/* One pipeline with so many requests decoding, and what Little's law asks for beyond them. */
static double excess_batch(struct ls_plant *plant, double rate, double batch, struct ls_backlog *backlog)
{
    struct ls_backlog_load load = ls_backlog_load_of(plant, rate, batch);
    if (plant->part == LS_PLANT_DECODES)
        load.rate = 0;
    ls_backlog_solve(plant, &load, backlog);
    if (plant->part == LS_PLANT_DECODES) /* as long as any is there */
        backlog->busy_frac *= 1 - load.idle;
    return rate / plant->members * plant->decodes * backlog->gap_s - batch;
}

/* Little's law, by secants between a batch that is too small and one that is not; false when no slot or block is left.
 */
bool ls_point_find(struct ls_plant *plant, double rate, struct ls_point *point)
{
    struct ls_backlog backlog;
    double low = 0, low_excess = excess_batch(plant, rate, 0, &backlog), batch = 0, excess = low_excess;
    double high = plant->max_batch, high_excess = (double)NAN, slope = -1;
    for (int i = 0; i < MAX_ITERATIONS && fabs(excess) > 2e-3 * (batch + 0.1); i++) {
        const double before = batch, excess_before = excess;
        batch = fmin(high, batch - excess / fmin(-0.02, slope));
        if (batch <= low)
            batch = low + (high - low) * low_excess / (low_excess - high_excess);
        excess = excess_batch(plant, rate, batch, &backlog);
        slope = (excess - excess_before) / (batch - before);
        if (excess > 0 && batch >= plant->max_batch)
            return false;
        *(excess > 0 ? &low : &high) = batch;
        *(excess > 0 ? &low_excess : &high_excess) = excess;
    }
    *point = (struct ls_point){batch, backlog.gap_s, backlog.busy_frac, backlog.prefill_s, backlog.wait_s};
    return true;
}

/* A pass with prompts of the mean length. */
struct ls_plant_pass ls_point_pass(struct ls_plant *plant, double batch, double prompt_tok)
{
    return ls_plant_time(plant, batch, prompt_tok, prompt_tok / plant->load.prompt);
}

/* Share of the decodes in the largest of several slots when all places are taken, so that whoever leaves a slot is
 * followed by one who joins the same. Then the slots' shares drift apart until all divisions are alike (the neutral
 * model of Moran, 1958): the largest of n has (1 + 1/2 + … + 1/n) / n. But a pass that is longer than others makes them
 * queue up behind it, and most of the time goes by before its own slot is composed again, n + 1 times what it is
 * longer: where prompts take more than 1/(n + 1) of a stage's time, that slot's next pass is longer still, and it ends
 * up with everybody. */
static double largest_share(const struct ls_plant *plant, double prompts_frac)
{
    double share = 0;
    if ((plant->stages + 1) * prompts_frac >= 1)
        return 1;
    for (int i = 1; i <= (int)plant->stages; i++)
        share += 1 / (i * plant->stages);
    return share;
}

/* A period of several stages when all places are taken: the largest slot's pass, or a turn of passes that are alike. */
static double full_period_s(struct ls_plant *plant, double in_slot, double tok_share)
{
    const double prompt_tok = plant->members * in_slot * tok_share;
    const struct ls_plant_pass pass = ls_point_pass(plant, in_slot, prompt_tok);
    const double light_s = ls_point_pass(plant, in_slot, 0).stage_s;
    const double share = largest_share(plant, (pass.stage_s - light_s) / pass.stage_s);
    const double most = plant->budget / (plant->pass_tok + tok_share),
                 largest = fmin(share * plant->stages * in_slot, most);
    const double alike_s = ls_plant_period_s(plant, &pass, plant->stages);
    return fmax(alike_s, ls_point_pass(plant, largest, plant->members * largest * tok_share).latency_s);
}

/* Everything in use: how fast requests are served at most by one pipeline. */
double ls_point_find_capacity(struct ls_plant *plant, struct ls_point *point)
{
    const bool decodes = plant->decodes > 1e-9;
    const bool alone = !decodes || plant->part == LS_PLANT_DECODES;
    const double tok_share = alone ? 0 : plant->load.prompt / plant->decodes; /* prompt tokens for each decode */
    const double places = plant->max_batch / plant->stages;
    const double in_slot = decodes ? fmin(places, plant->budget / (plant->pass_tok + tok_share)) : 0;
    const double prompt_tok = decodes ? in_slot * tok_share : plant->budget;
    const struct ls_plant_pass pass = ls_point_pass(plant, in_slot, plant->members * prompt_tok);
    const bool crowded = decodes && in_slot >= places && plant->stages > 1;
    const double period_s =
        crowded ? full_period_s(plant, in_slot, tok_share) : ls_plant_period_s(plant, &pass, plant->stages);
    *point = (struct ls_point){.batch = in_slot * plant->stages,
                               .pass_s = period_s,
                               .busy_frac = fmin(1.0, pass.busy_s / period_s),
                               .first_s = period_s};
    const double requests =
        alone && decodes ? in_slot / plant->decodes : prompt_tok / plant->load.prompt; /* of a pass */
    return plant->members * plant->stages * requests / period_s;
}

/* Wait for one of many slots: Sakasegawa's approximation (Annals of the Institute of Statistical Mathematics 29, 1977)
 * with the arrivals' dispersion and the outputs' variability. */
double ls_point_slot_wait_s(const struct ls_plant *plant, const struct ls_point *point)
{
    const double servers = plant->max_batch, use = point->batch / servers;
    if (use >= 1 || plant->decodes < 1e-9)
        return 0;
    const double service_s = plant->decodes * point->pass_s;
    const double variance = plant->load.output_sq / (plant->load.output * plant->load.output) - 1.0;
    const double cs = fmax(0.0, variance);
    return (plant->load.dispersion + cs) / 2 * service_s / servers * pow(use, sqrt(2.0 * (servers + 1)) - 1.0) /
           (1.0 - use);
}

struct ls_run_end ls_run_end_of(const struct ls_plant *plant, double rate, double last_s)
{
    const struct ls_workload *workload = &plant->scenario->workload;
    const double all_s = fmax(plant->load.arrivals_s, plant->load.n_requests / rate);
    const double end_s = workload->drain ? all_s + last_s : workload->duration_s;
    const double most = plant->load.n_requests * (1 - workload->warmup_s / all_s);
    return (struct ls_run_end){end_s, fmin(most, rate * (end_s - workload->warmup_s))};
}

struct ls_front ls_front_of(const struct ls_plant *plant, double rate, double batch, double gap_s)
{
    const struct ls_engine *engine = &plant->scenario->engine;
    const struct ls_load *load = &plant->load;
    const bool again = plant->part == LS_PLANT_DECODES; /* a prompt that is tokens already */
    const double tokens = batch * plant->members * plant->gained, tok_s = engine->prompt_token_overhead_s;
    const double request_s = engine->request_overhead_s + (again ? 0 : ls_frontend_template_s(plant->scenario));
    struct ls_frontend frontend = ls_frontend_make(plant->scenario);
    const double asked = again ? 0 : load->asked, asked_sq = again ? 0 : load->asked_sq;
    const int64_t there_ps = ls_frontend_reach(&frontend, 0, (int64_t)asked);
    const int64_t formed_ps = again ? there_ps : ls_frontend_format(&frontend, there_ps);
    const int64_t ready_ps = ls_frontend_tokenise(&frontend, formed_ps, (int64_t)asked);
    const int64_t sent_ps = ls_frontend_send(&frontend, ready_ps, 1 + (int64_t)(tokens / plant->stages));
    const double square = request_s * request_s + 2 * request_s * tok_s * asked + tok_s * tok_s * asked_sq;
    const double pass_s = engine->output_token_overhead_s * tokens;
    const double use = rate * (request_s + tok_s * asked) + pass_s / gap_s;
    const double wait_s = (rate * square + pass_s * pass_s / plant->stages / gap_s) / (2 * fmax(0.05, 1 - use));
    return (struct ls_front){ls_s_from_ps(ready_ps) + wait_s, ls_s_from_ps(sent_ps - ready_ps)};
}
