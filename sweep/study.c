#include "sweep/study.h"

void ls_study_coordinates(const struct ls_study *study, uint64_t cell, size_t *index)
{
    for (size_t i = study->n_axes; i-- > 0;) {
        index[i] = (size_t)(cell % study->axes[i].n);
        cell /= study->axes[i].n;
    }
}
