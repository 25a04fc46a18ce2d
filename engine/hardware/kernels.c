#include "engine/hardware/kernels.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

static_assert(sizeof(struct ls_kernels) % sizeof(double) == 0, "classes of kernels hold doubles only");

/* Replace each null among the n numbers at `to` by its counterpart at `from`. */
static void derive(void *to, const void *from, size_t bytes)
{
    double *const numbers = to;
    const double *const others = from;
    for (size_t i = 0; i < bytes / sizeof(double); i++)
        if (isnan(numbers[i]))
            numbers[i] = others[i];
}

static void complete_formats(struct ls_gemm_kernels formats[LS_N_GEMM_FORMATS])
{
    derive(&formats[LS_GEMM_FP8_BLOCK], &formats[LS_GEMM_FP8], sizeof formats[0]);
    derive(&formats[LS_GEMM_MXFP4], &formats[LS_GEMM_INT4], sizeof formats[0]);
    for (int i = LS_GEMM_BF16 + 1; i < LS_N_GEMM_FORMATS; i++)
        derive(&formats[i], &formats[LS_GEMM_BF16], sizeof formats[i]);
}

static void complete_library(struct ls_kernels *kernels)
{
    complete_formats(kernels->gemm);
    complete_formats(kernels->grouped_gemm);
    derive(kernels->grouped_gemm, kernels->gemm, sizeof kernels->gemm);
    derive(&kernels->mla_prefill, &kernels->prefill, sizeof kernels->prefill);
    derive(&kernels->prefill_fp8, &kernels->prefill, sizeof kernels->prefill);
    derive(&kernels->mla_decode, &kernels->decode, sizeof kernels->decode);
    derive(&kernels->decode_fp8, &kernels->decode, sizeof kernels->decode);
    derive(&kernels->mha_decode, &kernels->decode, sizeof kernels->decode);
    derive(&kernels->mha_decode_fp8, &kernels->decode_fp8, sizeof kernels->decode);
    derive(&kernels->mla_decode_fp8, &kernels->mla_decode, sizeof kernels->decode);
}

void ls_kernels_complete(struct ls_kernels kernels[LS_N_KERNEL_LIBRARIES])
{
    for (int i = 1; i < LS_N_KERNEL_LIBRARIES; i++)
        derive(&kernels[i], &kernels[0], sizeof kernels[i]);
    for (int i = 0; i < LS_N_KERNEL_LIBRARIES; i++)
        complete_library(&kernels[i]);
}
