"""What is measured: dictionaries with the columns of docs/table.md, seconds still missing."""
import itertools

COLUMNS = ("operation", "dtype", "n", "k", "m", "groups", "heads", "kv_heads", "head_dim", "v_head_dim", "sequences",
           "tokens", "bytes", "ranks", "seconds")

PRODUCTS = (  # n, k of projections of 7B to 70B models on one to eight GPUs
    (1024, 4096), (4096, 1024), (4096, 4096), (6144, 4096), (4096, 14336), (28672, 4096), (1280, 8192), (8192, 1024),
    (8192, 8192), (10240, 8192), (8192, 3584), (8192, 28672), (57344, 8192))
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
HEADS = ((32, 8, 128), (8, 1, 128), (64, 8, 128), (32, 32, 128))  # query heads, KV heads, head dimension
PROMPTS = (128, 512, 1024, 2048, 4096, 8192, 16384)
CONTEXTS = (64, 256, 1024, 2048, 4096, 8192, 16384, 32768, 65536)
SEQUENCES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
MOVES = tuple(2**i for i in range(14, 31, 2))
MESSAGES = tuple(2**i for i in range(12, 29, 2))
COLLECTIVES = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send_recv")
MOST_PROMPT_TOKENS = 65536


def attention(operation, dtype, heads, sequences, tokens):
    query, kv, dim = heads
    return {"operation": operation, "dtype": dtype, "heads": query, "kv_heads": kv, "head_dim": dim, "v_head_dim": dim,
            "sequences": sequences, "tokens": tokens}


def kv_bytes(row):
    return 2.0 * row["sequences"] * row["tokens"] * row["kv_heads"] * (row["head_dim"] + row["v_head_dim"])


def single_gpu(dtypes, memory_bytes):
    """Rows that one GPU can measure; what would not fit a quarter of its memory is left out."""
    for n_bytes in MOVES:
        yield {"operation": "memory", "bytes": n_bytes}
    for dtype, (n, k), m in itertools.product(dtypes, PRODUCTS, ROWS):
        yield {"operation": "gemm", "dtype": dtype, "n": n, "k": k, "m": m}
    for heads, sequences, tokens in itertools.product(HEADS, SEQUENCES, PROMPTS):
        if sequences * tokens <= MOST_PROMPT_TOKENS:
            yield attention("prefill", "bf16", heads, sequences, tokens)
    for heads, sequences, tokens in itertools.product(HEADS, SEQUENCES, CONTEXTS):
        row = attention("decode", "bf16", heads, sequences, tokens)
        if kv_bytes(row) <= memory_bytes / 4:
            yield row


def several_gpus(n_gpus):
    for operation, n_bytes in itertools.product(COLLECTIVES, MESSAGES):
        for ranks in (2, 4, 8):
            if ranks <= n_gpus and (operation != "send_recv" or ranks == 2):
                yield {"operation": operation, "ranks": ranks, "bytes": n_bytes}
