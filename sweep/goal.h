#ifndef LS_SWEEP_GOAL_H
#define LS_SWEEP_GOAL_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/metrics.h"
#include "engine/param.h"
#include "sweep/expr.h"

/* One of a study's targets: a condition on the metrics of a deployment, such as `step_time_s < 5`, that `llmsweep
 * check` holds it to. Targets change no result. */
struct ls_goal {
    char text[LS_NAME_LEN]; /* as written */
    struct ls_expr *expr;
    size_t column; /* of the first metric it names */
};

#define LS_MAX_GOALS 32

/* Compile `source`, a condition over metrics of one kind (enum ls_kind). LS_INPUT with what is wrong in err. The caller
 * releases *goal. */
LS_NODISCARD enum ls_status ls_goal_compile(const char *source, int32_t kind, struct ls_goal *goal, struct ls_err *err);

/* Whether the metrics meet it; a metric without a value meets nothing. */
bool ls_goal_holds(const struct ls_goal *goal, const struct ls_metrics *metrics);

void ls_goal_release(struct ls_goal *goal);

#endif
