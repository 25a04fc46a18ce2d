#include "engine/serving/workload/session.h"

#include <math.h>

enum { MAX_SAID_TOK = 1 << 30 };

static struct ls_stream stream_of(const struct ls_scenario *scenario, int32_t profile, uint64_t index,
                                  enum ls_purpose purpose)
{
    return ls_stream_make((uint64_t)scenario->seed, (uint64_t)scenario->replica, (uint32_t)profile, index, purpose);
}

/* First turns have the streams that single requests have. */
static uint64_t index_of(const struct ls_turn *turn)
{
    return turn->session | (uint64_t)turn->number << 40;
}

/* -- system prompts -- */

double ls_shared_prefix_weight(const struct ls_shared_prefix *prefix, int64_t group)
{
    return pow((double)(group + 1), -prefix->skew);
}

/* ∫ x^−skew dx, and its inverse. */
static double integral(double skew, double x)
{
    return skew == 1.0 ? log(x) : (pow(x, 1.0 - skew) - 1.0) / (1.0 - skew);
}

static double inverse_integral(double skew, double y)
{
    return skew == 1.0 ? exp(y) : pow(1.0 + y * (1.0 - skew), 1.0 / (1.0 - skew));
}

/* By rejection-inversion, without a table: Hörmann and Derflinger, ACM TOMACS 6(3), 1996. */
static int64_t draw_group(const struct ls_shared_prefix *prefix, struct ls_stream *stream)
{
    const double n = (double)prefix->groups, q = prefix->skew;
    const double low = integral(q, 1.5) - 1.0, high = integral(q, n + 0.5);
    const double sure = 2.0 - inverse_integral(q, integral(q, 2.5) - pow(2.0, -q));
    for (;;) {
        const double y = high + ls_stream_uniform(stream) * (low - high), x = inverse_integral(q, y);
        const double k = fmin(fmax(floor(x + 0.5), 1.0), n);
        if (k - x <= sure || y >= integral(q, k + 0.5) - pow(k, -q))
            return (int64_t)k - 1;
    }
}

int32_t ls_shared_prefix_tok(const struct ls_scenario *scenario, int32_t profile, int64_t group)
{
    const struct ls_shared_prefix *prefix = &scenario->workload.profiles[profile].shared_prefix;
    if (prefix->lengths.kind == LS_NULL_CHOICE)
        return (int32_t)prefix->tokens;
    struct ls_stream stream = stream_of(scenario, profile, (uint64_t)group, LS_RNG_HEAD);
    const int32_t n_tok = ls_dist_sample_tok(&prefix->lengths, &stream);
    return n_tok < MAX_SAID_TOK ? n_tok : MAX_SAID_TOK;
}

static void add_head(const struct ls_scenario *scenario, const struct ls_turn *turn, struct ls_content *content)
{
    struct ls_stream stream = stream_of(scenario, turn->profile, turn->session, LS_RNG_GROUP);
    const int64_t group = draw_group(&scenario->workload.profiles[turn->profile].shared_prefix, &stream);
    content->head = ls_content_id(LS_CONTENT_GROUP, (uint64_t)turn->profile, (uint64_t)group);
    content->head_tok = content->part_tok = ls_shared_prefix_tok(scenario, turn->profile, group);
}

/* -- turns -- */

/* Whether a session goes on after a turn. */
static bool goes_on(const struct ls_scenario *scenario, const struct ls_turn *turn)
{
    const struct ls_sessions *sessions = &scenario->workload.profiles[turn->profile].sessions;
    struct ls_stream once = stream_of(scenario, turn->profile, turn->session, LS_RNG_TURNS);
    if (ls_stream_uniform(&once) >= sessions->start || turn->number + 1 >= sessions->max_turns)
        return false;
    if (sessions->turns.kind != LS_NULL_CHOICE)
        return turn->number + 1 < ls_dist_sample_tok(&sessions->turns, &once);
    struct ls_stream each = stream_of(scenario, turn->profile, index_of(turn), LS_RNG_SESSION);
    return ls_stream_uniform(&each) < sessions->go_on;
}

struct ls_utterance ls_turn_say(const struct ls_scenario *scenario, const struct ls_turn *turn)
{
    const struct ls_profile *profile = &scenario->workload.profiles[turn->profile];
    struct ls_stream prompt = stream_of(scenario, turn->profile, index_of(turn), LS_RNG_PROMPT);
    struct ls_stream output = stream_of(scenario, turn->profile, index_of(turn), LS_RNG_OUTPUT);
    struct ls_utterance said = {.content = {.own = true}};
    int64_t prompt_tok = turn->said_tok + (int64_t)ls_mixture_sample_tok(&profile->prompt_tokens, &prompt);
    said.output_tok = ls_mixture_sample_tok(&profile->output_tokens, &output);
    said.content.stream = ls_content_id(LS_CONTENT_SESSION, (uint64_t)turn->profile, turn->session);
    if (ls_profile_has_sessions(profile))
        said.content.own = turn->number == 0 && !goes_on(scenario, turn);
    if (ls_profile_has_head(profile))
        add_head(scenario, turn, &said.content);
    struct ls_stream streams = stream_of(scenario, turn->profile, index_of(turn), LS_RNG_STREAM);
    said.streams = profile->streaming >= 1 || ls_stream_uniform(&streams) < profile->streaming;
    prompt_tok += said.content.head_tok;
    said.prompt_tok = prompt_tok < INT32_MAX ? (int32_t)prompt_tok : INT32_MAX;
    return said;
}

bool ls_turn_next(const struct ls_scenario *scenario, const struct ls_turn *turn, int32_t output_tok,
                  struct ls_turn *next, double *think_s)
{
    const struct ls_profile *profile = &scenario->workload.profiles[turn->profile];
    if (!ls_profile_has_sessions(profile) || !goes_on(scenario, turn))
        return false;
    struct ls_stream prompt = stream_of(scenario, turn->profile, index_of(turn), LS_RNG_PROMPT);
    const int64_t said_tok =
        (int64_t)turn->said_tok + ls_mixture_sample_tok(&profile->prompt_tokens, &prompt) + output_tok;
    if (said_tok > MAX_SAID_TOK)
        return false;
    *next = (struct ls_turn){turn->session, turn->profile, turn->number + 1, (int32_t)said_tok};
    *think_s = 0;
    if (profile->sessions.think_s.kind != LS_NULL_CHOICE) {
        struct ls_stream think = stream_of(scenario, turn->profile, index_of(next), LS_RNG_SESSION);
        *think_s = fmax(0.0, ls_dist_sample(&profile->sessions.think_s, &think));
    }
    return true;
}

/* -- what a study says -- */

double ls_profile_mean_turns(const struct ls_profile *profile)
{
    const struct ls_sessions *sessions = &profile->sessions;
    const double most = (double)sessions->max_turns, c = sessions->go_on;
    double turns = 1;
    if (sessions->turns.kind != LS_NULL_CHOICE)
        turns = fmin(most, ls_dist_mean(&sessions->turns));
    else if (c > 0)
        turns = c < 1 ? (1 - pow(c, most)) / (1 - c) : most;
    return 1 - sessions->start + sessions->start * turns;
}

bool ls_workload_shares(const struct ls_workload *workload)
{
    bool any = false;
    for (size_t i = 0; workload->trace && i < workload->trace->n; i++)
        any |= workload->trace->requests[i].session != 0 || workload->trace->requests[i].n_part_tok > 0;
    for (int32_t i = 0; i < workload->n_profiles; i++)
        any |= ls_profile_has_sessions(&workload->profiles[i]) || ls_profile_has_head(&workload->profiles[i]);
    return any;
}

static enum ls_status check_dist(const struct ls_dist *dist, bool tok, const char *key, struct ls_err *err)
{
    struct ls_err inner = {""};
    if (dist->kind == LS_NULL_CHOICE || (tok ? ls_dist_check_tok(dist, &inner) : ls_dist_check(dist, &inner)) == LS_OK)
        return LS_OK;
    return ls_fail(err, LS_INPUT, "%s: %.300s", key, inner.text);
}

enum ls_status ls_sessions_check(const struct ls_profile *profile, struct ls_err *err)
{
    const struct ls_sessions *sessions = &profile->sessions;
    const struct ls_shared_prefix *prefix = &profile->shared_prefix;
    enum ls_status status = check_dist(&sessions->turns, true, "sessions.turns", err);
    if (status || (status = check_dist(&sessions->think_s, false, "sessions.think_s", err)) ||
        (status = check_dist(&prefix->lengths, true, "shared_prefix.lengths", err)))
        return status;
    if (sessions->go_on > 0 && sessions->turns.kind != LS_NULL_CHOICE)
        return ls_fail(err, LS_INPUT, "sessions.turns: says how many turns there are, as continue does; give one");
    if (prefix->tokens != LS_NULL_INT && prefix->lengths.kind != LS_NULL_CHOICE)
        return ls_fail(err, LS_INPUT, "shared_prefix.lengths: says how long prompts are, as tokens does; give one");
    if (!ls_profile_has_head(profile) && (prefix->groups != 1 || prefix->skew != 0))
        return ls_fail(err, LS_INPUT, "shared_prefix.tokens: groups of requests share how many? Give it, or lengths");
    return LS_OK;
}
