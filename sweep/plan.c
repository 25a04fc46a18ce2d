#include "sweep/plan.h"

#include <assert.h>
#include <math.h>

#include "engine/memory/serving_memory.h"
#include "engine/sim/random.h"
#include "sweep/cell_cost.h"

/* The i-th cell to look at: all of a small grid; of a large one, steps of the golden section, which fall evenly along
 * every axis. */
static uint64_t nth_cell(const struct ls_study *study, uint64_t max_looks, uint64_t i)
{
    if (study->n_cells <= max_looks)
        return i;
    const uint64_t fraction = i * UINT64_C(0x9e3779b97f4a7c15); /* of 2^64 */
    return (fraction >> 32) * study->n_cells >> 32;
}

/* Weighted sampling without replacement: the largest keys ln(u)/weight are the sample (Efraimidis and Spirakis, 2006).
 */
static void add_cell(struct ls_plan_level *level, uint64_t cell, double cost)
{
    struct ls_stream stream = ls_stream_make(0, 0, 0, level->n, LS_RNG_PROFILE);
    const double key = log(1 - ls_stream_uniform(&stream)) / sqrt(cost);
    level->n++;
    level->cost += cost;
    if (level->n_sample == LS_PLAN_SAMPLE && key <= level->sample[LS_PLAN_SAMPLE - 1].key)
        return;
    size_t at = level->n_sample < LS_PLAN_SAMPLE ? level->n_sample++ : LS_PLAN_SAMPLE - 1;
    for (; at > 0 && level->sample[at - 1].key < key; at--)
        level->sample[at] = level->sample[at - 1];
    level->sample[at] = (struct ls_plan_cell){cell, cost, key};
}

double ls_plan_level_seconds(const struct ls_plan_level *level, size_t n, const double *times_s)
{
    double time = 0, cost = 0;
    assert(n > 0 && n <= level->n_sample);
    for (size_t i = 0; i < n; i++) {
        const double weight = n == level->n ? 1 : sqrt(level->sample[i].cost);
        time += times_s[i] / weight;
        cost += level->sample[i].cost / weight;
    }
    return time / cost * level->cost;
}

static enum ls_reason reason_of(const struct ls_scenario *scenario, enum ls_reason reason)
{
    if (reason != LS_REASON_NONE || scenario->kind != LS_SERVING)
        return reason;
    struct ls_serving_memory memory;
    return ls_serving_memory(scenario, &memory);
}

void ls_plan_make(const struct ls_study *study, uint64_t max_looks, struct ls_plan *plan)
{
    *plan = (struct ls_plan){.n_looked = study->n_cells < max_looks ? study->n_cells : max_looks};
    for (uint64_t i = 0; i < plan->n_looked; i++) {
        const uint64_t cell = nth_cell(study, max_looks, i);
        struct ls_scenario scenario;
        enum ls_reason shape;
        struct ls_err err;
        if (ls_study_cell(study, cell, &scenario, &shape, &err)) {
            if (plan->n_faulty++ == 0) {
                plan->fault = err;
                plan->faulty_cell = cell;
            }
            continue;
        }
        const enum ls_reason reason = reason_of(&scenario, shape);
        plan->by_reason[reason]++;
        if (reason == LS_REASON_NONE || (shape == LS_REASON_NONE && scenario.evaluate_oversized))
            add_cell(&plan->levels[scenario.strategy.lod], cell, ls_cell_cost(study, cell));
    }
    for (int i = 0; i < LS_PLAN_LODS; i++)
        plan->levels[i].cost *= (double)study->n_cells / (double)plan->n_looked;
}
