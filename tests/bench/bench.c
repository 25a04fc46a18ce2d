#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* rows name what they set */
/* How fast the simulator is, beside what the machine gives at most. See docs/performance.md.
 *
 *     bench [--runs N] [--scale S]
 *
 * Prints one table; S below 1 shortens everything (the smoke test). Times are of one core; ratios are to a limit
 * measured in the same run, and medians over the runs. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/serving/workload/source.h"
#include "engine/sim/quantile.h"
#include "engine/simulate.h"
#include "io/study_file.h"
#include "tests/bench/limit.h"
#include "tests/bench/measure.h"

enum { MAX_RUNS = 99, MANY = 64 };

static double scale = 1;
static struct ls_sim *sim;

static int64_t scaled(double n)
{
    return (int64_t)(n * scale < 1000 ? 1000 : n * scale);
}

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench: %s\n", what);
    exit(EXIT_FAILURE);
}

/* --- scenarios --- */

static struct ls_scenario one, many, coasting, high, low;

static void load(const char *file, const char *const *sets, struct ls_scenario *scenario)
{
    struct ls_study study;
    struct ls_diags diags = {0};
    struct ls_err err = {""};
    enum ls_reason reason;
    char path[4096];
    size_t n_sets = 0;
    while (sets[n_sets])
        n_sets++;
    (void)snprintf(path, sizeof path, "%s/%s", LS_SOURCE_DIR, file);
    if (ls_study_load(path, sets, n_sets, 1, &study, &diags)) {
        ls_diags_print(&diags, stderr);
        fail(path);
    }
    *scenario = study.base;
    ls_study_release(&study);
    if (ls_scenario_resolve(scenario, &reason, &err) || reason != LS_REASON_NONE)
        fail(err.text);
}

static void load_all(void)
{
    char n_one[64], n_many[64], low_out[64], high_out[64];
    static const char serving[] = "tests/bench/serving.yaml", detail[] = "configs/studies/level-of-detail-b.yaml";
    (void)snprintf(n_one, sizeof n_one, "workload.max_requests=%" PRId64, scaled(200000));
    (void)snprintf(n_many, sizeof n_many, "workload.max_requests=%" PRId64, scaled(400000));
    load(serving, (const char *const[]){n_one, NULL}, &one);
    load(serving,
         (const char *const[]){n_many, "strategy.dp=64", "cluster.nodes=32", "workload.profiles.chat.arrivals.rate=64",
                               NULL},
         &many);
    (void)snprintf(low_out, sizeof low_out, "workload.profiles.chat.output_tokens.low=%" PRId64, scaled(1e5));
    (void)snprintf(high_out, sizeof high_out, "workload.profiles.chat.output_tokens.high=%" PRId64, scaled(1e5));
    load(serving,
         (const char *const[]){"workload.max_requests=3", "workload.profiles.chat.arrivals.process=all_at_once",
                               low_out, high_out, NULL},
         &coasting);
    load(detail, (const char *const[]){"lod=high", NULL}, &high);
    high.workload.duration_s = 600 * (scale < 0.1 ? scale * 10 : 1);
    load(detail, (const char *const[]){"lod=low", NULL}, &low);
}

/* Seconds of a simulation; its metrics. */
static double simulate(const struct ls_scenario *scenario, struct ls_metrics *metrics)
{
    struct ls_result result;
    struct ls_err err = {""};
    const double start_s = cpu_s();
    if (ls_simulate(sim, scenario, &result, &err) || result.status != LS_CELL_DONE)
        fail(err.text[0] ? err.text : "a scenario does not fit");
    *metrics = result.metrics;
    return cpu_s() - start_s;
}

/* --- what is measured: a rate each --- */

static double heap(void)
{
    return limit_heap_rate(1024, scaled(3e6));
}

static double plain_one(void)
{
    return limit_plain_rate(1, scaled(400000));
}

static double plain_many(void)
{
    return limit_plain_rate(MANY, scaled(400000));
}

static double requests_per_s(const struct ls_scenario *scenario)
{
    struct ls_metrics metrics;
    const double seconds = simulate(scenario, &metrics);
    return metrics.scalar[LS_METRIC_N_ARRIVED] / seconds;
}

static double medium_one(void)
{
    return requests_per_s(&one);
}

static double medium_many(void)
{
    return requests_per_s(&many);
}

static double events_per_s(void)
{
    struct ls_metrics metrics;
    const double seconds = simulate(&high, &metrics);
    return metrics.scalar[LS_METRIC_N_EVENTS] / seconds;
}

static double cells_per_s(void)
{
    struct ls_metrics metrics;
    const int64_t n = scaled(2000);
    double seconds = 0;
    for (int64_t i = 0; i < n; i++) {
        low.workload.profiles[0].arrivals.rate = 0.2 + 0.8 * (double)i / (double)n;
        seconds += simulate(&low, &metrics);
    }
    return (double)n / seconds;
}

/* --- parts of a request's time at medium, as rates too --- */

static double draws_per_s(void)
{
    struct ls_source source;
    struct ls_arrival arrival;
    int64_t n = 0;
    ls_source_init(&source, &one);
    const double start_s = cpu_s();
    while (ls_source_next(&source, &arrival))
        n++;
    return (double)n / (cpu_s() - start_s);
}

static double adds_per_s(void)
{
    static struct ls_sketch sketch;
    struct ls_err err;
    const int64_t n = scaled(2e6);
    if (ls_sketch_init(&sketch, &err))
        fail("out of memory");
    const double start_s = cpu_s();
    for (int64_t i = 0; i < n; i++)
        ls_sketch_add(&sketch, 1000000000 + i * 7919 % 900000007 * 1000, 1);
    const double rate = (double)n / (cpu_s() - start_s);
    ls_sketch_release(&sketch);
    return rate;
}

static double coasting_steps_per_s(void)
{
    struct ls_metrics metrics;
    const double seconds = simulate(&coasting, &metrics);
    return metrics.scalar[LS_METRIC_N_STEPS] / seconds;
}

/* --- the table --- */

struct measure {
    const char *name, *unit;
    double (*rate)(void);
    int limit; /* what it is compared with; itself: nothing */
    double values[MAX_RUNS], ratios[MAX_RUNS];
};

enum { HEAP, PLAIN_ONE, PLAIN_MANY, MEDIUM_ONE, MEDIUM_MANY, HIGH, LOW, DRAWS, ADDS, COASTING, N_MEASURES };

static struct measure measures[N_MEASURES] = {
    [HEAP] = {"limit: a binary heap alone, 1,024 events", "events/s", heap, HEAP},
    [PLAIN_ONE] = {"limit: plain loop, 1 replica", "requests/s", plain_one, PLAIN_ONE},
    [PLAIN_MANY] = {"limit: plain loop, 64 replicas", "requests/s", plain_many, PLAIN_MANY},
    [MEDIUM_ONE] = {"medium, 1 replica", "requests/s", medium_one, PLAIN_ONE},
    [MEDIUM_MANY] = {"medium, 64 replicas", "requests/s", medium_many, PLAIN_MANY},
    [HIGH] = {"high, scenario B", "events/s", events_per_s, HEAP},
    [LOW] = {"low, scenario B", "cells/s", cells_per_s, LOW},
    [DRAWS] = {"part: requests drawn", "requests/s", draws_per_s, DRAWS},
    [ADDS] = {"part: values added to a sketch", "values/s", adds_per_s, ADDS},
    [COASTING] = {"part: steps of an unchanged batch", "steps/s", coasting_steps_per_s, COASTING},
};

static void print_measure(struct measure *m, size_t n_runs)
{
    const double middle = median(m->values, n_runs); /* sorts */
    (void)printf("%-44s %13.4g %-11s %9.3g .. %-9.3g", m->name, middle, m->unit, m->values[0], m->values[n_runs - 1]);
    if (&measures[m->limit] != m)
        (void)printf(" %6.2f of %s", median(m->ratios, n_runs), measures[m->limit].name + strlen("limit: "));
    (void)printf("\n");
}

/* Where a request's time goes at medium with one replica. */
static void print_parts(size_t n_runs)
{
    struct ls_metrics metrics;
    (void)simulate(&one, &metrics);
    const double n_steps = metrics.scalar[LS_METRIC_N_STEPS] / metrics.scalar[LS_METRIC_N_ARRIVED];
    const double total_ns = 1e9 / median(measures[MEDIUM_ONE].values, n_runs);
    const struct {
        const char *name;
        double ns;
    } parts[] = {
        {"drawing it", 1e9 / median(measures[DRAWS].values, n_runs)},
        {"its four latencies in sketches", 4e9 / median(measures[ADDS].values, n_runs)},
        {"its steps, as if all batches stayed unchanged", n_steps * 1e9 / median(measures[COASTING].values, n_runs)}};
    double rest_ns = total_ns;
    (void)printf("\nA request at medium, 1 replica: %.0f ns and %.1f steps\n", total_ns, n_steps);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        (void)printf("  %-62s %6.0f ns %4.0f %%\n", parts[i].name, parts[i].ns, 100 * parts[i].ns / total_ns);
        rest_ns -= parts[i].ns;
    }
    (void)printf("  %-62s %6.0f ns %4.0f %%\n", "arriving, composing and pricing the passes it changes, leaving",
                 rest_ns, 100 * rest_ns / total_ns);
}

/* --- memory --- */

/* Peak of a process of its own that simulates n requests, KiB. */
static long peak_kib(int64_t n)
{
    int ends[2];
    long kib = 0;
    if (pipe(ends))
        fail("no pipe");
    (void)fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        struct rusage usage;
        struct ls_metrics metrics;
        one.workload.max_requests = n;
        one.workload.profiles[0].arrivals.rate = 2; /* ten million come before the clock's end */
        (void)simulate(&one, &metrics);
        (void)getrusage(RUSAGE_SELF, &usage);
        _exit(write(ends[1], &usage.ru_maxrss, sizeof usage.ru_maxrss) == (ssize_t)sizeof usage.ru_maxrss ? 0 : 1);
    }
    (void)close(ends[1]);
    if (child < 0 || read(ends[0], &kib, sizeof kib) != (ssize_t)sizeof kib)
        fail("no answer from a child process");
    (void)close(ends[0]);
    (void)waitpid(child, NULL, 0);
    return kib;
}

static void print_memory(void)
{
    (void)printf("Peak memory at medium, 1 replica\n");
    for (double n = 1e5; n <= 1e7; n *= 10)
        (void)printf("  %9" PRId64 " requests %9.1f MiB\n", scaled(n), (double)peak_kib(scaled(n)) / 1024);
}

/* --- the machine --- */

static void print_machine(void)
{
    char line[256], model[256] = "unknown", load[64] = "";
    FILE *cpuinfo = fopen("/proc/cpuinfo", "r");
    while (cpuinfo && fgets(line, sizeof line, cpuinfo))
        if (sscanf(line, "model name : %255[^\n]", model) == 1)
            break;
    if (cpuinfo)
        (void)fclose(cpuinfo);
    FILE *loadavg = fopen("/proc/loadavg", "r");
    if (loadavg && fgets(load, sizeof load, loadavg))
        load[strcspn(load, " ")] = '\0';
    if (loadavg)
        (void)fclose(loadavg);
    (void)printf("%s, %ld cores, load %s\n\n", model, sysconf(_SC_NPROCESSORS_ONLN), load);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"runs", required_argument, NULL, 'r'}, {"scale", required_argument, NULL, 's'}, {0}};
    size_t n_runs = 7;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'r')
            n_runs = strtoul(optarg, NULL, 10);
        else if (c == 's')
            scale = strtod(optarg, NULL);
        else
            return 2;
    }
    if (n_runs < 1 || n_runs > MAX_RUNS || !(scale > 0) || !(sim = ls_sim_new()))
        return 2;
    load_all();
    print_machine();
    print_memory(); /* first, while the process is small */
    for (size_t run = 0; run < n_runs; run++) {
        for (int i = 0; i < N_MEASURES; i++) {
            struct measure *m = &measures[i];
            m->values[run] = m->rate();
            m->ratios[run] = m->values[run] / measures[m->limit].values[run];
        }
    }
    (void)printf("%-44s %13s %-11s %22s %s\n", "", "median", "", "of all runs", "ratio");
    for (int i = 0; i < N_MEASURES; i++)
        print_measure(&measures[i], n_runs);
    print_parts(n_runs);
    ls_sim_free(sim);
    return 0;
}
