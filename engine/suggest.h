#ifndef LS_ENGINE_SUGGEST_H
#define LS_ENGINE_SUGGEST_H

#include <stddef.h>

/* The name closest to a mistyped `word` by edit distance, or null when none of names[n] is close enough to be meant.
 * Names may be null: those are skipped. */
const char *ls_suggest(const char *word, const char *const *names, size_t n);

#endif
