#include "engine/serving/scheduler/reserve.h"

#include <math.h>

/* SGLANG_RETRACT_DECODE_STEPS of SGLang's srt/environ.py. */
enum { STEPS_AHEAD = 20 };

struct ls_reserve ls_reserve_make(const struct ls_engine *engine)
{
    const double least = engine->output_reserve, first = fmax(engine->output_reserve_start, least);
    return (struct ls_reserve){
        .least = least,
        .first = first,
        .fall = (first - least) / (double)engine->output_reserve_passes,
        .from = first,
    };
}

double ls_reserve_share(const struct ls_reserve *reserve)
{
    return fmax(reserve->least, reserve->from - reserve->fall * (double)reserve->n_passes);
}

bool ls_reserve_allows(const struct ls_reserve *reserve, int64_t own, int64_t rest, int64_t n_free)
{
    const double share = ls_reserve_share(reserve);
    return share <= 0 || (double)own + share * (double)rest <= (double)n_free;
}

void ls_reserve_restart(struct ls_reserve *reserve)
{
    reserve->from = reserve->first;
    reserve->n_passes = 0;
    reserve->refuses = false;
}

void ls_reserve_learn(struct ls_reserve *reserve, int64_t n, int64_t generated, int64_t output)
{
    reserve->refuses = false;
    if (!ls_reserve_varies(reserve))
        return;
    reserve->from = fmin(1, (double)(generated + STEPS_AHEAD * n) / (double)(output + 1));
    reserve->n_passes = 0;
}
