#include "engine/training/straggler.h"

#include <math.h>

/* Where a normal variable leaves `tail` above it, at most a half: within 4.5e-4 (Abramowitz and Stegun, 26.2.23). */
static double normal_quantile_above(double tail)
{
    const double t = sqrt(-2.0 * log(tail));
    return t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
}

double ls_straggler_factor(int64_t n, double spread)
{
    if (n <= 1 || isnan(spread))
        return 1.0;
    const double deviations = normal_quantile_above(0.625 / ((double)n + 0.25));
    return 1.0 / (1.0 - deviations * spread);
}
