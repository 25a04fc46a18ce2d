#ifndef LS_ENGINE_SERVING_LOW_SCOPE_H
#define LS_ENGINE_SERVING_LOW_SCOPE_H

#include "engine/scenario.h"

/* Whether the low level of detail has a model of all that a resolved scenario asks for; if not, the cell is infeasible
 * (`low`). What it does not know:
 * - queues in another order than that of arrival,
 * - drafts, where a trace is replayed at its own times,
 * - separate pools, where prompts share anything, or come in bursts or as recorded,
 * - clients without a rate beside others,
 * - sessions that begin in bursts,
 * - profiles of which more than a hundredth of the prompts are longer than what can run, and rejected,
 * - what recorded prompts share, where prefixes are cached,
 * - routers that send prompts where their like have gone: how even the load is follows from the prompts. */
bool ls_low_knows(const struct ls_scenario *scenario);

#endif
