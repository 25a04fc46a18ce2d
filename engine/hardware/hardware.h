#ifndef LS_ENGINE_HARDWARE_HARDWARE_H
#define LS_ENGINE_HARDWARE_HARDWARE_H

#include <stdint.h>

#include "engine/dtype.h"
#include "engine/hardware/kernel_table.h"
#include "engine/hardware/kernels.h"
#include "engine/param.h"

/* One kind of accelerator and the node it sits in. Figures come from public datasheets; efficiencies from measured
 * kernels (tools/fit). All are rows of ls_hardware_params, so a user's file, an axis or --set can change any of them.
 */

/* Attention of decodes: as its library's kernels were measured, which split long contexts over several blocks of
 * threads; whole, a block for each KV head and context; or masked multi-head attention, a block for each query head and
 * context, on the units of fp32. */
enum ls_decode_attention { LS_DECODE_MEASURED, LS_DECODE_WHOLE, LS_DECODE_MASKED };

enum ls_topology { LS_TOPOLOGY_SWITCH, LS_TOPOLOGY_RING, LS_TOPOLOGY_FULL_MESH, LS_TOPOLOGY_RAIL };

/* A link of one GPU (inside the node) or of one NIC (between nodes), one direction. */
struct ls_link {
    double bandwidth_bytes_per_s;
    double latency_s;
};

/* Dense peaks, FLOP/s by format; null where the device cannot compute in it. */
struct ls_peaks {
    double by_dtype[LS_N_DTYPES];
};

/* What training reaches beyond the kernels of serving, as shares of the arithmetic peak. */
struct ls_training_kernels {
    double gemm_frac;           /* the most that products sustain within the board's power; null: no limit */
    double flash_frac;          /* flash attention forward (version 2); null: as the serving kernels */
    double flash_backward_frac; /* and backward; null: 0.86 of forward */
    double cudnn_frac;          /* cuDNN's fused attention forward; null: as the serving kernels */
    double cudnn_backward_frac; /* and backward; null: 0.86 of forward */
    double collective_sms;      /* SMs that a collective takes from the products beside it; null: none */
    double spread;              /* standard deviation of GPUs' speeds over the mean; null: all are alike */
};

struct ls_hardware {
    char name[LS_NAME_LEN];
    char scaled_from[LS_NAME_LEN]; /* the measured GPU whose kernels stand in; empty: its own */
    double memory_bytes;
    double memory_bandwidth_bytes_per_s;
    struct ls_peaks peak;
    struct ls_peaks sustained; /* what products reach that run on and on, where power limits them; null: no limit */
    int64_t sm_count;
    double l2_bytes;
    double power_w; /* board power */
    double idle_power_w;
    double price_usd_per_h; /* one GPU, on demand; null: unknown */
    int64_t gpus_per_node;
    int32_t topology; /* enum ls_topology inside the node */
    struct ls_link intra_node;
    struct ls_link inter_node;
    int64_t nics_per_node;
    double pcie_bandwidth_bytes_per_s; /* host link of one GPU, one direction */
    double mfu, mbu; /* share of the arithmetic peak, of the memory bandwidth that every operator reaches; null: that of
                        its kernels */
    int64_t mixed_decode_rows; /* queries that vLLM's attention pads a decode to beside prompts; 0: to none */
    double masked_decode_frac; /* of the fp32 peak: LS_DECODE_MASKED */
    struct ls_training_kernels training;
    int32_t kernel_library;              /* enum ls_kernel_library; null: the engine preset's */
    int32_t decode_attention;            /* enum ls_decode_attention; null: the engine preset's */
    char kernel_table[LS_NAME_LEN];      /* file of measured kernels; empty: none, seconds are computed */
    const struct ls_kernel_table *table; /* what it holds; null: none. Borrowed */
    struct ls_kernels kernels[LS_N_KERNEL_LIBRARIES];
};

extern const struct ls_param_table ls_hardware_params;

/* The kernels that its engine runs. */
static inline const struct ls_kernels *ls_hardware_kernels(const struct ls_hardware *hardware)
{
    return &hardware->kernels[hardware->kernel_library];
}

#endif
