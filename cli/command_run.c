#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/run_options.h"
#include "cli/run_output.h"
#include "cli/run_reuse.h"
#include "cli/run_summary.h"
#include "cli/stop_signal.h"
#include "io/cube.h"
#include "io/detail_feed.h"
#include "sweep/cell.h"
#include "sweep/cell_cost.h"
#include "sweep/mpi/mpi_transport.h"
#include "sweep/runner.h"
#include "sweep/search.h"

/* Results survive a crash this long after they reached rank 0. */
#define COMMIT_PERIOD_S 0.2

/* The cube is written amid a run at most this often, and so that it takes at most 1/CUBE_SHARE of the time. */
#define CUBE_PERIOD_S 60.0
#define CUBE_SHARE 50.0

enum { MAX_FAILURES_SHOWN = 20 };

struct run {
    const struct ls_run_options *options;
    struct ls_transport *transport;
    struct ls_study study;
    struct ls_sim *sim;
    struct ls_detail_feed *feed; /* null: the study wants no details */
    unsigned n_failures_shown;
    double begin_s; /* of the program */
    double sweep_s; /* of the sweep */

    /* rank 0 */
    struct ls_queue *queue;
    struct ls_search *search; /* null: every cell is run */
    struct ls_run_output output;
    struct ls_run_summary summary;
    struct ls_progress progress;
    double committed_s, cube_s, cube_took_s;
    struct ls_cube *old;          /* whose results are taken over */
    enum ls_status record_status; /* of recording what was not simulated: taken over, or left out by the search */
    struct ls_err record_err;
};

static double now_s(void *context)
{
    (void)context;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

enum level { INFO, WARNING, ERROR };

/* Messages name their level, and the rank where there are several. */
static void say(struct run *run, enum level level, const char *text)
{
    static const char *const levels[] = {"info", "warning", "error"};
    ls_progress_clear(&run->progress);
    if (run->transport->n_ranks > 1)
        (void)fprintf(stderr, "llmsweep[%zu]: %s: %s\n", run->transport->rank, levels[level], text);
    else
        (void)fprintf(stderr, "llmsweep: %s: %s\n", levels[level], text);
}

/* The runner's operations. */

static bool keep_going(void *context)
{
    return ls_runner_poll(context);
}

static void hand_over(const struct ls_piece *piece, void *context)
{
    ls_runner_hand_over(context, piece);
}

static void show_failure(struct run *run, uint64_t cell, const char *why)
{
    if (run->n_failures_shown++ >= MAX_FAILURES_SHOWN)
        return;
    char name[512], text[sizeof name + LS_ERR_LEN + 64];
    (void)snprintf(text, sizeof text, "%s failed: %s%s", ls_run_summary_cell(&run->study, cell, name, sizeof name), why,
                   run->n_failures_shown == MAX_FAILURES_SHOWN ? " (further failures are only counted)" : "");
    say(run, WARNING, text);
}

static enum ls_status simulate(void *context, struct ls_runner *runner, uint64_t cell, struct ls_record *record)
{
    struct run *run = context;
    struct ls_err err = {0};
    ls_sim_watch(run->sim, keep_going, runner);
    if (run->feed)
        ls_detail_feed_begin(run->feed, run->study.output_kinds, cell, hand_over, runner);
    const enum ls_status status = ls_cell_simulate(&run->study, cell, run->sim, record, &err);
    if (status != LS_OK)
        return status;
    if (record->status == LS_CELL_FAILED)
        show_failure(run, cell, err.text);
    else if (run->feed)
        ls_detail_feed_end(run->feed, record);
    return LS_OK;
}

static enum ls_status take_piece(void *context, size_t rank, const struct ls_piece *piece, struct ls_err *err)
{
    struct run *run = context;
    return ls_detail_file_add(run->output.details, rank, piece, err);
}

static enum ls_status deliver(void *context, const struct ls_record *record, struct ls_err *err)
{
    struct run *run = context;
    ls_run_summary_add(&run->summary, record, false);
    const enum ls_status status = ls_run_output_add(&run->output, record->rank, record, err);
    if (status == LS_OK && run->search)
        ls_search_note(run->search, record);
    return status;
}

/* The cube of what is done so far. A failure now is no failure of the run: the journal has everything. */
static void write_cube(struct run *run, double start_s)
{
    struct ls_err err;
    if (ls_cube_write(run->output.cube, &run->study, run->output.journal, run->output.details, &err) != LS_OK)
        say(run, WARNING, err.text);
    run->cube_s = now_s(NULL);
    run->cube_took_s = run->cube_s - start_s;
}

static const char *describe_summary(void *context, char *buffer, size_t size)
{
    const struct run *run = context;
    return ls_run_summary_so_far(&run->summary, &run->study, buffer, size);
}

static enum ls_status tick(void *context, const struct ls_queue *queue, struct ls_err *err)
{
    struct run *run = context;
    const double at_s = now_s(NULL);
    if (at_s - run->committed_s >= COMMIT_PERIOD_S) {
        run->committed_s = at_s;
        const enum ls_status status = ls_run_output_commit(&run->output, err);
        if (status != LS_OK)
            return status;
        if (!ls_journal_is_in_place(run->output.journal))
            return ls_fail(
                err, LS_IO,
                "somebody removed %.400s; stopping, with what is finished in the cube if that can be written",
                run->output.journal_path);
    }
    if (at_s - run->cube_s >= CUBE_PERIOD_S && at_s - run->cube_s >= CUBE_SHARE * run->cube_took_s)
        write_cube(run, at_s);
    ls_progress_update(&run->progress, queue, describe_summary, run, at_s);
    return LS_OK;
}

static void lost(void *context, size_t rank, size_t n_cells)
{
    char text[128];
    (void)snprintf(text, sizeof text, "rank %zu died; its cells (%zu) go to others", rank, n_cells);
    say(context, WARNING, text);
}

static bool stop(void *context)
{
    const struct run *run = context;
    return ls_stop_signal() != 0 || now_s(NULL) - run->begin_s >= run->options->max_seconds;
}

static const struct ls_runner_ops runner_ops = {
    .simulate = simulate,
    .deliver = deliver,
    .take_piece = take_piece,
    .tick = tick,
    .lost = lost,
    .stop = stop,
    .now_s = now_s,
};

/* Before the sweep. */

static void take_over(const struct ls_record *record, void *context)
{
    struct run *run = context;
    if (!ls_queue_skip(run->queue, record->cell))
        return;
    ls_run_summary_add(&run->summary, record, true);
    if (run->search)
        ls_search_note(run->search, record);
}

/* A result that run->old holds. Those that failed are tried again. */
static void adopt(const struct ls_record *record, void *context)
{
    struct run *run = context;
    bool taken;
    if (record->status == LS_CELL_FAILED || !ls_queue_is_absent(run->queue, record->cell) ||
        run->record_status != LS_OK)
        return;
    run->record_status = ls_run_output_adopt(&run->output, &run->study, run->old, record, &taken, &run->record_err);
    if (run->record_status == LS_OK && taken)
        take_over(record, context);
}

/* Results of the cube at `path`: the study's own, left unfinished, or an older one. */
static enum ls_status adopt_cube(struct run *run, const char *path, bool own, struct ls_err *err)
{
    enum ls_status status = ls_cube_open(path, &run->old, err);
    if (status != LS_OK)
        return status;
    status = own ? ls_cube_records(run->old, adopt, run, err)
                 : ls_run_reuse(run->old, &run->study, run->queue, adopt, run, err);
    ls_cube_close(run->old);
    return status;
}

static enum ls_status adopt_all(struct run *run, struct ls_err *err)
{
    enum ls_status status = run->output.partial ? adopt_cube(run, run->output.cube, true, err) : LS_OK;
    for (size_t i = 0; i < run->options->n_reuse && status == LS_OK; i++)
        status = adopt_cube(run, run->options->reuse[i], false, err);
    if (status == LS_OK && run->record_status != LS_OK)
        status = ls_fail(err, run->record_status, "%s", run->record_err.text);
    return status;
}

/* Which shard a cell belongs to: mixed, so that no axis decides it alone (the finalizer of SplitMix64). */
static uint64_t shard_of(uint64_t cell, uint64_t n_shards)
{
    assert(n_shards > 0);
    uint64_t x = cell + UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (x ^ x >> 31) % n_shards;
}

static void want(uint64_t cell, void *context)
{
    struct run *run = context;
    if (ls_queue_is_absent(run->queue, cell))
        ls_queue_add(run->queue, cell, ls_cell_cost(&run->study, cell));
}

/* A cell that the search left out: its record says so. */
static void skip(uint64_t cell, enum ls_reason reason, void *context)
{
    struct run *run = context;
    struct ls_record record = {.cell = cell, .status = LS_CELL_NOT_RUN, .reason = (uint32_t)reason};
    ls_metrics_clear(&record.metrics);
    if (run->record_status == LS_OK)
        run->record_status = ls_run_output_add(&run->output, 0, &record, &run->record_err);
    ls_run_summary_add(&run->summary, &record, true);
}

/* Rank 0: everything that can be refused is refused here, before a cell runs. */
static enum ls_status prepare(struct run *run, struct ls_err *err)
{
    const struct ls_run_options *options = run->options;
    const char *cube = options->cube ? options->cube : run->study.output_cube;
    if (!cube[0])
        return ls_fail(err, LS_INPUT, "no name for the cube: give -o CUBE.h5, or output.cube in the study");
    if (run->study.search.method != LS_NULL_CHOICE && options->n_shards > 1)
        return ls_fail(err, LS_INPUT, "--shard: a search looks at all cells; leave one of the two out");
    ls_run_summary_begin(&run->summary, &run->study);
    enum ls_status status = ls_queue_new(run->study.n_cells, run->transport->n_ranks, &run->queue, err);
    if (status == LS_OK && run->study.search.method != LS_NULL_CHOICE)
        status = ls_search_new(&run->study, want, run, &run->search, err);
    if (status == LS_OK)
        status = ls_run_output_open(&run->output, cube, options->mode, &run->study, run->transport->n_ranks, err);
    if (status != LS_OK || run->output.complete)
        return status;
    status = ls_run_output_resume(&run->output, &run->study, take_over, run, err);
    if (status == LS_OK)
        status = adopt_all(run, err);
    if (status != LS_OK) {
        ls_run_output_abandon(&run->output);
        return status;
    }
    if (run->search)
        ls_search_begin(run->search);
    for (uint64_t cell = 0; !run->search && cell < run->study.n_cells; cell++)
        if (options->n_shards == 1 || shard_of(cell, options->n_shards) == options->shard)
            want(cell, run);
    const double at_s = now_s(NULL);
    run->committed_s = run->cube_s = at_s;
    ls_progress_begin(&run->progress, options->progress, run->transport->n_ranks, at_s);
    return LS_OK;
}

/* Every rank reads the study for itself, after rank 0 found no fault in it, so that faults are printed once. */
static enum ls_status load(struct run *run)
{
    const struct ls_run_options *options = run->options;
    struct ls_transport *transport = run->transport;
    enum ls_status status = LS_OK;
    for (int turn = 0; turn < 2 && status == LS_OK; turn++) {
        if ((transport->rank == 0) == (turn == 0))
            status = ls_study_args_load(&options->sets, options->study_path, 0, &run->study);
        status = (enum ls_status)transport->ops->max(transport, (uint32_t)status);
    }
    if (status == LS_OK && !(run->sim = ls_sim_new()))
        status = LS_NOMEM;
    if (status == LS_OK && run->study.output_kinds) {
        run->feed = calloc(1, sizeof *run->feed);
        status = run->feed ? LS_OK : LS_NOMEM;
        if (run->feed)
            ls_sim_observe(run->sim, &run->feed->observer);
    }
    return (enum ls_status)transport->ops->max(transport, (uint32_t)status);
}

/* After the sweep. */

static void show_end(struct run *run, enum ls_status status, double elapsed_s)
{
    char text[256];
    ls_progress_clear(&run->progress);
    if (status == LS_STOPPED && ls_stop_signal())
        (void)snprintf(text, sizeof text, "stopped by %s; --resume goes on", ls_stop_signal_name(ls_stop_signal()));
    else if (status == LS_STOPPED && now_s(NULL) - run->begin_s >= run->options->max_seconds)
        (void)snprintf(text, sizeof text, "stopped after %g s; --resume goes on", run->options->max_seconds);
    else if (status == LS_STOPPED)
        (void)snprintf(text, sizeof text, "stopped by a signal to another rank; --resume goes on");
    if (status == LS_STOPPED)
        say(run, INFO, text);
    if (!run->options->quiet)
        ls_run_summary_print(&run->summary, &run->study, run->transport->n_ranks, elapsed_s, stderr);
}

/* Rank 0: leave the cube behind, tell what was done, and say how it went. */
static enum ls_exit conclude(struct run *run, enum ls_status status, struct ls_err *err)
{
    const double elapsed_s = now_s(NULL) - run->sweep_s;
    if (status != LS_OK && status != LS_STOPPED)
        say(run, ERROR, err->text);
    struct ls_err late;
    if (status == LS_OK && run->search)
        ls_search_skipped(run->search, skip, run);
    if (run->record_status != LS_OK)
        say(run, ERROR, run->record_err.text);
    const enum ls_status written = ls_run_output_finish(&run->output, &run->study, status == LS_OK, &late);
    if (written != LS_OK && strcmp(late.text, err->text) != 0)
        say(run, ERROR, late.text);
    show_end(run, status, elapsed_s);
    if (written == LS_OK && !run->options->quiet)
        (void)fprintf(stderr, "  written to %s\n", run->output.cube);
    if (written != LS_OK || (status != LS_OK && status != LS_STOPPED))
        return LS_EXIT_FAILED;
    if (status == LS_STOPPED)
        return LS_EXIT_STOPPED;
    return run->summary.n_by_status[LS_CELL_FAILED] ? LS_EXIT_FAILED : LS_EXIT_OK;
}

/* All ranks: from the options to the exit status, the same everywhere. */
static enum ls_exit sweep(struct run *run)
{
    struct ls_transport *transport = run->transport;
    struct ls_err err = {0};
    enum ls_status status = load(run);
    if (status != LS_OK)
        return status == LS_NOMEM ? LS_EXIT_FAILED : LS_EXIT_INPUT;
    if (transport->rank == 0 && (status = prepare(run, &err)) != LS_OK)
        say(run, ERROR, err.text);
    status = (enum ls_status)transport->ops->max(transport, (uint32_t)status);
    if (status != LS_OK)
        return status == LS_NOMEM ? LS_EXIT_FAILED : LS_EXIT_INPUT;
    if (transport->ops->max(transport, run->output.complete)) {
        if (transport->rank == 0)
            say(run, INFO, "nothing to do: the cube is complete");
        return LS_EXIT_OK;
    }
    run->sweep_s = now_s(NULL);
    status = ls_runner_run(&runner_ops, run, transport, run->queue, &err);
    enum ls_exit code = LS_EXIT_OK;
    if (transport->rank == 0)
        code = conclude(run, status, &err);
    return (enum ls_exit)transport->ops->max(transport, code);
}

static struct ls_transport *opened;

/* Also on the way out of --help and of bad usage. */
static void close_transport(void)
{
    ls_mpi_transport_close(opened);
}

int ls_command_run(int argc, char **argv)
{
    struct ls_err err;
    ls_stop_signal_watch();
    if (ls_mpi_transport_open(&opened, &err) != LS_OK) {
        (void)fprintf(stderr, "llmsweep: %s\n", err.text);
        return LS_EXIT_INPUT;
    }
    (void)atexit(close_transport);
    const struct ls_run_options options = ls_run_options_parse(argc, argv, opened->rank == 0);
    struct run run = {.options = &options, .transport = opened, .begin_s = now_s(NULL)};
    const int code = (int)sweep(&run);
    ls_search_free(run.search);
    ls_queue_free(run.queue);
    ls_sim_free(run.sim);
    free(run.feed);
    ls_study_release(&run.study);
    return code;
}
