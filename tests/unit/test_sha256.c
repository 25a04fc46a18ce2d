/* SHA-256 against the examples of FIPS 180-4 (NIST, "SHA256.pdf", and the million a's). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "io/sha256.h"
#include "tests/suite.h"

START_TEST(published_examples)
{
    static const struct {
        const char *message, *hex;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqr"
         "s"
         "tu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char hex[65];
        ls_sha256_hex(cases[i].message, strlen(cases[i].message), hex);
        ck_assert_str_eq(hex, cases[i].hex);
    }
}
END_TEST

START_TEST(pieces_of_any_size_give_the_same)
{
    struct ls_sha256 hash;
    char piece[997], hex[65];
    memset(piece, 'a', sizeof piece);
    ls_sha256_init(&hash);
    size_t left = 1000000;
    for (size_t size = 1; left > 0; size = size % sizeof piece + 1) {
        const size_t n = size < left ? size : left;
        ls_sha256_update(&hash, piece, n);
        left -= n;
    }
    ls_sha256_finish(&hash, hex);
    ck_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sha256");
    TCase *tcase = tcase_create("sha256");
    tcase_add_test(tcase, published_examples);
    tcase_add_test(tcase, pieces_of_any_size_give_the_same);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
