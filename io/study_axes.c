#include "io/study_axes.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/suggest.h"
#include "io/axis_points.h"
#include "io/study_sets.h"

static const char *const fixed_names[LS_N_FIXED_AXES] = {"tp", "pp", "dp", "ep", "lod"};

/* --- What is written --- */

static enum ls_status add_key(struct ls_axis_source *source, const char *key, const struct ls_yaml *values)
{
    source->keys[source->n_keys++] = (struct ls_axis_key){ls_full_key(key), values};
    return LS_OK;
}

static enum ls_status list_zip(struct ls_axis_source *source, const struct ls_yaml *zip, struct ls_study *study,
                               struct ls_diags *diags)
{
    if (zip->kind != LS_YAML_MAPPING || zip->n == 0) {
        ls_yaml_fault(diags, zip, source->name, "%s was given; write zip: {KEY: [values], KEY: [values]}",
                      ls_yaml_kind_text(zip));
        return LS_OK;
    }
    source->keys = ls_study_alloc(study, zip->n, sizeof *source->keys);
    for (size_t i = 0; source->keys && i < zip->n; i++)
        (void)add_key(source, zip->entries[i].key, zip->entries[i].value);
    return source->keys ? LS_OK : LS_NOMEM;
}

static enum ls_status list_axis(struct ls_axis_source *source, const struct ls_yaml *node, struct ls_study *study,
                                struct ls_diags *diags)
{
    const struct ls_yaml *zip = ls_yaml_get(node, "zip");
    if (zip && node->n == 1)
        return list_zip(source, zip, study, diags);
    const struct ls_yaml *key = ls_yaml_get(node, "key");
    if (zip || (key && key->kind != LS_YAML_SCALAR)) {
        ls_yaml_fault(diags, node, source->name, "write {key: KEY, values: […]} or {zip: {KEY: […], …}}");
        return LS_OK;
    }
    source->keys = ls_study_alloc(study, 1, sizeof *source->keys);
    return source->keys ? add_key(source, key ? key->text : source->name, node) : LS_NOMEM;
}

enum ls_status ls_axes_list(const struct ls_yaml *sweep, struct ls_study *study, struct ls_axis_sources *sources,
                            struct ls_diags *diags)
{
    const struct ls_yaml *axes = sweep ? ls_yaml_get(sweep, "axes") : NULL;
    *sources = (struct ls_axis_sources){.n = 0};
    if (!axes || ls_yaml_is_null(axes))
        return LS_OK;
    if (axes->kind != LS_YAML_MAPPING) {
        ls_yaml_fault(diags, axes, "sweep.axes", "%s was given; write a mapping, such as tp: [1, 2, 4]",
                      ls_yaml_kind_text(axes));
        return LS_OK;
    }
    if (axes->n + LS_N_FIXED_AXES + 1 > LS_MAX_AXES) {
        ls_yaml_fault(diags, axes, "sweep.axes", "%zu axes; write at most %d", axes->n,
                      LS_MAX_AXES - LS_N_FIXED_AXES - 1);
        return LS_OK;
    }
    for (size_t i = 0; i < axes->n; i++) {
        struct ls_axis_source *source = &sources->items[sources->n];
        *source = (struct ls_axis_source){.name = axes->entries[i].key, .place = axes->entries[i].value};
        const enum ls_status status = list_axis(source, axes->entries[i].value, study, diags);
        if (status)
            return status;
        if (source->n_keys > 0)
            sources->n++;
    }
    return LS_OK;
}

/* --- Targets --- */

struct reader {
    const struct ls_bind *bind;
    struct ls_study *study;
    const struct ls_axis_sources *sources;
    size_t n_targets, n_points; /* of all axes so far */
};

static void path_of(char path[LS_AXIS_PATH_LEN], const struct ls_axis_source *source)
{
    (void)snprintf(path, LS_AXIS_PATH_LEN, "sweep.axes.%.200s", source->name);
}

/* Keys that say which study this is, or what others are called, do not vary inside it. */
static bool is_fixed_key(const char *key)
{
    static const char *const fixed[] = {"kind", "seed", "evaluate_oversized", "workload.trace.format",
                                        "cluster.hardware.kernel_table"};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (strcmp(fixed[i], key) == 0)
            return true;
    const size_t n = strlen(key);
    return n > 7 && (strcmp(key + n - 5, ".name") == 0 || strcmp(key + n - 7, ".column") == 0);
}

/* A key without a dot is meant to be one of the short ones. */
static const char *explain_unknown(const char *key, struct ls_err *err)
{
    const char *near = strchr(key, '.') ? NULL : ls_suggest(key, fixed_names, LS_N_FIXED_AXES);
    if (near)
        (void)ls_fail(err, LS_INPUT, "unknown key (did you mean %s?)", near);
    else if (!strchr(key, '.'))
        (void)ls_fail(err, LS_INPUT, "unknown key; write its full path, such as engine.max_num_seqs");
    return err->text;
}

static bool find_target(struct reader *reader, const struct ls_axis_source *source, const struct ls_axis_key *key,
                        struct ls_target *target)
{
    struct ls_err err = {""};
    char path[LS_AXIS_PATH_LEN];
    path_of(path, source);
    const char *wrong = NULL;
    if (strlen(key->key) >= sizeof target->key)
        wrong = "too long for a key";
    else if (ls_param_find(&ls_scenario_params, &reader->study->base, key->key, &target->ref, &err))
        wrong = explain_unknown(key->key, &err);
    else if (!ls_scenario_reads(reader->study->base.kind, key->key))
        wrong = "this kind of study does not read it; sweep what it reads";
    else if (target->ref.param->type == LS_PARAM_GROUP || target->ref.param->type == LS_PARAM_LIST)
        wrong = "several keys; name one of them";
    else if (is_fixed_key(key->key))
        wrong = strcmp(key->key, "seed") == 0 ? "no axis; write sweep.replicas: N for independent seeds"
                                              : "no axis; it is the same in all cells";
    else if (reader->n_targets == LS_MAX_AXES)
        wrong = "one key too many; sweep fewer";
    if (wrong) {
        const bool named = strcmp(source->name, key->key) == 0;
        ls_yaml_fault(reader->bind->diags, source->place, path, "%.90s%s%.380s", named ? "" : key->key,
                      named ? "" : ": ", wrong);
        return false;
    }
    (void)snprintf(target->key, sizeof target->key, "%s", key->key);
    reader->n_targets++;
    return true;
}

/* --- One axis --- */

static bool is_taken(const char *name)
{
    static const char *const taken[] = {"replica",     "quantile", "status",   "reason",  "gpus",
                                        "fingerprint", "run",      "requests", "timeline"};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strcmp(taken[i], name) == 0)
            return true;
    for (size_t i = 0; i < LS_N_METRICS; i++) /* datasets, `ttft_q` among them */
        if (strcmp(ls_metric_infos[i].name, name) == 0)
            return true;
    size_t column; /* columns, `ttft_p99_s` among them */
    return ls_metric_column(name, &column);
}

/* The dimension's name in the cube: a fixed axis keeps its own, whatever it is called in the file. */
static bool set_name(const struct reader *reader, const struct ls_axis_source *source, struct ls_axis *axis)
{
    char path[LS_AXIS_PATH_LEN];
    path_of(path, source);
    const size_t n = strlen(source->name);
    const char *wrong = NULL;
    if (n == 0 || n >= sizeof axis->name || strchr(source->name, '/'))
        wrong = "no name for a dimension; give the axis a short one: NAME: {key: KEY, values: […]}";
    else if (is_taken(source->name))
        wrong = "the results have something of that name; call the axis otherwise";
    if (wrong) {
        ls_yaml_fault(reader->bind->diags, source->place, path, "%s", wrong);
        return false;
    }
    (void)snprintf(axis->name, sizeof axis->name, "%s", source->name);
    return true;
}

static void copy_numbers(struct ls_axis *axis)
{
    const bool is_int = axis->targets[0].ref.param->type == LS_PARAM_INT;
    for (size_t i = 0; i < axis->n; i++)
        axis->coordinates[i] = is_int ? (double)axis->settings[i].value.i : axis->settings[i].value.d;
}

/* Whether every point of the only target is a number. */
static bool is_numeric(const struct ls_axis *axis)
{
    const struct ls_param *param = axis->targets[0].ref.param;
    if (axis->n_targets != 1 || (param->type != LS_PARAM_INT && param->type != LS_PARAM_FLOAT))
        return false;
    for (size_t i = 0; i < axis->n; i++) {
        const union ls_value *value = &axis->settings[i].value;
        if (ls_param_is_null(param, value) || (param->type == LS_PARAM_INT && param->choices && value->i < 0))
            return false;
    }
    return true;
}

/* Fill an axis, whose targets are there, with the points of each: points[n_targets], all of the same number. */
static enum ls_status assemble(struct reader *reader, struct ls_axis *axis, const struct ls_points *points,
                               size_t n_targets)
{
    axis->n_targets = n_targets;
    axis->n = points[0].n;
    reader->n_points += axis->n * n_targets;
    axis->settings = ls_study_alloc(reader->study, axis->n * n_targets, sizeof *axis->settings);
    axis->labels = ls_study_alloc(reader->study, axis->n, sizeof *axis->labels);
    axis->coordinates = ls_study_alloc(reader->study, axis->n, sizeof *axis->coordinates);
    if (!axis->settings || !axis->labels || !axis->coordinates)
        return LS_NOMEM;
    for (size_t i = 0; i < axis->n; i++) {
        size_t used = 0;
        for (size_t j = 0; j < n_targets; j++) {
            assert(points[j].settings && i < points[j].n);
            axis->settings[i * n_targets + j] = points[j].settings[i];
            if (used < LS_NAME_LEN)
                used += (size_t)snprintf(axis->labels[i] + used, LS_NAME_LEN - used, "%s%s", j ? ", " : "",
                                         points[j].labels[i]);
        }
    }
    axis->numeric = is_numeric(axis);
    axis->unit = axis->numeric ? ls_dimension_unit(axis->targets[0].ref.param->dimension) : "";
    if (axis->numeric)
        copy_numbers(axis);
    return LS_OK;
}

struct point {
    const char *label;
    double coordinate;
};

static int compare_points(const void *a, const void *b)
{
    const struct point *left = a, *right = b;
    if (left->label && right->label)
        return strcmp(left->label, right->label);
    return (left->coordinate > right->coordinate) - (left->coordinate < right->coordinate);
}

/* A value twice on one axis would make two cells of the same name. */
static enum ls_status reject_twins(const struct reader *reader, const struct ls_axis_source *source,
                                   const struct ls_axis *axis)
{
    struct point *points = malloc(axis->n * sizeof *points);
    if (!points)
        return LS_NOMEM;
    for (size_t i = 0; i < axis->n; i++)
        points[i] = (struct point){axis->numeric ? NULL : axis->labels[i], axis->coordinates[i]};
    qsort(points, axis->n, sizeof *points, compare_points);
    for (size_t i = 1; i < axis->n; i++) {
        if (compare_points(&points[i - 1], &points[i]) != 0)
            continue;
        char path[LS_AXIS_PATH_LEN], number[40];
        path_of(path, source);
        (void)snprintf(number, sizeof number, "%.15g", points[i].coordinate);
        ls_yaml_fault(reader->bind->diags, source->place, path, "%s stands twice on the axis; keep one%s",
                      points[i].label ? points[i].label : number, points[i].label ? ", or give one another name" : "");
        break;
    }
    free(points);
    return LS_OK;
}

/* Read the points of every key; *n_read is less than source->n_keys after a fault. */
static enum ls_status read_keys(struct reader *reader, const struct ls_axis_source *source, struct ls_axis *axis,
                                struct ls_points *points, size_t *n_read)
{
    char path[LS_AXIS_PATH_LEN];
    path_of(path, source);
    *n_read = 0;
    for (size_t i = 0; i < source->n_keys; i++) {
        if (!find_target(reader, source, &source->keys[i], &axis->targets[i]))
            continue;
        points[i].n = 0;
        const enum ls_status status =
            ls_points_read(reader->bind, source->keys[i].values, &axis->targets[i], path, reader->study, &points[i]);
        if (status)
            return status;
        if (points[i].n > 0)
            (*n_read)++;
    }
    for (size_t i = 1; *n_read == source->n_keys && i < source->n_keys; i++) {
        if (points[i].n == points[0].n)
            continue;
        ls_yaml_fault(reader->bind->diags, source->place, path,
                      "%.90s has %zu values and %.90s has %zu; keys that move together need the same number",
                      source->keys[0].key, points[0].n, source->keys[i].key, points[i].n);
        *n_read = 0;
    }
    return LS_OK;
}

/* One axis; axis->n stays 0 after a fault. */
static enum ls_status read_axis(struct reader *reader, const struct ls_axis_source *source, struct ls_axis *axis)
{
    *axis = (struct ls_axis){.n = 0};
    axis->targets = ls_study_alloc(reader->study, source->n_keys, sizeof *axis->targets);
    struct ls_points *points = ls_study_alloc(reader->study, source->n_keys, sizeof *points);
    if (!axis->targets || !points)
        return LS_NOMEM;
    axis->n_targets = source->n_keys; /* also after a fault: where may still name them */
    size_t n_read;
    enum ls_status status = read_keys(reader, source, axis, points, &n_read);
    if (status || n_read < source->n_keys || !set_name(reader, source, axis))
        return status;
    status = assemble(reader, axis, points, source->n_keys);
    if (!status && reader->n_points > LS_MAX_POINTS)
        ls_yaml_fault(reader->bind->diags, source->place, "sweep.axes", "more than %d points on all axes; write fewer",
                      LS_MAX_POINTS);
    return status ? status : reject_twins(reader, source, axis);
}

/* --- All axes --- */

static bool is_first_to_sweep(const struct ls_axis_sources *sources, const struct ls_axis_key *key)
{
    for (size_t i = 0; i < sources->n; i++)
        for (size_t j = 0; j < sources->items[i].n_keys; j++)
            if (strcmp(sources->items[i].keys[j].key, key->key) == 0)
                return &sources->items[i].keys[j] == key;
    return true;
}

static void reject_doubles(const struct ls_axis_sources *sources, struct ls_diags *diags)
{
    for (size_t i = 0; i < sources->n; i++) {
        const struct ls_axis_source *source = &sources->items[i];
        char path[LS_AXIS_PATH_LEN];
        path_of(path, source);
        for (size_t j = 0; j < source->n_keys; j++)
            if (!is_first_to_sweep(sources, &source->keys[j]))
                ls_yaml_fault(diags, source->place, path, "%.90s is swept twice; keep one axis of it",
                              source->keys[j].key);
    }
}

static int fixed_index(const char *key)
{
    for (int i = 0; i < LS_N_FIXED_AXES; i++)
        if (strcmp(ls_full_key(fixed_names[i]), key) == 0)
            return i;
    return -1;
}

/* An axis that is always there, of the one value that the base has. */
static enum ls_status read_fixed(struct reader *reader, int i, struct ls_axis *axis)
{
    const char *key = ls_full_key(fixed_names[i]);
    struct ls_err err;
    *axis = (struct ls_axis){.n = 0};
    axis->targets = ls_study_alloc(reader->study, 1, sizeof *axis->targets);
    struct ls_points points = {.n = 1, .settings = ls_study_alloc(reader->study, 1, sizeof *points.settings)};
    points.labels = ls_study_alloc(reader->study, 1, sizeof *points.labels);
    if (!axis->targets || !points.settings || !points.labels)
        return LS_NOMEM;
    const enum ls_status status =
        ls_param_find(&ls_scenario_params, &reader->study->base, key, &axis->targets[0].ref, &err);
    assert(status == LS_OK);
    (void)status;
    (void)snprintf(axis->targets[0].key, sizeof axis->targets[0].key, "%s", key);
    (void)snprintf(axis->name, sizeof axis->name, "%s", fixed_names[i]);
    const struct ls_param *param = axis->targets[0].ref.param;
    points.settings[0].value = ls_param_load(param, (const char *)&reader->study->base + axis->targets[0].ref.offset);
    (void)ls_param_format(param, &points.settings[0].value, points.labels[0], sizeof points.labels[0]);
    reader->n_targets++;
    return assemble(reader, axis, &points, 1);
}

/* Which source sweeps fixed axis i, or null; a zip may not, for then the dimension would not be the key's. */
static const struct ls_axis_source *fixed_source(struct reader *reader, int i)
{
    const char *key = ls_full_key(fixed_names[i]);
    for (size_t j = 0; j < reader->sources->n; j++) {
        const struct ls_axis_source *source = &reader->sources->items[j];
        for (size_t k = 0; k < source->n_keys; k++) {
            if (strcmp(source->keys[k].key, key) != 0)
                continue;
            if (source->n_keys == 1)
                return source;
            char path[LS_AXIS_PATH_LEN];
            path_of(path, source);
            ls_yaml_fault(reader->bind->diags, source->place, path,
                          "%s is always a dimension of its own; give it its own axis and say in where which go "
                          "together",
                          fixed_names[i]);
        }
    }
    return NULL;
}

static enum ls_status read_replicas(struct reader *reader, int64_t n, struct ls_axis *axis)
{
    *axis = (struct ls_axis){.name = "replica", .numeric = true, .unit = "1", .n = (size_t)n};
    axis->coordinates = ls_study_alloc(reader->study, axis->n, sizeof *axis->coordinates);
    axis->labels = ls_study_alloc(reader->study, axis->n, sizeof *axis->labels);
    if (!axis->coordinates || !axis->labels)
        return LS_NOMEM;
    for (size_t i = 0; i < axis->n; i++) {
        axis->coordinates[i] = (double)i;
        (void)snprintf(axis->labels[i], sizeof axis->labels[i], "%zu", i);
    }
    return LS_OK;
}

static void count_cells(const struct reader *reader, const struct ls_yaml *place)
{
    struct ls_study *study = reader->study;
    double cells = 1;
    for (size_t i = 0; i < study->n_axes; i++)
        cells *= (double)study->axes[i].n;
    study->n_cells = cells <= (double)LS_MAX_CELLS ? (uint64_t)cells : 0;
    if (cells <= (double)LS_MAX_CELLS)
        return;
    const struct ls_yaml nowhere = {.file = ""};
    ls_yaml_fault(reader->bind->diags, place ? place : &nowhere, "sweep",
                  "the grid has %.0f cells, more than %.0f; make an axis shorter", cells, (double)LS_MAX_CELLS);
}

static bool has_name(const struct ls_study *study, const char *name)
{
    for (size_t i = 0; i < study->n_axes; i++)
        if (strcmp(study->axes[i].name, name) == 0)
            return true;
    return false;
}

static enum ls_status read_others(struct reader *reader, const struct ls_yaml *places[LS_MAX_AXES])
{
    struct ls_study *study = reader->study;
    for (size_t i = 0; i < reader->sources->n; i++) {
        const struct ls_axis_source *source = &reader->sources->items[i];
        if (source->n_keys == 1 && fixed_index(source->keys[0].key) >= 0)
            continue;
        struct ls_axis *axis = &study->axes[study->n_axes];
        const enum ls_status status = read_axis(reader, source, axis);
        if (status)
            return status;
        if (axis->n > 0 && has_name(study, axis->name))
            ls_yaml_fault(reader->bind->diags, source->place, "sweep.axes", "%s is the name of another axis",
                          axis->name);
        places[study->n_axes] = source->place;
        study->n_axes += axis->n > 0;
    }
    return LS_OK;
}

enum ls_status ls_axes_read(const struct ls_bind *bind, const struct ls_axis_sources *sources, int64_t n_replicas,
                            struct ls_study *study, const struct ls_yaml *places[LS_MAX_AXES])
{
    struct reader reader = {bind, study, sources, 0, 0};
    study->axes = ls_study_alloc(study, LS_MAX_AXES, sizeof *study->axes);
    if (!study->axes)
        return LS_NOMEM;
    reject_doubles(sources, bind->diags);
    enum ls_status status = LS_OK;
    for (int i = 0; !status && i < LS_N_FIXED_AXES; i++) {
        struct ls_axis *axis = &study->axes[study->n_axes];
        const struct ls_axis_source *source = fixed_source(&reader, i);
        places[study->n_axes++] = source ? source->place : NULL;
        status = source ? read_axis(&reader, source, axis) : read_fixed(&reader, i, axis);
        (void)snprintf(axis->name, sizeof axis->name, "%s", fixed_names[i]);
    }
    if (!status)
        status = read_others(&reader, places);
    if (status)
        return status;
    places[study->n_axes] = NULL;
    status = read_replicas(&reader, n_replicas, &study->axes[study->n_axes++]);
    if (!status)
        count_cells(&reader, sources->n ? sources->items[0].place : NULL);
    return status;
}
