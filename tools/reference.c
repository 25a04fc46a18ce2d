/* Prints docs/reference.md from the tables that the program itself reads: parameters, distributions, metrics, reasons.
 * tools/docs writes it; a test compares. */
#include <stdio.h>
#include <string.h>

#include "engine/metrics.h"
#include "engine/reason.h"
#include "engine/scenario.h"
#include "engine/sim/distribution.h"
#include "engine/unit.h"

#define MAX_PATH_LEN 256
#define MAX_TABLES 64

/* Tables printed so far, and where: a table that is used twice is printed once. */
struct printed {
    size_t n;
    const struct ls_param_table *tables[MAX_TABLES];
    char paths[MAX_TABLES][MAX_PATH_LEN];
};

static bool is_nested(const struct ls_param *param)
{
    return param->table != NULL;
}

static bool has_scalars(const struct ls_param_table *table)
{
    for (size_t i = 0; i < table->n; i++)
        if (!is_nested(&table->rows[i]))
            return true;
    return false;
}

/* The full stop that a sentence may lack. */
static const char *stop(const char *sentence)
{
    const size_t n = strlen(sentence);
    return n > 0 && sentence[n - 1] != '.' ? "." : "";
}

static void print_choices(const struct ls_param *param)
{
    for (size_t i = 0; param->choices[i]; i++)
        printf("%s`%s`", i > 0 ? ", " : "", param->choices[i]);
}

static void print_range(const struct ls_param *param)
{
    if (param->max < 1e12)
        printf(" %.10g … %.10g", param->min, param->max);
    else if (param->min > -1e12)
        printf(" ≥ %g", param->min);
}

static void print_value(const struct ls_param *param)
{
    const size_t key_length = strlen(param->key);
    const bool is_bare = key_length > 2 && strcmp(param->key + key_length - 2, "_s") == 0;
    switch (param->type) {
    case LS_PARAM_BOOL:
        printf("`true`, `false`");
        break;
    case LS_PARAM_CHOICE:
        print_choices(param);
        break;
    case LS_PARAM_INT:
        printf("whole number");
        print_range(param);
        if (param->choices) {
            printf("; ");
            print_choices(param);
        }
        break;
    case LS_PARAM_FLOAT:
        printf("%s", param->dimension == LS_DIM_NONE ? "number" : ls_dimension_advice(param->dimension, is_bare));
        if (param->dimension == LS_DIM_NONE)
            print_range(param);
        break;
    default:
        printf("text");
        break;
    }
    if (param->flags & LS_PARAM_NULLABLE)
        printf("; `null`");
}

static void print_row(const struct ls_param *param)
{
    printf("| `%s` | ", param->key);
    print_value(param);
    printf(" | ");
    if (param->def)
        printf("`%s`", param->def);
    else
        printf("required");
    printf(" | %s%s |\n", param->doc, stop(param->doc));
}

static void print_table(struct printed *printed, const struct ls_param_table *table, const char *path, const char *doc)
{
    printf("\n### %s\n\n%s%s\n", path[0] ? path : "Top level", doc, stop(doc));
    for (size_t i = 0; i < printed->n; i++) {
        if (printed->tables[i] == table) {
            printf("\nThe keys of `%s`.\n", printed->paths[i]);
            return;
        }
    }
    if (printed->n < MAX_TABLES) {
        printed->tables[printed->n] = table;
        (void)snprintf(printed->paths[printed->n++], MAX_PATH_LEN, "%s", path);
    }
    if (!has_scalars(table))
        return;
    printf("\n| key | value | default | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < table->n; i++)
        if (!is_nested(&table->rows[i]))
            print_row(&table->rows[i]);
}

/* The table at `path`, and then what is nested in it. */
static void print_tree(struct printed *printed, const struct ls_param_table *table, const char *path, const char *doc)
{
    const size_t n_before = printed->n;
    print_table(printed, table, path, doc);
    if (printed->n == n_before)
        return;
    for (size_t i = 0; i < table->n; i++) {
        const struct ls_param *param = &table->rows[i];
        if (!is_nested(param))
            continue;
        char inner[MAX_PATH_LEN];
        (void)snprintf(inner, sizeof inner, "%s%s%s%s", path, path[0] ? "." : "", param->key,
                       param->type == LS_PARAM_LIST ? ".<name>" : "");
        print_tree(printed, param->table, inner, param->doc);
    }
}

static void print_parameters(void)
{
    static struct printed printed;
    printf("## Parameters\n\n"
           "The keys of a study below `model`, `cluster`, `strategy`, `engine`, `workload`, `slo` and `prices`. Each "
           "scalar "
           "can be an axis and can be set\nwith `--set KEY=VALUE`, where KEY is its dotted path; elements of lists are "
           "named by their `name`.\n");
    print_tree(&printed, &ls_scenario_params, "", "What is simulated, and the parts below.");
}

static void print_distributions(void)
{
    printf("\n## Distributions\n\n| `dist` | parameters |\n|---|---|\n");
    for (size_t i = 0; i < LS_N_DISTRIBUTIONS; i++) {
        const struct ls_distribution_ops *ops = &ls_distributions[i];
        printf("| `%s` | `%s`", ops->name, ops->keys[0]);
        if (ops->keys[1])
            printf(", `%s`", ops->keys[1]);
        if (ops->other_keys[0])
            printf("; or `%s`, `%s`", ops->other_keys[0], ops->other_keys[1]);
        printf(" |\n");
    }
    printf("\nA token count is the nearest whole number, and at least 1.\n");
}

static void print_metrics(void)
{
    static const char *const kinds[LS_N_KINDS] = {"serving", "training", "matmul"};
    for (unsigned kind = 0; kind < LS_N_KINDS; kind++) {
        printf("\n## Metrics of %s\n\n| name | unit | meaning |\n|---|---|---|\n", kinds[kind]);
        for (size_t i = 0; i < LS_N_METRICS; i++) {
            const struct ls_metric_info *info = &ls_metric_infos[i];
            if (info->kinds & 1u << kind)
                printf("| `%s` | %s | %s: %s%s |\n", info->name, info->unit, info->long_name, info->description,
                       stop(info->description));
        }
    }
    printf("\nA name that ends in `_q` holds the quantiles");
    for (size_t i = 0; i < LS_N_QUANTILES; i++)
        printf("%s %g", i > 0 ? "," : "", ls_quantile_values[i]);
    char name[64];
    printf("; one alone is called `%s` and so on.\n", ls_metric_column_name(LS_N_SCALAR_METRICS, name, sizeof name));
}

static void print_reasons(void)
{
    printf("\n## Reasons\n\nWhy a cell has no result.\n\n| code | name | meaning |\n|---|---|---|\n");
    for (int i = 0; i < LS_N_REASONS; i++)
        printf("| %d | `%s` | %s |\n", i, ls_reason_name((enum ls_reason)i), ls_reason_text((enum ls_reason)i));
}

int main(void)
{
    printf("# Reference\n\nWritten by `tools/docs` from the program's own tables.\n\n");
    print_parameters();
    print_distributions();
    print_metrics();
    print_reasons();
    return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
