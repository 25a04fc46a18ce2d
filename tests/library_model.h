#ifndef LS_TESTS_LIBRARY_MODEL_H
#define LS_TESTS_LIBRARY_MODEL_H

#include <check.h>
#include <stdio.h>

#include "io/library.h"

/* A model of the library, by name or path. */
static struct ls_model load_model(const char *name)
{
    struct ls_model model;
    struct ls_diags diags = {0};
    const enum ls_status status = ls_library_model(NULL, name, &model, &diags);
    ls_diags_print(&diags, stderr);
    ls_diags_release(&diags);
    ck_assert_msg(status == LS_OK, "%s does not load", name);
    return model;
}

#endif
