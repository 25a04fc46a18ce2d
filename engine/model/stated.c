#include "engine/model/stated.h"

#include <math.h>

static const char *const block_names[LS_N_BLOCK_KINDS] = {"attention", "mlp"};
static const char *const pass_names[LS_N_TOK_KINDS] = {"prefill", "decode"};

static bool has_pass(const struct ls_stated *stated)
{
    bool any = false;
    for (int i = 0; i < LS_N_TOK_KINDS; i++)
        any = any || !isnan(stated->pass[i].flop) || !isnan(stated->pass[i].bytes);
    return any;
}

static bool has_blocks(const struct ls_stated *stated)
{
    bool any = false;
    for (int i = 0; i < LS_N_BLOCK_KINDS; i++)
        for (int j = 0; j < LS_N_TOK_KINDS; j++)
            any = any || !isnan(stated->block[i].flop[j]) || !isnan(stated->block[i].bytes[j]);
    return any;
}

static enum ls_status check_pass(const struct ls_stated *stated, struct ls_err *err)
{
    for (int i = 0; i < LS_N_TOK_KINDS; i++)
        if (isnan(stated->pass[i].flop) || isnan(stated->pass[i].bytes))
            return ls_fail(err, LS_INPUT,
                           "aggregated_ops.%s: FLOPs and bytes are both needed, of prefill and of decode",
                           pass_names[i]);
    return LS_OK;
}

static enum ls_status check_blocks(const struct ls_stated *stated, struct ls_err *err)
{
    for (int i = 0; i < LS_N_BLOCK_KINDS; i++)
        for (int j = 0; j < LS_N_TOK_KINDS; j++)
            if (isnan(stated->block[i].flop[j]) || isnan(stated->block[i].bytes[j]))
                return ls_fail(err, LS_INPUT,
                               "layer_types.%s: FLOPs and bytes are both needed, of prefill and of decode, and of "
                               "attention and mlp",
                               block_names[i]);
    return LS_OK;
}

/* What a stated cost cannot depend on. */
static enum ls_status check_rest(const struct ls_model *model, struct ls_err *err)
{
    const struct {
        const char *key;
        int64_t value;
    } parts[] = {{"n_routed_experts", model->n_routed_experts},
                 {"kv_lora_rank", model->kv_lora_rank},
                 {"sliding_window", model->sliding_window}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i].value != LS_NULL_INT)
            return ls_fail(err, LS_INPUT, "%s: stated costs do not depend on it; leave it out, or state none",
                           parts[i].key);
    return LS_OK;
}

enum ls_status ls_stated_check(const struct ls_model *model, struct ls_err *err)
{
    const struct ls_stated *stated = &model->stated;
    const bool pass = has_pass(stated);
    const bool blocks = has_blocks(stated);
    if (!pass && !blocks) {
        const bool kv = !isnan(stated->kv_bytes_per_tok_layer);
        if (!kv && stated->parameters == LS_NULL_INT)
            return LS_OK;
        return ls_fail(err, LS_INPUT, "%s: means something with aggregated_ops or layer_types only, which are missing",
                       kv ? "kv_cache_bytes_per_token_per_layer" : "parameters");
    }
    enum ls_status status = pass ? check_pass(stated, err) : LS_OK;
    if (!status && blocks)
        status = check_blocks(stated, err);
    return status ? status : check_rest(model, err);
}

/* A block's part of both blocks; half where nothing says so. */
static double share(double of_block, double of_both)
{
    return of_both > 0 ? of_block / of_both : 0.5;
}

size_t ls_ops_stated(const struct ls_model *model, const struct ls_shard *shard, const struct ls_formats *formats,
                     enum ls_block_kind block, enum ls_tok_kind kind, int64_t n_tok, struct ls_op ops[LS_MAX_OPS])
{
    const struct ls_stated_block *blocks = model->stated.block;
    const struct ls_stated_pass *pass = &model->stated.pass[kind];
    double flop = blocks[block].flop[kind];
    double bytes = blocks[block].bytes[kind];
    if (n_tok == 0)
        return 0;
    if (!isnan(pass->flop)) {
        const double layers = (double)model->num_hidden_layers;
        flop = pass->flop / layers * share(flop, blocks[0].flop[kind] + blocks[1].flop[kind]);
        bytes = pass->bytes / layers * share(bytes, blocks[0].bytes[kind] + blocks[1].bytes[kind]);
    }
    const double per_gpu = (double)n_tok / (double)shard->tp;
    ops[0] = (struct ls_op){
        .kind = LS_OP_STATED,
        .name = block_names[block],
        .dtype = formats->weight,
        .flop = flop * per_gpu,
        .bytes = 1.5 * bytes * per_gpu, /* half as much is written as is read */
        .path_factor = pass->critical_path_factor,
    };
    return 1;
}

size_t ls_ops_stated_mlp(const struct ls_model *model, const struct ls_shard *shard, const struct ls_formats *formats,
                         const struct ls_batch *batch, struct ls_op ops[LS_MAX_OPS])
{
    const size_t n = ls_ops_stated(model, shard, formats, LS_BLOCK_MLP, LS_TOK_PROMPT, batch->prefill_tok, ops);
    return n + ls_ops_stated(model, shard, formats, LS_BLOCK_MLP, LS_TOK_DECODED, batch->n_decode, ops + n);
}
