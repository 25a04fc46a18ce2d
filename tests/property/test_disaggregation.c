/* Promises of separate pools for prompts and decodes: medium and high are the same simulation where nothing queues for
 * a link, nobody is lost between the pools, and what a lone request takes can be added up by hand. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/serving/deployment/disaggregation.h"
#include "tests/property/run_serving.h"
#include "tests/random_scenario.h"
#include "tests/suite.h"

enum { N_SCENARIOS = 300 };

static struct random_scenario drawn;
static struct run run;
static int64_t kv_blocks[LS_N_POOL_ROLES];
static struct ls_scenario scenario;
static struct ls_sim *sim;

/* -- random deployments -- */

static void draw(uint64_t number, bool drain)
{
    const struct random_limits limits = {
        .other_engine = number % 2 > 0, .drafts = number % 5 == 0, .drain = drain, .pools = true};
    random_scenario_draw_with(&drawn, number, &limits);
    kv_blocks[LS_POOL_PREFILL] = drawn.kv_blocks;
    kv_blocks[LS_POOL_DECODE] = drawn.decode_blocks;
}

static struct ls_metrics simulate(enum ls_lod lod, bool contention)
{
    drawn.scenario.strategy.lod = (int32_t)lod;
    drawn.scenario.cluster.contention = contention;
    (void)run_serving_pools(&run, &drawn.scenario, kv_blocks);
    return run.metrics;
}

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

START_TEST(medium_equals_high_where_links_do_not_queue)
{
    int n_preempted = 0, n_waited = 0;
    for (int i = 0; i < N_SCENARIOS; i++) {
        draw((uint64_t)i, false);
        const struct ls_metrics medium = simulate(LS_LOD_MEDIUM, false), high = simulate(LS_LOD_HIGH, false);
        const double *a = (const double *)&medium, *b = (const double *)&high;
        char name[64];
        for (size_t j = 0; j < LS_N_COLUMNS; j++)
            if (j != LS_METRIC_N_EVENTS && !same(a[j], b[j])) {
                random_scenario_print(&drawn);
                ck_abort_msg("scenario %d: %s is %.17g at medium, %.17g at high", i,
                             ls_metric_column_name(j, name, sizeof name), a[j], b[j]);
            }
        n_preempted += a[LS_METRIC_N_PREEMPTIONS] > 0;
        n_waited += a[LS_METRIC_HANDOVER_WAIT_MEAN_S] > 0;
    }
    ck_assert_int_ge(n_preempted, 10); /* what is rare has been there */
    ck_assert_int_ge(n_waited, 100);
}
END_TEST

static void expect_all_done(const double *m)
{
    ck_assert_msg(m[LS_METRIC_N_COMPLETED] + m[LS_METRIC_N_REJECTED] == m[LS_METRIC_N_ARRIVED], "scenario %d",
                  (int)drawn.number);
}

/* Drained, everything completes, whatever queues: assertions of the engine hold blocks and requests together. */
START_TEST(nobody_is_lost_between_the_pools)
{
    int n_later = 0;
    for (int i = 0; i < N_SCENARIOS; i++) {
        draw((uint64_t)i, true);
        const struct ls_metrics medium = simulate(LS_LOD_MEDIUM, true);
        expect_all_done(medium.scalar);
        if (i % 3)
            continue;
        const struct ls_metrics high = simulate(LS_LOD_HIGH, true);
        expect_all_done(high.scalar);
        n_later += high.scalar[LS_METRIC_TRANSFER_MEAN_S] > medium.scalar[LS_METRIC_TRANSFER_MEAN_S];
    }
    ck_assert_int_ge(n_later, 10);
}
END_TEST

/* -- deployments whose times are known -- */

static const double *metrics_of(void)
{
    static struct ls_result result;
    result = scenario_run(sim, &scenario);
    ck_assert_int_eq(result.status, LS_CELL_DONE);
    return result.metrics.scalar;
}

enum { PROMPT_TOK = 1000, OUTPUT_TOK = 20 };

/* A prefill replica and a decode replica on a node each; one request. */
static void make(void)
{
    scenario_make(&scenario, scenario_llama_70b);
    scenario_set_all(&scenario, scenario_no_front_end);
    (void)scenario_add_profile(&scenario, 1, PROMPT_TOK, OUTPUT_TOK);
    scenario.workload.max_requests = 1;
    scenario_set(&scenario, "strategy.tp", "8");
    scenario_set(&scenario, "prices.gpu_usd_per_h", "2");
    scenario_set(&scenario, "engine.disaggregation.prefill.replicas", "1");
    scenario_set(&scenario, "engine.disaggregation.decode.replicas", "1");
    scenario_set(&scenario, "engine.disaggregation.transfer.bandwidth", "10 GB/s");
    scenario_set(&scenario, "engine.disaggregation.transfer.latency", "3 ms");
}

/* One pool of the same kind, for comparison. */
static void make_colocated(int output_tok)
{
    make();
    for (int i = 0; i < LS_N_POOL_ROLES; i++)
        scenario.engine.disaggregation.pools[i].replicas = LS_NULL_INT;
    scenario.engine.disaggregation.transfer = (struct ls_link){NAN, NAN};
    scenario.workload.profiles[0].output_tokens.dist.value = output_tok;
}

START_TEST(a_lone_request_takes_prompt_transfer_and_decodes)
{
    make_colocated(OUTPUT_TOK);
    const double *m = metrics_of();
    const double first_s = m[LS_METRIC_TTFT_MEAN_S], decodes_s = m[LS_METRIC_E2E_MEAN_S] - first_s;
    make();
    /* 80 layers of 8 KV heads of 128, keys and values of 2 bytes; over 8 GPUs, each with a NIC */
    const double kv_bytes = 80.0 * 8 * 128 * 2 * 2 * PROMPT_TOK, transfer_s = 3e-3 + kv_bytes / 8 / 10e9;
    m = metrics_of();
    ck_assert_double_eq_tol(m[LS_METRIC_TTFT_MEAN_S], first_s, 1e-11);
    ck_assert_double_eq_tol(m[LS_METRIC_TRANSFER_MEAN_S], transfer_s, 1e-8);
    ck_assert_double_eq_tol(m[LS_METRIC_HANDOVER_WAIT_MEAN_S], 0, 1e-12);
    ck_assert_double_eq_tol(m[LS_METRIC_E2E_MEAN_S], first_s + transfer_s + decodes_s, 1e-8);
    /* the gap to the second token holds the transfer */
    ck_assert_double_eq_tol(m[LS_METRIC_TPOT_MEAN_S], (transfer_s + decodes_s) / (OUTPUT_TOK - 1), 1e-8);
    ck_assert_double_eq_tol(m[LS_METRIC_ITL_MEAN_S], m[LS_METRIC_TPOT_MEAN_S], 1e-8);
    ck_assert_double_eq_tol(m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT_PER_GPU], m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT] / 16,
                            1e-9);
    ck_assert_double_eq_tol(m[LS_METRIC_USD_PER_MTOK], 2 * 16 / 3600.0 * 1e6 / m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT],
                            1e-6);
}
END_TEST

/* Every draft is accepted: 19 tokens take four passes, each with a token and four drafts. A layer that drafts has keys
 * and values of its own, beside those of the 80. */
START_TEST(decodes_with_drafts_have_the_drafters_cache_too)
{
    const double kv_bytes = 81.0 * 8 * 128 * 2 * 2 * PROMPT_TOK;
    make();
    scenario_set(&scenario, "engine.speculative.method", "mtp");
    scenario_set(&scenario, "engine.speculative.acceptance.dist", "constant");
    scenario_set(&scenario, "engine.speculative.acceptance.value", "1");
    const double *m = metrics_of();
    ck_assert_double_eq_tol(m[LS_METRIC_TRANSFER_MEAN_S], 3e-3 + kv_bytes / 8 / 10e9, 1e-8);
    ck_assert_double_eq_tol(m[LS_METRIC_N_STEPS], 1 + 4, 1e-12);
    ck_assert_double_eq_tol(m[LS_METRIC_TOKENS_PER_VERIFICATION], 19.0 / 4, 1e-12);
    scenario_set(&scenario, "engine.speculative.method", "ngram");
    ck_assert_double_eq_tol(metrics_of()[LS_METRIC_TRANSFER_MEAN_S], 3e-3 + kv_bytes / 81 * 80 / 8 / 10e9, 1e-8);
}
END_TEST

/* The fuller side decides: fewer receivers hold more each, and NICs that GPUs share carry what they all hold. */
START_TEST(the_busier_side_of_a_transfer_decides)
{
    const double kv_bytes = 80.0 * 8 * 128 * 2 * 2 * PROMPT_TOK;
    make();
    scenario_set(&scenario, "engine.disaggregation.decode.tp", "4");
    ck_assert_double_eq_tol(metrics_of()[LS_METRIC_TRANSFER_MEAN_S], 3e-3 + kv_bytes / 4 / 10e9, 1e-8);
    scenario_set(&scenario, "engine.disaggregation.decode.pp", "2"); /* half of the layers each */
    ck_assert_double_eq_tol(metrics_of()[LS_METRIC_TRANSFER_MEAN_S], 3e-3 + kv_bytes / 8 / 10e9, 1e-8);
    scenario_set(&scenario, "cluster.nics_per_node", "2");
    ck_assert_double_eq_tol(metrics_of()[LS_METRIC_TRANSFER_MEAN_S], 3e-3 + kv_bytes / 2 / 10e9, 1e-8);
    scenario.engine.disaggregation.transfer = (struct ls_link){NAN, NAN}; /* the cluster's NICs, as they are reached */
    const double frac = scenario.cluster.hardware.kernels[0].collectives.network_frac;
    ck_assert_double_eq_tol(metrics_of()[LS_METRIC_TRANSFER_MEAN_S], 5e-6 + kv_bytes / 2 / (50e9 * frac), 1e-8);
    make(); /* a KV head on each of two tensor ranks: all of them receive it */
    scenario_set(&scenario, "strategy.tp", "16");
    scenario_set(&scenario, "cluster.nodes", "4");
    ck_assert_double_eq_tol(metrics_of()[LS_METRIC_TRANSFER_MEAN_S], 3e-3 + 2 * kv_bytes / 16 / 10e9, 1e-8);
}
END_TEST

/* Pools that fit on one node are on one node, and send over its links. */
START_TEST(pools_share_a_node_where_they_fit)
{
    const double kv_bytes = 80.0 * 8 * 128 * 2 * 2 * PROMPT_TOK;
    make();
    scenario_set(&scenario, "strategy.tp", "4");
    scenario_set(&scenario, "cluster.nodes", "1");
    scenario.engine.disaggregation.transfer = (struct ls_link){NAN, NAN};
    const double frac = scenario.cluster.hardware.kernels[0].collectives.send_frac;
    ck_assert_double_eq_tol(metrics_of()[LS_METRIC_TRANSFER_MEAN_S], 2e-6 + kv_bytes / 4 / (450e9 * frac), 1e-8);
}
END_TEST

/* Two prefill replicas end at the same instant and send to one decode replica: its NICs take one after the other. */
START_TEST(transfers_queue_at_high)
{
    double transfer_s[3];
    for (int lod = LS_LOD_MEDIUM; lod <= LS_LOD_HIGH; lod++) {
        make();
        scenario.strategy.lod = lod;
        scenario.workload.profiles[0].arrivals.process = LS_ARRIVALS_ALL_AT_ONCE;
        scenario.workload.max_requests = 2;
        scenario_set(&scenario, "cluster.nodes", "3");
        scenario_set(&scenario, "engine.disaggregation.prefill.replicas", "2");
        transfer_s[lod] = metrics_of()[LS_METRIC_TRANSFER_MEAN_S];
    }
    const double busy_s = 80.0 * 8 * 128 * 2 * 2 * PROMPT_TOK / 8 / 10e9;
    ck_assert_double_eq_tol(transfer_s[LS_LOD_MEDIUM], 3e-3 + busy_s, 1e-8);
    ck_assert_double_eq_tol(transfer_s[LS_LOD_HIGH], 3e-3 + busy_s + busy_s / 2, 1e-8);
}
END_TEST

/* A decode pool that is full keeps requests where they are, and the prefill pool from admitting more. */
START_TEST(a_full_decode_pool_holds_up_the_prefill_pool)
{
    double wait_s[2], first_s[2];
    for (int i = 0; i < 2; i++) {
        make();
        scenario.workload.profiles[0].arrivals.process = LS_ARRIVALS_ALL_AT_ONCE;
        scenario.workload.max_requests = 300;
        scenario.workload.profiles[0].output_tokens.dist.value = 500;
        scenario_set(&scenario, "engine.max_num_seqs", "256");
        scenario_set(&scenario, "engine.gpu_memory_utilization", i ? "0.28" : "0.9");
        const double *m = metrics_of();
        ck_assert_double_eq(m[LS_METRIC_N_COMPLETED], 300);
        wait_s[i] = m[LS_METRIC_HANDOVER_WAIT_MEAN_S];
        first_s[i] = m[LS_METRIC_TTFT_MEAN_S];
    }
    ck_assert_double_gt(wait_s[1], 2 * wait_s[0]);
    ck_assert_double_gt(first_s[1], 1.2 * first_s[0]);
}
END_TEST

static enum ls_reason reason_of(void)
{
    struct ls_scenario resolved = scenario;
    enum ls_reason reason;
    struct ls_err err = {""};
    ck_assert_msg(ls_scenario_resolve(&resolved, &reason, &err) == LS_OK, "%s", err.text);
    return reason;
}

START_TEST(gpus_add_up)
{
    make();
    scenario_set(&scenario, "strategy.tp", "4");
    scenario_set(&scenario, "engine.disaggregation.prefill.tp", "2");
    scenario_set(&scenario, "engine.disaggregation.decode.replicas", "3");
    ck_assert_int_eq(ls_scenario_gpus(&scenario), 2 + 3 * 4);
    ck_assert_int_eq(reason_of(), LS_REASON_NONE); /* 2, 2 idle, 12 of 16 */
    scenario_set(&scenario, "engine.disaggregation.prefill.replicas", "3");
    ck_assert_int_eq(reason_of(), LS_REASON_GPUS);
    scenario_set(&scenario, "cluster.nodes", "3");
    ck_assert_int_eq(reason_of(), LS_REASON_NONE);
    scenario_set(&scenario, "engine.disaggregation.decode.tp", "3");
    ck_assert_int_eq(reason_of(), LS_REASON_TP_HEADS);
    make();
    scenario_set(&scenario, "strategy.lod", "low");
    ck_assert_int_eq(reason_of(), LS_REASON_NONE);
}
END_TEST

/* Each pool computes at the speed, and costs the price, of its own GPUs, on nodes of their own. */
START_TEST(pools_may_have_hardware_of_their_own)
{
    make_colocated(1);
    const double first_s = metrics_of()[LS_METRIC_TTFT_MEAN_S];
    make();
    scenario_set(&scenario, "prices.gpu_usd_per_h", "null");
    scenario.cluster.hardware.price_usd_per_h = 3;
    struct ls_hardware *slow = &scenario.engine.disaggregation.pools[LS_POOL_DECODE].hardware;
    *slow = scenario.cluster.hardware;
    slow->memory_bandwidth_bytes_per_s /= 2;
    slow->price_usd_per_h = 1;
    slow->gpus_per_node = 4;
    scenario_set(&scenario, "cluster.nodes", "3");
    const double *m = metrics_of();
    const double tpot_s = m[LS_METRIC_TPOT_MEAN_S];
    ck_assert_double_eq_tol(m[LS_METRIC_TTFT_MEAN_S], first_s, 1e-11);
    ck_assert_double_eq_tol(m[LS_METRIC_USD_PER_MTOK],
                            (8 * 3 + 8 * 1) / 3600.0 * 1e6 / m[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT], 1e-6);
    make();
    ck_assert_double_gt(tpot_s, 1.5 * metrics_of()[LS_METRIC_TPOT_MEAN_S]);
    make();
    scenario.engine.disaggregation.pools[LS_POOL_DECODE].hardware = scenario.cluster.hardware;
    ck_assert_int_eq(reason_of(), LS_REASON_NONE);
    scenario.engine.disaggregation.pools[LS_POOL_DECODE].hardware.gpus_per_node = 4; /* a node of 8 and two of 4 */
    scenario_set(&scenario, "cluster.nodes", "2");
    ck_assert_int_eq(reason_of(), LS_REASON_GPUS);
}
END_TEST

static void refuse(const char *words)
{
    struct ls_scenario resolved = scenario;
    enum ls_reason reason;
    struct ls_err err = {""};
    ck_assert_int_eq(ls_scenario_resolve(&resolved, &reason, &err), LS_INPUT);
    ck_assert_msg(strstr(err.text, words) != NULL, "%s", err.text);
}

START_TEST(half_a_disaggregation_is_refused)
{
    make();
    scenario_set(&scenario, "engine.disaggregation.decode.replicas", "null");
    refuse("engine.disaggregation.decode.replicas: pools need their number of replicas");
    make_colocated(1);
    scenario_set(&scenario, "engine.disaggregation.transfer.bandwidth", "1 GB/s");
    refuse("engine.disaggregation.prefill.replicas");
    make();
    scenario_set(&scenario, "engine.preset", "static");
    refuse("static batches");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("disaggregation");
    TCase *tcase = tcase_create("disaggregation");
    sim = ls_sim_new();
    if (!sim || !run_init(&run))
        return EXIT_FAILURE;
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, medium_equals_high_where_links_do_not_queue);
    tcase_add_test(tcase, nobody_is_lost_between_the_pools);
    tcase_add_test(tcase, a_lone_request_takes_prompt_transfer_and_decodes);
    tcase_add_test(tcase, decodes_with_drafts_have_the_drafters_cache_too);
    tcase_add_test(tcase, the_busier_side_of_a_transfer_decides);
    tcase_add_test(tcase, pools_share_a_node_where_they_fit);
    tcase_add_test(tcase, transfers_queue_at_high);
    tcase_add_test(tcase, a_full_decode_pool_holds_up_the_prefill_pool);
    tcase_add_test(tcase, gpus_add_up);
    tcase_add_test(tcase, pools_may_have_hardware_of_their_own);
    tcase_add_test(tcase, half_a_disaggregation_is_refused);
    suite_add_tcase(suite, tcase);
    const int status = suite_run(suite);
    run_release(&run);
    ls_sim_free(sim);
    return status;
}
