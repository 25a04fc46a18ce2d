#include "engine/matmul/matmul.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "engine/cost/collective.h"
#include "engine/cost/operator_cost.h"

/* As many layers as fit into a name. */
enum { MAX_LAYERS = LS_NAME_LEN / 4 };

static const double most = 1099511627776.0; /* rows or columns, 2^40 */

/* The weights that the rows go through: [width[i], width[i + 1]]. */
struct chain {
    int n;
    double width[MAX_LAYERS + 1];
};

struct seconds {
    double create, compute, gather;
};

/* --- Shapes --- */

/* A whole number of at least 1 at *text, which moves behind it; 0 when there is none. */
static double read_width(const char **text)
{
    char *end;
    const double width = isdigit((unsigned char)**text) ? strtod(*text, &end) : 0;
    if (!(width >= 1 && width <= most) || width != floor(width))
        return 0;
    *text = end;
    return width;
}

/* Read "4096x16384 16384x4096" into `chain`; false when it is no such thing. */
static bool read_layers(const char *text, struct chain *chain)
{
    *chain = (struct chain){0};
    while (*text) {
        const double k = read_width(&text);
        if (k < 1 || *text++ != 'x')
            return false;
        const double n = read_width(&text);
        if (n < 1 || (*text && *text++ != ' ') || (chain->n > 0 && k != chain->width[chain->n]))
            return false;
        chain->width[chain->n++] = k;
        chain->width[chain->n] = n;
    }
    return chain->n > 0;
}

static bool is_elementwise(const struct ls_matmul *matmul)
{
    return matmul->operation == LS_MATMUL_ELEMENTWISE;
}

/* Of a checked scenario. An element-wise sum has no weights and one width. */
static struct chain chain_of(const struct ls_matmul *matmul)
{
    struct chain chain = {.n = is_elementwise(matmul) ? 0 : 1, .width = {(double)matmul->k, (double)matmul->n}};
    if (matmul->layers[0])
        (void)read_layers(matmul->layers, &chain);
    return chain;
}

enum ls_status ls_matmul_check(const struct ls_scenario *scenario, struct ls_err *err)
{
    const struct ls_matmul *matmul = &scenario->matmul;
    const struct ls_strategy *strategy = &scenario->strategy;
    struct chain chain;
    if (strategy->tp * strategy->pp * strategy->ep != 1)
        return ls_fail(err, LS_INPUT, "strategy: a product is split over dp alone; tp, pp and ep must be 1");
    if (matmul->m == LS_NULL_INT)
        return ls_fail(err, LS_INPUT, "matmul.m: the number of rows is needed");
    if (matmul->layers[0] && is_elementwise(matmul))
        return ls_fail(err, LS_INPUT, "matmul.layers: an element-wise sum has none; write m and k");
    if (matmul->layers[0])
        return read_layers(matmul->layers, &chain)
                   ? LS_OK
                   : ls_fail(err, LS_INPUT,
                             "matmul.layers: %.90s is no chain of layers; write [[k, n], …], where each k is the n "
                             "before it",
                             matmul->layers);
    if (matmul->k == LS_NULL_INT)
        return ls_fail(err, LS_INPUT, "matmul.k: the number of columns is needed, or layers");
    if (matmul->n == LS_NULL_INT && !is_elementwise(matmul))
        return ls_fail(err, LS_INPUT, "matmul.n: the weights' number of columns is needed, or layers");
    return LS_OK;
}

/* --- One GPU of several --- */

static bool is_sharded(const struct ls_matmul *matmul, int64_t gpus)
{
    return gpus > 1 && matmul->m % gpus == 0;
}

static double rows_of(const struct ls_matmul *matmul, int64_t gpus)
{
    return (double)(is_sharded(matmul, gpus) ? matmul->m / gpus : matmul->m);
}

static double value_bytes(const struct ls_matmul *matmul)
{
    return ls_dtype_bytes((enum ls_dtype)matmul->dtype);
}

double ls_matmul_bytes(const struct ls_scenario *scenario, int64_t gpus)
{
    const struct ls_matmul *matmul = &scenario->matmul;
    const struct chain chain = chain_of(matmul);
    const double rows = rows_of(matmul, gpus);
    const double result = rows * chain.width[chain.n];
    double kept = rows * chain.width[0] * (is_elementwise(matmul) ? 2.0 : 1.0); /* operands */
    double passing = result;
    for (int i = 0; i < chain.n; i++) {
        const double operand = i > 0 ? rows * chain.width[i] : 0.0;
        kept += chain.width[i] * chain.width[i + 1];
        passing = fmax(passing, operand + rows * chain.width[i + 1]);
    }
    if (is_sharded(matmul, gpus))
        passing = fmax(passing, result + (double)matmul->m * chain.width[chain.n]);
    return (kept + passing) * value_bytes(matmul);
}

static double move_seconds(const struct ls_scenario *scenario, double bytes)
{
    const struct ls_op op = {.kind = LS_OP_MEMORY, .dtype = (enum ls_dtype)scenario->matmul.dtype, .bytes = bytes};
    return ls_op_seconds(&scenario->cluster.hardware, &op);
}

static double product_seconds(const struct ls_scenario *scenario, double rows, double k, double n)
{
    const struct ls_op op = {
        .kind = LS_OP_GEMM, .dtype = (enum ls_dtype)scenario->matmul.dtype, .m = rows, .k = k, .n = n, .groups = 1};
    return ls_op_seconds(&scenario->cluster.hardware, &op);
}

static double gather_seconds(const struct ls_scenario *scenario, double bytes)
{
    const int64_t origin[LS_N_DIMS] = {0};
    struct ls_placement placement;
    struct ls_err err;
    if (ls_placement_init(&placement, &scenario->cluster, &scenario->strategy, &err))
        return (double)NAN; /* not of a resolved scenario */
    const struct ls_group group = ls_placement_group(&placement, 1u << LS_DP, origin);
    const struct ls_collective_cost cost = ls_collective_cost(&scenario->cluster, LS_ALL_GATHER, &group, bytes);
    return ls_collective_seconds(&cost);
}

static struct seconds seconds_of(const struct ls_scenario *scenario, int64_t gpus)
{
    const struct ls_matmul *matmul = &scenario->matmul;
    const struct chain chain = chain_of(matmul);
    const double rows = rows_of(matmul, gpus), bytes = value_bytes(matmul);
    const double operand_bytes = rows * chain.width[0] * bytes;
    struct seconds seconds = {.create = move_seconds(scenario, operand_bytes)};
    double once = matmul->dispatch_s;
    if (is_elementwise(matmul)) {
        seconds.create *= 2.0;
        once += move_seconds(scenario, 3.0 * operand_bytes);
    }
    for (int i = 0; i < chain.n; i++) {
        seconds.create += move_seconds(scenario, chain.width[i] * chain.width[i + 1] * bytes);
        once += product_seconds(scenario, rows, chain.width[i], chain.width[i + 1]);
    }
    seconds.compute = (double)matmul->repetitions * once;
    if (is_sharded(matmul, gpus))
        seconds.gather = gather_seconds(scenario, (double)matmul->m * chain.width[chain.n] * bytes);
    return seconds;
}

static double total(const struct seconds *seconds)
{
    return seconds->create + seconds->compute + seconds->gather;
}

/* Of one repetition, each product once, however many GPUs repeat it. */
static double flop_of(const struct ls_matmul *matmul)
{
    const struct chain chain = chain_of(matmul);
    double flop = is_elementwise(matmul) ? (double)matmul->m * (double)matmul->k : 0.0;
    for (int i = 0; i < chain.n; i++)
        flop += 2.0 * (double)matmul->m * chain.width[i] * chain.width[i + 1];
    return flop;
}

static bool fits(const struct ls_scenario *scenario, int64_t gpus)
{
    return ls_matmul_bytes(scenario, gpus) <= scenario->cluster.hardware.memory_bytes;
}

enum ls_reason ls_matmul_run(const struct ls_scenario *scenario, struct ls_metrics *metrics)
{
    const struct ls_matmul *matmul = &scenario->matmul;
    const int64_t gpus = scenario->strategy.dp;
    const enum ls_reason reason = fits(scenario, gpus) ? LS_REASON_NONE : LS_REASON_MEMORY_MATMUL;
    if (reason != LS_REASON_NONE && !scenario->evaluate_oversized)
        return reason;
    const struct seconds seconds = seconds_of(scenario, gpus), alone = seconds_of(scenario, 1);
    double *m = metrics->scalar;
    m[LS_METRIC_TIME_S] = total(&seconds);
    m[LS_METRIC_CREATE_S] = seconds.create;
    m[LS_METRIC_COMPUTE_S] = seconds.compute;
    m[LS_METRIC_GATHER_S] = seconds.gather;
    m[LS_METRIC_TFLOP_PER_S] = (double)matmul->repetitions * flop_of(matmul) / total(&seconds) * 1e-12;
    if (fits(scenario, 1) || scenario->evaluate_oversized)
        m[LS_METRIC_SPEEDUP] = total(&alone) / total(&seconds);
    m[LS_METRIC_SHARDED] = is_sharded(matmul, gpus) ? 1.0 : 0.0;
    return reason;
}
