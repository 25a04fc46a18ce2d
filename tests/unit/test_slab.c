/* Promises of the slab: items are distinct, come back, and memory is taken by many at once. */
#include <check.h>

#include "engine/sim/slab.h"
#include "tests/suite.h"

struct item {
    struct item *link;
    int64_t number;
};

START_TEST(items_are_distinct_and_used_again)
{
    enum { N = 1000 };
    static struct item *items[N];
    struct ls_arena arena = {0};
    struct ls_slab slab;
    ls_slab_init(&slab, &arena, sizeof(struct item));
    ck_assert_int_eq(arena.n_mallocs, 0);
    for (int round = 0; round < 3; round++) {
        ck_assert(ls_slab_reserve(&slab, N));
        ck_assert_int_ge(slab.n_free, N);
        for (int i = 0; i < N; i++) {
            items[i] = ls_slab_take(&slab);
            items[i]->number = i;
        }
        for (int i = 0; i < N; i++)
            ck_assert_int_eq(items[i]->number, i);
        for (int i = 0; i < N; i++)
            ls_slab_give(&slab, items[i]);
    }
    ck_assert_int_lt(slab.n_free, N + 256);
    ck_assert_int_eq(arena.n_mallocs, 1);
    ls_arena_release(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slab");
    TCase *tcase = tcase_create("slab");
    tcase_add_test(tcase, items_are_distinct_and_used_again);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
