#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "engine/suggest.h"

static void print_help(FILE *stream)
{
    (void)fprintf(stream, "llmsweep " LS_VERSION ": which deployment of this model on these GPUs is best?\n\n"
                          "Usage: llmsweep COMMAND [ARGUMENT]...\n\nCommands:\n");
    for (size_t i = 0; i < ls_n_commands; i++)
        (void)fprintf(stream, "  %-10s %s\n", ls_commands[i].name, ls_commands[i].summary);
    (void)fprintf(stream, "\nllmsweep COMMAND --help shows a command's options and an example.\n");
}

static int reject_command(const char *name)
{
    const char *names[32];
    for (size_t i = 0; i < ls_n_commands; i++)
        names[i] = ls_commands[i].name;
    const char *near = ls_suggest(name, names, ls_n_commands);
    (void)fprintf(stderr, "llmsweep: unknown command %s", name);
    if (near)
        (void)fprintf(stderr, " (did you mean %s?)", near);
    (void)fprintf(stderr, "; llmsweep --help lists the commands\n");
    return LS_EXIT_INPUT;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return LS_EXIT_INPUT;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0) {
        (void)puts("llmsweep " LS_VERSION);
        return LS_EXIT_OK;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return LS_EXIT_OK;
    }
    const struct ls_command *command = ls_command_find(name);
    if (!command)
        return reject_command(name);
    return command->main(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    (void)signal(SIGXFSZ, SIG_IGN); /* a file size limit is a failed write, which has a message */
    const int status = run(argc, argv);
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    (void)fprintf(stderr, "llmsweep: cannot write standard output: %s\n", strerror(errno ? errno : EIO));
    return LS_EXIT_FAILED;
}
