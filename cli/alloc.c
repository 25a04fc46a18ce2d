#include "cli/alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"

static void *check(void *memory)
{
    if (memory)
        return memory;
    (void)fprintf(stderr, "llmsweep: out of memory\n");
    exit(LS_EXIT_FAILED);
}

void *ls_alloc(size_t n, size_t size)
{
    return check(calloc(n ? n : 1, size));
}

void *ls_realloc(void *old, size_t n, size_t size)
{
    return check(n > SIZE_MAX / size ? NULL : realloc(old, n * size));
}

char *ls_copy_text(const char *text)
{
    return check(strdup(text));
}
