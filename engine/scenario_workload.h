#ifndef LS_ENGINE_SCENARIO_WORKLOAD_H
#define LS_ENGINE_SCENARIO_WORKLOAD_H

#include "engine/param.h"

/* The rows of a study's `workload`: struct ls_workload. */
extern const struct ls_param_table ls_workload_params;

#endif
