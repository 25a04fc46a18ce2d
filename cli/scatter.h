#ifndef LS_CLI_SCATTER_H
#define LS_CLI_SCATTER_H

#include <stddef.h>
#include <stdio.h>

/* A scatter plot in plain text. */

struct ls_scatter_point {
    double x, y;
    char mark; /* where several fall on one place, the mark that comes last in `marks` is shown */
};

struct ls_scatter {
    const char *x_label, *y_label;
    const char *marks; /* from the least to the most important */
    size_t n;
    const struct ls_scatter_point *points; /* [n] finite */
};

/* An axis is logarithmic when its values are positive and span more than a factor of 30. */
void ls_scatter_print(const struct ls_scatter *scatter, FILE *stream);

#endif
