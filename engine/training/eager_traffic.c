#include "engine/training/eager_traffic.h"

#include <stddef.h>
#include <string.h>

struct ls_traffic ls_fused_traffic(void)
{
    return (struct ls_traffic){1.0, 1.5};
}

enum kind { PLAIN, NORM, HEAD_NORM, ROTARY, ACTIVATION };

static enum kind kind_of(const char *name)
{
    static const struct {
        const char *name;
        enum kind kind;
    } kinds[] = {{"attention_norm", NORM},
                 {"mlp_norm", NORM},
                 {"moe_norm", NORM},
                 {"final_norm", NORM},
                 {"qk_norm", HEAD_NORM},
                 {"rotary", ROTARY},
                 {"activation", ACTIVATION},
                 {"qkv_a_norm", HEAD_NORM},
                 {"kv_a_norm", HEAD_NORM},
                 {"experts_activation", ACTIVATION},
                 {"shared_activation", ACTIVATION}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(name, kinds[i].name) == 0)
            return kinds[i].kind;
    return PLAIN;
}

struct ls_traffic ls_eager_traffic(const struct ls_model *model, const struct ls_op *op)
{
    const bool layer_norm = model->norm == LS_NORM_LAYER;
    switch (kind_of(op->name)) {
    case NORM:
        return layer_norm ? (struct ls_traffic){10.0 / 8.0, 16.0 / 8.0} : (struct ls_traffic){42.0 / 8.0, 82.0 / 8.0};
    case HEAD_NORM: /* no residual */
        return layer_norm ? (struct ls_traffic){1.0, 10.0 / 4.0} : (struct ls_traffic){36.0 / 4.0, 76.0 / 4.0};
    case ROTARY:
        return (struct ls_traffic){20.0 / 4.0, 20.0 / 4.0};
    case ACTIVATION:
        return model->gated_mlp ? (struct ls_traffic){10.0 / 6.0, 18.0 / 6.0} : ls_fused_traffic();
    default:
        return ls_fused_traffic();
    }
}
