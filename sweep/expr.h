#ifndef LS_SWEEP_EXPR_H
#define LS_SWEEP_EXPR_H

#include <stddef.h>

#include "engine/status.h"

/* The little language of `where`: + − * / % comparisons, and or not, min max, parentheses, numbers, 'strings' and
 * names. */

struct ls_expr;

/* A name's value at one point: a number, or text when `text` is not null. */
struct ls_expr_value {
    double number;
    const char *text;
};

/* Maps a name to a slot at compile time; returns −1 for an unknown name. */
typedef int ls_expr_resolve(const char *name, void *context);

/* Compile `source`. LS_INPUT with the column and what was expected; an unknown name is reported with `err`. The caller
 * frees *expr with ls_expr_free. */
LS_NODISCARD enum ls_status ls_expr_compile(const char *source, ls_expr_resolve *resolve, void *context,
                                            struct ls_expr **expr, struct ls_err *err);

/* Value with slots[i] for the names; text compares with == and != only. Truth is non-zero; division by zero gives NaN,
 * which compares false. */
double ls_expr_evaluate(const struct ls_expr *expr, const struct ls_expr_value *slots);

void ls_expr_free(struct ls_expr *expr);

#endif
