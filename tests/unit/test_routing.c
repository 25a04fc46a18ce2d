/* Promises of the routing of tokens to experts: exact loads where they can be told, balance by copies, and order. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/routing.h"
#include "tests/library_model.h"
#include "tests/suite.h"

static struct ls_model model;
static struct ls_expert_imbalance imbalance;
static struct ls_samples samples;
static double counts[256];

static void set_up(void)
{
    model = load_model("mixtral-8x7b");
    memset(&imbalance, 0, sizeof imbalance);
    ls_param_set_defaults(&ls_expert_imbalance_params, &imbalance);
}

static void count(size_t n, const double *values)
{
    double sum = 0;
    memcpy(counts, values, n * sizeof *values);
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    samples = (struct ls_samples){n, counts, sum / (double)n, 0, 1};
    (void)snprintf(imbalance.histogram.file, sizeof imbalance.histogram.file, "counts.csv");
    imbalance.histogram.samples = &samples;
}

static struct ls_expert_load load_of(const struct ls_shard *shard, int64_t n_tok)
{
    struct ls_routing routing;
    ls_routing_init(&routing, &imbalance, &model, shard);
    return ls_routing_load(&routing, &model, n_tok);
}

START_TEST(alike_means_balanced)
{
    const struct ls_shard shard = {1, 8, 1, 0};
    const struct ls_expert_load load = load_of(&shard, 3);
    ck_assert_double_eq(load.imbalance, 1);
    ck_assert_double_eq_tol(load.hit, 1 - pow(0.75, 3), 1e-12); /* two of eight, three times */
    imbalance.power_law = 0; /* any load from 1 to 200 is as likely: quantiles 1/16 … 15/16 */
    ck_assert_double_eq_tol(load_of(&shard, 100).imbalance, 8 * (1 + 199 * 15. / 16) / (8 + 199 * 4), 1e-12);
    count(8, (const double[]){7, 7, 7, 7, 7, 7, 7, 7});
    imbalance.power_law = NAN;
    ck_assert_double_eq_tol(load_of(&shard, 100).imbalance, 1, 1e-12);
    ck_assert_double_eq_tol(load_of(&shard, 4).hit, 1 - pow(0.75, 4), 1e-12);
}
END_TEST

START_TEST(counts_load_the_shards_in_their_order)
{
    count(8, (const double[]){8, 4, 2, 2, 0, 0, 0, 0});
    ck_assert_double_eq_tol(load_of(&(struct ls_shard){1, 4, 1, 0}, 64).imbalance, 4 * 12. / 16, 1e-12);
    ck_assert_double_eq_tol(load_of(&(struct ls_shard){1, 2, 1, 0}, 64).imbalance, 2, 1e-12);
    ck_assert_double_eq_tol(load_of(&(struct ls_shard){1, 1, 1, 0}, 64).imbalance, 1, 1e-12);
    ck_assert_double_eq_tol(load_of(&(struct ls_shard){2, 2, 2, 0}, 64).imbalance, 2, 1e-12); /* two shards */
    /* of two choices a token: the first always, the second with 1/2, the others with 1/4 */
    ck_assert_double_eq_tol(load_of(&(struct ls_shard){1, 2, 1, 0}, 1).hit, (1 + 0.5 + 0.25 + 0.25) / 8, 1e-12);
}
END_TEST

/* Eight copies for eight experts: the heaviest gets them, and pairs of heavy and light ones share a shard. */
START_TEST(copies_balance_the_shards)
{
    count(8, (const double[]){8, 1, 1, 1, 1, 1, 1, 2});
    const struct ls_shard plain = {1, 4, 1, 0}, copied = {1, 4, 1, 4};
    ck_assert_double_eq_tol(load_of(&plain, 64).imbalance, 4 * 9. / 16, 1e-12);
    const double balanced = load_of(&copied, 64).imbalance;
    ck_assert(balanced >= 1 && balanced < 1.2);
}
END_TEST

START_TEST(more_skew_and_more_shards_are_less_balanced)
{
    static const double exponents[] = {0.5, 1, 1.01, 1.2, 1.5};
    double before = 1;
    model = load_model("qwen3-235b-a22b");
    for (int i = 0; i < 5; i++) {
        imbalance.power_law = exponents[i];
        const double eight = load_of(&(struct ls_shard){1, 8, 1, 0}, 4096).imbalance;
        ck_assert_double_ge(eight, before);
        ck_assert_double_ge(load_of(&(struct ls_shard){1, 32, 1, 0}, 4096).imbalance, eight);
        ck_assert_double_lt(load_of(&(struct ls_shard){1, 8, 1, 32}, 4096).imbalance, eight);
        before = eight;
    }
}
END_TEST

START_TEST(quarters_of_the_experts_hit_have_their_rows)
{
    const struct ls_shard shard = {1, 1, 1, 0};
    count(8, (const double[]){4, 0, 1, 0, 8, 0, 2, 1}); /* five of them are ever chosen: 1, 1, 2, 4, 8 of 16 rows */
    const struct ls_expert_load many = load_of(&shard, 1000000);
    ck_assert_double_eq_tol(many.hit, 5. / 8, 1e-12);
    ck_assert_double_eq_tol(many.loads[0], 4 * 1.25 / 16, 1e-12);
    ck_assert_double_eq_tol(many.loads[1], 4 * (0.75 + 2 * 0.5) / 16, 1e-12);
    ck_assert_double_eq_tol(many.loads[2], 4 * (2 * 0.5 + 4 * 0.75) / 16, 1e-12);
    ck_assert_double_eq_tol(many.loads[3], 4 * (4 * 0.25 + 8) / 16, 1e-12);
    count(8, (const double[]){1, 2, 1, 1, 1, 0, 1, 1}); /* one token: as many rows as experts */
    const struct ls_expert_load one = load_of(&shard, 1);
    for (int i = 0; i < LS_N_LOADS; i++)
        ck_assert_double_eq_tol(one.loads[i], 1, 1e-12);
}
END_TEST

/* Rows of the busiest shard, and experts hit, never fall when tokens are added. */
START_TEST(loads_grow_with_the_tokens)
{
    struct ls_routing routing;
    const struct ls_shard shard = {1, 16, 1, 0};
    double rows = 0, hit = 0;
    model = load_model("deepseek-v3");
    imbalance.power_law = 1.2;
    ls_routing_init(&routing, &imbalance, &model, &shard);
    for (int64_t n_tok = 1; n_tok < 200000; n_tok += 1 + n_tok / 9) {
        const struct ls_expert_load load = ls_routing_load(&routing, &model, n_tok);
        ck_assert_double_ge(load.imbalance, 1);
        ck_assert_double_gt(load.imbalance * (double)n_tok, rows);
        ck_assert_double_ge(load.hit, hit);
        ck_assert_double_le(load.hit, 1);
        rows = load.imbalance * (double)n_tok;
        hit = load.hit;
    }
}
END_TEST

static struct ls_model grouped(int64_t experts, int64_t chosen, int64_t groups, int64_t chosen_groups)
{
    return (struct ls_model){
        .n_routed_experts = experts, .num_experts_per_tok = chosen, .n_group = groups, .topk_group = chosen_groups};
}

/* Two of four experts in two halves: one pair in six leaves a half out. */
START_TEST(choices_spread_over_parts_as_they_are_drawn)
{
    const struct ls_model four = grouped(4, 2, 1, 1), deepseek = grouped(256, 8, 8, 4), free = grouped(256, 8, 1, 1);
    ck_assert_double_eq_tol(ls_routing_parts(&four, 2), 2 * (1 - 1. / 6), 1e-12);
    ck_assert_double_eq_tol(ls_routing_parts(&four, 4), 2, 1e-12);
    ck_assert_double_eq(ls_routing_parts(&four, 1), 1);
    /* of eight groups four: on as many nodes; on four nodes of two groups, none of a node's in C(6,4) of C(8,4) */
    ck_assert_double_eq(ls_routing_parts(&deepseek, 1), 1);
    ck_assert_double_eq_tol(ls_routing_parts(&deepseek, 8), 4, 1e-12);
    ck_assert_double_eq_tol(ls_routing_parts(&deepseek, 4), 4 * (1 - 15. / 70), 1e-12);
    /* two of the 32 experts of a group, on four GPUs of eight */
    ck_assert_double_eq_tol(ls_routing_parts(&deepseek, 32), 16 * (1 - 24. * 23 / (32. * 31)), 1e-12);
    for (double parts = 2; parts <= 256; parts *= 2) {
        ck_assert_double_le(ls_routing_parts(&deepseek, parts), ls_routing_parts(&free, parts) + 0.2);
        ck_assert_double_le(ls_routing_parts(&deepseek, parts), 8 + 1e-9);
        ck_assert_double_gt(ls_routing_parts(&deepseek, parts), ls_routing_parts(&deepseek, parts / 2));
    }
    ck_assert_double_lt(ls_routing_parts(&deepseek, 8), 0.8 * ls_routing_parts(&free, 8));
}
END_TEST

START_TEST(foreign_counts_are_refused)
{
    struct ls_err err = {""};
    count(7, (const double[]){1, 1, 1, 1, 1, 1, 1});
    ck_assert_int_eq(ls_expert_imbalance_check(&imbalance, &model, &err), LS_INPUT);
    ck_assert_str_eq(err.text, "counts.csv has 7 values, the model 8 experts; write one for each");
    count(8, (const double[]){0, 0, 0, 0, 0, 0, 0, 0});
    ck_assert_int_eq(ls_expert_imbalance_check(&imbalance, &model, &err), LS_INPUT);
    imbalance.power_law = 1;
    ck_assert_int_eq(ls_expert_imbalance_check(&imbalance, &model, &err), LS_INPUT);
    ck_assert_str_eq(err.text, "file and power_law exclude each other; keep one of them");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("routing");
    TCase *tcase = tcase_create("routing");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, alike_means_balanced);
    tcase_add_test(tcase, counts_load_the_shards_in_their_order);
    tcase_add_test(tcase, copies_balance_the_shards);
    tcase_add_test(tcase, more_skew_and_more_shards_are_less_balanced);
    tcase_add_test(tcase, quarters_of_the_experts_hit_have_their_rows);
    tcase_add_test(tcase, loads_grow_with_the_tokens);
    tcase_add_test(tcase, choices_spread_over_parts_as_they_are_drawn);
    tcase_add_test(tcase, foreign_counts_are_refused);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
