/* Promises of the cube: it holds what the journal held, each metric with its meaning; the same study gives the same
 * digest in any order; and a file that cannot be written or read says why and leaves the old one alone. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/cube.h"
#include "io/journal.h"
#include "tests/fake_study.h"
#include "tests/suite.h"

static char folder[] = "/tmp/llmsweep-cube-XXXXXX";
static char path[128], journal_path[128];
static struct ls_axis axes[8];
static struct ls_study study;
static struct ls_err err;

static void enter(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/a.h5", folder);
    (void)snprintf(journal_path, sizeof journal_path, "%s/a.h5.journal", folder);
    study = fake_study(axes);
}

static void leave(void)
{
    char command[256];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static struct ls_journal *new_journal(void)
{
    struct ls_journal_key key = {.n_cells = study.n_cells, .resolved = study.resolved};
    memcpy(key.sha256, study.sha256, sizeof key.sha256);
    struct ls_journal *journal = NULL;
    ck_assert_msg(ls_journal_open(journal_path, &key, false, NULL, NULL, &journal, &err) == LS_OK, "%s", err.text);
    return journal;
}

/* The cells first, first + step, … modulo their number, n of them. */
static enum ls_status write_cube(uint64_t first, uint64_t step, uint64_t n, uint32_t rank)
{
    struct ls_journal *journal = new_journal();
    for (uint64_t i = 0; i < n; i++) {
        const struct ls_record record = fake_record((first + i * step) % FAKE_CELLS, rank);
        ck_assert_int_eq(ls_journal_append(journal, &record, &err), LS_OK);
    }
    const enum ls_status status = ls_cube_write(path, &study, journal, NULL, &err);
    struct ls_err ignored;
    ck_assert_int_eq(ls_journal_close(journal, true, &ignored), LS_OK);
    return status;
}

static struct ls_cube *open_cube(void)
{
    struct ls_cube *cube = NULL;
    ck_assert_msg(ls_cube_open(path, &cube, &err) == LS_OK, "%s", err.text);
    return cube;
}

static void digest_of_cube(char digest[65])
{
    ck_assert_msg(ls_cube_digest(path, digest, &err) == LS_OK, "%s", err.text);
}

START_TEST(every_value_comes_back)
{
    ck_assert_msg(write_cube(0, 1, FAKE_CELLS, 0) == LS_OK, "%s", err.text);
    struct ls_cube *cube = open_cube();
    double values[FAKE_CELLS];
    size_t n_read = 0;
    for (size_t column = 0; column < LS_N_COLUMNS; column++) {
        char name[64];
        ls_metric_column_name(column, name, sizeof name);
        if (!ls_cube_has(cube, name))
            continue;
        n_read++;
        ck_assert_int_eq(ls_cube_read(cube, name, values, &err), LS_OK);
        for (uint64_t cell = 0; cell < FAKE_CELLS; cell++) {
            if (fake_infeasible(cell) && column != LS_METRIC_MEM_TOTAL_BYTES)
                ck_assert_double_nan(values[cell]);
            else
                ck_assert_double_eq(values[cell], fake_value(cell, column));
        }
    }
    ck_assert_uint_gt(n_read, 60);
    ls_cube_close(cube);
}
END_TEST

START_TEST(axes_keep_names_order_and_points)
{
    ck_assert_int_eq(write_cube(0, 1, FAKE_CELLS, 0), LS_OK);
    struct ls_cube *cube = open_cube();
    ck_assert_uint_eq(ls_cube_n_axes(cube), 8);
    ck_assert_uint_eq(ls_cube_n_cells(cube), FAKE_CELLS);
    for (size_t i = 0; i < 8; i++) {
        const struct ls_cube_axis *axis = ls_cube_axis(cube, i);
        ck_assert_str_eq(axis->name, axes[i].name);
        ck_assert_uint_eq(axis->n, axes[i].n);
        ck_assert_int_eq(axis->numeric, axes[i].numeric);
        for (size_t j = 0; j < axis->n; j++) {
            if (axis->numeric)
                ck_assert_double_eq(axis->coordinates[j], axes[i].coordinates[j]);
            else
                ck_assert_str_eq(axis->labels[j], axes[i].labels[j]);
        }
    }
    ck_assert_str_eq(ls_cube_axis(cube, 2)->labels[2], "4");
    ck_assert_str_eq(ls_cube_axis(cube, 5)->labels[0], "0.5");
    ls_cube_close(cube);
}
END_TEST

START_TEST(status_reason_gpus_and_fingerprints)
{
    ck_assert_int_eq(write_cube(0, 1, FAKE_CELLS - 1, 0), LS_OK); /* the last cell did not run */
    struct ls_cube *cube = open_cube();
    double status[FAKE_CELLS], reason[FAKE_CELLS], gpus[FAKE_CELLS];
    uint64_t fingerprints[FAKE_CELLS];
    ck_assert_int_eq(ls_cube_read(cube, "status", status, &err), LS_OK);
    ck_assert_int_eq(ls_cube_read(cube, "reason", reason, &err), LS_OK);
    ck_assert_int_eq(ls_cube_read(cube, "gpus", gpus, &err), LS_OK);
    ck_assert_int_eq(ls_cube_fingerprints(cube, fingerprints, &err), LS_OK);
    for (uint64_t cell = 0; cell < FAKE_CELLS - 1; cell++) {
        size_t index[8];
        ls_study_coordinates(&study, cell, index);
        ck_assert_double_eq(status[cell], fake_infeasible(cell) ? LS_CELL_INFEASIBLE : LS_CELL_DONE);
        ck_assert_double_eq(reason[cell], fake_infeasible(cell) ? LS_REASON_MEMORY_WEIGHTS : LS_REASON_NONE);
        ck_assert_double_eq(gpus[cell], fake_tp[index[0]] * fake_dp[index[2]]);
        ck_assert_uint_eq(fingerprints[cell], UINT64_MAX - cell);
    }
    ck_assert_double_eq(status[FAKE_CELLS - 1], LS_CELL_NOT_RUN);
    ck_assert_double_eq(reason[FAKE_CELLS - 1], LS_REASON_NONE);
    ck_assert_uint_eq(fingerprints[FAKE_CELLS - 1], 0);
    ls_cube_close(cube);
}
END_TEST

START_TEST(absent_metrics_are_absent)
{
    ck_assert_int_eq(write_cube(0, 1, FAKE_CELLS, 0), LS_OK);
    struct ls_cube *cube = open_cube();
    double values[FAKE_CELLS];
    ck_assert(ls_cube_has(cube, "ttft_p99_s"));
    ck_assert(!ls_cube_has(cube, "max_goodput")); /* no cell has a value */
    ck_assert(!ls_cube_has(cube, "step_time_s")); /* training's */
    ck_assert(!ls_cube_has(cube, "tp"));          /* an axis is no column */
    ck_assert_int_eq(ls_cube_read(cube, "max_goodput", values, &err), LS_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "max_goodput"));
    ls_cube_close(cube);
}
END_TEST

START_TEST(provenance_is_in_the_attributes)
{
    ck_assert_int_eq(write_cube(0, 1, FAKE_CELLS, 0), LS_OK);
    struct ls_cube *cube = open_cube();
    ck_assert_str_eq(ls_cube_attribute(cube, "title"), "fake");
    ck_assert_str_eq(ls_cube_attribute(cube, "kind"), "serving");
    ck_assert_str_eq(ls_cube_attribute(cube, "study"), study.yaml);
    ck_assert_str_eq(ls_cube_attribute(cube, "resolved_study"), study.resolved);
    ck_assert_str_eq(ls_cube_attribute(cube, "study_sha256"), study.sha256);
    ck_assert_str_eq(ls_cube_attribute(cube, "schema_version"), "1");
    ck_assert_str_eq(ls_cube_attribute(cube, "seed"), "42");
    ck_assert_ptr_nonnull(ls_cube_attribute(cube, "created"));
    ck_assert_ptr_null(ls_cube_attribute(cube, "no such thing"));
    ls_cube_close(cube);
}
END_TEST

START_TEST(order_ranks_and_repeats_do_not_change_the_digest)
{
    char forward[65], other[65];
    ck_assert_int_eq(write_cube(0, 1, FAKE_CELLS, 0), LS_OK);
    digest_of_cube(forward);
    ck_assert_uint_eq(strlen(forward), 64);
    ck_assert_int_eq(write_cube(5, 35, FAKE_CELLS, 6), LS_OK); /* 35 and 96 have no common divisor */
    digest_of_cube(other);
    ck_assert_str_eq(other, forward);
    ck_assert_int_eq(write_cube(0, 1, FAKE_CELLS + 40, 1), LS_OK); /* 40 cells twice */
    digest_of_cube(other);
    ck_assert_str_eq(other, forward);
}
END_TEST

START_TEST(one_value_changes_the_digest)
{
    char whole[65], other[65];
    ck_assert_int_eq(write_cube(0, 1, FAKE_CELLS, 0), LS_OK);
    digest_of_cube(whole);

    struct ls_journal *journal = new_journal();
    for (uint64_t cell = 0; cell < FAKE_CELLS; cell++) {
        struct ls_record record = fake_record(cell, 0);
        if (cell == 77)
            record.metrics.quantile[LS_QMETRIC_ITL][LS_P90] =
                nextafter(record.metrics.quantile[LS_QMETRIC_ITL][LS_P90], 1e9);
        ck_assert_int_eq(ls_journal_append(journal, &record, &err), LS_OK);
    }
    ck_assert_int_eq(ls_cube_write(path, &study, journal, NULL, &err), LS_OK);
    ck_assert_int_eq(ls_journal_close(journal, true, &err), LS_OK);
    digest_of_cube(other);
    ck_assert_str_ne(other, whole);

    ck_assert_int_eq(write_cube(0, 1, FAKE_CELLS - 1, 0), LS_OK); /* so does a missing cell, */
    digest_of_cube(other);
    ck_assert_str_ne(other, whole);
    axes[5].coordinates = (double[]){0.5, 2}; /* a coordinate */
    ck_assert_int_eq(write_cube(0, 1, FAKE_CELLS, 0), LS_OK);
    digest_of_cube(other);
    ck_assert_str_ne(other, whole);
    axes[5].coordinates = fake_scale;
    study.base.seed = 43; /* or an attribute */
    ck_assert_int_eq(write_cube(0, 1, FAKE_CELLS, 0), LS_OK);
    digest_of_cube(other);
    ck_assert_str_ne(other, whole);
}
END_TEST

START_TEST(an_empty_cube_is_a_cube)
{
    ck_assert_int_eq(write_cube(0, 1, 0, 0), LS_OK);
    struct ls_cube *cube = open_cube();
    double status[FAKE_CELLS];
    ck_assert_int_eq(ls_cube_read(cube, "status", status, &err), LS_OK);
    for (size_t i = 0; i < FAKE_CELLS; i++)
        ck_assert_double_eq(status[i], LS_CELL_NOT_RUN);
    ck_assert(!ls_cube_has(cube, "ttft_mean_s"));
    ls_cube_close(cube);
}
END_TEST

/* Try to write with files limited to `size` bytes, then without a limit; whether both went as they should. */
static bool fails_and_recovers(struct ls_journal *journal, rlim_t size, const char *old_digest)
{
    struct rlimit limit, small;
    char digest[65], part[160];
    (void)snprintf(part, sizeof part, "%s.part", path);
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0)
        return false;
    small = limit;
    small.rlim_cur = size;
    if (setrlimit(RLIMIT_FSIZE, &small) != 0 || ls_cube_write(path, &study, journal, NULL, &err) != LS_IO ||
        setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return false;
    if (!strstr(err.text, path) || !strstr(err.text, "File too large") || access(part, F_OK) == 0)
        return false;
    return ls_cube_digest(path, digest, &err) == LS_OK && strcmp(digest, old_digest) == 0 &&
           ls_cube_write(path, &study, journal, NULL, &err) == LS_OK;
}

START_TEST(a_full_disk_leaves_the_old_cube)
{
    char old_digest[65];
    (void)signal(SIGXFSZ, SIG_IGN);
    for (rlim_t size = 0; size < 120000; size += 20000) {
        ck_assert_int_eq(write_cube(0, 1, 10, 0), LS_OK);
        digest_of_cube(old_digest);
        struct ls_journal *journal = new_journal();
        for (uint64_t cell = 0; cell < FAKE_CELLS; cell++) {
            const struct ls_record record = fake_record(cell, 0);
            ck_assert_int_eq(ls_journal_append(journal, &record, &err), LS_OK);
        }
        ck_assert_int_eq(ls_journal_commit(journal, &err), LS_OK);
        /* in a process of its own: HDF5 1.10 loses memory with a file that it could not close */
        const pid_t child = fork();
        if (child == 0)
            _exit(fails_and_recovers(journal, size, old_digest) ? EXIT_SUCCESS : EXIT_FAILURE);
        int status = -1;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(status == 0, "with %lu bytes: status %d", (unsigned long)size, status);
        ck_assert_int_eq(ls_journal_close(journal, true, &err), LS_OK);
    }
}
END_TEST

START_TEST(places_that_cannot_hold_a_cube_are_named)
{
    ck_assert_int_eq(mkdir(path, 0777), 0);
    ck_assert_int_eq(write_cube(0, 1, 1, 0), LS_IO);
    ck_assert_ptr_nonnull(strstr(err.text, path));
    ck_assert_int_eq(rmdir(path), 0);
    (void)snprintf(path, sizeof path, "%s/nowhere/a.h5", folder);
    ck_assert_int_eq(write_cube(0, 1, 1, 0), LS_IO);
    ck_assert_ptr_nonnull(strstr(err.text, path));
    ck_assert_ptr_nonnull(strstr(err.text, "No such file or directory"));
}
END_TEST

START_TEST(files_that_are_no_cube_are_refused)
{
    struct ls_cube *cube = NULL;
    char digest[65];
    ck_assert_int_eq(ls_cube_open("/nowhere/a.h5", &cube, &err), LS_IO);
    ck_assert_str_eq(err.text, "cannot open /nowhere/a.h5: No such file or directory");
    ck_assert_int_eq(ls_cube_digest(folder, digest, &err), LS_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "not a regular file"));
    FILE *file = fopen(path, "w");
    ck_assert_int_ge(fputs("my notes\n", file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(ls_cube_open(path, &cube, &err), LS_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "not an HDF5 file"));
    ck_assert_ptr_null(cube);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cube");
    TCase *tcase = tcase_create("file");
    tcase_add_checked_fixture(tcase, enter, leave);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, every_value_comes_back);
    tcase_add_test(tcase, axes_keep_names_order_and_points);
    tcase_add_test(tcase, status_reason_gpus_and_fingerprints);
    tcase_add_test(tcase, absent_metrics_are_absent);
    tcase_add_test(tcase, provenance_is_in_the_attributes);
    tcase_add_test(tcase, order_ranks_and_repeats_do_not_change_the_digest);
    tcase_add_test(tcase, one_value_changes_the_digest);
    tcase_add_test(tcase, an_empty_cube_is_a_cube);
    tcase_add_test(tcase, a_full_disk_leaves_the_old_cube);
    tcase_add_test(tcase, places_that_cannot_hold_a_cube_are_named);
    tcase_add_test(tcase, files_that_are_no_cube_are_refused);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
