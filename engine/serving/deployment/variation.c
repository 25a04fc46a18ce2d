#include "engine/serving/deployment/variation.h"

#include <math.h>
#include <string.h>

#include "engine/sim/random.h"

static double normal_cdf(double z)
{
    return 0.5 * erfc(-z / sqrt(2.0));
}

/* Mean and standard deviation of the largest of n standard normals, from the distribution function Φ(z)^n. */
static void largest_of(int64_t n, double *mean, double *sd)
{
    const double step = 1.0 / 256;
    double sum = 0, square = 0, below = 0;
    for (double z = -8; z < 8; z += step) {
        const double up_to = pow(normal_cdf(z + step), (double)n), middle = z + step / 2;
        sum += middle * (up_to - below);
        square += middle * middle * (up_to - below);
        below = up_to;
    }
    *mean = sum;
    *sd = sqrt(square - sum * sum);
}

enum ls_status ls_variation_init(struct ls_variation *v, const struct ls_scenario *scenario,
                                 const struct ls_placement *placement, struct ls_arena *arena)
{
    const struct ls_jitter *jitter = &scenario->engine.jitter;
    const struct ls_strategy *strategy = &scenario->strategy;
    const int64_t gpu = jitter->straggler.gpu;
    *v = (struct ls_variation){
        .any = jitter->cv > 0 || gpu != LS_NULL_INT,
        .cv = jitter->cv,
        .gpus = strategy->tp * strategy->ep,
        .n_stages = strategy->pp,
        .n_pipelines = strategy->dp,
        .seed = (uint64_t)scenario->seed,
        .replica = (uint64_t)scenario->replica,
    };
    if (!v->any)
        return LS_OK;
    v->factor = ls_arena_take(arena, (size_t)(strategy->dp * strategy->pp) * sizeof *v->factor);
    v->n_drawn = ls_arena_take(arena, (size_t)strategy->dp * sizeof *v->n_drawn);
    if (!v->factor || !v->n_drawn)
        return LS_NOMEM;
    memset(v->n_drawn, 0, (size_t)strategy->dp * sizeof *v->n_drawn);
    for (int64_t i = 0; i < strategy->dp * strategy->pp; i++)
        v->factor[i] = 1.0;
    largest_of(v->gpus, &v->max_mean, &v->max_sd);
    if (gpu != LS_NULL_INT && gpu < ls_scenario_gpus(scenario)) {
        const int64_t dp = gpu / placement->stride[LS_DP] % placement->degree[LS_DP];
        const int64_t pp = gpu / placement->stride[LS_PP] % placement->degree[LS_PP];
        v->factor[dp * strategy->pp + pp] = jitter->straggler.factor;
    }
    return LS_OK;
}

static struct ls_stream next_stream(struct ls_variation *v, int64_t pipeline)
{
    return ls_stream_make(v->seed, v->replica, (uint32_t)pipeline, v->n_drawn[pipeline]++, LS_RNG_JITTER);
}

/* A normal can fall below what makes sense; nothing runs backwards. */
static int64_t scale(int64_t ps, double factor)
{
    return (int64_t)((double)ps * fmax(0.0, factor) + 0.5);
}

int64_t ls_variation_block_ps(struct ls_variation *v, int64_t pipeline, int64_t stage, int64_t block_ps)
{
    const double factor = v->factor[pipeline * v->n_stages + stage];
    if (!(v->cv > 0))
        return scale(block_ps, factor);
    struct ls_stream stream = next_stream(v, pipeline);
    double slowest = ls_stream_normal(&stream);
    for (int64_t i = 1; i < v->gpus; i++)
        slowest = fmax(slowest, ls_stream_normal(&stream));
    return scale(block_ps, factor * (1.0 + v->cv * slowest));
}

static double square(int64_t ps)
{
    return (double)ps * (double)ps;
}

/* Expected time of a stage's pass: every block `factor` times as long, each rounded. */
static int64_t mean_ps(const struct ls_variation *v, double slow, const struct ls_stage *stage,
                       const struct ls_step *step)
{
    const double factor = slow * (1.0 + v->cv * v->max_mean);
    struct ls_step scaled = *step;
    for (int i = 0; i < 2; i++) {
        scaled.attention_ps[i] = scale(step->attention_ps[i], factor);
        scaled.mlp_ps[i] = scale(step->mlp_ps[i], factor);
    }
    scaled.embedding_ps = scale(step->embedding_ps, factor);
    scaled.head_ps = scale(step->head_ps, factor);
    scaled.draft_ps = scale(step->draft_ps, factor);
    return ls_stage_ps(stage, &scaled);
}

/* Σ block², which the variance of their sum is proportional to. */
static double sum_squares(const struct ls_stage *stage, const struct ls_step *step)
{
    return (double)(stage->n_layers - stage->n_sliding) * square(step->attention_ps[0]) +
           (double)stage->n_sliding * square(step->attention_ps[1]) + (double)stage->n_dense * square(step->mlp_ps[0]) +
           (double)stage->n_moe * square(step->mlp_ps[1]) + (double)stage->embedding * square(step->embedding_ps) +
           (double)stage->head * (square(step->head_ps) + square(step->draft_ps));
}

int64_t ls_variation_stage_ps(struct ls_variation *v, int64_t pipeline, int64_t stage_index,
                              const struct ls_stage *stage, const struct ls_step *step)
{
    const double slow = v->factor[pipeline * v->n_stages + stage_index];
    const int64_t ps = mean_ps(v, slow, stage, step);
    if (!(v->cv > 0))
        return ps;
    struct ls_stream stream = next_stream(v, pipeline);
    const double spread_ps = slow * v->cv * v->max_sd * sqrt(sum_squares(stage, step)) * ls_stream_normal(&stream);
    return spread_ps < -(double)ps ? 0 : ps + (int64_t)floor(spread_ps + 0.5);
}

double ls_variation_mean_ps(const struct ls_variation *v, int64_t stage_index, const struct ls_stage *stage,
                            const struct ls_step *step)
{
    double sum = 0;
    for (int64_t i = 0; i < v->n_pipelines; i++)
        sum += (double)mean_ps(v, v->factor[i * v->n_stages + stage_index], stage, step);
    return sum / (double)v->n_pipelines;
}
