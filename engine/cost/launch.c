#include "engine/cost/launch.h"

#include "engine/sim/clock.h"

/* Whether the CPU launches a pass kernel by kernel: there is no CUDA graph for it. */
static bool is_launched(const struct ls_step_cost *cost, const struct ls_batch *batches)
{
    const struct ls_engine *engine = cost->engine;
    for (int64_t i = 0; i < cost->n_members; i++)
        if (engine->cuda_graphs == LS_CUDA_GRAPHS_NONE || batches[i].n_tok > engine->cuda_graph_max_tokens ||
            (engine->cuda_graphs == LS_CUDA_GRAPHS_DECODE && batches[i].n_prefill > 0))
            return true;
    return false;
}

void ls_launch_wait(const struct ls_step_cost *cost, const struct ls_batch *batches, struct ls_step *step)
{
    step->launched = cost->engine->layer_launch_s > 0 && is_launched(cost, batches);
    if (!step->launched)
        return;
    const struct ls_linear *linear = step->linear;
    const bool moe = ls_model_is_moe(cost->model);
    const int64_t rest_ps = linear->attention_comm_ps + linear->mlp_comm_ps[moe] + step->mlp_ps[moe];
    const int64_t least_ps = ls_ps_from_s(cost->engine->layer_launch_s) - rest_ps;
    for (int sliding = 0; sliding < 2; sliding++)
        if (step->attention_ps[sliding] < least_ps)
            step->attention_ps[sliding] = least_ps;
}
