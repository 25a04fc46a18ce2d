"""Layers of experts: which measurements count, and the fit of their products."""
import numpy as np

from . import forms
from .classes import (FORMATS, GEMM_FREE, LARGE_TILES, LATENT, NEVER_SPLIT, NO_QUANTIZE, arithmetic_of,
                      fit_memory, is_computed, search)
from .tables import hold_out, select

IN_TABLES = {"bf16": "bfloat16", "fp8": "fp8", "fp8_block": "fp8_block", "int4": "int4_wo", "nvfp4": "nvfp4",
             "mxfp4": "w4a16_mxfp4"}
STANDS_IN = {"fp8": "fp8_block"}  # where a format has no rows of use
NARROW_MXFP4 = "w4a8_mxfp4_mxfp8"  # what TensorRT-LLM multiplies mxfp4 with where the device can
KERNELS_OF = {  # of several that a library has for a format
    ("vllm", "w4a16_mxfp4"): "gptoss",  # other models with this format run on kernels that stand in
    ("trtllm", "nvfp4"): "cutlass",  # the default, tensorrt_llm/llmapi/llm_args.py, MoeConfig
}
SLOW = "modeloptfp8moe_flashinfer_cutlass"  # fp8 at less than half the speed of 16 bits: nobody's choice
DISPATCHED = "trtllm-1.3.0rc10"
EARLIER = {"w4a16_mxfp4": "trtllm-1.2.0rc5"}  # has ten times the rows of the later table
LEAST_SHARE = 0.2  # of a format's rows: kernels that libraries take less often are left out
LEAST_EXPERTS = 8  # of a GPU: below, its load is far from the mean


def of_main_kernels(table, library, in_tables):
    if "kernel_source" not in table:
        return table
    if (library, in_tables) in KERNELS_OF:
        table = select(table, np.char.find(table["kernel_source"], KERNELS_OF[library, in_tables]) >= 0)
    table = select(table, np.char.find(table["kernel_source"], SLOW) < 0)
    _, index, counts = np.unique(table["kernel_source"], return_inverse=True, return_counts=True)
    return select(table, (counts >= LEAST_SHARE * counts.sum())[index])


def is_plain(table):
    """Experts without a gate, with one matrix that widens in place of two: Nemotron's."""
    return (table["topk"] == 22) | ((table["hidden_size"] == 2688) & (table["inter_size"] == 1856))


POWER_LAW = 1.01
FIRST_DEALERS = ("trtllm-1.0.0", "trtllm-1.2.0rc5")  # made by the benchmark when it dealt otherwise
QUARTERS = 4  # LS_N_LOADS, engine/model/operator.h


def dealt_rows(n_experts, chosen, tokens, to_idle):
    """Rows of each expert in the benchmark (aiconfigurator's collector/helper.py), fewest first: loads follow the power
    law, between 0.01 and 2 where there are no more rows than experts and between 1 and 0.8 tokens otherwise, and are
    dealt out in whole rows, no more to an expert than there are tokens; those that this loses go to the idlest experts, at
    first to the busiest. Loads are quantiles here and drawn there."""
    rows = tokens * chosen
    low, high = (bound ** (1 - POWER_LAW) for bound in ((1.0, 0.8 * tokens) if rows > n_experts else (0.01, 2.0)))
    u = (np.arange(int(n_experts)) + 0.5) / n_experts
    load = ((high - low) * u + low) ** (1 / (1 - POWER_LAW))
    dealt = np.minimum(np.round(load / load.sum() * rows), tokens)
    while (lost := int(rows - dealt.sum())) > 0:
        room = dealt[dealt < tokens]
        dealt[np.where(dealt == (room.min() if to_idle else room.max()))[0][:lost]] += 1
    dealt[-1] += lost
    return np.sort(dealt)


def spread_of(n_experts, chosen, tokens, to_idle):
    """Experts that have any row, and the mean load of each quarter of them over that of all, as engine/model has them."""
    rows = dealt_rows(n_experts, chosen, tokens, to_idle)
    hit = rows[rows > 0]
    curve = np.concatenate([[0], np.cumsum(hit) / hit.sum()])
    at = np.interp(np.linspace(0, len(hit), QUARTERS + 1), np.arange(len(hit) + 1), curve)
    return len(hit), QUARTERS * np.diff(at)


def layer_rows(table, source, spec, format_name, shards, split):
    """Rows of experts on one of table[shards] GPUs, as `source` dealt them; `split`, too, tells one shape from another. An
    engine's layers do not find their experts in the L2."""
    if not len(table["latency"]):
        return None
    shards = table[shards]
    arithmetic, activation = arithmetic_of(format_name, spec["peak"])
    experts = table["num_experts"] / shards
    sizes = zip(table["num_experts"], table["topk"], table["num_tokens"])
    hit, loads = zip(*(spread_of(*shape, source not in FIRST_DEALERS) for shape in sizes))
    groups = np.array(hit) / shards
    ones = np.ones(len(groups))
    rows = {
        "t": table["latency"] * 1e-3, "m": np.maximum(table["num_tokens"] * table["topk"] / shards, groups),
        "groups": groups, "loads": np.array(loads), "matrices": experts, "hidden": table["hidden_size"],
        "width": table["inter_size"] / table["moe_tp_size"], "up": 2.0 - is_plain(table), "weight_bytes": FORMATS[format_name][1] * ones,
        "activation_bytes": activation * ones, "peak": spec["peak"][arithmetic] * ones,
        "held": hold_out(*(table[key] for key in ("hidden_size", "inter_size", "num_experts", split))),
    }
    in_time = spec["memory_bandwidth"] * rows["t"]
    from_memory = groups * (1 + rows["up"]) * rows["hidden"] * rows["width"] * rows["weight_bytes"] < in_time
    return select(rows, (rows["width"] >= 64) & (groups >= 1) & from_memory)


def whole_rows(tables, gpu, library, source, spec, format_name, in_tables):
    """Layers of gated experts (any, where a table has several others only) whose loads differ as a power law has them. Rows
    called balanced are of no use: a router that limits groups, DeepSeek's, sends their tokens to half of the experts. Only
    layers that hold all experts: of tokens whose experts are elsewhere some kernels move empty rows, which no engine that
    dispatches has."""
    if not tables.has(gpu, "moe", source):
        return None
    table = tables.get(gpu, "moe", source)
    uneven = table["distribution"] == "power_law_1.01"
    table = select(table, (table["moe_dtype"] == in_tables) & uneven & (table["moe_ep_size"] == 1))
    plain = is_plain(table)
    if not plain.all() or len(np.unique(table["hidden_size"])) == 1:
        table = select(table, ~plain)
    return layer_rows(of_main_kernels(table, library, in_tables), source, spec, format_name, "moe_ep_size", "moe_tp_size")


def dispatched_rows(table, spec, format_name):
    """Layers that hold some of the experts and have been sent their tokens: loads of GPUs evened out, one copy of each
    expert."""
    even = np.char.endswith(table["distribution"], "_eplb") & (table["num_slots"] == table["num_experts"])
    enough = table["num_experts"] >= LEAST_EXPERTS * table["moe_ep_size"]
    table = select(table, even & enough & (table["moe_dtype"] == IN_TABLES[format_name]))
    return layer_rows(table, DISPATCHED, spec, format_name, "moe_ep_size", "moe_ep_size")


def in_table(library, name, spec):
    """A format's name in a table of whole layers."""
    if library == "trtllm" and name == "mxfp4" and "mxfp4" in spec["peak"]:
        return NARROW_MXFP4
    return IN_TABLES[name]


def measured(tables, gpu, spec, library, sources):
    """(format, rows, source) of the layers that a library runs: TensorRT-LLM's dispatched ones where its whole ones were not
    measured, and vLLM's kernels for mxfp4 where it has none."""
    for name in IN_TABLES:
        if not is_computed(name, spec["peak"]):
            continue
        in_tables = in_table(library, name, spec)
        source = EARLIER.get(in_tables) if library == "trtllm" else None
        source = source if source and tables.has(gpu, "moe", source) else sources[library]
        rows = whole_rows(tables, gpu, library, source, spec, name, in_tables)
        if rows is None and library == "trtllm" and tables.has(gpu, "wideep_moe", DISPATCHED):
            rows, source = dispatched_rows(tables.get(gpu, "wideep_moe", DISPATCHED), spec, name), DISPATCHED
        if rows is None and library == "trtllm" and name == "mxfp4":
            source = sources["vllm"]
            rows = whole_rows(tables, gpu, "vllm", source, spec, name, in_tables)
        if rows is None and name in STANDS_IN:
            source = sources[library]
            rows = whole_rows(tables, gpu, library, source, spec, name, IN_TABLES[STANDS_IN[name]])
        if rows is not None:
            yield name, rows, source


def moving_kernels(tables, gpu, spec, sources):
    """What gathers and scatters rows: the first of the sources that was measured."""
    fits = (fit_memory(tables, gpu, spec, source) for source in sources)
    return next((fit.params for fit in fits if fit), {"launch": 2e-6, "memory_frac": 0.85})


def moving_seconds(memory, spec, x):
    """Gathering rows, the activation, scattering them."""
    moved = [2 * x["m"] * x["hidden"] * 2, (1 + x["up"]) * x["m"] * x["width"] * 2, 2 * x["m"] * x["hidden"] * 2]
    return sum(forms.memory_seconds(memory, spec, size) for size in moved)


def layer_seconds(params, memory, spec, x):
    """The operators of engine/model's expert block between routing and the residual."""
    shared = {k: x[k] for k in ("m", "groups", "loads", "weight_bytes", "activation_bytes", "peak")}
    up = {**shared, "k": x["hidden"], "n": x["up"] * x["width"]}
    down = {**shared, "k": x["width"], "n": x["hidden"]}
    return (forms.gemm_seconds(params, spec, up) + forms.gemm_seconds(params, spec, down)
            + moving_seconds(memory, spec, x))


LEAST_TILES = (8.0, 16.0, 64.0, 128.0)  # rows: Marlin's, Triton's and CUTLASS's, those of wgmma, DeepGEMM's
FEW_ROWS = 300  # of each of many starts


def fit(rows, spec, memory, source):
    kinds = (GEMM_FREE, LARGE_TILES, NEVER_SPLIT, LATENT)
    starts = [({**GEMM_FREE, **kind}, {**NO_QUANTIZE, "largest_tile_above": 0.0, "tile_rows": rows_of})
              for kind in kinds for rows_of in LEAST_TILES]
    return search(starts, lambda p, x: layer_seconds(p, memory, spec, x), rows, [source], scale=0.05, few_rows=FEW_ROWS)
