#include "io/study_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/axis_points.h"
#include "io/bind.h"
#include "io/read_file.h"
#include "io/sha256.h"
#include "io/study_axes.h"
#include "io/study_samples.h"
#include "io/study_sets.h"
#include "io/study_text.h"
#include "io/yaml_doc.h"
#include "sweep/where.h"

#define MAX_FILE_BYTES ((size_t)16 << 20)

/* Cells that are looked at for one that where keeps, before values are checked against each other. */
#define MAX_LOOKS 65536

struct reader {
    const char *path;
    char folder[4096];
    struct ls_yaml_arena arena;
    struct ls_yaml *root;
    struct ls_study *study;
    struct ls_bind bind;
    size_t n_before; /* faults that were there */
    struct ls_axis_sources sources;
    const struct ls_yaml *places[LS_MAX_AXES];
    const char *where; /* source, null for none */
    int single;
};

static bool is_faulty(const struct reader *reader)
{
    return reader->bind.diags->n > reader->n_before;
}

/* --- Small sections --- */

struct root_keys {
    char name[LS_NAME_LEN];
};

static const struct ls_param name_row = LS_ROW_TEXT(struct root_keys, "name", name, 0, "study", "Name of the study.");

static void bind_name(struct reader *reader)
{
    const struct ls_yaml *node = ls_yaml_get(reader->root, "name");
    union ls_value value;
    if (node) {
        if (ls_bind_value(&reader->bind, node, &name_row, "name", &value) == LS_OK)
            memcpy(reader->study->name, value.s, sizeof value.s);
        return;
    }
    const char *slash = strrchr(reader->path, '/');
    const char *stem = slash ? slash + 1 : reader->path;
    (void)snprintf(reader->study->name, LS_NAME_LEN, "%.*s", (int)strcspn(stem, "."), stem);
}

struct output_keys {
    int32_t kinds[LS_N_DETAIL_KINDS];
};

static const struct ls_param output_rows[] = {
    LS_ROW_BOOL(struct output_keys, "requests", kinds[LS_DETAIL_REQUESTS], 0, "false",
                "A row for each request in the cube's group `requests`."),
    LS_ROW_BOOL(struct output_keys, "timeline", kinds[LS_DETAIL_TIMELINE], 0, "false",
                "A row for each scheduler and pass in the cube's group `timeline`."),
};
static const struct ls_param_table output_table = LS_TABLE(output_rows);

static void bind_output(struct reader *reader)
{
    static const char *const others[] = {"cube", NULL};
    struct ls_study *study = reader->study;
    struct output_keys keys = {{0}};
    const struct ls_yaml *node = ls_yaml_get(reader->root, "output");
    const struct ls_yaml *cube = node ? ls_yaml_get(node, "cube") : NULL;
    (void)snprintf(study->output_cube, sizeof study->output_cube, "%.90s.h5", study->name);
    if (node && node->kind != LS_YAML_MAPPING && !ls_yaml_is_null(node))
        ls_yaml_fault(reader->bind.diags, node, "output", "%s was given; write {cube: FILE.h5}",
                      ls_yaml_kind_text(node));
    else if (node && node->kind == LS_YAML_MAPPING)
        ls_bind_table(&reader->bind, node, &output_table, others, "output", &keys);
    for (size_t i = 0; i < LS_N_DETAIL_KINDS; i++) {
        study->output_kinds |= (uint32_t)(keys.kinds[i] == 1) << i;
        if (keys.kinds[i] == 1 && study->base.kind != LS_SERVING)
            ls_yaml_fault(reader->bind.diags, node, output_rows[i].key, "kind %s has no requests; leave it false",
                          ls_kind_names[study->base.kind]);
    }
    if (!cube || ls_yaml_is_null(cube))
        return;
    if (cube->kind != LS_YAML_SCALAR || strlen(cube->text) >= sizeof study->output_cube)
        ls_yaml_fault(reader->bind.diags, cube, "output.cube", "no path; write a file name, such as results/first.h5");
    else
        (void)snprintf(study->output_cube, sizeof study->output_cube, "%s", cube->text);
}

static void bind_targets(struct reader *reader)
{
    struct ls_study *study = reader->study;
    const struct ls_yaml *node = ls_yaml_get(reader->root, "targets");
    if (!node || ls_yaml_is_null(node))
        return;
    if (node->kind != LS_YAML_SEQUENCE || node->n > LS_MAX_GOALS) {
        ls_yaml_fault(reader->bind.diags, node, "targets",
                      "no list of at most %d conditions; write such as [step_time_s < 5, tokens_per_s > 25000]",
                      LS_MAX_GOALS);
        return;
    }
    for (size_t i = 0; i < node->n; i++) {
        const struct ls_yaml *item = node->entries[i].value;
        struct ls_err err = {""};
        if (item->kind != LS_YAML_SCALAR)
            ls_yaml_fault(reader->bind.diags, item, "targets", "%s was given; write a condition, such as mfu > 0.4",
                          ls_yaml_kind_text(item));
        else if (ls_goal_compile(item->text, study->base.kind, &study->goals[study->n_goals], &err))
            ls_yaml_fault(reader->bind.diags, item, "targets", "%s", err.text);
        else
            study->n_goals++;
    }
}

/* --- Sweep --- */

struct until_keys {
    char metric[LS_NAME_LEN];
    double half_width;
};

struct replica_keys {
    int64_t max;
    struct until_keys until;
};

struct sweep_keys {
    int64_t replicas;
    struct ls_search_options search;
};

static const char *const search_methods[] = {"screen", "halving", NULL};

static const struct ls_param search_rows[] = {
    LS_ROW_CHOICE(struct ls_search_options, "method", method, LS_PARAM_NULLABLE, "null", search_methods,
                  "screen: coarse levels of detail first; halving: few replicas first."),
    LS_ROW_TEXT(struct ls_search_options, "by", by, LS_PARAM_NULLABLE, "null",
                "Metrics: of the front (screen), or to rank by (halving)."),
    LS_ROW_FLOAT(struct ls_search_options, "margin", margin, LS_DIM_NONE, 0, "0.01", 0, 10,
                 "screen: what a level may be off by at least; more where levels are seen to differ by more."),
    LS_ROW_FLOAT(struct ls_search_options, "keep", keep, LS_DIM_NONE, 0, "0.5", 0.001, 1,
                 "halving: share of the points that go on."),
};
static const struct ls_param_table search_table = LS_TABLE(search_rows);

static const struct ls_param until_rows[] = {
    LS_ROW_TEXT(struct until_keys, "metric", metric, LS_PARAM_REQUIRED, NULL, "Metric whose mean is to be known."),
    LS_ROW_FLOAT(struct until_keys, "half_width", half_width, LS_DIM_NONE, 0, "0.02", 1e-6, 10,
                 "Half of its 95 % interval, over the mean."),
};
static const struct ls_param_table until_table = LS_TABLE(until_rows);

static const struct ls_param replica_rows[] = {
    LS_ROW_INT(struct replica_keys, "max", max, 0, "50", 3, 10000, "Replicas at most."),
    LS_ROW_GROUP(struct replica_keys, "until", until, &until_table, "When to stop."),
};
static const struct ls_param_table replica_table = LS_TABLE(replica_rows);

static const struct ls_param sweep_rows[] = {
    LS_ROW_INT(struct sweep_keys, "replicas", replicas, 0, "1", 1, 10000, "Independent seeds."),
    LS_ROW_GROUP(struct sweep_keys, "search", search, &search_table, "How to search."),
};
static const struct ls_param_table sweep_table = LS_TABLE(sweep_rows);

static struct ls_yaml *sweep_section(struct reader *reader)
{
    struct ls_yaml *sweep = reader->single ? NULL : ls_yaml_get(reader->root, "sweep");
    if (!sweep || ls_yaml_is_null(sweep))
        return NULL;
    if (sweep->kind == LS_YAML_MAPPING)
        return sweep;
    ls_yaml_fault(reader->bind.diags, sweep, "sweep", "%s was given; write a mapping with axes",
                  ls_yaml_kind_text(sweep));
    return NULL;
}

/* A model or hardware that only an axis gives: the base takes the axis's first, so that it is complete. */
static enum ls_status complete_objects(struct reader *reader)
{
    for (size_t i = 0; i < reader->sources.n; i++) {
        for (size_t j = 0; j < reader->sources.items[i].n_keys; j++) {
            const struct ls_axis_key *key = &reader->sources.items[i].keys[j];
            struct ls_yaml *parent = reader->root;
            const char *last = "model";
            if (strcmp(key->key, "cluster.hardware") == 0) {
                last = "hardware";
                parent = ls_yaml_get(reader->root, "cluster");
            } else if (strcmp(key->key, last) != 0) {
                continue;
            }
            const struct ls_yaml *values = ls_yaml_get(key->values, "values");
            values = values ? values : key->values;
            if (!parent || parent->kind != LS_YAML_MAPPING || ls_yaml_get(parent, last) ||
                values->kind != LS_YAML_SEQUENCE || values->n == 0)
                continue;
            const enum ls_status status = ls_yaml_put(&reader->arena, parent, last, values->entries[0].value);
            if (status)
                return status;
        }
    }
    return LS_OK;
}

static void bind_where(struct reader *reader, const struct ls_yaml *sweep)
{
    const struct ls_yaml *where = ls_yaml_get(sweep, "where");
    struct ls_err err = {""};
    if (!where || ls_yaml_is_null(where))
        return;
    if (where->kind != LS_YAML_SCALAR)
        ls_yaml_fault(reader->bind.diags, where, "sweep.where",
                      "%s was given; write a condition, such as \"gpus <= 16\"", ls_yaml_kind_text(where));
    else if (ls_where_compile(reader->study, where->text, &err))
        ls_yaml_fault(reader->bind.diags, where, "sweep.where", "%s", err.text);
    else
        reader->where = where->text;
}

/* `replicas: {until: …, max: N}` is a search that stops each point's replicas. */
static void bind_until(struct reader *reader, const struct ls_yaml *replicas, struct sweep_keys *keys)
{
    struct replica_keys adaptive;
    ls_param_set_defaults(&replica_table, &adaptive);
    ls_bind_table(&reader->bind, replicas, &replica_table, NULL, "sweep.replicas", &adaptive);
    keys->replicas = adaptive.max;
    if (keys->search.method != LS_NULL_CHOICE)
        ls_yaml_fault(reader->bind.diags, replicas, "sweep.replicas",
                      "until and sweep.search exclude each other; keep one of them");
    keys->search.method = LS_SEARCH_UNTIL;
    keys->search.half_width = adaptive.until.half_width;
    (void)snprintf(keys->search.by, sizeof keys->search.by, "%s", adaptive.until.metric);
}

static void bind_sweep_keys(struct reader *reader, const struct ls_yaml *sweep, struct sweep_keys *keys)
{
    static const char *const others[] = {"axes", "where", "replicas", NULL};
    const struct ls_param_table rest = {&sweep_rows[1], 1};
    const struct ls_yaml *replicas = ls_yaml_get(sweep, "replicas");
    const bool adaptive = replicas && replicas->kind == LS_YAML_MAPPING;
    ls_bind_table(&reader->bind, sweep, adaptive ? &rest : &sweep_table, others, "sweep", keys);
    if (adaptive)
        bind_until(reader, replicas, keys);
}

/* Fill in what the method ranks by, and check that it can. */
static void check_search(struct reader *reader, const struct ls_yaml *sweep)
{
    struct ls_search_options *options = &reader->study->search;
    struct ls_err err = {""};
    struct ls_search *search;
    if (options->method == LS_NULL_CHOICE)
        return;
    if (!options->by[0])
        (void)snprintf(options->by, sizeof options->by, "%s",
                       options->method == LS_SEARCH_SCREEN ? "output_token_throughput_per_gpu tpot_mean_s"
                                                           : "output_token_throughput_per_gpu");
    const struct ls_yaml *place = ls_yaml_get(sweep, options->method == LS_SEARCH_UNTIL ? "replicas" : "search");
    if (ls_search_new(reader->study, NULL, NULL, &search, &err))
        ls_yaml_fault(reader->bind.diags, place ? place : sweep,
                      options->method == LS_SEARCH_UNTIL ? "sweep.replicas" : "sweep.search", "%s", err.text);
    else
        ls_search_free(search);
}

static enum ls_status bind_sweep(struct reader *reader, const struct ls_yaml *sweep)
{
    struct sweep_keys keys;
    ls_param_set_defaults(&sweep_table, &keys);
    if (sweep)
        bind_sweep_keys(reader, sweep, &keys);
    reader->study->search = keys.search;
    const enum ls_status status =
        ls_axes_read(&reader->bind, &reader->sources, keys.replicas, reader->study, reader->places);
    if (!status && sweep)
        bind_where(reader, sweep);
    if (!status && sweep && reader->bind.diags->n == 0)
        check_search(reader, sweep);
    return status;
}

/* --- Checks of values against each other --- */

/* Check one cell; true when it is sound, or left out by where. */
static bool check_cell(struct reader *reader, uint64_t cell, const struct ls_yaml *place, const struct ls_axis *axis,
                       size_t point)
{
    struct ls_scenario scenario;
    enum ls_reason reason;
    struct ls_err err = {""};
    if (ls_study_cell(reader->study, cell, &scenario, &reason, &err) == LS_OK)
        return true;
    if (place)
        ls_yaml_fault(reader->bind.diags, place, axis->name, "at %s: %.400s", axis->labels[point], err.text);
    else
        ls_bind_locate(reader->bind.diags, reader->root, err.text);
    return false;
}

/* The first cell that where keeps; 0 when it is not among the first many. */
static uint64_t first_wanted(const struct reader *reader)
{
    struct ls_scenario scenario;
    enum ls_reason reason = LS_REASON_NONE;
    struct ls_err err;
    for (uint64_t cell = 0; cell < reader->study->n_cells && cell < MAX_LOOKS; cell++)
        if (ls_study_cell(reader->study, cell, &scenario, &reason, &err) || reason != LS_REASON_EXCLUDED)
            return cell;
    return 0;
}

/* Every point of every axis once, the others as in the first cell: values that contradict each other are faults now and
 * not in the middle of a sweep. */
static void check_points(struct reader *reader)
{
    const struct ls_study *study = reader->study;
    const uint64_t first = first_wanted(reader);
    size_t index[LS_MAX_AXES];
    ls_study_coordinates(study, first, index);
    if (!check_cell(reader, first, NULL, NULL, 0))
        return;
    uint64_t stride = 1;
    for (size_t i = study->n_axes; i-- > 0; stride *= study->axes[i].n) {
        const struct ls_axis *axis = &study->axes[i];
        bool good = reader->places[i] != NULL;
        for (size_t point = 0; good && point < axis->n; point++)
            good = check_cell(reader, first + (point - index[i]) * stride, reader->places[i], axis, point);
    }
}

/* --- The whole --- */

/* What the file says it is; serving when it says nothing, or nothing that is known. */
static int32_t kind_of(const struct reader *reader)
{
    const struct ls_yaml *node = ls_yaml_get(reader->root, "kind");
    for (int32_t kind = 0; node && node->kind == LS_YAML_SCALAR && ls_kind_names[kind]; kind++)
        if (strcmp(ls_kind_names[kind], node->text) == 0)
            return kind;
    return LS_SERVING;
}

/* Sections of other kinds would be ignored: refuse them, with what they hold. */
static void reject_sections(struct reader *reader, int32_t kind)
{
    for (size_t i = 0; i < reader->root->n; i++) {
        const struct ls_yaml_entry *entry = &reader->root->entries[i];
        if (!ls_scenario_reads(kind, entry->key) && !ls_yaml_is_null(entry->value))
            ls_yaml_fault(reader->bind.diags, entry->value, entry->key, "kind %s does not read it; remove it",
                          ls_kind_names[kind]);
    }
}

static enum ls_status bind_trace(struct reader *reader)
{
    struct ls_workload *workload = &reader->study->base.workload;
    const struct ls_yaml *node = ls_yaml_get(reader->root, "workload");
    node = node ? ls_yaml_get(node, "trace") : NULL;
    node = node ? ls_yaml_get(node, "file") : NULL;
    enum ls_status status = LS_OK;
    if (node && workload->trace_options.file[0])
        workload->trace = ls_points_trace(&reader->bind, node, workload->trace_options.file, reader->study, &status);
    return status;
}

/* Tables of measured kernels, of the cluster's hardware and of pools that have their own. */
static enum ls_status bind_tables(struct reader *reader)
{
    struct ls_scenario *base = &reader->study->base;
    const struct ls_yaml *cluster = ls_yaml_get(reader->root, "cluster");
    const struct ls_yaml *engine = ls_yaml_get(reader->root, "engine");
    enum ls_status status =
        ls_points_table(&reader->bind, cluster ? cluster : reader->root, &base->cluster.hardware, reader->study);
    for (int role = 0; !status && role < LS_N_POOL_ROLES; role++)
        status = ls_points_table(&reader->bind, engine ? engine : reader->root,
                                 &base->engine.disaggregation.pools[role].hardware, reader->study);
    return status;
}

static enum ls_status bind_scenario(struct reader *reader)
{
    static const char *const others[] = {"name", "sweep",  "output",   "model",  "engine",  "workload",
                                         "slo",  "prices", "training", "matmul", "targets", NULL};
    struct ls_param rows[LS_MAX_SECTIONS];
    const int32_t kind = kind_of(reader);
    const struct ls_param_table sections = ls_scenario_sections(kind, rows);
    ls_scenario_init(&reader->study->base);
    reject_sections(reader, kind);
    ls_bind_table(&reader->bind, reader->root, &sections, others, "", &reader->study->base);
    enum ls_status status = bind_tables(reader);
    if (!status)
        status = bind_trace(reader);
    return status ? status : ls_study_read_samples(&reader->bind, reader->root, reader->study);
}

/* The base is the first cell, whatever the file says of keys that are swept: two studies of the same cells are one. */
static void make_canonical(struct ls_study *study)
{
    const size_t first[LS_MAX_AXES] = {0};
    ls_study_store(study, first, &study->base);
}

static enum ls_status bind_root(struct reader *reader)
{
    const struct ls_yaml *sweep = sweep_section(reader);
    enum ls_status status = ls_axes_list(sweep, reader->study, &reader->sources, reader->bind.diags);
    if (!status)
        status = complete_objects(reader);
    if (!status)
        status = bind_scenario(reader);
    if (status)
        return status;
    bind_name(reader);
    bind_output(reader);
    bind_targets(reader);
    status = bind_sweep(reader, sweep);
    if (status || is_faulty(reader))
        return status;
    make_canonical(reader->study);
    check_points(reader);
    return LS_OK;
}

static enum ls_status read_tree(struct reader *reader, const char *const *sets, size_t n_sets)
{
    char *text;
    size_t n;
    struct ls_err err = {""};
    enum ls_status status = ls_read_file(reader->path, MAX_FILE_BYTES, &text, &n, &err);
    if (status) {
        ls_diags_add(reader->bind.diags, reader->path, 0, 0, "", "%s", err.text);
        return status;
    }
    reader->study->yaml = text;
    status = ls_study_adopt(reader->study, text);
    if (!status)
        status = ls_yaml_parse(&reader->arena, reader->path, text, n, true, &reader->root, reader->bind.diags);
    if (status)
        return status;
    if (reader->root->kind != LS_YAML_MAPPING) {
        ls_yaml_fault(reader->bind.diags, reader->root, "", "%s was given; a study is a mapping of keys",
                      ls_yaml_kind_text(reader->root));
        return LS_INPUT;
    }
    status = ls_sets_apply(&reader->arena, reader->root, sets, n_sets, reader->single, reader->bind.diags);
    return status == LS_INPUT ? LS_OK : status; /* go on: the rest of the file has faults of its own */
}

static enum ls_status write_resolved(struct reader *reader)
{
    struct ls_study *study = reader->study;
    const enum ls_status status = ls_study_write(study, reader->where, &study->resolved);
    if (!status)
        ls_sha256_hex(study->resolved, strlen(study->resolved), study->sha256);
    return status;
}

enum ls_status ls_study_load(const char *path, const char *const *sets, size_t n_sets, int single,
                             struct ls_study *study, struct ls_diags *diags)
{
    *study = (struct ls_study){.n_axes = 0};
    struct reader reader = {.path = path, .study = study, .n_before = diags->n, .single = single};
    (void)snprintf(reader.folder, sizeof reader.folder, "%s", path);
    char *slash = strrchr(reader.folder, '/');
    *(slash ? slash : reader.folder) = '\0';
    reader.bind = (struct ls_bind){reader.folder, diags, 0};
    enum ls_status status = read_tree(&reader, sets, n_sets);
    if (!status)
        status = bind_root(&reader);
    if (!status && is_faulty(&reader))
        status = LS_INPUT;
    if (!status)
        status = write_resolved(&reader);
    if (status == LS_NOMEM)
        ls_diags_add(diags, path, 0, 0, "", "out of memory");
    ls_diags_sort(diags, reader.n_before);
    ls_yaml_release(&reader.arena);
    if (status)
        ls_study_release(study);
    return status;
}
