#ifndef LS_ENGINE_SERVING_GROWTH_H
#define LS_ENGINE_SERVING_GROWTH_H

#include <stdbool.h>

/* Whether waits grow with the time of arrival: the slope of the line through them, by least squares. */
struct ls_growth {
    double n, x, y, xx, xy;
};

/* So many requests that arrive at x, s, and wait y in sum, s. */
static inline void ls_growth_add(struct ls_growth *growth, double n, double x, double y)
{
    growth->n += n;
    growth->x += n * x;
    growth->xx += n * x * x;
    growth->y += y;
    growth->xy += y * x;
}

/* By more than 0.05 s a second, where there are enough to say so. */
static inline bool ls_growth_saturates(const struct ls_growth *growth)
{
    const double spread = growth->n * growth->xx - growth->x * growth->x;
    return growth->n >= 8 && spread > 0 && (growth->n * growth->xy - growth->x * growth->y) / spread > 0.05;
}

#endif
