"""What the power limit leaves of a GPU's arithmetic.

    python3 tools/fitting/sustained.py --data DIR

Prints a `sustained:` line for each hardware file. A kernel of a millisecond runs at the boost clock; products that
follow each other for hundreds of milliseconds, as those of prompts do, run at what the board's power allows. The tables
hold products that take 30 ms and longer each: their median rate. Of TensorRT-LLM's tables alone, whose matrices are random
numbers; vLLM's are filled with one constant (collector/vllm/collect_gemm.py of aiconfigurator), which takes less power
and shows no limit.

A format has a limit if products fall behind as they get longer, whatever their shape: those of 16,384 rows and more
are compared with those of 4,096 to 4,353 and the same matrix. On an H100 they gain 2 % and 4 % (bf16, fp8) where they take
less than 10 ms, and lose 4 % and 6 % where they take more. On an L40S they lose 16 % where they are short and 11 % where
they are long: that is its memory's doing.
"""
import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from fitting.tables import Tables  # noqa: E402

SOURCES = {
    "h100-sxm": ("h100_sxm", "trtllm-1.3.0rc20"),
    "h200-sxm": ("h200_sxm", "trtllm-1.3.0rc20"),
    "b200-sxm": ("b200_sxm", "trtllm-1.3.0rc20"),
    "gb200": ("gb200", "trtllm-1.3.0rc20"),
    "l40s": ("l40s", "trtllm-1.3.0rc20"),
    "a100-80g-sxm": ("a100_sxm", "trtllm-1.0.0"),
    "rtx-pro-6000": ("rtx_pro_6000_server", "trtllm-1.3.0rc20"),
}
FORMATS = {"bfloat16": ("bf16", "fp16"), "fp8": ("fp8",)}
ENOUGH = 4


def large(table, name):
    """Rows, columns, depth, milliseconds and FLOP/s of the large products of a format."""
    m, n, k, t = (table[key] for key in ("m", "n", "k", "latency"))
    mask = (table["gemm_dtype"] == name) & (np.minimum(np.minimum(m, n), k) >= 2048)
    return tuple(values[mask] for values in (m, n, k, t, 2e3 * m * n * k / t))


def gains(table, name):
    """What products of many rows reach against those of few with the same matrix, and how long they take."""
    m, n, k, t, rate = large(table, name)
    few, many = (m >= 4096) & (m < 5000), m >= 16384
    base = {}
    for matrix, value in zip(zip(n[few], k[few]), rate[few]):
        base.setdefault(matrix, []).append(value)
    pairs = zip(zip(n[many], k[many]), rate[many], t[many])
    found = [(value / np.median(base[matrix]), ms) for matrix, value, ms in pairs if matrix in base]
    return np.array(found).reshape(-1, 2).T


def sustained(table):
    found = {}
    for name, formats in FORMATS.items():
        gain, ms = gains(table, name)
        short, long = gain[ms < 10], gain[ms >= 10]
        if min(len(short), len(long)) >= ENOUGH and np.median(long) < 0.97 * np.median(short):
            t, rate = large(table, name)[3:]
            found.update(dict.fromkeys(formats, np.median(rate[t >= 30])))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    tables = Tables(parser.parse_args().data)
    for name, (gpu, source) in SOURCES.items():
        found = sustained(tables.get(gpu, "gemm", source))
        print(f"{name}: sustained: {{{', '.join(f'{key}: {rate / 1e12:.0f} TFLOP/s' for key, rate in found.items())}}}")


if __name__ == "__main__":
    main()
