/* Promises of operator costs: the roofline's closed form, more work is never cheaper, decode is affine in context. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cost/operator_cost.h"
#include "tests/suite.h"

/* Kernels without overheads: every product is its roofline. */
static struct ls_hardware make_hardware(void)
{
    struct ls_hardware hardware = {.memory_bandwidth_bytes_per_s = 1e12, .sm_count = 100};
    for (int i = 0; i < LS_N_DTYPES; i++)
        hardware.peak.by_dtype[i] = NAN;
    hardware.peak.by_dtype[LS_BF16] = 1e14;
    struct ls_kernels *kernels = &hardware.kernels[0];
    for (int i = 0; i < LS_N_GEMM_FORMATS; i++) {
        kernels->gemm[i] = (struct ls_gemm_kernels){.memory_frac = 1,
                                                    .split_frac = 1e9,
                                                    .mma_rows = 128,
                                                    .sm_bandwidth_bytes_per_s = 1e15,
                                                    .tile_frac = {[LS_TILE_128X128] = 1}};
        kernels->grouped_gemm[i] = kernels->gemm[i];
    }
    kernels->prefill =
        (struct ls_prefill_kernels){.memory_frac = 1, .kv_frac = 1, .frac_64 = 1, .frac_128 = 1, .frac_256 = 1};
    kernels->decode = (struct ls_decode_kernels){.frac_64 = 1,
                                                 .frac_128 = 1,
                                                 .frac_256 = 1,
                                                 .compute_frac = 1,
                                                 .query_frac = 1e9,
                                                 .block_bandwidth_bytes_per_s = 1e10};
    kernels->mha_decode = kernels->decode;
    kernels->memory = (struct ls_memory_kernels){.memory_frac = 1};
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

static double smooth_max(double a, double b)
{
    return cbrt(a * a * a + b * b * b);
}

START_TEST(an_ideal_gemm_is_the_roofline)
{
    struct ls_hardware hardware = make_hardware();
    hardware.kernels[0].gemm[LS_GEMM_BF16].launch_s = 5e-6;
    const double sizes[][3] = {{8192, 8192, 8192}, {6400, 128, 4096}, {12800, 1024, 256}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const double m = sizes[i][0], n = sizes[i][1], k = sizes[i][2];
        const double compute = 2 * m * n * k / 1e14;
        const double memory = 2 * (m * k + n * k + m * n) / 1e12;
        const struct ls_op op = gemm(m, n, k);
        ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op) / (5e-6 + smooth_max(compute, memory)), 1, 1e-9);
    }
}
END_TEST

START_TEST(a_partial_wave_costs_a_whole_one_unless_tiles_share_sms)
{
    struct ls_hardware hardware = make_hardware();
    hardware.memory_bandwidth_bytes_per_s = 1e18;
    struct ls_gemm_kernels *kernels = &hardware.kernels[0].gemm[LS_GEMM_BF16];
    const double tile_s = 2.0 * 128 * 128 * 4096 / 1e12;
    const struct ls_op op = gemm(128 * 101, 128, 4096);
    kernels->wave_frac = 1;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), 2 * tile_s, 1e-9);
    kernels->wave_frac = 0;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), 1.01 * tile_s, 1e-9);
}
END_TEST

START_TEST(k_is_split_while_sms_idle)
{
    struct ls_hardware hardware = make_hardware();
    hardware.memory_bandwidth_bytes_per_s = 1e18;
    const struct ls_op op = gemm(128, 128 * 25, 4096);
    const double tile_s = 2.0 * 128 * 128 * 4096 / 1e12;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), tile_s / 4, 1e-9);
    hardware.kernels[0].gemm[LS_GEMM_BF16].split_s = tile_s;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), tile_s, 1e-9);
    hardware.kernels[0].gemm[LS_GEMM_BF16].split_s = 0;
    hardware.kernels[0].gemm[LS_GEMM_BF16].largest_tile_above = 64;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), tile_s, 1e-9);
}
END_TEST

START_TEST(a_step_of_k_takes_its_least_time)
{
    struct ls_hardware hardware = make_hardware();
    hardware.memory_bandwidth_bytes_per_s = 1e18;
    struct ls_gemm_kernels *kernels = &hardware.kernels[0].gemm[LS_GEMM_BF16];
    kernels->split_s = 1;
    const double tile_s = 2.0 * 128 * 128 * 4096 / 1e12;
    const struct ls_op op = gemm(128, 128, 4096);
    kernels->step_s = 0.5 * tile_s / 4096;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), tile_s, 1e-9);
    kernels->step_s = 3 * tile_s / 4096;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), 3 * tile_s, 1e-9);
}
END_TEST

START_TEST(a_tile_pays_for_whole_instructions)
{
    struct ls_hardware hardware = make_hardware();
    hardware.memory_bandwidth_bytes_per_s = 1e18;
    struct ls_gemm_kernels *kernels = &hardware.kernels[0].gemm[LS_GEMM_BF16];
    kernels->split_s = 1;
    const struct ls_op one = gemm(1, 128, 4096), full = gemm(128, 128, 4096);
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &one), ls_op_seconds(&hardware, &full), 1e-12);
    kernels->mma_rows = 16;
    ck_assert_double_eq_tol(8 * ls_op_seconds(&hardware, &one), ls_op_seconds(&hardware, &full), 1e-9);
}
END_TEST

/* Products of 8 experts on SMs enough, each as long as its tile or a share of the SMs. */
START_TEST(tiles_of_experts_are_whole_and_as_many_as_their_loads_need)
{
    struct ls_hardware hardware = make_hardware();
    hardware.memory_bandwidth_bytes_per_s = 1e18;
    struct ls_gemm_kernels *kernels = &hardware.kernels[0].grouped_gemm[LS_GEMM_BF16];
    kernels->split_s = 1;
    kernels->tile_rows = 128;
    const double tile_s = 2.0 * 128 * 128 * 4096 / 1e12;
    struct ls_op op = gemm(8, 128, 4096);
    op.kind = LS_OP_GROUPED_GEMM;
    op.groups = 8;
    for (int i = 0; i < LS_N_LOADS; i++)
        op.loads[i] = 1;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), tile_s, 1e-12);
    kernels->tile_rows = 16;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), tile_s / 8, 1e-12);
    hardware.sm_count = 1; /* so that every tile counts: peak is 100 times that of an SM above */
    kernels->tile_rows = 128;
    op.m = 8 * 128;
    const double even_s = 8 * 1.5 * tile_s / 100;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), even_s, 1e-12);
    const double loads[LS_N_LOADS] = {0.125, 0.125, 0.25, 3.5}; /* one tile for six of them, four for two */
    memcpy(op.loads, loads, sizeof loads);
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), even_s * (6 + 8) / 12, 1e-12);
}
END_TEST

START_TEST(power_limits_large_products_alone)
{
    const struct ls_hardware free = make_hardware();
    struct ls_hardware limited = free;
    limited.sustained.by_dtype[LS_BF16] = 0.5e14;
    const struct ls_op large = gemm(8192, 8192, 8192), thin = gemm(1, 8192, 8192);
    const double least_s = 2.0 * 8192 * 8192 * 8192 / 0.5e14;
    ck_assert_double_ge(ls_op_seconds(&limited, &large), least_s);
    ck_assert_double_lt(ls_op_seconds(&limited, &large), 1.01 * least_s);
    ck_assert_double_lt(ls_op_seconds(&free, &large), 0.6 * least_s);
    ck_assert_double_eq(ls_op_seconds(&limited, &thin), ls_op_seconds(&free, &thin));
}
END_TEST

/* The defaults of the parameter table, completed. */
static struct ls_hardware make_default_hardware(void)
{
    struct ls_hardware hardware;
    ls_param_set_defaults(&ls_hardware_params, &hardware);
    hardware.memory_bandwidth_bytes_per_s = 3e12;
    hardware.sm_count = 132;
    hardware.peak.by_dtype[LS_BF16] = 1e15;
    hardware.peak.by_dtype[LS_FP16] = 1e15;
    hardware.peak.by_dtype[LS_FP8] = 2e15;
    hardware.kernel_library = LS_KERNELS_TRTLLM;
    hardware.kernels[0].gemm[LS_GEMM_FP8].largest_tile_above = 128;
    hardware.kernels[0].gemm[LS_GEMM_FP8].wave_frac = 1;
    hardware.kernels[0].grouped_gemm[LS_GEMM_FP8].tile_rows = 8;
    ls_kernels_complete(hardware.kernels);
    return hardware;
}

START_TEST(a_larger_product_is_never_cheaper)
{
    const struct ls_hardware hardware = make_default_hardware();
    for (int kind = LS_OP_GEMM; kind <= LS_OP_GROUPED_GEMM; kind++)
        for (int dtype = LS_BF16; dtype < LS_N_DTYPES; dtype++)
            for (double m = 1; m < 20000; m = ceil(m * 1.25))
                for (double k = 100; k < 20000; k = ceil(k * 1.7))
                    for (double n = 100; n < 20000; n = ceil(n * 1.7)) {
                        const struct ls_op op = {.kind = kind,
                                                 .dtype = dtype,
                                                 .m = m,
                                                 .n = n,
                                                 .k = k,
                                                 .groups = 8,
                                                 .loads = {0.1, 0.4, 1, 2.5}};
                        const double now = ls_op_seconds(&hardware, &op);
                        struct ls_op more[3] = {op, op, op};
                        more[0].m = m + 1;
                        more[1].n = n + 1;
                        more[2].k = k + 1;
                        for (int i = 0; i < 3; i++)
                            ck_assert_double_ge(ls_op_seconds(&hardware, &more[i]), now);
                    }
}
END_TEST

START_TEST(more_attention_is_never_cheaper)
{
    const struct ls_hardware hardware = make_default_hardware();
    for (double tokens = 1; tokens < 16384; tokens = ceil(tokens * 1.3))
        for (double context = tokens; context < 1e6; context *= 1.5) {
            const struct ls_op op = {.kind = LS_OP_ATTENTION_PREFILL,
                                     .dtype = LS_BF16,
                                     .n_seqs = 1,
                                     .n_query = tokens,
                                     .n_context = context,
                                     .n_pairs = tokens * context,
                                     .n_heads = 32,
                                     .n_kv_heads = 8,
                                     .head_dim = 128,
                                     .v_head_dim = 128};
            const double now = ls_op_seconds(&hardware, &op);
            struct ls_op more[5] = {op, op, op, op, op};
            more[0].n_query++;
            more[1].n_context *= 1.01;
            more[2].n_pairs *= 1.01;
            more[3].n_heads++;
            more[4].n_kv_heads++;
            for (int i = 0; i < 5; i++)
                ck_assert_double_ge(ls_op_seconds(&hardware, &more[i]), now);
        }
}
END_TEST

START_TEST(decode_is_affine_between_corners_and_agrees_with_its_segment)
{
    const struct ls_hardware hardware = make_default_hardware();
    for (double n_seqs = 1; n_seqs <= 512; n_seqs *= 2) {
        double before = 0;
        for (double n_context = n_seqs; n_context < 1e8; n_context *= 1.4) {
            const struct ls_op op = decode(n_seqs, n_context);
            const struct ls_segment segment = ls_op_decode_segment(&hardware, &op);
            const double now = ls_op_seconds(&hardware, &op);
            ck_assert_double_gt(segment.until, n_context);
            ck_assert_double_eq_tol(segment.base_s + segment.slope_s * n_context, now, 1e-15);
            ck_assert_double_ge(now, before);
            before = now;
            if (isinf(segment.until))
                continue;
            const struct ls_op end = decode(n_seqs, segment.until);
            ck_assert_double_eq_tol(segment.base_s + segment.slope_s * segment.until, ls_op_seconds(&hardware, &end),
                                    1e-12);
        }
    }
}
END_TEST

START_TEST(an_ideal_decode_reads_its_context_once)
{
    const struct ls_hardware hardware = make_hardware();
    const struct ls_op op = decode(16, 1e6);
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), 1e6 * 256 * 2 / 1e12, 1e-12);
}
END_TEST

START_TEST(a_split_context_waits_for_one_block)
{
    struct ls_hardware hardware = make_hardware();
    struct ls_decode_kernels *kernels = &hardware.kernels[0].decode;
    const struct ls_op op = decode(2, 2e4);
    const double reading_s = 2e4 * 512 / 1e12, block_s = 1e4 * 512 / 1e10;
    kernels->split_s = 1;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), reading_s + block_s, 1e-12);
    kernels->split_s = 1e-5;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), reading_s + 1e-5, 1e-12);
    kernels->merge_s = 1;
    kernels->merge_frac = 0.5;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), 1.5 * reading_s + 1e-5, 1e-12);
}
END_TEST

START_TEST(a_whole_context_takes_a_block_as_long_as_it_is)
{
    struct ls_hardware hardware = make_hardware();
    struct ls_decode_kernels *kernels = &hardware.kernels[0].decode;
    kernels->whole = 1;
    kernels->split_s = 1;
    const double block_s = 1e4 * 512 / 1e10;
    const struct ls_op one = decode(1, 1e4), full = decode(100, 1e6), more = decode(150, 1.5e6);
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &one), block_s, 1e-12);
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &full), block_s, 1e-12);
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &more), (0.3 * 2 + 0.7 * 1.5) * block_s, 1e-12);
}
END_TEST

START_TEST(heads_with_keys_of_their_own_have_a_kernel_of_their_own)
{
    struct ls_hardware hardware = make_hardware();
    hardware.kernels[0].mha_decode.launch_s = 1e-2;
    struct ls_op op = decode(16, 1e6);
    const double shared_s = ls_op_seconds(&hardware, &op);
    op.n_heads = op.n_kv_heads;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), 1e-2 + shared_s, 1e-12);
    op.head_dim = 576; /* but for a latent, whose heads are never fewer than its one KV head */
    hardware.kernels[0].mla_decode = hardware.kernels[0].decode;
    ck_assert_double_lt(ls_op_seconds(&hardware, &op), 1e-2);
}
END_TEST

START_TEST(heads_beyond_those_that_sms_hold_cost_their_fixed_time)
{
    struct ls_hardware hardware = make_hardware();
    hardware.memory_bandwidth_bytes_per_s = 1e18;
    hardware.peak.by_dtype[LS_BF16] = 1e18;
    struct ls_decode_kernels *kernels = &hardware.kernels[0].decode;
    kernels->block_bandwidth_bytes_per_s = 1e18;
    kernels->kv_head_s = 1e-8;
    kernels->resident = 2;
    const struct ls_op few = decode(200, 200), many = decode(500, 500);
    ck_assert_double_lt(ls_op_seconds(&hardware, &few), 1e-9);
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &many), 300 * 1e-8, 1e-9);
}
END_TEST

/* DeepSeek's decode: the latent of 512 values, and 64 of rotary keys, once for all heads; 64 heads a block. */
START_TEST(beside_prompts_a_decode_costs_a_block_of_queries_for_each_head)
{
    struct ls_hardware hardware = make_hardware();
    struct ls_op op = decode(64, 1e7);
    const double alone_s = ls_op_seconds(&hardware, &op);
    op.with_prompts = true;
    ck_assert_double_eq(ls_op_seconds(&hardware, &op), alone_s);
    hardware.mixed_decode_rows = 64;
    const double padded_s = 1e7 * 2 * 8 * (128 + 128) * 64 / 1e14;
    ck_assert_double_gt(padded_s, 2 * alone_s);
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op) / padded_s, 1, 1e-9);
    op.with_prompts = false;
    ck_assert_double_eq(ls_op_seconds(&hardware, &op), alone_s);
    op.with_prompts = true;
    hardware.kernels[LS_KERNELS_TRTLLM] = hardware.kernels[LS_KERNELS_VLLM];
    hardware.kernel_library = LS_KERNELS_TRTLLM;
    ck_assert_double_lt(ls_op_seconds(&hardware, &op), 0.5 * padded_s);
}
END_TEST

START_TEST(masked_attention_widens_a_cache_once_for_each_query_head)
{
    static const enum ls_dtype formats[] = {LS_BF16, LS_FP8};
    struct ls_hardware hardware = make_hardware();
    struct ls_op op = decode(64, 1e7);
    op.dtype = formats[_i];
    hardware.kernels[0].decode.block_bandwidth_bytes_per_s = 1e15;
    hardware.kernels[0].mha_decode = hardware.kernels[0].decode;
    hardware.kernels[0].decode_fp8 = hardware.kernels[0].mha_decode_fp8 = hardware.kernels[0].decode;
    hardware.peak.by_dtype[LS_FP32] = 2e13;
    hardware.masked_decode_frac = 0.1;
    const double shared_s = ls_op_seconds(&hardware, &op);
    hardware.decode_attention = LS_DECODE_MASKED;
    const double masked_s = 1e7 * 2 * 8 * (128 + 128) / 2e12;
    ck_assert_double_gt(masked_s, 1.2 * shared_s);
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op) / masked_s, 1, 1e-9);
    op.n_kv_heads = op.n_heads; /* nobody shares */
    const double single_s = ls_op_seconds(&hardware, &op);
    hardware.decode_attention = LS_DECODE_WHOLE;
    ck_assert_double_eq(ls_op_seconds(&hardware, &op), single_s);
}
END_TEST

/* One sequence's head, or group of them, on one of 100 SMs: 512 bytes of keys and values a token at 10 GB/s. */
START_TEST(an_unsplit_context_takes_as_long_as_its_block)
{
    struct ls_hardware hardware = make_hardware();
    const struct ls_op op = decode(1, 1e4);
    const double block_s = 1e4 * 512 / 1e10;
    ck_assert_double_lt(ls_op_seconds(&hardware, &op), 0.1 * block_s);
    hardware.decode_attention = LS_DECODE_WHOLE;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op) / block_s, 1, 1e-9);
}
END_TEST

START_TEST(a_latent_is_read_once_for_all_heads)
{
    struct ls_hardware hardware = make_hardware();
    struct ls_decode_kernels *kernels = &hardware.kernels[0].mla_decode;
    *kernels = hardware.kernels[0].decode;
    kernels->compute_frac = 1e9;
    struct ls_op op = decode(100, 1e6);
    op.head_dim = 576;
    op.v_head_dim = 512;
    for (op.n_heads = 1; op.n_heads <= 128; op.n_heads *= 2)
        ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), 1e6 * 576 * 2 / 1e12, 1e-12);
    kernels->compute_frac = 0.5;
    op.n_heads = 128;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), 2 * 128 * (576 + 512) * 1e6 / (0.5 * 1e14), 1e-12);
    kernels->compute_frac = 1e9;
    kernels->whole = 1;
    const double block_s = 1e4 * 576 * 2 / 1e10;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), 2 * block_s, 1e-12); /* two blocks for each sequence */
    op.n_heads = 64;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op), block_s, 1e-12);
}
END_TEST

START_TEST(operands_share_the_second_level_cache)
{
    struct ls_hardware hardware = make_hardware();
    hardware.memory_bandwidth_bytes_per_s = 1e18;
    hardware.peak.by_dtype[LS_BF16] = 1e18;
    hardware.kernels[0].gemm[LS_GEMM_BF16].sm_bandwidth_bytes_per_s = 1e11;
    const struct ls_op few = gemm(1280, 128, 1000), many = gemm(1280, 1280, 1000);
    hardware.kernels[0].gemm[LS_GEMM_BF16].split_s = 1;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &few), 1000 * 512 / 1e11, 1e-9);
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &many), 1000 * 512 / 1e11, 1e-9);
    hardware.kernels[0].gemm[LS_GEMM_BF16].l2_bandwidth_bytes_per_s = 2e12;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &few), 1000 * 512 / 1e11, 1e-9);
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &many), 100 * 1000 * 512 / 2e12, 1e-9);
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
    hardware.memory_bandwidth_bytes_per_s = 1e18;
    struct ls_op op = gemm(12800, 8192, 8192);
    op.dtype = LS_FP8;
    const double seconds = 2.0 * 12800 * 8192 * 8192 / 1e14;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op) / seconds, 1, 1e-9);
    hardware.kernels[0].gemm[LS_GEMM_INT4].launch_s = 1e-3; /* weights alone are narrow: the kernels that widen them */
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op) / (seconds + 1e-3), 1, 1e-9);
    hardware.peak.by_dtype[LS_FP8] = 2e14;
    ck_assert_double_eq_tol(ls_op_seconds(&hardware, &op) / (seconds / 2), 1, 1e-9);
}
END_TEST

START_TEST(nulls_of_kernels_come_from_what_they_derive_from)
{
    struct ls_hardware hardware;
    ls_param_set_defaults(&ls_hardware_params, &hardware);
    struct ls_kernels *vllm = &hardware.kernels[LS_KERNELS_VLLM];
    struct ls_kernels *trtllm = &hardware.kernels[LS_KERNELS_TRTLLM];
    vllm->gemm[LS_GEMM_BF16].launch_s = 1e-6;
    vllm->gemm[LS_GEMM_FP8].launch_s = 2e-6;
    vllm->grouped_gemm[LS_GEMM_BF16].launch_s = 3e-6;
    trtllm->gemm[LS_GEMM_BF16].launch_s = 4e-6;
    vllm->mla_decode.launch_s = 5e-6;
    trtllm->decode.launch_s = 6e-6;
    trtllm->decode_fp8.launch_s = 7e-6;
    ls_kernels_complete(hardware.kernels);
    ck_assert_double_eq(vllm->gemm[LS_GEMM_NVFP4].launch_s, 1e-6);
    ck_assert_double_eq(vllm->grouped_gemm[LS_GEMM_FP8].launch_s, 3e-6);
    ck_assert_double_eq(trtllm->gemm[LS_GEMM_BF16].launch_s, 4e-6);
    ck_assert_double_eq(trtllm->gemm[LS_GEMM_FP8].launch_s, 2e-6);
    ck_assert_double_eq(trtllm->mla_decode_fp8.launch_s, 5e-6);
    ck_assert_double_eq(trtllm->mha_decode.launch_s, 6e-6);
    ck_assert_double_eq(trtllm->mha_decode_fp8.launch_s, 7e-6);
    ck_assert_double_eq(trtllm->prefill_fp8.launch_s, vllm->prefill.launch_s);
    const double *numbers = (const double *)hardware.kernels;
    for (size_t i = 0; i < LS_N_KERNEL_LIBRARIES * (sizeof(struct ls_kernels) / sizeof(double)); i++)
        ck_assert(!isnan(numbers[i]));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("operator_cost");
    TCase *tcase = tcase_create("operator_cost");
    tcase_add_test(tcase, an_ideal_gemm_is_the_roofline);
    tcase_add_test(tcase, a_step_of_k_takes_its_least_time);
    tcase_add_test(tcase, a_tile_pays_for_whole_instructions);
    tcase_add_test(tcase, tiles_of_experts_are_whole_and_as_many_as_their_loads_need);
    tcase_add_test(tcase, power_limits_large_products_alone);
    tcase_add_test(tcase, a_partial_wave_costs_a_whole_one_unless_tiles_share_sms);
    tcase_add_test(tcase, k_is_split_while_sms_idle);
    tcase_add_test(tcase, a_larger_product_is_never_cheaper);
    tcase_add_test(tcase, more_attention_is_never_cheaper);
    tcase_add_test(tcase, decode_is_affine_between_corners_and_agrees_with_its_segment);
    tcase_add_test(tcase, an_ideal_decode_reads_its_context_once);
    tcase_add_test(tcase, a_split_context_waits_for_one_block);
    tcase_add_test(tcase, a_whole_context_takes_a_block_as_long_as_it_is);
    tcase_add_test(tcase, heads_with_keys_of_their_own_have_a_kernel_of_their_own);
    tcase_add_test(tcase, heads_beyond_those_that_sms_hold_cost_their_fixed_time);
    tcase_add_test(tcase, beside_prompts_a_decode_costs_a_block_of_queries_for_each_head);
    tcase_add_loop_test(tcase, masked_attention_widens_a_cache_once_for_each_query_head, 0, 2);
    tcase_add_test(tcase, an_unsplit_context_takes_as_long_as_its_block);
    tcase_add_test(tcase, a_latent_is_read_once_for_all_heads);
    tcase_add_test(tcase, operands_share_the_second_level_cache);
    tcase_add_test(tcase, narrow_weights_are_widened_where_the_device_cannot_multiply_them);
    tcase_add_test(tcase, nulls_of_kernels_come_from_what_they_derive_from);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
