"""A few numbers for each class of kernels from measured rows, without a fit: what the largest sizes reach of the
datasheet's peaks, and what the smallest ones take. The table of kernels beside the hardware file has the details; these
numbers stand in outside it. Standard library only."""
import statistics

TILES = ("tile_64x64", "tile_64x128", "tile_128x128", "tile_128x256")
WEIGHT_BYTES = {"bf16": 2.0, "fp16": 2.0, "fp8": 1.0}
ARITHMETIC = {"bf16": "bf16", "fp16": "fp16", "fp8": "fp8"}


def line(points):
    """Seconds = a + b · x with the least relative error; a and b no less than nothing."""
    weights = [1 / t**2 for _, t in points]
    total = sum(weights)
    mean_x = sum(w * x for w, (x, _) in zip(weights, points)) / total
    mean_t = sum(w * t for w, (_, t) in zip(weights, points)) / total
    spread = sum(w * (x - mean_x) ** 2 for w, (x, _) in zip(weights, points))
    slope = sum(w * (x - mean_x) * (t - mean_t) for w, (x, t) in zip(weights, points)) / spread if spread else 0.0
    slope = max(slope, 0.0)
    start = mean_t - slope * mean_x
    if start < 0:
        return 0.0, sum(w * x * t for w, (x, t) in zip(weights, points)) / sum(w * x * x for w, (x, _) in zip(weights, points))
    return start, slope


def best(shares):
    """What large sizes reach: the median of the best tenth, so that one lucky row decides nothing."""
    ordered = sorted(shares, reverse=True)
    return statistics.median(ordered[:max(1, len(ordered) // 10)])


def of(rows, operation, dtype=None):
    return [r for r in rows if r["operation"] == operation and (dtype is None or r["dtype"] == dtype)]


def moving(points, device, least_bytes):
    """Launch, and share of the memory bandwidth: the slope over what does not fit the L2, or over all there is."""
    beyond = [p for p in points if p[0] > least_bytes]
    if len({x for x, _ in beyond}) < 2:
        beyond = points
    if len({x for x, _ in beyond}) < 2:
        return {"launch": min(t for _, t in points)} if points else {}
    start, slope = line(beyond)
    share = min(1.0, 1 / (slope * device["memory_bandwidth"])) if slope > 0 else 1.0
    return {"launch": min(start, min(t for _, t in points)), "share": share}


def memory(rows, device):
    found = moving([(r["bytes"], r["seconds"]) for r in of(rows, "memory")], device, 2 * device["l2"])
    if "share" not in found:
        return None
    return {"launch": found["launch"], "memory_frac": found["share"]}


def products(rows, device, dtype):
    rows = of(rows, "gemm", dtype)
    if not rows:
        return None
    peak, width = device["peak"][ARITHMETIC[dtype]], WEIGHT_BYTES[dtype]
    share = best([2.0 * r["m"] * r["n"] * r["k"] / r["seconds"] / peak for r in rows])
    thin = [(r["n"] * r["k"] * width, r["seconds"]) for r in rows if r["m"] <= 16]
    found = moving(thin, device, device["l2"])
    result = {"launch": found.get("launch") or min(r["seconds"] for r in rows), **{tile: share for tile in TILES}}
    if "share" in found:
        result["memory_frac"] = found["share"]
    return result


def prefill(rows, device):
    rows = of(rows, "prefill", "bf16")
    if not rows:
        return None
    launch = min(r["seconds"] for r in rows)
    shares = []
    for r in rows:
        pairs = r["sequences"] * r["tokens"] * (r["tokens"] + 1) / 2
        flop = 2.0 * r["heads"] * (r["head_dim"] + r["v_head_dim"]) * pairs
        shares.append(flop / r["seconds"] / device["peak"]["bf16"])
    share = best(shares)
    return {"launch": launch, "frac_64": share, "frac_128": share, "frac_256": share}


def decode(rows, device):
    points = [(2.0 * r["sequences"] * r["tokens"] * r["kv_heads"] * (r["head_dim"] + r["v_head_dim"]), r["seconds"])
              for r in of(rows, "decode", "bf16")]
    if not points:
        return None
    found = moving(points, device, 2 * device["l2"])
    share = found.get("share")
    return {"launch": found["launch"], **({"frac_64": share, "frac_128": share, "frac_256": share} if share else {})}


# bytes that a rank sends of a message of one byte, and steps: engine/cost/collective.c
SENT = {"all_reduce": lambda p: 2 * (p - 1) / p, "all_gather": lambda p: (p - 1) / p,
        "reduce_scatter": lambda p: (p - 1) / p, "all_to_all": lambda p: (p - 1) / p, "send_recv": lambda p: 1.0}
SHARES = {"all_reduce": "all_reduce_frac", "all_gather": "gather_frac", "reduce_scatter": "gather_frac",
          "all_to_all": "all_to_all_frac", "send_recv": "send_frac"}


def collectives(rows, device):
    found, launches = {}, []
    for operation, key in SHARES.items():
        points = [(SENT[operation](r["ranks"]) * r["bytes"], r["seconds"]) for r in of(rows, operation)]
        if len(points) < 2:
            continue
        start, slope = line(points)
        launches.append(start)
        if slope > 0:
            share = 1 / (slope * device["link_bandwidth"])
            found[key] = min(share, found.get(key, share))
    if not found:
        return None
    return {"launch": statistics.median(launches), **found}


def kernels(rows, device):
    """The classes that the rows tell something about, as the hardware file names them."""
    found = {"gemm": {d: p for d in WEIGHT_BYTES if d != "fp16" and (p := products(rows, device, d))},
             "prefill": prefill(rows, device), "decode": decode(rows, device), "memory": memory(rows, device),
             "collectives": collectives(rows, device)}
    return {name: value for name, value in found.items() if value}
