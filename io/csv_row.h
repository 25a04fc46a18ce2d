#ifndef LS_IO_CSV_ROW_H
#define LS_IO_CSV_ROW_H

#include <stddef.h>

/* Cut a line of a CSV file into its fields, in place: at commas, without the blanks and quotes around each. Returns how
 * many there are, `max` at most. */
size_t ls_csv_split(char *line, char **fields, size_t max);

#endif
