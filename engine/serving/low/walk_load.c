#include "engine/serving/low/walk_load.h"

#include <assert.h>
#include <math.h>

#include "engine/serving/workload/source.h"
#include "engine/sim/clock.h"

/* -- requests -- */

static int32_t output_of(const struct ls_plant *plant, const struct ls_arrival *arrival)
{
    const struct ls_engine *engine = &plant->scenario->engine;
    int64_t output_tok = arrival->output_tok;
    if (engine->max_model_len != LS_NULL_INT && arrival->prompt_tok + output_tok > engine->max_model_len)
        output_tok = engine->max_model_len - arrival->prompt_tok;
    const bool fits =
        arrival->prompt_tok + output_tok - 1 + plant->state_tok <= (int64_t)plant->kv_blocks * engine->block_size;
    const bool at_once = engine->enable_chunked_prefill || arrival->prompt_tok <= engine->max_num_batched_tokens;
    return output_tok > 0 && fits && at_once ? (int32_t)output_tok : 0;
}

static void read_requests(struct ls_walk_load *load, const struct ls_plant *plant)
{
    struct ls_source source;
    struct ls_arrival arrival;
    const int64_t most = load->n;
    int64_t last_ps = 0;
    ls_source_init(&source, plant->scenario);
    for (load->n = 0; load->n < most && ls_source_next(&source, &arrival); load->n++) {
        const int32_t output_tok = output_of(plant, &arrival);
        load->requests[load->n] = (struct ls_walk_request){.arrival_ps = arrival.arrival_ps,
                                                           .begun_ps = -1,
                                                           .first_ps = -1,
                                                           .prompt_tok = arrival.prompt_tok,
                                                           .output_tok = output_tok,
                                                           .target_tok = arrival.prompt_tok,
                                                           .left_tok = output_tok - 1};
        last_ps = arrival.arrival_ps;
    }
    load->middle_ps = load->warmup_ps + (last_ps - load->warmup_ps) / 2;
}

enum ls_status ls_walk_load_init(struct ls_walk_load *load, const struct ls_plant *plant, struct ls_arena *arena,
                                 struct ls_err *err)
{
    const struct ls_workload *workload = &plant->scenario->workload;
    const struct ls_strategy *strategy = &plant->scenario->strategy;
    *load = (struct ls_walk_load){
        .warmup_ps = ls_ps_from_s(workload->warmup_s),
        .horizon_ps = workload->drain ? LS_PS_NEVER : ls_ps_from_s(workload->duration_s),
        .n = (int64_t)ceil(plant->load.n_requests),
        .n_members = strategy->ep,
        .n_schedulers = strategy->dp * strategy->ep,
    };
    assert(load->n_members > 0);
    load->requests = ls_arena_take(arena, (size_t)load->n * sizeof *load->requests);
    if (!load->requests)
        return ls_fail(err, LS_NOMEM, "out of memory for %lld requests", (long long)load->n);
    read_requests(load, plant);
    return LS_OK;
}

/* -- the front end -- */

void ls_walk_load_turn_to(struct ls_walk_load *load, const struct ls_scenario *scenario, int64_t pipeline)
{
    load->frontend = ls_frontend_make(scenario);
    load->received = load->tokenised = pipeline * load->n_members;
}

/* The one after it that goes to the same pipeline. */
static int64_t following(const struct ls_walk_load *load, int64_t i)
{
    assert(load->n_members > 0);
    return (i + 1) % load->n_members == 0 ? i + 1 + load->n_schedulers - load->n_members : i + 1;
}

/* Those that have their form are tokenised. */
static void tokenise(struct ls_walk_load *load, int64_t now_ps)
{
    for (; load->tokenised < load->received && load->requests[load->tokenised].ready_ps <= now_ps;
         load->tokenised = following(load, load->tokenised)) {
        struct ls_walk_request *request = &load->requests[load->tokenised];
        request->ready_ps = ls_frontend_tokenise(&load->frontend, request->ready_ps, request->prompt_tok);
    }
}

void ls_walk_receive(struct ls_walk_load *load, int64_t now_ps)
{
    while (load->received < load->n && load->requests[load->received].arrival_ps <= now_ps) {
        struct ls_walk_request *request = &load->requests[load->received];
        tokenise(load, request->arrival_ps);
        request->ready_ps = ls_frontend_reach(&load->frontend, request->arrival_ps, request->prompt_tok);
        load->received = following(load, load->received);
        if (load->frontend.template_ps > 0) {
            request->ready_ps = ls_frontend_format(&load->frontend, request->ready_ps);
        } else {
            request->ready_ps = ls_frontend_tokenise(&load->frontend, request->ready_ps, request->prompt_tok);
            load->tokenised = load->received;
        }
    }
    tokenise(load, now_ps);
}

int64_t ls_walk_next_ready_ps(const struct ls_walk_load *load, int64_t now_ps)
{
    if (load->tokenised >= load->n)
        return LS_PS_NEVER;
    struct ls_frontend frontend = load->frontend;
    const struct ls_walk_request *request = &load->requests[load->tokenised];
    const int64_t formed_ps =
        load->tokenised < load->received
            ? request->ready_ps
            : ls_frontend_format(&frontend, ls_frontend_reach(&frontend, request->arrival_ps, request->prompt_tok));
    const int64_t ready_ps = ls_frontend_tokenise(&frontend, formed_ps, request->prompt_tok);
    return ready_ps > now_ps ? ready_ps : now_ps + 1;
}

/* -- what is measured -- */

void ls_walk_begin(struct ls_walk_load *load, struct ls_walk_request *request, int64_t now_ps)
{
    if (request->begun_ps >= 0)
        return; /* it had given way */
    request->begun_ps = now_ps;
    if (request->arrival_ps < load->middle_ps)
        return;
    ls_growth_add(&load->sums.waits, 1, ls_s_from_ps(request->arrival_ps), ls_s_from_ps(now_ps - request->arrival_ps));
}

void ls_walk_end(struct ls_walk_load *load, const struct ls_walk_request *request, int64_t sent_ps)
{
    struct ls_walk_sums *sums = &load->sums;
    const double decode_ps = (double)(sent_ps - request->first_ps);
    if (sent_ps > load->horizon_ps)
        return;
    sums->decode += decode_ps;
    sums->last = fmax(sums->last, (double)sent_ps);
    sums->n_finished += sent_ps >= load->warmup_ps;
    if (request->arrival_ps < load->warmup_ps)
        return;
    sums->n++;
    sums->ttft += (double)(request->first_ps - request->arrival_ps);
    sums->e2e += (double)(sent_ps - request->arrival_ps);
    sums->wait += (double)(request->begun_ps - request->arrival_ps);
    if (request->output_tok > 1) {
        sums->n_tpot++;
        sums->tpot += decode_ps / (request->output_tok - 1);
    }
}

void ls_walk_means(const struct ls_walk_load *load, struct ls_means *means)
{
    const struct ls_walk_sums *sums = &load->sums;
    const double end_ps = load->horizon_ps == LS_PS_NEVER ? sums->last : (double)load->horizon_ps;
    *means = (struct ls_means){
        .ttft_s = sums->ttft / sums->n / LS_PS_PER_S,
        .tpot_s = sums->tpot / sums->n_tpot / LS_PS_PER_S,
        .e2e_s = sums->e2e / sums->n / LS_PS_PER_S,
        .wait_s = sums->wait / sums->n / LS_PS_PER_S,
        .end_s = end_ps / LS_PS_PER_S,
        .finished = sums->n_finished,
        .batch = sums->decode / end_ps / (double)load->n_schedulers,
        .saturated = ls_growth_saturates(&sums->waits),
    };
}
