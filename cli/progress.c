#include "cli/progress.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_PERIOD_S 0.2
#define LOG_PERIOD_S 10.0
#define LOG_PERIOD_FRAC 0.05
#define LOG_PERIOD_MIN_S 1.0

bool ls_progress_parse(const char *name, enum ls_progress_mode *mode)
{
    static const char *const names[] = {"auto", "bar", "log", "none"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) {
            *mode = (enum ls_progress_mode)i;
            return true;
        }
    return false;
}

/* Columns of the terminal that standard error ends at, 0 when it is none. Under a launcher our own is a pipe (and may
 * be a pseudo-terminal) to the launcher, whose own tells. */
static size_t terminal_width(bool launched)
{
    int file = STDERR_FILENO;
    if (launched) {
        char path[64];
        (void)snprintf(path, sizeof path, "/proc/%ld/fd/2", (long)getppid());
        file = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
        if (file < 0)
            return 0;
    }
    struct winsize window = {0};
    const bool terminal = isatty(file);
    const bool sized = terminal && ioctl(file, TIOCGWINSZ, &window) == 0 && window.ws_col > 0;
    if (launched)
        (void)close(file);
    return sized ? window.ws_col : terminal ? 80 : 0;
}

void ls_progress_begin(struct ls_progress *progress, enum ls_progress_mode mode, size_t n_ranks, double now_s)
{
    const size_t width = terminal_width(n_ranks > 1);
    if (mode == LS_PROGRESS_AUTO)
        mode = width ? LS_PROGRESS_BAR : LS_PROGRESS_LOG;
    *progress = (struct ls_progress){
        .mode = mode, .width = width ? width : 80, .n_ranks = n_ranks, .begin_s = now_s, .shown_s = now_s};
}

const char *ls_format_duration(double seconds, char *buffer, size_t size)
{
    const double minutes = floor(seconds / 60), hours = floor(seconds / 3600);
    if (seconds < 59.95)
        (void)snprintf(buffer, size, "%.1f s", seconds);
    else if (seconds < 3600)
        (void)snprintf(buffer, size, "%.0f min %02.0f s", minutes, floor(seconds - 60 * minutes));
    else
        (void)snprintf(buffer, size, "%.0f h %02.0f min", hours, minutes - 60 * hours);
    return buffer;
}

/* `12 of 288 cells, 4.1 cells/s, 1 min 07 s left`: the time left goes by what the cells cost, for they differ a
 * thousandfold. */
static void describe_load(const struct ls_progress *progress, const struct ls_queue_load *load, double now_s,
                          char *text, size_t size)
{
    const double elapsed_s = now_s - progress->begin_s;
    char left[32] = "?";
    if (load->cost_done > 0)
        (void)ls_format_duration((load->cost_todo + load->cost_out) * load->s_per_cost / (double)progress->n_ranks,
                                 left, sizeof left);
    const uint64_t n = load->n_todo + load->n_out + load->n_done;
    (void)snprintf(text, size, "%llu of %llu cells, %.3g cells/s, %s left", (unsigned long long)load->n_done,
                   (unsigned long long)n, elapsed_s > 0 ? (double)load->n_done / elapsed_s : 0, left);
}

static void show_bar(struct ls_progress *progress, double frac, const char *text, const char *detail)
{
    char line[1024];
    (void)snprintf(line, sizeof line, "%s%s", text, detail);
    enum { BAR = 20 };
    char bar[BAR + 1] = {0};
    for (size_t i = 0; i < BAR; i++)
        bar[i] = (double)i < frac * BAR ? '#' : '.';
    const int room = progress->width > BAR + 10 ? (int)(progress->width - BAR - 10) : 0;
    (void)fprintf(stderr, "\r[%s] %3.0f %% %.*s\033[K", bar, floor(100 * frac), room, line);
    (void)fflush(stderr);
    progress->bar_shown = true;
}

static bool is_time(const struct ls_progress *progress, double frac, double now_s)
{
    const double since_s = now_s - progress->shown_s;
    if (progress->mode == LS_PROGRESS_BAR)
        return since_s >= BAR_PERIOD_S;
    return since_s >= LOG_PERIOD_S || (since_s >= LOG_PERIOD_MIN_S && frac - progress->shown_frac >= LOG_PERIOD_FRAC);
}

void ls_progress_update(struct ls_progress *progress, const struct ls_queue *queue, ls_progress_describe *describe,
                        void *context, double now_s)
{
    if (progress->mode == LS_PROGRESS_NONE || now_s - progress->shown_s < BAR_PERIOD_S)
        return;
    const struct ls_queue_load load = ls_queue_load(queue);
    const double cost = load.cost_todo + load.cost_out + load.cost_done;
    const double frac = cost > 0 ? load.cost_done / cost : 1;
    if (!is_time(progress, frac, now_s))
        return;
    progress->shown_s = now_s;
    progress->shown_frac = frac;
    char text[256], buffer[512];
    const char *detail = describe(context, buffer, sizeof buffer);
    describe_load(progress, &load, now_s, text, sizeof text);
    if (progress->mode == LS_PROGRESS_BAR)
        show_bar(progress, frac, text, detail);
    else
        (void)fprintf(stderr, "llmsweep%s: info: %.0f %%: %s%s\n", progress->n_ranks > 1 ? "[0]" : "",
                      floor(100 * frac), text, detail);
}

void ls_progress_clear(struct ls_progress *progress)
{
    if (!progress->bar_shown)
        return;
    (void)fputs("\r\033[K", stderr);
    (void)fflush(stderr);
    progress->bar_shown = false;
}
