#include "sweep/study.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/where.h"

struct ls_study_block {
    struct ls_study_block *next;
    void *memory;
};

enum ls_status ls_study_adopt(struct ls_study *study, void *memory)
{
    struct ls_study_block *block = malloc(sizeof *block);
    if (!block) {
        free(memory);
        return LS_NOMEM;
    }
    *block = (struct ls_study_block){study->owned, memory};
    study->owned = block;
    return LS_OK;
}

void *ls_study_alloc(struct ls_study *study, size_t n, size_t size)
{
    void *memory = calloc(n ? n : 1, size);
    return memory && ls_study_adopt(study, memory) == LS_OK ? memory : NULL;
}

void ls_study_release(struct ls_study *study)
{
    while (study->owned) {
        struct ls_study_block *block = study->owned;
        study->owned = block->next;
        free(block->memory);
        free(block);
    }
    ls_expr_free(study->where);
    for (size_t i = 0; i < study->n_goals; i++)
        ls_goal_release(&study->goals[i]);
    *study = (struct ls_study){.n_axes = 0};
}

void ls_study_coordinates(const struct ls_study *study, uint64_t cell, size_t *index)
{
    for (size_t i = study->n_axes; i-- > 0;) {
        index[i] = (size_t)(cell % study->axes[i].n);
        cell /= study->axes[i].n;
    }
}

static void store_object(struct ls_scenario *scenario, const struct ls_target *target, const void *object)
{
    if (target->ref.param->table == &ls_model_params)
        memcpy((char *)scenario + target->ref.offset, object, sizeof(struct ls_model));
    else if (target->ref.param->table == &ls_hardware_params)
        memcpy((char *)scenario + target->ref.offset, object, sizeof(struct ls_hardware));
    else if (ls_dist_is_file(target->ref.param))
        memcpy((char *)scenario + target->ref.offset + offsetof(struct ls_dist, samples) -
                   offsetof(struct ls_dist, file),
               &object, sizeof object);
    else
        scenario->workload.trace = object;
}

/* Objects first: a key inside one may be swept too. */
static void store_settings(const struct ls_study *study, const size_t *index, bool objects,
                           struct ls_scenario *scenario)
{
    for (size_t i = 0; i < study->n_axes; i++) {
        const struct ls_axis *axis = &study->axes[i];
        for (size_t j = 0; j < axis->n_targets; j++) {
            const struct ls_target *target = &axis->targets[j];
            const struct ls_setting *setting = &axis->settings[index[i] * axis->n_targets + j];
            if (objects && setting->object)
                store_object(scenario, target, setting->object);
            if (!objects && ls_param_is_scalar(target->ref.param))
                ls_param_store(target->ref.param, (char *)scenario + target->ref.offset, &setting->value);
        }
    }
}

void ls_study_store(const struct ls_study *study, const size_t *index, struct ls_scenario *scenario)
{
    store_settings(study, index, true, scenario);
    store_settings(study, index, false, scenario);
    scenario->replica = (int64_t)index[study->n_axes - 1];
}

/* All but the room for profiles that there are not: most of a scenario, and nobody reads it. */
static void copy_base(const struct ls_scenario *base, struct ls_scenario *scenario)
{
    const size_t profiles = offsetof(struct ls_scenario, workload.profiles);
    const size_t used = (size_t)base->workload.n_profiles * sizeof base->workload.profiles[0];
    const size_t end = profiles + sizeof base->workload.profiles;
    memcpy(scenario, base, profiles + used);
    memcpy((char *)scenario + end, (const char *)base + end, sizeof *scenario - end);
}

enum ls_status ls_study_cell(const struct ls_study *study, uint64_t cell, struct ls_scenario *scenario,
                             enum ls_reason *reason, struct ls_err *err)
{
    size_t index[LS_MAX_AXES];
    assert(study->n_axes > 0 && study->n_axes <= LS_MAX_AXES && cell < study->n_cells);
    ls_study_coordinates(study, cell, index);
    copy_base(&study->base, scenario);
    ls_study_store(study, index, scenario);
    if (!ls_where_holds(study, index, scenario)) {
        *reason = LS_REASON_EXCLUDED;
        return LS_OK;
    }
    return ls_scenario_resolve(scenario, reason, err);
}
