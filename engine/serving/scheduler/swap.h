#ifndef LS_ENGINE_SERVING_SCHEDULER_SWAP_H
#define LS_ENGINE_SERVING_SCHEDULER_SWAP_H

#include "engine/scenario.h"
#include "engine/serving/scheduler/request.h"

/* engine.preemption: swap, as vLLM had it before V1 (vllm/core/scheduler.py of 0.6, preemption_mode swap): the KV
 * blocks of a decode that gives way are copied to the host's memory, and back when there is room for them and its next
 * token; until all are back nobody else is admitted. Copies hold up the pass that comes next. A prompt that is not
 * computed yet, and whom the host has no room for, is computed again. Those who arrived first come back first. */

struct ls_swap {
    int64_t n_blocks, n_free;   /* of the host; n_blocks 0: no swapping */
    struct ls_request_list out; /* who are there, in the order in which they come back; n_computed: their KV tokens */
    int64_t window_blocks;      /* of a sequence that sliding layers keep at most */
    int64_t copied[2];          /* blocks copied for the next pass: in full, in sliding layers */
    int64_t n_out;              /* requests that went there in the measured window, */
    int64_t n_copied[2];        /* and blocks copied either way */
};

struct ls_swap ls_swap_make(const struct ls_scenario *scenario);

/* The picoseconds of copying one block in one layer; 0 without swapping. Each GPU copies its share at once; its driver
 * issues keys and values of each block as copies of their own, and the slower of the driver and the link sets the pace.
 */
int64_t ls_swap_block_ps(const struct ls_scenario *scenario);

/* The same in all layers of the drafter; 0 without one. */
int64_t ls_swap_drafter_ps(const struct ls_scenario *scenario);

/* A request goes to the host with `n_blocks`, all that it has; false when there is no room for them. */
bool ls_swap_put(struct ls_swap *swap, const struct ls_request_pool *pool, uint32_t id, int64_t n_blocks,
                 bool measured);

/* The first one comes back with `n_blocks`, of which `n_missing` are copied. */
void ls_swap_take(struct ls_swap *swap, const struct ls_request_pool *pool, int64_t n_blocks, int64_t n_missing,
                  bool measured);

#endif
