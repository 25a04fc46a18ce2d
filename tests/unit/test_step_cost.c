/* Promises of the step cost: a pass is the sum of its operators and collective steps, each rounded once; tables change
 * nothing but the time it takes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cost/exchange.h"
#include "engine/cost/operator_cost.h"
#include "engine/cost/price.h"
#include "engine/cost/step_comm.h"
#include "engine/model/unfused_ops.h"
#include "engine/sim/clock.h"
#include "engine/sim/random.h"
#include "tests/scenario.h"
#include "tests/suite.h"

enum { N_BATCHES = 400 };

enum which { LLAMA_TP4, SLIDING_TP2, LINEAR_TP2, MIXTRAL_TP2, MIXTRAL_LOCKSTEP, N_WHICH };

static struct ls_scenario scenario;
static struct ls_arena arena;
static struct ls_step_cost cost;
static struct ls_stream stream;

static struct ls_step_cost make_cost(void)
{
    struct ls_step_cost made;
    struct ls_err err = {""};
    ck_assert_msg(ls_step_cost_init(&made, &scenario, &arena, &err) == LS_OK, "%s", err.text);
    return made;
}

static void make(enum which which, const char *pp)
{
    static const char *const(*const models[N_WHICH])[2] = {scenario_llama_70b, scenario_sliding, scenario_linear,
                                                           scenario_mixtral, scenario_mixtral};
    enum ls_reason reason;
    struct ls_err err = {""};
    scenario_make(&scenario, models[which]);
    scenario_set(&scenario, "strategy.tp", which == LLAMA_TP4 ? "4" : "2");
    scenario_set(&scenario, "strategy.pp", pp);
    scenario_set(&scenario, "strategy.ep", which == MIXTRAL_LOCKSTEP ? "2" : "1");
    scenario_set(&scenario, "workload.max_requests", "1");
    scenario_set(&scenario, "engine.kernel_launch_s", "0");
    scenario_set(&scenario, "engine.cuda_graph_sizes", "every");
    (void)scenario_add_profile(&scenario, 1, 1, 1);
    ck_assert_msg(ls_scenario_resolve(&scenario, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_int_eq(reason, LS_REASON_NONE);
    cost = make_cost();
    stream = ls_stream_make(1, 0, 0, 0, LS_RNG_GAP);
}

static void tear_down(void)
{
    ls_arena_release(&arena);
}

static int64_t draw(int64_t low, int64_t high)
{
    return low + (int64_t)(ls_stream_uniform(&stream) * (double)(high - low + 1));
}

/* A batch that could be: contexts at least one token, the window of 512 cutting them. */
static struct ls_batch draw_batch(void)
{
    struct ls_batch batch = {.n_decode = draw(0, 40), .n_prefill = draw(0, 3)};
    for (int64_t i = 0; i < batch.n_decode; i++) {
        const int64_t context = draw(1, 3000);
        batch.decode_context += context;
        batch.decode_window += context < 512 ? context : 512;
    }
    for (int64_t i = 0; i < batch.n_prefill; i++) {
        const int64_t start = draw(0, 1) * draw(0, 2000), n_tok = draw(1, 900);
        batch.prefill_tok += n_tok;
        batch.prefill_context += start + n_tok;
        batch.prefill_pairs += n_tok * start + n_tok * (n_tok + 1) / 2;
        batch.prefill_window_context += n_tok + (start < 511 ? start : 511);
        batch.prefill_window_pairs += n_tok * 512 / 2;
    }
    batch.n_tok = batch.n_decode + batch.prefill_tok;
    batch.n_sampled = batch.n_decode + batch.n_prefill;
    return batch;
}

static int64_t sum(const struct ls_op *ops, size_t n)
{
    int64_t ps = 0;
    for (size_t i = 0; i < n; i++)
        ps += ls_ps_from_s(ls_op_seconds(&scenario.cluster.hardware, &ops[i]));
    return ps;
}

static int64_t sum_comm(enum ls_collective kind, const struct ls_group *group, double bytes)
{
    const struct ls_collective_cost seconds = ls_collective_cost(&scenario.cluster, kind, group, bytes);
    int64_t ps = 0;
    for (int i = 0; i < seconds.n_phases; i++)
        ps += seconds.phases[i].n_steps * ls_ps_from_s(seconds.phases[i].step_s);
    return ps;
}

static const struct ls_expert_load *load_of(int64_t n_group_tok)
{
    static struct ls_expert_load load;
    load = ls_uniform_load(cost.model, n_group_tok, 1);
    return &load;
}

static int64_t attention_ps(const struct ls_batch *batch, bool sliding)
{
    struct ls_op ops[LS_MAX_OPS];
    int64_t ps = sum(ops, ls_ops_attention_linear(cost.model, &cost.shard, &cost.formats, sliding, batch->n_tok, ops));
    ps += sum(ops, ls_ops_attention_prefill(cost.model, &cost.shard, &cost.formats, batch, sliding, ops));
    return ps + sum(ops, ls_ops_attention_decode(cost.model, &cost.shard, &cost.formats, batch, sliding, ops));
}

START_TEST(blocks_are_sums_of_operators_rounded_one_by_one)
{
    make((enum which)_i, "1");
    const double row_bytes = 2.0 * (double)scenario.model.hidden_size;
    for (int i = 0; i < N_BATCHES; i++) {
        const struct ls_batch batch = draw_batch();
        struct ls_op ops[LS_MAX_OPS];
        struct ls_step step;
        ls_step_cost(&cost, &batch, &step);
        ck_assert_int_eq(step.attention_ps[0], attention_ps(&batch, false));
        if (_i == SLIDING_TP2 || _i == LINEAR_TP2)
            ck_assert_int_eq(step.attention_ps[1], attention_ps(&batch, true));
        if (_i == MIXTRAL_TP2)
            ck_assert_int_eq(step.mlp_ps[1], sum(ops, ls_ops_moe(cost.model, &cost.shard, &cost.formats, batch.n_tok,
                                                                 batch.n_tok, load_of(batch.n_tok), ops)));
        else
            ck_assert_int_eq(step.mlp_ps[0],
                             sum(ops, ls_ops_mlp(cost.model, &cost.shard, &cost.formats, batch.n_tok, ops)));
        const int64_t reduce_ps = sum_comm(LS_ALL_REDUCE, &cost.tp, (double)batch.n_tok * row_bytes);
        ck_assert_int_eq(step.linear->attention_comm_ps, reduce_ps);
        ck_assert_int_eq(step.linear->mlp_comm_ps[_i == MIXTRAL_TP2], reduce_ps);
        ck_assert_int_eq(step.embedding_ps, reduce_ps + sum(ops, ls_ops_embedding(cost.model, &cost.shard,
                                                                                  &cost.formats, batch.n_tok, ops)));
        const double logit_bytes = 2.0 * (double)batch.n_sampled * (double)scenario.model.vocab_size;
        ck_assert_int_eq(step.head_ps,
                         sum_comm(LS_ALL_GATHER, &cost.tp, logit_bytes) +
                             sum(ops, ls_ops_head(cost.model, &cost.shard, &cost.formats, batch.n_sampled, ops)));
    }
}
END_TEST

START_TEST(the_order_of_questions_changes_no_answer)
{
    static struct ls_batch batches[2 * N_BATCHES];
    static int64_t stage_ps[N_BATCHES];
    make((enum which)_i, "1");
    struct ls_step step;
    for (int i = 0; i < 2 * N_BATCHES; i++)
        batches[i] = draw_batch();
    for (int i = 0; i < N_BATCHES; i++) {
        ls_step_cost(&cost, &batches[2 * i], &step);
        stage_ps[i] = ls_stage_ps(&cost.stages[0], &step);
    }
    struct ls_step_cost other = make_cost();
    for (int i = N_BATCHES; i-- > 0;) {
        ls_step_cost(&other, &batches[2 * i], &step);
        ck_assert_int_eq(ls_stage_ps(&other.stages[0], &step), stage_ps[i]);
    }
}
END_TEST

/* Contexts that grow and shrink across the corners of the decode kernel's cost. */
START_TEST(decode_attention_follows_its_context_up_and_down)
{
    make(LLAMA_TP4, "1");
    for (int64_t i = 0; i < 4000; i++) {
        const int64_t context = i < 2000 ? 8 + i * i / 4 : 8 + (4000 - i) * (4000 - i) / 4;
        const struct ls_batch batch = {
            .n_tok = 8, .n_sampled = 8, .n_decode = 8, .decode_context = context, .decode_window = context};
        struct ls_step step;
        ls_step_cost(&cost, &batch, &step);
        ck_assert_int_eq(step.attention_ps[0], attention_ps(&batch, false));
    }
}
END_TEST

START_TEST(stages_add_up_to_the_model)
{
    static const char *const depths[] = {"2", "3", "4"};
    for (int i = 0; i < 3; i++) {
        make((enum which)_i, "1");
        const struct ls_batch whole[2] = {draw_batch(), draw_batch()};
        struct ls_step step;
        ls_step_cost(&cost, whole, &step);
        const int64_t whole_ps = ls_stage_ps(&cost.stages[0], &step);
        const int64_t comm_ps = ls_stage_comm_ps(&cost.stages[0], &step);
        make((enum which)_i, depths[i]);
        ls_step_cost(&cost, whole, &step);
        int64_t sum_ps = 0, sum_comm_ps = 0, n_layers = 0;
        for (int64_t j = 0; j < cost.n_stages; j++) {
            sum_ps += ls_stage_ps(&cost.stages[j], &step);
            sum_comm_ps += ls_stage_comm_ps(&cost.stages[j], &step);
            n_layers += cost.stages[j].n_layers;
        }
        ck_assert_int_eq(n_layers, scenario.model.num_hidden_layers);
        ck_assert_int_eq(sum_ps, whole_ps);
        ck_assert_int_eq(sum_comm_ps, comm_ps);
    }
}
END_TEST

/* What `high` plays step by step is what `medium` adds up. */
START_TEST(collectives_step_by_step_last_as_long_as_in_sum)
{
    make((enum which)_i, "2");
    const bool moe = _i == MIXTRAL_TP2 || _i == MIXTRAL_LOCKSTEP;
    for (int i = 0; i < 50; i++) {
        struct ls_batch batches[2] = {draw_batch(), draw_batch()};
        struct ls_comm comms[2 * LS_MAX_COMMS];
        struct ls_step step;
        const int64_t n_tok =
            _i == MIXTRAL_LOCKSTEP && batches[1].n_tok > batches[0].n_tok ? batches[1].n_tok : batches[0].n_tok;
        ls_step_cost(&cost, batches, &step);
        int n = ls_mlp_comms_before(&cost, moe, &step.tok, comms);
        n += ls_mlp_comms_after(&cost, moe, &step.tok, comms + n);
        int64_t ps = 0, nic_ps = 0;
        for (int j = 0; j < n; j++) {
            ps += ls_comm_ps(&comms[j]);
            nic_ps += ls_comm_nic_ps(&comms[j]);
        }
        ck_assert_int_eq(ps, step.mlp_comm_ps[moe]);
        ck_assert_int_eq(nic_ps, step.mlp_nic_ps[moe]);
        ck_assert_int_eq(step.tok.own, n_tok);
        const struct ls_comm attention = ls_attention_comm(&cost, n_tok);
        ck_assert_int_eq(ls_comm_ps(&attention), step.linear->attention_comm_ps);
        for (int between = 0; between < 2; between++) {
            ps = 0;
            n = ls_send_comms(&cost, between, n_tok, comms);
            for (int j = 0; j < n; j++)
                ps += ls_comm_ps(&comms[j]);
            ck_assert_int_eq(ps, step.linear->send_ps[between]);
        }
    }
}
END_TEST

/* Two attention replicas in step wait for the slower one; the experts see the tokens of both, or as many as both would
 * have that are padded to the wider. */
START_TEST(lockstep_takes_the_slower_member_and_all_tokens)
{
    make(MIXTRAL_LOCKSTEP, "1");
    scenario.engine.pad_lockstep = _i;
    scenario.engine.kernel_launch_s = 1e-9; /* any, so that passes with and without a graph differ */
    cost = make_cost();
    for (int i = 0; i < N_BATCHES; i++) {
        const struct ls_batch one = draw_batch(), other = draw_batch();
        const struct ls_batch batches[2] = {one, other}, turned[2] = {other, one};
        struct ls_op ops[LS_MAX_OPS];
        struct ls_step step, back;
        const int64_t widest = one.n_tok > other.n_tok ? one.n_tok : other.n_tok;
        const int64_t a = one.n_tok ? attention_ps(&one, false) : 0, b = other.n_tok ? attention_ps(&other, false) : 0;
        ls_step_cost(&cost, batches, &step);
        ck_assert_int_eq(step.attention_ps[0], a > b ? a : b);
        const bool graph =
            one.n_tok <= scenario.engine.cuda_graph_max_tokens && other.n_tok <= scenario.engine.cuda_graph_max_tokens;
        const bool padded = _i == LS_PAD_ALWAYS || (_i == LS_PAD_GRAPHS && graph);
        const int64_t group = padded ? 2 * widest : one.n_tok + other.n_tok;
        ck_assert_int_eq(step.tok.group, group);
        ck_assert_int_eq(step.mlp_ps[1], sum(ops, ls_ops_moe(cost.model, &cost.shard, &cost.formats, widest, group,
                                                             load_of(group), ops)));
        ls_step_cost(&cost, turned, &back);
        ck_assert_int_eq(ls_stage_ps(&cost.stages[0], &back), ls_stage_ps(&cost.stages[0], &step));
    }
}
END_TEST

/* Gathering takes as long as all tokens do; a library's exchange as long as its busiest GPU. */
START_TEST(an_uneven_group_gathers_what_there_is)
{
    make(MIXTRAL_LOCKSTEP, "1");
    scenario.engine.pad_lockstep = LS_PAD_NEVER;
    const struct ls_batch wide = {.n_tok = 400,
                                  .n_sampled = 1,
                                  .n_prefill = 1,
                                  .prefill_tok = 400,
                                  .prefill_context = 400,
                                  .prefill_pairs = 80200};
    struct ls_step even, uneven;
    for (int32_t backend = 0; backend < LS_N_ALL2ALL; backend++) {
        scenario.engine.all2all_backend = backend;
        cost = make_cost();
        ls_step_cost(&cost, (const struct ls_batch[]){wide, wide}, &even);
        ls_step_cost(&cost, (const struct ls_batch[]){wide, {0}}, &uneven);
        ck_assert_int_gt(even.mlp_comm_ps[1], 0);
        if (backend == LS_ALL2ALL_ALL_GATHER)
            ck_assert_int_lt(uneven.mlp_comm_ps[1], even.mlp_comm_ps[1]);
        else
            ck_assert_int_eq(uneven.mlp_comm_ps[1], even.mlp_comm_ps[1]);
    }
}
END_TEST

/* As broadcasts and reductions a group's tokens take longer, by what these lose of the bandwidth. */
START_TEST(gathering_what_differs_in_size_is_slower)
{
    make(MIXTRAL_LOCKSTEP, "1");
    struct ls_comm even[LS_MAX_COMMS], uneven[LS_MAX_COMMS];
    const struct ls_pass_tok tok = {100000, 200000};
    ck_assert_int_eq(ls_mlp_comms_before(&cost, true, &tok, even), 1);
    scenario.engine.expert_gather_frac = 0.5;
    cost = make_cost();
    ck_assert_int_eq(ls_mlp_comms_before(&cost, true, &tok, uneven), 1);
    ck_assert_int_gt(ls_comm_ps(uneven), 19 * ls_comm_ps(even) / 10);
    ck_assert_int_le(ls_comm_ps(uneven), 2 * ls_comm_ps(even));
}
END_TEST

/* Without lockstep each rank computes the experts that it holds of all tokens, and an all-reduce adds them up. */
START_TEST(tensor_ranks_that_hold_whole_experts_exchange_no_tokens)
{
    make(MIXTRAL_TP2, "1");
    const struct ls_batch batch = draw_batch();
    struct ls_comm comms[LS_MAX_COMMS];
    struct ls_op ops[LS_MAX_OPS];
    struct ls_step sliced, whole;
    ls_step_cost(&cost, &batch, &sliced);
    scenario.strategy.expert_tp = 1;
    cost = make_cost();
    ls_step_cost(&cost, &batch, &whole);
    ck_assert_int_eq(ls_mlp_comms_before(&cost, true, &whole.tok, comms), 0);
    ck_assert_int_eq(ls_mlp_comms_after(&cost, true, &whole.tok, comms), 1);
    ck_assert_int_eq(whole.mlp_comm_ps[1], sliced.mlp_comm_ps[1]);
    const size_t n =
        ls_ops_moe(cost.model, &cost.shard, &cost.formats, batch.n_tok, batch.n_tok, load_of(batch.n_tok), ops);
    for (size_t i = 0; i < n; i++) /* two of eight experts a token, four of them here */
        if (ops[i].kind == LS_OP_GROUPED_GEMM)
            ck_assert_double_eq_tol(ops[i].m, fmax(ops[i].groups, batch.n_tok), 1e-9);
}
END_TEST

START_TEST(no_communication_without_company)
{
    make(SLIDING_TP2, "1");
    scenario.strategy.tp = 1;
    cost = make_cost();
    const struct ls_batch batch = draw_batch();
    struct ls_step step;
    ls_step_cost(&cost, &batch, &step);
    ck_assert_int_eq(ls_stage_comm_ps(&cost.stages[0], &step), 0);
    ck_assert_int_eq(ls_stage_nic_ps(&cost.stages[0], &step), 0);
}
END_TEST

/* One step of llama-3.1-70b at tp 4, with the engine's own launches and graphs. */
static struct ls_step launched_step(const char *graphs, double kernel_launch_s, bool custom_all_reduce)
{
    const struct ls_batch batch = {
        .n_decode = 4, .decode_context = 4000, .decode_window = 2048, .n_tok = 4, .n_sampled = 4};
    struct ls_step step;
    make(LLAMA_TP4, "1");
    scenario.engine.cuda_graphs = strcmp(graphs, "all") == 0 ? LS_CUDA_GRAPHS_ALL : LS_CUDA_GRAPHS_NONE;
    scenario.engine.cuda_graph_max_tokens = 512;
    scenario.engine.kernel_launch_s = kernel_launch_s;
    scenario.engine.nccl_launch_s = 20e-6;
    scenario.engine.custom_all_reduce = custom_all_reduce;
    scenario.cluster.nccl_only = !custom_all_reduce;
    cost = make_cost();
    ls_step_cost(&cost, &batch, &step);
    return step;
}

/* A norm, four products and kernels of attention, the all-reduce: far fewer than a hundred. */
START_TEST(no_block_outside_a_graph_is_faster_than_its_launches)
{
    const struct ls_step graph = launched_step("all", 1e-3, true);
    const struct ls_step eager = launched_step("none", 1e-3, true);
    ck_assert(!graph.launched && eager.launched);
    const int64_t block_ps = eager.attention_ps[0] + eager.linear->attention_comm_ps;
    ck_assert_int_eq(block_ps % ls_ps_from_s(1e-3), 0);
    ck_assert_int_gt(block_ps, 3 * ls_ps_from_s(1e-3));
    ck_assert_int_lt(graph.attention_ps[0], ls_ps_from_s(1e-3));
}
END_TEST

/* Four ranks, each late by 20 us in the mean, wait 1 + 1/2 + 1/3 + 1/4 times as long. */
START_TEST(nccl_waits_for_its_last_rank_outside_a_graph)
{
    const int64_t wait_ps = ls_ps_from_s(20e-6 * 25.0 / 12.0);
    const struct ls_step graph = launched_step("all", 0, false);
    const int64_t attention_ps = graph.attention_ps[0], mlp_ps = graph.mlp_ps[0];
    const struct ls_step eager = launched_step("none", 0, false);
    ck_assert_int_eq(eager.attention_ps[0], attention_ps + wait_ps);
    ck_assert_int_eq(eager.mlp_ps[0], mlp_ps + wait_ps);
    const struct ls_step own = launched_step("none", 0, true);
    ck_assert_int_eq(own.attention_ps[0], attention_ps);
}
END_TEST

/* Both blocks of a layer end with an all-reduce, which NCCL hands to the proxy of a NIC from the host. */
START_TEST(collectives_between_nodes_wait_for_the_host_in_a_graph)
{
    const struct ls_batch batch = {
        .n_decode = 4, .decode_context = 4000, .decode_window = 2048, .n_tok = 4, .n_sampled = 4};
    for (int nodes = 1; nodes <= 2; nodes++) {
        for (int graphs = LS_CUDA_GRAPHS_NONE; graphs <= LS_CUDA_GRAPHS_DECODE; graphs++) {
            struct ls_step without, with;
            make(LLAMA_TP4, "1");
            scenario.cluster.nodes = nodes;
            scenario.cluster.gpus_per_node = 4 / nodes;
            scenario.engine.cuda_graphs = graphs;
            scenario.engine.cuda_graph_max_tokens = 512;
            scenario.engine.host_node_s = 0;
            cost = make_cost();
            ls_step_cost(&cost, &batch, &without);
            scenario.engine.host_node_s = 68e-6;
            cost = make_cost();
            ls_step_cost(&cost, &batch, &with);
            const int64_t wait_ps = nodes == 2 && graphs != LS_CUDA_GRAPHS_NONE ? ls_ps_from_s(68e-6) : 0;
            ck_assert_int_eq(with.attention_ps[0], without.attention_ps[0] + wait_ps);
            ck_assert_int_eq(with.mlp_ps[0], without.mlp_ps[0] + wait_ps);
        }
    }
}
END_TEST

START_TEST(filtering_by_top_p_passes_every_logit_through_the_memory_of_every_rank)
{
    const struct ls_batch batch = {
        .n_decode = 4, .decode_context = 4000, .decode_window = 2048, .n_tok = 4, .n_sampled = 4};
    struct ls_step greedy, top_p;
    make(LLAMA_TP4, "1");
    cost = make_cost();
    ls_step_cost(&cost, &batch, &greedy);
    scenario.engine.sampling = LS_SAMPLING_TOP_P;
    cost = make_cost();
    ls_step_cost(&cost, &batch, &top_p);
    const struct ls_op filter = {.kind = LS_OP_MEMORY,
                                 .name = "top_p",
                                 .dtype = LS_BF16,
                                 .bytes = 4.0 * (double)scenario.model.vocab_size * scenario.engine.top_p_bytes};
    ck_assert_double_gt(filter.bytes, 0);
    ck_assert_int_eq(top_p.head_ps - greedy.head_ps, ls_price_op(&cost, &filter));
    ck_assert_int_eq(top_p.linear->embedding_ps, greedy.linear->embedding_ps);
}
END_TEST

/* Two whole prompts of 100 tokens, a decode beside them or alone. */
START_TEST(prompts_without_fused_attention_pay_for_its_parts)
{
    const struct ls_batch decode = {.n_tok = 1, .n_sampled = 1, .n_decode = 1, .decode_context = 50};
    const struct ls_batch prompts = {.n_tok = 200,
                                     .n_sampled = 2,
                                     .n_prefill = 2,
                                     .prefill_tok = 200,
                                     .prefill_context = 200,
                                     .prefill_pairs = 2 * 5050};
    struct ls_step fused[2], unfused[2];
    make(LLAMA_TP4, "1");
    ls_step_cost(&cost, &decode, &fused[0]);
    ls_step_cost(&cost, &prompts, &fused[1]);
    struct ls_op ops[LS_MAX_OPS];
    const size_t n = ls_ops_attention_prefill(cost.model, &cost.shard, &cost.formats, &prompts, false, ops);
    const int64_t whole_ps = sum(ops, n), parts_ps = sum(ops, ls_ops_unfuse(ops, n));
    scenario.engine.prompt_attention = LS_PROMPT_ATTENTION_UNFUSED;
    cost = make_cost();
    ls_step_cost(&cost, &decode, &unfused[0]);
    ls_step_cost(&cost, &prompts, &unfused[1]);
    ck_assert_int_eq(unfused[0].attention_ps[0], fused[0].attention_ps[0]);
    ck_assert_int_gt(parts_ps, whole_ps);
    ck_assert_int_eq(unfused[1].attention_ps[0] - fused[1].attention_ps[0], parts_ps - whole_ps);
}
END_TEST

START_TEST(a_delta_net_costs_decodes_the_same_at_any_context)
{
    make(LINEAR_TP2, "1");
    const struct ls_batch near = {.n_tok = 8, .n_decode = 8, .n_sampled = 8, .decode_context = 8, .decode_window = 8};
    struct ls_batch far = near;
    far.decode_context = far.decode_window = 800000;
    struct ls_step steps[2];
    ls_step_cost(&cost, &near, &steps[0]);
    ls_step_cost(&cost, &far, &steps[1]);
    ck_assert_int_gt(steps[1].attention_ps[0], steps[0].attention_ps[0]);
    ck_assert_int_eq(steps[1].attention_ps[1], steps[0].attention_ps[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("step cost");
    TCase *tcase = tcase_create("step cost");
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_loop_test(tcase, blocks_are_sums_of_operators_rounded_one_by_one, LLAMA_TP4, MIXTRAL_LOCKSTEP);
    tcase_add_test(tcase, a_delta_net_costs_decodes_the_same_at_any_context);
    tcase_add_loop_test(tcase, the_order_of_questions_changes_no_answer, 0, N_WHICH);
    tcase_add_test(tcase, decode_attention_follows_its_context_up_and_down);
    tcase_add_loop_test(tcase, stages_add_up_to_the_model, 0, N_WHICH);
    tcase_add_loop_test(tcase, collectives_step_by_step_last_as_long_as_in_sum, 0, N_WHICH);
    tcase_add_loop_test(tcase, lockstep_takes_the_slower_member_and_all_tokens, LS_PAD_NEVER, LS_PAD_ALWAYS + 1);
    tcase_add_test(tcase, an_uneven_group_gathers_what_there_is);
    tcase_add_test(tcase, gathering_what_differs_in_size_is_slower);
    tcase_add_test(tcase, tensor_ranks_that_hold_whole_experts_exchange_no_tokens);
    tcase_add_test(tcase, no_communication_without_company);
    tcase_add_test(tcase, no_block_outside_a_graph_is_faster_than_its_launches);
    tcase_add_test(tcase, prompts_without_fused_attention_pay_for_its_parts);
    tcase_add_test(tcase, nccl_waits_for_its_last_rank_outside_a_graph);
    tcase_add_test(tcase, collectives_between_nodes_wait_for_the_host_in_a_graph);
    tcase_add_test(tcase, filtering_by_top_p_passes_every_logit_through_the_memory_of_every_rank);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
