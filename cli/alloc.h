#ifndef LS_CLI_ALLOC_H
#define LS_CLI_ALLOC_H

#include <stddef.h>

/* Zeroed memory for n things of `size` bytes; says so and ends the program when there is none. */
void *ls_alloc(size_t n, size_t size);

/* The same for a longer piece in place of `old`, whose new part is not zeroed. */
void *ls_realloc(void *old, size_t n, size_t size);

/* A copy of a text. */
char *ls_copy_text(const char *text);

#endif
