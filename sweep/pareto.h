#ifndef LS_SWEEP_PARETO_H
#define LS_SWEEP_PARETO_H

#include <stdbool.h>
#include <stddef.h>

/* The points that no other beats: every objective as good, one better. Lower is better. */
struct ls_pareto {
    size_t n_objectives;
    size_t n, capacity;
    double *points; /* [n · n_objectives] */
};

void ls_pareto_init(struct ls_pareto *front, size_t n_objectives);
void ls_pareto_release(struct ls_pareto *front);

/* Add a point unless one of the front beats it or equals it; those that it beats go. Short of memory the front only
 * stays smaller than it could be. */
void ls_pareto_add(struct ls_pareto *front, const double *point);

/* Whether a point of the front beats this one. */
bool ls_pareto_beats(const struct ls_pareto *front, const double *point);

#endif
