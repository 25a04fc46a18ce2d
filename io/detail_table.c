#include "io/detail_table.h"

#define REQUEST(name_, unit_, type_, long_name_)                                                                       \
    {                                                                                                                  \
        .name = #name_, .unit = (unit_), .long_name = (long_name_), .type = (type_),                                   \
        .offset = offsetof(struct ls_request_detail, name_)                                                            \
    }
#define MOMENT(name_, unit_, type_, long_name_)                                                                        \
    {                                                                                                                  \
        .name = #name_, .unit = (unit_), .long_name = (long_name_), .type = (type_),                                   \
        .offset = offsetof(struct ls_moment_detail, name_)                                                             \
    }

static const struct ls_detail_column request_columns[] = {
    REQUEST(request, "1", LS_DETAIL_INT64, "number of the request in its run, in order of arrival"),
    REQUEST(profile, "1", LS_DETAIL_INT32, "client profile, from 0"),
    REQUEST(pipeline, "1", LS_DETAIL_INT32, "pipeline that had it, over all pools"),
    REQUEST(scheduler, "1", LS_DETAIL_INT32, "scheduler of that pipeline"),
    {.name = "outcome",
     .long_name = "what became of it",
     .meanings = "completed rejected unfinished",
     .type = LS_DETAIL_INT32,
     .offset = offsetof(struct ls_request_detail, outcome)},
    {.name = "streams",
     .long_name = "whether its tokens are sent one by one",
     .meanings = "no yes",
     .type = LS_DETAIL_INT32,
     .offset = offsetof(struct ls_request_detail, streams)},
    REQUEST(prompt_tokens, "1", LS_DETAIL_INT32, "tokens of the prompt"),
    REQUEST(output_tokens, "1", LS_DETAIL_INT32, "tokens of the output"),
    REQUEST(generated_tokens, "1", LS_DETAIL_INT32, "output tokens that were made"),
    REQUEST(arrival_s, "s", LS_DETAIL_FLOAT64, "when it arrived"),
    REQUEST(scheduled_s, "s", LS_DETAIL_FLOAT64, "when it was first scheduled"),
    REQUEST(first_token_s, "s", LS_DETAIL_FLOAT64, "when its first token came"),
    REQUEST(end_s, "s", LS_DETAIL_FLOAT64, "when its last token came, it was refused, or the run ended"),
    REQUEST(ttft_s, "s", LS_DETAIL_FLOAT64, "time to first token"),
    REQUEST(tpot_s, "s", LS_DETAIL_FLOAT64, "time per output token, without the first"),
    REQUEST(e2e_s, "s", LS_DETAIL_FLOAT64, "end-to-end latency"),
};

static const struct ls_detail_column moment_columns[] = {
    MOMENT(time_s, "s", LS_DETAIL_FLOAT64, "when a pass begins, or its pipeline falls idle"),
    MOMENT(pipeline, "1", LS_DETAIL_INT32, "pipeline, over all pools"),
    MOMENT(scheduler, "1", LS_DETAIL_INT32, "scheduler of that pipeline"),
    MOMENT(waiting, "1", LS_DETAIL_INT64, "requests that wait"),
    MOMENT(running, "1", LS_DETAIL_INT64, "requests that run"),
    MOMENT(kv_blocks, "1", LS_DETAIL_INT64, "KV blocks in use"),
    MOMENT(batch_tokens, "1", LS_DETAIL_INT64, "tokens of the pass; 0: idle"),
};

#define TABLE(group_, dimension_, row_, columns_)                                                                      \
    {                                                                                                                  \
        .group = (group_), .dimension = (dimension_), .row_bytes = sizeof(row_), .columns = (columns_),                \
        .n_columns = sizeof(columns_) / sizeof((columns_)[0])                                                          \
    }

const struct ls_detail_table ls_detail_tables[LS_N_DETAIL_KINDS] = {
    [LS_DETAIL_REQUESTS] = TABLE("requests", "row", struct ls_request_detail, request_columns),
    [LS_DETAIL_TIMELINE] = TABLE("timeline", "moment", struct ls_moment_detail, moment_columns),
};

size_t ls_detail_type_bytes(enum ls_detail_type type)
{
    static const size_t bytes[LS_N_DETAIL_TYPES] = {sizeof(int32_t), sizeof(int64_t), sizeof(double)};
    return bytes[type];
}
