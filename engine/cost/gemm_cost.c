#include "engine/cost/gemm_cost.h"

#include <math.h>
#include <stdint.h>

/* fmax, fmin and ceil for numbers that are never NaN and fit 64 bits: they compile to single instructions, and this is
 * the innermost loop of a sweep at lod low. */
static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static double round_up(double x)
{
    const double whole = (double)(int64_t)x;
    return whole < x ? whole + 1.0 : whole;
}

static const double tile_sides[LS_N_TILES][2] = {{64, 64}, {64, 128}, {128, 128}, {128, 256}};

/* A slice of k takes no less time than one of this length. */
static const double min_split_k = 128.0;
static const double most_splits = 32.0;

/* What a tile takes for each step of k: its arithmetic, its operands' way into the SM, the wait for the first of them,
 * and their way out of the L2 for each tile that is worked on beside it. */
struct step {
    double alone_s, share_s;
};

/* Kernels for experts have tiles of one size for all of them, and fill them up. */
static bool has_whole_tiles(const struct ls_gemm_kernels *kernels, const struct ls_gemm *gemm)
{
    return gemm->loads && kernels->tile_rows > 0.0;
}

static struct step make_step(const struct ls_hardware *hardware, const struct ls_gemm_kernels *kernels,
                             const struct ls_gemm *gemm, const double side[2], double tile_frac)
{
    const bool whole = has_whole_tiles(kernels, gemm);
    const double rows = whole ? side[0] : smaller(side[0], gemm->m / gemm->groups);
    const double padded = whole ? rows : kernels->mma_rows * round_up(rows / kernels->mma_rows);
    const double compute_s = 2.0 * padded * side[1] * (double)hardware->sm_count / (gemm->peak_flop_per_s * tile_frac);
    const double operand_bytes = rows * gemm->activation_bytes + side[1] * gemm->weight_bytes;
    const double operands_s = operand_bytes / kernels->sm_bandwidth_bytes_per_s;
    return (struct step){
        .alone_s = larger(kernels->step_s, larger(compute_s, operands_s)),
        .share_s = kernels->l2_bandwidth_bytes_per_s > 0.0 ? operand_bytes / kernels->l2_bandwidth_bytes_per_s : 0.0,
    };
}

/* Tiles that cover the result. Where rows fall on groups at random, each group's last tile is half empty in the mean.
 */
static double count_tiles(const struct ls_gemm_kernels *kernels, const struct ls_gemm *gemm, const double side[2])
{
    const double filled = gemm->m / gemm->groups / side[0];
    double down = gemm->loads ? larger(1.0, filled + 0.5) : round_up(filled);
    if (has_whole_tiles(kernels, gemm)) {
        down = 0.0;
        for (int i = 0; i < LS_N_LOADS; i++)
            down += larger(1.0, gemm->loads[i] * filled + 0.5) / LS_N_LOADS;
    }
    return gemm->groups * down * round_up(gemm->n / side[1]);
}

/* Seconds in which the SMs work off `tiles` tiles of n_steps each. */
static double waves_seconds(const struct ls_gemm_kernels *kernels, double sms, double tiles, struct step step,
                            double n_steps)
{
    const double load = tiles / sms;
    const double waves = kernels->wave_frac * round_up(load) + (1.0 - kernels->wave_frac) * larger(1.0, load);
    const double step_s = larger(step.alone_s, smaller(tiles, sms) * step.share_s);
    return kernels->start_s + (waves - 1.0) * kernels->wave_s + waves * n_steps * step_s;
}

/* Adding up the parts of a product whose k was split: 32-bit sums, written and read. */
static double split_seconds(const struct ls_hardware *hardware, const struct ls_gemm_kernels *kernels,
                            const struct ls_gemm *gemm, double splits)
{
    const double bytes = 8.0 * splits * gemm->m * gemm->n;
    return kernels->split_s + bytes / (hardware->memory_bandwidth_bytes_per_s * kernels->split_frac);
}

/* The fastest way to run the product on tiles of these sides: as it is, or with k split while SMs would idle. */
static double tiled_seconds(const struct ls_hardware *hardware, const struct ls_gemm_kernels *kernels,
                            const struct ls_gemm *gemm, const double side[2], double tile_frac, double max_splits)
{
    const double sms = (double)hardware->sm_count;
    const double tiles = count_tiles(kernels, gemm, side);
    const struct step step = make_step(hardware, kernels, gemm, side, tile_frac);
    double best = waves_seconds(kernels, sms, tiles, step, gemm->k);
    for (double splits = 2.0; splits <= max_splits && tiles * splits <= 2.0 * sms; splits *= 2.0) {
        const double slice = larger(gemm->k / splits, min_split_k);
        best = smaller(best, split_seconds(hardware, kernels, gemm, splits) +
                                 waves_seconds(kernels, sms, tiles * splits, step, slice));
    }
    return best;
}

/* On tiles of fewer rows, of which no expert fills two in the mean. */
static double narrow_seconds(const struct ls_hardware *hardware, const struct ls_gemm_kernels *kernels,
                             const struct ls_gemm *gemm, const double side[2], double tile_frac)
{
    double best = (double)INFINITY;
    const double least = larger(kernels->tile_rows, 0.5 * gemm->m / gemm->groups);
    for (double rows = 0.5 * side[0]; rows >= least; rows *= 0.5) {
        const double narrow[2] = {rows, side[1]};
        best = smaller(best, tiled_seconds(hardware, kernels, gemm, narrow, tile_frac, most_splits));
    }
    return best;
}

static double compute_seconds(const struct ls_hardware *hardware, const struct ls_gemm_kernels *kernels,
                              const struct ls_gemm *gemm)
{
    const bool one_tile = kernels->largest_tile_above > 0.0 && gemm->m > kernels->largest_tile_above;
    double best = (double)INFINITY;
    for (int i = LS_N_TILES - 1; i >= 0; i--) {
        const double frac = kernels->tile_frac[i];
        if (!(frac > 0.0))
            continue;
        const double *side = tile_sides[i];
        const double turned[2] = {side[1], side[0]};
        best = smaller(best, tiled_seconds(hardware, kernels, gemm, side, frac, one_tile ? 1.0 : most_splits));
        if (one_tile)
            break;
        if (side[0] < side[1])
            best = smaller(best, tiled_seconds(hardware, kernels, gemm, turned, frac, most_splits));
        if (has_whole_tiles(kernels, gemm))
            best = smaller(best, narrow_seconds(hardware, kernels, gemm, side, frac));
    }
    return best;
}

/* The least time in which the board's power lets that much be computed. */
static double power_seconds(const struct ls_gemm *gemm)
{
    return gemm->sustained_flop_per_s > 0.0 ? 2.0 * gemm->m * gemm->n * gemm->k / gemm->sustained_flop_per_s : 0.0;
}

/* What converting m rows of k activations to the weights' format takes. */
static double quantize_seconds(const struct ls_gemm_kernels *kernels, double m, double k)
{
    if (!(kernels->quantize_bandwidth_bytes_per_s > 0.0))
        return 0.0;
    return kernels->quantize_launch_s +
           larger(m * kernels->quantize_row_s, 2.0 * m * k / kernels->quantize_bandwidth_bytes_per_s);
}

double ls_gemm_seconds(const struct ls_hardware *hardware, const struct ls_gemm_kernels *kernels,
                       const struct ls_gemm *gemm)
{
    const double bytes = gemm->groups * gemm->n * gemm->k * gemm->weight_bytes +
                         gemm->m * (gemm->k * gemm->activation_bytes + gemm->n * gemm->result_bytes);
    const double memory_s = bytes / (hardware->memory_bandwidth_bytes_per_s * kernels->memory_frac);
    const double compute_s = larger(compute_seconds(hardware, kernels, gemm), power_seconds(gemm));
    return kernels->launch_s + cbrt(compute_s * compute_s * compute_s + memory_s * memory_s * memory_s) +
           quantize_seconds(kernels, gemm->m, gemm->k);
}
