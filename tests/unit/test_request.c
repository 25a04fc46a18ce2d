/* Promises of requests: the pool never moves them and hands freed ones out again, blank but for their epoch; lists keep
 * their order under any additions and removals. */
#include <check.h>

#include "engine/serving/scheduler/request.h"
#include "engine/sim/random.h"
#include "tests/suite.h"

enum { MANY = 5 * LS_REQUEST_BLOCK };

static struct ls_arena arena;
static struct ls_request_pool pool;

static void set_up(void)
{
    ck_assert_int_eq(ls_request_pool_init(&pool, &arena, 10), LS_OK);
}

static void tear_down(void)
{
    ls_arena_release(&arena);
}

START_TEST(requests_never_move)
{
    static struct ls_request *at[MANY];
    static uint32_t ids[MANY];
    for (int i = 0; i < MANY; i++) {
        ids[i] = ls_request_new(&pool);
        at[i] = ls_request_at(&pool, ids[i]);
        at[i]->prompt_tok = i;
    }
    for (int i = 0; i < MANY; i++) {
        ck_assert_ptr_eq(ls_request_at(&pool, ids[i]), at[i]);
        ck_assert_int_eq(at[i]->prompt_tok, i);
    }
    ck_assert_int_eq(pool.n_live, MANY);
}
END_TEST

START_TEST(freed_requests_come_back_blank_with_a_new_epoch)
{
    const uint32_t id = ls_request_new(&pool);
    struct ls_request *request = ls_request_at(&pool, id);
    request->n_generated = 7;
    request->first_token_ps = 9;
    const uint32_t epoch = request->epoch;
    ls_request_free(&pool, id);
    ck_assert_int_eq(pool.n_live, 0);
    ck_assert_uint_eq(ls_request_new(&pool), id);
    ck_assert_uint_ne(request->epoch, epoch); /* what was due for the old one is not for the new one */
    ck_assert_int_eq(request->n_generated, 0);
    ck_assert_int_lt(request->first_token_ps, 0);
    ck_assert_int_lt(request->scheduled_ps, 0);
    ck_assert_int_eq(pool.max_live, 1);
}
END_TEST

START_TEST(a_pool_that_is_used_again_and_again_does_not_grow)
{
    const uint64_t n_mallocs = arena.n_mallocs;
    for (int i = 0; i < 100 * LS_REQUEST_BLOCK; i++)
        ls_request_free(&pool, ls_request_new(&pool));
    ck_assert_uint_eq(arena.n_mallocs, n_mallocs);
    ck_assert_uint_eq(pool.n_blocks, 1);
}
END_TEST

static void expect_list(const struct ls_request_list *list, const uint32_t *ids, int n)
{
    uint32_t id = list->head, before = LS_NO_REQUEST;
    ck_assert_int_eq(list->n, n);
    for (int i = 0; i < n; i++) {
        ck_assert_uint_eq(id, ids[i]);
        ck_assert_uint_eq(ls_request_at(&pool, id)->prev, before);
        before = id;
        id = ls_request_at(&pool, id)->next;
    }
    ck_assert_uint_eq(id, LS_NO_REQUEST);
    ck_assert_uint_eq(list->tail, before);
}

START_TEST(a_list_keeps_its_order)
{
    uint32_t ids[200];
    int n = 0;
    struct ls_request_list list = ls_request_list_empty;
    struct ls_stream stream = ls_stream_make((uint64_t)_i, 0, 0, 0, LS_RNG_GAP);
    for (int step = 0; step < 400; step++) {
        const double u = ls_stream_uniform(&stream);
        if (n > 0 && (u < 0.4 || n == 200)) {
            const int at = (int)(ls_stream_uniform(&stream) * n);
            ls_request_list_remove(&list, &pool, ids[at]);
            ls_request_free(&pool, ids[at]);
            n--;
            for (int i = at; i < n; i++)
                ids[i] = ids[i + 1];
        } else if (u < 0.7) {
            ids[n] = ls_request_new(&pool);
            ls_request_list_append(&list, &pool, ids[n++]);
        } else {
            for (int i = n++; i > 0; i--)
                ids[i] = ids[i - 1];
            ids[0] = ls_request_new(&pool);
            ls_request_list_prepend(&list, &pool, ids[0]);
        }
        expect_list(&list, ids, n);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("request");
    TCase *tcase = tcase_create("request");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, requests_never_move);
    tcase_add_test(tcase, freed_requests_come_back_blank_with_a_new_epoch);
    tcase_add_test(tcase, a_pool_that_is_used_again_and_again_does_not_grow);
    tcase_add_loop_test(tcase, a_list_keeps_its_order, 0, 5);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
