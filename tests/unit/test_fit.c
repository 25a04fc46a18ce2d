/* Promises of tools/fit: the engine computes what the fit computed with (tests/golden/kernel_seconds.csv), and every
 * hardware file of the library loads and has sensible kernels. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cost/exchange.h"
#include "engine/cost/operator_cost.h"
#include "io/library.h"
#include "tests/suite.h"

static struct ls_cluster load(const char *name)
{
    struct ls_cluster cluster = {0};
    ls_param_set_defaults(&ls_cluster_params, &cluster);
    struct ls_diags diags = {0};
    ck_assert_int_eq(ls_library_hardware(NULL, name, &cluster.hardware, &diags), LS_OK);
    ls_diags_release(&diags);
    ls_cluster_complete(&cluster);
    return cluster;
}

struct example {
    char hardware[32], library[32], kind[32], dtype[32];
    double m, n, k, groups, seqs, queries, context, pairs, heads, kv_heads, head_dim, v_head_dim, bytes, ranks, seconds;
};

static bool read_example(FILE *file, struct example *e)
{
    return fscanf(file, " %31[^,],%31[^,],%31[^,],%31[^,],%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf",
                  e->hardware, e->library, e->kind, e->dtype, &e->m, &e->n, &e->k, &e->groups, &e->seqs, &e->queries,
                  &e->context, &e->pairs, &e->heads, &e->kv_heads, &e->head_dim, &e->v_head_dim, &e->bytes, &e->ranks,
                  &e->seconds) == 19;
}

static enum ls_dtype dtype_named(const char *name)
{
    for (int i = 0; i < LS_N_DTYPES; i++)
        if (strcmp(name, ls_dtype_names[i]) == 0)
            return (enum ls_dtype)i;
    ck_abort_msg("%s is no format", name);
    return LS_BF16;
}

static double op_seconds(const struct ls_cluster *cluster, const struct example *e, enum ls_op_kind kind)
{
    const struct ls_op op = {
        .kind = kind,
        .dtype = dtype_named(e->dtype),
        .m = e->m,
        .n = e->n,
        .k = e->k,
        .groups = e->groups,
        .loads = {0.25, 0.5, 0.75, 2.5}, /* tools/fitting/examples.py's */
        .n_seqs = e->seqs,
        .n_query = e->queries,
        .n_context = e->context,
        .n_pairs = e->pairs,
        .n_heads = e->heads,
        .n_kv_heads = e->kv_heads,
        .head_dim = e->head_dim,
        .v_head_dim = e->v_head_dim,
    };
    return ls_op_seconds(&cluster->hardware, &op);
}

static double collective_seconds(const struct ls_cluster *cluster, const struct example *e,
                                 enum ls_collective collective)
{
    const struct ls_group group = {.size = (int64_t)e->ranks, .nodes = 1, .ranks_per_node = (int64_t)e->ranks};
    const struct ls_collective_cost cost = ls_collective_cost(cluster, collective, &group, e->bytes);
    return ls_collective_seconds(&cost);
}

/* A GPU with a NIC of its own, eight to a node. */
static double exchange_seconds(const struct ls_cluster *cluster, const struct example *e)
{
    static const char *const names[LS_N_EXCHANGE_LIBRARIES] = {
        [LS_EXCHANGE_DEEPEP_HT] = "deepep_high_throughput",
        [LS_EXCHANGE_DEEPEP_LL] = "deepep_low_latency",
        [LS_EXCHANGE_NVLINK_TWO_SIDED] = "nvlink_two_sided",
        [LS_EXCHANGE_NVLINK_ONE_SIDED] = "nvlink_one_sided",
    };
    const struct ls_model model = {.n_routed_experts = (int64_t)e->groups,
                                   .num_experts_per_tok = (int64_t)e->k,
                                   .n_group = (int64_t)e->heads,
                                   .topk_group = (int64_t)e->kv_heads};
    const int64_t ranks = (int64_t)e->ranks;
    const struct ls_group group = {.size = ranks, .nodes = ranks / 8, .ranks_per_node = 8};
    const struct ls_token_exchange exchange = {.n_rows = e->m, .row_bytes = 2 * e->n, .shards = e->ranks};
    const enum ls_exchange_way way = strncmp(e->kind, "dispatch ", 9) == 0 ? LS_DISPATCH : LS_COMBINE;
    for (int i = 0; i < LS_N_EXCHANGE_LIBRARIES; i++) {
        if (strcmp(strchr(e->kind, ' ') + 1, names[i]) != 0)
            continue;
        const struct ls_collective_cost cost =
            ls_exchange_cost(cluster, &model, (enum ls_exchange_library)i, way, &group, &exchange);
        return ls_collective_seconds(&cost);
    }
    ck_abort_msg("no library %s", e->kind);
    return 0;
}

static double engine_seconds(const struct ls_cluster *cluster, const struct example *e)
{
    if (strcmp(e->kind, "gemm") == 0)
        return op_seconds(cluster, e, LS_OP_GEMM);
    if (strcmp(e->kind, "grouped_gemm") == 0)
        return op_seconds(cluster, e, LS_OP_GROUPED_GEMM);
    if (strcmp(e->kind, "prefill") == 0)
        return op_seconds(cluster, e, LS_OP_ATTENTION_PREFILL);
    if (strcmp(e->kind, "decode") == 0)
        return op_seconds(cluster, e, LS_OP_ATTENTION_DECODE);
    if (strcmp(e->kind, "all_reduce") == 0)
        return collective_seconds(cluster, e, LS_ALL_REDUCE);
    if (strcmp(e->kind, "all_gather") == 0)
        return collective_seconds(cluster, e, LS_ALL_GATHER);
    if (strchr(e->kind, ' '))
        return exchange_seconds(cluster, e);
    ck_assert_str_eq(e->kind, "alltoall");
    return collective_seconds(cluster, e, LS_ALL_TO_ALL);
}

START_TEST(the_engine_computes_what_the_fit_computed_with)
{
    FILE *file = fopen(LS_SOURCE_DIR "/tests/golden/kernel_seconds.csv", "r");
    ck_assert_ptr_nonnull(file);
    char header[512];
    ck_assert_ptr_nonnull(fgets(header, sizeof header, file));
    struct example example;
    int n = 0;
    for (; read_example(file, &example); n++) {
        struct ls_cluster cluster = load(example.hardware);
        cluster.hardware.sustained = (struct ls_peaks){{0}}; /* single kernels know no power limit */
        cluster.hardware.kernel_library = strcmp(example.library, "trtllm") == 0 ? LS_KERNELS_TRTLLM : LS_KERNELS_VLLM;
        const double seconds = engine_seconds(&cluster, &example);
        ck_assert_msg(fabs(seconds / example.seconds - 1) < 1e-6, "row %d, %s %s: %g s, the fit has %g s", n + 2,
                      example.library, example.kind, seconds, example.seconds);
    }
    ck_assert(feof(file));
    ck_assert_int_gt(n, 50);
    (void)fclose(file);
}
END_TEST

START_TEST(every_gpu_of_the_library_has_sensible_kernels)
{
    char **names = NULL;
    size_t n = 0;
    ck_assert_int_eq(ls_library_names(LS_SHELF_HARDWARE, &names, &n, NULL), LS_OK);
    ck_assert_uint_ge(n, 15);
    for (size_t i = 0; i < n; i++) {
        struct ls_cluster cluster = load(names[i]);
        const struct ls_hardware *hardware = &cluster.hardware;
        for (int library = 0; library < LS_N_KERNEL_LIBRARIES; library++) {
            cluster.hardware.kernel_library = library;
            const enum ls_dtype dtype = ls_op_dtype_supported(hardware, LS_BF16) ? LS_BF16 : LS_FP16;
            const double flop = 2.0 * 8192 * 8192 * 8192;
            const struct ls_op large = {.kind = LS_OP_GEMM, .dtype = dtype, .m = 8192, .n = 8192, .k = 8192};
            const double share = flop / ls_op_seconds(hardware, &large) / hardware->peak.by_dtype[dtype];
            ck_assert_msg(share > 0.3 && share < 1, "%s: a large product reaches %g of the peak", names[i], share);
            const struct ls_op thin = {.kind = LS_OP_GEMM, .dtype = dtype, .m = 1, .n = 28672, .k = 8192};
            const double rate = 2.0 * 28672 * 8192 / ls_op_seconds(hardware, &thin);
            const double of_peak = rate / hardware->memory_bandwidth_bytes_per_s;
            ck_assert_msg(of_peak > 0.4 && of_peak < 1.05, "%s: a thin product reads at %g", names[i], of_peak);
        }
    }
    ls_library_free_names(names, n);
}
END_TEST

/* Shares and rates are scaled, not how many rows the kernels' tiles have. */
START_TEST(gpus_without_tables_have_the_tiles_of_the_measured_one)
{
    char **names = NULL;
    size_t n = 0;
    int n_scaled = 0;
    ck_assert_int_eq(ls_library_names(LS_SHELF_HARDWARE, &names, &n, NULL), LS_OK);
    for (size_t i = 0; i < n; i++) {
        const struct ls_cluster cluster = load(names[i]);
        if (!*cluster.hardware.scaled_from)
            continue;
        const struct ls_cluster origin = load(cluster.hardware.scaled_from);
        for (int library = 0; library < LS_N_KERNEL_LIBRARIES; library++)
            ck_assert_msg(cluster.hardware.kernels[library].grouped_gemm[LS_BF16].tile_rows ==
                              origin.hardware.kernels[library].grouped_gemm[LS_BF16].tile_rows,
                          "%s has other tiles than %s", names[i], cluster.hardware.scaled_from);
        n_scaled++;
    }
    ck_assert_int_gt(n_scaled, 10);
    ls_library_free_names(names, n);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fit");
    TCase *tcase = tcase_create("fit");
    tcase_add_test(tcase, the_engine_computes_what_the_fit_computed_with);
    tcase_add_test(tcase, every_gpu_of_the_library_has_sensible_kernels);
    tcase_add_test(tcase, gpus_without_tables_have_the_tiles_of_the_measured_one);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
