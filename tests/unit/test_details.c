/* Promises of details: pieces of cells from several ranks, one among the other, come back whole and in order; what is
 * damaged or missing is noticed; and a cube holds them cell after cell, requests in their order, in any order of
 * arrival, and gives them back as they were. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/cube.h"
#include "io/detail_feed.h"
#include "io/detail_file.h"
#include "tests/fake_study.h"
#include "tests/suite.h"

enum { BOTH = 1 << LS_DETAIL_REQUESTS | 1 << LS_DETAIL_TIMELINE };

static char folder[] = "/tmp/llmsweep-details-XXXXXX";
static char path[128], cube_path[128], journal_path[128];
static struct ls_err err;

static void enter(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/a.h5.details", folder);
    (void)snprintf(cube_path, sizeof cube_path, "%s/a.h5", folder);
    (void)snprintf(journal_path, sizeof journal_path, "%s/a.h5.journal", folder);
}

static void leave(void)
{
    char command[256];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static struct ls_detail_file *open_file(size_t n_ranks, bool keep)
{
    struct ls_detail_file *file = NULL;
    ck_assert_msg(ls_detail_file_open(path, n_ranks, keep, &file, &err) == LS_OK, "%s", err.text);
    return file;
}

static void close_file(struct ls_detail_file *file)
{
    ck_assert_int_eq(ls_detail_file_close(file, false, &err), LS_OK);
}

/* A cell being simulated on a rank. */
struct source {
    struct ls_detail_file *file;
    size_t rank;
    struct ls_detail_feed feed;
};

static void take(const struct ls_piece *piece, void *context)
{
    struct source *source = context;
    ck_assert_int_eq(ls_detail_file_add(source->file, source->rank, piece, &err), LS_OK);
}

static struct source *begin(struct ls_detail_file *file, size_t rank, uint64_t cell)
{
    struct source *source = calloc(1, sizeof *source);
    source->file = file;
    source->rank = rank;
    ls_detail_feed_begin(&source->feed, BOTH, cell, take, source);
    return source;
}

/* A seventh of the requests is rejected, and they end in another order than they come. */
static struct ls_request_row request_of(uint64_t cell, uint64_t i, uint64_t n)
{
    const uint64_t index = (i + n / 2) % n;
    const bool done = index % 7 != 3;
    const int64_t arrival_ps = (int64_t)(index * 1000003 + cell);
    return (struct ls_request_row){
        .index = index,
        .pipeline = (int32_t)cell,
        .streams = true,
        .end = done ? LS_REQUEST_COMPLETED : LS_REQUEST_REJECTED,
        .prompt_tok = (int32_t)(100 + index),
        .output_tok = 5,
        .n_generated = done ? 5 : 0,
        .arrival_ps = arrival_ps,
        .scheduled_ps = done ? arrival_ps + 10 : -1,
        .first_token_ps = done ? arrival_ps + 100 : -1,
        .end_ps = arrival_ps + 500,
    };
}

static struct ls_moment moment_of(uint64_t cell, uint64_t i)
{
    return (struct ls_moment){.time_ps = (int64_t)i * 7, .pipeline = (int32_t)cell, .n_waiting = (int64_t)i % 5};
}

static void see(struct source *source, uint64_t cell, uint64_t i, uint64_t n)
{
    const struct ls_observer *observer = &source->feed.observer;
    const struct ls_request_row row = request_of(cell, i, n);
    const struct ls_moment moment = moment_of(cell, i);
    observer->request(observer->context, &row);
    observer->moment(observer->context, &moment);
}

static struct ls_record end(struct source *source, uint64_t cell)
{
    struct ls_record record = fake_record(cell, (uint32_t)source->rank);
    ls_detail_feed_end(&source->feed, &record);
    ls_detail_file_settle(source->file, source->rank, &record);
    free(source);
    return record;
}

static struct ls_record whole_cell(struct ls_detail_file *file, size_t rank, uint64_t cell, uint64_t n)
{
    struct source *source = begin(file, rank, cell);
    for (uint64_t i = 0; i < n; i++)
        see(source, cell, i, n);
    return end(source, cell);
}

static void assert_moments(struct ls_detail_file *file, const struct ls_record *record, uint64_t n)
{
    const struct ls_detail *detail = &record->details[LS_DETAIL_TIMELINE];
    struct ls_moment_detail *rows = calloc(n + 1, sizeof *rows);
    ck_assert_uint_eq(detail->n_rows, n);
    ck_assert_int_eq(ls_detail_file_read(file, record->cell, LS_DETAIL_TIMELINE, detail, rows, &err), LS_OK);
    for (uint64_t i = 0; i < n; i++) {
        ck_assert_int_eq(rows[i].pipeline, (int)record->cell);
        ck_assert_int_eq(rows[i].waiting, (int64_t)i % 5);
        ck_assert_double_eq(rows[i].time_s, (double)(i * 7) / 1e12);
    }
    free(rows);
}

START_TEST(ranks_write_one_among_the_other)
{
    const uint64_t n[] = {10000, 1, 4000};
    struct ls_detail_file *file = open_file(3, false);
    struct source *sources[3];
    for (size_t rank = 0; rank < 3; rank++)
        sources[rank] = begin(file, rank, 5 + rank);
    for (uint64_t i = 0; i < 10000; i++)
        for (size_t rank = 0; rank < 3; rank++)
            if (i < n[rank])
                see(sources[rank], 5 + rank, i, n[rank]);
    struct ls_record records[3];
    for (size_t rank = 0; rank < 3; rank++)
        records[rank] = end(sources[rank], 5 + rank);
    close_file(file);
    file = open_file(1, true); /* a resume, on fewer ranks */
    const struct ls_record after = whole_cell(file, 0, 9, 3000);
    for (size_t rank = 0; rank < 3; rank++) {
        ck_assert(ls_detail_file_has(file, &records[rank]));
        assert_moments(file, &records[rank], n[rank]);
    }
    assert_moments(file, &after, 3000);
    close_file(file);
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    file = open_file(1, false);
    ck_assert(!ls_detail_file_has(file, &records[0]));
    close_file(file);
}
END_TEST

START_TEST(a_dropped_cell_leaves_no_trace)
{
    struct ls_detail_file *file = open_file(1, false);
    struct source *source = begin(file, 0, 5);
    for (uint64_t i = 0; i < 5000; i++)
        see(source, 5, i, 5000);
    struct ls_record failed = {.cell = 5, .status = LS_CELL_FAILED};
    ls_detail_file_settle(file, 0, &failed);
    ck_assert_uint_eq(failed.details[LS_DETAIL_REQUESTS].last, 0);
    ck_assert(ls_detail_file_has(file, &failed));
    free(source);
    const struct ls_record again = whole_cell(file, 0, 5, 3000);
    assert_moments(file, &again, 3000);
    close_file(file);
}
END_TEST

/* A flipped bit at many places, and a file that was cut. */
START_TEST(damage_is_noticed)
{
    struct ls_detail_file *file = open_file(1, false);
    const struct ls_record record = whole_cell(file, 0, 2, 2000);
    close_file(file);
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    for (long at = 8; at < status.st_size; at += 997) {
        FILE *stream = fopen(path, "r+b");
        (void)fseek(stream, at, SEEK_SET);
        const int byte = fgetc(stream);
        (void)fseek(stream, at, SEEK_SET);
        (void)fputc(byte ^ 16, stream);
        (void)fclose(stream);
        file = open_file(1, true);
        ck_assert_msg(!ls_detail_file_has(file, &record), "byte %ld", at);
        close_file(file);
        stream = fopen(path, "r+b");
        (void)fseek(stream, at, SEEK_SET);
        (void)fputc(byte, stream);
        (void)fclose(stream);
    }
    file = open_file(1, true);
    ck_assert(ls_detail_file_has(file, &record));
    ck_assert_int_eq(truncate(path, status.st_size - 1), 0);
    struct ls_request_detail *rows = calloc(2000, sizeof *rows);
    const bool last_is_request = record.details[LS_DETAIL_REQUESTS].last > record.details[LS_DETAIL_TIMELINE].last;
    const enum ls_detail_kind kind = last_is_request ? LS_DETAIL_REQUESTS : LS_DETAIL_TIMELINE;
    ck_assert_int_eq(ls_detail_file_read(file, 2, kind, &record.details[kind], rows, &err), LS_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "details of cell 2 are damaged in"));
    free(rows);
    close_file(file);
}
END_TEST

START_TEST(what_cannot_be_opened_says_why)
{
    struct ls_detail_file *file;
    ck_assert_int_eq(ls_detail_file_open("/nowhere/a.details", 1, false, &file, &err), LS_IO);
    ck_assert_str_eq(err.text, "cannot open /nowhere/a.details: No such file or directory");
    ck_assert_int_eq(ls_detail_file_open("/dev/null", 1, false, &file, &err), LS_IO);
    ck_assert_str_eq(err.text, "cannot write /dev/null: not a regular file");
}
END_TEST

static uint64_t rows_of(uint64_t cell)
{
    return fake_infeasible(cell) ? 0 : cell == 11 ? 70001 : 15 + cell; /* one that is more than a batch */
}

/* The cells first, first + step, … modulo their number. */
static void write_cube(uint64_t first, uint64_t step, uint64_t n, char digest[65])
{
    struct ls_axis axes[8];
    struct ls_study study = fake_study(axes);
    study.output_kinds = BOTH;
    struct ls_journal_key key = {.n_cells = study.n_cells, .resolved = study.resolved};
    memcpy(key.sha256, study.sha256, sizeof key.sha256);
    struct ls_journal *journal = NULL;
    ck_assert_int_eq(ls_journal_open(journal_path, &key, false, NULL, NULL, &journal, &err), LS_OK);
    struct ls_detail_file *file = open_file(2, false);
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t cell = (first + i * step) % FAKE_CELLS;
        const struct ls_record record = whole_cell(file, i % 2, cell, rows_of(cell));
        ck_assert_int_eq(ls_journal_append(journal, &record, &err), LS_OK);
    }
    ck_assert_msg(ls_cube_write(cube_path, &study, journal, file, &err) == LS_OK, "%s", err.text);
    ck_assert_int_eq(ls_journal_close(journal, true, &err), LS_OK);
    ck_assert_int_eq(ls_detail_file_close(file, true, &err), LS_OK);
    ck_assert_msg(ls_cube_digest(cube_path, digest, &err) == LS_OK, "%s", err.text);
}

static void assert_requests(struct ls_cube *cube, uint64_t cell, uint64_t start, uint64_t count)
{
    struct ls_request_detail *rows = calloc((size_t)count + 1, sizeof *rows);
    ck_assert_uint_eq(count, rows_of(cell));
    ck_assert_int_eq(ls_cube_rows(cube, LS_DETAIL_REQUESTS, start, (size_t)count, rows, &err), LS_OK);
    for (uint64_t i = 0; i < count; i++) {
        ck_assert_int_eq(rows[i].request, (int64_t)i);
        ck_assert_int_eq(rows[i].pipeline, (int)cell);
        ck_assert_int_eq(rows[i].prompt_tokens, (int)(100 + i));
        ck_assert_double_eq(rows[i].arrival_s, (double)(i * 1000003 + cell) / 1e12);
        if (i % 7 == 3)
            ck_assert_double_nan(rows[i].tpot_s);
        else
            ck_assert_double_eq(rows[i].tpot_s, 100e-12);
    }
    free(rows);
}

START_TEST(a_cube_holds_them_cell_after_cell)
{
    char digest[65], other[65];
    uint64_t start[FAKE_CELLS], count[FAKE_CELLS], next = 0;
    write_cube(0, 1, FAKE_CELLS, digest);
    write_cube(13, 5, FAKE_CELLS, other);
    ck_assert_str_eq(digest, other);
    struct ls_cube *cube = NULL;
    ck_assert_int_eq(ls_cube_open(cube_path, &cube, &err), LS_OK);
    ck_assert_uint_eq(ls_cube_kinds(cube), BOTH);
    ck_assert_int_eq(ls_cube_ranges(cube, LS_DETAIL_REQUESTS, start, count, &err), LS_OK);
    for (uint64_t cell = 0; cell < FAKE_CELLS; cell++) {
        ck_assert_uint_eq(start[cell], next);
        assert_requests(cube, cell, start[cell], count[cell]);
        next += count[cell];
    }
    ls_cube_close(cube);
}
END_TEST

static void see_record(const struct ls_record *record, void *context)
{
    const struct ls_detail *details = record->details;
    *(uint64_t *)context += details[LS_DETAIL_REQUESTS].n_rows;
    ck_assert_uint_eq(record->kinds, BOTH);
    ck_assert_uint_eq(details[LS_DETAIL_REQUESTS].n_rows, rows_of(record->cell));
    ck_assert_uint_eq(details[LS_DETAIL_TIMELINE].n_rows, rows_of(record->cell));
}

START_TEST(records_of_a_cube_say_where_their_rows_are)
{
    char digest[65];
    uint64_t n_seen = 0, n = 0;
    write_cube(0, 1, 40, digest);
    for (uint64_t cell = 0; cell < 40; cell++)
        n += rows_of(cell);
    struct ls_cube *cube = NULL;
    ck_assert_int_eq(ls_cube_open(cube_path, &cube, &err), LS_OK);
    ck_assert_int_eq(ls_cube_records(cube, see_record, &n_seen, &err), LS_OK);
    ck_assert_uint_eq(n_seen, n);
    ls_cube_close(cube);
}
END_TEST

/* Of cells that show nothing: there is no dimension of length 0 in netCDF. */
START_TEST(a_cube_without_rows_still_says_so)
{
    char digest[65];
    write_cube(0, 1, 1, digest);
    struct ls_cube *cube = NULL;
    uint64_t start[FAKE_CELLS], count[FAKE_CELLS];
    ck_assert(fake_infeasible(0));
    ck_assert_int_eq(ls_cube_open(cube_path, &cube, &err), LS_OK);
    ck_assert_uint_eq(ls_cube_kinds(cube), BOTH);
    ck_assert_int_eq(ls_cube_ranges(cube, LS_DETAIL_TIMELINE, start, count, &err), LS_OK);
    for (size_t i = 0; i < FAKE_CELLS; i++)
        ck_assert(start[i] == 0 && count[i] == 0);
    ls_cube_close(cube);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("details");
    TCase *tcase = tcase_create("details");
    tcase_add_checked_fixture(tcase, enter, leave);
    tcase_add_test(tcase, ranks_write_one_among_the_other);
    tcase_add_test(tcase, a_dropped_cell_leaves_no_trace);
    tcase_add_test(tcase, damage_is_noticed);
    tcase_add_test(tcase, what_cannot_be_opened_says_why);
    tcase_add_test(tcase, a_cube_holds_them_cell_after_cell);
    tcase_add_test(tcase, records_of_a_cube_say_where_their_rows_are);
    tcase_add_test(tcase, a_cube_without_rows_still_says_so);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
