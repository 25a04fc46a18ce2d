#ifndef LS_IO_JOURNAL_FRAME_H
#define LS_IO_JOURNAL_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sweep/record.h"

/* A record as the journal stores it: mark, length, CRC-32, then the record with its NaN columns left out (an
 * infeasible cell takes a seventh of a done one). In the byte order of the machine that runs the sweep. */

/* Most bytes that a frame takes. */
#define LS_FRAME_MAX (sizeof(struct ls_record) + 64 + LS_N_COLUMNS / 8)

/* Write `record` into bytes[LS_FRAME_MAX]; returns the frame's length. */
size_t ls_frame_encode(const struct ls_record *record, unsigned char *bytes);

/* Read the frame that starts at bytes[0]; false when none of the n bytes long, intact, does. */
bool ls_frame_decode(const unsigned char *bytes, size_t n, struct ls_record *record, size_t *length);

/* Hash of the columns' names and order: what a journal of another version of the program differs in. */
uint32_t ls_frame_layout(void);

#endif
