#ifndef LS_ENGINE_COST_GEMM_COST_H
#define LS_ENGINE_COST_GEMM_COST_H

#include "engine/hardware/hardware.h"
#include "engine/model/operator.h"

/* A product of [m, k] and [k, n], or of m rows spread over `groups` matrices of [k, n]. */
struct ls_gemm {
    double m, n, k;
    double groups;
    const double *loads; /* [LS_N_LOADS], as an operator has them, where rows fall on groups at random; null: evenly */
    double weight_bytes, activation_bytes, result_bytes; /* of one value */
    double peak_flop_per_s;
    double sustained_flop_per_s; /* what the power limit leaves of it; 0: all */
};

/* Seconds of the product, its launch included. The result is cut into tiles that fill the SMs wave by wave, the fastest
 * tile and number of splits of k deciding:
 *
 * load = tiles · splits / SMs; waves = wave_frac · ⌈load⌉ + (1 − wave_frac) · max(1, load);
 *
 * step = max(2 · tile, rows padded to mma_rows, / (peak / SMs · tile_frac), least step, operand bytes / sm_bandwidth,
 * operand bytes · min(SMs, tiles · splits) / l2_bandwidth), for each step of k;
 *
 * With tile_rows experts' tiles may have fewer rows, down to those, and are whole: kernels take one size for all
 * experts. Each expert's last tile is half empty in the mean.
 *
 * compute = start + (waves − 1) · wave + waves · k / splits · step, + split + 8 · splits · m · n / (memory bandwidth ·
 * split_frac) when k is split, and at least 2 · m · n · k / sustained;
 *
 * memory = bytes / (memory bandwidth · memory_frac);
 *
 * seconds = launch + (compute³ + memory³)^⅓ + what converting the activations takes.
 *
 * It never falls when m, n or k rise. */
double ls_gemm_seconds(const struct ls_hardware *hardware, const struct ls_gemm_kernels *kernels,
                       const struct ls_gemm *gemm);

#endif
