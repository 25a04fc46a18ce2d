#ifndef LS_ENGINE_HARDWARE_KERNELS_H
#define LS_ENGINE_HARDWARE_KERNELS_H

#include "engine/param.h"

/* What the kernels of one library reach on one GPU: a few numbers for each class of kernels, fitted to measured ones by
 * tools/fit and kept in the hardware file; engine/cost turns them into seconds and has the equations. Shares (`_frac`)
 * are of the datasheet's peak or bandwidth. Null is "as the row it derives from": trtllm from vllm, fp8_block from fp8,
 * mxfp4 from int4, other formats from bf16, grouped products from plain ones, MLA and multi-head from grouped-query
 * attention. ls_kernels_complete fills it in. */

/* Libraries whose kernels differ enough to be told apart. */
enum ls_kernel_library { LS_KERNELS_VLLM, LS_KERNELS_TRTLLM, LS_N_KERNEL_LIBRARIES };

/* Formats of weights that have kernels of their own; fp16 and fp32 use bf16's. */
enum ls_gemm_format {
    LS_GEMM_BF16,
    LS_GEMM_FP8,
    LS_GEMM_FP8_BLOCK,
    LS_GEMM_INT8,
    LS_GEMM_INT4,
    LS_GEMM_NVFP4,
    LS_GEMM_MXFP4,
    LS_N_GEMM_FORMATS
};

/* Output tiles, 64 × 64, 64 × 128, 128 × 128 and 128 × 256, in either orientation. */
enum { LS_TILE_64X64, LS_TILE_64X128, LS_TILE_128X128, LS_TILE_128X256, LS_N_TILES };

/* Products of matrices, plain or grouped by expert. */
struct ls_gemm_kernels {
    double launch_s;                       /* an empty kernel, inside a CUDA graph */
    double memory_frac;                    /* of the memory bandwidth, large products */
    double start_s;                        /* prologue and epilogue of the first wave of tiles, */
    double wave_s;                         /* of each further one */
    double step_s;                         /* a tile's least time for each step of k, however few its operands */
    double sm_bandwidth_bytes_per_s;       /* operands into one SM, */
    double l2_bandwidth_bytes_per_s;       /* into all of them; 0: as much as they take */
    double split_s;                        /* adding up after k was split over several SMs: fixed time, */
    double split_frac;                     /* share of the memory bandwidth over the parts' sums */
    double wave_frac;                      /* 1: a partial wave costs a whole one; 0: its share (stream-k) */
    double tile_frac[LS_N_TILES];          /* of the arithmetic peak; 0: the library lacks this tile */
    double mma_rows;                       /* rows of one instruction: a tile with fewer is padded to them */
    double tile_rows;                      /* experts: of the smallest tile, all whole; 0: padded as above */
    double largest_tile_above;             /* rows above which only the largest tile is used, unsplit; 0: never */
    double quantize_launch_s;              /* converting the activations first: fixed time, */
    double quantize_row_s;                 /* time of a row, */
    double quantize_bandwidth_bytes_per_s; /* bandwidth over the 16-bit values read; 0: nothing is converted */
};

/* Causal attention of prompt chunks, the writing of their keys and values included. */
struct ls_prefill_kernels {
    double launch_s;
    double memory_frac;                 /* queries, results and earlier keys and values */
    double kv_frac;                     /* the chunks' own keys and values: laid out, written, read */
    double block_s;                     /* fixed time of a block of 128 queries of one head on one SM */
    double longest_frac;                /* share of the longest block's time that no other work hides */
    double pad_tok;                     /* tokens a query pays for beyond those it attends to (diagonal tiles) */
    double frac_64, frac_128, frac_256; /* of the arithmetic peak, by head dimension */
};

/* Attention of one token a sequence, the writing of its key and value included. */
struct ls_decode_kernels {
    double launch_s;
    double frac_64, frac_128, frac_256; /* of the memory bandwidth, by head dimension */
    double compute_frac;
    double query_frac;                  /* of the memory bandwidth, over queries and results */
    double kv_head_s;                   /* fixed time of a sequence's KV head, the whole GPU working, */
    double resident;                    /* beyond as many for each SM */
    double block_bandwidth_bytes_per_s; /* of one block of threads over the keys and values of one head */
    double split_s;                     /* what a block reads at most before its context is split over several */
    double merge_s;                     /* merging the parts: at most this, */
    double merge_frac;                  /* and at most this share of the reading time */
    double whole;                       /* 1: one block reads all the context of its head; 0: it is split */
};

/* Kernels that only move bytes. */
struct ls_memory_kernels {
    double launch_s;
    double memory_frac;
};

/* The gated delta rule over the chunks of prompts, one kernel after the other (flash-linear-attention's). */
struct ls_delta_kernels {
    double launch_s;    /* of all of them */
    double chunk_s;     /* a chunk of the longest sequence, which waits for the state of the one before */
    double memory_frac; /* of the memory bandwidth, over what passes between them */
};

/* Collectives, over the links of cluster.h. */
struct ls_collective_kernels {
    double launch_s;        /* of a communication library's kernel */
    double ramp_s;          /* filling its pipeline: seconds += sqrt(ramp_s · seconds on the wire) */
    double crowding;        /* GPUs behind one host bridge: a link's bandwidth falls with (2 / ranks)^crowding */
    double all_reduce_frac; /* of a link's bandwidth, ring and tree */
    double gather_frac;     /* all-gather and reduce-scatter */
    double all_to_all_frac;
    double send_frac;
    double network_frac;     /* of a NIC's bandwidth */
    double switch_launch_s;  /* all-reduce inside the switch: of its kernel */
    double switch_frac;      /* all-reduce inside the switch (NVLS); 0: the switch cannot */
    double direct_launch_s;  /* the engine's own all-reduce for small messages, in which ranks read from each other */
    double direct_rank_s;    /* more of it for each rank beyond two */
    double one_shot_frac;    /* of a link's bandwidth, every rank reading everything; 0: no such kernel */
    double two_shot_frac;    /* every rank reducing its share, then gathering; 0: no such kernel */
    double direct_max_bytes; /* the largest message they take */
};

/* Libraries that bring tokens to the GPUs of their experts and back, over the links of cluster.h. */
enum ls_exchange_library {
    LS_EXCHANGE_DEEPEP_HT,
    LS_EXCHANGE_DEEPEP_LL,
    LS_EXCHANGE_NVLINK_TWO_SIDED,
    LS_EXCHANGE_NVLINK_ONE_SIDED,
    LS_N_EXCHANGE_LIBRARIES
};
enum ls_exchange_way { LS_DISPATCH, LS_COMBINE, LS_N_EXCHANGE_WAYS };

struct ls_exchange_kernels {
    double launch_s;     /* of its kernels, and of waiting for what the others will send where the CPU does */
    double copy_s;       /* more of it for each GPU that a token goes to; */
    double row_s;        /* fixed time of a token, */
    double link_frac;    /* share of a link's bandwidth over the bytes that leave; */
    double network_frac; /* of a NIC's, at the same time */
};

struct ls_kernels {
    struct ls_gemm_kernels gemm[LS_N_GEMM_FORMATS];
    struct ls_gemm_kernels grouped_gemm[LS_N_GEMM_FORMATS];
    struct ls_prefill_kernels prefill, prefill_fp8, mla_prefill; /* by format of the KV cache */
    struct ls_decode_kernels decode, decode_fp8;                 /* of KV heads that several query heads share, */
    struct ls_decode_kernels mha_decode, mha_decode_fp8;         /* that one has for itself, */
    struct ls_decode_kernels mla_decode, mla_decode_fp8;         /* of the latent */
    struct ls_memory_kernels memory;
    struct ls_delta_kernels delta;
    struct ls_collective_kernels collectives;
    struct ls_exchange_kernels exchange[LS_N_EXCHANGE_LIBRARIES][LS_N_EXCHANGE_WAYS];
};

/* Rows of struct ls_kernels: with defaults (the first library), and all nullable (the others). */
extern const struct ls_param_table ls_kernels_params;
extern const struct ls_param_table ls_derived_kernels_params;

/* Fill nulls from what each row derives from. */
void ls_kernels_complete(struct ls_kernels kernels[LS_N_KERNEL_LIBRARIES]);

#endif
