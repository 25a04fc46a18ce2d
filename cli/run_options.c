#include "cli/run_options.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/commands.h"

static double parse_seconds(const char *text)
{
    char *end;
    const double seconds = strtod(text, &end);
    if (end == text || *end || !(seconds >= 0))
        exit(ls_command_misuse("run", "--max-seconds needs a number of seconds, 0 or more"));
    return seconds;
}

/* `I/N`, I from 1. */
static void parse_shard(const char *text, struct ls_run_options *options)
{
    unsigned long long shard, n;
    char rest;
    if (sscanf(text, "%llu/%llu%c", &shard, &n, &rest) != 2 || shard < 1 || shard > n)
        exit(ls_command_misuse("run", "--shard is I/N, the I-th of N shards, such as 1/16"));
    options->shard = shard - 1;
    options->n_shards = n;
}

static void add_reuse(struct ls_run_options *options, const char *cube)
{
    if (options->n_reuse == LS_MAX_REUSE)
        exit(ls_command_misuse("run", "too many --reuse options"));
    options->reuse[options->n_reuse++] = cube;
}

static void set_mode(struct ls_run_options *options, enum ls_output_mode mode)
{
    if (options->mode != LS_OUTPUT_NEW && options->mode != mode)
        exit(ls_command_misuse("run", "--resume and --overwrite exclude each other"));
    options->mode = mode;
}

static struct ls_run_options parse(int argc, char **argv)
{
    enum { RESUME = 256, OVERWRITE, REUSE, SHARD, QUIET, PROGRESS, MAX_SECONDS };
    static const struct option names[] = {LS_HELP_OPTION,
                                          LS_SET_OPTION,
                                          {"output", required_argument, NULL, 'o'},
                                          {"resume", no_argument, NULL, RESUME},
                                          {"overwrite", no_argument, NULL, OVERWRITE},
                                          {"reuse", required_argument, NULL, REUSE},
                                          {"shard", required_argument, NULL, SHARD},
                                          {"quiet", no_argument, NULL, QUIET},
                                          {"progress", required_argument, NULL, PROGRESS},
                                          {"max-seconds", required_argument, NULL, MAX_SECONDS},
                                          {0}};
    struct ls_run_options options = {.max_seconds = INFINITY, .n_shards = 1};
    for (int option; (option = ls_command_option("run", argc, argv, ":ho:", names)) != -1;) {
        if (option == 's')
            ls_study_args_set(&options.sets, optarg);
        else if (option == 'o')
            options.cube = optarg;
        else if (option == RESUME)
            set_mode(&options, LS_OUTPUT_RESUME);
        else if (option == OVERWRITE)
            set_mode(&options, LS_OUTPUT_OVERWRITE);
        else if (option == REUSE)
            add_reuse(&options, optarg);
        else if (option == SHARD)
            parse_shard(optarg, &options);
        else if (option == QUIET)
            options.quiet = true;
        else if (option == MAX_SECONDS)
            options.max_seconds = parse_seconds(optarg);
        else if (!ls_progress_parse(optarg, &options.progress))
            exit(ls_command_misuse("run", "--progress is auto, bar, log or none"));
    }
    if (argc - optind != 1)
        exit(ls_command_misuse("run", "give one study file"));
    options.study_path = argv[optind];
    if (options.n_reuse > 0 && options.mode == LS_OUTPUT_NEW)
        options.mode = LS_OUTPUT_GROW;
    if (options.quiet)
        options.progress = LS_PROGRESS_NONE;
    return options;
}

struct ls_run_options ls_run_options_parse(int argc, char **argv, bool aloud)
{
    if (aloud)
        return parse(argc, argv);
    const int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
    (void)dup2(null, STDOUT_FILENO);
    (void)dup2(null, STDERR_FILENO);
    const struct ls_run_options options = parse(argc, argv);
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(err, STDERR_FILENO);
    (void)close(out);
    (void)close(err);
    (void)close(null);
    return options;
}
