#ifndef LS_ENGINE_SERVING_LOW_LOW_H
#define LS_ENGINE_SERVING_LOW_LOW_H

#include "engine/metrics.h"
#include "engine/scenario.h"
#include "engine/sim/arena.h"

/* The low level of detail: no events. The steady state is a fixed point of the same pass costs. In a batch of B decodes
 * the time T between two tokens of a request, and its wait for a pass that takes its prompt, follow from a Markov chain
 * of the prompts that wait (backlog.h); Little's law gives B = λ (O − 1) T. TTFT is the wait, for a slot too, the pass,
 * and the front end's time. Bursts are a sequence of such states (course.h), and
 * recorded requests are followed one by one (walk.h).
 *
 * Saturation is a balance of tokens: with every slot, KV block or token of the budget in use, μ = B / ((O − 1) f(B, p))
 * where p = B P / (O − 1) prompt tokens must join each pass. Above μ the deployment serves μ and the queue grows. */

/* Estimate the metrics of a resolved, feasible scenario, memory metrics excepted: means and rates, no quantiles. Memory
 * comes from `arena`. */
LS_NODISCARD enum ls_status ls_low_run(const struct ls_scenario *scenario, int64_t kv_blocks, struct ls_arena *arena,
                                       struct ls_metrics *metrics, struct ls_err *err);

/* `max_num_batched_tokens: auto_slo`: the largest token budget, from max_num_seqs to 32,768, with which the time
 * between two tokens of a request keeps slo.tpot_s in the worst steady case: every slot or KV block in use, at the
 * workload's mean context, and the rest of every step's budget full of prompts. (The rule of Sarathi-Serve, Agrawal et
 * al. 2024, section 4.3, with estimated in place of profiled steps.) max_num_seqs where no budget does. *scenario is
 * resolved and feasible but for the budget. */
LS_NODISCARD enum ls_status ls_slo_token_budget(const struct ls_scenario *scenario, int64_t *budget,
                                                struct ls_err *err);

#endif
