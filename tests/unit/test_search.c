/* Promises of searches: the same cells whatever the order of results and after a resume, the front kept, what is left
 * out said. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/study_file.h"
#include "sweep/pareto.h"
#include "sweep/search.h"
#include "sweep/study.h"
#include "tests/suite.h"

static const char *const head =
    "model: llama-3.1-8b\n"
    "cluster: {hardware: h100-sxm, nodes: 4}\n"
    "workload:\n"
    "  max_requests: 10\n"
    "  profiles: [{name: a, arrivals: {rate: 1}, prompt_tokens: {dist: constant, value: 10},"
    " output_tokens: {dist: constant, value: 10}}]\n";

static void load(struct ls_study *study, const char *sweep)
{
    char path[] = "/tmp/search-XXXXXX";
    const int descriptor = mkstemp(path);
    ck_assert_int_ge(descriptor, 0);
    FILE *file = fdopen(descriptor, "w");
    (void)fprintf(file, "%s%s", head, sweep);
    (void)fclose(file);
    struct ls_diags diags = {0};
    const enum ls_status status = ls_study_load(path, NULL, 0, 0, study, &diags);
    if (status)
        ls_diags_print(&diags, stderr);
    ck_assert_int_eq(status, LS_OK);
    ls_diags_release(&diags);
    (void)unlink(path);
}

/* What a search wanted and has not got yet, and all that it ever wanted. */
struct desk {
    uint64_t wanted[4096], n_wanted;
    unsigned char ever[4096];
};

static void want(uint64_t cell, void *context)
{
    struct desk *desk = context;
    ck_assert(!desk->ever[cell]);
    desk->ever[cell] = 1;
    desk->wanted[desk->n_wanted++] = cell;
}

typedef void fill_metrics(const struct ls_study *study, uint64_t cell, struct ls_metrics *metrics);

static struct ls_record result_of(const struct ls_study *study, uint64_t cell, fill_metrics *fill)
{
    struct ls_record record = {.cell = cell, .status = LS_CELL_DONE};
    ls_metrics_clear(&record.metrics);
    fill(study, cell, &record.metrics);
    return record;
}

/* Answer every wish, newest first or oldest first, until none is left. */
static void serve(struct ls_search *search, struct desk *desk, const struct ls_study *study, fill_metrics *fill,
                  bool newest)
{
    while (desk->n_wanted > 0) {
        const uint64_t cell = newest ? desk->wanted[desk->n_wanted - 1] : desk->wanted[0];
        if (!newest)
            memmove(desk->wanted, desk->wanted + 1, (desk->n_wanted - 1) * sizeof desk->wanted[0]);
        desk->n_wanted--;
        const struct ls_record record = result_of(study, cell, fill);
        ls_search_note(search, &record);
    }
}

static void count_skipped(uint64_t cell, enum ls_reason reason, void *context)
{
    (void)cell;
    ck_assert(reason == LS_REASON_SCREENED || reason == LS_REASON_CONVERGED);
    ++*(uint64_t *)context;
}

static uint64_t run(const struct ls_study *study, struct desk *desk, fill_metrics *fill, bool newest,
                    const struct desk *before)
{
    struct ls_search *search;
    struct ls_err err;
    uint64_t n_skipped = 0;
    memset(desk, 0, sizeof *desk);
    ck_assert_int_eq(ls_search_new(study, want, desk, &search, &err), LS_OK);
    for (uint64_t cell = 0; before && cell < study->n_cells; cell += 2) /* half of what an earlier run did */
        if (before->ever[cell]) {
            const struct ls_record record = result_of(study, cell, fill);
            ls_search_note(search, &record);
            desk->ever[cell] = 1;
        }
    ls_search_begin(search);
    serve(search, desk, study, fill, newest);
    ls_search_skipped(search, count_skipped, &n_skipped);
    ls_search_free(search);
    uint64_t n_ever = 0;
    for (uint64_t cell = 0; cell < study->n_cells; cell++)
        n_ever += desk->ever[cell];
    ck_assert_uint_eq(n_ever + n_skipped, study->n_cells);
    return n_ever;
}

/* Wherever it starts and in whichever order results come, a search runs the same cells. */
static uint64_t run_all_ways(const struct ls_study *study, struct desk *desk, fill_metrics *fill)
{
    static struct desk other;
    const uint64_t n = run(study, desk, fill, false, NULL);
    ck_assert_uint_eq(run(study, &other, fill, true, NULL), n);
    ck_assert_mem_eq(desk->ever, other.ever, sizeof other.ever);
    const struct desk first = *desk;
    ck_assert_uint_eq(run(study, &other, fill, false, &first), n);
    ck_assert_mem_eq(desk->ever, other.ever, sizeof other.ever);
    return n;
}

/* Throughput and latency rise together with tp; dp = 2 is worse in both; low is 4 % off. */
static void fill_tradeoff(const struct ls_study *study, uint64_t cell, struct ls_metrics *metrics)
{
    size_t index[LS_MAX_AXES];
    ls_study_coordinates(study, cell, index);
    const double x = (double)(index[LS_AXIS_TP] + 1), worse = index[LS_AXIS_DP] == 1 ? 1.5 : 1.0;
    const double off = index[LS_AXIS_LOD] == 0 ? 1.04 : 1.0;
    metrics->scalar[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT_PER_GPU] = 100 * x / worse * off;
    metrics->scalar[LS_METRIC_TPOT_MEAN_S] = 0.01 * x * worse * off;
    metrics->scalar[LS_METRIC_SATURATED] = 0;
}

START_TEST(screen_keeps_the_front_and_drops_what_cannot_reach_it)
{
    struct ls_study study = {0};
    struct desk desk;
    load(&study, "sweep: {axes: {tp: [1, 2, 4], dp: [1, 2], lod: [low, medium, high]}, search: {method: screen}}\n");
    /* low: all six; medium and high: the three of dp 1 */
    ck_assert_uint_eq(run_all_ways(&study, &desk, fill_tradeoff), 12);
    for (uint64_t cell = 0; cell < study.n_cells; cell++) {
        size_t index[LS_MAX_AXES];
        ls_study_coordinates(&study, cell, index);
        ck_assert_int_eq(desk.ever[cell], index[LS_AXIS_LOD] == 0 || index[LS_AXIS_DP] == 0);
    }
    ls_study_release(&study);
}
END_TEST

/* At low, tp 1 is half and tp 4 a quarter of what it is, tp 2 a ninth. */
static void fill_rough(const struct ls_study *study, uint64_t cell, struct ls_metrics *metrics)
{
    static const double throughput[2][3] = {{50, 9, 40}, {100, 81, 160}};
    size_t index[LS_MAX_AXES];
    ls_study_coordinates(study, cell, index);
    metrics->scalar[LS_METRIC_OUTPUT_TOKEN_THROUGHPUT_PER_GPU] = throughput[index[LS_AXIS_LOD] > 0][index[LS_AXIS_TP]];
}

START_TEST(screen_trusts_a_level_as_far_as_it_proves_right)
{
    struct ls_study study = {0};
    struct desk desk;
    load(&study, "sweep: {axes: {tp: [1, 2, 4], lod: [low, high]},"
                 " search: {method: screen, by: [output_token_throughput_per_gpu]}}\n");
    /* tp 1 leads at low and turns out twice as good. Four times as good as at low, tp 4 could lead, and does. Not even
     * sixteen times as good could tp 2. */
    ck_assert_uint_eq(run_all_ways(&study, &desk, fill_rough), 5);
    ck_assert(!desk.ever[3]);
    ls_study_release(&study);
}
END_TEST

START_TEST(halving_doubles_the_replicas_of_the_better_half)
{
    struct ls_study study = {0};
    struct desk desk;
    load(&study, "sweep: {axes: {tp: [1, 2, 4, 8], pp: [1, 2]}, replicas: 8, search: {method: halving}}\n");
    /* 8 points with 1 replica, 4 with 2, 2 with 4, 1 with 8 */
    ck_assert_uint_eq(run_all_ways(&study, &desk, fill_tradeoff), 8 + 4 * 1 + 2 * 2 + 1 * 4);
    ls_study_release(&study);
}
END_TEST

/* Constant at tp 1, scattered by ±30 % at tp 2. */
static void fill_scatter(const struct ls_study *study, uint64_t cell, struct ls_metrics *metrics)
{
    size_t index[LS_MAX_AXES];
    ls_study_coordinates(study, cell, index);
    const size_t replica = index[study->n_axes - 1];
    metrics->scalar[LS_METRIC_TTFT_MEAN_S] = index[LS_AXIS_TP] == 0 ? 1.0 : 1.0 + (replica % 2 ? 0.3 : -0.3);
}

START_TEST(until_stops_where_the_interval_is_narrow)
{
    struct ls_study study = {0};
    struct desk desk;
    load(&study, "sweep: {axes: {tp: [1, 2]}, replicas: {until: {metric: ttft_mean_s, half_width: 10%}, max: 60}}\n");
    (void)run_all_ways(&study, &desk, fill_scatter);
    uint64_t n[2] = {0, 0};
    for (uint64_t cell = 0; cell < study.n_cells; cell++)
        n[cell / 60] += desk.ever[cell];
    ck_assert_uint_eq(n[0], 3); /* the least that an interval needs */
    /* t · 0.3 / √n ≤ 0.1 from n = 38 on (2.026 · 0.304 / √38 = 0.0999); the rungs are 3 5 8 12 18 27 41 */
    ck_assert_uint_eq(n[1], 41);
    ls_study_release(&study);
}
END_TEST

START_TEST(a_front_holds_what_nothing_beats)
{
    struct ls_pareto front;
    ls_pareto_init(&front, 2);
    static const double points[][2] = {{3, 3}, {1, 4}, {4, 1}, {2, 2}, {2, 2}, {5, 5}};
    for (size_t i = 0; i < 6; i++)
        ls_pareto_add(&front, points[i]);
    ck_assert_uint_eq(front.n, 3);
    ck_assert(ls_pareto_beats(&front, points[0]));
    ck_assert(!ls_pareto_beats(&front, points[3]));
    ls_pareto_release(&front);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("search");
    TCase *tcase = tcase_create("search");
    tcase_add_test(tcase, screen_keeps_the_front_and_drops_what_cannot_reach_it);
    tcase_add_test(tcase, screen_trusts_a_level_as_far_as_it_proves_right);
    tcase_add_test(tcase, halving_doubles_the_replicas_of_the_better_half);
    tcase_add_test(tcase, until_stops_where_the_interval_is_narrow);
    tcase_add_test(tcase, a_front_holds_what_nothing_beats);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
