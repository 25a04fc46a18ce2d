/* The YAML reader: what it keeps of a file, and that nothing in one can hurt. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/yaml_doc.h"
#include "tests/suite.h"

struct parsed {
    struct ls_yaml_arena arena;
    struct ls_diags diags;
    struct ls_yaml *root;
    enum ls_status status;
};

static struct parsed parse_bytes(const char *text, size_t n)
{
    struct parsed parsed = {.root = NULL};
    parsed.status = ls_yaml_parse(&parsed.arena, "f.yaml", text, n, true, &parsed.root, &parsed.diags);
    return parsed;
}

static void release(struct parsed *parsed)
{
    ls_yaml_release(&parsed->arena);
    ls_diags_release(&parsed->diags);
}

/* The only fault of a text, which keeps it from being read. */
static void refuse_bytes(const char *text, size_t n, int line, int column, const char *message)
{
    struct parsed parsed = parse_bytes(text, n);
    ck_assert_int_eq(parsed.status, LS_INPUT);
    ck_assert_uint_eq(parsed.diags.n, 1);
    ck_assert_str_eq(parsed.diags.items[0].text, message);
    ck_assert_int_eq(parsed.diags.items[0].line, line);
    ck_assert_int_eq(parsed.diags.items[0].column, column);
    release(&parsed);
}

static void refuse(const char *text, int line, int column, const char *message)
{
    refuse_bytes(text, strlen(text), line, column, message);
}

START_TEST(every_node_knows_its_place)
{
    const char text[] = "a: 1\nb:\n  - x\n  - {name: chat, rate: 5}\n";
    struct parsed parsed = parse_bytes(text, strlen(text));
    ck_assert_int_eq(parsed.status, LS_OK);
    const struct ls_yaml *a = ls_yaml_get(parsed.root, "a");
    ck_assert_str_eq(a->text, "1");
    ck_assert_int_eq(a->line, 1);
    ck_assert_int_eq(a->column, 4);
    const char *rest;
    const struct ls_yaml *rate = ls_yaml_find(parsed.root, "b.chat.rate", &rest);
    ck_assert_str_eq(rest, "");
    ck_assert_str_eq(rate->text, "5");
    ck_assert_int_eq(rate->line, 4);
    ck_assert_int_eq(rate->column, 24);
    (void)ls_yaml_find(parsed.root, "b.chat.ratio.x", &rest);
    ck_assert_str_eq(rest, "ratio.x");
    release(&parsed);
}
END_TEST

START_TEST(json_is_read_too)
{
    const char text[] = "{\n\t\"a\": [1, 2],\n\t\"b\": null\n}\n";
    struct parsed parsed = parse_bytes(text, strlen(text));
    ck_assert_int_eq(parsed.status, LS_OK);
    ck_assert_uint_eq(ls_yaml_get(parsed.root, "a")->n, 2);
    ck_assert(ls_yaml_is_null(ls_yaml_get(parsed.root, "b")));
    release(&parsed);
}
END_TEST

START_TEST(duplicate_keys_are_all_reported_and_the_tree_stays)
{
    const char text[] = "a: 1\nb: {c: 1, c: 2}\na: 3\n";
    struct parsed parsed = parse_bytes(text, strlen(text));
    ck_assert_int_eq(parsed.status, LS_OK);
    ck_assert_uint_eq(parsed.diags.n, 2);
    ck_assert_str_eq(parsed.diags.items[0].key, "c");
    ck_assert_str_eq(parsed.diags.items[1].key, "a");
    ck_assert_int_eq(parsed.diags.items[1].line, 3);
    ck_assert_str_eq(parsed.diags.items[1].text, "given twice, first on line 1; keep one of them");
    ck_assert_str_eq(ls_yaml_get(parsed.root, "a")->text, "1");
    release(&parsed);
}
END_TEST

START_TEST(what_is_no_single_document_is_refused)
{
    refuse("", 0, 0, "empty; nothing is in it");
    refuse("# nothing\n", 0, 0, "empty; nothing is in it");
    refuse("a: 1\n---\nb: 2\n", 2, 1, "a second document begins here; put each into a file of its own");
    refuse("a: [1, 2\nb: 3\n", 2, 2, "not YAML: did not find expected ',' or ']' while parsing a flow sequence");
    refuse("a: *nobody\n", 1, 4, "not YAML: found undefined alias");
    refuse("a: &x [*x]\n", 1, 4, "an alias that contains itself; write the value out");
    refuse("? [a, b]\n: 1\n", 1, 3, "a key that is no plain text; write one word as the key");
    refuse_bytes("a: \xff\xfe\n", 6, 0, 0,
                 "not YAML: invalid leading UTF-8 octet at byte 3; a text file in UTF-8 was expected");
    refuse_bytes("\x7f"
                 "ELF\0\1\2",
                 7, 0, 0, "not YAML: control characters are not allowed at byte 0; a text file in UTF-8 was expected");
    refuse("a: \"x\\0y\"\n", 1, 4, "a null character; write plain text");
}
END_TEST

START_TEST(aliases_that_explode_are_refused)
{
    char text[2048] = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
    for (int c = 'b'; c < 'k'; c++) {
        char line[128];
        (void)snprintf(line, sizeof line, "%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c, c - 1,
                       c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
        strcat(text, line);
    }
    struct parsed parsed = parse_bytes(text, strlen(text));
    ck_assert_int_eq(parsed.status, LS_INPUT);
    ck_assert_str_eq(parsed.diags.items[0].text, "more than 200000 values once aliases are expanded; write less");
    release(&parsed);
}
END_TEST

START_TEST(depth_is_bounded)
{
    char text[4096];
    memset(text, '[', 500);
    memset(text + 500, ']', 500);
    refuse_bytes(text, 1000, 1, 65, "nested deeper than 64 levels; is it a study?");
    memset(text, '[', sizeof text);
    struct parsed parsed = parse_bytes(text, sizeof text);
    ck_assert_int_eq(parsed.status, LS_INPUT);
    release(&parsed);
}
END_TEST

START_TEST(files_that_cannot_be_read_are_io_errors)
{
    static const char *const paths[] = {"/nonexistent/study.yaml", "/"};
    static const char *const messages[] = {"cannot open it: No such file or directory",
                                           "a folder; a file was expected"};
    for (size_t i = 0; i < 2; i++) {
        struct parsed parsed = {.root = NULL};
        ck_assert_int_eq(ls_yaml_read(&parsed.arena, paths[i], &parsed.root, &parsed.diags), LS_IO);
        ck_assert_str_eq(parsed.diags.items[0].text, messages[i]);
        release(&parsed);
    }
}
END_TEST

START_TEST(put_replaces_and_adds)
{
    struct parsed parsed = parse_bytes("a: 1\n", 5);
    struct ls_yaml *two = ls_yaml_new_mapping(&parsed.arena, "--set");
    ck_assert_int_eq(ls_yaml_put(&parsed.arena, parsed.root, "a", two), LS_OK);
    ck_assert_int_eq(ls_yaml_put(&parsed.arena, parsed.root, "b", two), LS_OK);
    ck_assert_uint_eq(parsed.root->n, 2);
    ck_assert_ptr_eq(ls_yaml_get(parsed.root, "a"), two);
    ck_assert_ptr_eq(ls_yaml_get(parsed.root, "b"), two);
    release(&parsed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("yaml_doc");
    TCase *tcase = tcase_create("yaml_doc");
    tcase_add_test(tcase, every_node_knows_its_place);
    tcase_add_test(tcase, json_is_read_too);
    tcase_add_test(tcase, duplicate_keys_are_all_reported_and_the_tree_stays);
    tcase_add_test(tcase, what_is_no_single_document_is_refused);
    tcase_add_test(tcase, aliases_that_explode_are_refused);
    tcase_add_test(tcase, depth_is_bounded);
    tcase_add_test(tcase, files_that_cannot_be_read_are_io_errors);
    tcase_add_test(tcase, put_replaces_and_adds);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
