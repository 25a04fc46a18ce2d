/* Promises of operator costs: the roofline's closed form, more work is never cheaper, decode is affine in context. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "engine/cost/operator_cost.h"

static struct ls_hardware make_hardware(void)
{
    const struct ls_kernel_class ideal = {.compute_frac = 1, .memory_frac = 1};
    struct ls_hardware hardware = {
        .memory_bandwidth_bytes_per_s = 1e12,
        .sm_count = 100,
        .kernels = {ideal, ideal, ideal, ideal, ideal},
    };
    for (int i = 0; i < LS_N_DTYPES; i++)
        hardware.peak.by_dtype[i] = NAN;
    hardware.peak.by_dtype[LS_BF16] = 1e14;
    return hardware;
}

static struct ls_op gemm(double m, double n, double k)
{
    return (struct ls_op){.kind = LS_OP_GEMM, .dtype = LS_BF16, .m = m, .n = n, .k = k};
}

static struct ls_op decode(double n_seqs, double n_context)
{
    return (struct ls_op){
        .kind = LS_OP_ATTENTION_DECODE,
        .dtype = LS_BF16,
        .n_seqs = n_seqs,
        .n_query = n_seqs,
        .n_context = n_context,
        .n_pairs = n_context,
        .n_heads = 8,
        .n_kv_heads = 1,
        .head_dim = 128,
        .v_head_dim = 128,
    };
}

START_TEST(an_ideal_gemm_is_the_roofline)
{
    struct ls_hardware hardware = make_hardware();
    const struct ls_op large = gemm(8192, 8192, 8192);
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &large), 2.0 * 8192 * 8192 * 8192 / 1e14, 1e-12);
    const struct ls_op small = gemm(1, 8192, 8192);
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &small), 2.0 * (8192.0 * 8192 + 8192 + 8192) / 1e12, 1e-12);
    hardware.kernels.gemm.launch_s = 5e-6;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &small), 5e-6 + 2.0 * (8192.0 * 8192 + 8192 + 8192) / 1e12, 1e-12);
}
END_TEST

START_TEST(more_work_is_never_cheaper)
{
    const struct ls_hardware hardware = make_hardware();
    for (double m = 1; m < 20000; m = ceil(m * 1.07)) {
        const struct ls_op op = gemm(m, 4096, 4096);
        const double now = ls_op_seconds(&hardware, &op);
        const struct ls_op more[] = {gemm(m + 1, 4096, 4096), gemm(m, 4097, 4096), gemm(m, 4096, 4097)};
        for (size_t i = 0; i < sizeof more / sizeof *more; i++)
            ck_assert_double_ge(ls_op_seconds(&hardware, &more[i]), now);
    }
}
END_TEST

START_TEST(decode_is_affine_in_context_and_agrees_with_its_segment)
{
    const struct ls_hardware hardware = make_hardware();
    for (double n_seqs = 1; n_seqs <= 512; n_seqs *= 2) {
        double before = 0;
        for (double n_context = n_seqs; n_context < 1e8; n_context *= 2) {
            const struct ls_op op = decode(n_seqs, n_context);
            const struct ls_segment segment = ls_op_decode_segment(&hardware, &op);
            const double now = ls_op_seconds(&hardware, &op);
            ck_assert_double_gt(segment.until, n_context);
            ck_assert_double_eq_tol(segment.base_s + segment.slope_s * n_context, now, 1e-15);
            ck_assert_double_ge(now, before);
            before = now;
        }
    }
}
END_TEST

START_TEST(narrow_weights_are_widened_where_the_device_cannot_multiply_them)
{
    struct ls_hardware hardware = make_hardware();
    ck_assert(ls_op_dtype_supported(&hardware, LS_BF16));
    ck_assert(ls_op_dtype_supported(&hardware, LS_FP8));
    ck_assert(ls_op_dtype_supported(&hardware, LS_INT4));
    ck_assert(!ls_op_dtype_supported(&hardware, LS_FP16));
    ck_assert(!ls_op_dtype_supported(&hardware, LS_FP32));
    struct ls_op op = gemm(8192, 8192, 8192);
    op.dtype = LS_FP8;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), 2.0 * 8192 * 8192 * 8192 / 1e14, 1e-12);
    hardware.peak.by_dtype[LS_FP8] = 2e14;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), 2.0 * 8192 * 8192 * 8192 / 2e14, 1e-12);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("operator_cost");
    TCase *tcase = tcase_create("operator_cost");
    tcase_add_test(tcase, an_ideal_gemm_is_the_roofline);
    tcase_add_test(tcase, more_work_is_never_cheaper);
    tcase_add_test(tcase, decode_is_affine_in_context_and_agrees_with_its_segment);
    tcase_add_test(tcase, narrow_weights_are_widened_where_the_device_cannot_multiply_them);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
