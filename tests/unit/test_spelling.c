/* Promises of spelling: names as others write them are those of the library, and what differs stays different. */
#include <check.h>

#include "io/spelling.h"
#include "tests/suite.h"

static void check_plain(enum ls_shelf shelf, const char *name, const char *expected)
{
    char plain[64];
    ls_spelling_plain(shelf, name, plain, sizeof plain);
    ck_assert_str_eq(plain, expected);
}

START_TEST(checkpoints_are_models)
{
    static const char *const names[][2] = {
        {"llama-2-7b", "llama-2-7b"},
        {"meta-llama/Llama-2-7b-chat-hf", "llama-2-7b"},
        {"meta-llama/Meta-Llama-3-8B-Instruct", "llama-3-8b"},
        {"Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", "qwen3-235b-a22b-fp8"},
        {"Qwen/Qwen3-235B-A22B-Instruct-2507", "qwen3-235b-a22b"},
        {"Qwen/Qwen3-8B-FP8", "qwen3-8b-fp8"},
        {"deepseek-ai/DeepSeek-R1-0528", "deepseek-r1"},
        {"mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral-8x7b"},
        {"Qwen/Qwen3-8B-AWQ", "qwen3-8b-awq"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        check_plain(LS_SHELF_MODELS, names[i][0], names[i][1]);
}
END_TEST

START_TEST(cards_are_hardware)
{
    static const char *const names[][2] = {
        {"H100", "h100-sxm"},
        {"NVIDIA H100 80GB HBM3", "h100-sxm"},
        {"NVIDIA A100-SXM4-80GB", "a100-80g-sxm"},
        {"A100 40GB", "a100-40g-sxm"},
        {"RTX4090", "rtx-4090"},
        {"L40S", "l40s"},
        {"h100-pcie", "h100-pcie"},
        {"H100 PCIe", "h100-pcie"},
        {"MI300X", "mi300x"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        check_plain(LS_SHELF_HARDWARE, names[i][0], names[i][1]);
}
END_TEST

START_TEST(long_names_are_cut)
{
    char plain[6];
    ls_spelling_plain(LS_SHELF_MODELS, "a/LLAMA-2-7B", plain, sizeof plain);
    ck_assert_str_eq(plain, "llama");
    ls_spelling_plain(LS_SHELF_WORKLOADS, "Trace.csv", plain, sizeof plain);
    ck_assert_str_eq(plain, "trace");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spelling");
    TCase *tcase = tcase_create("spelling");
    tcase_add_test(tcase, checkpoints_are_models);
    tcase_add_test(tcase, cards_are_hardware);
    tcase_add_test(tcase, long_names_are_cut);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
