#include "engine/serving/collector.h"

#include <math.h>
#include <string.h>

#include "engine/serving/growth.h"
#include "engine/sim/clock.h"

static const int64_t ps_per_us = 1000000;
static const int64_t first_bin_ps = 1000000000; /* 1 ms */

enum ls_status ls_collector_init(struct ls_collector *collector, struct ls_err *err)
{
    memset(collector, 0, sizeof *collector);
    for (int i = 0; i < LS_N_QUANTILE_METRICS; i++) {
        const enum ls_status status = ls_sketch_init(&collector->sketch[i], err);
        if (status) {
            while (i-- > 0)
                ls_sketch_release(&collector->sketch[i]);
            return status;
        }
    }
    return LS_OK;
}

void ls_collector_release(struct ls_collector *collector)
{
    for (int i = 0; i < LS_N_QUANTILE_METRICS; i++)
        ls_sketch_release(&collector->sketch[i]);
}

void ls_collector_clear(struct ls_collector *collector, const struct ls_scenario *scenario)
{
    for (int i = 0; i < LS_N_QUANTILE_METRICS; i++)
        ls_sketch_clear(&collector->sketch[i]);
    const struct ls_workload *workload = &scenario->workload;
    collector->warmup_ps = ls_ps_from_s(workload->warmup_s);
    collector->horizon_ps = workload->drain ? LS_PS_NEVER : ls_ps_from_s(workload->duration_s);
    collector->slo = scenario->slo;
    collector->wait = (struct ls_trend){.width_ps = first_bin_ps};
    collector->n_arrived = collector->n_completed = collector->n_rejected = collector->n_good = 0;
    collector->n_finished = collector->n_output_tok = collector->n_prompt_tok = 0;
    collector->n_preemptions = 0;
    collector->n_hit_tok = collector->n_looked_up_tok = 0;
    collector->first_arrival_ps = -1;
    collector->last_arrival_ps = collector->last_completion_ps = 0;
    collector->n_all_arrived = collector->n_all_rejected = collector->n_all_completed = collector->n_late = 0;
}

void ls_collector_arrival(struct ls_collector *collector, int64_t now_ps, bool measured)
{
    collector->n_all_arrived++;
    collector->n_arrived += measured;
    if (collector->first_arrival_ps < 0)
        collector->first_arrival_ps = now_ps;
    collector->last_arrival_ps = now_ps;
}

static void show(const struct ls_collector *collector, const struct ls_request *request, enum ls_request_end end,
                 int64_t end_ps)
{
    const struct ls_observer *observer = collector->observer;
    if (!observer || !observer->request)
        return;
    const bool began = request->first_token_ps >= 0 && request->first_token_ps <= end_ps;
    const struct ls_request_row row = {
        .index = request->index,
        .profile = request->client,
        .pipeline = request->pipeline,
        .member = request->member,
        .streams = request->streams,
        .end = end,
        .prompt_tok = request->prompt_tok,
        .output_tok = request->output_tok,
        .n_generated = began ? request->n_generated : 0,
        .arrival_ps = request->arrival_ps,
        .scheduled_ps = request->scheduled_ps,
        .first_token_ps = began ? request->first_token_ps : -1,
        .end_ps = end_ps,
    };
    observer->request(observer->context, &row);
}

void ls_collector_reject(struct ls_collector *collector, const struct ls_request *request, int64_t now_ps)
{
    collector->n_all_rejected++;
    collector->n_rejected += request->measured;
    show(collector, request, LS_REQUEST_REJECTED, now_ps);
}

void ls_collector_unfinished(struct ls_collector *collector, const struct ls_request *request)
{
    show(collector, request, LS_REQUEST_UNFINISHED, collector->horizon_ps);
}

static void widen(struct ls_trend *trend)
{
    for (int i = 0; i < LS_N_TREND_BINS / 2; i++) {
        trend->n[i] = trend->n[2 * i] + trend->n[2 * i + 1];
        trend->wait_us[i] = trend->wait_us[2 * i] + trend->wait_us[2 * i + 1];
    }
    memset(trend->n + LS_N_TREND_BINS / 2, 0, sizeof trend->n / 2);
    memset(trend->wait_us + LS_N_TREND_BINS / 2, 0, sizeof trend->wait_us / 2);
    trend->width_ps *= 2;
}

static void add_wait(struct ls_trend *trend, int64_t arrival_ps, int64_t wait_ps)
{
    while (arrival_ps / trend->width_ps >= LS_N_TREND_BINS)
        widen(trend);
    const int64_t bin = arrival_ps / trend->width_ps;
    trend->n[bin]++;
    trend->wait_us[bin] += wait_ps / ps_per_us;
}

void ls_collector_wait(struct ls_collector *collector, const struct ls_request *request, int64_t now_ps)
{
    const int64_t wait_ps = now_ps - request->arrival_ps;
    add_wait(&collector->wait, request->arrival_ps, wait_ps);
}

void ls_collector_first_token(struct ls_collector *collector, const struct ls_request *request, int64_t now_ps)
{
    if (now_ps >= collector->warmup_ps && now_ps <= collector->horizon_ps) {
        collector->n_output_tok++;
        collector->n_prompt_tok += request->prompt_tok;
    }
}

static bool within(double value_s, double bound_s)
{
    return isnan(bound_s) || value_s <= bound_s;
}

void ls_collector_complete(struct ls_collector *collector, const struct ls_request *request, int64_t now_ps)
{
    if (now_ps > collector->horizon_ps) {
        collector->n_late++;
        ls_collector_unfinished(collector, request);
        return;
    }
    show(collector, request, LS_REQUEST_COMPLETED, now_ps);
    collector->n_all_completed++;
    if (now_ps > collector->last_completion_ps)
        collector->last_completion_ps = now_ps;
    collector->n_finished += now_ps >= collector->warmup_ps;
    if (!request->measured)
        return;
    collector->n_completed++;
    const int64_t ttft_ps = request->first_token_ps - request->arrival_ps;
    const int64_t e2e_ps = now_ps - request->arrival_ps;
    ls_sketch_add(&collector->sketch[LS_QMETRIC_QUEUE_WAIT], request->scheduled_ps - request->arrival_ps, 1);
    ls_sketch_add(&collector->sketch[LS_QMETRIC_E2E], e2e_ps, 1);
    const struct ls_slo *slo = &collector->slo;
    bool good = within(ls_s_from_ps(e2e_ps), slo->e2e_s);
    if (request->streams) {
        const int64_t gaps = request->output_tok - 1;
        const int64_t tpot_ps = gaps > 0 ? (now_ps - request->first_token_ps + gaps / 2) / gaps : 0;
        ls_sketch_add(&collector->sketch[LS_QMETRIC_TTFT], ttft_ps, 1);
        if (gaps > 0)
            ls_sketch_add(&collector->sketch[LS_QMETRIC_TPOT], tpot_ps, 1);
        good &= within(ls_s_from_ps(ttft_ps), slo->ttft_s) && within(ls_s_from_ps(tpot_ps), slo->tpot_s);
    }
    collector->n_good += good;
}

bool ls_collector_saturated(const struct ls_collector *collector)
{
    const struct ls_trend *trend = &collector->wait;
    const int64_t middle_ps = collector->warmup_ps + (collector->last_arrival_ps - collector->warmup_ps) / 2;
    struct ls_growth growth = {0};
    for (int64_t i = (middle_ps + trend->width_ps - 1) / trend->width_ps; i < LS_N_TREND_BINS; i++)
        ls_growth_add(&growth, (double)trend->n[i], ((double)i + 0.5) * ls_s_from_ps(trend->width_ps),
                      (double)trend->wait_us[i] * 1e-6);
    return ls_growth_saturates(&growth);
}

double ls_level_mean(const struct ls_level *level, int64_t start_ps, int64_t end_ps)
{
    if (end_ps <= start_ps)
        return NAN;
    double integral = level->integral;
    if (end_ps > level->since_ps)
        integral += (double)level->value * (double)(end_ps - level->since_ps);
    return integral / (double)(end_ps - start_ps);
}

int64_t ls_level_peak(const struct ls_level *level, int64_t end_ps)
{
    return end_ps > level->since_ps && level->value > level->max ? level->value : level->max;
}
