/* Promises about every run: nobody is lost or invented, tokens come out as they were asked for, Little's law holds, and
 * shares are shares. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/memory/serving_memory.h"
#include "tests/property/run_serving.h"
#include "tests/random_scenario.h"
#include "tests/suite.h"

enum { N_SCENARIOS = 300 };

static struct random_scenario drawn;
static struct run run;

static const double *simulate(enum ls_lod lod)
{
    drawn.scenario.strategy.lod = (int32_t)lod;
    return run_serving(&run, &drawn.scenario, drawn.kv_blocks);
}

#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            random_scenario_print(&drawn);                                                                             \
        ck_assert_msg(condition, "scenario %d: " #condition, (int)drawn.number);                                       \
    } while (0)

/* What the accepted ones among the run's requests have to compute and to say. */
struct demand {
    int64_t n, n_rejected, prompt_tok, output_tok;
};

static struct demand demand_of_run(void)
{
    const struct ls_scenario *scenario = &drawn.scenario;
    const struct ls_engine *engine = &scenario->engine;
    const int64_t max_len = engine->max_model_len == LS_NULL_INT ? INT32_MAX : engine->max_model_len;
    const int64_t pool_tok = (drawn.kv_blocks - ls_state_blocks(scenario)) * engine->block_size;
    struct demand demand = {0};
    struct ls_source source;
    struct ls_arrival arrival;
    ls_source_init(&source, scenario);
    while (demand.n < run.collector.n_all_arrived) {
        if (!ls_source_next(&source, &arrival))
            ck_assert(ls_source_follow(&source, &(struct ls_follower){.any = true}, &arrival));
        int64_t output = arrival.output_tok;
        demand.n++;
        if (arrival.prompt_tok < max_len && output > max_len - arrival.prompt_tok)
            output = max_len - arrival.prompt_tok;
        if (arrival.prompt_tok >= max_len || arrival.prompt_tok + output - 1 > pool_tok ||
            (!engine->enable_chunked_prefill && arrival.prompt_tok > engine->max_num_batched_tokens)) {
            demand.n_rejected++;
            continue;
        }
        demand.prompt_tok += arrival.prompt_tok;
        demand.output_tok += output;
    }
    return demand;
}

START_TEST(drained_runs_complete_everything_once)
{
    for (int i = 0; i < N_SCENARIOS; i++) {
        random_scenario_draw_with(
            &drawn, (uint64_t)i,
            &(struct random_limits){.drain = true, .other_engine = i % 3 == 0, .swapping = i % 5 == 0});
        for (int32_t j = 0; j < drawn.scenario.workload.n_profiles; j++)
            drawn.scenario.workload.profiles[j].streaming = 1;
        (void)simulate(i % 4 ? LS_LOD_MEDIUM : LS_LOD_HIGH);
        const struct demand demand = demand_of_run();
        EXPECT(run.collector.n_all_arrived == run.collector.n_all_completed + run.collector.n_all_rejected);
        EXPECT(run.collector.n_all_rejected == demand.n_rejected);
        EXPECT(run.collector.n_output_tok == demand.output_tok);
        EXPECT(run.collector.n_prompt_tok == demand.prompt_tok);
        EXPECT(run.collector.sketch[LS_QMETRIC_ITL].count == demand.output_tok - run.collector.n_all_completed);
    }
}
END_TEST

/* Over [0, last completion], each request is in the system from its arrival to its completion: the time average of
 * those who wait and run is the sum of residences over that time, which is throughput times mean residence. Exact, so
 * what is left is the rounding of doubles. */
START_TEST(littles_law_holds)
{
    for (int i = 0; i < N_SCENARIOS; i++) {
        random_scenario_draw_with(
            &drawn, (uint64_t)i,
            &(struct random_limits){
                .drain = true, .drafts = i % 3 == 0, .sharing = i % 2 == 0, .swapping = i % 5 == 0});
        const double *m = simulate(i % 4 ? LS_LOD_MEDIUM : LS_LOD_HIGH);
        if (run.collector.n_all_completed == 0)
            continue;
        const double in_system = m[LS_METRIC_QUEUE_DEPTH_MEAN] + m[LS_METRIC_RUNNING_MEAN];
        const double by_law = m[LS_METRIC_REQUEST_THROUGHPUT] * m[LS_METRIC_E2E_MEAN_S];
        EXPECT(fabs(in_system - by_law) <= 1e-10 * by_law);
    }
}
END_TEST

static bool is_share(double value)
{
    return isnan(value) || (value >= 0 && value <= 1 + 1e-12);
}

START_TEST(shares_lie_between_nothing_and_all)
{
    for (int i = 0; i < N_SCENARIOS; i++) {
        random_scenario_draw_with(&drawn, (uint64_t)i, &(struct random_limits){.other_engine = i % 3 == 0});
        const bool high = i % 4 == 0;
        const double *m = simulate(high ? LS_LOD_HIGH : LS_LOD_MEDIUM);
        EXPECT(is_share(m[LS_METRIC_SUCCESS_RATE]));
        EXPECT(is_share(m[LS_METRIC_SUCCESS_RATE_FINISHED]));
        EXPECT(is_share(m[LS_METRIC_GPU_UTILIZATION]));
        EXPECT(is_share(m[LS_METRIC_MFU]));
        EXPECT(is_share(m[LS_METRIC_COMM_FRAC]));
        EXPECT(is_share(m[LS_METRIC_BUBBLE_FRAC]));
        EXPECT(is_share(m[LS_METRIC_KV_UTILIZATION_MEAN]));
        EXPECT(is_share(m[LS_METRIC_KV_UTILIZATION_MAX]));
        EXPECT(!(m[LS_METRIC_KV_UTILIZATION_MEAN] > m[LS_METRIC_KV_UTILIZATION_MAX] + 1e-12));
        EXPECT(!(m[LS_METRIC_GOODPUT] > m[LS_METRIC_REQUEST_THROUGHPUT] * (1 + 1e-12)) ||
               drawn.scenario.workload.warmup_s > 0);
        if (drawn.scenario.strategy.pp == 1)
            EXPECT(!(fabs(m[LS_METRIC_BUBBLE_FRAC]) > 1e-12)); /* one stage has nobody to wait for */
    }
}
END_TEST

START_TEST(unfinished_requests_are_those_that_the_end_cuts_off)
{
    for (int i = 0; i < N_SCENARIOS; i++) {
        random_scenario_draw_with(&drawn, (uint64_t)i, &(struct random_limits){.other_engine = i % 2 == 0});
        const double *m = simulate(LS_LOD_MEDIUM);
        EXPECT(m[LS_METRIC_N_UNFINISHED] >= 0);
        EXPECT(m[LS_METRIC_N_ARRIVED] ==
               m[LS_METRIC_N_COMPLETED] + m[LS_METRIC_N_REJECTED] + m[LS_METRIC_N_UNFINISHED]);
        EXPECT(run.collector.last_completion_ps <= run.collector.horizon_ps);
        EXPECT(!drawn.scenario.workload.drain || m[LS_METRIC_N_UNFINISHED] == 0);
    }
}
END_TEST

/* The event loop of medium: an arrival, or a pass that ends. */
START_TEST(medium_counts_arrivals_and_passes_as_events)
{
    for (int i = 0; i < N_SCENARIOS / 3; i++) {
        random_scenario_draw_with(&drawn, (uint64_t)i, &(struct random_limits){.drain = true});
        const double *m = simulate(LS_LOD_MEDIUM);
        EXPECT(m[LS_METRIC_N_EVENTS] == (double)run.collector.n_all_arrived + m[LS_METRIC_N_STEPS]);
    }
}
END_TEST

/* A load without chance has the same utilisations over a part of it as over the whole, and cutting the run off in the
 * middle of a step changes little. */
START_TEST(a_warm_up_leaves_a_steady_load_s_utilizations_alone)
{
    static const enum ls_scalar_metric steady[] = {LS_METRIC_MFU,
                                                   LS_METRIC_MBU,
                                                   LS_METRIC_COMM_FRAC,
                                                   LS_METRIC_LINK_UTILIZATION_MEAN,
                                                   LS_METRIC_GPU_UTILIZATION,
                                                   LS_METRIC_BUBBLE_FRAC,
                                                   LS_METRIC_KV_UTILIZATION_MEAN,
                                                   LS_METRIC_RUNNING_MEAN};
    struct ls_scenario *scenario = &drawn.scenario;
    double whole[LS_N_SCALAR_METRICS];
    random_scenario_draw(&drawn, 0);
    scenario_make(scenario, _i ? scenario_mixtral : scenario_llama_70b);
    (void)scenario_add_profile(scenario, 2, 300, 60);
    scenario->workload.profiles[0].arrivals.process = LS_ARRIVALS_CONSTANT;
    scenario->workload.duration_s = 200;
    scenario->strategy.tp = 4;
    scenario->strategy.pp = 2;
    scenario->cluster.gpus_per_node = 2;
    scenario->cluster.nodes = 4;
    scenario->cluster.nics_per_node = 2;
    enum ls_reason reason;
    struct ls_err err;
    ck_assert_int_eq(ls_scenario_resolve(scenario, &reason, &err), LS_OK);
    drawn.kv_blocks = 10000;
    const double *m = simulate(LS_LOD_MEDIUM);
    for (size_t i = 0; i < LS_N_SCALAR_METRICS; i++)
        whole[i] = m[i];
    for (int drain = 0; drain < 2; drain++) {
        scenario->workload.warmup_s = 100;
        scenario->workload.drain = drain;
        m = simulate(LS_LOD_MEDIUM);
        for (size_t i = 0; i < sizeof steady / sizeof steady[0]; i++) {
            const char *name = ls_metric_infos[steady[i]].name;
            ck_assert_msg(whole[steady[i]] > 0, "%s", name);
            ck_assert_msg(fabs(m[steady[i]] / whole[steady[i]] - 1) < 0.03, "%s: %g over all, %g over the half", name,
                          whole[steady[i]], m[steady[i]]);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conservation");
    TCase *tcase = tcase_create("conservation");
    if (!run_init(&run))
        return EXIT_FAILURE;
    tcase_add_test(tcase, drained_runs_complete_everything_once);
    tcase_add_test(tcase, littles_law_holds);
    tcase_add_test(tcase, shares_lie_between_nothing_and_all);
    tcase_add_test(tcase, unfinished_requests_are_those_that_the_end_cuts_off);
    tcase_add_test(tcase, medium_counts_arrivals_and_passes_as_events);
    tcase_add_loop_test(tcase, a_warm_up_leaves_a_steady_load_s_utilizations_alone, 0, 2);
    suite_add_tcase(suite, tcase);
    const int status = suite_run(suite);
    run_release(&run);
    return status;
}
