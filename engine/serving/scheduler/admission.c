#include "engine/serving/scheduler/admission.h"

#include "engine/serving/deployment/handover.h"
#include "engine/serving/scheduler/decode_set.h"
#include "engine/serving/scheduler/running.h"
#include "engine/sim/least.h"

/* What is known of a request's first n_tok tokens. */
static struct ls_prefix_hit find_hit(const struct ls_scheduler *s, const struct ls_request *request, int64_t n_tok)
{
    return s->caching ? ls_prefix_cache_find(&s->cache, &request->content, n_tok) : (struct ls_prefix_hit){0};
}

/* The request holds what was found. False when memory is short; the run is void then. */
static bool take_known(struct ls_scheduler *s, uint32_t id, int64_t n_blocks)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    s->out_of_memory |=
        s->caching && !ls_prefix_cache_admit(&s->cache, &request->content, n_blocks, ls_scheduler_holding(s, request));
    return !s->out_of_memory;
}

/* Blocks that a request holds at its end here. */
static int64_t blocks_to_promise(const struct ls_scheduler *s, const struct ls_request *request)
{
    const int64_t output = request->output_tok - 1 + ls_drafts_ahead(&s->drafts);
    const int64_t total = (int64_t)request->prompt_tok + (s->hands_over ? 0 : output);
    return ls_scheduler_blocks(s, total > request->n_target ? total : request->n_target);
}

/* A request joins with what was found for it and blocks up to `end_tok`. */
static void take_blocks(struct ls_scheduler *s, struct ls_request *request, const struct ls_prefix_hit *hit,
                        int64_t end_tok, int64_t now_ps)
{
    s->n_charged += hit->n_blocks;
    ls_scheduler_free_blocks(s, -hit->n_free, now_ps);
    request->promised = (int32_t)blocks_to_promise(s, request);
    s->n_promised += request->promised;
    s->n_fresh += request->promised - ls_scheduler_blocks(s, end_tok);
    ls_scheduler_take_blocks(s, ls_scheduler_blocks(s, end_tok) - hit->n_blocks, now_ps);
}

static void run(struct ls_scheduler *s, uint32_t id)
{
    ls_request_at(s->pool, id)->order = s->n_admitted++;
    ls_request_list_append(&s->running, s->pool, id);
}

static void admit(struct ls_scheduler *s, uint32_t id, int64_t now_ps)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    run(s, id);
    request->state = LS_REQUEST_PREFILLING;
    if (request->scheduled_ps < 0) {
        request->scheduled_ps = now_ps;
        ls_collector_wait(s->collector, request, now_ps);
        ls_collector_hit(s->collector, request, request->n_computed);
    }
}

/* Whether there are blocks to admit a request: for its tokens up to `end_tok`; where prompts keep decodes waiting, for
 * all of the prompts under way, lest they starve for blocks that decodes hold; and those that the reserve is for. What
 * is found for it is there already, but no longer free. */
static bool has_room(const struct ls_scheduler *s, const struct ls_request *request, const struct ls_prefix_hit *hit,
                     int64_t end_tok)
{
    const int64_t n_hit = hit->n_blocks - hit->n_free;
    int64_t need = ls_scheduler_blocks(s, end_tok) - n_hit;
    if (s->batching != LS_BATCHING_MIXED) {
        need = ls_scheduler_blocks(s, end_tok > request->n_target ? end_tok : request->n_target) - n_hit;
        for (size_t i = 0; i < s->n_prefilling; i++) {
            const struct ls_request *other = ls_request_at(s->pool, s->prefilling[i]);
            need += ls_scheduler_blocks(s, other->n_target) - ls_scheduler_blocks(s, other->n_computed);
        }
    }
    const int64_t own = blocks_to_promise(s, request) - n_hit + s->n_fresh;
    return need <= s->n_free &&
           ls_reserve_allows(&s->reserve, own, s->n_promised - s->n_charged - s->n_fresh, s->n_free);
}

static bool has_slot(const struct ls_scheduler *s, int64_t budget)
{
    return budget > 0 && s->running.n + s->n_fetching < s->max_seqs;
}

void ls_admission_take_waiting(struct ls_scheduler *s, int slot, int64_t *budget, int64_t now_ps, int64_t seen_ps)
{
    while (has_slot(s, *budget) && s->swap.out.n == 0 && !s->reserve.refuses) {
        const uint32_t id = ls_waiting_first(&s->waiting, s->pool, seen_ps);
        if (id == LS_NO_REQUEST)
            break;
        struct ls_request *request = ls_request_at(s->pool, id);
        /* all but the last token may be found; all of a prompt that another pool has computed */
        const struct ls_prefix_hit hit = find_hit(s, request, request->n_target - (request->remote ? 0 : 1));
        const int64_t found = hit.n_blocks * s->block_size, missing = request->n_target - found;
        const int64_t n_tok = request->remote ? missing : ls_min64(ls_min64(missing, s->max_chunk), *budget);
        if (!s->chunked && n_tok < missing && missing <= s->max_tok)
            break;
        if (!has_room(s, request, &hit, found + n_tok)) {
            ls_reserve_refuse(&s->reserve);
            break;
        }
        if (!take_known(s, id, hit.n_blocks))
            break;
        request->n_computed = (int32_t)found;
        ls_waiting_take(&s->waiting, s->pool, id);
        take_blocks(s, request, &hit, found + n_tok, now_ps);
        if (request->remote) {
            ls_handover_fetch(s, id, now_ps);
            continue;
        }
        admit(s, id, now_ps);
        ls_running_add_chunk(s, slot, id, n_tok);
        ls_scheduler_learn(s, id);
        if (request->state == LS_REQUEST_PREFILLING)
            s->prefilling[s->n_prefilling++] = id;
        *budget -= n_tok;
    }
}

/* A request whose blocks come back decodes in the pass: n_tok tokens, for which it has blocks up to `end_tok`. */
static void decode_again(struct ls_scheduler *s, int slot, uint32_t id, int64_t n_tok, int64_t end_tok)
{
    struct ls_request *request = ls_request_at(s->pool, id);
    run(s, id);
    ls_scheduler_learn(s, id);
    ls_decode_enter(s, slot, id, request->n_computed, true);
    if (s->drafts.n == 0)
        return;
    request->base = end_tok;
    ls_running_add_drafts(s, slot, id, n_tok);
}

void ls_admission_take_swapped(struct ls_scheduler *s, int slot, int64_t *budget, int64_t now_ps)
{
    while (has_slot(s, *budget) && s->swap.out.n > 0) {
        const uint32_t id = s->swap.out.head;
        struct ls_request *request = ls_request_at(s->pool, id);
        const struct ls_prefix_hit hit = find_hit(s, request, request->n_computed);
        const int64_t n_tok = ls_min64(1 + s->drafts.n, *budget),
                      n_blocks = ls_scheduler_blocks(s, request->n_computed);
        const int64_t end_tok = request->n_computed + n_tok + s->drafts.look_ahead;
        if (!has_room(s, request, &hit, end_tok) || !take_known(s, id, hit.n_blocks))
            break;
        ls_swap_take(&s->swap, s->pool, n_blocks, n_blocks - hit.n_blocks, now_ps >= s->collector->warmup_ps);
        take_blocks(s, request, &hit, end_tok, now_ps);
        decode_again(s, slot, id, n_tok, end_tok);
        *budget -= n_tok;
    }
}
