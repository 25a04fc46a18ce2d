#ifndef LS_CLI_JSON_H
#define LS_CLI_JSON_H

#include <stdio.h>

#include "engine/metrics.h"
#include "engine/param.h"

/* What the commands print as JSON; see docs for its stable form. */

/* A quoted string with its escapes. */
void ls_json_string(FILE *stream, const char *text);

/* A number in the shortest form that reads back to the same bits; null for NaN and infinities. */
void ls_json_number(FILE *stream, double value);

/* Every scalar below `table` as nested objects, values as a study file would have them (`"80 GB"`, 16, true, null). */
void ls_json_params(FILE *stream, const struct ls_param_table *table, const void *base, int indent);

/* The metrics of one kind, by the names of ls_metric_column_name. */
void ls_json_metrics(FILE *stream, const struct ls_metrics *metrics, enum ls_kind kind, int indent);

#endif
