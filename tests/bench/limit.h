#ifndef LS_TESTS_BENCH_LIMIT_H
#define LS_TESTS_BENCH_LIMIT_H

#include <stdint.h>

/* What a machine gives at most: the simulations below do as little as the problem allows. */

/* Events a second through a binary heap that holds `n_held` of them: the earliest is taken and put back later. */
double limit_heap_rate(int64_t n_held, int64_t n_events);

/* Requests a second of a plain loop over the bench's workload: Poisson arrivals to replicas in turn, each with a batch
 * that advances by one token a step and a heap of the steps at which its members end. No KV blocks, no layers, no
 * prices, no quantiles. A heap of the ends of the replicas' steps is the clock. */
double limit_plain_rate(int64_t n_replicas, int64_t n_requests);

#endif
