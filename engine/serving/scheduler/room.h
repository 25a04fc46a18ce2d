#ifndef LS_ENGINE_SERVING_SCHEDULER_ROOM_H
#define LS_ENGINE_SERVING_SCHEDULER_ROOM_H

#include "engine/serving/scheduler/scheduler.h"

/* When KV blocks run short, running requests give way: the one admitted last, or under a policy with ranks the one that
 * ranks last, even if the pass being composed holds it already (vLLM V1, vllm/v1/core/sched/scheduler.py).
 *
 * With several stages it is always the one admitted last, among those that no pass in flight holds: passes in flight
 * may hold all that rank behind; whoever goes in their place would come back, rank before them, and send them away in
 * turn, without end. */

/* KV tokens that a running request holds blocks for, those of a pass under way or being composed included. */
int64_t ls_scheduler_held_tok(const struct ls_scheduler *scheduler, const struct ls_request *request);

/* Free blocks until `need` of them are there for a running request in the pass that is composed in `slot`. False when
 * they cannot be found: the request itself had to go, or passes in flight hold it too. Budget comes back with those
 * who had some of it. */
bool ls_scheduler_make_room(struct ls_scheduler *scheduler, int slot, uint32_t id, int64_t need, int64_t *budget,
                            int64_t now_ps);

/* Assert that nothing is lost between events: the running requests hold the blocks that are charged to them, those that
 * are swapped out the host's, all others are free, and the sums of the slots are those of their decodes. Debug builds
 * do it after every event of a scheduler. */
void ls_scheduler_check(const struct ls_scheduler *scheduler);

#endif
