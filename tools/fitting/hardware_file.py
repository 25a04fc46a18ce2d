"""Hardware files: reading what the datasheet says, writing what the fit found below a marker."""
import re

MARKER = "# ---- below: written by tools/fit; edits are lost ----"

UNITS = {
    "FLOP/s": 1.0, "TFLOP/s": 1e12, "B/s": 1.0, "GB/s": 1e9, "TB/s": 1e12, "Gb/s": 1e9 / 8, "GB": 1e9, "MB": 1e6,
    "GiB": 2.0**30, "MiB": 2.0**20, "W": 1.0, "us": 1e-6, "ns": 1e-9, "s": 1.0,
}
TIMES = {"launch", "start", "wave", "split", "quantize_launch", "quantize_row", "step", "block", "merge", "kv_head",
         "ramp", "switch_launch", "direct_launch", "direct_rank", "row", "copy"}
RATES = {"sm_bandwidth", "quantize_bandwidth", "block_bandwidth", "l2_bandwidth"}
SIZES = {"direct_max"}


def quantity(text):
    number, _, unit = text.strip().partition(" ")
    return float(number) * UNITS[unit.strip()] if unit else float(number)


def mapping(text):
    return {key.strip(): value.strip() for key, value in (item.split(":", 1) for item in text.strip("{} ").split(","))}


def split_file(path):
    """The hand-written part of a hardware file, without what an earlier fit appended."""
    return path.read_text().split(MARKER)[0].rstrip() + "\n"


def read_spec(path):
    """The datasheet's numbers that the cost equations need, in SI units."""
    fields = {}
    for line in split_file(path).splitlines():
        line = re.sub(r"\s+#.*", "", line)
        if line and not line.startswith(("#", " ")):
            key, value = line.split(":", 1)
            fields[key] = value.strip()
    spec = {key: quantity(fields[key]) for key in ("memory_bandwidth", "sm_count", "l2")}
    peaks = mapping(fields["peak"])
    spec["peak"] = {key: quantity(value) for key, value in peaks.items() if value != "null"}
    spec["peak"].setdefault("bf16", spec["peak"].get("fp16"))
    spec["sustained"] = {key: quantity(value) for key, value in mapping(fields["sustained"]).items()} if "sustained" in fields else {}
    link = mapping(fields["intra_node"])
    spec["link_bandwidth"] = quantity(link["bandwidth"])
    spec["link_latency"] = quantity(link["latency"])
    spec["scaled_from"] = fields.get("scaled_from")
    return spec


def read_kernels(path):
    """The libraries that a fit wrote to a hardware file, in SI units; none where there are none."""
    tree, open_nodes = {}, []
    open_nodes.append((-1, tree))
    for line in path.read_text().partition(MARKER)[2].splitlines():
        key, _, value = line.strip().partition(":")
        if not key or key.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        while open_nodes[-1][0] >= indent:
            open_nodes.pop()
        node = {name: quantity(text) for name, text in mapping(value).items()} if value else {}
        open_nodes[-1][1][key] = node
        open_nodes.append((indent, node))
    return tree.get("kernels", {})


def with_link_latency(text, latency_s):
    """The hand-written part with the measured latency of a step on the link inside a node."""
    return re.sub(r"(intra_node: \{.*latency: )[^}]*\}", rf"\g<1>{number(latency_s * 1e6)} us}}", text)


def number(value):
    return f"{float(f'{value:.3g}'):g}"


def parameter(key, value):
    if key in TIMES:
        return f"{number(value * 1e6)} us"
    if key in RATES:
        return f"{number(value / 1e9)} GB/s"
    if key in SIZES:
        return f"{number(value / 2**20)} MiB"
    return number(value)


ORDER = ("launch", "memory_frac", "compute_frac", "kv_frac", "frac_64", "frac_128", "frac_256", "block", "longest_frac",
         "pad", "start", "wave", "wave_frac", "query_frac", "kv_head", "resident", "block_bandwidth", "split", "split_frac",
         "merge", "merge_frac", "whole", "step", "sm_bandwidth", "l2_bandwidth", "tile_64x64", "tile_64x128", "tile_128x128",
         "tile_128x256", "mma_rows", "tile_rows", "largest_tile_above", "quantize_launch", "quantize_row", "quantize_bandwidth")


def flow(params):
    keys = sorted(params, key=lambda key: ORDER.index(key) if key in ORDER else len(ORDER))
    return "{" + ", ".join(f"{key}: {parameter(key, params[key])}" for key in keys) + "}"


def kernel_lines(libraries, notes):
    """YAML of `kernels`: libraries maps names to {class: params or {format: params}}; notes are comments by path."""
    lines = ["kernels:"]
    for library, classes in libraries.items():
        lines.append(f"  {library}:")
        for name, params in classes.items():
            if name == "exchange":
                lines.append("    exchange:")
                for exchange, ways in params.items():
                    lines.append(f"      {exchange}:")
                    for way, values in ways.items():
                        lines.append(f"        # {notes[library, name, exchange, way]}")
                        lines.append(f"        {way}: {flow(values)}")
            elif name in ("gemm", "grouped_gemm"):
                lines.append(f"    {name}:")
                for format_name, values in params.items():
                    lines.append(f"      # {notes[library, name, format_name]}")
                    lines.append(f"      {format_name}: {flow(values)}")
            else:
                lines.append(f"    # {notes[library, name]}")
                lines.append(f"    {name}: {flow(params)}")
    return lines


def write(path, text, lines):
    path.write_text(text + MARKER + "\n" + "\n".join(lines) + "\n")
