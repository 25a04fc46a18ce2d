#include "engine/serving/scheduler/swap.h"

#include <math.h>

#include "engine/memory/serving_memory.h"
#include "engine/model/operator.h"
#include "engine/serving/scheduler/waiting.h"
#include "engine/sim/clock.h"

/* Bytes of a block in one layer of a model, on one GPU. */
static double layer_bytes(const struct ls_scenario *scenario, const struct ls_model *model)
{
    return (double)scenario->engine.block_size *
           ls_kv_bytes_per_token_layer(model, scenario->strategy.tp, (enum ls_dtype)scenario->engine.kv_dtype);
}

/* In all layers of the stage with the most; the drafter's are taken to be there. */
static double block_bytes(const struct ls_scenario *scenario)
{
    const int64_t n_layers = scenario->model.num_hidden_layers, pp = scenario->strategy.pp;
    struct ls_model drafter;
    int64_t most = 0;
    for (int64_t i = 0; i < pp; i++) {
        const int64_t n = ls_stage_first_layer(n_layers, pp, i + 1) - ls_stage_first_layer(n_layers, pp, i);
        most = n > most ? n : most;
    }
    const double bytes = (double)most * layer_bytes(scenario, &scenario->model);
    if (!ls_scenario_draft_model(scenario, &drafter))
        return bytes;
    return bytes + (double)drafter.num_hidden_layers * layer_bytes(scenario, &drafter);
}

struct ls_swap ls_swap_make(const struct ls_scenario *scenario)
{
    const struct ls_engine *engine = &scenario->engine;
    const int64_t window = scenario->model.sliding_window;
    struct ls_swap swap = {.out = ls_request_list_empty, .window_blocks = INT64_MAX};
    if (engine->preemption != LS_PREEMPT_SWAP)
        return swap;
    swap.n_blocks = swap.n_free = (int64_t)fmin(engine->swap_space_bytes / block_bytes(scenario), (double)INT32_MAX);
    if (window != LS_NULL_INT)
        swap.window_blocks = (window + engine->block_size - 1) / engine->block_size;
    return swap;
}

static int64_t copy_ps(const struct ls_scenario *scenario, const struct ls_model *model)
{
    const double n_copies = ls_model_is_mla(model) ? 1 : 2; /* a latent; keys and values */
    const double link_s =
        layer_bytes(scenario, model) / n_copies / scenario->cluster.hardware.pcie_bandwidth_bytes_per_s;
    return ls_ps_from_s(n_copies * fmax(link_s, scenario->engine.swap_copy_s));
}

int64_t ls_swap_block_ps(const struct ls_scenario *scenario)
{
    return scenario->engine.preemption == LS_PREEMPT_SWAP ? copy_ps(scenario, &scenario->model) : 0;
}

int64_t ls_swap_drafter_ps(const struct ls_scenario *scenario)
{
    struct ls_model drafter;
    if (scenario->engine.preemption != LS_PREEMPT_SWAP || !ls_scenario_draft_model(scenario, &drafter))
        return 0;
    return drafter.num_hidden_layers * copy_ps(scenario, &drafter);
}

static void copy(struct ls_swap *swap, int64_t n_blocks, bool measured)
{
    const int64_t n[2] = {n_blocks, n_blocks < swap->window_blocks ? n_blocks : swap->window_blocks};
    for (int sliding = 0; sliding < 2; sliding++) {
        swap->copied[sliding] += n[sliding];
        swap->n_copied[sliding] += measured ? n[sliding] : 0;
    }
}

bool ls_swap_put(struct ls_swap *swap, const struct ls_request_pool *pool, uint32_t id, int64_t n_blocks, bool measured)
{
    if (n_blocks > swap->n_free)
        return false;
    swap->n_free -= n_blocks;
    swap->n_out += measured;
    copy(swap, n_blocks, measured);
    uint32_t prev = LS_NO_REQUEST, next = swap->out.head; /* most often it is the first: those behind gave way before */
    while (next != LS_NO_REQUEST && ls_ranks_before(ls_request_at(pool, next), ls_request_at(pool, id))) {
        prev = next;
        next = ls_request_at(pool, next)->next;
    }
    ls_request_list_insert(&swap->out, pool, prev, id);
    return true;
}

void ls_swap_take(struct ls_swap *swap, const struct ls_request_pool *pool, int64_t n_blocks, int64_t n_missing,
                  bool measured)
{
    swap->n_free += n_blocks;
    copy(swap, n_missing, measured);
    ls_request_list_remove(&swap->out, pool, swap->out.head);
}
