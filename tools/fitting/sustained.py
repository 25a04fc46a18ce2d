"""What the power limit leaves of a GPU's arithmetic.

    python3 tools/fitting/sustained.py --data DIR

Prints a `sustained:` line for each hardware file. A kernel of a millisecond runs at the boost clock; products that follow
each other for hundreds of milliseconds, as those of prompts do, run at what the board's power allows. The tables hold
products that take 30 ms and longer each: their median rate. Of TensorRT-LLM's tables alone, whose matrices are random
numbers; vLLM's are filled with one constant (collector/vllm/collect_gemm.py of aiconfigurator), which takes less power
and shows no limit. A format whose best tenth falls by no more than 3 % against products of 1 to 10 ms has none.
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


def rates(table, name, low_ms, high_ms):
    """FLOP/s of the large products of a format that take so long."""
    m, n, k, t = (table[key] for key in ("m", "n", "k", "latency"))
    mask = (table["gemm_dtype"] == name) & (np.minimum(np.minimum(m, n), k) >= 2048) & (t >= low_ms) & (t < high_ms)
    return (2e3 * m * n * k / t)[mask]


def sustained(table):
    found = {}
    for name, formats in FORMATS.items():
        short, long = rates(table, name, 1, 10), rates(table, name, 30, 1e9)
        if len(long) > 3 and np.percentile(long, 90) < 0.97 * np.percentile(short, 90):
            found.update(dict.fromkeys(formats, np.median(long)))
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
