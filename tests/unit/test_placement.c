/* Promises of placement: ranks are numbered in the cluster's order, nodes fill up one by one, groups count both. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/hardware/cluster.h"
#include "tests/suite.h"

static struct ls_cluster make_cluster(const char *rank_order)
{
    struct ls_cluster cluster = {.nodes = 4, .gpus_per_node = 8};
    (void)snprintf(cluster.rank_order, sizeof cluster.rank_order, "%s", rank_order);
    return cluster;
}

static struct ls_placement place(const char *rank_order, struct ls_strategy strategy)
{
    const struct ls_cluster cluster = make_cluster(rank_order);
    struct ls_placement placement;
    struct ls_err err;
    ck_assert_int_eq(ls_placement_init(&placement, &cluster, &strategy, &err), LS_OK);
    return placement;
}

static void assert_group(struct ls_group group, int64_t size, int64_t nodes, int64_t ranks_per_node)
{
    ck_assert_int_eq(group.size, size);
    ck_assert_int_eq(group.nodes, nodes);
    ck_assert_int_eq(group.ranks_per_node, ranks_per_node);
}

static const int64_t origin[LS_N_DIMS] = {0};

START_TEST(ranks_follow_the_order)
{
    const struct ls_strategy strategy = {.tp = 4, .pp = 2, .dp = 2, .ep = 2};
    const int64_t coordinate[LS_N_DIMS] = {[LS_TP] = 3, [LS_EP] = 1, [LS_PP] = 1, [LS_DP] = 1};
    struct ls_placement placement = place("tp ep pp dp", strategy);
    ck_assert_int_eq(ls_placement_rank(&placement, coordinate), 3 + 4 + 8 + 16);
    placement = place("dp pp tp ep", strategy);
    ck_assert_int_eq(placement.stride[LS_DP], 1);
    ck_assert_int_eq(placement.stride[LS_PP], 2);
    ck_assert_int_eq(placement.stride[LS_TP], 4);
    ck_assert_int_eq(placement.stride[LS_EP], 16);
    ck_assert_int_eq(ls_placement_node(&placement, 7), 0);
    ck_assert_int_eq(ls_placement_node(&placement, 8), 1);
}
END_TEST

START_TEST(every_rank_has_one_coordinate)
{
    const struct ls_placement placement =
        place("pp tp dp ep", (struct ls_strategy){.tp = 2, .pp = 3, .dp = 4, .ep = 5});
    int seen[2 * 3 * 4 * 5] = {0};
    for (int64_t tp = 0; tp < 2; tp++)
        for (int64_t pp = 0; pp < 3; pp++)
            for (int64_t dp = 0; dp < 4; dp++)
                for (int64_t ep = 0; ep < 5; ep++)
                    seen[ls_placement_rank(&placement,
                                           (int64_t[]){[LS_TP] = tp, [LS_EP] = ep, [LS_PP] = pp, [LS_DP] = dp})]++;
    for (int i = 0; i < 2 * 3 * 4 * 5; i++)
        ck_assert_int_eq(seen[i], 1);
}
END_TEST

START_TEST(a_group_knows_its_nodes)
{
    const struct ls_placement placement =
        place("tp ep pp dp", (struct ls_strategy){.tp = 4, .pp = 2, .dp = 2, .ep = 2});
    assert_group(ls_placement_group(&placement, 1u << LS_TP, origin), 4, 1, 4);
    assert_group(ls_placement_group(&placement, 1u << LS_TP | 1u << LS_EP, origin), 8, 1, 8);
    assert_group(ls_placement_group(&placement, 1u << LS_PP, origin), 2, 2, 1);
    assert_group(ls_placement_group(&placement, 1u << LS_DP, origin), 2, 2, 1);
    assert_group(ls_placement_group(&placement, 15, origin), 32, 4, 8);
    assert_group(ls_placement_group(&placement, 0, origin), 1, 1, 1);
}
END_TEST

START_TEST(a_group_that_does_not_divide_a_node_straddles_it)
{
    const struct ls_placement placement =
        place("tp ep pp dp", (struct ls_strategy){.tp = 6, .pp = 1, .dp = 2, .ep = 1});
    const int64_t second[LS_N_DIMS] = {[LS_DP] = 1};
    assert_group(ls_placement_group(&placement, 1u << LS_TP, origin), 6, 1, 6);
    assert_group(ls_placement_group(&placement, 1u << LS_TP, second), 6, 2, 4);
}
END_TEST

START_TEST(the_origin_inside_the_group_does_not_matter)
{
    const struct ls_placement placement =
        place("ep tp dp pp", (struct ls_strategy){.tp = 4, .pp = 2, .dp = 2, .ep = 4});
    const int64_t inside[LS_N_DIMS] = {[LS_TP] = 2, [LS_EP] = 3, [LS_DP] = 1};
    const int64_t edge[LS_N_DIMS] = {[LS_DP] = 1};
    const unsigned dims = 1u << LS_TP | 1u << LS_EP;
    const struct ls_group a = ls_placement_group(&placement, dims, inside);
    const struct ls_group b = ls_placement_group(&placement, dims, edge);
    assert_group(a, b.size, b.nodes, b.ranks_per_node);
}
END_TEST

START_TEST(a_bad_order_is_refused)
{
    static const char *const orders[] = {"", "tp ep pp", "tp tp pp dp", "tp ep pp dp dp", "tp ep pp xp", "tpep pp dp"};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        const struct ls_cluster cluster = make_cluster(orders[i]);
        const struct ls_strategy strategy = {.tp = 1, .pp = 1, .dp = 1, .ep = 1};
        struct ls_placement placement;
        struct ls_err err = {""};
        ck_assert_int_eq(ls_placement_init(&placement, &cluster, &strategy, &err), LS_INPUT);
        ck_assert_ptr_nonnull(strstr(err.text, "cluster.rank_order"));
    }
}
END_TEST

START_TEST(nulls_of_a_cluster_come_from_the_hardware)
{
    struct ls_cluster cluster = {
        .hardware = {.gpus_per_node = 8,
                     .nics_per_node = 4,
                     .topology = LS_TOPOLOGY_RING,
                     .intra_node = {3e11, 3e-6},
                     .inter_node = {5e10, 8e-6}},
        .gpus_per_node = LS_NULL_INT,
        .nics_per_node = 2,
        .topology = LS_NULL_CHOICE,
        .intra_node = {NAN, 1e-6},
        .inter_node = {NAN, NAN},
        .client = {NAN, NAN},
    };
    ls_cluster_complete(&cluster);
    ck_assert_int_eq(cluster.gpus_per_node, 8);
    ck_assert_int_eq(cluster.nics_per_node, 2);
    ck_assert_int_eq(cluster.topology, LS_TOPOLOGY_RING);
    ck_assert_double_eq(cluster.intra_node.bandwidth_bytes_per_s, 3e11);
    ck_assert_double_eq(cluster.intra_node.latency_s, 1e-6);
    ck_assert_double_eq(cluster.inter_node.bandwidth_bytes_per_s, 5e10);
    ck_assert_double_eq(cluster.inter_node.latency_s, 8e-6);
    ck_assert_double_nan(cluster.client.latency_s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("placement");
    TCase *tcase = tcase_create("placement");
    tcase_add_test(tcase, ranks_follow_the_order);
    tcase_add_test(tcase, every_rank_has_one_coordinate);
    tcase_add_test(tcase, a_group_knows_its_nodes);
    tcase_add_test(tcase, a_group_that_does_not_divide_a_node_straddles_it);
    tcase_add_test(tcase, the_origin_inside_the_group_does_not_matter);
    tcase_add_test(tcase, a_bad_order_is_refused);
    tcase_add_test(tcase, nulls_of_a_cluster_come_from_the_hardware);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
