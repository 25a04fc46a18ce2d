"""Predictions of the written hardware files, for the test that holds engine/cost to fitting/forms.py."""
import itertools

import numpy as np

from . import forms
from .classes import FORMATS, arithmetic_of
from .hardware_file import parameter, quantity

COLUMNS = ("hardware", "library", "kind", "dtype", "m", "n", "k", "groups", "seqs", "queries", "context", "pairs", "heads",
           "kv_heads", "head_dim", "v_head_dim", "bytes", "ranks", "seconds")
PRODUCTS = ("bf16", "fp8", "fp8_block")
LOADS = (0.25, 0.5, 0.75, 2.5)  # test_fit.c's


def as_written(params):
    return {key: quantity(parameter(key, value)) for key, value in params.items()}


def array(value):
    return np.array([float(value)])


def line(hardware, library, kind, dtype, shape, seconds):
    values = {"hardware": hardware, "library": library, "kind": kind, "dtype": dtype, "seconds": repr(float(seconds)), **shape}
    return ",".join(f"{values.get(column, 0)}" for column in COLUMNS)


def product_lines(name, spec, library, kernels):
    for kind, dtype in itertools.product(("gemm", "grouped_gemm"), PRODUCTS):
        if dtype not in kernels.get(kind, {}):
            continue
        params = as_written(kernels[kind][dtype])
        for m, (n, k), groups in itertools.product((1, 17, 300, 5000), ((4096, 4096), (640, 8192)), (1, 8)):
            if (groups > 1) != (kind == "grouped_gemm") or m < groups:
                continue
            weight = FORMATS[dtype][1]
            arithmetic, activation = arithmetic_of(dtype, spec["peak"])
            x = {"m": m, "n": n, "k": k, "groups": groups, "weight_bytes": weight, "activation_bytes": activation,
                 "peak": spec["peak"][arithmetic]}
            arrays = {key: array(value) for key, value in x.items()}
            if kind == "grouped_gemm":
                arrays["loads"] = np.array([LOADS])
            seconds = forms.gemm_seconds(params, spec, arrays)[0]
            yield line(name, library, kind, dtype, {"m": m, "n": n, "k": k, "groups": groups}, seconds)


def attention_lines(name, spec, library, kernels):
    for seqs, tokens, past in ((1, 100, 0), (3, 2048, 0), (2, 512, 8192)):
        x = {"seqs": seqs, "queries": seqs * tokens, "context": seqs * (tokens + past),
             "pairs": seqs * (tokens * past + tokens * (tokens + 1) // 2), "heads": 32, "kv_heads": 8, "head_dim": 96,
             "v_head_dim": 96}
        arrays = {key: array(value) for key, value in {**x, "kv_bytes": 2.0}.items()}
        yield line(name, library, "prefill", "bf16", x, forms.prefill_seconds(as_written(kernels["prefill"]), spec, arrays)[0])
    for (kind, heads), (seqs, context) in itertools.product((("decode", 32), ("mha_decode", 8)), ((1, 10), (64, 500), (256, 4000))):
        if kind not in kernels:
            continue
        x = {"seqs": seqs, "queries": seqs, "context": seqs * context, "pairs": seqs * context, "heads": heads, "kv_heads": 8,
             "head_dim": 128, "v_head_dim": 128}
        arrays = {key: array(value) for key, value in {**x, "kv_bytes": 2.0}.items()}
        yield line(name, library, "decode", "bf16", x, forms.decode_seconds(as_written(kernels[kind]), spec, arrays)[0])
    if "mla_decode" not in kernels:
        return
    for seqs, context, heads in ((1, 10, 128), (2, 3000, 16), (200, 3000, 128)):
        x = {"seqs": seqs, "queries": seqs, "context": seqs * context, "pairs": seqs * context, "heads": heads, "kv_heads": 1,
             "head_dim": 576, "v_head_dim": 512}
        arrays = {key: array(value) for key, value in {**x, "kv_bytes": 2.0}.items()}
        seconds = forms.decode_seconds(as_written(kernels["mla_decode"]), spec, arrays)[0]
        yield line(name, library, "decode", "bf16", x, seconds)


def collective_lines(name, spec, library, kernels):
    params = as_written(kernels["collectives"])
    gpu = {**spec, "link_latency": quantity(parameter("launch", spec["link_latency"]))}
    for op, ranks, size in itertools.product(("all_reduce", "all_gather", "alltoall"), (2, 4, 8), (1e3, 1e6, 1e9)):
        seconds = forms.collective_seconds(params, gpu, op, array(ranks), array(size))[0]
        yield line(name, library, op, "bf16", {"bytes": size, "ranks": ranks}, seconds)


def exchange_lines(name, spec, library, kernels):
    """A deployment of DeepSeek-V3's experts: tokens in `m`, their width in `n`, chosen experts in `k`, groups in `heads`."""
    for exchange, ways in kernels.get("exchange", {}).items():
        for (way, params), (ranks, nodes), tokens in itertools.product(ways.items(), ((8, 1), (32, 4)), (16, 4096)):
            copies, link, nic = forms.exchange_copies(exchange, 256, 8, 8, 4, ranks, nodes)
            size = tokens * 7168 * 2.0
            x = {"copies": array(copies), "tokens": array(tokens), "link_bytes": array(link * size), "nic_bytes": array(nic * size)}
            seconds = forms.exchange_seconds(as_written(params), {**spec, "nic_bandwidth": 50e9}, x)[0]
            shape = {"m": tokens, "n": 7168, "k": 8, "groups": 256, "heads": 8, "kv_heads": 4, "ranks": ranks}
            yield line(name, library, f"{way} {exchange}", "bf16", shape, seconds)


def page(gpus):
    """CSV of examples; `gpus` are names, specs and trees as fits.libraries gives them."""
    lines = [",".join(COLUMNS)]
    for name, spec, tree in gpus:
        for library, kernels in tree.items():
            lines += product_lines(name, spec, library, kernels)
            lines += attention_lines(name, spec, library, kernels)
            lines += collective_lines(name, spec, library, kernels)
            lines += exchange_lines(name, spec, library, kernels)
    return "\n".join(lines) + "\n"
