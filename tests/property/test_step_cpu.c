/* What a step takes the CPU delays every token by as much: fixed, for each sequence, and for each token of context. */
#include <check.h>

#include "engine/metrics.h"
#include "tests/scenario.h"
#include "tests/suite.h"

enum { PROMPT_TOK = 100, OUTPUT_TOK = 50, N_SEQS = 8 };

static struct ls_sim *sim;

/* Makespan of requests that are all there at once. */
static double makespan_s(enum ls_lod level, double step_s, double seq_s, double context_tok_s)
{
    struct ls_scenario scenario;
    scenario_make(&scenario, scenario_llama_70b);
    scenario_set(&scenario, "strategy.tp", "4");
    scenario_set_all(&scenario, scenario_no_front_end);
    scenario.strategy.lod = (int32_t)level;
    scenario.engine.step_overhead_s = step_s;
    scenario.engine.step_overhead_per_seq_s = seq_s;
    scenario.engine.context_token_overhead_s = context_tok_s;
    scenario.workload.max_requests = N_SEQS;
    scenario_add_profile(&scenario, 1, PROMPT_TOK, OUTPUT_TOK)->arrivals.process = LS_ARRIVALS_ALL_AT_ONCE;
    return scenario_run(sim, &scenario).metrics.scalar[LS_METRIC_MAKESPAN_S];
}

/* A prompt step, and decodes that have all of the prompt and a token more from step to step behind them. */
START_TEST(a_step_pays_for_the_contexts_of_its_decodes)
{
    static const enum ls_lod levels[] = {LS_LOD_MEDIUM, LS_LOD_HIGH};
    const double n_decodes = OUTPUT_TOK - 1, context_tok = n_decodes * (PROMPT_TOK + OUTPUT_TOK / 2.0);
    const double plain_s = makespan_s(levels[_i], 0, 0, 0);
    const double slower_s = makespan_s(levels[_i], 1e-3, 1e-4, 1e-6) - plain_s;
    const double expected_s = OUTPUT_TOK * (1e-3 + N_SEQS * 1e-4) + N_SEQS * context_tok * 1e-6;
    ck_assert_double_eq_tol(slower_s, expected_s, 1e-9);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("step_cpu");
    TCase *tcase = tcase_create("step_cpu");
    sim = ls_sim_new();
    tcase_add_loop_test(tcase, a_step_pays_for_the_contexts_of_its_decodes, 0, 2);
    suite_add_tcase(suite, tcase);
    const int status = suite_run(suite);
    ls_sim_free(sim);
    return status;
}
