#ifndef LS_ENGINE_MODEL_WEIGHTS_H
#define LS_ENGINE_MODEL_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/model/operator.h"

/* The weights of a model, tensor group by tensor group. Whatever counts weights (parameters, bytes on a GPU, gradients,
 * optimizer states) sums over these lists, so that there is one account of what a layer holds. */

/* Which of the serving formats a tensor is stored in. */
enum ls_weight_role {
    LS_WEIGHT_LINEAR,        /* quantised with the checkpoint */
    LS_WEIGHT_ATTENTION,     /* before attention */
    LS_WEIGHT_ATTENTION_OUT, /* behind it */
    LS_WEIGHT_EXPERT,        /* a routed expert's matrices */
    LS_WEIGHT_ACTIVATION     /* kept in the activation dtype: norms, biases, router, embedding, head */
};

/* How a tensor is cut among the GPUs of a stage. */
enum ls_weight_split {
    LS_SPLIT_NONE,      /* every GPU holds it */
    LS_SPLIT_TP,        /* over tp */
    LS_SPLIT_KV,        /* by KV heads over tp; replicated where tp exceeds them */
    LS_SPLIT_EXPERTS,   /* whole experts over the expert shards, each one's width over expert_tp: tp · ep in all */
    LS_SPLIT_EXPERT_OUT /* whole experts over the expert shards, not cut further (biases behind the last projection) */
};

struct ls_weight {
    const char *name;
    double n_params;
    double n_active_params; /* those that one token passes through */
    enum ls_weight_role role;
    enum ls_weight_split split;
};

/* The format of a tensor in a deployment. */
enum ls_dtype ls_weight_dtype(const struct ls_weight *weight, const struct ls_formats *formats);

#define LS_MAX_WEIGHTS 24

/* Fill weights[] with those of one layer; returns how many. */
size_t ls_weights_of_layer(const struct ls_model *model, enum ls_layer_kind kind,
                           struct ls_weight weights[LS_MAX_WEIGHTS]);

/* How many layers of [first, end) hold the same: a layer under a window counts as a full one. */
void ls_weights_count_layers(const struct ls_model *model, int64_t first, int64_t end, int64_t count[LS_N_LAYER_KINDS]);

/* Token (and position) embedding; the LM head and the norm before it. A tied head is listed in both: it is one tensor
 * of the checkpoint, and a copy wherever first and last stage are different GPUs. */
size_t ls_weights_of_embedding(const struct ls_model *model, struct ls_weight weights[LS_MAX_WEIGHTS]);
size_t ls_weights_of_head(const struct ls_model *model, struct ls_weight weights[LS_MAX_WEIGHTS]);

#endif
