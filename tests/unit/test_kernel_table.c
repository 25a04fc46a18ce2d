/* Tables of measured kernels: seconds are the measured ones, linear between them, and never beyond. */
#include "study_text.h"

#include <math.h>

#include "engine/cost/table_cost.h"
#include "engine/simulate.h"
#include "io/table_file.h"
#include "tests/suite.h"

static const char products[] = "operation,dtype,n,k,m,seconds\n"
                               "gemm,bf16,100,10,1,1e-6\ngemm,bf16,100,10,3,3e-6\ngemm,bf16,100,10,7,5e-6\n"
                               "gemm,bf16,100,30,1,2e-6\ngemm,bf16,100,30,7,8e-6\n"
                               "gemm,bf16,200,10,1,4e-6\ngemm,bf16,200,10,7,4e-6\n"
                               "gemm,bf16,200,30,1,6e-6\ngemm,bf16,200,30,5,6e-6\n";

static const char decodes[] = "seconds,tokens,sequences,heads,kv_heads,head_dim,v_head_dim,dtype,operation\n"
                              "1e-5,100,1,8,1,128,128,fp8,decode\n2e-5,200,1,8,1,128,128,fp8,decode\n"
                              "6e-5,400,1,8,1,128,128,fp8,decode\n3e-5,100,3,8,1,128,128,fp8,decode\n"
                              "5e-5,300,3,8,1,128,128,fp8,decode\n";

static const char experts[] = "operation,dtype,groups,n,k,m,seconds\n"
                              "grouped_gemm,bf16,8,512,1024,8,2e-5\ngrouped_gemm,bf16,8,512,1024,40,4e-5\n"
                              "grouped_gemm,bf16,16,512,1024,8,3e-5\n";

static struct ls_kernel_table table;
static struct ls_table_row *rows;

static enum ls_status read_table(const char *text, struct ls_diags *diags)
{
    rows = NULL;
    return ls_table_read(write_file("table.csv", text, strlen(text)), &table, &rows, diags);
}

static void load(const char *text)
{
    struct ls_diags diags = {0};
    const enum ls_status status = read_table(text, &diags);
    ls_diags_print(&diags, stderr);
    ck_assert_int_eq(status, LS_OK);
    ls_diags_release(&diags);
}

static void tear_down(void)
{
    free(rows);
    remove_folder();
}

static double product_s(double n, double k, double m)
{
    return ls_table_look_up(&table, LS_TABLE_GEMM, LS_BF16, (double[]){n, k, m}).seconds;
}

static void assert_seconds(double is, double should)
{
    ck_assert_double_eq_tol(is, should, 1e-12 * should);
}

START_TEST(measured_sizes_take_what_was_measured)
{
    load(products);
    assert_seconds(product_s(100, 10, 3), 3e-6);
    assert_seconds(product_s(200, 30, 5), 6e-6);
    assert_seconds(product_s(100, 10, 1), 1e-6);
}
END_TEST

START_TEST(between_them_seconds_are_linear)
{
    load(products);
    assert_seconds(product_s(100, 10, 2), 2e-6);
    assert_seconds(product_s(100, 10, 5), 4e-6);
    assert_seconds(product_s(100, 20, 1), 1.5e-6);
    assert_seconds(product_s(150, 10, 1), 2.5e-6);
    assert_seconds(product_s(150, 20, 1), 3.25e-6);
    /* n 100: k 10 and 30 at m 3 are 3 and 4 us; n 200: 4 and 6 us */
    assert_seconds(product_s(175, 15, 3), 0.25 * 3.25e-6 + 0.75 * 4.5e-6);
}
END_TEST

START_TEST(beyond_them_there_is_nothing)
{
    load(products);
    ck_assert(isnan(product_s(100, 10, 0.5)));
    ck_assert(isnan(product_s(100, 10, 8)));
    ck_assert(isnan(product_s(99, 10, 3)));
    ck_assert(isnan(product_s(201, 10, 3)));
    ck_assert(isnan(product_s(100, 31, 3)));
    ck_assert(isnan(product_s(150, 20, 6))); /* one of the four around it ends at 5 */
    ck_assert(isnan(ls_table_look_up(&table, LS_TABLE_GEMM, LS_FP8, (double[]){100, 10, 1}).seconds));
    ck_assert(!ls_table_covers(&table, LS_TABLE_GEMM, LS_FP8));
    ck_assert(ls_table_covers(&table, LS_TABLE_GEMM, LS_BF16));
}
END_TEST

START_TEST(experts_are_looked_up_by_the_matrices_that_a_gpu_holds)
{
    load(experts);
    const struct ls_hardware hardware = {.table = &table, .mfu = (double)NAN, .mbu = (double)NAN};
    struct ls_op op = {.kind = LS_OP_GROUPED_GEMM, .dtype = LS_BF16, .m = 24, .n = 512, .k = 1024, .groups = 7.5};
    op.matrices = 8;
    assert_seconds(ls_table_op_seconds(&hardware, &op), 3e-5);
    op.dtype = LS_FP16;
    assert_seconds(ls_table_op_seconds(&hardware, &op), 3e-5);
    op.matrices = 12; /* between eight and sixteen there is nothing */
    ck_assert(isnan(ls_table_op_seconds(&hardware, &op)));
    ck_assert(ls_table_misses_op(&hardware, &op));
    op.dtype = LS_INT8;
    ck_assert(!ls_table_misses_op(&hardware, &op));
}
END_TEST

static struct ls_op decode_op(double sequences, double context)
{
    return (struct ls_op){.kind = LS_OP_ATTENTION_DECODE,
                          .dtype = LS_FP8,
                          .n_seqs = sequences,
                          .n_query = sequences,
                          .n_context = context,
                          .n_pairs = context,
                          .n_heads = 8,
                          .n_kv_heads = 1,
                          .head_dim = 128,
                          .v_head_dim = 128};
}

START_TEST(a_segment_follows_the_table)
{
    load(decodes);
    const struct ls_hardware hardware = {.table = &table, .mfu = (double)NAN, .mbu = (double)NAN};
    for (double sequences = 1; sequences <= 3; sequences += 0.5)
        for (double tokens = 100; tokens <= 300; tokens += 12.5) {
            const struct ls_op op = decode_op(sequences, sequences * tokens);
            struct ls_segment segment;
            ck_assert(ls_table_decode_segment(&hardware, &op, &segment));
            ck_assert_double_gt(segment.until, op.n_context);
            assert_seconds(segment.base_s + segment.slope_s * op.n_context, ls_table_op_seconds(&hardware, &op));
            const struct ls_op later = decode_op(sequences, 0.5 * (op.n_context + segment.until));
            const double later_s = ls_table_op_seconds(&hardware, &later);
            if (!isnan(later_s))
                assert_seconds(segment.base_s + segment.slope_s * later.n_context, later_s);
        }
}
END_TEST

START_TEST(outside_the_table_seconds_are_computed_and_counted)
{
    load(decodes);
    struct ls_hardware hardware;
    memset(&hardware, 0, sizeof hardware);
    ls_param_set_defaults(&ls_hardware_params, &hardware);
    hardware.memory_bandwidth_bytes_per_s = 1e12;
    hardware.sm_count = 100;
    hardware.peak.by_dtype[LS_BF16] = 1e15;
    hardware.kernel_library = LS_KERNELS_VLLM;
    ls_kernels_complete(hardware.kernels);
    const struct ls_op inside = decode_op(1, 150), before = decode_op(1, 50), beyond = decode_op(4, 800);
    const double computed_s[] = {ls_op_seconds(&hardware, &before), ls_op_seconds(&hardware, &beyond)};
    hardware.table = &table;
    assert_seconds(ls_op_seconds(&hardware, &inside), 1.5e-5);
    assert_seconds(ls_op_seconds(&hardware, &before), computed_s[0]);
    assert_seconds(ls_op_seconds(&hardware, &beyond), computed_s[1]);
    ck_assert(!ls_table_misses_op(&hardware, &inside));
    ck_assert(ls_table_misses_op(&hardware, &before));
    ck_assert(ls_table_misses_op(&hardware, &beyond));
    ck_assert_double_le(ls_op_decode_segment(&hardware, &before).until, 100);
    struct ls_op wide = inside;
    wide.dtype = LS_BF16; /* the table has no such rows at all */
    ck_assert(!ls_table_misses_op(&hardware, &wide));
}
END_TEST

START_TEST(unequal_prompts_count_as_equal_ones_with_as_many_pairs)
{
    load("operation,dtype,heads,kv_heads,head_dim,v_head_dim,sequences,tokens,seconds\n"
         "prefill,bf16,8,1,128,128,1,100,1e-5\nprefill,bf16,8,1,128,128,1,300,3e-5\n"
         "prefill,bf16,8,1,128,128,4,100,4e-5\nprefill,bf16,8,1,128,128,4,300,12e-5\n");
    const struct ls_hardware hardware = {.table = &table, .mfu = (double)NAN, .mbu = (double)NAN};
    struct ls_op op = {.kind = LS_OP_ATTENTION_PREFILL,
                       .dtype = LS_BF16,
                       .n_seqs = 2,
                       .n_query = 400,
                       .n_context = 400,
                       .n_pairs = 200.0 * 201.0,
                       .n_heads = 8,
                       .n_kv_heads = 1,
                       .head_dim = 128,
                       .v_head_dim = 128};
    assert_seconds(ls_table_op_seconds(&hardware, &op), 2e-5 + (8e-5 - 2e-5) / 3);
    op.n_pairs += 400 * 1000; /* 1000 tokens stood before each chunk */
    op.n_context += 2000;
    ck_assert(isnan(ls_table_op_seconds(&hardware, &op)));
}
END_TEST

START_TEST(a_collective_takes_what_was_measured)
{
    load("operation,ranks,bytes,seconds\nall_reduce,2,1000,1e-5\nall_reduce,2,3000,3e-5\n");
    struct ls_cluster cluster = {0};
    memset(&cluster, 0, sizeof cluster);
    ls_param_set_defaults(&ls_cluster_params, &cluster);
    cluster.hardware.intra_node = (struct ls_link){1e11, 1e-6};
    cluster.hardware.inter_node = (struct ls_link){1e10, 1e-5};
    cluster.hardware.memory_bandwidth_bytes_per_s = 1e12;
    cluster.hardware.kernel_library = LS_KERNELS_VLLM;
    ls_kernels_complete(cluster.hardware.kernels);
    ls_cluster_complete(&cluster);
    cluster.hardware.table = &table;
    const struct ls_group pair = {2, 1, 2}, apart = {2, 2, 1}, four = {4, 1, 4};
    struct ls_collective_cost cost = ls_collective_cost(&cluster, LS_ALL_REDUCE, &pair, 1500);
    assert_seconds(ls_collective_seconds(&cost), 1.5e-5);
    ck_assert(!ls_table_misses_collective(&cluster.hardware, LS_ALL_REDUCE, &pair, 1500));
    ck_assert(ls_table_misses_collective(&cluster.hardware, LS_ALL_REDUCE, &pair, 999));
    ck_assert(ls_table_misses_collective(&cluster.hardware, LS_ALL_REDUCE, &four, 1500));
    ck_assert(isnan(ls_table_collective_seconds(&cluster.hardware, LS_ALL_REDUCE, &apart, 1500)));
    ck_assert(!ls_table_misses_collective(&cluster.hardware, LS_ALL_GATHER, &pair, 1500));
}
END_TEST

START_TEST(bad_tables_are_refused)
{
    static const char *const texts[][2] = {
        {"m,n,k,seconds\n1,1,1,1\n", "no table of kernels"},
        {"operation,seconds\n", "no rows"},
        {"operation,dtype,m,n,k,seconds\ngem,bf16,1,1,1,1\n", "gem will not do"},
        {"operation,dtype,m,n,k,seconds\ngemm,bf17,1,1,1,1\n", "bf17 will not do"},
        {"operation,dtype,m,n,k,seconds\ngemm,bf16,1,,1,1\n", "nothing will not do"},
        {"operation,dtype,m,n,k,seconds\ngemm,bf16,1,1,1,nan\n", "nan will not do"},
        {"operation,dtype,m,n,k,seconds\ngemm,bf16,1,1,1,-1\n", "-1 will not do"},
        {"operation,dtype,m,n,seconds\ngemm,bf16,1,1,1\n", "nothing will not do"},
        {"operation,dtype,m,n,k,seconds\ngemm,bf16,1,1,1,1\ngemm,bf16,1,1,1,2\n", "measured already in line 2"},
        {"operation,dtype,m,n,k,seconds\ngemm,bf16,1,1,1\n", "5 fields; the first line has 6"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ls_diags diags = {0};
        ck_assert_int_eq(read_table(texts[i][0], &diags), LS_INPUT);
        ck_assert_uint_eq(diags.n, 1);
        ck_assert_msg(strstr(diags.items[0].text, texts[i][1]), "%s", diags.items[0].text);
        ls_diags_release(&diags);
    }
}
END_TEST

START_TEST(the_order_of_rows_and_columns_says_nothing)
{
    load("operation,dtype,n,k,m,seconds\ngemm,bf16,1,1,1,1\ngemm,bf16,1,1,2,2\ngemm,fp8,1,1,1,1\n");
    const uint64_t digest = table.digest;
    free(rows);
    load("seconds,m,k,n,dtype,operation,gpu\n1,1,1,1,fp8,gemm,x\n2,2,1,1,bf16,gemm,x\n1,1,1,1,bf16,gemm,x\n");
    ck_assert_uint_eq(table.digest, digest);
    free(rows);
    load("operation,dtype,n,k,m,seconds\ngemm,bf16,1,1,1,1\ngemm,bf16,1,1,2,2.5\ngemm,fp8,1,1,1,1\n");
    ck_assert_uint_ne(table.digest, digest);
}
END_TEST

START_TEST(a_study_reads_its_table)
{
    static const char study[] =
        "model: llama-3.1-8b\n"
        "cluster: {hardware: {base: h100-sxm, kernel_table: table.csv}}\n"
        "workload: {max_requests: 1, profiles: [{name: a, arrivals: {process: all_at_once}, "
        "prompt_tokens: {dist: constant, value: 10}, output_tokens: {dist: constant, value: 3}}]}\n";
    static const char *const tables[] = {
        "operation,bytes,seconds\nmemory,1,1\n",
        "operation,dtype,n,k,m,seconds\ngemm,bf16,4096,4096,1,1\ngemm,bf16,4096,4096,9999,1\n"};
    double makespan_s[2], n_extrapolated[2];
    struct ls_sim *sim = ls_sim_new();
    for (int i = 0; i < 2; i++) {
        struct ls_scenario scenario;
        struct ls_result result;
        enum ls_reason reason;
        struct ls_err err = {""};
        (void)write_file("table.csv", tables[i], strlen(tables[i]));
        struct ls_study loaded = load_study(study, NULL, 0, 1);
        ck_assert_ptr_nonnull(loaded.base.cluster.hardware.table);
        ck_assert_msg(ls_study_cell(&loaded, 0, &scenario, &reason, &err) == LS_OK, "%s", err.text);
        ck_assert_msg(ls_simulate(sim, &scenario, &result, &err) == LS_OK, "%s", err.text);
        makespan_s[i] = result.metrics.scalar[LS_METRIC_MAKESPAN_S];
        n_extrapolated[i] = result.metrics.scalar[LS_METRIC_N_EXTRAPOLATED];
        ls_study_release(&loaded);
    }
    ls_sim_free(sim);
    /* three passes of 32 layers: in each the output projection now takes a second, and no other product does */
    ck_assert_double_eq_tol(makespan_s[1] - makespan_s[0], 96.0, 0.1);
    ck_assert_double_gt(n_extrapolated[0], 0);
    ck_assert_double_gt(n_extrapolated[1], 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kernel_table");
    TCase *tcase = tcase_create("table");
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_test(tcase, measured_sizes_take_what_was_measured);
    tcase_add_test(tcase, between_them_seconds_are_linear);
    tcase_add_test(tcase, beyond_them_there_is_nothing);
    tcase_add_test(tcase, experts_are_looked_up_by_the_matrices_that_a_gpu_holds);
    tcase_add_test(tcase, a_segment_follows_the_table);
    tcase_add_test(tcase, outside_the_table_seconds_are_computed_and_counted);
    tcase_add_test(tcase, unequal_prompts_count_as_equal_ones_with_as_many_pairs);
    tcase_add_test(tcase, a_collective_takes_what_was_measured);
    tcase_add_test(tcase, bad_tables_are_refused);
    tcase_add_test(tcase, the_order_of_rows_and_columns_says_nothing);
    tcase_add_test(tcase, a_study_reads_its_table);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
