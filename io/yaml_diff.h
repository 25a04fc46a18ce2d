#ifndef LS_IO_YAML_DIFF_H
#define LS_IO_YAML_DIFF_H

#include <stddef.h>

/* Name the keys (`strategy.tp, sweep.axes.rate`) that differ between two resolved studies in block-style YAML, into
 * buffer; what does not fit is counted ("… and 12 more"). Empty when the texts are equal. Returns how many differ. */
size_t ls_yaml_diff(const char *a, const char *b, char *buffer, size_t size);

#endif
