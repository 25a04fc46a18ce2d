/* Promises of the source: rates and shapes of every arrival process, mixtures, traces, and where arrivals end. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "engine/serving/workload/source.h"
#include "engine/sim/clock.h"
#include "tests/scenario.h"
#include "tests/suite.h"

static struct ls_scenario scenario;
static struct ls_source source;
static struct ls_arrival arrival;

static struct ls_profile *add(enum ls_process process, double rate)
{
    struct ls_profile *profile = scenario_add_profile(&scenario, rate, 10, 5);
    profile->arrivals.process = process;
    return profile;
}

static void set_up(void)
{
    ls_scenario_init(&scenario);
}

/* A user of a closed loop sends its next request. */
static bool follow(int64_t now_ps)
{
    return ls_source_follow(&source, &(struct ls_follower){.at_ps = now_ps, .any = true}, &arrival);
}

/* Mean and coefficient of variation of n gaps. */
static void measure_gaps(int n, double *mean_s, double *cv)
{
    double sum = 0, square = 0, before_s = 0;
    ls_source_init(&source, &scenario);
    for (int i = 0; i < n; i++) {
        ck_assert(ls_source_next(&source, &arrival));
        const double gap_s = ls_s_from_ps(arrival.arrival_ps) - before_s;
        ck_assert_msg(gap_s >= 0, "arrivals are in order");
        before_s += gap_s;
        sum += gap_s;
        square += gap_s * gap_s;
    }
    *mean_s = sum / n;
    *cv = sqrt(square / n - *mean_s * *mean_s) / *mean_s;
}

START_TEST(processes_have_their_rate_and_shape)
{
    static const struct {
        enum ls_process process;
        double cv;
    } cases[] = {{LS_ARRIVALS_POISSON, 1}, {LS_ARRIVALS_CONSTANT, 0}, {LS_ARRIVALS_GAMMA, 0.5}, {LS_ARRIVALS_GAMMA, 3}};
    double mean_s, cv;
    add(cases[_i].process, 4)->arrivals.cv = cases[_i].cv;
    measure_gaps(40000, &mean_s, &cv);
    ck_assert_double_eq_tol(mean_s, 0.25, 0.25 * (cases[_i].cv * 4 / 200 + 1e-9)); /* 4 σ */
    ck_assert_double_eq_tol(cv, cases[_i].cv, cases[_i].cv * 0.06 + 1e-6);
}
END_TEST

/* Number of arrivals in each of n windows. */
static void count_windows(int n, double window_s, double *count)
{
    ls_source_init(&source, &scenario);
    ck_assert(ls_source_next(&source, &arrival));
    for (int i = 0; i < n; i++)
        for (count[i] = 0; ls_s_from_ps(arrival.arrival_ps) < (i + 1) * window_s; count[i]++)
            ck_assert(ls_source_next(&source, &arrival));
}

static void mean_and_variance(int n, const double *values, double *mean, double *variance)
{
    double sum = 0, square = 0;
    for (int i = 0; i < n; i++)
        sum += values[i], square += values[i] * values[i];
    *mean = sum / n;
    *variance = square / n - *mean * *mean;
}

/* Over windows much longer than a burst the number of arrivals has the variance that the row says. */
START_TEST(counts_have_the_dispersion_of_their_process)
{
    enum { N = 2000 };
    static double count[N];
    static const enum ls_process processes[] = {LS_ARRIVALS_POISSON, LS_ARRIVALS_GAMMA, LS_ARRIVALS_MMPP};
    struct ls_arrivals *arrivals = &add(processes[_i], 4)->arrivals;
    double mean, variance;
    *arrivals = (struct ls_arrivals){processes[_i], 4, 2, 6, 2, 3, 0, 1, LS_NULL_INT, LS_NULL_INT};
    count_windows(N, 50, count);
    mean_and_variance(N, count, &mean, &variance);
    const double dispersion = ls_processes[processes[_i]].dispersion(arrivals);
    if (processes[_i] == LS_ARRIVALS_MMPP) /* calm 4/3, bursts 8 a second, 2/5 of the time; 1.2 s of memory */
        ck_assert_double_eq_tol(dispersion, 1 + 2 * 0.24 * 400. / 9 * 1.2 / 4, 1e-9);
    ck_assert_double_eq_tol(mean, 200, 4 * sqrt(200 * dispersion / N));
    ck_assert_double_eq_tol(variance / mean, dispersion, 0.13 * dispersion); /* 4 σ of a variance of N counts */
}
END_TEST

/* Every eighth of a period has its share of the arrivals, the same in every period. */
START_TEST(days_swing_about_the_mean)
{
    enum { N = 800 };
    static double count[N];
    struct ls_arrivals *arrivals = &add(LS_ARRIVALS_DIURNAL, 10)->arrivals;
    arrivals->amplitude = 1;
    arrivals->period_s = 80;
    count_windows(N, 10, count);
    for (int i = 0; i < 8; i++) {
        double sum = 0;
        for (int j = i; j < N; j += 8)
            sum += count[j];
        const double from = i * 2 * 3.14159265358979 / 8, to = from + 2 * 3.14159265358979 / 8;
        const double expected = 100 * (100 + 800 / (2 * 3.14159265358979) * (cos(from) - cos(to)));
        ck_assert_double_eq_tol(sum, expected, 4 * sqrt(expected));
    }
}
END_TEST

/* Times of no arrivals are passed through, and the draws are the same for every rate. */
START_TEST(processes_start_and_go_on_in_order)
{
    static const enum ls_process processes[] = {LS_ARRIVALS_MMPP, LS_ARRIVALS_DIURNAL};
    int32_t lengths[2][500];
    for (int drawn = 0; drawn < 2; drawn++) {
        set_up();
        struct ls_profile *profile = add(processes[_i], drawn ? 0.01 : 100);
        profile->prompt_tokens.dist = scenario_exponential(500);
        profile->arrivals.burst_factor = profile->arrivals.burst_s = profile->arrivals.calm_s = 5;
        profile->arrivals.amplitude = 1;
        profile->arrivals.period_s = 7;
        scenario.workload.mixing = drawn ? LS_MIXING_SEQUENTIAL_DRAW : LS_MIXING_INDEPENDENT;
        ls_source_init(&source, &scenario);
        int64_t before_ps = 0;
        for (int i = 0; i < 500; i++) {
            ck_assert(ls_source_next(&source, &arrival));
            ck_assert(arrival.arrival_ps >= before_ps);
            before_ps = arrival.arrival_ps;
            lengths[drawn][i] = arrival.prompt_tok;
        }
    }
    ck_assert_mem_eq(lengths[0], lengths[1], sizeof lengths[0]);
}
END_TEST

START_TEST(constant_arrivals_keep_time)
{
    add(LS_ARRIVALS_CONSTANT, 8);
    ls_source_init(&source, &scenario);
    for (int i = 1; i <= 1000; i++) {
        ck_assert(ls_source_next(&source, &arrival));
        ck_assert_int_eq(arrival.arrival_ps, i * INT64_C(125000000000));
        ck_assert_uint_eq(arrival.index, (uint64_t)i - 1);
    }
}
END_TEST

/* Independent profiles add their rates up and take part in proportion to them. */
START_TEST(independent_profiles_add_up)
{
    enum { N = 40000 };
    double mean_s, cv;
    int n_first = 0;
    add(LS_ARRIVALS_POISSON, 1);
    add(LS_ARRIVALS_POISSON, 3);
    scenario.workload.profiles[0].weight = 100; /* unused */
    measure_gaps(N, &mean_s, &cv);
    ck_assert_double_eq_tol(mean_s, 0.25, 0.005);
    ck_assert_double_eq_tol(cv, 1, 0.03);
    ls_source_init(&source, &scenario);
    for (int i = 0; i < N; i++) {
        ck_assert(ls_source_next(&source, &arrival));
        n_first += arrival.profile == 0;
    }
    ck_assert_double_eq_tol((double)n_first / N, 0.25, 0.01);
}
END_TEST

/* A profile drawn by weight, then its gap: the mean gap is Σ share / rate, whatever the rates, and the shares are the
 * weights'. */
START_TEST(drawn_profiles_mix_by_weight)
{
    enum { N = 40000 };
    static const double weight[3] = {1, 2, 5}, rate[3] = {10, 1, 4};
    double mean_s, cv, expected_s = 0;
    int count[3] = {0};
    for (int i = 0; i < 3; i++) {
        add(LS_ARRIVALS_POISSON, rate[i])->weight = weight[i];
        expected_s += weight[i] / 8 / rate[i];
    }
    scenario.workload.mixing = LS_MIXING_SEQUENTIAL_DRAW;
    measure_gaps(N, &mean_s, &cv);
    ck_assert_double_eq_tol(mean_s, expected_s, 0.03 * expected_s);
    ls_source_init(&source, &scenario);
    for (int i = 0; i < N; i++) {
        ck_assert(ls_source_next(&source, &arrival));
        count[arrival.profile]++;
    }
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq_tol((double)count[i] / N, weight[i] / 8, 0.01);
}
END_TEST

START_TEST(arrivals_end_with_the_number_or_the_time_whichever_is_first)
{
    int n = 0;
    add(LS_ARRIVALS_CONSTANT, 10);
    scenario.workload.max_requests = 30;
    scenario.workload.duration_s = _i ? 2.05 : 100;
    ls_source_init(&source, &scenario);
    while (ls_source_next(&source, &arrival))
        n++;
    ck_assert_int_eq(n, _i ? 20 : 30);
    ck_assert(!ls_source_next(&source, &arrival));
}
END_TEST

START_TEST(a_request_at_the_very_end_does_not_arrive)
{
    int n = 0;
    add(LS_ARRIVALS_CONSTANT, 10);
    scenario.workload.duration_s = 2;
    ls_source_init(&source, &scenario);
    while (ls_source_next(&source, &arrival))
        n++;
    ck_assert_int_eq(n, 19);
}
END_TEST

START_TEST(all_at_once_is_at_the_start)
{
    int n = 0;
    add(LS_ARRIVALS_ALL_AT_ONCE, 1);
    scenario.workload.max_requests = 50;
    ls_source_init(&source, &scenario);
    for (; ls_source_next(&source, &arrival); n++)
        ck_assert_int_eq(arrival.arrival_ps, 0);
    ck_assert_int_eq(n, 50);
    ck_assert_int_eq(ls_source_users(&source), 0);
}
END_TEST

/* The requests of a closed loop are the same ones in the same order, whoever sends them and when. */
START_TEST(a_closed_loop_starts_its_users_and_follows_completions)
{
    int32_t lengths[12];
    add(LS_ARRIVALS_CLOSED, 1)->arrivals.concurrency = _i ? 3 : 7;
    scenario.workload.profiles[0].prompt_tokens.dist = scenario_exponential(500);
    scenario.workload.max_requests = 12;
    ls_source_init(&source, &scenario);
    ck_assert_int_eq(ls_source_users(&source), _i ? 3 : 7);
    int n = 0;
    for (; ls_source_next(&source, &arrival); n++) {
        ck_assert_int_eq(arrival.arrival_ps, 0);
        lengths[n] = arrival.prompt_tok;
    }
    ck_assert_int_eq(n, _i ? 3 : 7);
    for (; follow(1000 + n); n++) {
        ck_assert_int_eq(arrival.arrival_ps, 1000 + n);
        ck_assert_uint_eq(arrival.index, (uint64_t)n);
        lengths[n] = arrival.prompt_tok;
    }
    ck_assert_int_eq(n, 12);
    scenario.workload.profiles[0].arrivals.concurrency = 12;
    ls_source_init(&source, &scenario);
    for (int i = 0; i < 12; i++) {
        ck_assert(ls_source_next(&source, &arrival));
        ck_assert_int_eq(arrival.prompt_tok, lengths[i]);
    }
}
END_TEST

/* What follows a request of that profile, which ends at `now`; false when nothing does. */
static bool follow_one_of(int32_t profile, int64_t now_ps)
{
    struct ls_follower follower;
    const struct ls_turn turn = {.profile = profile};
    return ls_source_after(&source, &turn, 5, false, now_ps, &follower) &&
           ls_source_follow(&source, &follower, &arrival);
}

/* Each user sends requests of its own profile, each profile as many as it may; others come at their own times. */
START_TEST(closed_loops_stand_beside_others)
{
    int n[4] = {0};
    add(LS_ARRIVALS_CLOSED, 1)->arrivals.concurrency = 3;
    add(LS_ARRIVALS_CONSTANT, 10);
    add(LS_ARRIVALS_CLOSED, 1)->arrivals.concurrency = 9;
    add(LS_ARRIVALS_ALL_AT_ONCE, 1)->arrivals.requests = 4;
    scenario.workload.profiles[2].arrivals.requests = 5;
    scenario.workload.duration_s = 1;
    scenario.workload.max_requests = 30;
    ls_source_init(&source, &scenario);
    ck_assert_int_eq(ls_source_users(&source), 12);
    ck_assert(ls_source_is_followed(&source));
    for (int64_t last_ps = 0; ls_source_next(&source, &arrival); last_ps = arrival.arrival_ps) {
        ck_assert_int_ge(arrival.arrival_ps, last_ps);
        ck_assert_int_eq(arrival.arrival_ps == 0, arrival.profile != 1);
        n[arrival.profile]++;
    }
    ck_assert_int_eq(n[0], 3);
    ck_assert_int_eq(n[1], 9);
    ck_assert_int_eq(n[2], 5);
    ck_assert_int_eq(n[3], 4);
    ck_assert(!follow_one_of(1, 1000));
    ck_assert(!follow_one_of(2, 1000));
    ck_assert(!follow_one_of(3, 1000));
    for (int i = 0; i < 9; i++) {
        ck_assert(follow_one_of(0, 1000 + i));
        ck_assert_int_eq(arrival.profile, 0);
        ck_assert_int_eq(arrival.arrival_ps, 1000 + i);
    }
    ck_assert(!follow_one_of(0, 2000));
}
END_TEST

START_TEST(a_share_of_the_requests_streams)
{
    enum { N = 20000 };
    int n = 0;
    add(LS_ARRIVALS_POISSON, 1)->streaming = _i * 0.5;
    ls_source_init(&source, &scenario);
    for (int i = 0; i < N; i++) {
        ck_assert(ls_source_next(&source, &arrival));
        n += arrival.streams;
    }
    ck_assert_double_eq_tol((double)n / N, _i * 0.5, _i == 1 ? 4 * 0.5 / sqrt(N) : 0.5 / N);
}
END_TEST

START_TEST(a_closed_loop_ends_with_its_time)
{
    add(LS_ARRIVALS_CLOSED, 1)->arrivals.concurrency = 1;
    scenario.workload.max_requests = 100;
    scenario.workload.duration_s = 1;
    ls_source_init(&source, &scenario);
    ck_assert(ls_source_next(&source, &arrival));
    ck_assert(follow(ls_ps_from_s(1) - 1));
    ck_assert(!follow(ls_ps_from_s(1)));
}
END_TEST

static const struct ls_trace_request recorded[] = {{.arrival_ps = 0, .prompt_tok = 10, .output_tok = 1},
                                                   {.arrival_ps = 1000000000000, .prompt_tok = 20, .output_tok = 2},
                                                   {.arrival_ps = 1000000000000, .prompt_tok = 30, .output_tok = 3},
                                                   {.arrival_ps = 2500000000000, .prompt_tok = 40, .output_tok = 4},
                                                   {.arrival_ps = 4000000000000, .prompt_tok = 50, .output_tok = 5}};
static const struct ls_trace trace = {.n = 5, .requests = recorded};

static void use_trace(void)
{
    scenario.workload.trace = &trace;
}

static int count_trace(void)
{
    int n = 0;
    use_trace();
    ls_source_init(&source, &scenario);
    for (; ls_source_next(&source, &arrival); n++) {
        ck_assert_int_eq(arrival.prompt_tok, recorded[n].prompt_tok);
        ck_assert_int_eq(arrival.output_tok, recorded[n].output_tok);
        ck_assert_int_eq(arrival.arrival_ps, recorded[n].arrival_ps / 2);
    }
    return n;
}

/* time_scale is a factor on arrival times; the window is one of the recording. */
START_TEST(traces_are_scaled_and_cut)
{
    struct ls_trace_options *const options = &scenario.workload.trace_options;
    options->time_scale = 0.5;
    ck_assert_int_eq(count_trace(), 5);
    options->window_s = 2.5;
    ck_assert_int_eq(count_trace(), 3);
    options->window_s = NAN;
    options->max_requests = 2;
    ck_assert_int_eq(count_trace(), 2);
    options->max_requests = LS_NULL_INT;
    scenario.workload.max_requests = 4;
    ck_assert_int_eq(count_trace(), 4);
    scenario.workload.duration_s = 0.75;
    ck_assert_int_eq(count_trace(), 3);
}
END_TEST

/* Lengths of the recording, in its order, at the times that a profile of the process would have. */
START_TEST(recorded_lengths_come_at_chosen_times)
{
    int64_t times_ps[5];
    struct ls_trace_options *options = &scenario.workload.trace_options;
    add(LS_ARRIVALS_POISSON, 4);
    ls_source_init(&source, &scenario);
    for (int i = 0; i < 5; i++) {
        ck_assert(ls_source_next(&source, &arrival));
        times_ps[i] = arrival.arrival_ps;
    }
    use_trace();
    options->arrivals.process = LS_ARRIVALS_POISSON;
    options->arrivals.rate = 8;
    options->time_scale = 2;
    ls_source_init(&source, &scenario);
    for (int i = 0; i < 5; i++) {
        ck_assert(ls_source_next(&source, &arrival));
        ck_assert_int_le(llabs(arrival.arrival_ps - times_ps[i]), 1);
        ck_assert_int_eq(arrival.prompt_tok, recorded[i].prompt_tok);
    }
    ck_assert(!ls_source_next(&source, &arrival));
    ck_assert(!ls_source_is_followed(&source));
}
END_TEST

START_TEST(a_closed_loop_replays_a_recording)
{
    struct ls_trace_options *options = &scenario.workload.trace_options;
    use_trace();
    options->arrivals.process = LS_ARRIVALS_CLOSED;
    options->arrivals.concurrency = 2;
    ls_source_init(&source, &scenario);
    ck_assert_int_eq(ls_source_users(&source), 2);
    int i = 0;
    for (; ls_source_next(&source, &arrival); i++)
        ck_assert_int_eq(arrival.prompt_tok, recorded[i].prompt_tok);
    ck_assert_int_eq(i, 2);
    for (; follow_one_of(0, 1000 * i); i++) {
        ck_assert_int_eq(arrival.arrival_ps, 1000 * i);
        ck_assert_int_eq(arrival.prompt_tok, recorded[i].prompt_tok);
        ck_assert_uint_eq(arrival.index, (uint64_t)i);
    }
    ck_assert_int_eq(i, 5);
}
END_TEST

START_TEST(characters_are_counted_in_tokens)
{
    static const struct ls_trace_request texts[] = {{.prompt_tok = 9, .output_tok = 1}, {0, 400, 8, 0, 0, 0}};
    static const struct ls_trace conversations = {
        .n = 2, .requests = texts, .digest = 1, .is_untimed = true, .is_in_characters = true};
    scenario.workload.trace = &conversations;
    scenario.workload.trace_options.arrivals.process = LS_ARRIVALS_ALL_AT_ONCE;
    scenario.workload.trace_options.characters_per_token = 4;
    ls_source_init(&source, &scenario);
    ck_assert(ls_source_next(&source, &arrival));
    ck_assert_int_eq(arrival.prompt_tok, 3);
    ck_assert_int_eq(arrival.output_tok, 1);
    ck_assert(ls_source_next(&source, &arrival));
    ck_assert_int_eq(arrival.prompt_tok, 100);
    ck_assert_int_eq(arrival.output_tok, 2);
    ck_assert(!ls_source_next(&source, &arrival));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("source");
    TCase *tcase = tcase_create("source");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_loop_test(tcase, processes_have_their_rate_and_shape, 0, 4);
    tcase_add_loop_test(tcase, counts_have_the_dispersion_of_their_process, 0, 3);
    tcase_add_test(tcase, days_swing_about_the_mean);
    tcase_add_loop_test(tcase, processes_start_and_go_on_in_order, 0, 2);
    tcase_add_test(tcase, constant_arrivals_keep_time);
    tcase_add_test(tcase, independent_profiles_add_up);
    tcase_add_test(tcase, drawn_profiles_mix_by_weight);
    tcase_add_loop_test(tcase, arrivals_end_with_the_number_or_the_time_whichever_is_first, 0, 2);
    tcase_add_test(tcase, a_request_at_the_very_end_does_not_arrive);
    tcase_add_test(tcase, all_at_once_is_at_the_start);
    tcase_add_loop_test(tcase, a_closed_loop_starts_its_users_and_follows_completions, 0, 2);
    tcase_add_loop_test(tcase, a_share_of_the_requests_streams, 0, 3);
    tcase_add_test(tcase, a_closed_loop_ends_with_its_time);
    tcase_add_test(tcase, traces_are_scaled_and_cut);
    tcase_add_test(tcase, closed_loops_stand_beside_others);
    tcase_add_test(tcase, recorded_lengths_come_at_chosen_times);
    tcase_add_test(tcase, a_closed_loop_replays_a_recording);
    tcase_add_test(tcase, characters_are_counted_in_tokens);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
