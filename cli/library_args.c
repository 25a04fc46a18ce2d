#include "cli/library_args.h"

#include <stdio.h>

#include "cli/commands.h"

int ls_library_args(const char *name, int argc, char **argv, const char **item)
{
    static const struct option options[] = {LS_HELP_OPTION, {0}};
    (void)ls_command_option(name, argc, argv, ":h", options);
    if (argc - optind > 1)
        return ls_command_misuse(name, "give one name, or none for the whole list");
    *item = argv[optind];
    return LS_EXIT_OK;
}

int ls_library_list(enum ls_shelf shelf, int (*print)(const char *name))
{
    char **names;
    size_t n;
    struct ls_err err = {""};
    if (ls_library_names(shelf, &names, &n, &err)) {
        (void)fprintf(stderr, "llmsweep: %s\n", err.text);
        return LS_EXIT_FAILED;
    }
    int exit_status = LS_EXIT_OK;
    for (size_t i = 0; i < n; i++) {
        const int one = print(names[i]);
        exit_status = exit_status ? exit_status : one;
    }
    ls_library_free_names(names, n);
    return exit_status;
}

static void print_param(const char *path, const struct ls_param *param, const void *field, void *context)
{
    const union ls_value value = ls_param_load(param, field);
    char text[LS_NAME_LEN];
    (void)context;
    if (!ls_param_is_null(param, &value))
        (void)printf("  %-34s %s\n", path, ls_param_format(param, &value, text, sizeof text));
}

void ls_library_print(const struct ls_param_table *table, const void *object)
{
    ls_param_walk(table, object, print_param, NULL);
}
