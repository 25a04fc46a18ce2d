#ifndef LS_IO_SHAREGPT_H
#define LS_IO_SHAREGPT_H

#include <stdint.h>

#include "io/diag.h"

/* Conversations in the form of ShareGPT's dumps (ShareGPT_V3_unfiltered_cleaned_split.json and its like), a JSON list:
 * [{"id": "…", "conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}, …]}, …]
 * Their texts are counted and never kept, since a file may have hundreds of megabytes of them. */

/* The first two turns of a conversation: Unicode characters of each, 0 where it has fewer turns. */
struct ls_sharegpt_pair {
    int64_t prompt, answer;
};

typedef enum ls_status ls_sharegpt_visit(const struct ls_sharegpt_pair *pair, void *context);

/* Visit each conversation of the file at `path`, whose content `text` is. LS_INPUT when it is no such list, with the
 * fault's place in diags; or what `visit` returned. */
LS_NODISCARD enum ls_status ls_sharegpt_read(const char *path, const char *text, ls_sharegpt_visit *visit,
                                             void *context, struct ls_diags *diags);

#endif
