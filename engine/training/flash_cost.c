#include "engine/training/flash_cost.h"

#include <math.h>

#include "engine/cost/operator_cost.h"

/* Products backward over products forward. */
static const double more_products = 2.5;

static const double backward_pad_tok = 280.0;

/* Shares of the peak, forward and backward; NaN: as the serving kernels, and by the usual ratio of the forward pass. */
struct reached {
    double forward, backward, usual_ratio;
};

static struct reached reached_by(const struct ls_training_kernels *kernels, const struct ls_training *training)
{
    if (training->attention == LS_ATTENTION_CUDNN)
        return (struct reached){kernels->cudnn_frac, kernels->cudnn_backward_frac, 0.63 / 0.73};
    if (training->flash_version >= 3)
        return (struct reached){(double)NAN, (double)NAN, 561.0 / 648.0};
    return (struct reached){kernels->flash_frac, kernels->flash_backward_frac, 0.63 / 0.73};
}

/* Shares of the peak are `ratio` times the kernels', and at most `limit`; NaN: no limit. */
static void slow_down(struct ls_prefill_kernels *kernels, double ratio, double limit, double pad_tok)
{
    kernels->frac_64 = ratio * fmin(kernels->frac_64, limit); /* fmin passes over NaN */
    kernels->frac_128 = ratio * fmin(kernels->frac_128, limit);
    kernels->frac_256 = ratio * fmin(kernels->frac_256, limit);
    kernels->pad_tok = fmax(kernels->pad_tok, pad_tok);
}

double ls_flash_seconds(const struct ls_hardware *hardware, const struct ls_training *training, const struct ls_op *op,
                        bool backward)
{
    const struct reached reached = reached_by(&hardware->training, training);
    const bool stated = backward && !isnan(reached.backward);
    const double limit = stated ? reached.backward : reached.forward;
    double ratio = backward && !stated ? reached.usual_ratio : 1.0;
    if (training->attention != LS_ATTENTION_CUDNN && training->flash_version <= 1)
        ratio *= backward ? 0.30 / 0.63 : 0.40 / 0.73;
    struct ls_hardware slower = *hardware;
    struct ls_kernels *kernels = &slower.kernels[hardware->kernel_library];
    const double pad_tok = backward ? backward_pad_tok : 0.0;
    slow_down(&kernels->prefill, ratio, limit, pad_tok);
    slow_down(&kernels->prefill_fp8, ratio, limit, pad_tok);
    slow_down(&kernels->mla_prefill, ratio, limit, pad_tok);
    return (backward ? more_products : 1.0) * ls_op_seconds(&slower, op);
}
