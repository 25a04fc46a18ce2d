#include "io/cube.h"

#include <assert.h>
#include <errno.h>
#include <hdf5_hl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/cube_cells.h"
#include "io/cube_details.h"
#include "io/cube_schema.h"
#include "io/durable.h"
#include "io/h5_variable.h"

/* The journal holds rows, the cube columns. Turning one into the other takes a replay for each group of metrics whose
 * columns fit into memory together. */

enum { GROUP_BYTES = 64 << 20 };

struct writer {
    struct ls_h5 h5;
    const struct ls_study *study;
    struct ls_cube_cells cells;
    hid_t *scales; /* [n_axes], then quantile */
    hsize_t dims[H5S_MAX_RANK];
    hid_t run; /* group */
    double *columns;
};

/* The metrics of one replay: metric i goes to columns + n_cells · start[i], its quantiles innermost. */
struct group {
    uint64_t n_cells;
    size_t n_metrics, n_columns;
    const struct ls_metric_info *metrics[LS_N_METRICS];
    size_t start[LS_N_METRICS];
    double *columns;
};

static void visit_group(const struct ls_record *record, void *context)
{
    const struct group *group = context;
    if (record->cell >= group->n_cells)
        return;
    const char *row = (const char *)&record->metrics;
    for (size_t i = 0; i < group->n_metrics; i++) {
        const struct ls_metric_info *info = group->metrics[i];
        double *to = group->columns + group->n_cells * group->start[i] + record->cell * info->n_columns;
        memcpy(to, row + info->column * sizeof(double), info->n_columns * sizeof(double));
    }
}

/* The axes, then the quantiles. */
static struct ls_h5_shape shape_of(const struct writer *writer, size_t n_dims)
{
    return (struct ls_h5_shape){n_dims, writer->dims, writer->scales};
}

/* A variable over all axes, and the quantiles when `with_quantiles`; the caller closes it. */
static hid_t put_variable(struct writer *writer, hid_t where, const char *name, hid_t type, bool with_quantiles,
                          const void *values)
{
    const struct ls_h5_shape shape = shape_of(writer, writer->study->n_axes + with_quantiles);
    const hid_t variable = ls_h5_create_variable(&writer->h5, where, name, type, &shape);
    if (!writer->h5.failed)
        ls_h5_expect(&writer->h5, H5Dwrite(variable, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
    return variable;
}

/* ---- coordinates ---- */

static bool is_integer_axis(const struct ls_axis *axis)
{
    if (axis->n_targets == 0) /* replica */
        return true;
    for (size_t i = 0; i < axis->n; i++)
        if (axis->coordinates[i] != rint(axis->coordinates[i]))
            return false;
    return axis->targets[0].ref.param && axis->targets[0].ref.param->type == LS_PARAM_INT;
}

static hid_t put_labels(struct ls_h5 *h5, const struct ls_axis *axis)
{
    const char **labels = malloc(axis->n * sizeof *labels);
    if (!labels) {
        ls_h5_fail(h5, "out of memory");
        return H5I_INVALID_HID;
    }
    for (size_t i = 0; i < axis->n; i++)
        labels[i] = axis->labels[i];
    const hid_t type = ls_h5_text_type(h5);
    const hid_t scale = ls_h5_put_scale(h5, axis->name, type, type, axis->n, labels);
    (void)H5Tclose(type);
    free(labels);
    return scale;
}

/* The full keys that an axis stores into, so that a short name can be traced back. */
static void put_keys(struct ls_h5 *h5, hid_t scale, const struct ls_axis *axis)
{
    char keys[1024] = "";
    for (size_t i = 0, used = 0; i < axis->n_targets && used < sizeof keys; i++)
        used += (size_t)snprintf(keys + used, sizeof keys - used, "%s%s", i ? " " : "", axis->targets[i].key);
    if (keys[0])
        ls_h5_put_text(h5, scale, "key", keys);
}

static hid_t put_axis(struct ls_h5 *h5, const struct ls_axis *axis)
{
    hid_t scale = H5I_INVALID_HID;
    if (!axis->numeric)
        scale = put_labels(h5, axis);
    else
        scale = ls_h5_put_scale(h5, axis->name, is_integer_axis(axis) ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE,
                                H5T_NATIVE_DOUBLE, axis->n, axis->coordinates);
    if (axis->numeric)
        ls_h5_put_text(h5, scale, "units", axis->unit && axis->unit[0] ? axis->unit : "1");
    put_keys(h5, scale, axis);
    return scale;
}

static bool has_quantiles(const struct ls_study *study)
{
    for (size_t i = 0; i < LS_N_METRICS; i++)
        if (ls_metric_infos[i].n_columns > 1 && ls_metric_infos[i].kinds >> study->base.kind & 1u)
            return true;
    return false;
}

static void put_coordinates(struct writer *writer)
{
    struct ls_h5 *h5 = &writer->h5;
    const size_t n = writer->study->n_axes;
    for (size_t i = 0; i < n; i++)
        writer->scales[i] = put_axis(h5, &writer->study->axes[i]);
    if (has_quantiles(writer->study)) {
        writer->scales[n] =
            ls_h5_put_scale(h5, "quantile", H5T_NATIVE_DOUBLE, H5T_NATIVE_DOUBLE, LS_N_QUANTILES, ls_quantile_values);
        ls_h5_put_text(h5, writer->scales[n], "units", "1");
    }
}

/* ---- the variables ---- */

static void put_status(struct writer *writer)
{
    struct ls_h5 *h5 = &writer->h5;
    const hid_t status = put_variable(writer, h5->file, "status", H5T_NATIVE_UINT8, false, writer->cells.status);
    const uint8_t flags[] = {LS_CELL_DONE, LS_CELL_INFEASIBLE, LS_CELL_FAILED, LS_CELL_NOT_RUN};
    ls_h5_describe(h5, status, NULL, "what became of the cell");
    ls_h5_put_values(h5, status, "flag_values", H5T_NATIVE_UINT8, sizeof flags, flags);
    ls_h5_put_text(h5, status, "flag_meanings", LS_CUBE_STATUS_MEANINGS);
    ls_h5_close_variable(h5, status);
}

static void put_reason(struct writer *writer)
{
    struct ls_h5 *h5 = &writer->h5;
    const hid_t reason = put_variable(writer, h5->file, "reason", H5T_NATIVE_UINT16, false, writer->cells.reason);
    uint16_t flags[LS_N_REASONS];
    char meanings[LS_N_REASONS * 32] = "";
    for (size_t i = 0, used = 0; i < LS_N_REASONS; i++) {
        flags[i] = (uint16_t)i;
        used += (size_t)snprintf(meanings + used, sizeof meanings - used, "%s%s", i ? " " : "",
                                 ls_reason_name((enum ls_reason)i));
        assert(used < sizeof meanings);
    }
    ls_h5_describe(h5, reason, NULL, "why the cell has no result");
    ls_h5_put_values(h5, reason, "flag_values", H5T_NATIVE_UINT16, LS_N_REASONS, flags);
    ls_h5_put_text(h5, reason, "flag_meanings", meanings);
    ls_h5_close_variable(h5, reason);
}

static void put_cells(struct writer *writer)
{
    struct ls_h5 *h5 = &writer->h5;
    put_status(writer);
    put_reason(writer);
    const hid_t gpus = put_variable(writer, h5->file, "gpus", H5T_NATIVE_INT32, false, writer->cells.gpus);
    ls_h5_describe(h5, gpus, "1", "GPUs of the deployment");
    ls_h5_close_variable(h5, gpus);
    const hid_t fingerprint =
        put_variable(writer, h5->file, "fingerprint", H5T_NATIVE_UINT64, false, writer->cells.fingerprint);
    ls_h5_describe(h5, fingerprint, NULL, "hash of the resolved scenario: equal fingerprints, equal results");
    ls_h5_close_variable(h5, fingerprint);
}

static void put_run(struct writer *writer)
{
    struct ls_h5 *h5 = &writer->h5;
    const hid_t list = ls_h5_create_list(h5, H5P_GROUP_CREATE);
    if (!h5->failed)
        writer->run = ls_h5_check(h5, H5Gcreate2(h5->file, LS_CUBE_RUN_GROUP, H5P_DEFAULT, list, H5P_DEFAULT));
    (void)H5Pclose(list);
    char host[256] = "";
    (void)gethostname(host, sizeof host - 1);
    ls_h5_put_text(h5, writer->run, "host", host);

    const hid_t rank = put_variable(writer, writer->run, "rank", H5T_NATIVE_INT32, false, writer->cells.rank);
    ls_h5_describe(h5, rank, NULL, "rank that ran the cell, -1 for none");
    ls_h5_close_variable(h5, rank);
    const hid_t wall = put_variable(writer, writer->run, "wall_s", H5T_NATIVE_DOUBLE, false, writer->cells.wall_s);
    ls_h5_describe(h5, wall, "s", "time it took to simulate the cell");
    ls_h5_put_fill_value(h5, wall);
    ls_h5_close_variable(h5, wall);
    const hid_t events =
        put_variable(writer, writer->run, "events_per_s", H5T_NATIVE_DOUBLE, false, writer->cells.events_per_s);
    ls_h5_describe(h5, events, "1/s", "events processed a second of that time");
    ls_h5_put_fill_value(h5, events);
    ls_h5_close_variable(h5, events);
    if (writer->run >= 0)
        ls_h5_expect(h5, H5Gclose(writer->run));
}

static void put_metric(struct writer *writer, const struct ls_metric_info *info, const double *values)
{
    size_t n_values = (size_t)writer->cells.n * info->n_columns;
    while (n_values > 0 && isnan(values[n_values - 1]))
        n_values--;
    if (n_values == 0) /* the last record of every cell that had one took it back */
        return;
    struct ls_h5 *h5 = &writer->h5;
    const hid_t variable = put_variable(writer, h5->file, info->name, H5T_NATIVE_DOUBLE, info->n_columns > 1, values);
    ls_h5_describe(h5, variable, info->unit, info->long_name);
    ls_h5_put_text(h5, variable, "description", info->description);
    ls_h5_put_fill_value(h5, variable);
    ls_h5_close_variable(h5, variable);
}

static bool is_wanted(const struct writer *writer, const struct ls_metric_info *info)
{
    bool has_value = false;
    for (size_t i = 0; i < info->n_columns; i++)
        has_value |= writer->cells.has_value[info->column + i];
    return has_value && info->kinds >> writer->study->base.kind & 1u;
}

/* Take metrics from *next on for as long as their columns fit into memory together; at least one. */
static struct group next_group(const struct writer *writer, size_t *next)
{
    struct group group = {.n_cells = writer->cells.n, .columns = writer->columns};
    for (; *next < LS_N_METRICS; (*next)++) {
        const struct ls_metric_info *info = &ls_metric_infos[*next];
        if (!is_wanted(writer, info))
            continue;
        const uint64_t bytes = (group.n_columns + info->n_columns) * sizeof(double) * group.n_cells;
        if (group.n_metrics > 0 && bytes > GROUP_BYTES)
            break;
        group.metrics[group.n_metrics] = info;
        group.start[group.n_metrics++] = group.n_columns;
        group.n_columns += info->n_columns;
    }
    return group;
}

static enum ls_status put_metrics(struct writer *writer, struct ls_journal *journal, struct ls_err *err)
{
    for (size_t next = 0; next < LS_N_METRICS && !writer->h5.failed;) {
        struct group group = next_group(writer, &next);
        if (group.n_metrics == 0)
            break;
        const size_t n_values = (size_t)group.n_cells * group.n_columns;
        group.columns = realloc(writer->columns, n_values * sizeof(double));
        if (!group.columns)
            return ls_fail(err, LS_NOMEM, "no memory for a metric of %llu cells", (unsigned long long)group.n_cells);
        writer->columns = group.columns;
        for (size_t i = 0; i < n_values; i++)
            group.columns[i] = NAN;
        const enum ls_status status = ls_journal_replay(journal, visit_group, &group, err);
        if (status != LS_OK)
            return status;
        for (size_t i = 0; i < group.n_metrics; i++)
            put_metric(writer, group.metrics[i], group.columns + group.n_cells * group.start[i]);
    }
    return LS_OK;
}

static enum ls_status put_details(struct writer *writer, enum ls_detail_kind kind, struct ls_detail_file *file,
                                  struct ls_err *err)
{
    const struct ls_h5_shape axes = shape_of(writer, writer->study->n_axes);
    return ls_cube_put_details(&writer->h5, &axes, kind, &writer->cells, file, err);
}

/* ---- the file ---- */

static void put_provenance(struct ls_h5 *h5, const struct ls_study *study)
{
    static const char *const kinds[LS_N_KINDS] = {"serving", "training", "matmul"};
    const time_t now = time(NULL);
    struct tm utc;
    char created[32] = "";
    if (gmtime_r(&now, &utc))
        (void)strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &utc);
    ls_h5_put_text(h5, h5->file, "Conventions", "CF-1.8");
    ls_h5_put_text(h5, h5->file, "title", study->name);
    ls_h5_put_text(h5, h5->file, "kind", kinds[study->base.kind]);
    ls_h5_put_text(h5, h5->file, "study", study->yaml ? study->yaml : "");
    ls_h5_put_text(h5, h5->file, "resolved_study", study->resolved);
    ls_h5_put_text(h5, h5->file, "study_sha256", study->sha256);
    ls_h5_put_int(h5, h5->file, "schema_version", LS_CUBE_SCHEMA);
    ls_h5_put_text(h5, h5->file, "llmsweep_version", LS_VERSION);
    ls_h5_put_int(h5, h5->file, "engine_version", LS_ENGINE_VERSION);
    ls_h5_put_int(h5, h5->file, "seed", study->base.seed);
    ls_h5_put_text(h5, h5->file, LS_CUBE_CREATED, created);
}

static void close_file(struct writer *writer)
{
    for (size_t i = 0; i <= writer->study->n_axes; i++)
        ls_h5_close_variable(&writer->h5, writer->scales[i]);
    if (writer->h5.file >= 0)
        ls_h5_expect(&writer->h5, H5Fclose(writer->h5.file));
}

/* Everything between an open journal and a closed file at `path`. */
static enum ls_status write_file(struct writer *writer, const char *path, struct ls_journal *journal,
                                 struct ls_detail_file *details, struct ls_err *err)
{
    enum ls_status status = ls_journal_replay(journal, ls_cube_cells_visit, &writer->cells, err);
    if (status != LS_OK)
        return status;
    struct ls_h5 *h5 = &writer->h5;
    ls_h5_create(h5, path);
    put_provenance(h5, writer->study);
    put_coordinates(writer);
    put_cells(writer);
    status = put_metrics(writer, journal, err);
    for (int kind = 0; details && kind < LS_N_DETAIL_KINDS && status == LS_OK; kind++)
        if (writer->study->output_kinds >> kind & 1u)
            status = put_details(writer, (enum ls_detail_kind)kind, details, err);
    put_run(writer);
    close_file(writer);
    return status == LS_OK ? ls_h5_status(h5, "write", path, err) : status;
}

static enum ls_status writer_init(struct writer *writer, const struct ls_study *study, struct ls_err *err)
{
    *writer = (struct writer){.study = study, .run = H5I_INVALID_HID};
    ls_h5_init(&writer->h5);
    writer->scales = malloc((study->n_axes + 1) * sizeof *writer->scales);
    if (!writer->scales || !ls_cube_cells_init(&writer->cells, study))
        return ls_fail(err, LS_NOMEM, "no memory for a cube of %llu cells", (unsigned long long)study->n_cells);
    for (size_t i = 0; i <= study->n_axes; i++) {
        writer->scales[i] = H5I_INVALID_HID;
        writer->dims[i] = i < study->n_axes ? study->axes[i].n : LS_N_QUANTILES;
    }
    return LS_OK;
}

static void writer_release(struct writer *writer)
{
    ls_cube_cells_free(&writer->cells);
    free(writer->scales);
    free(writer->columns);
}

enum ls_status ls_cube_write(const char *path, const struct ls_study *study, struct ls_journal *journal,
                             struct ls_detail_file *details, struct ls_err *err)
{
    assert(study->n_axes > LS_N_FIXED_AXES && study->n_axes < H5S_MAX_RANK);
    struct stat existing;
    if (stat(path, &existing) == 0 && !S_ISREG(existing.st_mode))
        return ls_fail(err, LS_IO, "cannot write %s: it exists and is no file", path);
    const size_t size = strlen(path) + sizeof ".part";
    char *temporary = malloc(size);
    if (!temporary)
        return ls_fail(err, LS_NOMEM, "no memory for a path");
    (void)snprintf(temporary, size, "%s.part", path);

    struct writer writer;
    enum ls_status status = writer_init(&writer, study, err);
    if (status == LS_OK)
        status = write_file(&writer, temporary, journal, details, err);
    if (status == LS_OK)
        status = ls_durable_replace(temporary, path, err);
    if (status != LS_OK) {
        /* HDF5 keeps a file open whose closing failed: emptied, it gives its place on the disk back all the same */
        (void)!truncate(temporary, 0);
        (void)unlink(temporary);
    }
    writer_release(&writer);
    free(temporary);
    return status;
}
