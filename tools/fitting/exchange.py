"""Fits of the exchange of tokens between the GPUs of their experts: engine/cost/exchange.h."""
import numpy as np

from . import forms
from .classes import NS, US, solve
from .tables import concatenate, hold_out, select

WAYS = ("dispatch", "combine")
LIBRARIES = {  # in the hardware file: in the tables of vLLM and TensorRT-LLM
    "deepep_high_throughput": ("deepep_ht", "trtllm_deepep_ht"),
    "deepep_low_latency": ("deepep_ll", "trtllm_deepep_ll"),
    "nvlink_two_sided": (None, "NVLinkTwoSided"),
    "nvlink_one_sided": (None, "NVLinkOneSided"),
}
SOURCES = {"vllm": "vllm-0.24.0", "trtllm": "trtllm-1.3.0rc11"}
NVLINK = ("gb200", "trtllm-1.3.0rc10")  # measured there alone; other GPUs with links as fast take it over
ROW_BYTES = {"bfloat16": 2.0, "default": 2.0, "fp8": 1.0, "nvfp4": 0.5625}  # vLLM's collector dispatches 16 bits
# TensorRT-LLM's collector routes as the model with these sizes does, DeepSeek-V3; the others choose among all experts.
GROUPED = {"hidden_size": 7168, "topk": 8, "num_experts": 256}
FREE = {"launch": (40 * US, 1 * US, 400 * US), "row": (5 * NS, 0.01 * NS, 1000 * NS), "link_frac": (0.6, 0.02, 1.0)}
COPY = {"copy": (1 * US, 0.001 * US, 20 * US)}  # DeepEP's are measured on one number of GPUs: part of the launch
FLOOR = {"_floor": (50 * US, 1 * US, 500 * US)}  # of a benchmark without CUDA graphs, which engines have


def balanced_copies(chosen, ranks):
    """Of a token whose experts are spread over as many GPUs as there are (generate_balanced_expert_ids of AIConfigurator's
    collector/network/slurm/collect_trtllm_alltoall.py), in one node."""
    copies = min(chosen, ranks) * (1 - 1 / ranks)
    return copies, copies, 0.0


def shapes(table, library, way, ranks, grouped=False):
    """What a GPU sends for each row of a table; results return in 16 bits."""
    n_group, topk_group = (8, 4) if grouped else (1, 1)
    spread = [balanced_copies(chosen, p) if "distribution" in table
              else forms.exchange_copies(library, experts, chosen, n_group, topk_group, p, 1.0)
              for experts, chosen, p in zip(table["num_experts"], table["topk"], ranks)]
    width = np.array([ROW_BYTES[str(name)] for name in table["dtype"]]) if way == "dispatch" else 2.0
    copies, link, nic = (np.array(column) for column in zip(*spread))
    size = table["num_tokens"] * table["hidden_size"] * width
    return {"copies": copies, "link_bytes": link * size, "nic_bytes": nic * size, "ranks": ranks,
            "hidden": table["hidden_size"], "chosen": table["topk"], "experts": table["num_experts"],
            "tokens": table["num_tokens"], "t": table["seconds"]}


def deepep_rows(tables, gpu, library, source, name, way):
    if not tables.has(gpu, "moe_a2a", source):
        return None
    table = tables.get(gpu, "moe_a2a", source)
    table = select(table, (table["comm_backend"] == name) & (table["phase"] == way))
    table = {**table, "dtype": table["comm_dtype"], "seconds": table["latency"] * US}
    known = np.isin(table["dtype"], list(ROW_BYTES)) & ((table["dtype"] != "nvfp4") | (way == "dispatch"))
    table = select(table, known)
    grouped = np.all([table[key] == value for key, value in GROUPED.items()], axis=0) & source.startswith("trtllm")
    return concatenate([shapes(part, library, way, part["ep_size"], flag)
                        for flag, mask in ((True, grouped), (False, ~grouped)) if mask.any()
                        for part in [select(table, mask)]])


def nvlink_rows(tables, gpu, library, name, way):
    """The handshake of the two-sided form, which is measured apart, comes before dispatch."""
    table = tables.get(gpu, "trtllm_alltoall", NVLINK[1])
    table = select(table, table["kernel_source"] == name)
    keys = list(zip(*(table[key] for key in ("moe_dtype", "num_tokens", "num_experts", "moe_ep_size"))))
    prepare = {key: t for key, op, t in zip(keys, table["op_name"], table["latency"]) if op == "alltoall_prepare"}
    wanted = table["op_name"] == f"alltoall_{way}"
    extra = np.array([prepare.get(key, 0.0) if way == "dispatch" else 0.0 for key in keys])
    table = select({**table, "dtype": table["moe_dtype"], "seconds": (table["latency"] + extra) * 1e-3}, wanted)
    return shapes(table, library, way, table["moe_ep_size"])


def fit(tables, gpu, spec, kernels, library, way):
    """Of one library's kernels as an engine (`kernels`: vllm or trtllm) calls them; None where nobody measured them."""
    source, name = SOURCES[kernels], LIBRARIES[library][kernels == "trtllm"]
    if library.startswith("nvlink"):
        if not name or spec["link_bandwidth"] < 900e9:
            return None
        gpu, source = NVLINK
        rows = nvlink_rows(tables, gpu, library, name, way)
    else:
        rows = deepep_rows(tables, gpu, library, source, name, way)
    if rows is None:
        return None
    rows["held"] = hold_out(rows["hidden"], rows["chosen"], rows["experts"], rows["tokens"], rows["ranks"])
    low_latency = library == "deepep_low_latency"
    network = network_fit(tables)[library, way].params["network_frac"] if not library.startswith("nvlink") else 0.85

    def model(p, x):
        return np.maximum(p.get("_floor", 0.0), forms.exchange_seconds(p, spec, x))

    fixed = {"network_frac": network}
    if library.startswith("nvlink"):
        return solve({**FREE, **COPY}, fixed, model, rows, [f"{gpu} {source}"], scale=0.05)
    return solve({**FREE, **FLOOR} if low_latency else FREE, {**fixed, "copy": 0.0}, model, rows, [source], scale=0.05)


# --- between nodes ---

H800 = {"link_bandwidth": 200e9, "nic_bandwidth": 50e9, "link_latency": 0.0}
README = "DeepEP README at 0a08009, H800"
HELD_RANKS = (32, 128)
TOKENS = {"deepep_high_throughput": 4096, "deepep_low_latency": 128}


def readme_rows(tables, library, way):
    """DeepEP's own figures: bandwidths over each token's nodes (or GPUs in one node) of the normal kernels, its own
    among them, and latencies of the low-latency ones; at most four nodes a token."""
    table = tables.csv("kernel_deepseek_deepep_deepgemm")
    normal = library == "deepep_high_throughput"
    mask = np.char.find(table["source_path_or_section"], "0a08009 " + ("normal" if normal else "low-latency")) >= 0
    mask &= (np.char.find(table["model"], way) >= 0) & (table["metric"] == ("bottleneck_bandwidth" if normal else "latency"))
    ranks, value = table["n_gpus"][mask].astype(float), table["value"][mask].astype(float)
    row_bytes = 7168 * (1 + 4 / 128 if way == "dispatch" else 2.0)
    tokens = TOKENS[library]
    columns = []
    for p, v in zip(ranks, value):
        nodes = max(1.0, p / 8)
        spread = forms.exchange_copies(library, 256, 8, nodes, min(nodes, 4), p, nodes)
        counted = forms.routing_parts(256, 8, nodes, min(nodes, 4), nodes if nodes > 1 else p)
        seconds = tokens * row_bytes * counted / (v * 1e9) if normal else v * US
        columns.append((spread[0], spread[1] * tokens * row_bytes, spread[2] * tokens * row_bytes, seconds))
    copies, link, nic, seconds = (np.array(column) for column in zip(*columns))
    return {"copies": copies, "tokens": tokens * np.ones(len(ranks)), "link_bytes": link, "nic_bytes": nic, "ranks": ranks, "t": seconds,
            "held": np.isin(ranks, HELD_RANKS)}


def network_fit(tables):
    """(library, way) → Fit of DeepEP's kernels between nodes: the share of a NIC that they reach."""
    if not hasattr(tables, "network"):
        free = {"launch": FREE["launch"], "link_frac": FREE["link_frac"], "network_frac": (0.85, 0.2, 1.0)}
        tables.network = {
            (library, way): solve(free, {"row": 0.0, "copy": 0.0}, lambda p, x: forms.exchange_seconds(p, H800, x),
                                  readme_rows(tables, library, way), [README], scale=0.05)
            for library in TOKENS for way in WAYS}
    return tables.network
