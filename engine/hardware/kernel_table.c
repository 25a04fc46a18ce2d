#include "engine/hardware/kernel_table.h"

#include <math.h>

#define ATTENTION_KEYS                                                                                                 \
    {                                                                                                                  \
        "heads", "kv_heads", "head_dim", "v_head_dim", "sequences", "tokens"                                           \
    }
#define COLLECTIVE_KEYS                                                                                                \
    {                                                                                                                  \
        "ranks", "bytes"                                                                                               \
    }

const struct ls_table_form ls_table_forms[LS_N_TABLE_KINDS] = {
    [LS_TABLE_GEMM] = {"gemm", true, 0, 3, {"n", "k", "m"}},
    [LS_TABLE_GROUPED_GEMM] = {"grouped_gemm", true, 1, 4, {"groups", "n", "k", "m"}},
    [LS_TABLE_PREFILL] = {"prefill", true, 4, 6, ATTENTION_KEYS},
    [LS_TABLE_DECODE] = {"decode", true, 4, 6, ATTENTION_KEYS},
    [LS_TABLE_MEMORY] = {"memory", false, 0, 1, {"bytes"}},
    [LS_TABLE_ALL_REDUCE] = {"all_reduce", false, 1, 2, COLLECTIVE_KEYS},
    [LS_TABLE_ALL_GATHER] = {"all_gather", false, 1, 2, COLLECTIVE_KEYS},
    [LS_TABLE_REDUCE_SCATTER] = {"reduce_scatter", false, 1, 2, COLLECTIVE_KEYS},
    [LS_TABLE_ALL_TO_ALL] = {"all_to_all", false, 1, 2, COLLECTIVE_KEYS},
    [LS_TABLE_SEND_RECV] = {"send_recv", false, 1, 2, COLLECTIVE_KEYS},
};

/* First of the n rows whose key at `level` is no less than (or, `after`, greater than) x. */
static size_t find(const struct ls_table_row *rows, size_t n, int level, double x, bool after)
{
    size_t low = 0;
    while (n > 0) {
        const size_t half = n / 2;
        const double key = rows[low + half].key[level];
        if (key < x || (after && key <= x)) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}

static bool interpolate(const struct ls_table_form *form, struct ls_table_section section, int level,
                        const double key[], struct ls_table_value *value);

/* Among the rows whose key at `level` is that of row `at`. */
static bool descend(const struct ls_table_form *form, struct ls_table_section section, size_t at, int level,
                    const double key[], struct ls_table_value *value)
{
    const double x = section.rows[at].key[level];
    const size_t first = find(section.rows, at, level, x, false);
    const size_t end = first + find(section.rows + first, section.n - first, level, x, true);
    return interpolate(form, (struct ls_table_section){section.rows + first, end - first}, level + 1, key, value);
}

/* Rows that agree in the keys before `level`: the two neighbours of key[level], and between them. */
static bool interpolate(const struct ls_table_form *form, struct ls_table_section section, int level,
                        const double key[], struct ls_table_value *value)
{
    if (level == form->n_keys) {
        value->seconds = section.rows[0].seconds;
        return true;
    }
    const double x = key[level];
    const bool last = level == form->n_keys - 1;
    const size_t above = find(section.rows, section.n, level, x, true); /* the first beyond x */
    if (above == 0) {
        if (last)
            value->until = section.rows[0].key[level];
        return false;
    }
    const double low = section.rows[above - 1].key[level];
    const double high = above < section.n ? section.rows[above].key[level] : low;
    if (low < x && (above == section.n || level < form->n_exact))
        return false;
    if (last) {
        value->from = fmax(value->from, low);
        value->until = fmin(value->until, high);
    }
    struct ls_table_value upper = *value;
    if (!descend(form, section, above - 1, level, key, value))
        return false;
    if (!(low < x))
        return true;
    upper.from = value->from;
    upper.until = value->until;
    if (!descend(form, section, above, level, key, &upper))
        return false;
    value->seconds += (upper.seconds - value->seconds) * (x - low) / (high - low);
    value->from = upper.from;
    value->until = upper.until;
    return true;
}

struct ls_table_value ls_table_look_up(const struct ls_kernel_table *table, enum ls_table_kind kind,
                                       enum ls_dtype dtype, const double key[])
{
    const struct ls_table_form *form = &ls_table_forms[kind];
    const struct ls_table_section section = table->section[kind][form->typed ? (int)dtype : 0];
    struct ls_table_value value = {(double)NAN, -(double)INFINITY, (double)INFINITY};
    if (section.n == 0 || !interpolate(form, section, 0, key, &value))
        value.seconds = (double)NAN;
    return value;
}

bool ls_table_covers(const struct ls_kernel_table *table, enum ls_table_kind kind, enum ls_dtype dtype)
{
    return table->section[kind][ls_table_forms[kind].typed ? (int)dtype : 0].n > 0;
}
