#include "engine/serving/low/outputs.h"

#include <math.h>

enum { N_DRAWS = 128 };

void ls_outputs_draw(struct ls_outputs *o, const struct ls_mixture *lengths, const struct ls_draft_passes *drafts)
{
    double tok[N_DRAWS], sum = 0, longest = 1, share[LS_OUTPUT_BINS] = {0}, more = 1;
    for (int i = 0; i < N_DRAWS; i++) {
        struct ls_stream stream = ls_stream_make(0, 0, 0, (uint64_t)i, LS_RNG_OUTPUT);
        sum += tok[i] = ls_mixture_sample_tok(lengths, &stream) - 1;
    }
    const double more_tok = fmax(0.0, ls_mixture_mean(lengths) - 1);
    const double mean = more_tok * drafts->each + fmin(more_tok, drafts->last);
    const double stretch = sum > 0 ? mean * N_DRAWS / sum : 0;
    for (int i = 0; i < N_DRAWS; i++)
        longest = fmax(longest, tok[i] *= stretch);
    o->width = (longest + 1) / LS_OUTPUT_BINS;
    for (int i = 0; i < N_DRAWS; i++)
        share[(int)(tok[i] / o->width)] += 1.0 / N_DRAWS;
    int next = 0;
    o->left[0] = 0;
    for (int i = 0; i < LS_OUTPUT_BINS; i++) {
        o->left[i + 1] = o->left[i] + o->width * (more - share[i] / 2);
        for (; next < LS_OUTPUT_SHARES && 1 - more + share[i] >= (next + 0.5) / LS_OUTPUT_SHARES; next++)
            o->middle[next] = fmax(1.0, (i + ((next + 0.5) / LS_OUTPUT_SHARES - (1 - more)) / share[i]) * o->width);
        more -= share[i];
    }
    while (next < LS_OUTPUT_SHARES)
        o->middle[next++] = longest;
}

double ls_outputs_left(const struct ls_outputs *o, double passes)
{
    const double at = fmax(0.0, passes) / o->width;
    const int i = (int)fmin(LS_OUTPUT_BINS - 1, at);
    return at >= LS_OUTPUT_BINS ? o->left[LS_OUTPUT_BINS] : o->left[i] + (at - i) * (o->left[i + 1] - o->left[i]);
}
