#include "engine/serving/workload/content.h"

/* The finalizer of SplitMix64 (Steele, Lea and Flood 2014, variant 13 of Stafford's mixers): a bijection. */
static uint64_t scatter(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t mix(uint64_t hash, uint64_t x)
{
    return scatter(hash * UINT64_C(0x9e3779b97f4a7c15) + scatter(x + UINT64_C(0x9e3779b97f4a7c15)));
}

uint64_t ls_content_id(enum ls_content_kind kind, uint64_t a, uint64_t b)
{
    return mix(mix((uint64_t)kind, a), b);
}

static uint64_t part_id(const struct ls_content *content, int64_t i)
{
    return content->parts ? content->parts[i] : content->head;
}

struct ls_content_part ls_content_part_at(const struct ls_content *content, int64_t tok)
{
    if (tok < content->head_tok) {
        const int64_t i = tok / content->part_tok, end_tok = (i + 1) * content->part_tok;
        return (struct ls_content_part){
            .key = part_id(content, i),
            .first_tok = i * content->part_tok,
            .end_tok = end_tok < content->head_tok ? end_tok : content->head_tok,
        };
    }
    uint64_t key = content->stream;
    if (content->head_tok > 0)
        key = mix(mix(key, part_id(content, ls_content_n_parts(content) - 1)), (uint64_t)content->head_tok);
    return (struct ls_content_part){
        .key = key, .first_tok = content->head_tok, .end_tok = INT64_MAX, .own = content->own};
}
