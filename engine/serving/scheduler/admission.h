#ifndef LS_ENGINE_SERVING_SCHEDULER_ADMISSION_H
#define LS_ENGINE_SERVING_SCHEDULER_ADMISSION_H

#include "engine/serving/scheduler/scheduler.h"

/* Requests join those that run, while token budget, sequence slots and KV blocks last: none is skipped. */

/* Waiting requests that were there at `seen`, in order. Nobody while others are swapped out. */
void ls_admission_take_waiting(struct ls_scheduler *scheduler, int slot, int64_t *budget, int64_t now_ps,
                               int64_t seen_ps);

/* Requests that are swapped out, with their next token in the pass. */
void ls_admission_take_swapped(struct ls_scheduler *scheduler, int slot, int64_t *budget, int64_t now_ps);

#endif
