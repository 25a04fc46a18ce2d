"""docs/kernels.md: how far the fits are from the measurements they have not seen."""
import numpy as np

from . import classes, exchange
from .fits import is_usable, median, quantile

TITLES = {
    "gemm": "products", "grouped_gemm": "expert layers", "prefill": "prefill attention", "decode": "decode attention", "mha_decode": "decode attention, a KV head each",
    "mla_prefill": "latent prefill attention", "mla_decode": "latent decode attention", "memory": "memory-bound kernels",
    "nccl": "NCCL collectives", "collectives": "engine's all-reduce",
}


def title(key):
    if key[1] == "exchange":
        return f"{key[2].replace('_', ' ')} {key[3]}"
    name = key[1].removesuffix("_fp8")
    suffix = " fp8" if key[1].endswith("_fp8") else f" {key[2]}" if len(key) == 3 else ""
    return TITLES[name] + suffix


def worst(key, fit):
    """The shape furthest off among those left out, in the words of its class."""
    held = np.where(fit.rows["held"])[0]
    row = held[np.argmax(fit.error[held])]
    value = {name: values[row] for name, values in fit.rows.items() if np.ndim(values)}
    if key[1] == "gemm":
        shape = f"m {value['m']:g}, n {value['n']:g}, k {value['k']:g}"
    elif key[1] == "grouped_gemm":
        shape = f"{value['m']:g} rows, {value['groups']:g} experts of {value['hidden']:g} x {value['width']:g}"
    elif "prefill" in key[1]:
        shape = f"{value['seqs']:g} x {value['n']:g} tokens, heads {value['heads']:g}/{value['kv_heads']:g} x {value['head_dim']:g}"
    elif "decode" in key[1]:
        shape = (f"{value['seqs']:g} x {value['context'] / value['seqs']:g} tokens, heads "
                 f"{value['heads']:g}/{value['kv_heads']:g} x {value['head_dim']:g}")
    elif key[1] == "exchange":
        shape = (f"{value['tokens']:g} tokens of {value['hidden']:g}, {value['chosen']:g} of {value['experts']:g} experts, "
                 f"{value['ranks']:g} GPUs")
    elif key[1] in ("nccl", "collectives"):
        shape = f"{classes.OPERATIONS[int(value['op'])]}, {value['ranks']:g} GPUs, {value['size'] / 1024:g} KiB"
    else:
        shape = f"{value['size']:g} bytes"
    return f"{shape}: {100 * fit.error[row]:.0f} %"


def row(key, fit):
    held = fit.rows["held"]
    error = fit.error[held]
    if key[1] in ("nccl", "collectives"):
        error = fit.error[held & (fit.rows["size"] >= 65536)]
    unused = "" if is_usable(key, fit) else " (not used)"
    return (f"| {title(key)}{unused} | {', '.join(fit.sources)} | {len(fit.error)} | {100 * median(error):.1f} % | "
            f"{100 * quantile(error, 0.9):.0f} % | {worst(key, fit)} |")


def large_decode(fit):
    """Decode attention whose cache does not fit into the L2: what engines run."""
    r = fit.rows
    width = np.where(r["v_head_dim"] < r["head_dim"], r["head_dim"], 2 * r["head_dim"])
    large = r["kv_bytes"] * r["kv_heads"] * width * r["context"] >= 1e8
    return fit.error[large & r["held"]]


def served_product(fit):
    """Products of the sizes that models have: neither side of the weights is below 512."""
    r = fit.rows
    return fit.error[(np.minimum(r["n"], r["k"]) >= 512) & r["held"]]


def pooled(results, names):
    errors = np.concatenate([fit.error[fit.rows["held"]] for result in results.values()
                             for key, fit in result.fits.items() if key[1] in names])
    return f"{100 * median(errors):.1f} %", f"{100 * quantile(errors, 0.9):.0f} %"


def pooled_collectives(results):
    errors = np.concatenate([fit.error[fit.rows["held"] & (fit.rows["size"] >= 65536)] for result in results.values()
                             for key, fit in result.fits.items() if key[1] in ("nccl", "collectives")])
    return f"{100 * median(errors):.1f} %", f"{100 * quantile(errors, 0.9):.0f} %"


PREFILL = ("prefill", "prefill_fp8", "mla_prefill")
DECODE = ("decode", "decode_fp8", "mha_decode", "mha_decode_fp8", "mla_decode", "mla_decode_fp8")


def summary(results):
    decode = np.concatenate([large_decode(fit) for result in results.values()
                             for key, fit in result.fits.items() if key[1] in DECODE])
    served = np.concatenate([served_product(fit) for result in results.values()
                             for key, fit in result.fits.items() if key[1] == "gemm"])
    lines = [
        ("products of matrices", *pooled(results, ("gemm",))),
        ("products by weights of 512 and more on either side", f"{100 * median(served):.1f} %",
         f"{100 * quantile(served, 0.9):.0f} %"),
        ("prefill attention", *pooled(results, PREFILL)),
        ("decode attention", *pooled(results, DECODE)),
        ("decode attention reading 100 MB or more", f"{100 * median(decode):.1f} %", f"{100 * quantile(decode, 0.9):.0f} %"),
        ("expert layers", *pooled(results, ("grouped_gemm",))),
        ("collectives of 64 KiB and more", *pooled_collectives(results)),
        ("exchange of tokens between experts", *pooled(results, ("exchange",))),
    ]
    return [f"| {name} | {mid} | {high} |" for name, mid, high in lines]


INTRODUCTION = """# Kernels: fitted against measured

Written by `tools/fit --report`; do not edit.

The cost model has a few numbers for each class of kernels (docs/model.md, engine/hardware/kernels.h), fitted to the
tables of the aiconfigurator-core 0.12.0 package (Apache-2.0). One shape in five is left out of each fit, with all its
rows. The errors below are those of the left-out shapes: |predicted / measured - 1|.

What to know when reading them:

- Two runs of the same 16-bit products, through vLLM and through TensorRT-LLM, differ by 3 to 5 % themselves; on the
  L40S one in five differs by more than 11 to 15 %.
- Tables of fp8 and nvfp4 products include finding the activations' scale; the fit accounts for it, and the hardware
  file holds what converting with a known scale takes.
- Benchmarks of decode attention repeat one buffer, so caches of less than about the L2's size are read from it. The
  fit accounts for that; the hardware file holds what reading from memory takes, since an engine reads every layer's
  weights in between. Small caches are hardest to fit, and weigh least. The same holds for queries, keys and values of prompts.
- Left out as read from the L2: products whose operands the memory cannot deliver in the time that was measured, one in six
  on the L40S and one in eleven on the RTX PRO 6000, whose L2 is larger than many a matrix, hardly any elsewhere.
- Products of 10 ms and more run under the board's power limit where the benchmark multiplies random numbers, as
  TensorRT-LLM's does: the fit takes the rate of `sustained` there, as the program does.
- Left out as kernels of their own: heads of 512, more than 16 query heads for each KV head, sliding windows.
- Left out as impossible: decode attention of trtllm-1.0.0 on A100, which reads four in ten large caches faster than the
  memory delivers them, up to 1.7 times; vLLM's stands in.
- A class that misses by more than a quarter is not used: a file without it falls back on the class it derives from.
- One in five of the pairs of heads and batch is left out of latent attention and of heads with keys of their own, which have few
  shapes otherwise.
- vLLM's fp8 attention of heads of 192 on B200 and GB200 takes up to 20 times as long as of 128 and 256: a kernel that
  stands in. Its rows are in the fit, and among the worst.
- The exchange of tokens between experts: what vLLM's and TensorRT-LLM's own calls of DeepEP take, on one node, and what
  TensorRT-LLM's kernels over NVLink take on 2 to 64 GPUs of a GB200 NVL72. Without CUDA graphs short ones take no less
  than their launches; the fit accounts for it where engines have graphs (low latency). vLLM's low-latency rows of one to 64
  tokens differ by a factor of two from row to row. Over NVLink each token goes to as many GPUs as it can, as its benchmark
  routes them.
- Expert layers are fitted under routing whose loads follow a power law (exponent 1.01), on GPUs that hold all experts,
  with the experts hit and the rows of their quarters that the benchmark deals out; weights read from the L2 count
  here, too, as left out. They are fitted to the kernels that a library takes for a fifth of the rows or more; of TensorRT-LLM's, to its default, CUTLASS. Its
  tables, 1.3.0rc20 and for mxfp4 on Hopper 1.2.0rc5, are those of github.com/ai-dynamo/aiconfigurator at 095f58a
  (aic-core/src/aiconfigurator_core/systems/data/*/moe/trtllm): its package holds only what later versions measured
  anew, `tools/expert-tables` adds these.
- fp8 products with a scale for each block run in DeepGEMM in both libraries: vLLM's table of them has the CPU's time to
  launch, TensorRT-LLM's is used for both.
"""


def network(fits_between):
    """DeepEP between nodes, all of its published figures, those left out of the fit in brackets."""
    lines = ["## DeepEP between nodes", "", f"{exchange.README}: seconds from its bandwidths and latencies against ours, "
             "by number of GPUs; in brackets those left out.", "", "| kernels | share of a NIC | error |", "|---|---|---|"]
    for (library, way), fit in fits_between.items():
        errors = [f"{p:g}: {100 * e:.0f} %" for p, e in zip(fit.rows["ranks"], fit.error)]
        errors = [f"[{text}]" if held else text for text, held in zip(errors, fit.rows["held"])]
        lines.append(f"| {library.replace('_', ' ')} {way} | {fit.params['network_frac']:.2f} | {', '.join(errors)} |")
    return [*lines, ""]


def page(results):
    lines = [INTRODUCTION, "## All GPUs", "", "| class | median | 90th percentile |", "|---|---|---|", *summary(results), ""]
    for name, result in results.items():
        lines += [f"## {name}", "", "| class | tables | rows | median | 90th percentile | worst |", "|---|---|---|---|---|---|"]
        lines += [row(key, fit) for key, fit in result.fits.items()]
        lines.append("")
    tables = next(iter(results.values())).tables
    return "\n".join(lines + network(exchange.network_fit(tables)))
