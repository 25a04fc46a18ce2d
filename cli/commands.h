#ifndef LS_CLI_COMMANDS_H
#define LS_CLI_COMMANDS_H

#include <getopt.h>
#include <stddef.h>

/* Exit statuses of the program. */
enum ls_exit {
    LS_EXIT_OK,
    LS_EXIT_FAILED,  /* a run failed; an infeasible cell of `simulate` */
    LS_EXIT_INPUT,   /* bad usage or input */
    LS_EXIT_STOPPED, /* stopped early by a signal or --max-seconds; resumable */
};

/* A command of llmsweep: one file, one row of ls_commands. Results go to standard output, everything else to standard
 * error. */
struct ls_command {
    const char *name;
    const char *summary; /* one line */
    const char *usage;   /* arguments after the name */
    const char *options; /* one line each, or empty */
    const char *example; /* a command line that works as it stands in a source tree */
    int (*main)(int argc, char **argv);
};

extern const struct ls_command ls_commands[];
extern const size_t ls_n_commands;

const struct ls_command *ls_command_find(const char *name);

/* Help of one command to standard output. */
void ls_command_help(const struct ls_command *command);

/* The next option of a command, as getopt_long; `shorts` begins with ":h", `options` with LS_HELP_OPTION. --help prints
 * the help and ends the program with 0; an unknown option or a missing argument is reported with the usage and ends it
 * with 2, so callers see only their own options, and −1 at the end, when optind is at the first operand. */
int ls_command_option(const char *name, int argc, char **argv, const char *shorts, const struct option *options);

/* Report bad usage with the command's usage line; returns LS_EXIT_INPUT. */
int ls_command_misuse(const char *name, const char *wrong);

#define LS_HELP_OPTION                                                                                                 \
    {                                                                                                                  \
        "help", no_argument, NULL, 'h'                                                                                 \
    }

int ls_command_run(int argc, char **argv);
int ls_command_merge(int argc, char **argv);
int ls_command_status(int argc, char **argv);
int ls_command_plan(int argc, char **argv);
int ls_command_validate(int argc, char **argv);
int ls_command_check(int argc, char **argv);
int ls_command_simulate(int argc, char **argv);
int ls_command_show(int argc, char **argv);
int ls_command_best(int argc, char **argv);
int ls_command_export(int argc, char **argv);
int ls_command_models(int argc, char **argv);
int ls_command_hardware(int argc, char **argv);

#endif
