#ifndef LS_IO_MOONCAKE_H
#define LS_IO_MOONCAKE_H

#include <stdbool.h>
#include <stddef.h>

/* Lines of Mooncake's traces (github.com/kvcache-ai/Mooncake, FAST25-release/traces):
 * {"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47, 48]} */

struct ls_mooncake_row {
    double timestamp_ms, input_length, output_length; /* negative: not there */
    const char *hash_ids;                             /* in the line; null: not there */
};

/* Read a line, which is changed. Other keys are skipped if their values are numbers. False when it is no such object.
 */
bool ls_mooncake_read(char *line, struct ls_mooncake_row *row);

/* The next number of a list, or what follows `[`, as text: name[0 … n). Returns where to go on, n is 0 at the list's
 * end; null when there is neither a number nor the end. */
const char *ls_mooncake_next(const char *list, const char **name, size_t *n);

#endif
