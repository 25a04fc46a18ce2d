#ifndef LS_ENGINE_TRAINING_STRAGGLER_H
#define LS_ENGINE_TRAINING_STRAGGLER_H

#include <stdint.h>

/* How much longer the slowest of `n` GPUs takes than the usual one, for which all others wait: 1 / (1 − z · spread),
 * where speeds are normal with the relative standard deviation `spread` (NaN: all alike) and z is how many deviations
 * the slowest one lies below the mean, Φ⁻¹((n − 3/8) / (n + 1/4)) (Blom 1958). Nobody waits for a single one. */
double ls_straggler_factor(int64_t n, double spread);

#endif
