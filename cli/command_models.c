#include <inttypes.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/library_args.h"
#include "engine/memory/serving_memory.h"

/* On one GPU, in the checkpoint's own formats. */
static double weight_bytes(const struct ls_model *model)
{
    const struct ls_shard whole = {.tp = 1, .ep = 1, .expert_tp = 1};
    const struct ls_formats formats =
        ls_model_formats(model, (enum ls_dtype)model->dtype, (enum ls_dtype)model->activation_dtype);
    return ls_weight_bytes(model, &whole, &formats, 0, model->num_hidden_layers, LS_STAGE_FIRST | LS_STAGE_LAST);
}

static int load(const char *name, struct ls_model *model)
{
    struct ls_diags diags = {0};
    const enum ls_status status = ls_library_model(NULL, name, model, &diags);
    ls_diags_print(&diags, stderr);
    ls_diags_release(&diags);
    return status ? LS_EXIT_INPUT : LS_EXIT_OK;
}

static int print_row(const char *name)
{
    struct ls_model model;
    if (load(name, &model))
        return LS_EXIT_INPUT;
    (void)printf("%-26s %17" PRId64 " %17" PRId64 " %-9s %10.2f %7" PRId64 " %7" PRId64 "\n", name,
                 ls_model_parameters(&model), ls_model_active_parameters(&model),
                 ls_dtype_name((enum ls_dtype)model.dtype), weight_bytes(&model) / 1e9, model.num_hidden_layers,
                 model.hidden_size);
    return LS_EXIT_OK;
}

static int print_one(const char *name)
{
    struct ls_model model;
    if (load(name, &model))
        return LS_EXIT_INPUT;
    (void)printf("%s\n", model.name);
    (void)printf("  %-34s %" PRId64 "\n", "parameters", ls_model_parameters(&model));
    (void)printf("  %-34s %" PRId64 "\n", "active parameters", ls_model_active_parameters(&model));
    (void)printf("  %-34s %.2f GB\n\n", "weights", weight_bytes(&model) / 1e9);
    ls_library_print(&ls_model_params, &model);
    return LS_EXIT_OK;
}

int ls_command_models(int argc, char **argv)
{
    const char *name;
    const int exit_status = ls_library_args("models", argc, argv, &name);
    if (exit_status)
        return exit_status;
    if (name)
        return print_one(name);
    (void)printf("%-26s %17s %17s %-9s %10s %7s %7s\n", "model", "parameters", "active", "dtype", "weights GB",
                 "layers", "hidden");
    return ls_library_list(LS_SHELF_MODELS, print_row);
}
