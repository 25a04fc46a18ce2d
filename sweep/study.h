#ifndef LS_SWEEP_STUDY_H
#define LS_SWEEP_STUDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/scenario.h"
#include "engine/status.h"
#include "sweep/expr.h"
#include "sweep/goal.h"
#include "sweep/search.h"

/* A study: a base scenario and the axes that vary it. Pure data once read; io/study_file fills it. */

/* One key of the scenario that an axis (or --set) stores into. */
struct ls_target {
    struct ls_param_ref ref;
    char key[LS_NAME_LEN * 2]; /* full dotted path */
};

/* What an axis point stores into one target: a scalar, or a whole object (a model, a hardware file, a trace). */
struct ls_setting {
    union ls_value value;
    const void *object; /* OBJECT targets: the struct to copy; files: the struct ls_trace or ls_samples to point at;
                           owned by the study */
};

/* A dimension. The replica axis has no targets: its index is the scenario's. */
struct ls_axis {
    char name[LS_NAME_LEN]; /* dimension in the cube: tp, a short name, or the full key */
    bool numeric;           /* coordinate values are numbers in `unit`, else the labels */
    const char *unit;
    size_t n;                    /* points */
    size_t n_targets;            /* 1; more when keys are zipped along one axis; 0: replica */
    struct ls_target *targets;   /* [n_targets] */
    struct ls_setting *settings; /* [n · n_targets], point-major */
    double *coordinates;         /* [n] when numeric */
    char (*labels)[LS_NAME_LEN]; /* [n], as the user wrote them */
};

#define LS_MAX_AXES 32

/* The first axes are always tp, pp, dp, ep, lod; the last is replica. */
enum { LS_AXIS_TP, LS_AXIS_PP, LS_AXIS_DP, LS_AXIS_EP, LS_AXIS_LOD, LS_N_FIXED_AXES };

struct ls_study_block;

struct ls_study {
    char name[LS_NAME_LEN];
    struct ls_scenario base;
    size_t n_axes; /* the replica axis included */
    struct ls_axis *axes;
    struct ls_expr *where; /* null: every cell */
    struct ls_search_options search;
    size_t n_goals;
    struct ls_goal goals[LS_MAX_GOALS]; /* the file's `targets` */
    uint64_t n_cells;                   /* product of the axes' points */
    char *yaml;                         /* the file as given */
    char *resolved;  /* YAML of the base scenario, axes and where, every default written out; nothing of `output` */
    char sha256[65]; /* of `resolved`: what the journal and the cube call this study */
    char output_cube[4096];
    uint32_t output_kinds;        /* 1 << enum ls_detail_kind: the details that cells leave behind */
    struct ls_study_block *owned; /* axes, objects, traces */
};

/* Index of a cell along every axis; `index` is row-major over the axes, replica innermost. */
void ls_study_coordinates(const struct ls_study *study, uint64_t cell, size_t *index);

/* Store the settings of the axes at `index` into a copy of the base. */
void ls_study_store(const struct ls_study *study, const size_t *index, struct ls_scenario *scenario);

/* The scenario of one cell, resolved. *reason is LS_REASON_EXCLUDED when the where clause leaves it out, or what
 * ls_scenario_resolve found. LS_INPUT when the values of this cell contradict each other (the message names the keys).
 */
LS_NODISCARD enum ls_status ls_study_cell(const struct ls_study *study, uint64_t cell, struct ls_scenario *scenario,
                                          enum ls_reason *reason, struct ls_err *err);

/* Memory that ls_study_release frees with the rest: ls_study_alloc gives it zeroed, ls_study_adopt takes over what
 * malloc gave. Null, or LS_NOMEM and the pointer freed, when memory is short. */
void *ls_study_alloc(struct ls_study *study, size_t n, size_t size);
LS_NODISCARD enum ls_status ls_study_adopt(struct ls_study *study, void *memory);

/* Frees contents; the study may be filled again. */
void ls_study_release(struct ls_study *study);

#endif
