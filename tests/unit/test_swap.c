/* Promises of swapping, as vLLM did it before V1, on cases small enough to follow by hand. That it fits together with
 * all else is test_plain_loop's. */
#include <check.h>

#include "tests/scheduler_case.h"
#include "tests/suite.h"

/* Bytes of one block in all layers, on one of eight GPUs: 4 tokens of one KV head's keys and values. */
static const double block_bytes = 4 * 80 * 2 * 128 * 2;

static void set_up(void)
{
    struct ls_err err;
    scheduler_case_set_up();
    ck_assert_int_eq(ls_model_complete(&scenario.model, &err), LS_OK);
    scenario.strategy.tp = 8;
    scenario.engine.kv_dtype = LS_BF16;
    scenario.engine.preemption = LS_PREEMPT_SWAP;
    scenario.engine.swap_space_bytes = 3.5 * block_bytes;
}

static void arrive(int32_t prompt_tok, int32_t output_tok)
{
    ck_assert(scheduler_case_arrive(scheduler_case_request(prompt_tok, output_tok)));
}

/* Play a pass: what it holds, who is swapped out then, and how many blocks it waits for. */
static void play(int64_t n_decode, int64_t prefill_tok, int64_t n_swapped, int64_t n_copied)
{
    const struct ls_batch *batch = &scheduler.slots[0].batch;
    ls_scheduler_compose(&scheduler, 0, now_ps, now_ps);
    ck_assert_int_eq(batch->n_decode, n_decode);
    ck_assert_int_eq(batch->prefill_tok, prefill_tok);
    ck_assert_int_eq(scheduler.swap.out.n, n_swapped);
    ck_assert_int_eq(scheduler.swap.copied[0], n_copied);
    scheduler.swap.copied[0] = 0;
    now_ps += 1000;
    ls_scheduler_complete(&scheduler, 0, now_ps, now_ps);
}

START_TEST(who_gives_way_keeps_what_it_has_computed)
{
    start(4);
    arrive(7, 4);
    arrive(5, 5);
    play(0, 12, 0, 0);
    play(2, 0, 0, 0); /* 8 and 6 tokens: two blocks each */
    arrive(1, 1);
    play(1, 0, 1, 2); /* the first needs a third block: the second goes with its two */
    ck_assert_int_eq(scheduler.swap.n_free, 1);
    ck_assert_int_eq(scheduler.n_free, 1);
    ck_assert_int_eq(collector.n_preemptions, 1);
    play(1, 0, 1, 0); /* one block is free, two are needed; nobody else may have it */
    ck_assert_int_eq(collector.n_completed, 1);
    play(1, 1, 0, 2); /* it is back and decodes its third token; then the one that waits is admitted */
    ck_assert_int_eq(scheduler.swap.n_free, 3);
    ck_assert_int_eq(collector.n_output_tok, 4 + 3 + 1);
    play(1, 0, 0, 0);
    play(1, 0, 0, 0);
    ck_assert_int_eq(collector.n_completed, 3);
    ck_assert_int_eq(scheduler.n_free, 4);
    ck_assert_int_eq(scheduler.swap.n_out, 1);
    ck_assert_int_eq(scheduler.swap.n_copied[0], 4);
}
END_TEST

/* A host with room for one block: the second request has two, and its tokens are computed again. */
START_TEST(whom_the_host_has_no_room_for_is_computed_again)
{
    scenario.engine.swap_space_bytes = 1.9 * block_bytes;
    start(4);
    arrive(7, 4);
    arrive(5, 5);
    play(0, 12, 0, 0);
    play(2, 0, 0, 0);
    play(1, 0, 0, 0);
    ck_assert_int_eq(collector.n_preemptions, 1);
    ck_assert_int_eq(scheduler.swap.n_out, 0);
    ck_assert_int_eq(scheduler.waiting.n, 1);
    play(1, 0, 0, 0); /* it needs two blocks for its first seven tokens */
    play(0, 7, 0, 0);
}
END_TEST

/* So is a request whose prompt is under way. */
START_TEST(prompts_under_way_are_computed_again)
{
    scenario.engine.max_num_batched_tokens = 8;
    scenario.engine.max_num_seqs = 2;
    start(4);
    arrive(4, 6);
    arrive(12, 2);
    play(0, 8, 0, 0); /* 4 and 4 */
    play(1, 0, 0, 0); /* the first takes a second block, and the seven tokens that come next find none */
    ck_assert_int_eq(collector.n_preemptions, 1);
    ck_assert_int_eq(scheduler.swap.n_out, 0);
    ck_assert_int_eq(scheduler.waiting.n, 1);
}
END_TEST

/* What prefix caching still knows need not be copied back. */
START_TEST(what_is_known_stays_where_it_is)
{
    scenario.engine.enable_prefix_caching = 1;
    start(5);
    arrive(7, 5);
    arrive(5, 5);
    ls_request_at(&pool, scheduler.waiting.line.tail)->content.stream = 1;
    play(0, 12, 0, 0);
    play(2, 0, 0, 0);
    play(2, 0, 0, 0); /* 9 and 7 tokens: all blocks are taken */
    play(2, 0, 0, 0);
    play(1, 0, 1, 2); /* 8 tokens in two blocks of the second: a third is not there */
    play(1, 0, 0, 0); /* and nobody has taken these two meanwhile */
    ck_assert_int_eq(collector.n_completed, 2);
    ck_assert_int_eq(scheduler.swap.n_free, 3);
}
END_TEST

START_TEST(driver_and_link_set_the_pace_of_copies)
{
    scenario.cluster.hardware.pcie_bandwidth_bytes_per_s = 32e9;
    scenario.engine.swap_copy_s = 2.3e-6;
    ck_assert_int_eq(ls_swap_block_ps(&scenario), 2 * 2300000); /* keys and values */
    scenario.engine.swap_copy_s = 1e-9;
    ck_assert_int_eq(ls_swap_block_ps(&scenario), 2 * 32000); /* 4 tokens of 128 numbers, 1,024 bytes */
    scenario.engine.preemption = LS_PREEMPT_RECOMPUTE;
    ck_assert_int_eq(ls_swap_block_ps(&scenario), 0);
}
END_TEST

/* Of a long request, layers that slide copy no more than their window. */
START_TEST(sliding_layers_copy_their_window)
{
    scenario.model.sliding_window = 6;
    start(4);
    arrive(7, 4);
    arrive(9, 1);
    struct ls_swap swap = scheduler.swap;
    ck_assert(ls_swap_put(&swap, &pool, scheduler.waiting.line.head, 3, true));
    ck_assert_int_eq(swap.copied[0], 3);
    ck_assert_int_eq(swap.copied[1], 2);
    ck_assert(!ls_swap_put(&swap, &pool, scheduler.waiting.line.tail, 1, true));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("swap");
    TCase *tcase = tcase_create("swap");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, who_gives_way_keeps_what_it_has_computed);
    tcase_add_test(tcase, whom_the_host_has_no_room_for_is_computed_again);
    tcase_add_test(tcase, what_is_known_stays_where_it_is);
    tcase_add_test(tcase, driver_and_link_set_the_pace_of_copies);
    tcase_add_test(tcase, sliding_layers_copy_their_window);
    tcase_add_test(tcase, prompts_under_way_are_computed_again);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
