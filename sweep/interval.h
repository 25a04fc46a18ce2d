#ifndef LS_SWEEP_INTERVAL_H
#define LS_SWEEP_INTERVAL_H

#include <stddef.h>

/* The mean of a metric over replicas, and how sure it is. */
struct ls_interval {
    double mean;
    double half_width; /* of the two-sided 95 % interval by Student's t; NaN for fewer than two values */
};

/* Over the values that are not NaN; the mean is NaN when there are none. */
struct ls_interval ls_interval_of(const double *values, size_t n);

/* The 97.5 % point of Student's t with `freedom` ≥ 1 degrees of freedom, right to 0.1 %. */
double ls_student_975(size_t freedom);

#endif
