#ifndef LS_ENGINE_SERVING_STEP_CPU_H
#define LS_ENGINE_SERVING_STEP_CPU_H

#include "engine/scenario.h"
#include "engine/sim/clock.h"

/* CPU time of an engine's step before the GPU starts: fixed, for each sequence, and for each token that its decodes
 * have behind them. */
struct ls_step_cpu {
    int64_t step_ps, seq_ps, context_tok_ps;
};

static inline struct ls_step_cpu ls_step_cpu_of(const struct ls_engine *engine)
{
    return (struct ls_step_cpu){
        .step_ps = ls_ps_from_s(engine->step_overhead_s),
        .seq_ps = ls_ps_from_s(engine->step_overhead_per_seq_s),
        .context_tok_ps = ls_ps_from_s(engine->context_token_overhead_s),
    };
}

/* Of schedulers in lockstep, which have a process each: n_seqs and decode_context are those of whoever has most. */
static inline int64_t ls_step_cpu_ps(const struct ls_step_cpu *cpu, int64_t n_seqs, int64_t decode_context)
{
    return cpu->step_ps + cpu->seq_ps * n_seqs + cpu->context_tok_ps * decode_context;
}

#endif
