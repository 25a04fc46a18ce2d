#ifndef LS_ENGINE_SERVING_FRONTEND_H
#define LS_ENGINE_SERVING_FRONTEND_H

#include <stdint.h>

/* The process between the clients and an engine: it receives, checks and tokenises requests, detokenises and sends
 * tokens, one after the other on one CPU core beside the engine's. */
struct ls_frontend {
    int64_t request_ps, prompt_tok_ps, output_tok_ps; /* what each takes */
    int64_t free_ps;
};

/* When work that comes at `now` and takes so long is done. */
static inline int64_t ls_frontend_work(struct ls_frontend *frontend, int64_t now_ps, int64_t work_ps)
{
    frontend->free_ps = (frontend->free_ps > now_ps ? frontend->free_ps : now_ps) + work_ps;
    return frontend->free_ps;
}

/* When a request that arrives at `now` is with the engine. */
static inline int64_t ls_frontend_receive(struct ls_frontend *frontend, int64_t now_ps, int64_t prompt_tok)
{
    return ls_frontend_work(frontend, now_ps, frontend->request_ps + frontend->prompt_tok_ps * prompt_tok);
}

/* When tokens that the engine has at `now` are with their clients. */
static inline int64_t ls_frontend_send(struct ls_frontend *frontend, int64_t now_ps, int64_t n_tok)
{
    return ls_frontend_work(frontend, now_ps, frontend->output_tok_ps * n_tok);
}

#endif
