#ifndef LS_TESTS_BENCH_MEASURE_H
#define LS_TESTS_BENCH_MEASURE_H

/* Seconds of one core, and medians of them. */

#include <stdlib.h>
#include <time.h>

/* CPU time: what others do on the machine slows a run down, but is not counted as its own. */
static inline double cpu_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the values. */
static inline double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_doubles);
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

#endif
