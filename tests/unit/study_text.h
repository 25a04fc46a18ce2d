#ifndef LS_TESTS_STUDY_TEXT_H
#define LS_TESTS_STUDY_TEXT_H

/* Studies from text: writes it to a file in a folder of its own and reads that. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/study_file.h"

static char text_folder[] = "/tmp/llmsweep-test-XXXXXX";

/* A made folder's name may end with an X, too. */
static inline int has_folder(void)
{
    return strcmp(text_folder + strlen(text_folder) - 6, "XXXXXX") != 0;
}

static inline const char *write_file(const char *name, const char *text, size_t n)
{
    static char path[256];
    if (!has_folder())
        ck_assert_ptr_nonnull(mkdtemp(text_folder));
    snprintf(path, sizeof path, "%s/%s", text_folder, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, n, file), n);
    fclose(file);
    return path;
}

static inline void remove_folder(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf %s", text_folder);
    if (has_folder())
        ck_assert_int_eq(system(command), 0);
    strcpy(text_folder + strlen(text_folder) - 6, "XXXXXX");
}

/* A study that must be sound. */
static inline struct ls_study load_study(const char *text, const char *const *sets, size_t n_sets, int single)
{
    struct ls_study study;
    struct ls_diags diags = {0};
    const enum ls_status status =
        ls_study_load(write_file("study.yaml", text, strlen(text)), sets, n_sets, single, &study, &diags);
    if (status)
        ls_diags_print(&diags, stderr);
    ck_assert_int_eq(status, LS_OK);
    ck_assert_uint_eq(diags.n, 0);
    return study;
}

#endif
