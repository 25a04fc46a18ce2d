/* Promises of the scheduler, as vLLM V1 keeps them (definitions, "vLLM V1's order"), on cases small enough to follow by
 * hand. That its short cuts change nothing is test_plain_loop's. */
#include <check.h>

#include "tests/scheduler_case.h"
#include "tests/suite.h"

static int32_t priority; /* of those who arrive */
static uint64_t stream;  /* what they say: engine/serving/workload/content.h */

static void set_up(void)
{
    scheduler_case_set_up();
    priority = 0;
}

static bool arrive(int32_t prompt_tok, int32_t output_tok)
{
    const uint32_t id = scheduler_case_request(prompt_tok, output_tok);
    struct ls_request *request = ls_request_at(&pool, id);
    request->priority = priority;
    request->content.stream = stream;
    return scheduler_case_arrive(id);
}

/* Compose a pass in a slot and say what it should hold. */
static void expect_pass(int slot, int64_t n_decode, int64_t n_prefill, int64_t prefill_tok)
{
    const struct ls_batch *batch = &scheduler.slots[slot].batch;
    ls_scheduler_compose(&scheduler, slot, now_ps, now_ps);
    ck_assert_int_eq(batch->n_decode, n_decode);
    ck_assert_int_eq(batch->n_prefill, n_prefill);
    ck_assert_int_eq(batch->prefill_tok, prefill_tok);
    ck_assert_int_eq(batch->n_tok, n_decode + prefill_tok);
    ck_assert_int_eq(batch->n_sampled, n_decode + n_prefill);
}

static void end_pass(int slot)
{
    now_ps += 1000;
    ls_scheduler_complete(&scheduler, slot, now_ps, now_ps);
}

static void expect_state(int64_t n_waiting, int64_t n_running, int64_t n_used)
{
    ck_assert_int_eq(scheduler.waiting.n, n_waiting);
    ck_assert_int_eq(scheduler.running.n, n_running);
    ck_assert_int_eq(scheduler.n_blocks - scheduler.n_free, n_used);
}

START_TEST(a_prompt_then_one_token_a_pass)
{
    start(100);
    ck_assert(arrive(10, 3));
    expect_pass(0, 0, 1, 10);
    ck_assert_int_eq(scheduler.slots[0].batch.prefill_context, 10);
    ck_assert_int_eq(scheduler.slots[0].batch.prefill_pairs, 55);
    expect_state(0, 1, 3);
    end_pass(0);
    ck_assert_int_eq(collector.n_output_tok, 1);
    expect_pass(0, 1, 0, 0);
    ck_assert_int_eq(scheduler.slots[0].batch.decode_context, 11);
    end_pass(0);
    expect_pass(0, 1, 0, 0); /* the twelfth token still fits the third block */
    ck_assert_int_eq(scheduler.slots[0].batch.decode_context, 12);
    expect_state(0, 1, 3);
    end_pass(0);
    expect_state(0, 0, 0);
    ck_assert_int_eq(collector.n_completed, 1);
    ck_assert_int_eq(collector.n_output_tok, 3);
    expect_pass(0, 0, 0, 0);
}
END_TEST

START_TEST(the_budget_cuts_the_last_prompt_and_decodes_go_first)
{
    start(100);
    arrive(10, 5);
    arrive(10, 5);
    expect_pass(0, 0, 2, 16); /* 10 and 6 */
    end_pass(0);
    expect_pass(0, 1, 1, 4);
    ck_assert_int_eq(scheduler.slots[0].batch.prefill_context, 10);
    ck_assert_int_eq(scheduler.slots[0].batch.prefill_pairs, 7 + 8 + 9 + 10);
    end_pass(0);
    arrive(40, 1);
    expect_pass(0, 2, 1, 14);
    end_pass(0);
    expect_pass(0, 2, 1, 14);
    end_pass(0);
    expect_pass(0, 2, 1, 12);
    ck_assert_int_eq(scheduler.slots[0].batch.prefill_context, 40);
}
END_TEST

START_TEST(the_threshold_leaves_room_for_others)
{
    scenario.engine.long_prefill_token_threshold = 6;
    start(100);
    arrive(20, 2);
    arrive(9, 2);
    expect_pass(0, 0, 2, 12); /* 6 of each */
    end_pass(0);
    expect_pass(0, 0, 2, 9); /* 6 and 3 */
    end_pass(0);
    expect_pass(0, 1, 1, 6);
}
END_TEST

START_TEST(slots_for_sequences_limit_who_runs)
{
    scenario.engine.max_num_seqs = 2;
    start(100);
    arrive(2, 1);
    arrive(2, 9);
    arrive(2, 9);
    expect_pass(0, 0, 2, 4);
    expect_state(1, 2, 2);
    end_pass(0);
    expect_pass(0, 1, 1, 2);
    expect_state(0, 2, 2);
}
END_TEST

/* Six blocks of four tokens, chunks of at most eight. A and B hold three blocks each when A needs a fourth. */
START_TEST(the_newest_makes_room_and_comes_first_again)
{
    scenario.engine.long_prefill_token_threshold = 8;
    start(6);
    arrive(8, 9);  /* A */
    arrive(8, 9);  /* B */
    arrive(12, 9); /* C */
    arrive(1, 9);  /* D */
    expect_pass(0, 0, 2, 16);
    end_pass(0);
    expect_pass(0, 2, 0, 0);
    expect_state(2, 2, 6); /* D would fit the budget, but nobody skips C */
    for (int i = 0; i < 3; i++) {
        end_pass(0);
        expect_pass(0, 2, 0, 0);
    }
    end_pass(0); /* both hold twelve tokens */
    expect_pass(0, 1, 0, 0);
    expect_state(3, 1, 4); /* two blocks would do for B's first chunk, but a pass that preempted admits nobody */
    ck_assert_int_eq(collector.n_preemptions, 1);
    end_pass(0);
    expect_pass(0, 1, 1, 8); /* B again: its prompt and the five tokens it had, in chunks */
    expect_state(2, 2, 6);
    end_pass(0);
    expect_pass(0, 1, 0, 0); /* its second chunk needs two blocks more: it is the newest, and goes itself */
    expect_state(3, 1, 4);
    ck_assert_int_eq(collector.n_preemptions, 2);
    end_pass(0);
    expect_pass(0, 1, 1, 8);
    end_pass(0); /* A has its nine tokens */
    expect_state(2, 1, 2);
    expect_pass(0, 0, 2, 5 + 8);
    expect_state(1, 2, 6);
    end_pass(0);
    ck_assert_int_eq(collector.sketch[LS_QMETRIC_ITL].max_ps, 5000); /* B had its fifth token five passes ago */
}
END_TEST

START_TEST(what_can_never_run_is_rejected)
{
    scenario.engine.max_model_len = 20;
    start(4);
    ck_assert(!arrive(20, 1)); /* no room for an output */
    ck_assert(!arrive(16, 4)); /* its last but one token needs a fifth block */
    ck_assert(arrive(16, 1));
    ck_assert(arrive(13, 4)); /* the last token is never stored */
    ck_assert_int_eq(collector.n_rejected, 2);
    expect_state(2, 0, 0);
    ck_assert_int_eq(pool.n_live, 2);
}
END_TEST

START_TEST(the_longest_sequence_cuts_outputs)
{
    scenario.engine.max_model_len = 6;
    start(100);
    ck_assert(arrive(4, 100));
    expect_pass(0, 0, 1, 4);
    end_pass(0);
    expect_pass(0, 1, 0, 0);
    end_pass(0);
    expect_state(0, 0, 0);
    ck_assert_int_eq(collector.n_output_tok, 2);
}
END_TEST

START_TEST(without_chunks_a_prompt_goes_whole_or_waits)
{
    scenario.engine.enable_chunked_prefill = 0;
    scenario.engine.long_prefill_token_threshold = 2; /* of chunks alone */
    start(100);
    ck_assert(arrive(10, 1));
    ck_assert(arrive(10, 1));
    ck_assert(arrive(3, 1));
    ck_assert(!arrive(17, 1));
    expect_pass(0, 0, 1, 10);
    expect_state(2, 1, 3);
    end_pass(0);
    expect_pass(0, 0, 2, 13);
}
END_TEST

START_TEST(slots_keep_their_decodes_and_share_prompts)
{
    scenario.strategy.pp = 2;
    start(100);
    arrive(20, 3);
    expect_pass(0, 0, 1, 16);
    expect_pass(1, 0, 1, 4); /* the rest, while the first chunk is under way */
    end_pass(0);
    ck_assert_int_eq(collector.n_output_tok, 0);
    expect_pass(0, 0, 0, 0); /* nothing left for this one */
    end_pass(1);
    ck_assert_int_eq(collector.n_output_tok, 1);
    arrive(3, 3);
    expect_pass(0, 0, 1, 3);
    expect_pass(1, 1, 0, 0);
    end_pass(0);
    end_pass(1);
    expect_pass(0, 1, 0, 0);
    expect_pass(1, 1, 0, 0);
}
END_TEST

START_TEST(a_chunk_waits_for_blocks_while_an_earlier_one_is_under_way)
{
    scenario.strategy.pp = 2;
    scenario.engine.long_prefill_token_threshold = 8;
    start(5);
    arrive(4, 9);
    arrive(15, 2);
    expect_pass(0, 0, 2, 4 + 8); /* three blocks */
    arrive(4, 1);
    arrive(4, 1);
    scheduler.n_blocks = 4; /* as if there was one less */
    scheduler.n_free = 1;
    expect_pass(1, 0, 0, 0); /* the second chunk needs two; the small ones behind it may not pass */
    ck_assert_int_eq(scheduler.waiting.n, 2);
    ck_assert_int_eq(collector.n_preemptions, 0);
}
END_TEST

START_TEST(a_cut_off_run_counts_those_who_never_ran)
{
    scenario.engine.max_num_seqs = 1;
    start(100);
    arrive(4, 9);
    arrive(4, 9);
    expect_pass(0, 0, 1, 4);
    end_pass(0);
    ls_scheduler_cut_off(&scheduler, 5000);
    int64_t n_waits = 0;
    for (int i = 0; i < LS_N_TREND_BINS; i++)
        n_waits += collector.wait.n[i];
    ck_assert_int_eq(n_waits, 2);                                       /* the queue's trend has both, */
    ck_assert_int_eq(collector.sketch[LS_QMETRIC_QUEUE_WAIT].count, 0); /* latencies none: neither completed */
}
END_TEST

/* Prompt tokens of the requests in the order in which passes of one request at a time take them. */
static void expect_order(int n, const int64_t *prompt_tok)
{
    for (int i = 0; i < n; i++) {
        expect_pass(0, 0, 1, prompt_tok[i]);
        end_pass(0);
    }
    expect_pass(0, 0, 0, 0);
}

/* The prompt of the first to come and the answer of the second end together: the older one's blocks are free sooner,
 * and taken first. */
START_TEST(those_who_leave_together_give_blocks_back_in_order_of_admission)
{
    scenario.engine.enable_prefix_caching = 1;
    scenario.engine.long_prefill_token_threshold = 2;
    start(4);
    stream = 1;
    arrive(8, 1);
    stream = 2;
    arrive(2, 4);
    for (int i = 0; i < 4; i++) {
        expect_pass(0, i > 0, i > 0 ? 1 : 2, i > 0 ? 2 : 4);
        end_pass(0);
    }
    expect_state(0, 0, 0);
    ls_scheduler_take_blocks(&scheduler, 2, now_ps);
    ck_assert_int_eq(ls_prefix_cache_match(&scheduler.cache, &(struct ls_content){.stream = 1}, 8), 0);
    ck_assert_int_eq(ls_prefix_cache_match(&scheduler.cache, &(struct ls_content){.stream = 2}, 8), 4);
}
END_TEST

START_TEST(lower_priorities_go_first_and_equal_ones_in_order_of_arrival)
{
    scenario.engine.max_num_seqs = 1;
    scenario.engine.scheduling_policy = LS_POLICY_PRIORITY;
    start(100);
    for (int i = 1; i <= 9; i++) {
        priority = -(i % 3);
        arrive(i, 1);
    }
    expect_order(9, (const int64_t[]){2, 5, 8, 1, 4, 7, 3, 6, 9});
}
END_TEST

START_TEST(the_shortest_job_goes_first)
{
    scenario.engine.max_num_seqs = 1;
    scenario.engine.scheduling_policy = LS_POLICY_SJF;
    start(100);
    arrive(9, 1);
    arrive(4, 1);
    arrive(12, 1);
    arrive(6, 1);
    expect_order(4, (const int64_t[]){4, 6, 9, 12});
}
END_TEST

START_TEST(who_ranks_last_gives_way_even_to_those_admitted_later)
{
    scenario.engine.scheduling_policy = LS_POLICY_PRIORITY;
    start(4);
    priority = 2;
    arrive(4, 9);
    priority = 1;
    arrive(4, 9);
    expect_pass(0, 0, 2, 8);
    end_pass(0);
    priority = 0;
    for (int i = 0; i < 4; i++) {
        expect_pass(0, 2, 0, 0);
        expect_state(i > 0, 2, 4);
        end_pass(0);
        if (i == 0)
            arrive(1, 9); /* no block is left */
    }
    expect_pass(0, 1, 0, 0); /* the first one found no block, and made room */
    ck_assert_int_eq(collector.n_preemptions, 1);
    expect_state(2, 1, 3);
    end_pass(0);
    expect_pass(0, 1, 1, 1); /* priority 0 before the one that gave way */
    expect_state(1, 2, 4);
}
END_TEST

/* Two decodes of four blocks: the first one, which ranks last, has its fifth token's block when the second wants one.
 */
START_TEST(who_gives_way_takes_back_its_part_of_the_pass)
{
    scenario.engine.scheduling_policy = LS_POLICY_PRIORITY;
    start(3);
    priority = 1;
    arrive(4, 9);
    priority = 0;
    arrive(4, 9);
    expect_pass(0, 0, 2, 8);
    end_pass(0);
    expect_pass(0, 1, 0, 0);
    ck_assert_int_eq(scheduler.slots[0].batch.decode_context, 5);
    expect_state(1, 1, 2);
    ck_assert_int_eq(ls_request_at(&pool, scheduler.running.head)->priority, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scheduler");
    TCase *tcase = tcase_create("scheduler");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_prompt_then_one_token_a_pass);
    tcase_add_test(tcase, the_budget_cuts_the_last_prompt_and_decodes_go_first);
    tcase_add_test(tcase, the_threshold_leaves_room_for_others);
    tcase_add_test(tcase, slots_for_sequences_limit_who_runs);
    tcase_add_test(tcase, the_newest_makes_room_and_comes_first_again);
    tcase_add_test(tcase, what_can_never_run_is_rejected);
    tcase_add_test(tcase, the_longest_sequence_cuts_outputs);
    tcase_add_test(tcase, without_chunks_a_prompt_goes_whole_or_waits);
    tcase_add_test(tcase, slots_keep_their_decodes_and_share_prompts);
    tcase_add_test(tcase, a_chunk_waits_for_blocks_while_an_earlier_one_is_under_way);
    tcase_add_test(tcase, a_cut_off_run_counts_those_who_never_ran);
    tcase_add_test(tcase, those_who_leave_together_give_blocks_back_in_order_of_admission);
    tcase_add_test(tcase, lower_priorities_go_first_and_equal_ones_in_order_of_arrival);
    tcase_add_test(tcase, the_shortest_job_goes_first);
    tcase_add_test(tcase, who_ranks_last_gives_way_even_to_those_admitted_later);
    tcase_add_test(tcase, who_gives_way_takes_back_its_part_of_the_pass);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
