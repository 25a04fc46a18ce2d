#include "engine/hardware/kernels.h"

#include <float.h>

/* Every class of kernels has two tables: one whose rows have defaults, for what nothing else stands in for, and one
 * whose rows are null unless given. */
#define OWN_DEFAULT(text) text
#define OWN_FLAGS 0
#define DERIVED_DEFAULT(text) "null"
#define DERIVED_FLAGS LS_PARAM_NULLABLE

#define SHARE(set, type, key, member, def, doc)                                                                        \
    LS_ROW_FLOAT(type, key, member, LS_DIM_NONE, set##_FLAGS, set##_DEFAULT(def), 0, 4, doc)
#define NUMBER(set, type, key, member, def, doc)                                                                       \
    LS_ROW_FLOAT(type, key, member, LS_DIM_NONE, set##_FLAGS, set##_DEFAULT(def), 0, DBL_MAX, doc)
#define TIME(set, type, key, member, def, doc)                                                                         \
    LS_ROW_FLOAT(type, key, member, LS_DIM_SECONDS, set##_FLAGS, set##_DEFAULT(def), 0, 1, doc)
#define RATE(set, type, key, member, def, doc)                                                                         \
    LS_ROW_FLOAT(type, key, member, LS_DIM_BANDWIDTH, set##_FLAGS, set##_DEFAULT(def), 0, DBL_MAX, doc)
#define SIZE(set, type, key, member, def, doc)                                                                         \
    LS_ROW_FLOAT(type, key, member, LS_DIM_BYTES, set##_FLAGS, set##_DEFAULT(def), 0, DBL_MAX, doc)

#define GEMM struct ls_gemm_kernels
#define GEMM_ROWS(set)                                                                                                 \
    TIME(set, GEMM, "launch", launch_s, "2 us", "An empty kernel inside a CUDA graph"),                                \
        SHARE(set, GEMM, "memory_frac", memory_frac, "0.85",                                                           \
              "Share of the memory bandwidth that large products reach"),                                              \
        TIME(set, GEMM, "start", start_s, "1 us", "Prologue and epilogue of the first wave of tiles"),                 \
        TIME(set, GEMM, "wave", wave_s, "0.7 us", "Prologue and epilogue of each further wave"),                       \
        TIME(set, GEMM, "step", step_s, "0 us", "Least time of a tile for each step of k"),                            \
        RATE(set, GEMM, "sm_bandwidth", sm_bandwidth_bytes_per_s, "150 GB/s", "Bandwidth of operands into one SM"),    \
        RATE(set, GEMM, "l2_bandwidth", l2_bandwidth_bytes_per_s, "0 B/s",                                             \
             "Bandwidth of operands into all SMs; 0: as much as they take"),                                           \
        TIME(set, GEMM, "split", split_s, "3 us", "Adding up after k was split over several SMs"),                     \
        SHARE(set, GEMM, "split_frac", split_frac, "1", "Share of the memory bandwidth over the sums of its parts"),   \
        SHARE(set, GEMM, "wave_frac", wave_frac, "0.2", "1: a partial wave costs a whole one; 0: its share"),          \
        SHARE(set, GEMM, "tile_64x64", tile_frac[LS_TILE_64X64], "0.6", "Share of the peak with this tile; 0: none"),  \
        SHARE(set, GEMM, "tile_64x128", tile_frac[LS_TILE_64X128], "0.7",                                              \
              "Share of the peak with this tile; 0: none"),                                                            \
        SHARE(set, GEMM, "tile_128x128", tile_frac[LS_TILE_128X128], "0.8",                                            \
              "Share of the peak with this tile; 0: none"),                                                            \
        SHARE(set, GEMM, "tile_128x256", tile_frac[LS_TILE_128X256], "0",                                              \
              "Share of the peak with this tile; 0: none"),                                                            \
        LS_ROW_FLOAT(GEMM, "mma_rows", mma_rows, LS_DIM_NONE, set##_FLAGS, set##_DEFAULT("16"), 1, 256,                \
                     "Rows of one instruction"),                                                                       \
        NUMBER(set, GEMM, "tile_rows", tile_rows, "0",                                                                 \
               "Experts: rows of the smallest tile, and tiles are whole; 0: as of plain products"),                    \
        NUMBER(set, GEMM, "largest_tile_above", largest_tile_above, "0",                                               \
               "Rows above which only the largest tile is used; 0: never"),                                            \
        TIME(set, GEMM, "quantize_launch", quantize_launch_s, "0 us", "Converting activations: fixed time"),           \
        TIME(set, GEMM, "quantize_row", quantize_row_s, "0 us", "Converting activations: time of a row"),              \
        RATE(set, GEMM, "quantize_bandwidth", quantize_bandwidth_bytes_per_s, "0 B/s",                                 \
             "Converting activations: bandwidth over the values read; 0: nothing is converted")

static const struct ls_param gemm_rows[] = {GEMM_ROWS(OWN)};
static const struct ls_param derived_gemm_rows[] = {GEMM_ROWS(DERIVED)};
static const struct ls_param_table gemm_params = LS_TABLE(gemm_rows);
static const struct ls_param_table derived_gemm_params = LS_TABLE(derived_gemm_rows);

#define PREFILL struct ls_prefill_kernels
#define PREFILL_ROWS(set)                                                                                              \
    TIME(set, PREFILL, "launch", launch_s, "10 us", "An empty kernel and its preparation"),                            \
        SHARE(set, PREFILL, "memory_frac", memory_frac, "0.5", "Share of the memory bandwidth"),                       \
        SHARE(set, PREFILL, "kv_frac", kv_frac, "0.4", "Share of it over the chunk's own keys and values"),            \
        TIME(set, PREFILL, "block", block_s, "1 us", "Fixed time of a block of 128 queries of one head on one SM"),    \
        SHARE(set, PREFILL, "longest_frac", longest_frac, "1", "Share of the longest block that nothing hides"),       \
        NUMBER(set, PREFILL, "pad", pad_tok, "64", "Tokens a query pays for beyond those it attends to"),              \
        SHARE(set, PREFILL, "frac_64", frac_64, "0.4", "Share of the peak at head dimension 64"),                      \
        SHARE(set, PREFILL, "frac_128", frac_128, "0.5", "Share of the peak at head dimension 128"),                   \
        SHARE(set, PREFILL, "frac_256", frac_256, "0.5", "Share of the peak at head dimension 256")

static const struct ls_param prefill_rows[] = {PREFILL_ROWS(OWN)};
static const struct ls_param derived_prefill_rows[] = {PREFILL_ROWS(DERIVED)};
static const struct ls_param_table prefill_params = LS_TABLE(prefill_rows);
static const struct ls_param_table derived_prefill_params = LS_TABLE(derived_prefill_rows);

#define DECODE struct ls_decode_kernels
#define DECODE_ROWS(set)                                                                                               \
    TIME(set, DECODE, "launch", launch_s, "8 us", "An empty kernel and its preparation"),                              \
        SHARE(set, DECODE, "frac_64", frac_64, "0.85", "Share of the memory bandwidth at head dimension 64"),          \
        SHARE(set, DECODE, "frac_128", frac_128, "0.85", "Share of the memory bandwidth at head dimension 128"),       \
        SHARE(set, DECODE, "frac_256", frac_256, "0.85", "Share of the memory bandwidth at head dimension 256"),       \
        SHARE(set, DECODE, "compute_frac", compute_frac, "0.4", "Share of the arithmetic peak"),                       \
        SHARE(set, DECODE, "query_frac", query_frac, "0.2", "Share of the memory bandwidth over queries and results"), \
        TIME(set, DECODE, "kv_head", kv_head_s, "20 ns", "Fixed time of a sequence's KV head"),                        \
        NUMBER(set, DECODE, "resident", resident, "1", "KV heads for each SM whose fixed time the launch has"),        \
        RATE(set, DECODE, "block_bandwidth", block_bandwidth_bytes_per_s, "40 GB/s",                                   \
             "Bandwidth of one block over its head's keys and values"),                                                \
        TIME(set, DECODE, "split", split_s, "5 us", "The longest a block reads before its context is split"),          \
        TIME(set, DECODE, "merge", merge_s, "3 us", "Merging the parts of a context: at most this"),                   \
        SHARE(set, DECODE, "merge_frac", merge_frac, "0.3", "and at most this share of the reading time"),             \
        SHARE(set, DECODE, "whole", whole, "0", "1: contexts are never split; 0: they are")

static const struct ls_param decode_rows[] = {DECODE_ROWS(OWN)};
static const struct ls_param derived_decode_rows[] = {DECODE_ROWS(DERIVED)};
static const struct ls_param_table decode_params = LS_TABLE(decode_rows);
static const struct ls_param_table derived_decode_params = LS_TABLE(derived_decode_rows);

#define MEMORY struct ls_memory_kernels
#define MEMORY_ROWS(set)                                                                                               \
    TIME(set, MEMORY, "launch", launch_s, "2 us", "An empty kernel inside a CUDA graph"),                              \
        SHARE(set, MEMORY, "memory_frac", memory_frac, "0.8", "Share of the memory bandwidth")

static const struct ls_param memory_rows[] = {MEMORY_ROWS(OWN)};
static const struct ls_param derived_memory_rows[] = {MEMORY_ROWS(DERIVED)};
static const struct ls_param_table memory_params = LS_TABLE(memory_rows);
static const struct ls_param_table derived_memory_params = LS_TABLE(derived_memory_rows);

#define DELTA struct ls_delta_kernels
#define DELTA_ROWS(set)                                                                                                \
    TIME(set, DELTA, "launch", launch_s, "20 us", "All of its kernels"),                                               \
        TIME(set, DELTA, "chunk", chunk_s, "1.5 us", "A chunk of 64 tokens of the longest sequence"),                  \
        SHARE(set, DELTA, "memory_frac", memory_frac, "0.7",                                                           \
              "Share of the memory bandwidth, over what passes between them")

static const struct ls_param delta_rows[] = {DELTA_ROWS(OWN)};
static const struct ls_param derived_delta_rows[] = {DELTA_ROWS(DERIVED)};
static const struct ls_param_table delta_params = LS_TABLE(delta_rows);
static const struct ls_param_table derived_delta_params = LS_TABLE(derived_delta_rows);

#define COLLECTIVES struct ls_collective_kernels
#define COLLECTIVE_ROWS(set)                                                                                           \
    TIME(set, COLLECTIVES, "launch", launch_s, "4 us", "A kernel of the communication library"),                       \
        TIME(set, COLLECTIVES, "ramp", ramp_s, "0 us",                                                                 \
             "Filling the pipeline: sqrt(ramp * time on the wire) is added"),                                          \
        SHARE(set, COLLECTIVES, "crowding", crowding, "0",                                                             \
              "Links behind one host bridge fall with (2 / ranks)^crowding"),                                          \
        SHARE(set, COLLECTIVES, "all_reduce_frac", all_reduce_frac, "0.75",                                            \
              "Share of a link in ring and tree all-reduce"),                                                          \
        SHARE(set, COLLECTIVES, "gather_frac", gather_frac, "0.75",                                                    \
              "Share of a link in all-gather and reduce-scatter"),                                                     \
        SHARE(set, COLLECTIVES, "all_to_all_frac", all_to_all_frac, "0.7", "Share of a link in all-to-all"),           \
        SHARE(set, COLLECTIVES, "send_frac", send_frac, "0.8", "Share of a link in a single message"),                 \
        SHARE(set, COLLECTIVES, "network_frac", network_frac, "0.9", "Share of a NIC's bandwidth"),                    \
        TIME(set, COLLECTIVES, "switch_launch", switch_launch_s, "20 us",                                              \
             "A kernel that leaves adding up to the switch"),                                                          \
        SHARE(set, COLLECTIVES, "switch_frac", switch_frac, "0",                                                       \
              "Share of a link in all-reduce by the switch; 0: none"),                                                 \
        TIME(set, COLLECTIVES, "direct_launch", direct_launch_s, "4 us",                                               \
             "The engine's own all-reduce of small messages"),                                                         \
        TIME(set, COLLECTIVES, "direct_rank", direct_rank_s, "0.2 us", "More of it for each rank beyond two"),         \
        SHARE(set, COLLECTIVES, "one_shot_frac", one_shot_frac, "0",                                                   \
              "Share of a link when each rank reads all; 0: none"),                                                    \
        SHARE(set, COLLECTIVES, "two_shot_frac", two_shot_frac, "0",                                                   \
              "Share of a link when shares are gathered; 0: none"),                                                    \
        SIZE(set, COLLECTIVES, "direct_max", direct_max_bytes, "8 MiB",                                                \
             "Largest message of the engine's own all-reduce")

static const struct ls_param collective_rows[] = {COLLECTIVE_ROWS(OWN)};
static const struct ls_param derived_collective_rows[] = {COLLECTIVE_ROWS(DERIVED)};
static const struct ls_param_table collective_params = LS_TABLE(collective_rows);
static const struct ls_param_table derived_collective_params = LS_TABLE(derived_collective_rows);

#define EXCHANGE struct ls_exchange_kernels
#define EXCHANGE_ROWS(set)                                                                                             \
    TIME(set, EXCHANGE, "launch", launch_s, "40 us", "Its kernels, and waiting for counts where the CPU does"),        \
        TIME(set, EXCHANGE, "copy", copy_s, "0 us", "More of it for each GPU that a token goes to"),                   \
        TIME(set, EXCHANGE, "row", row_s, "15 ns", "Fixed time of a token"),                                           \
        SHARE(set, EXCHANGE, "link_frac", link_frac, "0.7", "Share of a link"),                                        \
        SHARE(set, EXCHANGE, "network_frac", network_frac, "0.85", "Share of a NIC")

static const struct ls_param exchange_rows[] = {EXCHANGE_ROWS(OWN)};
static const struct ls_param derived_exchange_rows[] = {EXCHANGE_ROWS(DERIVED)};
static const struct ls_param_table exchange_params = LS_TABLE(exchange_rows);
static const struct ls_param_table derived_exchange_params = LS_TABLE(derived_exchange_rows);

/* Ways, and libraries, are arrays of structs; each is a group. */
struct ways {
    struct ls_exchange_kernels of[LS_N_EXCHANGE_WAYS];
};
#define WAY_ROWS(table)                                                                                                \
    LS_ROW_GROUP(struct ways, "dispatch", of[LS_DISPATCH], table, "Tokens to the GPUs of their experts"),              \
        LS_ROW_GROUP(struct ways, "combine", of[LS_COMBINE], table, "Results back")
static const struct ls_param way_rows[] = {WAY_ROWS(&exchange_params)};
static const struct ls_param derived_way_rows[] = {WAY_ROWS(&derived_exchange_params)};
static const struct ls_param_table way_params = LS_TABLE(way_rows);
static const struct ls_param_table derived_way_params = LS_TABLE(derived_way_rows);

struct exchanges {
    struct ls_exchange_kernels of[LS_N_EXCHANGE_LIBRARIES][LS_N_EXCHANGE_WAYS];
};
#define LIBRARY_ROWS(table)                                                                                            \
    LS_ROW_GROUP(struct exchanges, "deepep_high_throughput", of[LS_EXCHANGE_DEEPEP_HT], table,                         \
                 "DeepEP's normal kernels"),                                                                           \
        LS_ROW_GROUP(struct exchanges, "deepep_low_latency", of[LS_EXCHANGE_DEEPEP_LL], table,                         \
                     "DeepEP's low-latency kernels"),                                                                  \
        LS_ROW_GROUP(struct exchanges, "nvlink_two_sided", of[LS_EXCHANGE_NVLINK_TWO_SIDED], table,                    \
                     "TensorRT-LLM's exchange over NVLink, with a handshake"),                                         \
        LS_ROW_GROUP(struct exchanges, "nvlink_one_sided", of[LS_EXCHANGE_NVLINK_ONE_SIDED], table,                    \
                     "The same without one")
static const struct ls_param library_rows[] = {LIBRARY_ROWS(&way_params)};
static const struct ls_param derived_library_rows[] = {LIBRARY_ROWS(&derived_way_params)};
static const struct ls_param_table exchange_library_params = LS_TABLE(library_rows);
static const struct ls_param_table derived_exchange_library_params = LS_TABLE(derived_library_rows);

/* Formats are an array of structs; each is a group. */
struct formats {
    struct ls_gemm_kernels of[LS_N_GEMM_FORMATS];
};
#define FORMAT_ROWS(bf16_params)                                                                                       \
    LS_ROW_GROUP(struct formats, "bf16", of[LS_GEMM_BF16], bf16_params, "16-bit weights"),                             \
        LS_ROW_GROUP(struct formats, "fp8", of[LS_GEMM_FP8], &derived_gemm_params, "fp8 weights and activations"),     \
        LS_ROW_GROUP(struct formats, "fp8_block", of[LS_GEMM_FP8_BLOCK], &derived_gemm_params,                         \
                     "fp8 weights and activations with a scale for each block"),                                       \
        LS_ROW_GROUP(struct formats, "int8", of[LS_GEMM_INT8], &derived_gemm_params, "int8 weights"),                  \
        LS_ROW_GROUP(struct formats, "int4", of[LS_GEMM_INT4], &derived_gemm_params, "int4 weights"),                  \
        LS_ROW_GROUP(struct formats, "nvfp4", of[LS_GEMM_NVFP4], &derived_gemm_params,                                 \
                     "nvfp4 weights and activations"),                                                                 \
        LS_ROW_GROUP(struct formats, "mxfp4", of[LS_GEMM_MXFP4], &derived_gemm_params, "mxfp4 weights")

static const struct ls_param format_rows[] = {FORMAT_ROWS(&gemm_params)};
static const struct ls_param derived_format_rows[] = {FORMAT_ROWS(&derived_gemm_params)};
static const struct ls_param_table format_params = LS_TABLE(format_rows);
static const struct ls_param_table derived_format_params = LS_TABLE(derived_format_rows);

#define KERNELS struct ls_kernels
#define KERNELS_ROWS(gemm_table, prefill_table, decode_table, memory_table, delta_table, collective_table,             \
                     exchange_table)                                                                                   \
    LS_ROW_GROUP(KERNELS, "gemm", gemm, gemm_table, "Products of matrices, by format of the weights"),                 \
        LS_ROW_GROUP(KERNELS, "grouped_gemm", grouped_gemm, &derived_format_params, "Products of experts"),            \
        LS_ROW_GROUP(KERNELS, "prefill", prefill, prefill_table, "Causal attention of prompt chunks"),                 \
        LS_ROW_GROUP(KERNELS, "prefill_fp8", prefill_fp8, &derived_prefill_params, "The same with an fp8 KV cache"),   \
        LS_ROW_GROUP(KERNELS, "mla_prefill", mla_prefill, &derived_prefill_params, "The same for latent attention"),   \
        LS_ROW_GROUP(KERNELS, "decode", decode, decode_table, "Attention of one token a sequence"),                    \
        LS_ROW_GROUP(KERNELS, "decode_fp8", decode_fp8, &derived_decode_params, "The same with an fp8 KV cache"),      \
        LS_ROW_GROUP(KERNELS, "mha_decode", mha_decode, &derived_decode_params,                                        \
                     "The same for heads with KV of their own"),                                                       \
        LS_ROW_GROUP(KERNELS, "mha_decode_fp8", mha_decode_fp8, &derived_decode_params,                                \
                     "Heads with KV of their own and an fp8 KV cache"),                                                \
        LS_ROW_GROUP(KERNELS, "mla_decode", mla_decode, &derived_decode_params, "The same for latent attention"),      \
        LS_ROW_GROUP(KERNELS, "mla_decode_fp8", mla_decode_fp8, &derived_decode_params,                                \
                     "Latent attention with an fp8 KV cache"),                                                         \
        LS_ROW_GROUP(KERNELS, "memory", memory, memory_table, "Norms, activations and others that only move bytes"),   \
        LS_ROW_GROUP(KERNELS, "delta", delta, delta_table, "The gated delta rule of prompt chunks"),                   \
        LS_ROW_GROUP(KERNELS, "collectives", collectives, collective_table, "Communication between GPUs"),             \
        LS_ROW_GROUP(KERNELS, "exchange", exchange, exchange_table, "Tokens to their experts and back")

static const struct ls_param kernels_rows[] = {KERNELS_ROWS(&format_params, &prefill_params, &decode_params,
                                                            &memory_params, &delta_params, &collective_params,
                                                            &exchange_library_params)};
static const struct ls_param derived_kernels_rows[] = {
    KERNELS_ROWS(&derived_format_params, &derived_prefill_params, &derived_decode_params, &derived_memory_params,
                 &derived_delta_params, &derived_collective_params, &derived_exchange_library_params)};
const struct ls_param_table ls_kernels_params = LS_TABLE(kernels_rows);
const struct ls_param_table ls_derived_kernels_params = LS_TABLE(derived_kernels_rows);
