#include "engine/sim/mixture.h"

#include <math.h>

static bool is_mixture(const struct ls_mixture *mixture)
{
    return mixture->dist.kind == LS_DIST_MIXTURE;
}

enum ls_status ls_mixture_check_tok(const struct ls_mixture *mixture, struct ls_err *err)
{
    double weight = 0;
    if (!is_mixture(mixture)) {
        if (mixture->n_parts > 0)
            return ls_fail(err, LS_INPUT, "of belongs to a mixture; write dist: mixture or remove it");
        return ls_dist_check_tok(&mixture->dist, err);
    }
    if (mixture->n_parts == 0)
        return ls_fail(err, LS_INPUT, "mixture needs of, a list of distributions with their weights");
    for (int32_t i = 0; i < mixture->n_parts; i++) {
        struct ls_err inner = {""};
        weight += mixture->parts[i].weight;
        if (ls_dist_check_tok(&mixture->parts[i].dist, &inner))
            return ls_fail(err, LS_INPUT, "of.%s: %.300s", mixture->parts[i].name, inner.text);
    }
    return weight > 0 ? LS_OK : ls_fail(err, LS_INPUT, "the weights of a mixture add up to 0; one must be above");
}

/* Mean over the parts, by weight, of a moment. */
static double moment(const struct ls_mixture *mixture, double (*of)(const struct ls_dist *dist))
{
    double sum = 0, weight = 0;
    if (!is_mixture(mixture))
        return of(&mixture->dist);
    for (int32_t i = 0; i < mixture->n_parts; i++) {
        const struct ls_part *part = &mixture->parts[i];
        weight += part->weight;
        sum += part->weight > 0 ? part->weight * of(&part->dist) : 0;
    }
    return sum / weight;
}

double ls_mixture_mean(const struct ls_mixture *mixture)
{
    return moment(mixture, ls_dist_mean);
}

double ls_mixture_mean_square(const struct ls_mixture *mixture)
{
    return moment(mixture, ls_dist_mean_square);
}

int32_t ls_mixture_sample_tok(const struct ls_mixture *mixture, struct ls_stream *stream)
{
    double weight = 0;
    if (!is_mixture(mixture))
        return ls_dist_sample_tok(&mixture->dist, stream);
    for (int32_t i = 0; i < mixture->n_parts; i++)
        weight += mixture->parts[i].weight;
    double left = weight * ls_stream_uniform(stream);
    int32_t i = 0;
    while (i + 1 < mixture->n_parts && left >= mixture->parts[i].weight)
        left -= mixture->parts[i++].weight;
    return ls_dist_sample_tok(&mixture->parts[i].dist, stream);
}
