#include "io/grow.h"

#include <stdint.h>
#include <stdlib.h>

void *ls_grow(void *items, size_t n, size_t *capacity, size_t item_bytes)
{
    if (n < *capacity)
        return items;
    const size_t larger = *capacity ? 2 * *capacity : 16;
    void *grown = larger > SIZE_MAX / item_bytes ? NULL : realloc(items, larger * item_bytes);
    if (grown)
        *capacity = larger;
    return grown;
}
