#ifndef LS_ENGINE_SERVING_SCHEDULER_RUNNING_H
#define LS_ENGINE_SERVING_SCHEDULER_RUNNING_H

#include "engine/serving/scheduler/scheduler.h"

/* Running requests get their part of the pass that a slot composes, as far as the budget lasts, in order of admission.
 * Where blocks run short some give way (room.h). */

/* All of them. Returns whether each found its blocks without another's going: only then may others join. */
bool ls_running_add(struct ls_scheduler *scheduler, int slot, int64_t *budget, int64_t now_ps);

/* Those whose prompts are under way alone. */
bool ls_running_add_prompts(struct ls_scheduler *scheduler, int slot, int64_t *budget, int64_t now_ps);

/* The next n_tok tokens of a prompt; blocks and budget are known to be there. */
void ls_running_add_chunk(struct ls_scheduler *scheduler, int slot, uint32_t id, int64_t n_tok);

/* A decode and n_tok − 1 drafts of it that the pass verifies. */
void ls_running_add_drafts(struct ls_scheduler *scheduler, int slot, uint32_t id, int64_t n_tok);

#endif
