/* Promises of collectives: closed forms where they exist, monotone in bytes and bandwidth, phases that add up. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "engine/cost/collective.h"
#include "tests/suite.h"

static const enum ls_collective all[] = {LS_ALL_REDUCE, LS_ALL_GATHER, LS_REDUCE_SCATTER, LS_ALL_TO_ALL, LS_SEND_RECV};
#define N_ALL (sizeof all / sizeof *all)

static struct ls_cluster make_cluster(void)
{
    const struct ls_collective_kernels ideal = {.all_reduce_frac = 1,
                                                .gather_frac = 1,
                                                .all_to_all_frac = 1,
                                                .send_frac = 1,
                                                .network_frac = 1,
                                                .direct_max_bytes = INFINITY};
    return (struct ls_cluster){
        .hardware = {.memory_bandwidth_bytes_per_s = INFINITY, .kernels[0].collectives = ideal},
        .nodes = 4,
        .gpus_per_node = 8,
        .nics_per_node = 8,
        .topology = LS_TOPOLOGY_SWITCH,
        .intra_node = {450e9, 3e-6},
        .inter_node = {50e9, 8e-6},
    };
}

static struct ls_group make_group(int64_t size, int64_t nodes)
{
    return (struct ls_group){.size = size, .nodes = nodes, .ranks_per_node = size / nodes};
}

static double seconds(const struct ls_cluster *cluster, enum ls_collective collective, struct ls_group group,
                      double bytes)
{
    const struct ls_collective_cost cost = ls_collective_cost(cluster, collective, &group, bytes);
    return ls_collective_seconds(&cost);
}

static struct ls_group group_of(enum ls_collective collective, int nodes)
{
    return collective == LS_SEND_RECV ? make_group(2, nodes > 1 ? 2 : 1) : make_group(8 * nodes, nodes);
}

START_TEST(ring_all_reduce_is_its_closed_form)
{
    const struct ls_cluster cluster = make_cluster();
    const double bytes = 1e9;
    for (int p = 2; p <= 8; p++) {
        const double ring = 2.0 * (p - 1) * 3e-6 + 2.0 * (p - 1) / p * bytes / 450e9;
        ck_assert_double_eq_tol(seconds(&cluster, LS_ALL_REDUCE, make_group(p, 1), bytes), ring, 1e-12);
    }
}
END_TEST

START_TEST(tree_wins_where_latency_rules)
{
    const struct ls_cluster cluster = make_cluster();
    ck_assert_double_eq_tol(seconds(&cluster, LS_ALL_REDUCE, make_group(8, 1), 8), 6 * 3e-6 + 16 / 450e9, 1e-12);
}
END_TEST

START_TEST(the_engines_own_kernel_takes_small_messages_inside_a_node)
{
    struct ls_cluster cluster = make_cluster();
    struct ls_collective_kernels *kernels = &cluster.hardware.kernels[0].collectives;
    kernels->direct_launch_s = 1e-6;
    kernels->one_shot_frac = 1;
    kernels->direct_max_bytes = 1e6;
    const struct ls_group node = make_group(8, 1);
    const double own_s = 1e-6 + 7 * 1e4 / 450e9;
    ck_assert_double_eq_tol(seconds(&cluster, LS_ALL_REDUCE, node, 1e4), own_s, 1e-12);
    cluster.nccl_only = true;
    const double nccl_s = seconds(&cluster, LS_ALL_REDUCE, node, 1e4);
    ck_assert_double_gt(nccl_s, own_s);
    kernels->one_shot_frac = 0;
    ck_assert_double_eq(seconds(&cluster, LS_ALL_REDUCE, node, 1e4), nccl_s);
}
END_TEST

START_TEST(hierarchical_all_reduce_beats_the_flat_ring_across_nodes)
{
    struct ls_cluster cluster = make_cluster();
    cluster.nics_per_node = 1;
    const struct ls_group group = make_group(32, 4);
    for (double bytes = 1e7; bytes <= 1e10; bytes *= 10) {
        const double inside = 2.0 * (7 * 3e-6 + 7.0 / 8 * bytes / 450e9);
        const double across = 2.0 * (3 * 8e-6 + 3.0 / 4 * bytes / 50e9);
        ck_assert_double_eq_tol(seconds(&cluster, LS_ALL_REDUCE, group, bytes), inside + across, 1e-12);
        ck_assert_double_lt(inside + across, 2.0 * 31 * 8e-6 + 2.0 * 31 / 32 * bytes / 50e9);
    }
}
END_TEST

START_TEST(all_to_all_pays_for_the_share_that_leaves_the_node)
{
    struct ls_cluster cluster = make_cluster();
    const double bytes = 1e9;
    ck_assert_double_eq_tol(seconds(&cluster, LS_ALL_TO_ALL, make_group(8, 1), bytes), 3e-6 + bytes * 7 / 8 / 450e9,
                            1e-12);
    ck_assert_double_eq_tol(seconds(&cluster, LS_ALL_TO_ALL, make_group(16, 2), bytes), 8e-6 + bytes / 2 / 50e9, 1e-12);
    cluster.nics_per_node = 4;
    ck_assert_double_eq_tol(seconds(&cluster, LS_ALL_TO_ALL, make_group(16, 2), bytes), 8e-6 + bytes / 50e9, 1e-12);
}
END_TEST

START_TEST(a_message_uses_one_link)
{
    struct ls_cluster cluster = make_cluster();
    ck_assert_double_eq_tol(seconds(&cluster, LS_SEND_RECV, make_group(2, 1), 9e8), 3e-6 + 2e-3, 1e-12);
    ck_assert_double_eq_tol(seconds(&cluster, LS_SEND_RECV, make_group(2, 2), 1e9), 8e-6 + 2e-2, 1e-12);
    cluster.topology = LS_TOPOLOGY_FULL_MESH;
    ck_assert_double_eq_tol(seconds(&cluster, LS_SEND_RECV, make_group(2, 1), 9e8), 3e-6 + 7 * 2e-3, 1e-12);
}
END_TEST

START_TEST(a_group_of_one_costs_nothing)
{
    const struct ls_cluster cluster = make_cluster();
    for (size_t i = 0; i < N_ALL; i++) {
        const struct ls_group one = make_group(1, 1);
        const struct ls_collective_cost cost = ls_collective_cost(&cluster, all[i], &one, 1e9);
        ck_assert_int_eq(cost.n_phases, 0);
        ck_assert_double_eq(ls_collective_seconds(&cost), 0);
    }
}
END_TEST

START_TEST(more_bytes_are_never_cheaper)
{
    for (size_t i = 0; i < N_ALL; i++)
        for (int topology = LS_TOPOLOGY_SWITCH; topology <= LS_TOPOLOGY_RAIL; topology++)
            for (int nodes = 1; nodes <= 4; nodes++) {
                struct ls_cluster cluster = make_cluster();
                cluster.topology = topology;
                double before = 0;
                for (double bytes = 1; bytes < 1e10; bytes *= 1.3) {
                    const double now = seconds(&cluster, all[i], group_of(all[i], nodes), bytes);
                    ck_assert_double_ge(now, before);
                    before = now;
                }
            }
}
END_TEST

START_TEST(more_bandwidth_is_never_slower)
{
    for (size_t i = 0; i < N_ALL; i++)
        for (int nodes = 1; nodes <= 4; nodes++)
            for (double bytes = 1; bytes < 1e10; bytes *= 10) {
                const struct ls_cluster cluster = make_cluster();
                struct ls_cluster faster_links = cluster;
                struct ls_cluster faster_nics = cluster;
                faster_links.intra_node.bandwidth_bytes_per_s *= 2;
                faster_nics.inter_node.bandwidth_bytes_per_s *= 2;
                const struct ls_group group = group_of(all[i], nodes);
                const double now = seconds(&cluster, all[i], group, bytes);
                ck_assert_double_le(seconds(&faster_links, all[i], group, bytes), now);
                ck_assert_double_le(seconds(&faster_nics, all[i], group, bytes), now);
            }
}
END_TEST

START_TEST(links_are_busy_no_longer_than_a_step)
{
    const struct ls_cluster cluster = make_cluster();
    for (size_t i = 0; i < N_ALL; i++)
        for (int nodes = 1; nodes <= 4; nodes++)
            for (double bytes = 1; bytes < 1e10; bytes *= 10) {
                const struct ls_group group = group_of(all[i], nodes);
                const struct ls_collective_cost cost = ls_collective_cost(&cluster, all[i], &group, bytes);
                ck_assert_int_ge(cost.n_phases, 1);
                for (int j = 0; j < cost.n_phases; j++) {
                    ck_assert_int_ge(cost.phases[j].n_steps, 1);
                    ck_assert_double_le(cost.phases[j].nic_s, cost.phases[j].step_s);
                    ck_assert_double_le(cost.phases[j].link_s, cost.phases[j].step_s);
                    if (nodes == 1)
                        ck_assert_double_eq(cost.phases[j].nic_s, 0);
                }
            }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("collective");
    TCase *tcase = tcase_create("collective");
    tcase_add_test(tcase, ring_all_reduce_is_its_closed_form);
    tcase_add_test(tcase, tree_wins_where_latency_rules);
    tcase_add_test(tcase, the_engines_own_kernel_takes_small_messages_inside_a_node);
    tcase_add_test(tcase, hierarchical_all_reduce_beats_the_flat_ring_across_nodes);
    tcase_add_test(tcase, all_to_all_pays_for_the_share_that_leaves_the_node);
    tcase_add_test(tcase, a_message_uses_one_link);
    tcase_add_test(tcase, a_group_of_one_costs_nothing);
    tcase_add_test(tcase, more_bytes_are_never_cheaper);
    tcase_add_test(tcase, more_bandwidth_is_never_slower);
    tcase_add_test(tcase, links_are_busy_no_longer_than_a_step);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
