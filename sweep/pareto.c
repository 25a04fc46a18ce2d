#include "sweep/pareto.h"

#include <stdlib.h>
#include <string.h>

void ls_pareto_init(struct ls_pareto *front, size_t n_objectives)
{
    *front = (struct ls_pareto){.n_objectives = n_objectives};
}

void ls_pareto_release(struct ls_pareto *front)
{
    free(front->points);
    *front = (struct ls_pareto){0};
}

/* As good in every objective; *better: and better in one. */
static bool as_good(const double *a, const double *b, size_t n, bool *better)
{
    *better = false;
    for (size_t i = 0; i < n; i++) {
        if (a[i] > b[i])
            return false;
        *better = *better || a[i] < b[i];
    }
    return true;
}

bool ls_pareto_beats(const struct ls_pareto *front, const double *point)
{
    bool better;
    for (size_t i = 0; i < front->n; i++)
        if (as_good(front->points + i * front->n_objectives, point, front->n_objectives, &better) && better)
            return true;
    return false;
}

static bool has_room(struct ls_pareto *front)
{
    if (front->n < front->capacity)
        return true;
    const size_t capacity = front->capacity ? 2 * front->capacity : 64;
    double *points = realloc(front->points, capacity * front->n_objectives * sizeof *points);
    if (!points)
        return false;
    front->points = points;
    front->capacity = capacity;
    return true;
}

void ls_pareto_add(struct ls_pareto *front, const double *point)
{
    const size_t n = front->n_objectives;
    bool better;
    for (size_t i = 0; i < front->n; i++)
        if (as_good(front->points + i * n, point, n, &better))
            return;
    for (size_t i = 0; i < front->n;) {
        double *other = front->points + i * n;
        if (as_good(point, other, n, &better))
            memcpy(other, front->points + --front->n * n, n * sizeof *other);
        else
            i++;
    }
    if (has_room(front))
        memcpy(front->points + front->n++ * n, point, n * sizeof *point);
}
