/* Promises to whoever looks on: nothing changes by it; each request is shown once, with the times that the metrics sum
 * up; work never overlaps on a stage; counters are within their bounds. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "engine/serving/observer.h"
#include "tests/property/run_serving.h"
#include "tests/random_scenario.h"
#include "tests/suite.h"

enum { MAX_REQUESTS = 4096, MAX_STAGES = 256 };

static struct seen {
    int n_of[LS_N_REQUEST_ENDS], n_streamed;
    int times_seen[MAX_REQUESTS];
    int64_t generated_tok, e2e_ps, ttft_ps;
    int64_t stage_end_ps[MAX_STAGES];
    int64_t n_moments, n_spans, n_idle;
} seen;

static void see_request(void *context, const struct ls_request_row *row)
{
    (void)context;
    ck_assert_uint_lt(row->index, MAX_REQUESTS);
    seen.times_seen[row->index]++;
    seen.n_of[row->end]++;
    seen.generated_tok += row->n_generated;
    ck_assert_int_ge(row->end_ps, row->arrival_ps);
    ck_assert_int_le(row->n_generated, row->output_tok);
    ck_assert_int_eq(row->first_token_ps >= 0, row->n_generated > 0);
    if (row->scheduled_ps >= 0)
        ck_assert_int_ge(row->scheduled_ps, row->arrival_ps);
    if (row->first_token_ps >= 0)
        ck_assert_int_gt(row->first_token_ps, row->scheduled_ps);
    if (row->end != LS_REQUEST_COMPLETED)
        return;
    ck_assert_int_eq(row->n_generated, row->output_tok);
    seen.n_streamed += row->streams;
    seen.ttft_ps += row->streams ? row->first_token_ps - row->arrival_ps : 0;
    seen.e2e_ps += row->end_ps - row->arrival_ps;
}

static void see_moment(void *context, const struct ls_moment *moment)
{
    const struct random_scenario *drawn = context;
    seen.n_moments++;
    seen.n_idle += moment->batch_tok == 0;
    ck_assert_int_le(moment->kv_blocks, drawn->kv_blocks);
    ck_assert_int_le(moment->n_running, drawn->scenario.engine.max_num_seqs);
    ck_assert_int_ge(moment->n_waiting, 0);
    ck_assert_int_le(moment->batch_tok, drawn->scenario.engine.max_num_batched_tokens);
}

static void see_span(void *context, int32_t pipeline, int64_t pass_tok, const struct ls_span *span)
{
    const struct random_scenario *drawn = context;
    seen.n_spans++;
    ck_assert_int_gt(pass_tok, 0);
    ck_assert_int_ge(span->end_ps, span->start_ps);
    ck_assert_int_lt(span->layer, drawn->scenario.model.num_hidden_layers);
    if (span->kind != LS_SPAN_PASS)
        return;
    const int64_t place = pipeline * drawn->scenario.strategy.pp + span->stage;
    ck_assert_int_ge(span->start_ps, seen.stage_end_ps[place]);
    seen.stage_end_ps[place] = span->end_ps;
}

static struct ls_metrics play(struct run *run, const struct random_scenario *drawn, const struct ls_observer *observer)
{
    run->collector.observer = observer;
    (void)run_serving(run, &drawn->scenario, drawn->kv_blocks);
    return run->metrics;
}

START_TEST(looking_on_changes_nothing_and_shows_everything)
{
    struct random_scenario drawn;
    struct run run;
    ck_assert(run_init(&run));
    random_scenario_draw_with(&drawn, (uint64_t)_i,
                              &(struct random_limits){.other_engine = _i % 3 == 0, .company = _i % 2 == 0});
    drawn.scenario.workload.warmup_s = 0;
    drawn.scenario.strategy.lod = _i % 2 ? LS_LOD_HIGH : LS_LOD_MEDIUM;
    memset(&seen, 0, sizeof seen);
    const struct ls_metrics alone = play(&run, &drawn, NULL);
    const struct ls_observer observer = {&drawn, see_request, see_moment, see_span};
    const struct ls_metrics watched = play(&run, &drawn, &observer);
    ck_assert_mem_eq(&alone, &watched, sizeof alone);
    const double *m = alone.scalar;
    ck_assert_double_eq(m[LS_METRIC_N_COMPLETED], seen.n_of[LS_REQUEST_COMPLETED]);
    ck_assert_double_eq(m[LS_METRIC_N_REJECTED], seen.n_of[LS_REQUEST_REJECTED]);
    ck_assert_double_eq(m[LS_METRIC_N_UNFINISHED], seen.n_of[LS_REQUEST_UNFINISHED]);
    for (int i = 0; i < (int)m[LS_METRIC_N_ARRIVED]; i++)
        ck_assert_msg(seen.times_seen[i] == 1, "request %d of scenario %d is shown %d times", i, _i,
                      seen.times_seen[i]);
    const double n = seen.n_of[LS_REQUEST_COMPLETED];
    if (n > 0)
        ck_assert_double_eq_tol(m[LS_METRIC_E2E_MEAN_S], ls_s_from_ps(seen.e2e_ps) / n, 1e-9);
    if (seen.n_streamed > 0)
        ck_assert_double_eq_tol(m[LS_METRIC_TTFT_MEAN_S], ls_s_from_ps(seen.ttft_ps) / seen.n_streamed, 1e-9);
    if (seen.n_of[LS_REQUEST_UNFINISHED] == 0)
        ck_assert_int_eq(run.collector.n_output_tok, seen.generated_tok);
    else /* some tokens were on their way to their clients */
        ck_assert_int_le(run.collector.n_output_tok, seen.generated_tok);
    ck_assert(n == 0 || (seen.n_moments > 0 && seen.n_spans > 0));
    run_release(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("observer");
    TCase *tcase = tcase_create("observer");
    tcase_add_loop_test(tcase, looking_on_changes_nothing_and_shows_everything, 0, 120);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
