#ifndef LS_CLI_STUDY_ARGS_H
#define LS_CLI_STUDY_ARGS_H

#include <getopt.h>
#include <stddef.h>

#include "engine/status.h"
#include "sweep/study.h"

/* The --set options of a command that reads a study. */
#define LS_SET_OPTION                                                                                                  \
    {                                                                                                                  \
        "set", required_argument, NULL, 's'                                                                            \
    }
#define LS_MAX_SETS 256

struct ls_study_args {
    const char *sets[LS_MAX_SETS];
    size_t n_sets;
};

/* Keep one KEY=VALUE; text stays the caller's. Ends the program with 2 when there are too many. */
void ls_study_args_set(struct ls_study_args *args, const char *assignment);

/* ls_study_load, with its faults printed to standard error. */
LS_NODISCARD enum ls_status ls_study_args_load(const struct ls_study_args *args, const char *path, int single,
                                               struct ls_study *study);

#endif
