#ifndef LS_CLI_RUN_OPTIONS_H
#define LS_CLI_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/progress.h"
#include "cli/run_output.h"
#include "cli/study_args.h"

/* The command line of `llmsweep run`. */

#define LS_MAX_REUSE 64

struct ls_run_options {
    const char *study_path;
    const char *cube; /* null: the study's */
    enum ls_output_mode mode;
    enum ls_progress_mode progress;
    bool quiet;
    double max_seconds;       /* infinite when not given */
    uint64_t shard, n_shards; /* run the cells of one shard, from 0; n_shards 1: all */
    const char *reuse[LS_MAX_REUSE];
    size_t n_reuse;
    struct ls_study_args sets;
};

/* Ends the program on --help and on bad usage. All ranks are given the same command line; those that are not to say
 * anything `aloud` do so in silence. */
struct ls_run_options ls_run_options_parse(int argc, char **argv, bool aloud);

#endif
