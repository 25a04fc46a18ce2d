#ifndef LS_IO_DIAG_H
#define LS_IO_DIAG_H

#include <stddef.h>
#include <stdio.h>

#include "engine/status.h"

/* Faults of an input file, all of them, in the order found: `file:line:column: key: what is wrong, what would be
 * right`. */
struct ls_diags {
    size_t n, capacity;
    struct ls_diag {
        char file[256];
        int line, column; /* from 1; 0: no place (a --set, say) */
        char key[256];    /* dotted path; may be empty */
        char text[LS_ERR_LEN];
    } * items;
};

void ls_diags_add(struct ls_diags *diags, const char *file, int line, int column, const char *key, const char *format,
                  ...) LS_PRINTF(6, 7);

/* Put the faults from the `first` on in the order of their places, file by file, and drop what is said twice of one. */
void ls_diags_sort(struct ls_diags *diags, size_t first);

/* One line each. */
void ls_diags_print(const struct ls_diags *diags, FILE *stream);
void ls_diags_release(struct ls_diags *diags);

#endif
