#ifndef LS_ENGINE_HARDWARE_KERNEL_TABLE_H
#define LS_ENGINE_HARDWARE_KERNEL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/dtype.h"

/* Measured kernels of one GPU, to look seconds up in instead of computing them (hardware.kernel_table). Each kind of
 * operation has a few keys: the first ones must match exactly, between the values of the others seconds are linear.
 * Never beyond them: what lies outside the measurements has no seconds here. */

enum ls_table_kind {
    LS_TABLE_GEMM,
    LS_TABLE_GROUPED_GEMM,
    LS_TABLE_PREFILL,
    LS_TABLE_DECODE,
    LS_TABLE_MEMORY,
    LS_TABLE_ALL_REDUCE,
    LS_TABLE_ALL_GATHER,
    LS_TABLE_REDUCE_SCATTER,
    LS_TABLE_ALL_TO_ALL,
    LS_TABLE_SEND_RECV,
    LS_N_TABLE_KINDS
};

#define LS_TABLE_MAX_KEYS 6

/* What a kind of operation is looked up by. */
struct ls_table_form {
    const char *name;
    bool typed; /* measured for each data type */
    int n_exact, n_keys;
    const char *keys[LS_TABLE_MAX_KEYS]; /* column names, in order */
};
extern const struct ls_table_form ls_table_forms[LS_N_TABLE_KINDS];

struct ls_table_row {
    double key[LS_TABLE_MAX_KEYS];
    double seconds;
};

/* Rows of one kind and type, sorted by their keys, the first one first, no two alike. */
struct ls_table_section {
    const struct ls_table_row *rows;
    size_t n;
};

/* Owned by whoever read it; hardware borrows it. Untyped kinds stand under type 0. */
struct ls_kernel_table {
    struct ls_table_section section[LS_N_TABLE_KINDS][LS_N_DTYPES];
    uint64_t digest; /* of the rows */
};

/* Seconds found, and the range of the last key, this one included, in which they are linear when the other keys stay.
 */
struct ls_table_value {
    double seconds; /* NaN outside the table; then `until` is where the last key would be inside, if that is known */
    double from, until;
};

struct ls_table_value ls_table_look_up(const struct ls_kernel_table *table, enum ls_table_kind kind,
                                       enum ls_dtype dtype, const double key[]);

/* Whether the table knows this kind of operation at all. */
bool ls_table_covers(const struct ls_kernel_table *table, enum ls_table_kind kind, enum ls_dtype dtype);

#endif
