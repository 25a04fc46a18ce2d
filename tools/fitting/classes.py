"""One fit for each class of kernels: which rows of the tables, which parameters are free, how far off the result is."""
import numpy as np
from scipy.optimize import least_squares

from . import forms
from .tables import concatenate, hold_out, select

MAX_ROWS = 4000  # of a fit; drawn evenly
FEW_ROWS = 800  # of each of many starts, before the best are fitted to more
PULL = 0.03
US = 1e-6
NS = 1e-9


class Fit:
    """Parameters found, and predictions beside measurements for every row."""

    def __init__(self, params, benchmark, rows, predicted, sources):
        self.params = params
        self.benchmark = benchmark  # free in the fit, no part of the hardware
        self.rows = rows
        self.error = np.abs(predicted / rows["t"] - 1)
        self.sources = sources

    def held(self):
        return self.error[self.rows["held"]]


def solve(free, fixed, model, rows, sources, scale=0.03, max_rows=MAX_ROWS):
    """Least squares of the logarithms, robust to outliers; `free` maps names to (start, low, high).

    Parameters whose name begins with an underscore describe the benchmark and stay out of the result."""
    names = list(free)
    start, low, high = (np.log(np.array([free[n][i] for n in names])) for i in range(3))
    usable = np.where(~rows["held"])[0]
    if len(usable) > max_rows:
        usable = np.random.default_rng(7).permutation(usable)[:max_rows]
    train = select(rows, usable)

    def unpack(x):
        return {**fixed, **dict(zip(names, np.exp(x)))}

    def residuals(x):  # the pull to the start decides what the rows leave open
        return np.concatenate([np.log(model(unpack(x), train) / train["t"]), PULL * (x - start)])

    found = least_squares(
        residuals, np.clip(start, low + 1e-9, high - 1e-9), bounds=(low, high), loss="soft_l1", f_scale=scale,
        max_nfev=120, diff_step=1e-3
    )
    params = {name: unpack(found.x)[name] for name in [*free, *fixed]}
    benchmark = {n[1:]: v for n, v in params.items() if n.startswith("_")}
    params_kept = {n: v for n, v in params.items() if not n.startswith("_")}
    return Fit(params_kept, benchmark, rows, model(params, rows), sources)


def score(fit):
    error = fit.error[~fit.rows["held"]]
    return np.median(error) + 0.2 * np.mean(error)


def best_of(fits):
    return min(fits, key=score)


def search(starts, model, rows, sources, scale=0.03, few_rows=FEW_ROWS):
    """The best of many starts, each a pair of free and fixed parameters: all on few rows, then the best two on more."""
    def loss(pair):
        error = pair[1].error[~rows["held"]]
        return np.median(error) + 0.5 * np.mean(np.minimum(error, 0.5))

    quick = [(free, solve(free, fixed, model, rows, sources, scale, few_rows)) for free, fixed in starts]
    finals = []
    for free, fit in sorted(quick, key=loss)[:2]:
        found = {**fit.params, **{"_" + key: value for key, value in fit.benchmark.items()}}
        again = {key: (found[key], low, high) for key, (_, low, high) in free.items()}
        fixed = {key: value for key, value in found.items() if key not in free}
        finals.append((again, solve(again, fixed, model, rows, sources, scale)))
    return min(finals, key=loss)[1]


# --- products ---

GEMM_FREE = {
    "launch": (2 * US, 0.2 * US, 80 * US), "memory_frac": (0.85, 0.2, 1.1), "start": (1 * US, 0.05 * US, 20 * US),
    "wave": (0.7 * US, 0.01 * US, 10 * US), "sm_bandwidth": (150e9, 5e9, 3e12), "split": (3 * US, 0.05 * US, 30 * US),
    "l2_bandwidth": (8e12, 5e11, 2e14), "step": (0.02 * NS, 0.001 * NS, 20 * NS), "split_frac": (1.0, 0.05, 4.0),
    "wave_frac": (0.3, 0.02, 1.0), "tile_64x64": (0.6, 0.02, 1.2), "tile_64x128": (0.7, 0.02, 1.2),
    "tile_128x128": (0.75, 0.02, 1.2), "tile_128x256": (0.7, 0.02, 1.2),
}
QUANTIZE_FREE = {  # its fixed time cannot be told from the product's: see fit_gemm
    "_quantize_row": (2 * NS, 0.001 * NS, 100 * NS),
    "_quantize_bandwidth": (2e12, 5e10, 2e13),
}
WARM_FREE = {"_warm": (0.6, 0.05, 4.0), "_warm_speed": (1.5, 1.0, 20.0)}  # of each source: benchmarks differ in it
MMA_ROWS = (16.0, 64.0)  # of mma and wgmma instructions
LARGE_TILES = {  # another start: libraries whose large tiles are the good ones
    "tile_64x64": (0.3, 0.02, 1.2), "tile_64x128": (0.5, 0.02, 1.2), "tile_128x128": (0.75, 0.02, 1.2),
    "tile_128x256": (0.85, 0.02, 1.2), "wave_frac": (0.8, 0.02, 1.0),
}
NEVER_SPLIT = {"split": (25 * US, 0.05 * US, 200 * US), "wave_frac": (0.2, 0.02, 1.0)}  # another start
LATENT = {"step": (1.5 * NS, 0.001 * NS, 20 * NS)}  # another start: steps that wait for their operands
NO_QUANTIZE = {"quantize_launch": 0.0, "quantize_row": 0.0, "quantize_bandwidth": 0.0}
FORMATS = {  # name in the tables, bytes of a weight, bytes of an activation, arithmetic
    "bf16": ("bfloat16", 2.0, 2.0, "bf16"), "fp8": ("fp8", 1.0, 1.0, "fp8"),
    "fp8_block": ("fp8_block", 1.0 + 4.0 / 128**2, 1.0, "fp8"), "int8": ("sq", 1.0, 1.0, "int8"),
    "int4": ("int4_wo", 0.515625, 2.0, "bf16"), "nvfp4": ("nvfp4", 0.5625, 0.5625, "nvfp4"),
    "mxfp4": ("w4a16_mxfp4", 0.53125, 0.53125, "mxfp4"),
}


def arithmetic_of(format_name, peak):
    """The format that weights are multiplied in and bytes of an activation, as engine/cost/operator_cost.c has them; none
    where the device lacks it and there is nothing to measure."""
    _, _, activation, arithmetic = FORMATS[format_name]
    return ("bf16", 2.0) if arithmetic == "mxfp4" and arithmetic not in peak else (arithmetic, activation)


def is_computed(format_name, peak):
    return arithmetic_of(format_name, peak)[0] in peak




LONG = 10e-3  # seconds of a kernel that the power limit holds down
RANDOM = "trtllm"  # libraries whose benchmark multiplies random numbers; those of one constant take less power


def power_seconds(rows, sustained, sources):
    """What the power limit makes of the rows that it concerns; 0 for others."""
    limited = np.array([source.startswith(RANDOM) for source in sources])[rows["source"]] & (rows["t"] > LONG)
    return np.where(limited, 2 * rows["m"] * rows["n"] * rows["k"] / sustained, 0.0) if sustained else np.zeros(len(limited))


def gemm_rows(tables, gpu, spec, format_name, sources, prefix="gemm"):
    name, weight, _, _ = FORMATS[format_name]
    arithmetic, activation = arithmetic_of(format_name, spec["peak"])
    found = []
    for index, source in enumerate(sources):
        if not tables.has(gpu, "gemm", source):
            continue
        table = tables.get(gpu, "gemm", source)
        part = select(table, table["gemm_dtype"] == name)
        if len(part["m"]):
            found.append({**{k: part[k] for k in ("m", "n", "k", "latency")}, "source": np.full(len(part["m"]), index)})
    if not found:
        return None
    rows = concatenate(found)
    rows["t"] = rows.pop("latency") * 1e-3
    ones = np.ones(len(rows["t"]))
    rows.update(groups=ones, weight_bytes=weight * ones, activation_bytes=activation * ones,
                peak=spec["peak"][arithmetic] * ones, held=hold_out(rows["n"], rows["k"]))
    rows["power_s"] = power_seconds(rows, spec["sustained"].get(arithmetic), sources)
    from_memory = forms.gemm_bytes(rows) / spec["memory_bandwidth"] < rows["t"]
    return select(rows, from_memory)  # an engine's layers do not find their weights in the L2


def with_quantize(params):
    return {**params, **{k: params.get("_" + k, params.get(k, 0.0)) for k in NO_QUANTIZE}}


def fit_gemm(tables, gpu, spec, format_name, sources, quantize_launch=0.0):
    """Quantising in the tables is that of a dynamic scale, whose fixed time is given; engines run what `fit_quantize`
    finds."""
    rows = gemm_rows(tables, gpu, spec, format_name, sources)
    if rows is None:
        return None
    quantizes = format_name in ("fp8", "fp8_block", "nvfp4", "int8")
    warm_free = {f"{key}_{i}": bounds for i in range(len(sources)) for key, bounds in WARM_FREE.items()}
    free = {**GEMM_FREE, **warm_free, **(QUANTIZE_FREE if quantizes else {})}

    def model(params, x):
        size, speed = (np.array([params[f"{key}_{i}"] for i in range(len(sources))])[x["source"]] for key in WARM_FREE)
        return forms.gemm_seconds(with_quantize(params), spec, x, (spec["l2"] * size, speed))

    no_quantize = {**NO_QUANTIZE, "_quantize_launch": quantize_launch}
    any_tile = {**no_quantize, "largest_tile_above": 0.0}
    kinds = (GEMM_FREE, LARGE_TILES, NEVER_SPLIT, {**NEVER_SPLIT, **LATENT}, {**LARGE_TILES, **LATENT})
    starts = [({**free, **kind}, {**any_tile, "mma_rows": mma}) for kind in kinds for mma in MMA_ROWS]
    if quantizes:  # libraries with one tile for each range of m, or for all
        smaller = {k: v for k, v in free.items() if k != "tile_128x256"}
        fixed = {**no_quantize, "tile_128x256": 0.0}
        starts += [({**smaller, "wave_frac": (0.9, 0.02, 1.0)}, {**fixed, "largest_tile_above": above, "mma_rows": mma})
                   for above, mma in ((0.5, 128.0), (64.0, 64.0), (128.0, 64.0))]
    return search(starts, model, rows, sources)


def fit_quantize(tables, gpu, source, operator):
    """Converting activations with a known scale (scale_matrix), or finding the scale (computescale)."""
    if not tables.has(gpu, operator, source):
        return None
    table = tables.get(gpu, operator, source)
    rows = {"m": table["m"], "k": table["k"], "t": table["latency"] * 1e-3}
    rows = select(rows, rows["t"] > 0)
    rows["held"] = hold_out(rows["k"])
    free = {"quantize_launch": (2 * US, 0.05 * US, 30 * US), **{k[1:]: v for k, v in QUANTIZE_FREE.items()}}
    return solve(free, {}, lambda p, x: forms.quantize_seconds(p, x["m"], x["k"]), rows, [source])


# --- attention ---

PREFILL_FREE = {
    "launch": (8 * US, 0.5 * US, 80 * US), "memory_frac": (0.5, 0.05, 1.1), "block": (1 * US, 0.01 * US, 60 * US),
    "kv_frac": (0.4, 0.005, 4.0), "longest_frac": (1.0, 0.05, 4.0), "pad": (64.0, 1.0, 1500.0), "frac_64": (0.4, 0.02, 1.1),
    "frac_128": (0.5, 0.02, 1.1), "frac_256": (0.5, 0.02, 1.1), "_warm": (1.0, 0.1, 4.0), "_warm_speed": (2.0, 1.0, 20.0),
}


def prefill_rows(table, kv_name, attn_name, latent=False):
    mask = table["kv_cache_dtype"] == kv_name if "kv_cache_dtype" in table else np.ones(len(table["latency"]), bool)
    name = "mla_dtype" if latent else "attn_dtype"
    if name in table:
        mask = mask & (table[name] == attn_name)
    part = select(table, mask)
    if not len(part["latency"]):
        return None
    n, seqs, heads = part["isl"], part["batch_size"], part["num_heads"]
    window = part["window_size"] if "window_size" in part else np.zeros(len(n))
    cut = (window > 0) & (n > window)
    pairs = np.where(cut, n * window - window * (window - 1) / 2, n * (n + 1) / 2)
    head_dim = np.full(len(n), 192.0) if latent else part["head_dim"]
    kv_heads = heads if latent else part["num_key_value_heads"]
    ones = np.ones(len(n))
    return {
        "t": part["latency"] * 1e-3, "seqs": seqs, "queries": seqs * n, "context": seqs * n, "pairs": seqs * pairs,
        "heads": heads, "kv_heads": kv_heads, "head_dim": head_dim, "v_head_dim": 128.0 * ones if latent else head_dim,
        "kv_bytes": (2.0 if kv_name == "bfloat16" or latent else 1.0) * ones, "n": n, "window": window,
        "held": hold_out(heads, kv_heads, head_dim, window) if not latent else hold_out(heads, n),
    }


HEAD_DIM_SHARES = {"frac_64": 64, "frac_128": 128, "frac_256": 256}


def tie_head_dims(free, rows):
    """Shares of head dimensions that the rows lack equal the nearest one they have: free parameters, and the ties."""
    present = [name for name, dim in HEAD_DIM_SHARES.items() if (rows["head_dim"] == dim).any()] or ["frac_256"]
    nearest = {name: min(present, key=lambda p: abs(HEAD_DIM_SHARES[p] - dim)) for name, dim in HEAD_DIM_SHARES.items()}
    free = {name: bounds for name, bounds in free.items() if name not in nearest or name in present}
    return free, lambda params: {**params, **{name: params[other] for name, other in nearest.items()}}


def fit_prefill(tables, gpu, spec, source, kv_name, attn_name="bfloat16", latent=False):
    operator = "context_mla" if latent else "context_attention"
    if not tables.has(gpu, operator, source):
        return None
    rows = prefill_rows(tables.get(gpu, operator, source), kv_name, attn_name, latent)
    if rows is None:
        return None
    rows = select(rows, (rows["n"] > 1) & (rows["head_dim"] <= 256) & (rows["window"] == 0))
    free, tie = tie_head_dims(PREFILL_FREE, rows)

    def model(p, x):
        return forms.prefill_seconds(tie(p), spec, x, warm=(spec["l2"] * p["_warm"], p["_warm_speed"]))

    fit = solve(free, {}, model, rows, [source], scale=0.05)
    fit.params = tie(fit.params)
    return fit


CLEARLY = 0.9  # of the score of contexts that are split: what keeping them whole must do better
DECODE_FREE = {
    "launch": (8 * US, 0.5 * US, 80 * US), "frac_64": (0.85, 0.05, 1.1), "frac_128": (0.85, 0.05, 1.1),
    "frac_256": (0.85, 0.05, 1.1), "compute_frac": (0.4, 0.005, 2.0), "query_frac": (0.5, 0.02, 4.0),
    "kv_head": (20 * NS, 0.01 * NS, 500 * NS), "resident": (1.0, 0.01, 8.0),
    "block_bandwidth": (20e9, 0.5e9, 2e12), "split": (8 * US, 0.05 * US, 60 * US), "merge": (4 * US, 0.01 * US, 60 * US),
    "merge_frac": (0.6, 0.02, 4.0),
    "_warm": (1.0, 0.1, 4.0), "_warm_speed": (2.0, 1.0, 20.0),
}


def decode_rows(table, kv_name, latent):
    part = select(table, table["kv_cache_dtype"] == kv_name)
    if not len(part["latency"]):
        return None
    seqs, heads = part["batch_size"], part["num_heads"]
    window = part["window_size"] if "window_size" in part else np.zeros(len(seqs))
    context = part["step"] + 1
    context = np.where(window > 0, np.minimum(context, window), context)
    head_dim = np.full(len(seqs), 576.0) if latent else part["head_dim"]
    kv_heads = np.ones(len(seqs)) if latent else part["num_key_value_heads"]
    ones = np.ones(len(seqs))
    return {
        "t": part["latency"] * 1e-3, "seqs": seqs, "context": seqs * context, "heads": heads, "kv_heads": kv_heads,
        "head_dim": head_dim, "v_head_dim": 512.0 * ones if latent else head_dim, "window": window,
        "kv_bytes": (2.0 if kv_name == "bfloat16" else 1.0) * ones,
        "held": hold_out(heads, kv_heads, head_dim, window),
    }


def is_credible(rows, spec):
    """Whether contexts well beyond the second-level cache are read no faster than the memory delivers them. Those of
    A100 in trtllm-1.0.0 are read at up to 1.7 times its bandwidth."""
    size = rows["kv_bytes"] * (rows["head_dim"] + rows["v_head_dim"]) * rows["kv_heads"] * rows["context"]
    large = size > 4 * spec["l2"]
    too_fast = size[large] > rows["t"][large] * spec["memory_bandwidth"]
    return np.mean(too_fast) < 0.05 if large.any() else True


def fit_decode(tables, gpu, spec, source, kv_name, kind="shared"):
    """`kind`: several query heads read the keys and values of one KV head (shared), each its own (single), or all of them
    the latent of MLA."""
    latent = kind == "latent"
    operator = "generation_mla" if latent else "generation_attention"
    if not tables.has(gpu, operator, source):
        return None
    rows = decode_rows(tables.get(gpu, operator, source), kv_name, latent)
    if rows is None:
        return None
    rows = select(rows, rows["window"] == 0)
    if not latent:  # heads of 512 and groups of more than 16 run in kernels of their own
        single = rows["heads"] == rows["kv_heads"]
        few = (rows["head_dim"] <= 256) & (rows["heads"] <= 16 * rows["kv_heads"])
        rows = select(rows, few & (single if kind == "single" else ~single))
        if not is_credible(rows, spec):
            return None
    if kind != "shared":  # few combinations of heads
        rows["held"] = hold_out(rows["heads"], rows["head_dim"], rows["seqs"])
    free, tie = tie_head_dims(DECODE_FREE, rows)

    def model(p, x):
        return forms.decode_seconds(tie(p), spec, x, warm=(spec["l2"] * p["_warm"], p["_warm_speed"]))

    def start(whole, resident):
        return solve({**free, "resident": (resident, *free["resident"][1:])}, {"whole": whole}, model, rows, [source], scale=0.05)

    split, whole = (best_of([start(form, resident) for resident in (0.1, 1.0)]) for form in (0.0, 1.0))
    fit = whole if score(whole) < CLEARLY * score(split) else split
    fit.params = tie(fit.params)
    return fit


# --- collectives ---

COLLECTIVE_FREE = {
    "launch": (4 * US, 0.2 * US, 30 * US), "ramp": (5 * US, 0.001 * US, 3000 * US), "all_reduce_frac": (0.75, 0.005, 1.2),
    "gather_frac": (0.75, 0.005, 1.2), "all_to_all_frac": (0.7, 0.005, 1.2), "_latency": (0.8 * US, 0.02 * US, 10 * US),
}
SWITCH_FREE = {"switch_frac": (0.6, 0.05, 1.2), "switch_launch": (20 * US, 1 * US, 200 * US)}
DIRECT_FREE = {
    "direct_launch": (4 * US, 0.5 * US, 40 * US), "direct_rank": (0.2 * US, 0.001 * US, 10 * US),
    "one_shot_frac": (0.4, 0.005, 1.5), "two_shot_frac": (0.5, 0.005, 1.5),
}
NO_DIRECT = {"direct_launch": 4 * US, "direct_rank": 0.2 * US, "one_shot_frac": 0.0, "two_shot_frac": 0.0}
OPERATIONS = ["all_reduce", "all_gather", "reduce_scatter", "alltoall"]


def sized_rows(table, mask, op):
    """Sizes in the tables are elements of two bytes."""
    return {"op": np.full(mask.sum(), op), "ranks": table["num_gpus"][mask], "size": 2 * table["message_size"][mask],
            "t": table["latency"][mask] * 1e-3}


# Of hosts in whose tables four and eight GPUs cross a bridge without peer-to-peer transfers, at a tenth of what a bridge
# carries, only pairs are used; beyond, links are taken to fall as those of the RTX PRO 6000's host do.
PAIRS_CROWDING = 0.35


def pairs(rows):
    return select(rows, rows["ranks"] == 2)


def fit_library_collectives(tables, gpu, spec, source, joined_by):
    """NCCL: the latency of a step goes to the link."""
    if not tables.has(gpu, "nccl", source):
        return None
    table = tables.get(gpu, "nccl", source)
    half = table["nccl_dtype"] == "half"
    rows = concatenate([sized_rows(table, half & (table["op_name"] == name), i) for i, name in enumerate(OPERATIONS)])
    rows["held"] = hold_out(rows["op"], rows["ranks"], rows["size"])

    def model(p, x):
        gpu_spec = {**spec, "link_latency": p["_latency"]}
        result = np.empty(len(x["op"]))
        for index, name in enumerate(OPERATIONS):
            mask = x["op"] == index
            result[mask] = forms.collective_seconds(p, gpu_spec, name, x["ranks"][mask], x["size"][mask])
        return result

    fixed = {**NO_DIRECT, "switch_frac": 0.0, "switch_launch": 20 * US, "direct_max": 0.0, "crowding": 0.0}
    if joined_by == "host bridge, pairs":
        return solve(COLLECTIVE_FREE, {**fixed, "crowding": PAIRS_CROWDING}, model, pairs(rows), [source], scale=0.05)
    if joined_by == "host bridge":
        del fixed["crowding"]
        return solve({**COLLECTIVE_FREE, "crowding": (0.5, 0.01, 4.0)}, fixed, model, rows, [source], scale=0.05)
    fits = [solve(COLLECTIVE_FREE, fixed, model, rows, [source], scale=0.05)]
    if joined_by == "reducing switch":
        fits.append(solve({**COLLECTIVE_FREE, **SWITCH_FREE}, fixed, model, rows, [source], scale=0.05))
    return best_of(fits)


def direct_rows(table):
    mask = table["allreduce_dtype"] == "bfloat16"
    if "backend" in table:
        mask &= table["backend"] == "vllm_graph"
    return sized_rows(table, mask, 0)


def fit_direct_all_reduce(tables, gpu, spec, source, library, joined_by):
    """The engine's own all-reduce, beside the parameters of the communication library."""
    if not tables.has(gpu, "custom_allreduce", source):
        return None
    rows = direct_rows(tables.get(gpu, "custom_allreduce", source))
    if joined_by == "host bridge, pairs":
        rows = pairs(rows)
    rows["held"] = hold_out(rows["ranks"], rows["size"])

    def model(p, x):
        return forms.collective_seconds(p, spec, "all_reduce", x["ranks"], x["size"])

    quick = {**DIRECT_FREE, "one_shot_frac": (1.0, 0.005, 1.5), "two_shot_frac": (0.3, 0.005, 1.5)}
    fits = [solve(start, {**library, "direct_max": limit * 2.0**20}, model, rows, [source], scale=0.05)
            for limit in (2, 8, 64) for start in (DIRECT_FREE, quick)]
    return best_of(fits)


# --- kernels that only move bytes ---

def fit_memory(tables, gpu, spec, source):
    """Scaling a matrix reads two bytes and writes one; only matrices well beyond the L2 tell the bandwidth."""
    if not tables.has(gpu, "scale_matrix", source):
        return None
    table = tables.get(gpu, "scale_matrix", source)
    rows = {"size": 3 * table["m"] * table["k"], "t": table["latency"] * 1e-3, "k": table["k"]}
    rows = select(rows, (rows["t"] > 0) & ((rows["size"] > 4 * spec["l2"]) | (rows["size"] < 1e6)))
    rows["held"] = hold_out(rows["k"])
    free = {"launch": (2 * US, 0.2 * US, 30 * US), "memory_frac": (0.85, 0.1, 1.05)}
    return solve(free, {}, lambda p, x: forms.memory_seconds(p, spec, x["size"]), rows, [source])
