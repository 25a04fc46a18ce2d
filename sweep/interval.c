#include "sweep/interval.h"

#include <assert.h>
#include <math.h>

double ls_student_975(size_t freedom)
{
    /* Abramowitz & Stegun 1964, 26.7.5: an expansion in 1/freedom around the normal's point, and table 26.10 where
     * that is too short. */
    static const double table[] = {12.706, 4.303, 3.182};
    assert(freedom >= 1);
    if (freedom <= sizeof table / sizeof table[0])
        return table[freedom - 1];
    const double x = 1.959963984540054, n = (double)freedom, x2 = x * x;
    const double g1 = x * (x2 + 1) / 4;
    const double g2 = x * ((5 * x2 + 16) * x2 + 3) / 96;
    const double g3 = x * (((3 * x2 + 19) * x2 + 17) * x2 - 15) / 384;
    const double g4 = x * ((((79 * x2 + 776) * x2 + 1482) * x2 - 1920) * x2 - 945) / 92160;
    return x + (g1 + (g2 + (g3 + g4 / n) / n) / n) / n;
}

struct ls_interval ls_interval_of(const double *values, size_t n)
{
    double first = NAN, sum = 0, squares = 0; /* sums of what is more than the first: 0 where all are the same */
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(values[i]))
            continue;
        first = count == 0 ? values[i] : first;
        sum += values[i] - first;
        count++;
    }
    struct ls_interval interval = {.mean = NAN, .half_width = NAN};
    if (count == 0)
        return interval;
    interval.mean = first + sum / (double)count;
    if (count == 1)
        return interval;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            squares += (values[i] - interval.mean) * (values[i] - interval.mean);
    interval.half_width = ls_student_975(count - 1) * sqrt(squares / (double)(count - 1) / (double)count);
    return interval;
}
