#ifndef LS_TESTS_LIBRARY_MODEL_H
#define LS_TESTS_LIBRARY_MODEL_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "engine/model/model.h"
#include "engine/param.h"

/* Models for tests of the engine, without io: the library's files are flat lists of `key: value`. */

static void set_model(struct ls_model *model, const char *key, const char *text)
{
    struct ls_param_ref ref;
    struct ls_err err = {""};
    union ls_value value;
    ck_assert_msg(ls_param_find(&ls_model_params, model, key, &ref, &err) == LS_OK, "%s", err.text);
    ck_assert_msg(ls_param_parse(ref.param, text, &value, &err) == LS_OK, "%s: %s", key, err.text);
    ls_param_store(ref.param, (char *)model + ref.offset, &value);
}

static struct ls_model load_model(const char *name)
{
    char path[512], line[512];
    struct ls_model model;
    memset(&model, 0, sizeof model);
    ls_param_set_defaults(&ls_model_params, &model);
    snprintf(path, sizeof path, "%s/configs/models/%s.yaml", LS_SOURCE_DIR, name);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "no %s", path);
    while (fgets(line, sizeof line, file)) {
        char key[64], text[64];
        if (line[0] != '#' && sscanf(line, "%63[^:]: %63s", key, text) == 2)
            set_model(&model, key, text);
    }
    fclose(file);
    struct ls_err err = {""};
    ck_assert_msg(ls_model_complete(&model, &err) == LS_OK, "%s: %s", name, err.text);
    return model;
}

#endif
