#include "cli/study_args.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "io/study_file.h"

void ls_study_args_set(struct ls_study_args *args, const char *assignment)
{
    if (args->n_sets == LS_MAX_SETS) {
        (void)fprintf(stderr, "llmsweep: more than %d --set options; put the values into the study\n", LS_MAX_SETS);
        exit(LS_EXIT_INPUT);
    }
    args->sets[args->n_sets++] = assignment;
}

enum ls_status ls_study_args_load(const struct ls_study_args *args, const char *path, int single,
                                  struct ls_study *study)
{
    struct ls_diags diags = {0};
    const enum ls_status status = ls_study_load(path, args->sets, args->n_sets, single, study, &diags);
    ls_diags_print(&diags, stderr);
    ls_diags_release(&diags);
    return status;
}
