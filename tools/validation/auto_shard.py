"""Sharded products in the layout of the guide that they reproduce, and beside its figures."""

import csv
import subprocess
import tempfile
from pathlib import Path

STUDY = Path(__file__).resolve().parents[2] / "configs/studies/auto-shard.yaml"

# Seconds and TFLOP/s of the guide's example on 1 and 8 GPUs, and its speed-up.
GUIDE = {
    "4096x4096": ((0.234, 58.1), (0.089, 152.8), 2.63),
    "8192x8192": ((1.567, 70.2), (0.234, 470.3), 6.70),
    "16384x16384": ((11.23, 95.3), (1.498, 714.2), 7.50),
    "(8192,4096)@(4096,4096)": ((0.789, 87.4), (0.156, 442.1), 5.06),
    "(16384,4096)@(4096,4096)": ((1.534, 89.6), (0.198, 694.4), 7.75),
    "(32768,2048)@(2048,2048)": ((1.123, 77.3), (0.145, 598.6), 7.74),
}
SECTIONS = ["Square Matrix Multiplications", "Large Batch Matrix Multiplications", "MLP Forward Passes",
            "Element-wise Operations"]
# A shape of each kind but the sums, three times.
QUICK = ("sweep.axes.shape={zip: {matmul.m: [4096, 8192, 4096], matmul.k: [4096, 4096, null], matmul.n: [4096, 4096, null], "
         "matmul.layers: [null, null, [[4096, 4096], [4096, 4096], [4096, 4096]]], "
         "matmul.operation: [product, product, product], matmul.repetitions: [3, 3, 3]}}")


def name_of(shape):
    """Of the study's axis: m, k, n, layers, operation, repetitions. The section's number and the shape's name."""
    m, k, n, layers, operation, _ = shape.split(", ")
    if operation == "elementwise":
        return 3, f"{m}x{k} + {m}x{k}"
    if layers != "null":
        widths = [layer.split("x") for layer in layers.split()]
        return 2, f"{m} rows, " + " → ".join([widths[0][0]] + [width for _, width in widths])
    if m == k == n:
        return 0, f"{m}x{k}"
    return 1, f"({m},{k})@({k},{n})"


def run(program, quick=False):
    """Cells by section and name, each by its number of GPUs: the cube's columns as numbers."""
    with tempfile.TemporaryDirectory() as folder:
        cube, table = Path(folder, "cube.h5"), Path(folder, "cells.csv")
        fewer = ["--set", QUICK] if quick else []
        for command in (["run", STUDY, "-o", cube, "--quiet", *fewer], ["export", cube, "--csv", table]):
            subprocess.run([program, *command], check=True, stdout=subprocess.DEVNULL)
        with open(table, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    cells = {}
    for row in rows:
        numbers = {column: float(row[column] or "nan") for column in ("time_s", "tflop_per_s", "speedup")}
        cells.setdefault(name_of(row["shape"]), {})[int(row["dp"])] = numbers
    return cells


def class_of(speedup, gpus):
    """The guide's classes on 8 GPUs, in shares of them: 7 to 8, 4 to 7, more than one, and none."""
    if speedup >= 7 / 8 * gpus:
        return "near-linear"
    if speedup >= gpus / 2:
        return "partial"
    return "limited" if speedup > 1.05 else "none"


def gpus_text(gpus):
    return f"{gpus} GPU{'s' if gpus > 1 else ''}"


def comparison(cells, gpus):
    """Lines in the layout of the guide's example, with the class of each speed-up behind it."""
    rule = 84 * "="
    width = max(len(name) for _, name in cells)
    yield from (rule, "PERFORMANCE COMPARISON", rule, "")
    for section, title in enumerate(SECTIONS):
        mine = [(name, by_gpus) for (of, name), by_gpus in cells.items() if of == section]
        if not mine:
            continue
        yield f"--- {title} ---"
        yield f"{'Size' if section == 0 else 'Shape':{width}} | " + " | ".join(f"{gpus_text(n):18}" for n in gpus)
        yield 80 * "-"
        for name, by_gpus in mine:
            yield f"{name:{width}} | " + " | ".join(
                f"{by_gpus[n]['time_s']:6.3f}s ({by_gpus[n]['tflop_per_s']:6.1f} TF)" for n in gpus)
            yield f"{'Speedup:':{width}} | " + " | ".join(
                f"{'baseline' if n == 1 else speedup_text(by_gpus[n]['speedup'], n):18}" for n in gpus)
        yield ""
    yield from (rule, "SUMMARY", rule)
    for n in gpus:
        if n > 1:
            yield from ("", *summary(cells, n))


def speedup_text(speedup, gpus):
    return f"{speedup:.2f}x {class_of(speedup, gpus)}"


def summary(cells, gpus):
    speedups = [by_gpus[gpus]["speedup"] for by_gpus in cells.values()]
    yield f"{gpus} GPUs vs 1 GPU:"
    yield f"  Average speedup: {sum(speedups) / len(speedups):.2f}x"
    yield f"  Min speedup: {min(speedups):.2f}x"
    yield f"  Max speedup: {max(speedups):.2f}x"


def guide_table(cells):
    """The shapes of the guide's example: its figures beside ours."""
    lines = ["| shape | 1 GPU | guide | 8 GPUs | guide | speed-up | class | guide | class | ours over guide |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    ours, deviations = [], []
    for (_, name), by_gpus in cells.items():
        if name not in GUIDE:
            continue
        one, eight, speedup = GUIDE[name]
        mine = by_gpus[8]["speedup"]
        ours.append(mine)
        deviations.append(100 * (mine / speedup - 1))
        figures = [f"{seconds:.3f} s ({rate:.1f})" for seconds, rate in (
            (by_gpus[1]["time_s"], by_gpus[1]["tflop_per_s"]), one,
            (by_gpus[8]["time_s"], by_gpus[8]["tflop_per_s"]), eight)]
        lines.append(f"| {name} | " + " | ".join(figures) + f" | {mine:.2f}× | {class_of(mine, 8)} | {speedup:.2f}× | "
                     f"{class_of(speedup, 8)} | {deviations[-1]:+.0f} % |")
    theirs = [speedup for _, _, speedup in GUIDE.values()]
    for title, of in (("average", lambda values: sum(values) / len(values)), ("minimum", min), ("maximum", max)):
        lines.append(f"| {title} | | | | | {of(ours):.2f}× | | {of(theirs):.2f}× | | |")
    sizes = sorted(abs(deviation) for deviation in deviations)
    lines += ["", f"The median of the six deviations is {(sizes[2] + sizes[3]) / 2:.0f} %."]
    return "\n".join(lines) + "\n"


def other_table(cells):
    lines = ["| shape | 1 | 2 | 4 | 8 GPUs | class |", "|---|---|---|---|---|---|"]
    for (_, name), by_gpus in cells.items():
        if name not in GUIDE:
            speedups = " | ".join(f"{by_gpus[n]['speedup']:.2f}×" for n in (1, 2, 4, 8))
            lines.append(f"| {name} | {speedups} | {class_of(by_gpus[8]['speedup'], 8)} |")
    return "\n".join(lines) + "\n"


def with_tables(page, cells):
    """The page with both tables between their marks."""
    for name, table in (("guide", guide_table(cells)), ("other", other_table(cells))):
        begin, end = f"<!-- {name}: written by tools/auto-shard --docs -->\n", f"<!-- above: {name} -->\n"
        before, rest = page.split(begin)
        _, after = rest.split(end)
        page = before + begin + table + end + after
    return page
