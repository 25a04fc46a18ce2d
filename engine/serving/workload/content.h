#ifndef LS_ENGINE_SERVING_WORKLOAD_CONTENT_H
#define LS_ENGINE_SERVING_WORKLOAD_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

/* What a request's tokens are, as far as others may have the same ones: a head that requests share, a system prompt or
 * the blocks of a trace, and after it a stream, in which a session's prompts and outputs follow each other. The same
 * stream at the same place behind the same head means the same tokens, so turn k + 1 of a session begins with all of
 * turn k. */

struct ls_content {
    const uint64_t *parts; /* ids of the head's parts, each for its tokens and all before them; null: there is one */
    uint64_t head;         /* id of that one; of what begins alike, another head_tok may be a part of it */
    uint64_t stream;       /* the session's id, the request's where it has none */
    int32_t head_tok;      /* 0: no head */
    int32_t part_tok;      /* tokens of a part; the last one may have fewer */
    bool own;              /* no other request has its stream */
};

/* Tokens that have one key: those of a part of the head, or of the stream. */
struct ls_content_part {
    uint64_t key; /* for where they are and all that comes before them */
    int64_t first_tok, end_tok;
    bool own;
};

/* The part that token `tok` belongs to. */
struct ls_content_part ls_content_part_at(const struct ls_content *content, int64_t tok);

/* Parts of the head. */
static inline int64_t ls_content_n_parts(const struct ls_content *content)
{
    return content->head_tok > 0 ? (content->head_tok + (int64_t)content->part_tok - 1) / content->part_tok : 0;
}

/* What an id is one of, so that no two kinds meet. */
enum ls_content_kind {
    LS_CONTENT_REQUEST = 1, /* index in the run */
    LS_CONTENT_SESSION,     /* profile, session */
    LS_CONTENT_GROUP,       /* profile, group of requests with one system prompt */
    LS_CONTENT_RECORDED     /* what a trace calls it, what precedes it */
};

uint64_t ls_content_id(enum ls_content_kind kind, uint64_t a, uint64_t b);

#endif
