#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/library_args.h"

static int load(const char *name, struct ls_hardware *hardware)
{
    struct ls_diags diags = {0};
    const enum ls_status status = ls_library_hardware(NULL, name, hardware, &diags);
    ls_diags_print(&diags, stderr);
    ls_diags_release(&diags);
    return status ? LS_EXIT_INPUT : LS_EXIT_OK;
}

static void print_peak(double flop_per_s)
{
    if (isnan(flop_per_s))
        (void)printf(" %8s", "-");
    else
        (void)printf(" %8.1f", flop_per_s / 1e12);
}

static int print_row(const char *name)
{
    struct ls_hardware hardware;
    if (load(name, &hardware))
        return LS_EXIT_INPUT;
    (void)printf("%-16s %8.1f %8.2f", name, hardware.memory_bytes / 1e9, hardware.memory_bandwidth_bytes_per_s / 1e12);
    print_peak(hardware.peak.by_dtype[LS_BF16]);
    print_peak(hardware.peak.by_dtype[LS_FP8]);
    print_peak(hardware.peak.by_dtype[LS_NVFP4]);
    (void)printf(" %8" PRId64 " %12.0f %12.1f\n", hardware.gpus_per_node,
                 hardware.intra_node.bandwidth_bytes_per_s / 1e9, hardware.inter_node.bandwidth_bytes_per_s / 1e9);
    return LS_EXIT_OK;
}

static int print_one(const char *name)
{
    struct ls_hardware hardware;
    if (load(name, &hardware))
        return LS_EXIT_INPUT;
    (void)printf("%s\n", hardware.name);
    ls_library_print(&ls_hardware_params, &hardware);
    return LS_EXIT_OK;
}

int ls_command_hardware(int argc, char **argv)
{
    const char *name;
    const int exit_status = ls_library_args("hardware", argc, argv, &name);
    if (exit_status)
        return exit_status;
    if (name)
        return print_one(name);
    (void)printf("%-16s %8s %8s %8s %8s %8s %8s %12s %12s\n", "", "memory", "memory", "bf16", "fp8", "nvfp4",
                 "GPUs per", "GPU link", "NIC link");
    (void)printf("%-16s %8s %8s %8s %8s %8s %8s %12s %12s\n", "hardware", "GB", "TB/s", "TFLOP/s", "TFLOP/s", "TFLOP/s",
                 "node", "GB/s", "GB/s");
    return ls_library_list(LS_SHELF_HARDWARE, print_row);
}
