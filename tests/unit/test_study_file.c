/* From a study file to cells: axes, their order and values, --set, and what a study's hash depends on. */
#include <math.h>

#include "study_text.h"
#include "tests/suite.h"

#define HEAD                                                                                                           \
    "model: llama-3.1-8b\n"                                                                                            \
    "cluster: {hardware: h100-sxm, nodes: 1}\n"                                                                        \
    "strategy: {tp: 2}\n"
#define WORKLOAD                                                                                                       \
    "workload:\n"                                                                                                      \
    "  duration_s: 60\n"                                                                                               \
    "  profiles:\n"                                                                                                    \
    "    - name: chat\n"                                                                                               \
    "      arrivals: {rate: 4}\n"                                                                                      \
    "      prompt_tokens: {dist: constant, value: 500}\n"                                                              \
    "      output_tokens: {dist: constant, value: 100}\n"
#define BASE HEAD WORKLOAD

static struct ls_scenario cell_of(const struct ls_study *study, uint64_t cell, enum ls_reason expected)
{
    struct ls_scenario scenario;
    enum ls_reason reason;
    struct ls_err err = {""};
    ck_assert_msg(ls_study_cell(study, cell, &scenario, &reason, &err) == LS_OK, "%s", err.text);
    ck_assert_int_eq(reason, expected);
    return scenario;
}

START_TEST(degrees_and_replicas_are_always_there)
{
    static const char *const names[] = {"tp", "pp", "dp", "ep", "lod", "replica"};
    struct ls_study study = load_study(BASE, NULL, 0, 0);
    ck_assert_uint_eq(study.n_axes, 6);
    ck_assert_uint_eq(study.n_cells, 1);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_str_eq(study.axes[i].name, names[i]);
        ck_assert_uint_eq(study.axes[i].n, 1);
        ck_assert_int_eq(study.axes[i].numeric, i != LS_AXIS_LOD);
    }
    ck_assert(study.axes[LS_AXIS_TP].coordinates[0] == 2);
    ck_assert_str_eq(study.axes[LS_AXIS_LOD].labels[0], "medium");
    ck_assert_str_eq(study.name, "study");
    ck_assert_str_eq(study.output_cube, "study.h5");
    ls_study_release(&study);
}
END_TEST

START_TEST(axes_keep_their_order_after_the_degrees)
{
    static const char *const names[] = {"tp", "pp", "dp", "ep", "lod", "load", "cluster.nodes", "replica"};
    static const size_t lengths[] = {1, 1, 3, 1, 2, 2, 2, 3};
    struct ls_study study = load_study(BASE "sweep:\n"
                                            "  axes:\n"
                                            "    load: {key: workload.profiles.chat.arrivals.rate, values: [1, 2.5]}\n"
                                            "    lod: [high, medium]\n"
                                            "    cluster.nodes: [1, 2]\n"
                                            "    dp: {pow2: [1, 4]}\n"
                                            "  replicas: 3\n",
                                       NULL, 0, 0);
    ck_assert_uint_eq(study.n_axes, 8);
    ck_assert_uint_eq(study.n_cells, 3 * 2 * 2 * 2 * 3);
    for (size_t i = 0; i < 8; i++) {
        ck_assert_str_eq(study.axes[i].name, names[i]);
        ck_assert_uint_eq(study.axes[i].n, lengths[i]);
    }
    /* dp = 4, lod = medium, load = 2.5, nodes = 2, replica = 1: row-major, replica innermost */
    const struct ls_scenario scenario = cell_of(&study, (((2 * 2 + 1) * 2 + 1) * 2 + 1) * 3 + 1, LS_REASON_NONE);
    ck_assert_int_eq(scenario.strategy.tp, 2);
    ck_assert_int_eq(scenario.strategy.dp, 4);
    ck_assert_int_eq(scenario.strategy.lod, LS_LOD_MEDIUM);
    ck_assert(scenario.workload.profiles[0].arrivals.rate == 2.5);
    ck_assert_int_eq(scenario.cluster.nodes, 2);
    ck_assert_int_eq(scenario.replica, 1);
    ls_study_release(&study);
}
END_TEST

START_TEST(ranges_include_their_ends)
{
    static const struct {
        const char *axis;
        size_t n;
        double values[6];
    } cases[] = {
        {"tp: {pow2: [1, 8]}", 4, {1, 2, 4, 8}},
        {"tp: {pow2: [3, 12]}", 3, {3, 6, 12}},
        {"tp: {range: [1, 8, 3]}", 3, {1, 4, 7}},
        {"tp: {range: [2, 10, 2]}", 5, {2, 4, 6, 8, 10}},
        {"tp: {key: tp, linspace: [1, 7, 3]}", 3, {1, 4, 7}},
        {"slo.ttft_s: {range: [0.1, 0.5, 0.1]}", 5, {0.1, 0.2, 0.3, 0.4, 0.5}},
        {"slo.ttft_s: {linspace: [100 ms, 1, 4]}", 4, {0.1, 0.4, 0.7, 1}},
        {"slo.ttft_s: {logspace: [0.01, 100, 5]}", 5, {0.01, 0.1, 1, 10, 100}},
        {"cluster.inter_node.bandwidth: {pow2: [100 Gb/s, 400 Gb/s]}", 3, {12.5e9, 25e9, 50e9}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text, "%ssweep: {axes: {%s}}\n", BASE, cases[i].axis);
        struct ls_study study = load_study(text, NULL, 0, 0);
        const struct ls_axis *axis = &study.axes[strncmp(cases[i].axis, "tp", 2) == 0 ? LS_AXIS_TP : LS_N_FIXED_AXES];
        ck_assert(axis->numeric);
        ck_assert_uint_eq(axis->n, cases[i].n);
        for (size_t j = 0; j < axis->n; j++)
            ck_assert_msg(axis->coordinates[j] == cases[i].values[j], "%s: %.17g", cases[i].axis, axis->coordinates[j]);
        ls_study_release(&study);
    }
}
END_TEST

START_TEST(units_of_axes_are_those_of_their_keys)
{
    struct ls_study study =
        load_study(BASE "sweep: {axes: {cluster.hardware.memory: [80 GB, 40 GiB], slo.tpot_s: [null, 1], "
                        "engine.enable_chunked_prefill: [true, false]}}\n",
                   NULL, 0, 0);
    ck_assert_str_eq(study.axes[5].unit, "byte");
    ck_assert_str_eq(study.axes[5].labels[1], "40 GiB");
    ck_assert(study.axes[5].coordinates[1] == 40.0 * 1024 * 1024 * 1024);
    ck_assert(!study.axes[6].numeric); /* null is no number */
    ck_assert_str_eq(study.axes[6].labels[0], "null");
    ck_assert(!study.axes[7].numeric);
    ls_study_release(&study);
}
END_TEST

START_TEST(objects_move_along_axes_and_together)
{
    struct ls_study study =
        load_study("cluster: {nodes: 1}\n" WORKLOAD "sweep:\n"
                   "  axes:\n"
                   "    model: [llama-3.1-8b, {base: llama-3.1-8b, name: half, num_hidden_layers: 16}]\n"
                   "    box: {zip: {cluster.hardware: [h100-sxm, a100-80g-sxm], cluster.nodes: [1, 2]}}\n"
                   "    model.vocab_size: [1000, 2000]\n",
                   NULL, 0, 0);
    ck_assert_uint_eq(study.n_cells, 8);
    ck_assert_str_eq(study.axes[5].labels[1], "half");
    ck_assert_str_eq(study.axes[6].labels[1], "a100-80g-sxm, 2");
    const struct ls_scenario last = cell_of(&study, 7, LS_REASON_NONE);
    ck_assert_int_eq(last.model.num_hidden_layers, 16);
    ck_assert_int_eq(last.model.vocab_size, 2000); /* a key inside a swept object counts */
    ck_assert_str_eq(last.cluster.hardware.name, "a100-80g-sxm");
    ck_assert_int_eq(last.cluster.nodes, 2);
    const struct ls_scenario first = cell_of(&study, 0, LS_REASON_NONE);
    ck_assert_int_eq(first.model.num_hidden_layers, 32);
    ck_assert_str_eq(first.cluster.hardware.name, "h100-sxm");
    ls_study_release(&study);
}
END_TEST

START_TEST(where_leaves_cells_out)
{
    struct ls_study study = load_study(BASE "sweep:\n"
                                            "  axes:\n"
                                            "    tp: [1, 2, 4, 8]\n"
                                            "    dp: [1, 2, 4]\n"
                                            "    hw: {key: cluster.hardware, values: [h100-sxm, a100-80g-sxm]}\n"
                                            "  where: \"gpus <= cluster_gpus and tp <= gpus_per_node and "
                                            "(hardware == 'h100-sxm' or dp == 1)\"\n",
                                       NULL, 0, 0);
    uint64_t wanted = 0;
    for (uint64_t cell = 0; cell < study.n_cells; cell++) {
        struct ls_scenario scenario;
        enum ls_reason reason;
        struct ls_err err;
        ck_assert_int_eq(ls_study_cell(&study, cell, &scenario, &reason, &err), LS_OK);
        const int64_t gpus = scenario.strategy.tp * scenario.strategy.dp;
        const bool h100 = strcmp(scenario.cluster.hardware.name, "h100-sxm") == 0;
        ck_assert_int_eq(reason == LS_REASON_EXCLUDED, gpus > 8 || (!h100 && scenario.strategy.dp > 1));
        wanted += reason != LS_REASON_EXCLUDED;
    }
    ck_assert_uint_eq(wanted, 4 + 3 + 2 + 4);
    ls_study_release(&study);
}
END_TEST

START_TEST(set_goes_over_the_file)
{
    static const char *const sets[] = {"tp=4", "load=7", "slo.ttft_s=20 ms", "cluster.hardware.memory=40 GB",
                                       "engine={max_num_seqs: 64}"};
    static const char text[] = BASE "sweep:\n"
                                    "  axes:\n"
                                    "    tp: [1, 2]\n"
                                    "    load: {key: workload.profiles.chat.arrivals.rate, values: [1, 2]}\n";
    struct ls_study study = load_study(text, sets, 5, 0);
    ck_assert_uint_eq(study.n_cells, 1);
    const struct ls_scenario scenario = cell_of(&study, 0, LS_REASON_NONE);
    ck_assert_int_eq(scenario.strategy.tp, 4);
    ck_assert(scenario.workload.profiles[0].arrivals.rate == 7);
    ck_assert(scenario.slo.ttft_s == 0.02);
    ck_assert(scenario.cluster.hardware.memory_bytes == 40e9);
    ck_assert_str_eq(scenario.cluster.hardware.name, "h100-sxm");
    ck_assert_int_eq(scenario.engine.max_num_seqs, 64);
    ls_study_release(&study);
}
END_TEST

START_TEST(single_leaves_the_sweep_out)
{
    static const char *const sets[] = {"lod=high"};
    struct ls_study study = load_study(BASE "sweep: {axes: {tp: [4, 8], lod: [low]}, replicas: 5}\n", sets, 1, 1);
    ck_assert_uint_eq(study.n_cells, 1);
    const struct ls_scenario scenario = cell_of(&study, 0, LS_REASON_NONE);
    ck_assert_int_eq(scenario.strategy.tp, 2);
    ck_assert_int_eq(scenario.strategy.lod, LS_LOD_HIGH);
    ls_study_release(&study);
}
END_TEST

#define SWEEP "sweep: {axes: {tp: [1, 2], slo.ttft_s: [1, 2]}, where: \"tp > 0\"}\n"

/* Digest of a study from its text. */
static void digest_of(const char *text, char sha256[65])
{
    struct ls_study study = load_study(text, NULL, 0, 0);
    memcpy(sha256, study.sha256, 65);
    ls_study_release(&study);
}

START_TEST(the_hash_is_of_what_is_simulated)
{
    char one[65], other[65];
    digest_of("name: a\n" BASE SWEEP, one);
    static const char *const same[] = {
        "# a comment\nname: a\n" BASE SWEEP,
        "output: {cube: elsewhere.h5}\nname: a\n" BASE SWEEP,
        "name: a\nengine: {router: round_robin}\nslo: {ttft_s: 7}\n" BASE SWEEP, /* a default, and a swept key */
        "name: a\n" BASE "sweep: {axes: {tp: {pow2: [1, 2]}, slo.ttft_s: [1000 ms, 2.0]}, where: \"tp > 0\"}\n",
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        digest_of(same[i], other);
        ck_assert_str_eq(one, other);
    }
    static const char *const different[] = {
        "name: b\n" BASE SWEEP,
        "name: a\nseed: 1\n" BASE SWEEP,
        "name: a\nengine: {router: random}\n" BASE SWEEP,
        "name: a\n" BASE "sweep: {axes: {tp: [1, 2], slo.ttft_s: [1, 3]}, where: \"tp > 0\"}\n",
        "name: a\n" BASE "sweep: {axes: {tp: [1, 2], slo.ttft_s: [1, 2]}}\n",
        "name: a\n" BASE "sweep: {axes: {tp: [1, 2], slo.ttft_s: [1, 2]}, where: \"tp > 0\", replicas: 2}\n",
    };
    for (size_t i = 0; i < sizeof different / sizeof different[0]; i++) {
        digest_of(different[i], other);
        ck_assert_str_ne(one, other);
    }
}
END_TEST

/* The resolved form of a study reads back to itself. */
static void check_round_trip(const char *path)
{
    struct ls_study study;
    struct ls_diags diags = {0};
    ck_assert_int_eq(ls_study_load(path, NULL, 0, 0, &study, &diags), LS_OK);
    struct ls_study again = load_study(study.resolved, NULL, 0, 0);
    ck_assert_str_eq(study.resolved, again.resolved);
    ck_assert_str_eq(study.sha256, again.sha256);
    ck_assert_uint_eq(study.n_cells, again.n_cells);
    ls_study_release(&study);
    ls_study_release(&again);
}

START_TEST(resolved_studies_read_back_to_themselves)
{
    check_round_trip(LS_SOURCE_DIR "/configs/studies/first.yaml");
    check_round_trip(LS_SOURCE_DIR "/configs/studies/quickstart.yaml");
    static const char odd[] = "name: \"it's: #1\\\\ \\\"x\\\"\"\n" HEAD WORKLOAD "sweep:\n"
                              "  axes:\n"
                              "    model: [llama-3.1-8b, mixtral-8x7b]\n"
                              "    box: {zip: {cluster.hardware: [h100-sxm, a100-80g-sxm], cluster.nodes: [1, 2]}}\n"
                              "    engine.max_num_batched_tokens: [null, 4096]\n"
                              "    cluster.inter_node.bandwidth: [100 Gb/s, 33.3 GB/s]\n"
                              "  where: \"hardware == 'h100-sxm' or tp > 1\"\n";
    check_round_trip(write_file("odd.yaml", odd, strlen(odd)));
}
END_TEST

START_TEST(paths_start_at_the_study)
{
    static const char trace[] = "arrival_s,prompt_tokens,output_tokens\n0.5,10,20\n2,30,40\n";
    static const char model[] = "base: llama-3.1-8b\nnum_hidden_layers: 4\n";
    write_file("mine.csv", trace, strlen(trace));
    write_file("mine.yaml", model, strlen(model));
    struct ls_study study =
        load_study("model: mine\ncluster: {hardware: h100-sxm}\nworkload: {trace: {file: mine.csv}}\n"
                   "sweep: {axes: {workload.trace.file: [azure_2023_conv.csv, mine.csv]}}\n",
                   NULL, 0, 0);
    const struct ls_scenario mine = cell_of(&study, 1, LS_REASON_NONE);
    ck_assert_uint_eq(mine.workload.trace->n, 2);
    ck_assert_int_eq(mine.workload.trace->requests[1].arrival_ps, INT64_C(2000000000000));
    ck_assert_int_eq(mine.workload.trace->requests[1].output_tok, 40);
    ck_assert_str_eq(mine.workload.trace_options.file, "mine.csv");
    ck_assert_str_eq(mine.model.name, "mine");
    ck_assert_int_eq(mine.model.num_hidden_layers, 4);
    const struct ls_scenario azure = cell_of(&study, 0, LS_REASON_NONE);
    ck_assert_uint_gt(azure.workload.trace->n, 1000);
    ck_assert_uint_ne(ls_scenario_fingerprint(&mine), ls_scenario_fingerprint(&azure));
    ls_study_release(&study);
}
END_TEST

START_TEST(contradictions_of_one_point_are_found_before_the_sweep)
{
    struct ls_study study;
    struct ls_diags diags = {0};
    static const char text[] = BASE "sweep: {axes: {workload.warmup_s: [0, 59, 60]}}\n";
    ck_assert_int_eq(ls_study_load(write_file("study.yaml", text, strlen(text)), NULL, 0, 0, &study, &diags), LS_INPUT);
    ck_assert_uint_eq(diags.n, 1);
    ck_assert_int_eq(diags.items[0].line, 11);
    ck_assert_str_eq(diags.items[0].text, "at 60: workload.warmup_s: 60 leaves nothing of duration_s, 60, to measure");
    ls_diags_release(&diags);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("study_file");
    TCase *tcase = tcase_create("study_file");
    tcase_add_test(tcase, degrees_and_replicas_are_always_there);
    tcase_add_test(tcase, axes_keep_their_order_after_the_degrees);
    tcase_add_test(tcase, ranges_include_their_ends);
    tcase_add_test(tcase, units_of_axes_are_those_of_their_keys);
    tcase_add_test(tcase, objects_move_along_axes_and_together);
    tcase_add_test(tcase, where_leaves_cells_out);
    tcase_add_test(tcase, set_goes_over_the_file);
    tcase_add_test(tcase, single_leaves_the_sweep_out);
    tcase_add_test(tcase, the_hash_is_of_what_is_simulated);
    tcase_add_test(tcase, resolved_studies_read_back_to_themselves);
    tcase_add_test(tcase, paths_start_at_the_study);
    tcase_add_test(tcase, contradictions_of_one_point_are_found_before_the_sweep);
    tcase_add_checked_fixture(tcase, NULL, remove_folder);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
