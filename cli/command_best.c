#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/commands.h"
#include "cli/csv.h"
#include "cli/ranking.h"
#include "cli/scatter.h"
#include "cli/text_table.h"
#include "engine/scenario.h"

enum { MAX_SHOWN = 12 };

struct request {
    const char *path, *by, *where, *pareto, *versus;
    size_t top; /* 0: ten of a ranking, all of a front */
    bool csv;
};

/* The report on its way out: the chosen points, and the columns shown beside their coordinates. */
struct report {
    const struct request *request;
    struct ls_points points;
    struct ls_ranking ranking;
    size_t by, x, y; /* columns; x and y with --pareto */
    size_t success;  /* one more than that column; 0 where there is none */
    size_t n_shown, shown[MAX_SHOWN];
    size_t n_rows, *rows; /* items of the ranking */
    size_t reference;     /* with --versus: the point that the rows are compared with */
    double *by_cells;     /* with --versus: the values of `by` of all cells */
};

/* What is shown beside the metric that a kind is ranked by. */
static const char *const all_shown[LS_N_KINDS][7] = {
    [LS_SERVING] = {"gpus", "output_token_throughput_per_gpu", "goodput", "ttft_p99_s", "tpot_p99_s",
                    "mem_utilization"},
    [LS_TRAINING] = {"gpus", "tflop_per_s_per_gpu", "tokens_per_s", "step_time_s", "mfu", "bubble_frac",
                     "mem_utilization"},
    [LS_MATMUL] = {"gpus", "tflop_per_s", "time_s", "compute_s", "speedup"},
};

static size_t kind_of(struct ls_cube *cube)
{
    const char *kind = ls_cube_attribute(cube, "kind");
    for (size_t i = 0; i < LS_N_KINDS; i++)
        if (kind && strcmp(kind, ls_kind_names[i]) == 0)
            return i;
    return LS_SERVING;
}

static int fail(const char *text)
{
    (void)fprintf(stderr, "llmsweep best: %s\n", text);
    return LS_EXIT_INPUT;
}

/* ---- choosing ---- */

static void show_column(struct report *report, size_t column)
{
    for (size_t i = 0; i < report->n_shown; i++)
        if (report->shown[i] == column)
            return;
    if (report->n_shown < MAX_SHOWN)
        report->shown[report->n_shown++] = column;
}

static enum ls_status choose_columns(struct report *report, const char *by, struct ls_err *err)
{
    const char *const *shown = all_shown[kind_of(report->points.cube)];
    struct ls_err ignored;
    enum ls_status status = ls_points_column(&report->points, by, &report->by, err);
    if (status == LS_OK && report->request->pareto) {
        const char *comma = strchr(report->request->pareto, ',');
        char x[64];
        (void)snprintf(x, sizeof x, "%.*s", (int)(comma - report->request->pareto), report->request->pareto);
        status = ls_points_column(&report->points, x, &report->x, err);
        if (status == LS_OK)
            status = ls_points_column(&report->points, comma + 1, &report->y, err);
    }
    if (status != LS_OK)
        return status;
    size_t column = 0;
    if (ls_points_column(&report->points, "success_rate", &column, &ignored) == LS_OK)
        report->success = column + 1;
    if (ls_points_column(&report->points, "gpus", &column, &ignored) == LS_OK)
        show_column(report, column);
    show_column(report, report->by);
    if (report->request->pareto) {
        show_column(report, report->x);
        show_column(report, report->y);
    }
    for (size_t i = 0; i < sizeof all_shown[0] / sizeof all_shown[0][0]; i++)
        if (shown[i] && ls_points_column(&report->points, shown[i], &column, &ignored) == LS_OK)
            show_column(report, column);
    return LS_OK;
}

static enum ls_status rank(struct report *report, struct ls_err *err)
{
    struct ls_err fault = {""};
    const enum ls_status status =
        ls_ranking_make(&report->points, report->by, report->request->where, &report->ranking, &fault);
    if (status != LS_OK)
        return ls_fail(err, status, "--where: %.400s", fault.text);
    if (report->request->pareto)
        ls_ranking_mark_front(&report->points, report->x, report->y, &report->ranking);
    return LS_OK;
}

/* With --versus: find the point to compare with, and read what is compared. */
static enum ls_status choose_reference(struct report *report, struct ls_err *err)
{
    const char *versus = report->request->versus;
    struct ls_err fault = {""};
    size_t item = 0;
    if (!versus || report->ranking.n == 0)
        return LS_OK;
    if (strcmp(versus, "best") != 0 &&
        ls_ranking_find(&report->points, &report->ranking, versus, &item, &fault) != LS_OK)
        return ls_fail(err, LS_INPUT, "--versus: %.400s", fault.text);
    report->reference = report->ranking.items[item].point;
    return ls_points_cells(&report->points, report->points.columns[report->by].name, &report->by_cells, err);
}

/* Columns beside the asked ones that say nothing about the rows go. */
static void drop_empty_columns(struct report *report)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < report->n_shown; i++) {
        const struct ls_interval *values = report->points.columns[report->shown[i]].values;
        bool has_value = false;
        for (size_t row = 0; row < report->n_rows; row++)
            has_value |= !isnan(values[report->ranking.items[report->rows[row]].point].mean);
        if (has_value)
            report->shown[n_kept++] = report->shown[i];
    }
    report->n_shown = n_kept;
}

static void choose_rows(struct report *report)
{
    const struct request *request = report->request;
    const size_t top = request->top ? request->top : request->pareto ? SIZE_MAX : 10;
    report->rows = ls_alloc(report->ranking.n, sizeof *report->rows);
    for (size_t i = 0; i < report->ranking.n && report->n_rows < top; i++)
        if (!request->pareto || report->ranking.items[i].front)
            report->rows[report->n_rows++] = i;
    drop_empty_columns(report);
}

/* Whether the ranked points differ along an axis. */
static bool varies(const struct report *report, size_t axis)
{
    const struct ls_ranking *ranking = &report->ranking;
    for (size_t i = 1; i < ranking->n; i++)
        if (ls_points_coordinate(&report->points, ranking->items[i].point, axis) !=
            ls_points_coordinate(&report->points, ranking->items[0].point, axis))
            return true;
    return false;
}

static struct ls_interval difference_of(const struct report *report, const struct ls_ranked *item)
{
    return ls_points_difference(&report->points, report->by_cells, item->point, report->reference);
}

static const char *label_of(const struct report *report, size_t row, size_t axis)
{
    const size_t point = report->ranking.items[report->rows[row]].point;
    return ls_cube_axis(report->points.cube, axis)->labels[ls_points_coordinate(&report->points, point, axis)];
}

/* ---- printing ---- */

/* A count that no replica changes needs no interval. */
static bool is_exact(const struct ls_point_column *column)
{
    return strcmp(column->name, "gpus") == 0;
}

static const char *direction_of(const char *name)
{
    static const char *const words[] = {"highest first", "higher is better", "lower is better"};
    return words[ls_better_of(name)];
}

static const char *unit_of(const char *name)
{
    size_t column = 0;
    return ls_metric_column(name, &column) ? ls_metric_of_column(column)->unit : "1";
}

static void print_reference(const struct report *report)
{
    const struct ls_points *points = &report->points;
    (void)printf("difference is %s less that of", points->columns[report->by].name);
    for (size_t i = 0; i < points->n_axes; i++)
        if (varies(report, i))
            (void)printf(" %s %s", ls_points_axis_name(points, i),
                         ls_cube_axis(points->cube, i)->labels[ls_points_coordinate(points, report->reference, i)]);
    (void)printf(points->n_replicas > 1 ? ", replica by replica with the same requests\n"
                                        : "; how sure it is takes replicas (sweep.replicas)\n");
}

static void print_title(const struct report *report)
{
    const struct ls_points *points = &report->points;
    const struct ls_point_column *columns = points->columns;
    const size_t n_saturated = report->ranking.n_saturated;
    const char *by = columns[report->by].name;
    if (report->request->pareto)
        (void)printf("%s: %zu of %zu points are on the Pareto front of %s and %s\n", points->path, report->n_rows,
                     report->ranking.n, columns[report->x].name, columns[report->y].name);
    else
        (void)printf("%s: the best %zu of %zu points by %s (%s, %s)\n", points->path, report->n_rows, report->ranking.n,
                     by, unit_of(by), direction_of(by));
    if (n_saturated > 0)
        (void)printf("%zu %s saturated and %s\n", n_saturated, n_saturated == 1 ? "is" : "are",
                     report->request->pareto ? "not considered"
                     : n_saturated == 1      ? "comes last"
                                             : "come last");
    if (points->n_replicas > 1)
        (void)printf("± is the 95 %% interval of %zu replicas\n", points->n_replicas);
    if (report->by_cells)
        print_reference(report);
    const char *before = "the same in all: ";
    for (size_t i = 0; i < points->n_axes; i++) {
        if (varies(report, i))
            continue;
        const size_t at = ls_points_coordinate(points, report->ranking.items[0].point, i);
        (void)printf("%s%s %s", before, ls_points_axis_name(points, i), ls_cube_axis(points->cube, i)->labels[at]);
        before = ", ";
    }
    (void)printf(before[0] == ',' ? "\n\n" : "\n");
}

static void add_note(char *buffer, size_t size, const char *note)
{
    const size_t used = strlen(buffer);
    (void)snprintf(buffer + used, size - used, "%s%s", used ? ", " : "", note);
}

/* Whether 0 is in the interval. */
static bool is_undecided(struct ls_interval difference)
{
    return difference.half_width >= fabs(difference.mean);
}

/* What a reader of the row should know: nothing, or that its numbers are not those of a deployment that serves all. */
static const char *note_of(const struct report *report, const struct ls_ranked *item, char *buffer, size_t size)
{
    const double success = report->success ? report->points.columns[report->success - 1].values[item->point].mean : 1;
    buffer[0] = '\0';
    if (item->saturated)
        add_note(buffer, size, "saturated");
    char serves[32];
    (void)snprintf(serves, sizeof serves, "serves %.3g %%", 100 * success);
    if (success < 1)
        add_note(buffer, size, serves);
    if (report->by_cells && item->point == report->reference)
        add_note(buffer, size, "the reference");
    else if (report->by_cells && is_undecided(difference_of(report, item)))
        add_note(buffer, size, "maybe no difference");
    return buffer;
}

static void print_table(const struct report *report)
{
    const struct ls_points *points = &report->points;
    struct ls_text_table table;
    ls_text_table_init(&table);
    for (size_t i = 0; i < points->n_axes; i++)
        if (varies(report, i))
            ls_text_table_head(&table, ls_points_axis_name(points, i), !ls_cube_axis(points->cube, i)->numeric);
    for (size_t i = 0; i < report->n_shown; i++)
        ls_text_table_head(&table, points->columns[report->shown[i]].name, false);
    if (report->by_cells)
        ls_text_table_head(&table, "difference", false);
    ls_text_table_head(&table, "", true);
    for (size_t row = 0; row < report->n_rows; row++) {
        const struct ls_ranked *item = &report->ranking.items[report->rows[row]];
        for (size_t i = 0; i < points->n_axes; i++)
            if (varies(report, i))
                ls_text_table_text(&table, label_of(report, row, i));
        for (size_t i = 0; i < report->n_shown; i++) {
            const struct ls_point_column *column = &points->columns[report->shown[i]];
            struct ls_interval value = column->values[item->point];
            if (is_exact(column))
                value.half_width = NAN;
            ls_text_table_number(&table, value.mean, value.half_width);
        }
        if (report->by_cells) {
            const struct ls_interval difference = difference_of(report, item);
            ls_text_table_number(&table, difference.mean, difference.half_width);
        }
        char note[96];
        ls_text_table_text(&table, note_of(report, item, note, sizeof note));
    }
    ls_text_table_print(&table, stdout);
    ls_text_table_release(&table);
}

static void print_plot(const struct report *report)
{
    const struct ls_points *points = &report->points;
    const struct ls_point_column *x = &points->columns[report->x], *y = &points->columns[report->y];
    char x_label[128], y_label[128];
    (void)snprintf(x_label, sizeof x_label, "%s (%s)", x->name, unit_of(x->name));
    (void)snprintf(y_label, sizeof y_label, "%s (%s)", y->name, unit_of(y->name));
    struct ls_scatter_point *marks = ls_alloc(report->ranking.n, sizeof *marks);
    for (size_t i = 0; i < report->ranking.n; i++) {
        const struct ls_ranked *item = &report->ranking.items[i];
        const char mark = item->front ? 'O' : item->saturated ? 'x' : '.';
        marks[i] = (struct ls_scatter_point){x->values[item->point].mean, y->values[item->point].mean, mark};
    }
    const struct ls_scatter scatter = {x_label, y_label, "x.O", report->ranking.n, marks};
    (void)printf("\n");
    ls_scatter_print(&scatter, stdout);
    (void)printf("\n%10sO on the front   . beaten%s\n", "", report->ranking.n_saturated > 0 ? "   x saturated" : "");
    free(marks);
}

static void write_csv(const struct report *report)
{
    const struct ls_points *points = &report->points;
    struct ls_csv csv = {.stream = stdout};
    char name[96];
    for (size_t i = 0; i < points->n_axes; i++)
        ls_csv_text(&csv, ls_cube_axis(points->cube, i)->name);
    for (size_t i = 0; i < report->n_shown; i++) {
        const struct ls_point_column *column = &points->columns[report->shown[i]];
        ls_csv_text(&csv, column->name);
        (void)snprintf(name, sizeof name, "%s_ci95", column->name);
        if (points->n_replicas > 1 && !is_exact(column))
            ls_csv_text(&csv, name);
    }
    if (report->by_cells) {
        ls_csv_text(&csv, "difference");
        ls_csv_text(&csv, "difference_ci95");
    }
    ls_csv_text(&csv, "saturated");
    ls_csv_end_row(&csv);
    for (size_t row = 0; row < report->n_rows; row++) {
        const struct ls_ranked *item = &report->ranking.items[report->rows[row]];
        for (size_t i = 0; i < points->n_axes; i++)
            ls_csv_text(&csv, label_of(report, row, i));
        for (size_t i = 0; i < report->n_shown; i++) {
            const struct ls_point_column *column = &points->columns[report->shown[i]];
            ls_csv_number(&csv, column->values[item->point].mean);
            if (points->n_replicas > 1 && !is_exact(column))
                ls_csv_number(&csv, column->values[item->point].half_width);
        }
        if (report->by_cells) {
            const struct ls_interval difference = difference_of(report, item);
            ls_csv_number(&csv, difference.mean);
            ls_csv_number(&csv, difference.half_width);
        }
        ls_csv_text(&csv, item->saturated ? "1" : "0");
        ls_csv_end_row(&csv);
    }
}

/* ---- the command ---- */

static int print_report(struct report *report)
{
    if (report->ranking.n == 0) {
        (void)fprintf(stderr, "llmsweep best: no cell of %s fits; llmsweep show tells what is in it\n",
                      report->points.path);
        return LS_EXIT_FAILED;
    }
    if (report->request->csv) {
        write_csv(report);
        return LS_EXIT_OK;
    }
    print_title(report);
    if (report->n_rows > 0)
        print_table(report);
    if (report->request->pareto)
        print_plot(report);
    return LS_EXIT_OK;
}

static int best(const struct request *request)
{
    struct report report = {.request = request};
    struct ls_err err = {""};
    enum ls_status status = ls_points_open(request->path, &report.points, &err);
    if (status == LS_OK)
        status = choose_columns(&report, request->by ? request->by : ls_ranked_by[kind_of(report.points.cube)], &err);
    if (status == LS_OK)
        status = rank(&report, &err);
    if (status == LS_OK)
        status = choose_reference(&report, &err);
    if (status == LS_OK)
        choose_rows(&report);
    const int exit_status = status == LS_OK ? print_report(&report) : fail(err.text);
    free(report.by_cells);
    free(report.rows);
    ls_ranking_release(&report.ranking);
    ls_points_release(&report.points);
    return exit_status;
}

int ls_command_best(int argc, char **argv)
{
    static const struct option options[] = {{"by", required_argument, NULL, 'b'},
                                            {"where", required_argument, NULL, 'w'},
                                            {"pareto", required_argument, NULL, 'p'},
                                            {"top", required_argument, NULL, 't'},
                                            {"versus", required_argument, NULL, 'v'},
                                            {"csv", no_argument, NULL, 'c'},
                                            LS_HELP_OPTION,
                                            {0}};
    struct request request = {0};
    char *end = NULL;
    for (int option; (option = ls_command_option("best", argc, argv, ":h", options)) != -1;) {
        switch (option) {
        case 'b':
            request.by = optarg;
            break;
        case 'w':
            request.where = optarg;
            break;
        case 'p':
            request.pareto = optarg;
            if (!strchr(optarg, ',') || strchr(optarg, ',') != strrchr(optarg, ','))
                return ls_command_misuse("best", "--pareto needs two metrics, such as "
                                                 "output_token_throughput,ttft_p99_s");
            break;
        case 'v':
            request.versus = optarg;
            break;
        case 't':
            request.top = strtoul(optarg, &end, 10);
            if (*end || end == optarg || request.top == 0 || optarg[0] == '-')
                return ls_command_misuse("best", "--top needs a whole number above 0");
            break;
        default:
            request.csv = true;
        }
    }
    if (argc - optind != 1)
        return ls_command_misuse("best", "needs one cube");
    request.path = argv[optind];
    return best(&request);
}
