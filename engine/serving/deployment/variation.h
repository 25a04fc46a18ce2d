#ifndef LS_ENGINE_SERVING_DEPLOYMENT_VARIATION_H
#define LS_ENGINE_SERVING_DEPLOYMENT_VARIATION_H

#include "engine/cost/step_cost.h"
#include "engine/hardware/cluster.h"
#include "engine/scenario.h"
#include "engine/sim/arena.h"

/* GPUs that are not all alike, all the time: engine.jitter. A block of computation lasts (1 + cv · z) times its cost,
 * where z is the largest of as many standard normal draws as GPUs compute it together, since the slowest holds up the
 * others; on a stage with the straggler, `factor` times as long still. `high` draws for every block; `medium` draws
 * once for a stage's pass, with the mean and the variance that the blocks' sum has. */

struct ls_variation {
    bool any;
    double cv;
    double max_mean, max_sd; /* of the largest of the draws */
    int64_t gpus;            /* that compute a block together: tp · ep */
    double *factor;          /* [dp · pp] */
    uint64_t *n_drawn;       /* [dp] so far, of each pipeline's own stream */
    int64_t n_pipelines, n_stages;
    uint64_t seed, replica;
};

LS_NODISCARD enum ls_status ls_variation_init(struct ls_variation *variation, const struct ls_scenario *scenario,
                                              const struct ls_placement *placement, struct ls_arena *arena);

/* One block on one stage. */
int64_t ls_variation_block_ps(struct ls_variation *variation, int64_t pipeline, int64_t stage, int64_t block_ps);

/* All blocks and collectives of one stage's pass. */
int64_t ls_variation_stage_ps(struct ls_variation *variation, int64_t pipeline, int64_t stage_index,
                              const struct ls_stage *stage, const struct ls_step *step);

/* Its expectation, mean over the pipelines: for `low`. */
double ls_variation_mean_ps(const struct ls_variation *variation, int64_t stage_index, const struct ls_stage *stage,
                            const struct ls_step *step);

#endif
