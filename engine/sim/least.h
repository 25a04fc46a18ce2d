#ifndef LS_ENGINE_SIM_LEAST_H
#define LS_ENGINE_SIM_LEAST_H

#include <stdint.h>

static inline int64_t ls_min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t ls_max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
