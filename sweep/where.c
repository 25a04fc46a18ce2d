#include "sweep/where.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "engine/suggest.h"

enum { SLOT_GPUS, SLOT_CLUSTER_GPUS, SLOT_GPUS_PER_NODE, N_OWN_SLOTS };

static const char *const own_names[N_OWN_SLOTS] = {"gpus", "cluster_gpus", "gpus_per_node"};

static const char *last_part(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

/* How well `name` means a target: 2 in full, 1 by its last part, 0 not at all. */
static int match(const struct ls_axis *axis, const struct ls_target *target, const char *name)
{
    if (strcmp(target->key, name) == 0 || (axis->n_targets == 1 && strcmp(axis->name, name) == 0))
        return 2;
    return strcmp(last_part(target->key), name) == 0;
}

static int resolve(const char *name, void *context)
{
    const struct ls_study *study = context;
    int slot = N_OWN_SLOTS, best = -1, best_match = 0;
    for (size_t i = 0; i < study->n_axes; i++) {
        for (size_t j = 0; j < study->axes[i].n_targets; j++, slot++) {
            const int matched = match(&study->axes[i], &study->axes[i].targets[j], name);
            if (matched > best_match) {
                best = slot;
                best_match = matched;
            } else if (matched == 1 && best_match == 1) {
                return -1; /* two keys end so: which one is meant? */
            }
        }
    }
    for (int i = 0; best < 0 && i < N_OWN_SLOTS; i++)
        if (strcmp(own_names[i], name) == 0)
            best = i;
    return best;
}

/* Name the unknown name's neighbours, or say that it is ambiguous. */
static enum ls_status explain(const struct ls_study *study, const struct ls_err *inner, struct ls_err *err)
{
    const char *names[N_OWN_SLOTS + 2 * LS_MAX_TARGETS];
    size_t n = 0;
    for (size_t i = 0; i < N_OWN_SLOTS; i++)
        names[n++] = own_names[i];
    const char *word = strstr(inner->text, "unknown name ");
    if (!word)
        return ls_fail(err, LS_INPUT, "%.480s", inner->text);
    word += strlen("unknown name ");
    int n_alike = 0;
    for (size_t i = 0; i < study->n_axes; i++) {
        for (size_t j = 0; j < study->axes[i].n_targets; j++) {
            const char *key = study->axes[i].targets[j].key;
            n_alike += strcmp(last_part(key), word) == 0;
            names[n++] = study->axes[i].name;
            names[n++] = last_part(key);
        }
    }
    if (n_alike > 1)
        return ls_fail(err, LS_INPUT, "%.300s: %d swept keys end so; write one in full", inner->text, n_alike);
    const char *near = ls_suggest(word, names, n);
    if (near)
        return ls_fail(err, LS_INPUT, "%.300s (did you mean %.90s?)", inner->text, near);
    return ls_fail(err, LS_INPUT, "%.300s; there are gpus, cluster_gpus, gpus_per_node and the swept keys",
                   inner->text);
}

enum ls_status ls_where_compile(struct ls_study *study, const char *source, struct ls_err *err)
{
    struct ls_err inner = {""};
    const enum ls_status status = ls_expr_compile(source, resolve, study, &study->where, &inner);
    return status ? explain(study, &inner, err) : LS_OK;
}

/* An object's name is what its struct begins with. */
static struct ls_expr_value value_of(const struct ls_param *param, const struct ls_setting *setting)
{
    switch (param->type) {
    case LS_PARAM_INT:
        return setting->value.i == LS_NULL_INT || (param->choices && setting->value.i < 0)
                   ? (struct ls_expr_value){(double)NAN, NULL}
                   : (struct ls_expr_value){(double)setting->value.i, NULL};
    case LS_PARAM_FLOAT:
        return (struct ls_expr_value){setting->value.d, NULL};
    case LS_PARAM_BOOL:
        return (struct ls_expr_value){setting->value.i < 0 ? (double)NAN : (double)setting->value.i, NULL};
    case LS_PARAM_CHOICE:
        return (struct ls_expr_value){0, setting->value.i < 0 ? "null" : param->choices[setting->value.i]};
    case LS_PARAM_TEXT:
        return (struct ls_expr_value){0, setting->value.s};
    default:
        return (struct ls_expr_value){0, setting->object};
    }
}

bool ls_where_holds(const struct ls_study *study, const size_t *index, const struct ls_scenario *scenario)
{
    if (!study->where)
        return true;
    const struct ls_cluster *cluster = &scenario->cluster;
    const int64_t gpus_per_node =
        cluster->gpus_per_node == LS_NULL_INT ? cluster->hardware.gpus_per_node : cluster->gpus_per_node;
    struct ls_expr_value slots[N_OWN_SLOTS + LS_MAX_TARGETS] = {
        [SLOT_GPUS] = {(double)ls_scenario_gpus(scenario), NULL},
        [SLOT_CLUSTER_GPUS] = {(double)(cluster->nodes * gpus_per_node), NULL},
        [SLOT_GPUS_PER_NODE] = {(double)gpus_per_node, NULL},
    };
    size_t n = N_OWN_SLOTS;
    for (size_t i = 0; i < study->n_axes; i++) {
        const struct ls_axis *axis = &study->axes[i];
        for (size_t j = 0; j < axis->n_targets; j++) {
            assert(n < N_OWN_SLOTS + LS_MAX_TARGETS);
            slots[n++] = value_of(axis->targets[j].ref.param, &axis->settings[index[i] * axis->n_targets + j]);
        }
    }
    const double value = ls_expr_evaluate(study->where, slots);
    return value != 0 && !isnan(value);
}
