#ifndef LS_ENGINE_COST_TABLE_COST_H
#define LS_ENGINE_COST_TABLE_COST_H

#include <stdbool.h>

#include "engine/cost/collective.h"
#include "engine/cost/operator_cost.h"

/* Seconds from hardware.kernel_table, where there is one. A product is looked up by its sizes, attention by heads, the
 * number of sequences and their length: decodes count the mean context; of prompt chunks, whose lengths differ, that
 * number of equal prompts which have as many tokens and as many pairs of tokens. Chunks with earlier context are
 * therefore outside a table of whole prompts.
 *
 * Whatever the table lacks is left to the other provider (NaN). */
double ls_table_op_seconds(const struct ls_hardware *hardware, const struct ls_op *op);

/* Decode attention; false, with segment->until where the table begins, when it is outside. */
bool ls_table_decode_segment(const struct ls_hardware *hardware, const struct ls_op *op, struct ls_segment *segment);

/* Of a group inside one node. */
double ls_table_collective_seconds(const struct ls_hardware *hardware, enum ls_collective collective,
                                   const struct ls_group *group, double bytes);

/* Whether the table has measurements of this kind of operation, but not around this size: metrics count these. */
bool ls_table_misses_op(const struct ls_hardware *hardware, const struct ls_op *op);
bool ls_table_misses_collective(const struct ls_hardware *hardware, enum ls_collective collective,
                                const struct ls_group *group, double bytes);

#endif
