"""The cost equations of engine/cost over arrays. tests/unit/test_fit.c holds the two to each other.

Parameters are dictionaries with the keys of the hardware file, in SI units; shapes are dictionaries of arrays."""
import numpy as np

TILES = {"tile_64x64": (64, 64), "tile_64x128": (64, 128), "tile_128x128": (128, 128), "tile_128x256": (128, 256)}
MIN_SPLIT_K = 128.0
BLOCK_QUERIES = 128.0


def cube_norm(a, b):
    return np.cbrt(a**3 + b**3)


SPLITS = (2.0, 4.0, 8.0, 16.0, 32.0)


def waves_seconds(p, sms, tiles, alone_s, share_s, steps):
    load = tiles / sms
    waves = p["wave_frac"] * np.ceil(load) + (1 - p["wave_frac"]) * np.maximum(1, load)
    step_s = np.maximum(alone_s, np.minimum(tiles, sms) * share_s)
    return p["start"] + (waves - 1) * p["wave"] + waves * steps * step_s


def has_whole_tiles(p, x):
    """Kernels for experts have tiles of one size for all of them, and fill them up."""
    return "loads" in x and p.get("tile_rows", 0) > 0


def count_tiles(p, x, side):
    """Tiles that cover the result. Where rows fall on groups at random, each group's last tile is half empty in the mean."""
    filled = x["m"] / x["groups"] / side[0]
    if has_whole_tiles(p, x):
        down = np.mean(np.maximum(1, x["loads"] * filled[:, None] + 0.5), axis=1)
    else:
        down = np.maximum(1, filled + 0.5) if "loads" in x else np.ceil(filled)
    return x["groups"] * down * np.ceil(x["n"] / side[1])


def tiled_seconds(p, gpu, x, side, frac, whole):
    """Seconds on tiles of these sides; `whole` marks products whose k is not split."""
    sms = gpu["sm_count"]
    filled_up = has_whole_tiles(p, x)
    rows = np.full(len(x["m"]), side[0]) if filled_up else np.minimum(side[0], x["m"] / x["groups"])
    padded = rows if filled_up else p["mma_rows"] * np.ceil(rows / p["mma_rows"])
    tiles = count_tiles(p, x, side)
    operands = rows * x["activation_bytes"] + side[1] * x["weight_bytes"]
    arithmetic_s = 2 * padded * side[1] * sms / (x["peak"] * frac)
    alone_s = np.maximum(p["step"], np.maximum(arithmetic_s, operands / p["sm_bandwidth"]))
    share_s = operands / p["l2_bandwidth"]
    best = waves_seconds(p, sms, tiles, alone_s, share_s, x["k"])
    adding_s = 8 * x["m"] * x["n"] / (gpu["memory_bandwidth"] * p["split_frac"])
    for splits in SPLITS:
        few = ~whole & (tiles * splits <= 2 * sms)
        if not few.any():
            break
        steps = np.maximum(x["k"][few] / splits, MIN_SPLIT_K)
        split = p["split"] + splits * adding_s[few] + waves_seconds(
            p, sms, tiles[few] * splits, alone_s[few], share_s[few], steps)
        best[few] = np.minimum(best[few], split)
    return best


def narrow_sides(p, x, side, one_tile):
    """Tiles of fewer rows that kernels for experts have, and which products they are for: those that fill no two of
    them."""
    rows = side[0] / 2
    while has_whole_tiles(p, x) and rows >= p["tile_rows"]:
        yield (rows, side[1]), ~one_tile & (x["m"] / x["groups"] <= 2 * rows)
        rows /= 2


def gemm_compute(p, gpu, x):
    above = p["largest_tile_above"]
    one_tile = (x["m"] > above) if above > 0 else np.zeros(x["m"].shape, bool)
    best = np.full(x["m"].shape, np.inf)
    largest = True
    for name in reversed(TILES):
        if not p[name] > 0:
            continue
        side = TILES[name]
        times = [tiled_seconds(p, gpu, x, side, p[name], one_tile)]
        if side[0] < side[1]:
            turned = tiled_seconds(p, gpu, x, side[::-1], p[name], one_tile)
            times.append(np.where(one_tile, np.inf, turned))
        for narrow, few in narrow_sides(p, x, side, one_tile):
            times.append(np.where(few, tiled_seconds(p, gpu, x, narrow, p[name], one_tile), np.inf))
        fastest = np.minimum.reduce(times)
        best = np.minimum(best, fastest if largest else np.where(one_tile, np.inf, fastest))
        largest = False
    return best


def quantize_seconds(p, m, k):
    if not p["quantize_bandwidth"] > 0:
        return 0.0
    return p["quantize_launch"] + np.maximum(m * p["quantize_row"], 2 * m * k / p["quantize_bandwidth"])


def warmed(memory_s, size, warm):
    """A benchmark that repeats its buffers finds those of about `warm[0]` bytes in L2, `warm[1]` times as fast."""
    if not warm:
        return memory_s
    hit = 1 / (1 + (size / warm[0]) ** 6)
    return memory_s * (1 - hit + hit / warm[1])


def gemm_bytes(x):
    """Weights, activations and results."""
    return (x["groups"] * x["n"] * x["k"] * x["weight_bytes"]
            + x["m"] * (x["k"] * x["activation_bytes"] + x["n"] * 2.0))


def gemm_seconds(p, gpu, x, warm=None):
    size = gemm_bytes(x)
    memory_s = warmed(size / (gpu["memory_bandwidth"] * p["memory_frac"]), size, warm)
    compute_s = np.maximum(gemm_compute(p, gpu, x), x.get("power_s", 0.0))
    return p["launch"] + cube_norm(compute_s, memory_s) + quantize_seconds(p, x["m"], x["k"])


def memory_seconds(p, gpu, size):
    return p["launch"] + size / (gpu["memory_bandwidth"] * p["memory_frac"])


def by_head_dim(p, head_dim):
    return np.interp(head_dim, [64, 128, 256], [p["frac_64"], p["frac_128"], p["frac_256"]])


def prefill_seconds(p, gpu, x, warm=None):
    sms = gpu["sm_count"]
    width = x["head_dim"] + x["v_head_dim"]
    pair_s = 2 * width / (gpu["peak"]["bf16"] * by_head_dim(p, x["head_dim"]))
    work_s = x["heads"] * (x["pairs"] + p["pad"] * x["queries"]) * pair_s
    blocks = x["heads"] * np.maximum(x["queries"] / BLOCK_QUERIES, x["seqs"])
    attended = np.minimum(x["context"] / x["seqs"], 2 * x["pairs"] / x["queries"])
    longest_s = np.minimum(BLOCK_QUERIES, x["queries"] / x["seqs"]) * (attended + p["pad"]) * pair_s * sms
    compute_s = work_s + blocks * p["block"] / sms + p["longest_frac"] * longest_s
    kv_row = x["kv_bytes"] * x["kv_heads"] * width
    earlier = np.maximum(0, x["context"] - x["queries"])
    size = 2 * x["queries"] * x["heads"] * width + earlier * kv_row
    own = x["queries"] * kv_row
    memory_s = (size / p["memory_frac"] + own / p["kv_frac"]) / gpu["memory_bandwidth"]
    return p["launch"] + compute_s + warmed(memory_s, size + own, warm)


CORNERS = np.array([0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0])
CORNER_VALUES = np.array([1.0, 1.0307764, 1.1180340, 1.4142136, 2.2360680, 4.1231056, 8.0622577])


def smooth_max_of_one_and(x):
    return np.where(x >= 8, CORNER_VALUES[-1] + (x - 8), np.interp(x, CORNERS, CORNER_VALUES))


HEAD_TILE = 64.0
PARTIAL_WAVE = 0.3


def count_waves(load):
    return np.where(load <= 1, 1.0, PARTIAL_WAVE * np.ceil(load) + (1 - PARTIAL_WAVE) * load)


def decode_seconds(p, gpu, x, warm=None):
    width = x["head_dim"] + x["v_head_dim"]
    latent = x["v_head_dim"] < x["head_dim"]
    row = x["kv_bytes"] * np.where(latent, x["head_dim"], width)
    size = row * x["kv_heads"] * x["context"]
    memory_s = warmed(size / (gpu["memory_bandwidth"] * by_head_dim(p, x["head_dim"])), size, warm)
    compute_s = 2 * x["heads"] * width * x["context"] / (gpu["peak"]["bf16"] * p["compute_frac"])
    block_s = row * x["context"] / x["seqs"] / p["block_bandwidth"]
    blocks = x["seqs"] * x["kv_heads"] * np.ceil(x["heads"] / x["kv_heads"] / HEAD_TILE)
    reading_s = np.maximum(memory_s, compute_s)
    if p["whole"] > 0:
        reading_s = np.maximum(reading_s, count_waves(blocks / gpu["sm_count"]) * block_s)
    query_s = 2 * x["seqs"] * x["heads"] * width / (gpu["memory_bandwidth"] * p["query_frac"])
    fixed_s = np.maximum(0, blocks - p["resident"] * gpu["sm_count"]) * p["kv_head"] + query_s
    split_s = 0.0 if p["whole"] > 0 else np.minimum(p["split"], block_s)
    extra_s = split_s + np.minimum(p["merge"], p["merge_frac"] * reading_s)
    return p["launch"] + fixed_s * smooth_max_of_one_and(reading_s / fixed_s) + extra_s


def collective_candidates(p, gpu, op, ranks, size):
    """Seconds of each algorithm inside one node with a switch (or a host bridge), by name."""
    link = gpu["link_bandwidth"] * (2 / ranks) ** p["crowding"]
    latency = gpu["link_latency"]

    def stage(launch, steps, step_latency, sent, frac, ramp=p["ramp"]):
        busy = sent / (link * frac)
        return launch + steps * step_latency + busy + np.sqrt(ramp * busy)

    others = ranks - 1.0
    own_s = 2 * size / ranks / gpu["memory_bandwidth"]
    if op in ("all_gather", "reduce_scatter"):
        return {"ring": own_s + stage(p["launch"], others, latency, others / ranks * size, p["gather_frac"])}
    if op == "alltoall":
        return {"direct": own_s + stage(p["launch"], 1, latency, others / ranks * size, p["all_to_all_frac"])}
    levels = 2 * np.ceil(np.log2(ranks))
    result = {
        "ring": stage(p["launch"], 2 * others, latency, 2 * others / ranks * size, p["all_reduce_frac"]),
        "tree": stage(p["launch"], levels, latency, 2 * size, p["all_reduce_frac"]),
    }
    if p["switch_frac"] > 0:
        result["switch"] = stage(p["switch_launch"], 2, latency, size * (1 + 1 / ranks), p["switch_frac"])
    launch = p["direct_launch"] + (ranks - 2) * p["direct_rank"]
    fits = size <= p["direct_max"]
    if p["one_shot_frac"] > 0:
        result["one_shot"] = np.where(fits, stage(launch, 1, 0, others * size, p["one_shot_frac"], 0.0), np.inf)
    if p["two_shot_frac"] > 0:
        sent = 2 * others / ranks * size
        result["two_shot"] = np.where(fits, stage(launch, 2, 0.5 * latency, sent, p["two_shot_frac"], 0.0), np.inf)
    return result


def collective_seconds(p, gpu, op, ranks, size):
    return np.minimum.reduce(list(collective_candidates(p, gpu, op, ranks, size).values()))


def none_chosen(n, part, chosen):
    chance, i = 1.0, 0
    while i < chosen:
        chance *= (max(0.0, n - part - i) / (n - i)) ** min(1.0, chosen - i)
        i += 1
    return chance


def routing_parts(experts, chosen, groups, chosen_groups, parts):
    """ls_routing_parts"""
    if chosen_groups >= groups:
        return parts * (1 - none_chosen(experts, experts / parts, chosen))
    if parts <= groups:
        return parts * (1 - none_chosen(groups, groups / parts, min(chosen, chosen_groups)))
    none = none_chosen(experts / groups, experts / parts, chosen / chosen_groups)
    return chosen_groups * parts / groups * (1 - none)


def exchange_copies(library, experts, chosen, groups, chosen_groups, shards, nodes):
    """Copies of a token that leave its GPU, that pass a link inside a node, that leave the node."""
    on_node, other_gpu, other_node = shards / nodes, 1 - 1 / shards, 1 - 1 / nodes
    if library == "deepep_low_latency":
        return chosen * other_gpu, chosen * (on_node - 1) / shards, chosen * other_node
    distinct = routing_parts(experts, chosen, groups, chosen_groups, shards)
    across = routing_parts(experts, chosen, groups, chosen_groups, nodes) * other_node
    return distinct * other_gpu, distinct * (on_node - 1) / on_node, across


def exchange_seconds(p, gpu, x):
    """A GPU with a NIC of its own."""
    fixed_s = p["launch"] + x["copies"] * p["copy"]
    link_s = x["tokens"] * p["row"] + x["link_bytes"] / (gpu["link_bandwidth"] * p["link_frac"])
    if not np.any(x["nic_bytes"]):
        return fixed_s + link_s
    return fixed_s + np.maximum(link_s, x["nic_bytes"] / (gpu["nic_bandwidth"] * p["network_frac"]))
