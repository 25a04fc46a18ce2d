/* Promises of the exchange of tokens between experts: closed forms, and who wins where. */
#include <check.h>
#include <stdlib.h>

#include "engine/cost/exchange.h"
#include "engine/model/routing.h"
#include "tests/scenario.h"
#include "tests/suite.h"

static struct ls_cluster cluster;
static struct ls_model model;

static const struct ls_group node = {8, 1, 8}, four_nodes = {32, 4, 8}, sixteen_nodes = {128, 16, 8};

static void set_up(void)
{
    cluster = (struct ls_cluster){
        .nodes = 16,
        .gpus_per_node = 8,
        .nics_per_node = 8,
        .intra_node = {400e9, 1e-6},
        .inter_node = {50e9, 5e-6},
    };
    for (int library = 0; library < LS_N_EXCHANGE_LIBRARIES; library++)
        for (int way = 0; way < LS_N_EXCHANGE_WAYS; way++)
            cluster.hardware.kernels[0].exchange[library][way] =
                (struct ls_exchange_kernels){.launch_s = 20e-6, .row_s = 1e-9, .link_frac = 0.5, .network_frac = 0.8};
    model = (struct ls_model){.n_routed_experts = 256, .num_experts_per_tok = 8, .n_group = 1, .topk_group = 1};
}

static double seconds(enum ls_exchange_library library, const struct ls_group *group, double n_rows)
{
    const struct ls_token_exchange exchange = {n_rows, 7168, (double)group->size};
    const struct ls_collective_cost cost = ls_exchange_cost(&cluster, &model, library, LS_DISPATCH, group, &exchange);
    return ls_collective_seconds(&cost);
}

/* A row to each other GPU with experts of the token, or for each of them. */
START_TEST(a_node_exchanges_over_its_links)
{
    const double gpus = ls_routing_parts(&model, 8) * 7 / 8, experts = 8 * 7. / 8, wire_s = 7168 / 200e9;
    const double rows_s = 1000 * 1e-9;
    ck_assert_double_eq_tol(seconds(LS_EXCHANGE_DEEPEP_HT, &node, 1000), 20e-6 + rows_s + 1000 * gpus * wire_s, 1e-12);
    ck_assert_double_eq_tol(seconds(LS_EXCHANGE_DEEPEP_LL, &node, 1000), 20e-6 + rows_s + 1000 * experts * wire_s,
                            1e-12);
    cluster.hardware.kernels[0].exchange[LS_EXCHANGE_NVLINK_ONE_SIDED][LS_DISPATCH].copy_s = 1e-6;
    ck_assert_double_eq_tol(seconds(LS_EXCHANGE_NVLINK_ONE_SIDED, &node, 1000),
                            20e-6 + gpus * 1e-6 + rows_s + 1000 * gpus * wire_s, 1e-12);
}
END_TEST

/* Eight NICs for eight GPUs: each has one. */
START_TEST(nics_decide_between_nodes)
{
    const double nodes = ls_routing_parts(&model, 4) * 3 / 4, experts = 8 * 3. / 4, row_s = 7168 / 40e9;
    ck_assert_double_eq_tol(seconds(LS_EXCHANGE_DEEPEP_HT, &four_nodes, 1000), 20e-6 + 1000 * nodes * row_s, 1e-12);
    ck_assert_double_eq_tol(seconds(LS_EXCHANGE_DEEPEP_LL, &four_nodes, 1000), 20e-6 + 1000 * experts * row_s, 1e-12);
    ck_assert_double_gt(seconds(LS_EXCHANGE_DEEPEP_LL, &four_nodes, 1000),
                        1.5 * seconds(LS_EXCHANGE_DEEPEP_HT, &four_nodes, 1000));
}
END_TEST

START_TEST(a_token_that_keeps_to_few_nodes_leaves_less_often)
{
    const double anywhere = seconds(LS_EXCHANGE_DEEPEP_HT, &sixteen_nodes, 1000);
    model.n_group = 16;
    model.topk_group = 4;
    ck_assert_double_eq_tol(seconds(LS_EXCHANGE_DEEPEP_HT, &sixteen_nodes, 1000),
                            20e-6 + 1000 * 4 * 15. / 16 * 7168 / 40e9, 1e-12);
    ck_assert_double_lt(seconds(LS_EXCHANGE_DEEPEP_HT, &sixteen_nodes, 1000), 0.65 * anywhere);
}
END_TEST

START_TEST(nobody_exchanges_with_himself)
{
    const struct ls_group alone = {1, 1, 1};
    ck_assert_double_eq(seconds(LS_EXCHANGE_DEEPEP_LL, &alone, 1000), 0);
}
END_TEST

START_TEST(more_tokens_and_slower_networks_take_longer)
{
    for (int library = 0; library < LS_N_EXCHANGE_LIBRARIES; library++) {
        double before = 0;
        for (double n = 1; n < 1e5; n *= 3) {
            const double now = seconds((enum ls_exchange_library)library, &four_nodes, n);
            ck_assert_double_gt(now, before);
            before = now;
        }
        cluster.inter_node.bandwidth_bytes_per_s /= 2;
        ck_assert_double_gt(seconds((enum ls_exchange_library)library, &four_nodes, 59049), before);
        cluster.inter_node.bandwidth_bytes_per_s *= 2;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exchange");
    TCase *tcase = tcase_create("exchange");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, a_node_exchanges_over_its_links);
    tcase_add_test(tcase, nics_decide_between_nodes);
    tcase_add_test(tcase, a_token_that_keeps_to_few_nodes_leaves_less_often);
    tcase_add_test(tcase, nobody_exchanges_with_himself);
    tcase_add_test(tcase, more_tokens_and_slower_networks_take_longer);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
