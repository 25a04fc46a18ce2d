#ifndef LS_IO_GROW_H
#define LS_IO_GROW_H

#include <stddef.h>

/* Room for one more item behind the n that are there: the array, at another place and with twice the capacity when it
 * was full. Null, with the array and its capacity as they were, when there is no memory. */
void *ls_grow(void *items, size_t n, size_t *capacity, size_t item_bytes);

#endif
