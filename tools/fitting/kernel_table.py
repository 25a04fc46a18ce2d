"""Measured kernels in the form of hardware.kernel_table (docs/table.md)."""
import csv

import numpy as np

from . import classes, experts, fits
from .tables import select

COLUMNS = ("operation", "dtype", "n", "k", "m", "groups", "heads", "kv_heads", "head_dim", "v_head_dim", "sequences",
           "tokens", "bytes", "ranks", "seconds")
COLLECTIVES = {"all_reduce": "all_reduce", "all_gather": "all_gather", "reduce_scatter": "reduce_scatter",
               "alltoall": "all_to_all"}


def entries(operation, dtype, columns, seconds):
    """One dictionary for each row; of sizes measured several times the median."""
    found = {}
    for *values, t in zip(*columns.values(), seconds):
        if t > 0:
            found.setdefault(tuple(values), []).append(t)
    for values, times in sorted(found.items()):
        yield {"operation": operation, "dtype": dtype, **dict(zip(columns, values)), "seconds": float(np.median(times))}


def without_finding_scales(tables, gpu, source, part):
    """Seconds of fp8 products whose activations have a known scale, as those of checkpoints: the tables find it anew."""
    seconds = part["latency"] * 1e-3
    if not tables.has(gpu, "computescale", source):
        return seconds
    scales = tables.get(gpu, "computescale", source)
    finding = {size: t * 1e-3 for *size, t in zip(scales["m"], scales["k"], scales["latency"]) for size in [tuple(size)]}
    spent = np.array([finding.get(size, np.nan) for size in zip(part["m"], part["k"])])
    return np.where(spent < seconds, seconds - spent, np.nan)


def products(tables, gpu, spec, source, trtllm):
    for name, (in_tables, _, _, arithmetic) in classes.FORMATS.items():
        origin = trtllm if name == "fp8_block" else source  # fits.fit_products says why
        if not tables.has(gpu, "gemm", origin) or arithmetic not in spec["peak"]:
            continue
        table = tables.get(gpu, "gemm", origin)
        part = select(table, table["gemm_dtype"] == in_tables)
        seconds = without_finding_scales(tables, gpu, origin, part) if name == "fp8" else part["latency"] * 1e-3
        yield from entries("gemm", name, {key: part[key] for key in ("n", "k", "m")}, seconds)


def expert_layers(tables, gpu, spec, library, sources):
    """A layer's time is measured as one. What moving rows takes between its products is computed apart, as the engine
    does; of the rest the product that widens has its share of the work: two thirds, where it has a gate."""
    moves = experts.moving_kernels(tables, gpu, spec, (sources[library], sources["vllm"]))
    layers = {name: rows for origin in ("vllm", library)
              for name, rows, _ in experts.measured(tables, gpu, spec, origin, sources)}
    for name, rows in layers.items():
        left = rows["t"] - experts.moving_seconds(moves, spec, rows)
        shared = {"groups": rows["matrices"], "m": rows["m"]}
        up = {"n": rows["up"] * rows["width"], "k": rows["hidden"], **shared}
        down = {"n": rows["hidden"], "k": rows["width"], **shared}
        yield from entries("grouped_gemm", name, up, left * rows["up"] / (1 + rows["up"]))
        yield from entries("grouped_gemm", name, down, left / (1 + rows["up"]))


def attention(rows, operation, dtype, tokens):
    rows = select(rows, rows["window"] == 0)
    columns = {"heads": rows["heads"], "kv_heads": rows["kv_heads"], "head_dim": rows["head_dim"],
               "v_head_dim": rows["v_head_dim"], "sequences": rows["seqs"], "tokens": tokens(rows)}
    return entries(operation, dtype, columns, rows["t"])


def all_attention(tables, gpu, source):
    kinds = ((False, "context_attention", "generation_attention"), (True, "context_mla", "generation_mla"))
    for latent, prefill, decode in kinds:
        for dtype, kv_name in (("bf16", "bfloat16"), ("fp8", "fp8")):
            if tables.has(gpu, prefill, source) and not (latent and dtype == "fp8"):
                table = tables.get(gpu, prefill, source)
                narrow = classes.prefill_rows(table, kv_name, kv_name, latent)
                rows = narrow or classes.prefill_rows(table, kv_name, "bfloat16", latent)
                if rows:
                    yield from attention(rows, "prefill", dtype, lambda r: r["n"])
            if tables.has(gpu, decode, source):
                rows = classes.decode_rows(tables.get(gpu, decode, source), kv_name, latent)
                if rows:
                    yield from attention(rows, "decode", dtype, lambda r: r["context"] / r["seqs"])


def fastest(*tables):
    """By ranks and bytes: engines take their own all-reduce where it is the faster one."""
    times = {}
    for rows in tables:
        for ranks, size, t in zip(rows["ranks"], rows["size"], rows["t"]):
            times[ranks, size] = min(t, times.get((ranks, size), t))
    return times


def collectives(tables, gpu, source):
    nccl = fits.first_present(tables, gpu, "nccl", fits.NCCL)
    if not nccl:
        return
    table = tables.get(gpu, "nccl", nccl)
    for name, operation in COLLECTIVES.items():
        mask = (table["nccl_dtype"] == "half") & (table["op_name"] == name)
        rows = [classes.sized_rows(table, mask, 0)]
        if name == "all_reduce" and tables.has(gpu, "custom_allreduce", source):
            rows.append(classes.direct_rows(tables.get(gpu, "custom_allreduce", source)))
        times = fastest(*rows)
        columns = {"ranks": [key[0] for key in times], "bytes": [key[1] for key in times]}
        yield from entries(operation, "", columns, times.values())


def field(key, value):
    """Sizes whole, seconds in six digits."""
    if isinstance(value, str):
        return value
    return f"{value:.6g}" if key == "seconds" or value != int(value) else int(value)


def distinct(entries_):
    """Of several that were measured for the same sizes, the fastest: a reader takes each once."""
    fastest_of = {}
    for entry in entries_:
        key = tuple(sorted((name, value) for name, value in entry.items() if name != "seconds"))
        if key not in fastest_of or entry["seconds"] < fastest_of[key]["seconds"]:
            fastest_of[key] = entry
    return fastest_of.values()


def write(path, tables, gpu, spec, library, sources):
    """The tables of one GPU and library as one file."""
    source = sources[library]
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for part in (products(tables, gpu, spec, source, sources["trtllm"]),
                     expert_layers(tables, gpu, spec, library, sources),
                     all_attention(tables, gpu, source), collectives(tables, gpu, source)):
            for entry in distinct(part):
                writer.writerow({key: field(key, value) for key, value in entry.items()})


def write_all(folder, tables, names, spec_of):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        gpu, vllm, trtllm, _ = fits.MEASURED[name]
        sources = {"vllm": vllm, "trtllm": trtllm}
        for library in sources:
            write(folder / f"{name}.{library}.csv", tables, gpu, spec_of(name), library, sources)
