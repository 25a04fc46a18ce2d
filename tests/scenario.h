#ifndef LS_TESTS_SCENARIO_H
#define LS_TESTS_SCENARIO_H

/* Scenarios for tests, built key by key through the parameter table, without files. */

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/scenario.h"
#include "engine/simulate.h"

static inline void scenario_set(struct ls_scenario *scenario, const char *key, const char *text)
{
    struct ls_param_ref ref;
    struct ls_err err = {""};
    union ls_value value;
    ck_assert_msg(ls_param_find(&ls_scenario_params, scenario, key, &ref, &err) == LS_OK, "%s: %s", key, err.text);
    ck_assert_msg(ls_param_parse(ref.param, text, &value, &err) == LS_OK, "%s: %s", key, err.text);
    ls_param_store(ref.param, (char *)scenario + ref.offset, &value);
}

/* Pairs of key and value, ended by a null key. */
static inline void scenario_set_all(struct ls_scenario *scenario, const char *const (*pairs)[2])
{
    for (; (*pairs)[0]; pairs++)
        scenario_set(scenario, (*pairs)[0], (*pairs)[1]);
}

static const char *const scenario_llama_70b[][2] = {{"model.num_hidden_layers", "80"},
                                                    {"model.hidden_size", "8192"},
                                                    {"model.num_attention_heads", "64"},
                                                    {"model.num_key_value_heads", "8"},
                                                    {"model.intermediate_size", "28672"},
                                                    {"model.vocab_size", "128256"},
                                                    {NULL, NULL}};

static const char *const scenario_mixtral[][2] = {
    {"model.num_hidden_layers", "32"},  {"model.hidden_size", "4096"},        {"model.num_attention_heads", "32"},
    {"model.num_key_value_heads", "8"}, {"model.intermediate_size", "14336"}, {"model.vocab_size", "32000"},
    {"model.n_routed_experts", "8"},    {"model.num_experts_per_tok", "2"},   {NULL, NULL}};

static const char *const scenario_sliding[][2] = {
    {"model.num_hidden_layers", "32"},  {"model.hidden_size", "4096"},         {"model.num_attention_heads", "32"},
    {"model.num_key_value_heads", "8"}, {"model.intermediate_size", "14336"},  {"model.vocab_size", "32000"},
    {"model.sliding_window", "512"},    {"model.sliding_window_pattern", "2"}, {NULL, NULL}};

/* Three of four layers are gated delta-nets. */
static const char *const scenario_linear[][2] = {
    {"model.num_hidden_layers", "32"},      {"model.hidden_size", "4096"},
    {"model.num_attention_heads", "32"},    {"model.num_key_value_heads", "8"},
    {"model.intermediate_size", "14336"},   {"model.vocab_size", "32000"},
    {"model.full_attention_interval", "4"}, {"model.linear_num_key_heads", "16"},
    {"model.linear_num_value_heads", "32"}, {"model.linear_key_head_dim", "128"},
    {"model.linear_value_head_dim", "128"}, {NULL, NULL}};

static const char *const scenario_h100[][2] = {{"cluster.hardware.memory", "80 GB"},
                                               {"cluster.hardware.memory_bandwidth", "3.35 TB/s"},
                                               {"cluster.hardware.peak.bf16", "989.5 TFLOP/s"},
                                               {"cluster.hardware.peak.fp8", "1979 TFLOP/s"},
                                               {"cluster.hardware.sm_count", "132"},
                                               {"cluster.hardware.gpus_per_node", "8"},
                                               {"cluster.hardware.intra_node.bandwidth", "450 GB/s"},
                                               {"cluster.hardware.intra_node.latency", "2 us"},
                                               {"cluster.hardware.inter_node.bandwidth", "50 GB/s"},
                                               {"cluster.hardware.inter_node.latency", "5 us"},
                                               {"cluster.hardware.nics_per_node", "8"},
                                               {NULL, NULL}};

/* Requests are with the scheduler when they arrive, tokens with the client when they are there. */
static const char *const scenario_no_front_end[][2] = {
    {"engine.request_latency_s", "0"},       {"engine.chat_template_char_s", "0"},
    {"engine.request_overhead_s", "0"},      {"engine.prompt_token_overhead_s", "0"},
    {"engine.output_token_overhead_s", "0"}, {NULL, NULL}};

/* A distribution without its parameters. */
static inline struct ls_dist scenario_dist(enum ls_dist_kind kind)
{
    struct ls_dist dist;
    memset(&dist, 0, sizeof dist);
    ls_param_set_defaults(&ls_dist_params, &dist);
    dist.kind = kind;
    return dist;
}

static inline struct ls_dist scenario_exponential(double mean)
{
    struct ls_dist dist = scenario_dist(LS_DIST_EXPONENTIAL);
    dist.mean = mean;
    return dist;
}

static inline const struct ls_param *scenario_row(const struct ls_param_table *table, const char *key)
{
    size_t i = 0;
    while (i < table->n && strcmp(table->rows[i].key, key) != 0)
        i++;
    ck_assert_msg(i < table->n, "no row %s", key);
    return &table->rows[i];
}

/* A profile of Poisson arrivals with constant lengths. */
static inline struct ls_profile *scenario_add_profile(struct ls_scenario *scenario, double rate, int prompt, int output)
{
    struct ls_profile *profile = &scenario->workload.profiles[scenario->workload.n_profiles++];
    const struct ls_param *workload = scenario_row(&ls_scenario_params, "workload");
    ls_param_set_defaults(scenario_row(workload->table, "profiles")->table, profile);
    (void)snprintf(profile->name, sizeof profile->name, "p%d", scenario->workload.n_profiles);
    profile->arrivals.rate = rate;
    profile->prompt_tokens.dist = scenario_dist(LS_DIST_CONSTANT);
    profile->output_tokens.dist = scenario_dist(LS_DIST_CONSTANT);
    profile->prompt_tokens.dist.value = prompt;
    profile->output_tokens.dist.value = output;
    return profile;
}

/* 16 H100s on two nodes; no workload yet. */
static inline void scenario_make(struct ls_scenario *scenario, const char *const (*model)[2])
{
    ls_scenario_init(scenario);
    ls_param_set_defaults(&ls_model_params, &scenario->model);
    ls_param_set_defaults(&ls_hardware_params, &scenario->cluster.hardware);
    scenario_set_all(scenario, model);
    scenario_set_all(scenario, scenario_h100);
    scenario_set(scenario, "cluster.nodes", "2");
}

static inline struct ls_result scenario_run(struct ls_sim *sim, const struct ls_scenario *scenario)
{
    struct ls_scenario resolved = *scenario;
    struct ls_result result;
    enum ls_reason reason;
    struct ls_err err = {""};
    ck_assert_msg(ls_scenario_resolve(&resolved, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_msg(reason == LS_REASON_NONE, "%s", ls_reason_text(reason));
    ck_assert_msg(ls_simulate(sim, &resolved, &result, &err) == LS_OK, "%s", err.text);
    return result;
}

#endif
