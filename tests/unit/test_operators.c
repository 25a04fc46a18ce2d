/* Promises of the operators: their arithmetic and traffic are those of the parameters, and sharding divides them. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/operator.h"
#include "engine/model/unfused_ops.h"
#include "tests/library_model.h"
#include "tests/suite.h"

static const struct ls_shard whole = {1, 1, 1, 0};

struct sum {
    double flop, bytes;
};

/* Every expert chosen alike, but for the imbalance. */
static const struct ls_expert_load *load_of(const struct ls_model *model, int64_t n_group_tok, double imbalance)
{
    static struct ls_expert_load load;
    load = ls_uniform_load(model, n_group_tok, imbalance);
    return &load;
}

static struct sum add_up(const struct ls_op *ops, size_t n)
{
    struct sum sum = {0, 0};
    ck_assert_uint_le(n, LS_MAX_OPS);
    for (size_t i = 0; i < n; i++) {
        sum.flop += ls_op_flop(&ops[i]);
        sum.bytes += ls_op_bytes(&ops[i]);
    }
    return sum;
}

static const struct ls_op *find(const struct ls_op *ops, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(ops[i].name, name) == 0)
            return &ops[i];
    ck_abort_msg("no operator %s", name);
    return NULL;
}

static struct ls_formats formats_of(const struct ls_model *model)
{
    return ls_model_formats(model, (enum ls_dtype)model->dtype, (enum ls_dtype)model->activation_dtype);
}

/* Matrices of one dense layer, without norms. */
static double layer_matrices(const struct ls_model *model)
{
    const double h = (double)model->hidden_size, d = (double)model->head_dim;
    return h * d * 2 * (double)(model->num_attention_heads + model->num_key_value_heads) +
           3 * h * (double)model->intermediate_size;
}

START_TEST(a_dense_layer_takes_two_flops_a_parameter_and_token)
{
    const struct ls_model model = load_model("llama-3.1-70b");
    const struct ls_formats formats = formats_of(&model);
    struct ls_op ops[LS_MAX_OPS];
    for (int64_t n_tok = 1; n_tok <= 8192; n_tok *= 8) {
        double flop = add_up(ops, ls_ops_attention_linear(&model, &whole, &formats, false, n_tok, ops)).flop;
        flop += add_up(ops, ls_ops_mlp(&model, &whole, &formats, n_tok, ops)).flop;
        ck_assert_double_eq(flop, 2 * layer_matrices(&model) * (double)n_tok);
    }
}
END_TEST

START_TEST(weights_are_read_once_a_step)
{
    const struct ls_model model = load_model("llama-3.1-70b");
    struct ls_op ops[LS_MAX_OPS];
    double bytes[2];
    for (int fp8 = 0; fp8 < 2; fp8++) {
        const struct ls_formats formats = ls_model_formats(&model, fp8 ? LS_FP8 : LS_BF16, LS_BF16);
        bytes[fp8] = add_up(ops, ls_ops_attention_linear(&model, &whole, &formats, false, 7, ops)).bytes +
                     add_up(ops, ls_ops_mlp(&model, &whole, &formats, 7, ops)).bytes;
    }
    ck_assert_double_eq(bytes[0] - bytes[1], layer_matrices(&model));
    const double rows = bytes[1] - layer_matrices(&model);
    ck_assert_double_gt(rows, 0);
    ck_assert_double_lt(rows, 0.01 * bytes[0]);
}
END_TEST

static void check_attention(const struct ls_model *model, enum ls_dtype served, const char *first, enum ls_dtype before,
                            enum ls_dtype behind)
{
    const struct ls_formats formats = ls_model_formats(model, served, LS_BF16);
    struct ls_op ops[LS_MAX_OPS];
    const size_t n = ls_ops_attention_linear(model, &whole, &formats, false, 7, ops);
    ck_assert_int_eq(find(ops, n, first)->dtype, before);
    ck_assert_int_eq(find(ops, n, "o")->dtype, behind);
}

START_TEST(attention_has_a_format_of_its_own)
{
    struct ls_model llama = load_model("llama-3.1-70b");
    llama.dtype = LS_FP8;
    check_attention(&llama, LS_FP8, "qkv", LS_FP8, LS_FP8);
    llama.attention_dtype = LS_BF16;
    check_attention(&llama, LS_FP8, "qkv", LS_BF16, LS_BF16);
    check_attention(&llama, LS_INT4, "qkv", LS_INT4, LS_INT4); /* served in a format that the checkpoint has not */
}
END_TEST

START_TEST(nvfp4_leaves_latent_attention_but_its_last_projection)
{
    const struct ls_model deepseek = load_model("deepseek-r1"), llama = load_model("llama-3.1-70b");
    check_attention(&deepseek, LS_FP8_BLOCK, "qkv_a", LS_FP8_BLOCK, LS_FP8_BLOCK);
    check_attention(&deepseek, LS_NVFP4, "qkv_a", LS_BF16, LS_NVFP4);
    check_attention(&deepseek, LS_NVFP4, "q_b", LS_BF16, LS_NVFP4);
    check_attention(&llama, LS_NVFP4, "qkv", LS_NVFP4, LS_NVFP4);
}
END_TEST

START_TEST(the_output_head_runs_on_sampled_tokens_only)
{
    const struct ls_model model = load_model("llama-3.1-8b");
    const struct ls_formats formats = formats_of(&model);
    struct ls_op ops[LS_MAX_OPS];
    ck_assert_uint_eq(ls_ops_head(&model, &whole, &formats, 0, ops), 0);
    const size_t n = ls_ops_head(&model, &whole, &formats, 5, ops);
    ck_assert_double_eq(ls_op_flop(find(ops, n, "head")), 2.0 * 5 * 4096 * 128256);
}
END_TEST

START_TEST(tensor_parallelism_divides_the_work)
{
    const struct ls_model model = load_model("llama-3.1-70b");
    const struct ls_formats formats = formats_of(&model);
    const struct ls_batch batch = {.n_tok = 300,
                                   .n_decode = 44,
                                   .decode_context = 44000,
                                   .n_prefill = 1,
                                   .prefill_tok = 256,
                                   .prefill_context = 256,
                                   .prefill_pairs = 256 * 257 / 2};
    struct ls_op ops[LS_MAX_OPS];
    struct sum one = {0, 0};
    for (int64_t tp = 1; tp <= 8; tp *= 2) {
        const struct ls_shard shard = {tp, 1, tp, 0};
        const struct sum parts[] = {
            add_up(ops, ls_ops_attention_linear(&model, &shard, &formats, false, 300, ops)),
            add_up(ops, ls_ops_attention_prefill(&model, &shard, &formats, &batch, false, ops)),
            add_up(ops, ls_ops_attention_decode(&model, &shard, &formats, &batch, false, ops)),
            add_up(ops, ls_ops_mlp(&model, &shard, &formats, 300, ops)),
        };
        double flop = 0;
        for (size_t i = 0; i < 4; i++)
            flop += parts[i].flop;
        if (tp == 1)
            one.flop = flop;
        ck_assert_double_eq(flop, one.flop / (double)tp);
    }
}
END_TEST

START_TEST(kv_heads_are_replicated_past_their_number)
{
    const struct ls_model model = load_model("llama-3.1-8b");
    const struct ls_formats formats = formats_of(&model);
    const struct ls_batch batch = {.n_decode = 1, .decode_context = 1000};
    const struct ls_shard shards[] = {{8, 1, 8, 0}, {32, 1, 32, 0}};
    struct ls_op ops[LS_MAX_OPS];
    for (size_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(ls_ops_attention_decode(&model, &shards[i], &formats, &batch, false, ops), 1);
        ck_assert_double_eq(ops[0].n_kv_heads, 1);
        ck_assert_double_eq(ops[0].n_heads, 32.0 / (double)shards[i].tp);
    }
}
END_TEST

START_TEST(attention_follows_its_closed_form)
{
    const struct ls_model model = load_model("llama-3.1-8b");
    const struct ls_formats formats = formats_of(&model);
    const struct ls_batch batch = {.n_decode = 3,
                                   .decode_context = 6000,
                                   .n_prefill = 2,
                                   .prefill_tok = 200,
                                   .prefill_context = 500,
                                   .prefill_pairs = 40000};
    struct ls_op ops[LS_MAX_OPS];
    ck_assert_uint_eq(ls_ops_attention_prefill(&model, &whole, &formats, &batch, false, ops), 1);
    ck_assert_double_eq(ls_op_flop(&ops[0]), 4.0 * 128 * 32 * 40000);
    ck_assert_double_eq(ls_op_bytes(&ops[0]), 2.0 * 500 * 8 * 256 + 2.0 * 200 * 32 * 256);
    ck_assert_uint_eq(ls_ops_attention_decode(&model, &whole, &formats, &batch, false, ops), 1);
    ck_assert_double_eq(ls_op_flop(&ops[0]), 4.0 * 128 * 32 * 6000);
    ck_assert_double_eq(ls_op_bytes(&ops[0]), 2.0 * 6000 * 8 * 256 + 2.0 * 3 * 32 * 256);
}
END_TEST

/* Two prompts of 100 tokens: every query meets every key of its prompt. */
START_TEST(unfused_attention_computes_all_pairs_and_moves_their_scores)
{
    const struct ls_model model = load_model("llama-3.1-8b");
    const struct ls_formats formats = formats_of(&model);
    const struct ls_batch batch = {
        .n_prefill = 2, .prefill_tok = 200, .prefill_context = 200, .prefill_pairs = 2 * 100 * 101 / 2};
    const double scores = 2.0 * 100 * 100 * 32;
    struct ls_op ops[LS_MAX_OPS];
    const size_t n = ls_ops_unfuse(ops, ls_ops_attention_prefill(&model, &whole, &formats, &batch, false, ops));
    ck_assert_double_eq(ls_op_flop(find(ops, n, "scores")), 2 * 128 * scores);
    ck_assert_double_eq(ls_op_flop(find(ops, n, "values")), 2 * 128 * scores);
    ck_assert_double_eq(find(ops, n, "softmax")->bytes, 8 * scores);
    ck_assert_double_eq(find(ops, n, "split_heads")->bytes, 3.0 * 2 * 200 * 128 * (32 + 2 * 8));
    ck_assert_double_eq(find(ops, n, "cache_write")->bytes, 2.0 * 2 * 200 * 128 * 2 * 8);
    ck_assert_double_eq(find(ops, n, "merge_heads")->bytes, 2.0 * 2 * 200 * 128 * 32);
    ck_assert_uint_eq(ls_ops_unfuse(ops, ls_ops_attention_decode(&model, &whole, &formats, &batch, false, ops)), 0);
}
END_TEST

START_TEST(layers_slide_as_the_pattern_says)
{
    const struct ls_model gemma = load_model("gemma-2-9b"), mistral = load_model("mistral-7b");
    const struct ls_model deepseek = load_model("deepseek-v3"), maverick = load_model("llama-4-maverick");
    int64_t count[LS_N_LAYER_KINDS];
    ls_model_count_layers(&gemma, 0, 42, count);
    ck_assert_int_eq(count[LS_LAYER_FULL_DENSE], 21);
    ck_assert_int_eq(count[LS_LAYER_SLIDING_DENSE], 21);
    ls_model_count_layers(&gemma, 1, 2, count); /* layer 0 slides, layer 1 is full */
    ck_assert_int_eq(count[LS_LAYER_FULL_DENSE], 1);
    ls_model_count_layers(&mistral, 0, 32, count);
    ck_assert_int_eq(count[LS_LAYER_SLIDING_DENSE], 32);
    ls_model_count_layers(&deepseek, 0, 20, count);
    ck_assert_int_eq(count[LS_LAYER_FULL_DENSE], 3);
    ck_assert_int_eq(count[LS_LAYER_FULL_MOE], 17);
    ls_model_count_layers(&maverick, 0, 4, count); /* odd layers have experts, layer 3 attends to all */
    ck_assert_int_eq(count[LS_LAYER_SLIDING_DENSE], 2);
    ck_assert_int_eq(count[LS_LAYER_SLIDING_MOE], 1);
    ck_assert_int_eq(count[LS_LAYER_FULL_MOE], 1);
}
END_TEST

/* By hand, of Qwen3-Next on two of its GPUs: 16 value heads of 128, and 8 key heads. */
START_TEST(a_delta_net_convolves_and_keeps_a_state)
{
    const struct ls_model model = load_model("qwen3-next-80b-a3b");
    const struct ls_shard shard = {2, 1, 2, 0};
    const struct ls_formats formats = formats_of(&model);
    const double channels = 2 * 8 * 128 + 16 * 128, state = 16 * 128 * 128 * 4.0, inputs = channels * 3 * 2;
    struct ls_op ops[LS_MAX_OPS];
    size_t n = ls_ops_attention_linear(&model, &shard, &formats, true, 100, ops);
    ck_assert_double_eq(ls_op_flop(find(ops, n, "qkvz")), 2.0 * 100 * 2048 * (channels + 16 * 128));
    ck_assert_double_eq(ls_op_flop(find(ops, n, "ba")), 2.0 * 100 * 2048 * 2 * 16);
    ck_assert_double_eq(ls_op_flop(find(ops, n, "o")), 2.0 * 100 * 2048 * 16 * 128);
    const struct ls_batch batch = {.n_tok = 1010,
                                   .n_decode = 10,
                                   .decode_context = 77777,
                                   .decode_window = 77777,
                                   .n_prefill = 2,
                                   .prefill_tok = 1000,
                                   .prefill_context = 5000,
                                   .prefill_pairs = 123456};
    n = ls_ops_attention_decode(&model, &shard, &formats, &batch, true, ops);
    ck_assert_double_eq(find(ops, n, "conv_update")->bytes, 10 * (2 * 2 * channels + 2 * inputs));
    ck_assert_double_eq(find(ops, n, "delta_update")->bytes, 10 * (2 * (channels + 16 * 128) + 2 * state));
    n = ls_ops_attention_prefill(&model, &shard, &formats, &batch, true, ops);
    ck_assert_double_eq(find(ops, n, "conv")->bytes, 1000 * 2 * 2 * channels + 2 * 2 * inputs);
    const struct ls_op *rule = find(ops, n, "delta_rule");
    ck_assert_double_eq_tol(ls_op_flop(rule), 1000.0 * 16 * (6 * 16384 + 128 * 640 + 4096 / 3.0), 1);
    ck_assert_double_eq(ls_op_bytes(rule), 1000.0 * 16 * 6144 + 2 * 2 * state);
    n = ls_ops_attention_prefill(&model, &shard, &formats, &batch, false, ops); /* every fourth layer is attention */
    ck_assert_double_eq(find(ops, n, "attention_prefill")->n_pairs, 123456);
}
END_TEST

START_TEST(a_gate_is_as_wide_as_the_queries)
{
    struct ls_model model = load_model("qwen3-next-80b-a3b");
    const struct ls_formats formats = formats_of(&model);
    struct ls_op ops[LS_MAX_OPS];
    size_t n = ls_ops_attention_linear(&model, &whole, &formats, false, 3, ops);
    ck_assert_double_eq(find(ops, n, "qkv")->n, 256 * (2 * 16 + 2 * 2));
    ck_assert_double_eq(find(ops, n, "o_gate")->bytes, 3.0 * 3 * 16 * 256 * 2);
    model.attn_output_gate = 0;
    n = ls_ops_attention_linear(&model, &whole, &formats, false, 3, ops);
    ck_assert_double_eq(find(ops, n, "qkv")->n, 256 * (16 + 2 * 2));
}
END_TEST

START_TEST(distinct_experts_run_from_top_k_to_all)
{
    ck_assert_double_eq_tol(ls_expected_distinct_experts(64, 6, 1), 6, 1e-12);
    ck_assert_double_eq(ls_expected_distinct_experts(64, 6, 1e6), 64);
    ck_assert_double_eq(ls_expected_distinct_experts(8, 8, 3), 8);
    ck_assert_double_eq_tol(ls_expected_distinct_experts(8, 2, 2), 8 * (1 - 0.75 * 0.75), 1e-12);
    double before = 0;
    for (double n_tok = 1; n_tok < 1000; n_tok++) {
        const double now = ls_expected_distinct_experts(128, 8, n_tok);
        ck_assert(now >= before && now <= 128);
        before = now;
    }
}
END_TEST

START_TEST(the_slowest_shard_lies_between_the_mean_and_all)
{
    ck_assert_double_eq_tol(ls_expected_slowest_experts(16, 1, 0.3), 4.8, 1e-9); /* one shard: the mean */
    ck_assert_double_eq_tol(ls_expected_slowest_experts(2, 2, 0.5), 1 - 1.0 / 16 + 1 - 9.0 / 16, 1e-12);
    ck_assert_double_eq(ls_expected_slowest_experts(16, 8, 1), 16);
    ck_assert_double_eq(ls_expected_slowest_experts(16, 8, 0), 0);
    ck_assert_double_eq_tol(ls_expected_slowest_experts(256, 8, 1 - 1e-12), 256, 1e-6);
    for (double shards = 1; shards <= 64; shards *= 2)
        for (double p = 0.05; p < 1; p += 0.05) {
            const double now = ls_expected_slowest_experts(32, shards, p);
            ck_assert(now >= fmax(1, 32 * p) - 1e-9 && now <= 32);
            ck_assert_double_ge(ls_expected_slowest_experts(32, 2 * shards, p), now);
        }
}
END_TEST

START_TEST(a_large_batch_reads_every_expert_once_and_computes_the_chosen)
{
    const struct ls_model model = load_model("mixtral-8x7b");
    const struct ls_formats formats = formats_of(&model);
    struct ls_op ops[LS_MAX_OPS];
    const double expert = 3.0 * 4096 * 14336;
    for (int64_t ep = 1; ep <= 8; ep *= 2) {
        const struct ls_shard shard = {1, ep, 1, 0};
        const size_t n = ls_ops_moe(&model, &shard, &formats, 1000, 1000 * ep, load_of(&model, 1000 * ep, 1), ops);
        const struct ls_op *up = find(ops, n, "experts_up"), *down = find(ops, n, "experts_down");
        ck_assert_double_eq_tol(up->groups * (up->k * up->n + down->k * down->n), 8 * expert / (double)ep, 1e-3);
        ck_assert_double_eq_tol(ls_op_flop(up) + ls_op_flop(down), 2 * 2 * 1000 * expert, 1);
    }
}
END_TEST

START_TEST(cutting_each_expert_divides_its_width_and_not_its_rows)
{
    const struct ls_model model = load_model("mixtral-8x7b");
    const struct ls_formats formats = formats_of(&model);
    const struct ls_shard cut = {4, 1, 4, 0}, spread = {4, 1, 1, 0};
    struct ls_op ops[LS_MAX_OPS];
    size_t n = ls_ops_moe(&model, &cut, &formats, 512, 512, load_of(&model, 512, 1), ops);
    const struct ls_op up = *find(ops, n, "experts_up");
    ck_assert_double_eq(up.m, 1024);
    ck_assert_double_eq(up.n, 2 * 14336 / 4.0);
    ck_assert_double_eq_tol(up.groups, 8, 1e-9);
    n = ls_ops_moe(&model, &spread, &formats, 512, 512, load_of(&model, 512, 1.5), ops);
    const struct ls_op *slow = find(ops, n, "experts_up");
    ck_assert_double_eq(slow->m, 1.5 * 1024 / 4);
    ck_assert_double_eq(slow->n, 2 * 14336);
    ck_assert_double_eq_tol(slow->groups, 2, 1e-9);
}
END_TEST

START_TEST(shared_experts_run_on_every_token)
{
    const struct ls_model model = load_model("deepseek-v3");
    const struct ls_formats formats = formats_of(&model);
    struct ls_op ops[LS_MAX_OPS];
    const size_t n = ls_ops_moe(&model, &whole, &formats, 64, 64, load_of(&model, 64, 1), ops);
    ck_assert_double_eq(ls_op_flop(find(ops, n, "shared_up")), 2.0 * 64 * 7168 * 2 * 2048);
    ck_assert_double_eq(ls_op_flop(find(ops, n, "shared_down")), 2.0 * 64 * 7168 * 2048);
}
END_TEST

/* Absorbed: scores over kv_lora_rank + rope, values over kv_lora_rank, one latent for all heads, read once. */
START_TEST(latent_decode_attends_to_the_latent)
{
    const struct ls_model model = load_model("deepseek-v3");
    const struct ls_formats formats = formats_of(&model);
    const struct ls_shard shard = {8, 1, 8, 0};
    const struct ls_batch batch = {.n_decode = 32, .decode_context = 32 * 1000};
    struct ls_op ops[LS_MAX_OPS];
    const size_t n = ls_ops_attention_decode(&model, &shard, &formats, &batch, false, ops);
    const struct ls_op *attention = find(ops, n, "attention_decode");
    ck_assert_double_eq(ls_op_flop(attention), 2.0 * 16 * (576 + 512) * 32000);
    ck_assert_double_eq(ls_op_bytes(attention), 2.0 * 32000 * 576 + 2.0 * 32 * 16 * (576 + 512));
    const double absorb = ls_op_flop(find(ops, n, "absorb_q")) + ls_op_flop(find(ops, n, "absorb_v"));
    ck_assert_double_eq(absorb, 2.0 * 32 * 16 * 512 * (128 + 128));
}
END_TEST

START_TEST(latent_prefill_expands_the_whole_context)
{
    const struct ls_model model = load_model("deepseek-v3");
    const struct ls_formats formats = formats_of(&model);
    const struct ls_shard shard = {8, 1, 8, 0};
    const struct ls_batch batch = {.n_prefill = 1, .prefill_tok = 100, .prefill_context = 400, .prefill_pairs = 35050};
    struct ls_op ops[LS_MAX_OPS];
    const size_t n = ls_ops_attention_prefill(&model, &shard, &formats, &batch, false, ops);
    ck_assert_double_eq(ls_op_flop(find(ops, n, "kv_b")), 2.0 * 400 * 512 * 16 * 256);
    ck_assert_double_eq(ls_op_flop(find(ops, n, "attention_prefill")), 2.0 * 16 * (192 + 128) * 35050);
    ck_assert_double_eq(find(ops, n, "latent_gather")->bytes, 300 * 576 * 4);
}
END_TEST

START_TEST(an_empty_pass_has_no_operators)
{
    const struct ls_model model = load_model("deepseek-v3");
    const struct ls_formats formats = formats_of(&model);
    const struct ls_batch batch = {0};
    struct ls_op ops[LS_MAX_OPS];
    ck_assert_uint_eq(ls_ops_attention_linear(&model, &whole, &formats, false, 0, ops), 0);
    ck_assert_uint_eq(ls_ops_attention_prefill(&model, &whole, &formats, &batch, false, ops), 0);
    ck_assert_uint_eq(ls_ops_attention_decode(&model, &whole, &formats, &batch, false, ops), 0);
    ck_assert_uint_eq(ls_ops_mlp(&model, &whole, &formats, 0, ops), 0);
    ck_assert_uint_eq(ls_ops_moe(&model, &whole, &formats, 0, 0, load_of(&model, 0, 1), ops), 0);
    ck_assert_uint_eq(ls_ops_embedding(&model, &whole, &formats, 0, ops), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("operators");
    TCase *dense = tcase_create("dense");
    tcase_add_test(dense, a_dense_layer_takes_two_flops_a_parameter_and_token);
    tcase_add_test(dense, weights_are_read_once_a_step);
    tcase_add_test(dense, attention_has_a_format_of_its_own);
    tcase_add_test(dense, the_output_head_runs_on_sampled_tokens_only);
    tcase_add_test(dense, tensor_parallelism_divides_the_work);
    tcase_add_test(dense, kv_heads_are_replicated_past_their_number);
    tcase_add_test(dense, attention_follows_its_closed_form);
    tcase_add_test(dense, unfused_attention_computes_all_pairs_and_moves_their_scores);
    tcase_add_test(dense, layers_slide_as_the_pattern_says);
    tcase_add_test(dense, a_delta_net_convolves_and_keeps_a_state);
    tcase_add_test(dense, a_gate_is_as_wide_as_the_queries);
    tcase_add_test(dense, an_empty_pass_has_no_operators);
    suite_add_tcase(suite, dense);
    TCase *experts = tcase_create("experts");
    tcase_add_test(experts, distinct_experts_run_from_top_k_to_all);
    tcase_add_test(experts, the_slowest_shard_lies_between_the_mean_and_all);
    tcase_add_test(experts, a_large_batch_reads_every_expert_once_and_computes_the_chosen);
    tcase_add_test(experts, cutting_each_expert_divides_its_width_and_not_its_rows);
    tcase_add_test(experts, shared_experts_run_on_every_token);
    suite_add_tcase(suite, experts);
    TCase *latent = tcase_create("latent attention");
    tcase_add_test(latent, nvfp4_leaves_latent_attention_but_its_last_projection);
    tcase_add_test(latent, latent_decode_attends_to_the_latent);
    tcase_add_test(latent, latent_prefill_expands_the_whole_context);
    suite_add_tcase(suite, latent);
    return suite_run(suite);
}
