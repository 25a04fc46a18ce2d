#include "cli/commands.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct ls_command ls_commands[] = {
    {"run", "simulate every cell of a study, on all ranks that mpirun or srun started, into a cube",
     "STUDY.yaml [-o CUBE.h5] [OPTION]...",
     "  -o, --output CUBE.h5  where the results go (default: the study's output.cube)\n"
     "  --set KEY=VALUE       lay a value over the file; on an axis it fixes the axis to that value\n"
     "  --resume              go on with an unfinished run; start where there is none\n"
     "  --overwrite           start anew, whatever is there\n"
     "  --reuse OLD.h5        take over results of the same scenarios from a cube, which may be CUBE.h5\n"
     "  --shard I/N           run the I-th of N parts of the cells; llmsweep merge puts the parts together\n"
     "  --max-seconds N       stop after N seconds, resumable, with exit status 3\n"
     "  --progress MODE       auto, bar, log or none\n"
     "  --quiet               neither progress nor summary\n",
     "mpirun -n 2 llmsweep run configs/studies/quickstart.yaml -o quickstart.h5", ls_command_run},
    {"status", "how far a sweep is, from its journal or its cube", "CUBE.h5", "",
     "llmsweep run configs/studies/quickstart.yaml -o quickstart.h5 & llmsweep status quickstart.h5",
     ls_command_status},
    {"merge", "put the cubes of a study's shards (run --shard) together",
     "STUDY.yaml [-o CUBE.h5] [OPTION]... SHARD.h5...",
     "  -o, --output CUBE.h5  where the results go (default: the study's output.cube)\n"
     "  --set KEY=VALUE       as the shards were run\n"
     "  --overwrite           replace what is there\n",
     "llmsweep merge study.yaml -o all.h5 all.1-of-2.h5 all.2-of-2.h5", ls_command_merge},
    {"plan",
     "what a study would do: its cells, how many are feasible and why the others are not, and how long it takes",
     "STUDY.yaml [--set KEY=VALUE]...", "  --set KEY=VALUE  lay a value over the file, as run does\n",
     "llmsweep plan configs/studies/first.yaml", ls_command_plan},
    {"validate", "check a study: every error at once, with line and column", "STUDY.yaml [--set KEY=VALUE]...",
     "  --set KEY=VALUE  lay a value over the file, as run does\n", "llmsweep validate configs/studies/first.yaml",
     ls_command_validate},
    {"check",
     "whether a deployment can go ahead: memory, experts, communication and the study's targets, pass or fail each",
     "STUDY.yaml [--set KEY=VALUE]...",
     "  --set KEY=VALUE  lay a value over the file's (tp is short for strategy.tp)\n",
     "llmsweep check configs/studies/moe-optimal-strategy.yaml", ls_command_check},
    {"simulate", "one cell of a study, all its metrics", "STUDY.yaml [OPTION]...",
     "  --set KEY=VALUE   lay a value over the file's (tp is short for strategy.tp)\n"
     "  --json            one JSON object instead of a table\n"
     "  --requests FILE   CSV: a row for each request, with its times\n"
     "  --timeline FILE   CSV: queue, running requests, KV blocks and batch of each scheduler over time\n"
     "  --trace FILE      JSON for Perfetto (ui.perfetto.dev): stages, collectives, queues, requests\n",
     "llmsweep simulate configs/studies/first.yaml --set tp=4 --set dp=2", ls_command_simulate},
    {"show", "what is in a cube: axes, coverage, ranges of the metrics, provenance", "CUBE.h5 [--digest]",
     "  --digest  print the hash of the results alone: the same study gives the same one\n",
     "llmsweep show results/first.h5", ls_command_show},
    {"best", "the best deployments of a cube", "CUBE.h5 [OPTION]...",
     "  --by METRIC             what to rank by: output_token_throughput_per_gpu unless told (training:\n"
     "                          tflop_per_s_per_gpu, matmul: tflop_per_s); which way is better, the metric knows;\n"
     "                          saturated points, which no steady state describes, come last\n"
     "  --where EXPR            only points for which this holds, over axes, metrics, gpus, status and reason\n"
     "  --pareto METRIC,METRIC  only points that no other one beats in both, and a plot of them\n"
     "  --versus EXPR           what each row has more than the best point for which this holds (best: the best of\n"
     "                          all): differences of replicas that had the same requests, with their interval\n"
     "  --top N                 as many rows (10; all of a front)\n"
     "  --csv                   comma-separated values in full precision\n",
     "llmsweep best results/first.h5 --where \"model == 'llama-3.1-70b' and ttft_p99_s < 1\"", ls_command_best},
    {"export", "a cube as comma-separated values, one row a cell", "CUBE.h5 --csv FILE",
     "  --csv FILE  the file to write, - for standard output\n", "llmsweep export results/first.h5 --csv first.csv",
     ls_command_export},
    {"models", "the models of the library, with parameter counts and bytes", "[NAME]", "",
     "llmsweep models llama-3.1-70b", ls_command_models},
    {"hardware", "the GPUs of the library, with memory, bandwidth and peaks", "[NAME]", "",
     "llmsweep hardware h100-sxm", ls_command_hardware},
};

const size_t ls_n_commands = sizeof ls_commands / sizeof ls_commands[0];

const struct ls_command *ls_command_find(const char *name)
{
    for (size_t i = 0; i < ls_n_commands; i++)
        if (strcmp(ls_commands[i].name, name) == 0)
            return &ls_commands[i];
    return NULL;
}

void ls_command_help(const struct ls_command *command)
{
    (void)printf("Usage: llmsweep %s %s\n\n%c%s.\n\n", command->name, command->usage, toupper(command->summary[0]),
                 command->summary + 1);
    if (command->options[0])
        (void)printf("Options:\n%s\n", command->options);
    (void)printf("Example:\n  %s\n", command->example);
}

int ls_command_misuse(const char *name, const char *wrong)
{
    const struct ls_command *command = ls_command_find(name);
    (void)fprintf(stderr, "llmsweep %s: %s\nUsage: llmsweep %s %s\n", name, wrong, name, command->usage);
    return LS_EXIT_INPUT;
}

int ls_command_option(const char *name, int argc, char **argv, const char *shorts, const struct option *options)
{
    opterr = 0;
    const int option = getopt_long(argc, argv, shorts, options, NULL);
    char wrong[128];
    switch (option) {
    case 'h':
        ls_command_help(ls_command_find(name));
        exit(LS_EXIT_OK);
    case ':':
        (void)snprintf(wrong, sizeof wrong, "option %.80s needs a value", argv[optind - 1]);
        exit(ls_command_misuse(name, wrong));
    case '?':
        (void)snprintf(wrong, sizeof wrong, "unknown option %.80s", argv[optind - 1]);
        exit(ls_command_misuse(name, wrong));
    default:
        return option;
    }
}
