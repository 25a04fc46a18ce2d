#ifndef LS_ENGINE_SERVING_DEPLOYMENT_FRONTEND_H
#define LS_ENGINE_SERVING_DEPLOYMENT_FRONTEND_H

#include <math.h>
#include <stdint.h>

#include "engine/scenario.h"
#include "engine/sim/clock.h"

/* The process between the clients and an engine: it receives, checks and tokenises requests, detokenises and sends
 * tokens, one after the other on one CPU core beside the engine's; and the network before it, in which one request
 * follows the other.
 *
 * A chat comes to the core twice, first to be put into form by its template: its tokenising queues behind the templates
 * of all chats that came meanwhile, so that of many that come at once none is with the engine before all have their
 * form. */
struct ls_frontend {
    int64_t template_ps;                              /* what the form of a chat takes; 0: no second visit */
    int64_t request_ps, prompt_tok_ps, output_tok_ps; /* what each takes */
    int64_t latency_ps, wire_tok_ps;                  /* to or from a client, between processes too; for each token */
    int64_t free_ps, wire_free_ps;
};

/* Text of a token, bytes: four characters of English
 * (https://help.openai.com/en/articles/4936856-what-are-tokens-and-how-to-count-them). */
enum { LS_TOKEN_TEXT_BYTES = 4 };

static inline double ls_frontend_template_s(const struct ls_scenario *scenario)
{
    return scenario->engine.chat_template_char_s * (double)scenario->model.chat_template_chars;
}

static inline struct ls_frontend ls_frontend_make(const struct ls_scenario *scenario)
{
    const struct ls_engine *engine = &scenario->engine;
    const struct ls_link *client = &scenario->cluster.client;
    return (struct ls_frontend){
        .template_ps = ls_ps_from_s(ls_frontend_template_s(scenario)),
        .request_ps = ls_ps_from_s(engine->request_overhead_s),
        .prompt_tok_ps = ls_ps_from_s(engine->prompt_token_overhead_s),
        .output_tok_ps = ls_ps_from_s(engine->output_token_overhead_s),
        .latency_ps = ls_ps_from_s(engine->request_latency_s / 2 + (isnan(client->latency_s) ? 0 : client->latency_s)),
        .wire_tok_ps = isnan(client->bandwidth_bytes_per_s)
                           ? 0
                           : ls_ps_from_s(LS_TOKEN_TEXT_BYTES / client->bandwidth_bytes_per_s),
    };
}

/* When work that comes at `now` and takes so long is done. */
static inline int64_t ls_frontend_work(int64_t *free_ps, int64_t now_ps, int64_t work_ps)
{
    *free_ps = (*free_ps > now_ps ? *free_ps : now_ps) + work_ps;
    return *free_ps;
}

/* When a request that its client sends at `now` is with the front end. */
static inline int64_t ls_frontend_reach(struct ls_frontend *frontend, int64_t now_ps, int64_t prompt_tok)
{
    return ls_frontend_work(&frontend->wire_free_ps, now_ps, frontend->wire_tok_ps * prompt_tok) + frontend->latency_ps;
}

/* When a chat that reaches the front end at `there` has its form. */
static inline int64_t ls_frontend_format(struct ls_frontend *frontend, int64_t there_ps)
{
    return ls_frontend_work(&frontend->free_ps, there_ps, frontend->template_ps);
}

/* When a prompt that the front end can turn to at `there` is with the engine. */
static inline int64_t ls_frontend_tokenise(struct ls_frontend *frontend, int64_t there_ps, int64_t prompt_tok)
{
    return ls_frontend_work(&frontend->free_ps, there_ps, frontend->request_ps + frontend->prompt_tok_ps * prompt_tok);
}

/* When tokens that the engine has at `now` are with their clients. */
static inline int64_t ls_frontend_send(struct ls_frontend *frontend, int64_t now_ps, int64_t n_tok)
{
    return ls_frontend_work(&frontend->free_ps, now_ps, frontend->output_tok_ps * n_tok) + frontend->latency_ps +
           frontend->wire_tok_ps;
}

#endif
