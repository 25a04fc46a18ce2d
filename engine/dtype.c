#include "engine/dtype.h"

#include <assert.h>
#include <stddef.h>

const char *const ls_dtype_names[LS_N_DTYPES + 1] = {
#define X(name, text, bits, scale_bits) text,
    LS_DTYPES(X)
#undef X
        NULL,
};

double ls_dtype_bytes(enum ls_dtype dtype)
{
    static const double bytes[] = {
#define X(name, text, bits, scale_bits) ((bits) + (scale_bits)) / 8.0,
        LS_DTYPES(X)
#undef X
    };
    assert(dtype < LS_N_DTYPES);
    return bytes[dtype];
}

const char *ls_dtype_name(enum ls_dtype dtype)
{
    assert(dtype < LS_N_DTYPES);
    return ls_dtype_names[dtype];
}
