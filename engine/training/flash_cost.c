#include "engine/training/flash_cost.h"

#include <math.h>

#include "engine/cost/operator_cost.h"

/* Products backward over products forward. */
static const double more_products = 2.5;

/* Shares of the peak are `ratio` times the kernels', and at most `limit`; NaN: no limit. */
static void slow_down(struct ls_prefill_kernels *kernels, double ratio, double limit)
{
    kernels->frac_64 = ratio * fmin(kernels->frac_64, limit); /* fmin passes over NaN */
    kernels->frac_128 = ratio * fmin(kernels->frac_128, limit);
    kernels->frac_256 = ratio * fmin(kernels->frac_256, limit);
}

double ls_flash_seconds(const struct ls_hardware *hardware, const struct ls_training *training, const struct ls_op *op,
                        bool backward)
{
    const struct ls_training_kernels *reached = &hardware->training;
    double ratio = 1.0, limit = (double)NAN;
    if (training->flash_version >= 3) {
        ratio = backward ? 561.0 / 648.0 : 1.0;
    } else {
        const bool stated = backward && !isnan(reached->flash_backward_frac);
        limit = stated ? reached->flash_backward_frac : reached->flash_frac;
        ratio = backward && !stated ? 0.63 / 0.73 : 1.0;
    }
    if (training->flash_version <= 1)
        ratio *= backward ? 0.30 / 0.63 : 0.40 / 0.73;
    struct ls_hardware slower = *hardware;
    struct ls_kernels *kernels = &slower.kernels[hardware->kernel_library];
    slow_down(&kernels->prefill, ratio, limit);
    slow_down(&kernels->prefill_fp8, ratio, limit);
    slow_down(&kernels->mla_prefill, ratio, limit);
    return (backward ? more_products : 1.0) * ls_op_seconds(&slower, op);
}
