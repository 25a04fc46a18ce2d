#ifndef LS_IO_SPELLING_H
#define LS_IO_SPELLING_H

#include <stddef.h>

#include "io/library.h"

/* How the library writes a name that others write in their way, into plain[size]; cut where it does not fit.
 *
 * A model as Hugging Face names it loses its organisation, its capitals, and what does not change the architecture:
 * meta-llama/Llama-2-7b-chat-hf is llama-2-7b. A GPU loses its vendor, and common names of one variant stand for it:
 * NVIDIA H100 and H100 80GB HBM3 are h100-sxm. Other names keep all but their capitals. */
void ls_spelling_plain(enum ls_shelf shelf, const char *name, char *plain, size_t size);

#endif
