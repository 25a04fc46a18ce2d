#include "io/study_samples.h"

#include <string.h>

#include "io/library.h"
#include "io/samples.h"

const struct ls_samples *ls_study_samples(const struct ls_bind *bind, const struct ls_yaml *place, const char *path,
                                          const char *name, const char *column, struct ls_study *study,
                                          enum ls_status *status)
{
    char file[4096];
    struct ls_err err = {""};
    *status = LS_OK;
    if (!column[0])
        (void)ls_fail(&err, LS_INPUT, "needs column, the name of a column in the first line of %.90s", name);
    if (err.text[0] || ls_library_find(LS_SHELF_WORKLOADS, bind->folder, name, file, sizeof file, &err)) {
        ls_yaml_fault(bind->diags, place, path, "%s", err.text);
        return NULL;
    }
    struct ls_samples *samples = ls_study_alloc(study, 1, sizeof *samples);
    if (!samples) {
        *status = LS_NOMEM;
        return NULL;
    }
    const enum ls_status read = ls_samples_read(file, column, samples, bind->diags);
    if (read == LS_OK)
        *status = ls_study_adopt(study, (void *)samples->values);
    else if (read == LS_NOMEM)
        *status = read;
    return read || *status ? NULL : samples;
}

struct walk {
    const struct ls_bind *bind;
    const struct ls_yaml *root;
    struct ls_study *study;
    enum ls_status status;
};

static void read_samples(const char *path, const struct ls_param *param, const void *field, void *context)
{
    struct walk *walk = context;
    if (walk->status || !ls_dist_is_file(param) || !((const char *)field)[0])
        return;
    const struct ls_dist *dist = ls_dist_of_file(field);
    const char *rest;
    const struct ls_samples *samples = ls_study_samples(walk->bind, ls_yaml_find(walk->root, path, &rest), path,
                                                        dist->file, dist->column, walk->study, &walk->status);
    struct ls_scenario *base = &walk->study->base;
    const size_t offset = (size_t)((const char *)&dist->samples - (const char *)base);
    memcpy((char *)base + offset, &samples, sizeof samples);
}

enum ls_status ls_study_read_samples(const struct ls_bind *bind, const struct ls_yaml *root, struct ls_study *study)
{
    struct walk walk = {bind, root, study, LS_OK};
    ls_param_walk(&ls_scenario_params, &study->base, read_samples, &walk);
    return walk.status;
}
