#ifndef LS_ENGINE_SERVING_WORKLOAD_SCRIPT_H
#define LS_ENGINE_SERVING_WORKLOAD_SCRIPT_H

#include "engine/cost/step_comm.h"

/* What `high` plays of a pass: the blocks of a layer and the steps of its collectives, one after the other, in the
 * integers that `medium` adds up. */

/* `n` equal steps, each an event. */
struct ls_script_item {
    int64_t n;
    int64_t duration_ps, nic_ps, link_ps;
    bool transfer, to_next_stage;
};

enum { LS_MAX_SCRIPT = 2 + 2 * LS_MAX_COMMS * LS_MAX_PHASES + LS_MAX_PHASES };

struct ls_script {
    int n;
    struct ls_script_item items[LS_MAX_SCRIPT];
};

/* Those of a pass: before the first layer, of each kind of layers, behind the last one, and to the next stage, inside a
 * node or between nodes. */
struct ls_scripts {
    struct ls_script embedding, head, send[2], layers[LS_N_LAYER_KINDS];
};

void ls_scripts_write(struct ls_scripts *scripts, const struct ls_step_cost *cost, const struct ls_step *step);

#endif
