/* make_cube FILE [N]: the cube of tests/fake_study.h, of its first N cells; for tests that need a cube whose content
 * does not change with the model. */
#include <stdio.h>
#include <stdlib.h>

#include "io/cube.h"
#include "tests/fake_study.h"

static enum ls_status make(const char *path, uint64_t n, struct ls_err *err)
{
    struct ls_axis axes[8];
    const struct ls_study study = fake_study(axes);
    struct ls_journal_key key = {.n_cells = study.n_cells, .resolved = study.resolved};
    memcpy(key.sha256, study.sha256, sizeof key.sha256);
    char journal_path[4096];
    (void)snprintf(journal_path, sizeof journal_path, "%s.journal", path);
    struct ls_journal *journal = NULL;
    enum ls_status status = ls_journal_open(journal_path, &key, false, NULL, NULL, &journal, err);
    for (uint64_t i = 0; i < n && status == LS_OK; i++) {
        const struct ls_record record = fake_record(i, 0);
        status = ls_journal_append(journal, &record, err);
    }
    if (status == LS_OK)
        status = ls_cube_write(path, &study, journal, NULL, err);
    return status == LS_OK ? ls_journal_close(journal, true, err) : status;
}

int main(int argc, char **argv)
{
    struct ls_err err = {"usage: make_cube FILE [N]"};
    const uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : FAKE_CELLS;
    if (argc >= 2 && make(argv[1], n, &err) == LS_OK)
        return EXIT_SUCCESS;
    (void)fprintf(stderr, "make_cube: %s\n", err.text);
    return EXIT_FAILURE;
}
