/* Promises of the arena: pieces are aligned, apart and stay put; a reset keeps the memory for the next simulation. */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sim/arena.h"
#include "tests/suite.h"

enum { N_PIECES = 300 };

static size_t size_of(size_t i)
{
    return i % 50 == 49 ? ((size_t)3 << 20) + i : i * i % 5000;
}

START_TEST(pieces_are_aligned_and_apart)
{
    struct ls_arena arena = {0};
    unsigned char *pieces[N_PIECES];
    for (size_t i = 0; i < N_PIECES; i++) {
        pieces[i] = ls_arena_take(&arena, size_of(i));
        ck_assert_ptr_nonnull(pieces[i]);
        ck_assert_uint_eq((uintptr_t)pieces[i] % 64, 0);
        memset(pieces[i], (int)(i % 251), size_of(i));
    }
    for (size_t i = 0; i < N_PIECES; i++) {
        size_t n_intact = 0;
        while (n_intact < size_of(i) && pieces[i][n_intact] == i % 251)
            n_intact++;
        ck_assert_uint_eq(n_intact, size_of(i));
    }
    ls_arena_release(&arena);
}
END_TEST

START_TEST(a_reset_keeps_the_memory)
{
    struct ls_arena arena = {0};
    uint64_t n_mallocs = 0;
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < N_PIECES; i++)
            ck_assert_ptr_nonnull(ls_arena_take(&arena, size_of(i)));
        if (round == 0)
            n_mallocs = arena.n_mallocs;
        ck_assert_uint_eq(arena.n_mallocs, n_mallocs);
        ls_arena_reset(&arena);
    }
    ck_assert_uint_gt(n_mallocs, 0);
    ls_arena_release(&arena);
}
END_TEST

START_TEST(small_pieces_share_one_block_of_memory)
{
    struct ls_arena arena = {0};
    for (int i = 0; i < 1000; i++)
        ck_assert_ptr_nonnull(ls_arena_take(&arena, 100));
    ck_assert_uint_eq(arena.n_mallocs, 1);
    ls_arena_release(&arena);
}
END_TEST

START_TEST(a_released_arena_starts_anew)
{
    struct ls_arena arena = {0};
    ck_assert_ptr_nonnull(ls_arena_take(&arena, 10));
    ls_arena_release(&arena);
    ls_arena_release(&arena);
    ck_assert_ptr_nonnull(ls_arena_take(&arena, 10));
    ck_assert_uint_eq(arena.n_mallocs, 2);
    ls_arena_release(&arena);
}
END_TEST

START_TEST(impossible_sizes_give_null_and_leave_the_arena_whole)
{
    struct ls_arena arena = {0};
    char *piece = ls_arena_take(&arena, 64);
    ck_assert_ptr_null(ls_arena_take(&arena, SIZE_MAX));
    ck_assert_ptr_null(ls_arena_take(&arena, SIZE_MAX - 64));
    ck_assert_ptr_null(ls_arena_take(&arena, SIZE_MAX / 2));
    ck_assert_ptr_eq((char *)ls_arena_take(&arena, 64), piece + 64);
    ls_arena_release(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arena");
    TCase *tcase = tcase_create("arena");
    tcase_add_test(tcase, pieces_are_aligned_and_apart);
    tcase_add_test(tcase, a_reset_keeps_the_memory);
    tcase_add_test(tcase, small_pieces_share_one_block_of_memory);
    tcase_add_test(tcase, a_released_arena_starts_anew);
    tcase_add_test(tcase, impossible_sizes_give_null_and_leave_the_arena_whole);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
