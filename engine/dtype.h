#ifndef LS_ENGINE_DTYPE_H
#define LS_ENGINE_DTYPE_H

#include <stdint.h>

/* Number formats of weights, KV cache and arithmetic. */

/* X(name, text, bits of a value, scale bits a value): block-scaled formats carry their scales with them. */
#define LS_DTYPES(X)                                                                                                   \
    X(FP32, "fp32", 32, 0.0)                                                                                           \
    X(BF16, "bf16", 16, 0.0)                                                                                           \
    X(FP16, "fp16", 16, 0.0)                                                                                           \
    X(FP8, "fp8", 8, 0.0)                                                                                              \
    X(FP8_BLOCK, "fp8_block", 8,                                                                                       \
      32.0 / (128.0 * 128.0)) /* a scale for each block of weights and run of activations */                           \
    X(INT8, "int8", 8, 0.0)                                                                                            \
    X(INT4, "int4", 4, 0.125)                                                                                          \
    X(NVFP4, "nvfp4", 4, 0.5)                                                                                          \
    X(MXFP4, "mxfp4", 4, 0.25)

enum ls_dtype {
#define X(name, text, bits, scale_bits) LS_##name,
    LS_DTYPES(X)
#undef X
        LS_N_DTYPES
};

/* Bytes of one value, its share of block scales included. */
double ls_dtype_bytes(enum ls_dtype dtype);

/* Name as users write it, such as `bf16`. */
const char *ls_dtype_name(enum ls_dtype dtype);

/* Null-terminated list of all names, in the enum's order. */
extern const char *const ls_dtype_names[LS_N_DTYPES + 1];

#endif
