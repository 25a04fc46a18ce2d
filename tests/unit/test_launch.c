/* Promises of CUDA graphs: a step is replayed as the next larger graph and pays for its rows, or launched kernel by
 * kernel where there is none. */
#include <check.h>
#include <stdlib.h>

#include "engine/cost/launch.h"
#include "engine/sim/clock.h"
#include "tests/scenario.h"
#include "tests/suite.h"

static struct ls_scenario scenario;
static struct ls_arena arena;
static struct ls_step_cost cost;

static void make(const char *sizes, const char *graphs)
{
    enum ls_reason reason;
    struct ls_err err = {""};
    scenario_make(&scenario, scenario_llama_70b);
    scenario_set(&scenario, "strategy.tp", "4");
    scenario_set(&scenario, "workload.max_requests", "1");
    scenario_set(&scenario, "engine.cuda_graph_sizes", sizes);
    scenario_set(&scenario, "engine.cuda_graphs", graphs);
    scenario_set(&scenario, "engine.cuda_graph_max_tokens", "1000");
    scenario_set(&scenario, "engine.max_num_seqs", "900");
    scenario_set(&scenario, "engine.max_num_batched_tokens", "8192");
    (void)scenario_add_profile(&scenario, 1, 1, 1);
    ck_assert_msg(ls_scenario_resolve(&scenario, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_msg(ls_step_cost_init(&cost, &scenario, &arena, &err) == LS_OK, "%s", err.text);
}

static void tear_down(void)
{
    ls_arena_release(&arena);
}

static struct ls_batch decodes(int64_t n)
{
    return (struct ls_batch){.n_tok = n, .n_sampled = n, .n_decode = n, .decode_context = n, .decode_window = n};
}

static int64_t rows(int64_t n)
{
    const struct ls_batch batch = decodes(n);
    return ls_launch_rows(&cost, n, !ls_launch_needed(&cost, &batch));
}

struct sizes_case {
    const char *sizes;
    int64_t n, graph; /* -1: there is none */
};

static const struct sizes_case sizes_cases[] = {
    {"every", 37, 37},  {"every", 1000, 1000}, {"every", 1001, -1}, /* beyond cuda_graph_max_tokens */
    {"eights", 3, 4},   {"eights", 5, 8},      {"eights", 37, 40},   {"eights", 257, 272}, {"eights", 513, 544},
    {"powers", 37, 40}, {"powers", 128, 128},  {"powers", 129, 256}, {"powers", 600, 900}, /* no pass has more than
                                                                                              max_num_seqs decodes */
    {"gaps", 31, 31},   {"gaps", 33, -1},      {"gaps", 64, 64},     {"gaps", 100, -1},
};

START_TEST(a_step_replays_the_next_larger_graph)
{
    const struct sizes_case *wanted = &sizes_cases[_i];
    make(wanted->sizes, "decode");
    const struct ls_batch batch = decodes(wanted->n);
    ck_assert_int_eq(ls_launch_needed(&cost, &batch), wanted->graph < 0);
    if (wanted->graph >= 0)
        ck_assert_int_eq(rows(wanted->n), wanted->graph);
}
END_TEST

START_TEST(padding_costs_rows_but_no_attention)
{
    struct ls_step padded, full;
    const struct ls_batch few = decodes(130), many = decodes(256);
    make("powers", "decode");
    ls_step_cost(&cost, &few, &padded);
    ls_step_cost(&cost, &many, &full);
    ck_assert_int_eq(padded.mlp_ps[0], full.mlp_ps[0]);
    ck_assert_int_lt(padded.attention_ps[0], full.attention_ps[0]);
    ck_assert_int_lt(padded.head_ps, full.head_ps);
}
END_TEST

START_TEST(prompts_are_launched_unless_all_steps_have_graphs)
{
    const struct ls_batch batch = {.n_tok = 100,
                                   .n_sampled = 1,
                                   .n_prefill = 1,
                                   .prefill_tok = 100,
                                   .prefill_context = 100,
                                   .prefill_pairs = 5050};
    make("eights", "decode");
    ck_assert(ls_launch_needed(&cost, &batch));
    ck_assert_int_eq(ls_launch_rows(&cost, 100, false), 100);
    make("eights", "all");
    ck_assert(!ls_launch_needed(&cost, &batch));
    ck_assert_int_eq(ls_launch_rows(&cost, 100, true), 104);
    make("eights", "none");
    ck_assert(ls_launch_needed(&cost, &batch));
}
END_TEST

/* Each block of a layer takes as long as its launches, where they take much longer than its work. */
START_TEST(the_cpu_is_busy_until_it_has_launched_the_last_layer)
{
    struct ls_step step;
    const struct ls_batch batch = decodes(37);
    make("every", "decode");
    ls_step_cost(&cost, &batch, &step);
    ck_assert_int_eq(ls_launch_ps(&cost, &cost.stages[0], &step), 0);
    make("every", "none");
    scenario.engine.kernel_launch_s = 1e-3;
    struct ls_err err = {""};
    ck_assert(ls_step_cost_init(&cost, &scenario, &arena, &err) == LS_OK);
    ls_step_cost(&cost, &batch, &step);
    const int64_t ends_ps = step.embedding_ps + step.head_ps;
    ck_assert_int_eq(ls_launch_ps(&cost, &cost.stages[0], &step), ls_stage_ps(&cost.stages[0], &step) - ends_ps);
}
END_TEST

static int64_t attention_launches(const char *qk_norm, const char *library)
{
    enum ls_reason reason;
    struct ls_err err = {""};
    scenario_make(&scenario, scenario_llama_70b);
    scenario_set(&scenario, "model.qk_norm", qk_norm);
    scenario_set(&scenario, "cluster.hardware.kernel_library", library);
    scenario_set(&scenario, "engine.kernel_launch_s", "1");
    scenario_set(&scenario, "workload.max_requests", "1");
    (void)scenario_add_profile(&scenario, 1, 1, 1);
    ck_assert_msg(ls_scenario_resolve(&scenario, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_msg(ls_step_cost_init(&cost, &scenario, &arena, &err) == LS_OK, "%s", err.text);
    return cost.attention_launch_ps[0][1] / ls_ps_from_s(1);
}

/* A norm, two products, the rotary embedding and attention; then writing to the cache, and with norms of queries and
 * keys two kernels of them. TensorRT-LLM's attention does what vLLM's leaves to others. */
START_TEST(short_kernels_are_launched_too)
{
    ck_assert_int_eq(attention_launches("false", "vllm"), 6);
    ck_assert_int_eq(attention_launches("false", "trtllm"), 5);
    ck_assert_int_eq(attention_launches("true", "vllm"), 8);
    ck_assert_int_eq(attention_launches("true", "trtllm"), 6);
}
END_TEST

int main(void)
{
    const int n_cases = (int)(sizeof sizes_cases / sizeof sizes_cases[0]);
    Suite *suite = suite_create("launch");
    TCase *tcase = tcase_create("graphs");
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_loop_test(tcase, a_step_replays_the_next_larger_graph, 0, n_cases);
    tcase_add_test(tcase, padding_costs_rows_but_no_attention);
    tcase_add_test(tcase, prompts_are_launched_unless_all_steps_have_graphs);
    tcase_add_test(tcase, the_cpu_is_busy_until_it_has_launched_the_last_layer);
    tcase_add_test(tcase, short_kernels_are_launched_too);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
