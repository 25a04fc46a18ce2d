#include "sweep/goal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/suggest.h"

struct names {
    int32_t kind;
    size_t n;
    size_t first; /* column */
    char unknown[LS_NAME_LEN];
};

static int resolve(const char *name, void *context)
{
    struct names *names = context;
    size_t column;
    if (!ls_metric_column(name, &column) || !(ls_metric_of_column(column)->kinds >> names->kind & 1u)) {
        (void)snprintf(names->unknown, sizeof names->unknown, "%.90s", name);
        return -1;
    }
    if (names->n++ == 0)
        names->first = column;
    return (int)column;
}

/* The unknown metric's neighbour among those of the kind. */
static enum ls_status explain(const struct names *names, const struct ls_err *inner, struct ls_err *err)
{
    char buffers[LS_N_COLUMNS][64];
    const char *known[LS_N_COLUMNS];
    size_t n = 0;
    if (!names->unknown[0])
        return ls_fail(err, LS_INPUT, "%.480s", inner->text);
    for (size_t i = 0; i < LS_N_COLUMNS; i++) {
        if (ls_metric_of_column(i)->kinds >> names->kind & 1u) {
            known[n] = ls_metric_column_name(i, buffers[n], sizeof buffers[n]);
            n++;
        }
    }
    const char *near = ls_suggest(names->unknown, known, n);
    return ls_fail(err, LS_INPUT, "%.90s is no metric of this kind of study%s%.64s%s", names->unknown,
                   near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

enum ls_status ls_goal_compile(const char *source, int32_t kind, struct ls_goal *goal, struct ls_err *err)
{
    struct names names = {.kind = kind};
    struct ls_err inner = {""};
    struct ls_goal result = {.column = 0};
    if (strlen(source) >= sizeof result.text)
        return ls_fail(err, LS_INPUT, "%zu bytes; write at most %zu", strlen(source), sizeof result.text - 1);
    if (ls_expr_compile(source, resolve, &names, &result.expr, &inner))
        return explain(&names, &inner, err);
    if (names.n == 0) {
        ls_expr_free(result.expr);
        return ls_fail(err, LS_INPUT, "%.90s names no metric; write a condition, such as step_time_s < 5", source);
    }
    (void)snprintf(result.text, sizeof result.text, "%s", source);
    result.column = names.first;
    *goal = result;
    return LS_OK;
}

bool ls_goal_holds(const struct ls_goal *goal, const struct ls_metrics *metrics)
{
    double columns[LS_N_COLUMNS];
    struct ls_expr_value values[LS_N_COLUMNS];
    memcpy(columns, metrics, sizeof columns);
    for (size_t i = 0; i < LS_N_COLUMNS; i++)
        values[i] = (struct ls_expr_value){.number = columns[i]};
    const double truth = ls_expr_evaluate(goal->expr, values);
    return truth != 0 && !isnan(truth);
}

void ls_goal_release(struct ls_goal *goal)
{
    ls_expr_free(goal->expr);
    *goal = (struct ls_goal){.column = 0};
}
