#ifndef LS_ENGINE_SERVING_SCHEDULER_DECODE_SET_H
#define LS_ENGINE_SERVING_SCHEDULER_DECODE_SET_H

#include "engine/serving/scheduler/scheduler.h"

/* The decodes of a slot: they step together, so sums and a heap of due steps stand for them. The heap is ordered by
 * (step, order, what); entries of requests that have left stay behind with an old epoch until they come up or the heap
 * is full. */

enum ls_due_kind {
    LS_DUE_WINDOW, /* its context reaches the sliding window */
    LS_DUE_END     /* it has all its tokens */
};

/* The entry that is due first, taken out; the heap is not empty. */
struct ls_due ls_due_pop(struct ls_slot *slot);

/* A running request with `stored_tok` KV tokens decodes in `slot` from its next pass on; with drafts each is on its
 * own. `late`: its last token is not of the slot's last pass of decodes. */
void ls_decode_enter(struct ls_scheduler *scheduler, int slot, uint32_t id, int64_t stored_tok, bool late);

/* Tokens that a decode has generated in passes that have ended. */
int64_t ls_decode_generated(const struct ls_scheduler *scheduler, const struct ls_request *request);

/* Take a decode out of its slot between passes; what it has generated and stored is settled in the request, whose base
 * is then the number of its KV tokens. */
void ls_decode_leave(struct ls_scheduler *scheduler, uint32_t id);

#endif
