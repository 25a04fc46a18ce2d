#ifndef LS_ENGINE_COST_ATTENTION_COST_H
#define LS_ENGINE_COST_ATTENTION_COST_H

#include "engine/cost/operator_cost.h"

/* Attention operators, as engine/cost/operator_cost.h describes them. */

double ls_prefill_seconds(const struct ls_hardware *hardware, const struct ls_op *op);

struct ls_segment ls_decode_segment(const struct ls_hardware *hardware, const struct ls_op *op);

#endif
