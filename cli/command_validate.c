#include <inttypes.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/study_args.h"

int ls_command_validate(int argc, char **argv)
{
    struct ls_study_args args = {0};
    static const struct option options[] = {LS_HELP_OPTION, LS_SET_OPTION, {0}};
    while (ls_command_option("validate", argc, argv, ":h", options) != -1)
        ls_study_args_set(&args, optarg);
    if (argc - optind != 1)
        return ls_command_misuse("validate", "give one study file");
    struct ls_study study;
    if (ls_study_args_load(&args, argv[optind], 0, &study))
        return LS_EXIT_INPUT;
    (void)printf("%s: valid, %" PRIu64 " %s\n", argv[optind], study.n_cells, study.n_cells == 1 ? "cell" : "cells");
    ls_study_release(&study);
    return LS_EXIT_OK;
}
