"""Kernels of PyTorch, timed: the only file that needs it."""
import os
import statistics

import torch
import torch.nn.functional as functional

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
COLD_BYTES = 1 << 29  # buffers take turns until so much lies between two uses of one: nothing stays in the L2
MOST_COPIES = 64
REPETITIONS = 20
ROUNDS = 5

# Dense peaks of the datasheets, FLOP/s, and bandwidths, B/s, by what CUDA calls the device; the driver knows neither.
DATASHEETS = {
    "A100-SXM4-80GB": ({"bf16": 312e12, "fp16": 312e12, "int8": 624e12}, 2.039e12, 300e9),
    "A100-SXM4-40GB": ({"bf16": 312e12, "fp16": 312e12, "int8": 624e12}, 1.555e12, 300e9),
    "H100 80GB HBM3": ({"bf16": 989.5e12, "fp16": 989.5e12, "fp8": 1979e12, "int8": 1979e12}, 3.35e12, 450e9),
    "H100 PCIe": ({"bf16": 756e12, "fp16": 756e12, "fp8": 1513e12, "int8": 1513e12}, 2.0e12, 64e9),
    "H200": ({"bf16": 989.5e12, "fp16": 989.5e12, "fp8": 1979e12, "int8": 1979e12}, 4.8e12, 450e9),
    "B200": ({"bf16": 2250e12, "fp16": 2250e12, "fp8": 4500e12, "int8": 4500e12}, 7.7e12, 900e9),
    "L40S": ({"bf16": 362e12, "fp16": 362e12, "fp8": 733e12, "int8": 733e12}, 864e9, 32e9),
    "RTX 4090": ({"bf16": 165.2e12, "fp16": 165.2e12, "fp8": 330.3e12, "int8": 660.6e12}, 1.008e12, 32e9),
}


def device_facts(given):
    """What hardware files need of the device at hand; `given` lays values over what is known."""
    properties = torch.cuda.get_device_properties(0)
    known = next((sheet for name, sheet in DATASHEETS.items() if name in properties.name), None)
    if not known and not {"peak", "memory_bandwidth", "link_bandwidth"} <= set(given):
        raise SystemExit(f"no datasheet of {properties.name} is known: give --set peak.bf16=…, memory_bandwidth=… and "
                         "link_bandwidth=… in FLOP/s and B/s")
    peak, bandwidth, link = known or ({}, 0.0, 0.0)
    facts = {"model": properties.name, "memory": float(properties.total_memory), "memory_bandwidth": bandwidth,
             "peak": peak, "sm_count": properties.multi_processor_count, "l2": float(properties.L2_cache_size),
             "power": 0.0, "gpus_per_node": torch.cuda.device_count(), "link_bandwidth": link, "nic_bandwidth": 50e9,
             "nics_per_node": 1}
    facts.update(given)
    return facts


def timed(calls):
    """Seconds of one call, run in turn inside a CUDA graph, so that launches cost what they cost in a replay."""
    for call in calls:
        call()
    torch.cuda.synchronize()
    n = max(REPETITIONS, len(calls))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for i in range(n):
            calls[i % len(calls)]()
    times = []
    for _ in range(ROUNDS):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) * 1e-3 / n)
    return statistics.median(times)


def copies(n_bytes):
    return max(1, min(MOST_COPIES, int(COLD_BYTES // max(n_bytes, 1))))


class TorchBackend:
    """Measures one row; None where the device or PyTorch lacks the kernel."""

    def dtypes(self):
        return ["bf16"] + (["fp8"] if torch.cuda.get_device_capability(0) >= (8, 9) else [])

    def launch_overhead(self):
        """Seconds in which the CPU launches a small kernel outside a graph."""
        x = torch.zeros(1, device="cuda")
        for _ in range(100):
            x.add_(1)
        torch.cuda.synchronize()
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(1000):
            x.add_(1)
        end.record()
        torch.cuda.synchronize()
        return begin.elapsed_time(end) * 1e-6

    def seconds(self, row):
        try:
            return getattr(self, row["operation"])(row)
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
            return None

    def memory(self, row):
        half = row["bytes"] // 2
        pairs = [(torch.empty(half, dtype=torch.uint8, device="cuda"), torch.empty(half, dtype=torch.uint8, device="cuda"))
                 for _ in range(copies(row["bytes"]))]
        return timed([lambda a=a, b=b: b.copy_(a) for a, b in pairs])

    def gemm(self, row):
        m, n, k = row["m"], row["n"], row["k"]
        if row["dtype"] == "fp8":
            return self.fp8_gemm(m, n, k)
        dtype = DTYPES[row["dtype"]]
        x = torch.randn(m, k, device="cuda", dtype=dtype)
        weights = [torch.randn(n, k, device="cuda", dtype=dtype) for _ in range(copies(2 * n * k))]
        return timed([lambda w=w: functional.linear(x, w) for w in weights])

    def fp8_gemm(self, m, n, k):
        one = torch.ones((), device="cuda")
        x = torch.randn(m, k, device="cuda").to(torch.float8_e4m3fn)
        weights = [torch.randn(n, k, device="cuda").to(torch.float8_e4m3fn) for _ in range(copies(n * k))]
        try:
            return timed([lambda w=w: torch._scaled_mm(x, w.t(), scale_a=one, scale_b=one, out_dtype=torch.bfloat16)
                          for w in weights])
        except RuntimeError:  # sizes that it refuses
            return None

    def heads(self, row, n_tokens, n_heads):
        return torch.randn(row["sequences"], n_heads, n_tokens, row["head_dim"], device="cuda", dtype=torch.bfloat16)

    def attend(self, row, n_query, causal):
        q = self.heads(row, n_query, row["heads"])
        kv_bytes = 4 * row["sequences"] * row["tokens"] * row["kv_heads"] * row["head_dim"]
        caches = [(self.heads(row, row["tokens"], row["kv_heads"]), self.heads(row, row["tokens"], row["kv_heads"]))
                  for _ in range(copies(kv_bytes))]
        grouped = row["heads"] != row["kv_heads"]
        return timed([lambda k=k, v=v: functional.scaled_dot_product_attention(
            q, k, v, is_causal=causal, enable_gqa=grouped) for k, v in caches])

    def prefill(self, row):
        return self.attend(row, row["tokens"], True)

    def decode(self, row):
        return self.attend(row, 1, False)


def collective_call(operation, n_bytes, rank, ranks):
    import torch.distributed as dist

    n = n_bytes // 2
    x = torch.zeros(n, device="cuda", dtype=torch.bfloat16)
    part = torch.zeros(n // ranks, device="cuda", dtype=torch.bfloat16)
    if operation == "all_reduce":
        return lambda: dist.all_reduce(x)
    if operation == "all_gather":
        return lambda: dist.all_gather_into_tensor(x, part)
    if operation == "reduce_scatter":
        return lambda: dist.reduce_scatter_tensor(part, x)
    if operation == "all_to_all":
        other = torch.empty_like(x)
        return lambda: dist.all_to_all_single(other, x)
    return (lambda: dist.send(x, 1)) if rank == 0 else (lambda: dist.recv(x, 0))


def worker(rank, ranks, rows, queue):
    import torch.distributed as dist

    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29511")
    torch.cuda.set_device(rank)
    dist.init_process_group("nccl", rank=rank, world_size=ranks)
    for row in rows:
        call = collective_call(row["operation"], row["bytes"], rank, ranks)
        for _ in range(5):
            call()
        torch.cuda.synchronize()
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(REPETITIONS):
            call()
        end.record()
        torch.cuda.synchronize()
        if rank == 0:
            queue.put({**row, "seconds": begin.elapsed_time(end) * 1e-3 / REPETITIONS})
    dist.destroy_process_group()


def measure_collectives(rows):
    """One process for each GPU and number of ranks."""
    import torch.multiprocessing as processes

    context, measured = processes.get_context("spawn"), []
    for ranks in sorted({row["ranks"] for row in rows}):
        part = [row for row in rows if row["ranks"] == ranks]
        queue = context.Queue()
        group = processes.spawn(worker, args=(ranks, part, queue), nprocs=ranks, join=False)
        measured += [queue.get() for _ in part]
        group.join()
    return measured
