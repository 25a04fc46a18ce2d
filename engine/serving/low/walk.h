#ifndef LS_ENGINE_SERVING_LOW_WALK_H
#define LS_ENGINE_SERVING_LOW_WALK_H

#include "engine/serving/low/plant.h"
#include "engine/sim/arena.h"

/* A recorded load is never in a steady state: its requests are followed one by one, replica by replica. Each prompt
 * joins the first pass with room for it that is composed after it came, as in Lindley's recursion (Mathematical
 * Proceedings of the Cambridge Philosophical Society 48, 1952) with service in bulks (Bailey, Journal of the Royal
 * Statistical Society B 16, 1954), where the service time depends on the bulk; each decode ends a known number of
 * passes later. So only passes that something joins or leaves are looked at: those between are one stride.
 *
 * What medium has and this has not: blocks of the KV cache, limits to a prompt's chunks, routers. Requests go to the
 * schedulers in turn, and numbers of tokens are rounded. */

/* The means of a load whose requests arrive at times of their own. Memory comes from `arena`. */
LS_NODISCARD enum ls_status ls_walk(struct ls_plant *plant, struct ls_arena *arena, struct ls_means *means,
                                    struct ls_err *err);

#endif
