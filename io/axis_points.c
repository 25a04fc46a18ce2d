#include "io/axis_points.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/library.h"
#include "io/object.h"
#include "io/study_axes.h"
#include "io/study_samples.h"
#include "io/table_file.h"
#include "io/trace.h"

struct reader {
    const struct ls_bind *bind;
    const struct ls_target *target;
    const char *path;
    struct ls_study *study;
    struct ls_points points;
};

static enum ls_status allocate(struct reader *reader, size_t n)
{
    reader->points.settings = ls_study_alloc(reader->study, n, sizeof *reader->points.settings);
    reader->points.labels = ls_study_alloc(reader->study, n, sizeof *reader->points.labels);
    reader->points.n = n;
    return reader->points.settings && reader->points.labels ? LS_OK : LS_NOMEM;
}

static enum ls_status fault(const struct reader *reader, const struct ls_yaml *place, const char *text)
{
    ls_yaml_fault(reader->bind->diags, place, reader->path, "%s", text);
    return LS_OK;
}

/* --- Lists --- */

static enum ls_status adopt_trace(struct ls_study *study, const struct ls_trace *trace)
{
    const enum ls_status status = ls_study_adopt(study, (void *)trace->requests);
    if (!trace->parts)
        return status;
    if (!status)
        return ls_study_adopt(study, (void *)trace->parts);
    free((void *)trace->parts);
    return status;
}

const struct ls_trace *ls_points_trace(const struct ls_bind *bind, const struct ls_yaml *place, const char *name,
                                       struct ls_study *study, enum ls_status *status)
{
    char file[4096];
    struct ls_err err = {""};
    *status = LS_OK;
    if (ls_library_find(LS_SHELF_WORKLOADS, bind->folder, name, file, sizeof file, &err)) {
        ls_yaml_fault(bind->diags, place, "workload.trace.file", "%s", err.text);
        return NULL;
    }
    struct ls_trace *trace = ls_study_alloc(study, 1, sizeof *trace);
    if (!trace) {
        *status = LS_NOMEM;
        return NULL;
    }
    const enum ls_status read = ls_trace_read(file, study->base.workload.trace_options.format, trace, bind->diags);
    if (read == LS_OK)
        *status = adopt_trace(study, trace);
    else if (read == LS_NOMEM)
        *status = read;
    return read || *status ? NULL : trace;
}

enum ls_status ls_points_table(const struct ls_bind *bind, const struct ls_yaml *place, struct ls_hardware *hardware,
                               struct ls_study *study)
{
    char file[4096];
    struct ls_err err = {""};
    if (!hardware->kernel_table[0])
        return LS_OK;
    if (ls_library_find(LS_SHELF_HARDWARE, bind->folder, hardware->kernel_table, file, sizeof file, &err)) {
        ls_yaml_fault(bind->diags, place, "kernel_table", "%s", err.text);
        return LS_OK;
    }
    struct ls_kernel_table *table = ls_study_alloc(study, 1, sizeof *table);
    struct ls_table_row *rows;
    if (!table)
        return LS_NOMEM;
    const enum ls_status read = ls_table_read(file, table, &rows, bind->diags);
    hardware->table = read ? NULL : table;
    return read == LS_OK ? ls_study_adopt(study, rows) : read == LS_NOMEM ? LS_NOMEM : LS_OK;
}

static enum ls_status read_object(struct reader *reader, const struct ls_yaml *node, size_t i)
{
    const struct ls_param *param = reader->target->ref.param;
    const size_t size = param->table == &ls_model_params ? sizeof(struct ls_model) : sizeof(struct ls_hardware);
    void *object = ls_study_alloc(reader->study, 1, size);
    if (!object)
        return LS_NOMEM;
    ls_object_bind(reader->bind, node, param, reader->path, object);
    reader->points.settings[i].object = object;
    (void)snprintf(reader->points.labels[i], LS_NAME_LEN, "%s",
                   ls_param_is_null_object(param, object) ? "null"
                                                          : (const char *)object); /* it begins with its name */
    return param->table == &ls_hardware_params ? ls_points_table(reader->bind, node, object, reader->study) : LS_OK;
}

static enum ls_status read_scalar(struct reader *reader, const struct ls_yaml *node, size_t i)
{
    const struct ls_param *param = reader->target->ref.param;
    struct ls_setting *setting = &reader->points.settings[i];
    if (ls_bind_value(reader->bind, node, param, reader->path, &setting->value))
        return LS_OK;
    if (node->kind == LS_YAML_SCALAR && node->text[0])
        (void)snprintf(reader->points.labels[i], LS_NAME_LEN, "%s", node->text);
    else
        (void)ls_param_format(param, &setting->value, reader->points.labels[i], LS_NAME_LEN);
    enum ls_status status = LS_OK;
    if (strcmp(reader->target->key, "workload.trace.file") == 0)
        setting->object = ls_points_trace(reader->bind, node, setting->value.s, reader->study, &status);
    if (ls_dist_is_file(param) && setting->value.s[0]) {
        const void *field = (const char *)&reader->study->base + reader->target->ref.offset;
        setting->object = ls_study_samples(reader->bind, node, reader->path, setting->value.s,
                                           ls_dist_of_file(field)->column, reader->study, &status);
    }
    return status;
}

static enum ls_status read_list(struct reader *reader, const struct ls_yaml *list)
{
    if (list->kind != LS_YAML_SEQUENCE || list->n == 0)
        return fault(reader, list, "no values; write a list, such as [1, 2, 4]");
    if (list->n > LS_MAX_POINTS)
        return fault(reader, list, "more than 100000 points; make the axis shorter");
    enum ls_status status = allocate(reader, list->n);
    const size_t n_before = reader->bind->diags->n;
    for (size_t i = 0; !status && i < list->n; i++) {
        const struct ls_yaml *node = list->entries[i].value;
        status =
            ls_param_is_scalar(reader->target->ref.param) ? read_scalar(reader, node, i) : read_object(reader, node, i);
    }
    if (reader->bind->diags->n > n_before)
        reader->points.n = 0;
    return status;
}

/* --- Ranges --- */

enum range { POW2, RANGE, LINSPACE, LOGSPACE, N_RANGES };

static const struct {
    const char *name;
    size_t n_arguments;
    const char *form;
} ranges[N_RANGES] = {{"pow2", 2, "[first, last]"},
                      {"range", 3, "[first, last, step]"},
                      {"linspace", 3, "[first, last, number of points]"},
                      {"logspace", 3, "[first, last, number of points]"}};

/* One end of a range or its step, in the key's own unit. */
static bool read_end(struct reader *reader, const struct ls_yaml *node, double *number)
{
    const struct ls_param *param = reader->target->ref.param;
    struct ls_param unbounded = *param; /* a step may be smaller than the least value */
    union ls_value value;
    unbounded.flags &= ~(unsigned)LS_PARAM_NULLABLE;
    unbounded.choices = NULL;
    unbounded.min = fmin(param->min, 0);
    if (ls_bind_value(reader->bind, node, &unbounded, reader->path, &value))
        return false;
    *number = param->type == LS_PARAM_INT ? (double)value.i : value.d;
    return true;
}

static bool read_count(struct reader *reader, const struct ls_yaml *node, double *number)
{
    static const struct ls_param count = {.key = "n", .type = LS_PARAM_INT, .min = 1, .max = LS_MAX_POINTS};
    union ls_value value;
    if (ls_bind_value(reader->bind, node, &count, reader->path, &value))
        return false;
    *number = (double)value.i;
    return true;
}

/* Number of points, which may be too many or none; its rounding forgives the last bit of the step. */
static double count_points(enum range range, const double argument[3])
{
    const double first = argument[0], last = argument[1];
    switch (range) {
    case POW2:
        return first > 0 && last >= first ? floor(log2(last / first) + 1e-9) + 1 : 0;
    case RANGE:
        return argument[2] > 0 ? floor((last - first) / argument[2] + 1e-9) + 1 : 0;
    default:
        return range == LOGSPACE && !(first > 0 && last > 0) ? 0 : argument[2];
    }
}

static double point_of(enum range range, const double argument[3], double i)
{
    const double first = argument[0], last = argument[1];
    const double share = argument[2] > 1 ? i / (argument[2] - 1) : 0;
    switch (range) {
    case POW2:
        return ldexp(first, (int)i);
    case RANGE:
        return first + i * argument[2];
    case LINSPACE:
        return first + share * (last - first);
    default:
        return first * pow(last / first, share);
    }
}

/* Drop the last bits, which are an accident of the steps: 0.1 + 2 · 0.1 is meant to be 0.3. */
static double tidy(double number)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%.14g", number);
    return strtod(text, NULL);
}

static bool set_point(struct reader *reader, const struct ls_yaml *place, size_t i, double number)
{
    const struct ls_param *param = reader->target->ref.param;
    const bool is_int = param->type == LS_PARAM_INT;
    char right[320];
    if ((is_int && number != floor(number)) || !(number >= param->min && number <= param->max)) {
        ls_yaml_fault(reader->bind->diags, place, reader->path, "the range gives %.14g; write %s", number,
                      ls_param_advice(param, right, sizeof right));
        return false;
    }
    union ls_value *value = &reader->points.settings[i].value;
    if (is_int)
        value->i = (int64_t)number;
    else
        value->d = number;
    (void)ls_param_format(param, value, reader->points.labels[i], LS_NAME_LEN);
    return true;
}

static enum ls_status fill_range(struct reader *reader, const struct ls_yaml *place, enum range range,
                                 const double argument[3])
{
    const double n = count_points(range, argument);
    if (!(n >= 1))
        return fault(reader, place,
                     "an empty range; the first end must not be above the last, and steps and ratios "
                     "be above 0");
    if (n > LS_MAX_POINTS) {
        ls_yaml_fault(reader->bind->diags, place, reader->path, "%.0f points; write at most %d", n, LS_MAX_POINTS);
        return LS_OK;
    }
    const enum ls_status status = allocate(reader, (size_t)n);
    for (size_t i = 0; !status && i < reader->points.n; i++)
        if (!set_point(reader, place, i, tidy(point_of(range, argument, (double)i))))
            reader->points.n = 0;
    return status;
}

static enum ls_status read_range(struct reader *reader, const struct ls_yaml *place, enum range range,
                                 const struct ls_yaml *arguments)
{
    const struct ls_param *param = reader->target->ref.param;
    if (param->type != LS_PARAM_INT && param->type != LS_PARAM_FLOAT)
        return fault(reader, place, "the key is no number; write a list of its values");
    if (arguments->kind != LS_YAML_SEQUENCE || arguments->n != ranges[range].n_arguments) {
        ls_yaml_fault(reader->bind->diags, arguments, reader->path, "write %s: %s", ranges[range].name,
                      ranges[range].form);
        return LS_OK;
    }
    double argument[3] = {0, 0, 0};
    bool good = true;
    for (size_t i = 0; i < arguments->n; i++) {
        const bool counts = i == 2 && range != RANGE;
        good &= counts ? read_count(reader, arguments->entries[i].value, &argument[i])
                       : read_end(reader, arguments->entries[i].value, &argument[i]);
    }
    return good ? fill_range(reader, place, range, argument) : LS_OK;
}

static enum ls_status read_mapping(struct reader *reader, const struct ls_yaml *node)
{
    const size_t n_forms = node->n - (ls_yaml_get(node, "key") ? 1 : 0);
    const struct ls_yaml *values = ls_yaml_get(node, "values");
    if (values && n_forms == 1)
        return read_list(reader, values);
    for (int i = 0; n_forms == 1 && i < N_RANGES; i++) {
        const struct ls_yaml *arguments = ls_yaml_get(node, ranges[i].name);
        if (arguments)
            return read_range(reader, node, (enum range)i, arguments);
    }
    return fault(reader, node, "write a list, or one of values, pow2, range, linspace and logspace");
}

enum ls_status ls_points_read(const struct ls_bind *bind, const struct ls_yaml *node, const struct ls_target *target,
                              const char *path, struct ls_study *study, struct ls_points *points)
{
    struct reader reader = {bind, target, path, study, {.n = 0}};
    const enum ls_status status =
        node->kind == LS_YAML_MAPPING ? read_mapping(&reader, node) : read_list(&reader, node);
    if (!status && reader.points.n > 0)
        *points = reader.points;
    return status;
}
