/* Whatever the bytes, a study is read or refused: no crash, no leak, no fault without a message, and what is read
 * resolves to a study that reads back to itself. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/study_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_study(const char *path, const void *text, size_t n)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(text, 1, n, file) != n || fclose(file))
        abort();
}

static void check_cells(const struct ls_study *study)
{
    for (uint64_t cell = 0; cell < study->n_cells && cell < 100; cell++) {
        struct ls_scenario scenario;
        enum ls_reason reason;
        struct ls_err err = {""};
        const enum ls_status status = ls_study_cell(study, cell, &scenario, &reason, &err);
        assert(status == LS_OK || err.text[0]);
        (void)status;
    }
}

static void check_round_trip(const char *path, const struct ls_study *study)
{
    struct ls_study again;
    struct ls_diags diags = {0};
    write_study(path, study->resolved, strlen(study->resolved));
    if (ls_study_load(path, NULL, 0, 0, &again, &diags)) {
        ls_diags_print(&diags, stderr);
        abort();
    }
    assert(strcmp(study->resolved, again.resolved) == 0);
    ls_study_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[64];
    if (!path[0])
        (void)snprintf(path, sizeof path, "/tmp/fuzz_study_%d.yaml", (int)getpid());
    write_study(path, data, size);
    struct ls_study study;
    struct ls_diags diags = {0};
    if (ls_study_load(path, NULL, 0, 0, &study, &diags)) {
        assert(diags.n > 0);
    } else {
        assert(diags.n == 0);
        check_cells(&study);
        check_round_trip(path, &study);
        ls_study_release(&study);
    }
    for (size_t i = 0; i < diags.n; i++)
        assert(diags.items[i].text[0]);
    ls_diags_release(&diags);
    (void)remove(path);
    return 0;
}
