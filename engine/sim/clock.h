#ifndef LS_ENGINE_SIM_CLOCK_H
#define LS_ENGINE_SIM_CLOCK_H

#include <stdint.h>

/* Simulated time is int64_t picoseconds; every operator is rounded once, then only integers are added. */

#define LS_PS_PER_S 1e12
#define LS_PS_MAX INT64_C(9158400000000000000) /* 106 days */
#define LS_PS_NEVER INT64_MAX

/* The one rounding of seconds to the clock; negative and absurd durations are the caller's to refuse. */
static inline int64_t ls_ps_from_s(double seconds)
{
    return (int64_t)(seconds * LS_PS_PER_S + 0.5);
}

static inline double ls_s_from_ps(int64_t ps)
{
    return (double)ps / LS_PS_PER_S;
}

#endif
