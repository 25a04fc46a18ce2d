#ifndef LS_TESTS_TRAINING_CASE_H
#define LS_TESTS_TRAINING_CASE_H

/* Training on 64 A100s, from a line of YAML for each part, its memory, metrics and groups. */
#include "engine/simulate.h"
#include "engine/training/training_comm.h"
#include "engine/training/training_memory.h"
#include "study_text.h"

/* 4 layers of 8 experts of width 64 (two matrices of 32 x 64), top 2. */
#define SMALL_MOE                                                                                                      \
    "model: {num_hidden_layers: 4, hidden_size: 32, num_attention_heads: 4, vocab_size: 512, gated_mlp: false,\n"      \
    "  tie_word_embeddings: true, n_routed_experts: 8, num_experts_per_tok: 2, moe_intermediate_size: 64, dtype: "     \
    "bf16}\n"
#define DENSE "model: llama-3.1-8b\n"

static inline struct ls_scenario training(const char *model, const char *strategy, const char *keys,
                                          enum ls_reason expected)
{
    char text[1400];
    struct ls_scenario scenario;
    enum ls_reason reason;
    struct ls_err err = {""};
    snprintf(text, sizeof text,
             "kind: training\n%scluster: {hardware: a100-80g-sxm, nodes: 8}\nstrategy: {%s}\ntraining: {%s}\n", model,
             strategy, keys);
    struct ls_study study = load_study(text, NULL, 0, 1);
    ck_assert_msg(ls_study_cell(&study, 0, &scenario, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_int_eq(reason, expected);
    ls_study_release(&study);
    return scenario;
}

static inline struct ls_metrics run(const struct ls_scenario *scenario)
{
    struct ls_sim *sim = ls_sim_new();
    struct ls_result result;
    struct ls_err err = {""};
    ck_assert_ptr_nonnull(sim);
    ck_assert_int_eq(ls_simulate(sim, scenario, &result, &err), LS_OK);
    ls_sim_free(sim);
    return result.metrics;
}

static inline double metric(const char *model, const char *strategy, const char *keys, enum ls_scalar_metric which)
{
    struct ls_scenario scenario = training(model, strategy, keys, LS_REASON_NONE);
    scenario.evaluate_oversized = 1;
    return run(&scenario).scalar[which];
}

static inline struct ls_training_memory memory_of(const struct ls_scenario *scenario)
{
    struct ls_training_memory memory;
    (void)!ls_training_memory(scenario, &memory);
    return memory;
}

static inline struct ls_training_groups groups_of(const struct ls_scenario *scenario)
{
    struct ls_placement placement;
    struct ls_err err;
    ck_assert_int_eq(ls_placement_init(&placement, &scenario->cluster, &scenario->strategy, &err), LS_OK);
    return ls_training_groups(scenario, &placement, 0);
}

static inline void is_group(const struct ls_group *group, int64_t size, int64_t nodes, int64_t per_node)
{
    ck_assert_int_eq(group->size, size);
    ck_assert_int_eq(group->nodes, nodes);
    ck_assert_int_eq(group->ranks_per_node, per_node);
}

#endif
