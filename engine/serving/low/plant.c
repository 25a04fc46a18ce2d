#include "engine/serving/low/plant.h"

#include <math.h>

#include "engine/cost/launch.h"
#include "engine/memory/serving_memory.h"
#include "engine/serving/step_cpu.h"
#include "engine/sim/clock.h"

/* The longest of n prompts, in standard deviations above the mean: sqrt(2 ln n) is the extreme of normals (Embrechts,
 * Klüppelberg and Mikosch 1997, example 3.3.29) but for terms that matter at few; from their exact means. */
static double longest_of(double n)
{
    return n <= 1 ? 0 : 0.56 * log2(n) / (1 + 0.06 * log2(n));
}

/* Prompts of one scheduler's batch. The more there are, the more their lengths vary as all lengths do; that of one is
 * known. Part of one attends to all of it that is before, found in a cache or not. */
static void add_prompts(const struct ls_plant *plant, struct ls_batch *batch, double tok, double n)
{
    const int64_t window = plant->scenario->model.sliding_window;
    tok = fmin(tok, plant->budget - (double)batch->n_decode * plant->pass_tok);
    if (tok < 0.5)
        return;
    const double spread = n < 1 ? 1 : 1 - 1 / n;
    const double pairs = tok * (plant->load.found_before + (tok / n * (1 + plant->prompt_variance * spread) + 1) / 2);
    batch->n_prefill = (int64_t)fmax(1.0, n + 0.5);
    batch->prefill_tok = (int64_t)(tok + 0.5);
    batch->prefill_context = batch->prefill_window_context = (int64_t)(tok + n * plant->load.found + 0.5);
    batch->prefill_pairs = batch->prefill_window_pairs = (int64_t)pairs;
    if (window == LS_NULL_INT)
        return;
    const double reach = tok + n * ((double)window - 1);
    batch->prefill_window_context = (int64_t)fmin((double)batch->prefill_context, reach);
    batch->prefill_window_pairs = (int64_t)fmin(pairs, tok * (double)window);
}

/* Members that so many prompts go to. */
static double members_with(const struct ls_plant *plant, double n)
{
    return fmin(plant->members, fmax(1.0, ceil(n - 0.5)));
}

/* Prompts that join go to one member after the other. The pass lasts as long as the one with the most tokens needs. */
static void share_prompts(struct ls_plant *plant, double tok, double n)
{
    const double with = members_with(plant, n), each = tok / with;
    const double cv = sqrt(plant->prompt_variance / fmax(1.0, n / with));
    const double most = fmin(tok, each * (1 + cv * longest_of(with)));
    for (int64_t i = 0; i < (int64_t)with; i++)
        add_prompts(plant, &plant->batches[i], i == 0 ? most : (tok - most) / (with - 1), n / with);
}

int64_t ls_plant_stage_ps(const struct ls_plant *plant, int64_t stage, const struct ls_step *step)
{
    const struct ls_stage *s = &plant->cost.stages[stage];
    return plant->variation.any ? (int64_t)ls_variation_mean_ps(&plant->variation, stage, s, step)
                                : ls_stage_ps(s, step);
}

static struct ls_plant_pass time_batches(struct ls_plant *plant)
{
    const struct ls_engine *engine = &plant->scenario->engine;
    struct ls_step step;
    int64_t n_seqs = 0, context = 0;
    for (int64_t i = 0; i < plant->cost.n_members; i++) {
        struct ls_batch *batch = &plant->batches[i];
        int64_t seqs = batch->n_decode + batch->n_prefill;
        if (seqs > engine->max_num_seqs)
            seqs = engine->max_num_seqs;
        n_seqs = seqs > n_seqs ? seqs : n_seqs;
        context = batch->decode_context > context ? batch->decode_context : context;
        batch->n_tok = batch->n_decode + batch->draft_tok + batch->prefill_tok;
        batch->n_sampled = seqs + batch->draft_tok;
    }
    ls_step_cost(&plant->cost, plant->batches, &step);
    const struct ls_step_cpu cpu = ls_step_cpu_of(engine);
    const double overhead_s = ls_s_from_ps(ls_step_cpu_ps(&cpu, n_seqs, context));
    const int64_t launch_ps = engine->overlap_scheduling ? ls_launch_ps(&plant->cost, plant->cost.stages, &step) : 0;
    const double cpu_s = overhead_s + ls_s_from_ps(launch_ps);
    struct ls_plant_pass pass = {.latency_s = engine->overlap_scheduling ? 0 : overhead_s,
                                 .stage_s = plant->stages > 1 ? cpu_s : 0};
    for (int64_t i = 0; i < plant->cost.n_stages; i++) {
        const double stage_s = ls_s_from_ps(ls_plant_stage_ps(plant, i, &step));
        pass.latency_s += stage_s;
        pass.busy_s += stage_s;
        pass.stage_s = fmax(pass.stage_s, stage_s);
        if (i + 1 < plant->cost.n_stages)
            pass.latency_s += ls_s_from_ps(step.linear->send_ps[plant->between_nodes[i]]);
    }
    pass.latency_s = fmax(pass.latency_s, cpu_s);
    return pass;
}

static struct ls_plant_pass time_whole(struct ls_plant *plant, int64_t batch, double prompt_tok, double n_prompts)
{
    const int64_t window = plant->scenario->model.sliding_window;
    const double ahead = (double)plant->drafts.n, context = plant->context + ahead;
    const double seen = window == LS_NULL_INT ? context : fmin(context, (double)window + ahead);
    const struct ls_batch decodes = {
        .n_decode = batch,
        .draft_tok = batch * plant->drafts.n,
        .decode_context = (int64_t)((double)batch * context + 0.5),
        .decode_window = (int64_t)((double)batch * seen + 0.5),
    };
    for (int64_t i = 0; i < plant->cost.n_members; i++)
        plant->batches[i] = decodes;
    if (prompt_tok > 0)
        share_prompts(plant, prompt_tok, n_prompts);
    return time_batches(plant);
}

double ls_plant_round(const struct ls_plant *plant, double batch, double prompt_tok, double n_prompts)
{
    const double decodes = floor(batch + 0.5) * plant->pass_tok, with = members_with(plant, n_prompts);
    const double tok = decodes + prompt_tok / with, grain = fmax(1.0, exp2(floor(log2(tok)) - 3));
    const double rounded = fmin(plant->budget, floor(tok / grain + 0.5) * grain);
    return with * fmax(1.0, rounded - decodes);
}

struct ls_plant_pass ls_plant_time(struct ls_plant *plant, double batch, double prompt_tok, double n_prompts)
{
    batch = fmin(batch, (double)plant->scenario->engine.max_num_seqs);
    if (prompt_tok >= 1)
        return time_whole(plant, (int64_t)(batch + 0.5), prompt_tok, n_prompts);
    const double floor_batch = fmax(1.0, floor(batch));
    const struct ls_plant_pass below = time_whole(plant, (int64_t)floor_batch, 0, 0);
    const double share = batch - floor_batch;
    if (share <= 0)
        return below;
    const struct ls_plant_pass above = time_whole(plant, (int64_t)floor_batch + 1, 0, 0);
    return (struct ls_plant_pass){
        .latency_s = below.latency_s + share * (above.latency_s - below.latency_s),
        .stage_s = below.stage_s + share * (above.stage_s - below.stage_s),
        .busy_s = below.busy_s + share * (above.busy_s - below.busy_s),
    };
}

double ls_plant_period_s(const struct ls_plant *plant, const struct ls_plant_pass *pass, double slots)
{
    return plant->stages > 1 ? fmax(pass->latency_s, slots * pass->stage_s) : pass->latency_s;
}

double ls_plant_slot(const struct ls_plant *plant, double batch, double *slots)
{
    const double others = batch - 1;
    double chance = exp(-others), fewer = 0;
    *slots = 1;
    if (plant->stages <= 1)
        return batch;
    for (int k = 0; k < (int)plant->stages - 1; k++) { /* E[N; N ≥ n] = E[N] P(N ≥ n − 1), N Poisson */
        fewer += chance;
        chance *= others / (k + 1);
    }
    const double in_slot = 1 + others * (1 - fewer) / plant->stages;
    *slots = fmin(plant->stages, fmax(1.0, batch / in_slot));
    return in_slot;
}

double ls_plant_places(const struct ls_plant *plant)
{
    const struct ls_engine *engine = &plant->scenario->engine;
    return fmin((double)engine->max_num_seqs, plant->kv_blocks * (double)engine->block_size / ls_plant_held_tok(plant));
}

/* Of requests with few tokens the last pass, which gains more than they need, counts more. */
static void measure_decodes(struct ls_plant *plant)
{
    const struct ls_draft_passes *passes = &plant->draft_passes;
    const double output = plant->load.output, tok = fmax(0.0, output - 1);
    const double spread = plant->load.output_sq / (output * output);
    plant->decodes = tok * passes->each + fmin(tok, passes->last);
    plant->gained = tok > 0 ? tok / plant->decodes : 1;
    plant->tpot = tok > 0 ? fmin(1.0, passes->each + passes->last * spread / tok) : 1;
}

void ls_plant_measure(struct ls_plant *plant)
{
    struct ls_load *load = &plant->load;
    ls_load_measure_classes(load, plant->scenario, plant->classes);
    plant->prompt_variance = fmax(0.0, load->prompt_sq / (load->prompt * load->prompt) - 1.0);
    ls_sizes_spread(&plant->prompt_sizes, plant->prompt_variance);
    measure_decodes(plant);
    plant->context = load->asked_output / load->output + load->output_sq / (2 * load->output);
    if (plant->part == LS_PLANT_PROMPTS) {
        plant->drafts = (struct ls_drafts){.n = 0};
        plant->pass_tok = plant->gained = plant->tpot = 1;
        plant->decodes = 0;
        plant->context = load->asked;
    }
    plant->max_batch = ls_plant_places(plant);
}

enum ls_status ls_plant_init(struct ls_plant *plant, const struct ls_scenario *scenario, int64_t kv_blocks,
                             struct ls_arena *arena, struct ls_err *err)
{
    const struct ls_engine *engine = &scenario->engine;
    const struct ls_strategy *strategy = &scenario->strategy;
    struct ls_placement placement;
    *plant = (struct ls_plant){
        .scenario = scenario,
        .members = (double)strategy->ep,
        .stages = (double)strategy->pp,
        .budget = (double)engine->max_num_batched_tokens,
        .drafts = ls_drafts_of(scenario),
        .kv_blocks = (double)kv_blocks,
        .state_tok = ls_state_blocks(scenario) * engine->block_size,
    };
    enum ls_status status = ls_placement_init(&placement, &scenario->cluster, strategy, err);
    if (status || (status = ls_step_cost_init(&plant->cost, scenario, arena, err)))
        return status;
    plant->batches = ls_arena_take(arena, (size_t)strategy->ep * sizeof *plant->batches);
    plant->between_nodes = ls_arena_take(arena, (size_t)strategy->pp * sizeof *plant->between_nodes);
    plant->classes = ls_arena_take(arena, sizeof *plant->classes);
    if (!plant->batches || !plant->between_nodes || !plant->classes ||
        ls_variation_init(&plant->variation, scenario, &placement, arena))
        return ls_fail(err, LS_NOMEM, "out of memory");
    for (int64_t i = 0; i < strategy->pp; i++)
        plant->between_nodes[i] = i + 1 < strategy->pp && ls_placement_send_crosses(&placement, 0, i);
    plant->pass_tok = 1 + (double)plant->drafts.n;
    plant->draft_passes = ls_drafts_passes(&plant->drafts);
    ls_classes_list(plant->classes, scenario);
    ls_plant_measure(plant);
    return LS_OK;
}
