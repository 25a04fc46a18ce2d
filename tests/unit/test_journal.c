/* Promises of the journal: what was committed is read back, whatever happens to the file's end or to one of its bits,
 * and a journal that cannot be used says why. */
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/journal.h"
#include "io/journal_frame.h"
#include "io/yaml_diff.h"
#include "tests/suite.h"

static char folder[] = "/tmp/llmsweep-journal-XXXXXX";
static char path[256];
static const struct ls_journal_key key = {
    .sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    .n_cells = 1000,
    .resolved = "kind: serving\nstrategy:\n  tp: 8\n  pp: 1\n",
};

static void enter(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/first.h5.journal", folder);
}

static void leave(void)
{
    (void)unlink(path);
    (void)rmdir(path);
    (void)rmdir(folder);
}

/* Every third cell is infeasible: most columns NaN. */
static struct ls_record record_of(uint64_t cell)
{
    struct ls_record record = {.cell = cell, .fingerprint = cell * 0x9e3779b97f4a7c15u, .rank = 3, .wall_s = 0.25};
    ls_metrics_clear(&record.metrics);
    record.metrics.scalar[LS_METRIC_MEM_TOTAL_BYTES] = 8e9 + (double)cell;
    if (cell % 3 == 0) {
        record.status = LS_CELL_INFEASIBLE;
        record.reason = LS_REASON_MEMORY_KV;
        return record;
    }
    record.metrics.scalar[LS_METRIC_N_ARRIVED] = 1.0 / (double)cell;
    record.metrics.scalar[LS_METRIC_SHARDED] = -0.0;
    record.metrics.quantile[LS_QMETRIC_QUEUE_WAIT][LS_P99] = (double)cell;
    return record;
}

static bool same_bits_or_nan(const struct ls_record *a, const struct ls_record *b)
{
    double x[LS_N_COLUMNS], y[LS_N_COLUMNS];
    memcpy(x, &a->metrics, sizeof x);
    memcpy(y, &b->metrics, sizeof y);
    for (size_t i = 0; i < LS_N_COLUMNS; i++)
        if (memcmp(&x[i], &y[i], sizeof x[i]) != 0 && !(isnan(x[i]) && isnan(y[i])))
            return false;
    return memcmp(a, b, offsetof(struct ls_record, metrics)) == 0;
}

struct seen {
    size_t n;
    uint64_t cells[1000];
    bool all_as_written;
};

static void see(const struct ls_record *record, void *context)
{
    struct seen *seen = context;
    const struct ls_record expected = record_of(record->cell);
    if (!same_bits_or_nan(record, &expected))
        seen->all_as_written = false;
    if (seen->n < 1000)
        seen->cells[seen->n] = record->cell;
    seen->n++;
}

static enum ls_status open_journal(bool resume, struct seen *seen, struct ls_journal **journal, struct ls_err *err)
{
    *seen = (struct seen){.all_as_written = true};
    return ls_journal_open(path, &key, resume, see, seen, journal, err);
}

static void write_cells(uint64_t first, uint64_t n)
{
    struct ls_err err = {""};
    struct ls_journal *journal = NULL;
    struct seen seen;
    ck_assert_msg(open_journal(first > 0, &seen, &journal, &err) == LS_OK, "%s", err.text);
    for (uint64_t i = 0; i < n; i++) {
        const struct ls_record record = record_of(first + i);
        ck_assert_int_eq(ls_journal_append(journal, &record, &err), LS_OK);
    }
    ck_assert_int_eq(ls_journal_close(journal, false, &err), LS_OK);
}

static size_t n_read_back(void)
{
    struct ls_err err = {""};
    struct ls_journal *journal = NULL;
    struct seen seen;
    ck_assert_msg(open_journal(true, &seen, &journal, &err) == LS_OK, "%s", err.text);
    ck_assert(seen.all_as_written);
    for (size_t i = 1; i < seen.n && i < 1000; i++)
        ck_assert_uint_gt(seen.cells[i], seen.cells[i - 1]);
    ck_assert_int_eq(ls_journal_close(journal, false, &err), LS_OK);
    return seen.n;
}

static size_t size_of_file(void)
{
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    return (size_t)status.st_size;
}

static void flip_bit(size_t byte, int bit)
{
    const int fd = open(path, O_RDWR);
    unsigned char value;
    ck_assert_int_eq(pread(fd, &value, 1, (off_t)byte), 1);
    value = (unsigned char)(value ^ 1 << bit);
    ck_assert_int_eq(pwrite(fd, &value, 1, (off_t)byte), 1);
    ck_assert_int_eq(close(fd), 0);
}

START_TEST(what_is_committed_is_read_back_bit_for_bit)
{
    write_cells(0, 10);
    ck_assert_uint_eq(n_read_back(), 10);
    write_cells(10, 5); /* and a second run goes on */
    ck_assert_uint_eq(n_read_back(), 15);
}
END_TEST

START_TEST(more_than_a_buffer_is_read_back)
{
    write_cells(0, 20000); /* about 3 MB */
    struct ls_err err = {""};
    struct ls_journal *journal = NULL;
    struct seen seen;
    ck_assert_int_eq(open_journal(true, &seen, &journal, &err), LS_OK);
    ck_assert_uint_eq(seen.n, 20000);
    ck_assert(seen.all_as_written);
    seen.n = 0;
    ck_assert_int_eq(ls_journal_replay(journal, see, &seen, &err), LS_OK);
    ck_assert_uint_eq(seen.n, 20000);
    ck_assert_int_eq(ls_journal_close(journal, false, &err), LS_OK);
}
END_TEST

START_TEST(a_replay_holds_what_was_only_buffered)
{
    struct ls_err err = {""};
    struct ls_journal *journal = NULL;
    struct seen seen;
    ck_assert_int_eq(open_journal(false, &seen, &journal, &err), LS_OK);
    const struct ls_record record = record_of(7);
    ck_assert_int_eq(ls_journal_append(journal, &record, &err), LS_OK);
    ck_assert_int_eq(ls_journal_replay(journal, see, &seen, &err), LS_OK);
    ck_assert_uint_eq(seen.n, 1);
    ck_assert_uint_eq(seen.cells[0], 7);
    ck_assert_int_eq(ls_journal_close(journal, true, &err), LS_OK);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_torn_tail_costs_the_torn_record_alone)
{
    write_cells(0, 4);
    const size_t before = size_of_file();
    write_cells(4, 1);
    const size_t after = size_of_file();
    for (size_t size = after; size-- > before;) {
        ck_assert_int_eq(truncate(path, (off_t)size), 0);
        ck_assert_uint_eq(n_read_back(), 4);
        ck_assert_uint_eq(size_of_file(), before); /* the tail is gone */
        write_cells(4, 1);
        ck_assert_uint_eq(n_read_back(), 5);
    }
}
END_TEST

START_TEST(a_torn_header_starts_anew)
{
    write_cells(0, 0);
    const size_t whole = size_of_file();
    for (size_t size = 0; size < whole; size++) {
        ck_assert_int_eq(truncate(path, (off_t)size), 0);
        ck_assert_uint_eq(n_read_back(), 0);
        ck_assert_uint_eq(size_of_file(), whole);
    }
}
END_TEST

START_TEST(a_flipped_bit_costs_one_record)
{
    write_cells(0, 0);
    const size_t header = size_of_file();
    write_cells(0, 5);
    const size_t end = size_of_file();
    for (size_t byte = header; byte < end; byte++) {
        flip_bit(byte, (int)(byte % 8));
        const size_t left = n_read_back();
        ck_assert_uint_eq(left, 4);
        if (size_of_file() < end) /* in the last record: cut off */
            break;
        flip_bit(byte, (int)(byte % 8));
        ck_assert_uint_eq(n_read_back(), 5);
    }
}
END_TEST

START_TEST(a_damaged_header_is_refused_and_left_alone)
{
    write_cells(0, 0);
    const size_t header = size_of_file();
    write_cells(0, 3);
    const size_t end = size_of_file();
    for (size_t byte = 0; byte < header; byte++) {
        struct ls_err err = {""};
        struct ls_journal *journal = NULL;
        struct seen seen;
        flip_bit(byte, 5);
        ck_assert_int_eq(open_journal(true, &seen, &journal, &err), LS_CONFLICT);
        ck_assert_ptr_nonnull(strstr(err.text, path));
        flip_bit(byte, 5);
        ck_assert_uint_eq(size_of_file(), end);
    }
    ck_assert_uint_eq(n_read_back(), 3);
}
END_TEST

START_TEST(without_resume_the_old_records_go)
{
    write_cells(0, 3);
    write_cells(0, 1);
    ck_assert_uint_eq(n_read_back(), 1);
}
END_TEST

START_TEST(another_study_is_refused_with_the_keys_that_differ)
{
    write_cells(0, 3);
    const struct ls_journal_key other = {
        .sha256 = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        .n_cells = 1000,
        .resolved = "kind: serving\nstrategy:\n  tp: 4\n  pp: 1\n  dp: 2\n",
    };
    struct ls_err err = {""};
    struct ls_journal *journal = NULL;
    ck_assert_int_eq(ls_journal_open(path, &other, true, NULL, NULL, &journal, &err), LS_CONFLICT);
    ck_assert_ptr_null(journal);
    ck_assert_ptr_nonnull(strstr(err.text, path));
    ck_assert_ptr_nonnull(strstr(err.text, "strategy.tp, strategy.dp;"));
    ck_assert_uint_eq(n_read_back(), 3);
}
END_TEST

START_TEST(two_runs_at_once_are_refused)
{
    struct ls_err err = {""};
    struct ls_journal *first = NULL, *second = NULL;
    ck_assert_int_eq(ls_journal_open(path, &key, false, NULL, NULL, &first, &err), LS_OK);
    const struct ls_record record = record_of(1);
    ck_assert_int_eq(ls_journal_append(first, &record, &err), LS_OK);
    ck_assert_int_eq(ls_journal_commit(first, &err), LS_OK);
    for (int resume = 0; resume < 2; resume++) {
        ck_assert_int_eq(ls_journal_open(path, &key, resume, NULL, NULL, &second, &err), LS_CONFLICT);
        ck_assert_ptr_nonnull(strstr(err.text, path));
        ck_assert_ptr_nonnull(strstr(err.text, "in use by another run"));
    }
    ck_assert_int_eq(ls_journal_close(first, false, &err), LS_OK);
    ck_assert_uint_eq(n_read_back(), 1);
}
END_TEST

/* Commit with files limited to `size` bytes. The limit holds for Check's own messages too, so it asserts nothing. */
static enum ls_status commit_within(struct ls_journal *journal, rlim_t size, struct ls_err *err)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0)
        return LS_OK;
    const struct rlimit small = {.rlim_cur = size, .rlim_max = limit.rlim_max};
    (void)setrlimit(RLIMIT_FSIZE, &small);
    const enum ls_status status = ls_journal_commit(journal, err);
    (void)setrlimit(RLIMIT_FSIZE, &limit);
    return status;
}

START_TEST(a_full_disk_loses_nothing_committed_and_a_retry_works)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    struct ls_err err = {""};
    struct ls_journal *journal = NULL;
    struct seen seen;
    ck_assert_int_eq(open_journal(false, &seen, &journal, &err), LS_OK);
    for (uint64_t i = 0; i < 3; i++) {
        const struct ls_record record = record_of(i);
        ck_assert_int_eq(ls_journal_append(journal, &record, &err), LS_OK);
    }
    ck_assert_int_eq(ls_journal_commit(journal, &err), LS_OK);

    const struct ls_record record = record_of(3);
    ck_assert_int_eq(ls_journal_append(journal, &record, &err), LS_OK);
    ck_assert_int_eq(commit_within(journal, size_of_file() + 50, &err), LS_IO); /* the record is torn */
    ck_assert_ptr_nonnull(strstr(err.text, path));
    ck_assert_ptr_nonnull(strstr(err.text, "File too large"));

    seen.n = 0;
    struct ls_journal *copy = NULL; /* what a crash at this moment would leave */
    char aside[600];
    (void)snprintf(aside, sizeof aside, "cp %s %s.aside", path, path);
    ck_assert_int_eq(system(aside), 0);
    (void)snprintf(aside, sizeof aside, "%s.aside", path);
    ck_assert_int_eq(ls_journal_open(aside, &key, true, see, &seen, &copy, &err), LS_OK);
    ck_assert_uint_eq(seen.n, 3);
    ck_assert_int_eq(ls_journal_close(copy, true, &err), LS_OK);

    ck_assert_int_eq(ls_journal_close(journal, false, &err), LS_OK);
    ck_assert_uint_eq(n_read_back(), 4);
}
END_TEST

START_TEST(places_that_cannot_hold_a_journal_are_named)
{
    struct ls_err err = {""};
    struct ls_journal *journal = NULL;
    ck_assert_int_eq(mkdir(path, 0777), 0);
    ck_assert_int_eq(ls_journal_open(path, &key, true, NULL, NULL, &journal, &err), LS_IO);
    ck_assert_ptr_nonnull(strstr(err.text, path));
    ck_assert_ptr_nonnull(strstr(err.text, "Is a directory"));
    ck_assert_int_eq(ls_journal_open("/nowhere/first.h5.journal", &key, true, NULL, NULL, &journal, &err), LS_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "/nowhere/first.h5.journal: No such file or directory"));
    ck_assert_int_eq(ls_journal_open("/dev/full", &key, true, NULL, NULL, &journal, &err), LS_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "not a regular file"));
    ck_assert_ptr_null(journal);
}
END_TEST

START_TEST(a_file_that_is_no_journal_is_left_alone)
{
    FILE *file = fopen(path, "w");
    ck_assert_int_ge(fputs("my notes\n", file), 0);
    ck_assert_int_eq(fclose(file), 0);
    struct ls_err err = {""};
    struct ls_journal *journal = NULL;
    ck_assert_int_eq(ls_journal_open(path, &key, true, NULL, NULL, &journal, &err), LS_CONFLICT);
    ck_assert_ptr_nonnull(strstr(err.text, "no journal"));
    ck_assert_uint_eq(size_of_file(), 9);
}
END_TEST

START_TEST(differing_keys_have_dotted_names)
{
    char keys[64];
    static const char a[] = "a: 1\nb:\n  c: 2\n  d:\n  - x: 1\n    y: 2\n  - x: 3\n  e: 4\nf: 5\n";
    static const char b[] = "a: 1\nb:\n  c: 3\n  d:\n  - x: 1\n    y: 2\n  - x: 4\n  e: 4\ng: 5\n";
    ck_assert_uint_eq(ls_yaml_diff(a, a, keys, sizeof keys), 0);
    ck_assert_str_eq(keys, "");
    ck_assert_uint_eq(ls_yaml_diff(a, b, keys, sizeof keys), 4);
    ck_assert_str_eq(keys, "b.c, b.d[1].x, f, g");
    ck_assert_uint_eq(ls_yaml_diff(a, b, keys, 36), 4);
    ck_assert_str_eq(keys, "b.c and 3 more");
    static const char short_list[] = "axes:\n  tp:\n    values:\n      - 1\n      - 2\n";
    static const char long_list[] = "axes:\n  tp:\n    values:\n      - 2\n      - 4\n      - 8\n  pp: 1\n";
    ck_assert_uint_eq(ls_yaml_diff(short_list, long_list, keys, sizeof keys), 2);
    ck_assert_str_eq(keys, "axes.tp.values, axes.pp");
}
END_TEST

START_TEST(an_infeasible_record_is_small)
{
    unsigned char bytes[LS_FRAME_MAX];
    struct ls_record record = record_of(3);
    ck_assert_uint_lt(ls_frame_encode(&record, bytes), 100);
    for (size_t i = 0; i < LS_N_SCALAR_METRICS; i++)
        record.metrics.scalar[i] = 1;
    for (size_t i = 0; i < LS_N_QUANTILE_METRICS * LS_N_QUANTILES; i++)
        record.metrics.quantile[i / LS_N_QUANTILES][i % LS_N_QUANTILES] = 1;
    ck_assert_uint_le(ls_frame_encode(&record, bytes), LS_FRAME_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal");
    TCase *tcase = tcase_create("file");
    tcase_add_checked_fixture(tcase, enter, leave);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, what_is_committed_is_read_back_bit_for_bit);
    tcase_add_test(tcase, more_than_a_buffer_is_read_back);
    tcase_add_test(tcase, a_replay_holds_what_was_only_buffered);
    tcase_add_test(tcase, a_torn_tail_costs_the_torn_record_alone);
    tcase_add_test(tcase, a_torn_header_starts_anew);
    tcase_add_test(tcase, a_flipped_bit_costs_one_record);
    tcase_add_test(tcase, a_damaged_header_is_refused_and_left_alone);
    tcase_add_test(tcase, without_resume_the_old_records_go);
    tcase_add_test(tcase, another_study_is_refused_with_the_keys_that_differ);
    tcase_add_test(tcase, two_runs_at_once_are_refused);
    tcase_add_test(tcase, a_full_disk_loses_nothing_committed_and_a_retry_works);
    tcase_add_test(tcase, places_that_cannot_hold_a_journal_are_named);
    tcase_add_test(tcase, a_file_that_is_no_journal_is_left_alone);
    suite_add_tcase(suite, tcase);
    TCase *parts = tcase_create("parts");
    tcase_add_test(parts, differing_keys_have_dotted_names);
    tcase_add_test(parts, an_infeasible_record_is_small);
    suite_add_tcase(suite, parts);
    return suite_run(suite);
}
