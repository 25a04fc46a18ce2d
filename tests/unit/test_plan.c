/* What a plan says of a study, against a plain count of its cells. */
#include <math.h>

#include "study_text.h"

#include "engine/memory/serving_memory.h"
#include "sweep/cell.h"
#include "sweep/cell_cost.h"
#include "sweep/plan.h"
#include "tests/suite.h"

static const char text[] = "model: mixtral-8x7b\n"
                           "cluster: {hardware: h100-sxm, nodes: 2}\n"
                           "workload:\n"
                           "  max_requests: 10\n"
                           "  profiles:\n"
                           "    - name: chat\n"
                           "      arrivals: {rate: 4}\n"
                           "      prompt_tokens: {dist: constant, value: 50}\n"
                           "      output_tokens: {dist: constant, value: 10}\n"
                           "sweep:\n"
                           "  axes:\n"
                           "    tp: {range: [1, 8, 1]}\n"
                           "    pp: [1, 2, 64]\n"
                           "    dp: [1, 2, 4]\n"
                           "    lod: [medium, high]\n"
                           "    workload.warmup_s: {linspace: [0, 10, 50]}\n"
                           "  where: \"tp != 6\"\n";

START_TEST(counts_are_those_of_the_cells)
{
    struct ls_study study = load_study(text, NULL, 0, 0);
    struct ls_plan plan;
    ls_plan_make(&study, 1000000, &plan);
    ck_assert_uint_eq(plan.n_looked, 8 * 3 * 3 * 2 * 50);
    ck_assert_uint_eq(plan.n_faulty, 0);
    ck_assert_uint_eq(plan.by_reason[LS_REASON_EXCLUDED], 3 * 3 * 2 * 50);
    uint64_t by_reason[LS_N_REASONS] = {0};
    double cost = 0;
    struct ls_sim *sim = ls_sim_new();
    for (uint64_t cell = 0; cell < study.n_cells; cell += 50) { /* the warm-up changes neither */
        struct ls_record record;
        struct ls_err err;
        ck_assert_int_eq(ls_cell_simulate(&study, cell, sim, &record, &err), LS_OK);
        by_reason[record.reason] += 50;
        cost += record.reason == LS_REASON_NONE ? 50 * ls_cell_cost(&study, cell) : 0;
    }
    ls_sim_free(sim);
    for (int i = 0; i < LS_N_REASONS; i++)
        ck_assert_uint_eq(plan.by_reason[i], by_reason[i]);
    ck_assert_uint_gt(by_reason[LS_REASON_MEMORY_WEIGHTS], 0);
    ck_assert_double_eq_tol(plan.levels[LS_LOD_MEDIUM].cost + plan.levels[LS_LOD_HIGH].cost, cost, 1e-9 * cost);
    ck_assert_uint_eq(plan.levels[LS_LOD_MEDIUM].n, plan.levels[LS_LOD_HIGH].n);
    ck_assert_uint_eq(plan.levels[LS_LOD_LOW].n, 0);
    ls_study_release(&study);
}
END_TEST

/* Whether a cell runs at lod high. */
static bool runs_high(const struct ls_study *study, uint64_t cell)
{
    struct ls_scenario scenario;
    enum ls_reason reason;
    struct ls_err err;
    struct ls_serving_memory memory;
    ck_assert_int_eq(ls_study_cell(study, cell, &scenario, &reason, &err), LS_OK);
    return reason == LS_REASON_NONE && scenario.strategy.lod == LS_LOD_HIGH &&
           ls_serving_memory(&scenario, &memory) == LS_REASON_NONE;
}

START_TEST(samples_are_drawn_from_all_cells_that_run)
{
    struct ls_study study = load_study(text, NULL, 0, 0);
    struct ls_plan plan;
    ls_plan_make(&study, 1000000, &plan);
    const struct ls_plan_level *level = &plan.levels[LS_LOD_HIGH];
    ck_assert_uint_eq(level->n_sample, LS_PLAN_SAMPLE);
    uint64_t n = 0, late = 0;
    for (uint64_t cell = 0; cell < study.n_cells; cell++) {
        const bool runs = runs_high(&study, cell);
        n += runs;
        for (size_t i = 0; i < level->n_sample; i++) {
            ck_assert(runs || level->sample[i].cell != cell);
            late += level->sample[i].cell == cell && n > level->n / 2;
        }
    }
    ck_assert_uint_eq(n, level->n);
    ck_assert_uint_ge(late, LS_PLAN_SAMPLE / 4); /* half of them expected, with a deviation of 4 */
    ck_assert_uint_le(late, LS_PLAN_SAMPLE * 3 / 4);
    for (size_t i = 0; i < level->n_sample; i++)
        ck_assert_double_eq(level->sample[i].cost, ls_cell_cost(&study, level->sample[i].cell));
    ls_study_release(&study);
}
END_TEST

START_TEST(a_sample_tells_the_time_of_its_level)
{
    struct ls_study study = load_study(text, NULL, 0, 0);
    struct ls_plan plan;
    double times_s[LS_PLAN_SAMPLE];
    ls_plan_make(&study, 1000000, &plan);
    const struct ls_plan_level *level = &plan.levels[LS_LOD_HIGH];
    for (size_t i = 0; i < LS_PLAN_SAMPLE; i++)
        times_s[i] = 3e-6 * level->sample[i].cost;
    for (size_t n = 1; n <= LS_PLAN_SAMPLE; n *= 2) /* however few, where costs are as predicted */
        ck_assert_double_eq_tol(ls_plan_level_seconds(level, n, times_s), 3e-6 * level->cost, 1e-9 * level->cost);

    const struct ls_plan_level two = {.n = 2, .cost = 4, .n_sample = 2, .sample = {{0, 3, 0}, {1, 1, 0}}};
    const double all_s[] = {5, 7}; /* with all cells tried, their sum */
    ck_assert_double_eq_tol(ls_plan_level_seconds(&two, 2, all_s), 12, 1e-12);
    ls_study_release(&study);
}
END_TEST

START_TEST(a_part_of_a_large_grid_stands_for_it)
{
    struct ls_study study = load_study(text, NULL, 0, 0);
    struct ls_plan all, part;
    ls_plan_make(&study, 1000000, &all);
    ls_plan_make(&study, 1000, &part);
    ck_assert_uint_eq(part.n_looked, 1000);
    for (int i = 0; i < LS_N_REASONS; i++)
        ck_assert_double_eq_tol((double)part.by_reason[i] / 1000, (double)all.by_reason[i] / (double)all.n_looked,
                                0.01);
    ck_assert_double_eq_tol(part.levels[LS_LOD_HIGH].cost / all.levels[LS_LOD_HIGH].cost, 1, 0.05);
    ls_study_release(&study);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan");
    TCase *tcase = tcase_create("plan");
    tcase_add_test(tcase, counts_are_those_of_the_cells);
    tcase_add_test(tcase, a_sample_tells_the_time_of_its_level);
    tcase_add_test(tcase, samples_are_drawn_from_all_cells_that_run);
    tcase_add_test(tcase, a_part_of_a_large_grid_stands_for_it);
    tcase_add_checked_fixture(tcase, NULL, remove_folder);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
