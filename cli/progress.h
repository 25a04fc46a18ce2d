#ifndef LS_CLI_PROGRESS_H
#define LS_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "sweep/queue.h"

/* How far a sweep is, on standard error: a bar where a person watches, a line now and then in a log. */

enum ls_progress_mode { LS_PROGRESS_AUTO, LS_PROGRESS_BAR, LS_PROGRESS_LOG, LS_PROGRESS_NONE };

struct ls_progress {
    enum ls_progress_mode mode; /* never AUTO once begun */
    size_t width;               /* columns of the terminal */
    size_t n_ranks;
    double begin_s, shown_s; /* on the caller's clock */
    double shown_frac;
    bool bar_shown;
};

/* The mode of a name (auto, bar, log, none); false when there is no such mode. */
bool ls_progress_parse(const char *name, enum ls_progress_mode *mode);

/* AUTO is a bar on a terminal, else a log. With several ranks a launcher (mpirun, srun) started this process and passes
 * its output on, so that the terminal, if any, is the launcher's. */
void ls_progress_begin(struct ls_progress *progress, enum ls_progress_mode mode, size_t n_ranks, double now_s);

/* Show it when it is time to. Cheap: only then is `describe` asked for what to append. */
typedef const char *ls_progress_describe(void *context, char *buffer, size_t size);
void ls_progress_update(struct ls_progress *progress, const struct ls_queue *queue, ls_progress_describe *describe,
                        void *context, double now_s);

/* Take the bar off the screen, before anything else is printed. */
void ls_progress_clear(struct ls_progress *progress);

/* A duration as a person reads it (4.2 s, 3 min 07 s, 5 h 20 min) into buffer; returns buffer. */
const char *ls_format_duration(double seconds, char *buffer, size_t size);

#endif
