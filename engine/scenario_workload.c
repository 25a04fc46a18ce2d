#include "engine/scenario_workload.h"

#include "engine/scenario.h"
#include "engine/serving/workload/arrivals.h"

/* The keys of a study file below `workload`. */

static const char *const mixings[] = {"independent", "sequential_draw", NULL};
static const char *const formats[] = {"auto", "azure", "mooncake", "burstgpt", "sharegpt", "vidur", "csv", NULL};

/* Of a profile and of a trace, behind the process. */
#define ARRIVALS_ROWS                                                                                                  \
    LS_ROW_FLOAT(struct ls_arrivals, "rate", rate, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", 1e-9, 1e9,                  \
                 "Requests a second, for the whole deployment; their mean over time where it varies."),                \
        LS_ROW_FLOAT(struct ls_arrivals, "cv", cv, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", 1e-3, 1e3,                  \
                     "Coefficient of variation of the gaps (gamma)."),                                                 \
        LS_ROW_FLOAT(struct ls_arrivals, "burst_factor", burst_factor, LS_DIM_NONE, 0, "5", 1, 1e6,                    \
                     "Rate in a burst over the rate between bursts (mmpp)."),                                          \
        LS_ROW_FLOAT(struct ls_arrivals, "burst_s", burst_s, LS_DIM_SECONDS, 0, "10", 1e-6, 1e9,                       \
                     "Mean time that a burst lasts (mmpp)."),                                                          \
        LS_ROW_FLOAT(struct ls_arrivals, "calm_s", calm_s, LS_DIM_SECONDS, 0, "50", 1e-6, 1e9,                         \
                     "Mean time between bursts (mmpp)."),                                                              \
        LS_ROW_FLOAT(struct ls_arrivals, "amplitude", amplitude, LS_DIM_NONE, 0, "0.5", 0, 1,                          \
                     "How far the rate swings about its mean, as a share of it (diurnal)."),                           \
        LS_ROW_FLOAT(struct ls_arrivals, "period_s", period_s, LS_DIM_SECONDS, 0, "86400", 1e-3, 1e9,                  \
                     "Time of a swing, which begins at the mean, upwards (diurnal)."),                                 \
        LS_ROW_INT(struct ls_arrivals, "concurrency", concurrency, LS_PARAM_NULLABLE, "null", 1, 1e6,                  \
                   "Users, each with one request at a time (closed)."),                                                \
        LS_ROW_INT(                                                                                                    \
            struct ls_arrivals, "requests", requests, LS_PARAM_NULLABLE, "null", 1, 1e12,                              \
            "How many there are at the start (all_at_once), or that users send in all, first turns of sessions alone " \
            "(closed); null: max_requests ends them.")

static const struct ls_param arrivals_rows[] = {
    LS_ROW_CHOICE(
        struct ls_arrivals, "process", process, 0, "poisson", ls_process_names,
        "How requests arrive: at random (poisson), evenly (constant), with gaps of another variation (gamma), "
        "in bursts (mmpp), by the time of day (diurnal), all at the start, or each user's behind the one "
        "before (closed)."),
    ARRIVALS_ROWS,
};
static const struct ls_param_table arrivals_table = LS_TABLE(arrivals_rows);

static const struct ls_param sessions_rows[] = {
    LS_ROW_FLOAT(struct ls_sessions, "start", start, LS_DIM_NONE, 0, "1", 0, 1,
                 "Chance that a request begins a session; the others stay alone."),
    LS_ROW_FLOAT(struct ls_sessions, "continue", go_on, LS_DIM_NONE, 0, "0", 0, 1,
                 "Chance that another turn follows a turn of a session."),
    LS_ROW_GROUP(struct ls_sessions, "turns", turns, &ls_dist_params,
                 "Number of turns of a session, in place of `continue`."),
    LS_ROW_INT(struct ls_sessions, "max_turns", max_turns, 0, "1000", 1, 1 << 20, "Turns of a session at most."),
    LS_ROW_GROUP(struct ls_sessions, "think_s", think_s, &ls_dist_params,
                 "Seconds from the end of a response to the next turn; no distribution: none."),
};
static const struct ls_param_table sessions_table = LS_TABLE(sessions_rows);

static const struct ls_param shared_prefix_rows[] = {
    LS_ROW_INT(struct ls_shared_prefix, "tokens", tokens, LS_PARAM_NULLABLE, "null", 1, 1 << 24,
               "Length of every group's system prompt, tokens."),
    LS_ROW_GROUP(struct ls_shared_prefix, "lengths", lengths, &ls_dist_params,
                 "Lengths of the groups' system prompts, tokens, in place of `tokens`."),
    LS_ROW_INT(struct ls_shared_prefix, "groups", groups, 0, "1", 1, 1 << 20, "Different system prompts."),
    LS_ROW_FLOAT(struct ls_shared_prefix, "skew", skew, LS_DIM_NONE, 0, "0", 0, 10,
                 "Zipf's exponent of the groups' popularity; 0: all alike."),
};
static const struct ls_param_table shared_prefix_table = LS_TABLE(shared_prefix_rows);

static const struct ls_param profile_rows[] = {
    LS_ROW_TEXT(struct ls_profile, "name", name, LS_PARAM_REQUIRED, NULL, "Name, by which axes find the profile."),
    LS_ROW_FLOAT(struct ls_profile, "weight", weight, LS_DIM_NONE, 0, "1", 0, 1e9,
                 "Share of the requests (mixing: sequential_draw)."),
    LS_ROW_GROUP(struct ls_profile, "arrivals", arrivals, &arrivals_table, "When requests arrive."),
    LS_ROW_GROUP(struct ls_profile, "prompt_tokens", prompt_tokens, &ls_mixture_params, "Prompt lengths, tokens."),
    LS_ROW_GROUP(struct ls_profile, "output_tokens", output_tokens, &ls_mixture_params, "Output lengths, tokens."),
    LS_ROW_GROUP(struct ls_profile, "sessions", sessions, &sessions_table,
                 "Conversations: a turn's prompt is all that was said before and its own input."),
    LS_ROW_GROUP(struct ls_profile, "shared_prefix", shared_prefix, &shared_prefix_table,
                 "System prompts that requests share, in front of their own tokens."),
    LS_ROW_INT(struct ls_profile, "priority", priority, 0, "0", -1000000, 1000000,
               "With scheduling_policy priority: lower ones go first."),
    LS_ROW_FLOAT(struct ls_profile, "streaming", streaming, LS_DIM_NONE, 0, "1", 0, 1,
                 "Share of the requests whose tokens are sent one by one; the others have theirs with the last, and no "
                 "TTFT, TPOT or ITL."),
};
static const struct ls_param_table profile_table = LS_TABLE(profile_rows);

static const struct ls_param trace_arrivals_rows[] = {
    LS_ROW_CHOICE(struct ls_arrivals, "process", process, LS_PARAM_NULLABLE, "null", ls_process_names,
                  "How the recorded requests arrive, as in a profile; null: when they were recorded."),
    ARRIVALS_ROWS,
};
static const struct ls_param_table trace_arrivals_table = LS_TABLE(trace_arrivals_rows);

static const struct ls_param trace_rows[] = {
    LS_ROW_TEXT(struct ls_trace_options, "file", file, LS_PARAM_NULLABLE, "null",
                "Recorded requests: a name in configs/workloads or a path."),
    LS_ROW_CHOICE(struct ls_trace_options, "format", format, 0, "auto", formats, "Form of the file."),
    LS_ROW_FLOAT(struct ls_trace_options, "time_scale", time_scale, LS_DIM_NONE, 0, "1", 1e-6, 1e6,
                 "Factor on arrival times; below 1 the load is denser."),
    LS_ROW_FLOAT(struct ls_trace_options, "window_s", window_s, LS_DIM_SECONDS, LS_PARAM_NULLABLE, "null", 0, 1e9,
                 "Use only the first so many seconds of the recording."),
    LS_ROW_INT(struct ls_trace_options, "max_requests", max_requests, LS_PARAM_NULLABLE, "null", 1, 1e12,
               "Use only the first so many requests."),
    LS_ROW_GROUP(struct ls_trace_options, "arrivals", arrivals, &trace_arrivals_table,
                 "Lengths as recorded, but other times."),
    LS_ROW_FLOAT(struct ls_trace_options, "characters_per_token", characters_per_token, LS_DIM_NONE, 0, "4", 0.1, 1e3,
                 "Characters of a token, where the recording has texts (sharegpt): an approximation; English has about "
                 "4."),
};
static const struct ls_param_table trace_table = LS_TABLE(trace_rows);

static const struct ls_param workload_rows[] = {
    LS_ROW_FLOAT(struct ls_workload, "duration_s", duration_s, LS_DIM_SECONDS, LS_PARAM_NULLABLE, "null", 1e-9, 9e6,
                 "Requests arrive until then; null where max_requests or a trace ends them."),
    LS_ROW_FLOAT(struct ls_workload, "warmup_s", warmup_s, LS_DIM_SECONDS, 0, "0", 0, 9e6,
                 "The measured window starts then."),
    LS_ROW_INT(struct ls_workload, "max_requests", max_requests, LS_PARAM_NULLABLE, "null", 1, 1e12,
               "Requests that arrive at most."),
    LS_ROW_CHOICE(struct ls_workload, "mixing", mixing, 0, "independent", mixings,
                  "Each profile its own process, or one sequence of gaps that draws a profile each time."),
    LS_ROW_BOOL(struct ls_workload, "drain", drain, 0, "true",
                "Keep simulating until what arrived is done; false stops the clock at duration_s."),
    LS_ROW_LIST(struct ls_workload, "profiles", profiles, n_profiles, LS_MAX_PROFILES, &profile_table,
                "Kinds of clients."),
    LS_ROW_GROUP(struct ls_workload, "trace", trace_options, &trace_table, "A recorded workload instead of profiles."),
};
const struct ls_param_table ls_workload_params = LS_TABLE(workload_rows);
