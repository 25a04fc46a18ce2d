/* Promises of what is spread over data- and context-parallel GPUs, of attention, and of what is computed again. */
#include <math.h>

#include "engine/training/eager_traffic.h"
#include "engine/training/stage_time.h"
#include "engine/training/training.h"
#include "tests/suite.h"
#include "training_case.h"

/* --- Collectives --- */

START_TEST(groups_lie_where_their_ranks_do)
{
    struct ls_scenario scenario = training(SMALL_MOE, "tp: 2, ep: 8, dp: 4", "context_parallel: 2", LS_REASON_NONE);
    struct ls_training_groups groups = groups_of(&scenario);
    is_group(&groups.tensor, 2, 1, 2);
    is_group(&groups.experts, 8, 2, 4);
    is_group(&groups.expert_tp, 2, 1, 2);
    is_group(&groups.context, 2, 2, 1);
    is_group(&groups.data.all, 32, 8, 4);
    is_group(&groups.expert_data.all, 4, 4, 1);
    scenario = training(SMALL_MOE, "tp: 2, ep: 4, expert_tp: 1", "", LS_REASON_NONE);
    groups = groups_of(&scenario);
    is_group(&groups.experts, 8, 1, 8);
    is_group(&groups.expert_tp, 1, 1, 1);
}
END_TEST

/* Gradients over many full nodes are reduced inside each, then across, then gathered: faster than over as many nodes of
 * one GPU each. */
START_TEST(gradients_are_reduced_within_nodes_first)
{
    struct ls_scenario scenario = training(DENSE, "dp: 16", "", LS_REASON_NONE);
    const struct ls_training_groups groups = groups_of(&scenario);
    scenario.cluster.nics_per_node = 1; /* with as many NICs as GPUs a ring of them all is as good */
    const struct ls_group full_nodes = {64, 8, 8}, spread_out = {64, 64, 1};
    const struct ls_collective_cost near = ls_collective_cost(&scenario.cluster, LS_ALL_REDUCE, &full_nodes, 1e8);
    const struct ls_collective_cost far = ls_collective_cost(&scenario.cluster, LS_ALL_REDUCE, &spread_out, 1e8);
    is_group(&groups.data.all, 16, 2, 8);
    ck_assert_int_eq(near.n_phases, 3);
    ck_assert(ls_collective_seconds(&near) < ls_collective_seconds(&far));
}
END_TEST

/* Without overlap a step's data-parallel collectives are these, on the parameters of one GPU: an all-reduce of
 * gradients; or a scatter of them and a gather of weights; or for every micro-batch two gathers and a scatter. */
START_TEST(zero_moves_what_it_must)
{
#define SERIAL "overlap_grad_reduce: false, overlap_param_gather: false, global_batch_size: 64, "
    struct ls_scenario scenario = training(DENSE, "dp: 16", "", LS_REASON_NONE);
    const struct ls_group group = {16, 2, 8};
    const double n = ls_stage_parameters(&scenario, 0).shared;
    const struct ls_collective_cost reduce = ls_collective_cost(&scenario.cluster, LS_ALL_REDUCE, &group, 4 * n);
    const struct ls_collective_cost scatter = ls_collective_cost(&scenario.cluster, LS_REDUCE_SCATTER, &group, 4 * n);
    const struct ls_collective_cost gather = ls_collective_cost(&scenario.cluster, LS_ALL_GATHER, &group, 2 * n);
    const double scatter_s = ls_collective_seconds(&scatter), gather_s = ls_collective_seconds(&gather);
    const double expected[] = {ls_collective_seconds(&reduce), scatter_s + gather_s, 4 * scatter_s + gather_s,
                               4 * (scatter_s + 2 * gather_s)};
    for (int stage = 0; stage <= 3; stage++) {
        char keys[160];
        snprintf(keys, sizeof keys, SERIAL "zero_stage: %d", stage);
        ck_assert_double_eq_tol(metric(DENSE, "dp: 16", keys, LS_METRIC_EXPOSED_COMM_S), expected[stage], 1e-9);
        snprintf(keys, sizeof keys, "global_batch_size: 64, zero_stage: %d", stage);
        ck_assert(metric(DENSE, "dp: 16", keys, LS_METRIC_EXPOSED_COMM_S) < expected[stage]);
    }
}
END_TEST

/* Hybrid sharding: gathered and scattered within a node, and the shards' copies reduced across nodes. */
START_TEST(a_shard_group_keeps_gathers_near)
{
    struct ls_scenario scenario = training(DENSE, "dp: 16", "zero_stage: 3, shard_group: 8", LS_REASON_NONE);
    const struct ls_training_groups groups = groups_of(&scenario);
    is_group(&groups.data.shards, 8, 1, 8);
    is_group(&groups.data.copies, 2, 2, 1);
    const double n = ls_stage_parameters(&scenario, 0).shared;
    ck_assert_double_eq(memory_of(&scenario).weights_bytes, 2 * n / 8);
    const struct ls_group node = {8, 1, 8}, across = {2, 2, 1};
    const struct ls_collective_cost gather = ls_collective_cost(&scenario.cluster, LS_ALL_GATHER, &node, 2 * n);
    const struct ls_collective_cost scatter = ls_collective_cost(&scenario.cluster, LS_REDUCE_SCATTER, &node, 4 * n);
    const struct ls_collective_cost reduce = ls_collective_cost(&scenario.cluster, LS_ALL_REDUCE, &across, 4 * n / 8);
    const double expected =
        4 * (2 * ls_collective_seconds(&gather) + ls_collective_seconds(&scatter) + ls_collective_seconds(&reduce));
    ck_assert_double_eq_tol(metric(DENSE, "dp: 16", SERIAL "zero_stage: 3, shard_group: 8", LS_METRIC_EXPOSED_COMM_S),
                            expected, 1e-9);
    /* as large as the group: all of them */
    ck_assert_double_eq(metric(DENSE, "dp: 16", "zero_stage: 3, shard_group: 64", LS_METRIC_STEP_TIME_S),
                        metric(DENSE, "dp: 16", "zero_stage: 3", LS_METRIC_STEP_TIME_S));
    (void)training(DENSE, "dp: 16", "zero_stage: 3, shard_group: 3", LS_REASON_SHARD_GROUP);
}
END_TEST

/* With sequence parallelism a GPU sends its share of the rows; without, its share, gathered behind, or all of them. */
START_TEST(stages_send_shares_of_rows)
{
    const struct ls_scenario scenario = training(DENSE, "tp: 8, pp: 2", "", LS_REASON_NONE);
    const double row_bytes = 2048.0 * 4096 * 2;
    const struct ls_group nodes = {2, 2, 1}, tensor = {8, 1, 8};
    const struct ls_collective_cost all = ls_collective_cost(&scenario.cluster, LS_SEND_RECV, &nodes, row_bytes);
    const struct ls_collective_cost share = ls_collective_cost(&scenario.cluster, LS_SEND_RECV, &nodes, row_bytes / 8);
    const struct ls_collective_cost gather = ls_collective_cost(&scenario.cluster, LS_ALL_GATHER, &tensor, row_bytes);
    const double share_s = ls_collective_seconds(&share);
    const struct {
        const char *keys;
        double seconds;
    } cases[] = {{"", share_s},
                 {"sequence_parallel: false", share_s + ls_collective_seconds(&gather)},
                 {"sequence_parallel: false, scatter_send: false", ls_collective_seconds(&all)}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ls_scenario one = training(DENSE, "tp: 8, pp: 2", cases[i].keys, LS_REASON_NONE);
        const struct ls_micro_batch batch = ls_micro_batch_of(&one);
        struct ls_placement placement;
        struct ls_err err;
        ck_assert_int_eq(ls_placement_init(&placement, &one.cluster, &one.strategy, &err), LS_OK);
        const struct ls_training_groups groups = ls_training_groups(&one, &placement, 0);
        ck_assert_double_eq(ls_send_seconds(&batch, &groups, &placement, 0, 0), cases[i].seconds);
    }
}
END_TEST

/* Eight GPUs reduce and send at once: over four NICs their bytes take twice as long there. */
START_TEST(groups_of_a_node_share_its_nics)
{
    struct ls_scenario scenario = training(DENSE, "tp: 8, pp: 2, dp: 4", "overlap_grad_reduce: false", LS_REASON_NONE);
    const struct ls_micro_batch batch = ls_micro_batch_of(&scenario);
    struct ls_placement placement;
    struct ls_err err;
    ck_assert_int_eq(ls_placement_init(&placement, &scenario.cluster, &scenario.strategy, &err), LS_OK);
    const struct ls_training_groups groups = ls_training_groups(&scenario, &placement, 0);
    is_group(&groups.data.all, 4, 4, 1);
    const double bytes = 4 * ls_stage_parameters(&scenario, 0).shared;
    const struct ls_group nodes = {2, 2, 1};
    const struct ls_collective_cost send =
        ls_collective_cost(&scenario.cluster, LS_SEND_RECV, &nodes, 2048.0 * 4096 * 2 / 8);
    const struct ls_collective_cost reduce =
        ls_collective_cost(&scenario.cluster, LS_ALL_REDUCE, &groups.data.all, bytes);
    const double send_s = ls_send_seconds(&batch, &groups, &placement, 0, 0);
    const double reduce_s = ls_gradient_seconds(&batch, &groups, &placement, 0, 0, 0);
    ck_assert_double_eq(send_s, ls_collective_seconds(&send));
    ck_assert_double_eq(reduce_s, ls_collective_seconds(&reduce));
    scenario.cluster.nics_per_node = 4;
    const double nic_s = (double)reduce.phases[0].n_steps * reduce.phases[0].nic_s;
    ck_assert_double_eq_tol(ls_send_seconds(&batch, &groups, &placement, 0, 0), send_s + 8 * send.phases[0].nic_s,
                            1e-12);
    ck_assert_double_eq_tol(ls_gradient_seconds(&batch, &groups, &placement, 0, 0, 0), reduce_s + nic_s, 1e-12);
}
END_TEST

/* --- Context parallelism --- */

START_TEST(context_parallelism_shares_tokens_and_keeps_the_work)
{
    const char *const alone = "sequence_length: 32768, global_batch_size: 8, recompute: full";
    const char *const shared = "sequence_length: 32768, global_batch_size: 8, recompute: full, context_parallel: 4";
    const struct ls_scenario one = training(DENSE, "tp: 4, dp: 4", alone, LS_REASON_NONE);
    const struct ls_scenario four = training(DENSE, "tp: 4, dp: 4", shared, LS_REASON_NONE);
    ck_assert_int_eq(ls_training_micro_batches(&one), 2);
    ck_assert_int_eq(ls_training_micro_batches(&four), 8);
    ck_assert_double_eq(memory_of(&four).activation_bytes * 4, memory_of(&one).activation_bytes);
    const double flop_one = metric(DENSE, "tp: 4, dp: 4", alone, LS_METRIC_HFU) *
                            metric(DENSE, "tp: 4, dp: 4", alone, LS_METRIC_STEP_TIME_S);
    const double flop_four = metric(DENSE, "tp: 4, dp: 4", shared, LS_METRIC_HFU) *
                             metric(DENSE, "tp: 4, dp: 4", shared, LS_METRIC_STEP_TIME_S);
    ck_assert_double_eq_tol(flop_four / flop_one, 1, 1e-9);
    ck_assert(metric(DENSE, "tp: 4, dp: 4", shared, LS_METRIC_STEP_TIME_S) >
              metric(DENSE, "tp: 4, dp: 4", alone, LS_METRIC_STEP_TIME_S));
    (void)training(DENSE, "dp: 4", "context_parallel: 3", LS_REASON_CONTEXT_PARALLEL);
}
END_TEST

/* Long sequences hide the ring behind attention, and nothing hides a gather. */
START_TEST(a_ring_hides_behind_attention)
{
    const char *const ring = "sequence_length: 131072, global_batch_size: 4, recompute: full, context_parallel: 4";
    char gather[200];
    snprintf(gather, sizeof gather, "%s, context_exchange: all_gather", ring);
    ck_assert(metric(DENSE, "tp: 8, dp: 4", ring, LS_METRIC_EXPOSED_COMM_S) <
              metric(DENSE, "tp: 8, dp: 4", gather, LS_METRIC_EXPOSED_COMM_S));
}
END_TEST

/* --- Flash attention, vocabulary, recompute --- */

START_TEST(newer_flash_attention_is_faster_and_its_backward_pass_slower_than_its_forward_pass)
{
    double before = INFINITY;
    for (int version = 1; version <= 3; version++) {
        char keys[100];
        snprintf(keys, sizeof keys, "sequence_length: 16384, attention: flash, flash_version: %d", version);
        const double seconds = metric(DENSE, "tp: 4", keys, LS_METRIC_STEP_TIME_S);
        ck_assert(seconds <= before);
        before = seconds;
    }
}
END_TEST

/* Counted by hand, over the fused kernel's forward bytes. */
START_TEST(eager_operators_move_what_pytorch_moves)
{
    const struct ls_model llama = {.norm = LS_NORM_RMS, .gated_mlp = true}, gpt = {.norm = LS_NORM_LAYER};
    const struct {
        const char *name;
        double llama[2], gpt[2];
    } cases[] = {{"mlp_norm", {42.0 / 8, 82.0 / 8}, {10.0 / 8, 16.0 / 8}},
                 {"rotary", {5, 5}, {5, 5}},
                 {"activation", {10.0 / 6, 3}, {1, 1.5}},
                 {"embedding", {1, 1.5}, {1, 1.5}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ls_op op = {.kind = LS_OP_MEMORY, .name = cases[i].name};
        const struct ls_traffic of_llama = ls_eager_traffic(&llama, &op), of_gpt = ls_eager_traffic(&gpt, &op);
        ck_assert_double_eq(of_llama.forward, cases[i].llama[0]);
        ck_assert_double_eq(of_llama.backward, cases[i].llama[1]);
        ck_assert_double_eq(of_gpt.forward, cases[i].gpt[0]);
        ck_assert_double_eq(of_gpt.backward, cases[i].gpt[1]);
    }
    const double fused = metric(DENSE, "dp: 8", "zero_stage: 3, elementwise: fused", LS_METRIC_COMPUTE_S);
    const double eager = metric(DENSE, "dp: 8", "zero_stage: 3, elementwise: eager", LS_METRIC_COMPUTE_S);
    ck_assert(eager > fused);
    ck_assert_double_eq(metric(DENSE, "dp: 8", "zero_stage: 3", LS_METRIC_COMPUTE_S), eager);
    ck_assert(metric(DENSE, "dp: 8", "zero_stage: 1, elementwise: eager", LS_METRIC_COMPUTE_S) >
              metric(DENSE, "dp: 8", "zero_stage: 1", LS_METRIC_COMPUTE_S));
}
END_TEST

START_TEST(the_vocabulary_is_padded_for_tp)
{
    const char *const odd = "model: {base: llama-3.1-8b, vocab_size: 50257}\n";
    ck_assert_int_eq(training(odd, "tp: 1", "", LS_REASON_NONE).model.vocab_size, 50304);
    ck_assert_int_eq(training(odd, "tp: 8", "", LS_REASON_NONE).model.vocab_size, 51200);
    ck_assert_int_eq(training(odd, "tp: 8", "vocab_multiple: 1", LS_REASON_NONE).model.vocab_size, 50264);
}
END_TEST

static double byte_seconds(const struct ls_hardware *hardware)
{
    const double frac = hardware->kernels[hardware->kernel_library].memory.memory_frac;
    return 1.0 / (hardware->memory_bandwidth_bytes_per_s * frac);
}

/* Added to in fp32: 8 bytes a parameter for the 2 that the product writes. Scattered: copied (4), widened (6), divided
 * (8). With bf16 gradients 4 for 2, and copied and divided (4 each). */
START_TEST(gradients_are_added_to_or_made_ready_to_be_scattered)
{
    const double parameters = (4096.0 * (2 * 4096 + 2 * 1024) + 3 * 4096.0 * 14336) / 4;
    static const struct {
        const char *added, *scattered;
        double more_bytes;
    } cases[] = {{"zero_stage: 1", "zero_stage: 2", 18 - (8 - 2)},
                 {"gradient_dtype: bf16", "gradient_dtype: bf16, zero_stage: 2", 8 - (4 - 2)}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ls_scenario added = training(DENSE, "tp: 4, dp: 4", cases[i].added, LS_REASON_NONE);
        const struct ls_scenario scattered = training(DENSE, "tp: 4, dp: 4", cases[i].scattered, LS_REASON_NONE);
        const struct ls_micro_batch batches[] = {ls_micro_batch_of(&added), ls_micro_batch_of(&scattered)};
        const double more_s =
            ls_pass_linear(&batches[1], false).backward_s - ls_pass_linear(&batches[0], false).backward_s;
        const double expected_s = cases[i].more_bytes * parameters * byte_seconds(&added.cluster.hardware);
        ck_assert_double_eq_tol(more_s, batches[0].slowness * expected_s, 1e-9);
    }
}
END_TEST

/* Three passes over 16-bit logits for 13 over fp32 ones, kept in half the memory. */
START_TEST(a_fused_loss_saves_passes_over_logits)
{
    const struct ls_scenario plain = training(DENSE, "tp: 4", "", LS_REASON_NONE);
    const struct ls_scenario fused = training(DENSE, "tp: 4", "fused_loss: true", LS_REASON_NONE);
    const double logits = 2048.0 * (double)plain.model.vocab_size / 4;
    ck_assert_double_eq(memory_of(&plain).activation_bytes - memory_of(&fused).activation_bytes, 2 * logits);
    const struct ls_micro_batch batches[] = {ls_micro_batch_of(&plain), ls_micro_batch_of(&fused)};
    const struct ls_pass_cost a = ls_pass_head(&batches[0]), b = ls_pass_head(&batches[1]);
    const double byte_s = byte_seconds(&plain.cluster.hardware);
    ck_assert_double_eq_tol(a.forward_s - b.forward_s, batches[0].slowness * logits * 36 * byte_s, 1e-9);
    ck_assert_double_eq_tol(a.backward_s - b.backward_s, batches[0].slowness * logits * 10 * byte_s, 1e-9);
}
END_TEST

/* Half of the layers from their inputs: half of the work again, and in between in memory. */
START_TEST(a_share_of_layers_is_computed_again)
{
#define FULL "recompute: full, recompute_share: "
    const double none = metric(DENSE, "tp: 4", FULL "0", LS_METRIC_RECOMPUTE_S);
    const double half = metric(DENSE, "tp: 4", FULL "0.5", LS_METRIC_RECOMPUTE_S);
    const double all = metric(DENSE, "tp: 4", FULL "1", LS_METRIC_RECOMPUTE_S);
    ck_assert_double_eq(none, 0);
    ck_assert_double_eq_tol(half, all / 2, 1e-12);
    const struct ls_scenario scenarios[] = {training(DENSE, "tp: 4", FULL "0", LS_REASON_NONE),
                                            training(DENSE, "tp: 4", FULL "0.5", LS_REASON_NONE),
                                            training(DENSE, "tp: 4", FULL "1", LS_REASON_NONE),
                                            training(DENSE, "tp: 4", "recompute: selective", LS_REASON_NONE)};
    double kept[4];
    for (int i = 0; i < 4; i++)
        kept[i] = memory_of(&scenarios[i]).activation_bytes;
    ck_assert_double_eq_tol(kept[1], (kept[0] + kept[2]) / 2, 1e-3);
    ck_assert_double_eq(kept[0], kept[3]);
}
END_TEST

/* 32 layers and both ends on 17 stages: two each, of which the first and the last hold one layer. */
START_TEST(ends_can_take_the_places_of_layers)
{
    const struct ls_scenario plain = training(DENSE, "pp: 17", "", LS_REASON_NONE);
    const struct ls_scenario ends = training(DENSE, "pp: 17", "ends_as_layers: true", LS_REASON_NONE);
    ck_assert_int_eq(ls_training_first_layer(&plain, 1), 1);
    for (int64_t stage = 1; stage < 17; stage++)
        ck_assert_int_eq(ls_training_first_layer(&ends, stage), 2 * stage - 1);
    ck_assert_int_eq(ls_training_first_layer(&ends, 17), 32);
    double sum = 0;
    for (int64_t stage = 0; stage < 17; stage++)
        sum += ls_stage_parameters(&ends, stage).shared;
    const struct ls_scenario one = training(DENSE, "pp: 1", "", LS_REASON_NONE);
    ck_assert_double_eq(sum, ls_stage_parameters(&one, 0).shared);
    /* interleaving asks for as many chunks */
    (void)training(DENSE, "pp: 17",
                   "ends_as_layers: true, schedule: interleaved, virtual_stages: 2, "
                   "global_batch_size: 17",
                   LS_REASON_NONE);
    (void)training(DENSE, "pp: 16", "ends_as_layers: true, schedule: interleaved, virtual_stages: 2",
                   LS_REASON_SCHEDULE);
}
END_TEST

START_TEST(every_k_layers_keep_one_input)
{
    const struct ls_scenario two = training(DENSE, "", "recompute: {every: 2}", LS_REASON_NONE);
    ck_assert_int_eq(two.training.recompute, 2);
    const struct ls_scenario full = training(DENSE, "", "recompute: full", LS_REASON_NONE);
    const double ends = 2048.0 * (2 * 4096 * 2 + 4 * 128256), input = 2048.0 * 4096 * 2;
    ck_assert_double_eq(memory_of(&two).activation_bytes, 16 * input + ends);
    ck_assert_double_eq(memory_of(&full).activation_bytes, 32 * input + ends);
    ck_assert_double_eq(memory_of(&two).workspace_bytes, 2 * memory_of(&full).workspace_bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training_options");
    TCase *tcase = tcase_create("core");
    tcase_add_test(tcase, groups_lie_where_their_ranks_do);
    tcase_add_test(tcase, gradients_are_reduced_within_nodes_first);
    tcase_add_test(tcase, zero_moves_what_it_must);
    tcase_add_test(tcase, a_shard_group_keeps_gathers_near);
    tcase_add_test(tcase, stages_send_shares_of_rows);
    tcase_add_test(tcase, groups_of_a_node_share_its_nics);
    tcase_add_test(tcase, context_parallelism_shares_tokens_and_keeps_the_work);
    tcase_add_test(tcase, a_ring_hides_behind_attention);
    tcase_add_test(tcase, newer_flash_attention_is_faster_and_its_backward_pass_slower_than_its_forward_pass);
    tcase_add_test(tcase, eager_operators_move_what_pytorch_moves);
    tcase_add_test(tcase, the_vocabulary_is_padded_for_tp);
    tcase_add_test(tcase, gradients_are_added_to_or_made_ready_to_be_scattered);
    tcase_add_test(tcase, a_fused_loss_saves_passes_over_logits);
    tcase_add_test(tcase, a_share_of_layers_is_computed_again);
    tcase_add_test(tcase, ends_can_take_the_places_of_layers);
    tcase_add_test(tcase, every_k_layers_keep_one_input);
    tcase_add_checked_fixture(tcase, NULL, remove_folder);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
