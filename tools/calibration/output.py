"""The files that a calibration leaves: a hardware file and a table of kernels."""
import csv
import datetime

from .plan import COLUMNS

def read_rows(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for key, text in list(row.items()):
            if key in ("operation", "dtype"):
                continue
            if text in ("", None):
                del row[key]
            else:
                row[key] = float(text)
    return rows


def field(key, value):
    """Sizes whole, seconds in six digits."""
    if not isinstance(value, float):
        return value
    return f"{value:.6g}" if key == "seconds" or value != int(value) else int(value)


def write_rows(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({key: field(key, value) for key, value in row.items()})


def number(value):
    return f"{value:.4g}"


def flow(params):
    items = (f"{key}: {number(value * 1e6)} us" if key == "launch" else f"{key}: {number(value)}"
             for key, value in params.items())
    return "{" + ", ".join(items) + "}"


def kernel_lines(kernels):
    lines = ["kernels:", "  vllm:"]
    for name, params in kernels.items():
        if name == "gemm":
            lines += ["    gemm:"] + [f"      {dtype}: {flow(values)}" for dtype, values in params.items()]
        else:
            lines.append(f"    {name}: {flow(params)}")
    return lines


def hardware_text(device, kernels, table_name, provenance):
    peaks = ", ".join(f"{name}: {number(value / 1e12)} TFLOP/s" for name, value in device["peak"].items())
    lines = [f"# {device['model']}, measured by tools/calibrate.", *(f"# {text}" for text in provenance)]
    lines += [
        f"memory: {number(device['memory'] / 2**30)} GiB  # what CUDA reports",
        f"memory_bandwidth: {number(device['memory_bandwidth'] / 1e9)} GB/s",
        f"peak: {{{peaks}}}",
        f"sm_count: {device['sm_count']:.0f}",
        f"l2: {number(device['l2'] / 2**20)} MiB",
        f"power: {number(device['power'])} W",
        f"gpus_per_node: {device['gpus_per_node']:.0f}",
        f"intra_node: {{bandwidth: {number(device['link_bandwidth'] / 1e9)} GB/s, latency: 1 us}}",
        f"inter_node: {{bandwidth: {number(device['nic_bandwidth'] / 1e9)} GB/s, latency: 12 us}}  # not measured",
        f"nics_per_node: {device['nics_per_node']:.0f}",
        f"kernel_table: {table_name}",
        *kernel_lines(kernels)]
    return "\n".join(lines) + "\n"


def today():
    return datetime.date.today().isoformat()
