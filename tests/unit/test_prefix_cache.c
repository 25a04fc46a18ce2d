/* Promises of the prefix cache on cases small enough to follow by hand, and beside a list of blocks one by one. */
#include <check.h>
#include <stdlib.h>

#include "engine/serving/scheduler/prefix_cache.h"
#include "engine/sim/random.h"
#include "tests/suite.h"

enum { BLOCK = 4 };

static struct ls_arena arena;
static struct ls_prefix_cache cache;
static int64_t n_free;

static void start(int64_t n_blocks)
{
    ck_assert_int_eq(ls_prefix_cache_init(&cache, BLOCK, n_blocks, &arena), LS_OK);
    n_free = n_blocks;
}

static void tear_down(void)
{
    ls_arena_release(&arena);
}

/* A request with its content: `head` (0: none) of head_tok tokens, then `stream`. */
struct client {
    struct ls_content content;
    struct ls_holding holding;
    int64_t n_tok;
};

static struct client client_of(uint64_t head, int32_t head_tok, uint64_t stream, bool own)
{
    return (struct client){.content = {.head = head,
                                       .head_tok = head_tok,
                                       .part_tok = head_tok,
                                       .stream = ls_content_id(LS_CONTENT_SESSION, 0, stream),
                                       .own = own}};
}

static void expect_sound(void)
{
    ck_assert(ls_prefix_cache_is_sound(&cache, n_free));
}

/* Tokens found, none of which need to be computed. */
static int64_t admit(struct client *client, int64_t prompt_tok)
{
    const struct ls_prefix_hit hit = ls_prefix_cache_find(&cache, &client->content, prompt_tok - 1);
    ck_assert(ls_prefix_cache_admit(&cache, &client->content, hit.n_blocks, &client->holding));
    n_free -= hit.n_free;
    client->n_tok = hit.n_blocks * BLOCK;
    expect_sound();
    return client->n_tok;
}

static void grow(struct client *client, int64_t n_tok, bool prompt)
{
    const int64_t need = (n_tok + BLOCK - 1) / BLOCK - (client->n_tok + BLOCK - 1) / BLOCK;
    ck_assert_int_le(need, n_free);
    ls_prefix_cache_take(&cache, need);
    n_free -= need;
    client->n_tok = n_tok;
    if (prompt)
        ls_prefix_cache_learn(&cache, &client->content, &client->holding, n_tok);
    expect_sound();
}

static void leave(struct client *client, bool back)
{
    const struct ls_stored stored = {(client->n_tok + BLOCK - 1) / BLOCK, client->n_tok, back};
    n_free += ls_prefix_cache_release(&cache, &client->content, &client->holding, &stored);
    client->n_tok = 0;
    expect_sound();
}

/* A request from its beginning to its end. Returns tokens found. */
static int64_t serve(struct client *client, int64_t prompt_tok, int64_t output_tok)
{
    const int64_t found = admit(client, prompt_tok);
    grow(client, prompt_tok, true);
    grow(client, prompt_tok + output_tok, false);
    leave(client, false);
    return found;
}

START_TEST(a_session_finds_all_that_it_has_said)
{
    struct client client = client_of(0, 0, 1, false);
    start(100);
    ck_assert_int_eq(serve(&client, 10, 7), 0);
    ck_assert_int_eq(n_free, 100);
    ck_assert_int_eq(serve(&client, 30, 5), 16); /* of the 17 tokens so far, four blocks */
    ck_assert_int_eq(serve(&client, 36, 1), 32);
}
END_TEST

/* What is learnt or lost since the last report, nobody hears of before the next one. */
START_TEST(reports_are_of_their_time)
{
    struct client first = client_of(0, 0, 1, false), second = client_of(0, 0, 2, false);
    start(5);
    ls_prefix_cache_report(&cache);
    (void)serve(&first, 10, 3);
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &first.content, 100), 0);
    ls_prefix_cache_report(&cache);
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &first.content, 100), 12);
    (void)serve(&second, 18, 2); /* it takes all five blocks */
    ck_assert_int_eq(ls_prefix_cache_find(&cache, &first.content, 100).n_blocks, 0);
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &first.content, 100), 12);
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &second.content, 100), 0);
    (void)serve(&first, 5, 1); /* known again, a block of it, and gone again */
    (void)serve(&second, 19, 1);
    expect_sound();
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &first.content, 100), 12);
    ls_prefix_cache_report(&cache);
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &first.content, 100), 0);
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &second.content, 100), 20);
    expect_sound();
}
END_TEST

START_TEST(the_last_token_of_a_prompt_is_always_computed)
{
    struct client client = client_of(0, 0, 1, false);
    start(100);
    (void)serve(&client, 16, 8);
    ck_assert_int_eq(serve(&client, 16, 1), 12);
    ck_assert_int_eq(serve(&client, 17, 1), 16);
}
END_TEST

START_TEST(a_head_is_shared_as_far_as_it_fills_blocks)
{
    struct client first = client_of(7, 10, 1, true), second = client_of(7, 10, 2, true);
    struct client shorter = client_of(7, 9, 3, true), other = client_of(8, 10, 4, true);
    start(100);
    ck_assert_int_eq(admit(&first, 30), 0);
    grow(&first, 30, true);
    ck_assert_int_eq(admit(&second, 30), 8);
    grow(&second, 30, true);
    ck_assert_int_eq(n_free, 100 - 8 - 6); /* two blocks of both */
    ck_assert_int_eq(admit(&shorter, 30), 8);
    ck_assert_int_eq(admit(&other, 30), 0);
    leave(&first, false);
    ck_assert_int_eq(n_free, 100 - 8);
    leave(&second, false);
    leave(&shorter, false);
    leave(&other, false);
    ck_assert_int_eq(n_free, 100);
}
END_TEST

/* The same stream behind another head is another one. */
START_TEST(what_precedes_makes_a_difference)
{
    struct client client = client_of(0, 0, 1, false), headed = client_of(5, 8, 1, false);
    struct client longer = client_of(5, 12, 1, false);
    start(100);
    (void)serve(&client, 40, 1);
    ck_assert_int_eq(serve(&headed, 40, 1), 0);
    ck_assert_int_eq(serve(&longer, 40, 1), 8); /* two of the three blocks of its head */
    ck_assert_int_eq(serve(&headed, 40, 1), 36);
}
END_TEST

START_TEST(parts_of_a_trace_are_shared_up_to_where_they_differ)
{
    static const uint64_t one[] = {11, 12, 13, 14}, two[] = {11, 12, 23};
    struct client first = client_of(0, 0, 1, true), second = client_of(0, 0, 2, true);
    first.content.parts = one;
    first.content.head_tok = 37; /* three parts of 10 and one of 7 */
    second.content.parts = two;
    second.content.head_tok = 30;
    first.content.part_tok = second.content.part_tok = 10;
    start(100);
    ck_assert_int_eq(serve(&first, 37, 4), 0);
    ck_assert_int_eq(serve(&second, 30, 4), 20); /* two parts are five blocks */
    ck_assert_int_eq(serve(&first, 37, 4), 36);
    ck_assert_int_eq(serve(&second, 30, 4), 28);
}
END_TEST

/* Ten blocks. A, B and C are used in turn; what must go is of the one that was used longest ago, its end first. */
START_TEST(the_least_recently_used_goes_first_and_its_end_before_its_beginning)
{
    struct client a = client_of(0, 0, 1, false), b = client_of(0, 0, 2, false), c = client_of(0, 0, 3, false);
    start(10);
    (void)serve(&a, 12, 0);
    (void)serve(&b, 12, 0);
    (void)serve(&c, 12, 0);
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &a.content, 100), 12);
    (void)serve(&a, 13, 0); /* A again: the tenth block, of which nothing is known, takes its new token */
    ls_prefix_cache_take(&cache, 1);
    n_free--;
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &b.content, 100), 8);
    ls_prefix_cache_take(&cache, 3);
    n_free -= 3;
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &b.content, 100), 0);
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &c.content, 100), 8);
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &a.content, 100), 12);
    ls_prefix_cache_take(&cache, 3); /* the rest of C, and the blank one that A gave back */
    n_free -= 3;
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &c.content, 100), 0);
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &a.content, 100), 12);
    expect_sound();
}
END_TEST

START_TEST(who_comes_back_finds_its_own_blocks_and_nobody_else_does)
{
    struct client client = client_of(0, 0, 1, true);
    start(10);
    (void)admit(&client, 10);
    grow(&client, 10, true);
    grow(&client, 18, false);
    leave(&client, true);
    ck_assert_int_eq(n_free, 10);
    ck_assert_int_eq(admit(&client, 18), 16);
    grow(&client, 18, true);
    leave(&client, false);
    client = client_of(0, 0, 1, true); /* a request that ends leaves nothing worth keeping, were it asked for */
    (void)admit(&client, 10);
    grow(&client, 18, true);
    leave(&client, false);
    ck_assert_int_eq(n_free, 10);
}
END_TEST

/* Two with the same prompt that compute side by side hold a copy each of what the other one was first to compute. */
START_TEST(copies_are_charged_until_their_request_leaves)
{
    struct client a = client_of(0, 0, 1, false), b = client_of(0, 0, 1, false), c = client_of(0, 0, 1, false);
    start(100);
    (void)admit(&a, 40);
    grow(&a, 8, true);
    ck_assert_int_eq(admit(&b, 40), 8);
    grow(&b, 16, true);
    ck_assert_int_eq(n_free, 100 - 4);
    grow(&a, 16, true); /* a copy of what B has computed */
    ck_assert_int_eq(n_free, 100 - 6);
    grow(&a, 24, true);
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &c.content, 100), 16); /* A keeps to itself from there on */
    leave(&a, false);
    ck_assert_int_eq(n_free, 100 - 4);
    ck_assert_int_eq(ls_prefix_cache_match(&cache, &c.content, 100), 24);
    leave(&b, false);
    ck_assert_int_eq(n_free, 100);
}
END_TEST

/* -- beside blocks one by one -- */

struct block {
    uint64_t key; /* 0: nothing is known */
    int64_t index, n_users;
};

enum { N_BLOCKS = 24, N_CLIENTS = 5 };

static struct block blocks[N_BLOCKS];
static int queue[N_BLOCKS], n_queue; /* free ones */

struct lister {
    int blocks[N_BLOCKS];
    int64_t n_blocks, n_known;
    bool apart;
};

static void dequeue(int at)
{
    n_queue--;
    for (int i = at; i < n_queue; i++)
        queue[i] = queue[i + 1];
}

/* The block of a content that is known; −1: none is. */
static int block_of(const struct ls_content *content, int64_t index)
{
    const uint64_t key = ls_content_part_at(content, (index + 1) * BLOCK - 1).key;
    for (int i = 0; i < N_BLOCKS; i++)
        if (blocks[i].key == key && blocks[i].index == index)
            return i;
    return -1;
}

static int64_t list_find(const struct ls_content *content, int64_t max_tok)
{
    int64_t n = 0;
    while ((n + 1) * BLOCK <= max_tok && block_of(content, n) >= 0)
        n++;
    return n;
}

static void list_admit(struct lister *lister, const struct ls_content *content, int64_t n)
{
    *lister = (struct lister){.n_blocks = n, .n_known = n};
    for (int64_t i = 0; i < n; i++) {
        const int at = lister->blocks[i] = block_of(content, i);
        if (blocks[at].n_users++ > 0)
            continue;
        for (int j = n_queue - 1; j >= 0; j--)
            if (queue[j] == at)
                dequeue(j);
    }
}

static void list_grow(struct lister *lister, int64_t n)
{
    while (lister->n_blocks < n) {
        const int at = queue[0];
        dequeue(0);
        blocks[at] = (struct block){.n_users = 1};
        lister->blocks[lister->n_blocks++] = at;
    }
}

static void list_tell(struct lister *lister, const struct ls_content *content, int64_t index)
{
    struct block *block = &blocks[lister->blocks[index]];
    block->key = ls_content_part_at(content, (index + 1) * BLOCK - 1).key;
    block->index = index;
}

static bool list_is_own(const struct ls_content *content, int64_t index)
{
    return ls_content_part_at(content, (index + 1) * BLOCK - 1).own;
}

static void list_learn(struct lister *lister, const struct ls_content *content, int64_t n_tok)
{
    for (; lister->n_known < n_tok / BLOCK && !lister->apart; lister->n_known++) {
        if (list_is_own(content, lister->n_known))
            return;
        lister->apart = block_of(content, lister->n_known) >= 0;
        if (lister->apart)
            return;
        list_tell(lister, content, lister->n_known);
    }
}

static void list_release(struct lister *lister, const struct ls_content *content, int64_t n_tok, bool back)
{
    for (int64_t i = lister->n_known; i < n_tok / BLOCK; i++) {
        const int other = block_of(content, i);
        if ((list_is_own(content, i) && !back) || (other >= 0 && blocks[other].n_users > 0))
            continue;
        if (other >= 0)
            blocks[other].key = 0;
        list_tell(lister, content, i);
    }
    /* from the last to the first; of a part, copies of what others hold come after the rest */
    for (int64_t i = lister->n_blocks; i-- > 0;)
        if (--blocks[lister->blocks[i]].n_users == 0)
            queue[n_queue++] = lister->blocks[i];
}

static int64_t draw(struct ls_stream *stream, int64_t low, int64_t high)
{
    return low + (int64_t)(ls_stream_uniform(stream) * (double)(high - low + 1));
}

static struct client random_client(struct ls_stream *stream)
{
    static const uint64_t parts[3][4] = {{1, 2, 3, 4}, {1, 2, 5, 6}, {1, 7, 8, 9}};
    const int32_t head_tok = (int32_t)draw(stream, 0, 1) * (int32_t)draw(stream, 5, 12);
    struct client client = client_of((uint64_t)draw(stream, 51, 52), head_tok, (uint64_t)draw(stream, 1, 3), false);
    if (draw(stream, 0, 2) == 0) {
        client.content.parts = parts[draw(stream, 0, 2)];
        client.content.part_tok = 7;
        client.content.head_tok = (int32_t)draw(stream, 1, 28);
    }
    if (draw(stream, 0, 2) == 0) {
        static uint64_t n_own = 100;
        client.content.own = true;
        client.content.stream = n_own++;
    }
    return client;
}

START_TEST(blocks_one_by_one_come_to_the_same)
{
    struct ls_stream stream = ls_stream_make((uint64_t)_i, 0, 0, 0, LS_RNG_GAP);
    struct client clients[N_CLIENTS];
    struct lister listers[N_CLIENTS] = {0};
    bool here[N_CLIENTS] = {false};
    int n_found = 0, n_back = 0, n_apart = 0;
    start(N_BLOCKS);
    for (n_queue = 0; n_queue < N_BLOCKS; n_queue++) {
        blocks[n_queue] = (struct block){0};
        queue[n_queue] = n_queue;
    }
    for (int i = 0; i < N_CLIENTS; i++)
        clients[i] = random_client(&stream);
    for (int step = 0; step < 3000; step++) {
        const int i = (int)draw(&stream, 0, N_CLIENTS - 1);
        const struct ls_content *content = &clients[i].content;
        if (!here[i]) {
            const int64_t max_tok = draw(&stream, 0, 40), found = list_find(content, max_tok);
            ck_assert_int_eq(ls_prefix_cache_match(&cache, content, max_tok), found * BLOCK);
            ck_assert_int_eq(admit(&clients[i], max_tok + 1), found * BLOCK);
            list_admit(&listers[i], content, found);
            here[i] = true;
            n_found += found > 0;
        } else if (draw(&stream, 0, 3) > 0) {
            const int64_t n_tok = clients[i].n_tok + draw(&stream, 1, 9);
            const bool prompt = draw(&stream, 0, 3) > 0 && listers[i].n_known == clients[i].n_tok / BLOCK;
            if ((n_tok + BLOCK - 1) / BLOCK - listers[i].n_blocks > n_queue)
                continue;
            grow(&clients[i], n_tok, prompt || listers[i].apart);
            list_grow(&listers[i], (n_tok + BLOCK - 1) / BLOCK);
            if (prompt)
                list_learn(&listers[i], content, n_tok);
        } else {
            const bool back = draw(&stream, 0, 1) == 0;
            list_release(&listers[i], content, clients[i].n_tok, back);
            leave(&clients[i], back);
            here[i] = false;
            n_back += back;
            n_apart += listers[i].apart;
            if (!back)
                clients[i] = random_client(&stream);
        }
        ck_assert_int_eq(n_free, n_queue);
    }
    ck_assert_int_gt(n_found, 100);
    ck_assert_int_gt(n_back, 100);
    ck_assert_int_gt(n_apart, 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prefix cache");
    TCase *tcase = tcase_create("prefix cache");
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_test(tcase, a_session_finds_all_that_it_has_said);
    tcase_add_test(tcase, reports_are_of_their_time);
    tcase_add_test(tcase, the_last_token_of_a_prompt_is_always_computed);
    tcase_add_test(tcase, a_head_is_shared_as_far_as_it_fills_blocks);
    tcase_add_test(tcase, what_precedes_makes_a_difference);
    tcase_add_test(tcase, parts_of_a_trace_are_shared_up_to_where_they_differ);
    tcase_add_test(tcase, the_least_recently_used_goes_first_and_its_end_before_its_beginning);
    tcase_add_test(tcase, who_comes_back_finds_its_own_blocks_and_nobody_else_does);
    tcase_add_test(tcase, copies_are_charged_until_their_request_leaves);
    tcase_add_loop_test(tcase, blocks_one_by_one_come_to_the_same, 0, 40);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
