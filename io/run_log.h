#ifndef LS_IO_RUN_LOG_H
#define LS_IO_RUN_LOG_H

#include <stdbool.h>

#include "engine/serving/observer.h"
#include "io/chrome_trace.h"
#include "io/out_file.h"

/* What one run shows, in files:
 *   requests  CSV, a row for each request as it ends; times are seconds, empty where there is none
 *   timeline  CSV, a row for each scheduler as a pass begins or its pipeline falls idle
 *   trace     JSON for Perfetto or chrome://tracing */

struct ls_run_log_paths {
    const char *requests, *timeline, *trace; /* null: none */
};

struct ls_run_log {
    struct ls_out_file requests, timeline, trace;
    struct ls_chrome_trace chrome;
    struct ls_observer observer; /* for ls_sim_observe; all null when there are no files */
};

/* Open the files; the log must not move afterwards. LS_IO, LS_NOMEM: none is open. */
LS_NODISCARD enum ls_status ls_run_log_open(struct ls_run_log *log, const struct ls_run_log_paths *paths,
                                            struct ls_err *err);

/* Put all files in their places, or with `keep` false drop them. LS_IO with the first path that failed. */
LS_NODISCARD enum ls_status ls_run_log_close(struct ls_run_log *log, bool keep, struct ls_err *err);

#endif
