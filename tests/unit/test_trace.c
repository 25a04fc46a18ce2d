/* Recorded workloads: the three forms give the same requests, exact to the picosecond. */
#include "study_text.h"

#include "io/trace.h"
#include "tests/suite.h"

static struct ls_trace read_trace(const char *text, int32_t format)
{
    struct ls_trace trace;
    struct ls_diags diags = {0};
    const enum ls_status status = ls_trace_read(write_file("trace.csv", text, strlen(text)), format, &trace, &diags);
    ls_diags_print(&diags, stderr);
    ck_assert_int_eq(status, LS_OK);
    ls_diags_release(&diags);
    return trace;
}

START_TEST(three_forms_of_one_recording_are_equal)
{
    static const char *const texts[] = {
        "arrived_at,num_prefill_tokens,num_decode_tokens\n0.0,374,44\n4.314579,396,109\n",
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n"
        "2023-11-16 18:15:50.9951690,396,109\n",
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 23:59:58.009930+00:00,374,44\n"
        "2024-05-11 00:00:02.324509+00:00,396,109\n",
        "\xef\xbb\xbf"
        "output_tokens,arrival_s,prompt_tokens,note\r\n44,0,374,a\r\n109,4.314579,396,b\r\n",
        "prompt_tokens,output_tokens,arrival_s\n396,109,4314579e-6\n\n374,44,0\n",
    };
    uint64_t digest = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ls_trace trace = read_trace(texts[i], LS_TRACE_AUTO);
        ck_assert_uint_eq(trace.n, 2);
        ck_assert_int_eq(trace.requests[0].arrival_ps, 0);
        ck_assert_int_eq(trace.requests[0].prompt_tok, 374);
        ck_assert_int_eq(trace.requests[1].arrival_ps, INT64_C(4314579000000));
        ck_assert_int_eq(trace.requests[1].output_tok, 109);
        ck_assert(i == 0 || trace.digest == digest);
        digest = trace.digest;
        free((void *)trace.requests);
    }
}
END_TEST

/* Ids that begin alike stand for prompts that do, part by part; the last part is another one where it ends sooner. */
START_TEST(parts_of_prompts_are_chained)
{
    static const char *const texts[] = {
        "{\"timestamp\": 0, \"input_length\": 1100, \"output_length\": 5, \"hash_ids\": [0, 7, 9]}\n"
        "{\"timestamp\": 3000, \"input_length\": 1536, \"output_length\": 5, \"hash_ids\": [0, 7, 9]}\r\n"
        "{\"hash_ids\": [1, 7], \"timestamp\": 3000.5, \"input_length\": 2000, \"x\": 3, \"output_length\": 5}\n",
        "arrival_s,prompt_tokens,output_tokens,session,prefix_hashes\n0,1100,5,,0 7 9\n3,1536,5,a,0;7;9\n"
        "3.0005,2000,5,a,1 7\n",
    };
    for (size_t i = 0; i < 2; i++) {
        struct ls_trace trace = read_trace(texts[i], LS_TRACE_AUTO);
        const struct ls_trace_request *const r = trace.requests;
        const uint64_t *const parts = trace.parts;
        ck_assert_uint_eq(trace.n, 3);
        ck_assert_int_eq(trace.part_tok, 512);
        ck_assert_int_eq(r[1].arrival_ps, INT64_C(3000000000000));
        ck_assert_int_eq(r[2].arrival_ps, INT64_C(3000500000000));
        ck_assert_int_eq(r[0].n_part_tok, 1100);
        ck_assert_int_eq(r[1].n_part_tok, 1536);
        ck_assert_int_eq(r[2].n_part_tok, 1024);
        ck_assert_uint_eq(parts[r[0].first_part], parts[r[1].first_part]);
        ck_assert_uint_eq(parts[r[0].first_part + 1], parts[r[1].first_part + 1]);
        ck_assert_uint_ne(parts[r[0].first_part + 2], parts[r[1].first_part + 2]); /* 76 tokens, and all 512 */
        ck_assert_uint_ne(parts[r[0].first_part + 1], parts[r[2].first_part + 1]); /* 7 after 0, and 7 after 1 */
        ck_assert_uint_eq(r[0].session, 0);
        ck_assert_int_eq(r[1].session == r[2].session, 1);
        ck_assert_int_eq(r[1].session != 0, i == 1);
        free((void *)trace.requests);
        free((void *)trace.parts);
    }
}
END_TEST

START_TEST(calendars_are_understood)
{
    /* 2024 is a leap year: from the end of February to March there are two days */
    struct ls_trace trace = read_trace("TIMESTAMP,ContextTokens,GeneratedTokens\n2024-02-28 12:00:00,1,1\n"
                                       "2024-03-01 12:00:00.5,1,1\n",
                                       LS_TRACE_AZURE);
    ck_assert_int_eq(trace.requests[1].arrival_ps, INT64_C(2) * 86400 * 1000000000000 + 500000000000);
    free((void *)trace.requests);
}
END_TEST

START_TEST(the_digest_knows_every_number)
{
    static const char *const texts[] = {
        "arrival_s,prompt_tokens,output_tokens\n0,1,2\n",        "arrival_s,prompt_tokens,output_tokens\n1e-12,1,2\n",
        "arrival_s,prompt_tokens,output_tokens\n0,2,2\n",        "arrival_s,prompt_tokens,output_tokens\n0,1,3\n",
        "arrival_s,prompt_tokens,output_tokens\n0,1,2\n0,1,2\n",
    };
    uint64_t digests[5];
    for (size_t i = 0; i < 5; i++) {
        struct ls_trace trace = read_trace(texts[i], LS_TRACE_CSV);
        digests[i] = trace.digest;
        free((void *)trace.requests);
        for (size_t j = 0; j < i; j++)
            ck_assert_uint_ne(digests[i], digests[j]);
    }
}
END_TEST

/* Characters, however they are written; the first two turns; nothing of what else there is. */
START_TEST(conversations_are_counted)
{
    struct ls_trace trace =
        read_trace("[{\"id\": \"a]}\\\"\", \"conversations\": [{\"from\": \"human\", \"value\": "
                   "\"Gr\u00fc\\u00dfe\\n\"}, {\"value\": \"\\ud83d\\ude00!\", "
                   "\"from\": \"gpt\"}, {\"from\": \"human\", \"value\": \"more\"}]},\n"
                   " {\"conversations\": [], \"other\": {\"value\": [1, {\"x\": null}], \"y\": -1.5e3}},\n"
                   " {\"conversations\": [{\"from\": \"gpt\", \"value\": \"alone\"}]},\n"
                   " {\"conversations\": [{\"value\": \"\"}, {\"value\": \"to nothing\"}]},\n"
                   " {\"n\": 4 , \"conversations\" :[ {\"value\":\"ab\"} , {\"value\":\"cde\"} ] } ]\n",
                   LS_TRACE_AUTO);
    ck_assert_uint_eq(trace.n, 2);
    ck_assert(trace.is_untimed && trace.is_in_characters);
    ck_assert_int_eq(trace.requests[0].prompt_tok, 6);
    ck_assert_int_eq(trace.requests[0].output_tok, 2);
    ck_assert_int_eq(trace.requests[1].prompt_tok, 2);
    ck_assert_int_eq(trace.requests[1].output_tok, 3);
    struct ls_trace tokens = read_trace("prompt_tokens,output_tokens\n6,2\n2,3\n", LS_TRACE_AUTO);
    ck_assert(tokens.is_untimed && !tokens.is_in_characters);
    ck_assert_int_eq(tokens.requests[0].prompt_tok, 6);
    ck_assert_uint_ne(tokens.digest, trace.digest);
    free((void *)trace.requests);
    free((void *)tokens.requests);
}
END_TEST

START_TEST(what_is_no_list_of_conversations_is_refused)
{
    static const struct {
        const char *text, *place;
    } cases[] = {
        {"{}", "trace.csv:1:1: not a list of conv"},
        {"[3]", "trace.csv:1:2: "},
        {"[{\"conversations\": \"x\"}]", "trace.csv:1:20: "},
        {"[{\"conversations\": [{\"from\": \"x\"}, {\"value\": \"a\"}]}]", "trace.csv:1:20: "},
        {"[\n{\"conversations\": [{\"value\": \"a\"}, {\"value\": 7}]}]", "trace.csv:2:19: "},
        {"[{\"conversations\": [{\"value\": \"a\"}, {\"value\": \"\\q\"}]}]", "trace.csv:1:20: "},
        {"[{\"conversations\": [{\"value\": \"a\"}, {\"value\": \"b\"}]", "trace.csv:1:"},
        {"[{\"conversations\": [{\"value\": \"a\"}, {\"value\": \"b\"}]}", "trace.csv:1:"},
        {"[{\"conversations\": [{\"value\": \"a\"}, {\"value\": \"b\"}]}\n{}]", "trace.csv:2:1: "},
        {"[{\"conversations\": [{\"value\": \"\\ud8", "trace.csv:1:"},
        {"[", "trace.csv:1:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ls_trace trace;
        struct ls_diags diags = {0};
        const char *path = write_file("trace.csv", cases[i].text, strlen(cases[i].text));
        char said[600];
        ck_assert_int_eq(ls_trace_read(path, LS_TRACE_SHAREGPT, &trace, &diags), LS_INPUT);
        ck_assert_uint_eq(diags.n, 1);
        (void)snprintf(said, sizeof said, "trace.csv:%d:%d: %s", diags.items[0].line, diags.items[0].column,
                       diags.items[0].text);
        ck_assert_msg(strncmp(said, cases[i].place, strlen(cases[i].place)) == 0, "%s: %s", cases[i].text, said);
        ls_diags_release(&diags);
    }
}
END_TEST

START_TEST(the_shipped_recording_is_whole)
{
    struct ls_trace trace;
    struct ls_diags diags = {0};
    ck_assert_int_eq(
        ls_trace_read(LS_SOURCE_DIR "/configs/workloads/azure_2023_conv.csv", LS_TRACE_AUTO, &trace, &diags), LS_OK);
    ck_assert_uint_eq(diags.n, 0);
    for (size_t i = 1; i < trace.n; i++)
        ck_assert_int_ge(trace.requests[i].arrival_ps, trace.requests[i - 1].arrival_ps);
    free((void *)trace.requests);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *tcase = tcase_create("trace");
    tcase_add_test(tcase, three_forms_of_one_recording_are_equal);
    tcase_add_test(tcase, parts_of_prompts_are_chained);
    tcase_add_test(tcase, calendars_are_understood);
    tcase_add_test(tcase, the_digest_knows_every_number);
    tcase_add_test(tcase, conversations_are_counted);
    tcase_add_test(tcase, what_is_no_list_of_conversations_is_refused);
    tcase_add_test(tcase, the_shipped_recording_is_whole);
    tcase_add_checked_fixture(tcase, NULL, remove_folder);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
