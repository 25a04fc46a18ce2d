#include "engine/serving/workload/script.h"

#include <assert.h>

static void add_block(struct ls_script *script, int64_t duration_ps)
{
    if (duration_ps > 0)
        script->items[script->n++] = (struct ls_script_item){.n = 1, .duration_ps = duration_ps};
}

static void add_comms(struct ls_script *script, const struct ls_comm *comms, int n, bool to_next_stage)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < comms[i].n_phases; j++) {
            const struct ls_comm_phase *phase = &comms[i].phases[j];
            if (phase->n_steps == 0 || phase->step_ps == 0)
                continue;
            assert(script->n < LS_MAX_SCRIPT);
            script->items[script->n++] = (struct ls_script_item){.n = phase->n_steps,
                                                                 .duration_ps = phase->step_ps,
                                                                 .nic_ps = phase->nic_ps,
                                                                 .link_ps = phase->link_ps,
                                                                 .transfer = true,
                                                                 .to_next_stage = to_next_stage};
        }
    }
}

static void write_layer(const struct ls_step_cost *cost, const struct ls_step *step, enum ls_layer_kind kind,
                        struct ls_script *script)
{
    const bool moe = kind == LS_LAYER_FULL_MOE || kind == LS_LAYER_SLIDING_MOE;
    const bool sliding = kind == LS_LAYER_SLIDING_DENSE || kind == LS_LAYER_SLIDING_MOE;
    struct ls_comm comms[LS_MAX_COMMS];
    script->n = 0;
    add_block(script, step->attention_ps[sliding]);
    comms[0] = ls_attention_comm(cost, step->tok.own);
    add_comms(script, comms, 1, false);
    if (!cost->overlap)
        add_comms(script, comms, ls_mlp_comms_before(cost, moe, &step->tok, comms), false);
    add_block(script, step->mlp_ps[moe]);
    if (cost->overlap) /* all of the block's collectives hide behind the next one */
        add_comms(script, comms, ls_mlp_comms_before(cost, moe, &step->tok, comms), false);
    add_comms(script, comms, ls_mlp_comms_after(cost, moe, &step->tok, comms), false);
}

void ls_scripts_write(struct ls_scripts *scripts, const struct ls_step_cost *cost, const struct ls_step *step)
{
    bool present[LS_N_LAYER_KINDS] = {false};
    for (int64_t i = 0; i < cost->n_stages; i++)
        for (int kind = 0; kind < LS_N_LAYER_KINDS; kind++)
            present[kind] |= cost->stages[i].count[kind] > 0;
    for (int kind = 0; kind < LS_N_LAYER_KINDS; kind++)
        if (present[kind])
            write_layer(cost, step, (enum ls_layer_kind)kind, &scripts->layers[kind]);
    scripts->embedding.n = scripts->head.n = 0;
    add_block(&scripts->embedding, step->embedding_ps);
    add_block(&scripts->head, step->head_ps);
    add_block(&scripts->head, step->draft_ps);
    for (int between = 0; cost->n_stages > 1 && between < 2; between++) {
        struct ls_comm comms[LS_MAX_COMMS];
        scripts->send[between].n = 0;
        add_comms(&scripts->send[between], comms, ls_send_comms(cost, between == 1, step->tok.own, comms), true);
    }
}
