#include "io/detail_feed.h"

#include <math.h>
#include <string.h>

#include "engine/sim/clock.h"

static void flush(struct ls_detail_feed *feed, enum ls_detail_kind kind)
{
    struct ls_piece *piece = &feed->pieces[kind];
    if (piece->n_bytes > 0)
        feed->take(piece, feed->context);
    piece->n_bytes = 0;
}

static void add_row(struct ls_detail_feed *feed, enum ls_detail_kind kind, const void *row)
{
    const size_t row_bytes = ls_detail_tables[kind].row_bytes;
    struct ls_piece *piece = &feed->pieces[kind];
    if (LS_PIECE_BYTES - piece->n_bytes < row_bytes)
        flush(feed, kind);
    memcpy(piece->bytes + piece->n_bytes, row, row_bytes);
    piece->n_bytes += (uint32_t)row_bytes;
    feed->n_rows[kind]++;
}

static double seconds(int64_t time_ps)
{
    return time_ps < 0 ? (double)NAN : ls_s_from_ps(time_ps);
}

static void see_request(void *context, const struct ls_request_row *row)
{
    const struct ls_request_detail detail = {
        .request = (int64_t)row->index,
        .profile = row->profile,
        .pipeline = row->pipeline,
        .scheduler = row->member,
        .outcome = (int32_t)row->end,
        .streams = row->streams != 0,
        .prompt_tokens = row->prompt_tok,
        .output_tokens = row->output_tok,
        .generated_tokens = row->n_generated,
        .arrival_s = seconds(row->arrival_ps),
        .scheduled_s = seconds(row->scheduled_ps),
        .first_token_s = seconds(row->first_token_ps),
        .end_s = seconds(row->end_ps),
        .ttft_s = seconds(ls_request_ttft_ps(row)),
        .tpot_s = seconds(ls_request_tpot_ps(row)),
        .e2e_s = seconds(ls_request_e2e_ps(row)),
    };
    add_row(context, LS_DETAIL_REQUESTS, &detail);
}

static void see_moment(void *context, const struct ls_moment *moment)
{
    const struct ls_moment_detail detail = {
        .time_s = seconds(moment->time_ps),
        .pipeline = moment->pipeline,
        .scheduler = moment->member,
        .waiting = moment->n_waiting,
        .running = moment->n_running,
        .kv_blocks = moment->kv_blocks,
        .batch_tokens = moment->batch_tok,
    };
    add_row(context, LS_DETAIL_TIMELINE, &detail);
}

void ls_detail_feed_begin(struct ls_detail_feed *feed, uint32_t kinds, uint64_t cell, ls_piece_taker *take,
                          void *context)
{
    feed->observer = (struct ls_observer){
        .context = feed,
        .request = kinds >> LS_DETAIL_REQUESTS & 1u ? see_request : NULL,
        .moment = kinds >> LS_DETAIL_TIMELINE & 1u ? see_moment : NULL,
    };
    feed->kinds = kinds;
    feed->take = take;
    feed->context = context;
    for (uint32_t kind = 0; kind < LS_N_DETAIL_KINDS; kind++) {
        feed->n_rows[kind] = 0;
        feed->pieces[kind].cell = cell;
        feed->pieces[kind].kind = kind;
        feed->pieces[kind].n_bytes = 0;
    }
}

void ls_detail_feed_end(struct ls_detail_feed *feed, struct ls_record *record)
{
    record->kinds = feed->kinds;
    for (int kind = 0; kind < LS_N_DETAIL_KINDS; kind++) {
        flush(feed, (enum ls_detail_kind)kind);
        record->details[kind] = (struct ls_detail){.n_rows = feed->n_rows[kind]};
    }
}
