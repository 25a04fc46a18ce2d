#include "engine/hardware/hardware.h"

#include <float.h>

#define LINK_ROW_BANDWIDTH                                                                                             \
    LS_ROW_FLOAT(struct ls_link, "bandwidth", bandwidth_bytes_per_s, LS_DIM_BANDWIDTH, LS_PARAM_REQUIRED, NULL, 1,     \
                 DBL_MAX, "Bandwidth of one link, one direction")
#define LINK_ROW_LATENCY                                                                                               \
    LS_ROW_FLOAT(struct ls_link, "latency", latency_s, LS_DIM_SECONDS, LS_PARAM_REQUIRED, NULL, 0, DBL_MAX,            \
                 "Time until the first byte of a message arrives, software included")

static const struct ls_param link_rows[] = {LINK_ROW_BANDWIDTH, LINK_ROW_LATENCY};
static const struct ls_param_table link_params = LS_TABLE(link_rows);

#define PEAK_ROW(dtype, text)                                                                                          \
    LS_ROW_FLOAT(struct ls_peaks, text, by_dtype[dtype], LS_DIM_FLOP_RATE, LS_PARAM_NULLABLE, "null", 1, DBL_MAX,      \
                 "Dense peak in " text "; null where the device cannot compute in it")

static const struct ls_param peak_rows[] = {
#define X(name, text, bits, scale_bits) PEAK_ROW(LS_##name, text),
    LS_DTYPES(X)
#undef X
};
static const struct ls_param_table peak_params = LS_TABLE(peak_rows);

#define SUSTAINED_ROW(dtype, text)                                                                                     \
    LS_ROW_FLOAT(struct ls_peaks, text, by_dtype[dtype], LS_DIM_FLOP_RATE, LS_PARAM_NULLABLE, "null", 1, DBL_MAX,      \
                 "Products in " text " that run on and on; null: as fast as short ones")

static const struct ls_param sustained_rows[] = {
#define X(name, text, bits, scale_bits) SUSTAINED_ROW(LS_##name, text),
    LS_DTYPES(X)
#undef X
};
static const struct ls_param_table sustained_params = LS_TABLE(sustained_rows);

/* Libraries are an array of structs; each is a group. */
struct libraries {
    struct ls_kernels of[LS_N_KERNEL_LIBRARIES];
};
static const struct ls_param library_rows[] = {
    LS_ROW_GROUP(struct libraries, "vllm", of[LS_KERNELS_VLLM], &ls_kernels_params, "Kernels that vLLM uses"),
    LS_ROW_GROUP(struct libraries, "trtllm", of[LS_KERNELS_TRTLLM], &ls_derived_kernels_params,
                 "Kernels that TensorRT-LLM uses; null: as vllm's"),
};
static const struct ls_param_table library_params = LS_TABLE(library_rows);

static const char *const library_names[] = {"vllm", "trtllm", NULL};
static const char *const decode_attentions[] = {"measured", "whole", "masked", NULL};
static const char *const topology_names[] = {"switch", "ring", "full_mesh", "rail", NULL};

#define TRAINING_ROW(key, member, text)                                                                                \
    LS_ROW_FLOAT(struct ls_training_kernels, key, member, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", 1e-3, 1, text)

static const struct ls_param training_rows[] = {
    TRAINING_ROW("gemm_frac", gemm_frac,
                 "The most of the arithmetic peak that products sustain in long runs; null: no limit"),
    TRAINING_ROW("flash_frac", flash_frac,
                 "Share of it that FlashAttention-2 reaches forward; null: as the kernels of serving"),
    TRAINING_ROW("flash_backward_frac", flash_backward_frac, "And backward; null: 0.86 of forward"),
    TRAINING_ROW("cudnn_frac", cudnn_frac,
                 "Share of it that cuDNN's fused attention reaches forward; null: as the kernels of serving"),
    TRAINING_ROW("cudnn_backward_frac", cudnn_backward_frac, "And backward; null: 0.86 of forward"),
    LS_ROW_FLOAT(struct ls_training_kernels, "collective_sms", collective_sms, LS_DIM_NONE, LS_PARAM_NULLABLE, "null",
                 0, 1e6, "SMs that a collective takes from the products beside it; null: none"),
    LS_ROW_FLOAT(struct ls_training_kernels, "spread", spread, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", 0, 0.1,
                 "Standard deviation of GPUs' speeds over their mean: all wait for the slowest; null: all are alike"),
};
static const struct ls_param_table training_table = LS_TABLE(training_rows);

static const struct ls_param hardware_rows[] = {
    LS_ROW_TEXT(struct ls_hardware, "name", name, LS_PARAM_NULLABLE, "null", "Name in results"),
    LS_ROW_TEXT(struct ls_hardware, "scaled_from", scaled_from, LS_PARAM_NULLABLE, "null",
                "The measured GPU whose kernels these were scaled from; null: measured, or the defaults"),
    LS_ROW_FLOAT(struct ls_hardware, "memory", memory_bytes, LS_DIM_BYTES, LS_PARAM_REQUIRED, NULL, 1, DBL_MAX,
                 "Memory of one GPU"),
    LS_ROW_FLOAT(struct ls_hardware, "memory_bandwidth", memory_bandwidth_bytes_per_s, LS_DIM_BANDWIDTH,
                 LS_PARAM_REQUIRED, NULL, 1, DBL_MAX, "Memory bandwidth of one GPU"),
    LS_ROW_GROUP(struct ls_hardware, "peak", peak, &peak_params, "Dense arithmetic peaks of one GPU by data type"),
    LS_ROW_GROUP(struct ls_hardware, "sustained", sustained, &sustained_params,
                 "Arithmetic that the power limit leaves to products that run on and on, by data type"),
    LS_ROW_INT(struct ls_hardware, "sm_count", sm_count, LS_PARAM_REQUIRED, NULL, 1, 1e6, "Streaming multiprocessors"),
    LS_ROW_FLOAT(struct ls_hardware, "l2", l2_bytes, LS_DIM_BYTES, 0, "0 B", 0, DBL_MAX, "Second-level cache"),
    LS_ROW_FLOAT(struct ls_hardware, "power", power_w, LS_DIM_WATT, 0, "0 W", 0, DBL_MAX, "Board power of one GPU"),
    LS_ROW_FLOAT(struct ls_hardware, "idle_power", idle_power_w, LS_DIM_WATT, 0, "0 W", 0, DBL_MAX,
                 "Power of an idle GPU"),
    LS_ROW_FLOAT(struct ls_hardware, "price_usd_per_h", price_usd_per_h, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", 0,
                 DBL_MAX, "On-demand price of one GPU; null: unknown"),
    LS_ROW_INT(struct ls_hardware, "gpus_per_node", gpus_per_node, 0, "8", 1, 1e6, "GPUs of one node"),
    LS_ROW_CHOICE(struct ls_hardware, "topology", topology, 0, "switch", topology_names,
                  "How the GPUs of a node are connected, and its NICs across nodes (rail)"),
    LS_ROW_GROUP(struct ls_hardware, "intra_node", intra_node, &link_params, "Link of one GPU inside its node"),
    LS_ROW_GROUP(struct ls_hardware, "inter_node", inter_node, &link_params, "Link of one NIC between nodes"),
    LS_ROW_INT(struct ls_hardware, "nics_per_node", nics_per_node, 0, "1", 1, 1e6, "NICs of one node"),
    LS_ROW_FLOAT(struct ls_hardware, "pcie_bandwidth", pcie_bandwidth_bytes_per_s, LS_DIM_BANDWIDTH, 0, "32 GB/s", 1,
                 DBL_MAX, "Host link of one GPU, one direction"),
    LS_ROW_GROUP(struct ls_hardware, "training", training, &training_table, "What training reaches."),
    LS_ROW_FLOAT(struct ls_hardware, "mfu", mfu, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", 1e-3, 1,
                 "Share of the arithmetic peak that every operator reaches; null: what its kernels reach"),
    LS_ROW_FLOAT(struct ls_hardware, "mbu", mbu, LS_DIM_NONE, LS_PARAM_NULLABLE, "null", 1e-3, 1,
                 "Share of the memory bandwidth that every operator reaches; null: what its kernels reach"),
    LS_ROW_INT(struct ls_hardware, "mixed_decode_rows", mixed_decode_rows, 0, "0", 0, 1024,
               "Queries that vLLM's attention pads each head of a decode to in a step with prompts; 0: to none"),
    LS_ROW_CHOICE(struct ls_hardware, "decode_attention", decode_attention, LS_PARAM_NULLABLE, "null",
                  decode_attentions,
                  "How decodes attend: as measured, whose kernels split long contexts; whole, a block of threads for "
                  "each context and KV head; masked, one for each query head, without tensor cores where query heads "
                  "share keys. Null: as the engine's preset"),
    /* Llama-70B in fp8 with 128 tokens in and 2,048 out gave 1,227 tokens a second on an H200 in place of the 2,941
     * with tensor cores, and 13,232 on eight in place of 25,300 (github.com/NVIDIA/TensorRT-LLM, docs/source/blogs/
     * XQA-kernel.md): a sequence's step took 0.475 ms and 36 us longer than the 44 us and 5.5 us of reading its cache.
     * 3.02 GFLOP in 0.519 ms, and an eighth of them in 41.5 us, are 8.7 % and 13.6 % of 66.9 TFLOP/s. */
    LS_ROW_FLOAT(struct ls_hardware, "masked_decode_frac", masked_decode_frac, LS_DIM_NONE, 0, "0.11", 1e-3, 1,
                 "Share of the fp32 peak that masked attention of grouped queries reaches"),
    LS_ROW_CHOICE(struct ls_hardware, "kernel_library", kernel_library, LS_PARAM_NULLABLE, "null", library_names,
                  "Whose kernels run; null: those of the engine's preset"),
    LS_ROW_TEXT(struct ls_hardware, "kernel_table", kernel_table, LS_PARAM_NULLABLE, "null",
                "CSV file of measured kernels, whose seconds come first; null: all are computed"),
    LS_ROW_GROUP(struct ls_hardware, "kernels", kernels, &library_params,
                 "What kernels reach of the peaks, fitted to measurements"),
};

const struct ls_param_table ls_hardware_params = LS_TABLE(hardware_rows);
