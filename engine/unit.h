#ifndef LS_ENGINE_UNIT_H
#define LS_ENGINE_UNIT_H

#include <stddef.h>

#include "engine/param.h"

/* Numbers with units, as people write them: `80 GiB`, `3.35 TB/s`, `5 ms`, `2%`. */

enum ls_number_fault {
    LS_NUMBER_OK,
    LS_NUMBER_SYNTAX,     /* no decimal number at the start, or an infinite one */
    LS_NUMBER_BARE,       /* a dimension without a unit */
    LS_NUMBER_UNIT,       /* a unit nobody knows */
    LS_NUMBER_OTHER_UNIT, /* a unit of another dimension, given in *found */
};

/* Read a number of `dimension` in SI base units, correctly rounded as if the unit's factor had been written out. A unit
 * may be left out when `bare` is set or the dimension is LS_DIM_NONE. */
enum ls_number_fault ls_number_parse(const char *text, enum ls_dimension dimension, int bare, double *number,
                                     enum ls_dimension *found);

/* Write a finite number in the unit that makes it shortest (without one when `bare`), so that it reads back to the same
 * bits; returns buffer, which must hold 40 bytes. */
const char *ls_number_format(double number, enum ls_dimension dimension, int bare, char *buffer, size_t size);

/* What to write: "bytes, such as 80 GB or 1.5 GiB". */
const char *ls_dimension_advice(enum ls_dimension dimension, int bare);

#endif
