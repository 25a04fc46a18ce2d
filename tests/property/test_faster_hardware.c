/* The promise that better hardware never hurts. It is exact where the engine decides nothing: requests served one at a
 * time, in order, so that each pass is the same and only shorter. Under load it cannot be: a faster engine composes
 * other batches, and list scheduling has its anomalies (Graham 1969). */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/property/run_serving.h"
#include "tests/random_scenario.h"
#include "tests/suite.h"

enum { N_SCENARIOS = 60 };

static struct random_scenario drawn;
static struct run run;

static void more_bandwidth(struct ls_scenario *scenario)
{
    scenario->cluster.hardware.memory_bandwidth_bytes_per_s *= 1.3;
}

static void more_flops(struct ls_scenario *scenario)
{
    for (int i = 0; i < LS_N_DTYPES; i++)
        scenario->cluster.hardware.peak.by_dtype[i] *= 1.3;
}

static void faster_links(struct ls_scenario *scenario)
{
    scenario->cluster.intra_node.bandwidth_bytes_per_s *= 1.3;
}

static void faster_nics(struct ls_scenario *scenario)
{
    scenario->cluster.inter_node.bandwidth_bytes_per_s *= 1.3;
}

static void more_nics(struct ls_scenario *scenario)
{
    scenario->cluster.nics_per_node *= 2;
}

static void closer_gpus(struct ls_scenario *scenario)
{
    scenario->cluster.intra_node.latency_s /= 2;
}

static void closer_nodes(struct ls_scenario *scenario)
{
    scenario->cluster.inter_node.latency_s /= 2;
}

static void faster_cpu(struct ls_scenario *scenario)
{
    scenario->engine.step_overhead_s /= 2;
    scenario->engine.step_overhead_per_seq_s /= 2;
    scenario->engine.context_token_overhead_s /= 2;
}

static const struct {
    const char *what;
    void (*improve)(struct ls_scenario *scenario);
} improvements[] = {
    {"memory bandwidth", more_bandwidth},    {"peak FLOPs", more_flops}, {"bandwidth inside a node", faster_links},
    {"bandwidth of a NIC", faster_nics},     {"NICs", more_nics},        {"latency inside a node", closer_gpus},
    {"latency between nodes", closer_nodes}, {"the CPU", faster_cpu},
};

enum { N_IMPROVEMENTS = sizeof improvements / sizeof improvements[0] };

static struct ls_metrics simulate(void)
{
    (void)run_serving(&run, &drawn.scenario, drawn.kv_blocks);
    return run.metrics;
}

START_TEST(better_hardware_is_never_slower)
{
    static const enum ls_scalar_metric slow[] = {LS_METRIC_MAKESPAN_S, LS_METRIC_TTFT_MEAN_S, LS_METRIC_E2E_MEAN_S,
                                                 LS_METRIC_TPOT_MEAN_S, LS_METRIC_QUEUE_WAIT_MEAN_S};
    struct ls_scenario *scenario = &drawn.scenario;
    int n_faster = 0;
    for (int i = 0; i < N_SCENARIOS; i++) {
        random_scenario_draw_with(&drawn, (uint64_t)i, &(struct random_limits){.drain = true});
        scenario->engine.max_num_seqs = 1;
        scenario->engine.router = 0; /* who goes where must not depend on speed */
        if (scenario->workload.n_profiles > 0 && scenario->workload.profiles[0].arrivals.process == LS_ARRIVALS_CLOSED)
            continue; /* nor who comes when */
        if (scenario->strategy.ep > 1)
            continue; /* nor whose prompts share a pass */
        const struct ls_metrics before = simulate();
        improvements[_i].improve(scenario);
        const struct ls_metrics after = simulate();
        for (size_t j = 0; j < sizeof slow / sizeof slow[0]; j++)
            ck_assert_msg(!(after.scalar[slow[j]] > before.scalar[slow[j]]),
                          "scenario %d: better %s, but %s was %.15g and is %.15g", i, improvements[_i].what,
                          ls_metric_infos[slow[j]].name, before.scalar[slow[j]], after.scalar[slow[j]]);
        n_faster += after.scalar[LS_METRIC_E2E_MEAN_S] < before.scalar[LS_METRIC_E2E_MEAN_S];
    }
    ck_assert_msg(n_faster > 5, "better %s made %d scenarios faster", improvements[_i].what, n_faster);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faster hardware");
    TCase *tcase = tcase_create("faster hardware");
    if (!run_init(&run))
        return EXIT_FAILURE;
    tcase_add_loop_test(tcase, better_hardware_is_never_slower, 0, N_IMPROVEMENTS);
    suite_add_tcase(suite, tcase);
    const int status = suite_run(suite);
    run_release(&run);
    return status;
}
